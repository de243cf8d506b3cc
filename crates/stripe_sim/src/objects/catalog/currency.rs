//! Currencies: which there are, and how an amount is written in the description of a line.

use crate::{error::ApiError, objects::decimal::Decimal};

/// The currencies, in the order in which Stripe lists them in its error.
const CURRENCIES: &[&str] = &[
    "usd", "aed", "afn", "all", "amd", "ang", "aoa", "ars", "aud", "awg", "azn", "bam", "bbd", "bdt", "bgn", "bhd",
    "bif", "bmd", "bnd", "bob", "brl", "bsd", "bwp", "byn", "bzd", "cad", "cdf", "chf", "clp", "cny", "cop", "crc",
    "cve", "czk", "djf", "dkk", "dop", "dzd", "egp", "etb", "eur", "fjd", "fkp", "gbp", "gel", "gip", "gmd", "gnf",
    "gtq", "gyd", "hkd", "hnl", "hrk", "htg", "huf", "idr", "ils", "inr", "isk", "jmd", "jod", "jpy", "kes", "kgs",
    "khr", "kmf", "krw", "kwd", "kyd", "kzt", "lak", "lbp", "lkr", "lrd", "lsl", "mad", "mdl", "mga", "mkd", "mmk",
    "mnt", "mop", "mur", "mvr", "mwk", "mxn", "myr", "mzn", "nad", "ngn", "nio", "nok", "npr", "nzd", "omr", "pab",
    "pen", "pgk", "php", "pkr", "pln", "pyg", "qar", "ron", "rsd", "rub", "rwf", "sar", "sbd", "scr", "sek", "sgd",
    "shp", "sle", "sos", "srd", "std", "szl", "thb", "tjs", "tnd", "top", "try", "ttd", "twd", "tzs", "uah", "ugx",
    "uyu", "uzs", "vnd", "vuv", "wst", "xaf", "xcd", "xof", "xpf", "yer", "zar", "zmw", "usdc", "btn", "ghs", "eek",
    "lvl", "svc", "vef", "ltl", "sll", "mro",
];

/// Currencies whose minor unit is the unit itself.
const WHOLE: &[&str] =
    &["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];

/// Currencies with a thousand minor units.
const THOUSANDTHS: &[&str] = &["bhd", "jod", "kwd", "omr", "tnd"];

/// The currency that `text` names, in small letters.
///
/// # Errors
/// There is no such currency.
pub(crate) fn currency(text: &str, param: &str) -> Result<String, ApiError> {
    let name = text.to_ascii_lowercase();
    if CURRENCIES.contains(&name.as_str()) {
        return Ok(name);
    }
    let all = CURRENCIES.join(", ");
    Err(ApiError::wrong(&format!("Invalid currency: {text}. Stripe currently supports these currencies: {all}"), param))
}

/// How many digits of an amount in minor units are behind the point.
fn minor_digits(currency: &str) -> usize {
    if WHOLE.contains(&currency) {
        0
    } else if THOUSANDTHS.contains(&currency) {
        3
    } else {
        2
    }
}

/// An amount in minor units as descriptions write it, such as `$1,490.00` or `$0.0005`.
pub(super) fn money(amount: Decimal, currency: &str) -> String {
    let text = amount.to_string();
    let (whole, places) = text.split_once('.').unwrap_or((text.as_str(), ""));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let digits = minor_digits(currency);
    let whole = format!("{whole:0>least$}", least = digits + 1);
    let (major, minor) = whole.split_at(whole.len() - digits);
    let point = if digits == 0 && places.is_empty() { "" } else { "." };
    format!("{sign}{}{}{point}{minor}{places}", symbol(currency), in_thousands(major))
}

/// Digits with a comma before every third from the end.
fn in_thousands(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What stands before an amount.
fn symbol(currency: &str) -> String {
    match currency {
        "usd" => "$".into(),
        "eur" => "€".into(),
        "gbp" => "£".into(),
        "jpy" => "¥".into(),
        "inr" => "₹".into(),
        other => format!("{} ", other.to_ascii_uppercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::{currency, money};

    #[test]
    fn currencies_are_known_by_their_three_letters() {
        assert_eq!(currency("USD", "currency"), Ok("usd".into()));
        let error = currency("xyz", "currency").expect_err("no currency");
        assert!(
            error
                .message
                .starts_with("Invalid currency: xyz. Stripe currently supports these currencies: usd, aed, afn, all")
        );
        assert!(error.message.ends_with("zmw, usdc, btn, ghs, eek, lvl, svc, vef, ltl, sll, mro"));
        assert_eq!((error.param.as_deref(), error.code), (Some("currency"), None));
    }

    #[test]
    fn amounts_are_written_with_their_sign() {
        for (amount, currency, written) in [
            ("1000", "usd", "$10.00"),
            ("3252", "usd", "$32.52"),
            ("5", "eur", "€0.05"),
            ("0", "gbp", "£0.00"),
            ("0.05", "usd", "$0.0005"),
            ("105.5", "usd", "$1.055"),
            ("149000", "usd", "$1,490.00"),
            ("123456789", "usd", "$1,234,567.89"),
            ("500", "jpy", "¥500"),
            ("0.5", "jpy", "¥0.5"),
            ("1234", "kwd", "KWD 1.234"),
            ("-1000", "chf", "-CHF 10.00"),
        ] {
            let amount = amount.parse().expect("a decimal");
            assert_eq!(money(amount, currency), written, "{written}");
        }
    }
}
