//! The ledger read back: pages of a wallet's entries, newest first, filtered by kind, grant and time.

use super::store::{amount, bucket, bug, text, wallet_key};
use crate::platform::db::{DbError, Row, Tx, Value};
use purser_rules::{
    Time,
    credit::{Cause, CauseKind, Digest, Entry, EntryKind, Hash, Why},
    ids::{CustomerId, GrantId, RequestId, Unit},
};
use std::fmt::Write as _;

/// Which entries to read.
#[derive(Clone, Debug)]
pub struct LedgerPage {
    /// Whose wallet.
    pub customer: CustomerId,
    /// In which unit.
    pub unit: Unit,
    /// Only this kind.
    pub kind: Option<EntryKind>,
    /// Only entries of this grant.
    pub grant: Option<GrantId>,
    /// Only entries at or after this instant.
    pub from: Option<Time>,
    /// Only entries before this instant.
    pub to: Option<Time>,
    /// Only entries before this number.
    pub before: Option<u64>,
    /// At most this many.
    pub limit: i64,
}

const COLUMNS: &str = "seq, at, kind, grant_id, amount, terms_digest, cause_kind, cause_id, request_id, \
     subject, user_digest, metadata_digest, hash";

/// How many entries there are in all wallets, by what each wallet counts.
///
/// # Errors
/// What the database says.
pub fn count_entries(tx: &mut Tx<'_>) -> Result<u64, DbError> {
    let row = tx.first("SELECT CAST(COALESCE(SUM(seq), 0) AS BIGINT) FROM wallets", Vec::new())?;
    let count = row.map(|row| row.i64(0)).transpose()?.unwrap_or(0);
    u64::try_from(count).map_err(|_| bug("a count of entries"))
}

/// A page of a wallet's entries, newest first.
///
/// # Errors
/// What the database says.
pub fn page(tx: &mut Tx<'_>, page: &LedgerPage) -> Result<Vec<Entry>, DbError> {
    let mut sql = format!("SELECT {COLUMNS} FROM ledger_entries WHERE customer = $1 AND unit = $2 AND bucket = $3");
    let mut params = wallet_key(&page.customer, &page.unit);
    let mut filter = |column: &str, value: Option<Value>| {
        if let Some(value) = value {
            params.push(value);
            let _ = write!(sql, " AND {column} ${}", params.len());
        }
    };
    filter("kind =", page.kind.map(|kind| Value::I64(kind as i64)));
    filter("grant_id =", page.grant.map(|id| Value::Id(id.0)));
    filter("at >=", page.from.map(Value::Ts));
    filter("at <", page.to.map(Value::Ts));
    filter("seq <", page.before.map(|seq| Value::I64(i64::try_from(seq).unwrap_or(i64::MAX))));
    filter("seq > 0 ORDER BY seq DESC LIMIT", Some(Value::I64(page.limit)));
    tx.query(&sql, params)?.iter().map(entry).collect()
}

/// The entries of a wallet after `after`, oldest first.
///
/// # Errors
/// What the database says.
pub fn after(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    unit: &Unit,
    after: u64,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM ledger_entries WHERE customer = $1 AND unit = $2 AND bucket = $3 AND seq > $4 \
         ORDER BY seq LIMIT $5"
    );
    let params = vec![
        text(customer.as_str()),
        text(unit.as_str()),
        bucket(customer),
        Value::I64(i64::try_from(after).unwrap_or(i64::MAX)),
        Value::I64(limit),
    ];
    tx.query(&sql, params)?.iter().map(entry).collect()
}

/// An entry from its row.
fn entry(row: &Row) -> Result<Entry, DbError> {
    let digest = |at| row.opt_bytes(at)?.map(|bytes| sized(bytes).map(Digest)).transpose();
    let request = row.opt_id(8)?.map(RequestId);
    let cause = Cause { kind: cause_kind(row.i64(6)?)?, id: row.text(7)?.to_owned(), request };
    Ok(Entry {
        seq: u64::try_from(row.i64(0)?).map_err(|_| bug("a negative seq"))?,
        at: row.ts(1)?,
        kind: kind(row.i64(2)?)?,
        grant: row.opt_id(3)?.map(GrantId),
        amount: amount(row.i64(4)?)?,
        terms: digest(5)?,
        why: Why { cause, subject: row.text(9)?.to_owned(), user: digest(10)?, metadata: digest(11)? },
        hash: Hash(sized(row.bytes(12)?)?),
    })
}

fn sized(bytes: &[u8]) -> Result<[u8; 32], DbError> {
    bytes.try_into().map_err(|_| bug("a digest of another length"))
}

fn kind(n: i64) -> Result<EntryKind, DbError> {
    EntryKind::ALL.iter().copied().find(|kind| *kind as i64 == n).ok_or_else(|| bug("an entry's kind"))
}

fn cause_kind(n: i64) -> Result<CauseKind, DbError> {
    [CauseKind::Api, CauseKind::Stripe, CauseKind::Job, CauseKind::Operator]
        .into_iter()
        .find(|kind| *kind as i64 == n)
        .ok_or_else(|| bug("a cause"))
}
