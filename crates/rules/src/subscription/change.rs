//! Change of plan: when it takes effect, and what it does to what was given (rules 1.12).

use crate::{
    Amount, Time,
    credit::{Allowance, AllowanceTerms, DueAllowance, Given, Wallet},
    ids::GrantId,
    pricebook::OnDelete,
};
use alloc::vec::Vec;

/// When a change of plan takes effect unless asked otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Now.
    AtOnce,
    /// When the running period ends.
    AtPeriodEnd,
}

/// When a change from one rank to another takes effect: up at once, down at the period's end. Between
/// equals (another version, another interval) at once.
#[must_use]
pub const fn takes_effect(from: i32, to: i32) -> Takes {
    if to < from { Takes::AtPeriodEnd } else { Takes::AtOnce }
}

/// What is paid for, as far as it says what is up and what is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaidFor {
    /// The plan's rank.
    pub rank: i32,
    /// About how many days lie between two payments.
    pub days: i64,
    /// How many of it: seats.
    pub quantity: u64,
}

/// When a change of what is paid for takes effect. The rank decides; between equals fewer of it, or less time paid
/// ahead, is down. So nobody has more for a day, uses it up, and gets the money back.
#[must_use]
pub const fn paid_takes_effect(from: PaidFor, to: PaidFor) -> Takes {
    if from.rank == to.rank && (to.quantity < from.quantity || to.days < from.days) {
        return Takes::AtPeriodEnd;
    }
    takes_effect(from.rank, to.rank)
}

/// What a change to the plans of `allowance` does at once to what was given for the running period: an
/// upgrade gives what the new plan has above the most already given, a downgrade cuts what is unused above
/// the new plan less what was used. What is cut so is not given again by changing back.
///
/// `bought` is the plan the customer would have with all access that may return: that was lost since a payment failed
/// or the subscription is paused. If it is no better than the plan in force, another was chosen: what was carried over
/// stays. If it is better, what is cut is given again when access returns: of the running period within it and as far
/// as `bought` gives it, of what was carried over as long as that lives. Without any the subscription is over, and
/// nothing comes back.
///
/// `wallet` has put down what was due under the plans before; what this answers is for
/// [`crate::credit::Turn::put_down`].
#[must_use]
pub fn changed(
    allowance: &Allowance<'_>,
    wallet: &Wallet,
    now: Time,
    bought: Option<&AllowanceTerms>,
) -> Vec<DueAllowance> {
    let mut due = allowance.due(wallet, now);
    for one in &mut due {
        if let DueAllowance::Cut { at, given, restorable, carried } = one {
            *at = now.max(wallet.last_at);
            *restorable = bought.map(|terms| if terms.every == given.every { terms.amount } else { Amount::ZERO });
            if bought.is_some_and(|terms| terms.rank <= given.rank) {
                carried.clear();
            }
        }
    }
    due
}

/// What it does when nothing that was bought is left of the plans of `allowance`, as [`changed`]. If the subscription was
/// deleted and its plan says [`OnDelete::Leave`], what is left of the running period and what was carried over stay until
/// they expire. The period counts as given all the same: coming back gives nothing of it twice.
#[must_use]
pub fn lost(allowance: &Allowance<'_>, wallet: &Wallet, now: Time, on_delete: OnDelete) -> Vec<DueAllowance> {
    // What is returned of it is left too.
    let plan = |given: &Given| {
        let same = |known: &&Given| known.group == given.group && known.every == given.every;
        wallet.body.allowances.iter().find(same).map_or(given.plan, |known| known.plan)
    };
    let left = |due: DueAllowance| match due {
        DueAllowance::Cut { at, given, .. } => DueAllowance::Left { at, given: Given { plan: plan(&given), ..given } },
        other => other,
    };
    let due = changed(allowance, wallet, now, None);
    match on_delete {
        OnDelete::Revoke => due,
        OnDelete::Leave => due.into_iter().map(left).collect(),
    }
}

/// Which of a deleted subscription's `grants` are to be cut down to what is spent of them, by
/// [`crate::credit::Turn::cut`]. What becomes of its allowances, [`lost`] says.
#[must_use]
pub const fn deleted(on_delete: OnDelete, grants: &[GrantId]) -> &[GrantId] {
    match on_delete {
        OnDelete::Revoke => grants,
        OnDelete::Leave => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_is_at_once_and_down_waits_for_the_period_to_end() {
        let paid = |rank, days, quantity| PaidFor { rank, days, quantity };
        let pro = paid(10, 30, 5);
        for (to, expected, what) in [
            (paid(20, 30, 5), Takes::AtOnce, "a better plan"),
            (paid(20, 30, 1), Takes::AtOnce, "a better plan for fewer"),
            (paid(5, 30, 5), Takes::AtPeriodEnd, "a lesser plan"),
            (paid(5, 365, 9), Takes::AtPeriodEnd, "a lesser plan for more, a year ahead"),
            (paid(10, 365, 5), Takes::AtOnce, "a year ahead"),
            (paid(10, 30, 6), Takes::AtOnce, "one more"),
            (paid(10, 30, 4), Takes::AtPeriodEnd, "one less"),
            (paid(10, 365, 4), Takes::AtPeriodEnd, "one less, a year ahead"),
            (paid(10, 7, 5), Takes::AtPeriodEnd, "less time ahead"),
            (pro, Takes::AtOnce, "the same"),
        ] {
            assert_eq!(paid_takes_effect(pro, to), expected, "{what}");
        }
    }
}
