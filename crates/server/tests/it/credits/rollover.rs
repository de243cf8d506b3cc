//! Allowances that roll over, as the table of the guide has them: for who is written daily, and for who is not.

use super::{
    allowances::{has_bought, run, until},
    world::{World, both, micros},
};
use purser::platform::db::{Kind, Value as Sql};
use purser_rules::{
    Amount, Time,
    credit::{AllowanceTerms, CarryOver, Giving, GrantState, Span},
    ids::Unit,
};
use serde_json::json;

both! {
    what_is_left_rolls_over_and_is_put_down_for_who_did_not_come
    a_wallet_of_before_it_was_remembered_what_lapsed_is_read
    access_that_ends_unseen_takes_what_waits_too
}

/// A world whose customers have 5 a day, of which at most 3 live on for 2 days.
async fn carrying(kind: Kind) -> World {
    let world = World::new(kind).await;
    let credits = json!({ "amount": 5, "period": "day", "rollover": { "max": 3, "periods": 2 } });
    let free = json!({ "family": "free", "internal_id": "FREE", "is_default": true, "credits": credits });
    world.post("/admin/subscription-plans", &free).await.ok();
    world
}

/// Holds a credit and gives it free again, so that the wallet is written; answers what is available then.
async fn written(world: &World, customer: &str, key: &str) -> i64 {
    let hold = json!({ "customer_id": customer, "amount": 1, "idempotency_key": key });
    let held = world.post("/holds", &hold).await.ok();
    let path = format!("/holds/{}/release", held["id"].as_str().expect("an id"));
    micros(&world.post(&path, &json!({})).await.ok()["balance"]["available"])
}

async fn what_is_left_rolls_over_and_is_put_down_for_who_did_not_come(kind: Kind) {
    let world = carrying(kind).await;
    for customer in ["acme", "daily"] {
        world.put(&format!("/customers/{customer}"), &json!({})).await.ok();
        world.spend(customer, "4", "first").await.ok();
    }
    for (at, available) in [
        ("2026-11-21T23:59:59Z", 1_000_000),
        // Today's 5 and 1 of the 21st.
        ("2026-11-22T00:00:00Z", 6_000_000),
        // 5, 3 of the 22nd and 1 of the 21st.
        ("2026-11-23T00:00:00Z", 9_000_000),
        // 5, 3 of the 23rd and 3 of the 22nd: that of the 21st has had its two days.
        ("2026-11-24T00:00:00Z", 11_000_000),
        ("2026-11-25T00:00:00Z", 11_000_000),
        ("2026-12-09T00:00:00Z", 11_000_000),
    ] {
        until(&world, at);
        let before = world.counts().await;
        assert_eq!(world.available("acme").await, available, "{at}");
        assert_eq!(world.counts().await, before, "{at}: reads write nothing");
        assert_eq!(written(&world, "daily", at).await, available, "{at}: who is written ends alike");
    }
    until(&world, "2026-12-10T00:00:00Z");
    // Nobody spent for weeks: to roll over is a reason.
    let done = run(&world, "reset-credits").await;
    assert_eq!((&done["failed"], &done["allowances"]["due"]), (&json!(0), &json!(2)), "{done}");
    assert_eq!((&done["allowances"]["granted"], &done["allowances"]["skipped"]), (&json!(2), &json!({})), "{done}");
    assert_eq!(world.number("SELECT available FROM wallets WHERE customer = 'acme'").await, 11_000_000, "put down");
    let again = run(&world, "reset-credits").await;
    assert_eq!((&again["wallets"], &again["allowances"]["due"]), (&json!(0), &json!(0)), "once");
    world.proved().await;
    for customer in ["acme", "daily"] {
        let balance = world.balance(customer).await;
        assert_eq!(balance["by_source"], json!({ "allowance": 5, "rollover": 6 }), "{customer}");
        world.spend(customer, "11", "all").await.ok();
        world.spend(customer, "1", "more").await.refused(402, "insufficient_credits");
    }
    // Of a day that was used up nothing is left.
    for (at, available) in [("2026-12-11T00:00:00Z", 5_000_000), ("2026-12-12T00:00:00Z", 8_000_000)] {
        until(&world, at);
        for customer in ["acme", "daily"] {
            assert_eq!(world.available(customer).await, available, "{at} {customer}");
        }
    }
    world.proved().await;
}

async fn a_wallet_of_before_it_was_remembered_what_lapsed_is_read(kind: Kind) {
    let world = carrying(kind).await;
    world.put("/customers/acme", &json!({})).await.ok();
    world.spend("acme", "4", "first").await.ok();
    let mut stored =
        world.rows("SELECT body FROM wallets WHERE customer = 'acme'").await[0].bytes(0).expect("bytes").to_vec();
    // It is the last of the value but what ended, and both are empty.
    assert_eq!((stored[0], stored.pop(), stored.pop()), (4, Some(0), Some(0)));
    stored[0] = 2;
    world.execute("UPDATE wallets SET body = $1 WHERE customer = 'acme'", vec![Sql::Bytes(stored)]).await;
    assert_eq!(world.available("acme").await, 1_000_000);
    world.spend("acme", "1", "rest").await.ok();
    world.proved().await;
}

/// More days live on than stand in the wallet's row. The day in which access ended was never written, so that the cut
/// names no grant of it.
async fn access_that_ends_unseen_takes_what_waits_too(kind: Kind) {
    let world = World::new(kind).await;
    world.put("/customers/acme", &json!({})).await.ok();
    let daily = |until: Option<Time>| {
        let rollover = Some(CarryOver { max: Amount::units(1), periods: 31 });
        let terms = AllowanceTerms { amount: Amount::units(1), rollover, ..AllowanceTerms::nothing(10) };
        let span = Span { from: Time::MIN, until, terms };
        vec![Giving { group: "base".to_owned(), tier: "PRO".to_owned(), unit: Unit::credits(), span }]
    };
    assert!(has_bought(&world, "acme", daily(None)).await);
    until(&world, "2026-12-21T04:00:00Z");
    assert_eq!(world.available("acme").await, 31_000_000, "today's, and one of each of thirty days");
    world.spend("acme", "1", "first").await.ok();
    let states = world.rows("SELECT state FROM grants WHERE customer = 'acme'").await;
    let waits = states.iter().filter(|row| row.i64(0).expect("a state") == GrantState::Waiting as i64);
    assert_eq!(waits.count(), 30 - 24, "the others stand in the row");
    assert!(has_bought(&world, "acme", daily(Some(world.now().plus_seconds(2 * 86_400)))).await);
    until(&world, "2026-12-23T03:59:59Z");
    assert_eq!(world.available("acme").await, 31_000_000, "today's, and those of the last 31 days but the one spent");
    until(&world, "2026-12-24T04:00:00Z");
    assert_eq!(world.available("acme").await, 0);
    world.give("acme", "1", &json!({})).await;
    assert_eq!(world.available("acme").await, 1_000_000, "written, and no more than what was given");
    world.proved().await;
}
