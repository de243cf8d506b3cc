//! Taking in while subjects leave the queue: whatever passes whom, no event is left behind and none is done twice.

use super::{CREATED, effects, event, number, react, send, states, work_off, world};
use crate::world::{BOTH, Kind, World};
use futures_util::future::join_all;
use purser::{
    features::inbox,
    platform::{db::DbError, ids::Random},
};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};

/// Who sends at the same time, and how much each.
const SENDERS: u64 = 8;
const EVENTS: u64 = 60;
/// So few subjects that each leaves the queue and comes back all the time.
const SUBJECTS: u128 = 3;

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

/// The row is locked by whoever takes a subject out, and by an arrival: the second waits for the first, whichever it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_arrival_waits_for_who_takes_its_subject_out_of_the_queue() {
    let world = world(Kind::Postgres).await;
    send(&world, &event("evt_1", "test.done", "cus_1", CREATED)).await;
    let (locked, may_go) = (std::sync::mpsc::channel::<()>(), std::sync::mpsc::channel::<()>());
    let (locked_by, is_locked) = (std::sync::Mutex::new(locked.0), locked.1);
    let (go, wait_to_go) = (may_go.0, std::sync::Mutex::new(may_go.1));
    let removal = world.app.db().write(move |tx| {
        // As `give_back` does it: the row, then the events, then away with it.
        tx.execute("UPDATE stripe_inbox SET lease = 0 WHERE subject = 'customer:cus_1'", vec![])?;
        tx.execute("UPDATE stripe_events SET state = 2 WHERE id = 'evt_1'", vec![])?;
        locked_by.lock().unwrap().send(()).unwrap();
        wait_to_go.lock().unwrap().recv().unwrap();
        tx.execute("DELETE FROM stripe_inbox WHERE subject = 'customer:cus_1'", vec![])?;
        Ok::<_, DbError>(())
    });
    let arrival = async {
        tokio::task::spawn_blocking(move || is_locked.recv().unwrap()).await.unwrap();
        let body = event("evt_2", "test.done", "cus_1", CREATED);
        let sending = send(&world, &body);
        tokio::pin!(sending);
        let early = tokio::time::timeout(std::time::Duration::from_millis(300), &mut sending).await;
        assert!(early.is_err(), "it was answered before the subject was out of the queue");
        go.send(()).unwrap();
        sending.await;
    };
    let (removed, ()) = tokio::join!(removal, arrival);
    removed.unwrap();
    assert_eq!(number(&world, "SELECT COUNT(*) FROM stripe_inbox").await, 1, "its subject is in the queue again");
    work_off(&world).await;
    assert_eq!(states(&world).await["evt_2"], (2, 1));
}
