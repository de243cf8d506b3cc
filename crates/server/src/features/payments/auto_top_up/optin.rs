//! The table of what customers agreed to: one row a customer.

use super::attempts;
use crate::{
    features::{
        customers::{self, LowMark},
        payments::{bucket, opt_text, text},
    },
    platform::db::{DbError, Row, Tx, Value},
};
use purser_rules::{
    Amount, Time,
    ids::{CustomerId, TopUpPlanId, Unit},
};

/// What a customer agreed to, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct OptIn {
    /// Who.
    pub customer: CustomerId,
    /// What is counted.
    pub unit: Unit,
    /// Buy when less than this is available.
    pub threshold: Amount,
    /// The version of the pack.
    pub top_up: TopUpPlanId,
    /// How many purchases a UTC day at most.
    pub most_a_day: u32,
    /// How much money a UTC month at most, in minor units of the pack's currency.
    pub most_a_month: i64,
    /// Whether it is on.
    pub enabled: bool,
    /// Why the last pack that was wanted was not bought; none since one was.
    pub why_not: Option<String>,
    /// When it was agreed to first.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// What `customer` agreed to, if it did.
///
/// # Errors
/// What the database says.
pub(super) fn find(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<Option<OptIn>, DbError> {
    let sql = "SELECT customer, unit, threshold, top_up_plan_id, most_a_day, most_a_month, enabled, why_not, \
        created_at, updated_at FROM auto_top_ups WHERE customer = $1 AND bucket = $2";
    tx.first(sql, key(customer))?.as_ref().map(read).transpose()
}

/// The same, its row locked until the transaction ends. Lock it before attempts, and those before a wallet.
///
/// # Errors
/// What the database says.
pub(super) fn lock(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<Option<OptIn>, DbError> {
    // An update that changes nothing: a row lock on PostgreSQL, nothing on SQLite, which has one writer.
    let sql = "UPDATE auto_top_ups SET unit = unit WHERE customer = $1 AND bucket = $2";
    tx.execute(sql, key(customer))?;
    find(tx, customer)
}

/// Puts down what a customer agreed to, over what it agreed to before.
///
/// # Errors
/// What the database says.
pub(super) fn put(tx: &mut Tx<'_>, new: &OptIn) -> Result<(), DbError> {
    let sql = "INSERT INTO auto_top_ups (customer, bucket, unit, threshold, top_up_plan_id, most_a_day, most_a_month, \
        enabled, why_not, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
        ON CONFLICT (customer, bucket) DO UPDATE SET unit = excluded.unit, threshold = excluded.threshold, \
        top_up_plan_id = excluded.top_up_plan_id, most_a_day = excluded.most_a_day, \
        most_a_month = excluded.most_a_month, enabled = excluded.enabled, why_not = excluded.why_not, \
        updated_at = excluded.updated_at";
    let mut params = key(&new.customer);
    params.extend([
        text(new.unit.as_str()),
        Value::I64(new.threshold.micros()),
        Value::Id(new.top_up.0),
        Value::I64(new.most_a_day.into()),
        Value::I64(new.most_a_month),
        Value::Bool(new.enabled),
        opt_text(new.why_not.as_deref()),
        Value::Ts(new.created_at),
        Value::Ts(new.updated_at),
    ]);
    tx.execute(sql, params).map(drop)
}

/// Puts down why a pack was not bought, or that one was.
///
/// # Errors
/// What the database says.
pub(super) fn set_why_not(tx: &mut Tx<'_>, customer: &CustomerId, why: Option<&str>) -> Result<(), DbError> {
    let sql = "UPDATE auto_top_ups SET why_not = $1 WHERE customer = $2 AND bucket = $3";
    let mut params = vec![opt_text(why)];
    params.extend(key(customer));
    tx.execute(sql, params).map(drop)
}

/// Takes back what a customer agreed to.
///
/// # Errors
/// What the database says.
pub(super) fn remove(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<(), DbError> {
    tx.execute("DELETE FROM auto_top_ups WHERE customer = $1 AND bucket = $2", key(customer)).map(drop)
}

/// Lets spends ask for a pack if auto top-up is on and no failure waits for a person; else they ask for none.
///
/// # Errors
/// What the database says.
pub(super) fn arm(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<(), DbError> {
    let on = find(tx, customer)?.filter(|opt_in| opt_in.enabled);
    let mark = match on {
        Some(opt_in) if !attempts::has_failed(tx, customer)? => {
            Some(LowMark { unit: opt_in.unit, below: opt_in.threshold })
        }
        _ => None,
    };
    customers::watch(tx, customer, mark.as_ref())
}

fn key(customer: &CustomerId) -> Vec<Value> {
    vec![text(customer.as_str()), bucket(customer)]
}

fn read(row: &Row) -> Result<OptIn, DbError> {
    let strange = |what: &str| DbError::Bug(format!("an auto top-up holds a {what} that breaks its rule"));
    Ok(OptIn {
        customer: CustomerId::new(row.text(0)?).map_err(|_| strange("customer"))?,
        unit: Unit::new(row.text(1)?).map_err(|_| strange("unit"))?,
        threshold: Amount::from_micros(row.i64(2)?).ok_or_else(|| strange("number"))?,
        top_up: TopUpPlanId(row.id(3)?),
        most_a_day: u32::try_from(row.i64(4)?).map_err(|_| strange("number"))?,
        most_a_month: row.i64(5)?,
        enabled: row.bool(6)?,
        why_not: row.opt_text(7)?.map(str::to_owned),
        created_at: row.ts(8)?,
        updated_at: row.ts(9)?,
    })
}
