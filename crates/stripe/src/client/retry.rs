//! Stripe's rule for asking again, and how long to wait before.

use std::time::Duration;

/// What was seen of an answer that matters for asking again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The header `Stripe-Should-Retry`.
    pub should_retry: Option<bool>,
    /// The code of the error.
    pub code: Option<&'a str>,
}

/// Whether the same request is worth sending again.
///
/// The header decides where it stands. Else: a conflict (the key is in use), a lock timeout, and trouble of Stripe's.
/// A plain 429 is a rate limit: asking again at once makes it worse.
/// Source: the request sender of `stripe@23.1.0` of npm; <https://docs.stripe.com/rate-limits> for locks.
pub(super) fn again(seen: Seen<'_>) -> bool {
    let Seen { status, should_retry, code } = seen;
    should_retry.unwrap_or(status == 409 || status >= 500 || status == 429 && code == Some("lock_timeout"))
}

/// How long to wait after try number `tried` (from 1): `first`, doubled with each try, at most `longest`; of it between
/// a half and the whole, by `random`, so that many callers do not come back at once.
pub(super) fn pause(tried: u32, first: Duration, longest: Duration, random: u64) -> Duration {
    let doubled = first.saturating_mul(1_u32.checked_shl(tried.saturating_sub(1)).unwrap_or(u32::MAX));
    let whole = u64::try_from(doubled.min(longest).as_micros()).unwrap_or(u64::MAX);
    let half = whole / 2;
    Duration::from_micros(whole - half + random % (half + 1))
}

#[cfg(test)]
mod tests {
    use super::{Seen, again, pause};
    use std::time::Duration;

    #[test]
    fn stripes_rule() {
        let table = [
            (200, None, None, false),
            (400, None, None, false),
            (402, None, Some("card_declined"), false),
            (404, None, Some("resource_missing"), false),
            (409, None, Some("idempotency_key_in_use"), true),
            (409, Some(false), None, false),
            (429, None, Some("rate_limit"), false),
            (429, None, None, false),
            (429, None, Some("lock_timeout"), true),
            (429, Some(true), None, true),
            (500, None, None, true),
            (500, Some(false), None, false),
            (503, None, None, true),
            (400, Some(true), None, true),
        ];
        for (status, should_retry, code, expected) in table {
            assert_eq!(again(Seen { status, should_retry, code }), expected, "{status} {should_retry:?} {code:?}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_are_at_least_half() {
        let (first, longest) = (Duration::from_millis(500), Duration::from_secs(5));
        for (tried, whole) in [(1, 500), (2, 1000), (3, 2000), (4, 4000), (5, 5000), (40, 5000)] {
            let whole = Duration::from_millis(whole);
            for random in [0, 1, 249_999, 250_000, u64::MAX] {
                let pause = pause(tried, first, longest, random);
                assert!(pause >= whole / 2 && pause <= whole, "{tried} {random} {pause:?}");
            }
            assert_eq!(pause(tried, first, longest, 0), whole / 2);
        }
    }
}
