//! Grants by id, by source and page by page: what never changes from their rows, the figures from wherever they stand.

use super::store::{GRANT_SELECT_COLUMNS, bucket, grant, text, unit};
use crate::platform::db::{DbError, Row, Tx, Value};
use purser_rules::{
    Time,
    credit::{Grant, GrantState, SourceKind},
    ids::{CustomerId, GrantId, Unit},
};

/// A grant with what only its row knows.
#[derive(Clone, Debug)]
pub struct GrantRow {
    /// Whose it is.
    pub customer: CustomerId,
    /// In which unit.
    pub unit: Unit,
    /// Which source of its kind.
    pub source_id: String,
    /// The metadata as received.
    pub metadata: Option<Vec<u8>>,
    /// When it was given.
    pub created_at: Time,
    /// The grant; its figures are those of the row, and stale while they stand in the wallet row.
    pub grant: Grant,
}

impl GrantRow {
    /// The same with its present figures: the wallet's, where they stand there.
    #[must_use]
    pub fn present(mut self, in_wallet: Option<&Grant>) -> Self {
        if let Some(grant) = in_wallet {
            self.grant = grant.clone();
        }
        self
    }
}

/// `SELECT` of all columns of a [`GrantRow`].
fn select(filter: &str) -> String {
    format!("SELECT {GRANT_SELECT_COLUMNS}, customer, unit, source_id, metadata, created_at FROM grants {filter}")
}

fn row(row: &Row) -> Result<GrantRow, DbError> {
    Ok(GrantRow {
        grant: grant(row)?,
        customer: super::store::customer(row.text(16)?)?,
        unit: unit(row.text(17)?)?,
        source_id: row.text(18)?.to_owned(),
        metadata: row.opt_bytes(19)?.map(<[u8]>::to_vec),
        created_at: row.ts(20)?,
    })
}

/// The grant with this id.
///
/// # Errors
/// What the database says.
pub fn by_id(tx: &mut Tx<'_>, id: GrantId) -> Result<Option<GrantRow>, DbError> {
    let params = vec![Value::Id(id.0), Value::I64(id.bucket().0.into())];
    tx.first(&select("WHERE id = $1 AND bucket = $2"), params)?.as_ref().map(row).transpose()
}

/// The grant of this source.
///
/// # Errors
/// What the database says.
pub fn by_source(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    unit: &Unit,
    kind: SourceKind,
    source_id: &str,
) -> Result<Option<GrantRow>, DbError> {
    let sql = select("WHERE customer = $1 AND unit = $2 AND source_kind = $3 AND source_id = $4 AND bucket = $5");
    let params =
        vec![text(customer.as_str()), text(unit.as_str()), Value::I64(kind as i64), text(source_id), bucket(customer)];
    tx.first(&sql, params)?.as_ref().map(row).transpose()
}

/// Which grants of a customer to list.
#[derive(Clone, Debug)]
pub struct GrantPage {
    /// Whose.
    pub customer: CustomerId,
    /// In which unit.
    pub unit: Unit,
    /// Only those with something left or set aside.
    pub open_only: bool,
    /// After this one.
    pub after: Option<GrantId>,
    /// At most this many, one more to see whether there are more.
    pub limit: i64,
}

/// A page of grants, newest id first; their figures are those of their rows.
///
/// # Errors
/// What the database says.
pub fn page(tx: &mut Tx<'_>, page: &GrantPage) -> Result<Vec<GrantRow>, DbError> {
    let sql = select(
        "WHERE customer = $1 AND unit = $2 AND bucket = $3 AND id < $4 AND state <= $5 ORDER BY id DESC LIMIT $6",
    );
    let most_state = if page.open_only { GrantState::Waiting } else { GrantState::Closed };
    let params = vec![
        text(page.customer.as_str()),
        text(page.unit.as_str()),
        bucket(&page.customer),
        Value::Id(page.after.map_or(u128::MAX, |id| id.0)),
        Value::I64(most_state as i64),
        Value::I64(page.limit),
    ];
    tx.query(&sql, params)?.iter().map(row).collect()
}

/// Grants a wallet ever had, after `after`, oldest id first.
///
/// # Errors
/// What the database says.
pub fn after(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    unit: &Unit,
    after: Option<GrantId>,
    limit: i64,
) -> Result<Vec<GrantRow>, DbError> {
    let sql = select("WHERE customer = $1 AND unit = $2 AND bucket = $3 AND id > $4 ORDER BY id LIMIT $5");
    let from = Value::Id(after.map_or(0, |id| id.0));
    let params = vec![text(customer.as_str()), text(unit.as_str()), bucket(customer), from, Value::I64(limit)];
    tx.query(&sql, params)?.iter().map(row).collect()
}
