//! Holds as their rows hold them.

use super::values::{amount, bucket, bug, customer, hold_state, mode, text, unit};
use crate::platform::db::{DbError, Row, Tx, Value};
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

const HOLD_SELECT: &str = "SELECT id, customer, unit, state, created_at, expires_at, amount, mode, captured, parts, user_id, metadata FROM holds";

/// The open holds of a wallet.
pub(super) fn open_holds(tx: &mut Tx<'_>, wallet: &Wallet) -> Result<Vec<Hold>, DbError> {
    let sql = format!("{HOLD_SELECT} WHERE customer = $1 AND unit = $2 AND state = $3 AND bucket = $4 ORDER BY id");
    let params = vec![
        text(wallet.customer.as_str()),
        text(wallet.unit.as_str()),
        Value::I64(HoldState::Open as i64),
        bucket(&wallet.customer),
    ];
    tx.query(&sql, params)?.iter().map(|row| hold_row(row).map(|found| found.hold)).collect()
}

/// One hold by its id.
///
/// # Errors
/// What the database says.
pub fn hold_by_id(tx: &mut Tx<'_>, id: HoldId) -> Result<Option<HoldRow>, DbError> {
    let sql = format!("{HOLD_SELECT} WHERE id = $1 AND bucket = $2");
    tx.first(&sql, vec![Value::Id(id.0), Value::I64(id.bucket().0.into())])?.as_ref().map(hold_row).transpose()
}

/// A hold from its row.
fn hold_row(row: &Row) -> Result<HoldRow, DbError> {
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
