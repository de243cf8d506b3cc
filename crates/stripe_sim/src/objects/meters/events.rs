//! Meter events as they come in: what is refused at once, and what is taken to be checked a little later.

use super::{DAY, FARTHEST, LONGEST_NAME, OLDEST, active, at_most};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    world::{Cx, Resource, Timer, World},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// How many seconds after it came in an event is checked and counted. Stripe says only that it is not at once.
pub(super) const LAG: i64 = 5;

/// An event that was taken and is not checked yet. Its id is its identifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub id: String,
    pub event_name: String,
    /// When it happened.
    pub timestamp: i64,
    /// When it came in.
    pub received: i64,
    /// When it is checked: the longer an event waits the earlier, since all wait equally long.
    pub due: i64,
    pub payload: Map<String, Value>,
}

impl Resource for Waiting {
    const SCHEMA: &'static str = "sandbox.meter_event_waiting";

    fn id(&self) -> &str {
        &self.id
    }
}

/// That an event came in. Its id is the event's identifier, which nobody else may use for a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Receipt {
    pub id: String,
    pub event_name: String,
    pub received: i64,
    pub state: State,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Waiting,
    /// It stands in a tally: its time and its place there.
    Counted {
        tally: String,
        timestamp: i64,
        place: u32,
    },
    /// It was wrong.
    Refused,
    /// It was taken back.
    Cancelled,
}

impl Resource for Receipt {
    const SCHEMA: &'static str = "sandbox.meter_event_receipt";

    fn id(&self) -> &str {
        &self.id
    }
}

impl Receipt {
    /// Whether its day has not passed yet.
    pub const fn is_fresh(&self, now: i64) -> bool {
        now - self.received < DAY
    }
}

/// What is sent.
#[derive(Deserialize)]
struct Sent {
    event_name: String,
    identifier: Option<String>,
    payload: Map<String, Value>,
    timestamp: Option<i64>,
}

/// `POST /v1/billing/meter_events`
///
/// Refused at once are a name that no active meter has, a time out of bounds and an identifier that was used before.
/// Whether customer and value are right is seen later.
pub(crate) fn create_event(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let sent: Sent = asked.read()?;
    at_most(&sent.event_name, LONGEST_NAME, "event_name")?;
    if active(cx.world, &sent.event_name).is_none() {
        return Err(ApiError::invalid(format!("No active meter found for event name \"{}\".", sent.event_name)));
    }
    let now = cx.now();
    let timestamp = sent.timestamp.unwrap_or(now);
    if timestamp < now - OLDEST {
        let message = format!(
            "The event timestamp cannot be more than 35 days in past. Expected a timestamp greater than or equal to \
             {}.",
            now - OLDEST
        );
        return Err(ApiError::wrong(&message, "timestamp"));
    }
    if timestamp > now + FARTHEST {
        let message = format!(
            "The event timestamp cannot be more than 5 minutes in the future. Expected a timestamp less than or equal \
             to {}.",
            now + FARTHEST
        );
        return Err(ApiError::wrong(&message, "timestamp"));
    }
    if let Some(identifier) = &sent.identifier {
        at_most(identifier, LONGEST_NAME, "identifier")?;
        if is_taken(cx.world, identifier) {
            return Err(duplicate(identifier));
        }
    }
    let event = take(cx, &sent.event_name, sent.identifier, timestamp, texts(sent.payload));
    Ok(Answer::Value(json!({
        "object": "billing.meter_event",
        "created": event.received,
        "event_name": event.event_name,
        "identifier": event.id,
        "livemode": false,
        "payload": event.payload,
        "timestamp": event.timestamp,
    })))
}

/// An identifier that was used before; to send it again is of no use.
pub(super) fn duplicate(identifier: &str) -> ApiError {
    let message = format!("An event already exists with identifier {identifier}.");
    ApiError { should_retry: Some(false), ..ApiError::invalid(message) }
}

/// Whether an event with this identifier came in during the last day.
pub(super) fn is_taken(world: &World, identifier: &str) -> bool {
    world.get::<Receipt>(identifier).is_some_and(|receipt| receipt.is_fresh(world.now))
}

/// A payload in which what was empty is an empty text.
pub(super) fn texts(mut payload: Map<String, Value>) -> Map<String, Value> {
    for value in payload.values_mut().filter(|value| value.is_null()) {
        *value = json!("");
    }
    payload
}

/// Takes an event in, to be checked after the lag. Without an identifier it is given one.
pub(super) fn take(
    cx: &mut Cx<'_>,
    event_name: &str,
    identifier: Option<String>,
    timestamp: i64,
    payload: Map<String, Value>,
) -> Waiting {
    let id = match identifier {
        Some(identifier) => identifier,
        None => uuid(cx),
    };
    let received = cx.now();
    let due = received.saturating_add(LAG);
    // Events of one second wait for one timer.
    if cx.world.all::<Waiting>().next_back().is_none_or(|last| last.due != due) {
        cx.at(due, Timer::MeterCheck);
    }
    cx.put(Receipt { id: id.clone(), event_name: event_name.to_owned(), received, state: State::Waiting });
    let event = Waiting { id, event_name: event_name.to_owned(), timestamp, received, due, payload };
    cx.put(event.clone());
    event
}

/// An identifier of the form that Stripe gives to events without one.
fn uuid(cx: &mut Cx<'_>) -> String {
    let (high, low) = (cx.world.random.below(u64::MAX), cx.world.random.below(u64::MAX));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}
