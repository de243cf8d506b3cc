//! Acting on what came: in order, a subject apart from others, again after failures, and with one effect whatever crashes.

use super::{CREATED, effects, event, execute, number, pass, react, send, shown, states, taking, work_off, world};
use crate::world::{BOTH, Kind, World};
use purser::{
    features::inbox::{self, MOST_ATTEMPTS},
    platform::{db::Value as Sql, metrics, work::Tasks},
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// As stored.
const WAITING: i64 = 1;
const DONE: i64 = 2;
const IGNORED: i64 = 3;
const DEAD: i64 = 4;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends an event of `kind` about `about`.
async fn put(world: &World, id: &str, kind: &str, about: &str) {
    send(world, &event(id, kind, about, CREATED)).await;
}

#[tokio::test]
async fn events_of_a_subject_are_done_in_the_order_in_which_they_happened() {
    for kind in BOTH {
        let world = world(kind).await;
        // Those of one second in the order in which they came, whatever their ids.
        for (id, created) in [("evt_c", 7), ("evt_z", 3), ("evt_b", 5), ("evt_a", 3), ("evt_d", 5)] {
            send(&world, &event(id, "test.done", "cus_1", CREATED + created)).await;
            world.clock.advance(1_000);
        }
        assert_eq!(work_off(&world).await, 1, "{kind:?}");
        assert_eq!(effects(&world).await, ["evt_z", "evt_a", "evt_b", "evt_d", "evt_c"], "{kind:?}");
        assert!(states(&world).await.values().all(|state| *state == (DONE, 1)), "{kind:?}");
        assert_eq!(number(&world, "SELECT COUNT(*) FROM stripe_inbox").await, 0, "{kind:?}: nothing waits");
    }
}

#[tokio::test]
async fn a_poison_event_holds_up_its_own_subject_and_no_other() {
    for kind in BOTH {
        let world = world(kind).await;
        put(&world, "evt_bad", "test.fails", "cus_bad").await;
        world.clock.advance(1_000);
        put(&world, "evt_behind", "test.done", "cus_bad").await;
        for n in 0..20 {
            put(&world, &format!("evt_{n}"), "test.done", &format!("cus_{n}")).await;
        }
        work_off(&world).await;
        let states = states(&world).await;
        assert_eq!((states["evt_bad"], states["evt_behind"]), ((WAITING, 1), (WAITING, 0)), "{kind:?}");
        assert!((0..20).all(|n| states[&format!("evt_{n}")] == (DONE, 1)), "{kind:?}: {states:?}");
        let error = shown(&world, "evt_bad").await["last_error"].clone();
        assert_eq!(error, json!("internal: It fails on purpose."), "{kind:?}");
    }
}

#[tokio::test]
async fn a_failing_event_is_tried_later_each_time_and_set_aside_at_last() {
    for kind in BOTH {
        let world = world(kind).await;
        put(&world, "evt_bad", "test.fails", "cus_bad").await;
        world.clock.advance(1_000);
        put(&world, "evt_behind", "test.done", "cus_bad").await;
        for attempt in 1..MOST_ATTEMPTS {
            let before = world.clock.now();
            assert_eq!(work_off(&world).await, 1, "{kind:?}");
            assert_eq!(states(&world).await["evt_bad"], (WAITING, attempt), "{kind:?}");
            assert_eq!(work_off(&world).await, 0, "{kind:?}: it waits");
            let longest = (1_i64 << attempt).min(3_600);
            let until = world.app.db().read(|tx| tx.query("SELECT run_at FROM stripe_inbox", vec![])?[0].ts(0)).await;
            let waits = (until.unwrap().micros() - before.micros()) / 1_000_000;
            assert!((longest / 2..=longest).contains(&waits), "{kind:?}: {waits} s after attempt {attempt}");
            pass(&world).await;
        }
        assert_eq!(work_off(&world).await, 1, "{kind:?}");
        let states = states(&world).await;
        assert_eq!((states["evt_bad"], states["evt_behind"]), ((DEAD, MOST_ATTEMPTS), (DONE, 1)), "{kind:?}");
        assert_eq!(number(&world, "SELECT COUNT(*) FROM stripe_inbox").await, 0, "{kind:?}");
    }
}

#[tokio::test]
async fn while_stripe_is_away_events_wait_and_none_dies_of_it() {
    for kind in BOTH {
        let world = world(kind).await;
        put(&world, "evt_1", "test.away", "cus_1").await;
        for _ in 0..3 * MOST_ATTEMPTS {
            let before = world.clock.now();
            assert_eq!(work_off(&world).await, 1, "{kind:?}");
            let until = world.app.db().read(|tx| tx.query("SELECT run_at FROM stripe_inbox", vec![])?[0].ts(0)).await;
            let waits = (until.unwrap().micros() - before.micros()) / 1_000_000;
            assert!((1..=90).contains(&waits), "{kind:?}: {waits} s");
            pass(&world).await;
        }
        assert_eq!(states(&world).await["evt_1"], (WAITING, 0), "{kind:?}");
        // Stripe is back.
        execute(&world, "UPDATE stripe_events SET kind = 'test.done'", vec![]).await;
        work_off(&world).await;
        assert_eq!(states(&world).await["evt_1"], (DONE, 1), "{kind:?}");
        assert_eq!(shown(&world, "evt_1").await["last_error"], json!(null), "{kind:?}");
    }
}

#[tokio::test]
async fn what_nothing_acts_on_is_kept_and_marked_ignored() {
    for kind in BOTH {
        let world = world(kind).await;
        put(&world, "evt_1", "test.ignored", "cus_1").await;
        work_off(&world).await;
        assert_eq!(states(&world).await["evt_1"], (IGNORED, 1), "{kind:?}");
        assert_eq!((shown(&world, "evt_1").await["state"].clone(), effects(&world).await.len()), (json!("ignored"), 0));
    }
}

#[tokio::test]
async fn what_nothing_acts_on_waits_for_no_worker_and_can_be_replayed() {
    for kind in BOTH {
        let world = taking(kind).await;
        put(&world, "evt_1", "customer.created", "cus_1").await;
        assert_eq!(number(&world, "SELECT COUNT(*) FROM stripe_inbox").await, 0, "{kind:?}");
        put(&world, "evt_2", "customer.updated", "cus_1").await;
        let both = BTreeMap::from([("evt_1".to_owned(), (IGNORED, 0)), ("evt_2".to_owned(), (WAITING, 0))]);
        assert_eq!(states(&world).await, both, "{kind:?}");
        let ignored = shown(&world, "evt_1").await;
        assert_eq!(ignored["done_at"], ignored["received_at"], "{kind:?}");
        assert_eq!(work_off(&world).await, 1, "{kind:?}");
        assert_eq!(effects(&world).await, ["evt_2"], "{kind:?}");
        // As in a later version, which acts on it.
        world.admin("POST", "/api/v1/admin/stripe-events/evt_1/replay", "").await;
        assert_eq!((work_off(&world).await, effects(&world).await), (1, vec!["evt_2".to_owned(), "evt_1".to_owned()]));
    }
}

#[tokio::test]
async fn a_handler_that_fails_or_panics_leaves_nothing_half_done() {
    for kind in BOTH {
        let world = world(kind).await;
        put(&world, "evt_half", "test.half", "cus_1").await;
        put(&world, "evt_once", "test.half_once", "cus_2").await;
        put(&world, "evt_panic", "test.panics", "cus_3").await;
        work_off(&world).await;
        assert_eq!(effects(&world).await, [""; 0], "{kind:?}");
        assert!(states(&world).await.values().all(|state| *state == (WAITING, 1)), "{kind:?}");
        pass(&world).await;
        work_off(&world).await;
        assert_eq!(effects(&world).await, ["evt_once"], "{kind:?}");
        assert_eq!(states(&world).await["evt_once"], (DONE, 2), "{kind:?}");
    }
}

#[tokio::test]
async fn who_was_overtaken_leaves_nothing_and_the_effect_comes_once() {
    for kind in BOTH {
        let world = world(kind).await;
        put(&world, "evt_1", "test.overtaken_once", "cus_1").await;
        work_off(&world).await;
        assert_eq!(effects(&world).await, [""; 0], "{kind:?}");
        assert_eq!(states(&world).await["evt_1"], (WAITING, 0), "{kind:?}: no failure of the event");
        assert_eq!(work_off(&world).await, 0, "{kind:?}: the other has it");
        pass(&world).await;
        work_off(&world).await;
        assert_eq!(effects(&world).await, ["evt_1"], "{kind:?}");
        assert_eq!(states(&world).await["evt_1"], (DONE, 1), "{kind:?}");
    }
}

/// Works until the work is dropped in the middle, as a process that dies drops it.
async fn crash(world: &World) {
    let _dropped = tokio::time::timeout(Duration::from_millis(200), work_off(world)).await;
}

#[tokio::test]
async fn after_a_crash_in_the_middle_the_effect_comes_once() {
    for kind in BOTH {
        let world = world(kind).await;
        put(&world, "evt_1", "test.hangs_once", "cus_1").await;
        let began = Instant::now();
        while number(&world, "SELECT COUNT(*) FROM schedules WHERE name = 'evt_1'").await == 0 {
            assert!(began.elapsed() < PATIENCE, "{kind:?}: it was not tried");
            pass(&world).await;
            crash(&world).await;
        }
        assert_eq!(work_off(&world).await, 0, "{kind:?}: the lease lasts");
        assert_eq!(effects(&world).await, [""; 0], "{kind:?}");
        pass(&world).await;
        work_off(&world).await;
        assert_eq!(effects(&world).await, ["evt_1"], "{kind:?}");
        assert_eq!(states(&world).await["evt_1"], (DONE, 1), "{kind:?}");
    }
}

#[tokio::test]
async fn an_event_that_takes_every_worker_down_is_set_aside() {
    for kind in BOTH {
        let world = world(kind).await;
        put(&world, "evt_bad", "test.hangs", "cus_1").await;
        world.clock.advance(1_000);
        put(&world, "evt_behind", "test.done", "cus_1").await;
        let began = Instant::now();
        let mut crashes = 0;
        while states(&world).await["evt_bad"].0 != DEAD {
            assert!(began.elapsed() < PATIENCE, "{kind:?}: not after {crashes} crashes");
            crash(&world).await;
            crashes += 1;
            pass(&world).await;
        }
        assert!(crashes > 12, "{kind:?}: {crashes}");
        work_off(&world).await;
        assert_eq!(states(&world).await["evt_behind"], (DONE, 1), "{kind:?}");
        let why = shown(&world, "evt_bad").await["last_error"].as_str().unwrap().to_owned();
        assert!(why.contains("went down, 12 times"), "{kind:?}: {why}");
    }
}

#[tokio::test]
async fn a_lease_is_not_given_to_two_and_ends_in_its_time() {
    let world = world(Kind::Sqlite).await;
    put(&world, "evt_1", "test.hangs_once", "cus_1").await;
    let began = Instant::now();
    while number(&world, "SELECT COUNT(*) FROM schedules WHERE name = 'evt_1'").await == 0 {
        assert!(began.elapsed() < PATIENCE);
        pass(&world).await;
        crash(&world).await;
    }
    world.clock.advance(59_999_999);
    assert_eq!(work_off(&world).await, 0);
    world.clock.advance(1);
    assert_eq!(work_off(&world).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_are_woken_by_what_arrives_and_stop_when_told() {
    for kind in BOTH {
        let world = world(kind).await;
        let tasks = Tasks::default();
        inbox::start(&world.app, &tasks, react);
        for n in 0..50 {
            put(&world, &format!("evt_{n}"), "test.done", &format!("cus_{}", n % 7)).await;
        }
        let began = Instant::now();
        while effects(&world).await.len() < 50 {
            assert!(began.elapsed() < PATIENCE, "{kind:?}: {:?}", states(&world).await);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tasks.stop();
        assert!(tasks.finished(PATIENCE).await, "{kind:?}");
        put(&world, "evt_late", "test.done", "cus_late").await;
        assert_eq!(states(&world).await["evt_late"], (WAITING, 0), "{kind:?}: it is kept with nobody working");
    }
}

/// The value of a gauge of this process.
fn gauge(world: &World, name: &str) -> f64 {
    let text = metrics::render(&world.app);
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_else(|| panic!("no {name}"))
}

/// This is the one test that lets it be told: the gauges are of the whole process.
#[tokio::test]
async fn what_waits_and_what_is_dead_is_told() {
    for kind in BOTH {
        let world = world(kind).await;
        let told = async || {
            inbox::tell(&world.app).await.unwrap();
            ["waiting_subjects", "dead_events"].map(|name| gauge(&world, &format!("purser_inbox_{name}")))
        };
        assert_eq!(told().await, [0.0, 0.0], "{kind:?}");
        assert_eq!(gauge(&world, "purser_inbox_oldest_seconds"), 0.0, "{kind:?}");
        for n in 0..3 {
            put(&world, &format!("evt_{n}"), "test.done", &format!("cus_{n}")).await;
        }
        let old = world.clock.now().plus_seconds(-1_000);
        execute(&world, "UPDATE stripe_events SET received_at = $1 WHERE id = 'evt_1'", vec![Sql::Ts(old)]).await;
        execute(&world, "UPDATE stripe_events SET state = 4 WHERE id = 'evt_0'", vec![]).await;
        assert_eq!(told().await, [3.0, 1.0], "{kind:?}");
        let oldest = gauge(&world, "purser_inbox_oldest_seconds");
        assert!((1_000.0..1_100.0).contains(&oldest), "{kind:?}: {oldest}");
        work_off(&world).await;
        assert_eq!(told().await, [0.0, 1.0], "{kind:?}");
    }
}

#[tokio::test]
async fn a_long_queue_of_one_subject_lets_others_have_their_turn() {
    for kind in BOTH {
        let world = world(kind).await;
        for n in 0..150 {
            send(&world, &event(&format!("evt_{n:03}"), "test.done", "cus_busy", CREATED + n)).await;
        }
        // One pass takes a hundred; the subject goes behind the others, and comes again.
        assert_eq!(work_off(&world).await, 2, "{kind:?}");
        let done = effects(&world).await;
        assert!(done.is_sorted() && done.len() == 150, "{kind:?}: {done:?}");
    }
}

#[tokio::test]
async fn every_payload_over_its_time_is_forgotten_and_every_id_stays() {
    for kind in BOTH {
        let world = world(kind).await;
        for n in 0..3 {
            put(&world, &format!("evt_{n}"), "test.done", &format!("cus_{n}")).await;
        }
        put(&world, "evt_waiting", "test.fails", "cus_waiting").await;
        put(&world, "evt_dying", "test.fails", "cus_dying").await;
        work_off(&world).await;
        let old = world.clock.now().plus_seconds(-401 * 86_400);
        let moved = "UPDATE stripe_events SET received_at = $1 WHERE id <> 'evt_2'";
        assert_eq!(execute(&world, moved, vec![Sql::Ts(old)]).await, 4, "{kind:?}");
        let before = world.clock.now().plus_seconds(-400 * 86_400);
        let done = inbox::forget_payloads(world.app.db(), before).await.unwrap();
        assert_eq!((done.events, done.forgotten), (4, 2), "{kind:?}");
        let again = inbox::forget_payloads(world.app.db(), before).await.unwrap();
        assert_eq!((again.events, again.forgotten), (0, 0), "{kind:?}");
        let kept = ["evt_2", "evt_waiting", "evt_dying"];
        for (id, kept) in ["evt_0", "evt_1"].map(|id| (id, false)).into_iter().chain(kept.map(|id| (id, true))) {
            assert_eq!(shown(&world, id).await["payload"].is_string(), kept, "{kind:?} {id}");
        }
        // What was forgotten is known still, and does not come again.
        let later = world.clock.now().plus_seconds(86_400);
        execute(&world, "UPDATE stripe_inbox SET run_at = $1", vec![Sql::Ts(later)]).await;
        put(&world, "evt_0", "test.done", "cus_0").await;
        assert_eq!((work_off(&world).await, states(&world).await["evt_0"]), (0, (DONE, 1)), "{kind:?}");
        // What waited beyond its time is forgotten once it waits no longer.
        execute(&world, "UPDATE stripe_events SET kind = 'test.done' WHERE id = 'evt_waiting'", vec![]).await;
        execute(&world, "UPDATE stripe_events SET attempts = 11 WHERE id = 'evt_dying'", vec![]).await;
        pass(&world).await;
        assert_eq!(work_off(&world).await, 2, "{kind:?}");
        for (id, state) in [("evt_waiting", (DONE, 2)), ("evt_dying", (DEAD, MOST_ATTEMPTS))] {
            assert_eq!(states(&world).await[id], state, "{kind:?} {id}");
            assert!(shown(&world, id).await["payload"].is_null(), "{kind:?} {id}");
        }
        assert!(shown(&world, "evt_2").await["payload"].is_string(), "{kind:?}: that one is not over its time");
    }
}
