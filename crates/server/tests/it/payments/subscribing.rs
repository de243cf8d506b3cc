//! A plan that is bought is there at once, whoever comes first; nobody pays for two of a group; a family is tried once.

use super::{Shop, sandbox, text, wanted};
use crate::world::{ADMIN, BOTH};
use futures_util::future::join_all;
use purser::platform::clock::Clock;
use purser_rules::Time;
use purser_stripe::{
    calls::{
        checkout::{self, NewSession, NewSessionItem},
        subscriptions as calls,
    },
    objects::{SessionMode, SessionStatus, SubscriptionStatus},
};
use serde_json::{Value, json};

/// Microseconds in a day.
const DAY: i64 = 86_400_000_000;

/// What is asked for who wants this price.
fn plan_of(price: &str) -> Value {
    json!({ "customer_id": "acme", "purpose": "subscription", "price": price })
}

/// What is said to who asks for a checkout of this price.
async fn refused(shop: &Shop, price: &str) -> (u16, String, Option<String>) {
    let answer = shop.world.ask(ADMIN, "POST", "/api/v1/checkout", wanted(&plan_of(price)).to_string()).await;
    let (code, param) = answer.error();
    (answer.status, code, param)
}

/// The subscription at Stripe that a checkout made.
async fn made_by(shop: &Shop, checkout: &Value) -> String {
    shop.session(text(&checkout["session_id"])).await.subscription.unwrap().id().to_owned()
}

/// Ends a subscription at once.
async fn end(shop: &Shop, subscription: &str) {
    shop.write(&calls::cancel(subscription, &calls::Cancellation::default())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn return_pages_that_come_at_once_find_plan_and_credits_and_one_is_the_first() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let price = shop.plan("team", 1, &json!({ "credits": { "amount": 100, "period": "billing" } })).await;
        let opened = shop.checkout_of(&plan_of(&price)).await;
        assert_eq!(shop.verify(&opened).await["state"], "pending", "{kind:?}");
        shop.pay(&opened, "pm_card_visa").await;
        let answers = join_all((0..8).map(|_| shop.verify(&opened))).await;
        assert!(answers.iter().all(|answer| answer["state"] == "done"), "{kind:?}: {answers:?}");
        let firsts = answers.iter().filter(|answer| answer["already"] == false).count();
        assert_eq!(firsts, 1, "{kind:?}: {answers:?}");
        assert_eq!(shop.current().await["access"], true, "{kind:?}");
        for _ in 0..2 {
            assert_eq!(shop.balance().await, [100.0, 0.0, 0.0], "{kind:?}: once");
            shop.deliver().await;
        }
        shop.proved().await;
    }
}

/// A session the app made itself, as of a payment link: it alone says whose the plan is, whoever comes first, and at each
/// renewal too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_by_a_session_of_the_app_is_of_who_it_names() {
    for kind in BOTH {
        for verified in [true, false] {
            let shop = Shop::open(kind).await;
            let price = shop.plan("team", 1, &json!({ "credits": { "amount": 100, "period": "billing" } })).await;
            let session = NewSession {
                mode: SessionMode::Subscription,
                client_reference_id: Some("acme".into()),
                success_url: Some("https://app.example.com/own".into()),
                line_items: Some(vec![NewSessionItem { price, quantity: Some(1) }]),
                ..Default::default()
            };
            let id = shop.write(&checkout::create(&session)).await.id;
            shop.pay_session(&id, "pm_card_visa").await;
            if verified {
                assert_eq!(shop.verify(&json!({ "session_id": id })).await["state"], "done", "{kind:?}");
            } else {
                shop.deliver().await;
            }
            assert_eq!(shop.current().await["access"], true, "{kind:?} {verified}");
            assert_eq!(shop.balance().await, [100.0, 0.0, 0.0], "{kind:?} {verified}");
            shop.deliver().await;
            assert_eq!(shop.balance().await, [100.0, 0.0, 0.0], "{kind:?} {verified}: told");
            shop.spend(30).await;
            shop.world.clock.advance(32 * DAY);
            shop.deliver().await;
            assert_eq!(shop.balance().await, [100.0, 0.0, 0.0], "{kind:?} {verified}: renewed");
            shop.proved().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_event_of_the_session_brings_the_plan_by_itself_and_the_return_page_says_so() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let price = shop.plan("team", 1, &json!({ "credits": { "amount": 100, "period": "billing" } })).await;
        let opened = shop.checkout_of(&plan_of(&price)).await;
        shop.pay(&opened, "pm_card_visa").await;
        assert_eq!(shop.deliver_kinds(&["checkout.session."]).await, 1, "{kind:?}");
        let current = shop.current().await;
        assert_eq!((&current["status"], &current["access"]), (&json!("active"), &json!(true)), "{kind:?}");
        assert_eq!(shop.balance().await, [100.0, 0.0, 0.0], "{kind:?}");
        let told = shop.verify(&opened).await;
        assert_eq!((&told["state"], &told["already"]), (&json!("done"), &json!(true)), "{kind:?}");
        // What comes after it leaves the session where it stands.
        shop.deliver().await;
        let list = shop.world.admin("GET", "/api/v1/customers/acme/subscriptions", "").await;
        assert_eq!(list["data"][0]["checkout_session_id"], opened["session_id"], "{kind:?}");
        let log = shop.world.admin("GET", "/api/v1/customers/acme/subscription_changes", "").await;
        assert_eq!(log["data"][0]["after"]["checkout_session"], opened["session_id"], "{kind:?}");
        assert_eq!(shop.balance().await, [100.0, 0.0, 0.0], "{kind:?}: once");
        shop.proved().await;
    }
}

/// Failure 13, of plans: one tab pays, and before any webhook came another one buys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_paid_in_another_tab_is_not_sold_a_second_plan_of_the_group() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let team = shop.plan("team", 1, &json!({})).await;
        let better = shop.plan("better", 2, &json!({})).await;
        let extra = shop.plan("extra", 1, &json!({ "kind": "add_on" })).await;
        let opened = shop.checkout_of(&plan_of(&team)).await;
        shop.pay(&opened, "pm_card_visa").await;
        for price in [&better, &team] {
            let expected = (409, "already_subscribed".to_owned(), Some("price".to_owned()));
            assert_eq!(refused(&shop, price).await, expected, "{kind:?}");
            assert_eq!(shop.sessions().await.len(), 1, "{kind:?}: no other session was opened");
        }
        assert_eq!(shop.current().await["plan"]["family"], "team", "{kind:?}: it was fulfilled on the way");
        assert_eq!(shop.verify(&opened).await["already"], true, "{kind:?}");
        // An add-on comes on top.
        let on_top = shop.checkout_of(&plan_of(&extra)).await;
        assert_eq!(shop.session(text(&on_top["session_id"])).await.status, Some(SessionStatus::Open), "{kind:?}");
        // Ended at Stripe, which nobody has told yet: Stripe is asked before anybody is turned away.
        end(&shop, &made_by(&shop, &opened).await).await;
        let next = shop.checkout_of(&plan_of(&better)).await;
        assert_eq!(shop.session(text(&next["session_id"])).await.status, Some(SessionStatus::Open), "{kind:?}");
        assert_eq!(shop.current().await["status"], "canceled", "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_family_is_tried_once_whatever_the_subscription_became() {
    for kind in BOTH {
        // 2026-11-21T04:00:00Z, moved by hand on both.
        let clock = Clock::manual(Time::from_micros(1_795_233_600_000_000));
        let address = sandbox(clock.clone()).await;
        let shop = Shop::beside(kind, clock.clone(), address).await;
        shop.customer("acme").await;
        let pro = shop.plan("pro", 1, &json!({ "trial_days": 14, "trial_credits": 10 })).await;
        let max = shop.plan("max", 2, &json!({})).await;
        let opened = shop.checkout_of(&plan_of(&pro)).await;
        let session = shop.session(text(&opened["session_id"])).await;
        assert_eq!(session.amount_total, Some(0), "{kind:?}: nothing is due");
        shop.pay(&opened, "pm_card_visa").await;
        assert_eq!(shop.verify(&opened).await["state"], "done", "{kind:?}");
        let current = shop.current().await;
        assert_eq!((&current["status"], &current["access"]), (&json!("trial"), &json!(true)), "{kind:?}");
        assert_eq!(current["trial_end"], "2026-12-05T04:00:00Z", "{kind:?}");
        assert_eq!(shop.balance().await, [10.0, 0.0, 0.0], "{kind:?}");
        shop.deliver().await;
        let id = made_by(&shop, &opened).await;
        let made = shop.read(&calls::retrieve(&id)).await;
        assert_eq!(made.status, SubscriptionStatus::Trialing, "{kind:?}");
        clock.advance(16 * DAY);
        shop.deliver().await;
        assert_eq!(shop.current().await["status"], "active", "{kind:?}: its end was paid");
        assert_eq!(shop.balance().await, [0.0, 0.0, 0.0], "{kind:?}");
        // Nothing of the family is left on the subscription when it ends.
        let change = calls::LoneItemChange { price: Some(max), ..Default::default() };
        shop.write(&calls::update_item(&id, &made.items.data[0].id, &change)).await;
        shop.deliver().await;
        assert_eq!(shop.current().await["plan"]["family"], "max", "{kind:?}");
        end(&shop, &id).await;
        shop.deliver().await;
        let again = shop.checkout_of(&plan_of(&pro)).await;
        assert_eq!(shop.session(text(&again["session_id"])).await.amount_total, Some(2000), "{kind:?}");
        shop.pay(&again, "pm_card_visa").await;
        assert_eq!(shop.verify(&again).await["state"], "done", "{kind:?}");
        let current = shop.current().await;
        assert_eq!((&current["status"], current["trial_end"].is_null()), (&json!("active"), true), "{kind:?}");
        assert_eq!(shop.balance().await, [0.0, 0.0, 0.0], "{kind:?}");
        shop.proved().await;
    }
}

/// What is said to who archives `acme`: the status, and the code if it is refused.
async fn archive(shop: &Shop) -> (u16, Option<String>) {
    let answer = shop.world.ask(ADMIN, "DELETE", "/api/v1/customers/acme", "").await;
    (answer.status, (answer.status != 200).then(|| answer.error().0))
}

/// Who pays by a checkout that was open when its customer was archived would pay for nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_is_archived_only_once_its_checkouts_have_ended() {
    let live = (409, Some("subscription_live".to_owned()));
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let price = shop.plan("team", 1, &json!({})).await;
        shop.pack("pack-50", 50, 500).await;
        let plan = shop.checkout_of(&plan_of(&price)).await;
        let pack = shop.checkout("pack-50").await;
        // Nothing is paid by this one.
        shop.checkout_of(&json!({ "customer_id": "acme", "purpose": "setup" })).await;
        for opened in [&plan, &pack] {
            assert_eq!(archive(&shop).await, live, "{kind:?}");
            shop.write(&checkout::expire(text(&opened["session_id"]))).await;
            assert_eq!(archive(&shop).await, live, "{kind:?}: nobody has heard of it");
            assert_eq!(shop.deliver_kinds(&["checkout.session.expired"]).await, 1, "{kind:?}");
        }
        assert_eq!(archive(&shop).await, (200, None), "{kind:?}");
        assert_eq!(refused(&shop, &price).await.1, "customer_archived", "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkout_whose_end_nobody_told_of_hinders_no_archiving_for_ever() {
    let live = (409, Some("subscription_live".to_owned()));
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let price = shop.plan("team", 1, &json!({})).await;
        shop.checkout_of(&plan_of(&price)).await;
        shop.world.clock.advance(DAY);
        assert_eq!(archive(&shop).await, live, "{kind:?}: that it was paid may be heard yet");
        shop.world.clock.advance(DAY / 12);
        assert_eq!(archive(&shop).await, (200, None), "{kind:?}");
    }
}
