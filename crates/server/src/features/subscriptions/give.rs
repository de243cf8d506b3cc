//! The allowances of what a customer bought: from all of its subscriptions that give access, written into its row.

use super::{
    plans::{MOST_TOGETHER, Plans, together},
    store::{self, Subscription},
};
use crate::{
    features::{credits, pricebook},
    platform::{auth::Actor, db::Tx, error::Error},
};
use purser_rules::{
    Time,
    credit::Giving,
    ids::CustomerId,
    pricebook::{AllowancePeriod, OnDelete},
    subscription::{Status, access},
};
use std::collections::BTreeSet;

/// Writes which allowances `customer` has by its subscriptions as they stand now, with so many days of grace, and does at
/// once to its wallets what a change of plan does. `actor` is what told of the subscriptions.
///
/// The subscriptions are read once wallets and customer are locked: of two that change at once the later sees both.
/// `deleted` is the one that ends in this transaction: its plan may leave what is left of the running period. Answers
/// them.
///
/// # Errors
/// What the database says.
pub(super) fn give(
    tx: &mut Tx<'_>,
    plans: &mut Plans,
    actor: &Actor,
    customer: &CustomerId,
    grace_days: u16,
    deleted: Option<&Subscription>,
) -> Result<Vec<Subscription>, Error> {
    let leaves = deleted.map_or_else(|| Ok(BTreeSet::new()), |deleted| leaving(tx, plans, deleted))?;
    let Some(locked) = credits::lock_plans(tx, customer, leaves)? else { return Ok(Vec::new()) };
    let now = tx.now();
    let all = store::of_customer(tx, customer, MOST_TOGETHER)?;
    let seen = |one: &Subscription| access(&one.status, one.first_failure_at, grace_days, now);
    let giving = all.iter().map(|one| (one, seen(one))).filter(|(_, seen)| seen.allowed);
    let giving: Vec<(&Subscription, Option<Time>)> = giving.map(|(one, seen)| (one, seen.until)).collect();
    let new = bought(tx, plans, &giving, now)?;
    // What is taken for want of access that may come back is given again then; what is given up by choice is not.
    let may_give = all.iter().filter(|one| seen(one).allowed || may_return(&one.status));
    let may_give: Vec<(&Subscription, Option<Time>)> = may_give.map(|one| (one, None)).collect();
    let with_all = if may_give.len() > giving.len() { bought(tx, plans, &may_give, now)? } else { new.clone() };
    credits::set_plans(tx, actor, customer, locked, (new, with_all.as_slice()))?;
    Ok(all)
}

/// The groups of those plans of a deleted subscription that give by the calendar, and leave what is left until it expires.
fn leaving(tx: &mut Tx<'_>, plans: &mut Plans, deleted: &Subscription) -> Result<BTreeSet<String>, Error> {
    let gave = together(tx, plans, &[deleted])?;
    let add_ons = gave.add_ons.iter().map(|(add_on, _)| *add_on);
    let mut groups = BTreeSet::new();
    for id in gave.bases.iter().map(|base| base.plan).chain(add_ons) {
        let plan = plans.get(tx, id)?;
        let gives = plan.terms.credits.as_ref().is_some_and(|credits| credits.period != AllowancePeriod::Billing);
        if gives && plan.terms.on_delete == OnDelete::Leave {
            groups.insert(plan.key_group());
        }
    }
    Ok(groups)
}

/// Whether a subscription that gives no access may give it again: it is unpaid, or paused.
fn may_return(status: &str) -> bool {
    Status::of_stripe(status).is_live() || status == "paused"
}

/// The plans that the subscriptions in `giving` come to, each with the instant its access is going to end, if that is
/// known. First those without an end, then with each that ends what all come to until then, the one that ends first last:
/// so the last plan listed of a group is the one it has, until its access ends.
fn bought(
    tx: &mut Tx<'_>,
    plans: &mut Plans,
    giving: &[(&Subscription, Option<Time>)],
    now: Time,
) -> Result<Vec<Giving>, Error> {
    let mut ends: Vec<Time> = giving.iter().filter_map(|(_, until)| *until).collect();
    ends.sort_unstable_by(|one, other| other.cmp(one));
    ends.dedup();
    let mut found = Vec::new();
    for end in [None].into_iter().chain(ends.into_iter().map(Some)) {
        let lasts = |until: &Option<Time>| until.is_none_or(|until| end.is_some_and(|end| end <= until));
        let lasting: Vec<&Subscription> =
            giving.iter().filter(|(_, until)| lasts(until)).map(|(subscription, _)| *subscription).collect();
        let current = together(tx, plans, &lasting)?;
        for base in &current.bases {
            let plan = plans.get(tx, base.plan)?;
            add(&mut found, pricebook::giving(plan, base.quantity, (now, end)));
        }
        for (add_on, quantity) in &current.add_ons {
            let plan = plans.get(tx, *add_on)?;
            add(&mut found, pricebook::giving(plan, *quantity, (now, end)));
        }
    }
    Ok(found)
}

/// Adds a plan, unless it is what its group has for longer already.
fn add(found: &mut Vec<Giving>, giving: Giving) {
    let plan = |giving: &Giving| (giving.tier.clone(), giving.unit.clone(), giving.span.terms.clone());
    let there = found.iter().rev().find(|there| there.group == giving.group);
    if there.is_none_or(|there| plan(there) != plan(&giving)) {
        found.push(giving);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use purser_rules::{
        credit::{AllowanceTerms, Span},
        ids::Unit,
    };

    fn giving(group: &str, rank: i32, until: Option<i64>) -> Giving {
        let until = until.map(|seconds| Time::from_micros(0).plus_seconds(seconds));
        let span = Span { from: Time::from_micros(0), until, terms: AllowanceTerms::nothing(rank) };
        Giving { group: group.to_owned(), tier: "PLAN".to_owned(), unit: Unit::credits(), span }
    }

    #[test]
    fn a_plan_that_lasts_longer_anyway_is_not_listed_again() {
        let mut found = Vec::new();
        for (group, rank, until) in [
            ("base", 10, None),
            ("base", 10, Some(9)),
            ("base", 20, Some(9)),
            ("base", 20, Some(5)),
            ("extra", 0, Some(5)),
        ] {
            add(&mut found, giving(group, rank, until));
        }
        let expected = [giving("base", 10, None), giving("base", 20, Some(9)), giving("extra", 0, Some(5))];
        assert_eq!(found, expected);
    }
}
