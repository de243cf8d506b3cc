//! `purser demo`: a server with sample customers and credits, and a line to paste.

use super::serve::until_stopped;
use crate::{
    app,
    config::{Config, Secret},
    platform::{App, http, ids::Random, schedule},
    say::say,
};
use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::{Value, json};
use std::{path::Path, process::ExitCode};
use tower::ServiceExt;
use tracing::{instrument::WithSubscriber, subscriber::NoSubscriber};

/// Where the demo keeps its key, beside its database.
const KEY_FILE: &str = "purser-data/demo-key";

/// Starts the demo and serves until it is told to stop.
pub(super) async fn run(config: &mut Config) -> Result<ExitCode, String> {
    if config.stripe_is_live() == Some(true) {
        return Err(
            "STRIPE_SECRET_KEY is a live key: the demo does not start beside it. Unset it, or use `purser serve`."
                .to_owned(),
        );
    }
    let listener = http::bind(&config.listen).await?;
    if config.bootstrap_key.is_none() {
        config.bootstrap_key = Some(key(Path::new(KEY_FILE))?);
    }
    let key = config.bootstrap_key.clone().ok_or("The demo has no key.")?;
    let app = super::open(config.clone()).await?;
    // Quietly: what it prints must not drown in the log of its own calls and first jobs.
    prepare(&app, &key).with_subscriber(NoSubscriber::default()).await?;
    let url = app.config().public_url();
    until_stopped(app, Some(listener), None, true, || invite(&url, &key)).await;
    Ok(ExitCode::SUCCESS)
}

/// Sample data, and the jobs that are due at the first start.
async fn prepare(app: &App, key: &Secret) -> Result<(), String> {
    app::install_price_book(app).await;
    fill(app, key).await?;
    for job in app::JOBS {
        // One that fails, since Stripe is away, say, is tried again by itself.
        if let Err(error) = schedule::run_if_due(app, job).await {
            tracing::warn!(job = job.name, error = error.message, "a job failed");
        }
    }
    Ok(())
}

/// What the person who started it needs.
fn invite(url: &str, key: &Secret) {
    say(format_args!("Purser's demo listens at {url}"));
    say(format_args!("  Guide              {url}/docs/guide/index"));
    say(format_args!("  API documentation  {url}/docs"));
    say(format_args!("  Error codes        {url}/docs/errors"));
    say(format_args!("  API key            {}", key.reveal()));
    say("Spend a credit:");
    say(format_args!(
        "  curl -s {url}/api/v1/consume -H 'Authorization: Bearer {}' -H 'Content-Type: application/json' \
         -H \"Idempotency-Key: $(date +%s%N)\" -d '{{\"customer_id\":\"acme\",\"amount\":1}}'",
        key.reveal()
    ));
}

/// The demo's admin key: made once, kept in a file that only its owner may read.
fn key(file: &Path) -> Result<Secret, String> {
    use std::{fmt::Write as _, io::Write as _, os::unix::fs::OpenOptionsExt};
    let fault = |error: std::io::Error| {
        format!("{} cannot be written: {error}. Start the demo in a folder you may write to.", file.display())
    };
    match std::fs::read_to_string(file) {
        Ok(text) if text.trim().len() >= 32 => return Ok(Secret::new(text.trim())),
        Ok(_) => std::fs::remove_file(file).map_err(fault)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(fault(error)),
    }
    let mut text = "pk_".to_owned();
    for byte in Random::secure().bytes() {
        let _into_a_string = write!(text, "{byte:02x}");
    }
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(fault)?;
    }
    let mut open = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(fault)?;
    open.write_all(text.as_bytes()).map_err(fault)?;
    Ok(Secret::new(text))
}

/// Puts sample customers and credits in, through the API itself; a second start changes nothing.
async fn fill(app: &App, key: &Secret) -> Result<(), String> {
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
