//! Sample customers and credits, put in through the API itself.

use crate::{app, config::Secret, platform::App};
use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::{Value, json};
use tower::ServiceExt;

/// Puts sample customers and credits in; a second start changes nothing.
pub(super) async fn fill(app: &App, key: &Secret) -> Result<(), String> {
    let router = app::router(app.clone());
    let customers = [
        ("acme", json!({ "name": "Acme Rockets", "email": "billing@acme.example", "time_zone": "America/New_York" })),
        ("globex", json!({ "name": "Globex", "email": "pay@globex.example", "time_zone": "Europe/Berlin" })),
        ("initech", json!({ "name": "Initech", "email": "bill@initech.example" })),
    ];
    let grants = [
        ("acme", json!({ "amount": 1000, "source_kind": "manual", "source_id": "demo-welcome" })),
        ("acme", json!({ "amount": 50, "source_kind": "promotion", "source_id": "demo-launch" })),
        (
            "globex",
            json!({ "amount": "250.5", "source_kind": "import", "source_id": "demo-old-system", "expires_at": "2099-01-01T00:00:00Z" }),
        ),
        ("initech", json!({ "amount": 5, "source_kind": "manual", "source_id": "demo-welcome" })),
    ];
    for (id, body) in customers {
        send(&router, key, "PUT", &format!("/api/v1/customers/{id}"), &body).await?;
    }
    for (id, body) in grants {
        send(&router, key, "POST", &format!("/api/v1/customers/{id}/grants"), &body).await?;
    }
    Ok(())
}

/// Sends one request to our own router.
async fn send(router: &axum::Router, key: &Secret, method: &str, path: &str, body: &Value) -> Result<(), String> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {}", key.reveal()))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .map_err(|error| error.to_string())?;
    let Ok(answer) = router.clone().oneshot(request).await;
    let status = answer.status();
    // An archived customer, or a grant of an earlier demo with other terms, is no reason not to start.
    if status.is_success() || status == axum::http::StatusCode::CONFLICT {
        return Ok(());
    }
    let body = axum::body::to_bytes(answer.into_body(), 65_536).await.unwrap_or_default();
    Err(format!("The demo's sample data was refused: {}", String::from_utf8_lossy(&body)))
}
