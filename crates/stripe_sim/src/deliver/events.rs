//! The events API of v1, and how long events are kept.

use super::targets::means;
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    world::{Cx, Event, World, within},
};
use serde::Deserialize;
use std::cmp::Reverse;

/// How long events can be fetched, in seconds.
const KEPT_FOR: i64 = 30 * A_DAY;
const A_DAY: i64 = 24 * 60 * 60;
/// The most types that one list can be of.
const MOST_TYPES: usize = 20;

/// Takes out what the API does not show any more. What is left does not depend on how often this is done, so a state
/// that is to be kept or compared has it done last.
pub(crate) fn forget(world: &mut World) {
    let oldest = world.now - KEPT_FOR;
    world.tables.events.forget(|event| event.created < oldest);
    world.tables.thin_events.forget(|event| event.created < oldest);
    world.tables.deliveries.forget(|delivery| delivery.created < oldest && delivery.is_over());
}

/// The same, but not before there is a day's worth to take out: that is cheaper than one by one.
pub(super) fn forget_at_times(world: &mut World) {
    let long_ago = world.now - KEPT_FOR - A_DAY;
    let events = world.tables.events.all().next().map(|event| event.created);
    let thin_events = world.tables.thin_events.all().next().map(|event| event.created);
    if events.is_some_and(|oldest| oldest < long_ago) || thin_events.is_some_and(|oldest| oldest < long_ago) {
        forget(world);
    }
}

/// What may be asked of a list.
#[derive(Deserialize)]
struct Wanted {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    types: Vec<String>,
    delivery_success: Option<bool>,
}

impl Wanted {
    fn has(&self, event: &Event) -> bool {
        self.kind.as_deref().is_none_or(|kind| means(kind, &event.kind))
            && (self.types.is_empty() || self.types.contains(&event.kind))
            && self.delivery_success.is_none_or(|success| success == (event.pending_webhooks == 0))
    }
}

/// `GET /v1/events`: those of the last 30 days.
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let wanted: Wanted = asked.read()?;
    if wanted.kind.is_some() && !wanted.types.is_empty() {
        return Err(ApiError::invalid("You may only specify one of these parameters: type, types."));
    }
    if wanted.types.len() > MOST_TYPES {
        let message = format!("You can list events of at most {MOST_TYPES} types.");
        return Err(ApiError::wrong(&message, "types"));
    }
    forget(cx.world);
    let created = asked.params.get("created");
    if !cx.world.dispatch.dated_back {
        return Ok(Answer::list::<Event>(cx, |event| wanted.has(event) && within(event.created, created)));
    }
    let rows = cx.world.all::<Event>().rev().filter(|event| wanted.has(event) && within(event.created, created));
    let mut found: Vec<(i64, &str)> = rows.map(|event| (event.created, event.id.as_str())).collect();
    // A planted fault may have dated an event back; equal times stay as they are, the last first.
    found.sort_by_key(|(created, _)| Reverse(*created));
    let ids = found.into_iter().map(|(_, id)| id.to_owned()).collect();
    Ok(Answer::listed::<Event>(ids))
}

/// `GET /v1/events/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    forget(cx.world);
    let event: Event = cx.of_path(asked.id())?;
    Ok(Answer::Value(cx.world.wire(&event)))
}
