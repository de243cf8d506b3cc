//! Webhooks as Stripe sends them, to the real binary: what it answers, what is there after a kill, and the command line.

use crate::{
    client::builder,
    server::{Server, Start, said, until},
    store::{Kind, Store, on_both},
};
use purser_stripe::webhook::sign;
use reqwest::blocking::Client as Http;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

on_both!(
    an_event_that_was_answered_is_there_after_a_kill_and_acted_on,
    what_is_forged_large_or_of_another_mode_is_refused,
    the_command_line_lists_and_replays,
);

/// What events are signed with.
pub const SECRET: &str = "whsec_outside_0123456789";

fn start(store: &Store) -> Start {
    Start::on(store).env("STRIPE_WEBHOOK_SECRET", SECRET)
}

/// An event of a payment: Purser acts on this kind, and finds that this one is not its own.
fn event(id: &str) -> String {
    json!({
        "id": id, "object": "event", "api_version": "2026-10-28.endive", "created": 1_795_230_000,
        "type": "payment_intent.succeeded", "data": { "object": { "id": "pi_1", "object": "payment_intent" } },
        "livemode": false, "pending_webhooks": 1, "request": null,
    })
    .to_string()
}

/// The seconds it is.
#[expect(clippy::disallowed_methods, reason = "the server's clock is the machine's")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("not so late")
}

/// Sends `body`, signed with `secret`; answers the status and the code of an error.
pub fn send(server: &Server, body: &str, secret: &str) -> (u16, String) {
    let http: Http = builder().build().expect("a client");
    let secret = purser_stripe::Secret::new(secret).expect("not blank");
    let request = http.post(format!("{}/api/webhooks/stripe", server.url)).header("content-type", "application/json");
    let request = request.header("stripe-signature", sign(body.as_bytes(), &[secret], now()));
    let answer = request.body(body.to_owned()).send().expect("an answer");
    let status = answer.status().as_u16();
    let body: Value = answer.json().expect("JSON");
    (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
}

fn state(server: &Server, id: &str) -> Value {
    server.client().get(&format!("/admin/stripe-events/{id}")).expect(200)["state"].clone()
}

fn an_event_that_was_answered_is_there_after_a_kill_and_acted_on(kind: Kind) {
    let store = Store::new(kind);
    // Nobody works on this node: it takes events all the same.
    let mut web = start(&store).serve_as(&["serve", "--role", "web"]);
    for n in 0..20 {
        assert_eq!(send(&web, &event(&format!("evt_{n}")), SECRET), (200, String::new()));
    }
    web.kill_9();
    assert_eq!(store.ask("SELECT count(*) FROM stripe_events WHERE state = 1"), "20");
    let server = start(&store).serve();
    until("all were looked at", || store.ask("SELECT count(*) FROM stripe_events WHERE state = 3") == "20");
    assert_eq!(state(&server, "evt_7"), "ignored");
    assert_eq!(send(&server, &event("evt_7"), SECRET).0, 200, "a duplicate is a success");
    assert_eq!(store.ask("SELECT count(*) FROM stripe_events"), "20");
}

fn what_is_forged_large_or_of_another_mode_is_refused(kind: Kind) {
    let store = Store::new(kind);
    let live = start(&store).env("STRIPE_SECRET_KEY", "sk_live_1");
    let server = live.env("STRIPE_API_BASE", "http://127.0.0.1:1").serve();
    let refused = |body: &str, secret: &str, code: &str| {
        assert_eq!(send(&server, body, secret), (400, code.to_owned()), "{code}");
    };
    refused(&event("evt_1"), "whsec_guess", "invalid_signature");
    refused(&format!("{}{}", event("evt_1"), " ".repeat(10 << 20)), SECRET, "body_too_large");
    refused("hello", SECRET, "no_event");
    refused(&event("evt_1"), SECRET, "wrong_mode");
    assert_eq!(store.ask("SELECT count(*) FROM stripe_events"), "0");
    let shown = server.client().get_root("/metrics").expect("an answer").text;
    for reason in ["no_match", "too_large", "no_event", "wrong_mode"] {
        let line = format!("purser_webhooks_refused_total{{reason=\"{reason}\"}} 1");
        assert!(shown.lines().any(|shown| shown == line), "{line} is not in\n{shown}");
    }
}

fn the_command_line_lists_and_replays(kind: Kind) {
    let store = Store::new(kind);
    let start = start(&store);
    let server = start.serve();
    for id in ["evt_1", "evt_2"] {
        assert_eq!(send(&server, &event(id), SECRET).0, 200);
    }
    until("both were looked at", || store.ask("SELECT count(*) FROM stripe_events WHERE state = 3") == "2");
    drop(server);
    let run = |words: &[&str], status: i32, word: &str| {
        let output = start.run(words);
        assert_eq!(output.status.code(), Some(status), "{words:?}: {}", said(&output));
        assert!(said(&output).contains(word), "{words:?}: {}", said(&output));
    };
    run(&["stripe", "events", "list", "--state", "ignored"], 0, "evt_2");
    run(&["stripe", "events", "replay", "--dead"], 0, "acted on: 0.");
    store.ask("UPDATE stripe_events SET state = 4 WHERE id = 'evt_2'");
    run(&["stripe", "events", "list", "--state", "dead"], 0, "evt_2");
    run(&["stripe", "events", "replay", "--dead"], 0, "acted on: 1.");
    run(&["stripe", "events", "replay", "--dead"], 0, "acted on: 0.");
    assert_eq!(store.ask("SELECT id FROM stripe_events WHERE state = 1"), "evt_2");
    run(&["stripe", "events", "replay", "evt_1"], 0, "evt_1 waits");
    run(&["stripe", "events", "replay", "evt_x"], 1, "No event of Stripe's");
    run(&["stripe", "events", "replay", "--dead", "evt_1"], 2, "--dead");
    assert_eq!(store.ask("SELECT id FROM stripe_events WHERE state = 1 ORDER BY id"), "evt_1\nevt_2");
    for action in ["stripe_event.replayed", "stripe_events.replayed"] {
        assert_eq!(store.ask(&format!("SELECT count(*) FROM audit WHERE action = '{action}'")), "1", "{action}");
    }
    let _server = start.serve();
    let done = "SELECT count(*) FROM stripe_events WHERE state = 3 AND done_at IS NOT NULL";
    until("both were looked at again", || store.ask(done) == "2");
}

/// A secret that is blank would let anybody sign: the server does not start with one.
#[test]
fn a_blank_secret_is_refused_at_start() {
    let store = Store::new(Kind::Sqlite);
    let output = Start::on(&store).env("STRIPE_WEBHOOK_SECRET", "whsec_1,").run(&["serve"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("STRIPE_WEBHOOK_SECRET has a blank"), "{}", said(&output));
}
