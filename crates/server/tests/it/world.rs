//! A whole Purser in this process: a temporary database of either kind, a clock that stands, seeded ids.

use super::databases::{self, Template};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, header},
};
use purser::{
    app,
    config::{Config, Secret},
    platform::{
        App,
        clock::Clock,
        db::{Db, DbConfig},
        fault::FaultPlan,
        ids::Random,
        stripe,
    },
};
use purser_rules::Time;
use purser_stripe::{Client, Limits};
use serde_json::Value;
use std::{num::NonZeroU32, time::Duration};
use tower::ServiceExt;

/// The admin key of every world.
pub const ADMIN: &str = "admin-key-of-the-tests-0123456789abcdef";
/// The cron secret of every world.
pub const CRON: &str = "cron-secret-of-the-tests-0123456789";

/// The kinds of database.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// Both, to run a test on each.
pub const BOTH: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

/// One running app, asked as over HTTP.
pub struct World {
    pub app: App,
    pub clock: Clock,
    router: Router,
    _folder: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {:?}", self.text))
    }

    /// The error's code, and what it is about.
    pub fn error(&self) -> (String, Option<String>) {
        let error = &self.json()["error"];
        (error["code"].as_str().unwrap().to_owned(), error["param"].as_str().map(str::to_owned))
    }
}

/// A clock that stands at 2026-11-21T04:00:00Z until a test moves it. It is not compared with PostgreSQL's: see
/// [`Clock::is_moved`].
pub fn clock() -> Clock {
    Clock::manual(Time::from_micros(1_795_233_600_000_000))
}

/// A client of the sandbox that the settings name; nobody else is ever asked.
fn client(config: &Config, random: &Random) -> Option<Client> {
    if !config.stripe_api_base.starts_with("http://127.0.0.1:") {
        return None;
    }
    let limits = Limits {
        total: Duration::from_secs(5),
        first_pause: Duration::from_millis(10),
        breaker_failures: 1000,
        per_second: NonZeroU32::new(100_000).unwrap(),
        ..Limits::default()
    };
    stripe::client(config, random, limits).unwrap()
}

/// The database of this URL for a process in which `faults` happen. Many begin one after the other, and what they do at a
/// time is little, so they connect but a few times.
fn reopened(url: &str, faults: FaultPlan, clock: &Clock) -> Db {
    let settings = DbConfig { url: url.to_owned(), faults, readers: 2, writers: 2, lanes: 1, ..DbConfig::default() };
    Db::open(settings, clock.clone()).unwrap()
}

/// What a world left: others begin from it.
pub struct Kept {
    template: Template,
    clock: Clock,
    random: Random,
    config: Config,
}

impl Kept {
    /// A process on a copy of its own; in it `faults` happen.
    pub async fn world(&self, faults: FaultPlan) -> World {
        let folder = tempfile::tempdir().unwrap();
        let url = self.template.copy(folder.path()).await;
        let db = reopened(&url, faults, &self.clock);
        let config = Config { database_url: Secret::new(url), ..self.config.clone() };
        let client = client(&config, &self.random);
        World::of(db, (self.clock.clone(), self.random.clone()), config, client, folder)
    }
}

impl World {
    /// A world on a database of `kind`.
    pub async fn on(kind: Kind) -> Self {
        Self::with(kind, |_| {}).await
    }

    /// The same, its settings changed by `change`.
    pub async fn with(kind: Kind, change: impl FnOnce(&mut Config)) -> Self {
        Self::at(kind, clock(), change).await
    }

    /// The same, on this clock.
    pub async fn at(kind: Kind, clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = databases::fresh(kind, folder.path()).await;
        let mut config = Config {
            database_url: Secret::new(url),
            bootstrap_key: Some(Secret::new(ADMIN)),
            cron_secret: Some(Secret::new(CRON)),
            public_url: Some("http://purser.test".to_owned()),
            ..Config::default()
        };
        change(&mut config);
        let db = app::open_db(&config, clock.clone()).unwrap();
        let random = Random::seeded(7);
        let client = client(&config, &random);
        Self::of(db, (clock, random), config, client, folder)
    }

    fn of(
        db: Db,
        (clock, random): (Clock, Random),
        config: Config,
        client: Option<Client>,
        folder: tempfile::TempDir,
    ) -> Self {
        let app = app::build_with(db, clock.clone(), random, config, client);
        let router = app::router(app.clone());
        Self { app, clock, router, _folder: folder }
    }

    /// The process that follows this one on the same database; in it `faults` happen.
    pub async fn restarted(self, faults: FaultPlan) -> Self {
        let Self { app, clock, router, _folder: folder } = self;
        app.db().close().await;
        drop(router);
        let (config, random) = (app.config().clone(), app.random().clone());
        let db = reopened(config.database_url.reveal(), faults, &clock);
        let client = client(&config, &random);
        Self::of(db, (clock, random), config, client, folder)
    }

    /// Ends this process, so that others begin from what it left, each on a database of its own.
    pub async fn kept(self) -> Kept {
        let Self { app, clock, router, _folder: folder } = self;
        app.db().close().await;
        drop(router);
        let (config, random) = (app.config().clone(), app.random().clone());
        let template = Template::of(config.database_url.reveal(), folder.path());
        Kept { template, clock, random, config }
    }

    /// Ends this process, and takes its database away.
    pub async fn gone(self) {
        self.app.db().close().await;
        databases::take_away(self.app.config().database_url.reveal()).await;
    }

    /// The same with a client of Stripe that is as patient as `limits` say.
    pub fn with_limits(self, limits: Limits) -> Self {
        let Self { app, clock, router, _folder: folder } = self;
        drop(router);
        let (config, random) = (app.config().clone(), app.random().clone());
        let client = stripe::client(&config, &random, limits).unwrap();
        Self::of(app.db().clone(), (clock, random), config, client, folder)
    }

    /// The same, in which something acts on events of every kind.
    pub fn acting_on_all(self) -> Self {
        let Self { app, clock, router, _folder: folder } = self;
        drop(router);
        let (db, config, random) = (app.db().clone(), app.config().clone(), app.random().clone());
        let client = client(&config, &random);
        let app = app::build_acting(db, clock.clone(), random, config, client, |_| true);
        let router = app::router(app.clone());
        Self { app, clock, router, _folder: folder }
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// Asks with `key`, with `body` as JSON unless it is empty.
    pub async fn ask(&self, key: &str, method: &str, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        let body = body.into();
        let mut request = Request::builder().method(method).uri(path);
        if !key.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Asks as the admin and wants success.
    pub async fn admin(&self, method: &str, path: &str, body: &str) -> Value {
        let answer = self.ask(ADMIN, method, path, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{method} {path} {body}: {}", answer.text);
        answer.json()
    }

    /// A key of `role`: its id and its secret.
    pub async fn key(&self, role: &str) -> (String, String) {
        let made = self.admin("POST", "/api/v1/admin/keys", &format!(r#"{{"name":"test","role":"{role}"}}"#)).await;
        (made["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
    }
}
