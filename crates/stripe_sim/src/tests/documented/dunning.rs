//! Payments, and what follows when they fail.

use super::{
    super::life::{DAY, HOUR, Life, id},
    Example,
    story::{
        break_card, invoices, list, moneyless, newest, number, pay_by, second, shown, status, subscribed, text, until,
        update,
    },
};
use serde_json::Value;

const OVERVIEW: &str = "https://docs.stripe.com/billing/subscriptions/overview";
const RETRIES: &str = "https://docs.stripe.com/billing/revenue-recovery/smart-retries";
const TRANSITIONS: &str = "https://docs.stripe.com/invoicing/integration/workflow-transitions";
const PAUSE: &str = "https://docs.stripe.com/billing/subscriptions/pause-payment";
const GRACE: &str = "https://docs.stripe.com/billing/subscriptions/usage-based/configure-grace-period";

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        name: "a first payment that succeeds",
        says: "Payment intent `succeeded`, invoice `paid`, subscription `active`.",
        source: OVERVIEW,
        run: |life| assert_eq!(first_payment(life, "pm_card_visa"), ["succeeded", "paid", "active"]),
    },
    Example {
        name: "a first payment that is declined",
        says: "Payment intent `requires_payment_method`, invoice `open`, subscription `incomplete`.",
        source: OVERVIEW,
        run: |life| {
            let expected = ["requires_payment_method", "open", "incomplete"];
            assert_eq!(first_payment(life, "pm_card_chargeCustomerFail"), expected);
        },
    },
    Example {
        name: "a first payment that needs its payer",
        says: "Payment intent `requires_action`, invoice `open`, subscription `incomplete`.",
        source: OVERVIEW,
        run: |life| {
            let expected = ["requires_action", "open", "incomplete"];
            assert_eq!(first_payment(life, "pm_card_threeDSecure2Required"), expected);
        },
    },
    Example {
        name: "23 hours for the first payment",
        says: "A subscription is `incomplete` and its invoice open for 23 hours; then it is `incomplete_expired`, the \
               invoice void.",
        source: OVERVIEW,
        run: |life| {
            let subscription = incomplete(life);
            life.pass(23 * HOUR - 1);
            assert_eq!(
                (status(life, &subscription).as_str(), &life.invoice(&subscription)["status"]),
                ("incomplete", &"open".into())
            );
            life.pass(1);
            assert_eq!(
                (status(life, &subscription).as_str(), &life.invoice(&subscription)["status"]),
                ("incomplete_expired", &"void".into())
            );
        },
    },
    Example {
        name: "paid within 23 hours",
        says: "When the first invoice is paid in that time the subscription is `active`.",
        source: OVERVIEW,
        run: |life| {
            let subscription = incomplete(life);
            life.pass(22 * HOUR);
            let customer = text(&shown(life, &subscription), "customer").to_owned();
            pay_by(life, &customer, "pm_card_visa");
            let invoice = id(&life.invoice(&subscription));
            life.post(&format!("/v1/invoices/{invoice}/pay"), &[]);
            life.pass(2 * HOUR);
            assert_eq!(status(life, &subscription), "active");
        },
    },
    Example {
        name: "the first invoice taken back",
        says: "Voiding the first invoice of an `incomplete` subscription makes that `incomplete_expired`.",
        source: OVERVIEW,
        run: |life| {
            let subscription = incomplete(life);
            let invoice = id(&life.invoice(&subscription));
            life.post(&format!("/v1/invoices/{invoice}/void"), &[]);
            assert_eq!(status(life, &subscription), "incomplete_expired");
        },
    },
    Example {
        name: "nothing to pay at first",
        says: "With `default_incomplete` a subscription that needs no payment is `active` at once, one that does \
               `incomplete`.",
        source: OVERVIEW,
        run: |life| {
            for (cents, stands) in [("0", "active"), ("2000", "incomplete")] {
                let price = life.price(cents, "month");
                let customer = moneyless(life);
                let subscription = life.subscribe(&customer, &price, &[("payment_behavior", "default_incomplete")]);
                assert_eq!(subscription["status"], stands);
            }
        },
    },
    Example {
        name: "the first invoice and those that follow",
        says: "The first invoice of a subscription that charges automatically is final at once; a renewal's is a draft for \
               an hour.",
        source: GRACE,
        run: |life| {
            let (_, subscription) = subscribed(life, "2000", "month");
            assert_eq!(life.invoice(&subscription)["status"], "paid");
            until(life, "2026-02-01");
            life.pass(HOUR - 1);
            assert_eq!(life.invoice(&subscription)["status"], "draft");
            life.pass(1);
            assert_eq!(life.invoice(&subscription)["status"], "paid");
        },
    },
    Example {
        name: "nobody answers `invoice.created`",
        says: "Without a successful answer to `invoice.created` an invoice becomes final only after 72 hours.",
        source: TRANSITIONS,
        run: |life| {
            let url = ("url", "https://example.com/hook");
            life.post("/v1/webhook_endpoints", &[url, ("enabled_events[0]", "invoice.created")]);
            let (_, subscription) = subscribed(life, "2000", "month");
            assert_eq!(life.invoice(&subscription)["status"], "paid", "a first invoice does not wait");
            until(life, "2026-02-01");
            life.pass(72 * HOUR - 1);
            assert_eq!(life.invoice(&subscription)["status"], "draft");
            life.pass(1);
            assert_eq!(life.invoice(&subscription)["status"], "paid");
        },
    },
    Example {
        name: "a renewal that fails",
        says: "A renewal that fails makes the subscription `past_due`; it goes on making invoices, and paying the latest \
               makes it `active`.",
        source: OVERVIEW,
        run: |life| {
            life.world.settings.after_retries = "past_due".into();
            let (customer, subscription) = past_due(life);
            until(life, "2026-03-02");
            assert_eq!((status(life, &subscription).as_str(), invoices(life, &subscription).len()), ("past_due", 3));
            pay_by(life, &customer, "pm_card_visa");
            let invoice = id(&life.invoice(&subscription));
            life.post(&format!("/v1/invoices/{invoice}/pay"), &[]);
            assert_eq!(status(life, &subscription), "active");
            let open = invoices(life, &subscription).iter().filter(|invoice| invoice["status"] == "open").count();
            assert_eq!(open, 1, "an older invoice may stay open");
        },
    },
    Example {
        name: "an uncollectible renewal",
        says: "Marking the latest invoice of a `past_due` subscription as uncollectible makes that `active`.",
        source: OVERVIEW,
        run: |life| {
            let (_, subscription) = past_due(life);
            let invoice = id(&life.invoice(&subscription));
            life.post(&format!("/v1/invoices/{invoice}/mark_uncollectible"), &[]);
            assert_eq!(status(life, &subscription), "active");
        },
    },
    Example {
        name: "a renewal taken back",
        says: "Voiding the latest invoice lets the one before it decide: when that is paid the subscription is `active`.",
        source: OVERVIEW,
        run: |life| {
            let (_, subscription) = past_due(life);
            let invoice = id(&life.invoice(&subscription));
            life.post(&format!("/v1/invoices/{invoice}/void"), &[]);
            assert_eq!(status(life, &subscription), "active");
        },
    },
    Example {
        name: "attempts",
        says: "Each failed attempt counts in `attempt_count` and is told by `invoice.payment_failed`; \
               `next_payment_attempt` says when the next one is.",
        source: RETRIES,
        run: |life| {
            let (_, subscription) = past_due(life);
            for count in 1..=3 {
                let invoice = life.invoice(&subscription);
                assert_eq!((number(&invoice, "attempt_count"), text(&invoice, "status")), (count, "open"));
                let next = number(&invoice, "next_payment_attempt");
                life.until(next - 1);
                let seen = life.seen();
                life.pass(1);
                assert!(life.events(&seen).contains(&"invoice.payment_failed".into()));
            }
        },
    },
    Example {
        name: "no attempt is left",
        says: "When all attempts failed the subscription becomes `canceled` or `unpaid` or stays `past_due`, as the \
               account is set.",
        source: OVERVIEW,
        run: |life| {
            for (setting, stands) in [("cancel", "canceled"), ("unpaid", "unpaid"), ("past_due", "past_due")] {
                *life = Life::new();
                life.world.settings.after_retries = setting.into();
                let (_, subscription) = past_due(life);
                life.pass(20 * DAY);
                assert_eq!(status(life, &subscription), stands);
                assert!(life.invoice(&subscription)["next_payment_attempt"].is_null());
            }
        },
    },
    Example {
        name: "an unpaid subscription",
        says: "An `unpaid` subscription makes an invoice each period that stays a draft; paying the most recent one makes \
               it `active`.",
        source: OVERVIEW,
        run: |life| {
            life.world.settings.after_retries = "unpaid".into();
            let (customer, subscription) = past_due(life);
            until(life, "2026-03-20");
            let invoice = life.invoice(&subscription);
            assert_eq!((number(&invoice, "created"), text(&invoice, "status")), (second("2026-03-01"), "draft"));
            pay_by(life, &customer, "pm_card_visa");
            life.post(&format!("/v1/invoices/{}/pay", id(&invoice)), &[]);
            assert_eq!(status(life, &subscription), "active");
        },
    },
    Example {
        name: "which card is tried",
        says: "A retry takes the subscription's own payment method before the customer's: a new default of the customer \
               alone does not help.",
        source: RETRIES,
        run: |life| {
            let (customer, subscription) = subscribed(life, "2000", "month");
            let path = "/v1/payment_methods/pm_card_chargeCustomerFail/attach";
            let failing = id(&life.post(path, &[("customer", &customer)]));
            update(life, &subscription, &[("default_payment_method", &failing)]);
            until(life, "2026-02-05");
            assert_eq!(life.invoice(&subscription)["attempt_count"], 2, "the customer's card is good");
            assert_eq!(status(life, &subscription), "past_due");
            let good = shown_customer(life, &customer)["invoice_settings"]["default_payment_method"].clone();
            update(life, &subscription, &[("default_payment_method", good.as_str().expect("a card"))]);
            life.pass(5 * DAY);
            assert_eq!(status(life, &subscription), "active");
        },
    },
    Example {
        name: "collection paused: void",
        says: "With `pause_collection[behavior]=void` invoices are voided and the subscription stays `active`; after \
               `resumes_at` they are collected again.",
        source: PAUSE,
        run: |life| {
            let resumes = second("2026-02-15").to_string();
            let more = [("pause_collection[resumes_at]", resumes.as_str())];
            let (_, subscription) = collection_paused(life, "void", &more);
            assert_eq!(life.invoice(&subscription)["status"], "void");
            until(life, "2026-03-02");
            assert_eq!(life.invoice(&subscription)["status"], "paid");
        },
    },
    Example {
        name: "collection paused: drafts",
        says: "With `keep_as_draft` invoices stay drafts with `auto_advance` off, and no `invoice.upcoming` is sent; set \
               to true later, they are collected.",
        source: PAUSE,
        run: |life| {
            let (_, subscription) = collection_paused(life, "keep_as_draft", &[]);
            let told = life.events("");
            assert!(!told.contains(&"invoice.upcoming".into()), "{told:?}");
            life.pass(20 * DAY);
            let invoice = life.invoice(&subscription);
            assert_eq!((text(&invoice, "status"), invoice["auto_advance"].as_bool()), ("draft", Some(false)));
            update(life, &subscription, &[("pause_collection", "")]);
            life.post(&format!("/v1/invoices/{}", id(&invoice)), &[("auto_advance", "true")]);
            life.pass(DAY);
            assert_eq!(life.invoice(&subscription)["status"], "paid");
        },
    },
    Example {
        name: "collection paused: uncollectible",
        says: "With `mark_uncollectible` an invoice is uncollectible, unless the customer's balance pays all of it: then it \
               is paid.",
        source: PAUSE,
        run: |life| {
            let (customer, subscription) = collection_paused(life, "mark_uncollectible", &[]);
            assert_eq!(life.invoice(&subscription)["status"], "uncollectible");
            let credit = [("amount", "-5000"), ("currency", "usd")];
            life.post(&format!("/v1/customers/{customer}/balance_transactions"), &credit);
            until(life, "2026-03-02");
            assert_eq!(
                (life.invoice(&subscription)["status"].as_str(), newest(life, &subscription)),
                (Some("paid"), vec![2000])
            );
        },
    },
];

/// Where the payment intent, the invoice and the subscription stand after a first payment by this card.
fn first_payment(life: &mut Life, card: &str) -> [String; 3] {
    let price = life.price("2000", "month");
    let customer = life.customer(card);
    let subscription = id(&life.subscribe(&customer, &price, &[]));
    let invoice = life.invoice(&subscription);
    let payments = list(life, "/v1/invoice_payments", &[("invoice", &id(&invoice))]);
    let intent = text(&payments[0]["payment"], "payment_intent").to_owned();
    let intent = life.get(&format!("/v1/payment_intents/{intent}"));
    [text(&intent, "status").into(), text(&invoice, "status").into(), status(life, &subscription)]
}

/// A subscription whose first payment was declined.
fn incomplete(life: &mut Life) -> String {
    let price = life.price("2000", "month");
    let customer = life.customer("pm_card_chargeCustomerFail");
    id(&life.subscribe(&customer, &price, &[]))
}

/// A subscription whose first renewal just failed.
fn past_due(life: &mut Life) -> (String, String) {
    let (customer, subscription) = subscribed(life, "2000", "month");
    break_card(life, &customer);
    until(life, "2026-02-01");
    life.pass(HOUR);
    assert_eq!(status(life, &subscription), "past_due");
    (customer, subscription)
}

/// A subscription whose collection is paused; its first renewal would have been collected by now.
fn collection_paused(life: &mut Life, behavior: &str, more: &[(&str, &str)]) -> (String, String) {
    let (customer, subscription) = subscribed(life, "2000", "month");
    update(life, &subscription, &[&[("pause_collection[behavior]", behavior)], more].concat());
    until(life, "2026-02-02");
    assert_eq!(status(life, &subscription), "active");
    (customer, subscription)
}

fn shown_customer(life: &mut Life, customer: &str) -> Value {
    life.get(&format!("/v1/customers/{customer}"))
}
