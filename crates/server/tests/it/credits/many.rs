//! A wallet of 500 open grants: its row stays small, the spend order right, and what waits starts and ends on time.

use super::world::{World, both, micros};
use futures_util::{StreamExt as _, stream};
use purser::platform::db::Kind;
use serde_json::{Value, json};

both! { five_hundred_grants_are_spent_in_order what_waits_starts_and_ends_on_time }

/// Gives 500 grants of 1 to 3 credits, told by their number, 32 at a time.
async fn give_500(world: &World, terms: impl Fn(u64) -> Value) {
    let gifts = (0..500).map(|at| {
        let mut more = terms(at);
        more["source_id"] = json!(format!("g{at}"));
        async move { world.give("team", &format!("{}", at % 3 + 1), &more).await }
    });
    stream::iter(gifts).buffer_unordered(32).for_each(|_| async {}).await;
}

/// Every grant, page by page.
async fn listed(world: &World, filter: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("/customers/team/grants?limit=70{filter}{after}")).await.ok();
        all.extend(page["data"].as_array().expect("a page").iter().cloned());
        let last = all.last().map(|grant: &Value| grant["id"].as_str().expect("an id").to_owned());
        match (page["has_more"] == true, last) {
            (true, Some(last)) => after = format!("&starting_after={last}"),
            _ => return all,
        }
    }
}

async fn body_size(world: &World) -> usize {
    world.rows("SELECT body FROM wallets").await[0].bytes(0).expect("bytes").len()
}

async fn five_hundred_grants_are_spent_in_order(kind: Kind) {
    let world = World::new(kind).await;
    let end = |at: u64| world.now().plus_seconds(i64::try_from(at * 7919 % 400 + 100_000).expect("small")).to_string();
    give_500(&world, |at| match at % 5 {
        0 => json!({ "priority": at % 7 }),
        _ => json!({ "priority": at % 7, "expires_at": end(at) }),
    })
    .await;
    let small = body_size(&world).await;
    assert!(small < 4000, "the row of 500 grants has {small} bytes");
    let balance = world.balance("team").await;
    assert_eq!((balance["grants"].as_array().expect("grants").len(), &balance["more_grants"]), (20, &json!(true)));
    let mut grants = listed(&world, "").await;
    assert_eq!(grants.len(), 500);
    let total = grants.iter().map(|grant| micros(&grant["granted"])).sum::<i64>();
    assert_eq!(micros(&balance["available"]), total);
    grants.sort_by_key(|grant| {
        let end = grant["expires_at"].as_str().unwrap_or("9999").to_owned();
        let id = grant["id"].as_str().expect("an id").to_owned();
        (grant["priority"].as_u64(), end, grant["effective_at"].as_str().map(str::to_owned), id)
    });
    let expected: Vec<(Value, i64)> = grants.iter().map(|one| (one["id"].clone(), micros(&one["granted"]))).collect();
    let first: Vec<Value> = expected.iter().take(20).map(|(id, _)| id.clone()).collect();
    let shown: Vec<Value> = balance["grants"].as_array().expect("grants").iter().map(|one| one["id"].clone()).collect();
    assert_eq!(shown, first, "a balance lists the first in spend order");
    let mut parts: Vec<(Value, i64)> = Vec::new();
    for at in 0..total / 2_500_000 {
        let spent = world.spend("team", "2.5", &format!("s{at}")).await.ok();
        for part in spent["grants"].as_array().expect("parts") {
            let amount = micros(&part["amount"]);
            match parts.last_mut().filter(|last| last.0 == part["grant_id"]) {
                Some(last) => last.1 += amount,
                None => parts.push((part["grant_id"].clone(), amount)),
            }
        }
        assert!(body_size(&world).await < 4000);
    }
    parts.pop();
    assert!(parts.len() > 490 && parts[..] == expected[..parts.len()], "in spend order, each to its end");
    let open = listed(&world, "&open=true").await;
    let all = listed(&world, "").await;
    assert!(open.len() < 5 && all.len() == 500, "{} open of {}", open.len(), all.len());
    let left = all.iter().map(|grant| micros(&grant["remaining"])).sum::<i64>();
    assert_eq!(left, world.available("team").await, "the pages show the figures of now");
    world.proved().await;
}

async fn what_waits_starts_and_ends_on_time(kind: Kind) {
    let world = World::new(kind).await;
    let from = world.now();
    let instant = |at: u64, more: i64| from.plus_seconds(i64::try_from(at).expect("small") + more).to_string();
    // Grant n is usable from second n + 1 until second n + 21.
    give_500(&world, |at| json!({ "effective_at": instant(at, 1), "expires_at": instant(at, 21) })).await;
    assert_eq!(world.available("team").await, 0, "none has started");
    let credits = |at: i64| at.rem_euclid(3) + 1;
    let mut spent = 0;
    for second in 1..=530_i64 {
        world.advance(1);
        if second % 23 != 0 {
            continue;
        }
        // The first 7 that are usable now are spent up; those before them are over by now.
        let usable: Vec<i64> = (0..500).filter(|at| (at + 1..at + 21).contains(&second)).collect();
        let sum: i64 = usable.iter().map(|at| credits(*at)).sum();
        assert_eq!(world.available("team").await, sum * 1_000_000, "at second {second}");
        let amount: i64 = usable.iter().take(7).map(|at| credits(*at)).sum();
        if amount > 0 {
            let answer = world.spend("team", &amount.to_string(), &format!("s{second}")).await.ok();
            assert_eq!(answer["grants"].as_array().expect("parts").len(), usable.len().min(7), "at second {second}");
            assert_eq!(micros(&answer["balance"]["available"]), (sum - amount) * 1_000_000);
            spent += amount;
        }
    }
    world.spend("team", "1", "late").await.refused(402, "insufficient_credits");
    let swept = purser::features::credits::expire_grants(world.app.db(), world.now()).await.expect("a sweep");
    assert_eq!(swept.wallets, 0, "the refused spend has put down what had ended");
    let all = listed(&world, "").await;
    let sum = |name: &str| all.iter().map(|grant| micros(&grant[name])).sum::<i64>();
    assert_eq!((sum("spent"), sum("remaining")), (spent * 1_000_000, 0));
    assert_eq!(sum("expired"), sum("granted") - spent * 1_000_000);
    for line in world.rows("SELECT at, grant_id FROM ledger WHERE cause_id = 'settle'").await {
        let grant = purser_rules::ids::GrantId(line.id(1).expect("an id")).to_string();
        let ended = all.iter().find(|one| one["id"] == grant.as_str()).expect("it is listed");
        assert_eq!(ended["expires_at"], line.ts(0).expect("an instant").to_string(), "it ended at its very instant");
    }
    world.proved().await;
}
