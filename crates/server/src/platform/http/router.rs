//! The whole router: the API and its document, health, metrics, and what surrounds them all.

use super::{ReadErrors, docs, openapi, outer::outer, problem::OpenErrors};
use crate::platform::{
    App,
    auth::{Caller, Reader},
    db::{DbError, Tx},
    error::{Code, Error},
    metrics,
};
use axum::{
    Router,
    extract::State,
    http::Uri,
    http::header,
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::get,
};
use tower_http::compression::{
    CompressionLayer,
    predicate::{DefaultPredicate, Predicate, SizeAbove},
};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The OpenAPI document of `api`, which stands under `/api/v1`, of `beside`, and of health and metrics.
#[must_use]
pub fn document(api: OpenApiRouter<App>, beside: OpenApiRouter<App>, public_url: &str) -> OpenApi {
    let whole = OpenApiRouter::<App>::default().nest("/api/v1", api).merge(beside).merge(health()).merge(own_metrics());
    let (_, document) = whole.split_for_parts();
    openapi::finish(document, public_url)
}

/// Whether the server lives and is ready: for supervisors, without a key and without limits.
fn health() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(alive)).routes(routes!(ready))
}

/// The metrics, where they have no listener of their own.
fn own_metrics() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(show_metrics))
}

/// The router of `app` with `api` under `/api/v1`, `beside` it what stands elsewhere, and `document` at its place.
pub fn router(app: App, api: OpenApiRouter<App>, beside: Router<App>, document: &OpenApi) -> Router {
    metrics::start();
    let (api, _) = OpenApiRouter::<App>::default().nest("/api/v1", api).split_for_parts();
    let mut whole = api.merge(beside).merge(Router::from(health())).merge(docs::routes(document));
    if app.config().metrics_listen.is_none() {
        whole = whole.merge(Router::from(own_metrics()));
    }
    whole
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(CompressionLayer::new().gzip(true).compress_when(DefaultPredicate::new().and(SizeAbove::new(1024))))
        .layer(from_fn_with_state(app.clone(), outer))
        .with_state(app)
}

/// The router of the metrics' own listener.
pub fn metrics_router(app: App) -> Router {
    Router::new()
        .route("/metrics", get(|State(app): State<App>| async move { plain(metrics::render(&app)) }))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(from_fn_with_state(app.clone(), outer))
        .with_state(app)
}

/// Alive: the process answers.
#[utoipa::path(get, path = "/healthz", operation_id = "healthz", tag = "health",
    responses((status = 200, description = "It lives.", body = String, content_type = "text/plain")))]
async fn alive() -> &'static str {
    "alive\n"
}

/// Ready: the database answers, reads and writes both, and the queue, which stands in it.
#[utoipa::path(get, path = "/readyz", operation_id = "readyz", tag = "health",
    responses((status = 200, description = "It can work.", body = String, content_type = "text/plain"),
        OpenErrors))]
async fn ready(State(app): State<App>) -> Result<&'static str, Error> {
    let look = |tx: &mut Tx<'_>| tx.first("SELECT COUNT(*) AS n FROM jobs WHERE state = -1", vec![]).map(|_| ());
    app.db().read::<(), DbError>(look).await?;
    app.db().ping().await?;
    Ok("ready\n")
}

/// Metrics as Prometheus reads them. With PURSER_METRICS_LISTEN they have a listener of their own, without a key.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "metrics",
    responses((status = 200, description = "The metrics.", body = String, content_type = "text/plain"), ReadErrors))]
async fn show_metrics(State(app): State<App>, _: Caller<Reader>) -> Response {
    plain(metrics::render(&app))
}

/// Text as Prometheus wants it.
fn plain(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn no_route(uri: Uri) -> Error {
    let path: String = uri.path().chars().take(200).collect();
    Error::new(Code::UnknownRoute, format!("There is nothing at {path}. The routes are listed at /docs."))
}

async fn no_method() -> Error {
    Error::new(Code::MethodNotAllowed, "This path does not take this method; the header Allow says which it takes.")
}
