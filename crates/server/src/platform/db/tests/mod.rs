//! Conformance of the shell: one body per behaviour, run on both databases.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

mod failures;
mod lagging;
mod lanes;
mod migrations;
mod outages;
mod plans;
mod units;
mod verbs;

#[path = "../../../../tests/support/postgres.rs"]
pub(super) mod server;

use super::{Db, DbConfig, DbError, Kind, Table, Tx, Type, Value};
use crate::platform::{clock::Clock, fault::FaultPlan};
use purser_rules::Time;

/// The instant tests stand at.
const NOW: Time = Time::from_micros(1_795_000_000_000_000);

/// Counters by name: what most tests write.
const COUNTERS: Table =
    Table { name: "counters", key: &[("name", Type::Text), ("bucket", Type::I64)], columns: &[("n", Type::I64)] };

/// One column of each type.
const KINDS: Table = Table {
    name: "kinds",
    key: &[("id", Type::Id), ("bucket", Type::I64)],
    columns: &[
        ("flag", Type::Bool),
        ("word", Type::Text),
        ("raw", Type::Bytes),
        ("at", Type::Ts),
        ("doc", Type::Json),
        ("n", Type::I64),
    ],
};

const SCHEMA: &[super::migrate::Migration] = &[super::migrate::Migration {
    name: "0001_test",
    text: "CREATE TABLE counters (name {text} NOT NULL, bucket {i64} NOT NULL, n {i64} NOT NULL, \
           PRIMARY KEY (name, bucket)) {clustered} {hot};\n\
           CREATE TABLE kinds (id {id} NOT NULL, bucket {i64} NOT NULL, flag {bool}, word {text}, raw {bytes}, \
           at {ts}, doc {json}, n {i64}, PRIMARY KEY (id, bucket)) {clustered};",
}];

/// A database of its own, with the tables above.
struct World {
    db: Db,
    config: DbConfig,
    faults: FaultPlan,
    _dir: tempfile::TempDir,
}

impl World {
    async fn new(kind: Kind) -> Self {
        Self::with(kind, |_| {}).await
    }

    async fn with(kind: Kind, change: impl FnOnce(&mut DbConfig)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = match kind {
            Kind::Sqlite => format!("sqlite:{}/data/test.db", dir.path().display()),
            Kind::Postgres => server::shared().database(),
        };
        let faults = FaultPlan::ready();
        let mut config = DbConfig { url, faults, ..DbConfig::default() };
        change(&mut config);
        let db = Db::open(config.clone(), Clock::manual(NOW)).unwrap();
        db.migrate_to(SCHEMA).await.unwrap();
        Self { db, faults: config.faults.clone(), config, _dir: dir }
    }

    /// The counter `name`, if there is one.
    async fn counter(&self, name: &'static str) -> Option<i64> {
        counter(&self.db, name).await
    }

    /// The sum of all counters.
    async fn total(&self) -> i64 {
        let sql = "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM counters";
        self.db.read(move |tx| tx.first(sql, vec![])?.unwrap().i64(0)).await.unwrap()
    }
}

async fn counter(db: &Db, name: &'static str) -> Option<i64> {
    db.read(move |tx| {
        let row = tx.first("SELECT n FROM counters WHERE name = $1 AND bucket = $2", key(name))?;
        row.map(|row| row.i64(0)).transpose()
    })
    .await
    .unwrap()
}

/// The key of a counter.
fn key(name: &str) -> Vec<Value> {
    vec![Value::Text(name.into()), Value::I64(7)]
}

/// A row of a counter.
fn row(name: &str, n: i64) -> Vec<Value> {
    vec![Value::Text(name.into()), Value::I64(7), Value::I64(n)]
}

/// Locks a counter, reads it, and writes it plus `by`.
fn add(tx: &mut Tx<'_>, name: &str, by: i64) -> Result<i64, DbError> {
    let load = super::Load::Many {
        table: &COUNTERS,
        by: COUNTERS.key,
        columns: COUNTERS.columns,
        keys: vec![key(name)],
        lock: true,
    };
    let found = tx.load(vec![load])?.remove(0);
    let n = found.first().map_or(Ok(0), |found| found.i64(0))? + by;
    if found.is_empty() {
        tx.insert_later(&COUNTERS, vec![row(name, n)]);
    } else {
        tx.update_later(&COUNTERS, COUNTERS.columns, vec![row(name, n)]);
    }
    Ok(n)
}

/// A test of each body named, on each database.
macro_rules! both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(super::Kind::Sqlite).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(super::Kind::Postgres).await; })*
        }
    };
}
use both;
