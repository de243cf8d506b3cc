//! The queue on both databases: taken once, in order, fenced, retried, set aside.

use crate::world::{BOTH, Kind, World};
use purser::platform::{
    db::{Db, DbError, Tx, Value},
    ids::Random,
    queue::{self, Claimed, LEASE, MOST_ATTEMPTS, State},
};
use serde_json::json;

/// Runs `unit` in a transaction.
async fn write<T: Send + 'static>(
    db: &Db,
    unit: impl Fn(&mut Tx<'_>) -> Result<T, DbError> + Send + Sync + 'static,
) -> T {
    db.write(unit).await.unwrap()
}

/// Puts a job in, due at once.
async fn put(world: &World, order_key: Option<&'static str>, n: i64) {
    let random = world.app.random().clone();
    write(world.app.db(), move |tx| {
        let now = tx.now();
        queue::enqueue(tx, &random, "test", order_key, &json!({ "n": n }), now)
    })
    .await;
}

async fn claim(world: &World) -> Option<Claimed> {
    write(world.app.db(), queue::claim).await
}

/// Lets every lease and wait of a job run out, as if that much time had passed.
async fn pass(world: &World) {
    write(world.app.db(), |tx| {
        let past = tx.now().plus_seconds(-1);
        tx.execute("UPDATE jobs SET run_at = $1", vec![Value::Ts(past)])?;
        tx.execute("UPDATE jobs SET leased_until = $1 WHERE leased_until IS NOT NULL", vec![Value::Ts(past)])
    })
    .await;
}

#[tokio::test]
async fn each_job_is_taken_once_whoever_asks() {
    for kind in BOTH {
        let world = World::on(kind).await;
        for n in 0..20 {
            put(&world, None, n).await;
        }
        let mut taken = Vec::new();
        loop {
            let round = futures_util::future::join_all((0..8).map(|_| claim(&world))).await;
            let got: Vec<Claimed> = round.into_iter().flatten().collect();
            if got.is_empty() {
                break;
            }
            taken.extend(got.into_iter().map(|job| job.payload["n"].as_i64().unwrap()));
        }
        taken.sort_unstable();
        assert_eq!(taken, (0..20).collect::<Vec<_>>(), "{kind:?}");
    }
}

#[tokio::test]
async fn jobs_of_one_key_wait_for_each_other_and_for_no_other() {
    for kind in BOTH {
        let world = World::on(kind).await;
        put(&world, Some("a"), 1).await;
        world.clock.advance(1_000);
        put(&world, Some("a"), 2).await;
        world.clock.advance(1_000);
        put(&world, Some("b"), 3).await;
        let first = claim(&world).await.unwrap();
        let other = claim(&world).await.unwrap();
        assert_eq!((&first.payload["n"], &other.payload["n"]), (&json!(1), &json!(3)));
        assert_eq!(claim(&world).await, None);
        let done = first.clone();
        write(world.app.db(), move |tx| queue::finish(tx, &done)).await;
        assert_eq!(claim(&world).await.unwrap().payload["n"], 2);
    }
}

#[tokio::test]
async fn who_lost_the_lease_leaves_nothing_behind() {
    for kind in BOTH {
        let world = World::on(kind).await;
        put(&world, None, 1).await;
        let slow = claim(&world).await.unwrap();
        assert_eq!(claim(&world).await, None);
        pass(&world).await;
        let quick = claim(&world).await.unwrap();
        assert_eq!((slow.id, slow.fence + 1, quick.attempts), (quick.id, quick.fence, 2));
        // The slow one's effect and its finish are one transaction: neither stays.
        let late = world.app.db().write(move |tx| {
            tx.execute(
                "INSERT INTO schedules (name, next_at, last_at) VALUES ('effect', $1, NULL)",
                vec![Value::Ts(tx.now())],
            )?;
            queue::finish(tx, &slow)
        });
        assert!(matches!(late.await, Err(DbError::Conflict(_))));
        let effects = world.app.db().read(|tx| tx.query("SELECT name FROM schedules", vec![])).await;
        assert_eq!(effects.map_err(|error: DbError| error).unwrap(), vec![]);
        write(world.app.db(), move |tx| queue::finish(tx, &quick)).await;
        pass(&world).await;
        assert_eq!(claim(&world).await, None);
    }
}

#[tokio::test]
async fn a_job_that_goes_on_failing_is_set_aside_and_can_be_replayed() {
    for kind in BOTH {
        let world = World::on(kind).await;
        put(&world, None, 1).await;
        let random = Random::seeded(1);
        for attempt in 1..=MOST_ATTEMPTS {
            let job = claim(&world).await.unwrap();
            assert_eq!(job.attempts, attempt);
            let random = random.clone();
            let failed = write(world.app.db(), move |tx| queue::fail(tx, &random, &job, "on purpose")).await;
            assert_eq!(failed, if attempt == MOST_ATTEMPTS { State::Dead } else { State::Waiting });
            assert_eq!(claim(&world).await, None, "it waits");
            pass(&world).await;
        }
        assert_eq!(claim(&world).await, None);
        let id = write(world.app.db(), |tx| {
            tx.first("SELECT id FROM jobs WHERE state = 4", vec![])?.ok_or(DbError::Full)?.id(0)
        })
        .await;
        assert!(write(world.app.db(), move |tx| queue::replay(tx, purser_rules::ids::JobId(id))).await);
        assert_eq!(claim(&world).await.unwrap().attempts, 1);
    }
}

#[tokio::test]
async fn a_lease_lasts_as_long_as_it_says() {
    let world = World::on(Kind::Sqlite).await;
    put(&world, None, 1).await;
    assert!(claim(&world).await.is_some());
    world.clock.advance(LEASE * 1_000_000 - 1);
    assert_eq!(claim(&world).await, None);
    world.clock.advance(1);
    assert!(claim(&world).await.is_some());
}

#[tokio::test]
async fn a_job_that_loses_every_worker_is_set_aside() {
    for kind in BOTH {
        let world = World::on(kind).await;
        put(&world, None, 1).await;
        for attempt in 1..=MOST_ATTEMPTS {
            assert_eq!(claim(&world).await.unwrap().attempts, attempt, "{kind:?}");
            pass(&world).await;
        }
        assert_eq!(claim(&world).await, None, "{kind:?}");
        let state =
            write(world.app.db(), |tx| tx.first("SELECT state FROM jobs", vec![])?.ok_or(DbError::Full)?.i64(0));
        assert_eq!(state.await, State::Dead as i64, "{kind:?}");
    }
}
