//! The table of what was asked of subscriptions: at most one of a subscription is under way at a time.

use super::wish::Wish;
use crate::{
    features::payments::{bucket, claims, opt_text, text},
    platform::{
        db::{DbError, Row, Tx, Value},
        error::{Code, Error},
    },
};
use purser_rules::{
    Time,
    ids::{ChangeId, CustomerId},
};

/// Where a request stands; as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub(super) enum State {
    /// It may be half done.
    Going = 1,
    /// It stands at Stripe, and was answered.
    Done = 2,
    /// Stripe refused it, or nobody came back for it and another one took its place.
    GivenUp = 3,
}

impl State {
    fn stored(number: i64) -> Result<Self, DbError> {
        let all = [Self::Going, Self::Done, Self::GivenUp];
        let found = all.into_iter().find(|state| *state as i64 == number);
        found.ok_or_else(|| DbError::Bug(format!("a request of a subscription has the state {number}")))
    }
}

/// What was asked, field by field after parsing and defaults, so that a difference can be named.
pub(super) type Fields = Vec<(String, Option<String>)>;

/// Something that was asked of a subscription.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub id: ChangeId,
    pub customer: CustomerId,
    /// `sub_…`
    pub subscription: String,
    /// The caller's own key.
    pub key: Option<String>,
    pub asked: Fields,
    /// What is to stand in the end.
    pub wish: Wish,
    pub state: State,
    /// The first answer, once it is done: JSON without `replayed`.
    pub answer: Option<String>,
    pub created_at: Time,
}

const COLUMNS: &str = "id, customer, subscription, key, asked, wish, state, answer, created_at";

/// Puts a request down that is under way.
///
/// # Errors
/// [`DbError::Conflict`] when another one is, or has its key: the unit is run again, and finds it.
pub(super) fn insert(tx: &mut Tx<'_>, new: &Request) -> Result<(), DbError> {
    // Nobody else counts on meanwhile: one of a subscription is under way at a time.
    let number = last_number(tx, &new.customer, &new.subscription)? + 1;
    let sql = "INSERT INTO subscription_requests (id, bucket, customer, subscription, key, asked, wish, state, answer, \
        created_at, number) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, $9, $10)";
    let params = vec![
        Value::Id(new.id.0),
        bucket(&new.customer),
        text(new.customer.as_str()),
        text(&new.subscription),
        opt_text(new.key.as_deref()),
        Value::Text(json(&new.asked)?),
        Value::Text(json(&new.wish)?),
        Value::I64(State::Going as i64),
        Value::Ts(new.created_at),
        Value::I64(number),
    ];
    tx.execute(sql, params).map(drop)
}

/// How many requests of a subscription there were.
///
/// # Errors
/// What the database says.
pub(super) fn last_number(tx: &mut Tx<'_>, customer: &CustomerId, subscription: &str) -> Result<i64, DbError> {
    let sql = "SELECT number FROM subscription_requests WHERE subscription = $1 AND bucket = $2 \
        ORDER BY number DESC LIMIT 1";
    let row = tx.first(sql, vec![text(subscription), bucket(customer)])?;
    row.map_or(Ok(0), |row| row.i64(0))
}

/// The request of `customer` that came with this key.
///
/// # Errors
/// What the database says.
pub(super) fn by_key(tx: &mut Tx<'_>, customer: &CustomerId, key: &str) -> Result<Option<Request>, DbError> {
    let rest = "WHERE customer = $1 AND key = $2 AND bucket = $3";
    first(tx, rest, vec![text(customer.as_str()), text(key), bucket(customer)])
}

/// The request of a subscription that is under way.
///
/// # Errors
/// What the database says.
pub(super) fn going(tx: &mut Tx<'_>, customer: &CustomerId, subscription: &str) -> Result<Option<Request>, DbError> {
    let rest = "WHERE subscription = $1 AND bucket = $2 AND customer = $3 AND state = 1";
    first(tx, rest, vec![text(subscription), bucket(customer), text(customer.as_str())])
}

/// The last request of a subscription that was done.
///
/// # Errors
/// What the database says.
pub(super) fn last_done(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    subscription: &str,
) -> Result<Option<Request>, DbError> {
    let rest = "WHERE subscription = $1 AND bucket = $2 AND customer = $3 AND state = 2 \
        ORDER BY number DESC LIMIT 1";
    first(tx, rest, vec![text(subscription), bucket(customer), text(customer.as_str())])
}

/// Where a request stands now.
///
/// # Errors
/// What the database says.
pub(super) fn state(tx: &mut Tx<'_>, request: &Request) -> Result<State, DbError> {
    let sql = "SELECT state FROM subscription_requests WHERE id = $1 AND bucket = $2";
    let row = tx.first(sql, vec![Value::Id(request.id.0), bucket(&request.customer)])?;
    let row = row.ok_or_else(|| DbError::Bug("a request of a subscription is not there".to_owned()))?;
    State::stored(row.i64(0)?)
}

/// Ends a request that is under way; answers false when another caller of it did so.
///
/// # Errors
/// What the database says.
pub(super) fn close(tx: &mut Tx<'_>, request: &Request, state: State, answer: Option<&str>) -> Result<bool, DbError> {
    let sql = "UPDATE subscription_requests SET state = $1, answer = $2 WHERE id = $3 AND bucket = $4 AND state = 1";
    let params = vec![Value::I64(state as i64), opt_text(answer), Value::Id(request.id.0), bucket(&request.customer)];
    tx.execute(sql, params).map(|rows| rows == 1)
}

/// Takes the key from a request that was given up: a refusal is not remembered.
///
/// # Errors
/// What the database says.
pub(super) fn free_key(tx: &mut Tx<'_>, request: &Request) -> Result<(), DbError> {
    let sql = "UPDATE subscription_requests SET key = NULL WHERE id = $1 AND bucket = $2 AND state = 3";
    tx.execute(sql, vec![Value::Id(request.id.0), bucket(&request.customer)]).map(drop)
}

/// Whether a key that was used before may be answered again.
///
/// # Errors
/// `idempotency_mismatch`, naming the field that differs.
pub(super) fn same(before: &Request, asked: &Fields) -> Result<(), Error> {
    let differs = before.asked.iter().zip(asked).find(|(then, now)| then != now);
    let field = match differs {
        Some(((field, _), _)) => field.as_str(),
        None if before.asked.len() == asked.len() => return Ok(()),
        None => "idempotency_key",
    };
    let message = format!("This idempotency key came before with another `{field}`. Use a new key for a new request.");
    Err(Error::new(Code::IdempotencyMismatch, message).about(field))
}

fn first(tx: &mut Tx<'_>, rest: &str, params: Vec<Value>) -> Result<Option<Request>, DbError> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM subscription_requests {rest}"), params)?;
    row.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<Request, DbError> {
    let strange = |error: serde_json::Error| DbError::Bug(format!("a request of a subscription: {error}"));
    Ok(Request {
        id: ChangeId(row.id(0)?),
        customer: claims::customer(row.text(1)?)?,
        subscription: row.text(2)?.to_owned(),
        key: row.opt_text(3)?.map(str::to_owned),
        asked: serde_json::from_str(row.text(4)?).map_err(strange)?,
        wish: serde_json::from_str(row.text(5)?).map_err(strange)?,
        state: State::stored(row.i64(6)?)?,
        answer: row.opt_text(7)?.map(str::to_owned),
        created_at: row.ts(8)?,
    })
}

fn json(value: &impl serde::Serialize) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::Bug(format!("a request of a subscription: {error}")))
}
