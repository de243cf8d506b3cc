//! The document and its pages, served from this binary alone: no page loads anything from elsewhere.

use crate::platform::App;
use axum::{
    Router,
    http::{HeaderValue, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// What pages may load: themselves.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `/api/v1/openapi.json`, `/docs` and the guide under it.
pub(super) fn routes(document: &OpenApi) -> Router<App> {
    let json = Bytes::from(document.to_json().unwrap_or_default());
    let pages = Router::<App>::from(
        SwaggerUi::new("/docs")
            .config(Config::from("/api/v1/openapi.json").validator_url("none").try_it_out_enabled(true)),
    );
    Router::new().merge(pages).merge(super::guide::routes()).layer(map_response(secured)).route(
        "/api/v1/openapi.json",
        get(move || async move { ([(header::CONTENT_TYPE, "application/json")], json).into_response() }),
    )
}

/// The headers of pages.
async fn secured(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}
