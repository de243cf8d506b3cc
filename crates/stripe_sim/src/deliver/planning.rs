//! An event is told: it is kept, and its deliveries are planned.

use super::{
    deliveries::{Told, send_out},
    events::forget_at_times,
    faults::{self, DeliveryFault},
    targets::{Payload, wanting},
    thin::{tell_thin, twin},
};
use crate::world::{Cx, Event, World};
use serde_json::Value;

/// Keeps an event and plans its deliveries, and those of the thin event that goes with it.
pub(crate) fn plan(cx: &mut Cx<'_>, mut event: Event) {
    forget_at_times(cx.world);
    let targets = wanting(cx.world, &event.kind, Payload::Snapshot);
    let fault = faults::pick(cx, &event.kind, &event.id, !targets.is_empty());
    if fault == Some(DeliveryFault::EqualTimestamps) {
        event.created = told_last(cx.world, &event).unwrap_or(event.created);
        cx.world.dispatch.dated_back = true;
    }
    event.pending_webhooks = u32::try_from(targets.len()).unwrap_or(u32::MAX);
    let (id, kind) = (event.id.clone(), event.kind.clone());
    let twin = twin(cx.world, &event);
    cx.put(event);
    send_out(cx, &Told { event: &id, kind: &kind, payload: Payload::Snapshot }, &targets, fault);
    if let Some((kind, related)) = twin {
        tell_thin(cx, &kind, Some(related), Value::Null);
    }
}

/// When something was told last of the object that `event` is about, or of anything if nothing was.
fn told_last(world: &World, event: &Event) -> Option<i64> {
    let same = event.about().and_then(|id| world.of::<Event>(id).next_back());
    same.or_else(|| world.all::<Event>().next_back()).map(|other| other.created)
}
