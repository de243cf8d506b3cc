//! Holds as their rows hold them.

use super::{
    tables::{BY_ID, BY_STATE, HOLD_ROW, HOLDS},
    values::{amount, bug, customer, hold_state, in_state, mode, unit},
};
use crate::platform::db::{DbError, Load, Row, Value};
use purser_rules::{
    credit::{Hold, HoldPart, HoldState, Wallet},
    ids::{CustomerId, HoldId, Unit},
};
use serde::{Deserialize, Serialize};

/// What of a hold is kept beside the rules' value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRow {
    /// Whose it is.
    pub customer: CustomerId,
    /// In which unit.
    pub unit: Unit,
    /// The hold.
    pub hold: Hold,
    /// The user it was made for.
    pub user_id: Option<String>,
    /// The metadata as received.
    pub metadata: Option<Vec<u8>>,
}

/// A read of the holds `ids`.
#[must_use]
pub fn holds(ids: impl IntoIterator<Item = HoldId>) -> Load {
    let keys = ids.into_iter().map(|id| vec![Value::Id(id.0), Value::I64(id.bucket().0.into())]).collect();
    Load::Many { table: &HOLDS, by: BY_ID, columns: HOLD_ROW, keys, lock: false }
}

/// A read of the open holds of `wallets`.
pub(super) fn open_holds<'a>(wallets: impl IntoIterator<Item = &'a Wallet>) -> Load {
    let keys = in_state(wallets, HoldState::Open as i64);
    Load::Many { table: &HOLDS, by: BY_STATE, columns: HOLD_ROW, keys, lock: false }
}

/// A hold from a row of these.
///
/// # Errors
/// [`DbError::Bug`] when the row is not one this version wrote.
pub fn hold(row: &Row) -> Result<HoldRow, DbError> {
    let parts: Vec<StoredPart> =
        serde_json::from_str(row.text(9)?).map_err(|e| bug(&format!("a hold's parts: {e}")))?;
    let parts = parts
        .iter()
        .map(|part| {
            let grant = part.grant.parse().map_err(|_| bug("a hold's grant id"))?;
            Ok(HoldPart { grant, amount: amount(part.micros)? })
        })
        .collect::<Result<_, DbError>>()?;
    let hold = Hold {
        id: HoldId(row.id(0)?),
        state: hold_state(row.i64(3)?)?,
        created_at: row.ts(4)?,
        expires_at: row.ts(5)?,
        amount: amount(row.i64(6)?)?,
        mode: mode(row.i64(7)?)?,
        captured: amount(row.i64(8)?)?,
        parts,
    };
    Ok(HoldRow {
        customer: customer(row.text(1)?)?,
        unit: unit(row.text(2)?)?,
        hold,
        user_id: row.opt_text(10)?.map(str::to_owned),
        metadata: row.opt_bytes(11)?.map(<[u8]>::to_vec),
    })
}

/// A hold's part as people can read it in the database.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredPart {
    pub(super) grant: String,
    pub(super) micros: i64,
}

/// What a new hold's row holds beside the rules' value.
#[derive(Clone, Debug, Default)]
pub struct HoldExtra {
    /// The user it is made for.
    pub user_id: Option<String>,
    /// The metadata as received.
    pub metadata: Option<Vec<u8>>,
}
