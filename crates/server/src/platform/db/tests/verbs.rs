//! Each verb of a transaction, and each type of value.

use super::*;
use crate::platform::db::Load;

both! { values_come_back every_bulk_verb later_goes_before_the_next_read
statements_that_are_joined_keep_their_order a_nul_is_a_bug many_answers_each_row_once
sums_are_numbers a_wrong_parameter_writes_nothing }

fn full(id: u128, word: &str) -> Vec<Value> {
    vec![
        Value::Id(id),
        Value::I64(3),
        Value::Bool(true),
        Value::Text(word.into()),
        Value::Bytes(vec![0, 255, 7]),
        Value::Ts(Time::from_micros(1_234_567_890_123_456)),
        Value::Json("{\"a\": [1, 2]}".into()),
        Value::I64(i64::MIN),
    ]
}

fn empty(id: u128) -> Vec<Value> {
    let mut row = vec![Value::Null; 8];
    row[0] = Value::Id(id);
    row[1] = Value::I64(3);
    row
}

async fn values_come_back(kind: Kind) {
    let world = World::new(kind).await;
    let write = |tx: &mut Tx<'_>| {
        tx.insert_later(&KINDS, vec![full(u128::MAX, "é"), empty(5)]);
        tx.later("INSERT INTO kinds (id, bucket, word, at) VALUES ($1, $2, $3, $4)", {
            vec![Value::Id(6), Value::I64(3), Value::Text("plain".into()), Value::Ts(Time::from_micros(-1))]
        });
        Ok::<_, DbError>(())
    };
    world.db.write(write).await.unwrap();
    let read =
        |tx: &mut Tx<'_>| tx.query("SELECT id, bucket, flag, word, raw, at, doc, n FROM kinds ORDER BY id", vec![]);
    let rows = world.db.read(read).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.id(0).unwrap()).collect::<Vec<_>>(), [5, 6, u128::MAX]);
    let (none, plain, all) = (&rows[0], &rows[1], &rows[2]);
    assert_eq!((all.i64(1), all.bool(2), all.text(3)), (Ok(3), Ok(true), Ok("é")));
    assert_eq!((all.bytes(4), all.ts(5).map(Time::micros)), (Ok(&[0, 255, 7][..]), Ok(1_234_567_890_123_456)));
    assert_eq!((all.text(6), all.i64(7)), (Ok("{\"a\": [1, 2]}"), Ok(i64::MIN)));
    assert!((2..8).all(|at| none.is_null(at)));
    assert_eq!((none.opt_text(3), none.opt_i64(7), none.opt_ts(5)), (Ok(None), Ok(None), Ok(None)));
    assert_eq!((plain.text(3), plain.ts(5).map(Time::micros)), (Ok("plain"), Ok(-1)));
}

async fn every_bulk_verb(kind: Kind) {
    let world = World::new(kind).await;
    let write = |tx: &mut Tx<'_>| {
        tx.insert_later(&COUNTERS, vec![row("b", 1), row("a", 2), row("c", 3)]);
        tx.insert_missing_later(&COUNTERS, vec![row("a", 50), row("d", 4), row("d", 5)]);
        tx.put_later(&COUNTERS, vec![row("b", 10), row("e", 6), row("e", 7)]);
        tx.update_later(&COUNTERS, COUNTERS.columns, vec![row("c", 30), row("c", 31), row("nobody", 1)]);
        tx.insert_or_lock_later(&COUNTERS, vec![row("f", 8), row("b", 99), row("f", 8)]);
        tx.insert_later(&COUNTERS, vec![]);
        tx.flush()?;
        tx.execute("UPDATE counters SET n = n + $1 WHERE name < $2", vec![Value::I64(100), Value::Text("c".into())])
    };
    assert_eq!(world.db.write(write).await, Ok(2));
    let read = |tx: &mut Tx<'_>| tx.query("SELECT name, n FROM counters ORDER BY name", vec![]);
    let rows = world.db.read(read).await.unwrap();
    let rows: Vec<_> = rows.iter().map(|row| (row.text(0).unwrap(), row.i64(1).unwrap())).collect();
    assert_eq!(rows, [("a", 102), ("b", 110), ("c", 31), ("d", 4), ("e", 7), ("f", 8)]);
}

async fn statements_that_are_joined_keep_their_order(kind: Kind) {
    let world = World::new(kind).await;
    let write = |tx: &mut Tx<'_>| {
        let set = |tx: &mut Tx<'_>, name: &str, n| tx.update_later(&COUNTERS, COUNTERS.columns, vec![row(name, n)]);
        let named = |name: &str| vec![Value::Text(name.into())];
        tx.insert_later(&COUNTERS, vec![row("a", 1), row("b", 2)]);
        tx.insert_later(&KINDS, vec![full(1, "x")]);
        // Joined with the first, past another table.
        tx.insert_later(&COUNTERS, vec![row("c", 3)]);
        set(tx, "a", 10);
        tx.insert_later(&KINDS, vec![full(2, "y")]);
        set(tx, "a", 11);
        // Not joined past a statement that may be about any table.
        tx.later("UPDATE counters SET n = n * 2 WHERE name = $1", named("a"));
        tx.later("DELETE FROM counters WHERE name = $1", named("b"));
        set(tx, "c", 30);
        tx.insert_later(&COUNTERS, vec![row("b", 20)]);
        set(tx, "b", 21);
        tx.put_later(&COUNTERS, vec![row("d", 4)]);
        tx.put_later(&COUNTERS, vec![row("c", 31), row("d", 5)]);
        tx.insert_missing_later(&COUNTERS, vec![row("d", 6), row("e", 7)]);
        tx.insert_missing_later(&COUNTERS, vec![row("e", 8)]);
        Ok::<_, DbError>(())
    };
    world.db.write(write).await.unwrap();
    let read = |tx: &mut Tx<'_>| tx.query("SELECT name, n FROM counters ORDER BY name", vec![]);
    let rows = world.db.read(read).await.unwrap();
    let rows: Vec<_> = rows.iter().map(|row| (row.text(0).unwrap(), row.i64(1).unwrap())).collect();
    assert_eq!(rows, [("a", 22), ("b", 21), ("c", 31), ("d", 5), ("e", 7)]);
    // Two rows with one key are still a conflict.
    let twice = |tx: &mut Tx<'_>| {
        tx.insert_later(&COUNTERS, vec![row("f", 1)]);
        tx.insert_later(&COUNTERS, vec![row("f", 2)]);
        Ok::<_, DbError>(())
    };
    assert!(matches!(world.db.write(twice).await, Err(DbError::Conflict(_))));
}

async fn later_goes_before_the_next_read(kind: Kind) {
    let world = World::new(kind).await;
    let found = world.db.write(|tx| {
        tx.insert_later(&COUNTERS, vec![row("a", 1)]);
        let first = tx.query("SELECT n FROM counters", vec![])?.len();
        tx.later("UPDATE counters SET n = 9 WHERE name = $1", vec![Value::Text("a".into())]);
        let load = Load::Query { sql: "SELECT n FROM counters".into(), params: vec![] };
        let loaded = tx.load(vec![load])?;
        Ok::<_, DbError>((first, loaded.len(), loaded[0][0].i64(0)?))
    });
    assert_eq!(found.await, Ok((1, 1, 9)));
}

async fn a_nul_is_a_bug(kind: Kind) {
    let world = World::new(kind).await;
    for bad in ["\0", "a\0b"] {
        let later = world.db.write(move |tx| {
            tx.insert_later(&COUNTERS, vec![row("fine", 1), row(bad, 1)]);
            Ok::<_, DbError>(())
        });
        assert!(matches!(later.await, Err(DbError::Bug(why)) if why.contains("U+0000")));
        let read = world.db.read(move |tx| tx.query("SELECT n FROM counters WHERE name = $1", key(bad)[..1].to_vec()));
        assert!(matches!(read.await, Err(DbError::Bug(why)) if why.contains("U+0000")));
    }
    assert_eq!(world.total().await, 0);
}

async fn many_answers_each_row_once(kind: Kind) {
    let world = World::new(kind).await;
    let found = world.db.write(|tx| {
        tx.insert_later(&COUNTERS, vec![row("a", 1), row("b", 2), row("c", 3)]);
        tx.flush()?;
        let load =
            |lock, keys| Load::Many { table: &COUNTERS, by: COUNTERS.key, columns: COUNTERS.columns, keys, lock };
        let keys = || vec![key("c"), key("a"), key("c"), key("nobody")];
        let rows = tx.load(vec![load(true, keys()), load(false, keys()), load(true, vec![])])?;
        let sums: Vec<i64> = rows.iter().map(|rows| rows.iter().map(|row| row.i64(0).unwrap()).sum()).collect();
        Ok::<_, DbError>((rows.iter().map(Vec::len).collect::<Vec<_>>(), sums))
    });
    assert_eq!(found.await, Ok((vec![2, 2, 0], vec![4, 4, 0])));
}

async fn sums_are_numbers(kind: Kind) {
    let world = World::new(kind).await;
    let found = world.db.write(|tx| {
        tx.insert_later(&COUNTERS, vec![row("a", 1_000_000_000_000_000), row("b", -20_003), row("c", 0)]);
        tx.query("SELECT SUM(n), COUNT(*) FROM counters GROUP BY name ORDER BY name", vec![])
    });
    let sums: Vec<i64> = found.await.unwrap().iter().map(|row| row.i64(0).unwrap()).collect();
    assert_eq!(sums, [1_000_000_000_000_000, -20_003, 0]);
}

async fn a_wrong_parameter_writes_nothing(kind: Kind) {
    let world = World::new(kind).await;
    // The second statement cannot be sent at all; the first must not be kept by the COMMIT behind it.
    let wrong = world.db.write(|tx| {
        tx.insert_later(&COUNTERS, vec![row("a", 1)]);
        tx.later("INSERT INTO counters (name, bucket, n) VALUES ($1, $2, $3)", key("b"));
        Ok::<_, DbError>(())
    });
    assert!(matches!(wrong.await, Err(DbError::Bug(_))));
    let wrong = world.db.write(|tx| {
        tx.insert_later(&COUNTERS, vec![row("a", 1)]);
        tx.insert_later(&COUNTERS, vec![vec![Value::Text("b".into()), Value::Text("x".into()), Value::I64(1)]]);
        Ok::<_, DbError>(())
    });
    assert!(matches!(wrong.await, Err(DbError::Bug(_))));
    assert_eq!(world.total().await, 0);
}
