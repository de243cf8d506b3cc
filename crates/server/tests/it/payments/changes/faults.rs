//! Declined, unanswered, crashed between call and record, raced: nothing is billed twice, and nothing is half done.

use super::{DAY, Sold, plan, price};
use crate::world::BOTH;
use futures_util::future::join_all;
use purser::{
    features::subscriptions::{self, Unrecorded},
    platform::{
        auth::Actor,
        db::{DbError, Value as Sql},
    },
};
use purser_stripe::{calls::subscriptions as calls, objects::Interval};
use serde_json::json;

/// A fault of every write of subscriptions until it is taken away: the write is done or not, and never answered.
async fn unanswered(sold: &Sold, done: bool) {
    let cut = if done { "cut_after" } else { "cut_before" };
    let fault = json!({ "kind": cut, "method": "POST", "path": "/v1/subscriptions/", "times": 1000 });
    sold.shop.fault(Some(&fault)).await;
}

/// Moves what was put down into the past by so many seconds: the column, of the table.
async fn age(sold: &Sold, table: &'static str, column: &'static str, seconds: i64) {
    let then = sold.shop.world.clock.now().plus_seconds(-seconds);
    let sql = format!("UPDATE {table} SET {column} = $1");
    let moved = sold.shop.world.app.db().write(move |tx| tx.execute(&sql, vec![Sql::Ts(then)])).await;
    assert!(moved.is_ok_and(|rows: u64| rows > 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_upgrade_changes_nothing_and_the_same_key_may_succeed_later() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        for (card, code) in [
            ("pm_card_chargeCustomerFail", "payment_declined"),
            ("pm_card_authenticationRequired", "payment_action_required"),
        ] {
            sold.pays_by(card).await;
            let wanted = json!({ "plan": "max", "idempotency_key": "click-1" });
            let answer = sold.ask("change", &wanted).await;
            assert_eq!((answer.status, answer.error().0.as_str()), (402, code), "{kind:?}: {}", answer.text);
            let message = answer.json()["error"]["message"].to_string();
            assert!(message.contains("http://"), "{kind:?}: it says where to go: {message}");
            assert_eq!(sold.items().await, [(sold.pro.clone(), Some(1))], "{kind:?} {card}");
            assert_eq!(sold.family().await, "pro", "{kind:?} {card}");
        }
        sold.pays_by("pm_card_visa").await;
        let done = sold.done("change", &json!({ "plan": "max", "idempotency_key": "click-1" })).await;
        assert_eq!(done["replayed"], false, "{kind:?}: a refusal is not remembered");
        assert_eq!(sold.family().await, "max", "{kind:?}");
    }
}

/// A crash between the call and its record, and an answer that is lost, leave the same: a row that says it may be done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_29_a_change_without_an_answer_is_found_done_or_sent_again_with_its_own_key() {
    for kind in BOTH {
        for done in [true, false] {
            let sold = Sold::open(kind, false).await;
            unanswered(&sold, done).await;
            let wanted = json!({ "plan": "max", "idempotency_key": "click-1" });
            let away = (503, "stripe_unavailable".into());
            assert_eq!(sold.refused("change", &wanted).await, away, "{kind:?} {done}");
            // Nobody else may change it meanwhile: it is not known how it stands.
            assert_eq!(sold.refused("cancel", &json!({})).await, (409, "change_in_progress".into()), "{kind:?} {done}");
            // One that was done is seen to be; the other is sent again, and gets no answer either.
            if !done {
                assert_eq!(sold.refused("change", &wanted).await, away, "{kind:?}");
            }
            sold.shop.fault(None).await;
            assert_eq!(sold.done("change", &wanted).await["replayed"], false, "{kind:?} {done}");
            assert_eq!(sold.done("change", &wanted).await["replayed"], true, "{kind:?} {done}");
            assert_eq!(sold.items().await, [(sold.max.clone(), Some(1))], "{kind:?} {done}");
            assert_eq!((sold.invoices().await.len(), sold.family().await.as_str()), (2, "max"), "{kind:?} {done}");
        }
    }
}

/// After 23 hours Stripe may have forgotten the key: how the subscription stands says whether it was done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_too_old_to_be_sent_again_is_looked_for() {
    for kind in BOTH {
        for done in [true, false] {
            let sold = Sold::open(kind, false).await;
            unanswered(&sold, done).await;
            let wanted = json!({ "plan": "max", "idempotency_key": "click-1" });
            assert_eq!(sold.refused("change", &wanted).await.0, 503, "{kind:?} {done}");
            sold.shop.fault(None).await;
            age(&sold, "stripe_operations", "first_sent", 24 * 3600).await;
            sold.done("change", &wanted).await;
            assert_eq!(sold.items().await, [(sold.max.clone(), Some(1))], "{kind:?} {done}");
            assert_eq!(sold.invoices().await.len(), 2, "{kind:?} {done}: once");
        }
    }
}

/// What nobody came back for makes room, and is not sent later: who gave up and ends the subscription is not charged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_was_given_up_is_not_done_behind_anyones_back() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        unanswered(&sold, false).await;
        assert_eq!(sold.refused("change", &json!({ "plan": "max" })).await.0, 503, "{kind:?}");
        sold.shop.fault(None).await;
        age(&sold, "subscription_requests", "created_at", 600).await;
        sold.done("cancel", &json!({})).await;
        assert_eq!(sold.items().await, [(sold.pro.clone(), Some(1))], "{kind:?}");
        assert_eq!((sold.invoices().await.len(), sold.at_stripe().await.is_ending()), (1, true), "{kind:?}");
        let states = sold.shop.world.app.db().read(|tx| {
            let rows = tx.query("SELECT state FROM subscription_requests ORDER BY id", vec![])?;
            rows.iter().map(|row| row.i64(0)).collect::<Result<Vec<_>, DbError>>()
        });
        let mut states = states.await.unwrap();
        states.sort_unstable();
        assert_eq!(states, [2, 3], "{kind:?}");
    }
}

/// What was fetched before a change was agreed on, and events of before it, do not undo it: whoever writes first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_of_before_does_not_hide_a_change_that_was_agreed_on_since() {
    for kind in BOTH {
        let sold = Sold::open(kind, true).await;
        let app = &sold.shop.world.app;
        let metadata = Some([("seen".to_owned(), "before".to_owned())].into());
        let change = calls::SubscriptionChange { metadata, ..Default::default() };
        sold.shop.write(&calls::update(&sold.subscription, &change)).await;
        let events = sold.shop.undelivered().await;
        assert!(!events.is_empty(), "{kind:?}");
        let early = subscriptions::fetch(app, &sold.subscription, None).await.unwrap().unwrap();
        sold.done("change", &json!({ "plan": "pro" })).await;
        let agreed = sold.agreed().await;
        assert!(agreed["id"].is_string(), "{kind:?}");
        let random = app.random().clone();
        let late = app.db().write(move |tx| subscriptions::record(tx, &random, &Actor::stripe("test"), &early)).await;
        assert_eq!(late, Err(Unrecorded::Stale), "{kind:?}");
        assert_eq!(sold.agreed().await, agreed, "{kind:?}");
        sold.shop.deliver_these(&events).await;
        assert_eq!(sold.agreed().await, agreed, "{kind:?}");
        sold.shop.deliver().await;
        assert_eq!(sold.agreed().await, agreed, "{kind:?}");
    }
}

/// A downgrade is two writes: lost between them, it goes on with the second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_downgrade_that_was_half_agreed_on_is_agreed_on_by_whoever_asks_again() {
    for kind in BOTH {
        let sold = Sold::open(kind, true).await;
        let fault =
            json!({ "kind": "cut_before", "method": "POST", "path": "/v1/subscription_schedules/", "times": 1000 });
        sold.shop.fault(Some(&fault)).await;
        let wanted = json!({ "plan": "pro" });
        assert_eq!(sold.refused("change", &wanted).await, (503, "stripe_unavailable".into()), "{kind:?}");
        assert!(sold.at_stripe().await.schedule.is_some(), "{kind:?}: the first was done");
        sold.shop.fault(None).await;
        assert_eq!(sold.done("change", &wanted).await["takes_effect"], "period_end", "{kind:?}");
        sold.shop.pass(32 * DAY).await;
        assert_eq!(sold.items().await, [(sold.pro.clone(), Some(1))], "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_ask_for_the_same_are_billed_once() {
    for kind in BOTH {
        for key in [None, Some("click-1")] {
            let sold = Sold::open(kind, false).await;
            let wanted = json!({ "plan": "max", "idempotency_key": key });
            let answers = join_all((0..8).map(|_| sold.ask("change", &wanted))).await;
            for answer in &answers {
                assert_eq!(answer.status, 200, "{kind:?} {key:?}: {}", answer.text);
            }
            assert_eq!(sold.items().await, [(sold.max.clone(), Some(1))], "{kind:?} {key:?}");
            assert_eq!(sold.invoices().await.len(), 2, "{kind:?} {key:?}: billed once");
            let trail = sold.shop.world.admin("GET", "/api/v1/admin/audit?action=subscription.changed", "").await;
            if key.is_some() {
                assert_eq!(trail["data"].as_array().map(Vec::len), Some(1), "{kind:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_who_want_different_things_one_is_told_that_the_other_is_at_it() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let up = json!({ "plan": "max" });
        let leave = json!({ "at": "now" });
        let (up, leave) = tokio::join!(sold.ask("change", &up), sold.ask("cancel", &leave));
        // Who came second is told so, whether the other was still at it or done; nobody is told anything else.
        let said = |answer: &crate::world::Answer| match answer.status {
            200 => String::new(),
            _ => answer.error().0,
        };
        let (up, leave) = (said(&up), said(&leave));
        assert!(["", "change_in_progress", "subscription_ended"].contains(&up.as_str()), "{kind:?}: {up}");
        assert!(["", "change_in_progress"].contains(&leave.as_str()), "{kind:?}: {leave}");
        assert!(up.is_empty() || leave.is_empty(), "{kind:?}: {up} {leave}");
        let bills = sold.invoices().await.len();
        assert!(bills <= 2 && (up.is_empty() || bills == 1), "{kind:?}: {bills}");
        assert_eq!(sold.current().await["access"], json!(!leave.is_empty()), "{kind:?}");
    }
}

/// What is agreed on for the period's end is taken back by a change that is paid, and by no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_upgrade_leaves_the_agreed_downgrade() {
    for kind in BOTH {
        let sold = Sold::open(kind, true).await;
        sold.done("change", &json!({ "plan": "pro" })).await;
        sold.pays_by("pm_card_chargeCustomerFail").await;
        let more = json!({ "quantity": 2 });
        assert_eq!(sold.refused("change", &more).await, (402, "payment_declined".into()), "{kind:?}");
        assert_eq!(sold.items().await, [(sold.max.clone(), Some(1))], "{kind:?}");
        assert!(sold.at_stripe().await.schedule.is_some(), "{kind:?}");
        assert!(sold.agreed().await["effective_at"].is_string(), "{kind:?}");
        sold.pays_by("pm_card_visa").await;
        sold.shop.pass(32 * DAY).await;
        assert_eq!(sold.items().await, [(sold.pro.clone(), Some(1))], "{kind:?}");
    }
}

/// A deletion has no key: whoever sends it second is told that nothing is there. It is done all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_end_it_at_once_all_hear_that_it_has_ended() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let wanted = json!({ "at": "now", "idempotency_key": "click-1" });
        let answers = join_all((0..8).map(|_| sold.ask("cancel", &wanted))).await;
        for answer in &answers {
            assert_eq!(answer.status, 200, "{kind:?}: {}", answer.text);
        }
        let trail = sold.shop.world.admin("GET", "/api/v1/admin/audit?action=subscription.cancelled", "").await;
        assert_eq!(trail["data"].as_array().map(Vec::len), Some(1), "{kind:?}");
        assert_eq!(sold.done("cancel", &wanted).await["replayed"], true, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_at_once_whose_answer_was_lost_is_done() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let lost = json!({ "kind": "cut_after", "method": "DELETE", "path": "/v1/subscriptions/", "times": 1 });
        sold.shop.fault(Some(&lost)).await;
        let done = sold.done("cancel", &json!({ "at": "now" })).await;
        assert_eq!(done["subscription"]["status"], "canceled", "{kind:?}");
        let trail = sold.shop.world.admin("GET", "/api/v1/admin/audit?action=subscription.cancelled", "").await;
        assert_eq!(trail["data"].as_array().map(Vec::len), Some(1), "{kind:?}");
    }
}

/// Months later the same words mean what is sold then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_was_left_is_not_joined_by_the_same_much_later() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        unanswered(&sold, false).await;
        let wanted = json!({ "plan": "gold" });
        let old = price(&sold.shop, 6000, Interval::Month).await;
        let made = plan(&sold.shop, "gold", 30, &json!(null), &[(&old, 6000, "month")]).await;
        assert_eq!(sold.refused("change", &wanted).await, (503, "stripe_unavailable".into()), "{kind:?}");
        sold.shop.fault(None).await;
        age(&sold, "subscription_requests", "created_at", 600).await;
        let new = price(&sold.shop, 7000, Interval::Month).await;
        let prices = json!([{ "stripe_price_id": new, "currency": "usd", "unit_amount": 7000, "interval": "month" }]);
        let path = format!("/api/v1/admin/subscription-plans/{}", made["id"].as_str().unwrap());
        sold.shop.world.admin("PATCH", &path, &json!({ "prices": prices }).to_string()).await;
        sold.done("change", &wanted).await;
        assert_eq!(sold.items().await, [(new, Some(1))], "{kind:?}");
        assert_eq!(sold.invoices().await.len(), 2, "{kind:?}: billed once");
    }
}
