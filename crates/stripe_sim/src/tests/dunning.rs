//! Renewals, and what follows when nobody pays for them.

use super::life::{DAY, HOUR, Life, NEW_YEAR, id, lines};

#[test]
fn a_renewal_is_a_draft_for_an_hour_and_then_paid() {
    let mut life = Life::new();
    let price = life.price("2000", "month");
    let customer = life.customer("pm_card_visa");
    let subscription = id(&life.subscribe(&customer, &price, &[]));
    life.until(NEW_YEAR + 24 * DAY - 1);
    let seen = life.seen();
    life.pass(1);
    assert_eq!(life.events(&seen), ["invoice.upcoming"]);
    let upcoming = life.world.tables.events.all().next_back().expect("an event").object.clone();
    assert!(upcoming.get("id").is_none() && upcoming["amount_due"] == 2000, "{upcoming:#}");
    life.until(NEW_YEAR + 31 * DAY - 1);
    let seen = life.seen();
    life.pass(1);
    assert_eq!(life.events(&seen), ["customer.subscription.updated", "invoice.created"]);
    let invoice = life.invoice(&subscription);
    assert_eq!(
        (invoice["status"].as_str(), invoice["billing_reason"].as_str()),
        (Some("draft"), Some("subscription_cycle"))
    );
    assert_eq!(invoice["automatically_finalizes_at"], NEW_YEAR + 31 * DAY + HOUR);
    assert_eq!(invoice["lines"]["data"][0]["period"]["end"], NEW_YEAR + 59 * DAY);
    let seen = life.seen();
    life.pass(HOUR);
    let told = life.events(&seen);
    assert_eq!(told[..2], ["invoice.finalized", "payment_intent.created"], "{told:?}");
    let last: Vec<&str> = told.iter().rev().take(3).map(String::as_str).collect();
    assert_eq!(last, ["invoice_payment.paid", "invoice.payment_succeeded", "invoice.paid"]);
}

#[test]
fn a_card_that_fails_is_tried_again_and_then_the_subscription_ends() {
    let mut life = Life::new();
    let price = life.price("2000", "month");
    let customer = life.customer("pm_card_visa");
    let subscription = id(&life.subscribe(&customer, &price, &[]));
    let failing = life.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", &[("customer", &customer)]);
    let path = format!("/v1/customers/{customer}");
    life.post(&path, &[("invoice_settings[default_payment_method]", &id(&failing))]);
    let turn = NEW_YEAR + 31 * DAY + HOUR;
    life.until(turn);
    let status = |life: &mut Life| life.get(&format!("/v1/subscriptions/{subscription}"))["status"].clone();
    assert_eq!(status(&mut life), "past_due");
    let mut at = turn;
    for (attempt, wait) in [(1, 3), (2, 5), (3, 7)] {
        let invoice = life.invoice(&subscription);
        assert_eq!(invoice["attempt_count"], attempt);
        at += wait * DAY;
        assert_eq!(invoice["next_payment_attempt"], at);
        life.until(at);
    }
    assert_eq!(status(&mut life), "canceled");
    let found = life.get(&format!("/v1/subscriptions/{subscription}"));
    assert_eq!(found["cancellation_details"]["reason"], "payment_failed");
    let invoice = life.invoice(&subscription);
    assert_eq!((invoice["status"].as_str(), invoice["attempt_count"].as_i64()), (Some("open"), Some(4)));
    assert!(invoice["next_payment_attempt"].is_null());
}

#[test]
fn a_new_card_in_time_recovers_it() {
    let mut life = Life::new();
    let price = life.price("2000", "month");
    let customer = life.customer("pm_card_visa");
    let good = life.get(&format!("/v1/customers/{customer}"))["invoice_settings"]["default_payment_method"].clone();
    let subscription = id(&life.subscribe(&customer, &price, &[]));
    let failing = life.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", &[("customer", &customer)]);
    let path = format!("/v1/customers/{customer}");
    life.post(&path, &[("invoice_settings[default_payment_method]", &id(&failing))]);
    life.until(NEW_YEAR + 31 * DAY + HOUR);
    life.post(&path, &[("invoice_settings[default_payment_method]", good.as_str().expect("a method"))]);
    life.pass(3 * DAY);
    assert_eq!(life.get(&format!("/v1/subscriptions/{subscription}"))["status"], "active");
    let invoice = life.invoice(&subscription);
    assert_eq!((invoice["status"].as_str(), invoice["attempt_count"].as_i64()), (Some("paid"), Some(2)));
}

#[test]
fn usage_is_billed_when_its_period_is_over() {
    let mut life = Life::new();
    let meter = life.post(
        "/v1/billing/meters",
        &[("display_name", "Calls"), ("event_name", "calls"), ("default_aggregation[formula]", "sum")],
    );
    let product = id(&life.post("/v1/products", &[("name", "Calls")]));
    let meter = id(&meter);
    let params = [
        ("currency", "usd"),
        ("unit_amount_decimal", "0.5"),
        ("product", product.as_str()),
        ("recurring[interval]", "month"),
        ("recurring[usage_type]", "metered"),
        ("recurring[meter]", meter.as_str()),
    ];
    let price = id(&life.post("/v1/prices", &params));
    let customer = life.customer("pm_card_visa");
    let subscription = life.subscribe(&customer, &price, &[]);
    assert_eq!((subscription["status"].as_str(), subscription["latest_invoice"].is_null()), (Some("active"), true));
    assert!(subscription["items"]["data"][0].get("quantity").is_none());
    life.pass(5 * DAY);
    for value in ["300", "101"] {
        let params = [("event_name", "calls"), ("payload[stripe_customer_id]", &customer), ("payload[value]", value)];
        life.post("/v1/billing/meter_events", &params);
        life.pass(HOUR);
    }
    life.until(NEW_YEAR + 31 * DAY + HOUR);
    let invoice = life.invoice(&id(&subscription));
    assert_eq!(invoice["total"], 201, "401 × 0.5 cents, rounded: {:?}", lines(&invoice));
    assert_eq!(invoice["lines"]["data"][0]["period"]["start"], NEW_YEAR);
    assert_eq!(invoice["status"], "paid");
}

#[test]
fn collection_that_is_paused_leaves_voids_or_gives_up() {
    for (behavior, status) in [("void", "void"), ("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible")] {
        let mut life = Life::new();
        let price = life.price("2000", "month");
        let customer = life.customer("pm_card_visa");
        let subscription = id(&life.subscribe(&customer, &price, &[]));
        let path = format!("/v1/subscriptions/{subscription}");
        life.post(&path, &[("pause_collection[behavior]", behavior)]);
        life.until(NEW_YEAR + 31 * DAY + HOUR);
        assert_eq!(life.invoice(&subscription)["status"], status, "{behavior}");
        assert_eq!(life.get(&path)["status"], "active", "{behavior}");
    }
}
