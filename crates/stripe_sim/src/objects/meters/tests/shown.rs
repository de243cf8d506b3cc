//! Meters and what they counted, as the API shows them.

use super::{HOUR, NOW, customer, event, meter, pass, send, text, world};
use crate::{
    objects::{
        meters::{DAY, Meter, create, create_event, deactivate, list, reactivate, summaries, update},
        testing::{asked, listed, refused, told, value},
    },
    world::Cx,
};
use serde_json::{Value, json};

#[test]
fn summaries_are_aligned_and_grouped() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    pass(&mut cx, HOUR + 3 * 3600);
    let (customer, meter) = (customer(&mut cx), meter(&mut cx, "sum", None));
    for (place, minute) in [0, 59, 60, 121].into_iter().enumerate() {
        send(&mut cx, &event(&customer, "1.5", HOUR + minute * 60, &place.to_string()));
    }
    pass(&mut cx, HOUR + 4 * 3600);
    let ask = |cx: &mut Cx<'_>, start: i64, end: i64, window: Option<&str>, limit: i64| {
        let mut params = json!({ "customer": customer, "start_time": start, "end_time": end, "limit": limit });
        if let Some(window) = window {
            params["value_grouping_window"] = json!(window);
        }
        summaries(cx, &asked(&[&meter], params))
    };
    let rows = |list: &Value| -> Vec<(i64, i64, Value)> {
        let row = |row: &Value| {
            let time = |name: &str| row[name].as_i64().unwrap_or_default() - HOUR;
            (time("start_time"), time("end_time"), row["aggregated_value"].clone())
        };
        list["data"].as_array().into_iter().flatten().map(row).collect()
    };
    let whole = value(ask(&mut cx, HOUR, HOUR + 7200, None, 10));
    assert_eq!(rows(&whole), [(0, 7200, json!(4.5))]);
    let nothing = value(ask(&mut cx, HOUR - 120, HOUR - 60, None, 10));
    assert_eq!(rows(&nothing), [(-120, -60, json!(0))]);
    let hours = value(ask(&mut cx, HOUR, HOUR + 10_800, Some("hour"), 10));
    let expected = [(7200, 10_800, json!(1.5)), (3600, 7200, json!(1.5)), (0, 3600, json!(3))];
    assert_eq!(rows(&hours), expected);
    let first = value(ask(&mut cx, HOUR, HOUR + 10_800, Some("hour"), 2));
    assert_eq!((rows(&first).len(), &first["has_more"]), (2, &json!(true)));
    assert_eq!(first["data"][0]["id"], hours["data"][0]["id"]);
    let midnight = HOUR - 22 * 3600;
    let days = value(ask(&mut cx, midnight, midnight + 2 * DAY, Some("day"), 10));
    assert_eq!(days["data"].as_array().map(Vec::len), Some(2));
    for (start, end, window, param) in [
        (HOUR + 1, HOUR + 60, None, "start_time"),
        (HOUR, HOUR + 59, None, "end_time"),
        (HOUR, HOUR, None, "end_time"),
        (HOUR + 60, HOUR + 3600, Some("hour"), "start_time"),
        (HOUR, HOUR + 3600, Some("day"), "start_time"),
    ] {
        let error = refused(ask(&mut cx, start, end, window, 10));
        assert_eq!((error.status, error.param.as_deref()), (400, Some(param)), "{start} {end} {window:?}");
    }
}

#[test]
fn a_meter_is_made_renamed_and_put_to_rest() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    let first = meter(&mut cx, "sum", None);
    let taken = json!({
        "display_name": "Again", "event_name": "tokens", "default_aggregation": { "formula": "count" },
    });
    let error = refused(create(&mut cx, &asked(&[], taken.clone())));
    assert_eq!((error.status, error.kind, error.param.as_deref()), (400, "invalid_request_error", Some("event_name")));
    cx.world.now += 60;
    let renamed = value(update(&mut cx, &asked(&[&first], json!({ "display_name": "Words" }))));
    assert_eq!((&renamed["display_name"], &renamed["updated"]), (&json!("Words"), &json!(NOW + 60)));
    let resting = value(deactivate(&mut cx, &asked(&[&first], json!({}))));
    assert_eq!(resting["status_transitions"]["deactivated_at"], NOW + 60);
    assert!(create_event(&mut cx, &asked(&[], event("cus_1", "1", NOW, "x"))).is_err());
    let second = text(&value(create(&mut cx, &asked(&[], taken)))["id"]);
    assert!(reactivate(&mut cx, &asked(&[&first], json!({}))).is_err(), "its name is taken now");
    for (status, expected) in [("active", &second), ("inactive", &first)] {
        assert_eq!(listed(list(&mut cx, &asked(&[], json!({ "status": status })))), [expected.as_str()]);
    }
    value(deactivate(&mut cx, &asked(&[&second], json!({}))));
    let again = value(reactivate(&mut cx, &asked(&[&first], json!({}))));
    assert_eq!(again["status"], "active");
    assert_eq!(again["status_transitions"], json!({ "deactivated_at": null }));
    let expected = [
        "billing.meter.created",
        "billing.meter.updated",
        "billing.meter.deactivated",
        "billing.meter.created",
        "billing.meter.deactivated",
        "billing.meter.reactivated",
    ];
    assert_eq!(told(cx.world), expected);
    assert!(cx.find::<Meter>(&first).is_some_and(Meter::is_active));
}
