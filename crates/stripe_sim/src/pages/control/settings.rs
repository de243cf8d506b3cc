//! Settings of the account: when payments and webhooks are tried again, and what comes when they are not.

use super::{Frame, back};
use crate::{
    deliver::Retries,
    pages::{changing, notice, reply, shown, visit::Visit},
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

const DAY: i64 = 86_400;

/// The page.
#[derive(Template)]
#[template(path = "control_settings.html")]
struct Page {
    frame: Frame,
    /// Days after each failed payment.
    retry_after: String,
    ends: Vec<Choice>,
    upcoming_before: i64,
    live: bool,
    /// Whether something was saved just now.
    saved: bool,
}

/// Something that can be chosen.
struct Choice {
    word: &'static str,
    name: String,
    chosen: bool,
}

/// `settings`
pub(super) fn show(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let page = shared.with(|world| page(world, visit.query.given("saved").is_some()));
    reply::page(StatusCode::OK, &page)
}

fn page(world: &World, saved: bool) -> Page {
    let set = &world.settings;
    let days = set.retry_after.iter().map(|wait| (wait / DAY).to_string());
    let ends = changing::ENDS.iter().map(|&word| {
        let name = if word == "cancel" { "canceled".to_owned() } else { shown::word(word) };
        Choice { word, name, chosen: set.after_retries == word }
    });
    Page {
        frame: Frame::of(world, "settings"),
        retry_after: days.collect::<Vec<_>>().join(", "),
        ends: ends.collect(),
        upcoming_before: set.upcoming_before / DAY,
        saved,
        live: world.dispatch.retries == Retries::Live,
    }
}

/// `settings`, posted
pub(super) fn change(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let form = visit.form();
    let seconds = |days: i64| days.saturating_mul(DAY);
    let retries = form.get("retry_after").split(',').map(str::trim).filter(|days| !days.is_empty());
    let retries: Option<Vec<i64>> = retries.map(|days| days.parse().ok().map(seconds)).collect();
    let done = match retries {
        Some(retries) => changing::set(
            shared,
            json!({
                "retry_after": retries,
                "after_retries": form.get("after_retries"),
                "upcoming_before": form.number("upcoming_before").map_or(Value::Null, |days| json!(seconds(days))),
                "webhook_retries": form.get("webhook_retries"),
            }),
        ),
        None => Err("Write the waits as whole days with commas between them: 3, 5, 7.".to_owned()),
    };
    match done {
        Ok(()) => reply::see("/_sandbox/settings?saved=yes"),
        Err(message) => notice::say(StatusCode::BAD_REQUEST, "Nothing was set", &message, back("/_sandbox/settings")),
    }
}
