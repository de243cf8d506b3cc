//! A Purser in this process: its router over a database of its own, a clock set by hand, seeded random numbers.

use axum::{Router, body::Body, http::Request};
use http_body_util::BodyExt as _;
use purser::{
    app,
    config::{Config, Secret},
    features::credits::{self, Verified},
    platform::{
        App,
        clock::Clock,
        db::{Db, DbConfig, DbError, Kind, Row, Value as Sql},
        fault::FaultPlan,
        ids::Random,
    },
};
use purser_rules::{Amount, Time};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// The instant every world begins at: 2026-11-21T04:00:00Z.
pub const START: Time = Time::from_micros(1_795_233_600_000_000);
/// A second in microseconds.
pub const SECOND: i64 = 1_000_000;

const KEY: &str = "an-admin-key-for-tests-of-more-than-32-characters";

/// One node over one database.
pub struct World {
    pub app: App,
    pub clock: Clock,
    pub faults: FaultPlan,
    router: Router,
    settings: DbConfig,
    config: Config,
    random: Random,
    dir: std::sync::Arc<tempfile::TempDir>,
}

/// What a call was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub text: String,
    pub kind: String,
}

impl World {
    pub async fn new(kind: Kind) -> Self {
        Self::with(kind, |_| {}).await
    }

    /// A world whose settings `change` has changed.
    pub async fn with(kind: Kind, change: impl FnOnce(&mut DbConfig)) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let one_of = match kind {
            Kind::Sqlite => crate::world::Kind::Sqlite,
            Kind::Postgres => crate::world::Kind::Postgres,
        };
        let url = crate::databases::fresh(one_of, dir.path()).await;
        let mut settings = DbConfig { url, faults: FaultPlan::ready(), ..DbConfig::default() };
        change(&mut settings);
        let config = Config { bootstrap_key: Some(Secret::new(KEY)), ..Config::default() };
        Self::open(settings, config, Clock::manual(START), Random::seeded(1), std::sync::Arc::new(dir))
    }

    fn open(
        settings: DbConfig,
        config: Config,
        clock: Clock,
        random: Random,
        dir: std::sync::Arc<tempfile::TempDir>,
    ) -> Self {
        let db = Db::open(settings.clone(), clock.clone()).expect("the database opens");
        let app = app::build(db, clock.clone(), random.clone(), config.clone());
        let router = app::router(app.clone());
        let faults = settings.faults.clone();
        Self { app, clock, faults, router, settings, config, random, dir }
    }

    /// Another node on the same database and clock, with its own `faults`. On SQLite close this one first.
    pub fn node(&self, faults: FaultPlan) -> Self {
        let settings = DbConfig { faults, ..self.settings.clone() };
        let (clock, random) = (self.clock.clone(), self.random.clone());
        Self::open(settings, self.config.clone(), clock, random, self.dir.clone())
    }

    pub fn now(&self) -> Time {
        self.clock.now()
    }

    pub fn advance(&self, seconds: i64) {
        self.clock.advance(seconds * SECOND);
    }

    /// Sends a request whose body is already JSON text, or nothing.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("a router always answers");
        let status = response.status().as_u16();
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.to_owned();
        let bytes = response.into_body().collect().await.expect("a whole body").to_bytes();
        Answer { status, kind, text: String::from_utf8(bytes.to_vec()).expect("UTF-8") }
    }

    /// A request of this world's admin.
    pub fn request(&self, method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
        let builder = Request::builder().method(method).uri(format!("/api/v1{path}"));
        let builder = builder.header("authorization", format!("Bearer {KEY}"));
        builder.header("content-type", "application/json").body(body.into()).expect("a request")
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request("POST", path, body.to_string())).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request("PUT", path, body.to_string())).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path, Body::empty())).await
    }

    /// Gives `amount` to `customer`; answers the grant.
    pub async fn give(&self, customer: &str, amount: &str, more: &Value) -> Value {
        let mut body = json!({ "amount": amount });
        merge(&mut body, more);
        if body.get("source_id").is_none() && body.get("idempotency_key").is_none() {
            body["source_id"] = json!(format!("src-{}", self.random.number()));
        }
        self.post(&format!("/customers/{customer}/grants"), &body).await.ok()
    }

    pub async fn spend(&self, customer: &str, amount: &str, key: &str) -> Answer {
        self.post("/consume", &json!({ "customer_id": customer, "amount": amount, "idempotency_key": key })).await
    }

    pub async fn balance(&self, customer: &str) -> Value {
        self.get(&format!("/customers/{customer}/balance")).await.ok()
    }

    pub async fn available(&self, customer: &str) -> i64 {
        micros(&self.balance(customer).await["available"])
    }

    /// What `purser verify` finds.
    pub async fn verify(&self) -> Verified {
        credits::verify(self.app.db(), |_, _| {}).await.expect("verify runs")
    }

    /// Asserts that every wallet is proved.
    pub async fn proved(&self) -> Verified {
        let verified = self.verify().await;
        assert!(verified.flaws.is_empty(), "{:#?}", verified.flaws);
        verified
    }

    /// Rows of a query.
    pub async fn rows(&self, sql: &'static str) -> Vec<Row> {
        self.app.db().read(move |tx| tx.query(sql, Vec::new())).await.expect("a query")
    }

    /// The only number of a query.
    pub async fn number(&self, sql: &'static str) -> i64 {
        self.rows(sql).await[0].i64(0).expect("a number")
    }

    /// Runs a statement.
    pub async fn execute(&self, sql: &str, params: Vec<Sql>) -> u64 {
        let sql = sql.to_owned();
        let done = self.app.db().write(move |tx| tx.execute(&sql, params.clone()));
        done.await.unwrap_or_else(|error: DbError| panic!("{error}"))
    }

    /// How many rows each table has that a write may touch.
    pub async fn counts(&self) -> Vec<i64> {
        let tables = ["customers", "wallets", "ledger", "grants", "holds", "consumptions", "idempotency_keys", "audit"];
        let sql = tables.map(|table| format!("SELECT COUNT(*) FROM {table}"));
        let counted = self.app.db().read(move |tx| {
            let one = |sql: &String| tx.query(sql, Vec::new())?[0].i64(0);
            sql.iter().map(one).collect::<Result<Vec<_>, DbError>>()
        });
        counted.await.expect("counts")
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The body of a success.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()
    }

    /// The code of an error; empty for a success.
    pub fn code(&self) -> String {
        if self.status == 200 { String::new() } else { self.json()["error"]["code"].as_str().unwrap_or("?").to_owned() }
    }

    /// Asserts that it is this error; answers its body.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{}", self.text);
        self.json()["error"].clone()
    }
}

/// Puts the fields of `more` into `body`.
pub fn merge(body: &mut Value, more: &Value) {
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
}

/// An amount in JSON, in millionths.
#[track_caller]
pub fn micros(value: &Value) -> i64 {
    let text = value.to_string();
    // serde_json writes small numbers with an exponent, which amounts in JSON do not have.
    match text.split_once("e-") {
        None => Amount::parse(&text).unwrap_or_else(|_| panic!("{text} is no amount")).micros(),
        Some((digits, power)) => {
            let power: usize = power.parse().expect("an exponent");
            let digits = digits.replace('.', "");
            let text = format!("0.{}{digits}", "0".repeat(power - 1));
            Amount::parse(&text).unwrap_or_else(|_| panic!("{text} is no amount")).micros()
        }
    }
}

/// An amount of millionths as it is sent.
pub fn text(micros: i64) -> String {
    Amount::from_micros(micros).expect("an amount").to_string()
}

/// A test of each body named, on each database.
macro_rules! both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(purser::platform::db::Kind::Sqlite).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(purser::platform::db::Kind::Postgres).await; })*
        }
    };
}
pub(crate) use both;
