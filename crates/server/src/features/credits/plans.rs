//! A change of a customer's plans: its wallets are brought up to date under those it had, then the new ones count.
//!
//! Wallets are locked before the customer's row, as by every other write of both. A spend reads the row once it has the
//! wallet, so it decides under the plans before or under those after, with a wallet that fits them. A wallet that is made
//! at the same moment may decide under the plans before, unseen by the change. Its next opening then finds a period given
//! by a plan that is no more in force, and adds or cuts by the same rule to the same amounts. Only that a cut is given
//! again should the customer change back within the period, of which it spent nothing.

use super::{
    opening,
    store::{self, Extra, Rows, text, wallet_key},
};
use crate::{
    features::{
        customers::{self, Facts},
        pricebook::{self, Defaults},
    },
    platform::{
        auth::Actor,
        db::{DbError, Load, Tx, Value},
    },
};
use purser_rules::{
    Time,
    credit::{Giving, Loaded, Plans, Turn, Wallet, Why},
    ids::{CustomerId, Unit},
    pricebook::OnDelete,
    subscription::{changed, lost},
};
use std::collections::BTreeSet;

/// The most wallets of a customer that are brought up to date at once; others are as soon as they are opened.
const MOST_WALLETS: i64 = 1_000;

/// A customer whose wallets and row are locked until the transaction ends.
#[derive(Debug)]
pub struct LockedPlans {
    wallets: Vec<Wallet>,
    facts: Facts,
    defaults: Defaults,
    leaves: BTreeSet<String>,
}

/// Locks the wallets of `customer` in the order of their units, then its row: whoever decides what it has does so after
/// this, so that two who do come after each other. `None` when nobody knows it. `leaves` are the groups whose plan was of
/// a subscription that was deleted just now, and leaves what is left until it expires.
///
/// # Errors
/// What the database says.
pub fn lock_plans(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    leaves: BTreeSet<String>,
) -> Result<Option<LockedPlans>, DbError> {
    let keys = units(tx, customer, &leaves)?.iter().map(|unit| wallet_key(customer, unit)).collect();
    let loads = vec![store::wallets(keys, true), customers::lock_facts(customer), pricebook::load_defaults()];
    let mut answers = tx.load(loads)?.into_iter();
    let mut next = || answers.next().unwrap_or_default();
    let wallets = next().iter().map(store::wallet).collect::<Result<Vec<_>, _>>()?;
    let facts = next().first().map(customers::facts).transpose()?;
    let Some((_, facts)) = facts else { return Ok(None) };
    Ok(Some(LockedPlans { wallets, facts, defaults: pricebook::defaults(&next())?, leaves }))
}

/// The units in which `customer` has wallets. Those are made in which something may have been carried over that was
/// never written, or is left by a plan of the groups `leaves`: once the plans are others, nobody can compute it any more.
fn units(tx: &mut Tx<'_>, customer: &CustomerId, leaves: &BTreeSet<String>) -> Result<BTreeSet<Unit>, DbError> {
    let sql = "SELECT unit FROM wallets WHERE customer = $1 AND bucket = $2 ORDER BY unit LIMIT $3";
    let params = vec![text(customer.as_str()), store::bucket(customer), Value::I64(MOST_WALLETS)];
    let there = Load::Query { sql: sql.into(), params };
    let loads = vec![there, customers::load_facts([customer]), pricebook::load_defaults()];
    let mut answers = tx.load(loads)?.into_iter();
    let mut next = || answers.next().unwrap_or_default();
    let mut units = next().iter().map(|row| store::unit(row.text(0)?)).collect::<Result<BTreeSet<_>, _>>()?;
    let facts = next().first().map(customers::facts).transpose()?.map(|(_, facts)| facts);
    let defaults = pricebook::defaults(&next())?;
    let Some(facts) = facts.filter(|facts| !facts.archived) else { return Ok(units) };
    let lives_on = |giving: &&Giving| {
        let terms = &giving.span.terms;
        terms.amount.is_positive() && (terms.rollover.is_some() || leaves.contains(&giving.group))
    };
    let all = facts.plans.iter().chain(defaults.iter());
    let living_on: BTreeSet<Unit> = all.filter(lives_on).map(|giving| giving.unit.clone()).collect();
    let missing: Vec<(CustomerId, Unit)> =
        living_on.difference(&units).map(|unit| (customer.clone(), unit.clone())).collect();
    if !missing.is_empty() {
        store::insert_missing_wallets(tx, &missing);
    }
    units.extend(living_on);
    Ok(units)
}

/// Writes that the customer has the plans `new` now; a plan it had already it has since then. An upgrade gives at once
/// what the new plan has above the most already given for the running period, a downgrade cuts (rules 1.12). `bought` are
/// the plans it would have with all access that may return: what is cut for want of that comes back with it. In a group
/// in which there is none of them what was carried over goes, unless its plan leaves it, and what was cut before, while
/// access might return, is forgotten. Answers whether anything changed. An archived customer's plans stay.
///
/// # Errors
/// What the database says.
pub fn set_plans(
    tx: &mut Tx<'_>,
    actor: &Actor,
    customer: &CustomerId,
    locked: LockedPlans,
    (new, bought): (Vec<Giving>, &[Giving]),
) -> Result<bool, DbError> {
    let LockedPlans { wallets, facts, defaults, leaves } = locked;
    let now = tx.now();
    let new = since(new, &facts.plans, now);
    let forgets = wallets.iter().any(|wallet| wallet.has_lapsed(|group| is_lost(bought, group)));
    if facts.archived || (new == facts.plans && !forgets) {
        return Ok(false);
    }
    let before = opening::plans(&facts, &defaults, now);
    let after = Plans { bought: &new, ..before };
    let bought = Plans { defaults: &[], bought, ..before };
    let mut rows = Rows::default();
    for wallet in wallets {
        change(tx, &mut rows, wallet, (&before, &after, &bought), (&leaves, actor, now))?;
    }
    rows.write(tx);
    customers::put_plans(tx, customer, &new)?;
    Ok(true)
}

/// Brings a wallet up to now under the plans `before`, then does to it what the change to those `after` does at once. It
/// is written even if that is nothing: its last write is then the change, and what was before is settled.
fn change(
    tx: &mut Tx<'_>,
    rows: &mut Rows,
    wallet: Wallet,
    (before, after, bought): (&Plans<'_>, &Plans<'_>, &Plans<'_>),
    (leaves, actor, now): (&BTreeSet<String>, &Actor, Time),
) -> Result<(), DbError> {
    let is_lost = |group: &str| is_lost(bought.bought, group);
    let mut groups = before.groups(&wallet.unit);
    groups.extend(after.groups(&wallet.unit));
    if groups.is_empty() && !wallet.has_lapsed(is_lost) {
        return Ok(());
    }
    let due_before = wallet.due_at();
    let due = before.due(&wallet, now);
    let mut loaded = store::load(tx, &wallet, Turn::needs_all(&wallet))?;
    opening::load_named(tx, &due, &mut loaded)?;
    let mut turn = Turn::open(wallet, loaded, due, now);
    for group in groups {
        let bought = bought.spans(group, &turn.wallet().unit).pop();
        let bought = bought.as_ref().map(|span| &span.terms);
        let on_delete = if leaves.contains(group) { OnDelete::Leave } else { OnDelete::Revoke };
        let due = after.due_of(group, turn.wallet(), now, |allowance, wallet, now| match bought {
            Some(_) => changed(allowance, wallet, now, bought),
            None => lost(allowance, wallet, now, on_delete),
        });
        let mut named = Loaded::default();
        opening::load_named(tx, &due, &mut named)?;
        turn.load(named);
        let why = Why { cause: actor.cause(), subject: group.to_owned(), user: None, metadata: None };
        turn.put_down(due, &why);
    }
    turn.forget_lapsed(is_lost);
    store::write(tx, rows, turn.close(), due_before, &Extra::default());
    Ok(())
}

/// Whether access to no plan of `group` may return.
fn is_lost(bought: &[Giving], group: &str) -> bool {
    bought.iter().all(|giving| giving.group != group)
}

/// The plans `new`, each since when the customer has it: from `now` on, unless it had the same already.
fn since(new: Vec<Giving>, old: &[Giving], now: Time) -> Vec<Giving> {
    let mut new = new;
    for giving in &mut new {
        let same = old.iter().find(|old| {
            let lasts = old.span.until.is_none_or(|until| now < until);
            let plan = (&old.group, &old.tier, &old.unit, &old.span.terms);
            lasts && plan == (&giving.group, &giving.tier, &giving.unit, &giving.span.terms)
        });
        giving.span.from = same.map_or(now, |old| old.span.from);
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;
    use purser_rules::{
        credit::{AllowanceTerms, Span},
        ids::Unit,
    };

    fn giving(rank: i32, from: i64, until: Option<i64>) -> Giving {
        let at = |seconds| Time::from_micros(0).plus_seconds(seconds);
        let span = Span { from: at(from), until: until.map(at), terms: AllowanceTerms::nothing(rank) };
        Giving { group: "base".to_owned(), tier: "PRO".to_owned(), unit: Unit::credits(), span }
    }

    #[test]
    fn what_a_customer_had_already_it_has_since_then() {
        let now = Time::from_micros(0).plus_seconds(100);
        for (old, new, from) in [
            (vec![], giving(1, 0, None), 100),
            (vec![giving(1, 7, None)], giving(1, 0, None), 7),
            (vec![giving(1, 7, None)], giving(1, 0, Some(200)), 7),
            (vec![giving(1, 7, Some(101))], giving(1, 0, None), 7),
            (vec![giving(1, 7, Some(100))], giving(1, 0, None), 100),
            (vec![giving(2, 7, None)], giving(1, 0, None), 100),
        ] {
            let until = new.span.until;
            let found = since(vec![new], &old, now);
            assert_eq!(found, [Giving { span: Span { until, ..giving(1, from, None).span }, ..giving(1, 0, None) }]);
        }
    }
}
