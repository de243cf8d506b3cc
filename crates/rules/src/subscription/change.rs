//! Change of plan: when it takes effect, and what it does to what was given (rules 1.12).

use crate::{
    Time,
    credit::{Allowance, DueAllowance, Wallet},
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

/// What a change to the plans of `allowance` does at once to what was given for the running period: an
/// upgrade gives what the new plan has above the most already given, a downgrade cuts what is unused above
/// the new plan less what was used. What is cut so is not given again by changing back.
///
/// `wallet` has put down what was due under the plans before; what this answers is for
/// [`crate::credit::Turn::put_down`].
#[must_use]
pub fn changed(allowance: &Allowance<'_>, wallet: &Wallet, now: Time) -> Vec<DueAllowance> {
    let mut due = allowance.due(wallet, now);
    for one in &mut due {
        if let DueAllowance::Cut { at, restorable, .. } = one {
            (*at, *restorable) = (now.max(wallet.last_at), false);
        }
    }
    due
}

/// Which of a deleted subscription's `grants` are to be cut down to what is spent of them, by
/// [`crate::credit::Turn::cut`]. Its allowances follow the default plan, by [`changed`].
#[must_use]
pub const fn deleted(on_delete: OnDelete, grants: &[GrantId]) -> &[GrantId] {
    match on_delete {
        OnDelete::Revoke => grants,
        OnDelete::Leave => &[],
    }
}
