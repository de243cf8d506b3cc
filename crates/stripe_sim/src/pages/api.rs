//! What the control page does, as JSON for programs.

mod events;

use super::{
    act, changing,
    control::Frame,
    inbox, moving, reply,
    shown::{self, second},
    visit::Visit,
};
use crate::{
    clock, deliver,
    http::{ROUTES, Route},
    sandbox::Shared,
    world::World,
};
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// For how long a request that moves the clock waits until it has arrived.
const PATIENCE: Duration = Duration::from_secs(30);

/// What there is: method, path below `/_sandbox/api`, what it takes, and what it does.
const WHAT: &[(&str, &str, &str, &str)] = &[
    ("GET", "/clock", "", "The time, where the clock is being moved to, and when something is due next."),
    (
        "POST",
        "/clock",
        r#"{"to": 1767225600 or "2026-01-01T00:00:00Z"} or {"by": 3600 or "month"}"#,
        "Moves the clock and answers when all is done that was due: 200, or 202 if that takes longer than 30 seconds.",
    ),
    ("GET", "/faults", "", "All faults that are planted."),
    (
        "POST",
        "/faults",
        r#"{"kind": "trouble", "status": 503, "method": "POST", "path": "/v1/customers", "times": 2}"#,
        "Plants a fault of requests: trouble, trouble_kept, trouble_after (with status), rate_limit, lock, key_in_use, \
         slow (with ms), cut_before, cut_after. Without method and path it is for any, without times until it is taken away.",
    ),
    ("DELETE", "/faults", "", "Takes all faults of requests away."),
    (
        "POST",
        "/deliveries/faults",
        r#"{"fault": "late", "seconds": 60, "events": "invoice.*", "times": 1}"#,
        "Plants a fault of deliveries: late (with seconds), twice, out_of_order, equal_timestamps, never.",
    ),
    ("DELETE", "/deliveries/faults", "?id=…", "Takes a fault of deliveries away; all of them without an id."),
    (
        "POST",
        "/deliveries/drawn",
        r#"{"seed": 1, "of_thousand": 100, "among": [{"fault": "twice"}]} or null"#,
        "Lets deliveries go wrong by chance.",
    ),
    ("POST", "/deliveries/resend", r#"{"id": "dlv_…"}"#, "Sends the event of a delivery again."),
    ("GET", "/events", "?type=…&about=…&limit=50&starting_after=…", "Events with their deliveries, the newest first."),
    (
        "GET",
        "/inbox",
        "?type=…&limit=100",
        "The last webhooks that came to the sandbox's own inbox, the newest first, each with its headers, its body and the answer.",
    ),
    ("GET", "/settings", "", "What is set of the account; times in seconds."),
    (
        "POST",
        "/settings",
        r#"{"retry_after": [259200], "after_retries": "cancel", "upcoming_before": 604800, "webhook_retries": "sandbox"}"#,
        "Sets what is named.",
    ),
    ("GET", "/operations", "", "What the sandbox does of Stripe's API."),
    ("GET", "/dump", "", "The state."),
    ("POST", "/load", "a state", "Puts a state that was dumped in place of the one there is."),
    ("POST", "/new", r#"{"seed": 1, "now": 1767225600}"#, "Puts an empty state in place of the one there is."),
];

/// The page that says what there is.
#[derive(Template)]
#[template(path = "api.html")]
struct Page {
    frame: Frame,
    base: String,
    what: Vec<(&'static str, &'static str, &'static str, &'static str)>,
}

/// `/_sandbox/api`, and what is below it
pub(super) async fn answer(shared: &Arc<Shared>, visit: &Visit, rest: &[&str]) -> Response<Body> {
    let done = match (visit.method.as_str(), rest) {
        ("GET" | "HEAD", []) => return documented(shared),
        ("GET" | "HEAD", ["dump"]) => return reply::raw_json(shared.dump()),
        ("POST", ["clock"]) => return move_clock(shared, visit).await,
        ("GET" | "HEAD", ["clock"]) => Ok(shared.with(|world| time(world))),
        ("GET" | "HEAD", ["faults"]) => Ok(changing::faults(shared)),
        ("GET" | "HEAD", ["settings"]) => Ok(shared.with(|world| changing::settings(world))),
        ("GET" | "HEAD", ["events"]) => Ok(shared.with(|world| events::list(world, &visit.query))),
        ("GET" | "HEAD", ["inbox"]) => Ok(inbox::as_json(shared, visit)),
        ("GET" | "HEAD", ["operations"]) => {
            Ok(json!({ "operations": ROUTES.iter().map(Route::label).collect::<Vec<_>>() }))
        }
        ("POST" | "DELETE", _) => change(shared, visit, rest),
        _ => Err(nothing_here(visit)),
    };
    match done {
        Ok(value) => reply::json(StatusCode::OK, &value),
        Err((status, message)) => reply::refusal(status, &message),
    }
}

/// A refusal: the status, and why.
type Refused = (StatusCode, String);

fn nothing_here(visit: &Visit) -> Refused {
    let message = format!("There is no {} {}. What there is stands at /_sandbox/api.", visit.method, visit.path);
    (StatusCode::NOT_FOUND, message)
}

fn wrong(message: String) -> Refused {
    (StatusCode::BAD_REQUEST, message)
}

fn change(shared: &Arc<Shared>, visit: &Visit, rest: &[&str]) -> Result<Value, Refused> {
    match (visit.method.as_str(), rest) {
        ("POST", ["faults"]) => changing::plant_request(shared, body(visit)?).map_err(wrong)?,
        ("DELETE", ["faults"]) => changing::withdraw_request(shared, &Value::Null),
        ("POST", ["deliveries", "faults"]) => changing::plant_delivery(shared, body(visit)?).map_err(wrong)?,
        ("DELETE", ["deliveries", "faults"]) => changing::withdraw_delivery(shared, visit.query.given("id")),
        ("POST", ["deliveries", "drawn"]) => changing::draw(shared, body(visit)?).map_err(wrong)?,
        ("POST", ["deliveries", "resend"]) => {
            let asked = body(visit)?;
            let id = asked["id"].as_str().unwrap_or_default();
            let sent = act(shared, |cx| {
                deliver::resend(cx, id);
                Ok(())
            });
            sent.map_err(|error| wrong(error.message))?;
            return Ok(json!({ "id": id }));
        }
        ("POST", ["settings"]) => {
            changing::set(shared, body(visit)?).map_err(wrong)?;
            return Ok(shared.with(|world| changing::settings(world)));
        }
        ("POST", ["load"]) => {
            let text = std::str::from_utf8(&visit.body).map_err(|error| wrong(error.to_string()))?;
            shared.load(text).map_err(|error| wrong(error.to_string()))?;
            return Ok(shared.with(|world| time(world)));
        }
        ("POST", ["new"]) => return begin_anew(shared, &body(visit)?),
        _ => return Err(nothing_here(visit)),
    }
    Ok(changing::faults(shared))
}

/// The body as JSON; nothing is an empty object.
fn body(visit: &Visit) -> Result<Value, Refused> {
    if visit.body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(&visit.body).map_err(|error| wrong(format!("The body is not JSON: {error}.")))
}

fn begin_anew(shared: &Arc<Shared>, asked: &Value) -> Result<Value, Refused> {
    let seed = asked["seed"].as_u64().ok_or_else(|| wrong("`seed` is a whole number from 0 on.".to_owned()))?;
    let now = match &asked["now"] {
        Value::Null => None,
        given => Some(instant(given).ok_or_else(|| wrong("`now` is no time.".to_owned()))?),
    };
    changing::begin_anew(shared, seed, now);
    Ok(shared.with(|world| time(world)))
}

/// The second that a number or a text means.
fn instant(given: &Value) -> Option<i64> {
    given.as_i64().or_else(|| given.as_str().and_then(second))
}

/// The clock as JSON.
fn time(world: &World) -> Value {
    json!({
        "now": world.now,
        "now_utc": shown::instant(world.now),
        "target": world.target.max(world.now),
        "moving": moving::is_moving(world),
        "next": clock::next_at(world),
    })
}

async fn move_clock(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let asked = match body(visit) {
        Ok(asked) => asked,
        Err((status, message)) => return reply::refusal(status, &message),
    };
    let to = match &asked["by"] {
        Value::Null => instant(&asked["to"]),
        Value::String(step) => shared.with(|world| moving::after(world, step)),
        by => by.as_i64().map(|by| shared.with(|world| world.now.saturating_add(by))),
    };
    let begun = match to {
        Some(to) => moving::begin(shared, to),
        None => Err("Give `to`, a time, or `by`, seconds or one of hour, day, month, next.".to_owned()),
    };
    if let Err(message) = begun {
        return reply::refusal(StatusCode::BAD_REQUEST, &message);
    }
    let status = if moving::arrived(shared, PATIENCE).await { StatusCode::OK } else { StatusCode::ACCEPTED };
    reply::json(status, &shared.with(|world| time(world)))
}

fn documented(shared: &Arc<Shared>) -> Response<Body> {
    let page = shared.with(|world| Page {
        frame: Frame::of(world, "api"),
        base: world.settings.base.clone(),
        what: WHAT.to_vec(),
    });
    reply::page(StatusCode::OK, &page)
}
