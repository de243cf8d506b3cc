//! Reads: the balance, a check of an amount, the grants, the ledger. They write nothing, settled or not.

use super::{
    grant_rows::{self, GrantPage, GrantRow},
    opening,
    spends::{LISTED_GRANTS, THRESHOLDS},
    store::{self, wallet_key},
    write::unknown_customer,
};
use crate::{
    features::{
        customers::{self, Facts},
        pricebook::{self, Defaults},
    },
    platform::{
        db::{DbError, Tx},
        error::{Code, Error},
    },
};
use purser_rules::{
    Amount,
    credit::{Balance, Cause, CauseKind, Grant, GrantState, Mode, Refusal, Spend, Terms, Turn, Wallet, Why},
    ids::{CustomerId, Unit},
};

/// `wallet` at this instant, with what has fallen due put down in memory only, ready for a spend of `amount`. An archived
/// customer is given nothing any more.
fn open(
    tx: &mut Tx<'_>,
    wallet: Wallet,
    (facts, defaults): (&Facts, &Defaults),
    amount: Amount,
) -> Result<Turn, DbError> {
    let now = tx.now();
    let due = if facts.archived { Vec::new() } else { opening::plans(facts, defaults, now).due(&wallet, now) };
    let needs = opening::needs(&wallet, &due, Turn::needs(&wallet, amount, now));
    let mut loaded = store::load(tx, &wallet, needs)?;
    opening::load_named(tx, &due, &mut loaded)?;
    let mut turn = Turn::open(wallet, loaded, due, now);
    let needs = turn.still_needs(amount);
    if needs.waiting || needs.holds {
        let loaded = store::load(tx, turn.wallet(), needs)?;
        turn.load(loaded);
    }
    Ok(turn)
}

/// What is answered about a wallet: its balance, and what a spend would be told, at this instant, writing nothing.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Why the spend would be refused; `None` when it would be accepted, or none was asked about.
    pub refused: Option<Code>,
    /// The balance now.
    pub balance: Balance,
    /// The period's hard limit.
    pub limit: Option<Amount>,
    /// Used in the period.
    pub used: Amount,
}

/// The balance of `wallet`, and by the very rule a spend asks, whether `spend` would be accepted now.
///
/// # Errors
/// What the database says.
pub fn checked(
    tx: &mut Tx<'_>,
    wallet: Wallet,
    (facts, defaults): (&Facts, &Defaults),
    spend: Option<(Amount, Mode)>,
) -> Result<Checked, DbError> {
    let mut turn = open(tx, wallet, (facts, defaults), spend.map_or(Amount::ZERO, |(amount, _)| amount))?;
    let balance = turn.balance(LISTED_GRANTS);
    let counter = turn.wallet().body.counter;
    let refused = spend.and_then(|(amount, mode)| match facts.archived {
        true => Some(Code::CustomerArchived),
        false => try_spend(&mut turn, facts, amount, mode),
    });
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
    let (facts, defaults) = known(tx, &page.customer)?;
    let wallet = wallet(tx, &page.customer, &page.unit)?;
    let wallet = wallet.unwrap_or_else(|| Wallet::new(page.customer.clone(), page.unit.clone()));
    let turn = open(tx, wallet, (&facts, &defaults), Amount::ZERO)?;
    let mut found = written(tx, page, &turn)?;
    // What is due and has no row yet stands among the others, as it will once it has one.
    found.extend(unwritten(page, turn));
    found.sort_by_key(|row| std::cmp::Reverse(row.grant.id));
    found.truncate(usize::try_from(page.limit).unwrap_or(0));
    Ok(found)
}

/// The grants of the page that have rows, with their present figures.
fn written(tx: &mut Tx<'_>, page: &GrantPage, turn: &Turn) -> Result<Vec<GrantRow>, DbError> {
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

/// The grants of the page that `turn` has put down in memory only.
fn unwritten(page: &GrantPage, turn: Turn) -> Vec<GrantRow> {
    let row = |(terms, grant, _): (Terms, Grant, GrantState)| GrantRow {
        customer: page.customer.clone(),
        unit: page.unit.clone(),
        source_id: terms.source_id,
        metadata: None,
        created_at: terms.effective_at,
        grant,
    };
    let on_page = |row: &GrantRow| {
        let later = page.after.is_none_or(|after| row.grant.id < after);
        later && !(page.open_only && row.grant.is_closed())
    };
    turn.close().new_grants.into_iter().map(row).filter(on_page).collect()
}

/// A wallet that is known to be there.
///
/// # Errors
/// What the database says.
pub fn wallet(tx: &mut Tx<'_>, customer: &CustomerId, unit: &Unit) -> Result<Option<Wallet>, DbError> {
    let mut answers = tx.load(vec![store::wallets(vec![wallet_key(customer, unit)], false)])?;
    answers.pop().unwrap_or_default().pop().map(|row| store::wallet(&row)).transpose()
}

/// What is known of a customer, and the default plans.
///
/// # Errors
/// `unknown_customer`, or what the database says.
pub fn known(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<(Facts, Defaults), Error> {
    let mut answers = tx.load(vec![customers::load_facts([customer]), pricebook::load_defaults()])?.into_iter();
    let mut next = || answers.next().unwrap_or_default();
    let facts = next().first().map(customers::facts).transpose()?;
    let (_, facts) = facts.ok_or_else(|| unknown_customer(customer))?;
    Ok((facts, pricebook::defaults(&next())?))
}
