//! What Stripe sends: snapshots and thin events.

use purser_stripe::{
    objects::{Expandable, Subscription},
    webhook::{Notification, read},
};

const THIN: &str = r#"{"id":"evt_test_1","object":"v2.core.event","type":"v1.billing.meter.error_report_triggered",
    "created":"2026-11-21T10:00:00.000Z","livemode":false,"context":null,
    "related_object":{"id":"mtr_1","type":"billing.meter","url":"/v1/billing/meters/mtr_1"}}"#;

const SNAPSHOT: &str = r#"{"id":"evt_1","object":"event","type":"invoice.paid","created":5,"api_version":"2026-10-28.endive",
    "livemode":false,"pending_webhooks":1,"request":{"id":null,"idempotency_key":"op-1"},
    "data":{"object":{"id":"in_1","object":"invoice"},"previous_attributes":{"status":"open"}}}"#;

#[test]
fn a_thin_event_names_its_object() {
    let Ok(Notification::Thin(event)) = read(THIN.as_bytes()) else { panic!("not thin") };
    assert_eq!((event.id.as_str(), event.kind.as_str()), ("evt_test_1", "v1.billing.meter.error_report_triggered"));
    assert_eq!(event.related_object.map(|object| object.id).as_deref(), Some("mtr_1"));
}

#[test]
fn a_snapshot_gives_its_object_when_asked() {
    let Ok(Notification::Snapshot(event)) = read(SNAPSHOT.as_bytes()) else { panic!("no snapshot") };
    assert_eq!((event.id.as_str(), event.kind.as_str(), event.created), ("evt_1", "invoice.paid", 5));
    assert_eq!(event.object_id().as_deref(), Some("in_1"));
    assert_eq!(event.object_kind().as_deref(), Some("invoice"));
    assert_eq!(event.previous_attributes(), Some(r#"{"status":"open"}"#));
    assert_eq!(event.request.as_ref().and_then(|request| request.idempotency_key.as_deref()), Some("op-1"));
    let wrong = event.object::<Subscription>().expect_err("an invoice is no subscription");
    assert!(wrong.to_string().contains("missing field"), "{wrong}");
}

#[test]
fn what_is_no_event_is_refused_by_name() {
    for (body, why) in [
        ("", "EOF"),
        ("not json", "expected"),
        ("{}", "missing field `object`"),
        (r#"{"object":"charge"}"#, "`charge` is no event"),
        (r#"{"object":"event"}"#, "missing field `id`"),
        (&SNAPSHOT.replace(r#""api_version":"2026-10-28.endive","#, ""), "api_version"),
    ] {
        let error = read(body.as_bytes()).expect_err(body);
        assert!(error.to_string().contains(why), "{body}: {error}");
    }
}

#[test]
fn an_expanded_object_is_read_and_its_faults_are_named() {
    let id: Expandable<Subscription> = serde_json::from_str(r#""sub_1""#).expect("an id");
    assert_eq!((id.id(), id.object().is_none()), ("sub_1", true));
    let error = serde_json::from_str::<Expandable<Subscription>>(r#"{"id":"sub_1","created":"x"}"#).expect_err("wrong");
    assert!(error.to_string().contains("created"), "{error}");
}
