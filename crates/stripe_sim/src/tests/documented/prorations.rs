//! Changes in the middle of a period.

use super::{
    super::life::{DAY, HOUR, Life, id},
    Example,
    story::{
        amounts, begin, break_card, days, invoices, items, newest, number, period, price, second, shown, status,
        subscribed, switch, until, update, waiting,
    },
};

const PRORATIONS: &str = "https://docs.stripe.com/billing/subscriptions/prorations";
const CREDITS: &str = "https://docs.stripe.com/billing/subscriptions/prorations#credit-prorations";
const CHANGE_PRICE: &str = "https://docs.stripe.com/billing/subscriptions/change-price";
const COMPARE: &str = "https://docs.stripe.com/billing/subscriptions/billing-mode/compare";
const CYCLE: &str = "https://docs.stripe.com/billing/subscriptions/billing-cycle";

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        name: "upgrade halfway, billed at once",
        says: "From 10 to 20 a month halfway through the period: -5 for the rest of the old price and +10 for the rest of \
               the new, 5 in all, on an invoice at once with `always_invoice`.",
        source: PRORATIONS,
        run: |life| {
            let (_, subscription) = halfway(life, "1000", "2000", &[("proration_behavior", "always_invoice")]);
            let invoice = life.invoice(&subscription);
            assert_eq!((amounts(&invoice), number(&invoice, "total")), (vec![-500, 1000], 500));
            assert_eq!(invoice["status"], "paid");
        },
    },
    Example {
        name: "upgrade halfway, by default",
        says: "Prorations are created by default but not billed at once: -5 and +10 wait and come onto the next invoice.",
        source: PRORATIONS,
        run: |life| {
            let (customer, subscription) = halfway(life, "1000", "2000", &[]);
            assert_eq!((invoices(life, &subscription).len(), waiting(life, &customer)), (1, vec![-500, 1000]));
            until(life, "2026-05-01");
            assert_eq!(newest(life, &subscription), [-500, 1000, 2000]);
        },
    },
    Example {
        name: "upgrade without proration",
        says: "With `none` nothing is asked or given back; the next invoice has the full new price.",
        source: PRORATIONS,
        run: |life| {
            let (customer, subscription) = halfway(life, "1000", "2000", &[("proration_behavior", "none")]);
            assert!(waiting(life, &customer).is_empty());
            until(life, "2026-05-01");
            assert_eq!(newest(life, &subscription), [2000]);
        },
    },
    Example {
        name: "a credit is part of what was debited",
        says: "10 a month from April 1, on April 11 to 20 without proration, on April 21 back to 10 with `always_invoice`: \
               in flexible billing mode -3.33 and +3.33, an invoice of 0 (classic: -3.34).",
        source: CREDITS,
        run: |life| {
            begin(life, "2026-04-01");
            let (_, subscription) = subscribed(life, "1000", "month");
            let first = items(life, &subscription)[0]["price"]["id"].as_str().expect("a price").to_owned();
            let dearer = life.price("2000", "month");
            until(life, "2026-04-11");
            let before = switch(life, &subscription, &dearer, &[("proration_behavior", "none")]);
            assert_eq!(before["latest_invoice"], invoices(life, &subscription)[0]["id"], "no invoice came of it");
            until(life, "2026-04-21");
            switch(life, &subscription, &first, &[("proration_behavior", "always_invoice")]);
            let invoice = life.invoice(&subscription);
            assert_eq!((amounts(&invoice), number(&invoice, "total")), (vec![-333, 333], 0));
        },
    },
    Example {
        name: "one credit for each debit",
        says: "In flexible billing mode time that was billed by several debits is given back by as many credits, one of \
               each debit.",
        source: COMPARE,
        run: several_debits,
    },
    Example {
        name: "a preview at the proration date",
        says: "A preview with `proration_date` and the change with the same date later have the same amounts.",
        source: PRORATIONS,
        run: previewed,
    },
    Example {
        name: "another quantity",
        says: "A changed quantity is prorated as a changed price is; here from 1 to 2 units of 10 halfway, -5 and +10.",
        source: PRORATIONS,
        run: |life| {
            begin(life, "2026-04-01");
            let (customer, subscription) = subscribed(life, "1000", "month");
            until(life, "2026-04-16");
            let item = id(&items(life, &subscription)[0]);
            life.post(&format!("/v1/subscription_items/{item}"), &[("quantity", "2")]);
            assert_eq!(waiting(life, &customer), [-500, 1000]);
        },
    },
    Example {
        name: "a changed text",
        says: "An update of metadata alone makes no proration, not even with `always_invoice`.",
        source: PRORATIONS,
        run: |life| {
            let (customer, subscription) = subscribed(life, "1000", "month");
            life.pass(10 * DAY);
            update(life, &subscription, &[("metadata[a]", "b"), ("proration_behavior", "always_invoice")]);
            assert_eq!((invoices(life, &subscription).len(), waiting(life, &customer)), (1, vec![]));
        },
    },
    Example {
        name: "time that is not paid is credited all the same",
        says: "Prorations assume that open invoices will be paid: who goes down from the dearer plan gets a credit for \
               time that was never paid.",
        source: PRORATIONS,
        run: |life| {
            begin(life, "2026-03-01");
            let (customer, subscription) = subscribed(life, "2000", "month");
            let cheaper = life.price("1000", "month");
            break_card(life, &customer);
            until(life, "2026-04-16");
            assert_eq!(status(life, &subscription), "past_due");
            switch(life, &subscription, &cheaper, &[]);
            assert_eq!(waiting(life, &customer), [-1000, 500]);
        },
    },
    Example {
        name: "a price without its quantity",
        says: "A new price for an item sets the quantity back to 1 unless the quantity is sent with it.",
        source: CHANGE_PRICE,
        run: |life| {
            let (first, second) = (life.price("1000", "month"), life.price("2000", "month"));
            for (more, quantity) in [(&[] as &[(&str, &str)], 1), (&[("items[0][quantity]", "5")], 5)] {
                let customer = life.customer("pm_card_visa");
                let subscription = id(&life.subscribe(&customer, &first, &[("items[0][quantity]", "5")]));
                switch(life, &subscription, &second, more);
                assert_eq!(items(life, &subscription)[0]["quantity"], quantity);
            }
        },
    },
    Example {
        name: "a price without its item",
        says: "An update with a price but without the item's id adds the price: both are active then.",
        source: CHANGE_PRICE,
        run: |life| {
            let (_, subscription) = subscribed(life, "1000", "month");
            let other = life.price("2000", "month");
            update(life, &subscription, &[("items[0][price]", &other)]);
            assert_eq!(items(life, &subscription).len(), 2);
        },
    },
    Example {
        name: "one item away and another in",
        says: "Instead of a new price for an item, the item can be deleted and another added in one update.",
        source: CHANGE_PRICE,
        run: |life| {
            begin(life, "2026-04-01");
            let (customer, subscription) = subscribed(life, "1000", "month");
            let other = life.price("2000", "month");
            until(life, "2026-04-16");
            let item = id(&items(life, &subscription)[0]);
            let params = [("items[0][id]", item.as_str()), ("items[0][deleted]", "true"), ("items[1][price]", &other)];
            update(life, &subscription, &params);
            let found = items(life, &subscription);
            assert_eq!((found.len(), found[0]["price"]["id"].as_str()), (1, Some(other.as_str())));
            assert_eq!(waiting(life, &customer), [-500, 1000]);
        },
    },
    Example {
        name: "the same interval keeps its dates",
        says: "A change from one monthly price to another does not move the billing dates.",
        source: CHANGE_PRICE,
        run: |life| {
            let (_, subscription) = halfway(life, "1000", "2000", &[]);
            assert_eq!(period(life, &subscription, 0), days("2026-04-01", "2026-05-01"));
        },
    },
    Example {
        name: "another interval keeps the anchor",
        says: "In flexible billing mode the anchor stays when a monthly price becomes a yearly one (classic: it moves to \
               the day of the change).",
        source: CYCLE,
        run: |life| {
            begin(life, "2026-04-01");
            let (_, subscription) = subscribed(life, "1000", "month");
            let yearly = life.price("10000", "year");
            until(life, "2026-04-16");
            let found = switch(life, &subscription, &yearly, &[]);
            assert_eq!(number(&found, "billing_cycle_anchor"), second("2026-04-01"));
            assert_eq!(period(life, &subscription, 0), days("2026-04-01", "2027-04-01"));
        },
    },
    Example {
        name: "from free to paid keeps the anchor",
        says: "In flexible billing mode the anchor stays when a free price becomes a paid one (classic: a new period \
               begins at once).",
        source: COMPARE,
        run: |life| {
            let (customer, subscription) = halfway(life, "0", "2000", &[]);
            assert_eq!(number(&shown(life, &subscription), "billing_cycle_anchor"), second("2026-04-01"));
            assert_eq!(waiting(life, &customer), [1000]);
        },
    },
    Example {
        name: "the anchor set to now",
        says: "`billing_cycle_anchor=now` with `create_prorations` invoices at once: the days that are paid already are \
               given back, and the new period is billed in full.",
        source: CYCLE,
        run: |life| {
            let (_, subscription) = reset(life, "create_prorations");
            assert_eq!(newest(life, &subscription), [-500, 1000]);
            assert_eq!(period(life, &subscription, 0), days("2026-04-16", "2026-05-16"));
        },
    },
    Example {
        name: "the anchor set to now without proration",
        says: "`billing_cycle_anchor=now` without proration overcharges: nothing of the old period is given back.",
        source: CYCLE,
        run: |life| {
            let (_, subscription) = reset(life, "none");
            assert_eq!(newest(life, &subscription), [1000]);
        },
    },
    Example {
        name: "what waits comes onto every invoice",
        says: "In flexible billing mode an invoice that resets the anchor with `always_invoice` has the pending items on \
               it as well (classic: it leaves them out).",
        source: COMPARE,
        run: |life| {
            let (customer, subscription) = halfway(life, "1000", "2000", &[]);
            let params = [("billing_cycle_anchor[type]", "now"), ("proration_behavior", "always_invoice")];
            update(life, &subscription, &params);
            assert_eq!(
                (newest(life, &subscription), waiting(life, &customer)),
                (vec![-500, 1000, -1000, 2000], vec![])
            );
        },
    },
    Example {
        name: "a change whose payment fails",
        says: "When a change is billed at once and the payment fails, the change stands and the subscription is \
               `past_due`.",
        source: CHANGE_PRICE,
        run: |life| {
            begin(life, "2026-04-01");
            let (customer, subscription) = subscribed(life, "1000", "month");
            let dearer = life.price("2000", "month");
            break_card(life, &customer);
            life.pass(HOUR);
            switch(life, &subscription, &dearer, &[("proration_behavior", "always_invoice")]);
            assert_eq!(status(life, &subscription), "past_due");
            assert_eq!(items(life, &subscription)[0]["price"]["unit_amount"], 2000);
        },
    },
];

/// A monthly price becomes another in the middle of April.
fn halfway(life: &mut Life, from: &str, to: &str, more: &[(&str, &str)]) -> (String, String) {
    begin(life, "2026-04-01");
    let (customer, subscription) = subscribed(life, from, "month");
    let to = life.price(to, "month");
    until(life, "2026-04-16");
    switch(life, &subscription, &to, more);
    (customer, subscription)
}

/// The anchor is set to the middle of April.
fn reset(life: &mut Life, proration: &str) -> (String, String) {
    begin(life, "2026-04-01");
    let (customer, subscription) = subscribed(life, "1000", "month");
    until(life, "2026-04-16");
    update(life, &subscription, &[("billing_cycle_anchor[type]", "now"), ("proration_behavior", proration)]);
    assert_eq!(invoices(life, &subscription).len(), 2, "it is invoiced at once");
    (customer, subscription)
}

/// April to the 16th is billed by the first invoice, the rest by a debit of its own; on the 11th all is given back.
fn several_debits(life: &mut Life) {
    begin(life, "2026-04-01");
    let monthly = price(life, &[("unit_amount", "3000")]);
    let customer = life.customer("pm_card_visa");
    let subscription = id(&life.subscribe(&customer, &monthly, &[]));
    update(life, &subscription, &[("cancel_at", &second("2026-04-16").to_string())]);
    update(life, &subscription, &[("cancel_at", &second("2026-04-26").to_string())]);
    assert_eq!(waiting(life, &customer), [-1500, 1000], "half is given back, a third is asked for again");
    update(life, &subscription, &[("cancel_at", &second("2026-04-11").to_string())]);
    assert_eq!(waiting(life, &customer), [-1500, 1000, -500, -1000], "a credit of each debit");
}

fn previewed(life: &mut Life) {
    begin(life, "2026-04-01");
    let (_, subscription) = subscribed(life, "1000", "month");
    let dearer = life.price("3252", "month");
    life.pass(1_234_567);
    let (item, date) = (id(&items(life, &subscription)[0]), life.world.now.to_string());
    let params = [
        ("subscription", subscription.as_str()),
        ("subscription_details[items][0][id]", item.as_str()),
        ("subscription_details[items][0][price]", dearer.as_str()),
        ("subscription_details[proration_behavior]", "always_invoice"),
        ("subscription_details[proration_date]", date.as_str()),
    ];
    let preview = life.post("/v1/invoices/create_preview", &params);
    life.pass(HOUR);
    switch(life, &subscription, &dearer, &[("proration_behavior", "always_invoice"), ("proration_date", &date)]);
    assert_eq!(amounts(&preview), newest(life, &subscription));
}
