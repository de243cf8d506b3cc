//! Auto top-up: every combination of what hinders it, and its limits to the unit.

use super::{Attempt, AutoTopUp, Cause, Decision, Outcome, Situation, Why};
use crate::{Amount, Time};
use alloc::vec::Vec;

fn time(text: &str) -> Time {
    Time::parse(text).expect(text)
}

const NOW: &str = "2026-11-21T10:00:00Z";

/// Below 10 buy 50 for 5.00; 3 a day, 20.00 a month.
const SETTINGS: AutoTopUp<'static> = AutoTopUp {
    threshold: Amount::units(10),
    pack: Amount::units(50),
    price: 500,
    currency: "usd",
    most_a_day: 3,
    most_a_month: 2_000,
};

fn attempt(at: &str, outcome: Outcome) -> Attempt<'static> {
    Attempt { at: time(at), price: 500, currency: "usd", outcome, cleared: false }
}

fn decide(settings: AutoTopUp<'_>, attempts: &[Attempt<'_>]) -> Decision {
    let (cause, available) = (Cause::Spend, Amount::units(9));
    let situation = Situation { cause, available, owes: false, disputed: false, attempts };
    settings.decide(&situation, time(NOW))
}

/// Each of the nine hindrances present or not: all 512 worlds. It buys only in the one without any, and
/// names the first there is.
#[test]
fn every_combination_of_hindrances() {
    let order = [
        Why::NoReason,
        Why::Enough,
        Why::PackTooSmall,
        Why::Debt,
        Why::Disputed,
        Why::Failed,
        Why::Pending,
        Why::DayLimit,
        Why::MonthLimit,
    ];
    let mut bought = 0;
    for causes in [Cause::Spend, Cause::Hold, Cause::Refusal] {
        for world in 0..512_u32 {
            let there = |why: Why| order.iter().position(|one| *one == why).is_some_and(|bit| (world >> bit) & 1 == 1);
            let mut settings = SETTINGS;
            let mut attempts: Vec<Attempt<'_>> = Vec::new();
            if there(Why::PackTooSmall) {
                settings.pack = settings.threshold;
            }
            if there(Why::Failed) {
                attempts.push(attempt("2026-10-01T00:00:00Z", Outcome::Failed));
            }
            if there(Why::Pending) {
                attempts.push(attempt("2026-10-01T00:00:00Z", Outcome::Unknown));
            }
            if there(Why::DayLimit) {
                settings.most_a_day = 0;
            }
            if there(Why::MonthLimit) {
                settings.most_a_month = 499;
            }
            let situation = Situation {
                cause: if there(Why::NoReason) { Cause::Other } else { causes },
                available: if there(Why::Enough) { Amount::units(10) } else { Amount::units(9) },
                owes: there(Why::Debt),
                disputed: there(Why::Disputed),
                attempts: &attempts,
            };
            let first = order.into_iter().find(|why| there(*why));
            let expected = first.map_or(Decision::Buy, Decision::Not);
            assert_eq!(settings.decide(&situation, time(NOW)), expected, "{situation:?}");
            bought += usize::from(expected == Decision::Buy);
        }
    }
    assert_eq!(bought, 3);
}

#[test]
fn less_than_the_threshold_is_less() {
    for (available, buys) in [("9.999999", true), ("10", false), ("0", true), ("11", false)] {
        let available = Amount::parse(available).expect("an amount");
        let situation = Situation { cause: Cause::Refusal, available, owes: false, disputed: false, attempts: &[] };
        assert_eq!(SETTINGS.decide(&situation, time(NOW)) == Decision::Buy, buys, "{available}");
    }
}

#[test]
fn one_at_a_time_and_none_after_a_failure_until_a_person_acts() {
    let earlier = "2026-11-21T09:59:59Z";
    assert_eq!(decide(SETTINGS, &[attempt(earlier, Outcome::Succeeded)]), Decision::Buy);
    assert_eq!(decide(SETTINGS, &[attempt(earlier, Outcome::Unknown)]), Decision::Not(Why::Pending));
    assert_eq!(decide(SETTINGS, &[attempt("2025-01-01T00:00:00Z", Outcome::Unknown)]), Decision::Not(Why::Pending));
    let mut failed = attempt(earlier, Outcome::Failed);
    assert_eq!(decide(SETTINGS, &[failed]), Decision::Not(Why::Failed));
    assert_eq!(decide(SETTINGS, &[failed, attempt(earlier, Outcome::Succeeded)]), Decision::Not(Why::Failed));
    failed.cleared = true;
    assert_eq!(decide(SETTINGS, &[failed]), Decision::Buy);
    // A person's word is about failures: what is unknown must be found out.
    let unknown = Attempt { cleared: true, ..attempt(earlier, Outcome::Unknown) };
    assert_eq!(decide(SETTINGS, &[unknown]), Decision::Not(Why::Pending));
}

#[test]
fn the_days_and_months_are_utc_and_their_limits_exact() {
    let (today, yesterday) = ("2026-11-21T00:00:00Z", "2026-11-20T23:59:59.999999Z");
    let paid = |at| attempt(at, Outcome::Succeeded);
    assert_eq!(decide(SETTINGS, &[paid(today); 2]), Decision::Buy);
    assert_eq!(decide(SETTINGS, &[paid(today); 3]), Decision::Not(Why::DayLimit));
    assert_eq!(decide(SETTINGS, &[paid(yesterday); 3]), Decision::Buy, "5.00 of the month are left");
    assert_eq!(decide(SETTINGS, &[paid(yesterday); 4]), Decision::Not(Why::MonthLimit));
    let october = "2026-10-31T23:59:59.999999Z";
    assert_eq!(decide(SETTINGS, &[paid(october); 4]), Decision::Buy);
    let dearer = AutoTopUp { price: 501, ..SETTINGS };
    assert_eq!(decide(dearer, &[paid(yesterday); 3]), Decision::Not(Why::MonthLimit));
    // What failed bought nothing, so that it counts for neither limit.
    let cleared = Attempt { cleared: true, ..attempt(today, Outcome::Failed) };
    assert_eq!(decide(SETTINGS, &[cleared; 9]), Decision::Buy);
    let most = Attempt { price: i64::MAX, ..paid(yesterday) };
    assert_eq!(decide(SETTINGS, &[most, most]), Decision::Not(Why::MonthLimit), "no sum is too large to count");
    let reasons = [Why::NoReason, Why::Enough, Why::PackTooSmall, Why::Debt, Why::Disputed, Why::Failed, Why::Pending];
    let mut words: Vec<&str> = reasons.iter().map(|why| why.as_str()).collect();
    words.extend([Why::DayLimit.as_str(), Why::MonthLimit.as_str()]);
    assert_eq!(words[..5], ["no_reason", "enough", "pack_too_small", "debt", "disputed"]);
    assert_eq!(words[5..], ["failed", "pending", "day_limit", "month_limit"]);
}

/// Yen are no cents: the month's money is in one currency, and no second limit begins with another pack.
#[test]
fn a_month_with_money_in_another_currency_is_over() {
    let month = Decision::Not(Why::MonthLimit);
    let (today, first, october) = ("2026-11-21T00:00:00Z", "2026-11-01T00:00:00Z", "2026-10-31T23:59:59.999999Z");
    let failed = Attempt { cleared: true, ..attempt(today, Outcome::Failed) };
    let paid = |at| attempt(at, Outcome::Succeeded);
    let yen = |attempt: Attempt<'static>| Attempt { price: 1, currency: "jpy", ..attempt };
    for (what, attempts, expected) in [
        ("paid today", &[yen(paid(today))][..], month),
        ("paid when the month began", &[yen(paid(first))], month),
        ("among others", &[paid(first), yen(paid(first)), paid(today)], month),
        ("not known yet", &[yen(attempt(first, Outcome::Unknown))], Decision::Not(Why::Pending)),
        ("failed", &[yen(failed), paid(first)], Decision::Buy),
        ("in the month before", &[yen(paid(october))], Decision::Buy),
    ] {
        assert_eq!(decide(SETTINGS, attempts), expected, "{what}");
        // The other way round, with room for all that was paid.
        let to_yen: Vec<Attempt<'_>> = attempts
            .iter()
            .map(|attempt| Attempt { currency: if attempt.currency == "usd" { "jpy" } else { "usd" }, ..*attempt })
            .collect();
        let in_yen = AutoTopUp { price: 800, currency: "jpy", most_a_month: 100_000, ..SETTINGS };
        assert_eq!(decide(in_yen, &to_yen), expected, "{what}, and then yen");
        // All of it in one currency.
        let one: Vec<Attempt<'_>> = attempts.iter().map(|attempt| Attempt { currency: "jpy", ..*attempt }).collect();
        let in_one = if expected == month { Decision::Buy } else { expected };
        assert_eq!(decide(in_yen, &one), in_one, "{what}, all in yen");
    }
}
