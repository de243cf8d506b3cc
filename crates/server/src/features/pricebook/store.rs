//! The tables of the price book: the row that is locked by whoever changes it, and who has which Stripe object.

pub(super) mod plans;
pub(super) mod top_ups;

use crate::platform::db::{DbError, Load, Row, Table, Tx, Type, Value};
use purser_rules::{
    ids::{PlanId, TopUpPlanId},
    pricebook::{Currency, Name},
};
use serde::{Serialize, de::DeserializeOwned};

/// The one row that counts the changes of the book.
static BOOK: Table =
    Table { name: "pricebook_version", key: &[("name", Type::Text)], columns: &[("version", Type::I64)] };

/// Its key.
const KEY: &str = "book";

/// Locks the book until the transaction ends, so that what is read after this stays so; answers its version.
/// In a transaction that also writes wallets it comes before them.
pub(super) fn lock(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    let keys = vec![vec![Value::Text(KEY.to_owned())]];
    let loads = vec![Load::Many { table: &BOOK, by: BOOK.key, columns: BOOK.columns, keys, lock: true }];
    let rows = tx.load(loads)?;
    rows.iter().flatten().next().ok_or_else(lost)?.i64(0)
}

/// Moves the book's version on.
pub(super) fn bump(tx: &mut Tx<'_>) {
    tx.later("UPDATE pricebook_version SET version = version + 1 WHERE name = $1", vec![Value::Text(KEY.to_owned())]);
}

/// The version of the book: read it together with what is kept of it.
pub(super) fn version(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    let key = vec![Value::Text(KEY.to_owned())];
    let row = tx.first("SELECT version FROM pricebook_version WHERE name = $1", key)?;
    row.ok_or_else(lost)?.i64(0)
}

fn lost() -> DbError {
    DbError::Bug("the price book has no version".to_owned())
}

/// What a Stripe price belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Plan(PlanId),
    TopUp(TopUpPlanId),
}

/// What the Stripe price `id` belongs to, if we know it.
pub(super) fn owner(tx: &mut Tx<'_>, id: &str) -> Result<Option<Owner>, DbError> {
    let plan = tx.first("SELECT plan_id FROM plan_prices WHERE stripe_price_id = $1", vec![text(id)])?;
    if let Some(row) = plan {
        return Ok(Some(Owner::Plan(PlanId(row.id(0)?))));
    }
    let pack = tx.first("SELECT id FROM top_up_plans WHERE stripe_price_id = $1", vec![text(id)])?;
    pack.map(|row| Ok(Owner::TopUp(TopUpPlanId(row.id(0)?)))).transpose()
}

/// A text as a parameter.
fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A text that may be missing, as a parameter.
fn opt_text(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| Value::Text(text.to_owned()))
}

/// Terms as they are stored.
fn stored(terms: &impl Serialize) -> Result<Value, DbError> {
    let text = serde_json::to_string(terms).map_err(|error| DbError::Bug(format!("terms: {error}")))?;
    Ok(Value::Json(text))
}

/// Terms from the column at `at`.
pub(super) fn terms<T: DeserializeOwned>(row: &Row, at: usize) -> Result<T, DbError> {
    serde_json::from_str(row.text(at)?).map_err(|error| DbError::Bug(format!("terms: {error}")))
}

/// A name from the column at `at`.
pub(super) fn name(row: &Row, at: usize) -> Result<Name, DbError> {
    Name::new(row.text(at)?).map_err(|_| strange("name"))
}

/// A currency from the column at `at`.
fn currency(row: &Row, at: usize) -> Result<Currency, DbError> {
    Currency::new(row.text(at)?).map_err(|_| strange("currency"))
}

/// A number that is not negative and small, from the column at `at`.
pub(super) fn small<T: TryFrom<i64>>(row: &Row, at: usize) -> Result<T, DbError> {
    T::try_from(row.i64(at)?).map_err(|_| strange("number"))
}

/// What a row holds that no version of ours wrote.
fn strange(what: &str) -> DbError {
    DbError::Bug(format!("the price book holds a {what} that breaks its rule"))
}
