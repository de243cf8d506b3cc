//! Grants that stand in their own rows: waiting or closed.

use super::values::{amount, bucket, bug, source_kind, text};
use crate::platform::db::{DbError, Row, Tx, Value};
use purser_rules::{
    credit::{Grant, GrantState, Rollover, Wallet},
    ids::GrantId,
};

/// What [`grant`] reads.
pub const GRANT_SELECT_COLUMNS: &str = "id, source_kind, priority, effective_at, expires_at, rollover_max, \
     rollover_seconds, granted, available, held, frozen, spent, expired, revoked, revoke_on_release, freeze_on_release";

/// All grants of a wallet whose figures stand in their own rows in `state`.
///
/// # Errors
/// What the database says.
pub fn grants_in_state(tx: &mut Tx<'_>, wallet: &Wallet, state: GrantState) -> Result<Vec<Grant>, DbError> {
    let sql = format!(
        "SELECT {GRANT_SELECT_COLUMNS} FROM grants WHERE customer = $1 AND unit = $2 AND state = $3 AND bucket = $4 ORDER BY id"
    );
    let params = vec![
        text(wallet.customer.as_str()),
        text(wallet.unit.as_str()),
        Value::I64(state as i64),
        bucket(&wallet.customer),
    ];
    tx.query(&sql, params)?.iter().map(grant).collect()
}

/// Those of `ids` that are closed.
///
/// # Errors
/// What the database says.
pub fn closed_grants(tx: &mut Tx<'_>, ids: &[GrantId]) -> Result<Vec<Grant>, DbError> {
    let sql = format!("SELECT {GRANT_SELECT_COLUMNS} FROM grants WHERE id = $1 AND bucket = $2 AND state = $3");
    let mut grants = Vec::new();
    for id in ids {
        let params = vec![Value::Id(id.0), Value::I64(id.bucket().0.into()), Value::I64(GrantState::Closed as i64)];
        grants.extend(tx.query(&sql, params)?.iter().map(grant).collect::<Result<Vec<_>, _>>()?);
    }
    Ok(grants)
}

/// A grant from its own row.
///
/// # Errors
/// [`DbError::Bug`] when the row is not one this version wrote.
pub fn grant(row: &Row) -> Result<Grant, DbError> {
    let rollover = match (row.opt_i64(5)?, row.opt_i64(6)?) {
        (Some(max), Some(seconds)) => Some(Rollover { max: amount(max)?, seconds }),
        _ => None,
    };
    Ok(Grant {
        id: GrantId(row.id(0)?),
        source_kind: source_kind(row.i64(1)?)?,
        priority: u16::try_from(row.i64(2)?).map_err(|_| bug("a priority"))?,
        effective_at: row.ts(3)?,
        expires_at: row.opt_ts(4)?,
        rollover,
        granted: amount(row.i64(7)?)?,
        available: amount(row.i64(8)?)?,
        held: amount(row.i64(9)?)?,
        frozen: amount(row.i64(10)?)?,
        spent: amount(row.i64(11)?)?,
        expired: amount(row.i64(12)?)?,
        revoked: amount(row.i64(13)?)?,
        revoke_on_release: amount(row.i64(14)?)?,
        freeze_on_release: amount(row.i64(15)?)?,
    })
}
