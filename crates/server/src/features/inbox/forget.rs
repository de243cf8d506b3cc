//! Payloads are forgotten after their time, slice by slice; that an event was taken is remembered for ever.

use super::{missed::put_cursor, store::text};
use crate::platform::{
    db::{Db, DbError, Tx, Value},
    error::Error,
};
use purser_rules::Time;
use serde::Serialize;

/// How many events are looked at, and at most forgotten, at a time.
const SLICE: i64 = 500;
/// Most slices of one run; the next goes on.
const MOST_SLICES: usize = 2_000;
/// Where the last run ended.
const CURSOR: &str = "forget-payloads";

/// What a run of `forget-payloads` did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// Events looked at.
    pub events: u64,
    /// Payloads forgotten.
    pub forgotten: u64,
}

/// Where a run is taken up again: when the last event came, and its id.
type Place = (Time, String);

/// Forgets the payloads of events that came before `before`. One that waits still keeps its payload until it waits no
/// longer: whoever ends that forgets it.
///
/// # Errors
/// What the database says; what was forgotten until then stays so.
pub async fn forget_payloads(db: &Db, before: Time) -> Result<Forgotten, Error> {
    let mut done = Forgotten::default();
    let mut after = db.read(cursor).await?;
    for _ in 0..MOST_SLICES {
        let from = after.clone();
        let slice = db.read(move |tx| events_after(tx, &from, before)).await?;
        let Some(reached) = slice.last().cloned() else { break };
        done.events += u64::try_from(slice.len()).unwrap_or(0);
        let from = std::mem::replace(&mut after, reached.clone());
        done.forgotten += db.write(move |tx| forget(tx, &from, &reached)).await?;
    }
    Ok(done)
}

/// Where the last run ended; before all events if there was none.
fn cursor(tx: &mut Tx<'_>) -> Result<Place, DbError> {
    let row = tx.first("SELECT at, id FROM stripe_cursors WHERE name = $1", vec![text(CURSOR)])?;
    row.map_or_else(|| Ok((Time::MIN, String::new())), |row| Ok((row.ts(0)?, row.text(1)?.to_owned())))
}

/// The next events that came before `before`, in order of their coming.
fn events_after(tx: &mut Tx<'_>, after: &Place, before: Time) -> Result<Vec<Place>, DbError> {
    let sql = "SELECT received_at, id FROM stripe_events WHERE (received_at, id) > ($1, $2) AND received_at < $3 \
        ORDER BY received_at, id LIMIT $4";
    let params = vec![Value::Ts(after.0), text(&after.1), Value::Ts(before), Value::I64(SLICE)];
    tx.query(sql, params)?.iter().map(|row| Ok((row.ts(0)?, row.text(1)?.to_owned()))).collect()
}

/// Forgets the payloads of the events behind `after` up to `reached`, and puts down how far that was. Answers how many.
fn forget(tx: &mut Tx<'_>, after: &Place, reached: &Place) -> Result<u64, DbError> {
    let sql = "UPDATE stripe_events SET payload = NULL WHERE (received_at, id) > ($1, $2) \
        AND (received_at, id) <= ($3, $4) AND state <> 1 AND payload IS NOT NULL";
    let params = vec![Value::Ts(after.0), text(&after.1), Value::Ts(reached.0), text(&reached.1)];
    let forgotten = tx.execute(sql, params)?;
    put_cursor(tx, CURSOR, reached.0, &reached.1)?;
    Ok(forgotten)
}
