//! A change to less in the middle of a paid period: what is unused above what the plan gives now is gone, and who changes
//! back has what is paid for then.

use super::{
    DAY, REFUNDS, balance, bought_year, disputed, known, pass, payment, plan, plan_of, proved, refund, spend, switch,
    switch_by, tell_kinds, win, yearly,
};
use crate::{
    subscriptions::{Stage, again},
    world::{BOTH, Kind},
};
use purser_stripe::{
    calls::subscriptions as calls,
    objects::{ProrationBehavior, Subscription},
};
use serde_json::json;

/// A stage on which acme has bought a month of a plan of 300 credits, and after ten days changed to one of 900; the
/// subscription and the prices. All of it is told: 700 credits are there.
async fn raised(kind: Kind) -> (Stage, Subscription, String, String) {
    let stage = Stage::new(kind).await;
    let customer = stage.customer("acme").await;
    let cheap = plan(&stage, "pro", (10, 300, 3000), json!({})).await;
    let dear = plan(&stage, "max", (20, 900, 9000), json!({})).await;
    let made = stage.subscribe(&customer, &[&cheap]).await;
    stage.tell_all(&made.id).await;
    pass(&stage, 10 * DAY);
    changed(&stage, &made, &dear).await;
    assert_eq!(balance(&stage).await, [700.0, 0.0, 0.0], "{kind:?}");
    (stage, made, cheap, dear)
}

/// Changes the price, and tells it.
async fn changed(stage: &Stage, subscription: &Subscription, price: &str) {
    switch(stage, subscription, price).await;
    stage.tell_all(&subscription.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_downgrade_leaves_no_more_than_its_plan_gives_and_changing_back_gives_what_is_paid() {
    for kind in BOTH {
        let (stage, made, cheap, dear) = raised(kind).await;
        changed(&stage, &made, &cheap).await;
        assert_eq!(balance(&stage).await, [300.0, 0.0, 0.0], "{kind:?}: the money came back too");
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [300.0, 0.0, 0.0], "{kind:?}: told again it is the same");
        pass(&stage, 5 * DAY);
        changed(&stage, &made, &dear).await;
        assert_eq!(balance(&stage).await, [600.0, 0.0, 0.0], "{kind:?}: half of the month is paid at 600 more");
        spend(&stage, 200).await;
        changed(&stage, &made, &cheap).await;
        assert_eq!(balance(&stage).await, [100.0, 0.0, 0.0], "{kind:?}: of 300 are 200 used");
        // Whoever learns late of all of it comes to the same.
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [100.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_used_of_a_larger_plan_leaves_nothing_of_the_smaller_and_counts_when_changing_back() {
    for kind in BOTH {
        let (stage, made, cheap, dear) = raised(kind).await;
        spend(&stage, 500).await;
        changed(&stage, &made, &cheap).await;
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}: more than 300 are used, and nothing is owed");
        changed(&stage, &made, &dear).await;
        // 200 of the 400 that the rest of the month has more were used.
        assert_eq!(balance(&stage).await, [200.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_of_a_larger_plan_is_gone_once_it_is_released() {
    for kind in BOTH {
        let (stage, made, cheap, _) = raised(kind).await;
        let hold = r#"{"customer_id":"acme","amount":500,"idempotency_key":"hold"}"#;
        let held = stage.world.admin("POST", "/api/v1/holds", hold).await;
        changed(&stage, &made, &cheap).await;
        assert_eq!(balance(&stage).await, [0.0, 500.0, 0.0], "{kind:?}: it may be captured still");
        let path = format!("/api/v1/holds/{}/release", held["id"].as_str().unwrap());
        stage.world.admin("POST", &path, r#"{"idempotency_key":"release"}"#).await;
        assert_eq!(balance(&stage).await, [300.0, 0.0, 0.0], "{kind:?}");
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [300.0, 0.0, 0.0], "{kind:?}: told again it is the same");
        proved(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fewer_seats_leave_what_they_give() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let price = plan(&stage, "pro", (10, 100, 1000), json!({ "credits": { "per_seat": true } })).await;
        let items = vec![calls::NewItem { price, quantity: Some(10), ..Default::default() }];
        let made = stage.subscribe_to(&customer, items).await;
        stage.tell_all(&made.id).await;
        spend(&stage, 40).await;
        let fewer =
            calls::ItemChange { id: Some(made.items.data[0].id.clone()), quantity: Some(2), ..Default::default() };
        let fewer = calls::SubscriptionChange {
            items: Some(vec![fewer]),
            proration_behavior: Some(ProrationBehavior::AlwaysInvoice),
            ..Default::default()
        };
        stage.change(&made.id, fewer).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [160.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}

/// Months of a year that are yet to come are of the smaller plan too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_downgrade_in_a_paid_year_leaves_what_its_plan_gives_each_month() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let (cheap, dear) = (yearly(&stage, 20_000).await, yearly(&stage, 60_000).await);
        plan_of(&stage, "pro", (10, 100), json!([known(&cheap, 20_000, "year")]), json!({})).await;
        plan_of(&stage, "max", (20, 300), json!([known(&dear, 60_000, "year")]), json!({})).await;
        let made = stage.subscribe(&customer, &[&dear]).await;
        stage.tell_all(&made.id).await;
        spend(&stage, 30).await;
        changed(&stage, &made, &cheap).await;
        assert_eq!(balance(&stage).await, [70.0, 0.0, 0.0], "{kind:?}");
        pass(&stage, 40 * DAY);
        assert_eq!(balance(&stage).await, [100.0, 0.0, 0.0], "{kind:?}: the second month");
        proved(&stage).await;
    }
}

/// What came back of the upgrade is of what the downgrade takes, whichever is told first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_of_the_upgrade_leaves_what_the_smaller_plan_gives() {
    for kind in BOTH {
        for refunded_first in [true, false] {
            let (stage, made, cheap, _) = raised(kind).await;
            let upgrade = payment(&stage, &made.id).await;
            if !refunded_first {
                changed(&stage, &made, &cheap).await;
            }
            refund(&stage, &upgrade, 4000).await;
            tell_kinds(&stage, REFUNDS).await;
            if refunded_first {
                changed(&stage, &made, &cheap).await;
            }
            assert_eq!(balance(&stage).await, [300.0, 0.0, 0.0], "{kind:?} {refunded_first}");
            proved(&stage).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispute_of_the_upgrade_that_is_won_after_the_downgrade_sets_nothing_free() {
    for kind in BOTH {
        let (stage, made, cheap, _) = raised(kind).await;
        let upgrade = payment(&stage, &made.id).await;
        let dispute = disputed(&stage, &upgrade).await;
        changed(&stage, &made, &cheap).await;
        assert_eq!(balance(&stage).await[0], 300.0, "{kind:?}: of the first payment nobody said anything");
        win(&stage, &dispute).await;
        assert_eq!(balance(&stage).await, [300.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}

/// The months of a year that is given up for a plan by the day.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_to_a_plan_without_period_credits_takes_what_is_left_of_them() {
    for kind in BOTH {
        let (stage, _, made) = bought_year(kind).await;
        let daily = plan(&stage, "basic", (5, 5, 500), json!({ "credits": { "period": "day" } })).await;
        spend(&stage, 30).await;
        changed(&stage, &made, &daily).await;
        assert_eq!(balance(&stage).await, [5.0, 0.0, 0.0], "{kind:?}");
        pass(&stage, 40 * DAY);
        assert_eq!(balance(&stage).await, [5.0, 0.0, 0.0], "{kind:?}: nor does the next month come");
        proved(&stage).await;
    }
}

/// A trial's credits are no month of the plan that is tried, which may give none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_trial_gave_stays_whatever_the_plan_gives() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let more = json!({ "trial_days": 7, "trial_credits": 10, "credits": { "period": "day" } });
        let price = plan(&stage, "pro", (10, 5, 2000), more).await;
        let new = calls::NewSubscription {
            customer,
            items: vec![calls::NewItem { price, quantity: Some(1), ..Default::default() }],
            trial_period_days: Some(7),
            ..Default::default()
        };
        let made = stage.write(&calls::create(&new)).await;
        for told in 1..=2 {
            stage.tell_all(&made.id).await;
            assert_eq!(balance(&stage).await, [15.0, 0.0, 0.0], "{kind:?}: told {told} times");
        }
        proved(&stage).await;
    }
}

/// What a hold has is given by the next upgrade no second time: captured, it counts; released, whoever reads the payment
/// again gives it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_of_a_larger_plan_is_not_given_again_beside_the_hold() {
    for kind in BOTH {
        for (verb, after, read_again) in [("capture", 0.0, 0.0), ("release", 300.0, 700.0)] {
            let (stage, made, cheap, dear) = raised(kind).await;
            let hold = r#"{"customer_id":"acme","amount":700,"idempotency_key":"hold"}"#;
            let held = stage.world.admin("POST", "/api/v1/holds", hold).await;
            for round in 1..=2 {
                changed(&stage, &made, &cheap).await;
                assert_eq!(balance(&stage).await, [0.0, 700.0, 0.0], "{kind:?} {verb} {round}: down");
                changed(&stage, &made, &dear).await;
                assert_eq!(balance(&stage).await, [0.0, 700.0, 0.0], "{kind:?} {verb} {round}: up");
                stage.tell_all(&made.id).await;
                assert_eq!(balance(&stage).await, [0.0, 700.0, 0.0], "{kind:?} {verb} {round}: told again");
            }
            let path = format!("/api/v1/holds/{}/{verb}", held["id"].as_str().unwrap());
            stage.world.admin("POST", &path, r#"{"idempotency_key":"end"}"#).await;
            assert_eq!(balance(&stage).await, [after, 0.0, 0.0], "{kind:?}: {verb}d");
            for time in ["late", "later"] {
                let told: Vec<_> = stage.told(&made.id).await.iter().map(|event| again(event, time)).collect();
                stage.tell(&told).await;
                assert_eq!(balance(&stage).await, [read_again, 0.0, 0.0], "{kind:?}: {verb}d, told {time}");
            }
            proved(&stage).await;
        }
    }
}

/// Though of what was there before the upgrade nothing is left that could be compared with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_downgrade_takes_what_an_upgrade_gave_after_the_first_had_expired() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let short = json!({ "credits": { "expires_in_days": 10 } });
        let cheap = plan(&stage, "pro", (10, 300, 3000), short.clone()).await;
        let dear = plan(&stage, "max", (20, 900, 9000), short).await;
        let made = stage.subscribe(&customer, &[&cheap]).await;
        stage.tell_all(&made.id).await;
        pass(&stage, 15 * DAY);
        changed(&stage, &made, &dear).await;
        assert_eq!(balance(&stage).await, [300.0, 0.0, 0.0], "{kind:?}: half of what it has more");
        changed(&stage, &made, &cheap).await;
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}: what the smaller plan gave has expired");
        proved(&stage).await;
    }
}

/// Stripe bills such changes with the renewal, when the money of the larger plan has come back already.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_billed_with_the_renewal_gives_no_more_than_what_it_was_changed_to_before() {
    for kind in BOTH {
        for (changes, then) in [(2, 600.0), (1, 1600.0), (3, 600.0), (4, 1600.0)] {
            let stage = Stage::new(kind).await;
            let customer = stage.customer("acme").await;
            let long = json!({ "credits": { "expires_in_days": 60 } });
            let cheap = plan(&stage, "pro", (10, 300, 3000), long.clone()).await;
            let dear = plan(&stage, "max", (20, 900, 9000), long.clone()).await;
            let dearest = plan(&stage, "most", (30, 1500, 15000), long).await;
            let made = stage.subscribe(&customer, &[&cheap]).await;
            stage.tell_all(&made.id).await;
            pass(&stage, 10 * DAY);
            let to = match changes {
                1 => vec![&dear],
                2 => vec![&dear, &cheap],
                3 => vec![&dear, &dearest, &cheap],
                _ => vec![&dearest, &dear],
            };
            for price in to {
                pass(&stage, 60);
                switch_by(&stage, &made, price, ProrationBehavior::CreateProrations).await;
                stage.tell_all(&made.id).await;
            }
            assert_eq!(balance(&stage).await, [300.0, 0.0, 0.0], "{kind:?} {changes}: nothing is paid yet");
            pass(&stage, 21 * DAY);
            stage.tell_all(&made.id).await;
            let [available, ..] = balance(&stage).await;
            assert!((then - 1.0..=then).contains(&available), "{kind:?} {changes}: {available} once it is renewed");
            proved(&stage).await;
        }
    }
}
