//! Which plan of a group gives, and what it gives in which unit.

use super::*;
use crate::{
    credit::{Loaded, Turn},
    ids::CustomerId,
};
use alloc::{string::ToString, vec};

fn time(text: &str) -> Time {
    Time::parse(text).expect(text)
}

/// A plan of a group that gives so much a day in credits.
fn daily(group: &str, tier: &str, rank: i32, amount: i64) -> Giving {
    let terms = AllowanceTerms { amount: Amount::units(amount), priority: 10, ..AllowanceTerms::nothing(rank) };
    let span = Span { from: Time::MIN, until: None, terms };
    Giving { group: group.to_string(), tier: tier.to_string(), unit: Unit::credits(), span }
}

fn until(giving: Giving, until: &str) -> Giving {
    let span = Span { until: Some(time(until)), ..giving.span };
    Giving { span, ..giving }
}

fn wallet() -> Wallet {
    Wallet::new(CustomerId::new("acme").expect("an id"), Unit::credits())
}

/// What is due, in units.
fn amounts(plans: &Plans<'_>, now: &str) -> Vec<i64> {
    let amount = |due: &DueAllowance| match due {
        DueAllowance::Grant { terms, .. } => terms.amount.micros() / 1_000_000,
        DueAllowance::Cut { .. } | DueAllowance::Left { .. } => -1,
    };
    plans.due(&wallet(), time(now)).iter().map(amount).collect()
}

const NOON: &str = "2026-11-21T12:00:00Z";

#[test]
fn the_bought_plan_takes_the_place_of_the_default_one_while_it_lasts() {
    let (free, pro) = ([daily("base", "FREE", 0, 5)], [until(daily("base", "PRO", 10, 20), "2026-11-22T12:00:00Z")]);
    let since = time("2026-11-01T00:00:00Z");
    let plans = Plans { defaults: &free, since, bought: &[], zones: &[] };
    assert_eq!((amounts(&plans, NOON), plans.tier("base", time(NOON))), (vec![5], Some("FREE")));
    let plans = Plans { bought: &pro, ..plans };
    assert_eq!((amounts(&plans, NOON), plans.tier("base", time(NOON))), (vec![20], Some("PRO")));
    let after = "2026-11-23T00:00:00Z";
    assert_eq!((amounts(&plans, after), plans.tier("base", time(after))), (vec![5], Some("FREE")));
}

#[test]
fn a_plan_without_an_allowance_displaces_the_default_one_too() {
    let free = [daily("base", "FREE", 0, 5)];
    let since = time("2026-11-01T00:00:00Z");
    let span = Span { from: since, until: None, terms: AllowanceTerms::nothing(10) };
    let nothing = Giving { span, ..free[0].clone() };
    let tokens = Giving { unit: Unit::new("tokens").expect("a unit"), ..daily("base", "TOKENS", 10, 20) };
    for bought in [nothing, tokens] {
        let plans = Plans { defaults: &free, since, bought: &[bought], zones: &[] };
        assert_eq!(amounts(&plans, NOON), [0_i64; 0]);
    }
}

#[test]
fn groups_give_beside_each_other_and_the_default_from_when_the_customer_was_made() {
    let free = [daily("base", "FREE", 0, 5)];
    let extra = [daily("storage", "STORAGE", 0, 7)];
    let plans = Plans { defaults: &free, since: time("2026-11-21T10:00:00Z"), bought: &extra, zones: &[] };
    assert_eq!(amounts(&plans, NOON), [5, 7]);
    assert_eq!(amounts(&plans, "2026-11-21T09:00:00Z"), [7]);
    assert_eq!(plans.groups(&Unit::credits()).into_iter().collect::<Vec<_>>(), ["base", "storage"]);
    assert!(plans.groups(&Unit::new("tokens").expect("a unit")).is_empty());
    assert!(!plans.rolls_over(&Unit::credits()));
}

#[test]
fn a_period_that_ends_is_due_and_a_balance_says_when_it_renews() {
    let free = [daily("base", "FREE", 0, 5)];
    let plans = Plans { defaults: &free, since: Time::MIN, bought: &[], zones: &[] };
    let (wallet, now) = (wallet(), time(NOON));
    assert_eq!(wallet.due_at(), None);
    let due = plans.due(&wallet, now);
    let turn = Turn::open(wallet, Loaded::default(), due, now);
    let end = Some(time("2026-11-22T00:00:00Z"));
    assert_eq!(turn.balance(20).renews_at, end);
    let wallet = turn.close().wallet;
    assert_eq!(wallet.due_at(), end);
    // Brought up to date without an allowance it is due no more.
    let turn = Turn::open(wallet, Loaded::default(), Vec::new(), time("2026-11-22T00:00:00Z"));
    assert_eq!(turn.balance(20).renews_at, None);
    assert_eq!(turn.close().wallet.due_at(), None);
}
