//! What counts as given of a month of which something was taken back, and what a paid line gives beside it.

use super::{lowered, store::Given};
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

/// Since when a grant was given of which something was taken back, and what was not.
type Taken = (Time, Amount);

/// Of what was taken back at the end of its subscription, or since that changed to less: what of each grant was not. Only
/// that counts as given: who buys the same time again has paid for the rest again. What is held was not taken back yet,
/// and may be captured.
pub(super) fn of(
    tx: &mut Tx<'_>,
    wallet: &mut PeriodWallet<'_>,
    known: &[Given],
) -> Result<BTreeMap<GrantId, Taken>, Error> {
    let (mut taken, mut keys) = (BTreeMap::new(), BTreeSet::new());
    let over: BTreeSet<&str> = known.iter().filter(|row| row.ended).map(|row| row.subscription.as_str()).collect();
    for row in known.iter().filter(|row| over.contains(row.subscription.as_str())) {
        let Some(grant) = wallet.find(tx, row.grant)? else { continue };
        taken.insert(row.grant, (row.start, grant.granted.checked_sub(grant.revoked).unwrap_or_default()));
        if row.ended && (grant.revoked.is_positive() || grant.revoke_on_release.is_positive()) {
            keys.insert(row.key.as_str());
        }
    }
    // What was spent whole, or had expired before the end and was not seen to then, counts with what was cut under its
    // key, not beside it. Where nothing was cut it counts as given like all else: nothing is given twice (rules 1.11).
    let is_cut = |grant: &GrantId| known.iter().any(|row| row.grant == *grant && keys.contains(row.key.as_str()));
    taken.retain(|grant, _| is_cut(grant));
    let lowered = |row: &&Given| known.iter().any(|other| other.key == row.key && other.lowered.is_positive());
    for row in known.iter().filter(lowered) {
        let grant = wallet.find(tx, row.grant)?;
        let used = grant.map_or(Amount::ZERO, |grant| grant.spent.checked_add(grant.held).unwrap_or(Amount::MAX));
        taken.entry(row.grant).or_insert((row.start, lowered::kept(row).max(used)));
    }
    Ok(taken)
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
                Some(taken) => rest.push(*taken),
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
            Some((_, left)) => *lefts = lefts.checked_add(*left).unwrap_or(Amount::MAX),
            None => *most = (*most).max(row.most),
        }
        *grants += 1;
    }
    had.into_iter().map(|(key, (most, lefts, grants))| (key, (most.max(lefts), grants))).collect()
}
