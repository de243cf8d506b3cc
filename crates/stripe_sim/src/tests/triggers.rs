//! What the triggers of Stripe's CLI showed to be wrong, each told by requests.

use super::life::{DAY, Life, id};

fn trial(life: &mut Life, then: &str) -> String {
    let price = life.price("1500", "month");
    let customer = id(&life.post("/v1/customers", &[("description", "no card")]));
    let more = [("trial_period_days", "7"), ("trial_settings[end_behavior][missing_payment_method]", then)];
    id(&life.subscribe(&customer, &price, &more))
}

#[test]
fn a_trial_that_is_ended_by_hand_without_a_card_pauses() {
    let mut life = Life::new();
    let subscription = trial(&mut life, "pause");
    let path = format!("/v1/subscriptions/{subscription}");
    life.pass(DAY);
    let seen = life.seen();
    let paused = life.post(&path, &[("trial_end", "now")]);
    assert_eq!((&paused["status"], paused["trial_end"].as_i64()), (&"paused".into(), Some(life.world.now)));
    assert_eq!(paused["status_details"]["paused"]["subscription"]["type"], "trial_end_without_payment_method");
    assert_eq!(life.events(&seen), ["customer.subscription.paused", "customer.subscription.updated"]);
}

#[test]
fn a_trial_that_is_ended_by_hand_without_a_card_cancels() {
    let mut life = Life::new();
    let subscription = trial(&mut life, "cancel");
    let seen = life.seen();
    let ended = life.post(&format!("/v1/subscriptions/{subscription}"), &[("trial_end", "now")]);
    assert_eq!(ended["status"], "canceled");
    assert!(life.events(&seen).contains(&"customer.subscription.deleted".to_owned()));
}

#[test]
fn a_payment_that_needs_an_absent_payer_says_so() {
    let mut life = Life::new();
    let customer = id(&life.post("/v1/customers", &[("description", "3-D Secure")]));
    let attach = "/v1/payment_methods/pm_card_threeDSecure2Required/attach";
    let method = id(&life.post(attach, &[("customer", &customer)]));
    life.post("/v1/invoiceitems", &[("customer", &customer), ("amount", "2000"), ("currency", "usd")]);
    let params = [("customer", customer.as_str()), ("pending_invoice_items_behavior", "include")];
    let invoice = id(&life.post("/v1/invoices", &params));
    let seen = life.seen();
    let (status, code, _) = life.refused(&format!("/v1/invoices/{invoice}/pay"), &[("payment_method", &method)]);
    assert_eq!((status, code.as_str()), (402, "authentication_required"));
    let told = life.events(&seen);
    let place = |kind: &str| told.iter().position(|told| told == kind);
    assert!(place("invoice.payment_action_required") < place("invoice.payment_failed"), "{told:?}");
    assert!(place("invoice.payment_action_required").is_some(), "{told:?}");
}
