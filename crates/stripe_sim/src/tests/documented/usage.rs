//! Meters and what they bill, from the event to the line: E126–E132, E134–E139, E147, E158 (a).

use super::{Params, Stage, amounts, at, int, word};
use crate::tests::life::{DAY, HOUR};

/// A subscription to one meter's usage, what is used, and the lines of the renewal.
struct Row {
    id: &'static str,
    start: &'static str,
    formula: &'static str,
    window: Params,
    price: Params,
    /// When and how much.
    used: &'static [(&'static str, &'static str)],
    end: &'static str,
    lines: &'static [i64],
}

const UNIT: Params = &[("unit_amount", "100")];

/// E147: 10 cents for each full thousand.
const FULL_THOUSANDS: Params =
    &[("unit_amount", "10"), ("transform_quantity[divide_by]", "1000"), ("transform_quantity[round]", "down")];

/// E137: 4 cents for each hundred that was begun.
const HUNDREDS: Params =
    &[("unit_amount", "4"), ("transform_quantity[divide_by]", "100"), ("transform_quantity[round]", "up")];

/// A row of a month from 15 January without anything special; rows name what they change of it.
const PLAIN: Row = Row {
    id: "",
    start: "2026-01-15",
    formula: "sum",
    window: &[],
    price: UNIT,
    used: &[],
    end: "2026-02-15",
    lines: &[],
};

const TABLE: &[Row] = &[
    Row { id: "E127, decimals", used: &[("2026-01-20", "1.5"), ("2026-01-21", "1.25")], lines: &[275], ..PLAIN },
    Row { id: "E127, a negative value", used: &[("2026-01-20", "5"), ("2026-01-21", "-2")], lines: &[300], ..PLAIN },
    Row { id: "E127, a negative sum", used: &[("2026-01-20", "5"), ("2026-01-21", "-8")], lines: &[0], ..PLAIN },
    Row { id: "E130", used: &[("2026-01-20", "15"), ("2026-02-10", "17")], lines: &[3200], ..PLAIN },
    Row {
        id: "E130, counted",
        formula: "count",
        used: &[("2026-01-20", "15"), ("2026-02-10", "17")],
        lines: &[200],
        ..PLAIN
    },
    Row {
        id: "E131",
        formula: "last",
        used: &[("2026-01-20", "17"), ("2026-01-25", "10"), ("2026-02-10", "15")],
        lines: &[1500],
        ..PLAIN
    },
    Row {
        id: "E132, hours",
        window: &[("event_time_window", "hour")],
        used: &[("2026-01-20T10:05:00Z", "17"), ("2026-01-20T10:50:00Z", "15"), ("2026-01-20T11:10:00Z", "10")],
        lines: &[2500],
        ..PLAIN
    },
    Row {
        id: "E132, days",
        window: &[("event_time_window", "day")],
        used: &[("2026-01-20T10:05:00Z", "17"), ("2026-01-20T23:50:00Z", "15"), ("2026-01-21T00:10:00Z", "10")],
        lines: &[2500],
        ..PLAIN
    },
    Row { id: "E135, renewals have lines of nothing", lines: &[0], ..PLAIN },
    Row { id: "E137, 25", price: HUNDREDS, used: &[("2026-01-20", "25")], lines: &[4], ..PLAIN },
    Row { id: "E137, 3000", price: HUNDREDS, used: &[("2026-01-20", "3000")], lines: &[120], ..PLAIN },
    Row { id: "E147, 999", price: FULL_THOUSANDS, used: &[("2026-01-20", "999")], lines: &[0], ..PLAIN },
    Row { id: "E147, 1999", price: FULL_THOUSANDS, used: &[("2026-01-20", "1999")], lines: &[10], ..PLAIN },
    Row {
        id: "E147, the sum of the period",
        price: FULL_THOUSANDS,
        used: &[("2026-01-20", "1200"), ("2026-01-21", "800")],
        lines: &[20],
        ..PLAIN
    },
];

#[test]
fn usage_of_a_month() {
    for Row { id, start, formula, window, price, used, end, lines } in TABLE {
        let mut stage = Stage::begin(start);
        stage.windowed_meter("calls", formula, window, price);
        let found = stage.subscribe(&[("items[0][price]", "$calls")]);
        assert_eq!(found["status"], "active", "E135 in {id}: at once");
        assert!(found["latest_invoice"].is_null(), "E135 in {id}: no invoice of nothing");
        for (when, value) in *used {
            stage.until(when);
            stage.used("calls", value, &[]);
        }
        stage.until_final(end);
        assert_eq!(stage.billed(), [lines.to_vec()], "{id}");
    }
}

#[test]
fn a_fee_and_what_is_used_above_it() {
    let free: Params = &[
        ("billing_scheme", "tiered"),
        ("tiers_mode", "graduated"),
        ("tiers[0][up_to]", "100000"),
        ("tiers[0][unit_amount]", "0"),
        ("tiers[1][up_to]", "inf"),
        ("tiers[1][unit_amount_decimal]", "0.1"),
    ];
    let thousand: Params = &[
        ("billing_scheme", "tiered"),
        ("tiers_mode", "graduated"),
        ("tiers[0][up_to]", "1000"),
        ("tiers[0][unit_amount]", "0"),
        ("tiers[1][up_to]", "inf"),
        ("tiers[1][unit_amount]", "4"),
    ];
    for (id, fee, price, used, bills) in [
        ("E138", "$20000/month", free, "150000", [vec![20_000], vec![20_000, 0, 5000]]),
        ("E139", "$10000/month", thousand, "3000", [vec![10_000], vec![10_000, 0, 8000]]),
    ] {
        let mut stage = Stage::begin("2026-01-01");
        stage.meter("tokens", "sum", price);
        stage.subscribe(&[("items[0][price]", fee), ("items[1][price]", "$tokens")]);
        stage.until("2026-01-20");
        stage.used("tokens", used, &[]);
        stage.until_final("2026-02-01");
        assert_eq!(stage.billed(), bills, "{id}");
    }
}

/// Two prices of the same meter: 10.00 and 15.00 for a hundred calls.
fn calls() -> Stage {
    let mut stage = Stage::begin("2026-01-01");
    let hundred = [("transform_quantity[divide_by]", "100"), ("transform_quantity[round]", "up")];
    stage.meter("calls", "sum", &[&[("unit_amount", "1000")], &hundred[..]].concat());
    let path = format!("/v1/prices/{}", stage.price_id("calls"));
    let meter = word(&stage.get(&path)["recurring"]["meter"]);
    let dearer =
        [("unit_amount", "1500"), ("recurring[usage_type]", "metered"), ("recurring[meter]", meter.as_str())];
    stage.price("dearer", "calls", &[&dearer[..], &hundred].concat());
    stage
}

#[test]
fn a_price_that_changes_with_the_usage() {
    let mut stage = calls();
    stage.subscribe(&[("items[0][price]", "$calls")]);
    stage.until("2026-01-05");
    stage.used("calls", "1000", &[]);
    stage.until("2026-01-15");
    stage.change(&[("items[0][id]", "#item"), ("items[0][price]", "$dearer")]);
    assert_eq!(stage.waiting(), [10_000], "E134: at the price when it was reported");
    stage.until("2026-01-20");
    stage.used("calls", "500", &[]);
    stage.until_final("2026-02-01");
    assert_eq!((stage.billed(), stage.totals()), (vec![vec![10_000, 7500]], vec![17_500]), "E134: 100.00 and 75.00");
    stage.until_final("2026-03-01");
    assert_eq!(stage.totals(), [17_500, 0], "E134: once");
}

#[test]
fn a_metered_item_that_goes() {
    // 1000 calls at 10.00 a hundred until the 15th, and 20.00 for something else.
    let rows: [(&str, Params, &[i64], &[&[i64]]); 3] = [
        ("E136, default", &[], &[10_000], &[&[2000], &[10_000, 2000]]),
        ("E136, always_invoice", &[("proration_behavior", "always_invoice")], &[], &[&[2000], &[10_000], &[2000]]),
        ("E136, none", &[("proration_behavior", "none")], &[], &[&[2000], &[2000]]),
    ];
    for (id, ask, waiting, billed) in rows {
        let mut stage = calls();
        stage.subscribe(&[("items[0][price]", "$calls"), ("items[1][price]", "$2000/month")]);
        stage.until("2026-01-05");
        stage.used("calls", "1000", &[]);
        stage.until("2026-01-15");
        let path = format!("/v1/subscription_items/{}", stage.item);
        stage.done("DELETE", &path, ask);
        assert_eq!(stage.waiting(), waiting, "{id}");
        stage.until_final("2026-02-01");
        assert_eq!(stage.billed(), billed, "{id}");
    }
}

#[test]
fn when_an_event_may_have_happened() {
    let mut stage = Stage::begin("2026-03-01");
    stage.meter("calls", "sum", UNIT);
    let now = stage.now();
    for (id, when, status) in [
        ("E126, 35 days ago", now - 35 * DAY, 200),
        ("E126, longer ago", now - 35 * DAY - 1, 400),
        ("E126, in 5 minutes", now + 300, 200),
        ("E126, later", now + 301, 400),
    ] {
        let when = when.to_string();
        let params = [
            ("event_name", "calls"),
            ("payload[stripe_customer_id]", "#customer"),
            ("payload[value]", "1"),
            ("timestamp", when.as_str()),
        ];
        assert_eq!(stage.ask("POST", "/v1/billing/meter_events", &params).0, status, "{id}");
    }
}

#[test]
fn an_identifier_counts_once_and_can_be_taken_back() {
    let event: Params = &[
        ("event_name", "calls"),
        ("payload[stripe_customer_id]", "#customer"),
        ("payload[value]", "7"),
        ("identifier", "once"),
    ];
    let cancel: Params = &[("event_name", "calls"), ("type", "cancel"), ("cancel[identifier]", "once")];
    let stage = || {
        let mut stage = Stage::begin("2026-01-01");
        stage.meter("calls", "sum", UNIT);
        stage.subscribe(&[("items[0][price]", "$calls")]);
        stage.post("/v1/billing/meter_events", event);
        stage
    };
    let mut again = stage();
    again.life.pass(DAY - 1);
    assert_eq!(again.ask("POST", "/v1/billing/meter_events", event).0, 400, "E128: unique for a day");
    again.until_final("2026-02-01");
    assert_eq!(again.billed(), [[700]], "E128: billed once");
    for (id, after, status, billed) in
        [("E128, within a day", DAY - 1, 200, 0), ("E128, later", DAY, 400, 700), ("E128, at once", 0, 200, 0)]
    {
        let mut stage = stage();
        stage.life.pass(after);
        assert_eq!(stage.ask("POST", "/v1/billing/meter_event_adjustments", cancel).0, status, "{id}");
        stage.until_final("2026-02-01");
        assert_eq!(stage.billed(), [[billed]], "{id}");
    }
}

#[test]
fn what_is_told_of_wrong_events() {
    let mut stage = Stage::begin("2024-08-28T20:53:55Z");
    stage.meter("calls", "sum", UNIT);
    stage.post("/v1/billing/meter_events", &[("event_name", "calls"), ("payload[value]", "1")]);
    stage.until("2024-08-28T20:54:09Z");
    let told = |stage: &Stage| stage.life.world.tables.thin_events.all().next_back().cloned();
    assert!(told(&stage).is_none(), "E129: not before");
    stage.until("2024-08-28T20:54:10Z");
    let event = told(&stage).expect("E129: a thin event");
    let event = serde_json::to_value(&event).expect("JSON");
    assert_eq!(word(&event["type"]), "v1.billing.meter.error_report_triggered", "E129: {event:#}");
    let report = &event["data"];
    assert_eq!(word(&report["validation_start"]), "2024-08-28T20:54:00.000Z", "E129");
    assert_eq!(word(&report["validation_end"]), "2024-08-28T20:54:10.000Z", "E129");
    assert_eq!(word(&report["reason"]["error_types"][0]["code"]), "meter_event_no_customer_defined", "E129");
}

#[test]
fn usage_that_comes_while_the_invoice_is_a_draft() {
    let mut stage = Stage::begin("2026-01-01");
    stage.meter("calls", "sum", UNIT);
    stage.subscribe(&[("items[0][price]", "$calls")]);
    stage.until("2026-01-20");
    stage.used("calls", "5", &[]);
    stage.until("2026-02-01T00:30:00Z");
    assert_eq!(amounts(&stage.newest()), [500], "E158 (a)");
    stage.used("calls", "3", &[("timestamp", "@2026-01-31T23:59:59Z")]);
    stage.used("calls", "2", &[]);
    stage.until_final("2026-02-01");
    let invoice = stage.newest();
    assert_eq!((amounts(&invoice), int(&invoice["lines"]["data"][0]["period"]["end"])), (vec![800], at("2026-02-01")));
    stage.life.until(at("2026-03-01") + HOUR);
    assert_eq!(stage.billed(), [[800], [200]], "E158 (a): what was used in February is February's");
}
