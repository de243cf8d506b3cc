//! The operations about endpoints, destinations and events.

use super::{NOW, body, done, endpoint, kinds, new_world, take, tell, text, tried};
use crate::{
    deliver::{Related, destinations, endpoints, events, settle, tell_thin, thin},
    world::{Cx, World},
};
use serde_json::{Value, json};

/// Makes a destination of thin events.
fn thin_destination(world: &mut World, events: &[&str], include: &[&str]) -> Value {
    let params = json!({
        "name": "Thin",
        "type": "webhook_endpoint",
        "event_payload": "thin",
        "enabled_events": events,
        "webhook_endpoint": { "url": "http://localhost/thin" },
        "include": include,
    });
    done(world, destinations::create, "", params)
}

fn count(value: &Value) -> usize {
    value.as_array().map(Vec::len).expect("a list")
}

#[test]
fn an_endpoint_is_made_changed_and_deleted() {
    let mut world = new_world();
    let params = json!({
        "url": "https://example.com/hook",
        "enabled_events": ["invoice.paid"],
        "api_version": "2026-10-28.endive",
        "description": "mine",
        "metadata": { "a": "b" },
    });
    let mut made = done(&mut world, endpoints::create, "", params);
    let secret = made.as_object_mut().and_then(|made| made.remove("secret")).expect("a secret");
    assert!(text(&secret).starts_with("whsec_"));
    let id = text(&made["id"]);
    let expected = json!({
        "id": id,
        "object": "webhook_endpoint",
        "api_version": "2026-10-28.endive",
        "application": null,
        "created": NOW,
        "description": "mine",
        "enabled_events": ["invoice.paid"],
        "livemode": false,
        "metadata": { "a": "b" },
        "status": "enabled",
        "url": "https://example.com/hook",
    });
    assert_eq!(made, expected);
    assert_eq!(done(&mut world, endpoints::retrieve, &id, json!({})), expected, "the secret is shown once");
    let change = json!({ "disabled": true, "description": null, "metadata": { "a": null }, "enabled_events": ["*"] });
    let changed = done(&mut world, endpoints::update, &id, change);
    assert_eq!((&changed["status"], &changed["description"]), (&json!("disabled"), &Value::Null));
    assert_eq!((&changed["metadata"], &changed["enabled_events"]), (&json!({}), &json!(["*"])));
    let enabled = done(&mut world, endpoints::update, &id, json!({ "disabled": false }));
    assert_eq!(enabled["status"], "enabled");
    let gone = done(&mut world, endpoints::delete, &id, json!({}));
    assert_eq!(gone, json!({ "id": id, "object": "webhook_endpoint", "deleted": true }));
    let error = tried(&mut world, endpoints::retrieve, &id, json!({})).expect_err("gone");
    assert_eq!((error.status, error.message), (404, format!("No such webhook endpoint: '{id}'")));
}

#[test]
fn what_cannot_be_an_endpoint_is_refused() {
    let table = [
        (json!({ "url": "example.com", "enabled_events": ["*"] }), 400, Some("url")),
        (json!({ "url": "https://example.com", "enabled_events": [] }), 400, Some("enabled_events")),
        (json!({ "url": "https://a.b", "enabled_events": ["*"], "api_version": "2025-02-24.acacia" }), 501, None),
    ];
    for (params, status, param) in table {
        let mut world = new_world();
        let error = tried(&mut world, endpoints::create, "", params.clone()).expect_err("refused");
        assert_eq!((error.status, error.param.as_deref()), (status, param), "{params}");
    }
}

#[test]
fn there_are_sixteen_endpoints_at_most() {
    let mut world = new_world();
    let ids: Vec<String> = (0..16).map(|_| endpoint(&mut world, &["*"])).collect();
    let params = json!({ "url": "https://example.com/", "enabled_events": ["*"] });
    assert!(tried(&mut world, endpoints::create, "", params.clone()).is_err());
    let listed = done(&mut world, endpoints::list, "", json!({}));
    assert_eq!((count(&listed), &listed[0]), (16, &json!(ids[15])), "newest first");
    done(&mut world, endpoints::delete, &ids[0], json!({}));
    assert!(tried(&mut world, endpoints::create, "", params).is_ok());
}

#[test]
fn events_are_listed_by_what_is_asked_for() {
    let mut world = new_world();
    endpoint(&mut world, &["invoice.paid"]);
    for (later, kind) in [(0, "invoice.created"), (10, "invoice.paid"), (20, "customer.created")] {
        world.now = NOW + later;
        tell(&mut world, kind, "x_1");
    }
    let table = [
        (json!({}), vec!["customer.created", "invoice.paid", "invoice.created"]),
        (json!({ "type": "invoice.paid" }), vec!["invoice.paid"]),
        (json!({ "type": "invoice.*" }), vec!["invoice.paid", "invoice.created"]),
        (json!({ "types": ["customer.created", "invoice.created"] }), vec!["customer.created", "invoice.created"]),
        (json!({ "created": { "gte": NOW + 10, "lt": NOW + 20 } }), vec!["invoice.paid"]),
        (json!({ "created": NOW }), vec!["invoice.created"]),
        (json!({ "delivery_success": false }), vec!["invoice.paid"]),
        (json!({ "delivery_success": true, "type": "invoice.*" }), vec!["invoice.created"]),
        (json!({ "type": "nothing" }), vec![]),
    ];
    for (params, expected) in table {
        let ids = done(&mut world, events::list, "", params.clone());
        let ids = ids.as_array().cloned().unwrap_or_default();
        let shown = ids.iter().map(|id| done(&mut world, events::retrieve, &text(id), json!({})));
        let kinds: Vec<String> = shown.map(|event| text(&event["type"])).collect();
        assert_eq!(kinds, expected, "{params}");
    }
    let both = json!({ "type": "a", "types": ["b"] });
    assert!(tried(&mut world, events::list, "", both).is_err());
    assert!(tried(&mut world, events::list, "", json!({ "types": vec!["a"; 21] })).is_err());
    let sent = take(&mut world);
    settle(&mut world, &sent[0].delivery, Ok(200));
    assert_eq!(count(&done(&mut world, events::list, "", json!({ "delivery_success": false }))), 0);
    let error = tried(&mut world, events::retrieve, "evt_x", json!({})).expect_err("no such");
    assert_eq!((error.status, error.message.as_str()), (404, "No such event: 'evt_x'"));
}

#[test]
fn a_destination_shows_what_is_to_be_included() {
    let mut world = new_world();
    let all = ["webhook_endpoint.url", "webhook_endpoint.signing_secret"];
    let made = thin_destination(&mut world, &["v1.billing.meter.*"], &all);
    let id = text(&made["id"]);
    assert!(id.starts_with("ed_test_"));
    assert_eq!(made["webhook_endpoint"]["url"], "http://localhost/thin");
    assert!(text(&made["webhook_endpoint"]["signing_secret"]).starts_with("whsec_"));
    assert_eq!((&made["event_payload"], &made["snapshot_api_version"]), (&json!("thin"), &Value::Null));
    assert_eq!((&made["events_from"], &made["created"]), (&json!(["self"]), &json!("2027-01-15T08:00:00.000Z")));
    let shown = done(&mut world, destinations::retrieve, &id, json!({}));
    assert_eq!(shown["webhook_endpoint"], json!({}));
    world.now += 1;
    let change = json!({ "name": "Other", "metadata": { "a": "b" }, "include": ["webhook_endpoint.url"] });
    let changed = done(&mut world, destinations::update, &id, change);
    assert_eq!((&changed["name"], &changed["metadata"]), (&json!("Other"), &json!({ "a": "b" })));
    assert_eq!(changed["updated"], "2027-01-15T08:00:01.000Z");
    assert_eq!(changed["webhook_endpoint"]["url"], "http://localhost/thin");
    let off = done(&mut world, destinations::disable, &id, json!({}));
    let reason = json!({ "disabled": { "reason": "user" } });
    assert_eq!((&off["status"], &off["status_details"]), (&json!("disabled"), &reason));
    let on = done(&mut world, destinations::enable, &id, json!({}));
    assert_eq!((&on["status"], &on["status_details"]), (&json!("enabled"), &Value::Null));
    let listed = done(&mut world, destinations::list, "", json!({ "include": ["webhook_endpoint.url"] }));
    assert_eq!((count(&listed["data"]), &listed["next_page_url"]), (1, &Value::Null));
    assert_eq!(listed["data"][0]["webhook_endpoint"]["url"], "http://localhost/thin");
    let gone = done(&mut world, destinations::delete, &id, json!({}));
    assert_eq!(gone, json!({ "id": id, "object": "v2.core.event_destination" }));
    assert!(tried(&mut world, destinations::retrieve, &id, json!({})).is_err());
}

#[test]
fn a_destination_may_want_snapshots() {
    let mut world = new_world();
    let params = json!({
        "name": "Snapshots",
        "type": "webhook_endpoint",
        "event_payload": "snapshot",
        "enabled_events": ["invoice.paid"],
        "webhook_endpoint": { "url": "http://localhost/" },
    });
    let made = done(&mut world, destinations::create, "", params);
    assert_eq!(made["snapshot_api_version"], crate::API_VERSION);
    tell(&mut world, "invoice.paid", "in_1");
    assert_eq!(body(&take(&mut world)[0])["object"], "event");
    let params = json!({ "name": "x", "type": "amazon_eventbridge", "event_payload": "thin", "enabled_events": ["a"] });
    let error = tried(&mut world, destinations::create, "", params).expect_err("not simulated");
    assert_eq!(error.status, 501);
}

#[test]
fn a_thin_event_is_sent_without_its_data_and_fetched_with_it() {
    let mut world = new_world();
    thin_destination(&mut world, &["v1.billing.meter.error_report_triggered"], &[]);
    endpoint(&mut world, &["*"]);
    let kind = "v1.billing.meter.error_report_triggered";
    let related = Related { id: "mtr_1".into(), kind: "billing.meter".into(), url: "/v1/billing/meters/mtr_1".into() };
    let data = json!({ "developer_message_summary": "There is 1 invalid event" });
    tell_thin(&mut Cx::new(&mut world, None), kind, Some(related), data.clone());
    let sent = take(&mut world);
    assert_eq!(kinds(&sent), [kind], "only where thin events are wanted");
    assert_eq!(sent[0].url, "http://localhost/thin");
    let notice = body(&sent[0]);
    let expected = json!({
        "id": notice["id"],
        "object": "v2.core.event",
        "context": null,
        "created": "2027-01-15T08:00:00.000Z",
        "livemode": false,
        "reason": null,
        "related_object": { "id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1" },
        "type": kind,
    });
    assert_eq!(notice, expected);
    let fetched = done(&mut world, thin::retrieve, &text(&notice["id"]), json!({}));
    assert_eq!(fetched["data"], data);
    let table = [
        (json!({}), 1),
        (json!({ "object_id": "mtr_1" }), 1),
        (json!({ "object_id": "mtr_2" }), 0),
        (json!({ "types": [kind] }), 1),
        (json!({ "types": ["v1.billing.meter.no_meter_found"] }), 0),
        (json!({ "created": { "gte": "2027-01-15T08:00:00Z" } }), 1),
        (json!({ "created": { "gt": "2027-01-15T08:00:00Z" } }), 0),
        (json!({ "created": { "lt": "2027-01-15T08:00:00.001Z" } }), 1),
    ];
    for (params, expected) in table {
        let listed = done(&mut world, thin::list, "", params.clone());
        assert_eq!(count(&listed["data"]), expected, "{params}");
    }
    assert_eq!(done(&mut world, thin::list, "", json!({}))["data"][0], notice, "listed without its data");
}

#[test]
fn a_ping_goes_to_its_destination_alone() {
    let mut world = new_world();
    let id = text(&thin_destination(&mut world, &["v1.billing.meter.no_meter_found"], &[])["id"]);
    thin_destination(&mut world, &["*"], &[]);
    let event = done(&mut world, destinations::ping, &id, json!({}));
    assert_eq!(event["type"], "v2.core.event_destination.ping");
    let url = format!("/v2/core/event_destinations/{id}");
    assert_eq!(event["related_object"], json!({ "id": id, "type": "v2.core.event_destination", "url": url }));
    let sent = take(&mut world);
    assert_eq!((sent.len(), body(&sent[0])), (1, event));
}

#[test]
fn a_snapshot_event_has_a_thin_twin_where_it_is_wanted() {
    let mut world = new_world();
    tell(&mut world, "invoice.paid", "in_0");
    thin_destination(&mut world, &["v1.invoice.paid", "v1.customer.subscription.*"], &[]);
    tell(&mut world, "invoice.paid", "in_1");
    tell(&mut world, "invoice.created", "in_2");
    tell(&mut world, "customer.subscription.updated", "sub_1");
    let sent: Vec<Value> = take(&mut world).iter().map(|outgoing| body(outgoing)["related_object"].clone()).collect();
    let expected = [
        json!({ "id": "in_1", "type": "invoice", "url": "/v1/invoices/in_1" }),
        json!({ "id": "sub_1", "type": "subscription", "url": "/v1/subscriptions/sub_1" }),
    ];
    assert_eq!(sent, expected);
}

#[test]
fn the_request_that_did_it_is_named() {
    let mut world = new_world();
    thin_destination(&mut world, &["v1.invoice.paid"], &[]);
    endpoint(&mut world, &["*"]);
    let cause = crate::world::Cause { request: "req_1".into(), idempotency_key: Some("key".into()) };
    Cx::new(&mut world, Some(cause)).tell_value("invoice.paid", json!({ "id": "in_1" }), None);
    let sent = take(&mut world);
    let request = json!({ "id": "req_1", "idempotency_key": "key" });
    assert_eq!(body(&sent[0])["request"], request);
    assert_eq!(body(&sent[1])["reason"], json!({ "type": "request", "request": request }));
}
