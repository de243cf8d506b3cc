//! Meters: what is refused at once, and what adds up to how much.

mod shown;
mod wrong;

use super::{DAY, Receipt, Waiting, check, create, create_event, events::LAG, report, usage};
use crate::{
    objects::{
        customers,
        decimal::Decimal,
        testing::{asked, refused, value},
    },
    world::{Cx, Timer, World},
};
use serde_json::{Value, json};

/// 2023-11-14T22:13:20Z
const NOW: i64 = 1_700_000_000;

/// 2023-11-14T22:00:00Z
const HOUR: i64 = 1_699_999_200;

fn world() -> World {
    World::new(7, NOW)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn customer(cx: &mut Cx<'_>) -> String {
    text(&value(customers::create(cx, &asked(&[], json!({ "email": "a@example.com" }))))["id"])
}

/// A meter for events of the name `tokens`.
fn meter(cx: &mut Cx<'_>, formula: &str, window: Option<&str>) -> String {
    let mut params = json!({
        "display_name": "Tokens", "event_name": "tokens", "default_aggregation": { "formula": formula },
    });
    if let Some(window) = window {
        params["event_time_window"] = json!(window);
    }
    text(&value(create(cx, &asked(&[], params)))["id"])
}

/// The parameters of an event.
fn event(customer: &str, amount: &str, timestamp: i64, identifier: &str) -> Value {
    json!({
        "event_name": "tokens", "timestamp": timestamp, "identifier": identifier,
        "payload": { "stripe_customer_id": customer, "value": amount },
    })
}

fn send(cx: &mut Cx<'_>, params: &Value) -> Value {
    value(create_event(cx, &asked(&[], params.clone())))
}

/// Lets time pass, and does what meters do meanwhile.
fn pass(cx: &mut Cx<'_>, to: i64) {
    while let Some(at) = cx.world.timers.next_at().filter(|at| *at <= to) {
        cx.world.now = at;
        match cx.world.timers.pop(at) {
            Some(Timer::MeterCheck) => check(cx),
            Some(Timer::MeterReport(meter)) => report(cx, &meter),
            _ => {}
        }
    }
    cx.world.now = to;
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect(text)
}

#[test]
fn an_event_counts_after_a_while() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    let (customer, meter) = (customer(&mut cx), meter(&mut cx, "sum", None));
    let sent = send(&mut cx, &event(&customer, "25", NOW - 60, "one"));
    let expected = json!({
        "object": "billing.meter_event", "created": NOW, "event_name": "tokens", "identifier": "one", "livemode": false,
        "payload": { "stripe_customer_id": customer, "value": "25" }, "timestamp": NOW - 60,
    });
    assert_eq!(sent, expected);
    pass(&mut cx, NOW + LAG - 1);
    assert_eq!(usage(cx.world, &meter, &customer, 0, NOW), Decimal::ZERO);
    pass(&mut cx, NOW + LAG);
    assert_eq!(usage(cx.world, &meter, &customer, 0, NOW), decimal("25"));
    for (from, to, expected) in [(NOW - 60, NOW - 59, "25"), (NOW - 59, NOW, "0"), (0, NOW - 60, "0"), (NOW, 0, "0")] {
        assert_eq!(usage(cx.world, &meter, &customer, from, to), decimal(expected), "{from} to {to}");
    }
    assert_eq!(usage(cx.world, &meter, "cus_other", 0, NOW), Decimal::ZERO);
    assert_eq!(usage(cx.world, "mtr_other", &customer, 0, NOW), Decimal::ZERO);
    assert_eq!(cx.world.all::<Waiting>().count(), 0);
}

#[test]
fn an_event_without_an_identifier_gets_one_and_the_present_time() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    meter(&mut cx, "count", None);
    let sent = send(&mut cx, &json!({ "event_name": "tokens", "payload": { "value": null } }));
    let identifier = text(&sent["identifier"]);
    let lengths: Vec<usize> = identifier.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{identifier}");
    assert_eq!((&sent["timestamp"], &sent["payload"]["value"]), (&json!(NOW), &json!("")));
}

#[test]
fn what_cannot_be_right_is_refused_at_once() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    meter(&mut cx, "sum", None);
    let oldest = NOW - 35 * DAY;
    for timestamp in [oldest, NOW, NOW + 300] {
        send(&mut cx, &event("cus_1", "1", timestamp, &format!("at {timestamp}")));
    }
    let mut other = event("cus_1", "1", NOW, "x");
    other["event_name"] = json!("other");
    let long = "i".repeat(101);
    let too_old = format!(
        "The event timestamp cannot be more than 35 days in past. Expected a timestamp greater than or equal to \
         {oldest}."
    );
    for (params, message, param) in [
        (event("cus_1", "1", oldest - 1, "x"), too_old.as_str(), Some("timestamp")),
        (
            event("cus_1", "1", NOW + 301, "x"),
            "The event timestamp cannot be more than 5 minutes in the future.",
            Some("timestamp"),
        ),
        (other, "No active meter found for event name \"other\".", None),
        (event("cus_1", "1", NOW, &long), "Invalid string: iii", Some("identifier")),
    ] {
        let error = refused(create_event(&mut cx, &asked(&[], params.clone())));
        assert!(error.message.starts_with(message), "{params}: {}", error.message);
        assert_eq!((error.status, error.param.as_deref()), (400, param), "{params}");
    }
}

#[test]
fn an_identifier_is_taken_for_a_day() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    let (customer, meter) = (customer(&mut cx), meter(&mut cx, "sum", None));
    let params = event(&customer, "1", NOW, "one");
    send(&mut cx, &params);
    for later in [NOW, NOW + LAG, NOW + DAY - 1] {
        pass(&mut cx, later);
        let error = refused(create_event(&mut cx, &asked(&[], params.clone())));
        assert_eq!(error.message, "An event already exists with identifier one.");
        assert_eq!((error.status, error.code, error.should_retry), (400, None, Some(false)));
    }
    pass(&mut cx, NOW + DAY);
    send(&mut cx, &params);
    pass(&mut cx, NOW + DAY + LAG);
    assert_eq!(usage(cx.world, &meter, &customer, NOW, NOW + 1), decimal("2"), "a late repetition counts twice");
}

#[test]
fn formulas_make_of_the_values_what_is_documented() {
    // E127, E130, E131, E132: values with their minute after the hour, formula and window, and what it comes to.
    type Row = (&'static [(i64, &'static str)], &'static str, Option<&'static str>, &'static str);
    let table: [Row; 11] = [
        (&[(0, "15"), (1, "17")], "sum", None, "32"),
        (&[(0, "15"), (1, "17")], "count", None, "2"),
        (&[(0, "17"), (1, "10"), (2, "15")], "last", None, "15"),
        (&[(2, "15"), (0, "17"), (1, "10")], "last", None, "15"),
        (&[(0, "10"), (0, "15")], "last", None, "15"),
        (&[(0, "0.1"), (1, "0.2"), (2, "-1.3")], "sum", None, "-1"),
        (&[], "last", None, "0"),
        (&[(-10, "5"), (10, "5"), (50, "3"), (60, "4")], "sum", Some("hour"), "12"),
        (&[(-10, "5"), (50, "3"), (10, "5"), (60, "4")], "count", Some("hour"), "3"),
        (&[(-10, "5"), (50, "3"), (10, "5"), (60, "4")], "last", Some("hour"), "4"),
        (&[(-10, "5"), (50, "3"), (119, "4"), (120, "7")], "sum", Some("day"), "11"),
    ];
    for (values, formula, window, expected) in table {
        let mut world = world();
        let mut cx = Cx::new(&mut world, None);
        pass(&mut cx, HOUR + 3 * 3600);
        let (customer, meter) = (customer(&mut cx), meter(&mut cx, formula, window));
        for (place, (minute, amount)) in values.iter().enumerate() {
            send(&mut cx, &event(&customer, amount, HOUR + minute * 60, &place.to_string()));
        }
        pass(&mut cx, HOUR + 4 * 3600);
        let found = usage(cx.world, &meter, &customer, HOUR - DAY, HOUR + DAY);
        assert_eq!(found, decimal(expected), "{formula} of {values:?} by {window:?}");
    }
}

#[test]
fn old_receipts_are_forgotten_once_there_are_many() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    meter(&mut cx, "count", None);
    for place in 0..10_000 {
        send(&mut cx, &event("cus_x", "1", NOW, &place.to_string()));
    }
    pass(&mut cx, NOW + 2 * DAY);
    assert_eq!(cx.world.all::<Receipt>().count(), 10_000);
    send(&mut cx, &event("cus_x", "1", NOW, "last"));
    pass(&mut cx, NOW + 3 * DAY);
    let left: Vec<&str> = cx.world.all::<Receipt>().map(|receipt| receipt.id.as_str()).collect();
    assert_eq!(left, ["last"]);
}
