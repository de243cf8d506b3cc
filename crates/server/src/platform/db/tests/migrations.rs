//! Migrations: once, in order, whole, and only known ones.

use super::*;
use crate::platform::{db::migrate::Migration, fault::Point};

both! { the_ledger_migrates_once two_nodes_migrate_at_once a_changed_text_is_refused a_newer_schema_is_refused
a_failed_migration_leaves_nothing }

const FIRST: Migration = Migration { name: "0001_a", text: "CREATE TABLE a (n {i64} NOT NULL) {strict};" };

const TWO: &[Migration] = &[
    FIRST,
    Migration { name: "0002_b", text: "CREATE TABLE b (n {i64} NOT NULL) {strict}; INSERT INTO b (n) VALUES (1);" },
];

/// A database without tables.
async fn bare(kind: Kind, faults: FaultPlan) -> (Db, DbConfig, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let url = match kind {
        Kind::Sqlite => format!("sqlite:{}/test.db", dir.path().display()),
        Kind::Postgres => server::shared().database(),
    };
    let config = DbConfig { url, faults, ..DbConfig::default() };
    (Db::open(config.clone(), Clock::manual(NOW)).unwrap(), config, dir)
}

async fn the_ledger_migrates_once(kind: Kind) {
    let (db, _, _dir) = bare(kind, FaultPlan::default()).await;
    let all: Vec<_> = crate::platform::db::migrate::ALL.iter().map(|step| step.name).collect();
    assert_eq!(db.pending_migrations().await.unwrap(), all);
    assert_eq!(db.migrate().await.unwrap(), all);
    assert_eq!(db.migrate().await.unwrap(), [""; 0]);
    assert_eq!(db.pending_migrations().await.unwrap(), [""; 0]);
    let count = db.read(|tx| tx.first("SELECT COUNT(*) FROM wallets", vec![])?.unwrap().i64(0)).await;
    assert_eq!(count, Ok(0));
}

async fn two_nodes_migrate_at_once(kind: Kind) {
    let (one, config, _dir) = bare(kind, FaultPlan::default()).await;
    let two = Db::open(config, Clock::manual(NOW)).unwrap();
    let (a, b) = tokio::join!(one.migrate_to(TWO), two.migrate_to(TWO));
    let mut applied = [a.unwrap(), b.unwrap()].concat();
    applied.sort_unstable();
    assert_eq!(applied, ["0001_a", "0002_b"]);
}

async fn a_changed_text_is_refused(kind: Kind) {
    const CHANGED: &[Migration] = &[Migration { name: "0001_a", text: "CREATE TABLE a (n {i64}) {strict};" }];
    let (db, _, _dir) = bare(kind, FaultPlan::default()).await;
    db.migrate_to(TWO).await.unwrap();
    let refused = db.migrate_to(CHANGED).await;
    assert!(matches!(&refused, Err(DbError::Schema(why)) if why.contains("0001_a")), "{refused:?}");
}

async fn a_newer_schema_is_refused(kind: Kind) {
    const OLD: &[Migration] = &[FIRST];
    let (db, _, _dir) = bare(kind, FaultPlan::default()).await;
    db.migrate_to(TWO).await.unwrap();
    let refused = db.migrate_to(OLD).await;
    assert!(matches!(&refused, Err(DbError::Schema(why)) if why.contains("0002_b")), "{refused:?}");
}

async fn a_failed_migration_leaves_nothing(kind: Kind) {
    let (db, _, _dir) = bare(kind, FaultPlan::error_at(Point::DuringMigration, 2)).await;
    assert!(matches!(db.migrate_to(TWO).await, Err(DbError::Unavailable(_))));
    let there = db.read(|tx| tx.query("SELECT n FROM b", vec![])).await;
    assert!(matches!(there, Err(DbError::Bug(_))), "the table is not there: {there:?}");
    assert_eq!(db.migrate_to(TWO).await.unwrap(), ["0002_b"]);
    assert_eq!(db.read(|tx| tx.query("SELECT n FROM b", vec![])).await.unwrap().len(), 1);
}
