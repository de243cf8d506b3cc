//! Trials: how they begin, what they warn of, and what their end costs.

use super::{
    super::life::{DAY, HOUR, Life, id, lines},
    Example,
    story::{
        begin, days, invoices, meter, metered, moneyless, newest, number, pay_by, period, second, shown, status,
        subscribed, until, update, used,
    },
};

const TRIALS: &str = "https://docs.stripe.com/billing/subscriptions/trials";
const CYCLE: &str = "https://docs.stripe.com/billing/subscriptions/billing-cycle";
const COMPARE: &str = "https://docs.stripe.com/billing/subscriptions/billing-mode/compare";
const MIXED: &str = "https://docs.stripe.com/billing/subscriptions/mixed-interval";
const EVENTS: &str = "https://docs.stripe.com/billing/subscriptions/webhooks";
const RESUME: &str = "https://docs.stripe.com/api/subscriptions/resume";

const WARNING: &str = "customer.subscription.trial_will_end";

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        name: "a trial needs nothing to pay with",
        says: "A subscription with `trial_period_days` begins without a payment method, with an invoice of 0 at once.",
        source: TRIALS,
        run: |life| {
            let (_, subscription) = trial(life, 14, None);
            let invoice = life.invoice(&subscription);
            assert_eq!((number(&invoice, "total"), invoice["status"].as_str()), (0, Some("paid")));
            let found = shown(life, &subscription);
            assert_eq!(
                (found["status"].as_str(), number(&found, "trial_end")),
                (Some("trialing"), second("2026-01-15"))
            );
        },
    },
    Example {
        name: "a trial's line",
        says: "In flexible billing mode the line of a trial says `Free trial for 1 x` the product.",
        source: COMPARE,
        run: |life| {
            let (_, subscription) = trial(life, 14, None);
            assert_eq!(lines(&life.invoice(&subscription)), [(0, "Free trial for 1 × Pro".into())]);
        },
    },
    Example {
        name: "the end of a trial",
        says: "At its end a new period begins and an invoice is made; about an hour later it is charged.",
        source: TRIALS,
        run: |life| {
            let (_, subscription) = trial(life, 14, Some("pm_card_visa"));
            until(life, "2026-01-15");
            assert_eq!(period(life, &subscription, 0), days("2026-01-15", "2026-02-15"));
            let invoice = life.invoice(&subscription);
            assert_eq!((invoice["status"].as_str(), number(&invoice, "total")), (Some("draft"), 2000));
            life.pass(HOUR);
            assert_eq!(life.invoice(&subscription)["status"], "paid");
        },
    },
    Example {
        name: "a trial ended early",
        says: "`trial_end=now` ends a trial at once: the new period begins now and is billed.",
        source: TRIALS,
        run: |life| {
            let (_, subscription) = trial(life, 14, Some("pm_card_visa"));
            until(life, "2026-01-05");
            assert_eq!(update(life, &subscription, &[("trial_end", "now")])["status"], "active");
            assert_eq!(period(life, &subscription, 0), days("2026-01-05", "2026-02-05"));
            assert_eq!(newest(life, &subscription), [2000]);
        },
    },
    Example {
        name: "a trial from the 15th, billing on the 1st",
        says: "On the 15th with 7 free days and the anchor at the 1st: a prorated invoice on the 22nd for the time to the \
               1st, then the full amount on the 1st of every month.",
        source: TRIALS,
        run: |life| {
            let subscription = anchored_trial(life, "2026-01-15", "2026-01-22");
            until(life, "2026-01-22");
            assert_eq!(newest(life, &subscription), [1000], "10 of 31 days of 31.00");
            for first in ["2026-02-01", "2026-03-01"] {
                until(life, first);
                assert_eq!(newest(life, &subscription), [3100], "{first}");
            }
        },
    },
    Example {
        name: "a trial from the 28th, billing on the 1st",
        says: "On the 28th the same trial goes past the 1st: the prorated invoice after it runs until the next month.",
        source: CYCLE,
        run: |life| {
            let subscription = anchored_trial(life, "2026-01-28", "2026-02-04");
            until(life, "2026-02-04");
            assert_eq!(period(life, &subscription, 0), days("2026-02-04", "2026-03-01"));
            assert_eq!(newest(life, &subscription), [2768], "25 of 28 days of 31.00");
        },
    },
    Example {
        name: "a trial to move the billing date",
        says: "Billed next on July 23; on July 15 a trial to August 1 without proration: an invoice of 0 on July 15, none \
               on July 23, the full amount on August 1 and on September 1.",
        source: CYCLE,
        run: moved_by_trial,
    },
    Example {
        name: "no payment method: cancel",
        says: "A trial that ends without a payment method and with `missing_payment_method=cancel` cancels the \
               subscription, told by `customer.subscription.deleted`.",
        source: TRIALS,
        run: |life| {
            assert_eq!(unpaid_end(life, "cancel", "customer.subscription.deleted"), ("canceled".into(), 1));
        },
    },
    Example {
        name: "no payment method: pause",
        says: "With `missing_payment_method=pause` it is paused, told by `customer.subscription.paused`, and no invoice \
               is made until it is resumed.",
        source: TRIALS,
        run: |life| assert_eq!(unpaid_end(life, "pause", "customer.subscription.paused"), ("paused".into(), 1)),
    },
    Example {
        name: "no payment method: an invoice",
        says: "With `missing_payment_method=create_invoice` there is an invoice at the end of the trial, and when that is \
               final without a payment method the subscription is `past_due`.",
        source: TRIALS,
        run: |life| assert_eq!(unpaid_end(life, "create_invoice", "invoice.created"), ("past_due".into(), 2)),
    },
    Example {
        name: "a trial's warning",
        says: "`customer.subscription.trial_will_end` is sent three days before a trial ends.",
        source: EVENTS,
        run: |life| {
            trial(life, 14, None);
            let seen = life.seen();
            life.pass(11 * DAY - 1);
            assert!(!life.events(&seen).contains(&WARNING.into()));
            life.pass(1);
            assert!(life.events(&seen).contains(&WARNING.into()));
        },
    },
    Example {
        name: "the warning of a short trial",
        says: "For a trial of less than three days `customer.subscription.trial_will_end` is sent when it begins.",
        source: EVENTS,
        run: |life| {
            trial(life, 2, None);
            life.pass(1);
            assert!(life.events("").contains(&WARNING.into()));
        },
    },
    Example {
        name: "usage in a trial",
        says: "Usage in a trial does not count toward what is charged; usage after it is billed at the end of the period.",
        source: TRIALS,
        run: |life| {
            let (customer, subscription) = metered_trial(life, "create_invoice");
            pay_by(life, &customer, "pm_card_visa");
            used(life, &customer, "tokens", "10", second("2026-01-03"));
            until(life, "2026-01-15");
            assert_eq!(lines(&life.invoice(&subscription)), [(0, "Free trial for 10 × Llama".into())]);
            life.pass(HOUR);
            used(life, &customer, "tokens", "4", second("2026-01-15T00:30:00"));
            until(life, "2026-02-15");
            assert_eq!(newest(life, &subscription), [400]);
        },
    },
    Example {
        name: "usage in a pause",
        says: "Usage while a subscription is paused is not on its invoices; after it is resumed only new usage is.",
        source: TRIALS,
        run: |life| {
            let (customer, subscription) = metered_trial(life, "pause");
            until(life, "2026-01-20");
            used(life, &customer, "tokens", "10", second("2026-01-19"));
            life.pass(HOUR);
            pay_by(life, &customer, "pm_card_visa");
            life.post(&format!("/v1/subscriptions/{subscription}/resume"), &[]);
            life.pass(HOUR);
            used(life, &customer, "tokens", "4", second("2026-01-20T01:30:00"));
            life.pass(32 * DAY);
            assert_eq!(newest(life, &subscription), [400]);
        },
    },
    Example {
        name: "the second trial",
        says: "In flexible billing mode `trial_start` is that of the latest trial (classic: of the first).",
        source: COMPARE,
        run: |life| {
            let (_, subscription) = trial(life, 31, Some("pm_card_visa"));
            until(life, "2026-03-01");
            let april = second("2026-04-01").to_string();
            let found = update(life, &subscription, &[("trial_end", &april), ("proration_behavior", "none")]);
            assert_eq!(number(&found, "trial_start"), second("2026-03-01"));
        },
    },
    Example {
        name: "a trial with an early end of the subscription",
        says: "In flexible billing mode a `cancel_at` before it leaves `trial_end` as it is (classic: it is moved).",
        source: COMPARE,
        run: |life| {
            let (_, subscription) = trial(life, 14, None);
            let found = update(life, &subscription, &[("cancel_at", &second("2026-01-10").to_string())]);
            assert_eq!(number(&found, "trial_end"), second("2026-01-15"));
        },
    },
    Example {
        name: "resumed with the old anchor",
        says: "Paused on February 1, resumed on February 15 with the anchor `unchanged` and no proration: active at once, \
               periods February 1 to March 1 and to April 1, nothing billed before those ends.",
        source: MIXED,
        run: |life| {
            let subscription = paused_pair(life);
            let params = [("billing_cycle_anchor[type]", "unchanged"), ("proration_behavior", "none")];
            let found = life.post(&format!("/v1/subscriptions/{subscription}/resume"), &params);
            assert_eq!(found["status"], "active");
            assert_eq!(period(life, &subscription, 0), days("2026-02-01", "2026-03-01"));
            assert_eq!(period(life, &subscription, 1), days("2026-02-01", "2026-04-01"));
            assert_eq!(invoices(life, &subscription).len(), 1, "only that of the trial");
            until(life, "2026-03-01");
            assert_eq!(newest(life, &subscription), [1000], "the monthly item");
            until(life, "2026-04-01");
            assert_eq!(newest(life, &subscription), [1000, 2000], "both");
        },
    },
    Example {
        name: "resumed with a new anchor",
        says: "Resumed on February 15 with the anchor `now`: periods from February 15 on, an invoice for both items, and \
               the subscription stays paused until that is paid.",
        source: MIXED,
        run: |life| {
            let subscription = paused_pair(life);
            let found = life
                .post(&format!("/v1/subscriptions/{subscription}/resume"), &[("billing_cycle_anchor[type]", "now")]);
            assert_eq!(found["status"], "paused");
            assert_eq!(period(life, &subscription, 0), days("2026-02-15", "2026-03-15"));
            assert_eq!(period(life, &subscription, 1), days("2026-02-15", "2026-04-15"));
            assert_eq!(newest(life, &subscription), [1000, 2000]);
            let invoice = id(&life.invoice(&subscription));
            life.post(&format!("/v1/invoices/{invoice}/pay"), &[]);
            assert_eq!(status(life, &subscription), "active");
        },
    },
    Example {
        name: "resumed but not paid",
        says: "An invoice that resumes a subscription and is not paid in time is void by itself.",
        source: RESUME,
        run: |life| {
            let subscription = paused_pair(life);
            life.post(&format!("/v1/subscriptions/{subscription}/resume"), &[]);
            life.pass(DAY);
            assert_eq!(
                (life.invoice(&subscription)["status"].as_str(), status(life, &subscription).as_str()),
                (Some("void"), "paused")
            );
        },
    },
];

/// A trial from the beginning of 2026, of 20.00 a month.
fn trial(life: &mut Life, length: i64, card: Option<&str>) -> (String, String) {
    let price = life.price("2000", "month");
    let customer = match card {
        Some(card) => life.customer(card),
        None => moneyless(life),
    };
    let length = length.to_string();
    let subscription = life.subscribe(&customer, &price, &[("trial_period_days", &length)]);
    (customer, id(&subscription))
}

/// A trial of 31.00 a month, to be billed on the first of February.
fn anchored_trial(life: &mut Life, start: &str, end: &str) -> String {
    begin(life, start);
    let price = life.price("3100", "month");
    let customer = life.customer("pm_card_visa");
    let (end, anchor) = (second(end).to_string(), second("2026-02-01").to_string());
    id(&life.subscribe(&customer, &price, &[("trial_end", &end), ("billing_cycle_anchor", &anchor)]))
}

fn moved_by_trial(life: &mut Life) {
    begin(life, "2026-06-23");
    let (_, subscription) = subscribed(life, "2000", "month");
    until(life, "2026-07-15");
    let august = second("2026-08-01").to_string();
    update(life, &subscription, &[("trial_end", &august), ("proration_behavior", "none")]);
    let made: Vec<(i64, i64)> = invoices(life, &subscription)
        .iter()
        .map(|invoice| (number(invoice, "created"), number(invoice, "total")))
        .collect();
    assert_eq!(made, [(second("2026-07-15"), 0), (second("2026-06-23"), 2000)]);
    until(life, "2026-07-31");
    assert_eq!(invoices(life, &subscription).len(), 2, "nothing on July 23");
    for (place, first) in (3..).zip(["2026-08-01", "2026-09-01"]) {
        until(life, first);
        assert_eq!((newest(life, &subscription), invoices(life, &subscription).len()), (vec![2000], place));
    }
}

/// A trial ends without a payment method; an hour after it, where the subscription stands and how many invoices it has.
fn unpaid_end(life: &mut Life, then: &str, told: &str) -> (String, usize) {
    let price = life.price("2000", "month");
    let customer = moneyless(life);
    let more = [("trial_period_days", "7"), ("trial_settings[end_behavior][missing_payment_method]", then)];
    let subscription = id(&life.subscribe(&customer, &price, &more));
    life.pass(7 * DAY - 1);
    let seen = life.seen();
    life.pass(HOUR + 1);
    assert!(life.events(&seen).contains(&told.into()), "{told}");
    (status(life, &subscription), invoices(life, &subscription).len())
}

/// A trial of 14 days of a price of 1.00 for each token.
fn metered_trial(life: &mut Life, then: &str) -> (String, String) {
    let tokens = meter(life, "tokens", "sum");
    let price = metered(life, &tokens, &[("unit_amount", "100")]);
    let customer = moneyless(life);
    let more = [("trial_period_days", "14"), ("trial_settings[end_behavior][missing_payment_method]", then)];
    let subscription = id(&life.subscribe(&customer, &price, &more));
    until(life, "2026-01-04");
    (customer, subscription)
}

/// A subscription of an item for one month and one for two, paused when its trial ended on February 1; it is the 15th.
fn paused_pair(life: &mut Life) -> String {
    let monthly = super::story::price(life, &[("unit_amount", "1000")]);
    let every_second = super::story::price(life, &[("unit_amount", "2000"), ("recurring[interval_count]", "2")]);
    let customer = moneyless(life);
    let end = second("2026-02-01").to_string();
    let more = [
        ("items[1][price]", every_second.as_str()),
        ("trial_end", end.as_str()),
        ("trial_settings[end_behavior][missing_payment_method]", "pause"),
    ];
    let subscription = id(&life.subscribe(&customer, &monthly, &more));
    until(life, "2026-02-15");
    assert_eq!(status(life, &subscription), "paused");
    pay_by(life, &customer, "pm_card_visa");
    subscription
}
