//! Units: what stands, what is undone, and what others see of it.

use super::*;
use futures_util::{FutureExt as _, future::join_all};

both! { raced_writes_count_exactly a_refusal_undoes_its_unit_alone a_panic_is_one_units_bug
a_swallowed_error_keeps_nothing a_raced_insert_finds_the_row reads_cannot_write close_finishes_what_is_in_hand
a_full_queue_refuses units_beside_those_undone_stand }

#[derive(Debug, PartialEq)]
enum Refused {
    Business,
    Db(DbError),
}

impl From<DbError> for Refused {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

async fn raced_writes_count_exactly(kind: Kind) {
    let world = World::new(kind).await;
    let writes = (0..200).map(|_| world.db.write(|tx| add(tx, "raced", 1)));
    let mut answers: Vec<i64> = join_all(writes).await.into_iter().map(Result::unwrap).collect();
    answers.sort_unstable();
    assert_eq!(answers, (1..=200).collect::<Vec<_>>());
    assert_eq!(world.counter("raced").await, Some(200));
}

async fn a_refusal_undoes_its_unit_alone(kind: Kind) {
    let world = World::new(kind).await;
    let writes = (0..40).map(|at| {
        world.db.write(move |tx| {
            add(tx, "sum", 1)?;
            tx.flush()?;
            if at % 4 == 0 { Err(Refused::Business) } else { Ok(()) }
        })
    });
    let refused = join_all(writes).await.into_iter().filter(|answer| *answer == Err(Refused::Business)).count();
    assert_eq!((refused, world.counter("sum").await), (10, Some(30)));
}

async fn a_panic_is_one_units_bug(kind: Kind) {
    let world = World::new(kind).await;
    let writes = (0..20).map(|at| {
        world.db.write(move |tx| {
            add(tx, "sum", 1)?;
            tx.flush()?;
            assert!(at % 5 != 0, "on purpose");
            Ok::<_, DbError>(())
        })
    });
    let bugs = join_all(writes).await.into_iter().filter(|answer| matches!(answer, Err(DbError::Bug(_)))).count();
    assert_eq!((bugs, world.counter("sum").await), (4, Some(16)));
    let read = world.db.read(|_| -> Result<(), DbError> { panic!("on purpose") }).await;
    assert!(matches!(read, Err(DbError::Bug(why)) if why.contains("on purpose")));
    assert_eq!(world.counter("sum").await, Some(16));
}

async fn a_swallowed_error_keeps_nothing(kind: Kind) {
    let world = World::new(kind).await;
    let unit = |tx: &mut Tx<'_>| {
        tx.execute("INSERT INTO counters (name, bucket, n) VALUES ('a', 7, 1)", vec![])?;
        let _ = tx.execute("INSERT INTO counters (name, bucket, n) VALUES ('b', 7, NULL)", vec![]);
        let _ = tx.execute("INSERT INTO counters (name, bucket, n) VALUES ('c', 7, 1)", vec![]);
        Ok::<_, DbError>(())
    };
    assert!(matches!(world.db.write(unit).await, Err(DbError::Bug(_))));
    assert_eq!(world.total().await, 0);
}

async fn a_raced_insert_finds_the_row(kind: Kind) {
    let world = World::new(kind).await;
    // Every unit looks first and inserts when it finds nothing: the losers must run again and find the row.
    let writes = (0..32).map(|at| {
        world.db.write(move |tx| {
            let found = tx.first("SELECT n FROM counters WHERE name = $1 AND bucket = $2", key("once"))?;
            if let Some(found) = found {
                return found.i64(0);
            }
            tx.insert_later(&COUNTERS, vec![row("once", at)]);
            Ok::<_, DbError>(at)
        })
    });
    let answers: Vec<i64> = join_all(writes).await.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let always = world.db.write(|tx| {
        tx.insert_later(&COUNTERS, vec![row("once", 1)]);
        Ok::<_, DbError>(())
    });
    assert!(matches!(always.await, Err(DbError::Conflict(_))));
}

async fn reads_cannot_write(kind: Kind) {
    let world = World::new(kind).await;
    let read =
        world.db.read(|tx| tx.execute("INSERT INTO counters (name, bucket, n) VALUES ('a', 7, 1)", vec![])).await;
    assert!(read.is_err());
    let later = world.db.read(|tx| {
        tx.insert_later(&COUNTERS, vec![row("a", 1)]);
        Ok::<_, DbError>(())
    });
    assert!(later.await.is_err());
    assert_eq!(world.total().await, 0);
}

async fn close_finishes_what_is_in_hand(kind: Kind) {
    let world = World::new(kind).await;
    let db = world.db.clone();
    let mut writes: Vec<_> = (0..50).map(|_| Box::pin(db.write(|tx| add(tx, "sum", 1)))).collect();
    // Polled once, each is in the queue.
    for write in &mut writes {
        assert!(write.now_or_never().is_none());
    }
    db.close().await;
    assert!(join_all(writes).await.iter().all(Result::is_ok));
    assert!(matches!(db.write(|tx| add(tx, "sum", 1)).await, Err(DbError::Unavailable(_))));
    let again = Db::open(world.config.clone(), Clock::manual(NOW)).unwrap();
    assert_eq!(counter(&again, "sum").await, Some(50));
}

async fn a_full_queue_refuses(kind: Kind) {
    let world = World::with(kind, |config| (config.queue, config.writers) = (4, 1)).await;
    let (gate, blocked) = (std::sync::Arc::new(std::sync::Barrier::new(2)), std::sync::mpsc::channel());
    let (entered, held) = (blocked.0, gate.clone());
    let mut first = Box::pin(world.db.write(move |tx| {
        entered.send(()).unwrap();
        held.wait();
        add(tx, "sum", 1)
    }));
    assert!((&mut first).now_or_never().is_none());
    blocked.1.recv().unwrap();
    let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(world.db.write(|tx| add(tx, "sum", 1)))).collect();
    for write in &mut waiting {
        assert!(write.now_or_never().is_none());
    }
    assert_eq!(world.db.write(|tx| add(tx, "sum", 1)).await, Err(DbError::Overloaded));
    gate.wait();
    assert!(first.await.is_ok());
    assert!(join_all(waiting).await.iter().all(Result::is_ok));
    assert_eq!(world.counter("sum").await, Some(5));
}

/// Undone first, between and last among units that wait for the writer together: those to be kept stand.
async fn units_beside_those_undone_stand(kind: Kind) {
    for undone in [[0, 1], [0, 3], [1, 2], [4, 5]] {
        let world = World::with(kind, |config| config.writers = 1).await;
        let (entered, blocked) = std::sync::mpsc::channel();
        let gate = std::sync::Arc::new(std::sync::Barrier::new(2));
        let held = gate.clone();
        let mut first = Box::pin(world.db.write(move |_| {
            entered.send(()).unwrap();
            held.wait();
            Ok::<_, DbError>(())
        }));
        assert!((&mut first).now_or_never().is_none());
        blocked.recv().unwrap();
        let unit = |at: usize| {
            world.db.write(move |tx| {
                add(tx, ["a", "b", "c", "d", "e", "f"][at], 1)?;
                tx.flush()?;
                if undone.contains(&at) { Err(Refused::Business) } else { Ok(()) }
            })
        };
        let mut waiting: Vec<_> = (0..6).map(|at| Box::pin(unit(at))).collect();
        assert!(waiting.iter_mut().all(|unit| unit.now_or_never().is_none()));
        gate.wait();
        first.await.unwrap();
        let answers = join_all(waiting).await;
        for (at, name) in ["a", "b", "c", "d", "e", "f"].into_iter().enumerate() {
            let kept = !undone.contains(&at);
            assert_eq!((answers[at].is_ok(), world.counter(name).await), (kept, kept.then_some(1)), "{undone:?}");
        }
    }
}
