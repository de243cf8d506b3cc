//! The hot path: batches, poison items, and answers.

use super::*;
use crate::platform::{
    db::{Batch, Lane, Load},
    fault::Side,
};
use futures_util::{FutureExt as _, future::join_all};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

both! {
    a_lane_counts_exactly a_poison_item_fails_alone a_closed_lane_drains a_full_lane_refuses
    each_statement_of_a_batch_failing_leaves_nothing_half_done each_statement_failing_while_items_are_tried_alone
}

/// Adds to a counter; panics on -1, answers a bug on -2, violates a constraint on -3.
#[derive(Default)]
struct Adds {
    batches: Arc<AtomicUsize>,
}

impl Batch for Adds {
    const NAME: &'static str = "adds";
    type Item = (&'static str, i64);
    type Answer = i64;

    fn run(&self, tx: &mut Tx<'_>, items: &[Self::Item]) -> Result<Vec<i64>, DbError> {
        self.batches.fetch_add(1, Ordering::SeqCst);
        let load = Load::Many {
            table: &COUNTERS,
            by: COUNTERS.key,
            columns: &[("name", Type::Text), ("n", Type::I64)],
            keys: items.iter().map(|(name, _)| key(name)).collect(),
            lock: true,
        };
        let rows = tx.load(vec![load])?.remove(0);
        let mut found = std::collections::BTreeMap::new();
        for row in &rows {
            found.insert(row.text(0)?.to_owned(), row.i64(1)?);
        }
        let mut answers = Vec::new();
        for (name, by) in items {
            match by {
                -1 => panic!("on purpose"),
                -2 => return Err(DbError::Bug("on purpose".into())),
                -3 => tx.later("INSERT INTO counters (name, bucket, n) VALUES ('x', 7, NULL)", vec![]),
                _ => {}
            }
            let n = found.entry((*name).to_owned()).or_insert(0);
            *n += by;
            answers.push(*n);
        }
        tx.put_later(&COUNTERS, found.iter().map(|(name, n)| row(name, *n)).collect());
        Ok(answers)
    }

    fn lane((name, _): &Self::Item) -> u8 {
        name.as_bytes()[0]
    }
}

async fn a_lane_counts_exactly(kind: Kind) {
    let world = World::with(kind, |config| config.batch = 16).await;
    let adds = Adds::default();
    let batches = adds.batches.clone();
    let lane = world.db.lane(adds);
    let items = (0..300).map(|at| lane.submit((["a", "b", "c"][at % 3], 1)));
    let mut answers: Vec<i64> = join_all(items).await.into_iter().map(Result::unwrap).collect();
    answers.sort_unstable();
    assert_eq!(answers, (0..300).map(|at| at / 3 + 1).collect::<Vec<_>>());
    assert_eq!(world.total().await, 300);
    let batches = batches.load(Ordering::SeqCst);
    assert!((19..300).contains(&batches), "{batches} batches of at most 16");
}

async fn a_poison_item_fails_alone(kind: Kind) {
    let world = World::new(kind).await;
    let lane = world.db.lane(Adds::default());
    for poison in [-1, -2, -3] {
        let items = (0..30).map(|at| lane.submit(("a", if at % 10 == 5 { poison } else { 1 })));
        let answers = join_all(items).await;
        let bugs = answers.iter().filter(|answer| matches!(answer, Err(DbError::Bug(_)))).count();
        let done = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!((bugs, done), (3, 27), "{poison}: {answers:?}");
    }
    assert_eq!(world.counter("a").await, Some(81));
}

async fn a_closed_lane_drains(kind: Kind) {
    let world = World::with(kind, |config| config.batch = 8).await;
    let lane = world.db.lane(Adds::default());
    let mut items: Vec<_> = (0..100).map(|_| Box::pin(lane.submit(("a", 1)))).collect();
    for item in &mut items {
        assert!(item.now_or_never().is_none());
    }
    world.db.close().await;
    assert!(join_all(items).await.iter().all(Result::is_ok));
    assert!(matches!(lane.submit(("a", 1)).await, Err(DbError::Unavailable(_))));
    let again = Db::open(world.config.clone(), Clock::manual(NOW)).unwrap();
    assert_eq!(counter(&again, "a").await, Some(100));
}

async fn a_full_lane_refuses(kind: Kind) {
    let world = World::with(kind, |config| config.queue = 8).await;
    let lane = world.db.lane(Adds::default());
    // Far more than the queue holds, all polled before any is awaited: each is done or refused, none lost.
    let answers = join_all((0..2000).map(|_| lane.submit(("a", 1)))).await;
    let done = answers.iter().filter(|answer| answer.is_ok()).count();
    let refused = answers.iter().filter(|answer| **answer == Err(DbError::Overloaded)).count();
    assert_eq!(done + refused, 2000);
    assert!(refused > 0 && done >= 8);
    assert_eq!(world.counter("a").await, i64::try_from(done).ok());
}

/// Counters of their own, so that what became of each item shows.
const NAMES: [&str; 8] = ["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7"];

/// What became of the items of `NAMES`: each one's answer, and what was kept of it.
async fn submitted(world: &World, lane: &Lane<Adds>, by: [i64; 8]) -> Vec<(Result<i64, DbError>, i64)> {
    let kept = async || join_all(NAMES.map(|name| world.counter(name))).await;
    let before = kept().await;
    // Together, so that they are one batch whatever the timing.
    let answers = lane.submit_all(NAMES.into_iter().zip(by).collect()).await;
    let after = kept().await;
    let added = before.iter().zip(after).map(|(before, after)| after.unwrap_or(0) - before.unwrap_or(0));
    answers.into_iter().zip(added).collect()
}

/// An item answered with yes is done once, at the count it was told.
fn none_is_claimed_falsely(found: &[(Result<i64, DbError>, i64)], what: &str) {
    for (answer, added) in found {
        assert!(answer.is_err() || *added == 1, "{what}: {found:?}");
    }
}

async fn each_statement_of_a_batch_failing_leaves_nothing_half_done(kind: Kind) {
    let world = World::new(kind).await;
    let lane = world.db.lane(Adds::default());
    for side in [Side::Before, Side::After] {
        for statement in 0.. {
            let what = format!("{side:?} {statement}");
            world.faults.fail_statement(0, statement, side);
            let found = submitted(&world, &lane, [1; 8]).await;
            none_is_claimed_falsely(&found, &what);
            // The batch that met it is kept as a whole or not at all, and told so as a whole.
            let failed: Vec<_> = found.iter().filter(|(answer, _)| answer.is_err()).collect();
            let whole = failed.iter().all(|(answer, added)| {
                matches!(answer, Err(DbError::Unavailable(_))) && *added == failed[0].1 && (0..=1).contains(added)
            });
            assert!(whole, "{what}: {found:?}");
            // What was told to try again is done when it is, and nothing else of the batch with it.
            let again = submitted(&world, &lane, [1; 8]).await;
            if failed.is_empty() {
                assert!(statement >= 4, "begin, load, put, commit: {what}");
                break;
            }
            assert!(again.iter().all(|(answer, added)| answer.is_ok() && *added == 1), "{what}: {again:?}");
            assert!(statement < 20);
        }
    }
}

/// A poison item makes the batch fail; then a statement fails while each is tried alone.
async fn each_statement_failing_while_items_are_tried_alone(kind: Kind) {
    let world = World::new(kind).await;
    let lane = world.db.lane(Adds::default());
    for side in [Side::Before, Side::After] {
        // In the first item tried alone, and in a later one.
        for unit in [1, 4] {
            let mut met = 0;
            for statement in 0..6 {
                let what = format!("{side:?} {statement} of unit {unit}");
                world.faults.fail_statement(unit, statement, side);
                let found = submitted(&world, &lane, [1, 1, 1, 1, 1, 1, 1, -2]).await;
                none_is_claimed_falsely(&found, &what);
                // An item whose COMMIT took before the failure may stand though its caller was told to try again.
                let stand = found.iter().filter(|(answer, added)| answer.is_err() && *added == 1).count();
                assert!(stand <= 1 && found.iter().all(|(_, added)| (0..=1).contains(added)), "{what}: {found:?}");
                assert!(found[7].0.is_err() && found[7].1 == 0, "{what}: the poison item: {found:?}");
                met += u64::from(found[..7].iter().any(|(answer, _)| answer.is_err()));
            }
            assert!(met >= 4, "{side:?} unit {unit}: begin, load, put, commit failed in turn, not {met}");
        }
    }
}
