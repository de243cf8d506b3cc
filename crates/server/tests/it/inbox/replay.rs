//! Events as operators see them: listed, filtered, read, and acted on again.

use super::{CREATED, effects, event, execute, send, shown, states, work_off, world};
use crate::world::{ADMIN, BOTH, Kind, World};
use serde_json::{Value, json};

const ROUTE: &str = "/api/v1/admin/stripe-events";

/// The ids of a page.
fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap()).collect()
}

/// Sets every event of a kind that begins so aside, as after its last attempt.
async fn bury(world: &World) {
    let sql =
        "UPDATE stripe_events SET state = 4, attempts = 12, last_error = 'on purpose' WHERE kind LIKE 'test.dead%'";
    assert!(execute(world, sql, vec![]).await > 0);
    execute(world, "DELETE FROM stripe_inbox", vec![]).await;
}

#[tokio::test]
async fn one_is_replayed_by_hand_whatever_became_of_it() {
    for kind in BOTH {
        let world = world(kind).await;
        send(&world, &event("evt_dead", "test.dead", "cus_1", CREATED)).await;
        bury(&world).await;
        assert_eq!(work_off(&world).await, 0, "{kind:?}: what is dead stays so by itself");
        let event = world.admin("POST", &format!("{ROUTE}/evt_dead/replay"), "").await;
        assert_eq!((&event["state"], &event["attempts"]), (&json!("waiting"), &json!(0)), "{kind:?}");
        work_off(&world).await;
        assert_eq!(states(&world).await["evt_dead"], (2, 1), "{kind:?}");
        // One that is done may be done again: what an effect is known by is for its handler to say.
        world.admin("POST", &format!("{ROUTE}/evt_dead/replay"), "").await;
        work_off(&world).await;
        assert_eq!(effects(&world).await, ["evt_dead", "evt_dead"], "{kind:?}");
        let trail = world.admin("GET", "/api/v1/admin/audit?subject=evt_dead", "").await;
        let lines = trail["data"].as_array().unwrap();
        assert_eq!(lines.len(), 2, "{kind:?}: {trail}");
        // Both are of one instant.
        let first = lines.iter().find(|line| line["before"]["state"] == "dead").expect("a line of the first");
        assert_eq!(first["action"], "stripe_event.replayed", "{kind:?}");
        assert_eq!(first["before"], json!({ "state": "dead", "attempts": 12 }), "{kind:?}");
        assert_eq!(first["after"], json!({ "state": "waiting", "attempts": 0 }), "{kind:?}");
    }
}

#[tokio::test]
async fn one_that_waits_after_a_failure_need_not_be_waited_for() {
    for kind in BOTH {
        let world = world(kind).await;
        send(&world, &event("evt_1", "test.fails", "cus_1", CREATED)).await;
        for _ in 0..5 {
            work_off(&world).await;
            super::pass(&world).await;
        }
        work_off(&world).await;
        assert_eq!(work_off(&world).await, 0, "{kind:?}: it waits for more than half a minute");
        execute(&world, "UPDATE stripe_events SET kind = 'test.done'", vec![]).await;
        world.admin("POST", &format!("{ROUTE}/evt_1/replay"), "").await;
        assert_eq!(work_off(&world).await, 1, "{kind:?}");
        assert_eq!(states(&world).await["evt_1"], (2, 1), "{kind:?}");
    }
}

#[tokio::test]
async fn the_dead_are_replayed_together_by_kind_and_time() {
    for kind in BOTH {
        let world = world(kind).await;
        for n in 0..3 {
            send(&world, &event(&format!("evt_a{n}"), "test.dead.a", &format!("cus_{n}"), CREATED)).await;
            send(&world, &event(&format!("evt_b{n}"), "test.dead.b", &format!("cus_{n}"), CREATED)).await;
        }
        send(&world, &event("evt_done", "test.done", "cus_done", CREATED)).await;
        work_off(&world).await;
        bury(&world).await;
        let post = async |body: Value| world.admin("POST", &format!("{ROUTE}/replay"), &body.to_string()).await;
        let future = world.clock.now().plus_seconds(3_600).to_string();
        let none = post(json!({ "state": "dead", "kind": "test.dead.a", "from": future })).await;
        assert_eq!(none, json!({ "object": "stripe_replay", "events": 0, "has_more": false }), "{kind:?}");
        let some = post(json!({ "state": "dead", "kind": "test.dead.a", "to": future })).await;
        assert_eq!(some, json!({ "object": "stripe_replay", "events": 3, "has_more": false }), "{kind:?}");
        let waiting = world.admin("GET", &format!("{ROUTE}?state=waiting"), "").await;
        assert_eq!(ids(&waiting).len(), 3, "{kind:?}: {waiting}");
        assert_eq!(work_off(&world).await, 3, "{kind:?}");
        let states = states(&world).await;
        assert_eq!((states["evt_a0"], states["evt_b0"]), ((2, 1), (4, 12)), "{kind:?}");
        let rest = post(json!({ "state": "dead" })).await;
        assert_eq!(rest["events"], 3, "{kind:?}");
        let trail = world.admin("GET", "/api/v1/admin/audit?action=stripe_events.replayed", "").await;
        let lines = trail["data"].as_array().unwrap();
        assert_eq!(lines.len(), 2, "{kind:?}: nothing replayed is no line");
        assert!(lines.iter().any(|line| line["after"]["kind"] == "test.dead.a"), "{kind:?}: {trail}");
    }
}

#[tokio::test]
async fn more_than_a_thousand_are_replayed_in_several_goes() {
    let world = world(Kind::Sqlite).await;
    for n in 0..1_001 {
        send(&world, &event(&format!("evt_{n}"), "test.dead", &format!("cus_{}", n % 5), CREATED)).await;
    }
    bury(&world).await;
    let body = r#"{"state":"dead"}"#;
    let first = world.admin("POST", &format!("{ROUTE}/replay"), body).await;
    assert_eq!((&first["events"], &first["has_more"]), (&json!(1_000), &json!(true)));
    let second = world.admin("POST", &format!("{ROUTE}/replay"), body).await;
    assert_eq!((&second["events"], &second["has_more"]), (&json!(1), &json!(false)));
}

#[tokio::test]
async fn events_are_listed_filtered_and_paged() {
    for kind in BOTH {
        let world = world(kind).await;
        for n in 0..7 {
            let which = if n % 2 == 0 { "test.done" } else { "test.ignored" };
            send(&world, &event(&format!("evt_{n}"), which, &format!("cus_{}", n % 3), CREATED)).await;
            world.clock.advance(1_000);
        }
        work_off(&world).await;
        let list = async |query: &str| world.admin("GET", &format!("{ROUTE}?{query}"), "").await;
        let all = list("").await;
        assert_eq!(ids(&all), ["evt_6", "evt_5", "evt_4", "evt_3", "evt_2", "evt_1", "evt_0"], "{kind:?}");
        assert!(all["data"][0].get("payload").is_none(), "{kind:?}: only one event has its payload");
        assert_eq!(ids(&list("kind=test.ignored").await), ["evt_5", "evt_3", "evt_1"], "{kind:?}");
        assert_eq!(ids(&list("state=done&object=cus_0").await), ["evt_6", "evt_0"], "{kind:?}");
        assert_eq!(ids(&list("state=dead").await), [""; 0], "{kind:?}");
        let at = all["data"][3]["received_at"].as_str().unwrap();
        assert_eq!(ids(&list(&format!("from={at}")).await), ["evt_6", "evt_5", "evt_4", "evt_3"], "{kind:?}");
        assert_eq!(ids(&list(&format!("to={at}")).await), ["evt_2", "evt_1", "evt_0"], "{kind:?}");
        let page = list("limit=3&starting_after=evt_4").await;
        assert_eq!((ids(&page), &page["has_more"]), (vec!["evt_3", "evt_2", "evt_1"], &json!(true)), "{kind:?}");
        let last = list("limit=3&starting_after=evt_1").await;
        assert_eq!((ids(&last), &last["has_more"]), (vec!["evt_0"], &json!(false)), "{kind:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_replayed_or_read_is_refused_by_name() {
    for kind in BOTH {
        let world = world(kind).await;
        send(&world, &event("evt_1", "test.done", "cus_1", CREATED)).await;
        work_off(&world).await;
        execute(&world, "UPDATE stripe_events SET payload = NULL", vec![]).await;
        let (_, service) = world.key("service").await;
        let at = |rest: &str| format!("{ROUTE}{rest}");
        for (key, method, path, body, status, code) in [
            (ADMIN, "POST", at("/evt_1/replay"), "", 409, "payload_forgotten"),
            (ADMIN, "POST", at("/evt_x/replay"), "", 404, "unknown_event"),
            (ADMIN, "GET", at("/evt_x"), "", 404, "unknown_event"),
            (ADMIN, "GET", at("?starting_after=evt_x"), "", 404, "unknown_event"),
            (ADMIN, "GET", at("?state=gone"), "", 400, "invalid_field"),
            (ADMIN, "POST", at("/replay"), r#"{"state":"done"}"#, 400, "invalid_field"),
            (ADMIN, "POST", at("/replay"), "{}", 400, "missing_field"),
            (service.as_str(), "GET", at(""), "", 403, "role_not_allowed"),
            (service.as_str(), "POST", at("/evt_1/replay"), "", 403, "role_not_allowed"),
            ("", "POST", at("/evt_1/replay"), "", 401, "missing_api_key"),
        ] {
            let answer = world.ask(key, method, &path, body).await;
            assert_eq!((answer.status, answer.error().0.as_str()), (status, code), "{kind:?} {path} {}", answer.text);
        }
        assert_eq!(shown(&world, "evt_1").await["payload"], Value::Null, "{kind:?}");
        assert_eq!(states(&world).await["evt_1"], (2, 1), "{kind:?}");
    }
}
