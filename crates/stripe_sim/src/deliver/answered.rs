//! Whether all endpoints have taken an event: the hour of a draft begins when they have taken `invoice.created`.

use super::{Delivery, targets::target};
use crate::world::{Event, World};

/// When every endpoint that was told that `kind` happened to the object `object_id`, the last time it did, had taken it,
/// in seconds; `None` as long as one has not. An endpoint that is disabled or gone is not waited for. Where no endpoint
/// wanted it that is the time of the event itself, and 0 where there is no such event (any more).
pub(crate) fn answered_at(world: &World, object_id: &str, kind: &str) -> Option<i64> {
    let event = world.of::<Event>(object_id).rfind(|event| event.kind == kind);
    let Some(event) = event else { return Some(0) };
    let mut last = event.created;
    for delivery in world.of::<Delivery>(&event.id).filter(|delivery| !delivery.again) {
        match delivery.taken_at() {
            Some(at) => last = last.max(at),
            None if target(world, &delivery.endpoint).is_some_and(|target| target.enabled) => return None,
            None => {}
        }
    }
    Some(last)
}
