//! Events and deliveries together, from the making of an endpoint to the last try. Nothing is sent.

mod faults;
mod operations;
mod tries;

use super::{Outgoing, endpoints, next_due, settle, take_due};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    world::{Cx, World},
};
use serde_json::{Value, json};

/// When the tests begin.
const NOW: i64 = 1_800_000_000;

/// What does an operation.
type Run = fn(&mut Cx<'_>, &Asked) -> Result<Answer, ApiError>;

fn new_world() -> World {
    World::new(1, NOW)
}

/// Does an operation on the object `id`, if it is on one. Of a list the ids are answered.
fn tried(world: &mut World, run: Run, id: &str, params: Value) -> Result<Value, ApiError> {
    let path = if id.is_empty() { Vec::new() } else { vec![id.to_owned()] };
    let asked = Asked { path, url: "/v2/core/events".into(), params };
    match run(&mut Cx::new(world, None), &asked)? {
        Answer::Value(value) => Ok(value),
        Answer::List { ids, .. } => Ok(json!(ids)),
    }
}

/// The same, when it is sure to be done.
fn done(world: &mut World, run: Run, id: &str, params: Value) -> Value {
    tried(world, run, id, params).expect("no refusal")
}

fn text(value: &Value) -> String {
    value.as_str().map(str::to_owned).expect("a text")
}

/// Makes an endpoint that wants `events` and answers its id.
fn endpoint(world: &mut World, events: &[&str]) -> String {
    let params = json!({ "url": "http://localhost/hook", "enabled_events": events });
    text(&done(world, endpoints::create, "", params)["id"])
}

/// Tells that `kind` happened to the object `about`.
fn tell(world: &mut World, kind: &str, about: &str) {
    Cx::new(world, None).tell_value(kind, json!({ "id": about, "object": "thing" }), None);
}

/// Takes what is due now.
fn take(world: &mut World) -> Vec<Outgoing> {
    let now = world.now;
    take_due(world, now)
}

fn body(outgoing: &Outgoing) -> Value {
    serde_json::from_str(&outgoing.body).expect("JSON")
}

fn kinds(outgoing: &[Outgoing]) -> Vec<String> {
    outgoing.iter().map(|outgoing| text(&body(outgoing)["type"])).collect()
}

/// Lets time pass until nothing is due any more, with all endpoints answering 200, and answers what was sent: seconds
/// since the beginning, and the type.
fn sent_until_the_end(world: &mut World) -> Vec<(i64, String)> {
    let mut sent = Vec::new();
    while let Some(due) = next_due(world) {
        world.now = world.now.max(due);
        for outgoing in take(world) {
            sent.push((world.now - NOW, text(&body(&outgoing)["type"])));
            settle(world, &outgoing.delivery, Ok(200));
        }
    }
    sent
}
