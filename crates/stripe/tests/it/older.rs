//! Objects written by versions of before 2025 are refused, by the name of what is not where it belongs.
//!
//! Each line is made from Stripe's published example of today by moving one thing back to where it stood.

use crate::shapes::{WhyNot, fixture, why_not};
use purser_stripe::objects::{Charge, Invoice, InvoiceLine, PaymentIntent, Subscription, SubscriptionItem};
use serde_json::{Value, json};

/// Takes the fields at `gone` out of `object` and puts `were` where they stood before.
fn moved_back(mut object: Value, gone: &[&str], were: &[(&str, Value)]) -> Value {
    for path in gone {
        let (parent, field) = path.rsplit_once('/').expect("a pointer");
        let parent = object.pointer_mut(parent).and_then(Value::as_object_mut).unwrap_or_else(|| panic!("{path}"));
        assert!(parent.remove(field).is_some(), "there is no {path}");
    }
    for (field, value) in were {
        object[*field] = value.clone();
    }
    object
}

/// What it is; what reads it; what is gone from it; what stood there instead; what is missed.
type Line<'a> = (&'a str, WhyNot, Vec<&'a str>, Vec<(&'a str, Value)>, &'a str);

/// Each line must be refused by the name of what is missed.
fn refused(table: Vec<Line<'_>>) {
    for (name, why_not, gone, were, missed) in table {
        assert_eq!(why_not(&fixture(name)), None, "{name} of today");
        let older = moved_back(fixture(name), &gone, &were);
        let why = why_not(&older).unwrap_or_else(|| panic!("{name} without {gone:?} is not refused"));
        assert!(why.contains(missed), "{name} without {gone:?}: {why}");
    }
}

#[test]
fn subscriptions_of_before_2025_are_refused_by_name() {
    let line = "/items/data/0";
    let at = |field: &str| format!("{line}/{field}");
    let (start, end, price) = (at("current_period_start"), at("current_period_end"), at("price"));
    refused(vec![
        (
            "subscription",
            why_not::<Subscription>,
            vec![&start, &end],
            vec![("current_period_start", json!(1)), ("current_period_end", json!(2))],
            "missing field `current_period_start`",
        ),
        (
            "subscription",
            why_not::<Subscription>,
            vec![&end],
            vec![("current_period_end", json!(2))],
            "missing field `current_period_end`",
        ),
        ("subscription", why_not::<Subscription>, vec!["/billing_mode"], vec![], "missing field `billing_mode`"),
        (
            "subscription",
            why_not::<Subscription>,
            vec![&price],
            vec![("plan", json!({ "id": "plan_1" })), ("quantity", json!(1))],
            "missing field `price`",
        ),
        (
            "subscription_item",
            why_not::<SubscriptionItem>,
            vec!["/current_period_end", "/current_period_start"],
            vec![],
            "missing field `current_period_start`",
        ),
    ]);
}

#[test]
fn invoices_and_payments_of_before_2025_are_refused_by_name() {
    refused(vec![
        (
            "invoice",
            why_not::<Invoice>,
            vec!["/parent"],
            vec![("subscription", json!("sub_1")), ("subscription_details", json!({ "metadata": {} }))],
            "missing field `parent`",
        ),
        (
            "invoice",
            why_not::<Invoice>,
            vec!["/parent"],
            vec![
                ("paid", json!(true)),
                ("paid_out_of_band", json!(false)),
                ("charge", json!("ch_1")),
                ("payment_intent", json!("pi_1")),
            ],
            "missing field `parent`",
        ),
        ("invoice", why_not::<Invoice>, vec!["/status"], vec![("paid", json!(true))], "missing field `status`"),
        (
            "line_item",
            why_not::<InvoiceLine>,
            vec!["/parent"],
            vec![
                ("type", json!("subscription")),
                ("subscription", json!("sub_1")),
                ("subscription_item", json!("si_1")),
                ("proration", json!(false)),
                ("invoice_item", json!("ii_1")),
            ],
            "missing field `parent`",
        ),
        (
            "line_item",
            why_not::<InvoiceLine>,
            vec!["/pricing"],
            vec![("price", json!({ "id": "price_1", "object": "price" })), ("plan", json!({ "id": "plan_1" }))],
            "missing field `pricing`",
        ),
        ("charge", why_not::<Charge>, vec![], vec![("invoice", json!("in_1"))], "none of this version"),
        ("charge", why_not::<Charge>, vec![], vec![("invoice", Value::Null)], "none of this version"),
        ("payment_intent", why_not::<PaymentIntent>, vec![], vec![("invoice", json!("in_1"))], "none of this version"),
    ]);
}

#[test]
fn the_place_is_named_however_deep() {
    let whole = moved_back(fixture("subscription"), &["/items/data/0/current_period_end"], &[]);
    let list = json!({ "object": "list", "data": [fixture("subscription"), whole], "has_more": false, "url": "/v1/x" });
    let event = json!({ "id": "evt_1", "object": "event", "type": "customer.subscription.updated", "created": 1,
        "api_version": "2024-06-20", "livemode": false, "request": null,
        "data": { "object": list["data"][1] } });
    let Ok(purser_stripe::webhook::Notification::Snapshot(event)) =
        purser_stripe::webhook::read(event.to_string().as_bytes())
    else {
        panic!("no event")
    };
    let fault = event.object::<Subscription>().expect_err("an older one");
    assert_eq!(fault.at, "items.data[0]");
    assert!(fault.why.contains("missing field `current_period_end`"), "{fault}");
    assert_eq!(event.api_version.as_deref(), Some("2024-06-20"), "which says why");
}
