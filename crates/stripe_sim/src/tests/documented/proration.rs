//! What a change in the middle of a period costs and gives back: E01–E05, E10–E14, E16, E19, E21, E23, E25, E26, E29,
//! E30. Where the page says "halfway" the instant is the exact half, so that its own figures come out.

use super::{Params, Stage, amounts, at, int, word};

/// One change of a subscription that began with its period.
struct Row {
    id: &'static str,
    start: &'static str,
    price: &'static str,
    when: &'static str,
    ask: Params,
    /// What waits for an invoice after the change.
    waiting: &'static [i64],
    /// The lines of each invoice, with the one of the next period.
    billed: &'static [&'static [i64]],
    /// The end of the period.
    end: &'static str,
}

const TABLE: &[Row] = &[
    Row {
        id: "E01",
        start: "2026-04-01",
        price: "$1000/month",
        when: "2026-04-16",
        ask: &[("items[0][price]", "$2000/month")],
        waiting: &[-500, 1000],
        billed: &[&[1000], &[-500, 1000, 2000]],
        end: "2026-05-01",
    },
    Row {
        id: "E10",
        start: "2026-04-01",
        price: "$9000/month",
        when: "2026-04-21",
        ask: &[("items[0][price]", "$12000/month")],
        waiting: &[-3000, 4000],
        billed: &[&[9000], &[-3000, 4000, 12_000]],
        end: "2026-05-01",
    },
    Row {
        id: "E11",
        start: "2026-04-01",
        price: "$9000/month",
        when: "2026-04-21",
        ask: &[("items[0][price]", "$3000/month")],
        waiting: &[-3000, 1000],
        billed: &[&[9000], &[-3000, 1000, 3000]],
        end: "2026-05-01",
    },
    Row {
        id: "E12",
        start: "2026-04-01",
        price: "$9000/month",
        when: "2026-04-21",
        ask: &[("items[0][price]", "$12000/month"), ("proration_behavior", "always_invoice")],
        waiting: &[],
        billed: &[&[9000], &[-3000, 4000], &[12_000]],
        end: "2026-05-01",
    },
    Row {
        id: "E13",
        start: "2026-05-01",
        price: "$10000/month",
        when: "2026-05-16T12:00:00Z",
        ask: &[("items[0][price]", "$20000/month")],
        waiting: &[-5000, 10_000],
        billed: &[&[10_000], &[-5000, 10_000, 20_000]],
        end: "2026-06-01",
    },
    Row {
        id: "E14",
        start: "2026-05-01",
        price: "$10000/month",
        when: "2026-05-15",
        ask: &[("items[0][price]", "$20000/month"), ("proration_behavior", "none")],
        waiting: &[],
        billed: &[&[10_000], &[20_000]],
        end: "2026-06-01",
    },
    Row {
        id: "E16",
        start: "2026-04-01",
        price: "$1000/month",
        when: "2026-04-16",
        ask: &[("items[0][price]", "$10000/month")],
        waiting: &[-500, 5000],
        billed: &[&[1000], &[-500, 5000, 10_000]],
        end: "2026-05-01",
    },
    // The page of E19 has no figures: 10.00 for one seat and two from the half on are ours.
    Row {
        id: "E19, a quantity",
        start: "2026-04-01",
        price: "$1000/month",
        when: "2026-04-16",
        ask: &[("items[0][quantity]", "2")],
        waiting: &[-500, 1000],
        billed: &[&[1000], &[-500, 1000, 2000]],
        end: "2026-05-01",
    },
];

#[test]
fn changes_in_the_middle_of_a_period() {
    for Row { id, start, price, when, ask, waiting, billed, end } in TABLE {
        let mut stage = Stage::begin(start);
        stage.subscribe(&[("items[0][price]", price)]);
        stage.until(when);
        stage.change(&[&[("items[0][id]", "#item")], *ask].concat());
        assert_eq!(stage.waiting(), *waiting, "{id}: what waits");
        stage.until_final(end);
        assert_eq!(stage.billed(), *billed, "{id}: what is billed");
        let sums: Vec<i64> = billed.iter().map(|lines| lines.iter().sum()).collect();
        assert_eq!(stage.totals(), sums, "{id}: totals");
        for invoice in stage.invoices() {
            assert_eq!(invoice["status"], "paid", "{id}");
            for line in invoice["lines"]["data"].as_array().expect("lines") {
                if line["parent"]["subscription_item_details"]["proration"] == true {
                    let period = (int(&line["period"]["start"]), int(&line["period"]["end"]));
                    assert_eq!(period, (at(when), at(end)), "E30 in {id}: a proration lasts from the change to the end");
                    assert_eq!(line["discountable"], false, "{id}");
                }
            }
        }
    }
}

/// E02: the page's own instants, from a subscription of 2020-08-06T21:28:08Z.
fn silver() -> Stage {
    let mut stage = Stage::begin("2020-08-06T21:28:08Z");
    assert_eq!(stage.now(), 1_596_749_288, "E02");
    stage.price("silver", "Silver plan", &[("unit_amount", "1000")]);
    stage.price("gold", "Gold plan", &[("unit_amount", "3252")]);
    stage.subscribe(&[("items[0][price]", "$silver")]);
    stage.until("2020-09-01T17:42:28Z");
    assert_eq!(stage.now(), 1_598_982_148, "E02");
    stage
}

#[test]
fn a_preview_to_the_second() {
    let mut stage = silver();
    let params = [
        ("subscription", "#subscription"),
        ("subscription_details[items][0][id]", "#item"),
        ("subscription_details[items][0][price]", "$gold"),
        ("subscription_details[proration_date]", "1598982148"),
    ];
    let invoice = stage.post("/v1/invoices/create_preview", &params);
    let expected = [
        (-166, "Unused time on Silver plan after 01 Sep 2020", 1_598_982_148, 1_599_427_688, true),
        (541, "Remaining time on Gold plan after 01 Sep 2020", 1_598_982_148, 1_599_427_688, true),
        (3252, "1 × Gold plan (at $32.52 / month)", 1_599_427_688, 1_602_019_688, false),
    ];
    let lines = invoice["lines"]["data"].as_array().expect("lines");
    assert_eq!(lines.len(), expected.len(), "E02: {lines:#?}");
    for (line, (amount, description, start, end, proration)) in lines.iter().zip(expected) {
        let found = (int(&line["amount"]), word(&line["description"]));
        assert_eq!(found, (amount, description.to_owned()), "E02");
        assert_eq!((int(&line["period"]["start"]), int(&line["period"]["end"])), (start, end), "E02: {description}");
        assert_eq!(line["parent"]["subscription_item_details"]["proration"], proration, "E02: {description}");
        assert_eq!(line["discountable"], !proration, "E02: {description}");
    }
    for (field, value) in [
        ("subtotal", 3627),
        ("total", 3627),
        ("amount_due", 3627),
        ("amount_remaining", 3627),
        ("amount_paid", 0),
        ("starting_balance", 0),
        ("created", 1_599_427_688),
        ("period_start", 1_596_749_288),
        ("period_end", 1_599_427_688),
        ("next_payment_attempt", 1_599_431_288),
        ("attempt_count", 0),
    ] {
        assert_eq!(int(&invoice[field]), value, "E02: {field}");
    }
    let words = (word(&invoice["status"]), word(&invoice["billing_reason"]));
    assert_eq!(words, ("draft".into(), "upcoming".into()), "E02");
    assert_eq!(invoice["attempted"], false, "E02");
    assert!(stage.waiting().is_empty(), "E02: a preview leaves nothing behind");
}

#[test]
fn a_change_as_of_the_instant_of_its_preview() {
    // Some minutes later, and a day later, the date makes it the same; without it the shares go on falling.
    for (when, date, waiting) in [
        ("2020-09-01T17:52:28Z", Some("1598982148"), [-166, 541]),
        ("2020-09-02T17:42:28Z", Some("1598982148"), [-166, 541]),
        ("2020-09-02T17:42:28Z", None, [-134, 436]),
    ] {
        let mut stage = silver();
        stage.until(when);
        let mut params = vec![("items[0][id]", "#item"), ("items[0][price]", "$gold")];
        params.extend(date.map(|date| ("proration_date", date)));
        stage.change(&params);
        assert_eq!(stage.waiting(), waiting, "E03: {when} {date:?}");
    }
}

#[test]
fn credit_is_of_what_was_debited() {
    let mut stage = Stage::begin("2026-04-01");
    let first = stage.subscribe(&[("items[0][price]", "$1000/month")])["latest_invoice"].clone();
    stage.until("2026-04-11");
    let params = [("items[0][id]", "#item"), ("items[0][price]", "$2000/month"), ("proration_behavior", "none")];
    let found = stage.change(&params);
    assert_eq!(found["latest_invoice"], first, "E05: a change without proration makes no invoice");
    stage.until("2026-04-21");
    let params =
        [("items[0][id]", "#item"), ("items[0][price]", "$1000/month"), ("proration_behavior", "always_invoice")];
    stage.change(&params);
    let invoice = stage.newest();
    assert_eq!((amounts(&invoice), int(&invoice["total"])), (vec![-333, 333], 0), "E05");
    assert_ne!(invoice["id"], first, "E05: it is an invoice of its own");
    let credited = &invoice["lines"]["data"][0]["parent"]["subscription_item_details"]["proration_details"];
    assert_eq!(credited["credited_items"]["invoice"], first, "E05: the credit names the debit");
}

#[test]
fn a_price_without_a_quantity_and_an_entry_without_an_id() {
    let rows: [(&str, Params, &[(&str, i64)]); 3] = [
        ("E19, a price", &[("items[0][id]", "#item"), ("items[0][price]", "$2000/month")], &[("2000", 1)]),
        ("E19, a quantity", &[("items[0][id]", "#item"), ("items[0][quantity]", "5")], &[("1000", 5)]),
        ("E19, no id", &[("items[0][price]", "$2000/month")], &[("1000", 3), ("2000", 1)]),
    ];
    for (id, ask, expected) in rows {
        let mut stage = Stage::begin("2026-04-01");
        stage.subscribe(&[("items[0][price]", "$1000/month"), ("items[0][quantity]", "3")]);
        let found = stage.change(ask);
        let items = found["items"]["data"].as_array().expect("items");
        let items: Vec<(String, i64)> =
            items.iter().map(|item| (item["price"]["unit_amount"].to_string(), int(&item["quantity"]))).collect();
        let expected: Vec<(String, i64)> = expected.iter().map(|(cents, count)| ((*cents).to_owned(), *count)).collect();
        assert_eq!(items, expected, "{id}");
    }
}

#[test]
fn the_anchor_stays_unless_asked() {
    // Nothing is asked for by itself when a free price becomes one with an amount, or a month a year.
    for (id, from, to) in [("E21", "$0/month", "$2000/month"), ("E23", "$1000/month", "$10000/year")] {
        let mut stage = Stage::begin("2026-04-01");
        stage.subscribe(&[("items[0][price]", from)]);
        let invoices = stage.invoices().len();
        stage.until("2026-04-16");
        let found = stage.change(&[("items[0][id]", "#item"), ("items[0][price]", to)]);
        assert_eq!(int(&found["billing_cycle_anchor"]), at("2026-04-01"), "{id}");
        assert_eq!(stage.periods()[0].0, at("2026-04-01"), "{id}");
        assert_eq!(stage.invoices().len(), invoices, "{id}: no invoice at once");
    }
}

#[test]
fn an_anchor_of_now_with_an_invoice() {
    // 10.00 to 20.00 at the half waits; ten days before the end the anchor is moved. Shares ours, rule the page's.
    let rows: [(&str, Params, &[i64]); 2] = [
        ("E25 (b)", &[("proration_behavior", "always_invoice")], &[-500, 1000, -667, 2000]),
        ("E25 (c)", &[("items[0][id]", "#item"), ("items[0][price]", "$4000/month")], &[-500, 1000, -667, 4000]),
    ];
    for (id, ask, expected) in rows {
        let mut stage = Stage::begin("2026-04-01");
        stage.subscribe(&[("items[0][price]", "$1000/month")]);
        stage.until("2026-04-16");
        stage.change(&[("items[0][id]", "#item"), ("items[0][price]", "$2000/month")]);
        assert_eq!(stage.waiting(), [-500, 1000], "{id}");
        stage.until("2026-04-21");
        let found = stage.change(&[&[("billing_cycle_anchor[type]", "now")], ask].concat());
        assert_eq!(int(&found["billing_cycle_anchor"]), at("2026-04-21"), "{id}");
        assert_eq!(stage.periods(), [(at("2026-04-21"), at("2026-05-21"))], "{id}");
        let invoice = stage.newest();
        assert_eq!(amounts(&invoice), expected, "{id}: with all that waited");
        assert_eq!((word(&invoice["status"]), stage.waiting()), ("paid".into(), vec![]), "{id}");
    }
}

#[test]
fn what_was_never_paid_is_credited_all_the_same() {
    let mut stage = Stage::begin("2026-04-01");
    let params = [("items[0][price]", "$2000/month"), ("collection_method", "send_invoice"), ("days_until_due", "30")];
    stage.subscribe(&params);
    stage.until("2026-04-16");
    assert_eq!(stage.newest()["status"], "open", "E26");
    stage.change(&[("items[0][id]", "#item"), ("items[0][price]", "$1000/month")]);
    assert_eq!(stage.waiting(), [-1000, 500], "E26: as if it had been paid");
}

#[test]
fn an_upgrade_that_cannot_be_paid_stays() {
    let mut stage = Stage::begin("2026-04-01");
    stage.subscribe(&[("items[0][price]", "$1000/month")]);
    stage.until("2026-04-16");
    stage.pay_by("pm_card_chargeCustomerFail");
    let params =
        [("items[0][id]", "#item"), ("items[0][price]", "$2000/month"), ("proration_behavior", "always_invoice")];
    let found = stage.change(&params);
    assert_eq!(found["status"], "past_due", "E29");
    assert_eq!(found["items"]["data"][0]["price"]["unit_amount"], 2000, "E29");
    let invoice = stage.newest();
    assert_eq!((word(&invoice["status"]), int(&invoice["amount_due"])), ("open".into(), 500), "E29");
}
