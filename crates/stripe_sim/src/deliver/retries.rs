//! When a delivery that failed is tried again.

use serde::{Deserialize, Serialize};

/// Which of Stripe's two patterns is followed. Stripe says how often and within which time, not the waits themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Retries {
    /// As in Stripe's sandboxes: three times over a few hours.
    #[default]
    Sandbox,
    /// As in live mode: for three days, waiting longer each time.
    Live,
}

/// Seconds from each try to the next.
const SANDBOX: &[i64] = &[10 * 60, 60 * 60, 3 * 60 * 60];
/// Seconds from each try to the next: twice as long each time, the last at the end of the third day.
const LIVE: &[i64] = &[600, 1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 76_800, 106_200];

impl Retries {
    /// Seconds to wait after `tried` tries; `None` when it is given up.
    pub fn wait(self, tried: usize) -> Option<i64> {
        let waits = match self {
            Self::Sandbox => SANDBOX,
            Self::Live => LIVE,
        };
        waits.get(tried.checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::{LIVE, Retries, SANDBOX};

    #[test]
    fn the_patterns_are_as_long_as_documented() {
        assert_eq!((SANDBOX.len(), SANDBOX.iter().sum::<i64>()), (3, 15_000));
        assert_eq!(LIVE.iter().sum::<i64>(), 3 * 24 * 60 * 60);
        assert!(LIVE.is_sorted(), "waits grow");
    }

    #[test]
    fn the_last_try_is_followed_by_none() {
        let waits: Vec<Option<i64>> = (0..5).map(|tried| Retries::Sandbox.wait(tried)).collect();
        assert_eq!(waits, [None, Some(600), Some(3_600), Some(10_800), None]);
        assert_eq!((Retries::Live.wait(9), Retries::Live.wait(10)), (Some(106_200), None));
    }
}
