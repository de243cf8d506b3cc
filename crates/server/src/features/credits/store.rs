//! The ledger's tables, and how a wallet is locked and loaded.

mod changes;
mod grants;
mod holds;
mod tables;
mod values;

pub use changes::{Extra, Rows, write};
pub use grants::{GRANT_SELECT_COLUMNS, closed_grants, grant, grants_in_state};
pub use holds::{HoldExtra, HoldRow, hold_by_id};
pub use values::{amount, bucket, bug, customer, micros, mode, text, unit};

use crate::platform::db::{DbError, Load, Row, Tx, Value};
use holds::open_holds;
use purser_rules::{
    credit::{Body, GrantState, Hash, Loaded, Needs, Wallet},
    ids::{CustomerId, Unit},
};
pub use tables::LEDGER_BY_WALLET;
use tables::{WALLET_KEY, WALLET_ROW, WALLETS};
use values::number;

/// The version byte before a wallet's stored body.
const BODY_VERSION: u8 = 1;

/// The values that find a wallet.
#[must_use]
pub fn wallet_key(customer: &CustomerId, unit: &Unit) -> Vec<Value> {
    vec![text(customer.as_str()), text(unit.as_str()), bucket(customer)]
}

/// A read of the wallets of `keys`, locked or not.
#[must_use]
pub fn wallets(keys: Vec<Vec<Value>>, lock: bool) -> Load {
    Load::Many { table: &WALLETS, by: WALLET_KEY, columns: WALLET_ROW, keys, lock }
}

/// Puts empty wallets where there are none.
pub fn insert_missing_wallets(tx: &mut Tx<'_>, wallets: &[(CustomerId, Unit)]) {
    let rows = wallets
        .iter()
        .map(|(customer, unit)| {
            let empty = Wallet::new(customer.clone(), unit.clone());
            let mut row = wallet_key(customer, unit);
            row.extend(wallet_values(&empty));
            row
        })
        .collect();
    tx.insert_missing_later(&WALLETS, rows);
}

/// A wallet from its row.
///
/// # Errors
/// [`DbError::Bug`] when the row is not one this version wrote.
pub fn wallet(row: &Row) -> Result<Wallet, DbError> {
    let (version, body) = row.bytes(5)?.split_first().ok_or_else(|| bug("an empty wallet body"))?;
    if *version != BODY_VERSION {
        return Err(bug("a wallet body of another version"));
    }
    let body: Body = postcard::from_bytes(body).map_err(|e| bug(&format!("a wallet body: {e}")))?;
    let head = row.bytes(3)?.try_into().map_err(|_| bug("a head of another length"))?;
    Ok(Wallet {
        customer: customer(row.text(0)?)?,
        unit: unit(row.text(1)?)?,
        seq: u64::try_from(row.i64(2)?).map_err(|_| bug("a negative seq"))?,
        head: Hash(head),
        last_at: row.ts(4)?,
        body,
    })
}

/// The columns of a wallet's row after its key.
fn wallet_values(wallet: &Wallet) -> Vec<Value> {
    let mut body = vec![BODY_VERSION];
    body = postcard::to_extend(&wallet.body, body).unwrap_or_default();
    vec![
        number(wallet.seq),
        Value::Bytes(wallet.head.0.to_vec()),
        Value::Ts(wallet.last_at),
        micros(wallet.available()),
        micros(wallet.body.debt.outstanding()),
        Value::Bytes(body),
    ]
}

/// Loads what a turn needs beside the wallet row.
///
/// # Errors
/// What the database says.
pub fn load(tx: &mut Tx<'_>, wallet: &Wallet, needs: Needs) -> Result<Loaded, DbError> {
    let mut loaded = Loaded::default();
    if needs.waiting {
        loaded.waiting = Some(grants_in_state(tx, wallet, GrantState::Waiting)?);
    }
    if needs.holds {
        loaded.holds = Some(open_holds(tx, wallet)?);
    }
    Ok(loaded)
}
