//! How a wallet stands, for what is decided about it beside the ledger: it is locked, read as of now, and not written.

use super::{
    reads,
    store::{self, wallet_key},
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
    credit::Wallet,
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

/// Whether a dispute of the payment `id` of the customer is open.
///
/// # Errors
/// What the database says.
pub fn is_disputed(tx: &mut Tx<'_>, customer: &CustomerId, id: &str) -> Result<bool, DbError> {
    let sql = "SELECT id FROM payments WHERE customer = $1 AND bucket = $2 AND disputed AND id = $3 LIMIT 1";
    Ok(tx.first(sql, vec![store::text(customer.as_str()), store::bucket(customer), store::text(id)])?.is_some())
}

/// Finds a payment of the customer with an open dispute, by the index of these: payments without one cost nothing.
const DISPUTED: &str = "SELECT id FROM payments WHERE customer = $1 AND bucket = $2 AND disputed LIMIT 1";

/// Whether a dispute of a payment of the customer is open.
fn disputed(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<bool, DbError> {
    Ok(tx.first(DISPUTED, vec![store::text(customer.as_str()), store::bucket(customer)])?.is_some())
}

#[cfg(test)]
mod tests {
    use super::{DISPUTED, store::text};
    use crate::platform::db::{Value, scratch};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_open_dispute_is_found_among_open_disputes_alone() {
        let (db, _folder) = scratch::migrated().await;
        let plan = scratch::plan(&db, DISPUTED, vec![text("c"), Value::I64(7)]).await;
        assert!(plan.contains("INDEX payments_disputed (customer=? AND bucket=?)"), "{plan}");
        // Of 2,000 payments of the customer one is disputed.
        let rows = "INSERT INTO payments (id, customer, unit, bucket, body, disputed) \
            SELECT 'ch_' || n, 'c', 'credits', 7, '{}'::jsonb, n = 1000 FROM generate_series(1, 2000) AS n";
        let plan = scratch::plan_on_postgres(rows, DISPUTED, "'c', 7").await;
        assert!(plan.contains("payments_disputed"), "{plan}");
    }
}
