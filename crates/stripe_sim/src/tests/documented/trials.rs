//! Trials: E35, E37–E44, E46–E52. Where a page gives no amount it is ours, chosen so that the share is a whole number.

use super::{Params, Stage, amounts, at, int, word};
use crate::tests::life::{DAY, HOUR};

#[test]
fn a_trial_to_the_second() {
    let mut stage = Stage::begin("2020-12-28T22:21:45Z");
    let found = stage.subscribe(&[("items[0][price]", "$2000/month"), ("trial_end", "1610403705")]);
    assert_eq!((word(&found["status"]), int(&found["trial_end"])), ("trialing".into(), 1_610_403_705), "E35");
    let invoice = stage.newest();
    assert_eq!((int(&invoice["total"]), word(&invoice["status"])), (0, "paid".into()), "E35: an invoice of 0 at once");
    assert!(word(&invoice["lines"]["data"][0]["description"]).contains("Free trial"), "E35: {invoice:#}");
    stage.until("2021-01-11T22:21:45Z");
    assert_eq!(stage.periods()[0].0, 1_610_403_705, "E35: a new period begins");
    let invoice = stage.newest();
    assert_eq!((word(&invoice["status"]), int(&invoice["created"])), ("draft".into(), 1_610_403_705), "E35");
    stage.until_final("2021-01-11T22:21:45Z");
    let invoice = stage.newest();
    let paid = int(&invoice["status_transitions"]["paid_at"]);
    assert_eq!((word(&invoice["status"]), paid), ("paid".into(), 1_610_403_705 + HOUR), "E35: charged an hour later");
}

#[test]
fn a_trial_lasts_730_days_at_most() {
    let mut stage = Stage::begin("2026-01-01");
    let found = stage.subscribe(&[("items[0][price]", "$2000/month"), ("trial_period_days", "730")]);
    assert_eq!(int(&found["trial_end"]), at("2026-01-01") + 730 * DAY, "E35");
    let over = (at("2026-01-01") + 730 * DAY + 1).to_string();
    for (name, value) in [("trial_period_days", "731"), ("trial_end", over.as_str())] {
        let params = [("customer", "#customer"), ("items[0][price]", "$2000/month"), (name, value)];
        assert_eq!(stage.ask("POST", "/v1/subscriptions", &params).0, 400, "E35: {name}={value}");
    }
}

#[test]
fn what_a_line_of_a_trial_says() {
    let mut stage = Stage::begin("2026-01-01");
    stage.price("coffee", "monthly coffee subscription", &[("unit_amount", "2000")]);
    stage.subscribe(&[("items[0][price]", "$coffee"), ("trial_period_days", "14")]);
    let description = word(&stage.newest()["lines"]["data"][0]["description"]);
    assert_eq!(description, "Free trial for 1 × monthly coffee subscription", "E37");
}

/// How a trial ends for a customer without a payment method.
struct End {
    id: &'static str,
    then: &'static str,
    /// At the end, and an hour later.
    status: [&'static str; 2],
    event: &'static str,
    /// Totals of the invoices two months later.
    totals: &'static [i64],
}

#[test]
fn a_trial_that_ends_without_a_payment_method() {
    let table = [
        End {
            id: "E38",
            then: "cancel",
            status: ["canceled", "canceled"],
            event: "customer.subscription.deleted",
            totals: &[0],
        },
        End { id: "E39", then: "pause", status: ["paused", "paused"], event: "customer.subscription.paused", totals: &[0] },
        End {
            id: "E40",
            then: "create_invoice",
            status: ["active", "past_due"],
            event: "customer.subscription.updated",
            totals: &[0, 2000],
        },
    ];
    for End { id, then, status, event, totals } in table {
        let mut stage = Stage::penniless("2026-01-01");
        stage.subscribe(&[
            ("items[0][price]", "$2000/month"),
            ("trial_period_days", "30"),
            ("trial_settings[end_behavior][missing_payment_method]", then),
        ]);
        stage.life.until(at("2026-01-31") - 1);
        assert_eq!(stage.status(), "trialing", "{id}");
        let seen = stage.life.seen();
        stage.until("2026-01-31");
        assert_eq!(stage.status(), status[0], "{id}: at the end");
        assert!(stage.life.events(&seen).contains(&event.to_owned()), "{id}: {:?}", stage.life.events(&seen));
        stage.until_final("2026-01-31");
        assert_eq!(stage.status(), status[1], "{id}: an hour later");
        stage.until("2026-02-20");
        assert_eq!(stage.totals(), totals, "{id}");
        if then == "pause" {
            stage.until("2028-01-31");
            assert_eq!((stage.status(), stage.totals()), ("paused".into(), vec![0]), "{id}: without limit of time");
        }
    }
}

/// A subscription that its trial left paused on 8 January, and a good card since; now it is the 18th, so that 21 of 31
/// days are left.
fn paused() -> Stage {
    let mut stage = Stage::penniless("2026-01-01");
    stage.subscribe(&[
        ("items[0][price]", "$3100/month"),
        ("trial_period_days", "7"),
        ("trial_settings[end_behavior][missing_payment_method]", "pause"),
    ]);
    stage.until("2026-01-18");
    assert_eq!(stage.status(), "paused");
    stage.pay_by("pm_card_visa");
    stage
}

#[test]
fn a_paused_subscription_goes_on() {
    let rows: [(&str, &str, &[i64], &[i64], &str); 3] = [
        ("E41, create_prorations", "create_prorations", &[2100], &[0], "active"),
        ("E41, none", "none", &[], &[0], "active"),
        ("E41, always_invoice", "always_invoice", &[], &[0, 2100], "paused"),
    ];
    for (id, behavior, waiting, totals, status) in rows {
        let mut stage = paused();
        let path = format!("/v1/subscriptions/{}/resume", stage.subscription);
        stage.post(&path, &[("billing_cycle_anchor[type]", "unchanged"), ("proration_behavior", behavior)]);
        assert_eq!((stage.waiting(), stage.totals()), (waiting.to_vec(), totals.to_vec()), "{id}");
        assert_eq!(stage.status(), status, "{id}");
        let (start, end) = stage.periods()[0];
        assert!(start <= stage.now() && stage.now() < end, "{id}: the period contains now");
        assert_eq!(end, at("2026-02-08"), "{id}: the anchor is unchanged");
        if status == "paused" {
            stage.life.pass(23 * HOUR - 1);
            assert_eq!(stage.newest()["status"], "open", "{id}");
            stage.life.pass(1);
            assert_eq!((word(&stage.newest()["status"]), stage.status()), ("void".into(), "paused".into()), "{id}");
        }
    }
}

#[test]
fn a_paused_subscription_begins_anew() {
    let mut stage = paused();
    let path = format!("/v1/subscriptions/{}/resume", stage.subscription);
    stage.post(&path, &[("billing_cycle_anchor[type]", "now")]);
    assert_eq!(stage.periods(), [(at("2026-01-18"), at("2026-02-18"))], "E42");
    let invoice = stage.newest();
    assert_eq!((int(&invoice["total"]), stage.status()), (3100, "paused".into()), "E42: not before it is paid");
    let path = format!("/v1/invoices/{}/pay", word(&invoice["id"]));
    stage.post(&path, &[]);
    assert_eq!(stage.status(), "active", "E42");
}

#[test]
fn changes_of_a_paused_subscription_cost_nothing() {
    let rows: [(&str, Params); 3] = [
        ("E43, a price", &[("items[0][id]", "#item"), ("items[0][price]", "$9900/month")]),
        ("E43, a quantity", &[("items[0][id]", "#item"), ("items[0][quantity]", "5")]),
        ("E43, an item", &[("items[0][price]", "$9900/month")]),
    ];
    for (id, ask) in rows {
        let mut stage = paused();
        stage.change(ask);
        assert_eq!((stage.waiting(), stage.totals()), (vec![], vec![0]), "{id}");
    }
}

#[test]
fn a_trial_is_warned_of() {
    for (id, days, warned) in [("E44, long", "14", "2026-01-12"), ("E44, short", "2", "2026-01-01")] {
        let mut stage = Stage::begin("2026-01-01");
        stage.subscribe(&[("items[0][price]", "$2000/month"), ("trial_period_days", days)]);
        let seen = stage.life.seen();
        stage.life.until((at(warned) - 1).max(stage.now()));
        let told = |stage: &Stage| {
            stage.life.events(&seen).iter().filter(|kind| *kind == "customer.subscription.trial_will_end").count()
        };
        assert!(stage.now() == at(warned) || told(&stage) == 0, "{id}: not before");
        stage.until(warned);
        assert_eq!(told(&stage), 1, "{id}");
        stage.until("2026-01-15");
        assert_eq!(told(&stage), 1, "{id}: once");
    }
}

#[test]
fn a_trial_that_is_ended_by_hand() {
    let mut stage = Stage::begin("2026-01-01");
    stage.subscribe(&[("items[0][price]", "$2000/month"), ("trial_period_days", "30")]);
    stage.until("2026-01-11");
    let found = stage.change(&[("trial_end", "now")]);
    assert_eq!((word(&found["status"]), int(&found["trial_end"])), ("active".into(), at("2026-01-11")), "E46");
    assert_eq!(stage.periods(), [(at("2026-01-11"), at("2026-02-11"))], "E46: a new period");
    assert_eq!(stage.totals(), [0, 2000], "E46: an invoice at once");
}

#[test]
fn a_trial_moves_the_billing_date() {
    let mut stage = Stage::begin("2021-06-23T07:00:00Z");
    stage.subscribe(&[("items[0][price]", "$2000/month")]);
    stage.until("2021-07-15T07:00:00Z");
    let found = stage.change(&[("trial_end", "1627801200"), ("proration_behavior", "none")]);
    assert_eq!(int(&found["billing_cycle_anchor"]), 1_627_801_200, "E47");
    assert_eq!(stage.totals(), [2000, 0], "E47: 0 on 15 July");
    stage.until_final("2021-07-23T07:00:00Z");
    assert_eq!(stage.totals(), [2000, 0], "E47: nothing on 23 July");
    stage.until_final("2021-09-01T07:00:00Z");
    assert_eq!(stage.totals(), [2000, 0, 2000, 2000], "E47: 1 August and each 1st");
    let created: Vec<i64> = stage.invoices().iter().map(|invoice| int(&invoice["created"])).collect();
    assert_eq!(created[2..], [1_627_801_200, at("2021-09-01T07:00:00Z")], "E47");
}

/// A trial that ends before the date from which one bills.
struct Stub {
    id: &'static str,
    start: &'static str,
    price: &'static str,
    ask: Params,
    /// What is billed when.
    billed: &'static [(&'static str, i64)],
}

#[test]
fn a_trial_before_an_anchor() {
    let table = [
        Stub {
            id: "E48",
            start: "2025-07-15",
            price: "$3100/month",
            ask: &[("trial_end", "@2025-07-22"), ("billing_cycle_anchor", "@2025-08-01")],
            billed: &[("2025-07-15", 0), ("2025-07-22", 1000), ("2025-08-01", 3100), ("2025-09-01", 3100)],
        },
        Stub {
            id: "E49 (a)",
            start: "2026-01-15",
            price: "$3100/month",
            ask: &[("trial_period_days", "7"), ("billing_cycle_anchor", "@2026-02-01")],
            billed: &[("2026-01-15", 0), ("2026-01-22", 1000), ("2026-02-01", 3100), ("2026-03-01", 3100)],
        },
        Stub {
            id: "E49 (b)",
            start: "2026-01-28",
            price: "$2800/month",
            ask: &[("trial_period_days", "7"), ("billing_cycle_anchor", "@2026-03-01")],
            billed: &[("2026-01-28", 0), ("2026-02-04", 2500), ("2026-03-01", 2800), ("2026-04-01", 2800)],
        },
    ];
    for Stub { id, start, price, ask, billed } in table {
        let mut stage = Stage::begin(start);
        stage.subscribe(&[&[("items[0][price]", price)], ask].concat());
        stage.until_final(billed.last().expect("a date").0);
        let found: Vec<(i64, i64)> =
            stage.invoices().iter().map(|invoice| (int(&invoice["created"]), int(&invoice["total"]))).collect();
        let expected: Vec<(i64, i64)> = billed.iter().map(|(day, total)| (at(day), *total)).collect();
        assert_eq!(found, expected, "{id}");
    }
}

#[test]
fn a_second_trial() {
    let mut stage = Stage::begin("2026-01-01");
    let found = stage.subscribe(&[("items[0][price]", "$2000/month"), ("trial_end", "@2026-02-01")]);
    assert_eq!(int(&found["trial_start"]), at("2026-01-01"), "E50");
    stage.until("2026-03-01");
    let found = stage.change(&[("trial_end", "@2026-04-01"), ("proration_behavior", "none")]);
    assert_eq!(int(&found["trial_start"]), at("2026-03-01"), "E50");
    assert_eq!(int(&found["trial_end"]), at("2026-04-01"), "E50");
}

#[test]
fn an_end_within_a_trial() {
    let mut stage = Stage::begin("2026-01-01");
    stage.subscribe(&[("items[0][price]", "$2000/month"), ("trial_end", "@2026-02-01")]);
    let found = stage.change(&[("cancel_at", "@2026-01-20")]);
    let times = (int(&found["cancel_at"]), int(&found["trial_end"]));
    assert_eq!(times, (at("2026-01-20"), at("2026-02-01")), "E51: the trial is untouched");
    let found = stage.change(&[("cancel_at", "")]);
    assert!(found["cancel_at"].is_null(), "E51");
    assert_eq!(int(&found["trial_end"]), at("2026-02-01"), "E51");
    stage.until_final("2026-01-20");
    assert_eq!((stage.status(), stage.totals()), ("trialing".into(), vec![0]), "E51: the trial goes on");
    stage.until_final("2026-02-01");
    assert_eq!((stage.status(), stage.totals()), ("active".into(), vec![0, 2000]), "E51");
}

#[test]
fn an_item_that_comes_during_a_trial() {
    let mut stage = Stage::begin("2026-01-01");
    stage.price("b", "Price B", &[("unit_amount", "500")]);
    stage.subscribe(&[("items[0][price]", "$2000/month"), ("trial_period_days", "30")]);
    stage.until("2026-01-11");
    stage.change(&[("items[0][price]", "$b")]);
    let invoice = stage.newest();
    assert_eq!((stage.totals(), amounts(&invoice)), (vec![0, 0], vec![0]), "E52: one more invoice, with one line");
    assert_eq!(word(&invoice["lines"]["data"][0]["description"]), "Free trial for 1 × Price B", "E52");
    assert!(stage.waiting().is_empty(), "E52");
}
