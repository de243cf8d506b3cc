//! How subscriptions begin: paid at once, by the payer, in a trial, or not at all.

use super::life::{DAY, HOUR, Life, NEW_YEAR, id, lines};

#[test]
fn a_subscription_paid_at_once_is_active_and_told_in_order() {
    let mut life = Life::new();
    let price = life.price("2000", "month");
    let customer = life.customer("pm_card_visa");
    let seen = life.seen();
    let subscription = life.subscribe(&customer, &price, &[("metadata[team]", "42")]);
    assert_eq!(subscription["status"], "active");
    let item = &subscription["items"]["data"][0];
    assert_eq!(item["current_period_start"], NEW_YEAR);
    assert_eq!(item["current_period_end"], NEW_YEAR + 31 * DAY);
    assert!(subscription.get("current_period_end").is_none(), "periods stand on items");
    let expected = [
        "customer.updated",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.updated",
        "customer.subscription.created",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
    ];
    assert_eq!(life.events(&seen), expected);
    let invoice = life.invoice(&id(&subscription));
    assert_eq!(lines(&invoice), [(2000, "1 × Pro (at $20.00 / month)".into())]);
    for (field, value) in [("status", "paid"), ("billing_reason", "subscription_create")] {
        assert_eq!(invoice[field], value, "{field}");
    }
    assert_eq!((invoice["amount_paid"].as_i64(), invoice["attempt_count"].as_i64()), (Some(2000), Some(1)));
    assert_eq!(invoice["parent"]["subscription_details"]["metadata"]["team"], "42");
    assert!(invoice["number"].as_str().is_some_and(|number| number.ends_with("-0001")), "{}", invoice["number"]);
}

#[test]
fn without_anything_to_pay_with_nothing_begins() {
    let mut life = Life::new();
    let price = life.price("2000", "month");
    let customer = id(&life.post("/v1/customers", &[]));
    let seen = life.seen();
    let (status, code, message) =
        life.refused("/v1/subscriptions", &[("customer", &customer), ("items[0][price]", &price)]);
    assert_eq!((status, code.as_str()), (400, "resource_missing"));
    assert!(message.starts_with("This customer has no attached payment source"), "{message}");
    assert_eq!(life.events(&seen), Vec::<String>::new(), "nothing is left behind");
    assert_eq!(life.get("/v1/subscriptions")["data"], serde_json::json!([]));
}

#[test]
fn a_first_payment_that_fails_leaves_23_hours() {
    let mut life = Life::new();
    let price = life.price("2000", "month");
    let customer = life.customer("pm_card_chargeCustomerFail");
    let subscription = life.subscribe(&customer, &price, &[]);
    assert_eq!(subscription["status"], "incomplete");
    let invoice = life.invoice(&id(&subscription));
    assert_eq!((invoice["status"].as_str(), invoice["attempt_count"].as_i64()), (Some("open"), Some(1)));
    assert!(invoice["next_payment_attempt"].is_null(), "a first invoice is not tried again by itself");
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    life.pass(23 * HOUR - 1);
    assert_eq!(life.get(&path)["status"], "incomplete");
    life.pass(1);
    assert_eq!(life.get(&path)["status"], "incomplete_expired");
    assert_eq!(life.invoice(&id(&subscription))["status"], "void");
}

#[test]
fn error_if_incomplete_leaves_nothing_behind() {
    let mut life = Life::new();
    let price = life.price("2000", "month");
    let customer = life.customer("pm_card_chargeCustomerFail");
    let seen = life.seen();
    let params = [
        ("customer", customer.as_str()),
        ("items[0][price]", price.as_str()),
        ("payment_behavior", "error_if_incomplete"),
    ];
    let (status, code, _) = life.refused("/v1/subscriptions", &params);
    assert_eq!((status, code.as_str()), (402, "card_declined"));
    assert_eq!(life.events(&seen), Vec::<String>::new());
    assert!(life.get(&format!("/v1/customers/{customer}"))["currency"].is_null());
}

#[test]
fn a_payer_who_pays_later_makes_it_active() {
    let mut life = Life::new();
    let price = life.price("2000", "month");
    let customer = life.customer("pm_card_visa");
    let subscription = life.subscribe(&customer, &price, &[("payment_behavior", "default_incomplete")]);
    assert_eq!(subscription["status"], "incomplete");
    let invoice = life.invoice(&id(&subscription));
    assert_eq!((invoice["status"].as_str(), invoice["attempted"].as_bool()), (Some("open"), Some(false)));
    let path = format!("/v1/invoice_payments?invoice={}", id(&invoice));
    let (_, payments) = life.ask("GET", "/v1/invoice_payments", &[("invoice", &id(&invoice))]);
    let intent =
        payments["data"][0]["payment"]["payment_intent"].as_str().unwrap_or_else(|| panic!("{path}")).to_owned();
    let seen = life.seen();
    life.post(&format!("/v1/payment_intents/{intent}/confirm"), &[]);
    assert_eq!(life.get(&format!("/v1/subscriptions/{}", id(&subscription)))["status"], "active");
    let told = life.events(&seen);
    assert!(
        told.contains(&"invoice.paid".into()) && told.contains(&"customer.subscription.updated".into()),
        "{told:?}"
    );
}

#[test]
fn a_trial_asks_for_nothing_warns_and_is_then_paid() {
    let mut life = Life::new();
    let price = life.price("2000", "month");
    let customer = life.customer("pm_card_visa");
    let subscription = life.subscribe(&customer, &price, &[("trial_period_days", "14")]);
    assert_eq!(
        (subscription["status"].as_str(), subscription["trial_end"].as_i64()),
        (Some("trialing"), Some(NEW_YEAR + 14 * DAY))
    );
    let invoice = life.invoice(&id(&subscription));
    assert_eq!((invoice["total"].as_i64(), invoice["status"].as_str()), (Some(0), Some("paid")));
    assert_eq!(lines(&invoice), [(0, "Free trial for 1 × Pro".into())]);
    let seen = life.seen();
    life.pass(11 * DAY - 1);
    assert!(!life.events(&seen).contains(&"customer.subscription.trial_will_end".into()));
    life.pass(1);
    assert!(life.events(&seen).contains(&"customer.subscription.trial_will_end".into()));
    life.pass(3 * DAY);
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    assert_eq!(life.get(&path)["status"], "active", "it is active until its payment fails");
    let invoice = life.invoice(&id(&subscription));
    assert_eq!((invoice["status"].as_str(), invoice["total"].as_i64()), (Some("draft"), Some(2000)));
    life.pass(HOUR);
    assert_eq!(life.invoice(&id(&subscription))["status"], "paid");
}

#[test]
fn a_trial_without_a_payment_method_ends_as_it_says() {
    for (then, status) in [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")] {
        let mut life = Life::new();
        let price = life.price("2000", "month");
        let customer = id(&life.post("/v1/customers", &[]));
        let more = [("trial_period_days", "7"), ("trial_settings[end_behavior][missing_payment_method]", then)];
        let subscription = life.subscribe(&customer, &price, &more);
        life.pass(7 * DAY + HOUR);
        assert_eq!(life.get(&format!("/v1/subscriptions/{}", id(&subscription)))["status"], status, "{then}");
    }
}

#[test]
fn a_day_of_the_month_is_an_anchor_of_months_and_years_alone() {
    let mut life = Life::new();
    let (daily, monthly) = (life.price("100", "day"), life.price("2000", "month"));
    let customer = life.customer("pm_card_visa");
    let day = ("billing_cycle_anchor_config[day_of_month]", "15");
    let never = [("billing_cycle_anchor_config[month]", "2"), ("billing_cycle_anchor_config[day_of_month]", "30")];
    let both = [day, ("billing_cycle_anchor", "1767830400")];
    for (price, more) in [(&daily, vec![day]), (&monthly, never.to_vec()), (&monthly, both.to_vec())] {
        let params = [&[("customer", customer.as_str()), ("items[0][price]", price)], more.as_slice()].concat();
        let (status, body) = life.ask("POST", "/v1/subscriptions", &params);
        assert_eq!((status, body["error"]["param"].as_str()), (400, Some("billing_cycle_anchor_config")), "{more:?}");
    }
    let found = life.subscribe(&customer, &monthly, &[day]);
    assert_eq!(found["billing_cycle_anchor"], NEW_YEAR + 14 * DAY);
    assert_eq!(found["billing_cycle_anchor_config"]["day_of_month"], 15);
}
