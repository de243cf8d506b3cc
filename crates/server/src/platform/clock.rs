//! The one place where the time of day is read; tests set it by hand.

use purser_rules::Time;
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// Where `now` comes from. Cheap to clone; clones of a manual clock move together.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock, `offset` microseconds away (0 but in tests of clocks that differ).
    System {
        /// Microseconds added to the machine's clock.
        offset: i64,
    },
    /// A clock that stands still until it is moved.
    Manual(Arc<AtomicI64>),
    /// The machine's clock, so many seconds ahead as is kept here: the demo's, which goes with the sandbox's.
    Ahead(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self::System { offset: 0 }
    }

    /// A clock standing at `at`.
    #[must_use]
    pub fn manual(at: Time) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(at.micros())))
    }

    /// The instant it is.
    #[must_use]
    pub fn now(&self) -> Time {
        match self {
            Self::System { offset } => Time::from_micros(machine_micros() + offset),
            Self::Manual(micros) => Time::from_micros(micros.load(Ordering::SeqCst)),
            Self::Ahead(seconds) => Time::from_micros(machine_micros()).plus_seconds(seconds.load(Ordering::SeqCst)),
        }
    }

    /// The instant it is for a person at a browser: whoever moves the demo's clock a month on is still there.
    #[must_use]
    pub fn now_at_hand(&self) -> Time {
        match self {
            Self::System { .. } | Self::Manual(_) => self.now(),
            Self::Ahead(_) => Time::from_micros(machine_micros()),
        }
    }

    /// Whether it is moved at will, so that no other clock agrees with it.
    #[must_use]
    pub const fn is_moved(&self) -> bool {
        matches!(self, Self::Manual(_) | Self::Ahead(_))
    }

    /// Moves a manual clock on by `micros`; the machine's clock stays as it is.
    pub fn advance(&self, micros: i64) {
        if let Self::Manual(at) = self {
            at.fetch_add(micros, Ordering::SeqCst);
        }
    }
}

/// Microseconds since the epoch by the machine's clock.
#[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
fn machine_micros() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_ahead_follows_and_leaves_the_person_where_it_is() {
        let ahead = Arc::new(AtomicI64::new(0));
        let clock = Clock::Ahead(ahead.clone());
        let before = clock.now();
        ahead.store(86_400, Ordering::SeqCst);
        assert!(clock.now() >= before.plus_seconds(86_400));
        assert!(clock.now_at_hand() < before.plus_seconds(86_400));
        assert!(clock.is_moved() && !Clock::system().is_moved());
    }
}
