//! The overview: what time it is, where to begin, what there is, and what happened last.

use super::{Frame, kinds};
use crate::{
    clock,
    deliver::REMEMBERED,
    objects::{
        customers::Customer,
        invoices::{Invoice, Reason},
        subscriptions::Subscription,
    },
    pages::{inbox, reply, shown},
    sandbox::Shared,
    world::{Event, World},
};
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use serde_json::Value;
use std::sync::Arc;

/// Events that are shown.
const LAST: usize = 10;

/// The page.
#[derive(Template)]
#[template(path = "control_home.html")]
struct Home {
    frame: Frame,
    base: String,
    first: FirstSteps,
    /// When something is due next.
    next: Option<String>,
    kinds: Vec<(String, &'static str, usize)>,
    events: Vec<(String, String, String)>,
}

/// How far a newcomer is.
struct FirstSteps {
    /// The subscription that was made first: its page, and what to call it.
    subscription: Option<(String, String)>,
    /// The first invoice of a later period: its page, and what to call it.
    renewal: Option<(String, String)>,
    /// How many webhooks came to the inbox; `None` of none.
    came: Option<String>,
    /// Whether they come to the inbox.
    received: bool,
}

/// Shows it.
pub(super) fn show(shared: &Arc<Shared>) -> Response<Body> {
    let url = shared.with(|world| inbox::url(world));
    let came = shared.sent.count_to(&url);
    let page = shared.with(|world| home(world, came));
    reply::page(StatusCode::OK, &page)
}

fn home(world: &World, came: usize) -> Home {
    let next = clock::next_at(world).map(|at| format!("{} ({})", shown::when(at), shown::wait(at - world.now)));
    let link = |kind: &kinds::Kind| format!("/_sandbox/objects/{}", kind.schema);
    let kinds = kinds::KINDS.iter().map(|kind| (link(kind), kind.title, (kind.count)(world)));
    let events = world.all::<Event>().rev().take(LAST);
    Home {
        frame: Frame::of(world, ""),
        base: world.settings.base.clone(),
        first: first_steps(world, came),
        next,
        kinds: kinds.filter(|(.., count)| *count > 0).collect(),
        events: events.map(|event| (kinds::path(&event.id), event.kind.clone(), shown::when(event.created))).collect(),
    }
}

fn first_steps(world: &World, came: usize) -> FirstSteps {
    let subscription = world.all::<Subscription>().next().map(|found| {
        let customer = world.get::<Customer>(&found.customer);
        let kept = |name: &str| customer.and_then(|customer| customer.kept.get(name)).and_then(Value::as_str);
        let who = kept("name").or_else(|| kept("email")).unwrap_or(&found.customer);
        (kinds::path(&found.id), who.to_owned())
    });
    let renewal = world.all::<Invoice>().find(|found| found.billing_reason == Reason::SubscriptionCycle).map(|found| {
        let status = shown::name(&serde_json::to_value(found.status).unwrap_or_default());
        (kinds::path(&found.id), format!("{} ({status})", found.number.as_deref().unwrap_or(&found.id)))
    });
    let came = match came {
        0 => None,
        1 => Some("One came so far.".to_owned()),
        REMEMBERED.. => Some(format!("{REMEMBERED} and more came so far.")),
        _ => Some(format!("{came} came so far.")),
    };
    FirstSteps { subscription, renewal, came, received: inbox::is_used(world) }
}
