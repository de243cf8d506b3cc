//! Grants that stand in their own rows: waiting or closed.

use super::{
    Owner,
    tables::{BY_ID_AND_STATE, BY_STATE, GRANT_ROW, GRANTS},
    values::{amount, bug, customer, in_state, source_kind, unit},
};
use crate::platform::db::{DbError, Load, Row, Tx, Value};
use purser_rules::{
    credit::{Grant, GrantState, Rollover, Wallet},
    ids::GrantId,
};

/// What [`grant`] reads.
pub const GRANT_SELECT_COLUMNS: &str = "id, source_kind, priority, effective_at, expires_at, rollover_max, \
     rollover_seconds, granted, available, held, frozen, spent, expired, revoked, revoke_on_release, freeze_on_release";

/// A read of the grants of `wallets` whose figures stand in their own rows in `state`.
pub(super) fn grants_of<'a>(wallets: impl IntoIterator<Item = &'a Wallet>, state: GrantState) -> Load {
    let keys = in_state(wallets, state as i64);
    Load::Many { table: &GRANTS, by: BY_STATE, columns: GRANT_ROW, keys, lock: false }
}

/// A grant from a row of [`grants_of`], and whose it is.
pub(super) fn owned_grant(row: &Row) -> Result<(Owner, Grant), DbError> {
    Ok(((customer(row.text(16)?)?, unit(row.text(17)?)?), grant(row)?))
}

/// The closed grants of a wallet.
///
/// # Errors
/// What the database says.
pub fn closed_of(tx: &mut Tx<'_>, wallet: &Wallet) -> Result<Vec<Grant>, DbError> {
    let rows = tx.load(vec![grants_of([wallet], GrantState::Closed)])?.pop().unwrap_or_default();
    rows.iter().map(grant).collect()
}

/// Those of `ids` that are closed.
///
/// # Errors
/// What the database says.
pub fn closed_grants(tx: &mut Tx<'_>, ids: &[GrantId]) -> Result<Vec<Grant>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let key =
        |id: &GrantId| vec![Value::Id(id.0), Value::I64(GrantState::Closed as i64), Value::I64(id.bucket().0.into())];
    let keys = ids.iter().map(key).collect();
    let load = Load::Many { table: &GRANTS, by: BY_ID_AND_STATE, columns: GRANT_ROW, keys, lock: false };
    tx.load(vec![load])?.pop().unwrap_or_default().iter().map(grant).collect()
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
