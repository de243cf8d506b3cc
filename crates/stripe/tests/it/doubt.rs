//! What is said of a write when a try of it was lost: never that nothing happened.

use crate::{
    asking_again::{CUSTOMER, new_customer},
    scripted::{Act, Scripted, key},
};
use purser_stripe::{Error, calls::catalog, calls::customers, calls::subscriptions};

#[tokio::test]
async fn after_a_lost_try_a_refusal_that_looked_at_no_key_settles_nothing() {
    let refusals = [
        Act::error(429, "invalid_request_error", "rate_limit"),
        Act::error(401, "invalid_request_error", ""),
        Act::error(403, "invalid_request_error", ""),
    ];
    for refusal in refusals {
        let server = Scripted::new([Act::CutInBody, refusal.clone().with("request-id", "req_2")]).await;
        let error = server.client().write(&new_customer(), &key("op-1"), 1000).await.expect_err("no success");
        assert!(matches!(error, Error::Unanswered { attempts: 2, .. }), "{refusal:?}: {error}");
        assert!(error.may_have_happened() && error.request_id() == Some("req_2"), "{error}");
        // The same without a lost try: nothing happened.
        let server = Scripted::new([refusal.clone()]).await;
        let error = server.client().write(&new_customer(), &key("op-1"), 1000).await.expect_err("no success");
        assert!(!error.may_have_happened(), "{refusal:?}: {error}");
        // A read has nothing to be in doubt about.
        let server = Scripted::new([Act::CutInBody, refusal.clone()]).await;
        let error = server.client().read(&customers::retrieve("cus_1")).await.expect_err("no success");
        assert!(["refused", "rate_limited"].contains(&error.kind()), "{refusal:?}: {error}");
    }
}

#[tokio::test]
async fn after_a_lost_try_the_answer_to_its_key_settles_it() {
    for refusal in [
        Act::error(402, "card_error", "card_declined").with("idempotent-replayed", "true"),
        Act::error(400, "invalid_request_error", "parameter_missing"),
    ] {
        let server = Scripted::new([Act::CutInBody, refusal.clone()]).await;
        let error = server.client().write(&new_customer(), &key("op-1"), 1000).await.expect_err("no success");
        assert!(matches!(error, Error::Refused(_)) && !error.may_have_happened(), "{refusal:?}: {error}");
    }
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_is_said_to_be_gone() {
    let missing = Act::error(404, "invalid_request_error", "resource_missing").with("request-id", "req_2");
    let server = Scripted::new([Act::CutInBody, missing.clone()]).await;
    let client = server.client();
    let error = client.write(&customers::delete("cus_1"), &key("op-1"), 1000).await.expect_err("the answer is lost");
    assert!(matches!(error, Error::Gone { .. }) && error.may_have_happened(), "{error}");
    assert_eq!((error.kind(), error.request_id()), ("gone", Some("req_2")));
    // It was not there from the start: that is a refusal.
    server.then([missing.clone()]);
    let error = client.write(&customers::delete("cus_2"), &key("op-2"), 1000).await.expect_err("missing");
    assert!(matches!(&error, Error::Refused(refused) if refused.is_missing()), "{error}");
    // A deletion without a key: another refusal after a lost try tells nothing of that try.
    server.then([Act::CutInBody, Act::error(400, "invalid_request_error", "subscription_canceled")]);
    let cancel = subscriptions::cancel("sub_1", &Default::default());
    let error = client.write(&cancel, &key("op-3"), 1000).await.expect_err("no success");
    assert!(matches!(error, Error::Unanswered { .. }), "{error}");
    assert!(server.sent().iter().all(|sent| sent.header("idempotency-key").is_none()));
}

#[tokio::test]
async fn a_success_that_cannot_be_read_is_a_write_that_happened() {
    let wrong = [Act::reply(200, "not json"), Act::reply(200, "{}"), Act::reply(200, ""), Act::reply(201, "[]")];
    for act in wrong {
        let server = Scripted::new([act.clone().with("request-id", "req_1")]).await;
        let error = server.client().write(&new_customer(), &key("op-1"), 1000).await.expect_err("no customer");
        assert!(matches!(error, Error::NotUnderstood { .. }) && error.may_have_happened(), "{act:?}: {error}");
        assert_eq!((error.request_id(), server.sent().len()), (Some("req_1"), 1), "{act:?}: not asked again");
    }
}

#[tokio::test]
async fn a_key_in_use_or_used_for_something_else_is_a_write_that_may_have_happened() {
    for act in [
        Act::error(409, "idempotency_error", "idempotency_key_in_use").with("stripe-should-retry", "false"),
        Act::error(400, "idempotency_error", ""),
    ] {
        let server = Scripted::new([act.clone()]).await;
        let error = server.client().write(&new_customer(), &key("op-1"), 1000).await.expect_err("no success");
        assert!(error.may_have_happened(), "{act:?}: {error}");
        assert_eq!(server.sent().len(), 1);
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_not_sent() {
    let server = Scripted::new([Act::reply(200, CUSTOMER)]).await;
    let client = server.client();
    for text in ["", "two words", "line\nfeed", "é", &"x".repeat(256)] {
        let error = client.write(&new_customer(), &key(text), 1000).await.expect_err("no key");
        assert!(matches!(error, Error::Unfit(_)) && !error.may_have_happened(), "{text}: {error}");
    }
    for id in ["", ".", ".."] {
        let error = client.write(&customers::delete(id), &key("op-1"), 1000).await.expect_err("no id");
        assert!(matches!(error, Error::Unfit(_)), "{id}: {error}");
        let error = client.read(&catalog::price(id)).await.expect_err("no id");
        assert!(matches!(error, Error::Unfit(_)), "{id}: {error}");
    }
    let error = client.read(&new_customer()).await.expect_err("a write without a key");
    assert!(matches!(error, Error::Unfit(_)), "{error}");
    assert_eq!(server.sent().len(), 0);
    client.write(&new_customer(), &key(&"x".repeat(255)), 1000).await.expect("the longest key");
}
