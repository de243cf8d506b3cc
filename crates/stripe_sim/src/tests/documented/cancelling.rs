//! How subscriptions end: E88–E95, E98. Where a page rounds to a half or a quarter of the year the instant is the exact
//! one, so that its own figures come out.

use super::{Params, Stage, amounts, at, int, word};
use crate::tests::life::HOUR;

/// A year of 120.00 that renews on 1 January 2024 and is to end in the exact middle of it.
fn half_a_year() -> Stage {
    let mut stage = Stage::begin("2023-01-01");
    stage.subscribe(&[("items[0][price]", "$12000/year")]);
    stage.until("2023-11-01");
    stage.change(&[("cancel_at", "@2024-07-02")]);
    assert!(stage.waiting().is_empty(), "E88: beyond the period nothing changes yet");
    stage.until_final("2024-01-01");
    stage
}

#[test]
fn an_end_that_is_set_before_the_renewal() {
    for behavior in ["create_prorations", "none"] {
        let mut stage = Stage::begin("2023-01-01");
        stage.subscribe(&[("items[0][price]", "$12000/year")]);
        stage.until("2023-11-01");
        stage.change(&[("cancel_at", "@2024-07-02"), ("proration_behavior", behavior)]);
        stage.until_final("2024-01-01");
        let invoice = stage.newest();
        assert_eq!((int(&invoice["subtotal"]), word(&invoice["status"])), (6000, "paid".into()), "E88, {behavior}");
        assert_eq!(stage.periods(), [(at("2024-01-01"), at("2024-07-02"))], "E88, {behavior}");
        stage.until("2024-07-02");
        assert_eq!((stage.status(), stage.totals()), ("canceled".into(), vec![12_000, 6000]), "E88, {behavior}");
    }
}

/// A later or earlier end, said on 15 February.
struct Moved {
    id: &'static str,
    ask: Params,
    end: &'static str,
    waiting: &'static [i64],
    /// Totals of the invoices after the two that there are, now and after the end.
    now: &'static [i64],
    last: &'static [i64],
}

#[test]
fn an_end_that_is_moved() {
    let table = [
        Moved {
            id: "E89 (a)",
            ask: &[("cancel_at", "@2024-10-01T12:00:00Z")],
            end: "2024-10-01T12:00:00Z",
            waiting: &[3000],
            now: &[],
            last: &[3000],
        },
        Moved {
            id: "E89 (b)",
            ask: &[("cancel_at", "@2024-10-01T12:00:00Z"), ("proration_behavior", "always_invoice")],
            end: "2024-10-01T12:00:00Z",
            waiting: &[],
            now: &[3000],
            last: &[3000],
        },
        Moved {
            id: "E90",
            ask: &[("cancel_at", "@2024-04-01T12:00:00Z")],
            end: "2024-04-01T12:00:00Z",
            waiting: &[-3000],
            now: &[],
            last: &[-3000],
        },
    ];
    for Moved { id, ask, end, waiting, now, last } in table {
        let mut stage = half_a_year();
        stage.until("2024-02-15");
        stage.change(ask);
        assert_eq!(stage.periods(), [(at("2024-01-01"), at(end))], "{id}: the period ends then");
        assert_eq!((stage.waiting(), &stage.totals()[2..]), (waiting.to_vec(), now), "{id}");
        stage.until(end);
        assert_eq!((stage.status(), &stage.totals()[2..]), ("canceled".into(), last), "{id}: in the end");
    }
}

#[test]
fn an_end_within_the_period() {
    // August has 31 days, of which 16 are left: 31.00 a month, which is ours, makes 16.00.
    let rows: [(&str, Params, &[i64], &[i64]); 2] = [
        ("E91 (a)", &[], &[-1600], &[3100, -1600]),
        ("E91 (b)", &[("proration_behavior", "none")], &[], &[3100]),
    ];
    for (id, more, waiting, totals) in rows {
        let mut stage = Stage::begin("2024-08-01");
        stage.subscribe(&[("items[0][price]", "$3100/month")]);
        stage.until("2024-08-05");
        let found = stage.change(&[&[("cancel_at", "1723766400")], more].concat());
        assert_eq!(int(&found["cancel_at"]), at("2024-08-16"), "{id}");
        assert_eq!(stage.periods(), [(at("2024-08-01"), at("2024-08-16"))], "{id}");
        assert_eq!(stage.waiting(), waiting, "{id}");
        stage.life.until(at("2024-08-16") - 1);
        assert_eq!(stage.status(), "active", "{id}");
        stage.until("2024-08-16");
        assert_eq!((stage.status(), stage.totals()), ("canceled".into(), totals.to_vec()), "{id}");
    }
}

#[test]
fn an_end_with_the_first_or_the_last_item() {
    for (id, when, end) in
        [("E92, min_period_end", "min_period_end", "2026-02-01"), ("E92, max_period_end", "max_period_end", "2026-04-01")]
    {
        let mut stage = Stage::begin("2026-01-01");
        stage.subscribe(&[("items[0][price]", "$1000/month"), ("items[1][price]", "$2000/3 months")]);
        let found = stage.change(&[("cancel_at", when)]);
        assert_eq!((int(&found["cancel_at"]), found["cancel_at_period_end"] == false), (at(end), true), "{id}");
        let change = [("items[0][id]", "#item"), ("items[0][price]", "$500/3 months"), ("proration_behavior", "none")];
        let found = stage.change(&change);
        assert_eq!(int(&found["cancel_at"]), at(end), "{id}: a later change does not move it");
        stage.until(end);
        assert_eq!(stage.status(), "canceled", "{id}");
    }
}

#[test]
fn an_end_from_the_beginning() {
    let rows: [(&str, Params, i64); 2] =
        [("E93, none", &[("proration_behavior", "none")], 3100), ("E93, default", &[], 1500)];
    for (id, more, total) in rows {
        let mut stage = Stage::begin("2026-01-01");
        let params = [("items[0][price]", "$3100/month"), ("cancel_at", "@2026-01-16")];
        stage.subscribe(&[&params[..], more].concat());
        assert_eq!(stage.totals(), [total], "{id}");
        stage.until("2026-01-16");
        assert_eq!((stage.status(), stage.totals()), ("canceled".into(), vec![total]), "{id}");
    }
}

/// An end at once, in the middle of a month of 20.00 with 250 units of usage at 4 cents and 3.00 that wait.
struct Now {
    id: &'static str,
    ask: Params,
    waiting: &'static [i64],
    /// The lines of the last invoice.
    last: &'static [i64],
}

#[test]
fn an_end_at_once() {
    let table = [
        Now { id: "E94 (a)", ask: &[], waiting: &[300], last: &[] },
        Now { id: "E94 (b)", ask: &[("prorate", "true")], waiting: &[300, -1000], last: &[] },
        Now {
            id: "E94 (c)",
            ask: &[("prorate", "true"), ("invoice_now", "true")],
            waiting: &[],
            last: &[300, -1000, 1000],
        },
        Now { id: "E94 (d)", ask: &[("invoice_now", "true")], waiting: &[], last: &[300, 1000] },
    ];
    for Now { id, ask, waiting, last } in table {
        let mut stage = Stage::begin("2026-04-01");
        stage.meter("calls", "sum", &[("unit_amount", "4")]);
        stage.subscribe(&[("items[0][price]", "$2000/month"), ("items[1][price]", "$calls")]);
        let item = [("customer", "#customer"), ("subscription", "#subscription"), ("amount", "300"), ("currency", "usd")];
        stage.post("/v1/invoiceitems", &item);
        stage.until("2026-04-10");
        stage.used("calls", "250", &[]);
        stage.until("2026-04-16");
        let path = format!("/v1/subscriptions/{}", stage.subscription);
        let seen = stage.life.seen();
        let found = stage.done("DELETE", &path, ask);
        assert_eq!(found["status"], "canceled", "{id}");
        assert!(stage.life.events(&seen).contains(&"customer.subscription.deleted".to_owned()), "{id}");
        assert_eq!(stage.waiting(), waiting, "{id}: what waits");
        let billed: Vec<Vec<i64>> = stage.billed().into_iter().skip(1).collect();
        let expected: Vec<Vec<i64>> = [last.to_vec()].into_iter().filter(|lines| !lines.is_empty()).collect();
        assert_eq!(billed, expected, "{id}: the last invoice");
        stage.change(&[("metadata[left]", "yes"), ("cancellation_details[comment]", "moved")]);
        let (status, _) = stage.ask("POST", &path, &[("description", "no more")]);
        assert_eq!(status, 400, "{id}: nothing else can be changed");
    }
}

#[test]
fn an_end_stops_collection() {
    let mut stage = Stage::begin("2026-04-01");
    stage.subscribe(&[("items[0][price]", "$2000/month")]);
    stage.pay_by("pm_card_chargeCustomerFail");
    stage.until_final("2026-05-01");
    assert_eq!((stage.newest()["status"] == "open", stage.newest()["auto_advance"] == true), (true, true), "E94");
    let path = format!("/v1/subscriptions/{}", stage.subscription);
    stage.done("DELETE", &path, &[]);
    let invoice = stage.newest();
    assert_eq!((word(&invoice["status"]), invoice["auto_advance"] == false), ("open".into(), true), "E94");
    let tried = int(&invoice["attempt_count"]);
    stage.until("2026-06-01");
    assert_eq!(int(&stage.newest()["attempt_count"]), tried, "E94: it is not tried any more");
}

#[test]
fn an_end_with_the_period() {
    let mut stage = Stage::begin("2026-04-01");
    stage.meter("calls", "sum", &[("unit_amount", "4")]);
    stage.subscribe(&[("items[0][price]", "$1000/month"), ("items[1][price]", "$calls")]);
    let seen = stage.life.seen();
    stage.change(&[("cancel_at_period_end", "true")]);
    assert_eq!(stage.life.events(&seen), ["customer.subscription.updated"], "E95");
    stage.change(&[("cancel_at_period_end", "false")]);
    stage.change(&[("cancel_at_period_end", "true")]);
    stage.used("calls", "250", &[]);
    stage.until("2026-04-16");
    stage.change(&[("items[0][id]", "#item"), ("items[0][price]", "$2000/month")]);
    stage.life.until(at("2026-05-01") - 1);
    assert_eq!(stage.status(), "active", "E95");
    let seen = stage.life.seen();
    stage.life.pass(1);
    assert_eq!(stage.status(), "canceled", "E95");
    assert!(stage.life.events(&seen).contains(&"customer.subscription.deleted".to_owned()), "E95");
    let invoice = stage.newest();
    assert_eq!(amounts(&invoice), [-500, 1000, 1000], "E95: what waited, and usage");
    stage.life.pass(100 * HOUR);
    let invoice = stage.newest();
    assert_eq!((word(&invoice["status"]), invoice["auto_advance"] == false), ("draft".into(), true), "E95");
}

#[test]
fn a_quarter_that_was_paid() {
    let mut stage = Stage::begin("2026-01-01");
    stage.subscribe(&[("items[0][price]", "$9000/3 months")]);
    stage.until("2026-01-31");
    let path = format!("/v1/subscriptions/{}", stage.subscription);
    stage.done("DELETE", &path, &[]);
    let invoice = stage.newest();
    assert_eq!((word(&invoice["status"]), int(&invoice["amount_paid"])), ("paid".into(), 9000), "E98: it stands");
    assert_eq!((stage.waiting(), stage.balance(), stage.totals()), (vec![], 0, vec![9000]), "E98: no credit");
}
