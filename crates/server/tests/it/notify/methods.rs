//! How a customer pays: mirrored whatever the order, told when it goes, and a new default charged for what is past due.

use super::{DAY, events_of, notices, notices_of};
use crate::{
    inbox::{number, send, thin},
    subscriptions::{Stage, again, of_kind},
    world::{ADMIN, BOTH},
};
use purser::features::subscriptions;
use purser_stripe::{
    Call, Method, Request,
    calls::{customers, subscriptions as calls},
};
use serde_json::{Value, json};

/// The kinds of events that tell how a customer pays.
const PAYING: &[&str] = &["customer.updated", "customer.deleted", "payment_method."];

/// What a customer pays with, by brand: the brand, and whether it is the default.
async fn methods(stage: &Stage, customer: &str) -> Vec<(String, bool)> {
    let mut all: Vec<(String, bool)> = listed(stage, customer)
        .await
        .iter()
        .map(|method| (method["brand"].as_str().unwrap().to_owned(), method["is_default"].as_bool().unwrap()))
        .collect();
    all.sort();
    all
}

async fn listed(stage: &Stage, customer: &str) -> Vec<Value> {
    let list = stage.world.admin("GET", &format!("/api/v1/customers/{customer}/payment_methods"), "").await;
    list["data"].as_array().unwrap().clone()
}

/// Attaches a card; answers its id.
async fn attach(stage: &Stage, card: &str, customer: &str) -> String {
    stage.write(&customers::attach(card, customer)).await.id
}

/// Tells of `event` by the thin one that goes with it.
async fn tell_thin(stage: &Stage, event: &Value) {
    send(&stage.world, &thin(event).to_string()).await;
    stage.act().await;
}

/// What a subscription is charged to at Stripe, if it has a payment method of its own.
async fn charged_to(stage: &Stage, subscription: &str) -> Option<String> {
    let found = stage.client.read(&calls::retrieve(subscription)).await.unwrap().value;
    found.default_payment_method.map(|method| method.id().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payment_methods_are_what_stripe_says_whatever_the_order() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        attach(&stage, "pm_card_mastercard", &customer).await;
        let gone = attach(&stage, "pm_card_amex", &customer).await;
        stage.write(&customers::detach(&gone)).await;
        let told = events_of(&stage, PAYING).await;
        assert!(told.len() >= 5, "{kind:?}: {}", told.len());
        let expected = [("mastercard".to_owned(), false), ("visa".to_owned(), true)];
        for round in 0..told.len() {
            for (backwards, doubled) in [(false, false), (true, false), (false, true), (true, true)] {
                stage.forget().await;
                let mut order: Vec<Value> = told.clone();
                order.rotate_left(round);
                if backwards {
                    order.reverse();
                }
                if doubled {
                    let twice: Vec<Value> = order.iter().map(|event| again(event, "b")).collect();
                    order.extend(twice);
                }
                stage.tell(&order).await;
                assert_eq!(methods(&stage, "acme").await, expected, "{kind:?} {round} {backwards} {doubled}");
            }
        }
        assert_eq!(notices(&stage.world, "acme").await.len(), 1, "{kind:?}: the one that went, once");
        let shown = listed(&stage, "acme").await;
        let visa = shown.iter().find(|method| method["brand"] == "visa").unwrap();
        assert_eq!((&visa["type"], &visa["last4"]), (&json!("card"), &json!("4242")), "{kind:?}");
        assert!(visa["exp_month"].is_number() && visa["exp_year"].is_number(), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payment_methods_are_listed_a_page_at_a_time() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        for card in ["pm_card_mastercard", "pm_card_amex"] {
            attach(&stage, card, &customer).await;
        }
        stage.tell(&events_of(&stage, PAYING).await).await;
        let path = "/api/v1/customers/acme/payment_methods";
        let first = stage.world.admin("GET", &format!("{path}?limit=2"), "").await;
        assert_eq!((first["data"].as_array().unwrap().len(), &first["has_more"]), (2, &json!(true)), "{kind:?}");
        let after = first["data"][1]["id"].as_str().unwrap();
        let rest = stage.world.admin("GET", &format!("{path}?starting_after={after}"), "").await;
        assert_eq!((rest["data"].as_array().unwrap().len(), &rest["has_more"]), (1, &json!(false)), "{kind:?}");
        assert!(!first["data"].as_array().unwrap().contains(&rest["data"][0]), "{kind:?}");
        for (path, status, code) in [
            ("/api/v1/customers/nobody/payment_methods", 404, "unknown_customer"),
            ("/api/v1/customers/acme/payment_methods?starting_after=pm_x", 400, "invalid_field"),
        ] {
            let answer = stage.world.ask(ADMIN, "GET", path, "").await;
            assert_eq!((answer.status, answer.error().0.as_str()), (status, code), "{kind:?} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_that_was_taken_away_is_told_and_urgently_when_it_was_the_last() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let second = attach(&stage, "pm_card_mastercard", &customer).await;
        stage.tell(&events_of(&stage, PAYING).await).await;
        let first = listed(&stage, "acme").await.into_iter().find(|method| method["brand"] == "visa").unwrap();
        stage.write(&customers::detach(&second)).await;
        let gone = events_of(&stage, &["payment_method.detached"]).await;
        stage.tell(&[gone[0].clone(), again(&gone[0], "b")]).await;
        let told = notices(&stage.world, "acme").await;
        let data = json!({
            "payment_method_id": second, "type": "card", "brand": "mastercard", "last4": "4444", "last_usable": false,
        });
        assert_eq!(told.len(), 1, "{kind:?}: {told:?}");
        assert_eq!((&told[0]["severity"], &told[0]["data"]), (&json!("info"), &data), "{kind:?}");
        stage.write(&customers::detach(first["id"].as_str().unwrap())).await;
        let all_gone = events_of(&stage, &["payment_method.detached", "customer.updated"]).await;
        // The first one once more, now that nothing is left: it was told as it stood then.
        let mut all_gone: Vec<Value> = all_gone.iter().map(|event| again(event, "c")).collect();
        all_gone.reverse();
        stage.tell(&all_gone).await;
        let told = notices_of(&stage.world, "acme", "payment_method_removed").await;
        assert_eq!(told.len(), 2, "{kind:?}: {told:?}");
        let last = told.iter().find(|notice| notice["data"]["payment_method_id"] == first["id"]).unwrap();
        assert_eq!((&last["severity"], &last["data"]["last_usable"]), (&json!("urgent"), &json!(true)), "{kind:?}");
        assert!(listed(&stage, "acme").await.is_empty(), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payer_that_stripe_deleted_pays_with_nothing() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        stage.tell(&events_of(&stage, PAYING).await).await;
        assert_eq!(methods(&stage, "acme").await, [("visa".to_owned(), true)], "{kind:?}");
        stage.write(&customers::delete(&customer)).await;
        let late = again(&events_of(&stage, &["customer.updated"]).await[0], "late");
        for event in events_of(&stage, &["customer.deleted", "payment_method.detached"]).await {
            send(&stage.world, &event.to_string()).await;
        }
        stage.act().await;
        stage.tell(&[late]).await;
        assert!(listed(&stage, "acme").await.is_empty(), "{kind:?}");
        assert_eq!(number(&stage.world, "SELECT COUNT(*) AS n FROM payers WHERE deleted").await, 1, "{kind:?}");
        let told = notices_of(&stage.world, "acme", "payment_method_removed").await;
        assert!(told.is_empty(), "{kind:?}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payer_nobody_knew_is_bound_once_somebody_is_it() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let payer = stage.payer("pm_card_visa").await;
        stage.tell(&events_of(&stage, PAYING).await).await;
        assert_eq!(number(&stage.world, "SELECT COUNT(*) AS n FROM payment_methods").await, 1, "{kind:?}: it is kept");
        stage.is("acme", &payer).await;
        assert!(listed(&stage, "acme").await.is_empty(), "{kind:?}: not yet");
        assert_eq!(subscriptions::bind_known(&stage.app).await.unwrap().bound, 1, "{kind:?}");
        assert_eq!(methods(&stage, "acme").await, [("visa".to_owned(), true)], "{kind:?}");
        // What comes later goes to the same rows.
        attach(&stage, "pm_card_mastercard", &payer).await;
        stage.tell(&events_of(&stage, &["payment_method.attached"]).await).await;
        let expected = [("mastercard".to_owned(), false), ("visa".to_owned(), true)];
        assert_eq!(methods(&stage, "acme").await, expected, "{kind:?}");
        assert_eq!(number(&stage.world, "SELECT COUNT(*) AS n FROM payers").await, 1, "{kind:?}");
    }
}

/// Failure 31: the portal sets the customer's default, and the subscription goes on failing by its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_31_what_is_past_due_is_charged_to_the_new_default() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let price = stage.price(2000).await;
        let (failing, other) =
            (stage.subscribe(&customer, &[&price]).await, stage.subscribe(&customer, &[&price]).await);
        let bad = attach(&stage, "pm_card_chargeCustomerFail", &customer).await;
        let good = attach(&stage, "pm_card_amex", &customer).await;
        for (subscription, own) in [(&failing.id, &bad), (&other.id, &good)] {
            let change = calls::SubscriptionChange { default_payment_method: Some(own.clone()), ..Default::default() };
            stage.change(subscription, change).await;
        }
        stage.pass(32 * DAY).await;
        stage.tell_all(&failing.id).await;
        assert_eq!(stage.history("acme").await.iter().filter(|one| one["status"] == "past_due").count(), 1, "{kind:?}");
        let before = events_of(&stage, &["customer.updated"]).await.len();
        stage.pays_by(&customer, "pm_card_mastercard").await;
        // That a card is there says nothing yet.
        stage.tell(&events_of(&stage, &["payment_method.attached"]).await).await;
        assert_eq!(charged_to(&stage, &failing.id).await, Some(bad), "{kind:?}");
        let updated = events_of(&stage, &["customer.updated"]).await.split_off(before);
        assert_eq!(updated.len(), 1, "{kind:?}");
        stage.tell(&[updated[0].clone(), again(&updated[0], "b")]).await;
        let shown = listed(&stage, "acme").await;
        let default = shown.iter().find(|method| method["is_default"] == true).unwrap();
        assert_eq!(default["brand"], "mastercard", "{kind:?}");
        assert_eq!(charged_to(&stage, &failing.id).await.as_deref(), default["id"].as_str(), "{kind:?}");
        assert_eq!(charged_to(&stage, &other.id).await, Some(good), "{kind:?}: one in order keeps its own");
        let sql = "SELECT COUNT(*) AS n FROM stripe_operations WHERE kind = 'subscription_charged' AND state = 2";
        assert_eq!(number(&stage.world, sql).await, 1, "{kind:?}: written down, once");
        // The next try works.
        stage.pass(5 * DAY).await;
        let paid = of_kind(&stage.told(&failing.id).await, "invoice.paid");
        stage.tell(&paid[paid.len() - 1..]).await;
        let past_due = stage.history("acme").await.iter().filter(|one| one["status"] == "past_due").count();
        // Stripe lists the events of thirty days: that of the first month is gone.
        assert_eq!((paid.len(), past_due), (1, 0), "{kind:?}");
    }
}

/// A thin event does not say that the default is new: the mirror knows what it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thin_event_of_a_new_default_has_what_is_past_due_charged_to_it_too() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let failing = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
        let bad = attach(&stage, "pm_card_chargeCustomerFail", &customer).await;
        let change = calls::SubscriptionChange { default_payment_method: Some(bad.clone()), ..Default::default() };
        stage.change(&failing.id, change).await;
        let known = events_of(&stage, &["customer.updated"]).await;
        stage.pass(32 * DAY).await;
        stage.tell_all(&failing.id).await;
        assert_eq!(stage.current("acme").await["status"], "past_due", "{kind:?}");
        // First seen, and seen again: no new default.
        tell_thin(&stage, &known[0]).await;
        tell_thin(&stage, &again(&known[0], "b")).await;
        let expected = [("visa".to_owned(), false), ("visa".to_owned(), true)];
        assert_eq!(methods(&stage, "acme").await, expected, "{kind:?}");
        assert_eq!(charged_to(&stage, &failing.id).await, Some(bad), "{kind:?}");
        stage.pays_by(&customer, "pm_card_mastercard").await;
        let updated = events_of(&stage, &["customer.updated"]).await;
        let updated = updated.last().unwrap();
        tell_thin(&stage, updated).await;
        tell_thin(&stage, &again(updated, "b")).await;
        let shown = listed(&stage, "acme").await;
        let default = shown.iter().find(|method| method["is_default"] == true).unwrap();
        assert_eq!(default["brand"], "mastercard", "{kind:?}");
        assert_eq!(charged_to(&stage, &failing.id).await.as_deref(), default["id"].as_str(), "{kind:?}");
        let sql = "SELECT COUNT(*) AS n FROM stripe_operations WHERE kind = 'subscription_charged' AND state = 2";
        assert_eq!(number(&stage.world, sql).await, 1, "{kind:?}: written down, once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_was_renewed_is_shown_so() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        stage.customer("acme").await;
        stage.tell(&events_of(&stage, PAYING).await).await;
        let id = listed(&stage, "acme").await[0]["id"].as_str().unwrap().to_owned();
        for (year, is_thin) in [(2041, false), (2042, true)] {
            let path = format!("/v1/payment_methods/{id}");
            let body = format!("card[exp_year]={year}");
            let request = Request { method: Method::Post, path, body, object: None };
            stage.write(&Call::<Value>::again(request)).await;
            let updated = events_of(&stage, &["payment_method.updated"]).await;
            let updated = updated.last().unwrap();
            if is_thin {
                tell_thin(&stage, updated).await;
            } else {
                stage.tell(std::slice::from_ref(updated)).await;
            }
            let shown = listed(&stage, "acme").await;
            assert_eq!((shown.len(), &shown[0]["exp_year"]), (1, &json!(year)), "{kind:?}");
        }
        assert!(notices(&stage.world, "acme").await.is_empty(), "{kind:?}: nobody is told");
    }
}
