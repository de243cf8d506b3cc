//! The operations of meters themselves.

use super::{Formula, LONGEST_NAME, Meter, Window, active, at_most};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    world::Cx,
};
use serde::Deserialize;
use serde_json::Value;

/// Longest name for people, in characters.
const LONGEST_DISPLAY_NAME: usize = 250;

/// What is asked of a new meter.
#[derive(Deserialize)]
struct New {
    customer_mapping: Option<Key>,
    default_aggregation: Aggregation,
    display_name: String,
    event_name: String,
    event_time_window: Option<Window>,
    value_settings: Option<Key>,
}

#[derive(Deserialize)]
struct Aggregation {
    formula: Formula,
}

#[derive(Deserialize)]
struct Key {
    event_payload_key: String,
}

/// `POST /v1/billing/meters`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let new: New = asked.read()?;
    at_most(&new.display_name, LONGEST_DISPLAY_NAME, "display_name")?;
    at_most(&new.event_name, LONGEST_NAME, "event_name")?;
    name_is_free(cx, &new.event_name)?;
    let id = cx.new_id("mtr_test");
    let now = cx.now();
    let key = |given: Option<Key>, usual: &str| given.map_or_else(|| usual.to_owned(), |key| key.event_payload_key);
    let meter = Meter {
        id: id.clone(),
        created: now,
        updated: now,
        display_name: new.display_name,
        event_name: new.event_name,
        formula: new.default_aggregation.formula,
        event_time_window: new.event_time_window,
        customer_key: key(new.customer_mapping, "stripe_customer_id"),
        value_key: key(new.value_settings, "value"),
        deactivated_at: None,
    };
    cx.create(meter, "billing.meter.created");
    Answer::object::<Meter>(cx, &id)
}

/// Two meters that count at a time have different names.
fn name_is_free(cx: &Cx<'_>, event_name: &str) -> Result<(), ApiError> {
    match active(cx.world, event_name) {
        Some(other) => {
            let message = format!("An active meter (`{}`) already exists for event name \"{event_name}\".", other.id);
            Err(ApiError::wrong(&message, "event_name"))
        }
        None => Ok(()),
    }
}

/// `GET /v1/billing/meters`
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let status = asked.params.get("status").and_then(Value::as_str);
    Ok(Answer::list::<Meter>(cx, |meter| status.is_none_or(|status| (status == "active") == meter.is_active())))
}

/// `GET /v1/billing/meters/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    cx.of_path::<Meter>(asked.id())?;
    Answer::object::<Meter>(cx, asked.id())
}

/// `POST /v1/billing/meters/{id}`: nothing but the name for people can be changed.
pub(crate) fn update(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let meter: Meter = cx.of_path(asked.id())?;
    let given = asked.params.get("display_name").and_then(Value::as_str);
    if let Some(name) = given.filter(|name| *name != meter.display_name) {
        at_most(name, LONGEST_DISPLAY_NAME, "display_name")?;
        let now = cx.now();
        cx.change::<Meter>(&meter.id, "billing.meter.updated", |meter| {
            meter.display_name = name.to_owned();
            meter.updated = now;
        });
    }
    Answer::object::<Meter>(cx, asked.id())
}

/// `POST /v1/billing/meters/{id}/deactivate`: it takes no more events; what it counted stays.
pub(crate) fn deactivate(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let meter: Meter = cx.of_path(asked.id())?;
    if !meter.is_active() {
        return Err(ApiError::invalid(format!("The meter `{}` is inactive already.", meter.id)));
    }
    let now = cx.now();
    set(cx, &meter.id, Some(now), "billing.meter.deactivated");
    Answer::object::<Meter>(cx, asked.id())
}

/// `POST /v1/billing/meters/{id}/reactivate`
pub(crate) fn reactivate(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let meter: Meter = cx.of_path(asked.id())?;
    if meter.is_active() {
        return Err(ApiError::invalid(format!("The meter `{}` is active already.", meter.id)));
    }
    name_is_free(cx, &meter.event_name)?;
    set(cx, &meter.id, None, "billing.meter.reactivated");
    Answer::object::<Meter>(cx, asked.id())
}

fn set(cx: &mut Cx<'_>, id: &str, deactivated_at: Option<i64>, event: &str) {
    let now = cx.now();
    cx.edit::<Meter>(id, |meter| {
        meter.deactivated_at = deactivated_at;
        meter.updated = now;
    });
    cx.tell::<Meter>(event, id);
}
