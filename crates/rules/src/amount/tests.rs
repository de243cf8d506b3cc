//! Amounts: tables of texts, and every reading against plain integer arithmetic.

use super::{Amount, AmountError};
use alloc::{
    format,
    string::{String, ToString},
};
use proptest::prelude::*;

#[test]
fn texts_are_read_exactly_and_written_shortest() {
    let table = [
        ("0", 0, "0"),
        ("-0", 0, "0"),
        ("0.000", 0, "0"),
        ("0e999999999", 0, "0"),
        ("0e-999999999", 0, "0"),
        ("1", 1_000_000, "1"),
        ("1.0", 1_000_000, "1"),
        ("1.0000000", 1_000_000, "1"),
        ("-2.5", -2_500_000, "-2.5"),
        ("1e3", 1_000_000_000, "1000"),
        ("1E+3", 1_000_000_000, "1000"),
        ("1.5E-3", 1_500, "0.0015"),
        ("1e-6", 1, "0.000001"),
        ("10e-7", 1, "0.000001"),
        ("-0.000001", -1, "-0.000001"),
        ("0.0015e3", 1_500_000, "1.5"),
        ("-2.000001", -2_000_001, "-2.000001"),
        ("0.1", 100_000, "0.1"),
        ("100", 100_000_000, "100"),
        ("999999999.999999", 999_999_999_999_999, "999999999.999999"),
        ("-999999999.999999", -999_999_999_999_999, "-999999999.999999"),
        ("999999999999999e-6", 999_999_999_999_999, "999999999.999999"),
        ("9.99999999999999000e8", 999_999_999_999_999, "999999999.999999"),
        ("1e8", 100_000_000_000_000, "100000000"),
        ("1e00000000000000000000000000000000008", 100_000_000_000_000, "100000000"),
    ];
    for (text, micros, written) in table {
        let amount = Amount::parse(text).expect(text);
        assert_eq!((amount.micros(), amount.to_string().as_str()), (micros, written), "{text}");
    }
}

#[test]
fn what_is_no_number_is_named_so() {
    let table = [
        "",
        " ",
        "-",
        "+1",
        " 1",
        "1 ",
        "1\n",
        "NaN",
        "Infinity",
        "-Infinity",
        "inf",
        ".5",
        "5.",
        "-.5",
        "0x10",
        "1_000",
        "1,5",
        "1.5.2",
        "--1",
        "-+1",
        "1e",
        "1e+",
        "1e-",
        "1e1.5",
        "1e 3",
        "e3",
        "01",
        "-01",
        "00",
        "1.e3",
        "one",
        "1\0",
        "\0",
        "\u{0661}",
        "\u{ff11}",
        "\u{2212}1",
        "1d",
        "1f",
        "null",
        "true",
        "\"1\"",
    ];
    for text in table {
        assert_eq!(Amount::parse(text), Err(AmountError::NotANumber), "{text:?}");
    }
}

#[test]
fn what_is_too_fine_or_too_large_is_named_so() {
    for text in ["0.0000001", "1.0000001", "1e-7", "-1e-7", "15e-7", "1e-999999999", "1e-99999999999999999999999"] {
        assert_eq!(Amount::parse(text), Err(AmountError::TooPrecise), "{text}");
    }
    for text in ["1000000000", "-1000000000", "1e9", "1e999999999", "-1e99999999999999999999999", "9999999999.5"] {
        assert_eq!(Amount::parse(text), Err(AmountError::TooLarge), "{text}");
    }
}

#[test]
fn long_texts_are_read_like_short_ones() {
    let zeros = "0".repeat(10_000);
    let nines = "9".repeat(10_000);
    assert_eq!(Amount::parse(&format!("1.{zeros}")), Ok(Amount::units(1)));
    assert_eq!(Amount::parse(&format!("0.{zeros}1e10001")), Ok(Amount::units(1)));
    assert_eq!(Amount::parse(&format!("1{zeros}e-10000")), Ok(Amount::units(1)));
    assert_eq!(Amount::parse(&format!("1e{nines}")), Err(AmountError::TooLarge));
    assert_eq!(Amount::parse(&format!("1e-{nines}")), Err(AmountError::TooPrecise));
    assert_eq!(Amount::parse(&nines), Err(AmountError::TooLarge));
    assert_eq!(Amount::parse(&format!("0.{nines}")), Err(AmountError::TooPrecise));
    assert_eq!(Amount::parse(&format!("0{zeros}")), Err(AmountError::NotANumber));
}

#[test]
fn sums_stay_within_bounds() {
    let least = Amount::from_micros(1).expect("small");
    let lowest = Amount::from_micros(-Amount::MAX.micros()).expect("the lower bound");
    assert_eq!(Amount::MAX.checked_add(least), None);
    assert_eq!(Amount::MAX.checked_add(Amount::ZERO), Some(Amount::MAX));
    assert_eq!(lowest.checked_sub(least), None);
    assert_eq!(lowest.checked_add(Amount::MAX), Some(Amount::ZERO));
    assert_eq!(Amount::from_micros(Amount::MAX.micros() + 1), None);
    assert_eq!(Amount::from_micros(i64::MIN), None);
    assert_eq!(Amount::try_from(i64::MAX), Err(AmountError::TooLarge));
}

/// What a reader with no bound on size would say: sign, digits as one number, power of ten.
fn model(negative: bool, whole: &str, fraction: &str, exponent: i32) -> Result<i64, AmountError> {
    let digits: i128 = format!("{whole}{fraction}").parse().expect("digits");
    let power = exponent + 6 - i32::try_from(fraction.len()).expect("short");
    let scale = 10_i128.pow(power.unsigned_abs());
    if power < 0 && digits % scale != 0 {
        return Err(AmountError::TooPrecise);
    }
    let micros = if power < 0 { digits / scale } else { digits * scale };
    if micros > i128::from(Amount::MAX.micros()) {
        return Err(AmountError::TooLarge);
    }
    let micros = i64::try_from(micros).expect("within bounds");
    Ok(if negative { -micros } else { micros })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(micros in -999_999_999_999_999_i64..=999_999_999_999_999) {
        let amount = Amount::from_micros(micros).expect("in range");
        let text = amount.to_string();
        prop_assert_eq!(Amount::parse(&text), Ok(amount));
        prop_assert!(!text.contains('.') || !text.ends_with('0'));
    }

    #[test]
    fn reading_agrees_with_plain_arithmetic(
        negative: bool,
        whole in "0|[1-9][0-9]{0,12}",
        fraction in "[0-9]{0,9}0{0,3}",
        exponent in -10_i32..10,
    ) {
        let sign = if negative { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        let plain = format!("{sign}{whole}{point}{fraction}");
        let text = if exponent == 0 { plain } else { format!("{plain}e{exponent}") };
        prop_assert_eq!(Amount::parse(&text).map(Amount::micros), model(negative, &whole, &fraction, exponent));
    }

    #[test]
    fn no_text_breaks_it(text in "\\PC{0,24}|[-+0-9.eE]{0,24}") {
        let read: Result<Amount, AmountError> = Amount::parse(&text);
        let written: Option<String> = read.ok().map(|amount| amount.to_string());
        prop_assert_eq!(written.map(|text| Amount::parse(&text)), read.ok().map(Ok));
    }
}
