//! When periods begin and end: anchors, backdating, prices of several intervals.

use super::{
    super::life::{Life, id},
    Example,
    story::{amounts, begin, days, invoices, items, newest, number, period, second, shown, subscribed, until, update},
};

const CYCLE: &str = "https://docs.stripe.com/billing/subscriptions/billing-cycle";
const BACKDATING: &str = "https://docs.stripe.com/billing/subscriptions/backdating";
const MIXED: &str = "https://docs.stripe.com/billing/subscriptions/mixed-interval";

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        name: "the 2nd of every month",
        says: "A monthly subscription anchored at September 2 bills on the 2nd of each month.",
        source: CYCLE,
        run: |life| turns(life, "month", &["2026-09-02", "2026-10-02", "2026-11-02", "2026-12-02", "2027-01-02"]),
    },
    Example {
        name: "the 31st of every month",
        says: "A monthly subscription anchored at January 31 bills on February 28, then on March 31 and April 30.",
        source: CYCLE,
        run: |life| turns(life, "month", &["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
    },
    Example {
        name: "the 31st in a leap year",
        says: "A monthly subscription anchored at January 31 of a leap year bills on February 29, then on March 31.",
        source: CYCLE,
        run: |life| turns(life, "month", &["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]),
    },
    Example {
        name: "every Friday",
        says: "A weekly subscription anchored at Friday, June 3 bills every Friday after it.",
        source: CYCLE,
        run: |life| turns(life, "week", &["2022-06-03", "2022-06-10", "2022-06-17", "2022-06-24", "2022-07-01"]),
    },
    Example {
        name: "the end of every month",
        says: "`billing_cycle_anchor_config[day_of_month]=31` bills at the end of every month, also of shorter ones.",
        source: CYCLE,
        run: |life| {
            begin(life, "2026-02-10");
            let subscription = anchored(life, "month", "1", &[("billing_cycle_anchor_config[day_of_month]", "31")]);
            let mut found = vec![period(life, &subscription, 0).1];
            for turn in ["2026-02-28", "2026-03-31", "2026-04-30"] {
                until(life, turn);
                found.push(period(life, &subscription, 0).1);
            }
            assert_eq!(found, ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"].map(second));
        },
    },
    Example {
        name: "every first of July",
        says: "A yearly price with `month` 7 and `day_of_month` 1 renews on the first of July.",
        source: CYCLE,
        run: |life| {
            begin(life, "2026-03-05");
            let july =
                [("billing_cycle_anchor_config[month]", "7"), ("billing_cycle_anchor_config[day_of_month]", "1")];
            let subscription = anchored(life, "year", "1", &july);
            assert_eq!(period(life, &subscription, 0).1, second("2026-07-01"));
            until(life, "2026-07-01");
            assert_eq!(period(life, &subscription, 0), days("2026-07-01", "2027-07-01"));
        },
    },
    Example {
        name: "every second month from its end",
        says: "Every two months at day 31, made in February: the anchor is August 31, but the first full invoice comes on \
               February 28, after a prorated beginning.",
        source: CYCLE,
        run: |life| {
            begin(life, "2026-02-14");
            let subscription = anchored(life, "month", "2", &[("billing_cycle_anchor_config[day_of_month]", "31")]);
            assert_eq!(number(&shown(life, &subscription), "billing_cycle_anchor"), second("2026-08-31"));
            assert_eq!(period(life, &subscription, 0), days("2026-02-14", "2026-02-28"));
            assert_eq!(newest(life, &subscription), [1424], "14 of the 59 days from December 31 on, of 60.00");
            until(life, "2026-02-28");
            assert_eq!(period(life, &subscription, 0), days("2026-02-28", "2026-04-30"));
            assert_eq!(newest(life, &subscription), [6000]);
        },
    },
    Example {
        name: "the second of another subscription",
        says: "An anchor of day 15, 12:30:00 lines a new subscription up with one that has the same.",
        source: CYCLE,
        run: |life| {
            begin(life, "2026-03-20T08:09:10");
            let config = [
                ("billing_cycle_anchor_config[day_of_month]", "15"),
                ("billing_cycle_anchor_config[hour]", "12"),
                ("billing_cycle_anchor_config[minute]", "30"),
                ("billing_cycle_anchor_config[second]", "0"),
            ];
            let subscription = anchored(life, "month", "1", &config);
            assert_eq!(period(life, &subscription, 0), days("2026-03-20T08:09:10", "2026-04-15T12:30:00"));
        },
    },
    Example {
        name: "an anchor ahead",
        says: "The time from the creation to the first full period is billed in part, at once.",
        source: CYCLE,
        run: |life| {
            begin(life, "2026-04-16");
            let anchor = second("2026-05-01").to_string();
            let subscription = anchored(life, "month", "1", &[("billing_cycle_anchor", &anchor)]);
            assert_eq!(newest(life, &subscription), [3000], "half of April");
            until(life, "2026-05-01");
            assert_eq!(newest(life, &subscription), [6000]);
        },
    },
    Example {
        name: "an anchor ahead without proration",
        says: "With `proration_behavior=none` the time before the first full period is free, and there is no invoice \
               until that begins.",
        source: CYCLE,
        run: |life| {
            begin(life, "2026-04-16");
            let anchor = second("2026-05-01").to_string();
            let params = [("billing_cycle_anchor", anchor.as_str()), ("proration_behavior", "none")];
            let subscription = anchored(life, "month", "1", &params);
            assert!(invoices(life, &subscription).is_empty());
            until(life, "2026-05-01");
            assert_eq!(newest(life, &subscription), [6000]);
        },
    },
    Example {
        name: "backdated to February 15",
        says: "Billed on the first and backdated to February 15 of a year that is not a leap year: the 14 days to March 1 \
               cost exactly half a month.",
        source: BACKDATING,
        run: |life| assert_eq!(backdated(life, "2026-02-20", "2026-02-15", "2026-03-01"), [3000]),
    },
    Example {
        name: "backdated to January 15",
        says: "Billed on the first and backdated to January 15: the 17 days to February 1 cost 17/31 of a month.",
        source: BACKDATING,
        run: |life| assert_eq!(backdated(life, "2026-01-20", "2026-01-15", "2026-02-01"), [3290]),
    },
    Example {
        name: "backdated with the anchor ahead",
        says: "On October 15 backdated to September 1 with the anchor at November 1: one invoice at once for September 1 \
               to November 1, the next on November 1; in flexible billing mode each period has a line of its own.",
        source: BACKDATING,
        run: |life| {
            assert_eq!(backdated(life, "2026-10-15", "2026-09-01", "2026-11-01"), [6000, 6000]);
            let subscription = id(&super::story::list(life, "/v1/subscriptions", &[])[0]);
            assert_eq!(number(&shown(life, &subscription), "start_date"), second("2026-09-01"));
            until(life, "2026-11-01");
            assert_eq!((newest(life, &subscription), invoices(life, &subscription).len()), (vec![6000], 2));
        },
    },
    Example {
        name: "backdated without charge",
        says: "With `proration_behavior=none` the start date is set back and nothing is charged for the time before.",
        source: BACKDATING,
        run: |life| {
            begin(life, "2026-10-15");
            let (start, anchor) = (second("2026-09-01").to_string(), second("2026-11-01").to_string());
            let params = [
                ("backdate_start_date", start.as_str()),
                ("billing_cycle_anchor", anchor.as_str()),
                ("proration_behavior", "none"),
            ];
            let subscription = anchored(life, "month", "1", &params);
            assert_eq!(number(&shown(life, &subscription), "start_date"), second("2026-09-01"));
            assert!(invoices(life, &subscription).is_empty());
        },
    },
    Example {
        name: "one, two and three months side by side",
        says: "Made on January 1 with items of one, two and three months: their periods end on February 1, March 1 and \
               April 1; after two renewals they are March-April, March-May and January-April.",
        source: MIXED,
        run: side_by_side,
    },
    Example {
        name: "a trial of items of several intervals",
        says: "While a trial runs the periods of all items end with it.",
        source: MIXED,
        run: |life| {
            begin(life, "2026-01-01");
            let trial = second("2026-01-15").to_string();
            let subscription = three(life, &[("trial_end", &trial)]);
            for place in 0..3 {
                assert_eq!(period(life, &subscription, place), days("2026-01-01", "2026-01-15"));
            }
        },
    },
    Example {
        name: "the end of the shortest and of the longest period",
        says: "`min_period_end` and `max_period_end` cancel with the item whose period ends first or last; \
               `cancel_at_period_end` means the first.",
        source: MIXED,
        run: |life| {
            for (params, end) in [
                (("cancel_at", "min_period_end"), "2026-02-01"),
                (("cancel_at", "max_period_end"), "2026-04-01"),
                (("cancel_at_period_end", "true"), "2026-02-01"),
            ] {
                begin(life, "2026-01-01");
                let subscription = three(life, &[]);
                assert_eq!(number(&update(life, &subscription, &[params]), "cancel_at"), second(end));
            }
        },
    },
];

/// A subscription begins on the first day and turns on each of the others.
fn turns(life: &mut Life, interval: &str, boundaries: &[&str]) {
    begin(life, boundaries[0]);
    let (_, subscription) = subscribed(life, "1000", interval);
    for pair in boundaries.windows(2) {
        assert_eq!(period(life, &subscription, 0), days(pair[0], pair[1]));
        until(life, pair[1]);
        assert_eq!(newest(life, &subscription), [1000], "{}", pair[1]);
    }
}

/// A subscription of 60.00 with such an anchor.
fn anchored(life: &mut Life, interval: &str, count: &str, more: &[(&str, &str)]) -> String {
    let every = [("unit_amount", "6000"), ("recurring[interval]", interval), ("recurring[interval_count]", count)];
    let price = super::story::price(life, &every);
    let customer = life.customer("pm_card_visa");
    id(&life.subscribe(&customer, &price, more))
}

/// The first invoice of a backdated subscription of 60.00 a month.
fn backdated(life: &mut Life, now: &str, start: &str, anchor: &str) -> Vec<i64> {
    begin(life, now);
    let (start, anchor) = (second(start).to_string(), second(anchor).to_string());
    let params = [("backdate_start_date", start.as_str()), ("billing_cycle_anchor", anchor.as_str())];
    let subscription = anchored(life, "month", "1", &params);
    let found = invoices(life, &subscription);
    assert_eq!((found.len(), found[0]["status"].as_str()), (1, Some("paid")));
    amounts(&found[0])
}

/// A subscription with items of one, two and three months.
fn three(life: &mut Life, more: &[(&str, &str)]) -> String {
    let prices = ["1", "2", "3"]
        .map(|count| super::story::price(life, &[("unit_amount", "1000"), ("recurring[interval_count]", count)]));
    let customer = life.customer("pm_card_visa");
    let others = [("items[1][price]", prices[1].as_str()), ("items[2][price]", prices[2].as_str())];
    id(&life.subscribe(&customer, &prices[0], &[&others, more].concat()))
}

fn side_by_side(life: &mut Life) {
    begin(life, "2026-01-01");
    let subscription = three(life, &[]);
    let (january, february, march, april, may) = ("2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01");
    for (now, periods, billed) in [
        (january, [(january, february), (january, march), (january, april)], 3),
        (february, [(february, march), (january, march), (january, april)], 1),
        (march, [(march, april), (march, may), (january, april)], 2),
    ] {
        until(life, now);
        let found: Vec<(i64, i64)> = (0..3).map(|place| period(life, &subscription, place)).collect();
        assert_eq!(found, periods.map(|(start, end)| days(start, end)), "{now}");
        assert_eq!(newest(life, &subscription).len(), billed, "{now}");
    }
    assert_eq!(items(life, &subscription).len(), 3);
}
