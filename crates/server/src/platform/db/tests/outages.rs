//! PostgreSQL itself: connections that are killed, a server that stops, two nodes, clocks that differ.

use super::*;
use crate::platform::db::{Batch, Load};
use futures_util::future::join_all;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Inserts an item's counter, once.
struct Inserts;

impl Batch for Inserts {
    const NAME: &'static str = "inserts";
    type Item = String;
    type Answer = ();

    fn run(&self, tx: &mut Tx<'_>, items: &[String]) -> Result<Vec<()>, DbError> {
        let load = Load::Query { sql: "SELECT COUNT(*) FROM counters WHERE name = 'x'".into(), params: vec![] };
        tx.load(vec![load])?;
        tx.insert_missing_later(&COUNTERS, items.iter().map(|item| row(item, 1)).collect());
        Ok(items.iter().map(|_| ()).collect())
    }

    fn lane(item: &String) -> u8 {
        item.as_bytes()[item.len() - 1]
    }
}

/// Tries `work` until it succeeds: a recovery is waited for, not slept for.
async fn until_ok<T, F: Future<Output = Result<T, DbError>>>(mut work: impl FnMut() -> F) -> T {
    let waiting = async {
        loop {
            match work().await {
                Ok(done) => return done,
                Err(DbError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("it recovers within a minute")
}

/// The names that are there.
async fn names(db: &Db) -> Vec<String> {
    let read = || db.read(|tx| tx.query("SELECT name FROM counters ORDER BY name", vec![]));
    until_ok(read).await.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
}

/// Load from 16 callers on units and a lane while `harm` is done; answers what was claimed.
async fn under_load(db: &Db, harm: impl AsyncFnOnce()) -> Vec<String> {
    let lane = db.lane(Inserts);
    let stop = Arc::new(AtomicBool::new(false));
    let callers = (0..16).map(|caller| {
        let (db, lane, stop) = (db.clone(), lane.clone(), stop.clone());
        async move {
            let mut claimed = Vec::new();
            for at in 0.. {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let name = format!("n{caller:02}-{at:06}");
                let answer = if at % 2 == 0 {
                    lane.submit(name.clone()).await
                } else {
                    let name = name.clone();
                    db.write(move |tx| tx.execute(INSERT, vec![Value::Text(name.clone())]).map(drop)).await
                };
                match answer {
                    Ok(()) => claimed.push(name),
                    Err(DbError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(1)).await,
                    Err(error) => panic!("{error}"),
                }
            }
            claimed
        }
    });
    let harmed = async {
        harm().await;
        until_ok(|| lane.submit("after lane".into())).await;
        until_ok(|| db.ping()).await;
        stop.store(true, Ordering::SeqCst);
    };
    let (claimed, ()) = tokio::join!(join_all(callers), harmed);
    claimed.concat()
}

const INSERT: &str = "INSERT INTO counters (name, bucket, n) VALUES ($1, 7, 1)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_connections_lose_nothing_that_was_claimed() {
    let world = World::new(Kind::Postgres).await;
    let url = world.config.url.clone();
    let kill = async move || {
        for _ in 0..5 {
            let url = url.clone();
            let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                       WHERE datname = current_database() AND application_name = 'purser'";
            tokio::task::spawn_blocking(move || server::shared().psql(&url, sql)).await.unwrap();
        }
    };
    let claimed = under_load(&world.db, kill).await;
    let there = names(&world.db).await;
    assert!(!claimed.is_empty());
    assert!(claimed.iter().all(|name| there.binary_search(name).is_ok()), "all that was claimed is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_and_starts_is_found_again() {
    let cluster = Arc::new(server::Postgres::start());
    let url = cluster.database();
    let world = World::with(Kind::Postgres, |config| config.url = url).await;
    let (db, stopped, lane) = (world.db.clone(), cluster.clone(), world.db.lane(Inserts));
    let restart = async move || {
        let down = stopped.clone();
        tokio::task::spawn_blocking(move || down.down()).await.unwrap();
        // While it is down a unit is refused, and not kept waiting.
        let refused = db.write(|tx| add(tx, "down", 1)).await;
        assert!(matches!(refused, Err(DbError::Unavailable(_))), "{refused:?}");
        assert!(db.ping().await.is_err());
        tokio::task::spawn_blocking(move || stopped.up()).await.unwrap();
        // Once it says that it is ready, every kind of work is done at once.
        until_ok(|| db.ping()).await;
        let items = (0..8).map(|at| lane.submit(format!("ready {at}")));
        let units = (0..8).map(|_| db.write(|tx| add(tx, "ready", 1)));
        let (items, units) = tokio::join!(join_all(items), join_all(units));
        assert!(items.iter().all(Result::is_ok) && units.iter().all(Result::is_ok), "{items:?} {units:?}");
    };
    let claimed = under_load(&world.db, restart).await;
    let there = names(&world.db).await;
    assert!(claimed.iter().all(|name| there.binary_search(name).is_ok()), "all that was claimed is there");
    until_ok(|| world.db.write(|tx| add(tx, "down", 1))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_count_exactly() {
    let world = World::with(Kind::Postgres, |config| config.writers = 2).await;
    let other = Db::open(world.config.clone(), Clock::manual(NOW)).unwrap();
    // Two counters, locked in one order by some units and in the other by the rest: deadlocks are tried again.
    // Few of them: PostgreSQL looks for a deadlock only after a second.
    let writes = (0..16).map(|at| {
        let db = if at % 2 == 0 { &world.db } else { &other };
        db.write(move |tx| {
            let (first, second) = if at % 4 < 2 { ("a", "b") } else { ("b", "a") };
            add(tx, first, 1)?;
            add(tx, second, 1)
        })
    });
    world
        .db
        .write(|tx| {
            tx.insert_later(&COUNTERS, vec![row("a", 0), row("b", 0)]);
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    let answers = join_all(writes).await;
    let done = i64::try_from(answers.iter().filter(|answer| answer.is_ok()).count()).unwrap();
    assert_eq!((world.counter("a").await, world.counter("b").await), (Some(done), Some(done)), "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(DbError::Unavailable(_)))), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_over_half_a_second_off_stops_writes_alone() {
    let world = World::new(Kind::Postgres).await;
    for (offset, writes) in [(400_000, true), (-400_000, true), (600_000, false), (-600_000, false)] {
        let node = Db::open(world.config.clone(), Clock::System { offset }).unwrap();
        let lane = node.lane(Inserts);
        let unit = node.write(|tx| add(tx, "sum", 1)).await;
        let item = lane.submit("item".into()).await;
        if writes {
            assert!(unit.is_ok() && item.is_ok() && node.ping().await.is_ok(), "{offset}: {unit:?} {item:?}");
        } else {
            let refused = (Err(DbError::ClockSkewed), Err(DbError::ClockSkewed), Err(DbError::ClockSkewed));
            assert_eq!((unit, item, node.ping().await), refused, "{offset}");
        }
        assert!(counter(&node, "sum").await.is_some(), "reads go on");
        node.close().await;
    }
    assert_eq!(world.counter("sum").await, Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_sees_the_settings_on_both() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let world = World::new(kind).await;
        let findings = world.db.check_settings().await.unwrap();
        let by_name: BTreeMap<_, _> = findings.iter().map(|finding| (finding.name, finding.level)).collect();
        assert!(by_name.values().all(|level| *level == crate::platform::db::Level::Fine), "{findings:?}");
        assert!(by_name.len() >= 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_never_shown() {
    let config = DbConfig { url: "postgres://me:canary-in-url@127.0.0.1:1/none".into(), ..DbConfig::default() };
    assert!(!format!("{config:?}").contains("canary"));
    let refused = Db::open(config, Clock::manual(NOW)).unwrap_err();
    assert!(matches!(&refused, DbError::Unavailable(_)) && !format!("{refused:?} {refused}").contains("canary"));
    let wrong = DbConfig { url: "postgres://me:canary-in-url@host:port/none".into(), ..DbConfig::default() };
    let refused = Db::open(wrong, Clock::manual(NOW)).unwrap_err();
    assert!(!format!("{refused:?} {refused}").contains("canary"), "{refused}");
}
