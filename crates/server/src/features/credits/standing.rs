//! How a wallet stands, and what its customer owes in whichever unit, for what is decided about them beside the ledger:
//! wallets are locked, read as of now, and not written.

use super::{
    reads,
    store::{self, wallet_key},
    write::unknown_customer,
};
use crate::{
    features::{customers, pricebook},
    platform::{
        db::{DbError, Tx, Value},
        error::Error,
    },
};
use purser_rules::{
    Amount,
    credit::Wallet,
    ids::{CustomerId, Unit},
};
use std::collections::BTreeSet;

/// The most wallets whose rows hold debt that are brought up to now; who has more of them owes.
const MOST_OWING: i64 = 100;

/// How a wallet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What can be spent now.
    pub available: Amount,
    /// Whether the customer owes anything, in whichever unit.
    pub owes: bool,
    /// Whether a dispute of the customer is open, in whichever unit.
    pub disputed: bool,
}

/// Locks the wallet, and the others of the customer whose rows hold debt, in the order of their units; says how it
/// stands at this instant. A row may hold debt that an allowance has paid which is not written yet: so each is opened.
///
/// # Errors
/// `unknown_customer`; what the database says.
pub fn standing(tx: &mut Tx<'_>, customer: &CustomerId, unit: &Unit) -> Result<Standing, Error> {
    let mut units = owing(tx, customer, MOST_OWING)?;
    units.insert(unit.clone());
    let keys = units.iter().map(|unit| wallet_key(customer, unit)).collect();
    let loads = vec![store::wallets(keys, true), customers::load_facts([customer]), pricebook::load_defaults()];
    let mut answers = tx.load(loads)?.into_iter();
    let mut next = || answers.next().unwrap_or_default();
    let mut wallets = next().iter().map(store::wallet).collect::<Result<Vec<_>, _>>()?;
    let facts = next().first().map(customers::facts).transpose()?;
    let defaults = pricebook::defaults(&next())?;
    let (_, facts) = facts.ok_or_else(|| unknown_customer(customer))?;
    let known = (&facts, &defaults);
    let at = wallets.iter().position(|wallet| wallet.unit == *unit);
    let asked = at.map_or_else(|| Wallet::new(customer.clone(), unit.clone()), |at| wallets.swap_remove(at));
    let balance = reads::checked(tx, asked, known, None)?.balance;
    let mut owes = balance.debt.is_positive();
    for other in wallets {
        owes = owes || reads::checked(tx, other, known, None)?.balance.debt.is_positive();
    }
    // Nobody writes in those that are locked. Of others debt counts as it stands: what came while these were waited
    // for, and what is beyond the most.
    let locked = i64::try_from(units.len()).unwrap_or(i64::MAX);
    let beside = owing(tx, customer, locked.saturating_add(1))?.iter().any(|unit| !units.contains(unit));
    Ok(Standing { available: balance.available, owes: owes || beside, disputed: disputed(tx, customer)? })
}

/// Finds the wallets of a customer whose rows hold debt, in the part of the primary key that begins with it.
const OWING: &str = "SELECT unit FROM wallets WHERE customer = $1 AND bucket = $2 AND debt > 0 ORDER BY unit LIMIT $3";

/// The units, `most` of them, in which the customer's rows hold debt.
fn owing(tx: &mut Tx<'_>, customer: &CustomerId, most: i64) -> Result<BTreeSet<Unit>, DbError> {
    let params = vec![store::text(customer.as_str()), store::bucket(customer), Value::I64(most)];
    tx.query(OWING, params)?.iter().map(|row| store::unit(row.text(0)?)).collect()
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
    use super::{DISPUTED, OWING, store::text};
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

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn debt_is_looked_for_among_the_wallets_of_its_customer_alone() {
        let (db, _folder) = scratch::migrated().await;
        let plan = scratch::plan(&db, OWING, vec![text("c"), Value::I64(7), Value::I64(2)]).await;
        assert_eq!(plan, "SEARCH wallets USING PRIMARY KEY (customer=?)", "and nothing is sorted");
        // 2,000 customers have 3 wallets each.
        let rows = "INSERT INTO wallets (customer, unit, bucket, seq, head, last_at, available, debt, body) \
            SELECT 'c' || n, 'u' || m, 7, 1, ''::bytea, now(), 0, m / 3, ''::bytea \
            FROM generate_series(1, 2000) AS n, generate_series(1, 3) AS m";
        let plan = scratch::plan_on_postgres(rows, OWING, "'c7', 7, 2").await;
        assert!(plan.contains("wallets_pkey") && !plan.contains("Seq Scan"), "{plan}");
    }
}
