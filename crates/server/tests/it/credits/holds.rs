//! Holds over storage: every way one can end, with the equation of the grants proved after every step.

use super::world::{Answer, World, both, micros};
use purser::{
    features::credits::{self, ReversalRequest},
    platform::{auth::Actor, db::Kind},
};
use purser_rules::{
    Amount,
    credit::{Dispute, DisputeState, Payment},
    ids::{CustomerId, GrantId, Unit},
};
use serde_json::{Value, json};

both! {
    captured_under_exactly_and_over
    run_out_released_twice_and_captured_late
    a_grant_ends_under_a_hold
    at_most_256_are_open
    a_hold_of_nothing
    a_freeze_over_a_hold
}

/// Makes a hold; answers its id.
async fn hold(world: &World, amount: &str, key: &str, more: &Value) -> String {
    let mut body = json!({ "customer_id": "team", "amount": amount, "idempotency_key": key });
    super::world::merge(&mut body, more);
    world.post("/holds", &body).await.ok()["id"].as_str().expect("an id").to_owned()
}

async fn capture(world: &World, id: &str, amount: &str) -> Answer {
    world.post(&format!("/holds/{id}/capture"), &json!({ "amount": amount })).await
}

async fn release(world: &World, id: &str) -> Answer {
    world.post(&format!("/holds/{id}/release"), &json!({})).await
}

/// Asserts what is available, held and owed, in whole credits; proves the ledger and each grant's equation.
#[track_caller]
fn is(world: &World, figures: [i64; 3]) -> impl Future<Output = ()> + '_ {
    let caller = std::panic::Location::caller();
    async move {
        let balance = world.balance("team").await;
        let shown = ["available", "held", "debt"].map(|name| micros(&balance[name]));
        assert_eq!(shown, figures.map(|whole| whole * 1_000_000), "at {caller}");
        world.proved().await;
        let grants = world.get("/customers/team/grants?limit=100").await.ok();
        for grant in grants["data"].as_array().expect("grants") {
            let parts = ["remaining", "held", "spent", "expired", "revoked"].map(|name| micros(&grant[name]));
            assert_eq!(parts.iter().sum::<i64>(), micros(&grant["granted"]), "at {caller}: {grant}");
        }
    }
}

async fn captured_under_exactly_and_over(kind: Kind) {
    let world = World::new(kind).await;
    world.give("team", "10", &json!({})).await;
    let under = hold(&world, "4", "1", &json!({})).await;
    is(&world, [6, 4, 0]).await;
    let captured = capture(&world, &under, "1").await.ok();
    assert_eq!((micros(&captured["consumed"]), &captured["late"]), (1_000_000, &json!(false)));
    is(&world, [9, 0, 0]).await;
    let exact = hold(&world, "4", "2", &json!({})).await;
    world.post(&format!("/holds/{exact}/capture"), &json!({})).await.ok();
    is(&world, [5, 0, 0]).await;
    let over = hold(&world, "2", "3", &json!({})).await;
    let refused = capture(&world, &over, "6").await.refused(402, "insufficient_credits");
    assert_eq!((micros(&refused["needed"]), micros(&refused["available"])), (4_000_000, 3_000_000));
    is(&world, [3, 2, 0]).await;
    assert_eq!(world.get(&format!("/holds/{over}")).await.ok()["state"], "open", "nothing was captured");
    assert_eq!(micros(&capture(&world, &over, "4").await.ok()["consumed"]), 4_000_000);
    is(&world, [1, 0, 0]).await;
    capture(&world, &over, "1").await.refused(409, "hold_closed");
    // What is over the hold is spent by the hold's mode.
    world.give("team", "4", &json!({})).await;
    let partial = hold(&world, "2", "4", &json!({ "mode": "partial" })).await;
    assert_eq!(micros(&capture(&world, &partial, "99").await.ok()["consumed"]), 5_000_000);
    is(&world, [0, 0, 0]).await;
    world.give("team", "3", &json!({})).await;
    world.put("/customers/team", &json!({ "overage_allowed": true })).await.ok();
    let overflow = hold(&world, "2", "5", &json!({ "mode": "overflow" })).await;
    let captured = capture(&world, &overflow, "10").await.ok();
    assert_eq!((micros(&captured["consumed"]), micros(&captured["overflow"])), (3_000_000, 7_000_000));
    is(&world, [0, 0, 0]).await;
}

async fn run_out_released_twice_and_captured_late(kind: Kind) {
    let world = World::new(kind).await;
    world.give("team", "10", &json!({})).await;
    let short = json!({ "expires_in": 5 });
    let (one, two, three) = (
        hold(&world, "4", "1", &short).await,
        hold(&world, "3", "2", &short).await,
        hold(&world, "2", "3", &short).await,
    );
    world.clock.advance(4_999_999);
    is(&world, [1, 9, 0]).await;
    release(&world, &three).await.ok();
    release(&world, &three).await.refused(409, "hold_closed");
    is(&world, [3, 7, 0]).await;
    world.clock.advance(1);
    is(&world, [10, 0, 0]).await;
    assert_eq!(world.get(&format!("/holds/{one}")).await.ok()["state"], "expired");
    release(&world, &one).await.refused(409, "hold_expired");
    capture(&world, &one, "11").await.refused(402, "insufficient_credits");
    let late = capture(&world, &one, "10").await.ok();
    assert_eq!((micros(&late["consumed"]), &late["late"]), (10_000_000, &json!(true)));
    is(&world, [0, 0, 0]).await;
    capture(&world, &two, "1").await.refused(402, "insufficient_credits");
    world.give("team", "1", &json!({})).await;
    assert_eq!(capture(&world, &two, "1").await.ok()["late"], true);
    capture(&world, &two, "1").await.refused(409, "hold_closed");
    release(&world, &two).await.refused(409, "hold_closed");
    is(&world, [0, 0, 0]).await;
}

async fn a_grant_ends_under_a_hold(kind: Kind) {
    let world = World::new(kind).await;
    let given = world.give("team", "10", &json!({ "expires_at": world.now().plus_seconds(10).to_string() })).await;
    let (captured, released) = (hold(&world, "5", "1", &json!({})).await, hold(&world, "2", "2", &json!({})).await);
    world.advance(10);
    is(&world, [0, 7, 0]).await;
    world.spend("team", "1", "s").await.refused(402, "insufficient_credits");
    assert_eq!(micros(&capture(&world, &captured, "3").await.ok()["consumed"]), 3_000_000);
    is(&world, [0, 2, 0]).await;
    release(&world, &released).await.ok();
    is(&world, [0, 0, 0]).await;
    let grants = world.get("/customers/team/grants").await.ok();
    assert_eq!(grants["data"][0]["id"], given["id"]);
    let figures = ["spent", "expired"].map(|name| micros(&grants["data"][0][name]));
    assert_eq!(figures, [3_000_000, 7_000_000], "what the holds freed ended with the grant");
}

async fn at_most_256_are_open(kind: Kind) {
    let world = World::new(kind).await;
    world.give("team", "1000", &json!({})).await;
    let mut ids = Vec::new();
    for at in 0..256 {
        ids.push(hold(&world, "1", &format!("h{at}"), &json!({ "expires_in": 60 + at })).await);
    }
    let one_more = json!({ "customer_id": "team", "amount": 1, "idempotency_key": "one more" });
    world.post("/holds", &one_more).await.refused(429, "too_many_holds");
    is(&world, [744, 256, 0]).await;
    release(&world, &ids[200]).await.ok();
    world.post("/holds", &one_more).await.ok();
    world
        .post("/holds", &json!({ "customer_id": "team", "amount": 1, "idempotency_key": "more" }))
        .await
        .refused(429, "too_many_holds");
    // All but the last run out, at instants of their own, found by one write.
    world.advance(86_000);
    is(&world, [1000, 0, 0]).await;
    world.spend("team", "1", "s").await.ok();
    is(&world, [999, 0, 0]).await;
    assert_eq!(world.number("SELECT COUNT(*) FROM holds WHERE state = 1").await, 0);
}

async fn a_hold_of_nothing(kind: Kind) {
    let world = World::new(kind).await;
    world.put("/customers/team", &json!({ "overage_allowed": true })).await;
    let mode = json!({ "mode": "overflow", "expires_in": 5 });
    let (one, two) = (hold(&world, "4", "1", &mode).await, hold(&world, "4", "2", &mode).await);
    assert_eq!(world.get(&format!("/holds/{one}")).await.ok()["state"], "open", "it sets nothing aside, and is there");
    let nothing = world.post(&format!("/holds/{one}/capture"), &json!({})).await.refused(400, "missing_field");
    assert_eq!(nothing["param"], "amount");
    let captured = capture(&world, &one, "3").await.ok();
    assert_eq!((micros(&captured["consumed"]), micros(&captured["overflow"])), (0, 3_000_000));
    world.advance(5);
    world.post(&format!("/holds/{two}/capture"), &json!({})).await.refused(400, "missing_field");
    release(&world, &two).await.refused(409, "hold_expired");
    world.give("team", "1", &json!({})).await;
    is(&world, [1, 0, 0]).await;
    assert_eq!(world.number("SELECT COUNT(*) FROM holds WHERE state = 1").await, 0);
}

/// Says what became of the payment's dispute of everything.
async fn judge(world: &World, payment: &Payment, state: DisputeState) {
    let opened_at = super::world::START;
    let dispute = Dispute { id: "dp_1".into(), amount: payment.paid, state, opened_at };
    let asked = ReversalRequest {
        customer: CustomerId::new("team").expect("a name"),
        unit: Unit::credits(),
        payment: Payment { disputes: vec![dispute], ..payment.clone() },
        actor: Actor::job("payments"),
    };
    let random = world.app.random().clone();
    world.app.db().write(move |tx| credits::reverse(tx, &asked, &random)).await.expect("reversed");
}

async fn a_freeze_over_a_hold(kind: Kind) {
    for (verdict, after_release, after_capture) in
        [(DisputeState::Won, [10, 0, 0], [4, 0, 0]), (DisputeState::Lost, [0, 0, 0], [0, 0, 6])]
    {
        for captures in [false, true] {
            let world = World::new(kind).await;
            let given = world.give("team", "10", &json!({})).await;
            let grant: GrantId = given["id"].as_str().expect("an id").parse().expect("a grant's id");
            let payment = Payment::new("pi_1".into(), 1000, vec![grant], Amount::parse("10").expect("10"), true);
            let held = hold(&world, "6", "h", &json!({})).await;
            judge(&world, &payment, DisputeState::Open).await;
            // The 4 are frozen; the 6 stay the hold's.
            is(&world, [0, 10, 0]).await;
            world.spend("team", "1", "s").await.refused(402, "insufficient_credits");
            if captures {
                assert_eq!(micros(&capture(&world, &held, "6").await.ok()["consumed"]), 6_000_000);
                is(&world, [0, 4, 0]).await;
            } else {
                release(&world, &held).await.ok();
                is(&world, [0, 10, 0]).await;
            }
            judge(&world, &payment, verdict).await;
            is(&world, if captures { after_capture } else { after_release }).await;
            judge(&world, &payment, verdict).await;
            is(&world, if captures { after_capture } else { after_release }).await;
        }
    }
}
