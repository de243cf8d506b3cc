//! Invoices made by hand, the customer's balance, bank debits, and ends and anchors at a date.

use super::life::{DAY, HOUR, Life, NEW_YEAR, id, lines};
use crate::{clock, deliver};

/// A draft of so many cents, made by hand.
fn draft(life: &mut Life, customer: &str, cents: &str, more: &[(&str, &str)]) -> String {
    life.post("/v1/invoiceitems", &[("customer", customer), ("currency", "usd"), ("amount", cents)]);
    let params = [&[("customer", customer), ("pending_invoice_items_behavior", "include")], more].concat();
    let made = life.post("/v1/invoices", &params);
    assert_eq!((made["status"].as_str(), made["total"].as_i64()), (Some("draft"), cents.parse().ok()));
    id(&made)
}

#[test]
fn an_invoice_made_by_hand_is_final_then_paid() {
    let mut life = Life::new();
    let customer = life.customer("pm_card_visa");
    let invoice = draft(&mut life, &customer, "2500", &[]);
    let path = format!("/v1/invoices/{invoice}");
    life.pass(80 * DAY);
    assert_eq!(life.get(&path)["status"], "draft", "nothing becomes of it by itself");
    assert_eq!(life.refused(&format!("{path}/void"), &[]).0, 400, "a draft is deleted, not taken back");
    let seen = life.seen();
    let open = life.post(&format!("{path}/finalize"), &[]);
    assert_eq!((open["status"].as_str(), open["amount_due"].as_i64()), (Some("open"), Some(2500)));
    assert!(open["number"].as_str().is_some_and(|number| number.ends_with("-0001")));
    assert_eq!(life.refused(&format!("{path}/finalize"), &[]).0, 400);
    let paid = life.post(&format!("{path}/pay"), &[]);
    assert_eq!((paid["status"].as_str(), paid["amount_paid"].as_i64()), (Some("paid"), Some(2500)));
    let told = life.events(&seen);
    for kind in ["invoice.finalized", "charge.succeeded", "invoice.paid", "invoice.payment_succeeded"] {
        assert_eq!(told.iter().filter(|event| *event == kind).count(), 1, "{kind} {told:?}");
    }
    for way in ["pay", "void", "mark_uncollectible", "finalize"] {
        assert_eq!(life.refused(&format!("{path}/{way}"), &[]).0, 400, "{way}: it is paid");
    }
}

#[test]
fn an_invoice_is_taken_back_or_given_up_or_sent() {
    let mut life = Life::new();
    let customer = life.customer("pm_card_visa");
    let invoice = draft(&mut life, &customer, "100", &[]);
    let path = format!("/v1/invoices/{invoice}");
    life.post(&format!("{path}/finalize"), &[]);
    let seen = life.seen();
    assert_eq!(life.post(&format!("{path}/void"), &[])["status"], "void");
    assert!(life.events(&seen).contains(&"invoice.voided".to_owned()));
    assert_eq!(life.refused(&format!("{path}/pay"), &[]).0, 400);

    let invoice = draft(&mut life, &customer, "200", &[]);
    let path = format!("/v1/invoices/{invoice}");
    life.post(&format!("{path}/finalize"), &[]);
    let seen = life.seen();
    assert_eq!(life.post(&format!("{path}/mark_uncollectible"), &[])["status"], "uncollectible");
    assert!(life.events(&seen).contains(&"invoice.marked_uncollectible".to_owned()));
    assert_eq!(life.post(&format!("{path}/pay"), &[])["status"], "paid", "who pays late has paid");

    let terms = [("collection_method", "send_invoice"), ("days_until_due", "30")];
    let invoice = draft(&mut life, &customer, "300", &terms);
    let path = format!("/v1/invoices/{invoice}");
    let seen = life.seen();
    let sent = life.post(&format!("{path}/send"), &[]);
    assert_eq!((sent["status"].as_str(), sent["due_date"].as_i64()), (Some("open"), Some(NEW_YEAR + 30 * DAY)));
    assert!(life.events(&seen).ends_with(&["invoice.sent".to_owned()]), "{:?}", life.events(&seen));
    let outside = life.post(&format!("{path}/pay"), &[("paid_out_of_band", "true")]);
    assert_eq!((outside["status"].as_str(), outside["amount_paid"].as_i64()), (Some("paid"), Some(300)));

    let deleted = draft(&mut life, &customer, "400", &[]);
    assert_eq!(life.delete(&format!("/v1/invoices/{deleted}"), &[])["deleted"], true);
    assert_eq!(life.refused(&format!("/v1/invoices/{deleted}/pay"), &[]).0, 404);
}

#[test]
fn what_was_sent_may_be_paid_by_card() {
    let mut life = Life::new();
    let customer = life.customer("pm_card_visa");
    let terms = [("collection_method", "send_invoice"), ("days_until_due", "30")];
    let invoice = draft(&mut life, &customer, "300", &terms);
    let path = format!("/v1/invoices/{invoice}");
    life.post(&format!("{path}/send"), &[]);
    let seen = life.seen();
    let paid = life.post(&format!("{path}/pay"), &[]);
    assert_eq!((paid["status"].as_str(), paid["amount_paid"].as_i64()), (Some("paid"), Some(300)));
    let told = life.events(&seen);
    assert!(told.contains(&"charge.succeeded".to_owned()) && told.contains(&"invoice.paid".to_owned()), "{told:?}");
}

#[test]
fn who_is_sent_an_invoice_has_until_its_day() {
    let mut life = Life::new();
    let price = life.price("2000", "month");
    let customer = life.customer("pm_card_visa");
    let terms = [("collection_method", "send_invoice"), ("days_until_due", "7")];
    let subscription = id(&life.subscribe(&customer, &price, &terms));
    let stands = |life: &mut Life| {
        let status = life.get(&format!("/v1/subscriptions/{subscription}"))["status"].clone();
        let invoice = life.invoice(&subscription);
        (status, invoice["status"].clone(), invoice["due_date"].as_i64())
    };
    let due = Some(NEW_YEAR + 7 * DAY);
    assert_eq!(stands(&mut life), ("active".into(), "draft".into(), due), "it can be changed for an hour");
    life.pass(HOUR);
    assert_eq!(stands(&mut life), ("active".into(), "open".into(), due));
    life.until(NEW_YEAR + 7 * DAY - 1);
    assert_eq!(stands(&mut life).0, "active");
    let seen = life.seen();
    life.pass(1);
    assert_eq!(stands(&mut life), ("past_due".into(), "open".into(), due));
    assert_eq!(life.events(&seen), ["customer.subscription.updated"]);
    let invoice = id(&life.invoice(&subscription));
    life.post(&format!("/v1/invoices/{invoice}/pay"), &[("paid_out_of_band", "true")]);
    assert_eq!(stands(&mut life), ("active".into(), "paid".into(), due));
    life.until(NEW_YEAR + 60 * DAY);
    assert_eq!(stands(&mut life).0, "past_due", "the next one is not paid");
}

#[test]
fn a_customers_balance_pays_first_and_debt_is_asked_for() {
    let mut life = Life::new();
    let price = life.price("2000", "month");
    let customer = life.customer("pm_card_visa");
    let balance = format!("/v1/customers/{customer}/balance_transactions");
    life.post(&balance, &[("amount", "-500"), ("currency", "usd")]);
    assert_eq!(life.get(&format!("/v1/customers/{customer}"))["balance"], -500);
    let subscription = id(&life.subscribe(&customer, &price, &[]));
    let first = life.invoice(&subscription);
    let figures = |invoice: &serde_json::Value| {
        ["total", "starting_balance", "ending_balance", "amount_due", "amount_paid"].map(|name| invoice[name].as_i64())
    };
    assert_eq!(figures(&first), [2000, -500, 0, 1500, 1500].map(Some));
    life.post(&balance, &[("amount", "300"), ("currency", "usd")]);
    life.until(NEW_YEAR + 31 * DAY + HOUR);
    assert_eq!(figures(&life.invoice(&subscription)), [2000, 300, 0, 2300, 2300].map(Some));
    let kinds: Vec<String> = life.get(&balance)["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|change| change["type"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(kinds, ["applied_to_invoice", "adjustment", "applied_to_invoice", "adjustment"]);
}

#[test]
fn a_bank_debit_pays_or_fails_days_later() {
    for (method, stands, paid) in
        [("pm_usBankAccount_success", "active", "paid"), ("pm_usBankAccount_insufficientFunds", "past_due", "open")]
    {
        let mut life = Life::new();
        let price = life.price("2000", "month");
        // The first month is free, so that the account is first asked at the renewal.
        let customer = life.customer(method);
        let subscription = id(&life.subscribe(&customer, &price, &[("trial_period_days", "31")]));
        life.until(NEW_YEAR + 31 * DAY + HOUR);
        let under_way = life.invoice(&subscription);
        assert_eq!(under_way["status"], "open", "{method}");
        assert_eq!(life.get(&format!("/v1/subscriptions/{subscription}"))["status"], "active", "{method}: on its way");
        life.pass(10 * DAY);
        assert_eq!(life.get(&format!("/v1/subscriptions/{subscription}"))["status"], stands, "{method}");
        assert_eq!(life.invoice(&subscription)["status"], paid, "{method}");
    }
}

#[test]
fn a_draft_waits_for_an_endpoint_that_does_not_answer_but_not_for_ever() {
    let mut life = Life::new();
    let price = life.price("2000", "month");
    let customer = life.customer("pm_card_visa");
    let subscription = id(&life.subscribe(&customer, &price, &[]));
    let endpoint = [("url", "http://127.0.0.1:9/hook"), ("enabled_events[]", "invoice.created")];
    life.post("/v1/webhook_endpoints", &endpoint);
    // What is sent is never answered here.
    life.until(NEW_YEAR + 31 * DAY + 72 * HOUR - 1);
    assert_eq!(life.invoice(&subscription)["status"], "draft");
    life.pass(1);
    let invoice = life.invoice(&subscription);
    assert_eq!(invoice["status"], "paid");
    assert_eq!(invoice["status_transitions"]["finalized_at"], NEW_YEAR + (31 + 3) * DAY);
    // Answered after two hours and ten minutes, it is final an hour after that.
    let march = NEW_YEAR + 59 * DAY;
    let late = 2 * HOUR + 600;
    while let Some(sent) = clock::step(&mut life.world, march + late) {
        for outgoing in sent {
            let taken = if life.world.now >= march + late { 200 } else { 500 };
            deliver::settle(&mut life.world, &outgoing.delivery, Ok(taken));
        }
    }
    let next = life.invoice(&subscription);
    assert_eq!((next["created"].as_i64(), next["status"].as_str()), (Some(march), Some("draft")));
    life.until(march + 80 * HOUR);
    let answered = life.invoice(&subscription)["status_transitions"]["finalized_at"].as_i64().expect("it is final");
    assert!((march + HOUR..=march + 72 * HOUR).contains(&answered), "{}", answered - march);
}

#[test]
fn a_subscription_ends_at_a_date_and_begins_at_an_anchor() {
    let mut life = Life::new();
    let price = life.price("3100", "month");
    let customer = life.customer("pm_card_visa");
    let end = NEW_YEAR + 45 * DAY;
    let at = end.to_string();
    let subscription = id(&life.subscribe(&customer, &price, &[]));
    let path = format!("/v1/subscriptions/{subscription}");
    life.post(&path, &[("cancel_at", &at)]);
    let found = life.get(&path);
    assert_eq!((found["cancel_at"].as_i64(), found["cancel_at_period_end"].as_bool()), (Some(end), Some(false)));
    life.until(NEW_YEAR + 31 * DAY + HOUR);
    let last = life.invoice(&subscription);
    // Half of February: 14 of its 28 days.
    assert_eq!(lines(&last).iter().map(|(cents, _)| *cents).sum::<i64>(), 1550, "{:?}", lines(&last));
    life.until(end - 1);
    assert_eq!(life.get(&path)["status"], "active");
    let seen = life.seen();
    life.pass(1);
    assert_eq!(
        (life.get(&path)["status"].as_str(), life.get(&path)["ended_at"].as_i64()),
        (Some("canceled"), Some(end))
    );
    assert!(life.events(&seen).contains(&"customer.subscription.deleted".to_owned()));

    let start = life.world.now;
    let anchor = NEW_YEAR + 59 * DAY;
    let text = anchor.to_string();
    let anchored = life.subscribe(&customer, &price, &[("billing_cycle_anchor", &text)]);
    assert_eq!(anchored["billing_cycle_anchor"], anchor);
    assert_eq!(anchored["items"]["data"][0]["current_period_end"], anchor);
    let first = life.invoice(&id(&anchored));
    let stub = (anchor - start) * 3100 / (28 * DAY);
    assert_eq!(first["total"], stub, "14 of 28 days until March");
    life.until(anchor + HOUR);
    assert_eq!(life.invoice(&id(&anchored))["total"], 3100);
    life.post(&format!("/v1/subscriptions/{}", id(&anchored)), &[("cancel_at", "")]);
}

#[test]
fn paused_collection_goes_on_by_itself() {
    let mut life = Life::new();
    let price = life.price("2000", "month");
    let customer = life.customer("pm_card_visa");
    let subscription = id(&life.subscribe(&customer, &price, &[]));
    let path = format!("/v1/subscriptions/{subscription}");
    let resumes = (NEW_YEAR + 40 * DAY).to_string();
    life.post(&path, &[("pause_collection[behavior]", "void"), ("pause_collection[resumes_at]", &resumes)]);
    life.until(NEW_YEAR + 40 * DAY - 1);
    assert_eq!(life.get(&path)["pause_collection"]["behavior"], "void");
    life.pass(1);
    assert!(life.get(&path)["pause_collection"].is_null());
    life.until(NEW_YEAR + 59 * DAY + HOUR);
    assert_eq!(life.invoice(&subscription)["status"], "paid");
}
