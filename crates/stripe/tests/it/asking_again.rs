//! When a request is sent again, and that it is the same one.

use crate::scripted::{Act, Scripted, hurried, key};
use purser_stripe::{Error, calls::customers, calls::payments, objects::Customer};
use std::time::Duration;

pub const CUSTOMER: &str = r#"{"id":"cus_1","object":"customer","created":1,"email":null,"balance":0,
    "invoice_settings":{"default_payment_method":null},"metadata":{},"livemode":false,"new_field":{"x":1}}"#;

fn new_customer() -> purser_stripe::Call<Customer> {
    customers::create(&customers::CustomerFields { email: Some("a@example.com".into()), ..Default::default() })
}

#[tokio::test]
async fn after_trouble_the_same_request_goes_out_with_the_same_key() {
    let troubles = [
        Act::error(500, "api_error", ""),
        Act::error(503, "api_error", ""),
        Act::error(409, "idempotency_error", "idempotency_key_in_use"),
        Act::error(429, "invalid_request_error", "lock_timeout"),
        Act::error(400, "invalid_request_error", "x").with("stripe-should-retry", "true"),
        Act::HangUp,
        Act::CutInBody,
        Act::Drip,
    ];
    for trouble in troubles {
        let server = Scripted::new([trouble.clone(), Act::reply(200, CUSTOMER).with("request-id", "req_2")]).await;
        let answer = server.client().write(&new_customer(), &key("op-1"), 1000).await;
        let answer = answer.unwrap_or_else(|error| panic!("{trouble:?}: {error}"));
        assert_eq!((answer.value.id.as_str(), answer.request_id.as_deref()), ("cus_1", Some("req_2")), "{trouble:?}");
        let sent = server.sent();
        assert_eq!(sent.len(), 2, "{trouble:?}");
        assert_eq!(sent[0], sent[1], "{trouble:?}: byte for byte");
        assert_eq!(sent[0].header("idempotency-key"), Some("op-1"));
        assert_eq!(sent[0].body, "email=a%40example.com");
    }
}

#[tokio::test]
async fn what_stripe_settled_is_not_asked_again() {
    let table = [
        (Act::error(400, "invalid_request_error", "parameter_unknown"), "refused"),
        (Act::error(401, "invalid_request_error", ""), "refused"),
        (Act::error(402, "card_error", "card_declined"), "refused"),
        (Act::error(404, "invalid_request_error", "resource_missing"), "refused"),
        (Act::error(409, "invalid_request_error", "x").with("stripe-should-retry", "false"), "refused"),
        (Act::error(429, "invalid_request_error", "rate_limit"), "rate_limited"),
        (Act::error(500, "api_error", "").with("stripe-should-retry", "false"), "unanswered"),
    ];
    for (act, kind) in table {
        let server = Scripted::new([act.clone()]).await;
        let error = server.client().write(&new_customer(), &key("op-1"), 1000).await.expect_err("no success");
        assert_eq!((error.kind(), server.sent().len()), (kind, 1), "{act:?}: {error}");
        assert_eq!(error.may_have_happened(), kind == "unanswered", "{act:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_is_found_again() {
    let stored = Act::reply(200, CUSTOMER).with("idempotent-replayed", "true").with("request-id", "req_1");
    let server = Scripted::new([Act::HangUp, stored]).await;
    let answer = server.client().write(&new_customer(), &key("op-1"), 1000).await.expect("found");
    assert!(answer.replayed);
}

#[tokio::test]
async fn without_an_answer_it_stays_unknown_and_the_same_key_settles_it_later() {
    let server = Scripted::new(vec![Act::HangUp; 4]).await;
    let client = server.client();
    let error = client.write(&new_customer(), &key("op-1"), 1000).await.expect_err("nobody answers");
    assert!(matches!(error, Error::Unanswered { attempts: 4, .. }) && error.may_have_happened(), "{error}");
    server.then([Act::reply(200, CUSTOMER)]);
    client.write(&new_customer(), &key("op-1"), 1000 + 22 * 3600).await.expect("settled");
    let keys: Vec<_> = server.sent().iter().map(|sent| sent.header("idempotency-key").map(str::to_owned)).collect();
    assert_eq!(keys, vec![Some("op-1".to_owned()); 5]);
}

#[tokio::test]
async fn a_key_is_not_used_for_longer_than_stripe_remembers_it() {
    let server = Scripted::new([Act::reply(200, CUSTOMER)]).await;
    let error = server.client().write(&new_customer(), &key("op-1"), 1000 + 23 * 3600).await;
    assert!(matches!(error, Err(Error::KeyTooOld)));
    assert_eq!(server.sent().len(), 0, "nothing was sent");
}

#[tokio::test]
async fn a_decline_that_comes_back_says_so_and_a_new_key_makes_a_new_attempt() {
    let declined = r#"{"error":{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds",
        "advice_code":"try_again_later","message":"Your card has insufficient funds.","param":"",
        "payment_intent":{"id":"pi_1","object":"payment_intent","status":"requires_payment_method"}}}"#;
    let script = [
        Act::reply(402, declined).with("request-id", "req_1"),
        Act::reply(402, declined).with("request-id", "req_2").with("idempotent-replayed", "true"),
        Act::error(402, "card_error", "expired_card"),
    ];
    let server = Scripted::new(script).await;
    let client = server.client();
    let payment = payments::NewPayment { amount: 500, currency: "usd".into(), ..Default::default() };
    let call = payments::create(&payment);
    let mut seen = Vec::new();
    for attempt in ["op-1/1", "op-1/1", "op-1/2"] {
        match client.write(&call, &key(attempt), 1000).await {
            Err(Error::Refused(refused)) => seen.push(refused),
            other => panic!("{other:?}"),
        }
    }
    assert!(seen.iter().all(|refused| refused.is_declined()));
    assert_eq!(seen.iter().map(|refused| refused.replayed).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(seen[0].decline_code.as_deref(), Some("insufficient_funds"));
    assert_eq!(seen[0].payment_intent.as_deref(), Some("pi_1"));
    assert_eq!(seen[0].to_string(), "402 card_declined/insufficient_funds at ``: Your card has insufficient funds.");
    assert_eq!(seen[2].code.as_deref(), Some("expired_card"));
}

#[tokio::test]
async fn every_request_names_the_version_and_no_log_or_error_names_the_key() {
    let server = Scripted::new([Act::error(401, "invalid_request_error", "")]).await;
    let client = server.client();
    let error = client.read(&customers::retrieve("cus_1")).await.expect_err("401");
    let sent = &server.sent()[0];
    assert_eq!(sent.line, "GET /v1/customers/cus_1");
    assert_eq!(sent.header("stripe-version"), Some("2026-10-28.endive"));
    assert_eq!(sent.header("authorization"), Some("Bearer sk_test_secret"));
    assert!(!format!("{error:?}{error}").contains("secret"));
}

#[tokio::test]
async fn writes_of_one_object_wait_for_each_other() {
    let script = [Act::Drip, Act::reply(200, CUSTOMER), Act::reply(200, CUSTOMER)];
    let server = Scripted::new(script).await;
    let client = server.client_with(purser_stripe::Limits { one_try: Duration::from_millis(200), ..hurried() });
    let change = |email: &str| {
        let fields = customers::CustomerFields { email: Some(email.into()), ..Default::default() };
        customers::update("cus_1", &fields)
    };
    let (one, two) = (change("1@example.com"), change("2@example.com"));
    let (first, second) = (key("op-1"), key("op-2"));
    let (one, two) = tokio::join!(client.write(&one, &first, 1000), client.write(&two, &second, 1000));
    assert!(one.is_ok() && two.is_ok());
    let keys: Vec<_> = server.sent().iter().map(|sent| sent.header("idempotency-key").map(str::to_owned)).collect();
    let expected: Vec<_> = ["op-1", "op-1", "op-2"].iter().map(|key| Some((*key).to_owned())).collect();
    assert_eq!(keys, expected, "the second waited until the first was settled");
}
