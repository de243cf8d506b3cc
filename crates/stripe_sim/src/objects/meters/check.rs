//! The later look at meter events: those that are right are counted, the others are reported.

use super::{
    DAY, FARTHEST, Formula, Meter, OLDEST, Receipt, Waiting, active,
    events::State,
    reports::{Fault, note},
    tally,
};
use crate::{
    objects::{
        customers::Customer,
        decimal::{Decimal, NoDecimal},
    },
    world::{Cx, World},
};
use serde_json::{Map, Value};

/// Most fields of a payload beside the customer and the value. Stripe has such a limit but does not say which.
const MOST_DIMENSIONS: usize = 10;

/// How many receipts are kept before those that are too old to matter are forgotten.
const MANY_RECEIPTS: usize = 10_000;

/// Looks at the events that are due (the timer `MeterCheck`).
pub(crate) fn check(cx: &mut Cx<'_>) {
    let now = cx.now();
    if cx.world.all::<Waiting>().next().is_none_or(|first| first.due > now) {
        return;
    }
    // All of them are taken out at once: one by one, each would move all those behind it.
    let waiting = std::mem::take(&mut cx.world.tables.meter_waiting);
    for event in waiting.all() {
        if event.due > now {
            cx.world.tables.meter_waiting.put(event.id.clone(), event.clone());
        } else {
            look_at(cx, event);
        }
    }
    forget(cx.world);
}

fn look_at(cx: &mut Cx<'_>, event: &Waiting) {
    let cancelled = |receipt: &Receipt| receipt.state == State::Cancelled;
    if cx.world.get::<Receipt>(&event.id).is_some_and(cancelled) {
        return;
    }
    let state = match judged(cx.world, event) {
        Ok((tally, value)) => {
            let place = tally::add(cx.world, &tally, event.timestamp, value);
            State::Counted { tally, timestamp: event.timestamp, place }
        }
        Err(fault) => {
            note(cx, fault, &event.id);
            State::Refused
        }
    };
    if let Some(receipt) = cx.world.tables.meter_receipts.get_mut(&event.id) {
        receipt.state = state;
    }
}

/// The tally that an event belongs to, and its value.
fn judged(world: &World, event: &Waiting) -> Result<(String, Decimal), Fault> {
    let meter = counting(world, &event.event_name)?;
    let wrong = |code: &'static str, message: String| Err(Fault { meter: Some(meter.id.clone()), code, message });
    if event.timestamp < event.received - OLDEST {
        return wrong("timestamp_too_far_in_past", "The event timestamp is more than 35 days in the past.".into());
    }
    if event.timestamp > event.received + FARTHEST {
        return wrong("timestamp_in_future", "The event timestamp is more than 5 minutes in the future.".into());
    }
    let Some(customer) = text(&event.payload, &meter.customer_key) else {
        let message = format!("Customer mapping key {} not found in payload.", meter.customer_key);
        return wrong("meter_event_no_customer_defined", message);
    };
    if world.get::<Customer>(customer).is_none_or(|customer| customer.deleted) {
        return wrong("meter_event_customer_not_found", format!("No such customer: '{customer}'"));
    }
    let own = [&meter.customer_key, &meter.value_key];
    let dimensions = event.payload.keys().filter(|name| !own.contains(name)).count();
    if dimensions > MOST_DIMENSIONS {
        let message = format!("The payload has {dimensions} dimensions; at most {MOST_DIMENSIONS} are allowed.");
        return wrong("meter_event_dimension_count_too_high", message);
    }
    match value_of(meter, &event.payload) {
        Ok(value) => Ok((tally::id_of(&meter.id, customer), value)),
        Err((code, message)) => wrong(code, message),
    }
}

/// The meter that counts events of this name, or what is wrong when none does.
fn counting<'a>(world: &'a World, event_name: &str) -> Result<&'a Meter, Fault> {
    if let Some(meter) = active(world, event_name) {
        return Ok(meter);
    }
    Err(match world.all::<Meter>().rfind(|meter| meter.event_name == event_name) {
        Some(archived) => Fault {
            meter: Some(archived.id.clone()),
            code: "archived_meter",
            message: format!("The meter for event name \"{event_name}\" is inactive."),
        },
        None => {
            Fault { meter: None, code: "no_meter", message: format!("No meter found for event name \"{event_name}\".") }
        }
    })
}

/// A field of the payload; one that is empty is not there.
pub(super) fn text<'a>(payload: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    payload.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The value of an event; where events are counted each is one.
pub(super) fn value_of(meter: &Meter, payload: &Map<String, Value>) -> Result<Decimal, (&'static str, String)> {
    if meter.formula == Formula::Count {
        return Ok(Decimal::from(1));
    }
    let Some(text) = text(payload, &meter.value_key) else {
        let message = format!("Value key {} not found in payload.", meter.value_key);
        return Err(("meter_event_value_not_found", message));
    };
    text.parse::<Decimal>().map_err(|why| match why {
        NoDecimal::NoNumber => ("meter_event_invalid_value", format!("The value '{text}' is not a number.")),
        NoDecimal::TooManyDigits => {
            ("meter_event_value_too_many_digits", format!("The value '{text}' has too many digits."))
        }
    })
}

/// Forgets receipts that say nothing any more, once there are many: a day after an event came in, its identifier is
/// free and it cannot be taken back.
fn forget(world: &mut World) {
    let now = world.now;
    let recent = |receipt: &Receipt| now - receipt.received < 2 * DAY;
    let receipts = &mut world.tables.meter_receipts;
    if receipts.len() < MANY_RECEIPTS || receipts.all().next().is_none_or(recent) {
        return;
    }
    let all = std::mem::take(receipts);
    for receipt in all.all().filter(|receipt| receipt.is_fresh(now)) {
        receipts.put(receipt.id.clone(), receipt.clone());
    }
}
