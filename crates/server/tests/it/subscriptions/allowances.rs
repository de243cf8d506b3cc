//! Allowances by subscriptions: what Stripe says a customer bought is what it has, in the transaction that mirrors it.

use super::{Stage, again, of_kind};
use crate::world::BOTH;
use purser::features::{credits, subscriptions};
use serde_json::{Value, json};

/// A plan that gives so much a month, sold by `price`; without one it is the default plan.
async fn plan(stage: &Stage, family: &str, rank: u32, amount: i64, price: Option<&str>) {
    let prices: Vec<Value> = price
        .iter()
        .map(|price| json!({ "stripe_price_id": price, "currency": "usd", "unit_amount": 2000, "interval": "month" }))
        .collect();
    let credits = json!({ "amount": amount, "period": "month" });
    let mut body = json!({ "family": family, "rank": rank, "prices": prices, "credits": credits });
    body["is_default"] = json!(price.is_none());
    stage.world.admin("POST", "/api/v1/admin/subscription-plans", &body.to_string()).await;
}

/// What a customer can spend.
async fn available(stage: &Stage, customer: &str) -> Value {
    stage.world.admin("GET", &format!("/api/v1/customers/{customer}/balance"), "").await["available"].clone()
}

async fn spend(stage: &Stage, customer: &str, amount: i64, key: &str) {
    let body = json!({ "customer_id": customer, "amount": amount, "idempotency_key": key }).to_string();
    stage.world.admin("POST", "/api/v1/consume", &body).await;
}

async fn proved(stage: &Stage) {
    let verified = credits::verify(stage.app.db(), |_, _| {}).await.unwrap();
    assert!(verified.flaws.is_empty(), "{:#?}", verified.flaws);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_gives_the_difference_an_end_takes_it_and_a_new_subscription_gives_nothing_twice() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let price = stage.price(2000).await;
        plan(&stage, "free", 0, 5, None).await;
        plan(&stage, "pro", 10, 20, Some(&price)).await;
        let customer = stage.customer("acme").await;
        assert_eq!(available(&stage, "acme").await, json!(5), "{kind:?}");
        spend(&stage, "acme", 3, "a").await;
        let made = stage.subscribe(&customer, &[&price]).await;
        stage.tell_all(&made.id).await;
        assert_eq!(available(&stage, "acme").await, json!(17), "{kind:?}: 3 of 5 used, then PRO");
        let told = stage.told(&made.id).await;
        stage.tell(&[again(&told[0], "late")]).await;
        assert_eq!(available(&stage, "acme").await, json!(17), "{kind:?}: told again");
        stage.end(&made.id).await;
        stage.tell(&of_kind(&stage.told(&made.id).await, "customer.subscription.deleted")).await;
        assert_eq!(available(&stage, "acme").await, json!(2), "{kind:?}: back to FREE");
        let anew = stage.subscribe(&customer, &[&price]).await;
        stage.tell_all(&anew.id).await;
        assert_eq!(available(&stage, "acme").await, json!(2), "{kind:?}: 20 were given for the month");
        proved(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_subscriptions_give_the_better_plan_and_ending_it_leaves_the_other() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let (cheap, dear) = (stage.price(2000).await, stage.price(5000).await);
        plan(&stage, "pro", 10, 20, Some(&cheap)).await;
        plan(&stage, "max", 20, 50, Some(&dear)).await;
        let customer = stage.customer("acme").await;
        assert_eq!(available(&stage, "acme").await, json!(0), "{kind:?}: there is no default plan");
        let one = stage.subscribe(&customer, &[&cheap]).await;
        let other = stage.subscribe(&customer, &[&dear]).await;
        stage.tell_all(&other.id).await;
        stage.tell_all(&one.id).await;
        assert_eq!(available(&stage, "acme").await, json!(50), "{kind:?}");
        stage.end(&other.id).await;
        stage.tell(&of_kind(&stage.told(&other.id).await, "customer.subscription.deleted")).await;
        spend(&stage, "acme", 1, "a").await;
        assert_eq!(available(&stage, "acme").await, json!(19), "{kind:?}");
        stage.end(&one.id).await;
        stage.tell(&of_kind(&stage.told(&one.id).await, "customer.subscription.deleted")).await;
        assert_eq!(available(&stage, "acme").await, json!(0), "{kind:?}");
        proved(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_mirrored_before_its_customer_was_known_gives_once_it_is() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let price = stage.price(2000).await;
        plan(&stage, "pro", 10, 20, Some(&price)).await;
        let payer = stage.payer("pm_card_visa").await;
        let made = stage.subscribe(&payer, &[&price]).await;
        stage.tell_all(&made.id).await;
        stage.is("late", &payer).await;
        assert_eq!(available(&stage, "late").await, json!(0), "{kind:?}");
        subscriptions::bind_known(&stage.app).await.unwrap();
        assert_eq!(available(&stage, "late").await, json!(20), "{kind:?}");
        proved(&stage).await;
    }
}

/// Credits by the calendar and those of paid periods alike: an add-on takes no plan's place, nor another add-on's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn add_ons_give_beside_the_plan_under_keys_of_their_own() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let prices = [stage.price(2000).await, stage.price(500).await, stage.price(700).await];
        plan(&stage, "pro", 10, 20, Some(&prices[0])).await;
        for (family, price, amount, period) in
            [("storage", &prices[1], 7, "month"), ("boost", &prices[2], 100, "billing")]
        {
            let price = json!({ "stripe_price_id": price, "currency": "usd", "unit_amount": 500, "interval": "month" });
            let credits = json!({ "amount": amount, "period": period });
            let body = json!({ "family": family, "kind": "add_on", "rank": 1, "prices": [price], "credits": credits });
            stage.world.admin("POST", "/api/v1/admin/subscription-plans", &body.to_string()).await;
        }
        let customer = stage.customer("acme").await;
        let made = stage.subscribe(&customer, &[&prices[0], &prices[1], &prices[2]]).await;
        stage.tell_all(&made.id).await;
        assert_eq!(available(&stage, "acme").await, json!(127), "{kind:?}");
        spend(&stage, "acme", 1, "a").await;
        let list = stage.world.admin("GET", "/api/v1/customers/acme/grants?limit=100", "").await;
        let mut sources: Vec<&str> =
            list["data"].as_array().unwrap().iter().map(|grant| grant["source_id"].as_str().unwrap()).collect();
        sources.sort_unstable();
        let groups: Vec<&str> = sources.iter().map(|source| source.rsplit_once(':').unwrap().0).collect();
        assert_eq!(groups, ["add-on:boost", "add-on:storage", "base"], "{kind:?} {sources:?}");
        proved(&stage).await;
    }
}
