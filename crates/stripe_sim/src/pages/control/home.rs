//! The overview: what time it is, what there is, what happened last, and where to begin.

use super::{Frame, kinds};
use crate::{
    clock,
    deliver::{EventDestination, WebhookEndpoint},
    pages::{reply, shown},
    sandbox::Shared,
    world::{Event, World},
};
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use std::sync::Arc;

/// Events that are shown.
const LAST: usize = 10;

/// The page.
#[derive(Template)]
#[template(path = "control_home.html")]
struct Home {
    frame: Frame,
    base: String,
    /// When something is due next.
    next: Option<String>,
    kinds: Vec<(String, &'static str, usize)>,
    events: Vec<(String, String, String)>,
    /// Whether nobody gets events yet.
    no_endpoint: bool,
}

/// Shows it.
pub(super) fn show(shared: &Arc<Shared>) -> Response<Body> {
    let page = shared.with(|world| home(world));
    reply::page(StatusCode::OK, &page)
}

fn home(world: &World) -> Home {
    let next = clock::next_at(world).map(|at| format!("{} ({})", shown::when(at), shown::wait(at - world.now)));
    let link = |kind: &kinds::Kind| format!("/_sandbox/objects/{}", kind.schema);
    let kinds = kinds::KINDS.iter().map(|kind| (link(kind), kind.title, (kind.count)(world)));
    let events = world.all::<Event>().rev().take(LAST);
    Home {
        frame: Frame::of(world, ""),
        base: world.settings.base.clone(),
        next,
        kinds: kinds.filter(|(.., count)| *count > 0).collect(),
        events: events.map(|event| (kinds::path(&event.id), event.kind.clone(), shown::when(event.created))).collect(),
        no_endpoint: world.all::<WebhookEndpoint>().next().is_none()
            && world.all::<EventDestination>().next().is_none(),
    }
}
