//! One wallet brought up to date by a sweep: what fell due is written, and the next allowance of those who came lately.

use super::{
    opening,
    store::{self, Extra, Rows, text, wallet_key},
};
use crate::{
    features::{
        customers::{self, Facts},
        pricebook,
    },
    platform::db::{DbError, Tx, Value},
};
use purser_rules::{
    Amount, Time,
    credit::{DueAllowance, Plans, SourceKind, Turn, Wallet},
    ids::{CustomerId, Unit},
};
use std::collections::BTreeMap;

/// How many UTC days ago somebody may have spent who came lately.
const LATELY: i32 = 7;

/// What came of a wallet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Ledger entries written.
    pub entries: usize,
    /// What became of its allowances, if the period of one was over.
    pub allowances: Option<Renewed>,
}

/// What became of the allowances of a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// The next periods' were put down: so much, by the plans that give it.
    Granted(BTreeMap<String, Amount>),
    /// They were not: the next write, whenever that is, will do it.
    Skipped(Skip),
}

/// Why allowances were not put down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skip {
    /// Nobody spent of the wallet in the last days, and nothing of it rolls over or is owed.
    NotLately,
    /// No plan gives anything now.
    NoPlan,
    /// The customer is archived.
    Archived,
}

impl Skip {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NotLately, Self::NoPlan, Self::Archived];

    /// As it stands in runs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotLately => "not_lately",
            Self::NoPlan => "no_plan",
            Self::Archived => "archived",
        }
    }
}

/// Brings one wallet up to now: what has fallen due is written. The next allowances are put down only for who came lately
/// or has a reason: they must pay debt, or something of them rolls over. All other wallets are due no more after this, so
/// that nobody is written for ever after; what they have is computed when it is asked for.
///
/// # Errors
/// What the database says.
pub fn settle(tx: &mut Tx<'_>, customer: &CustomerId, unit: &Unit) -> Result<Settled, DbError> {
    let loads = vec![
        store::wallets(vec![wallet_key(customer, unit)], true),
        customers::load_facts([customer]),
        pricebook::load_defaults(),
    ];
    let mut answers = tx.load(loads)?.into_iter();
    let mut next = || answers.next().unwrap_or_default();
    let Some(wallet) = next().first().map(store::wallet).transpose()? else { return Ok(Settled::default()) };
    let facts = next().first().map(customers::facts).transpose()?.map(|(_, facts)| facts);
    let defaults = pricebook::defaults(&next())?;
    let Some(facts) = facts else { return Err(store::bug("a wallet without its customer")) };
    let now = tx.now();
    let (due, allowances) = renewed(tx, &wallet, &facts, &opening::plans(&facts, &defaults, now), now)?;
    let due_before = wallet.due_at();
    let mut loaded = store::load(tx, &wallet, Turn::needs_all(&wallet))?;
    opening::load_named(tx, &due, &mut loaded)?;
    let changes = Turn::open(wallet, loaded, due, now).close();
    let entries = changes.entries.len();
    if changes.wallet.due_at() != due_before || entries > 0 {
        let mut rows = Rows::default();
        store::write(tx, &mut rows, changes, due_before, &Extra::default());
        rows.write(tx);
    }
    Ok(Settled { entries, allowances })
}

/// What is to be put down of the allowances of `wallet`, and what that comes to if the period of one was over.
fn renewed(
    tx: &mut Tx<'_>,
    wallet: &Wallet,
    facts: &Facts,
    plans: &Plans<'_>,
    now: Time,
) -> Result<(Vec<DueAllowance>, Option<Renewed>), DbError> {
    let is_over = wallet.body.allowances.iter().any(|given| wallet.last_at < given.end && given.end <= now);
    let skipped = |skip| (Vec::new(), is_over.then_some(Renewed::Skipped(skip)));
    if facts.archived {
        return Ok(skipped(Skip::Archived));
    }
    let due = plans.due(wallet, now);
    if due.is_empty() {
        return Ok(skipped(Skip::NoPlan));
    }
    let reason = wallet.body.debt.outstanding().is_positive() || plans.rolls_over(&wallet.unit);
    if !reason && !came_lately(tx, wallet, now)? {
        return Ok(skipped(Skip::NotLately));
    }
    let given = by_tier(&due, plans, now);
    let renewed = if given.is_empty() { Renewed::Skipped(Skip::NoPlan) } else { Renewed::Granted(given) };
    Ok((due, is_over.then_some(renewed)))
}

/// What `due` gives for the periods that run now, by the names of the plans.
fn by_tier(due: &[DueAllowance], plans: &Plans<'_>, now: Time) -> BTreeMap<String, Amount> {
    let mut given = BTreeMap::new();
    for due in due {
        let DueAllowance::Grant { terms, given: Some(period) } = due else { continue };
        if terms.source_kind == SourceKind::Allowance && period.end > now {
            let tier = plans.tier(&period.group, now).unwrap_or(&period.group);
            let sum: &mut Amount = given.entry(tier.to_owned()).or_default();
            *sum = sum.checked_add(terms.amount).unwrap_or(Amount::MAX);
        }
    }
    given
}

/// Whether something was spent of the wallet in the last days. The running day's usage stands in the wallet, that of days
/// that ended in rows of their own.
fn came_lately(tx: &mut Tx<'_>, wallet: &Wallet, now: Time) -> Result<bool, DbError> {
    let first = now.utc_day() - LATELY;
    let today = wallet.body.today;
    if today.count > 0 && today.day >= first {
        return Ok(true);
    }
    let sql = "SELECT day FROM usage_days WHERE customer = $1 AND unit = $2 AND day >= $3 AND bucket = $4 LIMIT 1";
    let day = Value::I64(first.into());
    let params = vec![text(wallet.customer.as_str()), text(wallet.unit.as_str()), day, store::bucket(&wallet.customer)];
    Ok(tx.first(sql, params)?.is_some())
}
