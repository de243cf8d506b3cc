//! Webhook endpoints and event destinations: what they want, their secrets, one more and one less.

use super::{Frame, back, kinds};
use crate::{
    deliver::{EventDestination, WebhookEndpoint, destinations, endpoints, roll_secret},
    error::ApiError,
    http::Asked,
    pages::{act, inbox, notice, paging::Paged, reply, sample, visit::Visit},
    sandbox::Shared,
    world::World,
};
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use serde_json::json;
use std::sync::Arc;

/// The page.
#[derive(Template)]
#[template(path = "control_endpoints.html")]
struct Page {
    frame: Frame,
    rows: Paged<Row>,
    /// Whether the sandbox's own inbox is one of them.
    has_inbox: bool,
}

/// An endpoint or destination.
struct Row {
    id: String,
    href: String,
    url: String,
    events: String,
    status: &'static str,
    secret: String,
    is_inbox: bool,
}

/// `endpoints`
pub(super) fn show(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let page = shared.with(|world| page(world, visit));
    reply::page(StatusCode::OK, &page)
}

fn page(world: &World, visit: &Visit) -> Page {
    let own = inbox::url(world);
    let status = |disabled: bool| if disabled { "disabled" } else { "enabled" };
    let endpoints = world.all::<WebhookEndpoint>().map(|found| Row {
        id: found.id.clone(),
        href: kinds::path(&found.id),
        url: found.url.clone(),
        events: wanted(&found.enabled_events),
        status: status(found.disabled),
        secret: found.secrets.current().to_owned(),
        is_inbox: found.url == own,
    });
    let destinations = world.all::<EventDestination>().map(|found| Row {
        id: found.id.clone(),
        href: kinds::path(&found.id),
        url: found.url.clone(),
        events: wanted(&found.enabled_events),
        status: status(found.disabled),
        secret: found.secrets.current().to_owned(),
        is_inbox: found.url == own,
    });
    let rows = Paged::of(endpoints.chain(destinations), visit, "page");
    Page { frame: Frame::of(world, "endpoints"), rows, has_inbox: inbox::is_used(world) }
}

/// Which events it gets, in words.
fn wanted(events: &[String]) -> String {
    if events.iter().any(|event| event == "*") { "all events".to_owned() } else { events.join(", ") }
}

fn after(done: Result<(), ApiError>) -> Response<Body> {
    match done {
        Ok(()) => reply::see("/_sandbox/endpoints"),
        Err(error) => notice::refused(&error, back("/_sandbox/endpoints")),
    }
}

/// `endpoints`, posted: one more, for these events
pub(super) fn create(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let form = visit.form();
    let events = form.given("events").unwrap_or("*").split(',').map(str::trim).filter(|event| !event.is_empty());
    let params = json!({ "url": form.get("url"), "enabled_events": events.collect::<Vec<_>>() });
    let asked = Asked { path: Vec::new(), url: String::new(), params };
    after(act(shared, |cx| endpoints::create(cx, &asked).map(drop)))
}

/// `endpoints/inbox`, posted: the sandbox's own inbox gets all events
pub(super) fn use_inbox(shared: &Arc<Shared>) -> Response<Body> {
    match sample::receive(shared) {
        Ok(()) => reply::see(inbox::PATH),
        Err(why) => notice::say(StatusCode::BAD_REQUEST, "That did not work", &why, back("/_sandbox/endpoints")),
    }
}

/// `endpoints/roll`, posted: a new secret; the old one stays in use for a while
pub(super) fn roll(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let form = visit.form();
    let overlap = form.number("overlap").unwrap_or(0);
    after(act(shared, |cx| roll_secret(cx, form.get("id"), overlap).map(drop)))
}

/// `endpoints/delete`, posted: one less
pub(super) fn delete(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let form = visit.form();
    let asked = Asked { path: vec![form.get("id").to_owned()], url: String::new(), params: json!({}) };
    after(act(shared, |cx| {
        if cx.find::<EventDestination>(asked.id()).is_some() {
            return destinations::delete(cx, &asked).map(drop);
        }
        endpoints::delete(cx, &asked).map(drop)
    }))
}
