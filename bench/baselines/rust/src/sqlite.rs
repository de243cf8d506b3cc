//! What SQLite itself does: durable one-row commits by one caller, and inserts in one transaction.

use crate::{Outcome, say};
use rusqlite::Connection;
use std::time::{Duration, Instant};

/// A database as Purser opens it: WAL, every commit on disk.
fn open(file: &str) -> rusqlite::Result<Connection> {
    let database = Connection::open(file)?;
    database.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
    Ok(database)
}

/// Updates one row of a thousand per commit, for some seconds.
pub fn commits(file: &str, seconds: &str) -> Outcome {
    let mut database = open(file)?;
    database.execute_batch("CREATE TABLE rows (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)")?;
    let made = database.transaction()?;
    for id in 0..1000 {
        made.execute("INSERT INTO rows VALUES (?1, 0)", [id])?;
    }
    made.commit()?;
    let mut update = database.prepare("UPDATE rows SET n = n + 1 WHERE id = ?1")?;
    let mut took = Vec::new();
    let started = Instant::now();
    let long = Duration::from_secs(seconds.parse()?);
    let mut row: i64 = 0;
    while started.elapsed() < long {
        row = (row + 379) % 1000;
        let at = Instant::now();
        update.execute([row])?;
        took.push(at.elapsed().as_micros());
    }
    let ms = started.elapsed().as_millis().max(1);
    took.sort_unstable();
    let at = |per_mille: usize| took.get(took.len() * per_mille / 1000).copied().unwrap_or_default();
    let done = took.len() as u128;
    say(&format!(r#"{{"per_second":{},"p50_us":{},"p99_us":{}}}"#, done * 1000 / ms, at(500), at(990)));
    Ok(())
}

/// Inserts `rows` rows as wide as a ledger entry in one transaction.
pub fn inserts(file: &str, rows: &str) -> Outcome {
    let rows: u32 = rows.parse()?;
    let mut database = open(file)?;
    database.execute_batch(
        "CREATE TABLE entries (customer TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, \
         amount INTEGER NOT NULL, cause TEXT NOT NULL, hash BLOB NOT NULL)",
    )?;
    let started = Instant::now();
    let made = database.transaction()?;
    {
        let mut insert = made.prepare("INSERT INTO entries VALUES (?1, ?2, ?3, -1, ?4, ?5)")?;
        for n in 0..rows {
            let (customer, cause) = (format!("bench-{:07}", n % 10_000), format!("{n:032x}"));
            insert.execute((customer, n / 10_000, i64::from(n), cause, [7_u8; 32]))?;
        }
    }
    made.commit()?;
    let ms = started.elapsed().as_millis().max(1);
    say(&format!(r#"{{"per_second":{}}}"#, u128::from(rows) * 1000 / ms));
    Ok(())
}
