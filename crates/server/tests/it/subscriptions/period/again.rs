//! What is paid for again is given again, what is told again is not, and what was carried over goes with its grant.

use super::{
    DAY, HOUR, REFUNDS, balance, bought, bought_year, disputed, pass, payment, plan, proved, refund, spend, switch,
    tell_kinds, win,
};
use crate::{
    subscriptions::{Stage, again, of_kind},
    world::BOTH,
};
use purser::features::subscriptions;
use purser_stripe::calls::subscriptions as calls;
use serde_json::json;

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

/// Also when nothing was left to take at the end. Who buys the same month again has what was returned by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_returned_once_its_subscription_was_deleted_is_gone_or_left() {
    for kind in BOTH {
        for (on_delete, spent, left, bought_again) in
            [("revoke", 1000, 0.0, 1000.0), ("revoke", 400, 0.0, 1000.0), ("leave", 1000, 1000.0, 1000.0)]
        {
            let (stage, customer, price, made) = bought(kind, 1000, json!({ "on_delete": on_delete })).await;
            let body = json!({ "customer_id": "acme", "amount": spent, "idempotency_key": "all" });
            let all = stage.world.admin("POST", "/api/v1/consume", &body.to_string()).await;
            stage.end(&made.id).await;
            stage.tell_all(&made.id).await;
            let path = format!("/api/v1/consumptions/{}/return", all["id"].as_str().unwrap());
            stage.world.admin("POST", &path, r#"{"idempotency_key":"back"}"#).await;
            assert_eq!(balance(&stage).await, [left, 0.0, 0.0], "{kind:?} {on_delete} {spent}");
            stage.tell_all(&made.id).await;
            assert_eq!(balance(&stage).await, [left, 0.0, 0.0], "{kind:?} {on_delete} {spent}: told again");
            proved(&stage).await;
            let second = stage.subscribe(&customer, &[&price]).await;
            stage.tell_all(&second.id).await;
            assert_eq!(balance(&stage).await, [bought_again, 0.0, 0.0], "{kind:?} {on_delete} {spent}: bought again");
            proved(&stage).await;
        }
    }
}

/// Its own invoice, told anew after its end, is nobody's payment for the month again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ended_stays_ended_when_its_own_payment_is_told_late() {
    for kind in BOTH {
        let (stage, _, _, made) = bought(kind, 1000, json!({})).await;
        let body = json!({ "customer_id": "acme", "amount": 400, "idempotency_key": "all" });
        let all = stage.world.admin("POST", "/api/v1/consume", &body.to_string()).await;
        stage.end(&made.id).await;
        stage.tell_all(&made.id).await;
        let told: Vec<_> = stage.told(&made.id).await.iter().map(|event| again(event, "late")).collect();
        stage.tell(&told).await;
        let path = format!("/api/v1/consumptions/{}/return", all["id"].as_str().unwrap());
        stage.world.admin("POST", &path, r#"{"idempotency_key":"back"}"#).await;
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}

/// What is held counts as used. What a released hold leaves to be given then is given once the payment is read again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_held_at_the_end_is_given_by_the_month_bought_again_once_it_is_released() {
    for kind in BOTH {
        let (stage, customer, price, made) = bought(kind, 1000, json!({})).await;
        let body = r#"{"customer_id":"acme","amount":1000,"idempotency_key":"hold"}"#;
        let hold = stage.world.admin("POST", "/api/v1/holds", body).await;
        stage.end(&made.id).await;
        stage.tell_all(&made.id).await;
        let second = stage.subscribe(&customer, &[&price]).await;
        stage.tell_all(&second.id).await;
        assert_eq!(balance(&stage).await, [0.0, 1000.0, 0.0], "{kind:?}");
        let path = format!("/api/v1/holds/{}/release", hold["id"].as_str().unwrap());
        stage.world.admin("POST", &path, r#"{"idempotency_key":"release"}"#).await;
        for time in ["late", "later"] {
            let told: Vec<_> = stage.told(&second.id).await.iter().map(|event| again(event, time)).collect();
            stage.tell(&told).await;
            assert_eq!(balance(&stage).await, [1000.0, 0.0, 0.0], "{kind:?}: told {time}");
        }
        proved(&stage).await;
    }
}

/// What was used before the end counts for whoever pays for the month again, so a return of it comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_returned_once_the_month_was_bought_again_is_there_again() {
    for kind in BOTH {
        for spent in [300, 1000] {
            let (stage, customer, price, made) = bought(kind, 1000, json!({})).await;
            let body = json!({ "customer_id": "acme", "amount": spent, "idempotency_key": "all" });
            let all = stage.world.admin("POST", "/api/v1/consume", &body.to_string()).await;
            stage.end(&made.id).await;
            stage.tell_all(&made.id).await;
            let second = stage.subscribe(&customer, &[&price]).await;
            stage.tell_all(&second.id).await;
            assert_eq!(balance(&stage).await, [f64::from(1000 - spent), 0.0, 0.0], "{kind:?} {spent}: bought again");
            let path = format!("/api/v1/consumptions/{}/return", all["id"].as_str().unwrap());
            stage.world.admin("POST", &path, r#"{"idempotency_key":"back"}"#).await;
            assert_eq!(balance(&stage).await, [1000.0, 0.0, 0.0], "{kind:?} {spent}: returned");
            stage.tell_all(&second.id).await;
            assert_eq!(balance(&stage).await, [1000.0, 0.0, 0.0], "{kind:?} {spent}: told again");
            proved(&stage).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn months_of_a_year_that_ended_stand_in_the_way_of_none_that_is_paid() {
    for kind in BOTH {
        let (stage, customer, made) = bought_year(kind).await;
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
        let (stage, _, made) = bought_year(kind).await;
        refund(&stage, &payment(&stage, &made.id).await, 1000).await;
        tell_kinds(&stage, REFUNDS).await;
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
            let rolls = json!({ "credits": { "rollover": { "max": 1000, "periods": 6 } } });
            let (stage, _, _, made) = bought(kind, 1000, rolls).await;
            let first = payment(&stage, &made.id).await;
            pass(&stage, 30 * DAY + 2 * HOUR);
            stage.tell_all(&made.id).await;
            assert_eq!(balance(&stage).await, [2000.0, 0.0, 0.0], "{kind:?}");
            refund(&stage, &first, 1000).await;
            tell_kinds(&stage, REFUNDS).await;
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
            let (stage, _, _, made) = bought(kind, 1000, json!({})).await;
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
        let (stage, _, made) = bought_year(kind).await;
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
