//! The settings: flags before environment before `purser.toml` before defaults.

mod secret;
mod sources;

pub use secret::Secret;
pub use sources::{Flags, SETTINGS, Setting, load};

use crate::platform::{clock::Clock, fault::FaultPlan};
use serde::Deserialize;
use std::time::Duration;

/// Whether `key` of Stripe's is one of live mode.
#[must_use]
pub fn is_live(key: &str) -> bool {
    ["sk_live_", "rk_live_"].iter().any(|kind| key.trim().starts_with(kind))
}

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `sqlite:PATH` or `postgres://…`; a secret, since it may hold a password.
    pub database_url: Secret,
    /// Where the server listens.
    pub listen: String,
    /// How the outside reaches it; see [`Config::public_url`].
    pub public_url: Option<String>,
    /// An admin key accepted from the start; at least 32 characters.
    pub bootstrap_key: Option<Secret>,
    /// Signs links and cookies; at least 32 characters.
    pub secret: Option<Secret>,
    /// What outside schedulers send; at least 16 characters.
    pub cron_secret: Option<Secret>,
    /// Where the signed heads of the ledger are written daily; only with `secret`.
    pub heads_dir: String,
    /// Stripe's key: its first letters say whether it is a live one. The demo refuses to start beside a live one.
    pub stripe_secret_key: Option<Secret>,
    /// What Stripe signs webhooks with: the secrets of its endpoints, with commas between them.
    pub stripe_webhook_secret: Option<Secret>,
    /// How many days what a webhook said is kept: 1–36,500.
    pub webhook_payload_days: u64,
    /// How many days a customer whose payment failed keeps access: 0–365.
    pub grace_days: u16,
    /// Where Stripe is; without TLS only on this machine.
    pub stripe_api_base: String,
    /// Where `/metrics` has a listener of its own; without one it stands beside the API and needs a key.
    pub metrics_listen: Option<String>,
    /// The OpenTelemetry collector that gets traces by OTLP over HTTP: `http://HOST:4318`; without one there are none.
    pub otlp_endpoint: Option<String>,
    /// Threads that answer requests; 0 for as many as there are processors.
    pub threads: usize,
    /// How long a request may take, in seconds: 1–600.
    pub request_seconds: u64,
    /// How long a stop waits for requests in hand, in seconds.
    pub grace_seconds: u64,
    /// Whether a write for a customer nobody created makes it.
    pub create_unknown_customers: bool,
    /// Whether the first start puts the default price book in.
    pub default_price_book: bool,
    /// How many days an idempotency key is remembered; at least 35.
    pub idempotency_days: u64,
    /// Most requests a minute by one key.
    pub requests_per_key: u32,
    /// Most requests a minute from one address without a key that counts.
    pub requests_per_address: u32,
    /// Most billing pages a minute of one customer.
    pub pages_per_customer: u32,
    /// Most pages of a SQLite file; 0 for no limit.
    pub sqlite_max_pages: u32,
    /// Threads and connections for reads.
    pub readers: usize,
    /// Threads and connections for writes on PostgreSQL.
    pub writers: usize,
    /// Lanes of the hot path on PostgreSQL.
    pub lanes: usize,
    /// Most items in one batch of the hot path.
    pub batch: usize,
    /// Most units waiting before a new one is refused.
    pub queue: usize,
    /// Milliseconds this node's clock is moved by: only for tests of nodes whose clocks differ.
    pub test_clock_offset_ms: i64,
    /// `point:n`, where this process is to crash: only for tests of what a crash leaves.
    pub test_crash_at: Option<String>,
    /// What is logged: `info`, `debug`, or a filter such as `purser=debug,hyper=warn`; unless set, see [`Config::log`].
    pub log: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database_url: Secret::new("sqlite:purser-data/purser.db"),
            listen: "127.0.0.1:8080".to_owned(),
            public_url: None,
            bootstrap_key: None,
            secret: None,
            cron_secret: None,
            heads_dir: "purser-data/heads".to_owned(),
            stripe_secret_key: None,
            stripe_webhook_secret: None,
            webhook_payload_days: 400,
            grace_days: 3,
            stripe_api_base: "https://api.stripe.com".to_owned(),
            metrics_listen: None,
            otlp_endpoint: None,
            threads: 0,
            request_seconds: 30,
            grace_seconds: 25,
            create_unknown_customers: true,
            default_price_book: true,
            idempotency_days: 35,
            requests_per_key: 6_000_000,
            requests_per_address: 600,
            pages_per_customer: 60,
            sqlite_max_pages: 0,
            readers: 4,
            writers: 4,
            lanes: 2,
            batch: 512,
            queue: 8192,
            test_clock_offset_ms: 0,
            test_crash_at: None,
            log: None,
        }
    }
}

impl Config {
    /// How the outside reaches the server, without a slash at the end.
    #[must_use]
    pub fn public_url(&self) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.listen),
        }
    }

    /// What is logged: what was set, else `warn` if it is to be `quiet`, and `info` if not.
    #[must_use]
    pub fn log(&self, quiet: bool) -> &str {
        self.log.as_deref().unwrap_or(if quiet { "warn" } else { "info" })
    }

    /// How long a request may take.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_seconds)
    }

    /// The clock of this node.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        Clock::System { offset: self.test_clock_offset_ms.saturating_mul(1000) }
    }

    /// Whether Stripe's key is one of live mode; not known without a key.
    #[must_use]
    pub fn stripe_is_live(&self) -> Option<bool> {
        self.stripe_secret_key.as_ref().map(|key| is_live(key.reveal()))
    }

    /// What Stripe may have signed a webhook with.
    #[must_use]
    pub fn webhook_secrets(&self) -> Vec<purser_stripe::Secret> {
        let all = self.stripe_webhook_secret.as_ref().map_or("", Secret::reveal);
        all.split(',').filter_map(purser_stripe::Secret::new).collect()
    }

    /// What is to fail in this process: nothing, but in tests.
    ///
    /// # Errors
    /// In words, when no such point is known.
    pub fn fault_plan(&self) -> Result<FaultPlan, String> {
        self.test_crash_at.as_deref().map_or_else(|| Ok(FaultPlan::default()), FaultPlan::crash_at)
    }

    /// What is wrong with the settings, each in a sentence that says what to do.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut short = |name: &str, secret: &Option<Secret>, least: usize| {
            if secret.as_ref().is_some_and(|secret| secret.reveal().chars().count() < least) {
                faults.push(format!("{name} is shorter than {least} characters. Make a longer one."));
            }
        };
        short("PURSER_BOOTSTRAP_KEY", &self.bootstrap_key, 32);
        short("PURSER_SECRET", &self.secret, 32);
        short("CRON_SECRET", &self.cron_secret, 16);
        let url = self.database_url.reveal();
        if !["sqlite:", "postgres://", "postgresql://"].iter().any(|start| url.starts_with(start)) {
            faults.push("PURSER_DATABASE_URL begins with neither sqlite: nor postgres://. Give sqlite:PATH or a PostgreSQL URL.".into());
        }
        if !(1..=600).contains(&self.request_seconds) {
            faults.push("PURSER_REQUEST_SECONDS must be 1 to 600.".into());
        }
        for (name, url) in
            [("PURSER_PUBLIC_URL", &self.public_url), ("OTEL_EXPORTER_OTLP_ENDPOINT", &self.otlp_endpoint)]
        {
            if let Some(url) = url.as_ref().filter(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
                faults.push(format!("{name} is {url}; it must begin with http:// or https://."));
            }
        }
        if let Err(why) = purser_stripe::check_base(&self.stripe_api_base) {
            faults.push(format!("STRIPE_API_BASE: {why}."));
        }
        for (name, value) in [
            ("PURSER_READERS", self.readers),
            ("PURSER_WRITERS", self.writers),
            ("PURSER_LANES", self.lanes),
            ("PURSER_BATCH", self.batch),
            ("PURSER_QUEUE", self.queue),
        ] {
            if value == 0 {
                faults.push(format!("{name} must be at least 1."));
            }
        }
        let blank = |secrets: &Secret| secrets.reveal().split(',').any(|secret| secret.trim().is_empty());
        if self.stripe_webhook_secret.as_ref().is_some_and(blank) {
            let fault = "STRIPE_WEBHOOK_SECRET has a blank between its commas. Give one secret for each endpoint.";
            faults.push(fault.into());
        }
        if !(1..=36_500).contains(&self.webhook_payload_days) {
            faults.push("PURSER_WEBHOOK_PAYLOAD_DAYS must be 1 to 36500.".into());
        }
        if self.grace_days > 365 {
            faults.push("PURSER_GRACE_DAYS must be 0 to 365.".into());
        }
        if !(35..=36_500).contains(&self.idempotency_days) {
            faults.push("PURSER_IDEMPOTENCY_DAYS must be 35 to 36500.".into());
        }
        if let Err(fault) = self.fault_plan() {
            faults.push(format!("PURSER_CRASH_AT: {fault}. It is only for tests: leave it out."));
        }
        for (name, most) in [
            ("PURSER_REQUESTS_PER_KEY", self.requests_per_key),
            ("PURSER_REQUESTS_PER_ADDRESS", self.requests_per_address),
            ("PURSER_PAGES_PER_CUSTOMER", self.pages_per_customer),
        ] {
            if most == 0 {
                faults.push(format!("{name} must be at least 1."));
            }
        }
        faults
    }
}
