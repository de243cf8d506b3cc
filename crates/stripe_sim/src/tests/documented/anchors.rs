//! When periods begin and end: E55, E56, E61, E63, E64, E72–E74, E75 (b), E76.

use super::{Params, Stage, amounts, at, int, word};

#[test]
fn a_proration_date_lies_in_the_period() {
    // The period is April. One row for each side of each end.
    let rows = [
        ("E55, before the period", "@2026-03-31T23:59:59Z", false),
        ("E55, its first second", "@2026-04-01", true),
        ("E55, within", "@2026-04-20", true),
        ("E55, after the period", "@2026-05-01T00:00:01Z", false),
    ];
    for (id, date, good) in rows {
        let mut stage = Stage::begin("2026-04-01");
        stage.subscribe(&[("items[0][price]", "$1000/month")]);
        stage.until("2026-04-21");
        let path = format!("/v1/subscriptions/{}", stage.subscription);
        let params = [("items[0][id]", "#item"), ("items[0][price]", "$2000/month"), ("proration_date", date)];
        let (status, body) = stage.ask("POST", &path, &params);
        assert_eq!(status, if good { 200 } else { 400 }, "{id}: {body:#}");
    }
}

#[test]
fn boundaries_are_counted_from_the_anchor() {
    let rows: [(&str, &str, &str, &[&str]); 5] = [
        ("E56, the 2nd", "2026-09-02", "$1000/month", &["2026-10-02", "2026-11-02", "2026-12-02", "2027-01-02"]),
        (
            "E56, the 31st",
            "2026-01-31T10:00:00Z",
            "$1000/month",
            &["2026-02-28T10:00:00Z", "2026-03-31T10:00:00Z", "2026-04-30T10:00:00Z", "2026-05-31T10:00:00Z"],
        ),
        ("E56, leap year", "2028-01-31", "$1000/month", &["2028-02-29", "2028-03-31", "2028-04-30"]),
        ("E56, Fridays", "2022-06-03", "$1000/week", &["2022-06-10", "2022-06-17", "2022-06-24", "2022-07-01"]),
        ("E63", "2023-03-23T22:16:07Z", "$1000/month", &["2023-04-23T22:16:07Z"]),
    ];
    for (id, start, price, ends) in rows {
        let mut stage = Stage::begin(start);
        stage.subscribe(&[("items[0][price]", price)]);
        let mut from = at(start);
        for end in ends {
            assert_eq!(stage.periods(), [(from, at(end))], "{id}: up to {end}");
            stage.until(end);
            from = at(end);
        }
    }
    assert_eq!((at("2023-03-23T22:16:07Z"), at("2023-04-23T22:16:07Z")), (1_679_609_767, 1_682_288_167), "E63");
}

#[test]
fn an_anchor_that_lies_ahead() {
    // Ten of the 31 days before the anchor are left: 31.00 a month, which is ours, makes 10.00.
    let rows: [(&str, Params, &[i64], &[i64]); 2] = [
        ("E61, default", &[], &[1000], &[1000, 3100]),
        ("E61, none", &[("proration_behavior", "none")], &[], &[3100]),
    ];
    for (id, more, first, later) in rows {
        let mut stage = Stage::begin("2021-01-08T22:21:45Z");
        let params = [("items[0][price]", "$3100/month"), ("billing_cycle_anchor", "1611008505")];
        let found = stage.subscribe(&[&params[..], more].concat());
        assert_eq!(int(&found["billing_cycle_anchor"]), 1_611_008_505, "{id}");
        assert_eq!(stage.periods(), [(stage.now(), 1_611_008_505)], "{id}");
        assert_eq!((stage.status(), stage.totals()), ("active".into(), first.to_vec()), "{id}: now");
        stage.until_final("2021-01-18T22:21:45Z");
        assert_eq!(stage.totals(), later, "{id}: at the anchor");
        assert_eq!(stage.periods(), [(1_611_008_505, at("2021-02-18T22:21:45Z"))], "{id}");
    }
}

#[test]
fn a_first_invoice_that_waits_for_its_payer() {
    let mut stage = Stage::begin("2021-06-16T19:55:47Z");
    stage.price("gold", "Gold Special", &[("unit_amount", "2000")]);
    let params = [
        ("items[0][price]", "$gold"),
        ("items[0][quantity]", "1"),
        ("billing_mode[type]", "flexible"),
        ("payment_behavior", "default_incomplete"),
    ];
    let found = stage.subscribe(&params);
    assert_eq!((word(&found["status"]), word(&found["billing_mode"]["type"])), ("incomplete".into(), "flexible".into()));
    let invoice = stage.newest();
    assert_eq!((word(&invoice["status"]), int(&invoice["total"])), ("open".into(), 2000), "E64");
    assert_eq!(invoice["auto_advance"], false, "E64");
    assert_eq!(invoice["billing_reason"], "subscription_create", "E64");
    let line = &invoice["lines"]["data"][0];
    assert_eq!(word(&line["description"]), "1 × Gold Special (at $20.00 / month)", "E64");
    let period = (int(&line["period"]["start"]), int(&line["period"]["end"]));
    assert_eq!(period, (1_623_873_347, 1_626_465_347), "E64");
}

#[test]
fn a_month_and_a_quarter() {
    let mut stage = Stage::begin("2024-01-01");
    stage.price("monthly", "Monthly Price", &[("unit_amount", "1500")]);
    let quarter = [("unit_amount", "10000"), ("recurring[interval]", "month"), ("recurring[interval_count]", "3")];
    stage.price("quarterly", "Quarterly Price", &quarter);
    stage.subscribe(&[("items[0][price]", "$monthly"), ("items[1][price]", "$quarterly")]);
    assert_eq!(stage.periods(), [(1_704_067_200, 1_706_745_600), (1_704_067_200, 1_711_929_600)], "E72");
    let invoice = stage.newest();
    assert_eq!((amounts(&invoice), int(&invoice["total"])), (vec![1500, 10_000], 11_500), "E72");
    let first = word(&invoice["lines"]["data"][0]["description"]);
    assert_eq!(first, "1 × Monthly Price (at $15.00 / month)", "E72");
    // The page writes "at $100.00 every 3 months", recorded invoices "at $100.00 / every 3 months".
    let second = word(&invoice["lines"]["data"][1]["description"]);
    assert_eq!(second.replace("/ every", "every"), "1 × Quarterly Price (at $100.00 every 3 months)", "E72");
    stage.until_final("2024-04-01");
    let created: Vec<i64> = stage.invoices().iter().map(|invoice| int(&invoice["created"])).collect();
    assert_eq!(created, [at("2024-01-01"), at("2024-02-01"), at("2024-03-01"), at("2024-04-01")], "E72");
    assert_eq!(stage.totals(), [11_500, 1500, 1500, 11_500], "E72: February and March are the month's alone");
}

#[test]
fn the_third_cycle_of_three_intervals() {
    let mut stage = Stage::begin("2026-01-01");
    let params = [
        ("items[0][price]", "$1000/month"),
        ("items[1][price]", "$2000/2 months"),
        ("items[2][price]", "$3000/3 months"),
    ];
    stage.subscribe(&params);
    stage.until("2026-03-01");
    let expected = [("2026-03-01", "2026-04-01"), ("2026-03-01", "2026-05-01"), ("2026-01-01", "2026-04-01")];
    assert_eq!(stage.periods(), expected.map(|(start, end)| (at(start), at(end))), "E73");
}

#[test]
fn intervals_that_go_together() {
    let rows = [
        (&["month", "3 months"][..], true),
        (&["month", "year"], true),
        (&["day", "week"], true),
        (&["day", "3 months"], true),
        (&["day", "2 years"], true),
        (&["2 weeks", "4 weeks"], true),
        (&["2 months", "4 months", "6 months"], true),
        (&["2 months", "3 months"], false),
        (&["4 months", "6 months"], false),
        (&["week", "month"], false),
        (&["2 days", "week"], false),
        (&["5 months", "year"], false),
    ];
    for (intervals, good) in rows {
        let mut stage = Stage::begin("2026-01-01");
        let mut params = vec![("customer".to_owned(), "#customer".to_owned())];
        for (place, every) in intervals.iter().enumerate() {
            params.push((format!("items[{place}][price]"), format!("$1000/{every}")));
        }
        let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (status, body) = stage.ask("POST", "/v1/subscriptions", &params);
        assert_eq!(status, if good { 200 } else { 400 }, "E74, {intervals:?}: {body:#}");
    }
}

#[test]
fn paused_and_resumed_with_two_intervals() {
    let mut stage = Stage::begin("2026-01-01");
    stage.subscribe(&[("items[0][price]", "$1000/month"), ("items[1][price]", "$2000/2 months")]);
    stage.until("2026-02-01T02:00:00Z");
    let path = format!("/v1/subscriptions/{}", stage.subscription);
    stage.post(&format!("{path}/pause"), &[("type", "subscription")]);
    let before = stage.invoices().len();
    stage.until("2026-02-15");
    let params = [("billing_cycle_anchor[type]", "now"), ("proration_behavior", "none")];
    stage.post(&format!("{path}/resume"), &params);
    let expected = [("2026-02-15", "2026-03-15"), ("2026-02-15", "2026-04-15")];
    assert_eq!(stage.periods(), expected.map(|(start, end)| (at(start), at(end))), "E75 (b)");
    let invoice = stage.newest();
    assert_eq!((stage.invoices().len(), amounts(&invoice)), (before + 1, vec![1000, 2000]), "E75 (b): both are billed");
    assert_eq!(stage.status(), "paused", "E75 (b): until that is paid");
    let path = format!("/v1/invoices/{}/pay", word(&invoice["id"]));
    stage.post(&path, &[]);
    assert_eq!(stage.status(), "active", "E75 (b)");
}

#[test]
fn a_trial_of_two_intervals() {
    let mut stage = Stage::begin("2026-01-01");
    let params =
        [("items[0][price]", "$1000/month"), ("items[1][price]", "$2000/3 months"), ("trial_end", "@2026-01-15")];
    stage.subscribe(&params);
    assert_eq!(stage.periods(), [(at("2026-01-01"), at("2026-01-15")); 2], "E76");
}
