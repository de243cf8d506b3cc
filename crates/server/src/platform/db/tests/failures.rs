//! Failing statements, crash points, and a full database: nothing half done, nothing claimed that is not so.

use super::*;
use crate::platform::fault::{Point, Side};
use futures_util::future::join_all;

both! { each_statement_failing_leaves_nothing_half_done each_point_failing_is_never_claimed }

/// Two reads and three writes, in three groups.
fn transfer(tx: &mut Tx<'_>) -> Result<(), DbError> {
    add(tx, "from", -1)?;
    add(tx, "to", 1)?;
    tx.insert_missing_later(&COUNTERS, vec![row("seen", 0)]);
    Ok(())
}

async fn each_statement_failing_leaves_nothing_half_done(kind: Kind) {
    let world = World::new(kind).await;
    world
        .db
        .write(|tx| {
            tx.insert_later(&COUNTERS, vec![row("from", 1000), row("to", 0)]);
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    let mut moved = 0;
    for side in [Side::Before, Side::After] {
        let mut statement = 0;
        loop {
            world.faults.fail_statement(0, statement, side);
            let answer = world.db.write(transfer).await;
            let (from, to) = (world.counter("from").await.unwrap(), world.counter("to").await.unwrap());
            assert_eq!(from + to, 1000, "{side:?} {statement}: half of it was kept");
            assert!(to == moved || to == moved + 1);
            if answer.is_ok() {
                assert_eq!(to, moved + 1, "{side:?} {statement}: claimed and not kept");
                moved = to;
                break;
            }
            // An error may come after the COMMIT took: then it stands, and nothing was claimed.
            moved = to;
            statement += 1;
            assert!(statement < 20);
        }
        assert!(statement >= 7, "begin, two loads, two updates, an insert, commit: {statement}");
    }
}

async fn each_point_failing_is_never_claimed(kind: Kind) {
    for point in [Point::BeforeBegin, Point::MidGroup, Point::BeforeCommit, Point::AfterCommitBeforeAnswer] {
        let world = World::with(kind, |config| config.faults = FaultPlan::error_at(point, 1)).await;
        let failed = world.db.write(|tx| add(tx, "a", 1)).await;
        assert!(matches!(failed, Err(DbError::Unavailable(_))), "{point:?}");
        let kept = i64::from(point == Point::AfterCommitBeforeAnswer);
        assert_eq!(world.counter("a").await.unwrap_or(0), kept, "{point:?}");
        assert_eq!(world.db.write(|tx| add(tx, "a", 1)).await, Ok(kept + 1), "{point:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_file_refuses_writes_and_reads_go_on() {
    let world = World::with(Kind::Sqlite, |config| config.max_pages = 64).await;
    let mut claimed = Vec::new();
    let mut full = false;
    for round in 0..40_u128 {
        let writes = (0..10_u128).map(|at| {
            let id = round * 10 + at;
            let write = world.db.write(move |tx| {
                let sql = "INSERT INTO kinds (id, bucket, raw) VALUES ($1, $2, $3)";
                tx.execute(sql, vec![Value::Id(id), Value::I64(1), Value::Bytes(vec![7; 2000])])
            });
            async move { (id, write.await) }
        });
        for (id, answer) in join_all(writes).await {
            match answer {
                Ok(_) => claimed.push(id),
                Err(error) => {
                    assert_eq!(error, DbError::Full);
                    full = true;
                }
            }
        }
    }
    assert!(full && !claimed.is_empty());
    let ids = |rows: Vec<super::super::Row>| rows.iter().map(|row| row.id(0).unwrap()).collect::<Vec<_>>();
    let read = || world.db.read(|tx| tx.query("SELECT id FROM kinds ORDER BY id", vec![]));
    assert_eq!(ids(read().await.unwrap()), claimed, "what was claimed is there, and nothing else");
    let sql = "DELETE FROM kinds WHERE id < $1";
    world.db.write(move |tx| tx.execute(sql, vec![Value::Id(30)])).await.unwrap();
    assert!(world.db.write(|tx| add(tx, "room", 1)).await.is_ok());
}
