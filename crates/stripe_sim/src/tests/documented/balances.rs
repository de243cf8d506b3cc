//! What stands to a customer's credit or debit, and what that does to invoices: E17, E18, E161–E166.

use super::{Stage, id, int, word};

/// Puts so much on the customer's balance: below zero it is credit.
fn put(stage: &mut Stage, amount: &str) -> serde_json::Value {
    let path = format!("/v1/customers/{}/balance_transactions", stage.customer);
    stage.post(&path, &[("amount", amount), ("currency", "usd")])
}

/// Makes an invoice of one amount final, and answers its id.
fn invoiced(stage: &mut Stage, amount: &str) -> String {
    let invoice = id(&stage.post("/v1/invoices", &[("customer", "#customer"), ("auto_advance", "false")]));
    let item = [("customer", "#customer"), ("invoice", invoice.as_str()), ("amount", amount), ("currency", "usd")];
    stage.post("/v1/invoiceitems", &item);
    stage.post(&format!("/v1/invoices/{invoice}/finalize"), &[]);
    invoice
}

/// An invoice for a customer with a balance.
struct Row {
    id: &'static str,
    balance: &'static str,
    amount: &'static str,
    due: i64,
    status: &'static str,
    /// The balance afterwards, which is the invoice's ending balance too.
    left: i64,
}

#[test]
fn invoices_take_the_balance_up() {
    let table = [
        Row { id: "E161", balance: "-8695", amount: "10000", due: 1305, status: "open", left: 0 },
        Row { id: "E163", balance: "", amount: "-3100", due: 0, status: "paid", left: -3100 },
        Row { id: "E164", balance: "1000", amount: "3100", due: 4100, status: "open", left: 0 },
        // The page has no figures for E166: 0.30 is ours. What is owed is 0 by the reference of `amount_due`.
        Row { id: "E166", balance: "", amount: "30", due: 0, status: "paid", left: 30 },
    ];
    for Row { id, balance, amount, due, status, left } in table {
        let mut stage = Stage::begin("2026-01-15");
        if !balance.is_empty() {
            put(&mut stage, balance);
        }
        let path = format!("/v1/invoices/{}", invoiced(&mut stage, amount));
        let invoice = stage.get(&path);
        assert_eq!((int(&invoice["amount_due"]), word(&invoice["status"])), (due, status.into()), "{id}");
        let starting: i64 = balance.parse().unwrap_or_default();
        let balances = (int(&invoice["starting_balance"]), int(&invoice["ending_balance"]), stage.balance());
        assert_eq!(balances, (starting, left, left), "{id}");
    }
}

#[test]
fn an_invoice_that_is_too_small() {
    let mut stage = Stage::begin("2026-01-15");
    let small = invoiced(&mut stage, "30");
    assert!(stage.listed("/v1/charges", &[]).is_empty(), "E166: nothing is charged");
    let path = format!("/v1/customers/{}/balance_transactions", stage.customer);
    let moved = stage.listed(&path, &[]);
    assert_eq!((int(&moved[0]["amount"]), word(&moved[0]["type"])), (30, "invoice_too_small".into()), "E166");
    assert_eq!(word(&moved[0]["invoice"]), small, "E166");
    let path = format!("/v1/invoices/{}", invoiced(&mut stage, "1000"));
    assert_eq!(int(&stage.get(&path)["amount_due"]), 1030, "E166: onto the next invoice");
    assert_eq!(stage.balance(), 0, "E166");
    // From the least of a currency on it is charged.
    for (currency, least) in [("usd", 50), ("gbp", 30), ("eur", 50), ("jpy", 50), ("huf", 17_500), ("mxn", 1000)] {
        for (amount, due) in [(least - 1, 0), (least, least)] {
            let mut stage = Stage::begin("2026-01-15");
            let params = [("customer", "#customer"), ("auto_advance", "false"), ("currency", currency)];
            let invoice = id(&stage.post("/v1/invoices", &params));
            let amount = amount.to_string();
            let item = [
                ("customer", "#customer"),
                ("invoice", invoice.as_str()),
                ("amount", amount.as_str()),
                ("currency", currency),
            ];
            stage.post("/v1/invoiceitems", &item);
            let invoice = stage.post(&format!("/v1/invoices/{invoice}/finalize"), &[]);
            assert_eq!(int(&invoice["amount_due"]), due, "E166: {amount} {currency}");
        }
    }
}

#[test]
fn an_invoice_that_is_paid_later() {
    let mut stage = Stage::begin("2026-01-15");
    put(&mut stage, "-1100");
    let params = [("items[0][price]", "$3100/month"), ("collection_method", "send_invoice"), ("days_until_due", "30")];
    stage.subscribe(&params);
    stage.until("2026-01-16");
    let invoice = stage.newest();
    assert_eq!((word(&invoice["status"]), int(&invoice["amount_due"])), ("open".into(), 2000), "E162: final on 15 January");
    assert_eq!((int(&invoice["starting_balance"]), stage.balance()), (-1100, 0), "E162: 11.00 are applied");
    stage.until("2026-02-09");
    let paid = stage.post(&format!("/v1/invoices/{}/pay", id(&invoice)), &[]);
    assert_eq!((word(&paid["status"]), int(&paid["amount_paid"])), ("paid".into(), 2000), "E162: on 9 February");
}

#[test]
fn an_entry_by_hand_and_its_opposite() {
    let mut stage = Stage::begin("2026-01-15");
    let entry = put(&mut stage, "-500");
    assert_eq!((int(&entry["ending_balance"]), word(&entry["type"])), (-500, "adjustment".into()), "E165");
    let mut stage = Stage::begin("2026-01-15");
    put(&mut stage, "-1000");
    assert_eq!(int(&put(&mut stage, "1000")["ending_balance"]), 0, "E165: credit of 10.00 is undone by a debit");
    let path = format!("/v1/customers/{}/balance_transactions", stage.customer);
    let amounts: Vec<i64> = stage.listed(&path, &[]).iter().map(|entry| int(&entry["amount"])).collect();
    assert_eq!(amounts, [-1000, 1000], "E165: both entries stay");
}

#[test]
fn a_downgrade_leaves_credit() {
    let mut stage = Stage::begin("2026-04-01");
    stage.subscribe(&[("items[0][price]", "$10000/month")]);
    stage.until("2026-04-16");
    let params =
        [("items[0][id]", "#item"), ("items[0][price]", "$1000/month"), ("proration_behavior", "always_invoice")];
    stage.change(&params);
    assert_eq!(stage.billed()[1], [-5000, 500], "E17");
    assert_eq!((stage.totals()[1], stage.balance()), (-4500, -4500), "E17: to the balance when it is invoiced");
    stage.until_final("2026-05-01");
    let invoice = stage.newest();
    assert_eq!((int(&invoice["total"]), int(&invoice["amount_due"]), stage.balance()), (1000, 0, -3500), "E17");
}

#[test]
fn credit_is_paid_out_by_a_refund() {
    let mut stage = Stage::begin("2026-01-15");
    let invoice = invoiced(&mut stage, "4000");
    let paid = stage.post(&format!("/v1/invoices/{invoice}/pay"), &[]);
    let intent = id(&stage.intent(&paid));
    put(&mut stage, "-10000");
    let asked = [("payment_intent", intent.as_str()), ("amount", "4001")];
    assert_eq!(stage.ask("POST", "/v1/refunds", &asked).0, 400, "E18: no more than the charge");
    let refund = stage.post("/v1/refunds", &[("payment_intent", &intent), ("amount", "4000")]);
    assert_eq!((word(&refund["status"]), int(&refund["amount"])), ("succeeded".into(), 4000), "E18");
    put(&mut stage, "4000");
    assert_eq!(stage.balance(), -6000, "E18: 60.00 stay for the next invoices");
}
