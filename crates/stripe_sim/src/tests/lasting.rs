//! The same seed gives the same life, in long steps and short, with a break in between.

use super::life::{DAY, Life, NEW_YEAR, id};
use crate::world::World;

/// A year of some customers; `step` seconds at a time.
fn year(step: i64, pause: Option<i64>) -> String {
    let mut life = Life::new();
    let (monthly, yearly) = (life.price("2000", "month"), life.price("20000", "year"));
    for (card, price, more) in [
        ("pm_card_visa", &monthly, vec![]),
        ("pm_card_visa", &yearly, vec![]),
        ("pm_card_visa", &monthly, vec![("trial_period_days", "14")]),
        ("pm_card_visa", &monthly, vec![("cancel_at_period_end", "true")]),
        ("pm_card_chargeCustomerFail", &monthly, vec![]),
    ] {
        let customer = life.customer(card);
        life.subscribe(&customer, price, &more);
        life.pass(DAY / 7);
    }
    let failing = life.customer("pm_card_visa");
    life.subscribe(&failing, &monthly, &[]);
    let method = life.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", &[("customer", &failing)]);
    life.post(&format!("/v1/customers/{failing}"), &[("invoice_settings[default_payment_method]", &id(&method))]);
    let end = NEW_YEAR + 366 * DAY;
    while life.world.now < end {
        let next = (life.world.now + step).min(end);
        life.until(next);
        if pause.is_some_and(|at| life.world.now > at) && life.world.now < end {
            let kept = serde_json::to_string(&life.world).expect("JSON");
            life.world = serde_json::from_str::<World>(&kept).expect("a world");
        }
    }
    let mut world = life.world;
    world.target = end;
    serde_json::to_string(&world).expect("JSON")
}

#[test]
fn a_year_at_once_by_the_month_and_by_the_day_ends_the_same() {
    let whole = year(400 * DAY, None);
    assert!(whole.len() > 50_000, "a year leaves more than {} bytes", whole.len());
    assert_eq!(whole, year(400 * DAY, None), "the same again");
    assert_eq!(whole, year(30 * DAY, None), "by the month");
    assert_eq!(whole, year(DAY, None), "by the day");
}

#[test]
fn a_life_that_was_kept_and_loaded_goes_on_the_same() {
    assert_eq!(year(30 * DAY, None), year(30 * DAY, Some(NEW_YEAR + 100 * DAY)));
}
