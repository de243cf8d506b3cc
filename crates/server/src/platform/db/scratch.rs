//! A database for the unit tests of statements, beside which they stand: SQLite with all tables. How it would look for
//! what is asked, and how PostgreSQL would. What both databases must do is tested from outside.

use super::{Db, DbConfig, DbError, Value, tests::server};
use crate::platform::clock::Clock;
use purser_rules::Time;
use tempfile::TempDir;

/// An empty SQLite database with all tables, on a clock that stands, and the folder that it goes with.
pub async fn migrated() -> (Db, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("purser.db").display());
    (open(url).await, folder)
}

/// The database of `url`, with all tables.
async fn open(url: String) -> Db {
    let clock = Clock::manual(Time::from_micros(1_795_233_600_000_000));
    let db = Db::open(DbConfig { url, ..DbConfig::default() }, clock).expect("it opens");
    db.migrate().await.expect("its tables");
    db
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

/// How PostgreSQL would look for what `sql` asks for with `params`, which are literals, once `rows` were put in.
pub async fn plan_on_postgres(rows: &str, sql: &str, params: &str) -> String {
    let aside = server::shared();
    let url = aside.database();
    drop(open(url.clone()).await);
    aside.psql(&url, rows);
    aside.psql(&url, "VACUUM (ANALYZE)");
    aside.psql(&url, &format!("PREPARE asked AS {sql}; EXPLAIN EXECUTE asked ({params})"))
}
