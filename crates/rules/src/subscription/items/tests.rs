//! Items: what several subscriptions come to, in any order of items, with prices nobody knows.

use super::{Alarm, Base, Current, Item, Live, Mapped, Role, credits, current};
use crate::Amount;
use alloc::{string::ToString, vec, vec::Vec};

type Plan = &'static str;

fn base(plan: Plan, rank: i32, quantity: u64) -> Item<Plan> {
    let role = Role::Base { group: "base".to_string(), rank };
    Item { price: plan.to_string(), quantity, mapped: Some(Mapped { plan, role }) }
}

fn add_on(plan: Plan, quantity: u64) -> Item<Plan> {
    Item { price: plan.to_string(), quantity, mapped: Some(Mapped { plan, role: Role::AddOn }) }
}

fn unknown(price: Plan) -> Item<Plan> {
    Item { price: price.to_string(), quantity: 1, mapped: None }
}

fn live<'a>(id: &'a str, items: &'a [Item<Plan>]) -> Live<'a, Plan> {
    Live { id, items, kept: &[] }
}

fn keeping<'a>(items: &'a [Item<Plan>], kept: &'a [Item<Plan>]) -> Live<'a, Plan> {
    Live { id: "sub_1", items, kept }
}

fn has(plan: Plan, rank: i32, quantity: u64, subscription: &str) -> Base<Plan> {
    Base { group: "base".to_string(), plan, rank, quantity, subscription: subscription.to_string() }
}

fn two(counts: &str, other: &str) -> Alarm {
    Alarm::TwoBases { group: "base".to_string(), counts: counts.to_string(), other: other.to_string() }
}

fn no_price(subscription: &str, price: &str) -> Alarm {
    Alarm::UnknownPrice { subscription: subscription.to_string(), price: price.to_string() }
}

#[test]
fn without_a_subscription_there_is_nothing() {
    let nothing = Current::<Plan> { bases: vec![], add_ons: vec![], alarms: vec![] };
    assert_eq!(current::<Plan>(&[]), nothing);
}

#[test]
fn the_base_is_found_wherever_it_stands() {
    let items = [add_on("exports", 2), base("pro", 10, 3), add_on("seats", 1)];
    for turn in 0..items.len() {
        let mut turned = items.to_vec();
        turned.rotate_left(turn);
        let found = current(&[live("sub_1", &turned)]);
        assert_eq!(found.bases, [has("pro", 10, 3, "sub_1")]);
        let mut add_ons = found.add_ons;
        add_ons.sort_unstable();
        assert_eq!(add_ons, [("exports", 2), ("seats", 1)]);
        assert!(found.alarms.is_empty());
    }
}

#[test]
fn add_ons_of_all_subscriptions_are_counted_together() {
    let (one, other) = ([add_on("exports", 2)], [add_on("exports", 3), base("pro", 10, 1)]);
    let found = current(&[live("sub_1", &one), live("sub_2", &other)]);
    assert_eq!(found.add_ons, [("exports", 5)]);
    assert_eq!(found.bases, [has("pro", 10, 1, "sub_2")]);
}

#[test]
fn of_two_bases_the_better_counts_and_an_alarm_says_so() {
    let (pro, enterprise) = ([base("pro", 10, 1)], [base("enterprise", 20, 1)]);
    let (one, other) = (live("sub_1", &pro), live("sub_2", &enterprise));
    for subscriptions in [[one.clone(), other.clone()], [other, one]] {
        let found = current(&subscriptions);
        assert_eq!(found.bases, [has("enterprise", 20, 1, "sub_2")]);
        assert_eq!(found.alarms, [two("sub_2", "sub_1")]);
    }
    let again = [base("pro", 10, 1)];
    let found = current(&[live("sub_1", &pro), live("sub_3", &again)]);
    assert_eq!(found.bases, [has("pro", 10, 1, "sub_1")]);
    assert_eq!(found.alarms, [two("sub_1", "sub_3")], "the same plan twice is paid for twice");
    // Other groups are other matters.
    let mut support = base("gold", 1, 1);
    support.mapped = Some(Mapped { plan: "gold", role: Role::Base { group: "support".to_string(), rank: 1 } });
    let both = [base("pro", 10, 1), support];
    let found = current(&[live("sub_1", &both)]);
    assert_eq!(found.bases.iter().map(|base| base.plan).collect::<Vec<_>>(), ["pro", "gold"]);
    assert!(found.alarms.is_empty());
}

#[test]
fn a_seat_price_and_a_metered_one_of_a_plan_are_one_base() {
    let items = [base("pro", 10, 1), base("pro", 10, 7)];
    let found = current(&[live("sub_1", &items)]);
    assert_eq!(found.bases, [has("pro", 10, 7, "sub_1")]);
    assert!(found.alarms.is_empty());
}

#[test]
fn an_unknown_price_makes_no_paid_customer_free() {
    let kept = [base("pro", 10, 2), add_on("exports", 1)];
    // The base's price was swapped for one nobody knows: it keeps all it had.
    let swapped = [unknown("price_new")];
    let found = current(&[keeping(&swapped, &kept)]);
    assert_eq!(found.bases, [has("pro", 10, 2, "sub_1")]);
    assert_eq!(found.add_ons, [("exports", 1)]);
    assert_eq!(found.alarms, [no_price("sub_1", "price_new")]);
    // The base is known: it says itself what it is, up or down, and the add-on is kept.
    let down = [base("basic", 5, 1), unknown("price_new")];
    let found = current(&[keeping(&down, &kept)]);
    assert_eq!(found.bases, [has("basic", 5, 1, "sub_1")]);
    assert_eq!(found.add_ons, [("exports", 1)]);
    assert_eq!(found.alarms, [no_price("sub_1", "price_new")]);
    // A known add-on is not counted twice.
    let more = [add_on("exports", 4), unknown("price_new")];
    let found = current(&[keeping(&more, &kept)]);
    assert_eq!(found.add_ons, [("exports", 4)]);
    assert_eq!(found.bases, [has("pro", 10, 2, "sub_1")]);
    // All known: what was kept is past.
    let known = [base("basic", 5, 1)];
    let found = current(&[keeping(&known, &kept)]);
    assert_eq!((found.bases, found.add_ons, found.alarms), (vec![has("basic", 5, 1, "sub_1")], vec![], vec![]));
    // A first subscription of an unknown price has nothing to keep, and is an alarm.
    let found = current(&[live("sub_9", &swapped)]);
    assert_eq!((found.bases, found.alarms), (vec![], vec![no_price("sub_9", "price_new")]));
}

#[test]
fn credits_multiply_by_seats_only_if_per_seat() {
    let units = Amount::units;
    for (amount, quantity, per_seat, expected) in [
        (units(20), 3, true, Some(units(60))),
        (units(20), 3, false, Some(units(20))),
        (units(20), 1, true, Some(units(20))),
        (units(20), 0, true, Some(Amount::ZERO)),
        (units(20), 0, false, Some(units(20))),
        (Amount::MAX, 1, true, Some(Amount::MAX)),
        (Amount::MAX, 2, true, None),
        (units(1), u64::MAX, true, None),
    ] {
        assert_eq!(credits(amount, quantity, per_seat), expected, "{amount} × {quantity} {per_seat}");
    }
}
