//! What counts as given of a month of which something was taken back, and what a paid line gives beside it.

use super::{
    lowered,
    store::{self, Given},
};
use crate::{
    features::credits::PeriodWallet,
    platform::{db::Tx, error::Error},
};
use purser_rules::{
    Amount, Time,
    credit::Terms,
    ids::GrantId,
    pricebook::ChangeCredits,
    subscription::{Had, Keyed, PaidLine, PlanCredits, RENEWAL_OVERLAP, kept, period_credits, raised},
};
use std::collections::{BTreeMap, BTreeSet};

/// A grant of which something was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Since when it was given.
    since: Time,
    /// What of it was not taken back: what is held counts, since it may be captured.
    left: Amount,
    /// The same once its holds are released.
    released: Amount,
}

/// Of what was taken back at the end of its subscription, or since that changed to less: what of each grant was not. Only
/// that counts as given: who buys the same time again has paid for the rest again.
pub(super) fn of(
    tx: &mut Tx<'_>,
    wallet: &mut PeriodWallet<'_>,
    known: &[Given],
) -> Result<BTreeMap<GrantId, Taken>, Error> {
    let (mut taken, mut keys) = (BTreeMap::new(), BTreeSet::new());
    let over: BTreeSet<&str> = known.iter().filter(|row| row.ended).map(|row| row.subscription.as_str()).collect();
    for row in known.iter().filter(|row| over.contains(row.subscription.as_str())) {
        let Some(grant) = wallet.find(tx, row.grant)? else { continue };
        let left = grant.granted.checked_sub(grant.revoked).unwrap_or_default();
        let released = left.checked_sub(grant.revoke_on_release).unwrap_or_default();
        taken.insert(row.grant, Taken { since: row.start, left, released });
        if row.ended && released < grant.granted {
            keys.insert(row.key.as_str());
        }
    }
    // What was spent whole, or had expired before the end and was not seen to then, counts with what was cut under its
    // key, not beside it. Where nothing was cut it counts as given like all else: nothing is given twice (rules 1.11).
    let is_cut = |grant: &GrantId| known.iter().any(|row| row.grant == *grant && keys.contains(row.key.as_str()));
    taken.retain(|grant, _| is_cut(grant));
    let lowered = |row: &&Given| known.iter().any(|other| other.key == row.key && other.lowered.is_positive());
    for row in known.iter().filter(lowered) {
        let (spent, held) =
            wallet.find(tx, row.grant)?.map_or((Amount::ZERO, Amount::ZERO), |grant| (grant.spent, grant.held));
        let used = spent.checked_add(held).unwrap_or(Amount::MAX);
        let kept = lowered::kept(row);
        let (left, released) = (kept.max(used), kept.max(spent));
        taken.entry(row.grant).or_insert(Taken { since: row.start, left, released });
    }
    Ok(taken)
}

/// The same once all holds are released.
pub(super) fn released(taken: &BTreeMap<GrantId, Taken>) -> BTreeMap<GrantId, Taken> {
    taken.iter().map(|(grant, taken)| (*grant, Taken { left: taken.released, ..*taken })).collect()
}

/// Lets up to `amount` of what is held of a month's grants come back when it is released, though it was taken back: what
/// was paid for since counts it as given. Not what a refund or a dispute took as well: their marks are not told apart.
pub(super) fn leave_held(
    tx: &mut Tx<'_>,
    wallet: &mut PeriodWallet<'_>,
    (known, key): (&[Given], &str),
    taken: &BTreeMap<GrantId, Taken>,
    mut amount: Amount,
) -> Result<(), Error> {
    for row in known.iter().rev().filter(|row| row.key == key) {
        let Some(held) = taken.get(&row.grant).and_then(|taken| taken.left.checked_sub(taken.released)) else {
            continue;
        };
        if !amount.min(held).is_positive() || wallet.kept(tx, &row.invoice)?.is_some() {
            continue;
        }
        let left = wallet.unmark(tx, row.grant, amount.min(held))?;
        amount = amount.checked_sub(left).unwrap_or_default();
        if row.lowered.is_positive() {
            store::lower(tx, row, row.lowered.checked_sub(left).unwrap_or_default())?;
        }
    }
    Ok(())
}

/// A paid line, and what was given of its months before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer<'a> {
    pub line: PaidLine<'a>,
    pub plan: &'a PlanCredits,
    pub months: &'a [Keyed],
    pub known: &'a [Given],
}

impl Offer<'_> {
    /// What the line gives beside what was given before, of which this was `taken` back.
    pub fn beside(&self, wallet: &PeriodWallet<'_>, taken: &BTreeMap<GrantId, Taken>) -> Vec<Terms> {
        let is_part = self.plan.change == ChangeCredits::Prorated;
        let had = had(self.known, taken);
        let had: Vec<Had<'_>> = had
            .iter()
            // What others gave is taken off a part below, for the time for which they gave it.
            .map(|(key, (most, grants))| Had { key, most: if is_part { Amount::ZERO } else { *most }, grants: *grants })
            .collect();
        let mut all = period_credits(wallet.wallet(), &self.line, self.plan, &had, RENEWAL_OVERLAP);
        for terms in all.iter_mut().filter(|_| is_part) {
            let month = self.months.iter().find(|month| month.gave(&terms.source_id));
            terms.amount = month.map_or(Amount::ZERO, |month| self.part(month, taken));
        }
        all
    }

    /// What the plan adds to a month from when it was paid for on. What was given before counts each from its own start,
    /// so that payments which are told in another order than they were made come to the same.
    fn part(&self, month: &Keyed, taken: &BTreeMap<GrantId, Taken>) -> Amount {
        let whole = (month.start, month.end);
        let (mut given, mut rest) = (Vec::new(), Vec::new());
        for row in self.known.iter().filter(|row| row.key == month.key) {
            match taken.get(&row.grant) {
                Some(taken) => rest.push((taken.since, taken.left)),
                None => given.push((row.start, row.most)),
            }
        }
        given.extend(kept(whole, &rest));
        raised(self.plan.amount, whole, self.line.from, &given)
    }
}

/// What each key was given: the most of any plan, or what was not taken back if that is more, and by how many grants.
fn had(known: &[Given], taken: &BTreeMap<GrantId, Taken>) -> BTreeMap<String, (Amount, u32)> {
    let mut had: BTreeMap<String, (Amount, Amount, u32)> = BTreeMap::new();
    for row in known {
        let (most, lefts, grants) = had.entry(row.key.clone()).or_default();
        match taken.get(&row.grant) {
            Some(taken) => *lefts = lefts.checked_add(taken.left).unwrap_or(Amount::MAX),
            None => *most = (*most).max(row.most),
        }
        *grants += 1;
    }
    had.into_iter().map(|(key, (most, lefts, grants))| (key, (most.max(lefts), grants))).collect()
}
