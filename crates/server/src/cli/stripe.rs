//! `purser stripe`: the events that came, acting on them again, and the sync of an account, straight on the database.

mod sync;

use crate::{
    config::Config,
    features::inbox::{self, EventFilter, State, StoredEvent},
    platform::{App, auth::Actor, error::Error},
    say::say,
};
use clap::{Subcommand, ValueEnum};
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use purser_rules::credit::CauseKind;
use std::process::ExitCode;

/// What is done about Stripe.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The events that came.
    Events {
        #[command(subcommand)]
        command: Events,
    },
    /// Mirrors the account: prices, customers, subscriptions, invoices. It may be ended and run again.
    Sync(sync::Account),
}

/// What is done with events.
#[derive(Debug, Subcommand)]
pub(super) enum Events {
    /// Shows events, the last first.
    List {
        /// Only events in this state.
        #[arg(long, value_enum)]
        state: Option<StateName>,
        /// Only events of this type, such as invoice.paid.
        #[arg(long)]
        kind: Option<String>,
        /// Only events about the object with this id.
        #[arg(long)]
        object: Option<String>,
        /// How many to show at most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
    },
    /// Has events acted on again: those named, or those that are dead.
    Replay {
        /// All that are dead.
        #[arg(long, required_unless_present = "ids", conflicts_with = "ids")]
        dead: bool,
        /// Of the dead only those of this type.
        #[arg(long, requires = "dead")]
        kind: Option<String>,
        /// The events' ids: evt_…
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
}

/// A state on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum StateName {
    /// To be acted on.
    Waiting,
    /// Acted on.
    Done,
    /// Nothing acts on its type.
    Ignored,
    /// Tried too often.
    Dead,
}

impl From<StateName> for State {
    fn from(name: StateName) -> Self {
        match name {
            StateName::Waiting => Self::Waiting,
            StateName::Done => Self::Done,
            StateName::Ignored => Self::Ignored,
            StateName::Dead => Self::Dead,
        }
    }
}

/// Runs `command`.
pub(super) async fn run(config: Config, command: Command) -> Result<ExitCode, String> {
    match command {
        Command::Events { command } => events(config, command).await,
        Command::Sync(asked) => sync::run(config, asked).await,
    }
}

/// Does what is asked about events.
async fn events(config: Config, command: Events) -> Result<ExitCode, String> {
    let app = super::open(config).await?;
    match command {
        Events::List { state, kind, object, limit } => {
            let filter = EventFilter { state: state.map(Into::into), kind, object, ..EventFilter::default() };
            let read = app.db().read(move |tx| inbox::list_events(tx, &filter, i64::from(limit))).await;
            say(table(&read.map_err(|error: Error| error.message)?));
        }
        Events::Replay { dead: true, kind, .. } => replay_dead(&app, kind).await?,
        Events::Replay { ids, .. } => replay(&app, ids).await?,
    }
    app.db().close().await;
    Ok(ExitCode::SUCCESS)
}

/// Who does it.
fn actor() -> Actor {
    Actor { kind: CauseKind::Operator, id: "command-line".to_owned(), request: None }
}

/// Has each of `ids` acted on again.
async fn replay(app: &App, ids: Vec<String>) -> Result<(), String> {
    for id in ids {
        let (random, actor) = (app.random().clone(), actor());
        let done = app.db().write(move |tx| inbox::replay_event(tx, &random, &actor, &id)).await;
        let event = done.map_err(|error: Error| error.message)?;
        say(format_args!("{} waits to be acted on: {}.", event.id, event.kind));
    }
    Ok(())
}

/// Has all dead events acted on again, of `kind` if one is given.
async fn replay_dead(app: &App, kind: Option<String>) -> Result<(), String> {
    let mut events = 0;
    loop {
        let (random, actor) = (app.random().clone(), actor());
        let filter = EventFilter { kind: kind.clone(), ..EventFilter::default() };
        let done = app.db().write(move |tx| inbox::replay_many(tx, &random, &actor, &filter)).await;
        let done = done.map_err(|error| Error::from(error).message)?;
        events += done.events;
        if !done.more {
            break;
        }
    }
    say(format_args!("Dead events that wait to be acted on: {events}."));
    Ok(())
}

/// Events as people read them.
fn table(events: &[StoredEvent]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    table.set_header(["id", "type", "object", "came", "state", "tries", "last error"]);
    for event in events {
        table.add_row([
            event.id.clone(),
            event.kind.clone(),
            event.object_id.clone().unwrap_or_else(|| "–".to_owned()),
            event.received_at.to_string(),
            event.state.as_str().to_owned(),
            event.attempts.to_string(),
            event.last_error.clone().unwrap_or_else(|| "–".to_owned()),
        ]);
    }
    table
}
