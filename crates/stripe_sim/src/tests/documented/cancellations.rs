//! How subscriptions end.

use super::{
    super::life::{DAY, HOUR, Life, id},
    Example,
    story::{
        amounts, begin, break_card, invoices, list, meter, metered, newest, number, period, second, shown, status,
        subscribed, switch, text, until, update, used, waiting,
    },
};

const CANCEL: &str = "https://docs.stripe.com/billing/subscriptions/cancel";
const USAGE: &str = "https://docs.stripe.com/billing/subscriptions/usage-based/manage-billing-setup";
const OVERVIEW: &str = "https://docs.stripe.com/billing/subscriptions/overview";

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        name: "canceled at once",
        says: "By default a cancellation is immediate, is told by `customer.subscription.deleted`, and no invoices are \
               made any more.",
        source: CANCEL,
        run: |life| {
            let (_, subscription) = subscribed(life, "2000", "month");
            life.pass(DAY);
            let seen = life.seen();
            life.delete(&format!("/v1/subscriptions/{subscription}"), &[]);
            assert_eq!(life.events(&seen), ["customer.subscription.deleted"]);
            life.pass(100 * DAY);
            assert_eq!((invoices(life, &subscription).len(), status(life, &subscription).as_str()), (1, "canceled"));
        },
    },
    Example {
        name: "what can still be said of a canceled subscription",
        says: "After it is canceled only its metadata and `cancellation_details` can be changed; it cannot be reactivated.",
        source: CANCEL,
        run: |life| {
            let (_, subscription) = subscribed(life, "2000", "month");
            let path = format!("/v1/subscriptions/{subscription}");
            life.delete(&path, &[]);
            let found =
                update(life, &subscription, &[("metadata[why]", "moved"), ("cancellation_details[comment]", "x")]);
            assert_eq!(
                (&found["metadata"]["why"], &found["cancellation_details"]["comment"]),
                (&"moved".into(), &"x".into())
            );
            assert_eq!(life.refused(&path, &[("cancel_at_period_end", "false")]).0, 400);
        },
    },
    Example {
        name: "canceled with the period",
        says: "With `cancel_at_period_end` a subscription runs for the time that is paid; setting it is told by \
               `customer.subscription.updated`, the end by `customer.subscription.deleted`.",
        source: CANCEL,
        run: |life| {
            let (_, subscription) = subscribed(life, "2000", "month");
            let seen = life.seen();
            let found = update(life, &subscription, &[("cancel_at_period_end", "true")]);
            assert_eq!(life.events(&seen), ["customer.subscription.updated"]);
            assert_eq!((text(&found, "status"), number(&found, "cancel_at")), ("active", second("2026-02-01")));
            life.until(second("2026-02-01") - 1);
            let seen = life.seen();
            life.pass(1);
            assert_eq!(life.events(&seen), ["customer.subscription.deleted"]);
            assert_eq!(invoices(life, &subscription).len(), 1);
        },
    },
    Example {
        name: "taken back before the period ends",
        says: "`cancel_at_period_end=false` stops it at any time up to the end of the period.",
        source: CANCEL,
        run: |life| {
            let (_, subscription) = subscribed(life, "2000", "month");
            update(life, &subscription, &[("cancel_at_period_end", "true")]);
            life.until(second("2026-02-01") - 1);
            let found = update(life, &subscription, &[("cancel_at_period_end", "false")]);
            assert!(found["cancel_at"].is_null() && found["canceled_at"].is_null());
            life.pass(1);
            assert_eq!((status(life, &subscription).as_str(), newest(life, &subscription)), ("active", vec![2000]));
        },
    },
    Example {
        name: "half of a year's renewal",
        says: "120 a year, renewing on January 1, 2024, to end on July 1, 2024: the invoice of January 1 is 60 (59.67 by \
               the second: 182 of 366 days) and the period ends on July 1.",
        source: CANCEL,
        run: |life| {
            let (_, subscription) = year_to_july(life);
            assert_eq!(newest(life, &subscription), [5967]);
            assert_eq!(period(life, &subscription, 0).1, second("2024-07-01"));
        },
    },
    Example {
        name: "a later end within the period",
        says: "On February 15 the end moves from July 1 to October 1: the period ends on October 1, and the quarter more \
               is prorated at 30 (30.16 by the second).",
        source: CANCEL,
        run: |life| {
            let (customer, subscription) = year_to_july(life);
            until(life, "2024-02-15");
            update(life, &subscription, &[("cancel_at", &second("2024-10-01").to_string())]);
            assert_eq!(waiting(life, &customer), [3016]);
            assert_eq!(period(life, &subscription, 0).1, second("2024-10-01"));
            until(life, "2024-10-01");
            assert_eq!((newest(life, &subscription), status(life, &subscription).as_str()), (vec![3016], "canceled"));
        },
    },
    Example {
        name: "a later end, billed at once",
        says: "With `always_invoice` those prorations are invoiced at once instead of on October 1.",
        source: CANCEL,
        run: |life| {
            let (_, subscription) = year_to_july(life);
            until(life, "2024-02-15");
            let october = second("2024-10-01").to_string();
            update(life, &subscription, &[("cancel_at", &october), ("proration_behavior", "always_invoice")]);
            let invoice = life.invoice(&subscription);
            assert_eq!((amounts(&invoice), invoice["status"].as_str()), (vec![3016], Some("paid")));
        },
    },
    Example {
        name: "an earlier end within the period",
        says: "On February 15 the end moves from July 1 to April 1: the period ends on April 1, and the time to July 1 is \
               given back at 30 (29.84 by the second).",
        source: CANCEL,
        run: |life| {
            let (customer, subscription) = year_to_july(life);
            until(life, "2024-02-15");
            update(life, &subscription, &[("cancel_at", &second("2024-04-01").to_string())]);
            assert_eq!(waiting(life, &customer), [-2984]);
            assert_eq!(period(life, &subscription, 0).1, second("2024-04-01"));
        },
    },
    Example {
        name: "no end any more",
        says: "Taking the date away within the period gives the period its own end again, with prorations.",
        source: CANCEL,
        run: |life| {
            let (customer, subscription) = year_to_july(life);
            until(life, "2024-02-15");
            update(life, &subscription, &[("cancel_at", "")]);
            assert_eq!(period(life, &subscription, 0).1, second("2025-01-01"));
            assert_eq!(waiting(life, &customer), [6033], "the other 184 of 366 days");
        },
    },
    Example {
        name: "an end without proration",
        says: "`proration_behavior=none` with a date in the current period makes no credit.",
        source: CANCEL,
        run: |life| {
            let (customer, subscription) = subscribed(life, "2000", "month");
            let params = [("cancel_at", &*second("2026-01-16").to_string()), ("proration_behavior", "none")];
            update(life, &subscription, &params);
            until(life, "2026-01-16");
            assert_eq!((waiting(life, &customer), status(life, &subscription).as_str()), (vec![], "canceled"));
        },
    },
    Example {
        name: "the rest given back",
        says: "With `prorate` and `invoice_now` the credit for the rest of the period goes to the customer's balance.",
        source: CANCEL,
        run: |life| {
            begin(life, "2026-04-01");
            let (customer, subscription) = subscribed(life, "2000", "month");
            until(life, "2026-04-16");
            let path = format!("/v1/subscriptions/{subscription}");
            life.delete(&path, &[("prorate", "true"), ("invoice_now", "true")]);
            assert_eq!(number(&life.get(&format!("/v1/customers/{customer}")), "balance"), -1000);
        },
    },
    Example {
        name: "usage when canceled at once",
        says: "An immediate cancellation drops usage unless it is prorated; with `prorate` and `invoice_now` the usage is on \
               a final invoice at once.",
        source: CANCEL,
        run: |life| {
            for (asked, billed) in [("false", vec![]), ("true", vec![500])] {
                *life = Life::new();
                let (_, subscription) = tokens(life);
                let params = [("prorate", asked), ("invoice_now", asked)];
                life.delete(&format!("/v1/subscriptions/{subscription}"), &params);
                life.pass(60 * DAY);
                let found: Vec<i64> = invoices(life, &subscription).iter().flat_map(amounts).collect();
                assert_eq!(found, billed, "{asked}");
            }
        },
    },
    Example {
        name: "usage when canceled with the period",
        says: "The last invoice has the usage of the last period, with `auto_advance` off; set to true, it is collected.",
        source: USAGE,
        run: |life| {
            let (_, subscription) = tokens(life);
            update(life, &subscription, &[("cancel_at_period_end", "true")]);
            until(life, "2026-02-02");
            let invoice = life.invoice(&subscription);
            assert_eq!((amounts(&invoice), invoice["auto_advance"].as_bool()), (vec![500], Some(false)));
            life.post(&format!("/v1/invoices/{}", id(&invoice)), &[("auto_advance", "true")]);
            life.pass(DAY);
            assert_eq!(life.invoice(&subscription)["status"], "paid");
        },
    },
    Example {
        name: "prorations when canceled with the period",
        says: "Pending prorations stay when a subscription is to end with its period, and are billed at its end.",
        source: CANCEL,
        run: |life| {
            let (customer, subscription) = upgraded(life);
            update(life, &subscription, &[("cancel_at_period_end", "true")]);
            assert_eq!(waiting(life, &customer), [-500, 1000]);
            until(life, "2026-05-01");
            assert_eq!((newest(life, &subscription), waiting(life, &customer)), (vec![-500, 1000], vec![]));
        },
    },
    Example {
        name: "prorations when canceled before",
        says: "Pending items of a subscription that is canceled before its period ends remain and are not billed unless an \
               invoice is made for them.",
        source: CANCEL,
        run: |life| {
            let (customer, subscription) = upgraded(life);
            life.delete(&format!("/v1/subscriptions/{subscription}"), &[]);
            until(life, "2026-06-01");
            assert_eq!((waiting(life, &customer), invoices(life, &subscription).len()), (vec![-500, 1000], 1));
            let params = [("customer", customer.as_str()), ("pending_invoice_items_behavior", "include")];
            assert_eq!(amounts(&life.post("/v1/invoices", &params)), [-500, 1000]);
        },
    },
    Example {
        name: "open invoices of a canceled subscription",
        says: "Canceling sets `auto_advance` of all open and draft invoices to false: nobody tries them any more.",
        source: OVERVIEW,
        run: |life| {
            let (customer, subscription) = subscribed(life, "2000", "month");
            break_card(life, &customer);
            until(life, "2026-02-01");
            life.pass(HOUR);
            assert_eq!(
                (life.invoice(&subscription)["auto_advance"].as_bool(), status(life, &subscription)),
                (Some(true), "past_due".into())
            );
            life.delete(&format!("/v1/subscriptions/{subscription}"), &[]);
            assert_eq!(life.invoice(&subscription)["auto_advance"], false);
            life.pass(60 * DAY);
            assert_eq!(life.invoice(&subscription)["attempt_count"], 1);
        },
    },
];

/// 120.00 a year from January 1, 2023, to be canceled on July 1, 2024; it is January 1, 2024.
fn year_to_july(life: &mut Life) -> (String, String) {
    begin(life, "2023-01-01");
    let (customer, subscription) = subscribed(life, "12000", "year");
    until(life, "2023-03-01");
    let found = update(life, &subscription, &[("cancel_at", &second("2024-07-01").to_string())]);
    assert_eq!(found["cancel_at_period_end"], false);
    assert_eq!(period(life, &subscription, 0).1, second("2024-01-01"), "the running year is not touched");
    until(life, "2024-01-01");
    (customer, subscription)
}

/// A subscription of 1.00 for each token, of which five are used in January; it is the 10th.
fn tokens(life: &mut Life) -> (String, String) {
    let tokens = meter(life, "tokens", "sum");
    let price = metered(life, &tokens, &[("unit_amount", "100")]);
    let customer = life.customer("pm_card_visa");
    let subscription = id(&life.subscribe(&customer, &price, &[]));
    until(life, "2026-01-10");
    used(life, &customer, "tokens", "5", second("2026-01-09"));
    life.pass(HOUR);
    assert!(list(life, "/v1/invoices", &[]).is_empty());
    (customer, subscription)
}

/// From 10 to 20 a month in the middle of April.
fn upgraded(life: &mut Life) -> (String, String) {
    begin(life, "2026-04-01");
    let (customer, subscription) = subscribed(life, "1000", "month");
    let dearer = life.price("2000", "month");
    until(life, "2026-04-16");
    switch(life, &subscription, &dearer, &[]);
    assert_eq!(shown(life, &subscription)["status"], "active");
    (customer, subscription)
}
