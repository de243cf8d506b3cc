//! How the clock goes on, and what is written down.

use super::{Clock, Sandbox, Settings};
use crate::http::{Request, answer};
use serde_json::Value;
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};

const DAY: i64 = 86_400;

/// A sandbox that goes with a clock that is moved by hand, and goes on from `load`.
fn going(load: Option<String>) -> (Sandbox, Arc<AtomicI64>) {
    let machine = Arc::new(AtomicI64::new(1_767_225_600));
    let read = machine.clone();
    let clock = Clock::Going(Box::new(move || read.load(Relaxed)));
    let settings = Settings { seed: 1, clock, load, record: None };
    (Sandbox::new(settings, "http://sandbox.example").expect("a sandbox"), machine)
}

fn now(sandbox: &Sandbox) -> i64 {
    sandbox.shared.with(|world| world.now)
}

#[test]
fn a_clock_that_goes_goes_on_from_where_it_was_moved_to() {
    let (sandbox, machine) = going(None);
    let start = now(&sandbox);
    machine.fetch_add(5, Relaxed);
    assert_eq!(now(&sandbox), start + 5);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(sandbox.advance(start + 30 * DAY));
    assert_eq!(now(&sandbox), start + 30 * DAY);
    machine.fetch_add(7, Relaxed);
    assert_eq!(now(&sandbox), start + 30 * DAY + 7, "it does not stand until the machine has caught up");
    let kept = sandbox.state().dump();
    let (loaded, machine) = going(Some(kept.clone()));
    machine.fetch_add(3, Relaxed);
    assert_eq!(now(&loaded), start + 30 * DAY + 10);
    // Another state in its place: an empty one, at the machine's time or after it, then the kept one again.
    loaded.shared.with(|world| *world = crate::world::World::new(1, start));
    machine.fetch_add(1, Relaxed);
    assert_eq!(now(&loaded), start + 4);
    loaded.shared.load(&kept).expect("a state");
    machine.fetch_add(1, Relaxed);
    assert_eq!(now(&loaded), start + 30 * DAY + 8);
}

#[test]
fn whoever_started_it_asks_it_and_sees_how_far_its_clock_is_ahead() {
    let (sandbox, _) = going(None);
    let state = sandbox.state();
    let ahead = state.ahead();
    assert_eq!(ahead.load(Relaxed), 0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(sandbox.advance(now(&sandbox) + DAY));
    assert_eq!(ahead.load(Relaxed), DAY);
    let made = state.ask("POST", "products", &[("name", "Pro")]).expect("a product");
    let id = made["id"].as_str().expect("an id");
    let read = state.ask("GET", &format!("products/{id}"), &[]).expect("the product");
    assert_eq!(read["name"], "Pro");
    assert!(state.ask("GET", "products/prod_none", &[]).expect_err("there is none").contains("prod_none"));
    let portal = state.portal();
    assert_eq!(state.portal(), portal, "it is made once");
    let listed = state.ask("GET", "billing_portal/configurations", &[("is_default", "true")]).expect("a list");
    assert_eq!(listed["data"][0]["id"], portal.as_str());
}

#[test]
fn a_clock_that_stood_stands_on_in_another_process() {
    let settings = Settings { seed: 1, clock: Clock::Standing(DAY), load: None, record: None };
    let standing = Sandbox::new(settings, "http://sandbox.example").expect("a sandbox");
    let (loaded, machine) = going(Some(standing.state().dump()));
    machine.fetch_add(DAY, Relaxed);
    assert_eq!(now(&loaded), DAY);
    assert_eq!(loaded.state().dump(), standing.state().dump());
}

#[test]
fn what_is_sent_is_written_down_as_often_as_it_is_tried() {
    let path = std::env::temp_dir().join(format!("purser-sandbox-{}.jsonl", std::process::id()));
    let settings = Settings { seed: 1, clock: Clock::Standing(1_767_225_600), load: None, record: Some(path.clone()) };
    let sandbox = Sandbox::new(settings, "http://127.0.0.1:1").expect("a sandbox");
    let post = |path: &str, body: &str| {
        let request = Request {
            method: "POST".into(),
            path: path.into(),
            key: Some("sk_test_sandbox".into()),
            body: body.as_bytes().to_vec(),
            ..Request::default()
        };
        let reply = sandbox.shared.with(|world| answer(world, &request));
        assert_eq!(reply.status, 200, "{}", reply.body);
    };
    // Nobody listens there: it is tried again an hour later at the latest.
    post("/v1/webhook_endpoints", "url=http://127.0.0.1:1/hook&enabled_events[]=customer.created");
    post("/v1/customers", "description=Jenny");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(sandbox.advance(1_767_225_600 + 3 * 3600));
    let text = std::fs::read_to_string(&path).expect("a record");
    std::fs::remove_file(&path).expect("a record");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(lines.len() > 1, "{lines:?}");
    for line in &lines {
        assert_eq!((&line["delivery"]["type"], &line["to"]), (&lines[0]["delivery"]["type"], &lines[0]["to"]));
    }
    assert_eq!(lines[0]["delivery"]["type"], "customer.created");
    assert_eq!(lines[0]["to"], "http://127.0.0.1:1/hook");
    assert_eq!(lines[0]["delivery"]["data"]["object"]["description"], "Jenny");
}
