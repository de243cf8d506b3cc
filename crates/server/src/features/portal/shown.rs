//! Amounts, times and words as customers read them.

use crate::features::{payments::changes::Later, pricebook::Plan};
use jiff::{Timestamp, tz::TimeZone};
use purser_rules::{
    Amount, Time,
    credit::SourceKind,
    ids::Unit,
    pricebook::{AllowancePeriod, Credits, Interval, Price, PriceKind},
    subscription::Status,
};

/// Currencies without minor units, and with a thousand of them. Source: <https://docs.stripe.com/currencies>
const WHOLE: &[&str] =
    &["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];
const THOUSANDTHS: &[&str] = &["bhd", "jod", "kwd", "omr", "tnd"];

/// So much money, given in minor units: `$20.00`, `20.00 CHF`.
pub(super) fn money(minor: i64, currency: &str) -> String {
    let digits = match currency {
        whole if WHOLE.contains(&whole) => 0,
        fine if THOUSANDTHS.contains(&fine) => 3,
        _ => 2,
    };
    let sign = if minor < 0 { "-" } else { "" };
    let (amount, unit) = (minor.unsigned_abs(), 10_u64.pow(digits));
    let number = match digits {
        0 => grouped(amount),
        3 => format!("{}.{:03}", grouped(amount / unit), amount % unit),
        _ => format!("{}.{:02}", grouped(amount / unit), amount % unit),
    };
    match currency {
        "usd" => format!("{sign}${number}"),
        "eur" => format!("{sign}€{number}"),
        "gbp" => format!("{sign}£{number}"),
        other => format!("{sign}{number} {}", other.to_ascii_uppercase()),
    }
}

/// A number with its thousands set apart: `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many credits, or so much of another unit: `1 credit`, `1,234.5 credits`.
pub(super) fn amount(amount: Amount, unit: &Unit) -> String {
    // How the names of other units are counted is not known.
    if amount == Amount::units(1) && *unit == Unit::credits() {
        return "1 credit".to_owned();
    }
    format!("{} {}", number(amount), unit.as_str().replace('_', " "))
}

/// An amount with its thousands set apart: `1,234.5`.
pub(super) fn number(amount: Amount) -> String {
    let (sign, text) = (if amount.micros() < 0 { "-" } else { "" }, amount.to_string());
    let part = text.split_once('.').map(|(_, part)| format!(".{part}")).unwrap_or_default();
    format!("{sign}{}{part}", grouped(amount.micros().unsigned_abs() / 1_000_000))
}

/// The verb of so many.
pub(super) fn are(amount: Amount) -> &'static str {
    if amount == Amount::units(1) { "is" } else { "are" }
}

/// A price with how often it is paid: `$20.00 a month`. None when Stripe has decimals or tiers for it.
pub(super) fn price(price: &Price) -> Option<String> {
    let amount = money(price.unit_amount?, price.currency.as_str());
    let seat = if price.kind == PriceKind::PerSeat { " for each seat" } else { "" };
    Some(format!("{amount} {}{seat}", every(price.interval, price.interval_count)))
}

/// How long what is bought lives: `good for 30 days`.
pub(super) fn life(days: Option<u16>) -> String {
    match days {
        None => "no expiry".to_owned(),
        Some(1) => "good for 1 day".to_owned(),
        Some(days) => format!("good for {days} days"),
    }
}

fn every(interval: Interval, count: u16) -> String {
    match count {
        1 => format!("a {}", interval.as_str()),
        _ => format!("every {count} {}s", interval.as_str()),
    }
}

/// The credits of a plan: `20 credits a day`.
pub(super) fn credits(credits: &Credits) -> String {
    let every = match credits.period {
        AllowancePeriod::Day => "a day",
        AllowancePeriod::Week => "a week",
        AllowancePeriod::Month | AllowancePeriod::Billing => "a month",
    };
    let seat = if credits.per_seat { " for each seat" } else { "" };
    format!("{} {every}{seat}", amount(credits.amount, &credits.unit))
}

/// What an agreed change makes of the plan `now`: `From 1 February 2026 on you have Pro.`
pub(super) fn later(later: &Later, now: Option<&Plan>, zone: &str) -> String {
    let day = day(later.at, zone);
    match later.plan.as_ref().filter(|then| now.is_none_or(|now| now.public_name != then.public_name)) {
        Some(then) => format!("From {day} on you have {}.", then.public_name),
        None => format!("From {day} on you pay for it in another way."),
    }
}

/// The day in the zone of whoever reads it: `1 February 2026`.
pub(super) fn day(at: Time, zone: &str) -> String {
    written(at, zone, "%-d %B %Y")
}

/// The minute in the zone of whoever reads it, named: `1 February 2026, 14:05 UTC`.
pub(super) fn minute(at: Time, zone: &str) -> String {
    written(at, zone, "%-d %B %Y, %H:%M %Z")
}

fn written(at: Time, zone: &str, form: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    match Timestamp::from_microsecond(at.micros()) {
        Ok(instant) => instant.to_zoned(zone).strftime(form).to_string(),
        Err(_) => at.to_string(),
    }
}

/// `text` with a capital letter and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

/// Where credits come from.
pub(super) const fn source(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Subscription => "Paid with your plan",
        SourceKind::Allowance => "Comes with your plan",
        SourceKind::Topup => "Top-up",
        SourceKind::Promotion => "Promotion",
        SourceKind::Manual => "Given by the seller",
        SourceKind::Import => "Brought over",
        SourceKind::Rollover => "Carried over",
        SourceKind::Return => "Returned",
    }
}

/// How a subscription stands.
pub(super) const fn status(status: Status) -> &'static str {
    match status {
        Status::Trial => "In trial",
        Status::Active => "Active",
        Status::PastDue => "Payment due",
        Status::Canceled => "Subscription ended",
        Status::None => "No subscription",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use purser_rules::pricebook::Currency;

    #[test]
    fn money_is_written_by_its_currency() {
        for (minor, currency, expected) in [
            (2_000, "usd", "$20.00"),
            (5, "usd", "$0.05"),
            (-199, "eur", "-€1.99"),
            (0, "gbp", "£0.00"),
            (500, "jpy", "500 JPY"),
            (100_000, "usd", "$1,000.00"),
            (1_005, "kwd", "1.005 KWD"),
            (123_456, "chf", "1,234.56 CHF"),
            (i64::MIN, "usd", "-$92,233,720,368,547,758.08"),
        ] {
            assert_eq!(money(minor, currency), expected);
        }
    }

    #[test]
    fn amounts_are_written_as_one_counts() {
        let tokens = Unit::new("ai_tokens").expect("a unit");
        for (text, credits, others) in [
            ("0", "0 credits", "0 ai tokens"),
            ("0.5", "0.5 credits", "0.5 ai tokens"),
            ("1", "1 credit", "1 ai tokens"),
            ("1.000001", "1.000001 credits", "1.000001 ai tokens"),
            ("50", "50 credits", "50 ai tokens"),
            ("1234567.89", "1,234,567.89 credits", "1,234,567.89 ai tokens"),
            ("-1000", "-1,000 credits", "-1,000 ai tokens"),
            ("-0.5", "-0.5 credits", "-0.5 ai tokens"),
        ] {
            let amount = Amount::parse(text).expect("an amount");
            assert_eq!(super::amount(amount, &Unit::credits()), credits);
            assert_eq!(super::amount(amount, &tokens), others);
        }
        assert_eq!((are(Amount::units(1)), are(Amount::units(2))), ("is", "are"));
    }

    #[test]
    fn prices_plans_and_packs_say_how_many_and_how_often() {
        let month = Price {
            stripe_price_id: None,
            currency: Currency::new("usd").expect("a currency"),
            unit_amount: Some(2_000),
            interval: Interval::Month,
            interval_count: 1,
            kind: PriceKind::Fixed,
        };
        let quarter = Price { interval_count: 3, kind: PriceKind::PerSeat, ..month.clone() };
        assert_eq!(price(&month).as_deref(), Some("$20.00 a month"));
        assert_eq!(price(&quarter).as_deref(), Some("$20.00 every 3 months for each seat"));
        assert_eq!(price(&Price { unit_amount: None, ..month }), None);
        let daily = Credits::each(AllowancePeriod::Day, Amount::units(1));
        assert_eq!(credits(&daily), "1 credit a day");
        let seats = Credits { amount: Amount::units(2_000), per_seat: true, ..daily };
        assert_eq!(credits(&seats), "2,000 credits a day for each seat");
        assert_eq!([life(None), life(Some(1)), life(Some(30))], ["no expiry", "good for 1 day", "good for 30 days"]);
    }

    #[test]
    fn times_are_those_of_the_reader() {
        let at = Time::parse("2026-02-01T03:30:00Z").expect("a time");
        assert_eq!(day(at, "UTC"), "1 February 2026");
        assert_eq!(minute(at, "America/New_York"), "31 January 2026, 22:30 EST");
        assert_eq!(day(at, "No/Where"), "1 February 2026");
    }
}
