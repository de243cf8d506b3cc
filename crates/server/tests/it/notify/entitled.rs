//! What Stripe says a customer is entitled to: recorded whole.

use super::events_of;
use crate::{
    inbox::{number, send, states, thin},
    subscriptions::{Stage, again},
    world::BOTH,
};
use purser_stripe::{
    Call, Method, Request,
    calls::{PageOf, catalog, customers},
};
use serde_json::Value;

const TOLD: &[&str] = &["entitlements.active_entitlement_summary.updated"];

/// Sends a form to the sandbox.
async fn post(stage: &Stage, path: &str, body: &str) -> Value {
    let request = Request { method: Method::Post, path: path.to_owned(), body: body.to_owned(), object: None };
    stage.write(&Call::<Value>::again(request)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_ten_entitlements_are_all_recorded_and_go_again() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let price = stage.price(2000).await;
        let product = stage.client.read(&catalog::price(&price)).await.unwrap().value.product.id().to_owned();
        for n in 0..12 {
            let body = format!("name=Feature+{n}&lookup_key=feature-{n}");
            let feature = post(&stage, "/v1/entitlements/features", &body).await;
            let body = format!("entitlement_feature={}", feature["id"].as_str().unwrap());
            post(&stage, &format!("/v1/products/{product}/features"), &body).await;
        }
        let made = stage.subscribe(&customer, &[&price]).await;
        let told = events_of(&stage, TOLD).await;
        let shown = &told.last().unwrap()["data"]["object"]["entitlements"];
        assert_eq!((shown["data"].as_array().unwrap().len(), &shown["has_more"]), (10, &true.into()), "{kind:?}");
        stage.tell(&told).await;
        stage.tell(&[again(told.last().unwrap(), "b")]).await;
        let all = stage.client.pages(&customers::entitlements(&customer, &PageOf::full())).all().await.unwrap();
        assert_eq!(all.len(), 12, "{kind:?}");
        let sql = "SELECT COUNT(*) AS n FROM active_entitlements WHERE customer = 'acme'";
        assert_eq!(number(&stage.world, sql).await, 12, "{kind:?}");
        let sql = "SELECT COUNT(DISTINCT lookup_key) AS n FROM active_entitlements";
        assert_eq!(number(&stage.world, sql).await, 12, "{kind:?}");
        // Thin, it names nobody: it is kept, and ignored.
        let thin = thin(told.last().unwrap());
        assert_eq!(thin["related_object"], Value::Null, "{kind:?}");
        send(&stage.world, &thin.to_string()).await;
        stage.act().await;
        assert_eq!(states(&stage.world).await[thin["id"].as_str().unwrap()].0, 3, "{kind:?}");
        stage.end(&made.id).await;
        let ended = events_of(&stage, TOLD).await.split_off(told.len());
        assert!(!ended.is_empty(), "{kind:?}");
        // The one that ends them comes first, and an older one after it.
        stage.tell(&[ended[0].clone(), again(&told[0], "late")]).await;
        assert_eq!(number(&stage.world, "SELECT COUNT(*) AS n FROM active_entitlements").await, 0, "{kind:?}");
    }
}
