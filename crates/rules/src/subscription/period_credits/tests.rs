//! Credits of paid lines by literal dates: months, years, upgrades, trials, and what ends early.

use super::{
    Had, Keyed, PaidLine, PlanCredits, RENEWAL_OVERLAP, Running, keyed, past_their_period, period_credits,
    trial_credits,
};
use crate::{
    Amount, Time,
    credit::{CarryOver, SourceKind, Terms, Wallet},
    ids::{CustomerId, GrantId, Unit},
    pricebook::{ChangeCredits, Expiry},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

fn time(text: &str) -> Time {
    Time::parse(text).expect(text)
}

fn wallet() -> Wallet {
    Wallet::new(CustomerId::new("acme").expect("a name"), Unit::credits())
}

fn plan(units: i64) -> PlanCredits {
    PlanCredits {
        amount: Amount::units(units),
        priority: 10,
        expiry: Expiry::PeriodEnd,
        rollover: None,
        change: ChangeCredits::Prorated,
    }
}

fn line(start: &str, end: &str) -> PaidLine<'static> {
    PaidLine { group: "base", start: time(start), end: time(end), from: time(start), trial_end: None }
}

fn given(line: &PaidLine<'_>, plan: &PlanCredits, had: &[Had<'_>]) -> Vec<Terms> {
    period_credits(&wallet(), line, plan, had, RENEWAL_OVERLAP)
}

/// A grant as source, amount, start and end.
fn row(terms: &Terms) -> (String, String, String, String) {
    let end = terms.expires_at.map_or_else(String::new, |at| at.to_string());
    (terms.source_id.clone(), terms.amount.to_string(), terms.effective_at.to_string(), end)
}

fn check(found: &[Terms], expected: &[(&str, &str, &str, &str)]) {
    let found: Vec<_> = found.iter().map(row).collect();
    let text = |part: &str| part.to_string();
    let expected: Vec<_> = expected.iter().map(|(a, b, c, d)| (text(a), text(b), text(c), text(d))).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_paid_month_gives_once_and_outlives_itself_by_a_day() {
    let found = given(&line("2026-11-21T10:00:00Z", "2026-12-21T10:00:00Z"), &plan(100), &[]);
    check(&found, &[("base:2026-11-21/P1M", "100", "2026-11-21T10:00:00Z", "2026-12-22T10:00:00Z")]);
    assert_eq!(found[0].source_kind, SourceKind::Subscription);
    assert_eq!(found[0].id, wallet().derive_grant(SourceKind::Subscription, "base:2026-11-21/P1M"));
    // The line again (another event, a recreated item of the same period): the same grant, or nothing more.
    assert_eq!(given(&line("2026-11-21T10:00:00Z", "2026-12-21T10:00:00Z"), &plan(100), &[]), found);
    let had = [Had { key: "base:2026-11-21/P1M", most: Amount::units(100), grants: 1 }];
    assert!(given(&line("2026-11-21T10:00:00Z", "2026-12-21T10:00:00Z"), &plan(100), &had).is_empty());
    assert!(given(&line("2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z"), &plan(100), &[]).is_empty());
    assert!(given(&line("2026-11-21T10:00:00Z", "2026-12-21T10:00:00Z"), &plan(0), &[]).is_empty());
}

#[test]
fn a_month_from_the_31st_is_one_month_however_long() {
    for (start, end, label, until) in [
        ("2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z", "2026-01-31/P1M", "2026-03-01T10:00:00Z"),
        ("2026-02-28T10:00:00Z", "2026-03-31T10:00:00Z", "2026-02-28/P1M", "2026-04-01T10:00:00Z"),
        ("2026-03-31T10:00:00Z", "2026-04-30T10:00:00Z", "2026-03-31/P1M", "2026-05-01T10:00:00Z"),
        ("2026-11-21T10:00:00Z", "2026-11-28T10:00:00Z", "2026-11-21/P7D", "2026-11-29T10:00:00Z"),
        ("2026-11-21T10:00:00Z", "2026-11-22T10:00:00Z", "2026-11-21/P1D", "2026-11-23T10:00:00Z"),
    ] {
        let found = given(&line(start, end), &plan(100), &[]);
        let source = format!("base:{label}");
        check(&found, &[(source.as_str(), "100", start, until)]);
    }
}

#[test]
fn a_paid_year_gives_a_slice_each_month_from_its_anchor() {
    let found = given(&line("2026-01-31T10:00:00Z", "2027-01-31T10:00:00Z"), &plan(100), &[]);
    let starts = [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
        "2026-05-31",
        "2026-06-30",
        "2026-07-31",
        "2026-08-31",
        "2026-09-30",
        "2026-10-31",
        "2026-11-30",
        "2026-12-31",
    ];
    assert_eq!(found.len(), starts.len());
    for (number, (terms, start)) in found.iter().zip(starts).enumerate() {
        // Each ends when the next begins; the last outlives the year by a day.
        let next = starts.get(number + 1).copied().unwrap_or("2027-02-01");
        let (from, until) = (format!("{start}T10:00:00Z"), format!("{next}T10:00:00Z"));
        let source = format!("base:{start}/P1M");
        check(core::slice::from_ref(terms), &[(source.as_str(), "100", from.as_str(), until.as_str())]);
    }
    let leap = given(&line("2024-02-29T00:00:00Z", "2025-02-28T00:00:00Z"), &plan(100), &[]);
    assert_eq!(leap.len(), 12);
    let its_last = given(&line("2025-01-29T00:00:00Z", "2025-02-28T00:00:00Z"), &plan(100), &[]);
    assert_eq!(leap.last().map(row), its_last.last().map(row));
    // A quarter that ends on the 31st: the three days over belong to its last month.
    let quarter = given(&line("2026-02-28T10:00:00Z", "2026-05-31T10:00:00Z"), &plan(100), &[]);
    check(
        &quarter,
        &[
            ("base:2026-02-28/P1M", "100", "2026-02-28T10:00:00Z", "2026-03-28T10:00:00Z"),
            ("base:2026-03-28/P1M", "100", "2026-03-28T10:00:00Z", "2026-04-28T10:00:00Z"),
            ("base:2026-04-28/P1M", "100", "2026-04-28T10:00:00Z", "2026-06-01T10:00:00Z"),
        ],
    );
}

#[test]
fn an_upgrade_gives_the_difference_for_what_is_left_of_the_period() {
    let (start, end) = ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
    let upgrade = |from: &str| PaidLine { from: time(from), ..line(start, end) };
    let had = [Had { key: "base:2026-11-01/P1M", most: Amount::units(100), grants: 1 }];
    // 20 of 30 days are left: two thirds of 300.
    let found = given(&upgrade("2026-11-11T00:00:00Z"), &plan(400), &had);
    check(&found, &[("base:2026-11-01/P1M+1", "200", "2026-11-11T00:00:00Z", "2026-12-02T00:00:00Z")]);
    let full = PlanCredits { change: ChangeCredits::Full, ..plan(400) };
    let found = given(&upgrade("2026-11-11T00:00:00Z"), &full, &had);
    check(&found, &[("base:2026-11-01/P1M+1", "300", "2026-11-11T00:00:00Z", "2026-12-02T00:00:00Z")]);
    // Rounded down to the millionth: a third of 1 and of 2.
    let found = given(&upgrade("2026-11-21T00:00:00Z"), &plan(101), &had);
    assert_eq!(found[0].amount.to_string(), "0.333333");
    let found = given(&upgrade("2026-11-21T00:00:00Z"), &plan(102), &had);
    assert_eq!(found[0].amount.to_string(), "0.666666");
    // Down, up again to what was given, at the very end: nothing.
    assert!(given(&upgrade("2026-11-11T00:00:00Z"), &plan(50), &had).is_empty());
    assert!(given(&upgrade("2026-11-11T00:00:00Z"), &plan(100), &had).is_empty());
    assert!(given(&upgrade(end), &plan(400), &had).is_empty());
    // A third plan in the period: above the most, in a grant of its own.
    let had = [Had { key: "base:2026-11-01/P1M", most: Amount::units(400), grants: 2 }];
    let found = given(&upgrade("2026-11-16T00:00:00Z"), &plan(1_000), &had);
    check(&found, &[("base:2026-11-01/P1M+2", "300", "2026-11-16T00:00:00Z", "2026-12-02T00:00:00Z")]);
}

#[test]
fn an_upgrade_in_a_paid_year_raises_the_running_month_and_all_that_follow() {
    let whole = line("2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z");
    let keys = ["base:2026-01-01/P1M", "base:2026-02-01/P1M", "base:2026-03-01/P1M"];
    let had = keys.map(|key| Had { key, most: Amount::units(100), grants: 1 });
    let upgrade = PaidLine { from: time("2026-02-15T00:00:00Z"), ..whole };
    check(
        &given(&upgrade, &plan(300), &had),
        &[
            ("base:2026-02-01/P1M+1", "100", "2026-02-15T00:00:00Z", "2026-03-01T00:00:00Z"),
            ("base:2026-03-01/P1M+1", "200", "2026-03-01T00:00:00Z", "2026-04-02T00:00:00Z"),
        ],
    );
}

#[test]
fn days_to_live_and_rollover() {
    let days = PlanCredits { expiry: Expiry::Days(30), ..plan(100) };
    let found = given(&line("2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z"), &days, &[]);
    check(&found, &[("base:2026-01-31/P1M", "100", "2026-01-31T10:00:00Z", "2026-03-02T10:00:00Z")]);
    let rollover = Some(CarryOver { max: Amount::units(40), periods: 2 });
    let rolling = PlanCredits { rollover, ..plan(100) };
    let year = given(&line("2026-01-31T00:00:00Z", "2027-01-31T00:00:00Z"), &rolling, &[]);
    let first = year[0].rollover.expect("it rolls over");
    // From 28 February to 30 April.
    assert_eq!((first.max, first.seconds), (Amount::units(40), 61 * 86_400));
    let week = given(&line("2026-11-21T00:00:00Z", "2026-11-28T00:00:00Z"), &rolling, &[]);
    assert_eq!(week[0].rollover.expect("it rolls over").seconds, 14 * 86_400);
}

#[test]
fn a_trial_gives_its_own_credits_and_its_invoice_none() {
    let (start, end) = (time("2026-11-21T10:00:00Z"), time("2026-12-05T10:00:00Z"));
    let mut trial = line("2026-11-21T10:00:00Z", "2026-12-05T10:00:00Z");
    trial.trial_end = Some(end);
    assert!(given(&trial, &plan(100), &[]).is_empty(), "the invoice of 0 gives nothing");
    let mut paid = line("2026-12-05T10:00:00Z", "2027-01-05T10:00:00Z");
    paid.trial_end = Some(end);
    assert_eq!(given(&paid, &plan(100), &[]).len(), 1, "the period after it does");
    let ten = |family| trial_credits(&wallet(), (family, 0), Amount::units(10), 10, (start, end), RENEWAL_OVERLAP);
    let pro = ten("pro").expect("trial credits");
    check(core::slice::from_ref(&pro), &[("pro:trial", "10", "2026-11-21T10:00:00Z", "2026-12-06T10:00:00Z")]);
    // Once per customer and family: a second trial, of whatever version, is the same grant.
    let later = (time("2027-11-21T10:00:00Z"), time("2027-12-05T10:00:00Z"));
    let again = trial_credits(&wallet(), ("pro", 0), Amount::units(10), 10, later, RENEWAL_OVERLAP).expect("the same");
    assert_eq!((again.id, &again.source_id), (pro.id, &pro.source_id));
    assert_ne!(ten("team").expect("trial credits").id, pro.id);
    assert!(trial_credits(&wallet(), ("pro", 0), Amount::ZERO, 10, (start, end), RENEWAL_OVERLAP).is_none());
    // What was left when its end was moved is another grant of it.
    let moved = trial_credits(&wallet(), ("pro", 1), Amount::units(6), 10, later, RENEWAL_OVERLAP).expect("the rest");
    check(core::slice::from_ref(&moved), &[("pro:trial+1", "6", "2027-11-21T10:00:00Z", "2027-12-06T10:00:00Z")]);
    assert_ne!(moved.id, pro.id);
}

#[test]
fn what_lives_by_the_overlap_alone_ends_with_the_next_grant() {
    let running = [
        Running { grant: GrantId(1), end: time("2026-11-21T10:00:00Z") },
        Running { grant: GrantId(2), end: time("2026-12-21T10:00:00Z") },
    ];
    assert!(past_their_period(&running, time("2026-11-21T09:59:59Z")).is_empty());
    assert_eq!(past_their_period(&running, time("2026-11-21T10:00:00Z")), [GrantId(1)]);
    assert_eq!(past_their_period(&running, time("2026-12-21T10:00:00Z")), [GrantId(1), GrantId(2)]);
}

#[test]
fn each_month_of_a_line_has_its_key_and_knows_what_it_gave() {
    let quarter = line("2026-02-28T10:00:00Z", "2026-05-31T10:00:00Z");
    let found = keyed(&quarter);
    let rows: Vec<_> = found.iter().map(|one| (one.key.as_str(), one.start.to_string(), one.end.to_string())).collect();
    let expected = [
        ("base:2026-02-28/P1M", "2026-02-28T10:00:00Z", "2026-03-28T10:00:00Z"),
        ("base:2026-03-28/P1M", "2026-03-28T10:00:00Z", "2026-04-28T10:00:00Z"),
        ("base:2026-04-28/P1M", "2026-04-28T10:00:00Z", "2026-05-31T10:00:00Z"),
    ];
    assert_eq!(rows, expected.map(|(key, start, end)| (key, start.to_string(), end.to_string())));
    for terms in given(&quarter, &plan(100), &[]) {
        let owners: Vec<&Keyed> = found.iter().filter(|one| one.gave(&terms.source_id)).collect();
        assert_eq!(owners.len(), 1, "{}", terms.source_id);
        assert_eq!(owners[0].start, terms.effective_at);
    }
    assert!(found[0].gave("base:2026-02-28/P1M+3"));
    for other in ["base:2026-02-28/P1MX", "base:2026-02-28", "base2:2026-02-28/P1M", ""] {
        assert!(!found[0].gave(other), "{other}");
    }
    assert!(keyed(&line("2026-02-28T10:00:00Z", "2026-02-28T10:00:00Z")).is_empty());
}
