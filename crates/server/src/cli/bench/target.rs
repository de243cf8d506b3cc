//! What is benched: a database in this process, or servers that run.

use super::{
    args::{Bench, Run},
    door::Door,
    draw::{Draw, Keys},
    events::Events,
    http::{Link, Server},
    process::{self, Process},
};
use crate::{
    config::{Config, Secret},
    platform::{App, clock::Clock, ids::Random},
};

/// The name of the variable with the admin key of the servers.
const KEY: &str = "PURSER_BENCH_KEY";
/// The name of the variable with what the servers take events by.
const WEBHOOK_SECRET: &str = "PURSER_BENCH_WEBHOOK_SECRET";

/// What is benched, and what every caller of it needs.
pub(super) struct Target {
    way: Way,
    /// `sqlite`, `postgres`, or `unknown`.
    pub(super) database: &'static str,
    /// When it is, for keys.
    clock: Clock,
    /// Unlike in every other run, so that keys are.
    nonce: u64,
    /// What events are signed with.
    signs: Option<purser_stripe::Secret>,
}

enum Way {
    Process(App),
    Http(Vec<Server>),
}

impl Target {
    /// Opens it. `named` says whether the command line names the database: one that stands in the settings only is
    /// left alone.
    pub(super) async fn open(
        bench: &Bench,
        config: Config,
        named: bool,
        (key, signs): (Option<Secret>, Option<Secret>),
    ) -> Result<Self, String> {
        let signs = signs.and_then(|secret| purser_stripe::Secret::new(secret.reveal()));
        if bench.run == Run::Webhooks && (bench.url.is_empty() || signs.is_none()) {
            return Err(format!(
                "Events are sent to a server: give --url, and {WEBHOOK_SECRET}, one of its STRIPE_WEBHOOK_SECRET."
            ));
        }
        let url = config.database_url.reveal();
        let postgres = url.starts_with("postgres");
        let database = match (named, postgres) {
            (false, _) => "unknown",
            (true, false) => "sqlite",
            (true, true) => "postgres",
        };
        let clock = config.clock();
        let number = Random::secure().number().to_be_bytes();
        let nonce = number.iter().fold(0_u64, |nonce, byte| nonce.rotate_left(8) ^ u64::from(*byte));
        let way = if bench.url.is_empty() {
            if !named {
                return Err("Say with --database where to bench: an empty SQLite file such as sqlite:bench.db, or an \
                            empty PostgreSQL database. The one in the settings is not touched."
                    .to_owned());
            }
            Way::Process(process::open(config).await?)
        } else {
            let key = key.ok_or_else(|| format!("{KEY} is not set. Put an admin key of the server into it."))?;
            Way::Http(bench.url.iter().map(|url| Server::new(url, &key)).collect::<Result<_, _>>()?)
        };
        Ok(Self { way, database, clock, nonce, signs })
    }

    /// A way of its own for caller `n`.
    pub(super) fn door(&self, n: u64) -> Door {
        match &self.way {
            Way::Process(app) => Door::Process(Process::new(app.clone())),
            Way::Http(servers) => {
                let at = usize::try_from(n).unwrap_or(0) % servers.len();
                Door::Http(Box::new(Link::new(servers[at].clone())))
            }
        }
    }

    /// The app, if it is benched in process.
    pub(super) const fn app(&self) -> Option<&App> {
        match &self.way {
            Way::Process(app) => Some(app),
            Way::Http(_) => None,
        }
    }

    /// `process` or `http`.
    pub(super) const fn place(&self) -> &'static str {
        match self.way {
            Way::Process(_) => "process",
            Way::Http(_) => "http",
        }
    }

    /// The idempotency keys of caller `n`.
    pub(super) fn keys(&self, bench: &Bench, n: u64) -> Keys {
        Keys::new(bench.keys, self.clock.clone(), Draw::new(self.nonce, n))
    }

    /// The events of caller `n`, if there is something to sign them with.
    pub(super) fn events(&self, bench: &Bench, n: u64) -> Option<Events> {
        let secret = self.signs.clone()?;
        Some(Events::new(secret, self.clock.clone(), (self.nonce, n), bench.customers()))
    }

    /// Tells this run's customers from those of others.
    pub(super) const fn nonce(&self) -> u64 {
        self.nonce
    }

    /// Ends what was opened.
    pub(super) async fn close(&self) {
        if let Way::Process(app) = &self.way {
            app.db().close().await;
        }
    }
}

/// The admin key of the servers, if it is set.
pub(super) fn key(environment: &std::collections::BTreeMap<String, String>) -> Option<Secret> {
    environment.get(KEY).filter(|key| !key.is_empty()).map(Secret::new)
}

/// What the servers take events by, if it is set.
pub(super) fn webhook_secret(environment: &std::collections::BTreeMap<String, String>) -> Option<Secret> {
    environment.get(WEBHOOK_SECRET).filter(|secret| !secret.is_empty()).map(Secret::new)
}
