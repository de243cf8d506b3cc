//! The first payment, and when an invoice becomes final: E99–E104, E116.

use super::{Params, Stage, at, id, int, word};
use crate::{
    clock, deliver,
    tests::life::{DAY, HOUR},
};

#[test]
fn what_comes_of_a_first_payment() {
    let rows = [
        ("E99, success", "pm_card_visa", "succeeded", "paid", "active"),
        ("E99, refused", "pm_card_chargeCustomerFail", "requires_payment_method", "open", "incomplete"),
        ("E99, 3-D Secure", "pm_card_authenticationRequired", "requires_action", "open", "incomplete"),
    ];
    for (id, card, intent, invoice, subscription) in rows {
        let mut stage = Stage::paying_by("2026-01-01", card);
        stage.subscribe(&[("items[0][price]", "$2000/month"), ("payment_behavior", "allow_incomplete")]);
        let newest = stage.newest();
        assert_eq!(word(&stage.intent(&newest)["status"]), intent, "{id}");
        assert_eq!((word(&newest["status"]), stage.status()), (invoice.into(), subscription.into()), "{id}");
    }
}

#[test]
fn a_payer_who_pays_by_hand() {
    let rows = [
        ("E99, default_incomplete, success", "pm_card_visa", "succeeded", "paid", "active"),
        ("E99, default_incomplete, refused", "pm_card_chargeCustomerFail", "requires_payment_method", "open", "incomplete"),
        ("E99, default_incomplete, 3-D Secure", "pm_card_authenticationRequired", "requires_action", "open", "incomplete"),
    ];
    for (name, card, intent, invoice, subscription) in rows {
        let mut stage = Stage::paying_by("2026-01-01", card);
        stage.subscribe(&[("items[0][price]", "$2000/month"), ("payment_behavior", "default_incomplete")]);
        let newest = stage.newest();
        assert_eq!((word(&newest["status"]), stage.status()), ("open".into(), "incomplete".into()), "{name}");
        let path = format!("/v1/payment_intents/{}/confirm", id(&stage.intent(&newest)));
        stage.ask("POST", &path, &[]);
        let newest = stage.newest();
        assert_eq!(word(&stage.intent(&newest)["status"]), intent, "{name}");
        assert_eq!((word(&newest["status"]), stage.status()), (invoice.into(), subscription.into()), "{name}");
    }
}

#[test]
fn a_creation_that_fails_whole() {
    let mut stage = Stage::paying_by("2026-01-01", "pm_card_chargeCustomerFail");
    let params =
        [("customer", "#customer"), ("items[0][price]", "$2000/month"), ("payment_behavior", "error_if_incomplete")];
    let (status, body) = stage.ask("POST", "/v1/subscriptions", &params);
    assert_eq!((status, word(&body["error"]["code"])), (402, "card_declined".into()), "E100");
    assert!(stage.listed("/v1/subscriptions", &[("status", "all")]).is_empty(), "E100: none is made");
}

#[test]
fn twenty_three_hours() {
    let mut stage = Stage::paying_by("2026-01-01", "pm_card_chargeCustomerFail");
    stage.subscribe(&[("items[0][price]", "$2000/month")]);
    stage.life.pass(82_800 - 1);
    assert_eq!((stage.status(), word(&stage.newest()["status"])), ("incomplete".into(), "open".into()), "E101");
    stage.life.pass(1);
    assert_eq!((stage.status(), word(&stage.newest()["status"])), ("incomplete_expired".into(), "void".into()), "E101");
    stage.until("2026-06-01");
    assert_eq!((stage.status(), stage.totals()), ("incomplete_expired".into(), vec![2000]), "E101: nothing more");
}

#[test]
fn the_hour_of_a_draft() {
    let rows: [(&str, Params, &str); 2] = [
        ("E102 (a)", &[], "paid"),
        ("E102 (b)", &[("collection_method", "send_invoice"), ("days_until_due", "30")], "draft"),
    ];
    for (id, more, first) in rows {
        let mut stage = Stage::begin("2026-01-01");
        stage.subscribe(&[&[("items[0][price]", "$2000/month")], more].concat());
        assert_eq!((word(&stage.newest()["status"]), stage.status()), (first.into(), "active".into()), "{id}: the first");
        for start in ["2026-01-01", "2026-02-01", "2026-03-01"] {
            stage.life.until((at(start) + HOUR - 1).max(stage.now()));
            let newest = stage.newest();
            assert_eq!(int(&newest["created"]), at(start), "{id}");
            assert_eq!(newest["status"] == "draft", start != "2026-01-01" || first == "draft", "{id}: {start}");
            stage.until_final(start);
            assert_ne!(stage.newest()["status"], "draft", "{id}: {start}, an hour later");
        }
    }
}

/// Moves the time on; from `answers` on the endpoint answers what it is sent.
fn until_answered(stage: &mut Stage, to: i64, answers: i64) {
    while let Some(sent) = clock::step(&mut stage.life.world, to) {
        for delivery in sent {
            let answer = if stage.now() >= answers { Ok(200) } else { Ok(500) };
            deliver::settle(&mut stage.life.world, &delivery.delivery, answer);
        }
    }
}

#[test]
fn a_draft_waits_for_its_webhook() {
    // An endpoint is asked again after 10 minutes, an hour and three hours.
    let turn = at("2026-02-01");
    let rows = [
        ("E103, answered at once", turn, turn + HOUR),
        ("E103, answered the second time", turn + 1, turn + 600 + HOUR),
        ("E103, never answered", i64::MAX, turn + 72 * HOUR),
    ];
    for (id, answers, finalized) in rows {
        let mut stage = Stage::begin("2026-01-01");
        stage.subscribe(&[("items[0][price]", "$2000/month")]);
        let endpoint = [("url", "https://example.com/hook"), ("enabled_events[0]", "invoice.created")];
        stage.post("/v1/webhook_endpoints", &endpoint);
        until_answered(&mut stage, finalized - 1, answers);
        assert_eq!(stage.newest()["status"], "draft", "{id}: not a second before");
        until_answered(&mut stage, finalized, answers);
        let invoice = stage.newest();
        let at = int(&invoice["status_transitions"]["finalized_at"]);
        assert_eq!((word(&invoice["status"]), at), ("paid".into(), finalized), "{id}");
    }
}

#[test]
fn a_draft_with_a_time_of_its_own() {
    let mut stage = Stage::begin("2025-05-01");
    stage.subscribe(&[("items[0][price]", "$2000/month")]);
    // Nobody answers it.
    stage.post("/v1/webhook_endpoints", &[("url", "https://example.com/hook"), ("enabled_events[0]", "invoice.created")]);
    stage.until("2025-06-01");
    let path = format!("/v1/invoices/{}", id(&stage.newest()));
    let draft = stage.post(&path, &[("automatically_finalizes_at", "1748799295")]);
    assert_eq!(int(&draft["automatically_finalizes_at"]), 1_748_799_295, "E104");
    stage.life.until(1_748_799_295 - 1);
    assert_eq!(stage.newest()["status"], "draft", "E104");
    stage.life.pass(1);
    let invoice = stage.newest();
    assert_eq!(int(&invoice["status_transitions"]["finalized_at"]), 1_748_799_295, "E104: answered or not");
}

/// Makes an invoice of 20.00 and brings it to a status.
fn invoice(stage: &mut Stage, status: &str) -> String {
    let made = id(&stage.post("/v1/invoices", &[("customer", "#customer"), ("auto_advance", "false")]));
    let item = [("customer", "#customer"), ("invoice", made.as_str()), ("amount", "2000"), ("currency", "usd")];
    stage.post("/v1/invoiceitems", &item);
    let steps: &[&str] = match status {
        "draft" => &[],
        "open" => &["finalize"],
        "paid" => &["finalize", "pay"],
        "void" => &["finalize", "void"],
        _ => &["finalize", "mark_uncollectible"],
    };
    for step in steps {
        stage.post(&format!("/v1/invoices/{made}/{step}"), &[]);
    }
    made
}

#[test]
fn from_one_status_of_an_invoice_to_the_next() {
    let steps = [("finalize", "open"), ("pay", "paid"), ("void", "void"), ("mark_uncollectible", "uncollectible")];
    // From each status the steps above that can be taken, and whether it can be deleted.
    let table: [(&str, &[&str], bool); 5] = [
        ("draft", &["finalize", "pay"], true),
        ("open", &["pay", "void", "mark_uncollectible"], false),
        ("paid", &[], false),
        ("void", &[], false),
        ("uncollectible", &["pay", "void"], false),
    ];
    for (from, allowed, deleted) in table {
        for (step, to) in steps {
            let mut stage = Stage::begin("2026-01-01");
            let path = format!("/v1/invoices/{}", invoice(&mut stage, from));
            let (status, body) = stage.ask("POST", &format!("{path}/{step}"), &[]);
            let then = word(&stage.get(&path)["status"]);
            let good = allowed.contains(&step);
            assert_eq!((status == 200, then.as_str()), (good, if good { to } else { from }), "E116, {from} {step}: {body:#}");
        }
        let mut stage = Stage::begin("2026-01-01");
        let path = format!("/v1/invoices/{}", invoice(&mut stage, from));
        assert_eq!(stage.ask("DELETE", &path, &[]).0 == 200, deleted, "E116, {from}");
        stage.life.pass(40 * DAY);
        assert_eq!(stage.ask("GET", &path, &[]).0 == 200, !deleted, "E116, {from}: it stays");
    }
}
