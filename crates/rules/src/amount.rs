//! Exact amounts: whole millionths of a unit in 64 bits, read and written without a float.

use core::fmt;
use serde::{Deserialize, Serialize};

/// An exact amount in millionths of a unit, within ±[`Amount::MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64")]
pub struct Amount(i64);

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountError {
    /// The text is not a decimal number (`NaN`, empty, letters …).
    NotANumber,
    /// It has more than six decimals that are not zero.
    TooPrecise,
    /// Its magnitude is over [`Amount::MAX`].
    TooLarge,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount, and the largest total: 999,999,999.999999.
    pub const MAX: Self = Self(999_999_999_999_999);

    /// `units` whole units; for literals in code and tests. Panics over [`Amount::MAX`].
    #[must_use]
    pub const fn units(units: i64) -> Self {
        assert!(units.unsigned_abs() <= 999_999_999, "units over the maximum");
        Self(units * 1_000_000)
    }

    /// An amount of `micros` millionths, if it is within ±[`Amount::MAX`].
    #[must_use]
    pub const fn from_micros(micros: i64) -> Option<Self> {
        if micros.unsigned_abs() <= Self::MAX.0.unsigned_abs() { Some(Self(micros)) } else { None }
    }

    /// The amount in millionths.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Reads a decimal exactly: `1`, `1.0`, `-2.5`, `1e3`, `1.5E-3`. The grammar is that of a JSON
    /// number (no `+` in front, no leading zeros, digits on both sides of a point), whether it came
    /// as a number or as a string. Zeros at the end cost nothing: `1.0000000` is `1`.
    ///
    /// # Errors
    /// [`AmountError`], naming what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let decimal = Decimal::read(text.as_bytes()).ok_or(AmountError::NotANumber)?;
        let magnitude = decimal.micros()?;
        Ok(Self(if decimal.negative { -magnitude } else { magnitude }))
    }

    /// Whether it is more than nothing.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, if it is within bounds.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        Self::from_micros(self.0 + other.0)
    }

    /// The difference, if it is within bounds.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        Self::from_micros(self.0 - other.0)
    }
}

impl fmt::Display for Amount {
    /// The shortest exact decimal: `1`, `0.5`, `-2.000001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        let (whole, mut part) = (micros / 1_000_000, micros % 1_000_000);
        if part == 0 {
            return write!(f, "{sign}{whole}");
        }
        let mut width = 6;
        while part % 10 == 0 {
            part /= 10;
            width -= 1;
        }
        write!(f, "{sign}{whole}.{part:0width$}")
    }
}

impl TryFrom<i64> for Amount {
    type Error = AmountError;

    /// Takes millionths as they were stored.
    fn try_from(micros: i64) -> Result<Self, AmountError> {
        Self::from_micros(micros).ok_or(AmountError::TooLarge)
    }
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "not a decimal number; write it like 12 or 0.5",
            Self::TooPrecise => "more than six decimals; round it to millionths",
            Self::TooLarge => "too large; the most is 999999999.999999",
        })
    }
}

/// A decimal number's parts, as they stand in its text.
struct Decimal<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl<'a> Decimal<'a> {
    /// Far over the length of any text, so that an exponent held at it decides the same.
    const MOST_EXPONENT: i64 = 1 << 60;

    fn read(text: &'a [u8]) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, rest) = split_digits(rest);
        if whole.is_empty() || (whole.len() > 1 && whole[0] == b'0') {
            return None;
        }
        let (fraction, rest) = match rest.strip_prefix(b".") {
            Some(rest) => Some(split_digits(rest)).filter(|(digits, _)| !digits.is_empty())?,
            None => (&[][..], rest),
        };
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', rest @ ..] => Self::read_exponent(rest)?,
            _ => return None,
        };
        Some(Self { negative, whole, fraction, exponent })
    }

    fn read_exponent(text: &[u8]) -> Option<i64> {
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let (digits, rest) = split_digits(text);
        if digits.is_empty() || !rest.is_empty() {
            return None;
        }
        let size = digits.iter().fold(0_i64, |size, digit| size.saturating_mul(10).saturating_add(value(*digit)));
        let size = size.min(Self::MOST_EXPONENT);
        Some(if negative { -size } else { size })
    }

    /// The magnitude in millionths: its digits from the first to the last that is not zero, shifted.
    fn micros(&self) -> Result<i64, AmountError> {
        let digits = || self.whole.iter().chain(self.fraction);
        let mut not_zero = digits().enumerate().filter(|(_, digit)| **digit != b'0').map(|(place, _)| place);
        let Some(first) = not_zero.next() else { return Ok(0) };
        let last = not_zero.last().unwrap_or(first);
        // Texts are far shorter than 2^60 bytes, so none of these sums overflows.
        let after_point = last as i64 + 1 - self.whole.len() as i64;
        let shift = self.exponent + 6 - after_point;
        if shift < 0 {
            return Err(AmountError::TooPrecise);
        }
        // Amount::MAX is fifteen nines: what has fifteen digits is within it.
        let length = (last + 1 - first) as i64;
        if length + shift > 15 {
            return Err(AmountError::TooLarge);
        }
        let significant = digits().skip(first).take(last + 1 - first);
        let number = significant.fold(0, |number, digit| number * 10 + value(*digit));
        Ok((0..shift).fold(number, |number, _| number * 10))
    }
}

/// The decimal digits `text` begins with, and the rest.
fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// What the digit stands for.
fn value(digit: u8) -> i64 {
    i64::from(digit - b'0')
}

#[cfg(test)]
mod tests;
