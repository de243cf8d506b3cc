//! What changes of a subscription cost and give back.

use super::life::{DAY, HOUR, Life, NEW_YEAR, id, lines};
use serde_json::Value;

/// A subscription of one price, and the id of its item.
fn subscribed(life: &mut Life, cents: &str) -> (String, String) {
    let price = life.price(cents, "month");
    let customer = life.customer("pm_card_visa");
    let subscription = life.subscribe(&customer, &price, &[]);
    let item = subscription["items"]["data"][0]["id"].as_str().expect("an item").to_owned();
    (id(&subscription), item)
}

fn change(life: &mut Life, subscription: &str, item: &str, price: &str, more: &[(&str, &str)]) -> Value {
    let params = [&[("items[0][id]", item), ("items[0][price]", price)], more].concat();
    life.post(&format!("/v1/subscriptions/{subscription}"), &params)
}

#[test]
fn an_upgrade_billed_at_once_credits_and_debits_by_the_second() {
    let mut life = Life::new();
    let (subscription, item) = subscribed(&mut life, "1000");
    let dearer = life.price("2000", "month");
    life.pass(31 * DAY / 2);
    let seen = life.seen();
    change(&mut life, &subscription, &item, &dearer, &[("proration_behavior", "always_invoice")]);
    let invoice = life.invoice(&subscription);
    let expected = [
        (-500, "Unused time on Pro after 16 Jan 2026".into()),
        (1000, "Remaining time on Pro after 16 Jan 2026".into()),
    ];
    assert_eq!(lines(&invoice), expected);
    assert_eq!((invoice["total"].as_i64(), invoice["status"].as_str()), (Some(500), Some("paid")));
    assert_eq!(invoice["billing_reason"], "subscription_update");
    let credit = &invoice["lines"]["data"][0]["parent"]["subscription_item_details"];
    assert_eq!(credit["proration"], true);
    assert!(credit["proration_details"]["credited_items"]["invoice"].as_str().is_some(), "{credit:#}");
    let told = life.events(&seen);
    assert_eq!(told[..4], ["invoiceitem.created", "invoiceitem.created", "invoice.created", "invoice.finalized"]);
    assert_eq!(told.last().map(String::as_str), Some("customer.subscription.updated"));
}

#[test]
fn an_upgrade_waits_for_the_renewal_unless_told_otherwise() {
    let mut life = Life::new();
    let (subscription, item) = subscribed(&mut life, "1000");
    let dearer = life.price("2000", "month");
    life.pass(31 * DAY / 2);
    change(&mut life, &subscription, &item, &dearer, &[]);
    assert_eq!(life.invoice(&subscription)["billing_reason"], "subscription_create", "nothing is invoiced now");
    life.until(NEW_YEAR + 31 * DAY + HOUR);
    let invoice = life.invoice(&subscription);
    let amounts: Vec<i64> = lines(&invoice).into_iter().map(|(amount, _)| amount).collect();
    assert_eq!(amounts, [-500, 1000, 2000], "what waited comes first");
    assert_eq!(invoice["status"], "paid");
}

#[test]
fn a_downgrade_leaves_credit_that_pays_the_next_invoice() {
    let mut life = Life::new();
    let (subscription, item) = subscribed(&mut life, "3000");
    let cheaper = life.price("1000", "month");
    change(&mut life, &subscription, &item, &cheaper, &[("proration_behavior", "always_invoice")]);
    let invoice = life.invoice(&subscription);
    assert_eq!((invoice["total"].as_i64(), invoice["amount_due"].as_i64()), (Some(-2000), Some(0)));
    assert_eq!((invoice["status"].as_str(), invoice["ending_balance"].as_i64()), (Some("paid"), Some(-2000)));
    life.until(NEW_YEAR + 31 * DAY + HOUR);
    let invoice = life.invoice(&subscription);
    assert_eq!((invoice["total"].as_i64(), invoice["amount_due"].as_i64()), (Some(1000), Some(0)));
    assert_eq!((invoice["starting_balance"].as_i64(), invoice["ending_balance"].as_i64()), (Some(-2000), Some(-1000)));
}

#[test]
fn up_and_down_again_in_the_same_second_is_nothing() {
    let mut life = Life::new();
    let (subscription, item) = subscribed(&mut life, "1000");
    let first = life.get(&format!("/v1/subscriptions/{subscription}"))["items"]["data"][0]["price"]["id"].clone();
    let dearer = life.price("9900", "month");
    life.pass(7 * DAY);
    change(&mut life, &subscription, &item, &dearer, &[]);
    change(&mut life, &subscription, &item, first.as_str().expect("a price"), &[]);
    life.until(NEW_YEAR + 31 * DAY + HOUR);
    assert_eq!(life.invoice(&subscription)["total"], 1000);
}

#[test]
fn an_unpaid_upgrade_gives_nothing_back() {
    // The documented example: 10.00 a month, on day 10 to 20.00 without proration, on day 20 back to 10.00.
    let mut life = Life::at(NEW_YEAR + 90 * DAY);
    let (subscription, item) = subscribed(&mut life, "1000");
    let first = life.get(&format!("/v1/subscriptions/{subscription}"))["items"]["data"][0]["price"]["id"].clone();
    let dearer = life.price("2000", "month");
    life.pass(10 * DAY);
    change(&mut life, &subscription, &item, &dearer, &[("proration_behavior", "none")]);
    life.pass(10 * DAY);
    change(
        &mut life,
        &subscription,
        &item,
        first.as_str().expect("a price"),
        &[("proration_behavior", "always_invoice")],
    );
    let invoice = life.invoice(&subscription);
    assert_eq!(invoice["total"], 0, "{:?}", lines(&invoice));
}

#[test]
fn seats_are_credited_and_debited_whole() {
    let mut life = Life::new();
    let price = life.price("1000", "month");
    let customer = life.customer("pm_card_visa");
    let subscription = life.subscribe(&customer, &price, &[("items[0][quantity]", "4")]);
    let item = subscription["items"]["data"][0]["id"].as_str().expect("an item").to_owned();
    life.pass(31 * DAY / 2);
    let path = format!("/v1/subscription_items/{item}");
    life.post(&path, &[("quantity", "6"), ("proration_behavior", "always_invoice")]);
    let amounts: Vec<i64> = lines(&life.invoice(&id(&subscription))).into_iter().map(|(amount, _)| amount).collect();
    assert_eq!(amounts, [-2000, 3000]);
}

#[test]
fn a_preview_is_what_the_change_then_is_and_keeps_nothing() {
    let mut life = Life::new();
    let (subscription, item) = subscribed(&mut life, "1000");
    let dearer = life.price("3252", "month");
    life.pass(1_234_567);
    let (before, date) = (life.seen(), life.world.now.to_string());
    let params = [
        ("subscription", subscription.as_str()),
        ("subscription_details[items][0][id]", item.as_str()),
        ("subscription_details[items][0][price]", dearer.as_str()),
        ("subscription_details[proration_behavior]", "always_invoice"),
        ("subscription_details[proration_date]", date.as_str()),
    ];
    let preview = life.post("/v1/invoices/create_preview", &params);
    assert_eq!(life.seen(), before, "nobody is told");
    life.pass(60);
    let more = [("proration_behavior", "always_invoice"), ("proration_date", date.as_str())];
    change(&mut life, &subscription, &item, &dearer, &more);
    let invoice = life.invoice(&subscription);
    assert_eq!(lines(&preview), lines(&invoice));
    assert_eq!(preview["total"], invoice["total"]);
}

#[test]
fn a_schedule_downgrades_at_the_end_of_the_period() {
    let mut life = Life::new();
    let (subscription, _) = subscribed(&mut life, "3000");
    let cheaper = life.price("1000", "month");
    let schedule = life.post("/v1/subscription_schedules", &[("from_subscription", &subscription)]);
    let phase = &schedule["phases"][0];
    let (start, end) = (phase["start_date"].to_string(), phase["end_date"].to_string());
    let first = phase["items"][0]["price"].as_str().expect("a price").to_owned();
    let params = [
        ("end_behavior", "release"),
        ("phases[0][items][0][price]", first.as_str()),
        ("phases[0][start_date]", start.as_str()),
        ("phases[0][end_date]", end.as_str()),
        ("phases[1][items][0][price]", cheaper.as_str()),
        ("phases[1][duration][interval]", "month"),
    ];
    life.post(&format!("/v1/subscription_schedules/{}", id(&schedule)), &params);
    life.until(NEW_YEAR + 31 * DAY - 1);
    let found = life.get(&format!("/v1/subscriptions/{subscription}"));
    assert_eq!(found["items"]["data"][0]["price"]["unit_amount"], 3000);
    life.pass(1 + HOUR);
    let found = life.get(&format!("/v1/subscriptions/{subscription}"));
    assert_eq!(found["items"]["data"][0]["price"]["unit_amount"], 1000);
    assert_ne!(found["items"]["data"][0]["id"], schedule["id"]);
    assert_eq!(life.invoice(&subscription)["total"], 1000);
    life.until(NEW_YEAR + 59 * DAY);
    assert!(life.get(&format!("/v1/subscriptions/{subscription}"))["schedule"].is_null(), "it was released");
}

#[test]
fn a_change_before_the_first_whole_period_is_a_share_of_a_whole_one() {
    let mut life = Life::at(NEW_YEAR + 105 * DAY);
    let (price, dearer) = (life.price("3000", "month"), life.price("6000", "month"));
    let customer = life.customer("pm_card_visa");
    let may = (NEW_YEAR + 120 * DAY).to_string();
    let subscription = life.subscribe(&customer, &price, &[("billing_cycle_anchor", &may)]);
    let item = subscription["items"]["data"][0]["id"].as_str().expect("an item").to_owned();
    let subscription = id(&subscription);
    assert_eq!(lines(&life.invoice(&subscription))[0].0, 1500, "15 of the 30 days of April");
    life.pass(9 * DAY);
    change(&mut life, &subscription, &item, &dearer, &[("proration_behavior", "always_invoice")]);
    let amounts: Vec<i64> = lines(&life.invoice(&subscription)).into_iter().map(|(amount, _)| amount).collect();
    assert_eq!(amounts, [-600, 1200], "6 days of 30");
}
