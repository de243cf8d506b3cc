//! Stories that are told with a test clock: E15, E45, E187, E189.

use super::{Stage, at, id, int, word};

/// A stage whose customer is on a test clock that stands at `start`.
fn on_a_clock(start: &str) -> (Stage, String) {
    let mut stage = Stage::begin(start);
    let clock = id(&stage.post("/v1/test_helpers/test_clocks", &[("frozen_time", &format!("@{start}"))]));
    stage.customer = id(&stage.post("/v1/customers", &[("test_clock", &clock)]));
    stage.pay_by("pm_card_visa");
    (stage, clock)
}

/// Moves the clock, and waits until it is ready.
fn advance(stage: &mut Stage, clock: &str, to: &str) {
    let path = format!("/v1/test_helpers/test_clocks/{clock}");
    let moving = stage.post(&format!("{path}/advance"), &[("frozen_time", &format!("@{to}"))]);
    assert_eq!(moving["status"], "advancing", "E189: to {to}");
    stage.until(to);
    let ready = stage.get(&path);
    assert_eq!((word(&ready["status"]), int(&ready["frozen_time"])), ("ready".into(), at(to)), "E189: to {to}");
}

#[test]
fn an_upgrade() {
    // The half of January is the 16th at noon.
    let (mut stage, clock) = on_a_clock("2026-01-01");
    let found = stage.subscribe(&[("items[0][price]", "$5000/month")]);
    assert_eq!((word(&found["status"]), word(&stage.newest()["status"])), ("active".into(), "paid".into()), "E15");
    advance(&mut stage, &clock, "2026-01-16T12:00:00Z");
    let seen = stage.life.seen();
    let path = format!("/v1/subscription_items/{}", stage.item);
    stage.post(&path, &[("price", "$10000/month")]);
    assert!(stage.life.events(&seen).contains(&"customer.subscription.updated".to_owned()), "E15");
    assert_eq!((stage.waiting(), stage.totals()), (vec![-2500, 5000], vec![5000]), "E15: no invoice");
    advance(&mut stage, &clock, "2026-02-01");
    let invoice = stage.newest();
    assert_eq!((word(&invoice["status"]), int(&invoice["total"])), ("draft".into(), 12_500), "E15");
    advance(&mut stage, &clock, "2026-02-01T01:00:00Z");
    assert_eq!(stage.newest()["status"], "paid", "E15: final after the hour");
}

#[test]
fn a_trial_of_seven_days() {
    let (mut stage, clock) = on_a_clock("2026-01-01");
    let seen = stage.life.seen();
    let found = stage.subscribe(&[("items[0][price]", "$5000/month"), ("trial_period_days", "7")]);
    assert_eq!((word(&found["status"]), stage.totals()), ("trialing".into(), vec![0]), "E45");
    advance(&mut stage, &clock, "2026-01-05");
    assert!(stage.life.events(&seen).contains(&"customer.subscription.trial_will_end".to_owned()), "E45");
    advance(&mut stage, &clock, "2026-01-08");
    assert_eq!((stage.status(), stage.totals()), ("active".into(), vec![0, 5000]), "E45");
    advance(&mut stage, &clock, "2026-02-08");
    assert_eq!(stage.totals(), [0, 5000, 5000], "E45: it renews");
    assert_eq!(int(&stage.newest()["created"]), at("2026-02-08"), "E45");
}

#[test]
fn a_renewal() {
    let (mut stage, clock) = on_a_clock("2026-01-01");
    stage.subscribe(&[("items[0][price]", "$5000/month")]);
    let first = stage.newest();
    assert_eq!((word(&first["status"]), int(&first["total"]), stage.status()), ("paid".into(), 5000, "active".into()), "E187");
    advance(&mut stage, &clock, "2026-02-01");
    let invoice = stage.newest();
    assert_eq!((word(&invoice["status"]), int(&invoice["total"])), ("draft".into(), 5000), "E187");
    advance(&mut stage, &clock, "2026-02-01T01:00:00Z");
    let invoice = stage.newest();
    assert_eq!((word(&invoice["status"]), int(&invoice["amount_paid"])), ("paid".into(), 5000), "E187");
}

#[test]
fn a_clock_goes_forward() {
    let (mut stage, clock) = on_a_clock("2026-01-01");
    let path = format!("/v1/test_helpers/test_clocks/{clock}/advance");
    for to in ["@2026-01-01", "@2025-12-31"] {
        assert_eq!(stage.ask("POST", &path, &[("frozen_time", to)]).0, 400, "E189: not to {to}");
    }
    let seen = stage.life.seen();
    advance(&mut stage, &clock, "2026-01-20");
    let expected = ["test_helpers.test_clock.advancing", "test_helpers.test_clock.ready"];
    assert_eq!(stage.life.events(&seen), expected, "E189");
}
