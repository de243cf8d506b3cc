//! What is sent to whom, and when again.

use super::{NOW, body, done, endpoint, kinds, new_world, sent_until_the_end, take, tell};
use crate::{
    deliver::{
        Delivery, Retries, answered_at,
        deliveries::{Attempt, State},
        endpoints, events, next_due, resume, roll_secret, settle,
    },
    world::{Cx, Event, World},
};
use serde_json::{Value, json};

/// How far the only delivery is.
fn state(world: &World) -> State {
    let states: Vec<State> = world.all::<Delivery>().map(|delivery| delivery.state).collect();
    let [state] = states.as_slice() else { panic!("not one delivery: {states:?}") };
    *state
}

fn pending(world: &World) -> Vec<u32> {
    world.all::<Event>().map(|event| event.pending_webhooks).collect()
}

#[test]
fn each_endpoint_gets_what_it_wants_in_order() {
    let mut world = new_world();
    let one = endpoint(&mut world, &["invoice.paid"]);
    endpoint(&mut world, &["*"]);
    let off = endpoint(&mut world, &["*"]);
    done(&mut world, endpoints::update, &off, json!({ "disabled": true }));
    tell(&mut world, "invoice.paid", "in_1");
    tell(&mut world, "invoice.created", "in_2");
    assert_eq!(pending(&world), [2, 1]);
    assert_eq!(next_due(&world), Some(NOW));
    let sent = take(&mut world);
    assert_eq!(kinds(&sent), ["invoice.paid", "invoice.paid", "invoice.created"]);
    assert_eq!(next_due(&world), None, "all is under way");
    let first = body(&sent[0]);
    assert_eq!(first["object"], "event");
    assert_eq!(first["api_version"], crate::API_VERSION);
    assert_eq!((&first["pending_webhooks"], &first["data"]["object"]["id"]), (&json!(2), &json!("in_1")));
    assert_eq!(first["request"], json!({ "id": null, "idempotency_key": null }));
    assert!(sent[0].body.starts_with("{\n  \""), "as Stripe lays it out: {}", sent[0].body);
    assert!(sent[0].signature.starts_with("t=1800000000,v1="), "{}", sent[0].signature);
    assert_ne!(sent[0].signature, sent[1].signature, "each endpoint has its own secret");
    assert_eq!(world.get::<Delivery>(&sent[0].delivery).map(|delivery| delivery.endpoint.clone()), Some(one));
    for outgoing in &sent {
        settle(&mut world, &outgoing.delivery, Ok(204));
    }
    assert_eq!(pending(&world), [0, 0]);
    assert_eq!(next_due(&world), None);
}

#[test]
fn a_failure_is_tried_again_three_times() {
    let mut world = new_world();
    endpoint(&mut world, &["*"]);
    tell(&mut world, "invoice.paid", "in_1");
    let mut due = Vec::new();
    for result in [Ok(500), Ok(302), Err("no answer".to_owned()), Ok(404)] {
        world.now = next_due(&world).expect("a try");
        due.push(world.now - NOW);
        let sent = take(&mut world);
        assert_eq!(kinds(&sent), ["invoice.paid"]);
        assert!(sent[0].signature.starts_with(&format!("t={},v1=", world.now)), "signed anew");
        settle(&mut world, &sent[0].delivery, result);
    }
    assert_eq!(due, [0, 600, 4_200, 15_000]);
    assert_eq!((next_due(&world), state(&world), pending(&world)), (None, State::Failed, vec![1]));
    let tries = [
        Attempt { at: NOW, status: Some(500), error: None },
        Attempt { at: NOW + 600, status: Some(302), error: None },
        Attempt { at: NOW + 4_200, status: None, error: Some("no answer".into()) },
        Attempt { at: NOW + 15_000, status: Some(404), error: None },
    ];
    assert!(world.all::<Delivery>().all(|delivery| delivery.attempts == tries));
}

#[test]
fn live_mode_goes_on_for_three_days() {
    let mut world = new_world();
    world.dispatch.retries = Retries::Live;
    endpoint(&mut world, &["*"]);
    tell(&mut world, "invoice.paid", "in_1");
    let mut tries = 0;
    while let Some(due) = next_due(&world) {
        world.now = due;
        for outgoing in take(&mut world) {
            tries += 1;
            settle(&mut world, &outgoing.delivery, Ok(503));
        }
    }
    assert_eq!((tries, world.now - NOW), (10, 3 * 24 * 60 * 60));
}

#[test]
fn a_late_success_counts() {
    let mut world = new_world();
    endpoint(&mut world, &["*"]);
    tell(&mut world, "invoice.paid", "in_1");
    let sent = take(&mut world);
    settle(&mut world, &sent[0].delivery, Ok(500));
    assert_eq!(sent_until_the_end(&mut world), [(600, "invoice.paid".to_owned())]);
    assert_eq!((state(&world), pending(&world)), (State::Delivered, vec![0]));
    settle(&mut world, &sent[0].delivery, Ok(500));
    assert_eq!(state(&world), State::Delivered, "what is over stays so");
}

#[test]
fn an_endpoint_disabled_when_it_is_its_turn_gets_nothing_more() {
    for (back_in_time, expected) in [(true, State::Delivered), (false, State::Stopped)] {
        let mut world = new_world();
        let id = endpoint(&mut world, &["*"]);
        tell(&mut world, "invoice.paid", "in_1");
        let sent = take(&mut world);
        settle(&mut world, &sent[0].delivery, Ok(500));
        done(&mut world, endpoints::update, &id, json!({ "disabled": true }));
        if back_in_time {
            done(&mut world, endpoints::update, &id, json!({ "disabled": false }));
        }
        sent_until_the_end(&mut world);
        assert_eq!(state(&world), expected);
        done(&mut world, endpoints::update, &id, json!({ "disabled": false }));
        assert_eq!(next_due(&world), None);
    }
}

#[test]
fn a_deleted_endpoint_gets_nothing_more() {
    let mut world = new_world();
    let id = endpoint(&mut world, &["*"]);
    tell(&mut world, "invoice.paid", "in_1");
    done(&mut world, endpoints::delete, &id, json!({}));
    assert!(take(&mut world).is_empty());
    assert_eq!(state(&world), State::Stopped);
}

#[test]
fn a_rolled_secret_signs_twice_for_a_day() {
    let mut world = new_world();
    let id = endpoint(&mut world, &["*"]);
    let secret = roll_secret(&mut Cx::new(&mut world, None), &id, i64::MAX).expect("an endpoint");
    assert!(secret.starts_with("whsec_"));
    for (later, signatures) in [(0, 2), (86_399, 2), (86_400, 1)] {
        world.now = NOW + later;
        tell(&mut world, "invoice.paid", "in_1");
        let sent = take(&mut world);
        assert_eq!(sent[0].signature.matches(",v1=").count(), signatures, "{later} seconds later");
        settle(&mut world, &sent[0].delivery, Ok(200));
    }
    assert!(roll_secret(&mut Cx::new(&mut world, None), "we_x", 0).is_err());
}

#[test]
fn a_refused_request_sends_nothing() {
    let mut world = new_world();
    endpoint(&mut world, &["*"]);
    let mut cx = Cx::new(&mut world, None);
    cx.tell_value("invoice.paid", json!({ "id": "in_1" }), None);
    cx.take_back();
    assert_eq!((next_due(&world), take(&mut world).len()), (None, 0));
    // The same chance gives the same ids; the delivery is another one all the same.
    tell(&mut world, "invoice.created", "in_1");
    assert_eq!(kinds(&take(&mut world)), ["invoice.created"]);
}

#[test]
fn a_kept_state_goes_on() {
    let mut world = new_world();
    endpoint(&mut world, &["*"]);
    tell(&mut world, "invoice.paid", "in_1");
    tell(&mut world, "invoice.created", "in_2");
    let sent = take(&mut world);
    settle(&mut world, &sent[1].delivery, Ok(500));
    let kept = serde_json::to_string(&world).expect("JSON");
    let mut world: World = serde_json::from_str(&kept).expect("a world");
    assert_eq!(serde_json::to_string(&world).expect("JSON"), kept);
    resume(&mut world);
    let expected = [(0, "invoice.paid".to_owned()), (600, "invoice.created".to_owned())];
    assert_eq!(sent_until_the_end(&mut world), expected);
}

#[test]
fn an_event_is_answered_when_all_endpoints_have_taken_it() {
    let mut world = new_world();
    assert_eq!(answered_at(&world, "in_1", "invoice.created"), Some(0), "never told");
    tell(&mut world, "invoice.created", "in_1");
    assert_eq!(answered_at(&world, "in_1", "invoice.created"), Some(NOW), "nobody to wait for");
    let one = endpoint(&mut world, &["invoice.created"]);
    let two = endpoint(&mut world, &["*"]);
    tell(&mut world, "invoice.created", "in_2");
    tell(&mut world, "invoice.paid", "in_3");
    let sent = take(&mut world);
    assert!(answered_at(&world, "in_2", "invoice.created").is_none());
    settle(&mut world, &sent[0].delivery, Ok(200));
    assert!(answered_at(&world, "in_2", "invoice.created").is_none(), "one of two");
    settle(&mut world, &sent[1].delivery, Ok(500));
    world.now = NOW + 600;
    let again = take(&mut world);
    settle(&mut world, &again[0].delivery, Ok(200));
    assert_eq!(answered_at(&world, "in_2", "invoice.created"), Some(NOW + 600));
    assert!(answered_at(&world, "in_3", "invoice.paid").is_none(), "under way");
    done(&mut world, endpoints::update, &two, json!({ "disabled": true }));
    assert!(answered_at(&world, "in_3", "invoice.paid").is_some(), "a disabled endpoint is not waited for");
    done(&mut world, endpoints::delete, &one, json!({}));
    assert!(answered_at(&world, "in_2", "invoice.created").is_some());
}

#[test]
fn old_events_are_forgotten_with_their_deliveries() {
    let mut world = new_world();
    endpoint(&mut world, &["*"]);
    tell(&mut world, "invoice.paid", "in_1");
    sent_until_the_end(&mut world);
    world.now = NOW + 30 * 24 * 60 * 60;
    let listed = |world: &mut World| done(world, events::list, "", json!({}));
    assert_eq!(listed(&mut world).as_array().map(Vec::len), Some(1), "the last second");
    world.now += 1;
    assert_eq!(listed(&mut world), Value::Array(Vec::new()));
    assert_eq!((world.tables.events.len(), world.tables.deliveries.len()), (0, 0));
}
