//! One seeded life of 10,000 operations, lived on both databases: equal answers, equal hashes, equal ledgers.

mod operations;

use crate::databases::cluster;
use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use http_body_util::BodyExt;
use operations::{Life, Operation};
use purser::{
    app,
    config::{Config, Secret},
    platform::{
        clock::Clock,
        db::{Db, DbConfig, DbError},
        ids::Random,
    },
};
use purser_rules::Time;
use serde_json::Value;
use tower::ServiceExt;

const SEED: u64 = 20_261_121;
const OPERATIONS: usize = 10_000;
const KEY: &str = "the-life-of-a-seed-needs-an-admin-key";
/// 2026-01-01T00:00:00Z.
const START: Time = Time::from_micros(1_767_225_600_000_000);

/// One instance on one database, with its own copy of the same clock and the same ids.
struct Instance {
    db: Db,
    clock: Clock,
    router: Router,
}

impl Instance {
    async fn new(url: String) -> Self {
        let clock = Clock::manual(START);
        // One lane: two would draw ids in an order of their own.
        // The ledger is read while its index follows, not only before.
        let settings = DbConfig { url, lanes: 1, index_slack: 100, ..DbConfig::default() };
        let db = Db::open(settings, clock.clone()).expect("the database opens");
        db.migrate().await.expect("the schema is made");
        let config = Config { bootstrap_key: Some(Secret::new(KEY)), ..Config::default() };
        let router = app::router(app::build(db.clone(), clock.clone(), Random::seeded(SEED), config));
        Self { db, clock, router }
    }

    /// Does one operation; answers the status and the body without what names the request.
    async fn call(&self, operation: &Operation) -> (u16, Value) {
        let request = Request::builder()
            .method(operation.method)
            .uri(format!("/api/v1{}", operation.path))
            .header(header::AUTHORIZATION, format!("Bearer {KEY}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(operation.body.clone()))
            .expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        let mut body: Value = serde_json::from_slice(&bytes).expect("JSON");
        if let Some(error) = body["error"].as_object_mut() {
            error.remove("request_id");
        }
        (status, body)
    }

    /// The whole ledger, oldest first, as text.
    async fn ledger(&self) -> Vec<String> {
        let entries = self.db.read(|tx| {
            let sql = "SELECT customer, unit, seq, at, kind, amount, cause_kind, cause_id, subject, hash \
                       FROM ledger ORDER BY customer, unit, seq";
            let mut lines = Vec::new();
            for row in tx.query(sql, vec![])? {
                let hash: String = row.bytes(9)?.iter().map(|byte| format!("{byte:02x}")).collect();
                lines.push(format!(
                    "{} {} {} {} {} {} {} {} {} {hash}",
                    row.text(0)?,
                    row.text(1)?,
                    row.i64(2)?,
                    row.ts(3)?.micros(),
                    row.i64(4)?,
                    row.i64(5)?,
                    row.i64(6)?,
                    row.text(7)?,
                    row.text(8)?,
                ));
            }
            Ok::<_, DbError>(lines)
        });
        entries.await.expect("the ledger can be read")
    }
}

/// The lines in which two answers differ.
fn difference(one: &(u16, Value), other: &(u16, Value)) -> String {
    let (left, right) = (format!("{one:#?}"), format!("{other:#?}"));
    let lines = left.lines().zip(right.lines()).filter(|(left, right)| left != right).take(10);
    lines.map(|(left, right)| format!("SQLite     {}\nPostgreSQL {}\n", left.trim(), right.trim())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_life_on_both_databases() {
    println!("seed {SEED}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sqlite = Instance::new(format!("sqlite:{}", folder.path().join("life.db").display())).await;
    let postgres = Instance::new(cluster().database()).await;
    let mut life = Life::new(SEED);
    let (mut yes, mut no) = (0, 0);
    for step in 0..OPERATIONS {
        let (operation, passed) = life.next();
        for instance in [&sqlite, &postgres] {
            instance.clock.advance(passed);
        }
        let (one, other) = tokio::join!(sqlite.call(&operation), postgres.call(&operation));
        assert!(one == other, "step {step} of seed {SEED}: {operation:?}\n{}", difference(&one, &other));
        assert!(one.0 < 500, "step {step} of seed {SEED}: {operation:?} was answered {one:?}");
        *(if one.0 < 300 { &mut yes } else { &mut no }) += 1;
        life.heard(&operation, &one.1);
    }
    println!("{yes} done, {no} refused");
    assert!(yes > OPERATIONS / 2 && no > OPERATIONS / 100, "a life of yes and no: {yes}, {no}");
    let (one, other) = tokio::join!(sqlite.ledger(), postgres.ledger());
    assert!(one.len() > OPERATIONS / 2, "{} entries", one.len());
    for (one, other) in one.iter().zip(&other) {
        assert_eq!(one, other);
    }
    assert_eq!(one.len(), other.len());
}
