//! Instants in microseconds, read and written as RFC 3339 in UTC.

use core::fmt;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// An instant: microseconds since 1970-01-01T00:00:00Z, between the years 0001 and 9999.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(i64);

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;
/// Seconds in a day of UTC.
const DAY: i64 = 86_400;

impl Time {
    /// The first instant there is: 0001-01-01T00:00:00Z.
    pub const MIN: Self = Self(-62_135_596_800 * SECOND);
    /// The last instant there is: 9999-12-31T23:59:59.999999Z.
    pub const MAX: Self = Self(253_402_300_800 * SECOND - 1);

    /// An instant of `micros` microseconds since the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The instant `seconds` later (or earlier, when negative), held within [`Time::MIN`] and [`Time::MAX`].
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        let micros = self.0.saturating_add(seconds.saturating_mul(SECOND));
        if micros < Self::MIN.0 {
            Self::MIN
        } else if micros > Self::MAX.0 {
            Self::MAX
        } else {
            Self(micros)
        }
    }

    /// Whole days of UTC since 1970-01-01, rounded down.
    #[must_use]
    pub const fn utc_day(self) -> i32 {
        // The widest instant, i64::MAX microseconds, is day 106,751,991.
        self.0.div_euclid(DAY * SECOND) as i32
    }

    /// The first instant of its month in UTC.
    #[must_use]
    pub const fn start_of_utc_month(self) -> Self {
        let day = self.utc_day() as i64;
        let (_, _, day_of_month) = civil(day);
        Self((day - day_of_month + 1) * DAY * SECOND)
    }

    /// Its date in UTC.
    pub(crate) fn utc_date(self) -> Date {
        let (year, month, day) = civil(i64::from(self.utc_day()));
        let date = Date::new(year as i16, month as i8, day as i8);
        date.unwrap_or(if self.0 < 0 { Date::MIN } else { Date::MAX })
    }

    /// The first instant of `date` in UTC.
    pub(crate) fn utc_midnight(date: Date) -> Self {
        Self(days_since_epoch(date) * DAY * SECOND)
    }

    /// Reads RFC 3339 (`2026-11-21T04:00:00Z`, offsets taken, up to microseconds).
    ///
    /// Nothing is rounded or moved: a date that does not exist, a second 60 (a leap second is no
    /// instant of its own here) and decimals after the sixth that are not zero are refused.
    ///
    /// # Errors
    /// `None` when the text is no instant, or one outside the years 0001–9999.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut text = Reader(text.as_bytes());
        let year = text.number(4)?;
        text.one_of(b"-")?;
        let month = text.number(2)?;
        text.one_of(b"-")?;
        let day = text.number(2)?;
        text.one_of(b"Tt")?;
        let hour = text.number(2).filter(|hour| *hour < 24)?;
        text.one_of(b":")?;
        let minute = text.number(2).filter(|minute| *minute < 60)?;
        text.one_of(b":")?;
        let second = text.number(2).filter(|second| *second < 60)?;
        let micros = text.decimals()?;
        let offset = text.offset()?;
        let date = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        let seconds = days_since_epoch(date) * DAY + hour * 3600 + minute * 60 + second - offset;
        let time = Self(seconds * SECOND + micros);
        (text.0.is_empty() && Self::MIN <= time && time <= Self::MAX).then_some(time)
    }
}

impl fmt::Display for Time {
    /// RFC 3339 in UTC with as many decimals as needed: `2026-11-21T04:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(i64::from(self.utc_day()));
        let second = self.0.div_euclid(SECOND).rem_euclid(DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        let mut micros = self.0.rem_euclid(SECOND);
        if micros > 0 {
            let mut width = 6;
            while micros % 10 == 0 {
                micros /= 10;
                width -= 1;
            }
            write!(f, ".{micros:0width$}")?;
        }
        f.write_str("Z")
    }
}

/// What is left to read of an instant's text.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    /// A number of exactly `digits` digits.
    fn number(&mut self, digits: usize) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        number.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
    }

    /// One of `bytes`.
    fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        bytes.contains(first).then_some(*first)
    }

    /// A point and decimals, if there are any, as microseconds.
    fn decimals(&mut self) -> Option<i64> {
        let Some(rest) = self.0.strip_prefix(b".") else { return Some(0) };
        let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, rest) = rest.split_at(end);
        self.0 = rest;
        let exact = digits.iter().skip(6).all(|digit| *digit == b'0');
        let six = digits.iter().copied().chain(core::iter::repeat(b'0')).take(6);
        (exact && !digits.is_empty()).then(|| six.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
    }

    /// `Z`, or an offset from UTC, in seconds.
    fn offset(&mut self) -> Option<i64> {
        let sign = match self.one_of(b"Zz+-")? {
            b'+' => 1,
            b'-' => -1,
            _ => return Some(0),
        };
        let hours = self.number(2).filter(|hours| *hours < 24)?;
        self.one_of(b":")?;
        let minutes = self.number(2).filter(|minutes| *minutes < 60)?;
        Some(sign * (hours * 3600 + minutes * 60))
    }
}

/// Days from 1970-01-01 to `date`.
fn days_since_epoch(date: Date) -> i64 {
    date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24
}

/// Year, month and day of the day `days` after 1970-01-01.
///
/// Counted in years that begin on 1 March, so that the leap day comes last, and in spans of 400
/// years (146,097 days), after which the calendar repeats. jiff's timestamps end a day too early for this.
const fn civil(days: i64) -> (i64, i64, i64) {
    let since_march_0000 = days + 719_468;
    let span = since_march_0000.div_euclid(146_097);
    let day = since_march_0000.rem_euclid(146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (span * 400 + year + (month <= 2) as i64, month, day_of_month)
}

#[cfg(test)]
mod tests;
