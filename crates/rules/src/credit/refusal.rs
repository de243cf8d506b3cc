//! Why the rules refuse: a closed list, each with the figures a caller needs.

use crate::Amount;

/// A business answer that is not a yes. Nothing was changed but what had fallen due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The wallet has less than needed.
    InsufficientCredits {
        /// What was asked for.
        needed: Amount,
        /// What there is.
        available: Amount,
    },
    /// Debt is owed: no new spends or holds until it is paid.
    DebtOutstanding {
        /// What is owed.
        debt: Amount,
    },
    /// `overflow` was asked for and is needed, but overage is not sold to this customer.
    OverageNotSold,
    /// The period's hard limit is reached.
    CapReached {
        /// The limit.
        limit: Amount,
        /// Used so far.
        used: Amount,
    },
    /// 256 holds are open.
    TooManyHolds,
    /// The hold ran out.
    HoldExpired,
    /// The hold was captured or released.
    HoldClosed,
    /// The same source gave a grant with other terms.
    GrantTermsDiffer {
        /// The term that differs: `amount`, `priority`, `effective_at`, `expires_at` or `metadata`.
        term: &'static str,
    },
    /// The wallet's total would be over [`Amount::MAX`].
    TotalTooLarge,
    /// More than was spent would be returned.
    ReturnExceedsSpend {
        /// What can still be returned.
        returnable: Amount,
    },
    /// More than the grant has available would be revoked.
    RevokeExceedsAvailable {
        /// What is available.
        available: Amount,
    },
    /// More than is owed would be forgiven.
    ForgiveExceedsDebt {
        /// What is owed.
        debt: Amount,
    },
}
