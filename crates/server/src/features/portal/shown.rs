//! Amounts, times and words as customers read them.

use crate::features::{payments::changes::Later, pricebook::Plan};
use jiff::{Timestamp, tz::TimeZone};
use purser_rules::{
    Time,
    credit::SourceKind,
    pricebook::{AllowancePeriod, Credits, Interval, Price},
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

/// A price with how often it is paid: `$20.00 a month`. None when Stripe has decimals or tiers for it.
pub(super) fn price(price: &Price) -> Option<String> {
    let amount = money(price.unit_amount?, price.currency.as_str());
    Some(format!("{amount} {}", every(price.interval, price.interval_count)))
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
    format!("{} {} {every}{seat}", credits.amount, credits.unit.as_str())
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
        SourceKind::Manual => "Given by hand",
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
        Status::Canceled => "Ended",
        Status::None => "No subscription",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn times_are_those_of_the_reader() {
        let at = Time::parse("2026-02-01T03:30:00Z").expect("a time");
        assert_eq!(day(at, "UTC"), "1 February 2026");
        assert_eq!(minute(at, "America/New_York"), "31 January 2026, 22:30 EST");
        assert_eq!(day(at, "No/Where"), "1 February 2026");
    }
}
