//! The sandbox's own inbox: an endpoint for those who have none yet. It takes webhooks as a good endpoint does, by their
//! signature, and shows them to people and programs.

use super::{
    control::Frame,
    paging::Paged,
    reply,
    shown::{self, instant},
    visit::Visit,
};
use crate::{
    deliver::{EventDestination, HEADERS, Sent, WebhookEndpoint, verified},
    sandbox::Shared,
    world::World,
};
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Where it is, on this server.
pub(super) const PATH: &str = "/_sandbox/inbox";

/// Its whole address, as an endpoint has it.
pub(super) fn url(world: &World) -> String {
    format!("{}{PATH}", world.settings.base)
}

/// Whether anything is sent to it.
pub(super) fn is_used(world: &World) -> bool {
    let url = url(world);
    world.all::<WebhookEndpoint>().any(|found| found.url == url)
        || world.all::<EventDestination>().any(|found| found.url == url)
}

/// A webhook that was sent, in full.
pub(super) struct Shown {
    pub kind: String,
    /// The page of its event.
    pub event: String,
    pub when: String,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// The answer in a line.
    pub answer: String,
    /// How its body begins; empty when there is none.
    pub said: String,
    /// Whether it was taken.
    pub well: bool,
}

impl Shown {
    /// For people.
    pub fn of(sent: Sent) -> Self {
        let signature = ("Stripe-Signature", sent.outgoing.signature.clone());
        let headers = HEADERS.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let (well, answer, said) = match sent.answer {
            Ok(answered) => {
                let well = (200..300).contains(&answered.status);
                let code = StatusCode::from_u16(answered.status).ok().and_then(|status| status.canonical_reason());
                (well, format!("{} {}", answered.status, code.unwrap_or_default()), answered.body)
            }
            Err(error) => (false, format!("No answer: {error}"), String::new()),
        };
        Self {
            event: super::control::path_of(&sent.outgoing.event),
            kind: sent.outgoing.kind,
            when: shown::when(sent.outgoing.at),
            url: sent.outgoing.url,
            headers: headers.chain([signature]).collect(),
            body: sent.outgoing.body,
            answer: answer.trim_end().to_owned(),
            said: said.trim_end().to_owned(),
            well,
        }
    }
}

/// The page.
#[derive(Template)]
#[template(path = "control_inbox.html")]
struct Page {
    frame: Frame,
    url: String,
    used: bool,
    kind: String,
    rows: Paged<Shown>,
}

/// `inbox`: the page
pub(super) fn show(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let (frame, url, used) = shared.with(|world| (Frame::of(world, "inbox"), url(world), is_used(world)));
    let kind = visit.query.get("type").to_owned();
    let rows = came(shared, &url, &kind).into_iter().map(Shown::of);
    reply::page(StatusCode::OK, &Page { frame, used, rows: Paged::of(rows, visit, "page"), url, kind })
}

/// What came, the newest first: that whose type begins with `kind`.
fn came(shared: &Shared, url: &str, kind: &str) -> Vec<Sent> {
    let mut found = shared.sent.to(url);
    found.retain(|sent| sent.outgoing.kind.starts_with(kind));
    found
}

/// `api/inbox`: the same for programs
pub(super) fn as_json(shared: &Arc<Shared>, visit: &Visit) -> Value {
    let url = shared.with(|world| url(world));
    let all = came(shared, &url, visit.query.get("type"));
    let limit = visit.query.number("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let data = all.iter().take(limit).map(|sent| {
        let mut headers: serde_json::Map<String, Value> =
            HEADERS.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        headers.insert("Stripe-Signature".to_owned(), json!(sent.outgoing.signature));
        let answer = match &sent.answer {
            Ok(answered) => json!({ "status": answered.status, "body": answered.body }),
            Err(error) => json!({ "error": error }),
        };
        let body: Value = serde_json::from_str(&sent.outgoing.body).unwrap_or_default();
        json!({ "at": instant(sent.outgoing.at), "type": sent.outgoing.kind, "answer": answer, "headers": headers, "body": body })
    });
    json!({ "object": "list", "data": data.collect::<Vec<_>>() })
}

/// `inbox`, posted: a webhook arrives
pub(super) fn take(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let Ok(body) = std::str::from_utf8(&visit.body) else {
        return reply::text(StatusCode::BAD_REQUEST, "The body is not UTF-8.");
    };
    match shared.with(|world| verified(world, &url(world), &visit.signature, body)) {
        Ok(()) => reply::text(StatusCode::OK, "The signature is good."),
        Err(why) => reply::text(StatusCode::BAD_REQUEST, why),
    }
}
