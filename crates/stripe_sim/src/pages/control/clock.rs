//! The clock: what time it is, what is due, and moving it.

use super::{Frame, back, kinds};
use crate::{
    clock,
    pages::{moving, notice, paging::Paged, reply, shown, visit::Visit},
    sandbox::Shared,
    world::{Timer, World},
};
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// For how long the answer to a move waits for its end; most moves are over by then.
const PATIENCE: Duration = Duration::from_secs(2);

/// What timers say, by the name of their kind.
const WORDS: &[(&str, &str)] = &[
    ("TrialWillEnd", "a trial is about to end"),
    ("Upcoming", "an invoice is announced"),
    ("Turn", "a period begins, or a subscription ends"),
    ("Incomplete", "a first invoice must be paid by now"),
    ("Collect", "collection goes on"),
    ("Phase", "a phase of a schedule begins or ends"),
    ("Finalize", "a draft becomes final"),
    ("Retry", "a payment is tried again"),
    ("SessionExpires", "a Checkout Session expires"),
    ("DebitSettles", "a bank debit arrives or fails"),
    ("RefundSettles", "a refund arrives or fails"),
    ("DisputeOpens", "a payment is disputed"),
    ("DisputeEnds", "a dispute is decided"),
    ("MeterCheck", "meter events are counted"),
    ("MeterReport", "wrong meter events are reported"),
    ("ClockReady", "a test clock is ready"),
];

/// The page.
#[derive(Template)]
#[template(path = "control_clock.html")]
struct Page {
    frame: Frame,
    /// When something is due next.
    next: Option<String>,
    /// The present time, as a field takes it.
    field: String,
    due: Paged<Due>,
}

/// Something that is due.
struct Due {
    when: String,
    wait: String,
    what: String,
    id: String,
    href: String,
}

/// `clock`
pub(super) fn show(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let (page, moving) = shared.with(|world| (page(world, visit), moving::is_moving(world)));
    let response = reply::page(StatusCode::OK, &page);
    if moving { reply::looking_again(response) } else { response }
}

fn page(world: &World, visit: &Visit) -> Page {
    let next = clock::next_at(world).filter(|at| *at > world.now);
    let due = world.timers.all().map(|(at, timer)| due(world, at, timer));
    Page {
        frame: Frame::of(world, "clock"),
        next: next.map(|at| format!("{} ({})", shown::when(at), shown::wait(at - world.now))),
        field: shown::instant(world.now).chars().take(16).collect(),
        due: Paged::of(due, visit, "page"),
    }
}

fn due(world: &World, at: i64, timer: &Timer) -> Due {
    let (kind, id) = match serde_json::to_value(timer).unwrap_or_default() {
        Value::String(kind) => (kind, String::new()),
        Value::Object(parts) => {
            let part = parts.into_iter().next().map(|(kind, id)| (kind, shown::name(&id)));
            part.unwrap_or_default()
        }
        _ => Default::default(),
    };
    let words = WORDS.iter().find(|(name, _)| *name == kind).map(|(_, words)| (*words).to_owned());
    Due {
        when: shown::when(at),
        wait: shown::wait(at - world.now),
        what: words.unwrap_or(kind),
        href: if kinds::of(world, &id).is_some() { kinds::path(&id) } else { String::new() },
        id: shown::short(&id),
    }
}

/// `clock`, posted: it is moved by a step, or to a time
pub(super) async fn change(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let form = visit.form();
    let to = match form.given("by") {
        Some(step) => shared.with(|world| moving::after(world, step)),
        None => shown::second(form.get("to")),
    };
    let begun = match to {
        Some(to) => moving::begin(shared, to),
        None => Err("This is no time, or nothing is due. Write a time as 2026-01-01T00:00 (UTC).".to_owned()),
    };
    match begun {
        Ok(()) => {
            let arrived = moving::arrived(shared, PATIENCE).await;
            // One who moved it on the overview wants to see there what came of it.
            let from = if form.get("from") == "home" && arrived { "/_sandbox/" } else { "/_sandbox/clock" };
            reply::see(from)
        }
        Err(message) => {
            notice::say(StatusCode::BAD_REQUEST, "The clock was not moved", &message, back("/_sandbox/clock"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{WORDS, due};
    use crate::world::{Timer, World};

    #[test]
    fn timers_are_said_in_words() {
        let world = World::new(1, 1000);
        let found = due(&world, 1060, &Timer::Retry("in_1".to_owned()));
        assert_eq!(
            (found.what.as_str(), found.id.as_str(), found.href.as_str()),
            ("a payment is tried again", "in_1", "")
        );
        assert_eq!(due(&world, 1060, &Timer::MeterCheck).what, "meter events are counted");
        assert_eq!(WORDS.len(), 16);
    }
}
