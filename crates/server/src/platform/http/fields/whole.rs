//! Whole numbers in JSON: `60` and `60.0` are the same number, as they are in the schemas.

use serde::{
    Deserializer,
    de::{self, Unexpected, Visitor},
};
use std::fmt;

/// Up to here every whole number is a float of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// `number` as an integer, if it is whole and within ±2^53.
pub(super) fn from_float(number: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and within ±2^53")]
    let whole = number as i64;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(whole)
}

/// Reads a whole number.
///
/// # Errors
/// A serde error that says what it must be.
pub fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    from.deserialize_i64(Whole)
}

struct Whole;

impl Visitor<'_> for Whole {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<i64, E> {
        i64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<i64, E> {
        from_float(number).ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_whole_is_read_however_it_is_written() {
        let read = |text: &str| whole(&mut serde_json::Deserializer::from_str(text)).ok();
        assert_eq!(read("60"), Some(60));
        assert_eq!(read("60.0"), Some(60));
        assert_eq!(read("6e1"), Some(60));
        assert_eq!(read("-1.0"), Some(-1));
        for wrong in ["1.5", "1e30", "18446744073709551615", "\"1\"", "true", "null"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
