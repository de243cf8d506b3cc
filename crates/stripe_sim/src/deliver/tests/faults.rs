//! Deliveries that go wrong on purpose.

use super::{NOW, done, endpoint, kinds, new_world, sent_until_the_end, take, tell};
use crate::{
    deliver::{
        Delivery, DeliveryFault, Drawn, PlantedFault, answered_at,
        deliveries::State,
        events,
        faults::{plant, withdraw},
    },
    world::{Cx, Event, World},
};
use serde_json::{Value, json};

fn planted(world: &mut World, events: &str, fault: DeliveryFault, times: u32) -> String {
    plant(&mut Cx::new(world, None), events, fault, times)
}

fn left(world: &World) -> Vec<u32> {
    world.all::<PlantedFault>().map(|planted| planted.left).collect()
}

#[test]
fn each_fault_does_what_it_says() {
    type Row = (Option<DeliveryFault>, &'static [(i64, &'static str)]);
    let table: [Row; 6] = [
        (None, &[(0, "a"), (0, "b"), (0, "c")]),
        (Some(DeliveryFault::Late { seconds: 60 }), &[(0, "a"), (0, "c"), (60, "b")]),
        (Some(DeliveryFault::Twice), &[(0, "a"), (0, "b"), (0, "b"), (0, "c")]),
        (Some(DeliveryFault::OutOfOrder), &[(0, "a"), (0, "c"), (0, "b")]),
        (Some(DeliveryFault::EqualTimestamps), &[(0, "a"), (0, "b"), (0, "c")]),
        (Some(DeliveryFault::Never), &[(0, "a"), (0, "c")]),
    ];
    for (fault, expected) in table {
        let mut world = new_world();
        endpoint(&mut world, &["*"]);
        if let Some(fault) = fault {
            planted(&mut world, "b", fault, 1);
        }
        for kind in ["a", "b", "c"] {
            tell(&mut world, kind, "in_1");
        }
        let sent = sent_until_the_end(&mut world);
        let sent: Vec<(i64, &str)> = sent.iter().map(|(at, kind)| (*at, kind.as_str())).collect();
        assert_eq!(sent, expected, "{fault:?}");
        assert!(left(&world).iter().all(|left| *left == 0), "{fault:?}");
        let pending: u32 = world.all::<Event>().map(|event| event.pending_webhooks).sum();
        assert_eq!(pending, u32::from(fault == Some(DeliveryFault::Never)), "{fault:?}");
    }
}

#[test]
fn a_fault_happens_as_often_as_it_was_planted() {
    let mut world = new_world();
    endpoint(&mut world, &["invoice.*", "invoice.paid"]);
    tell(&mut world, "a", "in_1");
    planted(&mut world, "*", DeliveryFault::Never, 2);
    tell(&mut world, "a", "in_1");
    assert_eq!(left(&world), [2], "an event that nobody wants uses none up");
    for _ in 0..3 {
        tell(&mut world, "invoice.paid", "in_1");
    }
    assert_eq!((kinds(&take(&mut world)).len(), left(&world)), (1, vec![0]));
    let id = planted(&mut world, "*", DeliveryFault::Never, 1);
    withdraw(&mut Cx::new(&mut world, None), &id);
    tell(&mut world, "invoice.paid", "in_1");
    assert_eq!(kinds(&take(&mut world)).len(), 1);
}

#[test]
fn the_first_planted_of_several_happens() {
    let mut world = new_world();
    endpoint(&mut world, &["*"]);
    planted(&mut world, "invoice.paid", DeliveryFault::Never, 1);
    planted(&mut world, "invoice.*", DeliveryFault::Twice, 1);
    tell(&mut world, "invoice.paid", "in_1");
    assert_eq!((take(&mut world).len(), left(&world)), (0, vec![0, 1]));
    tell(&mut world, "invoice.paid", "in_1");
    assert_eq!((take(&mut world).len(), left(&world)), (2, vec![0, 0]));
}

#[test]
fn a_refused_request_uses_no_fault_up_and_lets_nothing_go() {
    let mut world = new_world();
    endpoint(&mut world, &["*"]);
    planted(&mut world, "a", DeliveryFault::OutOfOrder, 1);
    planted(&mut world, "b", DeliveryFault::Never, 1);
    tell(&mut world, "a", "in_1");
    let mut cx = Cx::new(&mut world, None);
    cx.tell_value("b", json!({ "id": "in_1" }), None);
    cx.tell_value("c", json!({ "id": "in_1" }), None);
    cx.take_back();
    assert_eq!((left(&world), take(&mut world).len()), (vec![0, 1], 0));
    tell(&mut world, "d", "in_1");
    assert_eq!(kinds(&take(&mut world)), ["d", "a"]);
}

#[test]
fn the_last_of_all_is_not_held_for_ever() {
    let mut world = new_world();
    endpoint(&mut world, &["*"]);
    planted(&mut world, "*", DeliveryFault::OutOfOrder, 2);
    tell(&mut world, "a", "in_1");
    tell(&mut world, "b", "in_1");
    assert!(world.all::<Delivery>().all(|delivery| delivery.state == State::Held));
    let mut other = world.clone();
    assert_eq!(sent_until_the_end(&mut world), [(3_600, "a".to_owned()), (3_600, "b".to_owned())]);
    // When one follows them, they come after it, and backwards.
    tell(&mut other, "c", "in_1");
    assert_eq!(kinds(&take(&mut other)), ["c", "b", "a"]);
}

#[test]
fn held_deliveries_follow_one_to_the_same_endpoint() {
    let mut world = new_world();
    endpoint(&mut world, &["a", "c"]);
    endpoint(&mut world, &["b"]);
    planted(&mut world, "a", DeliveryFault::OutOfOrder, 1);
    for kind in ["a", "b", "c"] {
        tell(&mut world, kind, "in_1");
    }
    assert_eq!(kinds(&take(&mut world)), ["b", "c", "a"]);
}

#[test]
fn equal_times_are_those_of_the_same_object() {
    let mut world = new_world();
    planted(&mut world, "updated", DeliveryFault::EqualTimestamps, 2);
    tell(&mut world, "created", "sub_1");
    world.now += 5;
    tell(&mut world, "created", "sub_2");
    world.now += 5;
    tell(&mut world, "updated", "sub_1");
    tell(&mut world, "updated", "sub_3");
    let times: Vec<i64> = world.all::<Event>().map(|event| event.created - NOW).collect();
    // Nothing was told of the last one before, so it has the time of the last event.
    assert_eq!(times, [0, 5, 0, 0]);
    let ids: Vec<String> = world.all::<Event>().map(|event| event.id.clone()).collect();
    let newest_first = [&ids[1], &ids[3], &ids[2], &ids[0]];
    assert_eq!(done(&mut world, events::list, "", json!({})), json!(newest_first));
}

#[test]
fn what_is_never_sent_is_never_answered() {
    let mut world = new_world();
    endpoint(&mut world, &["*"]);
    planted(&mut world, "invoice.created", DeliveryFault::Never, 1);
    tell(&mut world, "invoice.created", "in_1");
    assert!(sent_until_the_end(&mut world).is_empty());
    assert!(answered_at(&world, "in_1", "invoice.created").is_none());
    let missed = done(&mut world, events::list, "", json!({ "delivery_success": false }));
    assert_eq!(missed.as_array().map(Vec::len), Some(1));
}

#[test]
fn the_second_of_two_answers_for_nothing() {
    let mut world = new_world();
    endpoint(&mut world, &["*"]);
    planted(&mut world, "*", DeliveryFault::Twice, 1);
    tell(&mut world, "invoice.created", "in_1");
    let sent = take(&mut world);
    assert_eq!(sent[0].body, sent[1].body);
    crate::deliver::settle(&mut world, &sent[1].delivery, Ok(200));
    assert!(answered_at(&world, "in_1", "invoice.created").is_none());
    crate::deliver::settle(&mut world, &sent[0].delivery, Ok(200));
    assert!(answered_at(&world, "in_1", "invoice.created").is_some());
    assert_eq!(done(&mut world, events::list, "", json!({ "delivery_success": false })), Value::Array(Vec::new()));
}

#[test]
fn drawn_faults_are_the_same_for_the_same_seed() {
    let life = |seed: u64| {
        let mut world = new_world();
        let among = vec![DeliveryFault::Twice, DeliveryFault::OutOfOrder, DeliveryFault::Late { seconds: 90 }];
        world.dispatch.drawn = Some(Drawn { seed, of_thousand: 300, among });
        endpoint(&mut world, &["*"]);
        for number in 0..100 {
            tell(&mut world, &format!("thing.{number}"), "in_1");
        }
        let ids: Vec<String> = world.all::<Event>().map(|event| event.id.clone()).collect();
        (sent_until_the_end(&mut world), ids)
    };
    let (one, ids) = life(1);
    assert_eq!(life(1), (one.clone(), ids.clone()));
    let (two, same_ids) = life(2);
    assert_ne!(one, two);
    assert_eq!(ids, same_ids, "faults take nothing from the chance of the world");
    assert!(one.len() > 100 && one.iter().any(|(at, _)| *at == 90), "{one:?}");
}
