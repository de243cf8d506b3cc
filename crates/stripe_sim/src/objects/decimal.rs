//! Exact decimals with twelve places: prices of less than a minor unit, and the values that meters count.

use serde::{Deserialize, Serialize};
use std::{
    fmt,
    iter::Sum,
    ops::{Add, Sub},
    str::FromStr,
};

/// How many parts make one: 10^12.
const ONE: i128 = 1_000_000_000_000;

/// Most digits after the point, as Stripe takes them in prices.
const MOST_PLACES: usize = 12;

/// Most digits before the point, so that sums and products have room in 128 bits.
const MOST_WHOLE_DIGITS: usize = 15;

/// An exact decimal with up to twelve places, such as `0.05`; on the wire a text.
///
/// It is added and compared as it is; a product is rounded to a whole number, which is what an amount of money is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Decimal {
    /// Parts of 10^-12.
    parts: i128,
}

/// Why a text is no decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoDecimal {
    /// It is no number.
    NoNumber,
    /// It has more digits than are kept.
    TooManyDigits,
}

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self { parts: 0 };

    /// `self` times `by`, and `plus`: exact, then to the nearest whole number, halves away from zero; what is beyond
    /// 64 bits ends there.
    pub fn product(self, by: Self, plus: Self) -> i64 {
        let split = |value: Self| (value.parts / ONE, value.parts % ONE);
        let ((whole, part), (by_whole, by_part), (plus_whole, plus_part)) = (split(self), split(by), split(plus));
        // Parts of 10^-12, and what is left of them in parts of 10^-24: the product itself may not fit 128 bits.
        let middle = whole.saturating_mul(by_part).saturating_add(part.saturating_mul(by_whole));
        let middle = middle.saturating_add(plus_part);
        let wholes = whole.saturating_mul(by_whole).saturating_add(plus_whole).saturating_add(middle / ONE);
        let rest = (middle % ONE) * ONE + part * by_part;
        nearest(wholes.saturating_add(rest.div_euclid(ONE * ONE)), rest.rem_euclid(ONE * ONE))
    }

    /// How many packs of `size` (at least 1) it takes, or with `up` false how many it fills.
    pub fn packs(self, size: i64, up: bool) -> Self {
        let size = i128::from(size.max(1)).saturating_mul(ONE);
        let begun = up && self.parts.rem_euclid(size) != 0;
        let packs = self.parts.div_euclid(size).saturating_add(i128::from(begun));
        Self { parts: packs.saturating_mul(ONE) }
    }

    /// Without what follows the point; what is beyond 64 bits ends there.
    pub fn truncated(self) -> i64 {
        saturated(self.parts / ONE)
    }

    /// As a whole number, if it is one of 64 bits.
    pub fn whole(self) -> Option<i64> {
        if self.parts % ONE == 0 { i64::try_from(self.parts / ONE).ok() } else { None }
    }
}

/// `whole` and `rest` parts of 10^-24 (none or more, less than one), to the nearest whole number.
fn nearest(whole: i128, rest: i128) -> i64 {
    // Below zero the rest leads back towards it, so that a half stays where it is.
    let up = if whole < 0 { rest * 2 > ONE * ONE } else { rest * 2 >= ONE * ONE };
    saturated(whole.saturating_add(i128::from(up)))
}

fn saturated(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

impl From<i64> for Decimal {
    fn from(whole: i64) -> Self {
        Self { parts: i128::from(whole).saturating_mul(ONE) }
    }
}

impl FromStr for Decimal {
    type Err = NoDecimal;

    fn from_str(text: &str) -> Result<Self, NoDecimal> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
        let (whole, places) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(places) {
            return Err(NoDecimal::NoNumber);
        }
        let (whole, places) = (whole.trim_start_matches('0'), places.trim_end_matches('0'));
        if whole.len() > MOST_WHOLE_DIGITS || places.len() > MOST_PLACES {
            return Err(NoDecimal::TooManyDigits);
        }
        // At least 12 digits, at most 27: 128 bits hold them.
        let digits = format!("{whole}{places:0<12}");
        let parts: i128 = digits.parse().map_err(|_| NoDecimal::NoNumber)?;
        Ok(Self { parts: sign * parts })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, one) = (self.parts.unsigned_abs(), ONE.unsigned_abs());
        let sign = if self.parts < 0 { "-" } else { "" };
        let places = format!("{:012}", size % one);
        match places.trim_end_matches('0') {
            "" => write!(f, "{sign}{}", size / one),
            places => write!(f, "{sign}{}.{places}", size / one),
        }
    }
}

impl fmt::Display for NoDecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoNumber => "no decimal number",
            Self::TooManyDigits => "a decimal number with too many digits",
        })
    }
}

impl TryFrom<String> for Decimal {
    type Error = NoDecimal;

    fn try_from(text: String) -> Result<Self, NoDecimal> {
        text.parse()
    }
}

impl From<Decimal> for String {
    fn from(value: Decimal) -> Self {
        value.to_string()
    }
}

impl Add for Decimal {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { parts: self.parts.saturating_add(other.parts) }
    }
}

impl Sub for Decimal {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { parts: self.parts.saturating_sub(other.parts) }
    }
}

impl Sum for Decimal {
    fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
        values.fold(Self::ZERO, |sum, value| sum + value)
    }
}

#[cfg(test)]
mod tests {
    use super::{Decimal, NoDecimal};
    use serde_json::json;

    fn decimal(text: &str) -> Decimal {
        text.parse().expect(text)
    }

    #[test]
    fn texts_are_read_and_written() {
        for (text, written) in [
            ("0", "0"),
            ("-0", "0"),
            ("25", "25"),
            ("007", "7"),
            ("105.5", "105.5"),
            ("105.50", "105.5"),
            ("0.05", "0.05"),
            ("-3.000000000001", "-3.000000000001"),
            ("999999999999999.999999999999", "999999999999999.999999999999"),
            ("1.0000000000000000", "1"),
        ] {
            assert_eq!(decimal(text).to_string(), written, "{text}");
        }
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in ["", "-", ".", "1.", ".5", "+1", "1e3", "1,5", " 1", "--1", "1.2.3", "٣", "NaN"] {
            assert_eq!(text.parse::<Decimal>(), Err(NoDecimal::NoNumber), "{text}");
        }
        for text in ["0.0000000000001", "1000000000000000", "-1234567890123456.5"] {
            assert_eq!(text.parse::<Decimal>(), Err(NoDecimal::TooManyDigits), "{text}");
        }
    }

    #[test]
    fn halves_go_away_from_zero() {
        for (text, rounded) in [
            ("0.5", 1),
            ("-0.5", -1),
            ("1.5", 2),
            ("-1.5", -2),
            ("1.499999999999", 1),
            ("-1.499999999999", -1),
            ("-1.500000000001", -2),
            ("0.000000000001", 0),
            ("-7", -7),
        ] {
            assert_eq!(decimal(text).product(Decimal::from(1), Decimal::ZERO), rounded, "{text}");
            assert_eq!(Decimal::ZERO.product(Decimal::ZERO, decimal(text)), rounded, "{text}");
        }
    }

    #[test]
    fn products_are_exact_before_they_are_rounded() {
        for (unit, quantity, plus, expected) in [
            ("0.05", "30", "0", 2),
            ("0.05", "29", "0", 1),
            ("-0.05", "30", "0", -2),
            ("-0.05", "30", "0.5", -1),
            ("0.1", "50000", "0", 5000),
            ("0.333333333333", "3", "0", 1),
            ("0.000000000001", "0.000000000001", "0.5", 1),
            ("-0.000000000001", "0.000000000001", "0.5", 0),
            ("2.5", "-0.2", "0", -1),
            ("999999999999999", "1000", "0", 999_999_999_999_999_000),
            ("999999999999999", "999999999999999", "0", i64::MAX),
            ("999999999999999", "-999999999999999", "0", i64::MIN),
            ("12.25", "4", "100", 149),
        ] {
            let found = decimal(unit).product(decimal(quantity), decimal(plus));
            assert_eq!(found, expected, "{unit} × {quantity} + {plus}");
        }
    }

    #[test]
    fn the_rest_of_the_sums() {
        let sum: Decimal = ["0.1", "0.2", "-1.3"].into_iter().map(decimal).sum();
        assert_eq!(sum, decimal("-1"));
        assert_eq!(decimal("1") - decimal("0.999999999999"), decimal("0.000000000001"));
        assert_eq!((decimal("7").whole(), decimal("7.5").whole()), (Some(7), None));
        assert_eq!((decimal("7.9").truncated(), decimal("-7.9").truncated()), (7, -7));
        assert!(decimal("9.99") < decimal("10") && Decimal::from(3) == decimal("3"));
        for (quantity, size, up, packs) in [
            ("25", 100, true, 1),
            ("3000", 100, true, 30),
            ("0", 5, true, 0),
            ("1999", 1000, false, 1),
            ("0.5", 1, true, 1),
        ] {
            assert_eq!(decimal(quantity).packs(size, up), Decimal::from(packs), "{quantity} by {size}");
        }
    }

    #[test]
    fn on_the_wire_it_is_a_text() {
        assert_eq!(serde_json::to_value(decimal("0.50")).expect("a text"), json!("0.5"));
        assert_eq!(serde_json::from_value::<Decimal>(json!("0.5")).expect("a decimal"), decimal("0.5"));
        assert!(serde_json::from_value::<Decimal>(json!("x")).is_err());
    }
}
