//! Periods of billing: the calendar's intervals, counted from an anchor.

use jiff::{Span, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// A unit of time on the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Interval {
    Day,
    Week,
    Month,
    Year,
}

impl Interval {
    /// As it stands in descriptions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// About how many seconds it has.
    const fn about(self) -> i64 {
        match self {
            Self::Day => 86_400,
            Self::Week => 604_800,
            Self::Month => 2_629_746,
            Self::Year => 31_556_952,
        }
    }
}

/// How often something is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Every {
    pub interval: Interval,
    pub interval_count: i64,
}

/// A stretch of time: its first second, and the second after its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Period {
    pub start: i64,
    pub end: i64,
}

impl Period {
    /// How many seconds it has.
    pub const fn span(self) -> i64 {
        self.end - self.start
    }
}

/// The boundary `n` intervals after `anchor` (before it when below zero), UTC.
///
/// It is always counted from the anchor, so that 31 January gives 28 February and then 31 March.
/// Source: <https://docs.stripe.com/billing/subscriptions/billing-cycle>
pub(crate) fn boundary(anchor: i64, every: Every, n: i64) -> i64 {
    let steps = n.saturating_mul(every.interval_count);
    let moved = || {
        let from = Timestamp::from_second(anchor).ok()?.to_zoned(TimeZone::UTC);
        let span = Span::new();
        let span = match every.interval {
            Interval::Day => span.try_days(steps),
            Interval::Week => span.try_weeks(steps),
            Interval::Month => span.try_months(steps),
            Interval::Year => span.try_years(steps),
        };
        Some(from.checked_add(span.ok()?).ok()?.timestamp().as_second())
    };
    // Nobody bills beyond the year 9999; there the plain seconds do.
    moved().unwrap_or_else(|| anchor.saturating_add(steps.saturating_mul(every.interval.about())))
}

/// The period counted from `anchor` that holds the second `at`.
pub(crate) fn around(anchor: i64, every: Every, at: i64) -> Period {
    let about = every.interval.about().saturating_mul(every.interval_count.max(1));
    let mut n = (at - anchor).div_euclid(about);
    while boundary(anchor, every, n) > at {
        n -= 1;
    }
    while boundary(anchor, every, n + 1) <= at {
        n += 1;
    }
    Period { start: boundary(anchor, every, n), end: boundary(anchor, every, n + 1) }
}

/// The part of `amount` that `part` of `whole` seconds make, rounded to the nearest minor unit, halves away from zero.
///
/// Each line is rounded by itself. Which way Stripe rounds halves is not documented; this is ours.
/// Source: <https://docs.stripe.com/billing/subscriptions/prorations>
pub(crate) fn share(amount: i64, part: i64, whole: i64) -> i64 {
    let whole = i128::from(whole.max(1));
    let exact = i128::from(amount) * i128::from(part);
    let rounded = (exact.abs() * 2 + whole) / (whole * 2) * exact.signum();
    i64::try_from(rounded).unwrap_or(if exact < 0 { i64::MIN } else { i64::MAX })
}

/// A day as descriptions write it, such as `05 Nov 2026`.
pub(crate) fn day(at: i64) -> String {
    let zoned = Timestamp::from_second(at).map(|at| at.to_zoned(TimeZone::UTC));
    zoned.map_or_else(|_| at.to_string(), |zoned| zoned.strftime("%d %b %Y").to_string())
}

#[cfg(test)]
mod tests {
    use super::{Every, Interval, Period, around, boundary, day, share};

    fn at(text: &str) -> i64 {
        let timestamp: jiff::Timestamp = format!("{text}T10:00:00Z").parse().expect(text);
        timestamp.as_second()
    }

    fn every(interval: Interval, interval_count: i64) -> Every {
        Every { interval, interval_count }
    }

    #[test]
    fn boundaries_are_counted_from_the_anchor_and_clamped_to_the_month() {
        let month = every(Interval::Month, 1);
        let table = ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"];
        for (n, day) in (0..).zip(table) {
            assert_eq!(boundary(at("2026-01-31"), month, n), at(day), "{day}");
        }
        assert_eq!(boundary(at("2026-01-31"), month, -2), at("2025-11-30"));
        assert_eq!(boundary(at("2024-02-29"), every(Interval::Year, 1), 1), at("2025-02-28"));
        assert_eq!(boundary(at("2024-02-29"), every(Interval::Year, 1), 4), at("2028-02-29"));
        assert_eq!(boundary(at("2026-01-31"), every(Interval::Week, 2), 1), at("2026-02-14"));
    }

    #[test]
    fn a_second_has_one_period() {
        let month = every(Interval::Month, 1);
        let anchor = at("2026-01-31");
        for (second, start, end) in [
            (at("2026-02-28"), "2026-02-28", "2026-03-31"),
            (at("2026-02-28") - 1, "2026-01-31", "2026-02-28"),
            (at("2025-12-30"), "2025-11-30", "2025-12-31"),
            (at("2031-07-01"), "2031-06-30", "2031-07-31"),
        ] {
            assert_eq!(around(anchor, month, second), Period { start: at(start), end: at(end) }, "{start}");
        }
    }

    #[test]
    fn shares_are_rounded_by_themselves() {
        // The documented examples: a third of 20.00 and of 10.00, and the seconds of a recorded preview.
        for (amount, part, whole, expected) in [
            (2000, 1, 3, 667),
            (-2000, 1, 3, -667),
            (1000, 1, 3, 333),
            (-1000, 445_540, 2_678_400, -166),
            (3252, 445_540, 2_678_400, 541),
            (149_000, 350, 365, 142_877),
            (1, 1, 2, 1),
            (-1, 1, 2, -1),
            (0, 5, 7, 0),
        ] {
            assert_eq!(share(amount, part, whole), expected, "{amount} × {part}/{whole}");
        }
    }

    #[test]
    fn a_day_is_written_with_two_digits() {
        assert_eq!(day(at("2026-11-05")), "05 Nov 2026");
    }
}
