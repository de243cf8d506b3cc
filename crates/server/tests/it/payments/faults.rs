//! Stripe fails in the middle: nothing is opened or made twice, and nothing is given twice.

use super::{Shop, text, wanted};
use crate::{
    inbox::number,
    world::{ADMIN, BOTH},
};
use purser::platform::db::{DbError, Value as Sql};
use purser_stripe::{
    calls::{checkout, customers},
    objects::SessionStatus,
};
use serde_json::json;
use std::time::{Duration, Instant};

/// What `acme` is told who asks for a checkout of `pack-50`.
async fn asked(shop: &Shop) -> (u16, String) {
    let body = wanted(&json!({ "customer_id": "acme", "top_up_plan": "pack-50" }));
    let answer = shop.world.ask(ADMIN, "POST", "/api/v1/checkout", body.to_string()).await;
    let code = if answer.status == 200 { String::new() } else { answer.error().0 };
    (answer.status, code)
}

/// The answer is lost, again and again: the customer and the session were made, and are found by the same key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_without_an_answer_is_sent_again_with_its_own_key_and_body() {
    for kind in BOTH {
        for path in ["/v1/customers", "/v1/checkout/sessions"] {
            let shop = Shop::open(kind).await;
            shop.pack("pack-50", 50, 500).await;
            shop.fault(Some(&json!({ "kind": "cut_after", "method": "POST", "path": path, "times": 1000 }))).await;
            for _ in 0..2 {
                assert_eq!(asked(&shop).await, (503, "stripe_unavailable".into()), "{kind:?} {path}");
            }
            // The app changes what the body was made of: what was sent stays what it was.
            shop.world.admin("PUT", "/api/v1/customers/acme", r#"{"name":"Acme & Sons"}"#).await;
            shop.fault(None).await;
            let opened = shop.checkout("pack-50").await;
            assert_eq!((shop.sessions().await.len(), shop.stripe_customers().await), (1, 1), "{kind:?} {path}");
            shop.pay(&opened, "pm_card_visa").await;
            shop.deliver().await;
            assert_eq!(shop.balance().await, [50.0, 0.0, 0.0], "{kind:?} {path}");
        }
    }
}

/// After 23 hours Stripe may have forgotten the key: the customer is looked for before another is made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_is_too_old_is_looked_for() {
    for kind in BOTH {
        for made in [true, false] {
            let shop = Shop::open(kind).await;
            shop.pack("pack-50", 50, 500).await;
            let cut = if made { "cut_after" } else { "cut_before" };
            shop.fault(Some(&json!({ "kind": cut, "method": "POST", "path": "/v1/customers", "times": 1000 }))).await;
            assert_eq!(asked(&shop).await.0, 503, "{kind:?} {made}");
            shop.fault(None).await;
            // As if it had been sent so long ago that its key may be forgotten.
            let day = shop.world.clock.now().plus_seconds(-(23 * 3600 + 60));
            let sql = "UPDATE stripe_operations SET first_sent = $1";
            let moved = shop.world.app.db().write(move |tx| tx.execute(sql, vec![Sql::Ts(day)])).await;
            assert_eq!(moved, Ok::<u64, DbError>(1));
            shop.checkout("pack-50").await;
            let (customers, sessions) = (shop.stripe_customers().await, shop.sessions().await.len());
            assert_eq!((customers, sessions), (1, 1), "{kind:?} {made}");
        }
    }
}

/// Stripe's customer is deleted there, and the app says so: another is made, however well the first is remembered. One
/// that is still there is found again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_that_was_deleted_at_stripe_does_not_come_back() {
    for kind in BOTH {
        for deleted in [true, false] {
            let shop = Shop::open(kind).await;
            shop.pack("pack-50", 50, 500).await;
            let known = async || {
                assert_eq!(asked(&shop).await, (200, String::new()), "{kind:?} {deleted}");
                let customer = shop.world.admin("GET", "/api/v1/customers/acme", "").await;
                text(&customer["stripe_customer_id"]).to_owned()
            };
            let first = known().await;
            let session = shop.sessions().await.remove(0).id;
            if deleted {
                shop.write(&customers::delete(&first)).await;
            } else {
                // The session ends, so that another must be opened for whoever pays then.
                shop.write(&checkout::expire(&session)).await;
            }
            shop.world.admin("PUT", "/api/v1/customers/acme", r#"{"stripe_customer_id":null}"#).await;
            let second = known().await;
            assert_eq!(second == first, !deleted, "{kind:?} {deleted}: {first} {second}");
            // The payer who is gone cannot pay by what was open.
            let left = shop.session(&session).await.status;
            assert_eq!(left, Some(SessionStatus::Expired), "{kind:?} {deleted}");
            assert_eq!(known().await, second, "{kind:?} {deleted}");
            assert_eq!(shop.stripe_customers().await, 1, "{kind:?} {deleted}");
        }
    }
}

/// A session that was never answered, too old to ask again: nobody knows its address, so it is given up for another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_was_never_answered_is_given_up_after_a_day() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let cut = json!({ "kind": "cut_after", "method": "POST", "path": "/v1/checkout/sessions", "times": 1000 });
        shop.fault(Some(&cut)).await;
        assert_eq!(asked(&shop).await.0, 503, "{kind:?}");
        shop.fault(None).await;
        let day = shop.world.clock.now().plus_seconds(-24 * 3600);
        let sql = "UPDATE stripe_operations SET first_sent = $1 WHERE kind = 'checkout_session'";
        let moved = shop.world.app.db().write(move |tx| tx.execute(sql, vec![Sql::Ts(day)])).await;
        assert_eq!(moved, Ok::<u64, DbError>(1));
        let opened = shop.checkout("pack-50").await;
        let sessions = shop.sessions().await;
        assert_eq!(sessions.len(), 2, "{kind:?}");
        // Should somebody pay by the lost one all the same, it is known whose it is, and what it sold.
        let lost = sessions.iter().find(|session| session.id != text(&opened["session_id"])).unwrap().id.clone();
        shop.pay_session(&lost, "pm_card_visa").await;
        shop.deliver().await;
        assert_eq!((shop.balance().await, shop.purchases().await.len()), ([50.0, 0.0, 0.0], 1), "{kind:?}");
        shop.proved().await;
    }
}

/// Stripe keeps its own trouble for the key of a write: an open checkout is ended with another key the next time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_that_is_kept_blocks_no_checkout() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        shop.pack("pack-200", 200, 1800).await;
        let first = shop.checkout("pack-200").await;
        let path = format!("/v1/checkout/sessions/{}/expire", text(&first["session_id"]));
        let kept = json!({ "kind": "trouble_kept", "status": 500, "method": "POST", "path": path, "times": 1 });
        shop.fault(Some(&kept)).await;
        assert_eq!(asked(&shop).await, (503, "stripe_unavailable".into()), "{kind:?}");
        assert_eq!(asked(&shop).await, (200, String::new()), "{kind:?}");
        let first = shop.session(text(&first["session_id"])).await;
        assert_eq!(first.status, Some(SessionStatus::Expired), "{kind:?}");
    }
}

/// Failure 5: an event is answered, then fails, and the payment is lost. Here it is kept: it waits, uses up no try, and
/// is done when Stripe is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_5_an_event_that_fails_is_kept_and_grants_when_stripe_is_back() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let checkout = shop.checkout("pack-50").await;
        shop.pay(&checkout, "pm_card_visa").await;
        let mut events = shop.undelivered().await;
        events.retain(|event| event["type"] == "checkout.session.completed");
        let path = "/v1/checkout/sessions/";
        let trouble = json!({ "kind": "trouble", "status": 503, "method": "GET", "path": path, "times": 1000 });
        shop.fault(Some(&trouble)).await;
        shop.deliver_these(&events).await;
        assert_eq!(shop.states(&events).await, [1], "{kind:?}");
        assert_eq!(shop.purchases().await.len(), 0, "{kind:?}");
        shop.fault(None).await;
        crate::inbox::pass(&shop.world).await;
        shop.work_off().await;
        assert_eq!((shop.states(&events).await, shop.balance().await), (vec![2], [50.0, 0.0, 0.0]), "{kind:?}");
        let path = format!("/api/v1/admin/stripe-events/{}", text(&events[0]["id"]));
        assert_eq!(shop.world.admin("GET", &path, "").await["attempts"], 1, "{kind:?}: waiting uses up none");
        shop.proved().await;
    }
}

/// A key of ours that does not work says nothing of the try before it: that one may have made the customer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_does_not_work_for_a_while_makes_nothing_twice() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let lost = json!({ "kind": "cut_after", "method": "POST", "path": "/v1/customers", "times": 1000 });
        shop.fault(Some(&lost)).await;
        assert_eq!(asked(&shop).await, (503, "stripe_unavailable".into()), "{kind:?}");
        shop.fault(None).await;
        let revoked = json!({ "kind": "trouble", "status": 401, "method": "POST", "path": "/v1/customers" });
        shop.fault(Some(&revoked)).await;
        assert_ne!(asked(&shop).await.0, 200, "{kind:?}");
        shop.fault(None).await;
        shop.checkout("pack-50").await;
        assert_eq!(shop.stripe_customers().await, 1, "{kind:?}");
    }
}

/// The app names its own customer at Stripe while one is being made: what it said stands.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stripe_customer_that_the_app_names_meanwhile_stays() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let own = shop.write(&customers::create(&customers::CustomerFields::default())).await.id;
        let slow = json!({ "kind": "slow", "ms": 2000, "method": "POST", "path": "/v1/customers", "times": 1 });
        shop.fault(Some(&slow)).await;
        let named = async {
            let began = Instant::now();
            while number(&shop.world, "SELECT COUNT(*) AS n FROM stripe_operations").await == 0 {
                assert!(began.elapsed() < Duration::from_secs(20), "{kind:?}: Stripe is not asked");
                tokio::task::yield_now().await;
            }
            let body = json!({ "stripe_customer_id": own }).to_string();
            shop.world.admin("PUT", "/api/v1/customers/acme", &body).await;
        };
        let (answer, ()) = tokio::join!(asked(&shop), named);
        assert_eq!(answer.0, 200, "{kind:?}: {}", answer.1);
        let customer = shop.world.admin("GET", "/api/v1/customers/acme", "").await;
        assert_eq!(text(&customer["stripe_customer_id"]), own, "{kind:?}");
        // And it pays as that one from now on.
        shop.world.admin("POST", "/api/v1/customers/acme/stripe_portal", "").await;
        let customer = shop.world.admin("GET", "/api/v1/customers/acme", "").await;
        assert_eq!(text(&customer["stripe_customer_id"]), own, "{kind:?}");
    }
}
