//! Answers that must not be taken for answers, and when nothing is sent at all.

use crate::{
    asking_again::CUSTOMER,
    scripted::{Act, Scripted, hurried},
};
use purser_stripe::{Error, Limits, calls::customers, objects::Customer};
use std::time::Duration;

fn read() -> purser_stripe::Call<purser_stripe::objects::OrDeleted<Customer>> {
    customers::retrieve("cus_1")
}

#[tokio::test]
async fn an_answer_of_the_wrong_shape_is_an_error_that_names_the_field() {
    let table = [
        ("not json", "."),
        ("[]", "."),
        ("{}", "."),
        (r#"{"id":"cus_1"}"#, "."),
        (&CUSTOMER.replace(r#""balance":0"#, r#""balance":"0""#), "balance"),
        (&CUSTOMER.replace(r#""created":1"#, r#""created":1.5"#), "created"),
        (&format!("{CUSTOMER} x"), "."),
    ];
    for (body, at) in table {
        let server = Scripted::new([Act::reply(200, body)]).await;
        match server.client().read(&read()).await {
            Err(Error::NotUnderstood { shape, .. }) => assert!(format!("{shape}").contains(at), "{body}: {shape}"),
            other => panic!("{body}: {other:?}"),
        }
        assert_eq!(server.sent().len(), 1, "{body}: it was answered, so it is not asked again");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Scripted::new([Act::reply(200, CUSTOMER)]).await;
    let away = Act::reply(302, "").with("location", &elsewhere.base);
    let server = Scripted::new(vec![away; 4]).await;
    let error = server.client().read(&read()).await.expect_err("a redirect");
    assert!(error.to_string().contains("redirect"), "{error}");
    assert_eq!(elsewhere.sent().len(), 0, "the key went nowhere else");
}

#[tokio::test]
async fn a_page_of_a_proxy_is_no_error_of_stripes() {
    let server = Scripted::new([Act::reply(403, "<html>Forbidden</html>")]).await;
    let error = server.client().read(&read()).await.expect_err("a page");
    assert!(error.to_string().contains("something standing between"), "{error}");
}

#[tokio::test]
async fn an_answer_longer_than_allowed_is_not_read() {
    let long = format!("{}{}", " ".repeat(5000), CUSTOMER);
    let server = Scripted::new(vec![Act::reply(200, &long); 2]).await;
    let client = server.client_with(Limits { longest_answer: 4096, tries: 2, ..hurried() });
    let error = client.read(&read()).await.expect_err("too long");
    assert!(error.to_string().contains("longer than 4096 bytes"), "{error}");
}

#[tokio::test]
async fn the_breaker_opens_probes_and_closes() {
    let server = Scripted::new(vec![Act::error(500, "api_error", ""); 3]).await;
    let pause = Duration::from_millis(150);
    let client = server.client_with(Limits { tries: 1, breaker_failures: 3, breaker_pause: pause, ..hurried() });
    for _ in 0..3 {
        assert!(matches!(client.read(&read()).await, Err(Error::Unanswered { .. })));
    }
    assert!(client.is_open());
    match client.read(&read()).await {
        Err(error @ Error::BreakerOpen { .. }) => assert!(!error.may_have_happened()),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.sent().len(), 3, "nothing was sent while it was open");
    server.then([Act::error(500, "api_error", ""), Act::reply(200, CUSTOMER)]);
    tokio::time::sleep(pause).await;
    assert!(matches!(client.read(&read()).await, Err(Error::Unanswered { .. })), "the probe failed");
    assert!(matches!(client.read(&read()).await, Err(Error::BreakerOpen { .. })), "so it is open again");
    tokio::time::sleep(pause).await;
    client.read(&read()).await.expect("the probe went well");
    assert!(!client.is_open());
}

#[tokio::test]
async fn refusals_do_not_open_the_breaker() {
    let server = Scripted::new(vec![Act::error(404, "invalid_request_error", "resource_missing"); 10]).await;
    let client = server.client_with(Limits { breaker_failures: 2, ..hurried() });
    for _ in 0..10 {
        assert!(matches!(client.read(&read()).await, Err(Error::Refused(_))));
    }
    assert!(!client.is_open());
}
