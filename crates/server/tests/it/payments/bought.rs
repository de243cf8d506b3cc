//! A pack is bought: by the return page, by the webhook, by both at once, and twice.

use super::{Shop, text};
use crate::{
    inbox::{send, states},
    world::{ADMIN, BOTH},
};
use futures_util::future::join_all;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_return_page_comes_first_and_the_webhook_finds_it_done() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let pack = shop.pack("pack-50", 50, 500).await;
        let two = json!({ "customer_id": "acme", "top_up_plan": "pack-50", "quantity": 2 });
        let checkout = shop.checkout_of(&two).await;
        assert!(text(&checkout["url"]).contains(text(&checkout["session_id"])), "{checkout}");
        let early = shop.verify(&checkout).await;
        let shown = json!([early["state"], early["already"], early["purchase"]]);
        assert_eq!(shown, json!(["pending", false, null]), "{kind:?}");
        assert_eq!(shop.purchases().await.len(), 0, "{kind:?}");
        shop.pay(&checkout, "pm_card_visa").await;
        let done = shop.verify(&checkout).await;
        assert_eq!((&done["state"], &done["already"]), (&json!("done"), &json!(false)), "{kind:?}");
        let purchase = &done["purchase"];
        let shown = ["state", "credits", "amount", "quantity", "currency"].map(|name| purchase[name].clone());
        assert_eq!(json!(shown), json!(["paid", 100, 1000, 2, "usd"]));
        assert_eq!((&purchase["top_up_plan_id"], &purchase["session_id"]), (&pack["id"], &checkout["session_id"]));
        let grants = shop.world.admin("GET", "/api/v1/customers/acme/grants", "").await;
        let grant = &grants["data"][0];
        let shown = json!([grant["id"], grant["source_kind"], grant["source_id"]]);
        assert_eq!(shown, json!([purchase["grant_id"], "topup", checkout["session_id"]]));
        assert!(!grant["expires_at"].is_null(), "a pack lives for a year");
        let again = shop.verify(&checkout).await;
        assert_eq!((&again["state"], &again["already"], &again["purchase"]), (&json!("done"), &json!(true), purchase));
        shop.deliver().await;
        assert_eq!(shop.balance().await, [100.0, 0.0, 0.0], "{kind:?}");
        assert_eq!(shop.purchases().await, std::slice::from_ref(purchase));
        // The pack was bought: its terms stay.
        let after = shop.world.admin("GET", &format!("/api/v1/admin/top-up-plans/{}", text(&pack["id"])), "").await;
        assert_eq!(after["used"], true);
        let customer = shop.world.admin("GET", "/api/v1/customers/acme", "").await;
        assert!(text(&customer["stripe_customer_id"]).starts_with("cus_"));
        shop.proved().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_webhook_comes_first_and_the_return_page_says_so() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let checkout = shop.checkout("pack-50").await;
        shop.pay(&checkout, "pm_card_visa").await;
        shop.deliver().await;
        assert_eq!(shop.balance().await, [50.0, 0.0, 0.0], "{kind:?}");
        let found = shop.verify(&checkout).await;
        assert_eq!((&found["state"], &found["already"]), (&json!("done"), &json!(true)), "{kind:?}");
        assert_eq!(shop.balance().await, [50.0, 0.0, 0.0], "{kind:?}");
        shop.proved().await;
    }
}

/// Failure 1: the completion is delivered again, also under another event's id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_1_a_redelivered_completion_grants_once() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let checkout = shop.checkout("pack-50").await;
        shop.pay(&checkout, "pm_card_visa").await;
        let mut events = shop.undelivered().await;
        events.retain(|event| event["type"] == "checkout.session.completed");
        let mut twin = events[0].clone();
        twin["id"] = json!("evt_twin");
        let all = [events[0].clone(), events[0].clone(), twin];
        shop.deliver_these(&all).await;
        assert_eq!(shop.states(&all).await, [2, 2, 2], "{kind:?}: each is done");
        let id = text(&events[0]["id"]).to_owned();
        shop.world.admin("POST", &format!("/api/v1/admin/stripe-events/{id}/replay"), "").await;
        shop.work_off().await;
        assert_eq!(states(&shop.world).await[&id].0, 2);
        assert_eq!((shop.balance().await, shop.purchases().await.len()), ([50.0, 0.0, 0.0], 1), "{kind:?}");
        shop.proved().await;
    }
}

/// Failures 2 and 3: return pages and deliveries at once all see it unfulfilled; one grants, nobody is told of an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn failures_2_and_3_return_pages_and_webhooks_at_once_grant_once() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        for round in 0..4 {
            let checkout = shop.checkout("pack-50").await;
            shop.pay(&checkout, "pm_card_visa").await;
            let mut events = shop.undelivered().await;
            events.retain(|event| event["type"] == "checkout.session.completed");
            for number in 0..4 {
                let mut twin = events[0].clone();
                twin["id"] = json!(format!("evt_twin_{round}_{number}"));
                send(&shop.world, &twin.to_string()).await;
            }
            let pages = join_all((0..12).map(|_| shop.verify(&checkout)));
            let (answers, ()) = tokio::join!(pages, shop.deliver());
            let first = answers.iter().filter(|answer| answer["already"] == false).count();
            assert!(first <= 1 && answers.iter().all(|answer| answer["state"] == "done"), "{kind:?}: {answers:?}");
            let grants: std::collections::BTreeSet<&str> =
                answers.iter().map(|answer| text(&answer["purchase"]["grant_id"])).collect();
            assert_eq!(grants.len(), 1, "{kind:?}: all are told of one grant");
        }
        assert_eq!((shop.balance().await, shop.purchases().await.len()), ([200.0, 0.0, 0.0], 4), "{kind:?}");
        // None failed and was tried again.
        let states = states(&shop.world).await;
        assert!(states.values().all(|state| matches!(state, (2, 1) | (3, 0 | 1))), "{kind:?}: {states:?}");
        shop.proved().await;
    }
}

/// A session is its customer's: others are told that there is none, as for one that does not exist.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anothers_session_is_not_there() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.customer("other").await;
        shop.pack("pack-50", 50, 500).await;
        let checkout = shop.checkout("pack-50").await;
        shop.pay(&checkout, "pm_card_visa").await;
        let ask = async |customer: &str, session: &str| {
            let body = json!({ "customer_id": customer, "session_id": session }).to_string();
            shop.world.ask(ADMIN, "POST", "/api/v1/checkout/verify", body).await
        };
        let session = text(&checkout["session_id"]).to_owned();
        let theirs = ask("other", &session).await;
        let none = ask("other", "cs_test_none").await;
        for refused in [&theirs, &none] {
            let error = ("checkout_not_yours".to_owned(), Some("session_id".to_owned()));
            assert_eq!((refused.status, refused.error()), (404, error));
        }
        assert_eq!(theirs.json()["error"]["message"], none.json()["error"]["message"], "{kind:?}: it tells nothing");
        assert_eq!(ask("nobody", &session).await.error().0, "unknown_customer");
        assert_eq!(shop.balance().await, [0.0, 0.0, 0.0], "{kind:?}: nothing was given by that");
        assert_eq!(shop.verify(&checkout).await["state"], "done");
        assert_eq!(ask("other", &session).await.error().0, "checkout_not_yours", "used, it still is not theirs");
        shop.proved().await;
    }
}

/// What was offered is given: the pack is changed while its payer is at Stripe.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_saw_a_pack_gets_it_whatever_it_is_changed_to() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let pack = shop.pack("pack-50", 50, 500).await;
        let checkout = shop.checkout("pack-50").await;
        let path = format!("/api/v1/admin/top-up-plans/{}", text(&pack["id"]));
        let next = shop.world.admin("PATCH", &path, r#"{"credits": 10}"#).await;
        assert_eq!(next["version"], 2, "{kind:?}: what was offered is used");
        shop.pay(&checkout, "pm_card_visa").await;
        shop.deliver().await;
        assert_eq!(shop.balance().await, [50.0, 0.0, 0.0], "{kind:?}");
        let later = shop.buys("pack-50", "pm_card_visa").await;
        assert_eq!((&later["credits"], &later["top_up_plan_id"]), (&json!(10), &next["id"]), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purchases_come_page_by_page_newest_first() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        for _ in 0..3 {
            shop.buys("pack-50", "pm_card_visa").await;
        }
        let all = shop.purchases().await;
        let first = shop.world.admin("GET", "/api/v1/customers/acme/purchases?limit=2", "").await;
        assert_eq!((first["data"].as_array().unwrap().as_slice(), &first["has_more"]), (&all[..2], &json!(true)));
        let path = format!("/api/v1/customers/acme/purchases?limit=2&starting_after={}", text(&all[1]["id"]));
        let rest = shop.world.admin("GET", &path, "").await;
        assert_eq!((rest["data"].as_array().unwrap().as_slice(), &rest["has_more"]), (&all[2..], &json!(false)));
        let unknown = shop.world.ask(ADMIN, "GET", "/api/v1/customers/nobody/purchases", "").await;
        assert_eq!(unknown.error().0, "unknown_customer", "{kind:?}");
    }
}
