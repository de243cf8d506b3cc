//! Failure 34: the last invoice of a subscription that ended with its period is a draft that nobody collects.

use super::{DAY, Sold, item, metered, subscribe};
use crate::world::BOTH;
use purser::features::payments::{Collected, collect_last_invoices};
use purser_stripe::{
    calls::{PageOf, invoices, meters, subscriptions as calls},
    objects::{Invoice, InvoiceStatus},
};
use serde_json::json;
use std::collections::BTreeMap;

/// The newest invoice of a subscription.
async fn newest(sold: &Sold, subscription: &str) -> Invoice {
    let of =
        invoices::Invoices { subscription: Some(subscription.to_owned()), page: PageOf::full(), ..Default::default() };
    sold.shop.read(&invoices::list(&of)).await.data.remove(0)
}

async fn collect(sold: &Sold) -> Collected {
    collect_last_invoices(&sold.shop.world.app).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_34_what_was_used_until_the_end_is_collected_once() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let counted = metered(&sold.shop, "calls").await;
        let made = subscribe(&sold.shop, &sold.payer, vec![item(&sold.max, Some(1)), item(&counted, None)]).await;
        sold.shop.deliver().await;
        let used = meters::NewMeterEvent {
            event_name: "calls".into(),
            payload: BTreeMap::from([
                ("stripe_customer_id".into(), sold.payer.clone()),
                ("value".into(), "10000".into()),
            ]),
            identifier: "used-1".into(),
            timestamp: made.items.data[0].current_period_start,
        };
        sold.shop.write(&meters::send(&used)).await;
        sold.done("cancel", &json!({ "subscription_id": made.id })).await;
        assert_eq!(collect(&sold).await, Collected::default(), "{kind:?}: it has not ended");
        sold.shop.world.clock.advance(32 * DAY * 1_000_000);
        sold.shop.deliver().await;
        let last = newest(&sold, &made.id).await;
        assert_eq!((last.status, last.total), (Some(InvoiceStatus::Draft), 500), "{kind:?}");
        assert_eq!(last.auto_advance, Some(false), "{kind:?}: left alone it would never be asked for");
        assert_eq!(collect(&sold).await, Collected { subscriptions: 1, invoices: 1, failed: 0 }, "{kind:?}");
        assert_eq!(collect(&sold).await, Collected::default(), "{kind:?}: each is looked at once");
        sold.shop.pass(2 * 3600).await;
        let last = newest(&sold, &made.id).await;
        assert_eq!((last.status, last.amount_paid), (Some(InvoiceStatus::Paid), 500), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drafts_of_periods_that_were_never_paid_stay_drafts() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let collection = |pause| {
            let change = calls::SubscriptionChange { pause_collection: Some(pause), ..Default::default() };
            calls::update(&sold.subscription, &change)
        };
        sold.shop.write(&collection(BTreeMap::from([("behavior", "keep_as_draft".to_owned())]))).await;
        sold.shop.world.clock.advance(32 * DAY * 1_000_000);
        sold.shop.write(&collection(BTreeMap::new())).await;
        assert_eq!(newest(&sold, &sold.subscription).await.status, Some(InvoiceStatus::Draft), "{kind:?}");
        sold.shop.deliver().await;
        sold.done("cancel", &json!({})).await;
        sold.shop.world.clock.advance(32 * DAY * 1_000_000);
        sold.shop.deliver().await;
        assert_eq!(sold.current().await["status"], "canceled", "{kind:?}");
        assert_eq!(collect(&sold).await, Collected { subscriptions: 1, invoices: 0, failed: 0 }, "{kind:?}");
        assert_eq!(newest(&sold, &sold.subscription).await.status, Some(InvoiceStatus::Draft), "{kind:?}");
    }
}

/// A renewal is a draft for an hour. Who ends the subscription within it does not want to pay the new period.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_of_the_period_that_had_just_begun_stays_a_draft() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let period = sold.at_stripe().await.items.data.remove(0);
        let month = period.current_period_end - period.current_period_start;
        sold.shop.world.clock.advance((month + 1200) * 1_000_000);
        sold.shop.deliver().await;
        sold.done("cancel", &json!({ "at": "now" })).await;
        sold.shop.deliver().await;
        assert_eq!(newest(&sold, &sold.subscription).await.status, Some(InvoiceStatus::Draft), "{kind:?}");
        assert_eq!(collect(&sold).await, Collected::default(), "{kind:?}: its last invoice may not be there yet");
        sold.shop.world.clock.advance(600_000_000);
        assert_eq!(collect(&sold).await, Collected { subscriptions: 1, invoices: 0, failed: 0 }, "{kind:?}");
        sold.shop.pass(2 * 3600).await;
        assert_eq!(newest(&sold, &sold.subscription).await.status, Some(InvoiceStatus::Draft), "{kind:?}");
    }
}
