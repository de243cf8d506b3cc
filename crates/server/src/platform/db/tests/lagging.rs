//! An index that follows its table on SQLite: whole, once, whatever was left half done.

use super::*;
use crate::platform::{db::LaggingIndex, fault::Side};

static PLACES: Table =
    Table { name: "places", key: &[("name", Type::Text), ("bucket", Type::I64)], columns: &[("position", Type::I64)] };
static INDEX: LaggingIndex = LaggingIndex { table: "arrivals", places: &PLACES, mark: "placed" };

/// `rows` more arrivals, whose names are in no order.
async fn arrive(db: &Db, from: i64, rows: i64) {
    let unit = move |tx: &mut Tx<'_>| {
        for n in from..from + rows {
            let name = Value::Text(format!("{:06}", n * 7919 % 1_000_003));
            tx.execute("INSERT INTO arrivals (name, bucket) VALUES ($1, $2)", vec![name, Value::I64(7)])?;
        }
        Ok::<_, DbError>(())
    };
    db.write(unit).await.unwrap();
}

async fn number(db: &Db, sql: &'static str) -> i64 {
    db.read(move |tx| tx.first(sql, vec![])?.unwrap().i64(0)).await.unwrap()
}

/// Arrivals that stand in the index at their own position.
const RIGHT: &str = "SELECT COUNT(*) FROM arrivals a JOIN places p USING (name, bucket, position)";
const UPTO: &str = "SELECT upto FROM placed";

async fn world() -> World {
    let world = World::new(Kind::Sqlite).await;
    let tables = [
        "CREATE TABLE arrivals (position INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, bucket INTEGER NOT NULL)",
        "CREATE TABLE places (name TEXT NOT NULL, bucket INTEGER NOT NULL, position INTEGER NOT NULL, \
         PRIMARY KEY (name, bucket)) WITHOUT ROWID",
        "CREATE TABLE placed (upto INTEGER NOT NULL)",
        "INSERT INTO placed VALUES (0)",
    ];
    let make = move |tx: &mut Tx<'_>| tables.iter().try_for_each(|sql| tx.execute(sql, vec![]).map(drop));
    world.db.write::<_, DbError>(make).await.unwrap();
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_catches_up_in_slices() {
    let world = world().await;
    world.db.caught_up(&INDEX).await;
    assert_eq!(number(&world.db, UPTO).await, 0, "there is nothing yet");
    arrive(&world.db, 0, 2000).await;
    world.db.caught_up(&INDEX).await;
    assert_eq!((number(&world.db, RIGHT).await, number(&world.db, UPTO).await), (2000, 2000));
    arrive(&world.db, 2000, 1).await;
    world.db.caught_up(&INDEX).await;
    assert_eq!((number(&world.db, RIGHT).await, number(&world.db, UPTO).await), (2001, 2001));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_where_a_slice_was_the_last() {
    let world = world().await;
    arrive(&world.db, 0, 1500).await;
    // The first unit is the first slice; the second fails at its insert, and nothing of it is kept.
    world.faults.fail_statement(1, 1, Side::Before);
    world.db.caught_up(&INDEX).await;
    assert_eq!((number(&world.db, RIGHT).await, number(&world.db, UPTO).await), (512, 0));
    world.db.caught_up(&INDEX).await;
    assert_eq!((number(&world.db, RIGHT).await, number(&world.db, UPTO).await), (1500, 1500));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_follows_while_the_database_is_open() {
    let world = world().await;
    let slack = world.config.index_slack;
    world.db.follow(&INDEX);
    arrive(&world.db, 0, slack + 1).await;
    while number(&world.db, UPTO).await <= slack {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(number(&world.db, RIGHT).await, slack + 1);
}
