//! Migrations: once, in order, whole, and only known ones.

use super::*;
use crate::platform::{
    db::migrate::{ALL, Migration},
    fault::Point,
};
use purser_rules::{
    Amount,
    credit::{Dispute, DisputeState, Payment},
};

both! { the_ledger_migrates_once two_nodes_migrate_at_once a_changed_text_is_refused a_newer_schema_is_refused
a_failed_migration_leaves_nothing open_disputes_of_before_are_known agreed_changes_of_before_are_not_taken_back }

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
    let all: Vec<_> = ALL.iter().map(|step| step.name).collect();
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

/// A payment kept before there was a column for it, with disputes in these states.
fn kept(states: &[DisputeState]) -> Payment {
    let dispute = |(at, state): (usize, &DisputeState)| Dispute {
        id: format!("dp_{at}"),
        amount: 1,
        state: *state,
        opened_at: NOW,
    };
    let disputes = states.iter().enumerate().map(dispute).collect();
    Payment { disputes, ..Payment::new("ch".into(), 100, Vec::new(), Amount::ZERO, true) }
}

async fn open_disputes_of_before_are_known(kind: Kind) {
    let (db, _, _dir) = bare(kind, FaultPlan::default()).await;
    let at = ALL.iter().position(|step| step.name == "0015_open_disputes").unwrap();
    db.migrate_to(&ALL[..at]).await.unwrap();
    let states: [&[DisputeState]; 4] =
        [&[], &[DisputeState::Won, DisputeState::Open], &[DisputeState::Won], &[DisputeState::Lost]];
    let mut payments = states.map(kept);
    payments[0].suspend(NOW);
    let bodies = payments.each_ref().map(|payment| serde_json::to_string(payment).unwrap());
    db.write(move |tx| {
        let sql = "INSERT INTO payments (id, customer, unit, bucket, body) VALUES ($1, 'c', 'credits', 7, $2)";
        for (at, body) in bodies.iter().enumerate() {
            tx.execute(sql, vec![Value::Text(format!("ch_{at}")), Value::Json(body.clone())])?;
        }
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    db.migrate().await.unwrap();
    let sql = "SELECT disputed FROM payments ORDER BY id";
    let known = db.read(move |tx| tx.query(sql, vec![])?.iter().map(|row| row.bool(0)).collect::<Result<Vec<_>, _>>());
    assert_eq!(known.await, Ok(vec![false, true, false, false]), "suspended, open, won, lost");
}

/// Whether a schedule stands is not known of what was agreed on before that was kept: until it is fetched again.
async fn agreed_changes_of_before_are_not_taken_back(kind: Kind) {
    const LATER: &str = r#"{"Later":{"items":[],"at":1,"interval":"month","interval_count":1}}"#;
    const RESUME: &str = r#""Resume""#;
    let (db, _, _dir) = bare(kind, FaultPlan::default()).await;
    let at = ALL.iter().position(|step| step.name == "0016_schedules").unwrap();
    db.migrate_to(&ALL[..at]).await.unwrap();
    let asked = [(None, LATER, 2), (Some(NOW), LATER, 2), (None, LATER, 3), (None, RESUME, 2), (None, LATER, 2)];
    db.write(move |tx| {
        for (at, (ended, wish, state)) in asked.into_iter().enumerate() {
            let ended = ended.map_or(Value::Null, Value::Ts);
            let id = format!("sub_{at}");
            let sql = "INSERT INTO subscriptions (id, bucket, stripe_customer_id, status, cancel_at_period_end, \
                ended_at, created_at) VALUES ($1, 7, 'cus_1', 'active', FALSE, $2, $3)";
            tx.execute(sql, vec![Value::Text(id.clone()), ended, Value::Ts(NOW)])?;
            // That of the last one is of another bucket, so it is of another subscription.
            let bucket = if at == 4 { 8 } else { 7 };
            let sql = "INSERT INTO subscription_requests (id, bucket, customer, subscription, number, asked, wish, \
                state, created_at) VALUES ($1, $2, 'c', $3, 1, '[]', $4, $5, $6)";
            let key = Value::Id(u128::try_from(at).unwrap());
            let (bucket, wish) = (Value::I64(bucket), Value::Text(wish.to_owned()));
            tx.execute(sql, vec![key, bucket, Value::Text(id), wish, Value::I64(state), Value::Ts(NOW)])?;
        }
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    db.migrate().await.unwrap();
    let sql = "SELECT schedule FROM subscriptions ORDER BY id";
    let schedules = db.read(move |tx| {
        let rows = tx.query(sql, vec![])?;
        rows.iter().map(|row| Ok(row.opt_text(0)?.map(str::to_owned))).collect::<Result<Vec<_>, DbError>>()
    });
    let expected = vec![Some("unknown".to_owned()), None, None, None, None];
    assert_eq!(schedules.await, Ok(expected), "agreed on, ended, given up, taken back, of another");
}
