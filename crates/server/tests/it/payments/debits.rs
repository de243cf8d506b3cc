//! Bank debits: complete is not paid; the money comes days later, or does not.

use super::Shop;
use crate::{
    notify::notices_of,
    world::{ADMIN, BOTH},
};
use serde_json::json;

const FIVE_DAYS: i64 = 5 * 86_400;
/// In microseconds.
const DAY: i64 = 86_400_000_000;

/// Failures 15 and 16: an unpaid completion gives nothing, and is no failure either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_15_and_16_unpaid_is_pending_and_grants_when_the_money_came() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let checkout = shop.checkout("pack-50").await;
        shop.pay(&checkout, "pm_usBankAccount_success").await;
        shop.deliver().await;
        assert_eq!(shop.balance().await, [0.0, 0.0, 0.0], "{kind:?}: nothing came yet");
        let told = shop.verify(&checkout).await;
        let shown = json!([told["state"], told["already"], told["purchase"]["state"], told["purchase"]["grant_id"]]);
        assert_eq!(shown, json!(["pending", false, "pending", null]), "{kind:?}");
        // The pack is changed meanwhile: what was bought stays what it was.
        let pack = told["purchase"]["top_up_plan_id"].as_str().unwrap();
        shop.world.admin("PATCH", &format!("/api/v1/admin/top-up-plans/{pack}"), r#"{"credits": 7}"#).await;
        shop.pass(FIVE_DAYS).await;
        assert_eq!(shop.deliver_kinds(&["checkout.session.async_payment_succeeded"]).await, 1, "{kind:?}");
        assert_eq!(shop.balance().await, [50.0, 0.0, 0.0], "{kind:?}");
        let told = shop.verify(&checkout).await;
        let shown = json!([told["state"], told["already"], told["purchase"]["state"]]);
        assert_eq!(shown, json!(["done", true, "paid"]), "{kind:?}");
        shop.deliver().await;
        assert_eq!((shop.balance().await, shop.purchases().await.len()), ([50.0, 0.0, 0.0], 1), "{kind:?}");
        shop.proved().await;
    }
}

/// The money came, and its event is delivered before that of the completion; or the return page asks first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_success_may_pass_the_completion_and_the_return_page_both() {
    for kind in BOTH {
        for page_first in [false, true] {
            let shop = Shop::open(kind).await;
            shop.pack("pack-50", 50, 500).await;
            let checkout = shop.checkout("pack-50").await;
            shop.pay(&checkout, "pm_usBankAccount_success").await;
            shop.pass(FIVE_DAYS).await;
            if page_first {
                assert_eq!(shop.verify(&checkout).await["state"], "done");
            }
            assert_eq!(shop.deliver_kinds(&["checkout.session.async_payment_succeeded"]).await, 1);
            assert_eq!(shop.deliver_kinds(&["checkout.session.completed"]).await, 1);
            assert_eq!(shop.balance().await, [50.0, 0.0, 0.0], "{kind:?} {page_first}");
            assert_eq!(shop.purchases().await[0]["state"], "paid");
            shop.proved().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_debit_that_fails_gives_nothing_and_says_so() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let checkout = shop.checkout("pack-50").await;
        shop.pay(&checkout, "pm_usBankAccount_insufficientFunds").await;
        shop.deliver().await;
        assert_eq!(shop.verify(&checkout).await["state"], "pending", "{kind:?}");
        shop.pass(FIVE_DAYS).await;
        shop.deliver().await;
        let told = shop.verify(&checkout).await;
        let shown = json!([told["state"], told["purchase"]["state"], told["purchase"]["grant_id"]]);
        assert_eq!(shown, json!(["failed", "failed", null]), "{kind:?}");
        assert_eq!(shop.balance().await, [0.0, 0.0, 0.0], "{kind:?}");
        // There is room for another try, and it works.
        let again = shop.checkout("pack-50").await;
        assert_ne!(again["session_id"], checkout["session_id"], "{kind:?}");
        shop.pay(&again, "pm_card_visa").await;
        shop.deliver().await;
        assert_eq!(shop.balance().await, [50.0, 0.0, 0.0], "{kind:?}");
        shop.proved().await;
    }
}

/// A bank gives the money of a debit back without a question: the dispute is lost from its beginning.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_debit_that_its_bank_takes_back_takes_the_credits() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let checkout = shop.checkout("pack-50").await;
        shop.pay(&checkout, "pm_usBankAccount_dispute").await;
        shop.deliver().await;
        shop.pass(FIVE_DAYS).await;
        shop.deliver().await;
        assert_eq!(shop.balance().await, [50.0, 0.0, 0.0], "{kind:?}: the money came");
        shop.pass(20 * 86_400).await;
        shop.deliver().await;
        let purchase = shop.purchases().await.remove(0);
        assert_eq!((&purchase["state"], shop.balance().await), (&json!("disputed"), [0.0, 0.0, 0.0]), "{kind:?}");
        assert!(!purchase["grant_id"].is_null(), "it was granted first");
        shop.proved().await;
    }
}

/// The purchase is known and pending. Its money came and goes back, and the event of the refund is the first to tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_that_passes_the_money_is_taken_back_and_told() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let checkout = shop.checkout("pack-50").await;
        shop.pay(&checkout, "pm_usBankAccount_success").await;
        shop.deliver().await;
        let purchase = shop.purchases().await.remove(0);
        assert_eq!(purchase["state"], "pending", "{kind:?}");
        shop.pass(FIVE_DAYS).await;
        shop.refund(&purchase, None).await;
        assert!(shop.deliver_kinds(&["refund.", "charge.refunded"]).await > 0, "{kind:?}");
        for _ in 0..2 {
            let purchase = shop.purchases().await.remove(0);
            assert_eq!((&purchase["state"], shop.balance().await), (&json!("refunded"), [0.0, 0.0, 0.0]), "{kind:?}");
            let told = notices_of(&shop.world, "acme", "purchase_refunded").await;
            assert_eq!((told.len(), &told[0]["data"]["amount_refunded"]), (1, &json!(500)), "{kind:?}");
            shop.deliver().await;
        }
        shop.proved().await;
    }
}

/// Money that is on its way would be paid for nothing. Whether it came or failed, after that the customer may go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_is_archived_only_once_its_money_came_or_failed() {
    for kind in BOTH {
        for method in ["pm_usBankAccount_success", "pm_usBankAccount_insufficientFunds"] {
            let shop = Shop::open(kind).await;
            shop.pack("pack-50", 50, 500).await;
            let checkout = shop.checkout("pack-50").await;
            shop.pay(&checkout, method).await;
            shop.deliver().await;
            let refused = shop.world.ask(ADMIN, "DELETE", "/api/v1/customers/acme", "").await;
            assert_eq!((refused.status, refused.error().0.as_str()), (409, "subscription_live"), "{kind:?} {method}");
            shop.pass(FIVE_DAYS).await;
            shop.deliver().await;
            shop.world.admin("DELETE", "/api/v1/customers/acme", "").await;
            shop.proved().await;
        }
    }
}

/// An end of which nobody hears does not keep a customer for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_that_is_on_its_way_for_ninety_days_hinders_no_archiving() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let checkout = shop.checkout("pack-50").await;
        shop.pay(&checkout, "pm_usBankAccount_processing").await;
        shop.deliver().await;
        shop.world.clock.advance(90 * DAY - DAY / 24);
        assert_eq!(shop.world.ask(ADMIN, "DELETE", "/api/v1/customers/acme", "").await.status, 409, "{kind:?}");
        shop.world.clock.advance(DAY / 12);
        shop.world.admin("DELETE", "/api/v1/customers/acme", "").await;
    }
}

/// Who was archived before the money came was given nothing: when it goes back there is nothing to take, and the events
/// of that are done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_of_an_archived_customer_that_goes_back_is_no_failure() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let checkout = shop.checkout("pack-50").await;
        shop.pay(&checkout, "pm_usBankAccount_success").await;
        // That the payer is done is told late: the customer is archived once its checkout must be over.
        shop.world.clock.advance(26 * DAY / 24);
        shop.world.admin("DELETE", "/api/v1/customers/acme", "").await;
        shop.deliver().await;
        let purchase = shop.purchases().await.remove(0);
        assert_eq!(purchase["state"], "pending", "{kind:?}");
        shop.pass(FIVE_DAYS).await;
        shop.refund(&purchase, None).await;
        let mut events = shop.undelivered().await;
        events.retain(|event| event["type"] == "charge.refunded" || event["type"] == "refund.created");
        shop.deliver_these(&events).await;
        assert_eq!(shop.states(&events).await, [2, 2], "{kind:?}");
        let purchase = shop.purchases().await.remove(0);
        assert_eq!((&purchase["grant_id"], shop.balance().await), (&json!(null), [0.0, 0.0, 0.0]), "{kind:?}");
        // That the money came is still for a person to look at.
        let mut paid = shop.undelivered().await;
        paid.retain(|event| event["type"] == "checkout.session.async_payment_succeeded");
        shop.deliver_these(&paid).await;
        assert_eq!(shop.states(&paid).await, [1], "{kind:?}: it waits to be tried again");
        shop.proved().await;
    }
}
