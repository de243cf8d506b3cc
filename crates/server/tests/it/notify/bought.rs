//! What is told of purchases: money that did not come, money that went back, disputes.

use super::notices_of;
use crate::{
    payments::{Shop, text},
    subscriptions::{again, of_kind},
    world::BOTH,
};
use serde_json::{Value, json};

const FIVE_DAYS: i64 = 5 * super::DAY;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_debit_that_failed_is_told_once() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let checkout = shop.checkout("pack-50").await;
        shop.pay(&checkout, "pm_usBankAccount_insufficientFunds").await;
        shop.deliver().await;
        assert!(notices_of(&shop.world, "acme", "purchase_failed").await.is_empty(), "{kind:?}: it is on its way");
        shop.pass(FIVE_DAYS).await;
        let failed = of_kind(&shop.undelivered().await, "checkout.session.async_payment_failed");
        assert_eq!(failed.len(), 1, "{kind:?}");
        shop.deliver().await;
        shop.deliver_these(&[again(&failed[0], "again")]).await;
        let told = notices_of(&shop.world, "acme", "purchase_failed").await;
        assert_eq!(told.len(), 1, "{kind:?}: {told:?}");
        let purchase = shop.purchases().await.remove(0);
        let data = json!({
            "purchase_id": purchase["id"], "session_id": checkout["session_id"], "amount": 500, "currency": "usd",
        });
        assert_eq!((&told[0]["severity"], &told[0]["data"]), (&json!("urgent"), &data), "{kind:?}");
    }
}

/// What acme is told of money that went back.
async fn refunds(shop: &Shop) -> Vec<Value> {
    notices_of(&shop.world, "acme", "purchase_refunded").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refunds_and_disputes_are_told_once_each() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let purchase = shop.buys("pack-50", "pm_card_visa").await;
        assert!(refunds(&shop).await.is_empty(), "{kind:?}");
        let paid = notices_of(&shop.world, "acme", "purchase_paid").await;
        let data = json!({ "purchase_id": purchase["id"], "amount": 500, "currency": "usd" });
        assert_eq!((paid.len(), &paid[0]["data"]), (1, &data), "{kind:?}");
        shop.refund(&purchase, Some(100)).await;
        let events = shop.undelivered().await;
        assert!(events.iter().filter(|event| text(&event["type"]).contains("refund")).count() > 1, "{kind:?}");
        shop.deliver_these(&events).await;
        let told = refunds(&shop).await;
        assert_eq!(told.len(), 1, "{kind:?}: {told:?}");
        assert_eq!(told[0]["data"]["amount_refunded"], 100, "{kind:?}");
        shop.refund(&purchase, None).await;
        let mut later = shop.undelivered().await;
        // The last first, and those of the first refund once more.
        later.reverse();
        later.extend(events.iter().map(|event| again(event, "again")));
        shop.deliver_these(&later).await;
        let mut sums: Vec<i64> =
            refunds(&shop).await.iter().map(|notice| notice["data"]["amount_refunded"].as_i64().unwrap()).collect();
        sums.sort_unstable();
        assert_eq!(sums, [100, 500], "{kind:?}");
        let second = shop.buys("pack-50", "pm_card_visa").await;
        shop.dispute(&second).await;
        shop.deliver().await;
        shop.decide(&second, "win").await;
        shop.deliver().await;
        let disputes = notices_of(&shop.world, "acme", "dispute_opened").await;
        assert_eq!(disputes.len(), 1, "{kind:?}: {disputes:?}");
        assert_eq!(disputes[0]["data"]["purchase_id"], second["id"], "{kind:?}");
        assert_eq!(refunds(&shop).await.len(), 2, "{kind:?}: a dispute is no refund");
    }
}
