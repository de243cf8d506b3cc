//! How a wallet stands, for what is decided about it beside the ledger: it is locked, read as of now, and not written.

use super::{
    reads,
    store::{self, bug, wallet_key},
    write::unknown_customer,
};
use crate::{
    features::{customers, pricebook},
    platform::{
        db::{DbError, Tx},
        error::Error,
    },
};
use purser_rules::{
    Amount,
    credit::{Payment, Wallet},
    ids::{CustomerId, Unit},
};

/// How a wallet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What can be spent now.
    pub available: Amount,
    /// What is owed.
    pub debt: Amount,
    /// Whether a dispute of the customer is open, in whichever unit.
    pub disputed: bool,
}

/// Locks the wallet and says how it stands at this instant.
///
/// # Errors
/// `unknown_customer`; what the database says.
pub fn standing(tx: &mut Tx<'_>, customer: &CustomerId, unit: &Unit) -> Result<Standing, Error> {
    let loads = vec![
        store::wallets(vec![wallet_key(customer, unit)], true),
        customers::load_facts([customer]),
        pricebook::load_defaults(),
    ];
    let mut answers = tx.load(loads)?.into_iter();
    let mut next = || answers.next().unwrap_or_default();
    let wallet = next().first().map(store::wallet).transpose()?;
    let facts = next().first().map(customers::facts).transpose()?;
    let defaults = pricebook::defaults(&next())?;
    let (_, facts) = facts.ok_or_else(|| unknown_customer(customer))?;
    let wallet = wallet.unwrap_or_else(|| Wallet::new(customer.clone(), unit.clone()));
    let balance = reads::checked(tx, wallet, (&facts, &defaults), None)?.balance;
    Ok(Standing { available: balance.available, debt: balance.debt, disputed: disputed(tx, customer)? })
}

/// Makes the wallet if it is not there: then every spend and hold of it goes the way of all others.
pub fn make_wallet(tx: &mut Tx<'_>, customer: &CustomerId, unit: &Unit) {
    store::insert_missing_wallets(tx, &[(customer.clone(), unit.clone())]);
}

/// Whether a dispute of a payment of the customer is open.
fn disputed(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<bool, DbError> {
    let sql = "SELECT body FROM payments WHERE customer = $1 AND bucket = $2";
    for row in tx.query(sql, vec![store::text(customer.as_str()), store::bucket(customer)])? {
        let payment: Payment = serde_json::from_str(row.text(0)?).map_err(|e| bug(&format!("a payment: {e}")))?;
        if payment.is_disputed() {
            return Ok(true);
        }
    }
    Ok(false)
}
