//! Calendar periods in a customer's time zone: labels, bounds, and months that clamp from their anchor.

use crate::{Time, ids::BadName};
use alloc::{format, string::String};
use jiff::{
    Timestamp, ToSpan,
    civil::{self, Date, Weekday},
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};

/// A time zone by its IANA name, from the zone data compiled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// How a recurring period is cut out of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cycle {
    /// A local date: `2026-11-21`.
    Day,
    /// An ISO week, from Monday: `2026-W47`.
    Week,
    /// A calendar month: `2026-11`.
    Month,
    /// A month of a paid period, counted from an instant: `2026-11-21/P1M`.
    ///
    /// Counted in UTC, as the payment's periods are, so that the customer's zone never moves it.
    /// The n-th month begins on the anchor's day, or on the month's last where there is no such day.
    Billing {
        /// Where the first month begins.
        anchor: Time,
    },
}

/// One period: the instants from `start` up to, not including, `end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its name, unique within its cycle.
    pub label: String,
    /// Its first instant.
    pub start: Time,
    /// The first instant after it; [`Time::MAX`] for the last there is, from 9999-12-30 on.
    pub end: Time,
}

impl Zone {
    /// Takes an IANA name such as `America/Sao_Paulo`, in capitals or not.
    ///
    /// # Errors
    /// [`BadName`] when there is no such zone.
    pub fn new(name: &str) -> Result<Self, BadName> {
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| BadName)?;
        if zone.is_unknown() || zone.iana_name().is_none() { Err(BadName) } else { Ok(Self(zone)) }
    }

    /// The default zone, `UTC`.
    #[must_use]
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// Its name, spelt as the zone data spell it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// What the calendar on the wall says at `at`.
    fn date_at(&self, at: Time) -> Date {
        let within = at.micros().clamp(Timestamp::MIN.as_microsecond(), Timestamp::MAX.as_microsecond());
        let instant = Timestamp::from_microsecond(within).unwrap_or_default();
        self.0.to_datetime(instant).date()
    }

    /// The first instant of `date`: its midnight, the first one if there are two; where midnight (or
    /// the whole date) is skipped, the instant at which the clocks jump over it.
    fn first_instant(&self, date: Date) -> Time {
        let midnight = date.to_datetime(civil::Time::midnight());
        let candidates = self.0.to_ambiguous_timestamp(midnight);
        let skipped = matches!(candidates.offset(), AmbiguousOffset::Gap { .. });
        let Ok(earlier) = candidates.earlier() else { return Time::MAX };
        if !skipped {
            return Time::from_micros(earlier.as_microsecond());
        }
        // In a gap `earlier` lies before the jump, so the jump is the first one that lands past midnight.
        let mut jumps = self.0.following(earlier);
        let jump = jumps.find(|jump| jump.offset().to_datetime(jump.timestamp()) >= midnight);
        Time::from_micros(jump.map_or(earlier, |jump| jump.timestamp()).as_microsecond())
    }
}

impl Cycle {
    /// The period `at` lies in. The periods of a cycle and zone follow each other without gap or overlap.
    #[must_use]
    pub fn period_at(self, zone: &Zone, at: Time) -> Period {
        if let Self::Billing { anchor } = self {
            return billing_month(anchor, at);
        }
        let mut first = self.first_date(zone.date_at(at));
        let mut start = zone.first_instant(first);
        // The wall calendar can go back over midnight for a while, and can skip dates: bounds decide.
        while let Some(next) = self.next_date(first) {
            let end = zone.first_instant(next);
            if at < end || end == Time::MAX {
                return Period { label: self.label(first), start, end };
            }
            (first, start) = (next, end);
        }
        Period { label: self.label(first), start, end: Time::MAX }
    }

    /// The first date of the period `date` is in.
    fn first_date(self, date: Date) -> Date {
        match self {
            Self::Day | Self::Billing { .. } => date,
            Self::Week => date.saturating_sub(i64::from(date.weekday().since(Weekday::Monday)).days()),
            Self::Month => date.first_of_month(),
        }
    }

    /// The first date of the period after the one that begins on `first`; none after the year 9999.
    fn next_date(self, first: Date) -> Option<Date> {
        let step = match self {
            Self::Day => 1.day(),
            Self::Week => 1.week(),
            Self::Month | Self::Billing { .. } => 1.month(),
        };
        first.checked_add(step).ok()
    }

    fn label(self, first: Date) -> String {
        match self {
            Self::Day => format!("{first}"),
            Self::Week => {
                let week = first.iso_week_date();
                format!("{:04}-W{:02}", week.year(), week.week())
            }
            Self::Month => format!("{:04}-{:02}", first.year(), first.month()),
            Self::Billing { .. } => format!("{first}/P1M"),
        }
    }
}

/// The month counted from `anchor` that `at` lies in.
fn billing_month(anchor: Time, at: Time) -> Period {
    let (first, date) = (anchor.utc_date(), at.utc_date());
    let time_of_day = anchor.micros() - Time::utc_midnight(first).micros();
    let begin = |month: i32| match first.checked_add(month.months()) {
        Ok(date) => (date, Time::from_micros(Time::utc_midnight(date).micros() + time_of_day)),
        Err(_) => (Date::MAX, Time::MAX),
    };
    // The month of the calendar date is the right one or one too late.
    let years = i32::from(date.year()) - i32::from(first.year());
    let months = years * 12 + i32::from(date.month()) - i32::from(first.month());
    let month = if begin(months).1 <= at { months } else { months - 1 };
    let ((date, start), (_, end)) = (begin(month), begin(month + 1));
    Period { label: Cycle::Billing { anchor }.label(date), start, end }
}

#[cfg(test)]
mod tests;
