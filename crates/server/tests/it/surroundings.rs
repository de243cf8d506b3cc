//! What surrounds every request: a panic is answered, too much is told when to come back, ids are ours.

use crate::world::{ADMIN, Kind, World};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::Request,
    routing::get,
};
use purser::platform::http;
use tower::ServiceExt;
use utoipa_axum::router::OpenApiRouter;

#[tokio::test]
async fn a_panic_is_answered_with_the_requests_id_and_the_process_goes_on() {
    let world = World::on(Kind::Sqlite).await;
    let document = http::document(OpenApiRouter::default(), OpenApiRouter::default(), "http://purser.test");
    let broken = Router::new().route(
        "/broken",
        get(|| async {
            if true {
                panic!("on purpose")
            }
        }),
    );
    let router = http::router(world.app.clone(), OpenApiRouter::default(), broken, &document);
    for _ in 0..2 {
        let request = Request::builder().uri("/broken").body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 500);
        let id = answer.headers()["request-id"].to_str().unwrap().to_owned();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&body["error"]["code"], &body["error"]["request_id"]), (&"internal".into(), &id.into()));
        assert!(!body.to_string().contains("on purpose"));
    }
}

#[tokio::test]
async fn failed_attempts_are_limited_and_a_key_that_counts_still_works() {
    let world = World::with(Kind::Sqlite, |config| config.requests_per_address = 2).await;
    let attempt = || world.ask("pk_guess", "GET", "/api/v1/customers", "");
    assert_eq!(attempt().await.status, 401);
    assert_eq!(attempt().await.status, 401);
    let limited = attempt().await;
    assert_eq!((limited.status, limited.error().0.as_str()), (429, "rate_limited"));
    let wait: u32 = limited.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=31).contains(&wait));
    assert_eq!(world.ask(ADMIN, "GET", "/api/v1/customers", "").await.status, 200);
}

#[tokio::test]
async fn a_key_that_asks_too_much_is_told_so() {
    let world = World::with(Kind::Sqlite, |config| config.requests_per_key = 2).await;
    let ask = || world.ask(ADMIN, "GET", "/api/v1/customers", "");
    assert_eq!(ask().await.status, 200);
    assert_eq!(ask().await.status, 200);
    assert_eq!(ask().await.error().0, "rate_limited");
}

#[tokio::test]
async fn a_callers_request_id_is_not_taken_for_ours() {
    let world = World::on(Kind::Sqlite).await;
    let request = Request::builder().uri("/healthz").header("request-id", "req_theirs").body(Body::empty()).unwrap();
    let answer = world.send(request).await;
    let ours = answer.headers["request-id"].to_str().unwrap();
    assert!(ours.starts_with("req_") && ours.len() == 36, "{ours}");
}
