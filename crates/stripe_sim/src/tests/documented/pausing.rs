//! Collection that is paused, and subscriptions that are: E118–E122.

use super::{Params, Stage, amounts, at, id, int, word};
use crate::tests::life::HOUR;

#[test]
fn invoices_that_are_voided() {
    let mut stage = Stage::begin("2026-01-01");
    stage.subscribe(&[("items[0][price]", "$2000/month")]);
    stage.change(&[("pause_collection[behavior]", "void"), ("pause_collection[resumes_at]", "@2026-03-15")]);
    for month in ["2026-02-01", "2026-03-01"] {
        stage.until(month);
        let invoice = stage.newest();
        assert_eq!((int(&invoice["created"]), word(&invoice["status"])), (at(month), "void".into()), "E118: at once");
        assert_eq!(stage.status(), "active", "E118");
    }
    stage.life.until(at("2026-03-15") - 1);
    assert_eq!(stage.found()["pause_collection"]["behavior"], "void", "E118");
    stage.life.pass(1);
    assert!(stage.found()["pause_collection"].is_null(), "E118: to the second");
    stage.until_final("2026-04-01");
    assert_eq!(stage.newest()["status"], "paid", "E118: after resumes_at");
}

#[test]
fn invoices_that_stay_drafts() {
    let mut stage = Stage::begin("2026-01-01");
    stage.subscribe(&[("items[0][price]", "$2000/month")]);
    stage.change(&[("pause_collection[behavior]", "keep_as_draft")]);
    stage.until("2026-02-10");
    let draft = stage.newest();
    assert_eq!((word(&draft["status"]), draft["auto_advance"] == false), ("draft".into(), true), "E119");
    stage.change(&[("pause_collection", "")]);
    stage.until_final("2026-03-01");
    assert_eq!(stage.newest()["status"], "paid", "E119: what is made later is collected");
    let path = format!("/v1/invoices/{}", id(&draft));
    let draft = stage.get(&path);
    assert_eq!((word(&draft["status"]), draft["auto_advance"] == false), ("draft".into(), true), "E119: it stays one");
    stage.post(&path, &[("auto_advance", "true")]);
    stage.life.pass(HOUR);
    assert_eq!(stage.get(&path)["status"], "paid", "E119: until it is told to go on");
}

#[test]
fn invoices_that_are_given_up() {
    // Balance, status and what is asked for of 20.00.
    for (balance, status, due, left) in
        [("-5000", "paid", 0, -3000), ("-2000", "paid", 0, 0), ("-500", "uncollectible", 1500, 0)]
    {
        let mut stage = Stage::begin("2026-01-01");
        stage.subscribe(&[("items[0][price]", "$2000/month")]);
        let path = format!("/v1/customers/{}/balance_transactions", stage.customer);
        stage.post(&path, &[("amount", balance), ("currency", "usd")]);
        stage.change(&[("pause_collection[behavior]", "mark_uncollectible")]);
        stage.until_final("2026-02-01");
        let invoice = stage.newest();
        let found = (word(&invoice["status"]), int(&invoice["amount_due"]), stage.balance());
        assert_eq!(found, (status.into(), due, left), "E120: a balance of {balance} first");
        assert_eq!(stage.status(), "active", "E120");
    }
}

/// A month of 20.00 with 250 units of usage at 4 cents, in its exact middle.
fn half() -> Stage {
    let mut stage = Stage::begin("2026-04-01");
    stage.meter("calls", "sum", &[("unit_amount", "4")]);
    stage.subscribe(&[("items[0][price]", "$2000/month"), ("items[1][price]", "$calls")]);
    stage.until("2026-04-10");
    stage.used("calls", "250", &[]);
    stage.until("2026-04-16");
    stage
}

#[test]
fn a_subscription_is_paused() {
    let wanted = [
        ("bill_for[unused_time_from][type]", "now"),
        ("bill_for[outstanding_usage_through][type]", "now"),
        ("invoicing_behavior", "pending_invoice_item"),
    ];
    let neither = [
        ("bill_for[unused_time_from][type]", "none"),
        ("bill_for[outstanding_usage_through][type]", "none"),
        ("invoicing_behavior", "pending_invoice_item"),
    ];
    for (id, ask, waiting) in [("E121", &wanted, &[-1000, 1000][..]), ("E121, for nothing", &neither, &[])] {
        let mut stage = half();
        let path = format!("/v1/subscriptions/{}/pause", stage.subscription);
        let seen = stage.life.seen();
        let found = stage.post(&path, &[&[("type", "subscription")], &ask[..]].concat());
        assert_eq!(found["status"], "paused", "{id}");
        assert_eq!(stage.periods(), [(at("2026-04-01"), at("2026-04-16")); 2], "{id}: periods end now");
        assert_eq!(stage.waiting(), waiting, "{id}");
        let told = stage.life.events(&seen);
        for kind in ["customer.subscription.paused", "customer.subscription.updated"] {
            assert!(told.contains(&kind.to_owned()), "{id}: {told:?}");
        }
        stage.until("2026-12-01");
        assert_eq!((stage.totals(), stage.status()), (vec![2000], "paused".into()), "{id}: no invoices meanwhile");
    }
}

#[test]
fn who_cannot_be_paused() {
    let rows: [(&str, &str, Params, &[&str]); 6] = [
        ("sent", "pm_card_visa", &[("collection_method", "send_invoice"), ("days_until_due", "9")], &[]),
        ("trialing", "pm_card_visa", &[("trial_period_days", "9")], &[]),
        ("incomplete", "pm_card_visa", &[("payment_behavior", "default_incomplete")], &[]),
        ("paused", "pm_card_visa", &[], &["pause"]),
        ("scheduled", "pm_card_visa", &[], &["schedule"]),
        ("canceled", "pm_card_visa", &[], &["cancel"]),
    ];
    for (name, card, more, steps) in rows {
        let mut stage = Stage::paying_by("2026-04-01", card);
        stage.subscribe(&[&[("items[0][price]", "$2000/month")], more].concat());
        let path = format!("/v1/subscriptions/{}", stage.subscription);
        let pause = format!("{path}/pause");
        for step in steps {
            match *step {
                "pause" => stage.post(&pause, &[("type", "subscription")]),
                "schedule" => stage.post("/v1/subscription_schedules", &[("from_subscription", "#subscription")]),
                _ => stage.done("DELETE", &path, &[]),
            };
        }
        let (status, body) = stage.ask("POST", &pause, &[("type", "subscription")]);
        assert!((400..=404).contains(&status), "E121, {name}: {status} {body:#}");
    }
}

/// Paused in the middle of April and resumed five days later: ten of thirty days are left.
fn resumed(behavior: &str) -> Stage {
    let mut stage = Stage::begin("2026-04-01");
    stage.subscribe(&[("items[0][price]", "$3000/month")]);
    stage.until("2026-04-16");
    let path = format!("/v1/subscriptions/{}", stage.subscription);
    stage.post(&format!("{path}/pause"), &[("type", "subscription")]);
    stage.until("2026-04-21");
    let params = [("billing_cycle_anchor[type]", "unchanged"), ("proration_behavior", behavior)];
    stage.post(&format!("{path}/resume"), &params);
    stage
}

#[test]
fn a_subscription_without_anything_to_pay_goes_on() {
    for (id, behavior, waiting) in
        [("E122, none", "none", &[][..]), ("E122, create_prorations", "create_prorations", &[1000])]
    {
        let mut stage = resumed(behavior);
        assert_eq!((stage.status(), stage.totals()), ("active".into(), vec![3000]), "{id}: at once");
        assert_eq!(stage.waiting(), waiting, "{id}");
        assert_eq!(stage.periods()[0].1, at("2026-05-01"), "{id}");
    }
}

#[test]
fn a_subscription_with_something_to_pay_waits() {
    for (name, card, step, invoice, status) in [
        ("E122, paid", "pm_card_visa", "pay", "paid", "active"),
        ("E122, given up", "pm_card_visa", "mark_uncollectible", "uncollectible", "active"),
        ("E122, failed", "pm_card_chargeCustomerFail", "pay", "open", "past_due"),
        ("E122, voided", "pm_card_visa", "void", "void", "paused"),
        ("E122, 23 hours", "pm_card_visa", "", "void", "paused"),
    ] {
        let mut stage = resumed("always_invoice");
        let newest = stage.newest();
        assert_eq!((word(&newest["status"]), amounts(&newest)), ("open".into(), vec![1000]), "{name}: final at once");
        assert_eq!((newest["attempted"] == false, stage.status()), (true, "paused".into()), "{name}: and not tried");
        stage.pay_by(card);
        if step.is_empty() {
            stage.life.pass(82_800 - 1);
            assert_eq!(stage.newest()["status"], "open", "{name}");
            stage.life.pass(1);
        } else {
            stage.ask("POST", &format!("/v1/invoices/{}/{step}", id(&newest)), &[]);
        }
        assert_eq!((word(&stage.newest()["status"]), stage.status()), (invoice.into(), status.into()), "{name}");
    }
}
