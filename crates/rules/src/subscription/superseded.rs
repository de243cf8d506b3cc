//! A period that another one of the same subscription began inside: what it gave for the time after that is given
//! by the other, and the money of that time was given back (rules 1.12).

use crate::{
    Amount, Time,
    period::{Cycle, Zone},
    pricebook::Interval,
};

/// Seconds in a day.
const DAY: i64 = 86_400;

/// A grant of a billing period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// When the paid period begins of which it is a part.
    pub line_start: Time,
    /// When that ends.
    pub line_end: Time,
    /// From when the grant is for.
    pub start: Time,
    /// Until when: the end of its month, without the overlap.
    pub end: Time,
    /// What was granted.
    pub granted: Amount,
}

/// What is left to a grant whose period was given up before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Superseded {
    /// When the other period began.
    pub at: Time,
    /// How much of the grant may be used in all: the part of it for the time until then, rounded down.
    pub keeps: Amount,
}

impl Begun {
    /// What is left to it, if one of the paid periods that begin at `starts` began inside its own. The earliest
    /// counts. `None` also for a month that was over by then.
    #[must_use]
    pub fn superseded(&self, starts: &[Time]) -> Option<Superseded> {
        let inside = |start: &Time| *start > self.line_start && *start < self.line_end;
        let at = starts.iter().copied().filter(inside).min().filter(|at| *at < self.end)?;
        let whole = i128::from(self.end.micros()) - i128::from(self.start.micros());
        let gone = (i128::from(at.micros()) - i128::from(self.start.micros())).clamp(0, whole.max(0));
        let part = i128::from(self.granted.micros()) * gone / whole.max(1);
        let keeps = i64::try_from(part).ok().and_then(Amount::from_micros).unwrap_or(self.granted);
        Some(Superseded { at, keeps })
    }
}

/// What the billing periods of a subscription are counted from, of which one goes from `start` to `end`: the one that is
/// later in its month, since the other may have been moved to the end of a shorter one.
#[must_use]
pub fn anchor(start: Time, end: Time) -> Time {
    let into_month = |at: Time| at.micros() - at.start_of_utc_month().micros();
    if into_month(start) > into_month(end) { start } else { end }
}

/// When the billing period began that ends at `end`, of a price that is paid every `count` of `interval`, its periods
/// counted from `anchor`.
#[must_use]
pub fn whole_start(end: Time, interval: Interval, count: u16, anchor: Time) -> Time {
    let count = i64::from(count.max(1));
    let months = match interval {
        Interval::Day => return end.plus_seconds(-count * DAY),
        Interval::Week => return end.plus_seconds(-count * 7 * DAY),
        Interval::Month => count,
        Interval::Year => count * 12,
    };
    let month_before = |end: Time, _: i64| {
        let last = Time::from_micros(end.micros().saturating_sub(1));
        Cycle::Billing { anchor }.period_at(&Zone::utc(), last).start
    };
    (0..months).fold(end, month_before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        Time::parse(text).expect(text)
    }

    fn begun(start: &str, end: &str) -> Begun {
        Begun {
            line_start: time("2026-11-01T00:00:00Z"),
            line_end: time("2027-02-01T00:00:00Z"),
            start: time(start),
            end: time(end),
            granted: Amount::units(300),
        }
    }

    #[test]
    fn what_was_not_used_of_a_period_given_up_goes_with_it() {
        let november = begun("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
        let january = begun("2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z");
        let kept = |begun: &Begun, starts: &[&str]| {
            let starts: alloc::vec::Vec<Time> = starts.iter().map(|start| time(start)).collect();
            begun.superseded(&starts).map(|found| (found.at, found.keeps))
        };
        let at = "2026-11-11T00:00:00Z";
        assert_eq!(kept(&november, &[at]), Some((time(at), Amount::units(100))), "10 of 30 days");
        assert_eq!(kept(&january, &[at]), Some((time(at), Amount::ZERO)), "it has not begun");
        let both = ["2026-11-21T00:00:00Z", at];
        assert_eq!(kept(&november, &both), Some((time(at), Amount::units(100))), "the earliest");
        for start in ["2026-11-01T00:00:00Z", "2026-10-20T00:00:00Z", "2027-02-01T00:00:00Z", "2027-03-01T00:00:00Z"] {
            assert_eq!(kept(&november, &[start]), None, "{start}: its own, one before, the next ones");
        }
        assert_eq!(kept(&november, &["2026-12-01T00:00:00Z"]), None, "November was over by then");
        let later = "2026-12-11T00:00:00Z";
        assert_eq!(kept(&january, &[later]), Some((time(later), Amount::ZERO)));
        // An upgrade's grant is for what was left of the month when it came.
        let upgrade = begun("2026-11-21T00:00:00Z", "2026-12-01T00:00:00Z");
        assert_eq!(kept(&upgrade, &[at]), Some((time(at), Amount::ZERO)));
        let half = "2026-11-26T00:00:00Z";
        assert_eq!(kept(&upgrade, &[half]), Some((time(half), Amount::units(150))));
        assert_eq!(kept(&november, &[]), None);
    }

    #[test]
    fn a_period_begins_where_its_end_and_its_anchor_say() {
        for (end, interval, count, anchor, start) in [
            ("2026-12-21T10:00:00Z", Interval::Month, 1, "2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z"),
            ("2026-03-31T10:00:00Z", Interval::Month, 1, "2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z"),
            ("2026-02-28T10:00:00Z", Interval::Month, 1, "2025-08-31T10:00:00Z", "2026-01-31T10:00:00Z"),
            ("2026-05-31T10:00:00Z", Interval::Month, 3, "2026-05-31T10:00:00Z", "2026-02-28T10:00:00Z"),
            ("2027-01-31T10:00:00Z", Interval::Year, 1, "2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z"),
            ("2026-11-28T10:00:00Z", Interval::Week, 1, "2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z"),
            ("2026-11-28T10:00:00Z", Interval::Day, 3, "2026-11-21T10:00:00Z", "2026-11-25T10:00:00Z"),
        ] {
            let found = whole_start(time(end), interval, count, time(anchor));
            assert_eq!(found, time(start), "{end} {interval:?} {count}");
        }
    }

    #[test]
    fn a_subscription_is_counted_from_the_end_of_its_period_that_no_short_month_moved() {
        let of = |start: &str, end: &str| anchor(time(start), time(end));
        assert_eq!(of("2027-01-31T08:00:00Z", "2027-02-28T08:00:00Z"), time("2027-01-31T08:00:00Z"));
        assert_eq!(of("2027-02-28T08:00:00Z", "2027-03-31T08:00:00Z"), time("2027-03-31T08:00:00Z"));
        assert_eq!(of("2027-03-15T08:00:00Z", "2027-04-15T08:00:00Z"), time("2027-04-15T08:00:00Z"));
    }
}
