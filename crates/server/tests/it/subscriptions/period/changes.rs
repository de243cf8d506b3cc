//! Changes of plan in the middle of a paid period: what an upgrade gives, and that going to and fro gains nothing.

use super::{DAY, HOUR, balance, grants, pass, plan, proved, spend, switch, switch_by};
use crate::{subscriptions::Stage, world::BOTH};
use purser_rules::Time;
use purser_stripe::{
    calls::{invoices, subscriptions as calls},
    objects::{BillingReason, ProrationBehavior},
};
use serde_json::{Value, json};

/// Failures 21 and 23: an upgrade gave the whole plan's credits again, or nothing, by the reason of its invoice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_21_and_23_a_paid_upgrade_gives_its_part_of_the_difference() {
    for kind in BOTH {
        for (change_credits, expected) in [("prorated", 300.0), ("full", 400.0)] {
            let stage = Stage::new(kind).await;
            let customer = stage.customer("acme").await;
            let cheap = plan(&stage, "pro", (10, 100, 2000), json!({})).await;
            let dear = plan(&stage, "max", (20, 400, 8000), json!({ "change_credits": change_credits })).await;
            let made = stage.subscribe(&customer, &[&cheap]).await;
            stage.tell_all(&made.id).await;
            // 20 of 30 days are left: two thirds of the 300 that it has more.
            pass(&stage, 10 * DAY);
            switch(&stage, &made, &dear).await;
            let which = invoices::Invoices { subscription: Some(made.id.clone()), ..Default::default() };
            let newest = stage.client.read(&invoices::list(&which)).await.unwrap().value.data.remove(0);
            assert_eq!(newest.billing_reason, Some(BillingReason::SubscriptionUpdate), "{kind:?}");
            stage.tell_all(&made.id).await;
            assert_eq!(balance(&stage).await, [expected, 0.0, 0.0], "{kind:?} {change_credits}");
            let sources: Vec<_> = grants(&stage).await.iter().map(|grant| grant["source_id"].clone()).collect();
            let expected = [json!("base:2026-11-21/P1M"), json!("base:2026-11-21/P1M+1")];
            assert_eq!(sources, expected, "{kind:?} {change_credits}");
            proved(&stage).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_22_upgrade_spend_downgrade_and_back_gains_nothing() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let cheap = plan(&stage, "pro", (10, 100, 2000), json!({})).await;
        let dear = plan(&stage, "max", (20, 400, 8000), json!({})).await;
        let made = stage.subscribe(&customer, &[&cheap]).await;
        stage.tell_all(&made.id).await;
        pass(&stage, 10 * DAY);
        switch(&stage, &made, &dear).await;
        stage.tell_all(&made.id).await;
        spend(&stage, 250).await;
        // Of 100 are 250 used. Changing back gives the part of the 300 more for 18 of 30 days, less what was used of it.
        for (price, left) in [(&cheap, 0.0), (&dear, 45.0), (&cheap, 0.0)] {
            pass(&stage, DAY);
            switch(&stage, &made, price).await;
            stage.tell_all(&made.id).await;
            assert_eq!(balance(&stage).await, [left, 0.0, 0.0], "{kind:?}");
        }
        proved(&stage).await;
    }
}

/// The upgrade is told before the payment that it followed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_that_is_told_first_ends_alike() {
    for kind in BOTH {
        for backwards in [false, true] {
            let stage = Stage::new(kind).await;
            let customer = stage.customer("acme").await;
            let cheap = plan(&stage, "pro", (10, 300, 3000), json!({})).await;
            let dear = plan(&stage, "max", (20, 900, 9000), json!({})).await;
            let made = stage.subscribe(&customer, &[&cheap]).await;
            pass(&stage, 10 * DAY);
            switch(&stage, &made, &dear).await;
            let mut told = stage.told(&made.id).await;
            if backwards {
                told.reverse();
            }
            stage.tell(&told).await;
            assert_eq!(balance(&stage).await, [700.0, 0.0, 0.0], "{kind:?} {backwards}");
            proved(&stage).await;
        }
    }
}

/// A new period is begun in the middle of one: money is given back for the rest of the old one, and so are its credits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_period_begun_anew_takes_the_rest_of_the_old_one_along() {
    for kind in BOTH {
        for (proration, spent, backwards, expected) in [
            (None, 0, false, 133.333_333),
            (None, 0, true, 133.333_333),
            (None, 100, false, 33.333_333),
            // Nothing is given back: both are paid in full.
            (Some(ProrationBehavior::None), 0, false, 200.0),
            (Some(ProrationBehavior::None), 0, true, 200.0),
            (Some(ProrationBehavior::None), 100, false, 100.0),
        ] {
            let stage = Stage::new(kind).await;
            let customer = stage.customer("acme").await;
            let price = plan(&stage, "pro", (10, 100, 3000), json!({})).await;
            let made = stage.subscribe(&customer, &[&price]).await;
            if spent > 0 {
                stage.tell_all(&made.id).await;
                spend(&stage, spent).await;
            }
            pass(&stage, 10 * DAY);
            let anew = calls::SubscriptionChange {
                billing_cycle_anchor: Some(calls::AnchorChange { kind: "now" }),
                proration_behavior: proration.clone(),
                ..Default::default()
            };
            stage.change(&made.id, anew).await;
            let mut told = stage.told(&made.id).await;
            if backwards {
                told.reverse();
            }
            stage.tell(&told).await;
            let what = format!("{kind:?} {proration:?} {spent} {backwards}");
            assert_eq!(balance(&stage).await, [expected, 0.0, 0.0], "{what}: of the old one what was not given back");
            proved(&stage).await;
        }
    }
}

/// Up to a fixed day of the month the first period is cut short, and so are its credits. An upgrade is of that month.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_period_that_is_cut_short_gives_its_part() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let cheap = plan(&stage, "pro", (10, 300, 3000), json!({})).await;
        let dear = plan(&stage, "max", (20, 600, 6000), json!({})).await;
        let anchor = stage.world.clock.now().plus_seconds(10 * DAY).micros() / 1_000_000;
        let new = calls::NewSubscription {
            customer,
            items: vec![calls::NewItem { price: cheap, quantity: Some(1), ..Default::default() }],
            billing_cycle_anchor: Some(anchor),
            ..Default::default()
        };
        let made = stage.write(&calls::create(&new)).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [100.0, 0.0, 0.0], "{kind:?}: 10 of 30 days, up to 1 December");
        assert_eq!(grants(&stage).await[0]["source_id"], "base:2026-11-01/P1M", "{kind:?}");
        pass(&stage, 5 * DAY);
        switch(&stage, &made, &dear).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [150.0, 0.0, 0.0], "{kind:?}: and 5 of 30 days of the 300 more");
        pass(&stage, 5 * DAY + 2 * HOUR);
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [600.0, 0.0, 0.0], "{kind:?}: December is whole");
        proved(&stage).await;
    }
}

/// A change in the month before a shorter one is billed with the renewal, and is of the month that was changed in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_that_is_billed_with_the_renewal_is_of_its_own_month_whatever_the_next_is_long() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let new_year = Time::parse("2026-12-31T08:00:00Z").unwrap().micros();
        pass(&stage, (new_year - stage.world.clock.now().micros()) / 1_000_000);
        let customer = stage.customer("acme").await;
        let long = json!({ "credits": { "expires_in_days": 60 } });
        let cheap = plan(&stage, "pro", (10, 310, 3100), long.clone()).await;
        let dear = plan(&stage, "max", (20, 930, 9300), long).await;
        let made = stage.subscribe(&customer, &[&cheap]).await;
        stage.tell_all(&made.id).await;
        pass(&stage, 10 * DAY);
        switch_by(&stage, &made, &dear, ProrationBehavior::CreateProrations).await;
        stage.tell_all(&made.id).await;
        // The next one is up to the 28th of February.
        pass(&stage, 21 * DAY + 2 * HOUR);
        stage.tell_all(&made.id).await;
        let given: Vec<Value> =
            grants(&stage).await.iter().map(|grant| json!([grant["source_id"], grant["granted"]])).collect();
        let expected =
            json!([["base:2026-12-31/P1M", 310], ["base:2026-12-31/P1M+1", 420], ["base:2027-01-31/P1M", 930]]);
        assert_eq!(json!(given), expected, "{kind:?}");
        proved(&stage).await;
    }
}

/// An upgrade that was taken back before it was billed with the renewal is of its own month too, although no item tells
/// when that began: nothing is given beside what the month's plan gave.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_taken_back_before_a_shorter_month_gives_nothing_with_the_renewal() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let last_of_january = Time::parse("2027-01-31T08:00:00Z").unwrap().micros();
        pass(&stage, (last_of_january - stage.world.clock.now().micros()) / 1_000_000);
        let customer = stage.customer("acme").await;
        let long = json!({ "credits": { "expires_in_days": 60 } });
        let cheap = plan(&stage, "pro", (10, 300, 3000), long.clone()).await;
        let dear = plan(&stage, "max", (20, 900, 9000), long).await;
        let made = stage.subscribe(&customer, &[&cheap]).await;
        stage.tell_all(&made.id).await;
        pass(&stage, 10 * DAY);
        for price in [&dear, &cheap] {
            switch_by(&stage, &made, price, ProrationBehavior::CreateProrations).await;
            stage.tell_all(&made.id).await;
            pass(&stage, 60);
        }
        // The renewal is of the 28th of February.
        pass(&stage, 18 * DAY + 2 * HOUR);
        stage.tell_all(&made.id).await;
        let given: Vec<Value> =
            grants(&stage).await.iter().map(|grant| json!([grant["source_id"], grant["granted"]])).collect();
        assert_eq!(json!(given), json!([["base:2027-01-31/P1M", 300], ["base:2027-02-28/P1M", 300]]), "{kind:?}");
        proved(&stage).await;
    }
}
