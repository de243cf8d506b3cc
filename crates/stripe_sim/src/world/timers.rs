//! What is going to happen by itself, and when.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Something that happens by itself. It names an object; whether it still applies is looked at when it is due, so a
/// timer is never taken back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Timer {
    /// A subscription's trial ends in three days.
    TrialWillEnd(String),
    /// A subscription's next invoice is announced.
    Upcoming(String),
    /// Items of a subscription begin a period, its trial ends, or it ends itself.
    Turn(String),
    /// A subscription's first invoice was never paid.
    Incomplete(String),
    /// Collection of a subscription goes on.
    Collect(String),
    /// A phase of a schedule begins or ends.
    Phase(String),
    /// A draft becomes final.
    Finalize(String),
    /// An invoice that was sent should have been paid.
    Overdue(String),
    /// The payment of an invoice is tried again.
    Retry(String),
    /// A checkout session ends without a payer.
    SessionExpires(String),
    /// A bank debit succeeds or fails.
    DebitSettles(String),
    /// A refund arrives or fails.
    RefundSettles(String),
    /// A charge is disputed.
    DisputeOpens(String),
    /// A dispute is decided.
    DisputeEnds(String),
    /// Meter events that wait are checked.
    MeterCheck,
    /// Meter events that were wrong are reported.
    MeterReport(String),
    /// A moved clock is ready.
    ClockReady(String),
}

/// A timer that was set: when, as which, and what.
pub(crate) type Set = (i64, u64, Timer);

/// What is due, in the order it is done: by time, then by when it was set.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Timers {
    due: BTreeSet<Set>,
    next: u64,
}

impl Timers {
    /// Sets `timer` for `at`.
    pub fn set(&mut self, at: i64, timer: Timer) -> Set {
        let set = (at, self.next, timer);
        self.due.insert(set.clone());
        self.next += 1;
        set
    }

    /// Takes a timer back that was just set.
    pub fn unset(&mut self, set: &Set) {
        self.due.remove(set);
    }

    /// When the next one is due.
    pub fn next_at(&self) -> Option<i64> {
        self.due.first().map(|(at, ..)| *at)
    }

    /// Takes the next one that is due at `now`.
    pub fn pop(&mut self, now: i64) -> Option<Timer> {
        (self.next_at()? <= now).then(|| self.due.pop_first())?.map(|(.., timer)| timer)
    }

    /// All, in order.
    pub fn all(&self) -> impl Iterator<Item = (i64, &Timer)> {
        self.due.iter().map(|(at, _, timer)| (*at, timer))
    }
}
