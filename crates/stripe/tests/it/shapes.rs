//! Stripe's published examples are read: objects, lists, errors, and events of each type that Purser acts on.
//!
//! `fixtures.json` holds the published examples of the objects Purser reads, from github.com/stripe/openapi of
//! 2026-07-29 (MIT licence, copyright Stripe).

use crate::contract::contract;
use purser_stripe::{
    List,
    objects::{
        Charge, CheckoutSession, Customer, Deleted, Dispute, Entitlement, EntitlementSummary, Expandable, HasId,
        Invoice, InvoiceItem, InvoiceLine, InvoicePayment, Meter, MeterEvent, MeterEventAdjustment, MeterEventSummary,
        OrDeleted, PaymentIntent, PaymentMethod, PortalConfiguration, PortalSession, Price, Product, Refund,
        SessionItem, SetupIntent, Subscription, SubscriptionItem, SubscriptionSchedule, WebhookEndpoint,
    },
    webhook::{Event, Notification, read},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Stripe's published example of the object `name`.
pub fn fixture(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("fixtures.json")).expect("JSON");
    all.get(name).unwrap_or_else(|| panic!("no fixture {name}")).clone()
}

/// Why `value` is no `T`, or nothing.
pub fn why_not<T: DeserializeOwned>(value: &Value) -> Option<String> {
    serde_json::from_str::<T>(&value.to_string()).err().map(|error| error.to_string())
}

/// Says why a value is not what is wanted, or nothing.
pub type WhyNot = fn(&Value) -> Option<String>;

/// Every object the client reads, by the name of its schema.
pub const OBJECTS: &[(&str, WhyNot)] = &[
    ("billing.meter", why_not::<Meter>),
    ("billing.meter_event", why_not::<MeterEvent>),
    ("billing.meter_event_adjustment", why_not::<MeterEventAdjustment>),
    ("billing.meter_event_summary", why_not::<MeterEventSummary>),
    ("billing_portal.configuration", why_not::<PortalConfiguration>),
    ("billing_portal.session", why_not::<PortalSession>),
    ("charge", why_not::<Charge>),
    ("checkout.session", why_not::<CheckoutSession>),
    ("customer", why_not::<Customer>),
    ("deleted_customer", why_not::<Deleted>),
    ("deleted_invoice", why_not::<Deleted>),
    ("deleted_price", why_not::<Deleted>),
    ("deleted_product", why_not::<Deleted>),
    ("deleted_subscription_item", why_not::<Deleted>),
    ("deleted_webhook_endpoint", why_not::<Deleted>),
    ("dispute", why_not::<Dispute>),
    ("entitlements.active_entitlement", why_not::<Entitlement>),
    ("entitlements.active_entitlement_summary", why_not::<EntitlementSummary>),
    ("event", why_not::<Event>),
    ("invoice", why_not::<Invoice>),
    ("invoice_payment", why_not::<InvoicePayment>),
    ("invoiceitem", why_not::<InvoiceItem>),
    ("item", why_not::<SessionItem>),
    ("line_item", why_not::<InvoiceLine>),
    ("payment_intent", why_not::<PaymentIntent>),
    ("payment_method", why_not::<PaymentMethod>),
    ("price", why_not::<Price>),
    ("product", why_not::<Product>),
    ("refund", why_not::<Refund>),
    ("setup_intent", why_not::<SetupIntent>),
    ("subscription", why_not::<Subscription>),
    ("subscription_item", why_not::<SubscriptionItem>),
    ("subscription_schedule", why_not::<SubscriptionSchedule>),
    ("webhook_endpoint", why_not::<WebhookEndpoint>),
];

#[test]
fn published_examples_are_read_alone_and_in_lists() {
    for (name, why_not) in OBJECTS {
        assert_eq!(why_not(&fixture(name)), None, "{name}");
    }
    let all: Value = serde_json::from_str(include_str!("fixtures.json")).expect("JSON");
    for name in all.as_object().expect("an object").keys() {
        assert!(OBJECTS.iter().any(|(known, _)| known == name), "{name} is read by no test");
    }
    let list = json!({ "object": "list", "data": [fixture("price"), fixture("price")], "has_more": true, "url": "/v1/prices" });
    assert_eq!(why_not::<List<Price>>(&list), None);
    for field in ["data", "has_more", "url"] {
        let mut short = list.clone();
        short.as_object_mut().expect("an object").remove(field);
        let why = why_not::<List<Price>>(&short).expect("not a list");
        assert!(why.contains(&format!("missing field `{field}`")), "{why}");
    }
}

/// The types of events that Purser acts on, with the object each carries.
const EVENTS: &[(&str, &[&str], WhyNot)] = &[
    (
        "subscription",
        &[
            "customer.subscription.created",
            "customer.subscription.updated",
            "customer.subscription.deleted",
            "customer.subscription.paused",
            "customer.subscription.resumed",
            "customer.subscription.trial_will_end",
        ],
        why_not::<Subscription>,
    ),
    (
        "invoice",
        &[
            "invoice.paid",
            "invoice.payment_succeeded",
            "invoice.payment_failed",
            "invoice.payment_action_required",
            "invoice.finalized",
            "invoice.voided",
            "invoice.marked_uncollectible",
            "invoice.upcoming",
            "invoice.created",
        ],
        why_not::<Invoice>,
    ),
    (
        "checkout.session",
        &[
            "checkout.session.completed",
            "checkout.session.async_payment_succeeded",
            "checkout.session.async_payment_failed",
            "checkout.session.expired",
        ],
        why_not::<CheckoutSession>,
    ),
    ("refund", &["refund.created", "refund.updated", "refund.failed"], why_not::<Refund>),
    ("charge", &["charge.refunded"], why_not::<Charge>),
    (
        "dispute",
        &[
            "charge.dispute.created",
            "charge.dispute.updated",
            "charge.dispute.closed",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.funds_reinstated",
        ],
        why_not::<Dispute>,
    ),
    ("customer", &["customer.updated", "customer.deleted"], why_not::<Customer>),
    (
        "payment_method",
        &["payment_method.attached", "payment_method.detached", "payment_method.updated"],
        why_not::<PaymentMethod>,
    ),
    (
        "entitlements.active_entitlement_summary",
        &["entitlements.active_entitlement_summary.updated"],
        why_not::<EntitlementSummary>,
    ),
];

#[test]
fn events_of_each_type_are_read_with_their_object() {
    let contract = contract();
    for (name, kinds, why_not) in EVENTS {
        for kind in *kinds {
            assert_eq!(contract["events"][*kind]["ref"].as_str(), Some(*name), "{kind}");
            let mut object = fixture(name);
            if *kind == "invoice.upcoming" {
                object.as_object_mut().expect("an object").remove("id");
            }
            let mut body = fixture("event");
            body["type"] = (*kind).into();
            body["data"] = json!({ "object": object, "previous_attributes": { "status": "x" } });
            let Ok(Notification::Snapshot(event)) = read(body.to_string().as_bytes()) else { panic!("{kind}") };
            assert_eq!((event.kind.as_str(), event.object_kind().as_deref()), (*kind, Some(*name)));
            assert_eq!(event.object_id().is_some(), object.get("id").is_some(), "{kind}");
            let carried: Value = event.object().expect("JSON");
            assert_eq!(why_not(&carried), None, "{kind}");
        }
    }
}

#[test]
fn a_deleted_customer_is_told_from_one_that_is_there() {
    for (name, there) in [("customer", true), ("deleted_customer", false)] {
        let json = fixture(name).to_string();
        let read: OrDeleted<Customer> = serde_json::from_str(&json).expect(name);
        assert!(read.id().starts_with("cus_"));
        assert_eq!(read.there().is_some(), there, "{name}");
    }
}

/// What a schedule has to list again is read however it is said.
#[test]
fn discounts_and_taxes_are_read_by_their_ids_whole_or_as_none() {
    fn ids<T: HasId>(of: &[Expandable<T>]) -> Vec<&str> {
        of.iter().map(Expandable::id).collect()
    }
    let table = [
        (Some(json!(["di_1", "di_2"])), Some(json!(["txr_1"])), vec!["di_1", "di_2"], vec!["txr_1"]),
        (
            Some(json!([{ "id": "di_1", "object": "discount", "end": null }])),
            Some(json!([{ "id": "txr_1", "object": "tax_rate" }, { "id": "txr_2", "object": "tax_rate" }])),
            vec!["di_1"],
            vec!["txr_1", "txr_2"],
        ),
        (Some(json!([])), Some(json!([])), vec![], vec![]),
        (Some(Value::Null), Some(Value::Null), vec![], vec![]),
        (None, None, vec![], vec![]),
    ];
    for (discounts, taxes, their, those) in table {
        let said = |object: &mut Value, field: &str, value: &Option<Value>| {
            let fields = object.as_object_mut().expect("an object");
            fields.remove(field);
            fields.extend(value.clone().map(|value| (field.to_owned(), value)));
        };
        let mut object = fixture("subscription");
        said(&mut object, "discounts", &discounts);
        said(&mut object, "default_tax_rates", &taxes);
        said(&mut object["items"]["data"][0], "discounts", &discounts);
        said(&mut object["items"]["data"][0], "tax_rates", &taxes);
        let read: Subscription = serde_json::from_str(&object.to_string()).expect("a subscription");
        let item = &read.items.data[0];
        assert_eq!((ids(&read.discounts), ids(&item.discounts)), (their.clone(), their), "{discounts:?}");
        assert_eq!((ids(&read.default_tax_rates), ids(&item.tax_rates)), (those.clone(), those), "{taxes:?}");
    }
}

#[test]
fn an_invoice_is_due_if_it_was_sent_and_is_final() {
    let at = Some(1_234_567_890);
    for (method, status, due_date, due) in [
        ("send_invoice", json!("open"), at, at),
        ("send_invoice", json!("uncollectible"), at, at),
        ("send_invoice", json!("draft"), at, None),
        ("send_invoice", Value::Null, at, None),
        ("send_invoice", json!("open"), None, None),
        ("charge_automatically", json!("open"), at, None),
        ("a word of next year", json!("open"), at, None),
    ] {
        let mut object = fixture("invoice");
        object["collection_method"] = json!(method);
        object["status"] = status.clone();
        object["due_date"] = json!(due_date);
        let read: Invoice = serde_json::from_str(&object.to_string()).expect("an invoice");
        assert_eq!(read.due(), due, "{method} {status} {due_date:?}");
    }
}

#[test]
fn a_word_that_is_not_known_is_kept() {
    let mut object = fixture("subscription");
    object["status"] = "hibernating".into();
    let read: Subscription = serde_json::from_str(&object.to_string()).expect("read all the same");
    assert_eq!(read.status.as_str(), "hibernating");
    let list = format!(r#"{{"data":[{object}],"has_more":false,"url":"/v1/subscriptions","object":"list"}}"#);
    let list: List<Subscription> = serde_json::from_str(&list).expect("a list");
    assert_eq!(list.data[0].status.as_str(), "hibernating");
}
