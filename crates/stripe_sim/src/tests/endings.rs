//! How subscriptions end.

use super::life::{DAY, Life, NEW_YEAR, id};

fn subscribed(life: &mut Life) -> (String, String) {
    let price = life.price("2000", "month");
    let customer = life.customer("pm_card_visa");
    let subscription = id(&life.subscribe(&customer, &price, &[]));
    (customer, subscription)
}

#[test]
fn at_once() {
    let mut life = Life::new();
    let (_, subscription) = subscribed(&mut life);
    life.pass(DAY);
    let seen = life.seen();
    let path = format!("/v1/subscriptions/{subscription}");
    let found = life.delete(&path, &[("cancellation_details[feedback]", "too_expensive")]);
    assert_eq!(life.events(&seen), ["customer.subscription.deleted"]);
    for field in ["canceled_at", "ended_at"] {
        assert_eq!(found[field], NEW_YEAR + DAY, "{field}");
    }
    assert_eq!(found["status"], "canceled");
    assert_eq!(found["cancellation_details"]["reason"], "cancellation_requested");
    assert_eq!(found["cancellation_details"]["feedback"], "too_expensive");
    let (status, body) = life.ask("DELETE", &path, &[]);
    assert_eq!((status, body["error"]["code"].as_str()), (404, Some("resource_missing")));
    life.pass(100 * DAY);
    assert_eq!(life.get("/v1/invoices")["data"].as_array().map(Vec::len), Some(1), "nothing more is billed");
}

#[test]
fn with_its_period_and_taken_back_before() {
    let mut life = Life::new();
    let (_, subscription) = subscribed(&mut life);
    let path = format!("/v1/subscriptions/{subscription}");
    let found = life.post(&path, &[("cancel_at_period_end", "true")]);
    assert_eq!((found["status"].as_str(), found["cancel_at"].as_i64()), (Some("active"), Some(NEW_YEAR + 31 * DAY)));
    let found = life.post(&path, &[("cancel_at_period_end", "false")]);
    assert!(found["cancel_at"].is_null() && found["canceled_at"].is_null());
    life.post(&path, &[("cancel_at_period_end", "true")]);
    life.until(NEW_YEAR + 31 * DAY - 1);
    assert_eq!(life.get(&path)["status"], "active");
    let seen = life.seen();
    life.pass(1);
    assert_eq!(life.events(&seen), ["customer.subscription.deleted"]);
    let found = life.get(&path);
    assert_eq!((found["status"].as_str(), found["ended_at"].as_i64()), (Some("canceled"), Some(NEW_YEAR + 31 * DAY)));
}

#[test]
fn with_the_rest_given_back() {
    let mut life = Life::new();
    let (customer, subscription) = subscribed(&mut life);
    life.pass(31 * DAY / 2);
    life.delete(&format!("/v1/subscriptions/{subscription}"), &[("prorate", "true"), ("invoice_now", "true")]);
    assert_eq!(life.get(&format!("/v1/customers/{customer}"))["balance"], -1000);
}

#[test]
fn with_its_customer() {
    let mut life = Life::new();
    let (customer, subscription) = subscribed(&mut life);
    let seen = life.seen();
    let gone = life.delete(&format!("/v1/customers/{customer}"), &[]);
    assert_eq!(gone, serde_json::json!({ "id": customer, "object": "customer", "deleted": true }));
    let told = life.events(&seen);
    assert_eq!(told.first().map(String::as_str), Some("customer.subscription.deleted"));
    assert_eq!(told.last().map(String::as_str), Some("customer.deleted"));
    assert_eq!(life.get(&format!("/v1/subscriptions/{subscription}"))["status"], "canceled");
    assert_eq!(life.get(&format!("/v1/customers/{customer}")), gone, "what is left of it can be read");
    let (status, _, message) = life.refused(&format!("/v1/customers/{customer}"), &[("name", "x")]);
    assert_eq!((status, message), (404, format!("No such customer: '{customer}'")));
}

#[test]
fn paused_and_resumed() {
    let mut life = Life::new();
    let (_, subscription) = subscribed(&mut life);
    life.pass(10 * DAY);
    let path = format!("/v1/subscriptions/{subscription}");
    let found = life.post(&format!("{path}/pause"), &[("type", "subscription")]);
    assert_eq!(found["status"], "paused");
    assert_eq!(found["status_details"]["paused"]["subscription"]["type"], "pause_requested");
    life.pass(200 * DAY);
    assert_eq!(life.get("/v1/invoices")["data"].as_array().map(Vec::len), Some(1), "nothing is billed meanwhile");
    let seen = life.seen();
    life.post(&format!("{path}/resume"), &[("billing_cycle_anchor[type]", "now")]);
    assert!(life.events(&seen).contains(&"customer.subscription.resumed".into()));
    let invoice = life.invoice(&subscription);
    assert_eq!((invoice["status"].as_str(), invoice["total"].as_i64()), (Some("open"), Some(2000)));
    life.post(&format!("/v1/invoices/{}/pay", id(&invoice)), &[]);
    assert_eq!(life.get(&path)["status"], "active");
}
