//! Plans on PostgreSQL: none is compiled, and one that was made while a table was empty does not stay.

use super::*;
use crate::platform::db::{Batch, migrate::Migration};
use std::time::{Duration, Instant};

/// Rows that stand in the table later.
const ROWS: i64 = 2_000;

/// How many entries of the counters' index were read so far.
async fn read_entries(db: &Db) -> i64 {
    let sql = "SELECT CAST(COALESCE(SUM(idx_tup_read), 0) AS BIGINT) FROM pg_stat_user_indexes \
        WHERE relname = 'counters'";
    db.read(move |tx| tx.first(sql, vec![])?.unwrap().i64(0)).await.unwrap()
}

async fn write_each(db: &Db, n: i64) {
    for at in 0..20 {
        let name = format!("c{at:06}");
        db.write(move |tx| add(tx, &name, n)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_made_for_an_empty_table_does_not_stay() {
    let world = World::with(Kind::Postgres, |config| {
        config.writers = 1;
        config.readers = 1;
    })
    .await;
    let db = &world.db;
    let aside = server::shared();
    aside.psql(&world.config.url, "VACUUM (ANALYZE) counters");
    // The plans of a look-up with a lock and of an update, made for no rows.
    db.write(|tx| add(tx, "c000000", 1)).await.unwrap();
    db.write(|tx| add(tx, "c000000", 1)).await.unwrap();
    let many = (1..ROWS).map(|at| row(&format!("c{at:06}"), 1)).collect::<Vec<_>>();
    db.write(move |tx| {
        tx.insert_later(&COUNTERS, many.clone());
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    let began = Instant::now();
    loop {
        let before = read_entries(db).await;
        write_each(db, 1).await;
        // The server counts up to a second late.
        let deadline = Instant::now() + Duration::from_secs(3);
        let mut read = 0;
        while read < 20 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(50)).await;
            read = read_entries(db).await - before;
        }
        if (20..ROWS).contains(&read) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "20 counters, {read} entries read: the plan stays");
    }
}

/// What the connection says of `jit`.
fn jit(tx: &mut Tx<'_>) -> Result<String, DbError> {
    let row = tx.first("SHOW jit", vec![])?.unwrap();
    row.text(0).map(str::to_owned)
}

/// Answers in each lane what its connection says of `jit`.
struct Asks;

impl Batch for Asks {
    const NAME: &'static str = "asks";
    type Item = u8;
    type Answer = String;

    fn run(&self, tx: &mut Tx<'_>, items: &[u8]) -> Result<Vec<String>, DbError> {
        items.iter().map(|_| jit(tx)).collect()
    }

    fn lane(item: &u8) -> u8 {
        *item
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_plan_is_compiled_on_any_connection() {
    // A migration says it by a row: nothing else runs on its connection.
    const SAID: &[Migration] = &[Migration {
        name: "0001_said",
        text: "CREATE TABLE said (jit {text} NOT NULL); INSERT INTO said (jit) VALUES (current_setting('jit'));",
    }];
    // On for all who connect: our own setting comes after it.
    let url = format!("{}&options=-c%20jit%3Don", server::shared().database());
    assert_eq!(server::shared().psql(&url, "SHOW jit"), "on");
    let db = Db::open(DbConfig { url, ..DbConfig::default() }, Clock::manual(NOW)).unwrap();
    db.migrate_to(SAID).await.unwrap();
    let asides = db.read(|tx| tx.first("SELECT jit FROM said", vec![])?.unwrap().text(0).map(str::to_owned)).await;
    assert_eq!(asides.as_deref(), Ok("off"));
    assert_eq!(db.read(jit).await.as_deref(), Ok("off"));
    assert_eq!(db.write(jit).await.as_deref(), Ok("off"));
    for answer in db.lane(Asks).submit_all((0..8).collect()).await {
        assert_eq!(answer.as_deref(), Ok("off"));
    }
}
