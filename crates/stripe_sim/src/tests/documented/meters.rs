//! Usage: what meters take, count and show, and what it costs.

use super::{
    super::life::{DAY, HOUR, Life, id},
    Example,
    story::{
        amounts, invoices, items, list, meter, metered, newest, number, price, second, subscribed, switch, until,
        update, used, waiting,
    },
};
use serde_json::json;

const RECORDING: &str = "https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage";
const RECORDING_API: &str = "https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api";
const EVENT_API: &str = "https://docs.stripe.com/api/billing/meter-event/create";
const METER_API: &str = "https://docs.stripe.com/api/billing/meter/create";
const SUMMARY_API: &str = "https://docs.stripe.com/api/billing/meter-event-summary/list";
const COMPARE: &str = "https://docs.stripe.com/billing/subscriptions/billing-mode/compare";
const GRACE: &str = "https://docs.stripe.com/billing/subscriptions/usage-based/configure-grace-period";
const CYCLE: &str = "https://docs.stripe.com/billing/subscriptions/billing-cycle";

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        name: "sum, count and last",
        says: "A meter adds the values of its events up (`sum`), counts the events (`count`) or takes the latest value \
               (`last`).",
        source: METER_API,
        run: |life| {
            for (formula, value) in [("sum", 12.0), ("count", 3.0), ("last", 4.0)] {
                let meter = meter(life, formula, formula);
                let customer = life.customer("pm_card_visa");
                for value in ["5", "3", "4"] {
                    used(life, &customer, formula, value, life.world.now);
                    life.pass(60);
                }
                assert_eq!(summed(life, &meter, &customer), value, "{formula}");
            }
        },
    },
    Example {
        name: "one event an hour, one a day",
        says: "A pre-aggregated meter takes only the latest event of each hour or day of the UTC clock; a raw one takes \
               all.",
        source: RECORDING,
        run: windows,
    },
    Example {
        name: "at most 35 days old",
        says: "The timestamp of an event is within the past 35 days.",
        source: RECORDING_API,
        run: |life| {
            let now = life.world.now;
            assert_eq!([taken(life, now - 35 * DAY), taken(life, now - 35 * DAY - 1)], [200, 400]);
        },
    },
    Example {
        name: "at most 5 minutes ahead",
        says: "The timestamp of an event is no more than 5 minutes in the future.",
        source: RECORDING_API,
        run: |life| {
            let now = life.world.now;
            assert_eq!([taken(life, now + 300), taken(life, now + 301)], [200, 400]);
        },
    },
    Example {
        name: "decimals",
        says: "Values of events may be decimals.",
        source: RECORDING_API,
        run: |life| {
            let (customer, subscription) = tokens(life);
            for value in ["1.25", "2.25"] {
                used(life, &customer, "tokens", value, life.world.now);
            }
            until(life, "2026-02-01");
            assert_eq!(newest(life, &subscription), [350]);
        },
    },
    Example {
        name: "more taken back than used",
        says: "Wrong usage can be set right by negative values; when the whole period is below zero the line has 0.",
        source: RECORDING,
        run: |life| {
            let (customer, subscription) = tokens(life);
            for value in ["5", "-8"] {
                used(life, &customer, "tokens", value, life.world.now);
            }
            until(life, "2026-02-01");
            let line = life.invoice(&subscription)["lines"]["data"][0].clone();
            assert_eq!((number(&line, "amount"), number(&line, "quantity")), (0, 0));
        },
    },
    Example {
        name: "an identifier used twice",
        says: "An identifier is unique within at least 24 hours: the same again in that time is refused.",
        source: EVENT_API,
        run: |life| {
            let (customer, subscription) = tokens(life);
            assert_eq!(named(life, &customer).0, 200);
            life.pass(DAY - 1);
            let (status, message) = named(life, &customer);
            assert_eq!(status, 400);
            assert!(message.contains("identifier_123"), "{message}");
            until(life, "2026-02-01");
            assert_eq!(newest(life, &subscription), [2500], "once");
        },
    },
    Example {
        name: "an event canceled within a day",
        says: "An event can be canceled by its identifier within 24 hours, and then does not count; later it cannot.",
        source: RECORDING,
        run: |life| {
            for (wait, status, billed) in [(DAY - 1, 200, 0), (DAY, 400, 2500)] {
                *life = Life::new();
                let (customer, subscription) = tokens(life);
                named(life, &customer);
                life.pass(wait);
                let cancel = [("type", "cancel"), ("event_name", "tokens"), ("cancel[identifier]", "identifier_123")];
                assert_eq!(life.ask("POST", "/v1/billing/meter_event_adjustments", &cancel).0, status);
                until(life, "2026-02-01");
                assert_eq!(newest(life, &subscription), [billed]);
            }
        },
    },
    Example {
        name: "an event canceled after its invoice",
        says: "Usage that is canceled when its invoice is final already does not change the invoice.",
        source: RECORDING,
        run: |life| {
            let (customer, subscription) = tokens(life);
            until(life, "2026-01-31T23:00:00");
            named(life, &customer);
            until(life, "2026-02-01T02:00:00");
            let cancel = [("type", "cancel"), ("event_name", "tokens"), ("cancel[identifier]", "identifier_123")];
            life.post("/v1/billing/meter_event_adjustments", &cancel);
            life.pass(HOUR);
            let invoice = life.invoice(&subscription);
            assert_eq!((amounts(&invoice), invoice["status"].as_str()), (vec![2500], Some("paid")));
        },
    },
    Example {
        name: "usage while the invoice is a draft",
        says: "Usage of the period that comes in while its invoice is a draft is on it when it becomes final; usage from \
               after the draft was made is on the next one.",
        source: GRACE,
        run: |life| {
            let (customer, subscription) = tokens(life);
            until(life, "2026-02-01T00:30:00");
            used(life, &customer, "tokens", "3", second("2026-01-31"));
            used(life, &customer, "tokens", "4", second("2026-02-01T00:10:00"));
            until(life, "2026-02-01T01:00:00");
            assert_eq!(newest(life, &subscription), [300]);
            until(life, "2026-03-01");
            assert_eq!(newest(life, &subscription), [400]);
        },
    },
    Example {
        name: "summaries by the hour",
        says: "Between 1711584000 and 1711666800, grouped by the hour, 15 used in the hour from 1711659600 and 10 in the \
               hour from 1711656000 are two summaries, the newer first.",
        source: SUMMARY_API,
        run: by_the_hour,
    },
    Example {
        name: "where summaries begin and end",
        says: "Both ends lie on minutes of the UTC clock; the start is in, the end is not.",
        source: SUMMARY_API,
        run: |life| {
            let meter = meter(life, "tokens", "sum");
            let customer = life.customer("pm_card_visa");
            let start = life.world.now;
            used(life, &customer, "tokens", "1", start);
            used(life, &customer, "tokens", "2", start + 60);
            life.pass(HOUR);
            let path = format!("/v1/billing/meters/{meter}/event_summaries");
            let mut ask = |start: i64, end: i64| {
                let (start, end) = (start.to_string(), end.to_string());
                life.ask("GET", &path, &[("customer", &customer), ("start_time", &start), ("end_time", &end)])
            };
            assert_eq!(ask(start, start + 60).1["data"][0]["aggregated_value"], json!(1));
            assert_eq!((ask(start + 1, start + 60).0, ask(start, start + 61).0), (400, 400));
        },
    },
    Example {
        name: "a price that changes in the middle",
        says: "1,000 calls at 0.10 per 100, on January 15 the price becomes 0.15 per 100, then 500 calls: in flexible \
               billing mode 1.00 + 0.75 = 1.75 (classic: 0.75).",
        source: COMPARE,
        run: price_changes,
    },
    Example {
        name: "a metered item taken away",
        says: "In flexible billing mode taking a metered item away bills its usage so far as an invoice item, unless \
               `proration_behavior` is `none`.",
        source: COMPARE,
        run: |life| {
            for (proration, waits) in [("create_prorations", vec![500]), ("none", vec![])] {
                *life = Life::new();
                let (customer, subscription) = tokens(life);
                let flat = price(life, &[("unit_amount", "1000")]);
                update(life, &subscription, &[("items[0][price]", &flat), ("proration_behavior", "none")]);
                used(life, &customer, "tokens", "5", life.world.now);
                life.pass(DAY);
                let item = id(&items(life, &subscription)[0]);
                life.delete(&format!("/v1/subscription_items/{item}"), &[("proration_behavior", proration)]);
                assert_eq!(waiting(life, &customer), waits, "{proration}");
                until(life, "2026-02-01");
                assert_eq!(newest(life, &subscription), [waits, vec![1000]].concat());
            }
        },
    },
    Example {
        name: "a metered item added",
        says: "In flexible billing mode a new metered item makes no line of 0, and no invoice when there is nothing else \
               on it (classic: a line of 0); the invoice of a period has its line, also of 0.",
        source: COMPARE,
        run: |life| {
            let (_, subscription) = tokens(life);
            assert!(invoices(life, &subscription).is_empty());
            let other = meter(life, "calls", "sum");
            let calls = metered(life, &other, &[("unit_amount", "1")]);
            update(life, &subscription, &[("items[0][price]", &calls), ("proration_behavior", "always_invoice")]);
            assert!(invoices(life, &subscription).is_empty());
            until(life, "2026-02-01");
            assert_eq!(newest(life, &subscription), [0, 0]);
        },
    },
    Example {
        name: "storage of two backdated months",
        says: "10 per 10 GB, 100 GB in March and 150 GB in April, backdated to March 1: in flexible billing mode a line of \
               100 and one of 150 (classic: one of 250).",
        source: COMPARE,
        run: backdated_storage,
    },
    Example {
        name: "usage of a period that is cut short",
        says: "When the anchor is set to now, the usage of the period that ends with it is charged.",
        source: CYCLE,
        run: |life| {
            let (customer, subscription) = tokens(life);
            used(life, &customer, "tokens", "5", life.world.now);
            until(life, "2026-01-10");
            update(life, &subscription, &[("billing_cycle_anchor[type]", "now")]);
            assert_eq!(newest(life, &subscription), [500]);
            used(life, &customer, "tokens", "2", life.world.now);
            until(life, "2026-02-10");
            assert_eq!(newest(life, &subscription), [200]);
        },
    },
    Example {
        name: "usage and a fee on one invoice",
        says: "With a fixed and a metered price, an invoice has the usage of the period that ended and the fee of the one \
               that begins.",
        source: "https://docs.stripe.com/billing/subscriptions/quantities",
        run: |life| {
            let (customer, subscription) = subscribed(life, "1000", "month");
            let tokens = meter(life, "tokens", "sum");
            let price = metered(life, &tokens, &[("unit_amount", "100")]);
            update(life, &subscription, &[("items[0][price]", &price)]);
            used(life, &customer, "tokens", "5", life.world.now);
            until(life, "2026-02-01");
            assert_eq!(newest(life, &subscription), [1000, 500]);
        },
    },
];

/// A subscription of 1.00 for each token.
fn tokens(life: &mut Life) -> (String, String) {
    let meter = meter(life, "tokens", "sum");
    let price = metered(life, &meter, &[("unit_amount", "100")]);
    let customer = life.customer("pm_card_visa");
    let subscription = id(&life.subscribe(&customer, &price, &[]));
    (customer, subscription)
}

/// What a meter counted of a customer up to now.
fn summed(life: &mut Life, meter: &str, customer: &str) -> f64 {
    life.pass(60);
    let (start, end) = ((life.world.now - DAY).to_string(), life.world.now.to_string());
    let params = [("customer", customer), ("start_time", start.as_str()), ("end_time", end.as_str())];
    let found = list(life, &format!("/v1/billing/meters/{meter}/event_summaries"), &params);
    found[0]["aggregated_value"].as_f64().expect("a number")
}

/// How an event of this time is answered.
fn taken(life: &mut Life, at: i64) -> u16 {
    let at = at.to_string();
    if list(life, "/v1/billing/meters", &[]).is_empty() {
        meter(life, "tokens", "sum");
    }
    let customer = life.customer("pm_card_visa");
    let params = [
        ("event_name", "tokens"),
        ("payload[stripe_customer_id]", customer.as_str()),
        ("payload[value]", "1"),
        ("timestamp", at.as_str()),
    ];
    life.ask("POST", "/v1/billing/meter_events", &params).0
}

/// Reports 25 tokens under the identifier of the page's example; answers status and message.
fn named(life: &mut Life, customer: &str) -> (u16, String) {
    let params = [
        ("event_name", "tokens"),
        ("payload[stripe_customer_id]", customer),
        ("payload[value]", "25"),
        ("identifier", "identifier_123"),
    ];
    let (status, body) = life.ask("POST", "/v1/billing/meter_events", &params);
    (status, body["error"]["message"].as_str().unwrap_or_default().to_owned())
}

fn windows(life: &mut Life) {
    for (window, total) in [(None, 15.0), (Some("hour"), 14.0), (Some("day"), 8.0)] {
        *life = Life::new();
        let params = [("display_name", "Tokens"), ("event_name", "tokens"), ("default_aggregation[formula]", "sum")];
        let window = window.map(|window| ("event_time_window", window));
        let params: Vec<(&str, &str)> = params.into_iter().chain(window).collect();
        let meter = id(&life.post("/v1/billing/meters", &params));
        let customer = life.customer("pm_card_visa");
        let day = life.world.now;
        for (minute, value) in [(10, "1"), (50, "2"), (70, "4"), (130, "8")] {
            life.until(day + minute * 60);
            used(life, &customer, "tokens", value, life.world.now);
        }
        assert_eq!(summed(life, &meter, &customer), total);
    }
}

fn by_the_hour(life: &mut Life) {
    *life = Life::at(1_711_656_000);
    let meter = meter(life, "ai_search_api", "sum");
    let customer = life.customer("pm_card_visa");
    for (at, value) in [(1_711_656_100, "10"), (1_711_659_700, "7"), (1_711_659_900, "8")] {
        life.until(at);
        used(life, &customer, "ai_search_api", value, at);
    }
    life.until(1_711_666_800);
    let params = [
        ("customer", customer.as_str()),
        ("start_time", "1711584000"),
        ("end_time", "1711666800"),
        ("value_grouping_window", "hour"),
    ];
    let found = list(life, &format!("/v1/billing/meters/{meter}/event_summaries"), &params);
    let rows: Vec<_> = found
        .iter()
        .map(|row| (number(row, "start_time"), number(row, "end_time"), row["aggregated_value"].clone()))
        .collect();
    let expected = [(1_711_659_600, 1_711_663_200, json!(15)), (1_711_656_000, 1_711_659_600, json!(10))];
    assert_eq!(rows, expected);
}

/// A price for packs of 100 calls.
fn hundred(life: &mut Life, meter: &str, cents: &str) -> String {
    let pack = [("unit_amount", cents), ("transform_quantity[divide_by]", "100"), ("transform_quantity[round]", "up")];
    metered(life, meter, &pack)
}

fn price_changes(life: &mut Life) {
    let calls = meter(life, "calls", "sum");
    let (a, b) = (hundred(life, &calls, "10"), hundred(life, &calls, "15"));
    let customer = life.customer("pm_card_visa");
    let subscription = id(&life.subscribe(&customer, &a, &[]));
    until(life, "2026-01-05");
    used(life, &customer, "calls", "1000", life.world.now);
    until(life, "2026-01-15");
    switch(life, &subscription, &b, &[]);
    until(life, "2026-01-20");
    used(life, &customer, "calls", "500", life.world.now);
    until(life, "2026-02-01");
    let invoice = life.invoice(&subscription);
    assert_eq!((amounts(&invoice), number(&invoice, "total")), (vec![100, 75], 175));
}

fn backdated_storage(life: &mut Life) {
    *life = Life::at(second("2026-03-15"));
    let storage = meter(life, "gb", "sum");
    let pack = [("unit_amount", "1000"), ("transform_quantity[divide_by]", "10"), ("transform_quantity[round]", "up")];
    let price = metered(life, &storage, &pack);
    let customer = life.customer("pm_card_visa");
    used(life, &customer, "gb", "100", life.world.now);
    until(life, "2026-04-15");
    used(life, &customer, "gb", "150", life.world.now);
    until(life, "2026-05-01");
    let start = second("2026-03-01").to_string();
    let subscription = id(&life.subscribe(&customer, &price, &[("backdate_start_date", &start)]));
    assert_eq!(newest(life, &subscription), [10_000, 15_000]);
}
