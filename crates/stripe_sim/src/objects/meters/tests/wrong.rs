//! Events that turn out to be wrong, and events that are taken back.

use super::{NOW, customer, decimal, event, meter, pass, send, text, world};
use crate::{
    deliver::ThinEvent,
    objects::{
        decimal::Decimal,
        meters::{
            DAY, Faults, Receipt, Waiting, adjust, adjust_v2, create_event, create_event_v2, create_session,
            deactivate, events::LAG, stream, token_is_good, usage,
        },
        testing::{asked, refused, value},
    },
    world::Cx,
};
use serde_json::{Map, Value, json};

#[test]
fn what_is_found_wrong_later_is_reported() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    let (customer, meter) = (customer(&mut cx), meter(&mut cx, "sum", None));
    let many: Map<String, Value> = (0..11).map(|name| (name.to_string(), json!("x"))).collect();
    let mut dimensions = json!(many);
    dimensions["stripe_customer_id"] = json!(customer);
    for (payload, code, message) in [
        (
            json!({ "value": "1" }),
            "meter_event_no_customer_defined",
            "Customer mapping key stripe_customer_id not found in payload.",
        ),
        (json!({ "stripe_customer_id": "cus_x", "value": "1" }), "meter_event_customer_not_found", "No such customer"),
        (json!({ "stripe_customer_id": customer }), "meter_event_value_not_found", "Value key value not found"),
        (json!({ "stripe_customer_id": customer, "value": "ten" }), "meter_event_invalid_value", "The value 'ten'"),
        (
            json!({ "stripe_customer_id": customer, "value": "0.1234567890123" }),
            "meter_event_value_too_many_digits",
            "The value '0.1234567890123'",
        ),
        (dimensions, "meter_event_dimension_count_too_high", "The payload has 11 dimensions"),
    ] {
        let at = cx.now();
        send(&mut cx, &json!({ "event_name": "tokens", "identifier": code, "payload": payload }));
        pass(&mut cx, at + LAG);
        let faults = cx.world.get::<Faults>(&meter).expect("faults").clone();
        let kind = &faults.kinds[code];
        assert_eq!((faults.kinds.len(), kind.count), (1, 1), "{code}");
        assert!(kind.samples[0].0.starts_with(message), "{code}: {}", kind.samples[0].0);
        assert_eq!(kind.samples[0].1, code);
        pass(&mut cx, faults.end - 1);
        assert!(cx.world.get::<Faults>(&meter).is_some(), "{code}: its time is not over");
        pass(&mut cx, faults.end);
        assert!(cx.world.get::<Faults>(&meter).is_none(), "{code}: it is told once");
        let event = cx.world.all::<ThinEvent>().next_back().expect("a thin event");
        assert_eq!(event.kind, "v1.billing.meter.error_report_triggered");
        let about = event.related.as_ref().expect("what it is about");
        assert_eq!((&about.id, &about.url), (&meter, &format!("/v1/billing/meters/{meter}")));
        assert_eq!(event.data["reason"]["error_types"][0]["code"], code);
    }
    assert_eq!(usage(cx.world, &meter, &customer, 0, i64::MAX), Decimal::ZERO);
}

#[test]
fn many_wrong_events_make_one_report() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    let meter = meter(&mut cx, "sum", None);
    for place in 0..8 {
        send(&mut cx, &event("cus_x", "1", NOW, &place.to_string()));
    }
    pass(&mut cx, NOW + LAG);
    let faults = cx.world.get::<Faults>(&meter).expect("faults");
    let kind = &faults.kinds["meter_event_customer_not_found"];
    assert_eq!((kind.count, kind.samples.len()), (8, 5));
    assert_eq!((faults.start % 10, faults.end - faults.start), (0, 10));
}

#[test]
fn an_archived_meter_reports_what_was_on_its_way() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    let (customer, meter) = (customer(&mut cx), meter(&mut cx, "sum", None));
    send(&mut cx, &event(&customer, "1", NOW, "one"));
    value(deactivate(&mut cx, &asked(&[&meter], json!({}))));
    pass(&mut cx, NOW + LAG);
    assert!(cx.world.get::<Faults>(&meter).is_some_and(|faults| faults.kinds.contains_key("archived_meter")));
}

#[test]
fn an_event_can_be_taken_back_for_a_day() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    let (customer, meter) = (customer(&mut cx), meter(&mut cx, "sum", None));
    let cancel =
        |identifier: &str| json!({ "event_name": "tokens", "type": "cancel", "cancel": { "identifier": identifier } });
    for (place, amount) in ["1", "2", "4"].into_iter().enumerate() {
        send(&mut cx, &event(&customer, amount, NOW, &place.to_string()));
    }
    let early = value(adjust(&mut cx, &asked(&[], cancel("0"))));
    assert_eq!((&early["status"], &early["cancel"]["identifier"]), (&json!("pending"), &json!("0")));
    pass(&mut cx, NOW + LAG);
    assert_eq!(usage(cx.world, &meter, &customer, 0, NOW + 1), decimal("6"));
    for _ in 0..2 {
        let done = value(adjust(&mut cx, &asked(&[], cancel("1"))));
        assert_eq!(done["status"], "complete");
        assert_eq!(usage(cx.world, &meter, &customer, 0, NOW + 1), decimal("4"));
    }
    let v2 = value(adjust_v2(&mut cx, &asked(&[], cancel("1"))));
    assert_eq!((&v2["created"], &v2["status"]), (&json!("2023-11-14T22:13:25.000Z"), &json!("complete")));
    let error = refused(create_event(&mut cx, &asked(&[], event(&customer, "1", NOW, "1"))));
    assert_eq!(error.should_retry, Some(false), "its identifier stays taken");
    pass(&mut cx, NOW + DAY);
    for identifier in ["2", "never"] {
        let error = refused(adjust(&mut cx, &asked(&[], cancel(identifier))));
        assert_eq!((error.status, error.param.as_deref()), (400, Some("cancel[identifier]")), "{identifier}");
    }
    let error = refused(adjust(&mut cx, &asked(&[], json!({ "event_name": "tokens", "type": "cancel" }))));
    assert_eq!(error.param.as_deref(), Some("cancel"));
    assert_eq!(usage(cx.world, &meter, &customer, 0, NOW + 1), decimal("4"));
}

#[test]
fn the_second_version_refuses_at_once_what_the_first_reports() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    let (customer, meter) = (customer(&mut cx), meter(&mut cx, "sum", None));
    let good = json!({
        "event_name": "tokens", "identifier": "one", "timestamp": "2023-11-14T22:13:20Z",
        "payload": { "stripe_customer_id": customer, "value": "3" },
    });
    let sent = value(create_event_v2(&mut cx, &asked(&[], good.clone())));
    assert_eq!((&sent["timestamp"], &sent["created"]), (&json!("2023-11-14T22:13:20.000Z"), &sent["timestamp"]));
    let with = |path: &str, value: Value| {
        let mut params = good.clone();
        params["identifier"] = json!("two");
        if let Some(place) = params.pointer_mut(path) {
            *place = value;
        }
        params
    };
    for (params, code) in [
        (good.clone(), "duplicate_meter_event"),
        (with("/event_name", json!("other")), "no_meter"),
        (with("/payload", json!({ "value": "1" })), "payload_no_customer_defined"),
        (with("/payload", json!({ "stripe_customer_id": "cus_x" })), "payload_no_value_defined"),
        (with("/payload/value", json!("ten")), "payload_invalid_value"),
        (with("/timestamp", json!("2023-10-01T00:00:00Z")), "timestamp_too_far_in_past"),
        (with("/timestamp", json!("2023-11-15T00:00:00Z")), "timestamp_in_future"),
        (with("/timestamp", json!("yesterday")), "invalid_fields"),
    ] {
        let error = refused(create_event_v2(&mut cx, &asked(&[], params.clone())));
        assert_eq!((error.status, error.code.as_deref()), (400, Some(code)), "{params}");
    }
    pass(&mut cx, NOW + LAG);
    assert_eq!(usage(cx.world, &meter, &customer, 0, NOW + 1), decimal("3"));
    value(deactivate(&mut cx, &asked(&[&meter], json!({}))));
    let error = refused(create_event_v2(&mut cx, &asked(&[], with("/identifier", json!("three")))));
    assert_eq!(error.code.as_deref(), Some("archived_meter"));
}

#[test]
fn a_stream_takes_all_and_reports_later() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    let (customer, meter) = (customer(&mut cx), meter(&mut cx, "sum", None));
    let session = value(create_session(&mut cx, &asked(&[], json!({}))));
    let token = text(&session["authentication_token"]);
    assert_eq!(session["expires_at"], "2023-11-14T22:28:20.000Z");
    assert!(token_is_good(cx.world, &token).is_ok() && token_is_good(cx.world, "other").is_err());
    let payload = json!({ "stripe_customer_id": customer, "value": "3" });
    let events = json!({ "events": [
        { "event_name": "tokens", "identifier": "one", "payload": payload },
        { "event_name": "tokens", "identifier": "one", "payload": payload },
        { "event_name": "tokens", "identifier": "old", "timestamp": "2023-10-01T00:00:00Z", "payload": payload },
        { "event_name": "tokens", "identifier": "new", "timestamp": "2023-11-15T00:00:00Z", "payload": payload },
        { "event_name": "nothing", "identifier": "who", "payload": payload },
    ] });
    assert_eq!(value(stream(&mut cx, &asked(&[], events))), json!({}));
    pass(&mut cx, NOW + LAG);
    assert_eq!(usage(cx.world, &meter, &customer, 0, i64::MAX), decimal("3"));
    let kinds = |id: &str| {
        let faults = cx.world.get::<Faults>(id);
        faults.map(|faults| faults.kinds.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
    };
    assert_eq!(kinds(&meter), ["timestamp_in_future", "timestamp_too_far_in_past"]);
    assert_eq!(kinds("no_meter"), ["no_meter"]);
    pass(&mut cx, NOW + 900);
    let mut kinds: Vec<&str> = cx.world.all::<ThinEvent>().map(|event| event.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found"]);
    let error = token_is_good(cx.world, &token).expect_err("over");
    assert_eq!(error.kind, "temporary_session_expired");
    assert_eq!(error.code.as_deref(), Some("billing_meter_event_session_expired"));
}

#[test]
fn a_refused_request_leaves_nothing() {
    let mut world = world();
    let payload = json!({ "stripe_customer_id": "cus_1", "value": "3" });
    let events = json!({ "events": [
        { "event_name": "tokens", "identifier": "one", "payload": payload },
        { "event_name": "tokens", "identifier": "two", "timestamp": "never", "payload": payload },
    ] });
    let mut cx = Cx::new(&mut world, None);
    refused(stream(&mut cx, &asked(&[], events)));
    cx.take_back();
    assert_eq!((world.all::<Waiting>().count(), world.all::<Receipt>().count()), (0, 0));
    assert_eq!(world.timers.next_at(), None);
}
