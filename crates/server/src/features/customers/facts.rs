//! What other features must know of a customer before they write: whether it is archived, and what it may do.

use super::{
    plans,
    store::{CUSTOMERS, Customer, KEY, key, values},
    verbs::record_made,
};
use crate::platform::{
    auth::Actor,
    db::{DbError, Load, Row, Tx, Type, Value},
    ids::Random,
};
use purser_rules::{
    Amount, Time,
    credit::{Giving, ZoneSince},
    ids::{CustomerId, Unit},
};

const FACTS: &[(&str, Type)] = &[
    ("id", Type::Text),
    ("overage_allowed", Type::Bool),
    ("salt", Type::Bytes),
    ("archived_at", Type::Ts),
    ("created_at", Type::Ts),
    ("time_zone", Type::Text),
    ("zones", Type::Bytes),
    ("plans", Type::Bytes),
    ("auto_top_up_unit", Type::Text),
    ("auto_top_up_below", Type::I64),
];

/// What a write needs to know of its customer.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Whether overage is sold to it.
    pub overage_allowed: bool,
    /// What its users' ids are digested with in the ledger; deleting it erases them.
    pub salt: Vec<u8>,
    /// Whether it is archived: writes are refused.
    pub archived: bool,
    /// When it was made: from then on default plans give.
    pub created_at: Time,
    /// The plans it bought and has access to.
    pub plans: Vec<Giving>,
    /// Its time zones, in the order in which they were set; none for UTC always.
    pub zones: Vec<ZoneSince>,
    /// Below what a pack is wanted; none unless auto top-up is on.
    pub auto_top_up: Option<LowMark>,
}

/// Below what a customer wants a pack, and counted in what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LowMark {
    /// In which unit.
    pub unit: Unit,
    /// Below so much of what is available.
    pub below: Amount,
}

/// A read of the facts of the customers `ids`.
#[must_use]
pub fn load_facts<'a>(ids: impl IntoIterator<Item = &'a CustomerId>) -> Load {
    let keys = ids.into_iter().map(key).collect();
    Load::Many { table: &CUSTOMERS, by: KEY, columns: FACTS, keys, lock: false }
}

/// The same of the customer `id`, its row locked until the transaction ends. In a transaction that also locks wallets
/// it comes after them.
#[must_use]
pub fn lock_facts(id: &CustomerId) -> Load {
    Load::Many { table: &CUSTOMERS, by: KEY, columns: FACTS, keys: vec![key(id)], lock: true }
}

/// The customer's id and its facts, from a row of [`load_facts`].
///
/// # Errors
/// [`DbError::Bug`] when the row is not one this version wrote.
pub fn facts(row: &Row) -> Result<(CustomerId, Facts), DbError> {
    let id = CustomerId::new(row.text(0)?).map_err(|_| DbError::Bug("a customer's id".into()))?;
    let facts = Facts {
        overage_allowed: row.bool(1)?,
        salt: row.bytes(2)?.to_vec(),
        archived: !row.is_null(3),
        created_at: row.ts(4)?,
        plans: plans::plans(row, 7)?,
        zones: plans::zones(row.opt_bytes(6)?, row.text(5)?)?,
        auto_top_up: low_mark(row)?,
    };
    Ok((id, facts))
}

/// The mark in a row of [`load_facts`], if there is one.
fn low_mark(row: &Row) -> Result<Option<LowMark>, DbError> {
    let (Some(unit), Some(below)) = (row.opt_text(8)?, row.opt_i64(9)?) else { return Ok(None) };
    let unit = Unit::new(unit).map_err(|_| DbError::Bug("a customer's unit of auto top-up".into()))?;
    let below = Amount::from_micros(below).ok_or_else(|| DbError::Bug("a customer's mark of auto top-up".into()))?;
    Ok(Some(LowMark { unit, below }))
}

/// Says below what the spends of the customer `id` ask for a pack: for none, when there is no mark.
///
/// # Errors
/// What the database says.
pub fn watch(tx: &mut Tx<'_>, id: &CustomerId, mark: Option<&LowMark>) -> Result<(), DbError> {
    let sql = "UPDATE customers SET auto_top_up_unit = $1, auto_top_up_below = $2 WHERE id = $3 AND bucket = $4";
    let mut params = vec![
        mark.map_or(Value::Null, |mark| Value::Text(mark.unit.as_str().to_owned())),
        mark.map_or(Value::Null, |mark| Value::I64(mark.below.micros())),
    ];
    params.extend(key(id));
    tx.execute(sql, params).map(drop)
}

/// A customer that may be made by its first use.
#[derive(Clone, Debug)]
pub struct FirstUse {
    customer: Customer,
    /// The number of its line in the audit trail. Drawn together with the salt, so that seeded lives are the
    /// same however spends are gathered into batches.
    line: u128,
}

/// Keeps an insert of those of `ids` that are not known yet, with everything at its default. Answers what it
/// would make, for [`record_first_use`].
pub fn insert_missing(tx: &mut Tx<'_>, ids: &[CustomerId], now: Time, random: &Random) -> Vec<FirstUse> {
    let new = |id| FirstUse { customer: Customer::blank(id, random, now), line: random.number() };
    let mut new: Vec<_> = ids.iter().map(new).collect();
    // In key order, so that two inserts never wait for each other.
    new.sort_by(|a, b| a.customer.id.cmp(&b.customer.id));
    let row = |new: &FirstUse| key(&new.customer.id).into_iter().chain(values(&new.customer)).collect();
    tx.insert_missing_later(&CUSTOMERS, new.iter().map(row).collect());
    new
}

impl FirstUse {
    /// Whose.
    #[must_use]
    pub fn id(&self) -> &CustomerId {
        &self.customer.id
    }
}

/// Records in the audit trail that a customer was made by its first use, if it was this transaction that made it:
/// then the salt that stands in its row is the one drawn here.
pub fn record_first_use(tx: &mut Tx<'_>, actor: &Actor, new: &FirstUse, found: &Facts) {
    if found.salt == new.customer.salt {
        record_made(tx, new.line, actor, &new.customer);
    }
}
