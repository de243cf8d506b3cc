//! Auto top-up goes wrong: a card is declined, Stripe does not answer, the money goes back before it was seen.

use super::{
    Shop,
    auto_top_up::{agreed, give, save, shown, trail, wanted, work},
    text,
};
use crate::{
    inbox::{execute, number, thin},
    notify::notices_of,
    subscriptions::of_kind,
    world::{BOTH, Kind},
};
use purser::platform::db::Value as Sql;
use purser_stripe::calls::{PageOf, payments};
use serde_json::{Value, json};

const PAYMENTS: &str = "/v1/payment_intents";

/// A shop whose `acme` fell below its threshold, with 8 credits left; Stripe's payments meet `fault`.
async fn low(kind: Kind, method: &str, fault: Option<&str>) -> Shop {
    let shop = agreed(kind, method, &json!({})).await;
    give(&shop, 20, "start").await;
    if let Some(fault) = fault {
        shop.fault(Some(&json!({ "kind": fault, "method": "POST", "path": PAYMENTS, "times": 1000 }))).await;
    }
    assert_eq!(shop.spend(12).await, 200);
    shop
}

/// Lets the time come when attempts are looked for.
async fn later(shop: &Shop) {
    let past = shop.world.clock.now().plus_seconds(-1);
    execute(&shop.world, "UPDATE auto_top_up_looks SET look_at = $1", vec![Sql::Ts(past)]).await;
}

/// The payments there are at Stripe: their ids.
async fn payments_made(shop: &Shop) -> Vec<String> {
    let which = payments::Payments { page: PageOf::full(), ..Default::default() };
    shop.read(&payments::list(&which)).await.data.into_iter().map(|intent| intent.id).collect()
}

/// How the last attempt ended, and why.
async fn last(shop: &Shop) -> (Value, Value) {
    let last = shown(shop).await["last_attempt"].clone();
    (last["outcome"].clone(), last["error_code"].clone())
}

/// Why `acme` was told that auto top-up stopped.
async fn stopped(shop: &Shop) -> Vec<Value> {
    let told = notices_of(&shop.world, "acme", "auto_top_up_stopped").await;
    told.iter().map(|notice| notice["data"]["error_code"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_stops_until_a_person_acts() {
    for kind in BOTH {
        for (method, why) in [
            ("pm_card_chargeCustomerFail", "card_declined"),
            ("pm_card_authenticationRequired", "authentication_required"),
        ] {
            let shop = low(kind, method, None).await;
            assert_eq!(work(&shop).await, 1, "{kind:?}");
            assert_eq!(last(&shop).await, (json!("failed"), json!(why)), "{kind:?}");
            assert_eq!(shown(&shop).await["state"], "stopped", "{kind:?} {why}");
            // The event of it tells nothing new, and no further spend tries again.
            shop.deliver().await;
            assert_eq!((shop.spend(1).await, wanted(&shop).await, work(&shop).await), (200, 0, 0), "{kind:?} {why}");
            assert_eq!((shop.balance().await[0], payments_made(&shop).await.len()), (7.0, 1), "{kind:?} {why}");
            assert_eq!(stopped(&shop).await, [json!(why)], "{kind:?}: told once");
            // To agree anew, or to save another card, is not to have looked.
            save(&shop, "pm_card_visa").await;
            let wish = json!({ "threshold": 10, "top_up_plan": "pack-50", "most_a_day": 5, "most_a_month": 5000 });
            let again = shop.world.admin("PUT", "/api/v1/customers/acme/auto_top_up", &wish.to_string()).await;
            assert_eq!(again["state"], "stopped", "{kind:?} {why}");
            let resumed = shop.world.admin("POST", "/api/v1/customers/acme/auto_top_up/resume", "").await;
            assert_eq!((&resumed["state"], work(&shop).await), (&json!("on"), 0), "{kind:?}: that alone buys nothing");
            // On a clock that stands both attempts would be the last one.
            shop.world.clock.advance(1);
            assert_eq!((shop.spend(1).await, work(&shop).await), (200, 1), "{kind:?} {why}");
            assert_eq!((last(&shop).await.0, shop.balance().await[0]), (json!("succeeded"), 56.0), "{kind:?} {why}");
            for (action, lines) in [("begun", 2), ("failed", 1), ("resumed", 1), ("succeeded", 1)] {
                assert_eq!(trail(&shop, &format!("auto_top_up.{action}")).await.len(), lines, "{kind:?} {action}");
            }
            shop.proved().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_nothing_saved_any_more_has_failed() {
    for kind in BOTH {
        let shop = low(kind, "pm_card_visa", None).await;
        let customer = shop.world.admin("GET", "/api/v1/customers/acme", "").await;
        let customer = text(&customer["stripe_customer_id"]).to_owned();
        let page = PageOf::full();
        for method in shop.read(&purser_stripe::calls::customers::payment_methods(&customer, &page)).await.data {
            shop.write(&purser_stripe::calls::customers::detach(&method.id)).await;
        }
        assert_eq!(work(&shop).await, 1, "{kind:?}");
        assert_eq!(last(&shop).await, (json!("failed"), json!("no_payment_method")), "{kind:?}");
        assert_eq!((&shown(&shop).await["state"], payments_made(&shop).await.len()), (&json!("stopped"), 0));
        assert_eq!(stopped(&shop).await, [json!("no_payment_method")], "{kind:?}");
    }
}

/// The answer is lost: the payment was made, and nobody here knows. Nothing more is bought until it is known, by the
/// webhook or by a later look, whichever is first; then its credits are given once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_outcome_blocks_the_next_and_is_settled_once() {
    for kind in BOTH {
        for ways in [["webhook", "look"], ["look", "webhook"], ["thin", "webhook"]] {
            let shop = low(kind, "pm_card_visa", Some("cut_after")).await;
            assert_eq!(work(&shop).await, 1, "{kind:?}");
            assert_eq!(last(&shop).await, (json!("unknown"), Value::Null), "{kind:?}");
            assert_eq!((shop.spend(1).await, work(&shop).await), (200, 1), "{kind:?}");
            shop.fault(None).await;
            assert_eq!((shop.spend(1).await, work(&shop).await), (200, 1), "{kind:?}: wanted again, and blocked");
            assert_eq!(payments_made(&shop).await.len(), 1, "{kind:?}");
            for way in ways {
                if way == "webhook" {
                    assert_eq!(shop.deliver_kinds(&["payment_intent.succeeded"]).await, 1, "{kind:?}");
                } else if way == "thin" {
                    let told = of_kind(&shop.undelivered().await, "payment_intent.succeeded");
                    shop.deliver_these(&[thin(&told[0])]).await;
                } else {
                    later(&shop).await;
                    work(&shop).await;
                }
                assert_eq!(shop.balance().await, [56.0, 0.0, 0.0], "{kind:?} {ways:?} {way}");
                assert_eq!(last(&shop).await.0, json!("succeeded"), "{kind:?} {ways:?} {way}");
            }
            assert_eq!((payments_made(&shop).await.len(), shop.purchases().await.len()), (1, 1), "{kind:?} {ways:?}");
            assert_eq!(trail(&shop, "auto_top_up.succeeded").await.len(), 1, "{kind:?} {ways:?}");
            shop.proved().await;
        }
    }
}

/// After 23 hours Stripe may have forgotten the key: the payment is looked for. One that was never made stops nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_is_too_old_is_looked_for() {
    for kind in BOTH {
        for made in [true, false] {
            let shop = low(kind, "pm_card_visa", Some(if made { "cut_after" } else { "cut_before" })).await;
            work(&shop).await;
            assert_eq!(last(&shop).await.0, json!("unknown"), "{kind:?} {made}");
            shop.fault(None).await;
            let long_ago = shop.world.clock.now().plus_seconds(-(23 * 3600 + 60));
            let sql = "UPDATE stripe_operations SET first_sent = $1 WHERE kind = 'auto_top_up'";
            assert_eq!(execute(&shop.world, sql, vec![Sql::Ts(long_ago)]).await, 1);
            later(&shop).await;
            assert_eq!(work(&shop).await, 1, "{kind:?} {made}");
            let expected = if made { ("succeeded", Value::Null, 58.0) } else { ("failed", json!("not_made"), 8.0) };
            let (outcome, why) = last(&shop).await;
            let found = (outcome.as_str().unwrap(), why, shop.balance().await[0]);
            assert_eq!(found, expected, "{kind:?} {made}");
            assert_eq!(payments_made(&shop).await.len(), usize::from(made), "{kind:?}");
            assert_eq!(shown(&shop).await["state"], "on", "{kind:?} {made}");
            assert!(stopped(&shop).await.is_empty(), "{kind:?} {made}");
            if !made {
                assert_eq!((shop.spend(1).await, work(&shop).await), (200, 1), "{kind:?}");
                assert_eq!(shop.balance().await[0], 57.0, "{kind:?}");
            }
            shop.proved().await;
        }
    }
}

/// Its money goes back before anybody here knew that it came: the refund's event puts down both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_may_pass_the_payment() {
    for kind in BOTH {
        let shop = low(kind, "pm_card_visa", Some("cut_after")).await;
        work(&shop).await;
        shop.fault(None).await;
        let payment = payments_made(&shop).await.remove(0);
        shop.refund(&json!({ "payment_intent": payment }), Some(200)).await;
        assert!(shop.deliver_kinds(&["refund."]).await > 0, "{kind:?}");
        assert_eq!(shop.balance().await, [38.0, 0.0, 0.0], "{kind:?}: 8, and three fifths of 50");
        shop.deliver().await;
        shop.refund(&json!({ "payment_intent": payment }), None).await;
        shop.deliver().await;
        let purchase = shop.purchases().await.remove(0);
        assert_eq!((shop.balance().await[0], &purchase["state"]), (8.0, &json!("refunded")), "{kind:?}");
        assert_eq!(last(&shop).await.0, json!("succeeded"), "{kind:?}: it was paid all the same");
        let told = notices_of(&shop.world, "acme", "purchase_refunded").await;
        let mut sums: Vec<_> = told.iter().map(|told| told["data"]["amount_refunded"].as_i64().unwrap()).collect();
        sums.sort_unstable();
        assert_eq!(sums, [200, 500], "{kind:?}: each is told once");
        shop.proved().await;
    }
}

/// A backup was put back that was made before the attempt: its payment is given by its marks, whichever event is first.
/// One that is marked for nobody here is another's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_whose_attempt_was_lost_is_given_by_its_marks() {
    for kind in BOTH {
        for first in ["payment_intent.succeeded", "refund."] {
            let shop = low(kind, "pm_card_visa", Some("cut_after")).await;
            work(&shop).await;
            shop.fault(None).await;
            for sql in [
                "DELETE FROM auto_top_up_looks",
                "DELETE FROM auto_top_up_attempts",
                "DELETE FROM stripe_operations WHERE kind = 'auto_top_up'",
            ] {
                assert_eq!(execute(&shop.world, sql, vec![]).await, 1, "{kind:?} {sql}");
            }
            let payment = json!({ "payment_intent": payments_made(&shop).await.remove(0) });
            let paid = of_kind(&shop.undelivered().await, "payment_intent.succeeded");
            let other = Shop::beside(kind, shop.world.clock.clone(), shop.sandbox).await;
            other.deliver_these(&paid).await;
            assert_eq!(other.states(&paid).await, [3], "{kind:?} {first}: it has no acme");
            if first == "refund." {
                shop.refund(&payment, Some(200)).await;
            }
            assert!(shop.deliver_kinds(&[first]).await > 0, "{kind:?} {first}");
            let given = if first == "refund." { 38.0 } else { 58.0 };
            assert_eq!(shop.balance().await, [given, 0.0, 0.0], "{kind:?} {first}");
            shop.deliver().await;
            assert_eq!(shop.states(&paid).await, [2], "{kind:?} {first}");
            assert_eq!(shop.balance().await, [given, 0.0, 0.0], "{kind:?} {first}: once");
            shop.refund(&payment, None).await;
            shop.deliver().await;
            let purchases = shop.purchases().await;
            assert_eq!((purchases.len(), &purchases[0]["state"]), (1, &json!("refunded")), "{kind:?} {first}");
            assert_eq!(shop.balance().await, [8.0, 0.0, 0.0], "{kind:?} {first}");
            shop.proved().await;
        }
    }
}

/// While Stripe is away nothing is lost and nothing is bought twice: the customer waits in the queue.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_stripe_is_away_it_waits() {
    for kind in BOTH {
        let shop = low(kind, "pm_card_visa", None).await;
        let away = json!({ "kind": "trouble", "status": 503, "path": "/v1/", "times": 1000 });
        shop.fault(Some(&away)).await;
        assert_eq!((work(&shop).await, wanted(&shop).await), (1, 1), "{kind:?}: it is kept");
        shop.fault(None).await;
        assert_eq!(work(&shop).await, 0, "{kind:?}: not at once");
        let past = shop.world.clock.now().plus_seconds(-1);
        execute(&shop.world, "UPDATE auto_top_up_wants SET run_at = $1", vec![Sql::Ts(past)]).await;
        assert_eq!((work(&shop).await, wanted(&shop).await, shop.balance().await[0]), (1, 0, 58.0), "{kind:?}");
    }
}

/// Nothing can be given to a customer that was archived meanwhile: it is charged for nothing more, and it is not looked
/// for ever. The money that came is given back by a person, and that is no failure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_archived_customer_waited_for_is_neither_sent_nor_looked_for_any_more() {
    for kind in BOTH {
        for (fault, made, outcome) in [("cut_after", 1, "unknown"), ("cut_before", 0, "failed")] {
            let shop = low(kind, "pm_card_visa", Some(fault)).await;
            assert_eq!(work(&shop).await, 1, "{kind:?} {fault}");
            shop.fault(None).await;
            shop.world.admin("DELETE", "/api/v1/customers/acme", "").await;
            later(&shop).await;
            assert_eq!(work(&shop).await, 1, "{kind:?} {fault}: once more");
            let looks = number(&shop.world, "SELECT COUNT(*) AS n FROM auto_top_up_looks").await;
            let payments = payments_made(&shop).await;
            assert_eq!((looks, payments.len()), (0, made), "{kind:?} {fault}");
            assert_eq!(last(&shop).await.0, json!(outcome), "{kind:?} {fault}");
            for payment in payments {
                shop.refund(&json!({ "payment_intent": payment }), None).await;
                let told = of_kind(&shop.undelivered().await, "refund.created");
                shop.deliver_these(&told).await;
                assert_eq!(shop.states(&told).await, [2], "{kind:?}: there is nothing to take back");
            }
            shop.proved().await;
        }
    }
}
