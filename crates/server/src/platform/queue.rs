//! The job queue: put in by the transaction that causes the work, taken by lease, never lost, never done twice.
//!
//! A lease is a time and a fence. Who does a job finishes it in the transaction of its effects; if the lease ran
//! out and another took the job, the fence has moved on and that transaction fails.

use super::{
    db::{DbError, Row, Tx, Value},
    ids::Random,
};
use purser_rules::{
    Time,
    ids::{Bucket, JobId},
};
use serde_json::Value as Json;

/// How long a job may be worked on before another may take it, in seconds.
pub const LEASE: i64 = 60;
/// How often a job is tried before it is set aside.
pub const MOST_ATTEMPTS: i64 = 12;
/// The longest wait between two tries, in seconds.
const LONGEST_WAIT: i64 = 3_600;

/// Where a job stands; as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub enum State {
    /// To be done at its time.
    Waiting = 1,
    /// Somebody does it.
    Leased = 2,
    /// Done.
    Done = 3,
    /// Tried too often: a person must look.
    Dead = 4,
}

/// A job somebody took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Its id.
    pub id: JobId,
    /// What kind of work.
    pub kind: String,
    /// What it is about: ids, never states, which are read again.
    pub payload: Json,
    /// How often it was taken, this time included.
    pub attempts: i64,
    /// What must still stand in its row when it is finished.
    pub fence: i64,
}

/// Puts a job in, to be done at `run_at` or soon after. Jobs of one `order_key` are done one at a time, in order.
///
/// # Errors
/// What the database says.
pub fn enqueue(
    tx: &mut Tx<'_>,
    random: &Random,
    kind: &str,
    order_key: Option<&str>,
    payload: &Json,
    run_at: Time,
) -> Result<JobId, DbError> {
    let now = tx.now();
    let id = JobId::new(now, random.number(), Bucket(0));
    tx.execute(
        "INSERT INTO jobs (id, kind, order_key, payload, state, run_at, attempts, leased_until, fence, last_error, \
         created_at) VALUES ($1, $2, $3, $4, $5, $6, 0, NULL, 0, NULL, $7)",
        vec![
            Value::Id(id.0),
            Value::Text(kind.to_owned()),
            order_key.map_or(Value::Null, |key| Value::Text(key.to_owned())),
            Value::Json(payload.to_string()),
            Value::I64(State::Waiting as i64),
            Value::Ts(run_at),
            Value::Ts(now),
        ],
    )?;
    Ok(id)
}

/// Takes the job that has been due longest, if one is. The lease begins; commit before working.
/// Jobs whose lease ran out at their last attempt are set aside.
///
/// # Errors
/// What the database says.
pub fn claim(tx: &mut Tx<'_>) -> Result<Option<Claimed>, DbError> {
    let now = tx.now();
    // A job whose workers never come back (it may be what kills them) is not leased for ever.
    tx.execute(
        "UPDATE jobs SET state = 4, leased_until = NULL, last_error = $1 \
         WHERE state = 2 AND leased_until <= $2 AND attempts >= $3",
        vec![
            Value::Text("Its lease ran out at the last attempt.".to_owned()),
            Value::Ts(now),
            Value::I64(MOST_ATTEMPTS),
        ],
    )?;
    // The outer conditions are looked at again when another node took the row meanwhile.
    let sql = "UPDATE jobs SET state = 2, leased_until = $1, fence = fence + 1, attempts = attempts + 1 \
        WHERE id = (SELECT j.id FROM jobs j \
            WHERE ((j.state = 1 AND j.run_at <= $2) OR (j.state = 2 AND j.leased_until <= $3)) \
            AND NOT EXISTS (SELECT 1 FROM jobs e WHERE e.order_key = j.order_key AND e.state IN (1, 2) AND e.id < j.id) \
            ORDER BY j.run_at, j.id LIMIT 1) \
        AND ((state = 1 AND run_at <= $4) OR (state = 2 AND leased_until <= $5)) \
        RETURNING id, kind, payload, attempts, fence";
    let at = || Value::Ts(now);
    let row = tx.first(sql, vec![Value::Ts(now.plus_seconds(LEASE)), at(), at(), at(), at()])?;
    row.as_ref().map(claimed).transpose()
}

fn claimed(row: &Row) -> Result<Claimed, DbError> {
    let payload =
        serde_json::from_str(row.text(2)?).map_err(|_| DbError::Bug("a job's payload is no JSON".to_owned()))?;
    Ok(Claimed {
        id: JobId(row.id(0)?),
        kind: row.text(1)?.to_owned(),
        payload,
        attempts: row.i64(3)?,
        fence: row.i64(4)?,
    })
}

/// Marks a job done, in the transaction of its effects.
///
/// # Errors
/// [`DbError::Conflict`] when the lease was lost: nothing of the transaction may stay.
pub fn finish(tx: &mut Tx<'_>, job: &Claimed) -> Result<(), DbError> {
    let sql = "UPDATE jobs SET state = 3, leased_until = NULL WHERE id = $1 AND fence = $2 AND state = 2";
    fenced(tx.execute(sql, vec![Value::Id(job.id.0), Value::I64(job.fence)])?)
}

/// Puts a job back after a failure: later each time, with jitter; set aside after [`MOST_ATTEMPTS`].
///
/// # Errors
/// [`DbError::Conflict`] when the lease was lost.
pub fn fail(tx: &mut Tx<'_>, random: &Random, job: &Claimed, why: &str) -> Result<State, DbError> {
    let state = if job.attempts >= MOST_ATTEMPTS { State::Dead } else { State::Waiting };
    let again = tx.now().plus_seconds(wait(job.attempts, random.number()));
    let sql = "UPDATE jobs SET state = $1, run_at = $2, last_error = $3, leased_until = NULL \
        WHERE id = $4 AND fence = $5 AND state = 2";
    let params = vec![
        Value::I64(state as i64),
        Value::Ts(again),
        Value::Text(why.chars().take(500).collect()),
        Value::Id(job.id.0),
        Value::I64(job.fence),
    ];
    fenced(tx.execute(sql, params)?)?;
    Ok(state)
}

/// Gives a job that was set aside another round of tries; answers whether there was one.
///
/// # Errors
/// What the database says.
pub fn replay(tx: &mut Tx<'_>, id: JobId) -> Result<bool, DbError> {
    let now = tx.now();
    let sql = "UPDATE jobs SET state = 1, run_at = $1, attempts = 0 WHERE id = $2 AND state = 4";
    Ok(tx.execute(sql, vec![Value::Ts(now), Value::Id(id.0)])? == 1)
}

/// One row, or the lease is lost.
fn fenced(rows: u64) -> Result<(), DbError> {
    if rows == 1 { Ok(()) } else { Err(DbError::Conflict("the job's lease was lost".to_owned())) }
}

/// How long to wait after the `attempts`th try, in seconds: doubling, half of it by chance.
pub(crate) fn wait(attempts: i64, chance: u128) -> i64 {
    let doubled = 1_i64 << attempts.clamp(1, 12);
    let most = doubled.min(LONGEST_WAIT);
    let half = most / 2;
    half + i64::try_from(chance % (u128::try_from(half).unwrap_or(0) + 1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::wait;

    #[test]
    fn waits_double_and_are_spread() {
        assert_eq!((wait(1, 0), wait(1, 1)), (1, 2));
        assert_eq!((wait(5, 0), wait(5, 16)), (16, 32));
        assert_eq!((wait(12, 0), wait(40, 1_800)), (1_800, 3_600));
    }
}
