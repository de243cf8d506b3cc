//! When a request is sent again, and that it is the same one.

use crate::scripted::{Act, Scripted, hurried, key};
use purser_stripe::{Error, Limits, calls::customers, calls::payments, objects::Customer};
use std::time::{Duration, Instant};

pub const CUSTOMER: &str = r#"{"id":"cus_1","object":"customer","created":1,"email":null,"balance":0,
    "invoice_settings":{"default_payment_method":null},"metadata":{},"livemode":false,"new_field":{"x":1}}"#;

pub fn new_customer() -> purser_stripe::Call<Customer> {
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
        let client = server.client_with(Limits { one_try: Duration::from_millis(500), ..hurried() });
        let answer = client.write(&new_customer(), &key("op-1"), 1000).await;
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
    let server = Scripted::new(vec![Act::CutInBody; 4]).await;
    let client = server.client();
    let error = client.write(&new_customer(), &key("op-1"), 1000).await.expect_err("nobody answers");
    assert!(matches!(error, Error::Unanswered { attempts: 4, .. }) && error.may_have_happened(), "{error}");
    server.then([Act::reply(200, CUSTOMER)]);
    client.write(&new_customer(), &key("op-1"), 1000 + 22 * 3600).await.expect("settled");
    assert_eq!(server.keys(), ["op-1"; 5]);
}

#[tokio::test]
async fn a_key_is_not_used_for_longer_than_stripe_remembers_it() {
    let server = Scripted::new([Act::reply(200, CUSTOMER)]).await;
    let client = server.client();
    let error = client.write(&new_customer(), &key("op-1"), 1000 + 23 * 3600).await.expect_err("too old");
    assert!(matches!(error, Error::KeyTooOld) && error.may_have_happened(), "{error}");
    assert_eq!(server.sent().len(), 0, "nothing was sent");
    client.write(&new_customer(), &key("op-1"), 1000 + 23 * 3600 - 1).await.expect("a second earlier");
    // A deletion has no key on the wire, so none can be too old.
    server.then([Act::reply(200, r#"{"id":"cus_1","object":"customer","deleted":true}"#)]);
    client.write(&customers::delete("cus_1"), &key("op-2"), 1000 + 30 * 3600).await.expect("deleted");
    assert_eq!(server.keys(), ["op-1", ""]);
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
async fn a_conflict_in_flight_is_waited_for() {
    let in_flight = Act::error(409, "idempotency_error", "idempotency_key_in_use");
    let done = Act::reply(200, CUSTOMER).with("idempotent-replayed", "true");
    let server = Scripted::new([in_flight.clone(), in_flight.clone(), in_flight.clone(), done]).await;
    let client = server.client_with(Limits { first_pause: Duration::from_millis(20), ..hurried() });
    let began = Instant::now();
    let answer = client.write(&new_customer(), &key("op-1"), 1000).await.expect("the first one's answer");
    assert!(answer.replayed);
    // Half of 20, 8 and 8 ms at least: the longest pause is 8.
    assert!(began.elapsed() >= Duration::from_millis(12), "{:?}", began.elapsed());
    assert_eq!(server.keys(), ["op-1"; 4]);
    server.then(vec![in_flight; 4]);
    let error = client.write(&new_customer(), &key("op-2"), 1000).await.expect_err("for ever in flight");
    assert!(error.may_have_happened() && matches!(error, Error::Unanswered { attempts: 4, .. }), "{error}");
}

#[tokio::test]
async fn a_rate_limit_is_not_asked_again_and_a_lock_is() {
    let limited = Act::error(429, "invalid_request_error", "rate_limit")
        .with("stripe-rate-limited-reason", "endpoint-rate")
        .with("retry-after", "7")
        .with("request-id", "req_1");
    let server = Scripted::new([limited]).await;
    let client = server.client();
    match client.write(&new_customer(), &key("op-1"), 1000).await {
        Err(error @ Error::RateLimited { .. }) => {
            assert!(!error.may_have_happened());
            assert_eq!(error.request_id(), Some("req_1"));
            let Error::RateLimited { reason, retry_after, .. } = error else { unreachable!("just matched") };
            assert_eq!((reason.as_deref(), retry_after), (Some("endpoint-rate"), Some(Duration::from_secs(7))));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(server.sent().len(), 1);
    let lock = Act::error(429, "invalid_request_error", "lock_timeout");
    server.then([lock.clone(), Act::reply(200, CUSTOMER)]);
    client.write(&new_customer(), &key("op-2"), 1000).await.expect("the lock was let go");
    assert_eq!(server.sent().len(), 3);
    server.then(vec![lock; 4]);
    match client.write(&new_customer(), &key("op-3"), 1000).await {
        Err(error @ Error::RateLimited { .. }) => assert!(!error.may_have_happened(), "each try was refused"),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.sent().len(), 7);
}

#[tokio::test]
async fn stripe_is_given_the_time_it_asks_for() {
    let busy = |seconds: &str| Act::error(503, "api_error", "").with("retry-after", seconds);
    let server = Scripted::new([busy("1"), Act::reply(200, CUSTOMER)]).await;
    let began = Instant::now();
    server.client().write(&new_customer(), &key("op-1"), 1000).await.expect("done");
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    // More than there is: it is given up at once, and said to be open.
    server.then([busy("3600")]);
    let began = Instant::now();
    let error = server.client().write(&new_customer(), &key("op-2"), 1000).await.expect_err("no time");
    assert!(matches!(error, Error::Unanswered { attempts: 1, .. }), "{error}");
    assert!(began.elapsed() < Duration::from_secs(50), "nobody waits an hour");
}

#[tokio::test]
async fn a_try_and_all_tries_together_have_their_time() {
    let server = Scripted::new(vec![Act::Drip; 9]).await;
    let limits = Limits { one_try: Duration::from_millis(60), total: Duration::from_secs(60), tries: 2, ..hurried() };
    let began = Instant::now();
    let error = server.client_with(limits).write(&new_customer(), &key("op-1"), 1000).await.expect_err("it drips");
    assert!(matches!(&error, Error::Unanswered { attempts: 2, why, .. } if why.contains("60 ms")), "{error}");
    assert!(began.elapsed() >= Duration::from_millis(120) && began.elapsed() < Duration::from_secs(30));
    let limits = Limits { one_try: Duration::from_secs(30), total: Duration::from_millis(80), tries: 9, ..hurried() };
    let client = server.client_with(Limits { breaker_failures: 1, ..limits });
    let began = Instant::now();
    let error = client.write(&new_customer(), &key("op-2"), 1000).await.expect_err("it drips");
    assert!(matches!(error, Error::Unanswered { attempts: 1, .. }), "{error}");
    assert!(began.elapsed() >= Duration::from_millis(80) && began.elapsed() < Duration::from_secs(20));
    assert!(!client.is_open(), "that our own time was short says nothing of Stripe");
}

#[tokio::test]
async fn a_connection_closed_meanwhile_is_passed_over_once() {
    let server = Scripted::new([Act::reply(200, CUSTOMER), Act::HangUp, Act::reply(200, CUSTOMER)]).await;
    let limits = Limits { tries: 1, breaker_failures: 1, first_pause: Duration::from_secs(50), ..hurried() };
    let client = server.client_with(limits);
    client.write(&new_customer(), &key("op-1"), 1000).await.expect("done");
    // The connection is kept, and closed as soon as the next request comes.
    client.write(&new_customer(), &key("op-2"), 1000).await.expect("sent again at once, on a new one");
    assert!(!client.is_open(), "it is no failure of Stripe's");
    assert_eq!(server.keys(), ["op-1", "op-2", "op-2"]);
    server.then([Act::HangUp, Act::HangUp]);
    let error = client.write(&new_customer(), &key("op-3"), 1000).await.expect_err("closed twice");
    assert!(matches!(error, Error::Unanswered { attempts: 2, .. }), "once, and not more: {error}");
    assert!(client.is_open());
}
