//! The page of an object: all that Stripe shows of it, with links to what it names; of an event also its deliveries.

use super::{Frame, back, kinds};
use crate::{
    deliver::{self, Delivery, EventDestination, WebhookEndpoint, deliveries::Attempt},
    pages::{act, inbox::Shown, notice, reply, shown, visit::Visit},
    sandbox::Shared,
    world::World,
};
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use std::sync::Arc;

/// The page.
#[derive(Template)]
#[template(path = "control_object.html")]
struct Page {
    frame: Frame,
    id: String,
    /// Its id; of an event what happened.
    heading: String,
    title: &'static str,
    list: String,
    pieces: Vec<Piece>,
    /// Where the events about it are; `None` of an event.
    events: Option<String>,
    /// Of an event.
    deliveries: Option<Vec<Row>>,
    /// The page it has for payers, and what that is called.
    page: Option<(String, &'static str)>,
    is_customer: bool,
}

/// A piece of its JSON.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    text: String,
    href: Option<String>,
}

/// A delivery.
struct Row {
    id: String,
    endpoint: String,
    href: String,
    state: String,
    due: String,
    attempts: Vec<String>,
    /// Those of its tries that are remembered.
    sent: Vec<Shown>,
}

/// `object?id=…`
pub(super) fn show(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let id = visit.query.get("id");
    match shared.with(|world| page(shared, world, id)) {
        Some(page) => reply::page(StatusCode::OK, &page),
        None => {
            let message = format!("There is no object “{id}” in this state.");
            notice::say(StatusCode::NOT_FOUND, "No such object", &message, back("/_sandbox/objects"))
        }
    }
}

fn page(shared: &Shared, world: &World, id: &str) -> Option<Page> {
    let kind = kinds::of(world, id)?;
    let shown = world.shown(kind.schema, id)?;
    let text = serde_json::to_string_pretty(&shown).unwrap_or_default();
    let page = match kind.schema {
        "checkout.session" => shown["url"].as_str().map(|url| (url.to_owned(), "Its page for the payer")),
        "billing_portal.session" => shown["url"].as_str().map(|url| (url.to_owned(), "Its page for the customer")),
        "invoice" => shown["hosted_invoice_url"].as_str().map(|url| (url.to_owned(), "Its page for the payer")),
        _ => None,
    };
    let is_event = matches!(kind.schema, "event" | "v2.core.event");
    Some(Page {
        frame: Frame::of(world, if is_event { "events" } else { "objects" }),
        id: id.to_owned(),
        heading: if is_event { shown["type"].as_str().unwrap_or(id).to_owned() } else { id.to_owned() },
        title: kind.title,
        list: format!("/_sandbox/objects/{}", kind.schema),
        pieces: pieces(&text, |text| text != id && kinds::of(world, text).is_some()),
        events: (!is_event).then(|| format!("/_sandbox/events?about={}", shown::escaped(id))),
        deliveries: is_event.then(|| deliveries(shared, world, id)),
        page,
        is_customer: kind.schema == "customer" && shown["deleted"] != true,
    })
}

/// Cuts JSON so that each text that is an object's id is a piece with a link. A name of a field is none.
fn pieces(text: &str, is_id: impl Fn(&str) -> bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut parts = text.split('"').peekable();
    let mut first = true;
    while let Some(part) = parts.next() {
        if !first {
            plain.push('"');
        }
        first = false;
        let is_name = parts.peek().is_some_and(|rest| rest.starts_with(':'));
        if !is_name && is_id(part) {
            pieces.push(Piece { text: std::mem::take(&mut plain), href: None });
            pieces.push(Piece { text: part.to_owned(), href: Some(kinds::path(part)) });
        } else {
            plain.push_str(part);
        }
    }
    pieces.push(Piece { text: plain, href: None });
    pieces
}

fn deliveries(shared: &Shared, world: &World, event: &str) -> Vec<Row> {
    let of = world.all::<Delivery>().filter(|delivery| delivery.event == event);
    of.map(|delivery| {
        let destination = || world.get::<EventDestination>(&delivery.endpoint).map(|found| &found.url);
        let url = world.get::<WebhookEndpoint>(&delivery.endpoint).map(|found| &found.url).or_else(destination);
        let state = serde_json::to_value(delivery.state).unwrap_or_default();
        Row {
            id: delivery.id.clone(),
            endpoint: url.unwrap_or(&delivery.endpoint).clone(),
            href: kinds::path(&delivery.endpoint),
            state: shown::name(&state),
            due: delivery.due.map(|turn| shown::when(turn.at)).unwrap_or_default(),
            attempts: delivery.attempts.iter().map(tried).collect(),
            sent: shared.sent.tries(&delivery.endpoint, &delivery.id).into_iter().map(Shown::of).collect(),
        }
    })
    .collect()
}

/// A try in a line.
fn tried(attempt: &Attempt) -> String {
    let answer = match (attempt.status, &attempt.error) {
        (Some(status), _) => format!("answered {status}"),
        (None, Some(error)) => format!("no answer: {error}"),
        (None, None) => "under way".to_owned(),
    };
    format!("{}: {answer}", shown::when(attempt.at))
}

/// `deliveries/resend`: sends an event to an endpoint once more
pub(super) fn resend(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let form = visit.form();
    let done = act(shared, |cx| {
        deliver::resend(cx, form.get("id"));
        Ok(())
    });
    match done {
        Ok(()) => reply::see(&kinds::path(form.get("event"))),
        Err(error) => notice::refused(&error, back("/_sandbox/events")),
    }
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn ids_in_json_become_links_and_the_text_stays_whole() {
        let text = "{\n  \"id\": \"in_1\",\n  \"cus_1\": \"a \\\" b\",\n  \"customer\": \"cus_1\"\n}";
        let found = pieces(text, |part| part == "cus_1");
        let whole: String = found.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(whole, text);
        let links: Vec<&str> = found.iter().filter_map(|piece| piece.href.as_deref()).collect();
        assert_eq!(links, ["/_sandbox/object?id=cus_1"], "the name of a field is no id");
    }
}
