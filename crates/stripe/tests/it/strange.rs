//! Answers that must not be taken for answers, and what every error says.

use crate::{
    asking_again::{CUSTOMER, new_customer},
    scripted::{Act, SECRET, Scripted, hurried, key},
};
use purser_stripe::{
    Call, Client, Error, Limits, NotStarted, Secret, Settings,
    calls::customers,
    objects::{Customer, OrDeleted},
};

fn read() -> Call<OrDeleted<Customer>> {
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
        (&CUSTOMER.replace(r#""balance":0,"#, ""), "missing field `balance`"),
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
async fn fields_nobody_asked_for_are_ignored() {
    let more = CUSTOMER.replacen('{', r#"{"brand_new":[{"deep":{"x":null}}],"name":null,"#, 1);
    let server = Scripted::new([Act::reply(200, &more)]).await;
    let customer = server.client().read(&read()).await.expect("read all the same").value.there().expect("there");
    assert_eq!((customer.id.as_str(), customer.balance), ("cus_1", 0));
}

#[tokio::test]
async fn a_redirect_is_refused() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Scripted::new([Act::reply(200, CUSTOMER)]).await;
        let away = Act::reply(status, CUSTOMER).with("location", &elsewhere.base);
        let server = Scripted::new([away.clone(), away]).await;
        let error = server.client().read(&read()).await.expect_err("a redirect");
        assert!(error.to_string().contains("redirect"), "{error}");
        let error = server.client().write(&new_customer(), &key("op-1"), 1000).await.expect_err("a redirect");
        assert!(error.may_have_happened(), "who knows what stands between: {error}");
        assert_eq!((server.sent().len(), elsewhere.sent().len()), (2, 0), "asked once, and the key went nowhere else");
    }
}

#[tokio::test]
async fn tls_is_required_off_this_machine() {
    let client = |base: &str| {
        let key = Secret::new(SECRET).expect("not blank");
        Client::new(Settings { base: base.into(), key, limits: hurried(), random: Box::new(|| 0) }).map(drop)
    };
    for base in ["https://api.stripe.com", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"] {
        assert_eq!(client(base), Ok(()), "{base}");
    }
    for base in ["http://api.stripe.com", "http://10.0.0.1", "http://127.0.0.1.example.com"] {
        assert_eq!(client(base), Err(NotStarted::NoTls(base.into())));
        assert!(NotStarted::NoTls(base.into()).to_string().contains("use https"));
    }
    let with_password = client("https://me:hunter2@api.stripe.com").expect_err("a password");
    assert!(!with_password.to_string().contains("hunter2"), "{with_password}");
    let key = Secret::new("sk_test_\u{7}").expect("not blank");
    let settings = Settings { base: "https://api.stripe.com".into(), key, limits: hurried(), random: Box::new(|| 0) };
    assert_eq!(Client::new(settings).map(drop), Err(NotStarted::BadKey));
}

#[tokio::test]
async fn a_server_without_tls_where_tls_is_spoken_is_no_connection() {
    let server = Scripted::new([Act::reply(200, CUSTOMER)]).await;
    let speaks_tls = server.base.replace("http://", "https://");
    let speaks_tls = server.seen_at(speaks_tls);
    let limits = Limits { tries: 1, one_try: std::time::Duration::from_millis(300), ..hurried() };
    let error = speaks_tls.client_with(limits).read(&read()).await.expect_err("no TLS");
    assert!(matches!(error, Error::Unanswered { .. }), "{error}");
    assert_eq!(speaks_tls.sent().len(), 0);
}

#[tokio::test]
async fn a_page_of_a_proxy_is_no_error_of_stripes() {
    for (status, kind) in [(403, "refused"), (407, "refused"), (404, "refused")] {
        let server = Scripted::new([Act::reply(status, "<html>Forbidden</html>")]).await;
        let error = server.client().read(&read()).await.expect_err("a page");
        assert!(error.to_string().contains("something standing between"), "{error}");
        assert_eq!(error.kind(), kind);
        assert!(matches!(&error, Error::Refused(refused) if !refused.is_missing()), "a page is no missing object");
    }
}

#[tokio::test]
async fn an_answer_longer_than_allowed_is_not_read_and_not_asked_for_again() {
    let long = format!("{}{}", " ".repeat(200_000), CUSTOMER);
    let server = Scripted::new(vec![Act::reply(200, &long); 2]).await;
    let client = server.client_with(Limits { longest_answer: 4096, ..hurried() });
    let error = client.read(&read()).await.expect_err("too long");
    assert!(error.to_string().contains("longer than"), "{error}");
    let error = client.write(&new_customer(), &key("op-1"), 1000).await.expect_err("too long");
    assert!(matches!(error, Error::NotUnderstood { .. }) && error.may_have_happened(), "{error}");
    assert_eq!(server.sent().len(), 2);
    server.then([Act::reply(400, &long)]);
    let error = client.read(&read()).await.expect_err("a long refusal");
    assert!(matches!(error, Error::Refused(_)), "{error}");
}

#[tokio::test]
async fn every_error_has_the_id_of_its_request() {
    let troubles = [
        Act::error(400, "invalid_request_error", "parameter_unknown"),
        Act::error(402, "card_error", "card_declined"),
        Act::error(409, "idempotency_error", "idempotency_key_in_use"),
        Act::error(429, "invalid_request_error", "rate_limit"),
        Act::error(429, "invalid_request_error", "lock_timeout"),
        Act::error(500, "api_error", ""),
        Act::reply(200, "not json"),
        Act::reply(403, "<html>"),
    ];
    for act in troubles {
        let server = Scripted::new([act.clone().with("request-id", "req_7")]).await;
        let client = server.client_with(Limits { tries: 1, ..hurried() });
        let error = client.write(&new_customer(), &key("op-1"), 1000).await.expect_err("trouble");
        assert_eq!(error.request_id(), Some("req_7"), "{act:?}");
        assert!(error.to_string().ends_with("(request req_7)"), "{error}");
    }
    // The last one that had an id is told when later tries were not answered at all.
    let known = Act::error(500, "api_error", "").with("request-id", "req_8");
    let server = Scripted::new([known, Act::CutInBody]).await;
    let client = server.client_with(Limits { tries: 2, ..hurried() });
    let error = client.write(&new_customer(), &key("op-1"), 1000).await.expect_err("trouble");
    assert_eq!(error.request_id(), Some("req_8"));
}

#[tokio::test]
async fn an_error_says_all_that_stripe_said() {
    let body = r#"{"error":{"type":"card_error","code":"card_declined","decline_code":"do_not_honor","param":"source",
        "advice_code":"try_again_later","message":"Declined.","doc_url":"https://stripe.com/docs","charge":"ch_1",
        "payment_intent":{"id":"pi_1","object":"payment_intent"},"request_log_url":"https://x"}}"#;
    let server = Scripted::new([Act::reply(402, body)]).await;
    let Err(Error::Refused(refused)) = server.client().write(&new_customer(), &key("op-1"), 1000).await else {
        panic!("not refused")
    };
    assert_eq!((refused.status, refused.kind.name()), (402, "card_error"));
    assert_eq!(refused.decline_code.as_deref(), Some("do_not_honor"));
    assert_eq!(refused.advice_code.as_deref(), Some("try_again_later"));
    assert_eq!(refused.param.as_deref(), Some("source"));
    assert_eq!(refused.payment_intent.as_deref(), Some("pi_1"));
    // A message of null, and a kind nobody knows, lose nothing else.
    let server = Scripted::new([Act::reply(
        400,
        r#"{"error":{"type":"brand_new_error","code":"resource_missing","message":null}}"#,
    )])
    .await;
    let Err(Error::Refused(refused)) = server.client().read(&read()).await else { panic!("not refused") };
    assert!(refused.is_missing() && refused.kind.name() == "error");
}
