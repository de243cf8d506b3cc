//! Taking a meter event back.

use super::{Receipt, Tally, events::State};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    world::Cx,
};
use serde_json::{Value, json};

/// `POST /v1/billing/meter_event_adjustments`
pub(crate) fn adjust(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let cancel = asked.params.get("cancel").ok_or_else(|| ApiError::missing("cancel"))?;
    let identifier = cancel.get("identifier").and_then(Value::as_str);
    let identifier = identifier.ok_or_else(|| ApiError::missing("cancel[identifier]"))?;
    let event_name = asked.params["event_name"].as_str().unwrap_or_default();
    let status = cancel_event(cx, event_name, identifier)?;
    Ok(Answer::Value(json!({
        "object": "billing.meter_event_adjustment",
        "cancel": { "identifier": identifier },
        "event_name": event_name,
        "livemode": false,
        "status": status,
        "type": "cancel",
    })))
}

/// Takes an event back; answers `complete`, or `pending` when it has not even been counted yet.
///
/// An event that was wrong, or was taken back before, can be taken back: nothing comes of it.
///
/// # Errors
/// No event of this name with this identifier came in during the last day.
pub(super) fn cancel_event(cx: &mut Cx<'_>, event_name: &str, identifier: &str) -> Result<&'static str, ApiError> {
    let now = cx.now();
    let is_meant = |receipt: &&Receipt| receipt.event_name == event_name && receipt.is_fresh(now);
    let Some(receipt) = cx.world.get::<Receipt>(identifier).filter(is_meant).cloned() else {
        let message = format!(
            "No event for event name \"{event_name}\" with identifier {identifier} was received in the last 24 hours."
        );
        return Err(ApiError::wrong(&message, "cancel[identifier]"));
    };
    cx.edit::<Receipt>(identifier, |receipt| receipt.state = State::Cancelled);
    match receipt.state {
        State::Waiting => return Ok("pending"),
        State::Counted { tally, timestamp, place } => {
            cx.edit::<Tally>(&tally, |tally| tally.remove(timestamp, place));
        }
        State::Refused | State::Cancelled => {}
    }
    Ok("complete")
}
