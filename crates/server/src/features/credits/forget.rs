//! Idempotency keys are forgotten after their time, slice by slice, so that writes are never held up.

use super::store::text;
use crate::platform::{
    db::{Db, DbError, Row, Tx, Value},
    error::Error,
};
use purser_rules::Time;
use serde::Serialize;

/// How many keys are read, and at most dropped, at a time.
const SLICE: i64 = 1_000;

/// What a run of `forget-keys` did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// Keys looked at.
    pub keys: u64,
    /// Of them, dropped.
    pub dropped: u64,
}

/// What finds a key's row.
type Place = (String, String, i64);

/// Drops the keys that were first used before `before`. What they did stays.
///
/// # Errors
/// What the database says; what was dropped until then stays dropped.
pub async fn forget_keys(db: &Db, before: Time) -> Result<Forgotten, Error> {
    let mut done = Forgotten::default();
    let mut after: Place = Default::default();
    loop {
        let from = after.clone();
        let slice = db.read(move |tx| keys_after(tx, &from)).await?;
        let Some((last, _)) = slice.last() else { return Ok(done) };
        after = last.clone();
        done.keys += u64::try_from(slice.len()).unwrap_or(0);
        let old: Vec<Place> = slice.into_iter().filter(|(_, at)| *at < before).map(|(place, _)| place).collect();
        if old.is_empty() {
            continue;
        }
        done.dropped += u64::try_from(old.len()).unwrap_or(0);
        db.write(move |tx| drop_keys(tx, &old, before)).await?;
    }
}

/// The next keys in the table's own order, with the instants of their first use.
fn keys_after(tx: &mut Tx<'_>, after: &Place) -> Result<Vec<(Place, Time)>, DbError> {
    let sql = "SELECT key, customer, bucket, created_at FROM idempotency_keys \
         WHERE (key, customer, bucket) > ($1, $2, $3) ORDER BY key, customer, bucket LIMIT $4";
    let params = vec![text(&after.0), text(&after.1), Value::I64(after.2), Value::I64(SLICE)];
    let place = |row: &Row| Ok(((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.i64(2)?), row.ts(3)?));
    tx.query(sql, params)?.iter().map(place).collect()
}

/// Drops `old`; the instant is asked for again, since a key dropped by another node may have come anew.
fn drop_keys(tx: &mut Tx<'_>, old: &[Place], before: Time) -> Result<(), DbError> {
    let sql = "DELETE FROM idempotency_keys WHERE key = $1 AND customer = $2 AND bucket = $3 AND created_at < $4";
    for (key, customer, bucket) in old {
        tx.later(sql, vec![text(key), text(customer), Value::I64(*bucket), Value::Ts(before)]);
    }
    Ok(())
}
