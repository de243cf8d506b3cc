//! What follows when nobody pays: E107–E110, E112–E115, E117. E107 is the schedule that the sandbox has by itself:
//! 3, 5 and 7 days.

use super::{Params, Stage, at, id, int, word};
use crate::tests::life::{DAY, HOUR};

/// A subscription of 20.00 a month whose card fails from the first renewal on.
fn failing(after_retries: &str) -> Stage {
    let mut stage = Stage::begin("2026-01-01");
    stage.life.world.settings.after_retries = after_retries.into();
    stage.subscribe(&[("items[0][price]", "$2000/month")]);
    stage.pay_by("pm_card_chargeCustomerFail");
    stage
}

/// When the first renewal is tried.
fn first_try() -> i64 {
    at("2026-02-01") + HOUR
}

#[test]
fn three_retries() {
    let mut stage = failing("past_due");
    let tries = [0, 3, 8, 15].map(|days| first_try() + days * DAY);
    for (place, when) in tries.iter().enumerate() {
        let count = i64::try_from(place).expect("a few");
        stage.life.until(when - 1);
        assert_eq!(int(&stage.newest()["attempt_count"]), count, "E107: before the try at {when}");
        stage.life.pass(1);
        let invoice = stage.newest();
        assert_eq!(int(&invoice["attempt_count"]), count + 1, "E107: after the try at {when}");
        assert_eq!(invoice["next_payment_attempt"].as_i64(), tries.get(place + 1).copied(), "E107: null after the last");
    }
}

/// What the account says follows the last retry.
struct Last {
    id: &'static str,
    setting: &'static str,
    status: &'static str,
    /// Whether there is an invoice of March, and its status an hour after its beginning.
    next: Option<&'static str>,
}

#[test]
fn after_the_last_retry() {
    let table = [
        Last { id: "E108 (a)", setting: "cancel", status: "canceled", next: None },
        Last { id: "E108 (b)", setting: "unpaid", status: "unpaid", next: Some("draft") },
        Last { id: "E108 (c)", setting: "past_due", status: "past_due", next: Some("open") },
    ];
    for Last { id, setting, status, next } in table {
        let mut stage = failing(setting);
        stage.life.until(first_try() + 15 * DAY - 1);
        assert_eq!(stage.status(), "past_due", "{id}: before the last retry");
        stage.life.pass(1);
        assert_eq!(stage.status(), status, "{id}");
        assert_eq!(stage.newest()["status"], "open", "{id}: the invoice stays open");
        stage.until_final("2026-03-01");
        let march = stage.invoices().get(2).map(|invoice| word(&invoice["status"]));
        assert_eq!(march.as_deref(), next, "{id}: the next invoice");
        if next == Some("open") {
            let again = at("2026-03-01") + HOUR + 3 * DAY;
            assert_eq!(stage.newest()["next_payment_attempt"], again, "{id}: it is collected by the same rules");
        }
        if next == Some("draft") {
            stage.until("2026-03-20");
            assert_eq!(stage.newest()["status"], "draft", "{id}: it stays one");
        }
    }
}

#[test]
fn attempts_by_hand_count_once() {
    // By hand before anything else: that is the first attempt. By hand later: it does not count.
    let mut stage = failing("past_due");
    stage.until("2026-02-01");
    let path = format!("/v1/invoices/{}/pay", id(&stage.newest()));
    assert_eq!(stage.ask("POST", &path, &[]).0, 402, "E109");
    assert_eq!(int(&stage.newest()["attempt_count"]), 1, "E109: the first counts");
    let mut stage = failing("past_due");
    stage.life.until(first_try());
    let next = stage.newest()["next_payment_attempt"].clone();
    let path = format!("/v1/invoices/{}/pay", id(&stage.newest()));
    for _ in 0..3 {
        assert_eq!(stage.ask("POST", &path, &[]).0, 402, "E109");
    }
    let invoice = stage.newest();
    assert_eq!((int(&invoice["attempt_count"]), &invoice["next_payment_attempt"]), (1, &next), "E109: later ones do not");
    stage.life.pass(3 * DAY);
    assert_eq!(int(&stage.newest()["attempt_count"]), 2, "E109: automatic ones do");
}

#[test]
fn the_subscription_pays_before_its_customer() {
    // A bad method of the subscription is not helped by a good one of the customer, and the other way round.
    for (id, own, customers, status) in [
        ("E110, own bad", "pm_card_chargeCustomerFail", "pm_card_visa", "past_due"),
        ("E110, own good", "pm_card_visa", "pm_card_chargeCustomerFail", "active"),
    ] {
        let mut stage = Stage::begin("2026-01-01");
        stage.subscribe(&[("items[0][price]", "$2000/month")]);
        let method = stage.post(&format!("/v1/payment_methods/{own}/attach"), &[("customer", "#customer")]);
        stage.change(&[("default_payment_method", &word(&method["id"]))]);
        stage.pay_by(customers);
        stage.life.until(first_try() + 3 * DAY);
        assert_eq!(stage.status(), status, "{id}");
    }
}

#[test]
fn an_unpaid_subscription_recovers() {
    let mut stage = failing("unpaid");
    stage.until("2026-03-10");
    assert_eq!((stage.status(), word(&stage.newest()["status"])), ("unpaid".into(), "draft".into()), "E112");
    stage.pay_by("pm_card_visa");
    let path = format!("/v1/invoices/{}", id(&stage.newest()));
    stage.post(&format!("{path}/finalize"), &[]);
    stage.post(&format!("{path}/pay"), &[]);
    assert_eq!(stage.status(), "active", "E112");
}

#[test]
fn the_first_invoice_is_voided() {
    let sent: Params = &[("collection_method", "send_invoice"), ("days_until_due", "10")];
    let rows: [(&str, Params, &str, &str, &str); 3] = [
        ("E113, incomplete", &[("payment_behavior", "default_incomplete")], "2026-01-01", "incomplete", "incomplete_expired"),
        ("E113, past_due", sent, "2026-01-20", "past_due", "active"),
        ("E113, active", sent, "2026-01-05", "active", "active"),
    ];
    for (name, more, when, before, after) in rows {
        let mut stage = Stage::begin("2026-01-01");
        stage.subscribe(&[&[("items[0][price]", "$2000/month")], more].concat());
        stage.until(when);
        assert_eq!(stage.status(), before, "{name}");
        let path = format!("/v1/invoices/{}/void", id(&stage.newest()));
        stage.post(&path, &[]);
        assert_eq!(stage.status(), after, "{name}");
    }
}

#[test]
fn the_newest_invoice_is_voided() {
    // Of January, February and March the last is voided; what stands then is what the one before it says.
    let rows = [
        ("E114, paid", None, "active"),
        ("E114, uncollectible", Some("mark_uncollectible"), "active"),
        ("E114, retries are over", Some(""), "unpaid"),
    ];
    for (name, february, status) in rows {
        let mut stage = failing("unpaid");
        if february.is_none() {
            stage.pay_by("pm_card_visa");
        }
        stage.until("2026-02-20");
        if let Some(step) = february.filter(|step| !step.is_empty()) {
            let path = format!("/v1/invoices/{}/{step}", id(&stage.newest()));
            stage.post(&path, &[]);
        }
        stage.pay_by("pm_card_chargeCustomerFail");
        stage.until_final("2026-03-01");
        let march = id(&stage.newest());
        if stage.newest()["status"] == "draft" {
            stage.post(&format!("/v1/invoices/{march}/finalize"), &[]);
        }
        stage.post(&format!("/v1/invoices/{march}/void"), &[]);
        assert_eq!(stage.status(), status, "{name}");
    }
}

#[test]
fn an_invoice_that_is_sent() {
    let mut stage = Stage::begin("2026-01-01");
    let params = [("items[0][price]", "$2000/month"), ("collection_method", "send_invoice"), ("days_until_due", "10")];
    stage.subscribe(&params);
    stage.until_final("2026-01-01");
    let due = int(&stage.newest()["due_date"]);
    assert_eq!(due, at("2026-01-11") + HOUR, "E115: ten days after it is final");
    stage.life.until(due - 1);
    assert_eq!(stage.status(), "active", "E115");
    stage.life.pass(1);
    assert_eq!((stage.status(), word(&stage.newest()["status"])), ("past_due".into(), "open".into()), "E115");
    let path = format!("/v1/invoices/{}/pay", id(&stage.newest()));
    stage.post(&path, &[]);
    assert_eq!(stage.status(), "active", "E115: it is paid late");
}

#[test]
fn a_card_that_fails_after_a_trial() {
    let mut stage = Stage::paying_by("2026-01-01", "pm_card_chargeCustomerFail");
    stage.subscribe(&[("items[0][price]", "$2000/month"), ("trial_period_days", "3")]);
    stage.until("2026-01-04");
    assert_eq!((word(&stage.newest()["status"]), stage.status()), ("draft".into(), "active".into()), "E117");
    stage.until_final("2026-01-04");
    let invoice = stage.newest();
    assert_eq!((word(&invoice["status"]), int(&invoice["attempt_count"])), ("open".into(), 1), "E117");
    assert_eq!(stage.status(), "past_due", "E117");
}
