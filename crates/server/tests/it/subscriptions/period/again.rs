//! What is paid for again is given again, what is told again is not, and what was carried over goes with its grant.

use super::{
    DAY, HOUR, balance, disputed, known, pass, payment, plan, plan_of, proved, refund, spend, switch, tell_kinds, win,
    yearly,
};
use crate::{
    subscriptions::{Stage, again, of_kind},
    world::{BOTH, Kind},
};
use purser::features::subscriptions;
use purser_stripe::{
    calls::subscriptions as calls,
    objects::{ProrationBehavior, Subscription},
};
use serde_json::{Value, json};

/// A stage on which acme has bought a plan of so many credits, all of it told; who pays, the price and the subscription.
async fn bought(kind: Kind, credits: i64, more: Value) -> (Stage, String, String, Subscription) {
    let stage = Stage::new(kind).await;
    let customer = stage.customer("acme").await;
    let price = plan(&stage, "pro", (10, credits, 2000), more).await;
    let made = stage.subscribe(&customer, &[&price]).await;
    stage.tell_all(&made.id).await;
    (stage, customer, price, made)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_ends_and_buys_again_has_what_was_taken_back() {
    for kind in BOTH {
        let (stage, customer, price, first) = bought(kind, 1000, json!({})).await;
        spend(&stage, 300).await;
        stage.end(&first.id).await;
        stage.tell_all(&first.id).await;
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}");
        let second = stage.subscribe(&customer, &[&price]).await;
        stage.tell_all(&second.id).await;
        assert_eq!(balance(&stage).await, [700.0, 0.0, 0.0], "{kind:?}: 300 of the month were used");
        let told: Vec<_> = stage.told(&first.id).await.iter().map(|event| again(event, "late")).collect();
        stage.tell(&told).await;
        assert_eq!(balance(&stage).await, [700.0, 0.0, 0.0], "{kind:?}: the first one gives nothing more");
        proved(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn months_of_a_year_that_ended_stand_in_the_way_of_none_that_is_paid() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let price = yearly(&stage, 20_000).await;
        plan_of(&stage, "pro", (10, 100), json!([known(&price, 20_000, "year")]), json!({})).await;
        let made = stage.subscribe(&customer, &[&price]).await;
        stage.tell_all(&made.id).await;
        stage.end(&made.id).await;
        stage.tell_all(&made.id).await;
        pass(&stage, 30 * DAY);
        let monthly = plan(&stage, "max", (20, 100, 2000), json!({})).await;
        let second = stage.subscribe(&customer, &[&monthly]).await;
        stage.tell_all(&second.id).await;
        assert_eq!(balance(&stage).await, [100.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_frozen_for_want_of_access_expires_as_well() {
    for kind in BOTH {
        let (stage, customer, _, made) = bought(kind, 1000, json!({ "credits": { "expires_in_days": 35 } })).await;
        stage.pays_by(&customer, "pm_card_chargeCustomerFail").await;
        pass(&stage, 30 * DAY + 2 * HOUR);
        stage.tell_all(&made.id).await;
        pass(&stage, 3 * DAY);
        subscriptions::check_due(&stage.app).await.unwrap();
        assert_eq!(balance(&stage).await, [0.0, 1000.0, 0.0], "{kind:?}: grace is over");
        pass(&stage, 3 * DAY);
        subscriptions::check_due(&stage.app).await.unwrap();
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}: the 35 days are over too");
        proved(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_a_year_that_is_given_back_is_of_its_last_months() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let price = yearly(&stage, 20_000).await;
        plan_of(&stage, "pro", (10, 100), json!([known(&price, 20_000, "year")]), json!({})).await;
        let made = stage.subscribe(&customer, &[&price]).await;
        stage.tell_all(&made.id).await;
        refund(&stage, &payment(&stage, &made.id).await, 1000).await;
        tell_kinds(&stage, &["refund.", "charge.refunded"]).await;
        assert_eq!(balance(&stage).await, [100.0, 0.0, 0.0], "{kind:?}: the running month was paid for");
        pass(&stage, 340 * DAY);
        assert_eq!(balance(&stage).await, [40.0, 0.0, 0.0], "{kind:?}: 60 of the last one were given back");
        proved(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_read_again_gives_nothing_by_a_newer_version_of_its_plan() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let lasting = json!({ "credits": { "expires_in_days": 365 } });
        let cheap = plan(&stage, "pro", (10, 1000, 2000), lasting).await;
        let dear = plan(&stage, "max", (20, 1000, 8000), json!({})).await;
        let made = stage.subscribe(&customer, &[&cheap]).await;
        stage.tell_all(&made.id).await;
        let paid = of_kind(&stage.told(&made.id).await, "invoice.paid");
        switch(&stage, &made, &dear).await;
        stage.tell_all(&made.id).await;
        let before = balance(&stage).await;
        let plans = stage.world.admin("GET", "/api/v1/admin/subscription-plans", "").await;
        let pro = plans["data"].as_array().unwrap().iter().find(|plan| plan["family"] == "pro").unwrap().clone();
        let path = format!("/api/v1/admin/subscription-plans/{}", pro["id"].as_str().unwrap());
        stage.world.admin("PATCH", &path, r#"{"credits":{"amount":1500,"period":"billing"}}"#).await;
        stage.tell(&[again(&paid[0], "late")]).await;
        assert_eq!(balance(&stage).await, before, "{kind:?}");
        proved(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_carried_over_is_given_back_frozen_and_revoked_with_its_grant_and_expires() {
    for kind in BOTH {
        for paused_for_long in [false, true] {
            let stage = Stage::new(kind).await;
            let customer = stage.customer("acme").await;
            let rolls = json!({ "credits": { "rollover": { "max": 1000, "periods": 6 } } });
            let price = plan(&stage, "pro", (10, 1000, 2000), rolls).await;
            let made = stage.subscribe(&customer, &[&price]).await;
            stage.tell_all(&made.id).await;
            let first = payment(&stage, &made.id).await;
            pass(&stage, 30 * DAY + 2 * HOUR);
            stage.tell_all(&made.id).await;
            assert_eq!(balance(&stage).await, [2000.0, 0.0, 0.0], "{kind:?}");
            refund(&stage, &first, 1000).await;
            tell_kinds(&stage, &["refund.", "charge.refunded"]).await;
            assert_eq!(balance(&stage).await, [1500.0, 0.0, 0.0], "{kind:?}: half of the first month");
            stage.write(&calls::pause(&made.id)).await;
            stage.tell_all(&made.id).await;
            assert_eq!(balance(&stage).await, [0.0, 1500.0, 0.0], "{kind:?}: no access");
            if paused_for_long {
                pass(&stage, 35 * DAY);
                subscriptions::check_due(&stage.app).await.unwrap();
                assert_eq!(balance(&stage).await, [0.0, 500.0, 0.0], "{kind:?}: the second month is over");
                pass(&stage, 200 * DAY);
                subscriptions::check_due(&stage.app).await.unwrap();
                assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}: what was carried over has expired too");
            }
            stage.end(&made.id).await;
            stage.tell_all(&made.id).await;
            assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?} {paused_for_long}");
            proved(&stage).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispute_won_after_the_end_gives_nothing_again() {
    for kind in BOTH {
        let (stage, _, _, made) = bought(kind, 1000, json!({})).await;
        pass(&stage, 28 * DAY);
        let payment = payment(&stage, &made.id).await;
        let dispute = disputed(&stage, &payment).await;
        assert_eq!(balance(&stage).await, [0.0, 1000.0, 0.0], "{kind:?}");
        stage.end(&made.id).await;
        stage.tell_all(&made.id).await;
        pass(&stage, 5 * DAY);
        win(&stage, &dispute).await;
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}: the subscription has ended");
        proved(&stage).await;
    }
}

/// The grant had expired when its subscription was deleted, so that nobody saw to it then. What a dispute that was won
/// before gave again of it goes with the end, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispute_of_a_month_before_gives_nothing_that_outlives_the_end() {
    for kind in BOTH {
        for won_first in [false, true] {
            let stage = Stage::new(kind).await;
            let customer = stage.customer("acme").await;
            let price = plan(&stage, "pro", (10, 1000, 2000), json!({})).await;
            let made = stage.subscribe(&customer, &[&price]).await;
            stage.tell_all(&made.id).await;
            pass(&stage, 28 * DAY);
            let payment = payment(&stage, &made.id).await;
            let dispute = disputed(&stage, &payment).await;
            pass(&stage, 3 * DAY + 2 * HOUR);
            stage.tell_all(&made.id).await;
            assert_eq!(balance(&stage).await, [1000.0, 1000.0, 0.0], "{kind:?}: the next month is not disputed");
            if won_first {
                win(&stage, &dispute).await;
                assert_eq!(balance(&stage).await, [2000.0, 0.0, 0.0], "{kind:?}: for the three days it had left");
            }
            stage.end(&made.id).await;
            stage.tell_all(&made.id).await;
            if !won_first {
                win(&stage, &dispute).await;
            }
            assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?} {won_first}");
            proved(&stage).await;
        }
    }
}

/// What the dispute gave again is held when the subscription is deleted: the hold keeps it, and nobody owes anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_of_a_dispute_that_was_won_makes_no_debt_at_the_end() {
    for kind in BOTH {
        let (stage, _, _, made) = bought(kind, 1000, json!({})).await;
        let pack = r#"{"amount": 50, "source_id": "pack"}"#;
        stage.world.admin("POST", "/api/v1/customers/acme/grants", pack).await;
        pass(&stage, 28 * DAY);
        let payment = payment(&stage, &made.id).await;
        let dispute = disputed(&stage, &payment).await;
        pass(&stage, 3 * DAY + 2 * HOUR);
        stage.tell_all(&made.id).await;
        win(&stage, &dispute).await;
        let hold = r#"{"customer_id": "acme", "amount": 100, "idempotency_key": "hold"}"#;
        let held = stage.world.admin("POST", "/api/v1/holds", hold).await;
        assert_eq!(balance(&stage).await, [1950.0, 100.0, 0.0], "{kind:?}");
        stage.end(&made.id).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [50.0, 100.0, 0.0], "{kind:?}: the pack, and what is held");
        let path = format!("/api/v1/holds/{}/capture", held["id"].as_str().unwrap());
        stage.world.admin("POST", &path, "{}").await;
        assert_eq!(balance(&stage).await, [50.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}

/// Two months were over before the dispute, and one ends while it is open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispute_of_a_year_won_after_the_end_gives_nothing_again() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let price = yearly(&stage, 20_000).await;
        plan_of(&stage, "pro", (10, 100), json!([known(&price, 20_000, "year")]), json!({})).await;
        let made = stage.subscribe(&customer, &[&price]).await;
        stage.tell_all(&made.id).await;
        let payment = payment(&stage, &made.id).await;
        pass(&stage, 89 * DAY);
        assert_eq!(balance(&stage).await, [100.0, 0.0, 0.0], "{kind:?}: the third month");
        let dispute = disputed(&stage, &payment).await;
        stage.end(&made.id).await;
        stage.tell_all(&made.id).await;
        pass(&stage, 5 * DAY);
        win(&stage, &dispute).await;
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}: the subscription has ended");
        pass(&stage, 40 * DAY);
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}: so have the months to come");
        proved(&stage).await;
    }
}

/// An upgrade within a paid month, ended and bought again: what was spent counts, whichever grant it came from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_spent_whole_counts_with_what_was_taken_back() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let cheap = plan(&stage, "pro", (10, 300, 2000), json!({})).await;
        let dear = plan(&stage, "max", (20, 900, 8000), json!({ "change_credits": "full" })).await;
        let made = stage.subscribe(&customer, &[&cheap]).await;
        stage.tell_all(&made.id).await;
        pass(&stage, HOUR);
        switch(&stage, &made, &dear).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [900.0, 0.0, 0.0], "{kind:?}");
        spend(&stage, 400).await;
        stage.end(&made.id).await;
        stage.tell_all(&made.id).await;
        let second = stage.subscribe(&customer, &[&dear]).await;
        stage.tell_all(&second.id).await;
        assert_eq!(balance(&stage).await, [500.0, 0.0, 0.0], "{kind:?}: 400 of the month were used");
        proved(&stage).await;
    }
}

/// The same of what had expired before the end. What is bought again is the rest of the same month.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_had_expired_before_the_end_counts_with_what_was_taken_back() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let short = json!({ "credits": { "expires_in_days": 10 }, "change_credits": "full" });
        let cheap = plan(&stage, "pro", (10, 300, 2000), short.clone()).await;
        let dear = plan(&stage, "max", (20, 900, 8000), short).await;
        let renews = stage.world.clock.now().plus_seconds(30 * DAY).micros() / 1_000_000;
        let made = stage.subscribe(&customer, &[&cheap]).await;
        stage.tell_all(&made.id).await;
        pass(&stage, 8 * DAY);
        switch(&stage, &made, &dear).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [900.0, 0.0, 0.0], "{kind:?}");
        pass(&stage, 4 * DAY);
        spend(&stage, 200).await;
        assert_eq!(balance(&stage).await, [400.0, 0.0, 0.0], "{kind:?}: the first 300 have expired");
        stage.end(&made.id).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}");
        let new = calls::NewSubscription {
            customer,
            items: vec![calls::NewItem { price: dear, quantity: Some(1), ..Default::default() }],
            billing_cycle_anchor: Some(renews),
            ..Default::default()
        };
        let second = stage.write(&calls::create(&new)).await;
        stage.tell_all(&second.id).await;
        assert_eq!(balance(&stage).await, [400.0, 0.0, 0.0], "{kind:?}: what was taken back, of the same month");
        proved(&stage).await;
    }
}

/// Credits by the calendar: what access that was lost took is there again with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_pause_took_of_an_allowance_comes_back_with_access() {
    for kind in BOTH {
        let (stage, _, _, made) = bought(kind, 20, json!({ "credits": { "period": "month" } })).await;
        spend(&stage, 3).await;
        assert_eq!(balance(&stage).await, [17.0, 0.0, 0.0], "{kind:?}");
        pass(&stage, DAY);
        stage.write(&calls::pause(&made.id)).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}: no access");
        let on = calls::Resumption {
            billing_cycle_anchor: Some(calls::AnchorChange { kind: "unchanged" }),
            proration_behavior: Some(ProrationBehavior::None),
        };
        stage.write(&calls::resume(&made.id, &on)).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [17.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}

/// Credits by the calendar that were carried over: they go with the plan, and come back with access, also a week later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_allowance_carried_over_goes_with_its_plan_and_comes_back_with_access() {
    for kind in BOTH {
        for paused_for in [None, Some(DAY), Some(7 * DAY)] {
            let rolls = json!({ "credits": { "period": "week", "rollover": { "max": 50, "periods": 12 } } });
            let (stage, _, _, made) = bought(kind, 50, rolls).await;
            pass(&stage, 3 * DAY);
            assert_eq!(balance(&stage).await, [100.0, 0.0, 0.0], "{kind:?}: this week's, and the last one's");
            if let Some(seconds) = paused_for {
                stage.write(&calls::pause(&made.id)).await;
                stage.tell_all(&made.id).await;
                assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}: no access");
                pass(&stage, seconds);
                assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}: no access yet");
                let on = calls::Resumption {
                    billing_cycle_anchor: Some(calls::AnchorChange { kind: "unchanged" }),
                    proration_behavior: Some(ProrationBehavior::None),
                };
                stage.write(&calls::resume(&made.id, &on)).await;
                stage.tell_all(&made.id).await;
                assert_eq!(balance(&stage).await, [100.0, 0.0, 0.0], "{kind:?}: the week's, and the first one's");
            }
            stage.end(&made.id).await;
            stage.tell_all(&made.id).await;
            assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?} {paused_for:?}");
            proved(&stage).await;
        }
    }
}

/// Credits by the calendar: a pause that becomes the end took them for good, also what was carried over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_pause_took_of_an_allowance_is_gone_once_its_subscription_has_ended() {
    for kind in BOTH {
        let rolls = json!({ "credits": { "period": "week", "rollover": { "max": 50, "periods": 12 } } });
        let (stage, customer, price, made) = bought(kind, 50, rolls).await;
        pass(&stage, 3 * DAY);
        assert_eq!(balance(&stage).await, [100.0, 0.0, 0.0], "{kind:?}: this week's, and the last one's");
        stage.write(&calls::pause(&made.id)).await;
        stage.tell_all(&made.id).await;
        stage.end(&made.id).await;
        stage.tell_all(&made.id).await;
        let second = stage.subscribe(&customer, &[&price]).await;
        stage.tell_all(&second.id).await;
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}: the week's were given before");
        pass(&stage, 7 * DAY);
        assert_eq!(balance(&stage).await, [50.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}

/// Access to an add-on is lost, and a plan is left by choice meanwhile: what that took does not come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_downgrade_by_choice_is_not_undone_since_something_else_is_paused() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let monthly = json!({ "credits": { "period": "month" } });
        let cheap = plan(&stage, "pro", (10, 20, 2000), monthly.clone()).await;
        let dear = plan(&stage, "max", (20, 50, 5000), monthly).await;
        let more = json!({ "kind": "add_on", "credits": { "period": "month" } });
        let extra = plan(&stage, "extra", (1, 7, 500), more).await;
        let base = stage.subscribe(&customer, &[&dear]).await;
        stage.tell_all(&base.id).await;
        spend(&stage, 10).await;
        let add_on = stage.subscribe(&customer, &[&extra]).await;
        stage.tell_all(&add_on.id).await;
        assert_eq!(balance(&stage).await, [47.0, 0.0, 0.0], "{kind:?}");
        pass(&stage, DAY);
        stage.write(&calls::pause(&add_on.id)).await;
        stage.tell_all(&add_on.id).await;
        assert_eq!(balance(&stage).await, [40.0, 0.0, 0.0], "{kind:?}");
        for price in [&cheap, &dear] {
            pass(&stage, HOUR);
            switch(&stage, &base, price).await;
            stage.tell_all(&base.id).await;
            assert_eq!(balance(&stage).await, [10.0, 0.0, 0.0], "{kind:?}: 10 of 20 were used");
        }
        let on = calls::Resumption {
            billing_cycle_anchor: Some(calls::AnchorChange { kind: "unchanged" }),
            proration_behavior: Some(ProrationBehavior::None),
        };
        stage.write(&calls::resume(&add_on.id, &on)).await;
        stage.tell_all(&add_on.id).await;
        assert_eq!(balance(&stage).await, [17.0, 0.0, 0.0], "{kind:?}: access to the add-on is back");
        proved(&stage).await;
    }
}

/// A plan is left by choice while another subscription of its group is paused: only what that one gives comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_downgrade_by_choice_is_not_undone_since_a_second_subscription_is_paused() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let monthly = json!({ "credits": { "period": "month" } });
        let cheap = plan(&stage, "pro", (10, 20, 2000), monthly.clone()).await;
        let dear = plan(&stage, "max", (20, 50, 5000), monthly).await;
        let second = stage.subscribe(&customer, &[&cheap]).await;
        stage.tell_all(&second.id).await;
        let first = stage.subscribe(&customer, &[&dear]).await;
        stage.tell_all(&first.id).await;
        spend(&stage, 10).await;
        pass(&stage, DAY);
        stage.write(&calls::pause(&second.id)).await;
        stage.tell_all(&second.id).await;
        assert_eq!(balance(&stage).await, [40.0, 0.0, 0.0], "{kind:?}: the first one gives more anyway");
        for price in [&cheap, &dear] {
            pass(&stage, HOUR);
            switch(&stage, &first, price).await;
            stage.tell_all(&first.id).await;
            assert_eq!(balance(&stage).await, [10.0, 0.0, 0.0], "{kind:?}: 10 of 20 were used");
        }
        stage.end(&first.id).await;
        stage.tell_all(&first.id).await;
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}: the second one gives no access");
        let on = calls::Resumption {
            billing_cycle_anchor: Some(calls::AnchorChange { kind: "unchanged" }),
            proration_behavior: Some(ProrationBehavior::None),
        };
        stage.write(&calls::resume(&second.id, &on)).await;
        stage.tell_all(&second.id).await;
        assert_eq!(balance(&stage).await, [10.0, 0.0, 0.0], "{kind:?}: access to it is back");
        proved(&stage).await;
    }
}

/// Nothing of the wallet was ever written before the plan changed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_untouched_wallet_carried_over_stays_when_the_plan_changes() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let rolls = |max: i64| json!({ "credits": { "period": "month", "rollover": { "max": max, "periods": 1 } } });
        let cheap = plan(&stage, "pro", (10, 20, 2000), rolls(20)).await;
        let dear = plan(&stage, "max", (20, 50, 5000), rolls(50)).await;
        let made = stage.subscribe(&customer, &[&cheap]).await;
        stage.tell_all(&made.id).await;
        pass(&stage, 12 * DAY);
        assert_eq!(balance(&stage).await, [40.0, 0.0, 0.0], "{kind:?}: December's, and November's 20");
        switch(&stage, &made, &dear).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [70.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}
