//! Schedules: The Pacific, a newspaper, sells print and digital by the month.

use super::{
    super::life::{DAY, HOUR, Life, id},
    Example,
    story::{
        amounts, begin, days, invoices, items, newest, number, period, second, shown, status, subscribed, text, until,
        waiting,
    },
};
use serde_json::Value;

const SCHEDULES: &str = "https://docs.stripe.com/billing/subscriptions/subscription-schedules";
const USES: &str = "https://docs.stripe.com/billing/subscriptions/subscription-schedules#use-cases";
const CANCEL: &str = "https://docs.stripe.com/billing/subscriptions/cancel";
const EVENTS: &str = "https://docs.stripe.com/billing/subscriptions/webhooks";

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        name: "a start in the future",
        says: "A schedule whose `start_date` is the first of the next month has no subscription until then.",
        source: USES,
        run: |life| {
            begin(life, "2023-07-15");
            let start = second("2023-08-01").to_string();
            let schedule = agree(life, &start, "release", &[&["1000"]], &[12], &[]);
            assert_eq!((text(&schedule, "status"), schedule["subscription"].is_null()), ("not_started", true));
            until(life, "2023-08-01");
            let schedule = again(life, &schedule);
            assert_eq!(text(&schedule, "status"), "active");
            let subscription = text(&schedule, "subscription").to_owned();
            assert_eq!(period(life, &subscription, 0), days("2023-08-01", "2023-09-01"));
        },
    },
    Example {
        name: "a start in the past",
        says: "A schedule backdated to the first of the month charges for the time before and begins at once.",
        source: USES,
        run: |life| {
            begin(life, "2023-07-15");
            let start = second("2023-07-01").to_string();
            let (_, subscription) = run(life, &start, "release", &[&["1000"]], &[12], &[]);
            assert_eq!(number(&shown(life, &subscription), "start_date"), second("2023-07-01"));
            assert_eq!(
                (newest(life, &subscription), period(life, &subscription, 0)),
                (vec![1000], days("2023-07-01", "2023-08-01"))
            );
        },
    },
    Example {
        name: "a schedule's first invoice",
        says: "Unlike that of a subscription made directly, the first invoice of a schedule is a draft and becomes final \
               about an hour later.",
        source: SCHEDULES,
        run: |life| {
            let (_, subscription) = run(life, "now", "release", &[&["1000"]], &[12], &[]);
            life.pass(HOUR - 1);
            assert_eq!(life.invoice(&subscription)["status"], "draft");
            life.pass(1);
            assert_eq!(life.invoice(&subscription)["status"], "paid");
        },
    },
    Example {
        name: "print first, then digital too",
        says: "One month of print, then print and digital for 11 more; then the subscription goes on without a schedule.",
        source: USES,
        run: |life| {
            let phases: [&[&str]; 2] = [&["1000"], &["1000", "500"]];
            let (schedule, subscription) = run(life, "now", "release", &phases, &[1, 11], &[]);
            until(life, "2026-02-01");
            assert_eq!(newest(life, &subscription), [1000, 500]);
            until(life, "2027-01-01");
            assert_eq!(
                (text(&again(life, &schedule), "status"), newest(life, &subscription)),
                ("completed", vec![1000, 500])
            );
            let found = shown(life, &subscription);
            assert_eq!((found["status"].as_str(), found["schedule"].is_null()), (Some("active"), true));
        },
    },
    Example {
        name: "both first, then print alone",
        says: "One month of digital and print, then print alone for 11 more.",
        source: USES,
        run: |life| {
            let phases: [&[&str]; 2] = [&["500", "1000"], &["1000"]];
            let (_, subscription) = run(life, "now", "release", &phases, &[1, 11], &[]);
            assert_eq!(newest(life, &subscription), [500, 1000]);
            until(life, "2026-02-01");
            assert_eq!((newest(life, &subscription), items(life, &subscription).len()), (vec![1000], 1));
        },
    },
    Example {
        name: "a downgrade at the end of the period",
        says: "A schedule made from a subscription has one phase, its current period; a second phase with the basic \
               option begins with the next period.",
        source: USES,
        run: downgraded,
    },
    Example {
        name: "one copy, then two",
        says: "One month with quantity 1, then 11 months with quantity 2.",
        source: USES,
        run: |life| {
            let more = [("phases[1][items][0][quantity]", "2")];
            let (_, subscription) = run(life, "now", "release", &[&["1000"], &["1000"]], &[1, 11], &more);
            assert_eq!(newest(life, &subscription), [1000]);
            until(life, "2026-02-01");
            assert_eq!(newest(life, &subscription), [2000]);
        },
    },
    Example {
        name: "a phase in the middle of a period",
        says: "A phase that asks for more than the one before it leaves prorations that wait (`create_prorations`), bills \
               them at once (`always_invoice`) or makes none (`none`).",
        source: SCHEDULES,
        run: |life| {
            for (proration, waits, made) in
                [("create_prorations", vec![-500, 1500], 1), ("always_invoice", vec![], 2), ("none", vec![], 1)]
            {
                begin(life, "2026-04-01");
                let end = second("2026-04-16").to_string();
                let more = [
                    ("phases[0][end_date]", end.as_str()),
                    ("phases[1][items][0][quantity]", "3"),
                    ("phases[1][proration_behavior]", proration),
                ];
                let (schedule, subscription) = run(life, "now", "release", &[&["1000"], &["1000"]], &[0, 11], &more);
                until(life, "2026-04-16");
                assert_eq!(waiting(life, text(&schedule, "customer")), waits, "{proration}");
                assert_eq!(invoices(life, &subscription).len(), made, "{proration}");
                assert_eq!(items(life, &subscription)[0]["quantity"], 3);
            }
        },
    },
    Example {
        name: "a phase that moves the anchor",
        says: "With `billing_cycle_anchor=phase_start` the digital edition is billed when it begins on the 1st; without it \
               billing waits until a full month after the print edition began.",
        source: USES,
        run: |life| {
            for (more, start, next) in [
                (&[("phases[1][billing_cycle_anchor]", "phase_start")] as &[(&str, &str)], "2023-08-01", "2023-09-01"),
                (&[], "2023-07-15", "2023-08-15"),
            ] {
                begin(life, "2023-07-15");
                let end = second("2023-08-01").to_string();
                let more = [&[("phases[0][end_date]", end.as_str())], more].concat();
                let (_, subscription) = run(life, "now", "release", &[&["1000"], &["500"]], &[0, 11], &more);
                until(life, "2023-08-01");
                assert_eq!(period(life, &subscription, 0), days(start, next));
                assert_eq!(number(&life.invoice(&subscription), "created"), second(start));
            }
        },
    },
    Example {
        name: "a printing press in installments",
        says: "1,000 a month for 6 months with `end_behavior=cancel`: 6,000 in all, and then the subscription ends.",
        source: USES,
        run: |life| {
            let (_, subscription) = run(life, "now", "cancel", &[&["100000"]], &[6], &[]);
            until(life, "2026-07-01");
            let paid: Vec<i64> =
                invoices(life, &subscription).iter().map(|invoice| number(invoice, "amount_paid")).collect();
            assert_eq!((paid.len(), paid.iter().sum::<i64>()), (6, 600_000));
            assert_eq!(status(life, &subscription), "canceled");
            life.pass(100 * DAY);
            assert_eq!(invoices(life, &subscription).len(), 6);
        },
    },
    Example {
        name: "a schedule let go",
        says: "Releasing a schedule leaves the subscription in place and takes the schedule and its other phases away.",
        source: USES,
        run: |life| {
            let (schedule, subscription) = run(life, "now", "cancel", &[&["1000"], &["500"]], &[1, 1], &[]);
            life.post(&format!("/v1/subscription_schedules/{}/release", id(&schedule)), &[]);
            until(life, "2026-03-01");
            assert_eq!((newest(life, &subscription), status(life, &subscription)), (vec![1000], "active".into()));
            assert!(shown(life, &subscription)["schedule"].is_null());
        },
    },
    Example {
        name: "a schedule canceled",
        says: "Canceling a schedule cancels its subscription at once.",
        source: SCHEDULES,
        run: |life| {
            let (schedule, subscription) = run(life, "now", "release", &[&["1000"]], &[12], &[]);
            life.post(&format!("/v1/subscription_schedules/{}/cancel", id(&schedule)), &[]);
            assert_eq!(
                (text(&again(life, &schedule), "status"), status(life, &subscription)),
                ("canceled", "canceled".into())
            );
        },
    },
    Example {
        name: "when a schedule's end is announced",
        says: "With `end_behavior=cancel` the subscription's `cancel_at` is the end of the last phase, but only once that \
               phase runs; a phase added behind it takes the date away.",
        source: CANCEL,
        run: announced,
    },
    Example {
        name: "a schedule is about to end",
        says: "`subscription_schedule.expiring` is sent 7 days before a schedule ends.",
        source: EVENTS,
        run: |life| {
            run(life, "now", "release", &[&["1000"]], &[1], &[]);
            until(life, "2026-01-24");
            life.pass(-1 + DAY);
            let seen = life.seen();
            life.pass(1);
            assert!(life.events(&seen).contains(&"subscription_schedule.expiring".into()));
        },
    },
    Example {
        name: "metadata of phases",
        says: "Phase 1 sets channel, region and upsell-products; phase 2 changes channel, adds churn-risk and takes \
               upsell-products away with an empty text; region stays.",
        source: SCHEDULES,
        run: |life| {
            let more = [
                ("phases[0][metadata][channel]", "self-serve"),
                ("phases[0][metadata][region]", "apac"),
                ("phases[0][metadata][upsell-products]", "alpha"),
                ("phases[1][metadata][channel]", "sales"),
                ("phases[1][metadata][churn-risk]", "high"),
                ("phases[1][metadata][upsell-products]", ""),
            ];
            let (_, subscription) = run(life, "now", "release", &[&["1000"], &["1000"]], &[1, 1], &more);
            let first = serde_json::json!({ "channel": "self-serve", "region": "apac", "upsell-products": "alpha" });
            assert_eq!(shown(life, &subscription)["metadata"], first);
            until(life, "2026-02-01");
            let then = serde_json::json!({ "channel": "sales", "region": "apac", "churn-risk": "high" });
            assert_eq!(shown(life, &subscription)["metadata"], then);
        },
    },
];

/// Agrees on a schedule: for each phase the prices, in cents, and for how many months (0 leaves that out). The same
/// amount is the same price.
fn agree(
    life: &mut Life,
    start: &str,
    end_behavior: &str,
    phases: &[&[&str]],
    months: &[u32],
    more: &[(&str, &str)],
) -> Value {
    let customer = life.customer("pm_card_visa");
    let mut params: Vec<(String, String)> = Vec::new();
    let mut known: Vec<(String, String)> = Vec::new();
    for (place, (prices, months)) in phases.iter().zip(months).enumerate() {
        for (item, cents) in prices.iter().enumerate() {
            if !known.iter().any(|(other, _)| other == cents) {
                known.push(((*cents).to_owned(), life.price(cents, "month")));
            }
            let price = known.iter().find(|(other, _)| other == cents).map(|(_, id)| id.clone()).unwrap_or_default();
            params.push((format!("phases[{place}][items][{item}][price]"), price));
        }
        if *months > 0 {
            params.push((format!("phases[{place}][duration][interval]"), "month".into()));
            params.push((format!("phases[{place}][duration][interval_count]"), months.to_string()));
        }
    }
    let own = [("customer", customer.as_str()), ("start_date", start), ("end_behavior", end_behavior)];
    let phases: Vec<(&str, &str)> = params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    life.post("/v1/subscription_schedules", &[&own, phases.as_slice(), more].concat())
}

/// Agrees on a schedule that runs at once; answers it and its subscription.
fn run(
    life: &mut Life,
    start: &str,
    end_behavior: &str,
    phases: &[&[&str]],
    months: &[u32],
    more: &[(&str, &str)],
) -> (Value, String) {
    let schedule = agree(life, start, end_behavior, phases, months, more);
    let subscription = text(&schedule, "subscription").to_owned();
    (schedule, subscription)
}

/// A schedule as it is now.
fn again(life: &mut Life, schedule: &Value) -> Value {
    life.get(&format!("/v1/subscription_schedules/{}", id(schedule)))
}

/// The first phase of a schedule as it stands, as parameters of a change of the schedule.
fn first_phase(schedule: &Value) -> Vec<(&'static str, String)> {
    let phase = &schedule["phases"][0];
    vec![
        ("phases[0][items][0][price]", text(&phase["items"][0], "price").to_owned()),
        ("phases[0][start_date]", number(phase, "start_date").to_string()),
        ("phases[0][end_date]", number(phase, "end_date").to_string()),
    ]
}

/// Changes a schedule: its first phase as it is, and one of this price for a month behind it.
fn and_then(life: &mut Life, schedule: &Value, price: &str) {
    let first = first_phase(schedule);
    let mut params: Vec<(&str, &str)> = first.iter().map(|(name, value)| (*name, value.as_str())).collect();
    params.push(("phases[1][items][0][price]", price));
    params.push(("phases[1][duration][interval]", "month"));
    life.post(&format!("/v1/subscription_schedules/{}", id(schedule)), &params);
}

fn downgraded(life: &mut Life) {
    let (_, subscription) = subscribed(life, "2000", "month");
    let basic = life.price("1000", "month");
    until(life, "2026-01-10");
    let schedule = life.post("/v1/subscription_schedules", &[("from_subscription", &subscription)]);
    let phases = schedule["phases"].as_array().expect("phases");
    let only = (number(&phases[0], "start_date"), number(&phases[0], "end_date"));
    assert_eq!((phases.len(), only), (1, days("2026-01-01", "2026-02-01")));
    and_then(life, &schedule, &basic);
    life.until(second("2026-02-01") - 1);
    assert_eq!(items(life, &subscription)[0]["price"]["unit_amount"], 2000);
    until(life, "2026-02-01");
    let invoice = life.invoice(&subscription);
    assert_eq!(amounts(&invoice), [1000], "nothing is prorated");
}

fn announced(life: &mut Life) {
    let (schedule, subscription) = run(life, "now", "cancel", &[&["1000"], &["500"]], &[1, 1], &[]);
    assert!(shown(life, &subscription)["cancel_at"].is_null());
    until(life, "2026-02-01");
    assert_eq!(number(&shown(life, &subscription), "cancel_at"), second("2026-03-01"));
    let mut now = again(life, &schedule);
    now["phases"] = serde_json::json!([now["phases"][1]]);
    let third = life.price("700", "month");
    and_then(life, &now, &third);
    assert!(shown(life, &subscription)["cancel_at"].is_null());
    until(life, "2026-03-01");
    assert_eq!(number(&shown(life, &subscription), "cancel_at"), second("2026-04-01"));
    until(life, "2026-04-01");
    assert_eq!(status(life, &subscription), "canceled");
}
