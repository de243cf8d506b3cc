//! Faults: planted, listed, and taken away.

use super::{Frame, back};
use crate::{
    deliver::DeliveryFault,
    http::faults::Planted,
    pages::{changing, notice, paging::Paged, reply, visit::Visit},
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

/// Faults of requests: their names, and what they do. `N` is their number, if they have one.
const REQUESTS: &[(&str, &str)] = &[
    ("trouble", "Answered with status N; nothing is done"),
    ("trouble_kept", "Answered with status N, again and again for its key; nothing is done"),
    ("trouble_after", "Done, and answered with status N"),
    ("rate_limit", "429: the rate is limited"),
    ("lock", "429: the object is in use"),
    ("key_in_use", "409: the idempotency key is in use"),
    ("slow", "Answered N milliseconds late"),
    ("cut_before", "The connection is cut; nothing is done"),
    ("cut_after", "Done, and the connection is cut"),
];

/// Faults of deliveries.
const DELIVERIES: &[(&str, &str)] = &[
    ("late", "Sent N seconds late"),
    ("twice", "Sent twice"),
    ("out_of_order", "Sent after the next one"),
    ("equal_timestamps", "With the time of the one before"),
    ("never", "Not sent at all"),
];

/// How late deliveries are that are late by chance, in seconds. Ours.
const LATE: i64 = 60;

/// The page.
#[derive(Template)]
#[template(path = "control_faults.html")]
struct Page {
    frame: Frame,
    requests: Paged<Row>,
    deliveries: Paged<Row>,
    request_kinds: Vec<(&'static str, &'static str)>,
    delivery_kinds: Vec<(&'static str, &'static str)>,
    /// What happens by chance, if anything does.
    drawn: Option<String>,
}

/// A fault that is planted.
struct Row {
    which: String,
    what: String,
    left: String,
    /// What takes it away.
    key: String,
}

/// `faults`
pub(super) fn show(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let requests = shared.traffic.faults().0;
    let page = shared.with(|world| page(world, visit, &requests));
    reply::page(StatusCode::OK, &page)
}

fn page(world: &World, visit: &Visit, requests: &[Planted]) -> Page {
    let deliveries = changing::planted(world).map(|planted| Row {
        which: planted.events.clone(),
        what: said(DELIVERIES, &json!(planted.fault), "fault"),
        left: left(Some(planted.left)),
        key: planted.id.clone(),
    });
    let drawn = world.dispatch.drawn.as_ref().map(|drawn| {
        let among = drawn.among.iter().map(|fault| said(DELIVERIES, &json!(fault), "fault"));
        let among = among.collect::<Vec<_>>().join("; ");
        format!("{} of 1000 events, from seed {}: {among}.", drawn.of_thousand, drawn.seed)
    });
    Page {
        frame: Frame::of(world, "faults"),
        requests: Paged::of(requests.iter().map(row), visit, "requests"),
        deliveries: Paged::of(deliveries, visit, "deliveries"),
        request_kinds: REQUESTS.to_vec(),
        delivery_kinds: DELIVERIES.to_vec(),
        drawn,
    }
}

fn row(planted: &Planted) -> Row {
    Row {
        which: format!("{} {}…", planted.method.as_deref().unwrap_or("Any method,"), planted.path),
        what: said(REQUESTS, &json!(planted.fault), "kind"),
        left: left(planted.times),
        key: json!(planted).to_string(),
    }
}

/// How often a fault still happens.
fn left(times: Option<u32>) -> String {
    match times {
        None => "Until it is taken away.".to_owned(),
        Some(1) => "Once more.".to_owned(),
        Some(times) => format!("{times} more times."),
    }
}

/// A fault in words, with its number if it has one.
fn said(words: &[(&str, &str)], fault: &Value, tag: &str) -> String {
    let found = words.iter().find(|(name, _)| fault[tag] == *name).map_or("", |(_, words)| *words);
    let number = ["status", "ms", "seconds"].iter().find_map(|name| fault[*name].as_u64());
    number.map_or_else(|| found.to_owned(), |number| found.replace(" N", &format!(" {number}")))
}

/// Where one goes after a change.
fn after(done: Result<(), String>) -> Response<Body> {
    match done {
        Ok(()) => reply::see("/_sandbox/faults"),
        Err(message) => notice::say(StatusCode::BAD_REQUEST, "That is no fault", &message, back("/_sandbox/faults")),
    }
}

/// `faults/requests`, posted
pub(super) fn plant(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let form = visit.form();
    let mut fault = json!({
        "kind": form.get("kind"),
        "method": form.given("method"),
        "path": form.get("path"),
        "times": form.number("times"),
    });
    let name = if form.get("kind") == "slow" { "ms" } else { "status" };
    fault[name] = json!(form.number("number"));
    after(changing::plant_request(shared, fault))
}

/// `faults/requests/remove`, posted
pub(super) fn remove(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    if let Ok(key) = serde_json::from_str::<Value>(visit.form().get("key")) {
        changing::withdraw_request(shared, &key);
    }
    after(Ok(()))
}

/// `faults/deliveries`, posted
pub(super) fn plant_delivery(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let form = visit.form();
    let fault = json!({
        "events": form.given("events").unwrap_or("*"),
        "fault": form.get("fault"),
        "seconds": form.number("seconds").unwrap_or(LATE),
        "times": form.number("times").unwrap_or(1),
    });
    after(changing::plant_delivery(shared, fault))
}

/// `faults/deliveries/remove`, posted
pub(super) fn remove_delivery(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    if let Some(key) = visit.form().given("key") {
        changing::withdraw_delivery(shared, Some(key));
    }
    after(Ok(()))
}

/// `faults/drawn`, posted: by chance all kinds happen, as often as is said; none, if that is never
pub(super) fn draw(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let form = visit.form();
    let of_thousand = form.number("of_thousand").unwrap_or(0);
    if of_thousand <= 0 {
        return after(changing::draw(shared, Value::Null));
    }
    let among = [
        DeliveryFault::Late { seconds: LATE },
        DeliveryFault::Twice,
        DeliveryFault::OutOfOrder,
        DeliveryFault::EqualTimestamps,
        DeliveryFault::Never,
    ];
    let drawn = json!({ "seed": form.number("seed").unwrap_or(1), "of_thousand": of_thousand, "among": among });
    after(changing::draw(shared, drawn))
}

#[cfg(test)]
mod tests {
    use super::{DELIVERIES, REQUESTS, row, said};
    use crate::{
        deliver::DeliveryFault,
        http::faults::{Fault, Planted},
    };
    use serde_json::json;

    #[test]
    fn every_fault_that_is_offered_can_be_planted() {
        for (kind, words) in REQUESTS {
            let planted = json!({ "method": null, "path": "/v1/", "times": 2, "kind": kind, "status": 500, "ms": 5 });
            let planted: Planted = serde_json::from_value(planted).expect(kind);
            let said = words.replace(" N", if *kind == "slow" { " 5" } else { " 500" });
            assert_eq!(row(&planted).what, said, "{kind}");
        }
        for (fault, words) in DELIVERIES {
            let read: DeliveryFault = serde_json::from_value(json!({ "fault": fault, "seconds": 5 })).expect(fault);
            assert_eq!(said(DELIVERIES, &json!(read), "fault"), words.replace(" N", " 5"), "{fault}");
        }
    }

    #[test]
    fn a_fault_is_said_with_its_number() {
        let planted = Planted { method: None, path: "/v1/".into(), times: None, fault: Fault::Slow { ms: 250 } };
        let row = row(&planted);
        let expected = ("Any method, /v1/…", "Answered 250 milliseconds late", "Until it is taken away.");
        assert_eq!((row.which.as_str(), row.what.as_str(), row.left.as_str()), expected);
    }
}
