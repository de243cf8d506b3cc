//! Money that goes back: E33, E176–E179, E183, E185, E186.

use super::{Stage, at, id, int, word};
use crate::tests::life::DAY;
use serde_json::Value;

/// Charges a card, and answers the payment intent.
fn charged(stage: &mut Stage, card: &str, amount: &str) -> Value {
    let params = [
        ("amount", amount),
        ("currency", "usd"),
        ("payment_method", card),
        ("confirm", "true"),
        ("automatic_payment_methods[enabled]", "true"),
        ("automatic_payment_methods[allow_redirects]", "never"),
    ];
    let intent = stage.post("/v1/payment_intents", &params);
    assert_eq!(intent["status"], "succeeded", "{intent:#}");
    intent
}

/// What is left of the charge of a payment.
fn left(stage: &mut Stage, intent: &Value) -> i64 {
    let charge = stage.get(&format!("/v1/charges/{}", word(&intent["latest_charge"])));
    int(&charge["amount"]) - int(&charge["amount_refunded"])
}

#[test]
fn refunds_of_a_charge() {
    // Amounts in order, and what is left in the end.
    let rows: [(&str, &str, &[Option<&str>], i64); 3] = [
        ("E176", "5000", &[Some("1000"), Some("1000"), Some("3000")], 0),
        ("E177", "9000", &[Some("900")], 8100),
        ("E178", "9000", &[None], 0),
    ];
    for (name, amount, refunds, rest) in rows {
        let mut stage = Stage::begin("2026-01-01");
        let intent = charged(&mut stage, "pm_card_visa", amount);
        stage.until("2026-02-01");
        for refund in refunds {
            let seen = stage.life.seen();
            let intent = id(&intent);
            let mut params = vec![("payment_intent", intent.as_str())];
            params.extend(refund.map(|amount| ("amount", amount)));
            let made = stage.post("/v1/refunds", &params);
            assert_eq!(made["amount"].to_string(), refund.unwrap_or(amount), "{name}");
            assert_eq!(stage.life.events(&seen)[..2], ["refund.created", "charge.refunded"], "{name}");
        }
        assert_eq!(left(&mut stage, &intent), rest, "{name}");
        let more = (rest + 1).to_string();
        let params = [("payment_intent", id(&intent)), ("amount", more)];
        let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(stage.ask("POST", "/v1/refunds", &params).0, 400, "{name}: not more than the charge");
    }
}

#[test]
fn a_renewal_that_is_refunded() {
    let mut stage = Stage::begin("2026-04-01");
    stage.subscribe(&[("items[0][price]", "$9000/month")]);
    stage.until("2026-04-21");
    stage.change(&[("items[0][id]", "#item"), ("items[0][price]", "$3000/month")]);
    stage.until_final("2026-05-01");
    let invoice = stage.newest();
    assert_eq!((int(&invoice["total"]), word(&invoice["status"])), (1000, "paid".into()), "E33");
    stage.until("2026-05-04");
    let intent = stage.intent(&invoice);
    let refund = stage.post("/v1/refunds", &[("payment_intent", &id(&intent))]);
    assert_eq!((int(&refund["amount"]), left(&mut stage, &intent)), (1000, 0), "E33");
}

/// The only dispute.
fn dispute(stage: &mut Stage) -> Value {
    stage.listed("/v1/disputes", &[]).pop().expect("a dispute")
}

/// Answers the dispute with such evidence; the words of test evidence decide it.
fn answer(stage: &mut Stage, evidence: &str) {
    let path = format!("/v1/disputes/{}", id(&dispute(stage)));
    stage.post(&path, &[("evidence[uncategorized_text]", evidence)]);
}

#[test]
fn disputes_move_the_money() {
    // The days are those of the test card: it is disputed at once and decided soon.
    let rows: [(&str, &str, &str, &[i64], Option<&str>); 2] = [
        ("E179, lost", "losing_evidence", "lost", &[-9000], None),
        ("E179, won", "winning_evidence", "won", &[-9000, 9000], Some("charge.dispute.funds_reinstated")),
    ];
    for (id, evidence, status, moved, event) in rows {
        let mut stage = Stage::begin("2026-02-01");
        let seen = stage.life.seen();
        charged(&mut stage, "pm_card_createDispute", "9000");
        assert!(stage.life.events(&seen).contains(&"charge.dispute.funds_withdrawn".to_owned()), "{id}");
        let seen = stage.life.seen();
        answer(&mut stage, evidence);
        stage.until("2026-04-01");
        let found = dispute(&mut stage);
        assert_eq!((word(&found["status"]), int(&found["amount"])), (status.into(), 9000), "{id}");
        let transactions = found["balance_transactions"].as_array().expect("transactions");
        let amounts: Vec<i64> = transactions.iter().map(|moved| int(&moved["amount"])).collect();
        assert_eq!(amounts, moved, "{id}");
        let told = stage.life.events(&seen);
        assert_eq!(event.is_some(), told.contains(&"charge.dispute.funds_reinstated".to_owned()), "{id}: {told:?}");
        // The fee is taken with the amount and not given back with it.
        let fees: Vec<i64> = transactions.iter().map(|moved| int(&moved["fee"])).collect();
        assert_eq!((fees[0], fees[1..].iter().sum::<i64>()), (1500, 0), "E183, {status}");
        assert_eq!(int(&transactions[0]["net"]), -10_500, "E183, {status}: in the same transaction");
    }
}

#[test]
fn how_long_disputes_last() {
    let mut stage = Stage::begin("2026-02-01");
    charged(&mut stage, "pm_card_createDispute", "9000");
    let due = int(&dispute(&mut stage)["evidence_details"]["due_by"]) - stage.now();
    assert!((7 * DAY..=21 * DAY).contains(&due), "E185: 7 to 21 days to answer, not {due} seconds");
    answer(&mut stage, "A letter.");
    let answered = stage.now();
    stage.life.until(answered + 60 * DAY - 1);
    assert_eq!(dispute(&mut stage)["status"], "under_review", "E185: the issuer takes 60 days at least");
    stage.life.until(answered + 75 * DAY);
    assert_eq!(dispute(&mut stage)["status"], "lost", "E185: and 75 at most");

    let mut stage = Stage::begin("2026-02-01");
    charged(&mut stage, "pm_card_createDisputeInquiry", "9000");
    stage.life.until(at("2026-02-01") + 120 * DAY - 1);
    assert_eq!(dispute(&mut stage)["status"], "warning_needs_response", "E185");
    stage.life.pass(1);
    assert_eq!(dispute(&mut stage)["status"], "warning_closed", "E185: an inquiry closes after 120 days");
}

#[test]
fn an_inquiry_is_due_by_the_end_of_a_day() {
    let mut stage = Stage::begin("2024-08-06T09:30:00Z");
    charged(&mut stage, "pm_card_createDisputeInquiry", "1000");
    let found = dispute(&mut stage);
    assert_eq!((int(&found["amount"]), word(&found["status"])), (1000, "warning_needs_response".into()), "E186");
    assert_eq!(int(&found["evidence_details"]["due_by"]), 1_723_679_999, "E186: 2024-08-14T23:59:59Z");
}
