//! When Stripe fails nothing is sent for a while, then one request tries.

use crate::{
    asking_again::{CUSTOMER, new_customer},
    scripted::{Act, Scripted, hurried, key},
};
use purser_stripe::{
    Client, Error, Limits,
    calls::customers,
    objects::{Customer, OrDeleted},
};
use std::time::Duration;
use tokio::time::{sleep, timeout};

const PAUSE: Duration = Duration::from_millis(150);

fn read() -> purser_stripe::Call<OrDeleted<Customer>> {
    customers::retrieve("cus_1")
}

/// A client whose breaker was opened by `failures` failed tries.
async fn opened(server: &Scripted, failures: usize) -> Client {
    server.then(vec![Act::error(500, "api_error", ""); failures]);
    let most = u32::try_from(failures).expect("few");
    let client = server.client_with(Limits { tries: 1, breaker_failures: most, breaker_pause: PAUSE, ..hurried() });
    for _ in 0..failures {
        assert!(matches!(client.read(&read()).await, Err(Error::Unanswered { .. })));
    }
    assert!(client.is_open());
    client
}

#[tokio::test]
async fn the_breaker_opens_probes_and_closes() {
    let server = Scripted::new([]).await;
    let client = opened(&server, 3).await;
    match client.write(&new_customer(), &key("op-1"), 1000).await {
        Err(error @ Error::BreakerOpen { .. }) => assert!(!error.may_have_happened() && error.request_id().is_none()),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.sent().len(), 3, "nothing was sent while it was open");
    server.then([Act::error(500, "api_error", ""), Act::reply(200, CUSTOMER)]);
    sleep(PAUSE).await;
    assert!(matches!(client.read(&read()).await, Err(Error::Unanswered { .. })), "the probe failed");
    assert!(matches!(client.read(&read()).await, Err(Error::BreakerOpen { .. })), "so it is open again");
    sleep(PAUSE).await;
    client.read(&read()).await.expect("the probe went well");
    assert!(!client.is_open());
    server.then(vec![Act::reply(200, CUSTOMER); 5]);
    for _ in 0..5 {
        client.read(&read()).await.expect("all is sent again");
    }
}

#[tokio::test]
async fn exactly_one_request_probes_at_a_time() {
    let server = Scripted::new([]).await;
    let client = opened(&server, 2).await;
    sleep(PAUSE).await;
    server.then([Act::reply(200, CUSTOMER).after(Duration::from_millis(100))]);
    let call = read();
    let all = async { tokio::join!(client.read(&call), client.read(&call), client.read(&call), client.read(&call)) };
    let (one, two, three, four) = all.await;
    let answered = [&one, &two, &three, &four].iter().filter(|done| done.is_ok()).count();
    let refused =
        [&one, &two, &three, &four].iter().filter(|done| matches!(done, Err(Error::BreakerOpen { .. }))).count();
    assert_eq!((answered, refused, server.sent().len()), (1, 3, 3));
}

#[tokio::test]
async fn a_probe_that_is_dropped_lets_the_next_one_try() {
    let server = Scripted::new([]).await;
    let client = opened(&server, 1).await;
    sleep(PAUSE).await;
    server.then([Act::Drip, Act::reply(200, CUSTOMER)]);
    assert!(timeout(Duration::from_millis(50), client.read(&read())).await.is_err(), "the probe was dropped");
    client.read(&read()).await.expect("the next one tries at once");
    assert!(!client.is_open());
}

#[tokio::test]
async fn each_kind_of_failure_opens_it_and_a_refusal_does_not() {
    let redirect = Act::reply(302, "").with("location", "https://example.com/");
    for (act, opens) in [
        (Act::error(500, "api_error", ""), true),
        (Act::error(503, "api_error", "").with("stripe-should-retry", "false"), true),
        (Act::CutInBody, true),
        (redirect, true),
        (Act::error(404, "invalid_request_error", "resource_missing"), false),
        (Act::error(402, "card_error", "card_declined"), false),
        (Act::error(429, "invalid_request_error", "rate_limit"), false),
        (Act::error(409, "idempotency_error", "idempotency_key_in_use"), false),
        (Act::reply(200, "not json"), false),
    ] {
        let server = Scripted::new(vec![act.clone(); 2]).await;
        let client = server.client_with(Limits { tries: 1, breaker_failures: 2, ..hurried() });
        for _ in 0..2 {
            client.write(&new_customer(), &key("op-1"), 1000).await.expect_err("no success");
        }
        assert_eq!(client.is_open(), opens, "{act:?}");
    }
    // A port where nobody listens.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port");
    let server = Scripted::new([]).await.seen_at(format!("http://{nobody}"));
    let client = server.client_with(Limits { tries: 1, breaker_failures: 1, ..hurried() });
    let error = client.read(&read()).await.expect_err("nobody there");
    assert!(error.to_string().contains("no connection"), "{error}");
    assert!(client.is_open());
}

#[tokio::test]
async fn what_opens_in_the_middle_of_a_call_ends_it_and_leaves_it_in_doubt() {
    let server = Scripted::new(vec![Act::CutInBody; 4]).await;
    let client = server.client_with(Limits { tries: 4, breaker_failures: 2, ..hurried() });
    let error = client.write(&new_customer(), &key("op-1"), 1000).await.expect_err("no success");
    assert!(matches!(error, Error::Unanswered { attempts: 2, .. }) && error.may_have_happened(), "{error}");
    assert_eq!(server.sent().len(), 2);
}
