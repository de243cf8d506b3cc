//! Allowances fallen due: computed for a read, put down by the next write (rules 1.11).

use super::grant::Terms;

/// An allowance whose period has begun and which is not in the wallet yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueAllowance {
    /// The grant it will be; its id is derived from customer, unit, plan group and period label.
    pub terms: Terms,
}
