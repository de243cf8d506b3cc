//! What every handler and job is given: the database, the clock, random numbers and the settings.

use super::{
    auth::KeyLookups,
    clock::Clock,
    db::{Db, Lane},
    http::Limits,
    ids::Random,
    traces::Traces,
    uses::Uses,
};
use crate::config::Config;
use sha2::{Digest, Sha256};
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Arc, OnceLock},
};

/// One running Purser. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Clock,
    random: Random,
    config: Config,
    bootstrap: Option<[u8; 32]>,
    keys: Lane<KeyLookups>,
    limits: Limits,
    uses: Uses,
    traces: OnceLock<Traces>,
    parts: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("App")
    }
}

impl App {
    /// An app of these; the features' own parts are put in with [`Parts`].
    #[must_use]
    pub fn new(db: Db, clock: Clock, random: Random, config: Config, parts: Parts) -> Self {
        let bootstrap = config.bootstrap_key.as_ref().map(|key| Sha256::digest(key.reveal()).into());
        let (keys, limits, uses) = (db.read_lane(KeyLookups), Limits::new(&config), Uses::default());
        let traces = OnceLock::new();
        Self(Arc::new(Inner { db, clock, random, config, bootstrap, keys, limits, uses, traces, parts: parts.0 }))
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Random numbers.
    #[must_use]
    pub fn random(&self) -> &Random {
        &self.0.random
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The SHA-256 of the bootstrap key, if there is one.
    #[must_use]
    pub fn bootstrap_hash(&self) -> Option<&[u8; 32]> {
        self.0.bootstrap.as_ref()
    }

    /// Where the keys of requests are looked up.
    #[must_use]
    pub fn keys(&self) -> &Lane<KeyLookups> {
        &self.0.keys
    }

    /// How much may be asked.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// When keys were last used.
    #[must_use]
    pub fn uses(&self) -> &Uses {
        &self.0.uses
    }

    /// What makes traces; none unless they are on.
    #[must_use]
    pub fn traces(&self) -> Option<&Traces> {
        self.0.traces.get()
    }

    /// Turns traces on if a collector is configured. Call it in the runtime.
    ///
    /// # Errors
    /// Which setting is wrong.
    pub fn start_traces(&self) -> Result<(), String> {
        if let Some(endpoint) = &self.0.config.otlp_endpoint {
            let _started_already = self.0.traces.set(Traces::start(endpoint)?);
        }
        Ok(())
    }

    /// What a feature put in at start: a lane of the hot path, a cache.
    ///
    /// # Panics
    /// When nothing of this type was put in: `app.rs` forgot it.
    #[must_use]
    pub fn part<T: Any + Send + Sync>(&self) -> &T {
        self.0
            .parts
            .get(&TypeId::of::<T>())
            .and_then(|part| part.downcast_ref())
            .unwrap_or_else(|| panic!("{} is not among the app's parts", std::any::type_name::<T>()))
    }
}

/// What features keep for the life of the app, by type; the platform does not know them.
#[derive(Default)]
pub struct Parts(HashMap<TypeId, Box<dyn Any + Send + Sync>>);

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Parts({})", self.0.len())
    }
}

impl Parts {
    /// The same, with `part`.
    #[must_use]
    pub fn with<T: Any + Send + Sync>(mut self, part: T) -> Self {
        self.0.insert(TypeId::of::<T>(), Box::new(part));
        self
    }
}
