//! Values into columns and back.

use crate::platform::db::{DbError, Value};
use purser_rules::{
    Amount,
    credit::{HoldState, Mode, SourceKind, Wallet},
    ids::{CustomerId, Unit},
};

/// A text value.
#[must_use]
pub fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A customer's bucket.
#[must_use]
pub fn bucket(customer: &CustomerId) -> Value {
    Value::I64(customer.bucket().0.into())
}

/// An amount in millionths.
#[must_use]
pub fn micros(amount: Amount) -> Value {
    Value::I64(amount.micros())
}

/// What finds the holds or the grants of `wallets` that are in `state`.
pub(super) fn in_state<'a>(wallets: impl IntoIterator<Item = &'a Wallet>, state: i64) -> Vec<Vec<Value>> {
    let key = |wallet: &Wallet| {
        vec![text(wallet.customer.as_str()), text(wallet.unit.as_str()), Value::I64(state), bucket(&wallet.customer)]
    };
    wallets.into_iter().map(key).collect()
}

/// A count.
pub(super) fn number(n: u64) -> Value {
    Value::I64(i64::try_from(n).unwrap_or(i64::MAX))
}

/// An amount from a column.
///
/// # Errors
/// [`DbError::Bug`] when it is out of bounds.
pub fn amount(micros: i64) -> Result<Amount, DbError> {
    Amount::from_micros(micros).ok_or_else(|| bug("an amount out of bounds"))
}

/// A customer's id from a column.
///
/// # Errors
/// [`DbError::Bug`] when it is none.
pub fn customer(text: &str) -> Result<CustomerId, DbError> {
    CustomerId::new(text).map_err(|_| bug("a customer's id"))
}

/// A unit from a column.
///
/// # Errors
/// [`DbError::Bug`] when it is none.
pub fn unit(text: &str) -> Result<Unit, DbError> {
    Unit::new(text).map_err(|_| bug("a unit"))
}

/// A source kind from a column.
///
/// # Errors
/// [`DbError::Bug`] when it is none.
pub fn source_kind(n: i64) -> Result<SourceKind, DbError> {
    SourceKind::ALL.iter().copied().find(|kind| *kind as i64 == n).ok_or_else(|| bug("a source kind"))
}

/// A mode from a column.
///
/// # Errors
/// [`DbError::Bug`] when it is none.
pub fn mode(n: i64) -> Result<Mode, DbError> {
    [Mode::Reject, Mode::Partial, Mode::Overflow]
        .into_iter()
        .find(|mode| *mode as i64 == n)
        .ok_or_else(|| bug("a mode"))
}

pub(super) fn hold_state(n: i64) -> Result<HoldState, DbError> {
    [HoldState::Open, HoldState::Captured, HoldState::Released, HoldState::Expired]
        .into_iter()
        .find(|state| *state as i64 == n)
        .ok_or_else(|| bug("a hold's state"))
}

/// A row that is not as this version writes it.
#[must_use]
pub fn bug(what: &str) -> DbError {
    DbError::Bug(format!("the database holds {what} that this version did not write"))
}
