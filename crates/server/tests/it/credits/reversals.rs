//! Refunds and disputes in every order over storage: the target is reached, debt is exact, and paid first.

use super::world::{SECOND, World, both, merge, micros};
use crate::naive::{G, Naive, P};
use futures_util::{StreamExt as _, stream};
use purser::{
    features::credits::{self, ReversalRequest},
    platform::{auth::Actor, db::Kind, error::Error},
};
use purser_rules::{
    Amount,
    credit::{Dispute, DisputeState, Mode, Payment},
    ids::{CustomerId, GrantId, HoldId, Unit},
};
use serde_json::{Value, json};

both! {
    every_order_of_four_events
    a_loss_is_debt_and_the_next_grant_pays_it
    a_subscription_refund_makes_no_debt
    an_operator_forgives_debt
}

/// What can be said of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Refunded(i64),
    Is(DisputeState),
}

const EVENTS: [Event; 7] = [
    Event::Refunded(300),
    Event::Refunded(700),
    Event::Refunded(1000),
    Event::Is(DisputeState::Open),
    Event::Is(DisputeState::Won),
    Event::Is(DisputeState::Lost),
    Event::Is(DisputeState::Reinstated),
];

/// All ordered choices of four of the events.
fn orders() -> Vec<[Event; 4]> {
    let mut orders = Vec::new();
    for a in EVENTS {
        for b in EVENTS {
            for c in EVENTS {
                for d in EVENTS {
                    let all = [a, b, c, d];
                    if (0..4).all(|i| (i + 1..4).all(|j| all[i] != all[j])) {
                        orders.push(all);
                    }
                }
            }
        }
    }
    orders
}

async fn reverse(world: &World, customer: &str, payment: &Payment) -> Value {
    let asked = ReversalRequest {
        customer: CustomerId::new(customer).expect("a name"),
        unit: Unit::credits(),
        payment: payment.clone(),
        actor: Actor::job("payments"),
    };
    let random = world.app.random().clone();
    let done = world.app.db().write(move |tx| credits::reverse(tx, &asked, &random)).await;
    serde_json::from_slice(&done.unwrap_or_else(|error: Error| panic!("{error:?}")).body).expect("JSON")
}

fn grant_id(given: &Value) -> GrantId {
    given["id"].as_str().expect("an id").parse().expect("a grant's id")
}

/// A payment of 1,000 that gave `given`.
fn payment(given: &Value, makes_debt: bool) -> Payment {
    let granted = Amount::from_micros(micros(&given["granted"])).expect("an amount");
    Payment::new(format!("pi_{}", given["id"]), 1000, vec![grant_id(given)], granted, makes_debt)
}

/// 10.000003 credits, 5 spent and 2 held, then four events, then a grant of 20.
async fn one_order(world: &World, customer: &str, order: [Event; 4]) {
    let now = world.now().micros();
    let mut naive = Naive { settled: now, ..Naive::default() };
    let given = world.give(customer, "10.000003", &json!({})).await;
    let (id, amount) = (grant_id(&given), 10_000_003);
    let grant = |id: GrantId, amount| G {
        id: id.0,
        debt_kind: true,
        priority: 30,
        start: now,
        granted: amount,
        available: amount,
        ..G::default()
    };
    naive.grant(grant(id, amount), now);
    world.spend(customer, "5", "s").await.ok();
    naive.spend(5_000_000, Mode::Reject, now).expect("there is enough");
    let body = json!({ "customer_id": customer, "amount": 2, "idempotency_key": "h" });
    let held = world.post("/holds", &body).await.ok()["id"].as_str().expect("an id").to_owned();
    let hold: HoldId = held.parse().expect("a hold's id");
    naive.hold(hold.0, 2_000_000, Mode::Reject, now + 3600 * SECOND, now).expect("there is enough");
    let (mut payment, mut p, mut lost) = (payment(&given, true), P { grants: vec![id.0], ..P::default() }, false);
    for event in order {
        match event {
            Event::Refunded(money) => payment.refunded = money,
            Event::Is(state) => {
                payment.disputes = vec![Dispute { id: "dp".into(), amount: 500, state, opened_at: world.now() }];
            }
        }
        let answer = reverse(world, customer, &payment).await;
        // What was lost and is open again stays lost.
        for dispute in &mut payment.disputes {
            lost = dispute.state == DisputeState::Lost || lost && dispute.state == DisputeState::Open;
            dispute.state = if lost { DisputeState::Lost } else { dispute.state };
        }
        naive.reverse(&mut p, &payment, now);
        let target = amount * (payment.refunded + if lost { 500 } else { 0 }).min(1000) / 1000;
        assert_eq!(micros(&answer["target"]), target, "{order:?}");
        assert!(target <= amount && p.taken == target, "{order:?}: {p:?}");
        same(world, customer, &naive, order).await;
    }
    world.post(&format!("/holds/{held}/capture"), &json!({})).await.ok();
    naive.capture(hold.0, 2_000_000, now).expect("it is held");
    same(world, customer, &naive, order).await;
    let more = world.give(customer, "20", &json!({})).await;
    naive.grant(grant(grant_id(&more), 20_000_000), now);
    same(world, customer, &naive, order).await;
    let debt = micros(&world.balance(customer).await["debt"]);
    assert_eq!(debt, 0, "{order:?}: debt is paid first");
}

/// The balance is the naive model's.
async fn same(world: &World, customer: &str, naive: &Naive, order: [Event; 4]) {
    let shown = world.balance(customer).await;
    let held: i64 = naive.grants.iter().map(|grant| grant.held + grant.frozen).sum();
    let figures = ["available", "held", "debt"].map(|name| micros(&shown[name]));
    assert_eq!(figures, [naive.available(world.now().micros()), held, naive.debt()], "{order:?}");
}

async fn every_order_of_four_events(kind: Kind) {
    let world = World::new(kind).await;
    let orders = orders();
    assert_eq!(orders.len(), 840);
    let lives = orders.iter().enumerate().map(|(at, order)| {
        let world = &world;
        async move { one_order(world, &format!("team-{at}"), *order).await }
    });
    stream::iter(lives).buffer_unordered(48).for_each(|()| async {}).await;
    assert_eq!(world.proved().await.wallets, 840);
}

async fn a_loss_is_debt_and_the_next_grant_pays_it(kind: Kind) {
    let world = World::new(kind).await;
    let given = world.give("team", "10", &json!({ "expires_at": world.now().plus_seconds(1000).to_string() })).await;
    let spent = world.spend("team", "8", "s").await.ok();
    let mut payment = payment(&given, true);
    payment.refunded = 250;
    assert_eq!(micros(&reverse(&world, "team", &payment).await["target"]), 2_500_000);
    assert_debt(&world, 0, 500_000).await;
    payment.disputes =
        vec![Dispute { id: "dp".into(), amount: 750, state: DisputeState::Lost, opened_at: world.now() }];
    reverse(&world, "team", &payment).await;
    assert_debt(&world, 0, 8_000_000).await;
    for (mode, key) in [("reject", "a"), ("partial", "b"), ("overflow", "c")] {
        let body = json!({ "customer_id": "team", "amount": 1, "mode": mode, "idempotency_key": key });
        world.post("/consume", &body).await.refused(402, "debt_outstanding");
        world.post("/holds", &body).await.refused(402, "debt_outstanding");
    }
    world.give("team", "3", &json!({})).await;
    assert_debt(&world, 0, 5_000_000).await;
    // What was spent comes back: it was taken back already, so it only cuts the debt.
    let path = format!("/consumptions/{}/return", spent["id"].as_str().expect("an id"));
    world.post(&path, &json!({ "amount": 2, "idempotency_key": "r" })).await.ok();
    assert_debt(&world, 0, 3_000_000).await;
    payment.disputes[0].state = DisputeState::Reinstated;
    reverse(&world, "team", &payment).await;
    let balance = world.balance("team").await;
    assert_eq!(micros(&balance["debt"]), 0);
    world.proved().await;
    payment.refunded = 0;
    reverse(&world, "team", &payment).await;
    // Nothing is taken back any more: 10 and 3 given, 6 spent in the end.
    assert_eq!(world.available("team").await, 7_000_000);
    world.proved().await;
}

async fn assert_debt(world: &World, available: i64, debt: i64) {
    let balance = world.balance("team").await;
    assert_eq!((micros(&balance["available"]), micros(&balance["debt"])), (available, debt));
    world.proved().await;
}

async fn a_subscription_refund_makes_no_debt(kind: Kind) {
    let world = World::new(kind).await;
    let given = world.give("team", "10", &json!({})).await;
    world.spend("team", "8", "s").await.ok();
    let mut payment = payment(&given, false);
    payment.refunded = 1000;
    reverse(&world, "team", &payment).await;
    assert_debt(&world, 0, 0).await;
    world.give("team", "5", &json!({})).await;
    assert_debt(&world, 5_000_000, 0).await;
}

async fn an_operator_forgives_debt(kind: Kind) {
    const FORGIVE: &str = "/customers/team/debt/forgive";
    let world = World::new(kind).await;
    let given = world.give("team", "10", &json!({})).await;
    world.spend("team", "10", "s").await.ok();
    let mut payment = payment(&given, true);
    payment.refunded = 1000;
    reverse(&world, "team", &payment).await;
    assert_debt(&world, 0, 10_000_000).await;
    world.post(FORGIVE, &json!({})).await.refused(400, "missing_idempotency_key");
    let part = json!({ "amount": 4, "idempotency_key": "part" });
    let first = world.post(FORGIVE, &part).await.ok();
    assert_eq!((micros(&first["forgiven"]), micros(&first["balance"]["debt"])), (4_000_000, 6_000_000));
    world.spend("team", "1", "no").await.refused(402, "debt_outstanding");
    let more = json!({ "amount": "6.000001", "idempotency_key": "more" });
    let refused = world.post(FORGIVE, &more).await.refused(409, "forgive_exceeds_debt");
    assert_eq!((&refused["param"], micros(&refused["debt"])), (&json!("amount"), 6_000_000));
    let again = world.post(FORGIVE, &part).await.ok();
    let mut replayed = first;
    merge(&mut replayed, &json!({ "replayed": true }));
    assert_eq!(again, replayed);
    assert_debt(&world, 0, 6_000_000).await;
    let rest = json!({ "reason": "goodwill", "idempotency_key": "rest" });
    assert_eq!(micros(&world.post(FORGIVE, &rest).await.ok()["forgiven"]), 6_000_000);
    assert_debt(&world, 0, 0).await;
    // There is nothing left to forgive, and no entry for it.
    let nothing = world.post(FORGIVE, &json!({ "idempotency_key": "nothing" })).await.ok();
    assert_eq!(micros(&nothing["forgiven"]), 0);
    let entries = world.get("/customers/team/ledger?kind=debt_forgiven").await.ok();
    let entries: Vec<_> = entries["data"].as_array().expect("entries").iter().collect();
    let shown = entries.iter().map(|entry| (micros(&entry["amount"]), &entry["cause_kind"], &entry["subject"]));
    let expected = [6_000_000, 4_000_000].map(|amount| (amount, json!("api"), json!("team")));
    assert!(shown.eq(expected.iter().map(|(amount, cause, subject)| (*amount, cause, subject))), "{entries:?}");
    let trail = world.get("/admin/audit?action=debt.forgiven&subject=team").await.ok();
    let mut lines = trail["data"].as_array().expect("lines").iter();
    let line = lines.find(|line| line["after"]["reason"] == "goodwill").expect("a line");
    let figures = [&line["before"]["debt"], &line["after"]["debt"], &line["after"]["forgiven"]].map(micros);
    assert_eq!(figures, [6_000_000, 0, 6_000_000], "{line}");
    // Credits are its own again.
    world.give("team", "3", &json!({})).await;
    world.spend("team", "1", "yes").await.ok();
    assert_debt(&world, 2_000_000, 0).await;
}
