//! The ledger's tables, and how a wallet is locked and loaded.

mod changes;
mod grants;
mod holds;
mod tables;
mod values;

pub use changes::{Extra, Rows, write};
pub use grants::{GRANT_SELECT_COLUMNS, closed_grants, closed_of, grant};
pub use holds::{HoldExtra, HoldRow, hold, holds};
pub use values::{amount, bucket, bug, customer, micros, mode, text, unit};

use crate::platform::db::{DbError, Load, Row, Tx, Value};
use grants::{grants_of, owned_grant};
use holds::open_holds;
use purser_rules::{
    credit::{Body, Grant, GrantState, Hash, Hold, Loaded, Needs, Wallet},
    ids::{CustomerId, Unit},
};
use std::collections::HashMap;
pub use tables::LEDGER_BY_WALLET;
use tables::{WALLET_KEY, WALLET_ROW, WALLETS};
use values::number;

/// Whose wallet, and in which unit.
pub type Owner = (CustomerId, Unit);

/// The version byte before a wallet's stored body.
const BODY_VERSION: u8 = 4;

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
    let body: Result<Body, _> = match *version {
        BODY_VERSION => postcard::from_bytes(body),
        // Each version before ended one list earlier, of what ended, what lapsed and allowances: empty ones follow.
        1..BODY_VERSION => postcard::from_bytes(&[body, &vec![0; usize::from(BODY_VERSION - *version)][..]].concat()),
        _ => return Err(bug("a wallet body of another version")),
    };
    let body = body.map_err(|e| bug(&format!("a wallet body: {e}")))?;
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
    Ok(load_all(tx, &[(wallet, needs)])?.pop().unwrap_or_default())
}

/// Loads what turns of different wallets need beside their rows, all in one round trip; in the same order.
///
/// # Errors
/// What the database says.
pub fn load_all(tx: &mut Tx<'_>, wanted: &[(&Wallet, Needs)]) -> Result<Vec<Loaded>, DbError> {
    let of = |needed: fn(&Needs) -> bool| {
        wanted.iter().filter(move |(_, needs)| needed(needs)).map(|(wallet, _)| *wallet).collect::<Vec<_>>()
    };
    let (waiting, holding) = (of(|needs| needs.waiting), of(|needs| needs.holds));
    if waiting.is_empty() && holding.is_empty() {
        return Ok(wanted.iter().map(|_| Loaded::default()).collect());
    }
    let mut answers = tx.load(vec![grants_of(waiting, GrantState::Waiting), open_holds(holding)])?.into_iter();
    let mut grants: HashMap<Owner, Vec<Grant>> = HashMap::new();
    for row in answers.next().unwrap_or_default() {
        let (owner, grant) = owned_grant(&row)?;
        grants.entry(owner).or_default().push(grant);
    }
    let mut holds: HashMap<Owner, Vec<Hold>> = HashMap::new();
    for row in answers.next().unwrap_or_default() {
        let HoldRow { customer, unit, hold, .. } = hold(&row)?;
        holds.entry((customer, unit)).or_default().push(hold);
    }
    let loaded = wanted.iter().map(|(wallet, needs)| {
        let owner = (wallet.customer.clone(), wallet.unit.clone());
        let (mut grants, mut holds) =
            (grants.remove(&owner).unwrap_or_default(), holds.remove(&owner).unwrap_or_default());
        grants.sort_unstable_by_key(|grant| grant.id);
        holds.sort_unstable_by_key(|hold| hold.id);
        Loaded { waiting: needs.waiting.then_some(grants), holds: needs.holds.then_some(holds), closed: Vec::new() }
    });
    Ok(loaded.collect())
}
