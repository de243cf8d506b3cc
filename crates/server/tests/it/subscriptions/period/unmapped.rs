//! Prices that were in no plan when their subscription was written: once they are, the job gives what was paid for, and no
//! event has to be replayed.

use super::{balance, grants, known, plan, proved};
use crate::{inbox::number, subscriptions::Stage, world::BOTH};
use purser::features::{
    subscriptions::{self, Checked},
    sync::{self, Asked},
};
use purser_stripe::calls::catalog;
use serde_json::{Value, json};
use std::time::Duration;

/// How often the only subscription was written.
const REVISION: &str = "SELECT revision FROM stripe_mirrors WHERE kind = 'subscription'";

/// What a run of the job did.
async fn checked(stage: &Stage) -> Checked {
    subscriptions::check_due(&stage.app).await.unwrap()
}

/// A plan that gives 1000 credits per billing period and is sold by nothing yet; where it is changed.
async fn unsold(stage: &Stage, family: &str) -> String {
    let body = json!({ "family": family, "rank": 10, "credits": { "amount": 1000, "period": "billing" } });
    let made = stage.world.admin("POST", "/api/v1/admin/subscription-plans", &body.to_string()).await;
    format!("/api/v1/admin/subscription-plans/{}", made["id"].as_str().unwrap())
}

/// The family of the plan that acme has.
async fn family(stage: &Stage) -> Value {
    stage.current("acme").await["plan"]["family"].clone()
}

/// The product that `price` is of.
async fn product_of(stage: &Stage, price: &str) -> String {
    stage.client.read(&catalog::price(price)).await.unwrap().value.product.id().to_owned()
}

/// Whether an event told of the subscription, or a sync alone found it, of which there is no event to replay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_that_is_mapped_gives_its_plan_and_its_credits_without_a_replay() {
    for kind in BOTH {
        for by_sync in [false, true] {
            let stage = Stage::new(kind).await;
            let customer = stage.customer("acme").await;
            let price = stage.price(2000).await;
            let made = stage.subscribe(&customer, &[&price]).await;
            if by_sync {
                let quick = Asked { pause: Duration::from_millis(5), ..Asked::default() };
                sync::run(&stage.app, quick, &|_, _| ()).await.unwrap();
            } else {
                stage.tell_all(&made.id).await;
            }
            assert_eq!(checked(&stage).await.mapped, 0, "{kind:?} {by_sync}: nobody knows what the price sells");
            assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?} {by_sync}");
            let plan = unsold(&stage, "pro").await;
            let prices = json!({ "prices": [known(&price, 2000, "month")] });
            stage.world.admin("PATCH", &plan, &prices.to_string()).await;
            let expected = Checked { mapped: 1, checked: 1, failed: 0 };
            assert_eq!(checked(&stage).await, expected, "{kind:?} {by_sync}: the subscription and its invoice");
            assert_eq!(family(&stage).await, json!("pro"), "{kind:?} {by_sync}");
            assert_eq!(balance(&stage).await, [1000.0, 0.0, 0.0], "{kind:?} {by_sync}");
            let history = stage.history("acme").await;
            let item = &history[0]["items"][0];
            assert!(plan.ends_with(item["plan_id"].as_str().unwrap()), "{kind:?} {by_sync}: {item}");
            assert_eq!(checked(&stage).await, Checked::default(), "{kind:?} {by_sync}: nothing is left to do");
            assert_eq!(grants(&stage).await.len(), 1, "{kind:?} {by_sync}");
            let by_job = "SELECT COUNT(*) AS n FROM subscription_changes WHERE cause = 'check-subscriptions'";
            assert_eq!(number(&stage.world, by_job).await, 1, "{kind:?} {by_sync}");
            // What Stripe tells after that finds it so.
            stage.tell_all(&made.id).await;
            assert_eq!(checked(&stage).await, Checked::default(), "{kind:?} {by_sync}");
            assert_eq!(balance(&stage).await, [1000.0, 0.0, 0.0], "{kind:?} {by_sync}");
            proved(&stage).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_of_a_product_that_is_mapped_gives_so_too() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let price = stage.price(2000).await;
        let made = stage.subscribe(&customer, &[&price]).await;
        stage.tell_all(&made.id).await;
        let plan = unsold(&stage, "pro").await;
        let product = json!({ "stripe_product_id": product_of(&stage, &price).await });
        stage.world.admin("PATCH", &plan, &product.to_string()).await;
        assert_eq!(checked(&stage).await, Checked { mapped: 1, checked: 1, failed: 0 }, "{kind:?}");
        assert_eq!(family(&stage).await, json!("pro"), "{kind:?}");
        assert_eq!(balance(&stage).await, [1000.0, 0.0, 0.0], "{kind:?}");
        assert_eq!(checked(&stage).await, Checked::default(), "{kind:?}: nothing is left to do");
        proved(&stage).await;
    }
}

/// It is not written, and Stripe is not asked: not for other prices that are mapped, nor for one that sells a pack, though
/// its product is a plan's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_that_stays_unmapped_is_no_work() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let price = stage.price(2000).await;
        let made = stage.subscribe(&customer, &[&price]).await;
        stage.tell_all(&made.id).await;
        let before = number(&stage.world, REVISION).await;
        plan(&stage, "other", (20, 1000, 2000), json!({})).await;
        let of_pack = json!({ "stripe_price_id": price, "currency": "usd", "unit_amount": 2000 });
        let pack = json!({ "family": "pack", "credits": 10, "price": of_pack });
        stage.world.admin("POST", "/api/v1/admin/top-up-plans", &pack.to_string()).await;
        let product = json!({ "stripe_product_id": product_of(&stage, &price).await });
        stage.world.admin("PATCH", &unsold(&stage, "pro").await, &product.to_string()).await;
        for _ in 0..3 {
            assert_eq!(checked(&stage).await, Checked::default(), "{kind:?}");
        }
        assert_eq!(number(&stage.world, REVISION).await, before, "{kind:?}");
        assert_eq!(family(&stage).await, Value::Null, "{kind:?}");
        proved(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ended_before_its_price_was_mapped_is_left_as_it_is() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let price = stage.price(2000).await;
        let made = stage.subscribe(&customer, &[&price]).await;
        stage.end(&made.id).await;
        stage.tell_all(&made.id).await;
        let before = number(&stage.world, REVISION).await;
        let prices = json!({ "prices": [known(&price, 2000, "month")] });
        stage.world.admin("PATCH", &unsold(&stage, "pro").await, &prices.to_string()).await;
        assert_eq!(checked(&stage).await, Checked::default(), "{kind:?}");
        assert_eq!(number(&stage.world, REVISION).await, before, "{kind:?}");
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}
