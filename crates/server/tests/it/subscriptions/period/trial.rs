//! A trial whose end is moved takes what is left of its credits along, once.

use super::{DAY, HOUR, balance, grants, pass, plan, proved, spend};
use crate::{
    subscriptions::{Stage, again},
    world::{BOTH, Kind},
};
use purser_stripe::{calls::subscriptions as calls, objects::Subscription};
use serde_json::{Value, json};

/// A stage on which acme tries a plan of 100 credits for 14 days, all of it told, and has spent 40 of them; the
/// subscription, and when its trial ends.
async fn tried(kind: Kind) -> (Stage, Subscription, i64) {
    let stage = Stage::new(kind).await;
    let customer = stage.customer("acme").await;
    let price = plan(&stage, "pro", (10, 1000, 2000), json!({ "trial_days": 14, "trial_credits": 100 })).await;
    let new = calls::NewSubscription {
        customer,
        items: vec![calls::NewItem { price, quantity: Some(1), ..Default::default() }],
        trial_period_days: Some(14),
        ..Default::default()
    };
    let made = stage.write(&calls::create(&new)).await;
    stage.tell_all(&made.id).await;
    assert_eq!(balance(&stage).await, [100.0, 0.0, 0.0], "{kind:?}");
    spend(&stage, 40).await;
    let end = made.trial_end.unwrap();
    (stage, made, end)
}

/// Moves the end of a trial.
async fn moved(stage: &Stage, subscription: &str, end: calls::When) {
    stage.change(subscription, calls::SubscriptionChange { trial_end: Some(end), ..Default::default() }).await;
}

/// Tells all there is of a subscription, and once more by events of other ids.
async fn tell_twice(stage: &Stage, subscription: &str, suffix: &str) {
    stage.tell_all(subscription).await;
    let told: Vec<Value> = stage.told(subscription).await.iter().map(|event| again(event, suffix)).collect();
    stage.tell(&told).await;
}

/// The sources of what the trial gave, the earliest first.
async fn sources(stage: &Stage) -> Vec<String> {
    let all = grants(stage).await;
    let sources = all.iter().map(|grant| grant["source_id"].as_str().unwrap().to_owned());
    let mut of_trial: Vec<String> = sources.filter(|source| source.starts_with("pro:trial")).collect();
    of_trial.sort();
    of_trial
}

/// Also when it is told of only after the credits expired at the end that the trial had at first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_of_a_trial_lives_to_its_later_end() {
    for kind in BOTH {
        for late in [false, true] {
            let (stage, made, end) = tried(kind).await;
            pass(&stage, 10 * DAY);
            moved(&stage, &made.id, calls::When::At(end + 16 * DAY)).await;
            if !late {
                tell_twice(&stage, &made.id, "first").await;
                assert_eq!(balance(&stage).await, [60.0, 0.0, 0.0], "{kind:?}: no more than was left");
            }
            pass(&stage, 5 * DAY + HOUR);
            let left = if late { 0.0 } else { 60.0 };
            assert_eq!(balance(&stage).await, [left, 0.0, 0.0], "{kind:?} {late}: a day after its first end");
            tell_twice(&stage, &made.id, "second").await;
            assert_eq!(balance(&stage).await, [60.0, 0.0, 0.0], "{kind:?} {late}");
            assert_eq!(sources(&stage).await, ["pro:trial", "pro:trial+1"], "{kind:?} {late}");
            // And once more.
            spend(&stage, 10).await;
            moved(&stage, &made.id, calls::When::At(end + 20 * DAY)).await;
            tell_twice(&stage, &made.id, "third").await;
            assert_eq!(balance(&stage).await, [50.0, 0.0, 0.0], "{kind:?} {late}");
            assert_eq!(sources(&stage).await, ["pro:trial", "pro:trial+1", "pro:trial+2"], "{kind:?} {late}");
            pass(&stage, 20 * DAY);
            assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?} {late}: a day after its last end");
            tell_twice(&stage, &made.id, "fourth").await;
            assert_eq!(balance(&stage).await, [1000.0, 0.0, 0.0], "{kind:?} {late}: the paid month alone");
            proved(&stage).await;
        }
    }
}

/// A family is tried once: what was not spent of it by then does not come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_trial_of_a_subscription_gives_nothing_again() {
    for kind in BOTH {
        let (stage, made, end) = tried(kind).await;
        pass(&stage, 3 * DAY);
        moved(&stage, &made.id, calls::When::Word("now")).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await[0], 1060.0, "{kind:?}: the paid month, and what was left");
        pass(&stage, 14 * DAY);
        moved(&stage, &made.id, calls::When::At(end + 14 * DAY)).await;
        tell_twice(&stage, &made.id, "again").await;
        assert_eq!(stage.current("acme").await["status"], "trial", "{kind:?}");
        assert_eq!(sources(&stage).await, ["pro:trial"], "{kind:?}");
        proved(&stage).await;
    }
}

/// It may be captured yet, so it is not given to be spent as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_of_a_trial_stays_with_its_hold() {
    for kind in BOTH {
        let (stage, made, end) = tried(kind).await;
        pass(&stage, 10 * DAY);
        let hold = r#"{"customer_id":"acme","amount":25,"idempotency_key":"hold"}"#;
        let held = stage.world.admin("POST", "/api/v1/holds", hold).await;
        moved(&stage, &made.id, calls::When::At(end + 16 * DAY)).await;
        tell_twice(&stage, &made.id, "moved").await;
        assert_eq!(balance(&stage).await, [35.0, 25.0, 0.0], "{kind:?}");
        let capture = format!("/api/v1/holds/{}/capture", held["id"].as_str().unwrap());
        stage.world.admin("POST", &capture, "{}").await;
        assert_eq!(balance(&stage).await, [35.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}
