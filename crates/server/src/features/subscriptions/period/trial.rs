//! What a trial gives: once per customer and family, and until it ends, wherever its end is moved.

use super::{
    give::put,
    store::{self, Given},
};
use crate::{
    features::{
        credits::{self, PeriodCall, PeriodWallet},
        pricebook::Plan,
        subscriptions::store::Subscription,
    },
    platform::{auth::Actor, db::Tx, error::Error, ids::Random},
};
use purser_rules::{
    Amount,
    credit::SourceKind,
    ids::CustomerId,
    subscription::{RENEWAL_OVERLAP, trial_credits},
};

/// Gives what a subscription's trial brings, once per customer and family. What is left of it goes along to a later end
/// of the trial, in a grant of its own since the end of a grant never changes. Again, it changes nothing.
pub(super) fn give(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    customer: &CustomerId,
    (subscription, plans): (&Subscription, &[Plan]),
) -> Result<(), Error> {
    let Some((start, end)) = subscription.trial_start.zip(subscription.trial_end) else { return Ok(()) };
    for plan in plans.iter().filter(|plan| plan.terms.trial_credits.is_positive()) {
        let (unit, key) = (plan.terms.unit(), format!("{}:trial", plan.family.as_str()));
        let known = store::of_trial(tx, customer, &unit, &key)?;
        let last = known.last();
        if last.is_some_and(|last| last.subscription != subscription.id || last.end >= end) {
            continue;
        }
        let call = PeriodCall { customer: customer.clone(), unit: unit.clone(), actor: actor.clone() };
        credits::period(tx, &call, random, |tx, wallet| {
            let (amount, start) = match last {
                Some(last) => (left(tx, wallet, last, subscription)?, wallet.now()),
                None => (plan.terms.trial_credits, start),
            };
            let priority = plan.terms.credits.as_ref().map(|credits| credits.priority);
            let priority = priority.unwrap_or(SourceKind::Subscription.default_priority());
            let of = (plan.family.as_str(), u32::try_from(known.len()).unwrap_or(u32::MAX));
            let terms = trial_credits(wallet.wallet(), of, amount, priority, (start, end), RENEWAL_OVERLAP);
            let expires_at = end.plus_seconds(RENEWAL_OVERLAP);
            let Some(terms) = terms.filter(|_| expires_at > wallet.now()) else { return Ok(()) };
            if let Some(last) = last {
                take(tx, wallet, last)?;
            }
            let row = Given {
                grant: terms.id,
                unit: unit.clone(),
                group: plan.key_group(),
                key: key.clone(),
                most: amount,
                amount,
                plan: plan.id,
                subscription: subscription.id.clone(),
                invoice: key.clone(),
                line: String::new(),
                line_start: end,
                line_end: end,
                start,
                end,
                expires_at,
                lives_until: expires_at,
                by_overlap: true,
                suspended: false,
                ended: false,
                lowered: Amount::ZERO,
                gave_back: false,
            };
            let mut overused = Amount::ZERO;
            put(tx, wallet, customer, (terms, row), &mut overused).map(drop)
        })?;
    }
    Ok(())
}

/// What is left of the last that a trial gave. What expired unspent since nobody told in time that the trial goes on
/// counts as left; of one that had ended, before another began, it does not.
fn left(
    tx: &mut Tx<'_>,
    wallet: &mut PeriodWallet<'_>,
    last: &Given,
    subscription: &Subscription,
) -> Result<Amount, Error> {
    // Stripe may name the start of the first trial for every later one; its items name that of their own period.
    let goes_on = subscription.items.iter().any(|item| item.period_start <= last.end);
    let Some(grant) = wallet.find(tx, last.grant)? else { return Ok(Amount::ZERO) };
    let expired = if goes_on { grant.expired } else { Amount::ZERO };
    Ok(grant.available.checked_add(expired).unwrap_or(grant.available))
}

/// Takes what is available of it. What a hold has set aside stays with the hold: it may be captured yet.
fn take(tx: &mut Tx<'_>, wallet: &mut PeriodWallet<'_>, last: &Given) -> Result<(), Error> {
    let stays = wallet.find(tx, last.grant)?.and_then(|grant| grant.spent.checked_add(grant.held));
    wallet.cut(tx, &[last.grant], stays.unwrap_or(Amount::MAX))
}
