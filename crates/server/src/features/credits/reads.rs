//! Reads: the balance, a check of an amount, the grants, the ledger. They write nothing, settled or not.

use super::{
    grant_rows::{self, GrantPage, GrantRow},
    spends::{LISTED_GRANTS, THRESHOLDS},
    store::{self, wallet_key},
    write::unknown_customer,
};
use crate::{
    features::customers::{self, Facts},
    platform::{
        db::{DbError, Tx},
        error::{Code, Error},
    },
};
use purser_rules::{
    Amount,
    credit::{Balance, Cause, CauseKind, Mode, Refusal, Spend, Turn, Wallet, Why},
    ids::{CustomerId, Unit},
};

/// A wallet at this instant, with what has fallen due put down in memory only.
///
/// # Errors
/// `unknown_customer`, or what the database says.
fn open(tx: &mut Tx<'_>, customer: &CustomerId, unit: &Unit, amount: Amount) -> Result<(Turn, Facts), Error> {
    let (wallet, facts) = load(tx, customer, unit)?;
    let now = tx.now();
    let needs = Turn::needs(&wallet, amount, now);
    let loaded = store::load(tx, &wallet, needs)?;
    let mut turn = Turn::open(wallet, loaded, Vec::new(), now);
    let needs = turn.still_needs(amount);
    if needs.waiting || needs.holds {
        let loaded = store::load(tx, turn.wallet(), needs)?;
        turn.load(loaded);
    }
    Ok((turn, facts))
}

fn load(tx: &mut Tx<'_>, customer: &CustomerId, unit: &Unit) -> Result<(Wallet, Facts), Error> {
    let mut answers =
        tx.load(vec![store::wallets(vec![wallet_key(customer, unit)], false), customers::load_facts([customer])])?;
    let facts = answers.pop().unwrap_or_default().pop().ok_or_else(|| unknown_customer(customer))?;
    let (_, facts) = customers::facts(&facts)?;
    let wallet = match answers.pop().unwrap_or_default().pop() {
        Some(row) => store::wallet(&row)?,
        None => Wallet::new(customer.clone(), unit.clone()),
    };
    Ok((wallet, facts))
}

/// The balance at this instant.
///
/// # Errors
/// `unknown_customer`, or what the database says.
pub fn balance(tx: &mut Tx<'_>, customer: &CustomerId, unit: &Unit) -> Result<Balance, Error> {
    let (turn, _) = open(tx, customer, unit, Amount::ZERO)?;
    Ok(turn.balance(LISTED_GRANTS))
}

/// What a check answers: the same rule a spend would ask, at this instant, writing nothing.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Why it would be refused; it would be accepted when `None`.
    pub refused: Option<Code>,
    /// The balance now.
    pub balance: Balance,
    /// The period's hard limit.
    pub limit: Option<Amount>,
    /// Used in the period.
    pub used: Amount,
}

/// Whether a spend of `amount` in `mode` would be accepted now.
///
/// # Errors
/// `unknown_customer`, or what the database says.
pub fn check(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    unit: &Unit,
    amount: Amount,
    mode: Mode,
) -> Result<Checked, Error> {
    let (mut turn, facts) = open(tx, customer, unit, amount)?;
    let balance = turn.balance(LISTED_GRANTS);
    let counter = turn.wallet().body.counter;
    let refused =
        if facts.archived { Some(Code::CustomerArchived) } else { try_spend(&mut turn, &facts, amount, mode) };
    Ok(Checked { refused, balance, limit: counter.cap, used: counter.used })
}

fn try_spend(turn: &mut Turn, facts: &Facts, amount: Amount, mode: Mode) -> Option<Code> {
    let cause = Cause { kind: CauseKind::Api, id: String::new(), request: None };
    let why = Why { cause, subject: String::new(), user: None, metadata: None };
    let spend = Spend { amount, mode, overage_sold: facts.overage_allowed, thresholds: THRESHOLDS, why: &why };
    turn.spend(&spend).err().map(|refusal: Refusal| Error::from(refusal).code)
}

/// A page of a customer's grants with their present figures, and one more if there are more.
///
/// # Errors
/// `unknown_customer`, or what the database says.
pub fn grants(tx: &mut Tx<'_>, page: &GrantPage) -> Result<Vec<GrantRow>, Error> {
    // Waiting grants are loaded only if something has fallen due among them: else their rows are right.
    let (turn, _) = open(tx, &page.customer, &page.unit, Amount::ZERO)?;
    let most = usize::try_from(page.limit).unwrap_or(0);
    let (mut found, mut next) = (Vec::new(), page.clone());
    loop {
        let rows = grant_rows::page(tx, &next)?;
        next.after = rows.last().map(|row| row.grant.id);
        let last = rows.len() < most;
        let present = rows.into_iter().map(|row| {
            let present = turn.find(row.grant.id).cloned();
            row.present(present.as_ref())
        });
        // What has run out by now may still stand as open in its row.
        found.extend(present.filter(|row| !page.open_only || !row.grant.is_closed()));
        if last || found.len() >= most {
            found.truncate(most);
            return Ok(found);
        }
    }
}

/// A wallet that is known to be there.
///
/// # Errors
/// What the database says.
pub fn wallet(tx: &mut Tx<'_>, customer: &CustomerId, unit: &Unit) -> Result<Option<Wallet>, DbError> {
    let mut answers = tx.load(vec![store::wallets(vec![wallet_key(customer, unit)], false)])?;
    answers.pop().unwrap_or_default().pop().map(|row| store::wallet(&row)).transpose()
}

/// Makes sure that a customer is known.
///
/// # Errors
/// `unknown_customer`, or what the database says.
pub fn known(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<(), Error> {
    let mut answers = tx.load(vec![customers::load_facts([customer])])?;
    answers.pop().unwrap_or_default().pop().map(|_| ()).ok_or_else(|| unknown_customer(customer))
}
