//! Stripe's published examples are read, and objects of before 2025 are refused by the field that is not there.
//!
//! `fixtures.json` holds the published examples of the objects Purser reads, from github.com/stripe/openapi of
//! 2026-07-29 (MIT licence, copyright Stripe).

use purser_stripe::{
    List,
    objects::{
        Charge, CheckoutSession, Customer, Deleted, Dispute, HasId, Invoice, InvoiceItem, InvoiceLine, InvoicePayment,
        Meter, MeterEvent, MeterEventAdjustment, MeterEventSummary, OrDeleted, PaymentIntent, PaymentMethod,
        PortalConfiguration, PortalSession, Price, Product, Refund, SessionItem, SetupIntent, Subscription,
        SubscriptionItem, SubscriptionSchedule, WebhookEndpoint,
    },
    webhook::Event,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

fn fixture(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("fixtures.json")).expect("JSON");
    all.get(name).unwrap_or_else(|| panic!("no fixture {name}")).clone()
}

/// Why `value` is no `T`, or nothing.
fn why_not<T: DeserializeOwned>(value: &Value) -> Option<String> {
    serde_json::from_str::<T>(&value.to_string()).err().map(|error| error.to_string())
}

#[test]
fn published_examples_are_read() {
    type WhyNot = fn(&Value) -> Option<String>;
    let table: &[(&str, WhyNot)] = &[
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
        ("dispute", why_not::<Dispute>),
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
    for (name, why_not) in table {
        assert_eq!(why_not(&fixture(name)), None, "{name}");
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

/// The object `name` of an older version: without the fields at `gone`.
fn older(name: &str, gone: &[&str]) -> Value {
    let mut object = fixture(name);
    for path in gone {
        let (parent, field) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = object.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
        let taken = parent.as_object_mut().and_then(|parent| parent.remove(field));
        assert!(taken.is_some(), "{name} has no {path}");
    }
    object
}

#[test]
fn objects_of_before_2025_are_refused_by_name() {
    let table = [
        ("subscription", vec!["/billing_mode"], "billing_mode"),
        ("subscription", vec!["/items/data/0/current_period_end"], "current_period_end"),
        ("subscription", vec!["/items/data/0/current_period_start"], "current_period_start"),
        ("subscription", vec!["/cancel_at"], "cancel_at"),
        ("subscription", vec!["/latest_invoice"], "latest_invoice"),
        ("subscription", vec!["/items/has_more"], "has_more"),
    ];
    for (name, gone, field) in table {
        let why = why_not::<Subscription>(&older(name, &gone)).unwrap_or_else(|| panic!("{gone:?} is not missed"));
        assert!(why.contains(&format!("missing field `{field}`")), "{gone:?}: {why}");
    }
    let why = why_not::<Invoice>(&older("invoice", &["/parent"])).expect("not missed");
    assert!(why.contains("missing field `parent`"), "{why}");
    for field in ["parent", "pricing"] {
        let why = why_not::<InvoiceLine>(&older("line_item", &[&format!("/{field}")])).expect("not missed");
        assert!(why.contains(&format!("missing field `{field}`")), "{why}");
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
