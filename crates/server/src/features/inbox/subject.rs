//! What an event is about, and so what is done one at a time: an object, or the object it belongs to. Pure.

use purser_stripe::webhook::{Event, Notification, ThinEvent};
use serde::Deserialize;
use serde_json::Value;

/// The longest name of a kind of object, and the longest id, that is taken for one: together they are a subject of at
/// most 255 characters.
const LONGEST: (usize, usize) = (64, 190);

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct About {
    /// What the object is, such as `invoice`.
    pub object_kind: Option<String>,
    /// The object's id; `invoice.upcoming` has none.
    pub object_id: Option<String>,
    /// The events of one subject are done one after the other: 1–255 characters.
    pub subject: String,
}

/// The fields of an object that say what it belongs to. They may be expanded, and of a version that is not ours.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Seen {
    id: Value,
    object: Value,
    parent: Value,
    payment_intent: Value,
    charge: Value,
    customer: Value,
}

/// What `notification` is about. Objects that change together are one subject: a subscription and its invoices; a
/// payment with its charge, its refunds and its disputes; a customer and its payment methods. An event of nothing that
/// is known is a subject of its own.
pub(super) fn about(notification: &Notification) -> About {
    match notification {
        Notification::Snapshot(event) => snapshot(event),
        Notification::Thin(event) => thin(event),
    }
}

fn snapshot(event: &Event) -> About {
    let seen: Seen = event.object().unwrap_or_default();
    let (kind, id) = (kind(&seen.object), id(&seen.id));
    let subject = belongs(kind.as_deref(), &seen, event)
        .or_else(|| Some(named(kind.as_deref()?, id.as_deref()?)))
        .or_else(|| Some(named(kind.as_deref()?, &id_of(&seen.customer)?)));
    About { object_kind: kind, object_id: id, subject: subject.unwrap_or_else(|| event.id.clone()) }
}

fn thin(event: &ThinEvent) -> About {
    let related = event.related_object.as_ref();
    let kind = related.and_then(|related| sane(&related.kind, LONGEST.0));
    let id = related.and_then(|related| sane(&related.id, LONGEST.1));
    let both = kind.as_deref().zip(id.as_deref()).map(|(kind, id)| named(kind, id));
    About { object_kind: kind, object_id: id, subject: both.unwrap_or_else(|| event.id.clone()) }
}

/// The subject of what an object belongs to, if it belongs to something else.
fn belongs(kind: Option<&str>, seen: &Seen, event: &Event) -> Option<String> {
    match kind? {
        "invoice" => {
            let subscription = seen.parent.get("subscription_details")?.get("subscription")?;
            Some(named("subscription", &id_of(subscription)?))
        }
        // Nearly all have a payment intent; those that have none have their charge.
        "charge" | "dispute" | "refund" => {
            let intent = id_of(&seen.payment_intent).map(|intent| named("payment_intent", &intent));
            intent.or_else(|| Some(named("charge", &id_of(&seen.charge)?)))
        }
        // What was taken away says of itself that it is nobody's.
        "payment_method" => Some(named("customer", &id_of(&seen.customer).or_else(|| customer_before(event))?)),
        _ => None,
    }
}

/// The customer that the object had before what the event tells of.
fn customer_before(event: &Event) -> Option<String> {
    let before: Value = serde_json::from_str(event.previous_attributes()?).ok()?;
    id_of(before.get("customer")?)
}

/// The subject of the object `id` of this kind.
pub(super) fn named(kind: &str, id: &str) -> String {
    format!("{kind}:{id}")
}

fn kind(value: &Value) -> Option<String> {
    sane(value.as_str()?, LONGEST.0)
}

fn id(value: &Value) -> Option<String> {
    sane(value.as_str()?, LONGEST.1)
}

/// The id of what may stand there as its id or whole.
fn id_of(value: &Value) -> Option<String> {
    id(value).or_else(|| id(value.get("id")?))
}

/// `text`, if it looks like a name or an id: up to `most` letters, digits and signs of ASCII.
pub(super) fn sane(text: &str, most: usize) -> Option<String> {
    let fits = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{About, about};
    use purser_stripe::webhook::read;
    use serde_json::{Value, json};

    fn of(event: &Value) -> About {
        about(&read(event.to_string().as_bytes()).unwrap_or_else(|error| panic!("{error}: {event}")))
    }

    /// An event with this object, as Stripe sends it.
    fn snapshot(object: &Value) -> Value {
        json!({
            "api_version": "2026-10-28.endive", "created": 1_767_225_600, "data": { "object": object }, "id": "evt_1",
            "livemode": false, "object": "event", "pending_webhooks": 1, "type": "some.thing",
            "request": { "id": null, "idempotency_key": null },
        })
    }

    fn thin(related: &Value) -> Value {
        json!({
            "id": "evt_test_1", "object": "v2.core.event", "context": null, "created": "2026-01-01T00:00:00.000Z",
            "livemode": false, "reason": null, "related_object": related, "type": "v1.some.thing",
        })
    }

    #[test]
    fn what_changes_together_is_one_subject() {
        let long = "x".repeat(191);
        let parent = |subscription: &Value| json!({ "subscription_details": { "subscription": subscription } });
        let table = [
            (json!({ "object": "subscription", "id": "sub_1", "customer": "cus_1" }), "subscription:sub_1"),
            (json!({ "object": "invoice", "id": "in_1", "parent": parent(&json!("sub_1")) }), "subscription:sub_1"),
            (json!({ "object": "invoice", "parent": parent(&json!("sub_1")) }), "subscription:sub_1"),
            (
                json!({ "object": "invoice", "id": "in_1", "parent": parent(&json!({ "id": "sub_1" })) }),
                "subscription:sub_1",
            ),
            (json!({ "object": "invoice", "id": "in_1", "parent": null }), "invoice:in_1"),
            (json!({ "object": "invoice", "parent": null, "customer": "cus_1" }), "invoice:cus_1"),
            (json!({ "object": "payment_intent", "id": "pi_1", "latest_charge": "ch_1" }), "payment_intent:pi_1"),
            (json!({ "object": "charge", "id": "ch_1", "payment_intent": "pi_1" }), "payment_intent:pi_1"),
            (json!({ "object": "charge", "id": "ch_1", "payment_intent": null }), "charge:ch_1"),
            (
                json!({ "object": "refund", "id": "re_1", "charge": "ch_1", "payment_intent": "pi_1" }),
                "payment_intent:pi_1",
            ),
            (json!({ "object": "refund", "id": "re_1", "charge": "ch_1", "payment_intent": null }), "charge:ch_1"),
            (json!({ "object": "dispute", "id": "du_1", "charge": { "id": "ch_1" } }), "charge:ch_1"),
            (json!({ "object": "customer", "id": "cus_1" }), "customer:cus_1"),
            (json!({ "object": "payment_method", "id": "pm_1", "customer": "cus_1" }), "customer:cus_1"),
            (json!({ "object": "payment_method", "id": "pm_1", "customer": { "id": "cus_1" } }), "customer:cus_1"),
            (json!({ "object": "payment_method", "id": "pm_1", "customer": null }), "payment_method:pm_1"),
            (json!({ "object": "checkout.session", "id": "cs_1", "payment_intent": "pi_1" }), "checkout.session:cs_1"),
            (
                json!({ "object": "entitlements.active_entitlement_summary", "customer": "cus_1" }),
                "entitlements.active_entitlement_summary:cus_1",
            ),
            // What is odd is a subject of its own.
            (json!({ "object": "tax_rate" }), "evt_1"),
            (json!({ "object": "customer", "id": long }), "evt_1"),
            (json!({ "object": "customer", "id": "cus_\u{0}" }), "evt_1"),
            (json!({ "object": 7, "id": ["cus_1"] }), "evt_1"),
            (json!({}), "evt_1"),
            (json!("text"), "evt_1"),
        ];
        for (object, subject) in table {
            assert_eq!(of(&snapshot(&object)).subject, subject, "{object}");
        }
    }

    #[test]
    fn what_was_taken_from_a_customer_is_of_that_customer() {
        let mut detached = snapshot(&json!({ "object": "payment_method", "id": "pm_1", "customer": null }));
        detached["data"]["previous_attributes"] = json!({ "customer": "cus_1" });
        assert_eq!(of(&detached).subject, "customer:cus_1");
        detached["data"]["previous_attributes"] = json!({ "metadata": {} });
        assert_eq!(of(&detached).subject, "payment_method:pm_1");
    }

    #[test]
    fn a_thin_event_is_of_the_subject_of_its_snapshot() {
        let related = json!({ "id": "sub_1", "type": "subscription", "url": "/v1/subscriptions/sub_1" });
        let found = of(&thin(&related));
        assert_eq!(found.subject, of(&snapshot(&json!({ "object": "subscription", "id": "sub_1" }))).subject);
        assert_eq!((found.object_kind.as_deref(), found.object_id.as_deref()), (Some("subscription"), Some("sub_1")));
        let nothing = of(&thin(&Value::Null));
        assert_eq!(nothing, About { object_kind: None, object_id: None, subject: "evt_test_1".into() });
        let long = json!({ "id": "x".repeat(300), "type": "billing.meter", "url": "/" });
        assert_eq!(of(&thin(&long)).subject, "evt_test_1");
    }
}
