//! A change to less in the middle of a paid period: what is unused above what the plan gives now is revoked (rules 1.12).

use super::{
    lines,
    store::{self, Given},
};
use crate::{
    features::{
        credits::{self, PeriodCall, PeriodWallet},
        subscriptions::{plans::Plans, store::Subscription},
    },
    platform::{auth::Actor, db::Tx, error::Error, ids::Random},
};
use purser_rules::{
    Amount,
    credit::Grant,
    ids::{CustomerId, GrantId},
    subscription::{Status, credits as credits_of},
};
use std::collections::BTreeSet;

/// Cuts what a subscription gave for periods that run, or are yet to come, to what its items give now: of each month no
/// more than that is left, together with what was used of it. `alive` is what it gave. Again, it changes nothing. What
/// was deleted is seen to by its end, what is frozen once it is free, and what a trial gave is no month.
pub(super) fn settle(
    tx: &mut Tx<'_>,
    plans: &mut Plans,
    random: &Random,
    actor: &Actor,
    (customer, subscription): (&CustomerId, &Subscription),
    alive: &[Given],
) -> Result<(), Error> {
    let now = tx.now();
    if Status::of_stripe(&subscription.status) == Status::Canceled {
        return Ok(());
    }
    let mut seen = BTreeSet::new();
    for row in alive.iter().filter(|row| row.end > now && row.line_start < row.line_end) {
        if !seen.insert((&row.unit, &row.key)) {
            continue;
        }
        let of_month = |other: &&Given| (&other.unit, &other.key) == (&row.unit, &row.key);
        let Some(gives) = gives(tx, plans, subscription, row)? else { continue };
        // A larger plan's part may be too much though it is no more than that: what was there before it may be over.
        let is_larger = |row: &Given| row.most > gives && row.amount < row.most && kept(row).is_positive();
        let there = alive.iter().filter(of_month).fold(0, |sum, row| sum + kept(row).micros());
        if there <= gives.micros() && !alive.iter().filter(of_month).any(is_larger) {
            continue;
        }
        let mut all = store::of_group(tx, (customer, &row.unit), &row.group, now, now)?;
        all.retain(|other| of_month(&other) && other.subscription == subscription.id);
        all.sort_by_key(|other| (other.start, other.grant));
        let call = PeriodCall { customer: customer.clone(), unit: row.unit.clone(), actor: actor.clone() };
        credits::period(tx, &call, random, |tx, wallet| cut(tx, wallet, &all, gives))?;
    }
    Ok(())
}

/// What of a grant was not cut here.
pub(super) fn kept(row: &Given) -> Amount {
    row.amount.checked_sub(row.lowered).unwrap_or_default()
}

/// What the items of a subscription give now for a month of the period of `row`. None when one of them gives in its group
/// for another period, which takes the place of this one, or when nobody mapped a price of it.
fn gives(
    tx: &mut Tx<'_>,
    plans: &mut Plans,
    subscription: &Subscription,
    row: &Given,
) -> Result<Option<Amount>, Error> {
    let (mut most, mut elsewhere) = (None, subscription.items.is_empty());
    for item in subscription.items.iter().filter(|item| !item.metered) {
        let Some(plan) = item.plan_id else { return Ok(None) };
        let plan = plans.get(tx, plan)?;
        let same = lines::gives_by_period(plan) && plan.key_group() == row.group && plan.terms.unit() == row.unit;
        let Some(credits) = plan.terms.credits.as_ref().filter(|_| same) else { continue };
        if item.period_end == row.line_end {
            let seats = item.quantity.and_then(|quantity| u64::try_from(quantity).ok()).unwrap_or(1);
            let gives = credits_of(credits.amount, seats, credits.per_seat).unwrap_or(Amount::MAX);
            most = most.max(Some(gives));
        } else {
            elsewhere = true;
        }
    }
    Ok(most.or_else(|| (!elsewhere).then_some(Amount::ZERO)))
}

/// Cuts the grants of a month, the latest first, so that no more than `gives` of it is left with what was used. What time
/// took of them is not left to be had either. Money that was given back, or is disputed, is so of what is cut first: only
/// what it took beyond that is.
fn cut(tx: &mut Tx<'_>, wallet: &mut PeriodWallet<'_>, rows: &[Given], gives: Amount) -> Result<(), Error> {
    let (mut there, mut given, mut expired, mut money) = (Vec::new(), 0, 0, 0);
    for row in rows {
        let Some(grant) = wallet.find(tx, row.grant)? else { continue };
        given += row.amount.micros();
        expired += grant.expired.micros();
        money += (revoked(grant) - row.lowered.micros()).max(0) + grant.frozen.micros();
        there.push((row, revoked(grant)));
    }
    let excess = (given - gives.micros()).max(0);
    let gone = expired + (money - excess).max(0);
    let grants: Vec<GrantId> = there.iter().map(|(row, _)| row.grant).collect();
    let left = Amount::from_micros((gives.micros() - gone).max(0)).unwrap_or_default();
    wallet.cut(tx, &grants, left)?;
    for (row, before) in there {
        let after = wallet.find(tx, row.grant)?.map_or(before, revoked);
        if let Some(more) = Amount::from_micros(after - before).filter(|more| more.is_positive()) {
            // Of what was marked something may have been captured since.
            let still = row.lowered.micros().min(before);
            let lowered = Amount::from_micros(still + more.micros()).unwrap_or(Amount::MAX);
            store::lower(tx, row, lowered)?;
        }
    }
    Ok(())
}

/// What was taken back of a grant, in millionths, or will be as soon as a hold frees it.
fn revoked(grant: &Grant) -> i64 {
    grant.revoked.micros() + grant.revoke_on_release.micros()
}
