//! Who fell below the mark of its auto top-up: a row a customer, put down in the transaction of the spend that did it.
//!
//! Nothing but a spend, a hold or a refusal puts one down (rules 1.13). What is there already is left as it is, so that
//! a customer below its mark is one row, however many spends it makes. Who has no mark costs nothing here.

use super::store::text;
use crate::{
    features::customers::{self, Facts},
    platform::{
        db::{DbError, Table, Tx, Type, Value},
        error::Code,
    },
};
use purser_rules::{
    Time,
    credit::{Refusal, Turn},
    ids::{CustomerId, Unit},
    subscription::Cause,
};

/// Who fell below its mark.
pub static WANTS: Table = Table {
    name: "auto_top_up_wants",
    key: &[("customer", Type::Text)],
    columns: &[("cause", Type::I64), ("at", Type::Ts), ("run_at", Type::Ts)],
};

/// What a spend that was refused so, or was not refused, is to auto top-up.
#[must_use]
pub const fn cause(refusal: Option<&Refusal>) -> Cause {
    match refusal {
        None => Cause::Spend,
        Some(Refusal::InsufficientCredits { .. } | Refusal::OverageNotSold) => Cause::Refusal,
        Some(_) => Cause::Other,
    }
}

/// Whether an error says that credits were wanting.
#[must_use]
pub const fn is_want(code: Code) -> bool {
    matches!(code, Code::InsufficientCredits | Code::OverageNotSold)
}

/// Whether the wallet of `unit` as it stands in `turn` is below the customer's mark, and `cause` a reason to buy.
#[must_use]
pub fn is_low(facts: &Facts, unit: &Unit, turn: &Turn, cause: Cause) -> bool {
    let below = |mark: &customers::LowMark| mark.unit == *unit && turn.available() < mark.below;
    cause != Cause::Other && facts.auto_top_up.as_ref().is_some_and(below)
}

/// The row that says that `customer` fell below its mark.
#[must_use]
pub fn row(customer: &CustomerId, cause: Cause, now: Time) -> Vec<Value> {
    vec![text(customer.as_str()), Value::I64(stored(cause)), Value::Ts(now), Value::Ts(now)]
}

/// Puts down that `customer` fell below its mark, unless that stands there already. Call it with the wallet locked.
pub fn note(tx: &mut Tx<'_>, customer: &CustomerId, cause: Cause) {
    let row = row(customer, cause, tx.now());
    tx.insert_missing_later(&WANTS, vec![row]);
}

/// Puts down a refusal whose own transaction was undone. Whether the wallet is below the mark is decided later.
///
/// # Errors
/// What the database says.
pub fn note_refusal(tx: &mut Tx<'_>, customer: &CustomerId, unit: &Unit) -> Result<(), DbError> {
    let row = tx.load(vec![customers::load_facts([customer])])?.pop().unwrap_or_default().pop();
    let facts = row.map(|row| customers::facts(&row)).transpose()?.map(|(_, facts)| facts);
    if facts.and_then(|facts| facts.auto_top_up).is_some_and(|mark| mark.unit == *unit) {
        note(tx, customer, Cause::Refusal);
    }
    Ok(())
}

/// Up to `most` customers that fell below their marks and are due, the longest ago first.
///
/// # Errors
/// What the database says.
pub fn due_wants(tx: &mut Tx<'_>, most: i64) -> Result<Vec<CustomerId>, DbError> {
    let now = tx.now();
    let sql = "SELECT customer FROM auto_top_up_wants WHERE run_at <= $1 ORDER BY run_at LIMIT $2";
    let rows = tx.query(sql, vec![Value::Ts(now), Value::I64(most)])?;
    rows.iter().map(|row| super::store::customer(row.text(0)?)).collect()
}

/// Takes what is due of a customer until `until`; answers whether nobody else did.
///
/// # Errors
/// What the database says.
pub fn take_want(tx: &mut Tx<'_>, customer: &CustomerId, until: Time) -> Result<bool, DbError> {
    let now = tx.now();
    let sql = "UPDATE auto_top_up_wants SET run_at = $1 WHERE customer = $2 AND run_at <= $3";
    Ok(tx.execute(sql, vec![Value::Ts(until), text(customer.as_str()), Value::Ts(now)])? == 1)
}

/// Why a customer fell below its mark; none when that was decided.
///
/// # Errors
/// What the database says.
pub fn want(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<Option<Cause>, DbError> {
    let row = tx.first("SELECT cause FROM auto_top_up_wants WHERE customer = $1", vec![text(customer.as_str())])?;
    row.map(|row| cause_stored(row.i64(0)?)).transpose()
}

/// It is decided. Call it with the wallet locked: a spend after that puts a new row down, one before it was seen.
///
/// # Errors
/// What the database says.
pub fn drop_want(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<(), DbError> {
    tx.execute("DELETE FROM auto_top_up_wants WHERE customer = $1", vec![text(customer.as_str())]).map(drop)
}

/// A cause as a number.
#[must_use]
pub const fn stored(cause: Cause) -> i64 {
    match cause {
        Cause::Other => 0,
        Cause::Spend => 1,
        Cause::Hold => 2,
        Cause::Refusal => 3,
    }
}

/// The cause stored as `number`.
///
/// # Errors
/// [`DbError::Bug`] when no version of ours wrote it.
pub fn cause_stored(number: i64) -> Result<Cause, DbError> {
    let all = [Cause::Spend, Cause::Hold, Cause::Refusal];
    let found = all.into_iter().find(|cause| stored(*cause) == number);
    found.ok_or_else(|| DbError::Bug(format!("auto top-up has the unknown cause {number}")))
}

#[cfg(test)]
mod tests {
    use super::{cause, cause_stored, stored};
    use purser_rules::{Amount, credit::Refusal, subscription::Cause};

    #[test]
    fn only_a_spend_and_a_want_of_credits_are_reasons() {
        let zero = Amount::ZERO;
        let table = [
            (None, Cause::Spend),
            (Some(Refusal::InsufficientCredits { needed: zero, available: zero }), Cause::Refusal),
            (Some(Refusal::OverageNotSold), Cause::Refusal),
            (Some(Refusal::DebtOutstanding { debt: zero }), Cause::Other),
            (Some(Refusal::CapReached { limit: zero, used: zero }), Cause::Other),
        ];
        for (refusal, expected) in table {
            assert_eq!(cause(refusal.as_ref()), expected, "{refusal:?}");
        }
        for known in [Cause::Spend, Cause::Hold, Cause::Refusal] {
            assert_eq!(cause_stored(stored(known)), Ok(known));
        }
        assert!(cause_stored(stored(Cause::Other)).is_err(), "what is no reason is never put down");
    }
}
