//! `purser stripe sync`: mirrors an account, shows how far it is, and says what became of it all.

use crate::{
    app,
    cli::{bench::progress::shown, open_within},
    config::Config,
    features::sync::{self, Asked, Kind, Naming, Synced, Tally},
    say::say,
};
use clap::Args;
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use purser_stripe::Limits;
use std::{cell::RefCell, num::NonZeroU32, process::ExitCode};

/// How an account is mirrored.
#[derive(Args, Debug)]
pub(in crate::cli) struct Account {
    /// Only say what it would do.
    #[arg(long)]
    dry_run: bool,
    /// Begin anew, not where a run before was ended.
    #[arg(long)]
    restart: bool,
    /// Requests to Stripe in a second. A server that works beside it has its own.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    rate: u32,
    /// Customers whom nobody says to be get one of ours, named like their id at Stripe.
    #[arg(long, conflicts_with = "name_by_metadata")]
    name_by_stripe_id: bool,
    /// Customers whom nobody says to be get the one of ours that this key of their metadata names.
    #[arg(long, value_name = "KEY")]
    name_by_metadata: Option<String>,
}

/// Mirrors the account; exit code 1 when something could not be put down.
pub(super) async fn run(config: Config, account: Account) -> Result<ExitCode, String> {
    let per_second = NonZeroU32::new(account.rate).unwrap_or(NonZeroU32::MIN);
    let app = open_within(config, Limits { per_second, ..Limits::default() }).await?;
    if !account.dry_run {
        // What every server begins with, before the first plan of the account.
        app::install_price_book(&app).await;
    }
    let naming = match account.name_by_metadata {
        Some(key) => Naming::Metadata(key),
        None if account.name_by_stripe_id => Naming::StripeId,
        None => Naming::Known,
    };
    let asked = Asked { dry_run: account.dry_run, restart: account.restart, naming, ..Asked::default() };
    let line = RefCell::new("Stripe is asked.".to_owned());
    let progress = |kind: Kind, tally: &Tally| {
        let Tally { read, new, changed, failed, .. } = tally;
        let kind = kind.as_str();
        *line.borrow_mut() = format!("{kind}: {read} read, {new} new, {changed} changed, {failed} failed");
    };
    let done = shown(|| line.borrow().clone(), sync::run(&app, asked, &progress)).await;
    app.db().close().await;
    let done = done.map_err(|error| {
        format!("{} What was put down until then stays. Run it again, and it goes on there.", error.message)
    })?;
    print(&done, account.dry_run);
    let failed = done.kinds.iter().any(|(_, tally)| tally.failed > 0);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Says what became of it all, and what a person must do.
fn print(done: &Synced, dry_run: bool) {
    if dry_run {
        say("Nothing was written. This is what would be done:");
    }
    if done.resumed {
        say("This run went on where the one before was ended; both are counted.");
    }
    say(table(done));
    for (kind, tally) in &done.kinds {
        if tally.notes.is_empty() {
            continue;
        }
        say(format_args!("{} to look at:", kind.as_str()));
        for note in &tally.notes {
            say(format_args!("  {}: {}", note.id, note.why));
        }
        let named = u64::try_from(tally.notes.len()).unwrap_or(u64::MAX);
        let more = (tally.unmapped + tally.failed).saturating_sub(named);
        if more > 0 {
            say(format_args!("  and {more} more"));
        }
    }
    let of = |kind: Kind| done.kinds.iter().find(|(one, _)| *one == kind).map(|(_, tally)| tally);
    if of(Kind::Prices).is_some_and(|prices| prices.unmapped > 0) {
        say("Prices without a plan or pack: give them to one by the API, or add metadata at Stripe and sync again.");
    }
    if of(Kind::Customers).is_some_and(|customers| customers.nobodys > 0) {
        say("Customers of nobody: set stripe_customer_id of yours, or sync again with --name-by-stripe-id or \
             --name-by-metadata KEY. What is theirs is kept, and bound to them then.");
    }
}

/// The counts as people read them.
fn table(done: &Synced) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    table.set_header(["", "read", "new", "changed", "unchanged", "unmapped", "of nobody", "failed"]);
    for (kind, tally) in &done.kinds {
        let counts =
            [tally.read, tally.new, tally.changed, tally.unchanged, tally.unmapped, tally.nobodys, tally.failed];
        table.add_row(std::iter::once(kind.as_str().to_owned()).chain(counts.iter().map(u64::to_string)));
    }
    table
}
