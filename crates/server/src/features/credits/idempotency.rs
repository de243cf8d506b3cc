//! Idempotency keys: one space per customer, looked up after the wallet is locked (rules 1.6).

use super::store::{bucket, bug, text};
use crate::platform::{
    db::{DbError, Load, Row, Table, Type, Value},
    error::{Code, Error},
};
use purser_rules::{Time, ids::CustomerId};

/// Keys and what they were answered.
pub static KEYS: Table = Table {
    name: "idempotency_keys",
    key: KEY,
    columns: &[("operation", Type::I64), ("created_at", Type::Ts), ("request", Type::Bytes), ("answer", Type::Bytes)],
};
const KEY: &[(&str, Type)] = &[("key", Type::Text), ("customer", Type::Text), ("bucket", Type::I64)];
const ROW: &[(&str, Type)] = &[
    ("key", Type::Text),
    ("customer", Type::Text),
    ("operation", Type::I64),
    ("request", Type::Bytes),
    ("answer", Type::Bytes),
];

/// What a key was used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `POST /consume`; its request and answer stand in `consumptions`.
    Spend = 1,
    /// `POST /holds`
    Hold = 2,
    /// `POST /holds/{id}/capture`
    Capture = 3,
    /// `POST /holds/{id}/release`
    Release = 4,
    /// `POST /customers/{id}/grants`
    Grant = 5,
    /// `POST /grants/{id}/revoke`
    Revoke = 6,
    /// `POST /customers/{id}/adjust`
    Adjust = 7,
    /// `POST /consumptions/{id}/return`
    Return = 8,
    /// A grant's source, which is a key of its own.
    Source = 9,
    /// `POST /customers/{id}/debt/forgive`
    Forgive = 10,
}

impl Operation {
    const ALL: [Self; 10] = [
        Self::Spend,
        Self::Hold,
        Self::Capture,
        Self::Release,
        Self::Grant,
        Self::Revoke,
        Self::Adjust,
        Self::Return,
        Self::Source,
        Self::Forgive,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Spend => "consume",
            Self::Hold => "hold",
            Self::Capture => "capture",
            Self::Release => "release",
            Self::Grant => "grant",
            Self::Revoke => "revoke",
            Self::Adjust => "adjust",
            Self::Return => "return",
            Self::Source => "source",
            Self::Forgive => "forgive",
        }
    }
}

/// A key that was used before.
#[derive(Clone, Debug)]
pub struct Stored {
    /// For what.
    pub operation: Operation,
    /// The request after parsing and defaults: a JSON object of texts (empty for spends).
    pub request: Vec<u8>,
    /// The first answer: JSON without `replayed` (a consumption's id for spends).
    pub answer: Vec<u8>,
}

/// The values that find a key.
#[must_use]
pub fn key(customer: &CustomerId, key: &str) -> Vec<Value> {
    vec![text(key), text(customer.as_str()), bucket(customer)]
}

/// A read of the keys of `keys`.
#[must_use]
pub fn load(keys: Vec<Vec<Value>>) -> Load {
    Load::Many { table: &KEYS, by: KEY, columns: ROW, keys, lock: false }
}

/// The customer, the key and what it was used for, from a row of [`load`].
///
/// # Errors
/// [`DbError::Bug`] when the row is not one this version wrote.
pub fn stored(row: &Row) -> Result<((String, String), Stored), DbError> {
    let operation = row.i64(2)?;
    let operation =
        Operation::ALL.into_iter().find(|known| *known as i64 == operation).ok_or_else(|| bug("an operation"))?;
    let stored = Stored { operation, request: row.bytes(3)?.to_vec(), answer: row.bytes(4)?.to_vec() };
    Ok(((row.text(1)?.to_owned(), row.text(0)?.to_owned()), stored))
}

/// A key's row.
#[must_use]
pub fn row(customer: &CustomerId, text: &str, stored: &Stored, now: Time) -> Vec<Value> {
    let mut row = key(customer, text);
    row.extend([
        Value::I64(stored.operation as i64),
        Value::Ts(now),
        Value::Bytes(stored.request.clone()),
        Value::Bytes(stored.answer.clone()),
    ]);
    row
}

/// A request after parsing and defaults, field by field, so that a difference can be named.
pub type Fields = Vec<(&'static str, Option<String>)>;

/// The fields as they are stored.
#[must_use]
pub fn encode(fields: &Fields) -> Vec<u8> {
    serde_json::to_vec(fields).unwrap_or_default()
}

/// Whether a key that was used before may be answered again.
///
/// # Errors
/// `idempotency_mismatch`, naming the field that differs.
pub fn same_request(stored: &Stored, operation: Operation, fields: &Fields) -> Result<(), Error> {
    same_operation(stored, operation)?;
    let before: Vec<(String, Option<String>)> =
        serde_json::from_slice(&stored.request).map_err(|_| bug("a stored request"))?;
    match fields.iter().zip(&before).find(|((_, now), (_, then))| now != then) {
        None => Ok(()),
        Some(((field, _), _)) => Err(mismatch(field)),
    }
}

/// Whether a key was used for the same operation.
///
/// # Errors
/// `idempotency_mismatch`, about the key.
pub fn same_operation(stored: &Stored, operation: Operation) -> Result<(), Error> {
    if stored.operation == operation {
        return Ok(());
    }
    let message =
        format!("This idempotency key was used for `{}`. Use a new key for a new request.", stored.operation.name());
    Err(Error::new(Code::IdempotencyMismatch, message).about("idempotency_key"))
}

/// The refusal of a key that came with another request.
#[must_use]
pub fn mismatch(field: &str) -> Error {
    let message = format!("This idempotency key came before with another `{field}`. Use a new key for a new request.");
    Error::new(Code::IdempotencyMismatch, message).about(field)
}
