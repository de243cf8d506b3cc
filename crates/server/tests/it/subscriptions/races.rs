//! Who fetched earlier loses against who fetched later, whoever writes first.

use super::{Stage, of_kind};
use crate::world::BOTH;
use futures_util::future::join_all;
use purser::{
    features::subscriptions::{self, Fetched, Unrecorded},
    platform::auth::Actor,
};
use serde_json::json;

/// What Stripe says of a subscription now.
async fn fetched(stage: &Stage, id: &str) -> Fetched {
    subscriptions::fetch(&stage.app, id, None).await.unwrap().unwrap()
}

/// Records what was fetched.
async fn record(stage: &Stage, fetched: &Fetched) -> Result<(), Unrecorded> {
    let (fetched, random) = (fetched.clone(), stage.app.random().clone());
    stage.app.db().write(move |tx| subscriptions::record(tx, &random, &Actor::job("test"), &fetched)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_fetch_that_arrives_after_a_newer_one_loses() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let made = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
        // Of a new one, and of one that is known.
        for quantity in [2, 3] {
            let early = fetched(&stage, &made.id).await;
            stage.seats(&made.id, &made.items.data[0].id, quantity).await;
            let late = fetched(&stage, &made.id).await;
            assert_eq!(record(&stage, &late).await, Ok(()), "{kind:?}");
            assert_eq!(record(&stage, &early).await, Err(Unrecorded::Stale), "{kind:?}");
            let history = stage.history("acme").await;
            assert_eq!(history[0]["items"][0]["quantity"], json!(quantity), "{kind:?}");
        }
        // Something went there and back: what was fetched in between is old, though nothing looks as if it had changed.
        let before = fetched(&stage, &made.id).await;
        stage.seats(&made.id, &made.items.data[0].id, 9).await;
        let between = fetched(&stage, &made.id).await;
        assert_eq!(record(&stage, &before).await, Ok(()), "{kind:?}");
        assert_eq!(record(&stage, &between).await, Err(Unrecorded::Stale), "{kind:?}");
        let history = stage.history("acme").await;
        assert_eq!(history[0]["items"][0]["quantity"], json!(3), "{kind:?}: until it is fetched again");
        let again = fetched(&stage, &made.id).await;
        assert_eq!(record(&stage, &again).await, Ok(()), "{kind:?}");
        assert_eq!(stage.history("acme").await[0]["items"][0]["quantity"], json!(9), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_fetched_at_once_one_writes() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let made = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
        for round in 0..3 {
            let all = join_all((0..16).map(|_| fetched(&stage, &made.id))).await;
            let done = join_all(all.iter().map(|fetched| record(&stage, fetched))).await;
            assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "{kind:?} {round}: {done:?}");
            let stale = done.iter().filter(|done| **done == Err(Unrecorded::Stale)).count();
            assert_eq!(stale, 15, "{kind:?} {round}: {done:?}");
        }
        assert_eq!(stage.history("acme").await.len(), 1, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_invoice_leaves_its_subscription_alone_too() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let made = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
        let told = stage.told(&made.id).await;
        let paid = of_kind(&told, "invoice.paid");
        let invoice = paid[0]["data"]["object"]["id"].as_str().unwrap().to_owned();
        let early = subscriptions::fetch_invoice(&stage.app, &invoice, None).await.unwrap().unwrap();
        stage.tell(&paid).await;
        stage.seats(&made.id, &made.items.data[0].id, 5).await;
        // The subscription is fresh, its invoice is not: neither is written.
        let fresh = fetched(&stage, &made.id).await;
        let (random, actor) = (stage.app.random().clone(), Actor::job("test"));
        let write = stage
            .app
            .db()
            .write(move |tx| subscriptions::record_invoice(tx, &random, &actor, None, &early, Some(&fresh)));
        let done: Result<(), Unrecorded> = write.await;
        assert_eq!(done, Err(Unrecorded::Stale), "{kind:?}");
        assert_eq!(stage.history("acme").await[0]["items"][0]["quantity"], json!(1), "{kind:?}");
    }
}
