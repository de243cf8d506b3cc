//! Taking in while subjects leave the queue: whatever passes whom, no event is left behind and none is done twice.

use super::{CREATED, effects, event, execute, number, react, send, states, work_off, world};
use crate::world::{ADMIN, BOTH, Kind, World};
use futures_util::future::{BoxFuture, join_all};
use purser::{
    features::inbox::{self, Delivery, Reacted},
    platform::{
        App,
        db::{DbError, Tx, Value as Sql},
        error::Error,
        ids::Random,
    },
};
use serde_json::json;
use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Who sends at the same time, and how much each.
const SENDERS: u64 = 8;
const EVENTS: u64 = 60;
/// So few subjects that each leaves the queue and comes back all the time.
const SUBJECTS: u128 = 3;
/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends events of few subjects, a seed deciding which, as fast as they are taken.
async fn sender(world: &World, seed: u64) {
    let random = Random::seeded(seed);
    for n in 0..EVENTS {
        let about = format!("cus_{}", random.number() % SUBJECTS);
        let id = format!("evt_{seed}_{n}");
        send(world, &event(&id, "test.done", &about, CREATED)).await;
    }
}

/// Empties the queue again and again while others send.
async fn worker(world: &World, ended: &AtomicBool) {
    while !ended.load(Ordering::SeqCst) {
        inbox::work_off(&world.app, react).await.unwrap();
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrives_while_its_subject_leaves_the_queue_is_not_left_behind() {
    for kind in BOTH {
        for round in 0..3 {
            println!("{kind:?}, round {round}");
            let world = world(kind).await;
            let ended = AtomicBool::new(false);
            let senders = async {
                join_all((0..SENDERS).map(|n| sender(&world, round * SENDERS + n))).await;
                ended.store(true, Ordering::SeqCst);
            };
            tokio::join!(senders, worker(&world, &ended), worker(&world, &ended), worker(&world, &ended));
            // What waits has its subject in the queue: else nobody would ever come to it.
            work_off(&world).await;
            let sent = SENDERS * EVENTS;
            let states = states(&world).await;
            let left: Vec<_> = states.iter().filter(|(_, state)| **state != (2, 1)).collect();
            assert!(left.is_empty(), "{kind:?}: {left:?}");
            let effects = effects(&world).await;
            let each: BTreeSet<&String> = effects.iter().collect();
            assert_eq!((effects.len() as u64, each.len() as u64), (sent, sent), "{kind:?}");
            assert_eq!(number(&world, "SELECT COUNT(*) FROM stripe_inbox").await, 0, "{kind:?}");
        }
    }
}

/// What a transaction does first, or then.
type Step = fn(&mut Tx<'_>) -> Result<(), DbError>;

/// Does `first` in a transaction, and `then` once `other`, which begins in between, waits for it. Answers what that one
/// answers.
async fn meanwhile<T>(world: &World, first: Step, then: Step, other: impl Future<Output = T>) -> T {
    let (begun, mut has_begun) = tokio::sync::mpsc::unbounded_channel();
    let (go, may_go) = std::sync::mpsc::channel();
    let may_go = Mutex::new(may_go);
    let held = world.app.db().write(move |tx| {
        first(tx)?;
        begun.send(()).unwrap();
        may_go.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        then(tx)
    });
    let other = async {
        has_begun.recv().await.unwrap();
        let freed = async {
            somebody_waits(world).await;
            go.send(()).unwrap();
        };
        tokio::join!(other, freed).0
    };
    let (held, answer) = tokio::join!(held, other);
    held.unwrap();
    answer
}

/// Waits until a transaction waits for a row.
async fn somebody_waits(world: &World) {
    let waiting = "SELECT COUNT(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let began = Instant::now();
    while number(world, waiting).await == 0 {
        assert!(began.elapsed() < PATIENCE, "nobody waits");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Locks the row of the subject `customer:cus_1`.
fn lock(tx: &mut Tx<'_>) -> Result<(), DbError> {
    tx.execute("UPDATE stripe_inbox SET waits = 0 WHERE subject = 'customer:cus_1'", vec![]).map(drop)
}

/// The row is locked by whoever takes a subject out, and by an arrival: the second waits for the first, whichever it
/// is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_arrival_waits_for_who_takes_its_subject_out_of_the_queue() {
    let world = world(Kind::Postgres).await;
    send(&world, &event("evt_1", "test.done", "cus_1", CREATED)).await;
    // As `give_back` does it: the row, then the events, then away with it.
    let taken_out: Step = |tx| {
        tx.execute("UPDATE stripe_events SET state = 2 WHERE id = 'evt_1'", vec![])?;
        tx.execute("DELETE FROM stripe_inbox WHERE subject = 'customer:cus_1'", vec![]).map(drop)
    };
    let body = event("evt_2", "test.done", "cus_1", CREATED);
    meanwhile(&world, lock, taken_out, send(&world, &body)).await;
    assert_eq!(number(&world, "SELECT COUNT(*) FROM stripe_inbox").await, 1, "its subject is in the queue again");
    work_off(&world).await;
    assert_eq!(states(&world).await["evt_2"], (2, 1));
}

/// What was taken by [`keeps`].
static KEPT: Mutex<Option<Delivery>> = Mutex::new(None);

/// Leaves the event under its lease, for the test to end it.
fn keeps(_: App, delivery: Delivery) -> BoxFuture<'static, Result<Reacted, Error>> {
    *KEPT.lock().unwrap() = Some(delivery);
    Box::pin(std::future::pending())
}

/// The end of an event locks its subject's row before it looks for others: what came meanwhile waits under the lease
/// that goes on, and does not lose its place in the queue.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrives_while_the_event_before_it_ends_is_seen_by_that_end() {
    let world = world(Kind::Postgres).await;
    send(&world, &event("evt_1", "test.done", "cus_1", CREATED)).await;
    let taken = async {
        loop {
            if let Some(delivery) = KEPT.lock().unwrap().take() {
                return delivery;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let delivery = tokio::select! {
        delivery = taken => delivery,
        _ = inbox::work_off(&world.app, keeps) => panic!("it is never done"),
    };
    // An arrival that has its row and is not at its end.
    let arrives: Step = |tx| {
        let sql = "INSERT INTO stripe_events (id, kind, thin, subject, livemode, created_at, received_at, state, attempts) \
            SELECT 'evt_2', kind, thin, subject, livemode, created_at, received_at, state, attempts \
            FROM stripe_events WHERE id = 'evt_1'";
        tx.execute(sql, vec![]).map(drop)
    };
    let ended = world.app.db().write(move |tx| inbox::done(tx, &delivery).map(drop));
    meanwhile(&world, lock, arrives, ended).await.unwrap();
    let (first, then) = (states(&world).await["evt_1"], states(&world).await["evt_2"]);
    assert_eq!((first, then), ((2, 1), (1, 0)));
    assert_eq!(number(&world, "SELECT COUNT(*) FROM stripe_inbox WHERE lease <> 0").await, 1);
}

/// It was handed over and done there since the replay looked for it: nobody would come to it by the subject it had.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_handed_over_while_it_is_replayed_is_not_left_behind() {
    let elsewhere: Step = |tx| {
        let sql = "UPDATE stripe_events SET subject = 'charge:ch_1', state = 2, attempts = 1 WHERE id = 'evt_1'";
        tx.execute(sql, vec![])?;
        tx.execute("DELETE FROM stripe_inbox WHERE subject = 'customer:cus_1'", vec![]).map(drop)
    };
    let route = "/api/v1/admin/stripe-events";
    for (path, body, status) in [("/evt_1/replay", "", 503), ("/replay", r#"{"state":"dead"}"#, 200)] {
        let world = world(Kind::Postgres).await;
        send(&world, &event("evt_1", "test.done", "cus_1", CREATED)).await;
        execute(&world, "UPDATE stripe_events SET state = 4, attempts = 12", vec![]).await;
        let path = format!("{route}{path}");
        let answer = meanwhile(&world, lock, elsewhere, world.ask(ADMIN, "POST", &path, body)).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        if status == 503 {
            assert_eq!(answer.error().0, "overloaded", "{path}: {}", answer.text);
        } else {
            assert_eq!(answer.json()["events"], json!(0), "{path}: {}", answer.text);
        }
        assert_eq!(states(&world).await["evt_1"], (2, 1), "{path}: it is as it was");
        // Asked again, it is found where it is now.
        world.admin("POST", &format!("{route}/evt_1/replay"), "").await;
        work_off(&world).await;
        assert_eq!((states(&world).await["evt_1"], effects(&world).await.len()), ((2, 1), 1), "{path}");
        assert_eq!(number(&world, "SELECT COUNT(*) FROM stripe_inbox").await, 0, "{path}");
    }
}

/// Else two that hand over, claim or take in would hold what the other wants.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hands_over_waits_for_an_earlier_row_without_its_own() {
    let world = world(Kind::Postgres).await;
    send(&world, &event("evt_1", "test.moves_once", "cus_1", CREATED)).await;
    let earlier: Step = |tx| {
        let now = tx.now();
        let sql = "INSERT INTO stripe_inbox (subject, run_at, lease, waits, losses) \
            VALUES ('charge:ch_1', $1, 0, 0, 0)";
        tx.execute(sql, vec![Sql::Ts(now)]).map(drop)
    };
    let later: Step = |tx| {
        let sql = "SELECT subject FROM stripe_inbox WHERE subject = 'customer:cus_1' FOR UPDATE NOWAIT";
        tx.query(sql, vec![]).map(drop)
    };
    meanwhile(&world, earlier, later, work_off(&world)).await;
    assert_eq!((states(&world).await["evt_1"], effects(&world).await.len()), ((2, 1), 1));
    assert_eq!(number(&world, "SELECT COUNT(*) FROM stripe_inbox").await, 0);
}
