//! Stripe's objects, each claimed for one customer, once (rules 1.2).

use super::{not_yours, text};
use crate::platform::{
    db::{DbError, Tx, Value},
    error::Error,
};
use purser_rules::ids::CustomerId;

/// Whose the object `stripe_id` is, if it was claimed.
///
/// # Errors
/// What the database says.
pub(super) fn of(tx: &mut Tx<'_>, stripe_id: &str) -> Result<Option<CustomerId>, DbError> {
    let row = tx.first("SELECT customer FROM stripe_claims WHERE stripe_id = $1", vec![text(stripe_id)])?;
    row.map(|row| customer(row.text(0)?)).transpose()
}

/// Claims the object `stripe_id` for `customer`; again for the same one does nothing.
///
/// # Errors
/// `checkout_not_yours` when it is another's; what the database says.
pub(super) fn claim(tx: &mut Tx<'_>, stripe_id: &str, customer: &CustomerId) -> Result<(), Error> {
    let now = tx.now();
    // Who claims it at the same moment is waited for, and seen below.
    let sql = "INSERT INTO stripe_claims (stripe_id, customer, claimed_at) VALUES ($1, $2, $3) \
        ON CONFLICT (stripe_id) DO NOTHING";
    tx.execute(sql, vec![text(stripe_id), text(customer.as_str()), Value::Ts(now)])?;
    if of(tx, stripe_id)?.as_ref() == Some(customer) { Ok(()) } else { Err(not_yours()) }
}

/// A customer's id as it was stored.
pub(super) fn customer(text: &str) -> Result<CustomerId, DbError> {
    CustomerId::new(text).map_err(|_| DbError::Bug("a customer's id breaks its rule".to_owned()))
}
