//! What is asked is checked by name, and a caller's key gets the first answer again; every change is in the log.

use super::{DAY, Sold};
use crate::world::{ADMIN, BOTH, Kind, World};
use axum::{
    body::Body,
    http::{Request, header},
};
use purser_stripe::calls::subscriptions as calls;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_no_sense_is_refused_by_name_and_changes_nothing() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let old = json!({ "family": "old", "prices": [] }).to_string();
        let old = sold.shop.world.admin("POST", "/api/v1/admin/subscription-plans", &old).await;
        let table = [
            (json!({}), 400, "missing_field", Some("plan")),
            (json!({ "plan": "none" }), 404, "unknown_plan", Some("plan")),
            (json!({ "plan": "no name" }), 404, "unknown_plan", Some("plan")),
            (json!({ "plan": "max", "interval": "year" }), 404, "plan_without_price", Some("plan")),
            (json!({ "plan": old["id"] }), 404, "plan_without_price", Some("plan")),
            (json!({ "price": "price_none" }), 404, "unknown_plan", Some("price")),
            (json!({ "price": sold.max, "plan": "max" }), 400, "invalid_field", Some("price")),
            (json!({ "plan": "max", "item": "si_none" }), 400, "invalid_field", Some("item")),
            (json!({ "quantity": 0 }), 400, "invalid_field", Some("quantity")),
            (json!({ "quantity": 1001 }), 400, "invalid_field", Some("quantity")),
            (json!({ "plan": "max", "at": "tomorrow" }), 400, "invalid_field", Some("at")),
            (json!({ "plan": "max", "interval": "century" }), 400, "invalid_field", Some("interval")),
            (json!({ "plan": "max", "subscription_id": "sub_none" }), 404, "no_subscription", Some("subscription_id")),
        ];
        for (body, status, code, param) in table {
            for what in ["change", "preview"] {
                let answer = sold.ask(what, &body).await;
                let (said, about) = answer.error();
                assert_eq!(
                    (answer.status, said.as_str(), about.as_deref()),
                    (status, code, param),
                    "{kind:?} {what} {body}: {}",
                    answer.text
                );
            }
        }
        assert_eq!(
            (sold.items().await, sold.invoices().await.len()),
            (vec![(sold.pro.clone(), Some(1))], 1),
            "{kind:?}"
        );
        // A plan that is not sold any more is bought by nobody.
        let max = sold.done("preview", &json!({ "plan": "max" })).await["new_plan"]["id"].clone();
        let path = format!("/api/v1/admin/subscription-plans/{}", max.as_str().unwrap());
        sold.shop.world.admin("PATCH", &path, r#"{"legacy": true}"#).await;
        assert_eq!(sold.refused("change", &json!({ "plan": max })).await, (409, "not_for_sale".into()), "{kind:?}");
        assert_eq!(
            sold.refused("change", &json!({ "price": sold.max })).await,
            (409, "not_for_sale".into()),
            "{kind:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_subscription_is_told_so() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        sold.shop.customer("other").await;
        for (customer, code) in [("other", "no_subscription"), ("nobody", "unknown_customer")] {
            for what in ["change", "preview", "cancel", "resume"] {
                let path = format!("/api/v1/customers/{customer}/subscription/{what}");
                let body = if what == "change" || what == "preview" { r#"{"plan":"max"}"# } else { "{}" };
                let answer = sold.shop.world.ask(ADMIN, "POST", &path, body).await;
                assert_eq!((answer.status, answer.error().0.as_str()), (404, code), "{kind:?} {customer} {what}");
            }
        }
        // Another's subscription is no subscription.
        let body = json!({ "subscription_id": sold.subscription }).to_string();
        let answer = sold.shop.world.ask(ADMIN, "POST", "/api/v1/customers/other/subscription/cancel", body).await;
        assert_eq!((answer.status, answer.error().0.as_str()), (404, "no_subscription"), "{kind:?}");
        // A key that reads changes nothing.
        let (_, reader) = sold.shop.world.key("read").await;
        let denied = sold.shop.world.ask(&reader, "POST", "/api/v1/customers/acme/subscription/cancel", "{}").await;
        assert_eq!(denied.error().0, "role_not_allowed", "{kind:?}");
        assert_eq!(sold.current().await["cancel_scheduled"], false, "{kind:?}");
    }
}

#[tokio::test]
async fn without_a_key_of_stripes_a_change_says_so() {
    let world = World::on(Kind::Sqlite).await;
    world.admin("PUT", "/api/v1/customers/acme", "{}").await;
    let answer = world.ask(ADMIN, "POST", "/api/v1/customers/acme/subscription/cancel", "{}").await;
    assert_eq!((answer.status, answer.error().0.as_str()), (409, "stripe_not_configured"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_gets_the_first_answer_and_another_request_is_refused() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let wanted = json!({ "plan": "max", "idempotency_key": "click-1" });
        let first = sold.done("change", &wanted).await;
        assert_eq!(first["replayed"], false, "{kind:?}");
        // Something else happens, and the first answer stays what it was.
        sold.done("cancel", &json!({})).await;
        let again = sold.done("change", &wanted).await;
        assert_eq!(again["replayed"], true, "{kind:?}");
        let mut same = again.clone();
        same["replayed"] = json!(false);
        assert_eq!(same, first, "{kind:?}");
        assert_eq!(sold.invoices().await.len(), 2, "{kind:?}");
        for (what, body, field) in [
            ("change", json!({ "plan": "pro", "idempotency_key": "click-1" }), "plan"),
            ("change", json!({ "plan": "max", "quantity": 2, "idempotency_key": "click-1" }), "quantity"),
            ("cancel", json!({ "idempotency_key": "click-1" }), "action"),
        ] {
            let answer = sold.ask(what, &body).await;
            let expected = ("idempotency_mismatch".to_owned(), Some(field.to_owned()));
            assert_eq!((answer.status, answer.error()), (409, expected), "{kind:?} {body}");
        }
        // The header does as well.
        let request = Request::post("/api/v1/customers/acme/subscription/resume")
            .header(header::AUTHORIZATION, format!("Bearer {ADMIN}"))
            .header("idempotency-key", "click-2")
            .body(Body::empty());
        assert_eq!(sold.shop.world.send(request.unwrap()).await.status, 200, "{kind:?}");
        let again = sold.done("resume", &json!({ "idempotency_key": "click-2" })).await;
        assert_eq!(again["replayed"], true, "{kind:?}: without a key there would be nothing to resume");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_changes_is_read_page_by_page_with_before_and_after() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let done = sold.done("change", &json!({ "plan": "max" })).await;
        sold.done("cancel", &json!({})).await;
        let (mut all, mut after) = (Vec::<Value>::new(), String::new());
        loop {
            let path = format!("/api/v1/customers/acme/subscription_changes?limit=1{after}");
            let page = sold.shop.world.admin("GET", &path, "").await;
            all.extend(page["data"].as_array().unwrap().clone());
            assert!(all.len() < 20, "{kind:?}: {all:?}");
            if page["has_more"] == false {
                break;
            }
            after = format!("&starting_after={}", all.last().unwrap()["id"].as_str().unwrap());
        }
        let whole = sold.shop.world.admin("GET", "/api/v1/customers/acme/subscription_changes", "").await;
        assert_eq!(whole["data"], json!(all), "{kind:?}");
        let price = |state: &Value| state["items"][0]["price"].clone();
        let upgrade = all.iter().find(|change| change["cause"] == done["id"]).unwrap();
        assert_eq!(
            (price(&upgrade["before"]), price(&upgrade["after"])),
            (json!(sold.pro), json!(sold.max)),
            "{kind:?}"
        );
        assert_eq!(upgrade["subscription_id"], json!(sold.subscription), "{kind:?}");
        let newest = &all[0];
        let ends = |state: &Value| state["cancel_at_period_end"].clone();
        assert_eq!((ends(&newest["before"]), ends(&newest["after"])), (json!(false), json!(true)), "{kind:?}");
        assert_eq!(all.last().unwrap()["before"], Value::Null, "{kind:?}: it was new");
        let path = "/api/v1/customers/acme/subscription_changes?subscription_id=";
        let of = sold.shop.world.admin("GET", &format!("{path}{}", sold.subscription), "").await;
        assert_eq!(of, whole, "{kind:?}");
        let none = sold.shop.world.admin("GET", &format!("{path}sub_none"), "").await;
        assert_eq!(none["data"], json!([]), "{kind:?}");
        for wrong in ["nonsense", "sub_none:1", "sub_none:x"] {
            let path = format!("/api/v1/customers/acme/subscription_changes?starting_after={wrong}");
            let answer = sold.shop.world.ask(ADMIN, "GET", &path, "").await;
            let expected = ("invalid_field".to_owned(), Some("starting_after".to_owned()));
            assert_eq!((answer.status, answer.error()), (400, expected), "{kind:?} {wrong}");
        }
    }
}

/// What a trial is changed to is at once: nothing was paid for the time that is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_is_changed_at_once_up_and_down() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let new = calls::NewSubscription {
            customer: sold.payer.clone(),
            items: vec![super::item(&sold.max, Some(1))],
            trial_period_days: Some(7),
            ..Default::default()
        };
        let trial = sold.shop.write(&calls::create(&new)).await;
        sold.shop.deliver().await;
        let down = json!({ "plan": "pro", "subscription_id": trial.id });
        assert_eq!(sold.done("preview", &down).await["due_now"], 0, "{kind:?}");
        assert_eq!(sold.done("change", &down).await["takes_effect"], "now", "{kind:?}");
        let late = json!({ "plan": "max", "subscription_id": trial.id, "at": "period_end" });
        assert_eq!(sold.refused("change", &late).await, (400, "invalid_field".into()), "{kind:?}");
        sold.shop.pass(8 * DAY).await;
        let found = sold.shop.read(&calls::retrieve(&trial.id)).await;
        assert_eq!(found.items.data[0].price.id, sold.pro, "{kind:?}");
    }
}
