//! Spends that arrive together: in order, each for itself, a bad one alone.

use super::world::{Answer, World, both, micros};
use futures_util::future::join_all;
use purser::{
    features::credits::{Lanes, SpendRequest},
    platform::{
        auth::Actor,
        db::{DbError, Kind},
    },
};
use purser_rules::{
    Amount,
    credit::{CauseKind, Mode},
    ids::{ConsumptionId, CustomerId, Unit},
};
use serde_json::{Value, json};

both! { a_batch_of_1000_in_order_with_keys_twice a_poison_item_fails_alone many_customers_and_units_in_one_batch
calls_about_holds_together }

async fn a_batch_of_1000_in_order_with_keys_twice(kind: Kind) {
    let world = World::new(kind).await;
    world.give("team", "500", &json!({})).await;
    // Every tenth item has the key of the one before it, every hundredth with another amount.
    let item = |at: u64| {
        let (key, amount) = if at % 10 == 9 { (at - 1, 1 + u64::from(at % 100 == 99)) } else { (at, 1) };
        json!({ "customer_id": "team", "amount": amount, "idempotency_key": format!("k{key}") })
    };
    let items: Vec<Value> = (0..1000).map(item).collect();
    let answer = world.post("/consume/batch", &json!({ "items": items })).await.ok();
    let answers = answer["data"].as_array().expect("answers");
    assert_eq!((answers.len(), &answer["has_more"]), (1000, &json!(false)));
    let mut left = 500;
    for (at, answer) in answers.iter().enumerate() {
        let code = answer["error"]["code"].as_str();
        let mismatch = at % 100 == 99 && answers[at - 1]["object"] == "consumption";
        match (at % 10 == 9, left) {
            _ if mismatch => {
                assert_eq!((code, &answer["error"]["param"]), (Some("idempotency_mismatch"), &json!("amount")));
            }
            (true, _) if answers[at - 1]["object"] == "consumption" => {
                assert_eq!((&answer["id"], &answer["replayed"]), (&answers[at - 1]["id"], &json!(true)), "{at}");
            }
            (_, 0) => assert_eq!(code, Some("insufficient_credits"), "{at}: {answer}"),
            _ => {
                left -= 1;
                let available = micros(&answer["balance"]["available"]);
                assert_eq!((&answer["replayed"], available), (&json!(false), left * 1_000_000), "{at}");
            }
        }
    }
    assert_eq!((left, world.available("team").await), (0, 0));
    assert_eq!(world.proved().await.entries, 501);
    let too_many: Vec<Value> = (0..1001).map(item).collect();
    let refused = world.post("/consume/batch", &json!({ "items": too_many })).await.refused(400, "invalid_field");
    assert_eq!(refused["param"], "items");
}

async fn a_poison_item_fails_alone(kind: Kind) {
    let world = World::new(kind).await;
    world.give("team", "100", &json!({})).await;
    let first = world.spend("team", "1", "first").await.ok();
    let taken: ConsumptionId = first["id"].as_str().expect("an id").parse().expect("a consumption's id");
    let spend = |at: u64, id| SpendRequest {
        id,
        customer: CustomerId::new("team").expect("a name"),
        unit: Unit::credits(),
        amount: Amount::parse("1").expect("1"),
        mode: Mode::Reject,
        key: format!("p{at}"),
        user_id: None,
        metadata: None,
        occurred_at: None,
        actor: Actor { kind: CauseKind::Api, id: "test".into(), request: None },
    };
    let new = || ConsumptionId::new(world.now(), world.app.random().number(), taken.bucket());
    let lane = &world.app.part::<Lanes>().spends;
    // An id that is there already: the database refuses the row, and with it the whole batch it is in.
    let answers = join_all((0..60).map(|at| lane.submit(spend(at, if at % 20 == 7 { taken } else { new() })))).await;
    for (at, answer) in answers.iter().enumerate() {
        match answer {
            Err(DbError::Conflict(_)) => assert_eq!(at % 20, 7, "{at}"),
            Ok(Ok(spent)) => assert!(at % 20 != 7 && !spent.replayed, "{at}"),
            other => panic!("{at}: {other:?}"),
        }
    }
    assert_eq!(world.available("team").await, (99 - 57) * 1_000_000);
    assert_eq!(world.number("SELECT COUNT(*) FROM idempotency_keys WHERE operation = 1").await, 1 + 57);
    // The poison's own key was not used up.
    let again = lane.submit(spend(7, new())).await.expect("stored").expect("accepted");
    assert!(!again.replayed);
    world.proved().await;
}

async fn many_customers_and_units_in_one_batch(kind: Kind) {
    let world = World::new(kind).await;
    let names: Vec<String> = (0..40).map(|at| format!("c{at}")).collect();
    for (at, name) in names.iter().enumerate() {
        world
            .give(name, &format!("{}", at + 1), &json!({ "unit": if at % 2 == 0 { "credits" } else { "tokens" } }))
            .await;
    }
    let item = |at: usize, name: &String, unit: &str| json!({ "customer_id": name, "amount": 1, "unit": unit, "idempotency_key": format!("{at}{unit}") });
    let items: Vec<Value> = (0..12)
        .flat_map(|at| names.iter().flat_map(move |name| ["credits", "tokens"].map(|unit| item(at, name, unit))))
        .collect();
    assert_eq!(items.len(), 960);
    let answer = world.post("/consume/batch", &json!({ "items": items })).await.ok();
    let accepted =
        answer["data"].as_array().expect("answers").iter().filter(|one| one["object"] == "consumption").count();
    // Each customer has one wallet with something: as many credits as its place, of which 12 were asked for.
    assert_eq!(accepted, (1..=40).map(|at| at.min(12)).sum::<usize>());
    world.proved().await;
}

/// What was answered to `calls`, all sent at once: `(status, body)` of each.
async fn at_once(world: &World, calls: impl IntoIterator<Item = (String, Value)>) -> Vec<(u16, Value)> {
    let sent = calls.into_iter().map(|(path, body)| async move { world.post(&path, &body).await });
    let told = |answer: Answer| (answer.status, serde_json::from_str(&answer.text).expect("JSON"));
    join_all(sent).await.into_iter().map(told).collect()
}

/// How often each code was answered; `""` for what was done, `"again"` for an earlier answer.
fn counts(answers: &[(u16, Value)]) -> Vec<(String, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    for (_, answer) in answers {
        let done = if answer["replayed"] == true { "again" } else { "" };
        *counts.entry(answer["error"]["code"].as_str().unwrap_or(done).to_owned()).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

async fn calls_about_holds_together(kind: Kind) {
    let world = World::new(kind).await;
    let names: Vec<String> = (0..30).map(|at| format!("c{at}")).collect();
    for name in &names {
        world.give(name, "10", &json!({})).await;
    }
    // One wallet that many are about, with grants in rows of their own beside those in the wallet's.
    world.give("hot", "60", &json!({})).await;
    world.give("hot", "40", &json!({ "effective_at": "2026-12-01T00:00:00Z" })).await;
    world.put("/customers/gone", &json!({})).await;
    world.give("gone", "5", &json!({})).await;
    world.send(world.request("DELETE", "/customers/gone", "")).await;
    let hold = |name: &str, amount: &str, key: String| {
        ("/holds".to_owned(), json!({ "customer_id": name, "amount": amount, "idempotency_key": key }))
    };
    let of_each = names.iter().flat_map(|name| [hold(name, "4", "h".into()), hold(name, "4", "h".into())]);
    let of_one = (0..20).map(|at| hold("hot", "4", format!("h{at}")));
    let wrong = [hold("c0", "5", "h".into()), hold("c1", "7", "more".into()), hold("c2", "99", "much".into())];
    let nobody = [hold("nobody", "1", "h".into()), hold("gone", "1", "h".into())];
    let made = at_once(&world, of_each.chain(of_one).chain(wrong).chain(nobody)).await;
    // Each key once; fifteen times four are the sixty of the one wallet.
    let expected =
        [("", 45), ("again", 30), ("customer_archived", 1), ("idempotency_mismatch", 1), ("insufficient_credits", 8)];
    assert_eq!(counts(&made), expected.map(|(code, count)| (code.to_owned(), count)));
    assert_eq!(world.get("/customers/nobody").await.status, 404, "who is refused is not made");
    assert_eq!((world.available("hot").await, world.available("c0").await), (0, 6_000_000));
    world.proved().await;

    let ids = |name: &str| -> Vec<String> {
        let of = made.iter().filter(|(_, hold)| hold["customer_id"] == name && hold["replayed"] == false);
        of.map(|(_, hold)| hold["id"].as_str().expect("an id").to_owned()).collect()
    };
    let about = |id: &str, what: &str, body: Value| (format!("/holds/{id}/{what}"), body);
    let mut calls = Vec::new();
    for name in &names {
        let id = &ids(name)[0];
        // Captured, asked again with the key, without it, and released: one of the last three may come first.
        calls.push(about(id, "capture", json!({ "amount": 3, "idempotency_key": "c" })));
        calls.push(about(id, "capture", json!({ "amount": 3, "idempotency_key": "c" })));
        calls.push(about(id, "capture", json!({ "amount": 3 })));
    }
    for (at, id) in ids("hot").iter().enumerate() {
        calls.push(about(id, if at % 2 == 0 { "capture" } else { "release" }, json!({})));
    }
    calls.push(about(&ids("c0")[0].replace(|c: char| c.is_ascii_digit(), "0"), "capture", json!({})));
    let ended = at_once(&world, calls).await;
    let count = |code: &str| counts(&ended).into_iter().find(|(found, _)| found == code).map_or(0, |(_, count)| count);
    // Of three captures of a hold one is done; the key's own second answer is the first one's, or its refusal.
    assert_eq!((count(""), count("unknown_hold")), (30 + 15, 1), "{:?}", counts(&ended));
    assert_eq!(count("again") + count("hold_closed"), 60, "{:?}", counts(&ended));
    for name in &names {
        assert_eq!(world.available(name).await, 7_000_000, "{name}");
    }
    // Eight captured in full, seven released.
    assert_eq!(world.available("hot").await, 28_000_000);
    world.proved().await;
}
