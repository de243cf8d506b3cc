//! Many callers at once: what is accepted is exact, on one node and on two.

use crate::credits::world::{World, both, micros};
use futures_util::future::join_all;
use purser::platform::{db::Kind, fault::FaultPlan};
use serde_json::{Value, json};

both! {
    a_wallet_of_1000_single_credits_and_256_callers
    one_key_raced_by_64_callers
    everything_at_once_adds_up
    an_unknown_customer_raced
    a_grant_ends_while_64_spend
}

/// Spends single credits, each with its own key, until one is refused; answers the parts spent.
async fn drain(world: &World, caller: usize) -> Vec<Value> {
    let mut spent = Vec::new();
    loop {
        let answer = world.spend("team", "1", &format!("c{caller}-{}", spent.len())).await;
        if answer.status != 200 {
            let error = answer.refused(402, "insufficient_credits");
            assert_eq!(micros(&error["available"]), 0);
            return spent;
        }
        spent.push(answer.json()["grants"].clone());
    }
}

/// Three grants of 1,000 in all, spent by 256 callers spread over `nodes`.
async fn race(nodes: &[&World]) {
    let world = nodes[0];
    for (amount, priority) in [("500", 10), ("300.5", 20), ("199.5", 30)] {
        world.give("team", amount, &json!({ "priority": priority })).await;
    }
    let spent: Vec<Value> = join_all((0..256).map(|caller| drain(nodes[caller % nodes.len()], caller)))
        .await
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(spent.len(), 1000, "every credit is spent once");
    let parts = spent.iter().flat_map(|parts| parts.as_array().expect("parts"));
    assert_eq!(parts.map(|part| micros(&part["amount"])).sum::<i64>(), 1_000_000_000);
    assert_eq!(world.available("team").await, 0);
    assert_eq!(world.number("SELECT COUNT(*) FROM consumptions").await, 1000);
    // Each spend is one entry of one grant, but for the one that takes the halves of two.
    assert_eq!(world.proved().await.entries, 3 + 1001);
}

async fn a_wallet_of_1000_single_credits_and_256_callers(kind: Kind) {
    race(&[&World::new(kind).await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wallet_of_1000_single_credits_and_256_callers_on_two_nodes() {
    let world = World::new(Kind::Postgres).await;
    let other = world.node(FaultPlan::default());
    race(&[&world, &other]).await;
}

async fn one_key_raced_by_64_callers(kind: Kind) {
    let world = World::new(kind).await;
    world.give("team", "10", &json!({})).await;
    let raced = || async { join_all((0..64).map(|_| world.spend("team", "3", "same"))).await };
    let answers: Vec<Value> = raced().await.iter().map(|answer| answer.ok()).collect();
    one_and_replays(&answers);
    assert_eq!(world.available("team").await, 7_000_000);
    let asked = json!({ "customer_id": "team", "amount": 2, "idempotency_key": "held" });
    let holds = join_all((0..64).map(|_| world.post("/holds", &asked))).await;
    one_and_replays(&holds.iter().map(|answer| answer.ok()).collect::<Vec<_>>());
    let asked = json!({ "amount": 5, "source_id": "once" });
    let grants = join_all((0..64).map(|_| world.post("/customers/team/grants", &asked))).await;
    let ids: std::collections::BTreeSet<String> = grants.iter().map(|answer| answer.ok()["id"].to_string()).collect();
    assert_eq!(ids.len(), 1, "one source grants once");
    assert_eq!(world.available("team").await, 10_000_000);
    world.proved().await;
}

/// One first answer, and the same again but for `replayed`.
fn one_and_replays(answers: &[Value]) {
    let replays = answers.iter().filter(|answer| answer["replayed"] == true).count();
    assert_eq!(replays, answers.len() - 1);
    let bare = |answer: &Value| {
        let mut answer = answer.clone();
        answer["replayed"] = Value::Null;
        answer
    };
    answers.iter().for_each(|answer| assert_eq!(bare(answer), bare(&answers[0])));
}

/// What one of the callers of [`everything_at_once_adds_up`] moved, in millionths.
#[derive(Default)]
struct Moved {
    granted: i64,
    spent: i64,
    returned: i64,
}

async fn everything_at_once_adds_up(kind: Kind) {
    let world = World::new(kind).await;
    world.give("team", "100", &json!({})).await;
    let nodes = if kind == Kind::Postgres { vec![world.node(FaultPlan::default())] } else { Vec::new() };
    let at = |caller: usize| nodes.get(caller % 2).unwrap_or(&world);
    let moved = join_all((0..48).map(|caller| work(at(caller), caller))).await;
    let sum = |of: fn(&Moved) -> i64| moved.iter().map(of).sum::<i64>();
    let granted = 100_000_000 + sum(|moved| moved.granted);
    let balance = world.balance("team").await;
    assert_eq!(micros(&balance["held"]), 0, "every hold was captured or released");
    assert_eq!(micros(&balance["available"]), granted - sum(|moved| moved.spent) + sum(|moved| moved.returned));
    assert!(sum(|moved| moved.spent) > granted / 2 && sum(|moved| moved.returned) > 0);
    world.proved().await;
}

/// Spends, holds, captures, releases, gives and returns, one after another.
async fn work(world: &World, caller: usize) -> Moved {
    let mut moved = Moved::default();
    for round in 0..6 {
        let key = |what: &str| format!("{what}-{caller}-{round}");
        if caller.is_multiple_of(4) {
            world.give("team", "1.5", &json!({ "source_id": key("g"), "priority": caller })).await;
            moved.granted += 1_500_000;
        }
        let spent = world.spend("team", "1.25", &key("s")).await;
        if spent.status == 200 {
            moved.spent += 1_250_000;
            if caller.is_multiple_of(3) {
                let path = format!("/consumptions/{}/return", spent.json()["id"].as_str().expect("an id"));
                world.post(&path, &json!({ "amount": "0.75", "idempotency_key": key("r") })).await.ok();
                moved.returned += 750_000;
            }
        }
        let asked = json!({ "customer_id": "team", "amount": 2, "idempotency_key": key("h"), "mode": "partial" });
        let held = world.post("/holds", &asked).await;
        if held.status != 200 {
            held.refused(402, "insufficient_credits");
            continue;
        }
        let id = held.json()["id"].as_str().expect("an id").to_owned();
        if caller.is_multiple_of(2) {
            let captured = world.post(&format!("/holds/{id}/capture"), &json!({ "amount": "0.25" })).await.ok();
            moved.spent += micros(&captured["consumed"]);
        } else {
            world.post(&format!("/holds/{id}/release"), &json!({})).await.ok();
        }
    }
    moved
}

async fn an_unknown_customer_raced(kind: Kind) {
    let world = World::new(kind).await;
    let node = (kind == Kind::Postgres).then(|| world.node(FaultPlan::default()));
    let nodes = [&world, node.as_ref().unwrap_or(&world)];
    let first = (0..64).map(|at| {
        let world = nodes[at % 2];
        async move {
            match at % 4 {
                0 => world.post("/customers/new/grants", &json!({ "amount": 1, "source_id": at.to_string() })).await,
                1 => {
                    world
                        .post("/customers/new/adjust", &json!({ "amount": 1, "idempotency_key": at.to_string() }))
                        .await
                }
                2 => world.put("/customers/new", &json!({ "name": "New" })).await,
                _ => {
                    let body = json!({ "customer_id": "new", "amount": 999, "idempotency_key": at.to_string() });
                    let refused = world.post("/consume", &body).await;
                    refused.refused(402, "insufficient_credits");
                    world.get("/customers/new").await
                }
            }
        }
    });
    for answer in join_all(first).await {
        assert!(answer.status == 200 || answer.status == 201, "{}", answer.text);
    }
    assert_eq!(world.number("SELECT COUNT(*) FROM customers").await, 1);
    assert_eq!(world.available("new").await, 32_000_000);
    world.proved().await;
}

/// The clock passes a grant's end while 64 callers spend: the ledger has nothing of it at or after that instant.
async fn a_grant_ends_while_64_spend(kind: Kind) {
    let world = World::new(kind).await;
    let end = world.now().plus_seconds(1);
    let more = json!({ "priority": 1, "expires_at": end.to_string() });
    let ending = world.give("team", "100000", &more).await["id"].as_str().expect("an id").to_owned();
    world.give("team", "100000", &json!({ "priority": 2 })).await;
    let callers = join_all((0..64).map(|caller| {
        let (world, ending) = (&world, &ending);
        async move {
            let mut before = 0;
            for round in 0..16 {
                if caller == 0 {
                    world.clock.advance(125_000);
                }
                let asked = world.now();
                let spent = world.spend("team", "1", &format!("e{caller}-{round}")).await.ok();
                let of_ending = spent["grants"][0]["grant_id"] == ending.as_str();
                before += i64::from(of_ending);
                assert!(!of_ending || asked < end, "asked for at or after the end, and taken from what had ended");
            }
            before
        }
    }))
    .await;
    let before: i64 = callers.iter().sum();
    assert!(before > 0 && before < 64 * 16, "{before}: the end fell among the spends");
    let path = format!("/customers/team/ledger?grant={ending}&kind=spend&from={end}");
    assert_eq!(world.get(&path).await.ok()["data"], json!([]), "nothing of it at or after its end");
    let grants = world.get("/customers/team/grants").await.ok();
    let ended = grants["data"].as_array().expect("grants").iter().find(|grant| grant["id"] == ending.as_str());
    let ended = ended.expect("it is listed");
    assert_eq!(micros(&ended["spent"]), before * 1_000_000, "everything before stands");
    assert_eq!(micros(&ended["expired"]), (100_000 - before) * 1_000_000);
    world.proved().await;
}
