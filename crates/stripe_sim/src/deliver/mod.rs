//! Webhooks: which endpoint gets which event, when, signed how, and what becomes of it.

use crate::world::{Cx, Event};

/// Keeps an event and plans its deliveries.
pub(crate) fn plan(cx: &mut Cx<'_>, event: Event) {
    cx.put(event);
}
