//! Amounts and currencies: which there are, the least and the most that can be charged, and how an amount is written.

use crate::error::ApiError;

/// The currencies Stripe takes, in the order in which it lists them. Source: <https://docs.stripe.com/currencies>
const CURRENCIES: &[&str] = &[
    "usd", "aed", "afn", "all", "amd", "ang", "aoa", "ars", "aud", "awg", "azn", "bam", "bbd", "bdt", "bgn", "bhd",
    "bif", "bmd", "bnd", "bob", "brl", "bsd", "bwp", "byn", "bzd", "cad", "cdf", "chf", "clp", "cny", "cop", "crc",
    "cve", "czk", "djf", "dkk", "dop", "dzd", "egp", "etb", "eur", "fjd", "fkp", "gbp", "gel", "gip", "gmd", "gnf",
    "gtq", "gyd", "hkd", "hnl", "hrk", "htg", "huf", "idr", "ils", "inr", "isk", "jmd", "jod", "jpy", "kes", "kgs",
    "khr", "kmf", "krw", "kwd", "kyd", "kzt", "lak", "lbp", "lkr", "lrd", "lsl", "mad", "mdl", "mga", "mkd", "mmk",
    "mnt", "mop", "mur", "mvr", "mwk", "mxn", "myr", "mzn", "nad", "ngn", "nio", "nok", "npr", "nzd", "omr", "pab",
    "pen", "pgk", "php", "pkr", "pln", "pyg", "qar", "ron", "rsd", "rub", "rwf", "sar", "sbd", "scr", "sek", "sgd",
    "shp", "sle", "sos", "srd", "std", "szl", "thb", "tjs", "tnd", "top", "try", "ttd", "twd", "tzs", "uah", "ugx",
    "uyu", "uzs", "vnd", "vuv", "wst", "xaf", "xcd", "xcg", "xof", "xpf", "yer", "zar", "zmw", "usdc", "btn", "ghs",
    "eek", "lvl", "svc", "vef", "ltl", "sll", "mro",
];

/// Currencies without a smaller unit. Source: <https://docs.stripe.com/currencies>
const WHOLE: &[&str] =
    &["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"];

/// Currencies whose smaller unit is a thousandth. Same source.
const THOUSANDTHS: &[&str] = &["bhd", "jod", "kwd", "omr", "tnd"];

/// The most that is charged at once, in minor units: eight digits. From memory of Stripe's page on currencies.
const MOST: i64 = 99_999_999;

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
    Err(ApiError::wrong(&format!("Invalid {param}: {text}. Stripe currently supports these currencies: {all}"), param))
}

/// The least that is charged, in minor units. Source: <https://docs.stripe.com/currencies>
pub(crate) fn minimum(currency: &str) -> i64 {
    match currency {
        "gbp" => 30,
        "bgn" => 100,
        "aed" | "myr" | "pln" | "ron" => 200,
        "dkk" => 250,
        "nok" | "sek" => 300,
        "hkd" => 400,
        "mxn" | "thb" => 1000,
        "czk" => 1500,
        "huf" => 17_500,
        _ => 50,
    }
}

/// Whether so much can be charged.
///
/// # Errors
/// Nothing or less, too little, or too much.
pub(crate) fn check(amount: i64, currency: &str) -> Result<(), ApiError> {
    if amount < 1 {
        return Err(ApiError::wrong(
            "The amount must be greater than or equal to the minimum charge amount allowed for your account and the \
             currency set (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).  If you want to \
             save a Payment Method for future use without an immediate payment, use a Setup Intent instead: \
             https://docs.stripe.com/payments/setup-intents",
            "amount",
        )
        .code("parameter_invalid_integer"));
    }
    let least = minimum(currency);
    if amount < least {
        let message = format!("Amount must be at least {} {currency}", shown(least, currency));
        return Err(ApiError::wrong(&message, "amount").code("amount_too_small"));
    }
    if amount > MOST {
        let message = format!("Amount must be no more than {}", shown(MOST, currency));
        return Err(ApiError::wrong(&message, "amount").code("amount_too_large"));
    }
    Ok(())
}

/// An amount as Stripe writes it in texts: `$1,234.50`.
pub(crate) fn shown(amount: i64, currency: &str) -> String {
    let digits = if WHOLE.contains(&currency) {
        grouped(amount)
    } else if THOUSANDTHS.contains(&currency) {
        format!("{}.{:03}", grouped(amount / 1000), amount % 1000)
    } else {
        format!("{}.{:02}", grouped(amount / 100), amount % 100)
    };
    match currency {
        "usd" => format!("${digits}"),
        "eur" => format!("€{digits}"),
        "gbp" => format!("£{digits}"),
        "jpy" => format!("¥{digits}"),
        "aud" => format!("A${digits}"),
        "cad" => format!("CA${digits}"),
        _ => format!("{digits} {}", currency.to_ascii_uppercase()),
    }
}

/// A number from zero up with a comma after every third digit from the right.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{check, currency, shown};

    #[test]
    fn amounts_are_written() {
        let table = [
            (4000, "usd", "$40.00"),
            (5, "usd", "$0.05"),
            (123_456_789, "usd", "$1,234,567.89"),
            (99_999, "eur", "€999.99"),
            (1500, "jpy", "¥1,500"),
            (1500, "kwd", "1.500 KWD"),
            (1500, "chf", "15.00 CHF"),
        ];
        for (amount, currency, text) in table {
            assert_eq!(shown(amount, currency), text);
        }
    }

    #[test]
    fn amounts_have_bounds() {
        let code = |amount, currency| check(amount, currency).err().and_then(|error| error.code);
        let table = [
            (0, "usd", Some("parameter_invalid_integer")),
            (-5, "usd", Some("parameter_invalid_integer")),
            (49, "usd", Some("amount_too_small")),
            (50, "usd", None),
            (29, "gbp", Some("amount_too_small")),
            (99_999_999, "usd", None),
            (100_000_000, "usd", Some("amount_too_large")),
        ];
        for (amount, currency, expected) in table {
            assert_eq!(code(amount, currency).as_deref(), expected, "{amount} {currency}");
        }
        let message = check(49, "usd").err().map(|error| error.message);
        assert_eq!(message.as_deref(), Some("Amount must be at least $0.50 usd"));
    }

    #[test]
    fn currencies_are_known() {
        assert_eq!(currency("USD", "currency").ok().as_deref(), Some("usd"));
        let error = currency("xyz", "currency").expect_err("no currency");
        assert!(
            error.message.starts_with("Invalid currency: xyz. Stripe currently supports these currencies: usd, aed")
        );
        assert!(error.message.ends_with("sll, mro") && error.code.is_none());
    }
}
