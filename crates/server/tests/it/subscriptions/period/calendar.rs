//! Credits by the calendar: what lost access took of them comes back with it, and what went by choice does not.

use super::{DAY, HOUR, balance, bought, pass, plan, proved, resume, spend, switch};
use crate::{subscriptions::Stage, world::BOTH};
use purser_stripe::calls::subscriptions as calls;
use serde_json::json;

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
        resume(&stage, &made.id).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [17.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}

/// They go with the plan, and come back with access, also a week later.
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
                resume(&stage, &made.id).await;
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

/// A pause that becomes the end took them for good, also what was carried over.
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
        resume(&stage, &add_on.id).await;
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
        resume(&stage, &second.id).await;
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
