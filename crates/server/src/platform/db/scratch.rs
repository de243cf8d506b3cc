//! A database for the unit tests of statements, beside which they stand: SQLite with all tables, and how it would look
//! for what is asked. What both databases must do is tested from outside.

use super::{Db, DbConfig, DbError, Value};
use crate::platform::clock::Clock;
use purser_rules::Time;
use tempfile::TempDir;

/// An empty SQLite database with all tables, on a clock that stands, and the folder that it goes with.
pub async fn migrated() -> (Db, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("purser.db").display());
    let clock = Clock::manual(Time::from_micros(1_795_233_600_000_000));
    let db = Db::open(DbConfig { url, ..DbConfig::default() }, clock).expect("it opens");
    db.migrate().await.expect("its tables");
    (db, folder)
}

/// How SQLite would look for what `sql` asks for, a line for each step.
pub async fn plan(db: &Db, sql: &str, params: Vec<Value>) -> String {
    let sql = format!("EXPLAIN QUERY PLAN {sql}");
    let steps = db.read(move |tx| {
        let rows = tx.query(&sql, params)?;
        rows.iter().map(|row| row.text(3).map(str::to_owned)).collect::<Result<Vec<_>, DbError>>()
    });
    steps.await.expect("a plan").join("\n")
}
