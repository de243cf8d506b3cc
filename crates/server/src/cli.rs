//! The command line: reads what is asked, reads the settings, and runs one command.

mod bench;
mod demo;
mod doctor;
mod keys;
mod sandbox;
mod serve;
mod stripe;
mod verify;

use crate::{
    app,
    config::{self, Config, Flags},
    platform::{self, App, clock::Clock, ids::Random, log},
    say::{say, tell},
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use purser_stripe::Limits;
use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

/// Billing beside Stripe: exact credits, spent in real time. Without a command it starts the demo.
#[derive(Debug, Parser)]
#[command(name = "purser", version, about, max_term_width = 100)]
struct Line {
    #[command(subcommand)]
    command: Option<Command>,
    /// The settings' file; `purser.toml` if there is one, unless given.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The database: sqlite:PATH or postgres://…
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything on this machine with nothing to set up: server, Stripe sandbox, sample customers, and what to click.
    Demo(Listen),
    /// The server: API and work in the background.
    Serve(Serve),
    /// Brings the database's tables up to date.
    Migrate,
    /// Says in words whether settings and database are as they must be.
    Doctor,
    /// Proves the ledger: every balance, every chain. Exit code 1 and the wallets named where it is not right.
    Verify,
    /// Load on a running server, or in process on a database of its own: how many a second, how long each waits.
    Bench(Box<bench::Bench>),
    /// A Stripe on this machine: to be called, clicked through, and moved in time. No money moves.
    Sandbox(sandbox::Sandbox),
    /// API keys.
    Keys {
        #[command(subcommand)]
        command: keys::Command,
    },
    /// What Stripe sends: the events that came, acting on them again, and the sync of an account.
    Stripe {
        #[command(subcommand)]
        command: stripe::Command,
    },
    /// Prints the OpenAPI document.
    #[command(hide = true)]
    Openapi,
}

#[derive(Args, Clone, Debug, Default)]
struct Listen {
    /// Address and port to listen at.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

#[derive(Args, Debug)]
struct Serve {
    #[command(flatten)]
    listen: Listen,
    /// What this node does: answer requests, work in the background, or both.
    #[arg(long, value_enum, default_value_t = Role::All)]
    role: Role,
}

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Both.
    All,
    /// Answers requests.
    Web,
    /// Works in the background.
    Worker,
}

/// Runs what the command line asks for.
#[must_use]
pub fn run() -> ExitCode {
    let line = Line::parse();
    match started(line) {
        Ok(code) => code,
        Err(fault) => {
            tell(format_args!("purser: {fault}"));
            ExitCode::FAILURE
        }
    }
}

/// Reads the settings and runs the command.
fn started(line: Line) -> Result<ExitCode, String> {
    let listen = match &line.command {
        Some(Command::Demo(listen)) => listen.listen.clone(),
        Some(Command::Serve(serve)) => serve.listen.listen.clone(),
        _ => None,
    };
    let named = line.database.is_some();
    let flags = Flags { listen, database: line.database };
    if let Some(file) = line.config.as_deref().filter(|file| !file.exists()) {
        return Err(format!("There is no file {}. Give --config the settings' file.", file.display()));
    }
    let file = line.config.unwrap_or_else(|| PathBuf::from("purser.toml"));
    let environment = environment();
    let mut config = config::load(&file, &environment, &flags)?;
    if let Some(Command::Openapi) = line.command {
        say(app::document(&Config::default()).to_pretty_json().map_err(|error| error.to_string())?);
        return Ok(ExitCode::SUCCESS);
    }
    if !matches!(line.command, Some(Command::Doctor))
        && let Some(fault) = config.faults().into_iter().next()
    {
        return Err(fault);
    }
    // What the demo says to click must not go by in a line for each request.
    let quiet = matches!(line.command, None | Some(Command::Demo(_)));
    let _written_at_the_end = log::start(config.log(quiet))?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    match (config.threads, &line.command) {
        // One thread makes more load than a machine of a few processors can answer, and leaves it the others.
        (0, Some(Command::Bench(_))) => drop(runtime.worker_threads(1)),
        (0, _) => {}
        (threads, _) => drop(runtime.worker_threads(threads)),
    }
    let runtime = runtime.enable_all().build().map_err(|error| format!("The threads cannot be started: {error}."))?;
    runtime.block_on(async {
        match line.command.unwrap_or(Command::Demo(Listen::default())) {
            Command::Demo(_) => demo::run(&mut config).await,
            Command::Serve(serve) => serve::run(config, serve.role).await,
            Command::Migrate => migrate(&config).await,
            Command::Doctor => doctor::run(&config).await,
            Command::Verify => verify::run(config).await,
            Command::Bench(bench) => bench::run(*bench, config, named, &environment).await,
            Command::Sandbox(asked) => sandbox::run(asked).await,
            Command::Keys { command } => keys::run(config, command).await,
            Command::Stripe { command } => stripe::run(config, command).await,
            Command::Openapi => Ok(ExitCode::SUCCESS),
        }
    })
}

/// The environment, as far as it is text.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The app over the configured database, its tables brought up to date.
async fn open(config: Config) -> Result<App, String> {
    open_within(config, Limits::default()).await
}

/// The same, which asks Stripe within `limits`.
async fn open_within(config: Config, limits: Limits) -> Result<App, String> {
    let clock = config.clock();
    open_at(config, clock, limits).await
}

/// The same, on this clock.
async fn open_at(config: Config, clock: Clock, limits: Limits) -> Result<App, String> {
    let random = Random::secure();
    let client = platform::stripe::client(&config, &random, limits)?;
    let db = app::open_db(&config, clock.clone())?;
    db.migrate().await.map_err(|error| app::sentence(&config, &error))?;
    Ok(app::build_with(db, clock, random, config, client))
}

/// Brings the tables up to date and says what was done.
async fn migrate(config: &Config) -> Result<ExitCode, String> {
    let db = app::open_db(config, config.clock())?;
    let done = db.migrate().await.map_err(|error| app::sentence(config, &error))?;
    if done.is_empty() {
        say("The tables are up to date.");
    }
    for name in done {
        say(format_args!("Applied {name}."));
    }
    db.close().await;
    Ok(ExitCode::SUCCESS)
}
