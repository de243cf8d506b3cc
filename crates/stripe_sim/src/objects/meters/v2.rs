//! Meter events under the second version of the API: one by one with all checks at once, and as a stream with none.
//!
//! Source: <https://docs.stripe.com/api/v2/billing-meter>

use super::{
    FARTHEST, LONGEST_NAME, Meter, OLDEST, active,
    adjust::cancel_event,
    at_most,
    check::{text, value_of},
    events::{is_taken, take, texts},
};
use crate::{
    deliver::v2::time,
    error::ApiError,
    http::{Answer, Asked},
    world::{Cx, Resource, World},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// How long a session's token is good, in seconds.
const TOKEN_LIFE: i64 = 900;

/// Most events in one request to the stream.
const MOST_EVENTS: usize = 100;

/// That someone may send events to the stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MeterSession {
    pub id: String,
    pub created: i64,
    /// What is sent in place of a key.
    pub authentication_token: String,
    pub expires_at: i64,
}

impl Resource for MeterSession {
    const SCHEMA: &'static str = "v2.billing.meter_event_session";

    fn id(&self) -> &str {
        &self.id
    }

    fn view(&self, _world: &World) -> Value {
        json!({
            "id": self.id,
            "object": "v2.billing.meter_event_session",
            "authentication_token": self.authentication_token,
            "created": time(self.created),
            "expires_at": time(self.expires_at),
            "livemode": false,
        })
    }
}

/// What is sent.
#[derive(Deserialize)]
struct Sent {
    event_name: String,
    identifier: Option<String>,
    payload: Map<String, Value>,
    timestamp: Option<String>,
}

/// `POST /v2/billing/meter_events`
pub(crate) fn create_event(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let sent: Sent = asked.read()?;
    let timestamp = checked(cx, &sent)?;
    let event = take(cx, &sent.event_name, sent.identifier, timestamp, texts(sent.payload));
    Ok(Answer::Value(json!({
        "object": "v2.billing.meter_event",
        "created": time(event.received),
        "event_name": event.event_name,
        "identifier": event.id,
        "livemode": false,
        "payload": event.payload,
        "timestamp": time(event.timestamp),
    })))
}

/// When an event happened, if nothing is wrong with it. Whether its customer exists is seen later.
fn checked(cx: &Cx<'_>, sent: &Sent) -> Result<i64, ApiError> {
    let wrong = |code: &str, message: String| Err(ApiError::invalid(message).code(code));
    let name = &sent.event_name;
    let Some(meter) = active(cx.world, name) else {
        return if cx.world.all::<Meter>().any(|meter| meter.event_name == *name) {
            wrong("archived_meter", format!("The meter for event name \"{name}\" is inactive."))
        } else {
            wrong("no_meter", format!("No active meter found for event name \"{name}\"."))
        };
    };
    let timestamp = time_of(cx, sent)?;
    if timestamp < cx.now() - OLDEST {
        return wrong("timestamp_too_far_in_past", "The event timestamp is more than 35 days in the past.".into());
    }
    if timestamp > cx.now() + FARTHEST {
        return wrong("timestamp_in_future", "The event timestamp is more than 5 minutes in the future.".into());
    }
    if let Some(identifier) = &sent.identifier {
        at_most(identifier, LONGEST_NAME, "identifier")?;
        if is_taken(cx.world, identifier) {
            let message = format!("An event already exists with identifier {identifier}.");
            return wrong("duplicate_meter_event", message);
        }
    }
    if text(&sent.payload, &meter.customer_key).is_none() {
        let message = format!("Customer mapping key {} not found in payload.", meter.customer_key);
        return wrong("payload_no_customer_defined", message);
    }
    match value_of(meter, &sent.payload) {
        Ok(_) => Ok(timestamp),
        Err(("meter_event_value_not_found", message)) => wrong("payload_no_value_defined", message),
        Err((_, message)) => wrong("payload_invalid_value", message),
    }
}

fn time_of(cx: &Cx<'_>, sent: &Sent) -> Result<i64, ApiError> {
    let Some(text) = &sent.timestamp else { return Ok(cx.now()) };
    let parsed = text.parse::<Timestamp>();
    parsed
        .map(Timestamp::as_second)
        .map_err(|_| ApiError::wrong(&format!("Invalid timestamp: {text}"), "timestamp").code("invalid_fields"))
}

/// `POST /v2/billing/meter_event_adjustments`
pub(crate) fn adjust(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let event_name = asked.params["event_name"].as_str().unwrap_or_default();
    let identifier = asked.params["cancel"]["identifier"].as_str().unwrap_or_default();
    let status = cancel_event(cx, event_name, identifier)?;
    Ok(Answer::Value(json!({
        "id": cx.new_id("mtreadj_test"),
        "object": "v2.billing.meter_event_adjustment",
        "cancel": { "identifier": identifier },
        "created": time(cx.now()),
        "event_name": event_name,
        "livemode": false,
        "status": status,
        "type": "cancel",
    })))
}

/// `POST /v2/billing/meter_event_session`
pub(crate) fn create_session(cx: &mut Cx<'_>, _asked: &Asked) -> Result<Answer, ApiError> {
    let now = cx.now();
    let is_over = |session: &&MeterSession| session.expires_at <= now;
    let over: Vec<String> = cx.world.all::<MeterSession>().filter(is_over).map(|session| session.id.clone()).collect();
    for id in over {
        cx.remove::<MeterSession>(&id);
    }
    let id = cx.new_id("mtrsess_test");
    let authentication_token = format!("mtrtok_test_{}", cx.world.random.letters(48));
    cx.put(MeterSession { id: id.clone(), created: now, authentication_token, expires_at: now + TOKEN_LIFE });
    Answer::object::<MeterSession>(cx, &id)
}

/// Whether `token` may send to the stream now. The stream takes it in place of a key, and nothing else does.
///
/// # Errors
/// The token is unknown or its time is over.
pub(crate) fn token_is_good(world: &World, token: &str) -> Result<(), ApiError> {
    let session = world.all::<MeterSession>().find(|session| session.authentication_token == token);
    if session.is_some_and(|session| session.expires_at > world.now) {
        return Ok(());
    }
    let message = "The meter event session has expired. Create another one.";
    let error = ApiError::invalid(message).code("billing_meter_event_session_expired");
    Err(ApiError { kind: "temporary_session_expired", ..error })
}

/// `POST /v2/billing/meter_event_stream`: all of it is seen later; an identifier that was used before is passed over.
pub(crate) fn stream(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    #[derive(Deserialize)]
    struct Many {
        events: Vec<Sent>,
    }
    let many: Many = asked.read()?;
    if many.events.len() > MOST_EVENTS {
        let message = format!("At most {MOST_EVENTS} events can be sent at a time.");
        return Err(ApiError::wrong(&message, "events").code("invalid_fields"));
    }
    for sent in many.events {
        let timestamp = time_of(cx, &sent)?;
        if sent.identifier.as_ref().is_none_or(|identifier| !is_taken(cx.world, identifier)) {
            take(cx, &sent.event_name, sent.identifier, timestamp, texts(sent.payload));
        }
    }
    Ok(Answer::Value(json!({})))
}
