//! Every statement of every write failing in turn, and every named point: nothing half done, and a retry does it once.

use super::world::{Answer, World, both, micros};
use purser::{
    features::credits::{self, ReversalRequest},
    platform::{
        auth::Actor,
        db::Kind,
        fault::{FaultPlan, Point, Side},
    },
};
use purser_rules::{
    Amount,
    credit::Payment,
    ids::{CustomerId, GrantId, Unit},
};
use serde_json::{Value, json};

both! {
    each_statement_of_each_write_failing
    each_point_of_each_write_failing
    each_statement_of_a_batch_failing
    each_statement_of_a_sweep_failing
    each_statement_of_a_reversal_failing
}

/// A write: where it goes, what it says, and what it does to what is available.
struct Write {
    path: String,
    body: Value,
    moves: i64,
}

const WRITES: &[&str] =
    &["spend", "first spend", "hold", "capture", "capture over", "release", "grant", "revoke", "adjust", "return"];

/// Makes what `name` needs; every try has rows of its own.
async fn prepare(world: &World, name: &str, at: u64) -> Write {
    let key = format!("{name}-{at}");
    let new = |path: &str, mut body: Value, moves: i64| {
        body["idempotency_key"] = json!(key);
        Write { path: path.to_owned(), body, moves: moves * 1_000_000 }
    };
    let hold = || async {
        let body = json!({ "customer_id": "team", "amount": 2, "idempotency_key": format!("for {key}") });
        id(&world.post("/holds", &body).await.ok())
    };
    match name {
        "spend" => new("/consume", json!({ "customer_id": "team", "amount": 1, "user_id": "u", "metadata": {} }), -1),
        "first spend" => {
            // A customer, a wallet and a spend of nothing but overage, all by one write.
            let (path, customer) =
                ("/consume", format!("team-{at}-{}", world.number("SELECT COUNT(*) FROM audit").await));
            world.put(&format!("/customers/{customer}"), &json!({ "overage_allowed": true })).await;
            new(path, json!({ "customer_id": customer, "amount": 1, "mode": "overflow" }), 0)
        }
        "hold" => new("/holds", json!({ "customer_id": "team", "amount": 2, "metadata": { "job": "7" } }), -2),
        "capture" => new(&format!("/holds/{}/capture", hold().await), json!({ "amount": 1 }), 1),
        "capture over" => new(&format!("/holds/{}/capture", hold().await), json!({ "amount": 3 }), -1),
        "release" => {
            let mut release = new(&format!("/holds/{}/release", hold().await), json!({}), 2);
            // A release takes its key from the header; here it is the hold that is released once.
            release.body = json!({});
            release
        }
        "grant" => new("/customers/team/grants", json!({ "amount": 4, "metadata": { "order": "1" } }), 4),
        "revoke" => {
            let given = world.give("team", "5", &json!({})).await;
            new(&format!("/grants/{}/revoke", id(&given)), json!({ "amount": 3 }), -3)
        }
        "adjust" => new("/customers/team/adjust", json!({ "amount": 6, "reason": "moved over" }), 6),
        "return" => {
            let spent = world.spend("team", "3", &format!("for {key}")).await.ok();
            new(&format!("/consumptions/{}/return", id(&spent)), json!({ "amount": 2 }), 2)
        }
        other => panic!("{other}"),
    }
}

fn id(of: &Value) -> String {
    of["id"].as_str().expect("an id").to_owned()
}

/// Everything a half done write could show in.
async fn state(world: &World) -> (Vec<i64>, Value) {
    (world.counts().await, world.balance("team").await)
}

async fn begin(kind: Kind) -> World {
    let world = World::new(kind).await;
    world.give("team", "100000", &json!({})).await;
    world.give("team", "1", &json!({ "effective_at": world.now().plus_seconds(86_400).to_string() })).await;
    world
}

/// Asserts that a failed write left all or nothing, that asking again does it once; answers whether it had been kept.
async fn once(world: &World, name: &str, write: &Write, before: &(Vec<i64>, Value), failed: &Answer) -> bool {
    assert!([500, 503].contains(&failed.status), "{name}: {}", failed.text);
    let after = state(world).await;
    let kept = after != *before;
    world.proved().await;
    let again = world.post(&write.path, &write.body).await;
    if name == "release" && kept {
        again.refused(409, "hold_closed");
    } else {
        assert_eq!(again.ok().get("replayed"), Some(&json!(kept)), "{name}: {}", again.text);
    }
    let settled = state(world).await;
    assert!(!kept || settled == after, "{name}: asked again, it was done twice");
    assert_eq!(micros(&settled.1["available"]) - micros(&before.1["available"]), write.moves, "{name}");
    kept
}

async fn each_statement_of_each_write_failing(kind: Kind) {
    let world = begin(kind).await;
    for name in WRITES {
        let mut at = 0;
        for side in [Side::Before, Side::After] {
            let mut failures = 0;
            loop {
                at += 1;
                let write = prepare(&world, name, at).await;
                let before = state(&world).await;
                world.faults.fail_statement(0, failures, side);
                let answer = world.post(&write.path, &write.body).await;
                if answer.status == 200 {
                    break;
                }
                let kept = once(&world, name, &write, &before, &answer).await;
                assert!(!kept || side == Side::After, "{name}: kept though statement {failures} did not run");
                failures += 1;
                assert!(failures < 60, "{name} ends");
            }
            assert!(failures >= 5, "{name}: a beginning, reads, writes and an end: {failures}");
        }
        world.proved().await;
    }
}

async fn each_point_of_each_write_failing(kind: Kind) {
    let mut world = begin(kind).await;
    let points = [Point::BeforeBegin, Point::MidGroup, Point::BeforeCommit, Point::AfterCommitBeforeAnswer];
    for (at, point) in (0..).zip(points) {
        for name in WRITES {
            let write = prepare(&world, name, at).await;
            let before = state(&world).await;
            world.app.db().close().await;
            let failing = world.node(FaultPlan::error_at(point, 1));
            let answer = failing.post(&write.path, &write.body).await;
            failing.app.db().close().await;
            world = failing.node(FaultPlan::ready());
            let kept = once(&world, name, &write, &before, &answer).await;
            assert_eq!(kept, point == Point::AfterCommitBeforeAnswer, "{name} at {point:?}");
        }
    }
    world.proved().await;
}

/// A batch is not atomic: what fails alone is answered so, and asking again does each item once.
async fn each_statement_of_a_batch_failing(kind: Kind) {
    let world = begin(kind).await;
    for side in [Side::Before, Side::After] {
        for statement in 0..14 {
            let key = |at: u64| format!("{side:?}-{statement}-{at}");
            let item = |at: u64| json!({ "customer_id": "team", "amount": at, "idempotency_key": key(at) });
            let batch = json!({ "items": [item(1), item(2), item(1), item(3)] });
            let before = world.available("team").await;
            world.faults.fail_statement(0, statement, side);
            world.post("/consume/batch", &batch).await.ok();
            let again = world.post("/consume/batch", &batch).await.ok();
            let answers = again["data"].as_array().expect("answers");
            assert!(answers.iter().all(|answer| answer["object"] == "consumption"), "{again}");
            assert_eq!(answers[2]["replayed"], true, "the same key twice in one batch");
            assert_eq!(before - world.available("team").await, 6_000_000, "{side:?} {statement}");
        }
    }
    world.proved().await;
}

async fn each_statement_of_a_sweep_failing(kind: Kind) {
    const ENDED: &str = "SELECT COUNT(*) FROM ledger WHERE kind IN (SELECT kind FROM ledger WHERE cause_id = 'settle')";
    let world = begin(kind).await;
    for side in [Side::Before, Side::After] {
        let mut failures = 0;
        loop {
            let more = json!({ "expires_at": world.now().plus_seconds(5).to_string(), "priority": 1 });
            world.give("team", "7", &more).await;
            let body = json!({ "customer_id": "team", "amount": 3, "expires_in": 3,
                "idempotency_key": format!("{side:?}{failures}") });
            world.post("/holds", &body).await.ok();
            world.advance(10);
            let (before, balance) = (world.number(ENDED).await, world.balance("team").await);
            world.faults.fail_statement(0, failures, side);
            let swept = credits::expire_grants(world.app.db(), world.now()).await;
            assert_eq!(world.balance("team").await, balance, "a balance is the same before, half way and after");
            world.proved().await;
            let again = credits::expire_grants(world.app.db(), world.now()).await.expect("a sweep");
            assert_eq!(world.balance("team").await, balance);
            let ended = world.number(ENDED).await;
            assert!(ended >= before + 2, "the hold is released and the grant ends: {ended} after {before}");
            let third = credits::expire_grants(world.app.db(), world.now()).await.expect("a sweep");
            assert_eq!((third.wallets, third.entries), (0, 0));
            assert_eq!(world.number(ENDED).await, ended);
            if swept.is_ok() {
                assert_eq!(again.entries, 0);
                break;
            }
            failures += 1;
        }
        assert!(failures >= 5, "{failures}");
    }
}

async fn each_statement_of_a_reversal_failing(kind: Kind) {
    let world = begin(kind).await;
    for side in [Side::Before, Side::After] {
        let mut failures = 0;
        loop {
            let given = world.give("team", "10", &json!({ "priority": 1 })).await;
            world.spend("team", "4", &format!("{side:?}{failures}")).await.ok();
            let grant: GrantId = id(&given).parse().expect("a grant's id");
            let granted = Amount::parse("10").expect("an amount");
            let mut payment = Payment::new(format!("pi_{grant}"), 1000, vec![grant], granted, true);
            payment.refunded = 900;
            let before = state(&world).await;
            world.faults.fail_statement(0, failures, side);
            let failed = reverse(&world, &payment).await;
            assert!(side == Side::After || failed || state(&world).await != before);
            assert!(!reverse(&world, &payment).await, "asked again, it is done");
            // 6 are taken from the grant; the 3 that were spent are debt, which the other grant pays.
            assert_eq!(micros(&before.1["available"]) - world.available("team").await, 9_000_000);
            world.proved().await;
            if !failed {
                break;
            }
            failures += 1;
        }
        assert!(failures >= 5, "{failures}");
    }
}

/// Says what became of `payment`; answers whether that failed.
async fn reverse(world: &World, payment: &Payment) -> bool {
    let asked = ReversalRequest {
        customer: CustomerId::new("team").expect("a name"),
        unit: Unit::credits(),
        payment: payment.clone(),
        actor: Actor::job("payments"),
    };
    let random = world.app.random().clone();
    world.app.db().write(move |tx| credits::reverse(tx, &asked, &random)).await.is_err()
}
