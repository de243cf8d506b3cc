//! Counts what was answered and how long each answer took, for all callers together.

use super::ask::Said;
use hdrhistogram::Histogram;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The longest wait that is kept as it is, in microseconds: ten minutes, over every timeout there is.
const LONGEST_US: u64 = 600_000_000;

/// What the callers were told so far. One for all of them: a lock that hardly anybody waits for costs less than
/// 256 histograms that push each other out of the caches.
#[derive(Debug)]
pub(super) struct Tally(Mutex<Counts>);

/// The figures of a tally.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    /// Calls answered: done or refused.
    pub(super) done: u64,
    /// What they did: spends of a batch count each, a hold only with its capture.
    pub(super) items: u64,
    /// Answers that were those of an earlier key.
    pub(super) replayed: u64,
    /// Refusals by code.
    pub(super) refused: BTreeMap<&'static str, u64>,
    /// What failed.
    pub(super) failed: u64,
    /// The first failure, in words.
    pub(super) first_failure: Option<String>,
    waits: Histogram<u64>,
}

/// Microseconds a share of the calls took at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Waits {
    /// Half of them.
    pub(super) p50_us: u64,
    /// 90 of 100.
    pub(super) p90_us: u64,
    /// 99 of 100.
    pub(super) p99_us: u64,
    /// 999 of 1,000.
    pub(super) p999_us: u64,
    /// All of them.
    pub(super) max_us: u64,
}

impl Tally {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        // Three digits: a wait is known to a thousandth of itself.
        let waits = Histogram::new_with_bounds(1, LONGEST_US, 3).expect("bounds and digits it can keep");
        let (done, items, replayed, failed) = (0, 0, 0, 0);
        let refused = BTreeMap::new();
        Self(Mutex::new(Counts { done, items, replayed, refused, failed, first_failure: None, waits }))
    }

    /// Takes one call: what was said (of each item of a batch), after which wait, and how many items it finished.
    pub(super) fn take(&self, said: &[Said], wait: Duration, items: u64) {
        let mut counts = self.lock();
        let mut answered = false;
        for said in said {
            match said {
                Said::Done { replayed, .. } => {
                    answered = true;
                    counts.replayed += u64::from(*replayed);
                }
                Said::Refused(code) => {
                    answered = true;
                    *counts.refused.entry(code).or_default() += 1;
                }
                Said::Failed(why) => {
                    counts.failed += 1;
                    counts.first_failure.get_or_insert_with(|| why.clone());
                }
            }
        }
        if answered {
            counts.done += 1;
            counts.items += items;
            counts.waits.saturating_record(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX));
        }
    }

    /// The figures as they are now.
    pub(super) fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// Calls answered, items, refusals and failures: what progress shows.
    pub(super) fn at_a_glance(&self) -> (u64, u64, u64, u64) {
        let counts = self.lock();
        (counts.done, counts.items, counts.refused.values().sum(), counts.failed)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// How long calls took.
    pub(super) fn waits(&self) -> Waits {
        let at = |share| self.waits.value_at_quantile(share);
        Waits { p50_us: at(0.5), p90_us: at(0.9), p99_us: at(0.99), p999_us: at(0.999), max_us: self.waits.max() }
    }

    /// These and `other` together.
    pub(super) fn and(mut self, other: &Self) -> Self {
        self.done += other.done;
        self.items += other.items;
        self.replayed += other.replayed;
        self.failed += other.failed;
        for (code, count) in &other.refused {
            *self.refused.entry(code).or_default() += count;
        }
        self.first_failure = self.first_failure.or_else(|| other.first_failure.clone());
        // Both were made alike, so that each has room for what the other holds.
        self.waits += &other.waits;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(replayed: bool) -> Said {
        Said::Done { id: String::new(), replayed }
    }

    #[test]
    fn calls_items_refusals_and_failures_are_told_apart() {
        let tally = Tally::new();
        tally.take(&[done(false)], Duration::from_micros(100), 1);
        tally.take(&[done(true), Said::Refused("a"), Said::Failed("b".into())], Duration::from_micros(300), 3);
        tally.take(&[Said::Failed("c".into())], Duration::from_secs(9), 1);
        let counts = tally.counts();
        assert_eq!((counts.done, counts.items, counts.replayed, counts.failed), (2, 4, 1, 2));
        assert_eq!(counts.refused, BTreeMap::from([("a", 1)]));
        assert_eq!(counts.first_failure.as_deref(), Some("b"));
        assert_eq!((counts.waits().p50_us, counts.waits().max_us), (100, 300));
        let both = counts.clone().and(&counts);
        assert_eq!((both.done, both.failed, both.refused["a"], both.waits()), (4, 4, 2, counts.waits()));
    }

    #[test]
    fn long_waits_are_kept_to_three_digits() {
        let tally = Tally::new();
        tally.take(&[done(false)], Duration::from_secs(61), 1);
        assert!((60_950_000..=61_050_000).contains(&tally.counts().waits().p50_us));
        tally.take(&[done(false)], Duration::from_secs(6000), 1);
        assert!(tally.counts().waits().max_us >= LONGEST_US, "what is longer counts as the longest there is");
    }
}
