//! Consumptions: one row per accepted spend or capture, which a replay answers and a return changes.

use super::store::{amount, bucket, bug, customer, micros, mode, text, unit};
use crate::platform::db::{DbError, Row, Table, Tx, Type, Value};
use purser_rules::{
    Amount, Time,
    credit::{Balance, Consumption, Mode, Part, Spent},
    ids::{ConsumptionId, CustomerId, HoldId, Unit},
};

/// Consumptions.
pub static CONSUMPTIONS: Table = Table {
    name: "consumptions",
    key: &[("id", Type::Id), ("bucket", Type::I64)],
    columns: &[
        ("customer", Type::Text),
        ("unit", Type::Text),
        ("at", Type::Ts),
        ("occurred_at", Type::Ts),
        ("requested", Type::I64),
        ("consumed", Type::I64),
        ("overflow", Type::I64),
        ("mode", Type::I64),
        ("late", Type::Bool),
        ("hold_id", Type::Id),
        ("parts", Type::Bytes),
        ("balance", Type::Bytes),
        ("user_id", Type::Text),
        ("metadata", Type::Bytes),
    ],
};

/// One accepted spend or capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumed {
    /// Its id.
    pub id: ConsumptionId,
    /// Who spent.
    pub customer: CustomerId,
    /// In which unit.
    pub unit: Unit,
    /// When it was decided.
    pub at: Time,
    /// When the usage happened, if that was said.
    pub occurred_at: Option<Time>,
    /// What was asked for.
    pub requested: Amount,
    /// What was taken from grants.
    pub consumed: Amount,
    /// How it was to be spent.
    pub mode: Mode,
    /// Whether it captured a hold that had run out.
    pub late: bool,
    /// The hold it captured.
    pub hold: Option<HoldId>,
    /// From which grants, with what was returned.
    pub back: Consumption,
    /// The balance right after it.
    pub balance: Balance,
    /// The user it was for.
    pub user_id: Option<String>,
    /// The metadata as received.
    pub metadata: Option<Vec<u8>>,
}

/// What a return may still change of a spend that was just accepted.
#[must_use]
pub fn returnable(spent: &Spent) -> Consumption {
    Consumption {
        overflow: spent.overflow,
        overflow_returned: Amount::ZERO,
        parts: spent
            .parts
            .iter()
            .map(|(grant, amount)| Part { grant: *grant, amount: *amount, returned: Amount::ZERO })
            .collect(),
    }
}

/// A consumption's row.
#[must_use]
pub fn row(consumed: &Consumed) -> Vec<Value> {
    vec![
        Value::Id(consumed.id.0),
        bucket(&consumed.customer),
        text(consumed.customer.as_str()),
        text(consumed.unit.as_str()),
        Value::Ts(consumed.at),
        consumed.occurred_at.map_or(Value::Null, Value::Ts),
        micros(consumed.requested),
        micros(consumed.consumed),
        micros(consumed.back.overflow),
        Value::I64(consumed.mode as i64),
        Value::Bool(consumed.late),
        consumed.hold.map_or(Value::Null, |id| Value::Id(id.0)),
        Value::Bytes(postcard::to_stdvec(&consumed.back).unwrap_or_default()),
        Value::Bytes(postcard::to_stdvec(&consumed.balance).unwrap_or_default()),
        consumed.user_id.as_deref().map_or(Value::Null, text),
        consumed.metadata.clone().map_or(Value::Null, Value::Bytes),
    ]
}

/// One consumption by its id.
///
/// # Errors
/// What the database says.
pub fn by_id(tx: &mut Tx<'_>, id: ConsumptionId) -> Result<Option<Consumed>, DbError> {
    const SELECT: &str = "SELECT id, customer, unit, at, occurred_at, requested, consumed, mode, late, hold_id, parts, \
         balance, user_id, metadata FROM consumptions WHERE id = $1 AND bucket = $2";
    tx.first(SELECT, vec![Value::Id(id.0), Value::I64(id.bucket().0.into())])?.as_ref().map(consumed).transpose()
}

/// A consumption from its row.
fn consumed(row: &Row) -> Result<Consumed, DbError> {
    Ok(Consumed {
        id: ConsumptionId(row.id(0)?),
        customer: customer(row.text(1)?)?,
        unit: unit(row.text(2)?)?,
        at: row.ts(3)?,
        occurred_at: row.opt_ts(4)?,
        requested: amount(row.i64(5)?)?,
        consumed: amount(row.i64(6)?)?,
        mode: mode(row.i64(7)?)?,
        late: row.bool(8)?,
        hold: row.opt_id(9)?.map(HoldId),
        back: postcard::from_bytes(row.bytes(10)?).map_err(|_| bug("a consumption's parts"))?,
        balance: balance(row.bytes(11)?)?,
        user_id: row.opt_text(12)?.map(str::to_owned),
        metadata: row.opt_bytes(13)?.map(<[u8]>::to_vec),
    })
}

/// A balance as it is stored. One that was stored before it said when it renews ends before that: nothing follows.
fn balance(stored: &[u8]) -> Result<Balance, DbError> {
    postcard::from_bytes(&[stored, &[0_u8][..]].concat()).map_err(|_| bug("a consumption's balance"))
}

/// Keeps what a return changed of a consumption.
pub fn update_later(tx: &mut Tx<'_>, id: ConsumptionId, back: &Consumption) {
    let parts = postcard::to_stdvec(back).unwrap_or_default();
    tx.update_later(
        &CONSUMPTIONS,
        &[("parts", Type::Bytes)],
        vec![vec![Value::Id(id.0), Value::I64(id.bucket().0.into()), Value::Bytes(parts)]],
    );
}
