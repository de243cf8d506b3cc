//! A wallet: one customer's balance in one unit, as one row.

use super::{
    allowance::{Given, Lapsed},
    entry::Hash,
    grant::{Grant, SourceKind},
    spend::usable,
};
use crate::{
    Amount, Time,
    ids::{CustomerId, GrantId, Unit},
};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A customer's balance in one unit.
///
/// `grants` are the open, started grants that come first in spend order; the rest wait in their
/// own rows and are summed in `waiting`. Grants that have not started wait too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wallet {
    /// Whose it is.
    pub customer: CustomerId,
    /// What it is counted in.
    pub unit: Unit,
    /// The sequence number of its last ledger entry; 0 before the first.
    pub seq: u64,
    /// The hash of its last ledger entry; zeroes before the first.
    pub head: Hash,
    /// The instant of its last write; its time never goes back.
    pub last_at: Time,
    /// The figures that change.
    pub body: Body,
}

/// What of a wallet is stored as one value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The first open grants in spend order.
    pub grants: Vec<Grant>,
    /// The rest of the open grants, summed.
    pub waiting: Waiting,
    /// The open holds, summed.
    pub holds: HoldsSummary,
    /// What is owed.
    pub debt: Debt,
    /// Billable overage so far, returns taken off.
    pub overflow: Amount,
    /// Usage of the running UTC day.
    pub today: Rollup,
    /// What was spent in the running period, for thresholds and caps.
    pub counter: Counter,
    /// The last period of each allowance that was put down.
    pub allowances: Vec<Given>,
    /// What was carried over and revoked when access ran out, as long as it would live.
    pub lapsed: Vec<Lapsed>,
    /// Grants that ended with their subscription, each until it expires: what is returned of them is revoked.
    pub ended: Vec<(GrantId, Time)>,
}

/// The open grants that are not in the wallet row, summed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// How many.
    pub count: u32,
    /// What is available in those that have started and not expired, as of the last write.
    pub available: Amount,
    /// The same, by where they came from (a balance shows it without loading them); kinds with nothing left out.
    pub by_source: Vec<(SourceKind, Amount)>,
    /// What of them is held.
    pub held: Amount,
    /// What of them is frozen.
    pub frozen: Amount,
    /// The earliest expiry among those that have started and have something available.
    pub next_expiry: Option<Time>,
    /// The next instant at which one of them starts or expires.
    pub due_at: Option<Time>,
}

/// The open holds of a wallet, summed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldsSummary {
    /// How many are open; at most 256.
    pub open: u16,
    /// The next instant at which one runs out.
    pub due_at: Option<Time>,
}

/// What is owed: only money reversals make debt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debt {
    /// Ever incurred, less what reinstated disputes and returns cut.
    pub incurred: Amount,
    /// Ever paid from available credit, less what was given again when a reversal was undone.
    pub paid: Amount,
    /// Ever forgiven by an operator, less what fell away when a reversal was undone.
    pub forgiven: Amount,
}

impl Debt {
    /// What is still owed.
    #[must_use]
    pub fn outstanding(&self) -> Amount {
        let left = self.incurred.micros() - self.paid.micros() - self.forgiven.micros();
        Amount::from_micros(left).unwrap_or(Amount::ZERO)
    }
}

/// What was used on one UTC day; the running day's stands in the wallet, past days in their own rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollup {
    /// Days since 1970-01-01.
    pub day: i32,
    /// Accepted spends and captures.
    pub count: u64,
    /// Taken from grants.
    pub consumed: Amount,
    /// Counted as billable overage.
    pub overflow: Amount,
}

/// What was spent in a period, against thresholds and a cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// The start of the period.
    pub period_start: Time,
    /// Spent in it, overflow included.
    pub used: Amount,
    /// The hard limit, if there is one: a spend over it is refused (`cap_reached`).
    pub cap: Option<Amount>,
    /// Which thresholds fired in it since it was last armed: one bit each, in the order of the thresholds.
    pub fired: u8,
    /// How often the thresholds were armed again in it, by a top-up or subscription credits.
    pub arming: u32,
}

/// A threshold that a spend crossed, written once per period and arming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// The start of the period.
    pub period_start: Time,
    /// The threshold, in thousandths of the limit (500, 800, 950, 1000).
    pub threshold: u16,
    /// Which arming of the period it fired in, from 0.
    pub arming: u32,
    /// Used when it was crossed.
    pub used: Amount,
    /// The limit then: the credits effective in the period.
    pub limit: Amount,
    /// When.
    pub at: Time,
}

impl Wallet {
    /// An empty wallet.
    #[must_use]
    pub fn new(customer: CustomerId, unit: Unit) -> Self {
        Self { customer, unit, seq: 0, head: Hash::default(), last_at: Time::default(), body: Body::default() }
    }

    /// The next instant at which something of it falls due: a grant starts or expires, a hold runs out, a period of an
    /// allowance ends that is not over at its last write.
    #[must_use]
    pub fn due_at(&self) -> Option<Time> {
        let expiries =
            self.body.grants.iter().filter(|grant| grant.available.is_positive()).filter_map(|g| g.expires_at);
        let ends = self.body.allowances.iter().map(|given| given.end).filter(|end| *end > self.last_at);
        expiries.chain(self.body.waiting.due_at).chain(self.body.holds.due_at).chain(ends).min()
    }

    /// Whether it remembers what lapsed of a group that `is_lost`.
    #[must_use]
    pub fn has_lapsed(&self, is_lost: impl Fn(&str) -> bool) -> bool {
        let of_period = |given: &Given| given.lapsed.is_positive() && is_lost(&given.group);
        self.body.allowances.iter().any(of_period) || self.body.lapsed.iter().any(|lapsed| is_lost(&lapsed.group))
    }

    /// The id of a grant that Purser makes in it: always the same for the same source.
    #[must_use]
    pub fn derive_grant(&self, kind: SourceKind, source_id: &str) -> GrantId {
        let parts = [self.customer.as_str(), self.unit.as_str(), kind.as_str(), source_id];
        GrantId::derive(&parts, self.customer.bucket())
    }

    /// What was available in it at its last write.
    #[must_use]
    pub fn available(&self) -> Amount {
        let inline = usable(&self.body.grants, self.last_at);
        inline.checked_add(self.body.waiting.available).unwrap_or(Amount::MAX)
    }
}
