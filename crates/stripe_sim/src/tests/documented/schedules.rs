//! Changes that are agreed on now and happen later: E77–E80, E82–E87. Amounts and the year are ours where the page has
//! none.

use super::{Params, Stage, amounts, at, int, word};
use crate::tests::life::{DAY, id};
use serde_json::Value;

/// Makes a schedule of the customer; the stage is about its subscription from now on, if there is one.
fn schedule(stage: &mut Stage, params: &[(&str, &str)]) -> Value {
    let schedule = stage.post("/v1/subscription_schedules", &[&[("customer", "#customer")], params].concat());
    if let Some(subscription) = schedule["subscription"].as_str() {
        stage.about(subscription);
    }
    schedule
}

#[test]
fn an_instalment_plan() {
    let mut stage = Stage::begin("2026-01-01");
    let params = [
        ("start_date", "now"),
        ("end_behavior", "cancel"),
        ("phases[0][items][0][price]", "$100000/month"),
        ("phases[0][duration][interval]", "month"),
        ("phases[0][duration][interval_count]", "6"),
    ];
    schedule(&mut stage, &params);
    assert_eq!((stage.status(), word(&stage.newest()["status"])), ("active".into(), "draft".into()), "E77: for an hour");
    stage.until_final("2026-01-01");
    assert_eq!(stage.newest()["status"], "paid", "E77");
    stage.life.until(at("2026-07-01") - 1);
    assert_eq!(stage.status(), "active", "E77");
    stage.until("2026-07-01");
    assert_eq!(stage.status(), "canceled", "E77");
    stage.until("2027-01-01");
    let totals = stage.totals();
    assert_eq!((totals.len(), totals.iter().sum::<i64>()), (6, 600_000), "E77: six charges, {totals:?}");
    assert!(stage.invoices().iter().all(|invoice| invoice["status"] == "paid" && invoice["total"] == 100_000), "E77");
}

/// Two phases of a year, the first of them a month long.
struct Plan {
    id: &'static str,
    first: Params,
    second: Params,
    /// The lines of the first three invoices.
    billed: [&'static [i64]; 3],
}

#[test]
fn a_second_phase_after_a_month() {
    let table = [
        Plan {
            id: "E78",
            first: &[("phases[0][items][0][price]", "$1000/month")],
            second: &[("phases[1][items][0][price]", "$1000/month"), ("phases[1][items][1][price]", "$500/month")],
            billed: [&[1000], &[1000, 500], &[1000, 500]],
        },
        Plan {
            id: "E80",
            first: &[("phases[0][items][0][price]", "$1000/month"), ("phases[0][items][0][quantity]", "1")],
            second: &[("phases[1][items][0][price]", "$1000/month"), ("phases[1][items][0][quantity]", "2")],
            billed: [&[1000], &[2000], &[2000]],
        },
    ];
    for Plan { id, first, second, billed } in table {
        let mut stage = Stage::begin("2026-01-01");
        let lengths = [
            ("start_date", "now"),
            ("end_behavior", "release"),
            ("phases[0][duration][interval]", "month"),
            ("phases[1][duration][interval]", "month"),
            ("phases[1][duration][interval_count]", "11"),
        ];
        schedule(&mut stage, &[&lengths[..], first, second].concat());
        stage.until_final("2026-03-01");
        assert_eq!(stage.billed(), billed, "{id}");
        stage.until_final("2027-02-01");
        assert_eq!(stage.status(), "active", "{id}: the last phase goes on");
        assert_eq!((stage.invoices().len(), amounts(&stage.newest())), (14, billed[2].to_vec()), "{id}");
        assert!(stage.found()["schedule"].is_null(), "{id}: it was released");
    }
}

#[test]
fn a_downgrade_at_the_end_of_the_period() {
    let mut stage = Stage::begin("2026-01-01");
    stage.subscribe(&[("items[0][price]", "$3000/month")]);
    stage.until("2026-01-15");
    let made = stage.post("/v1/subscription_schedules", &[("from_subscription", "#subscription")]);
    assert_eq!(made["phases"][0]["start_date"], at("2026-01-01"), "E79");
    assert_eq!(made["phases"][0]["end_date"], at("2026-02-01"), "E79");
    let params = [
        ("phases[0][items][0][price]", "$3000/month"),
        ("phases[0][start_date]", "@2026-01-01"),
        ("phases[0][end_date]", "@2026-02-01"),
        ("phases[1][items][0][price]", "$1000/month"),
        ("phases[1][duration][interval]", "month"),
    ];
    stage.post(&format!("/v1/subscription_schedules/{}", id(&made)), &params);
    stage.life.until(at("2026-02-01") - 1);
    assert_eq!(stage.found()["items"]["data"][0]["price"]["unit_amount"], 3000, "E79: no change before");
    stage.until_final("2026-02-01");
    assert_eq!(stage.found()["items"]["data"][0]["price"]["unit_amount"], 1000, "E79");
    assert_eq!((stage.billed(), stage.waiting()), (vec![vec![3000], vec![1000]], vec![]), "E79: no proration");
}

#[test]
fn a_start_that_lies_ahead() {
    let mut stage = Stage::begin("2023-07-15");
    let params = [
        ("start_date", "1690873200"),
        ("phases[0][items][0][price]", "$1000/month"),
        ("phases[0][duration][interval]", "month"),
    ];
    let made = schedule(&mut stage, &params);
    assert_eq!((word(&made["status"]), made["subscription"].is_null()), ("not_started".into(), true), "E82");
    let path = format!("/v1/subscription_schedules/{}", id(&made));
    stage.life.until(1_690_873_200 - 1);
    assert!(stage.get(&path)["subscription"].is_null(), "E82: not before");
    stage.life.pass(1);
    let found = stage.get(&path);
    assert_eq!(found["status"], "active", "E82");
    stage.about(&word(&found["subscription"]));
    assert_eq!(int(&stage.found()["start_date"]), 1_690_873_200, "E82");
}

#[test]
fn periods_from_the_start_of_a_phase() {
    // Created on 15 July; the second phase begins on 1 August, with the same price.
    let rows: [(&str, Params, (&str, &str)); 2] = [
        (
            "E83, phase_start",
            &[("phases[1][billing_cycle_anchor]", "phase_start")],
            ("2023-08-01T07:00:00Z", "2023-09-01T07:00:00Z"),
        ),
        ("E83, automatic", &[], ("2023-07-15T07:00:00Z", "2023-08-15T07:00:00Z")),
    ];
    for (id, more, period) in rows {
        let mut stage = Stage::begin("2023-07-15T07:00:00Z");
        let params = [
            ("start_date", "now"),
            ("phases[0][items][0][price]", "$3100/month"),
            ("phases[0][end_date]", "1690873200"),
            ("phases[1][items][0][price]", "$3100/month"),
            ("phases[1][duration][interval]", "month"),
            ("phases[1][duration][interval_count]", "3"),
        ];
        schedule(&mut stage, &[&params[..], more].concat());
        stage.until("2023-08-01T07:00:00Z");
        assert_eq!(stage.periods(), [(at(period.0), at(period.1))], "{id}");
        stage.until_final(period.1);
        let invoice = stage.newest();
        assert_eq!((int(&invoice["created"]), int(&invoice["total"])), (at(period.1), 3100), "{id}: the next bill");
    }
}

#[test]
fn a_phase_that_is_ended() {
    // A month of 31 days for 31.00, then 62.00: at an instant ahead, and now, with 16 days left.
    let rows: [(&str, &str, &str, i64, &[i64]); 2] = [
        ("E84, an instant", "1580544000", "2020-02-01T08:00:00Z", 3100, &[]),
        ("E84, now", "now", "2020-01-16T08:00:00Z", 6200, &[-1600, 3200]),
    ];
    for (name, end, when, at_once, waiting) in rows {
        let mut stage = Stage::begin("2020-01-01T08:00:00Z");
        stage.subscribe(&[("items[0][price]", "$3100/month")]);
        let made = stage.post("/v1/subscription_schedules", &[("from_subscription", "#subscription")]);
        stage.until("2020-01-16T08:00:00Z");
        let params = [
            ("phases[0][items][0][price]", "$3100/month"),
            ("phases[0][start_date]", "1577865600"),
            ("phases[0][end_date]", end),
            ("phases[1][items][0][price]", "$6200/month"),
            ("phases[1][duration][interval]", "month"),
        ];
        let changed = stage.post(&format!("/v1/subscription_schedules/{}", id(&made)), &params);
        assert_eq!(changed["phases"][0]["end_date"], at(when), "{name}");
        assert_eq!(changed["phases"][1]["start_date"], at(when), "{name}: the next one starts there");
        assert_eq!(stage.found()["items"]["data"][0]["price"]["unit_amount"], at_once, "{name}");
        stage.until(when);
        assert_eq!(stage.found()["items"]["data"][0]["price"]["unit_amount"], 6200, "{name}");
        assert_eq!(stage.waiting(), waiting, "{name}");
    }
}

#[test]
fn an_end_is_told_in_the_last_phase_only() {
    let mut stage = Stage::begin("2026-01-01");
    let params = [
        ("start_date", "now"),
        ("end_behavior", "cancel"),
        ("phases[0][items][0][price]", "$1000/month"),
        ("phases[0][duration][interval]", "month"),
        ("phases[1][items][0][price]", "$2000/month"),
        ("phases[1][duration][interval]", "month"),
    ];
    let made = schedule(&mut stage, &params);
    assert!(stage.found()["cancel_at"].is_null(), "E85: in the first of two phases");
    stage.until("2026-02-01");
    assert_eq!(int(&stage.found()["cancel_at"]), at("2026-03-01"), "E85: in the last");
    let params = [
        ("phases[0][items][0][price]", "$2000/month"),
        ("phases[0][start_date]", "@2026-02-01"),
        ("phases[0][end_date]", "@2026-03-01"),
        ("phases[1][items][0][price]", "$3000/month"),
        ("phases[1][duration][interval]", "month"),
    ];
    stage.post(&format!("/v1/subscription_schedules/{}", id(&made)), &params);
    assert!(stage.found()["cancel_at"].is_null(), "E85: another phase takes it away");
    stage.until("2026-04-01");
    assert_eq!(stage.status(), "canceled", "E85");
}

#[test]
fn a_schedule_that_is_about_to_end() {
    let mut stage = Stage::begin("2026-01-01");
    let params = [
        ("start_date", "now"),
        ("phases[0][items][0][price]", "$1000/month"),
        ("phases[0][duration][interval]", "month"),
        ("phases[0][duration][interval_count]", "2"),
    ];
    schedule(&mut stage, &params);
    let notice = at("2026-03-01") - 7 * DAY;
    stage.life.until(notice - 1);
    let seen = stage.life.seen();
    stage.life.pass(1);
    let told =
        |stage: &Stage| stage.life.events(&seen).iter().filter(|kind| *kind == "subscription_schedule.expiring").count();
    assert_eq!(told(&stage), 1, "E86: 604800 seconds before");
    stage.until("2026-03-02");
    assert_eq!(told(&stage), 1, "E86: once");
}

#[test]
fn a_metered_item_that_goes_with_its_phase() {
    // 250 units at 4 cents. In the middle of the period the incoming phase says how they are billed; at its end they
    // stand on the one invoice of the renewal. The licensed item stays and comes to nothing.
    let rows: [(&str, &str, &str, i64, &[i64]); 4] = [
        ("E87, create_prorations", "create_prorations", "@2026-01-16", 1000, &[500]),
        ("E87, always_invoice", "always_invoice", "@2026-01-16", 0, &[500, 1000]),
        ("E87, none", "none", "@2026-01-16", 0, &[500]),
        ("E87, at renewal", "create_prorations", "@2026-02-01", 0, &[500, 1500]),
    ];
    for (id, behavior, when, waiting, totals) in rows {
        let mut stage = Stage::begin("2026-01-01");
        stage.meter("calls", "sum", &[("unit_amount", "4")]);
        let params = [
            ("start_date", "now"),
            ("phases[0][items][0][price]", "$500/month"),
            ("phases[0][items][1][price]", "$calls"),
            ("phases[0][end_date]", when),
            ("phases[1][items][0][price]", "$500/month"),
            ("phases[1][proration_behavior]", behavior),
            ("phases[1][duration][interval]", "month"),
        ];
        schedule(&mut stage, &params);
        stage.until("2026-01-10");
        stage.used("calls", "250", &[]);
        stage.until_final(&when[1..]);
        let found = (stage.waiting().iter().sum(), stage.totals());
        assert_eq!(found, (waiting, totals.to_vec()), "{id}");
    }
}
