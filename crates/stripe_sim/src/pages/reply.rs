//! Answers: pages, redirects, JSON and plain texts, each with the headers that keep browsers strict.

use askama::Template;
use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use serde_json::Value;

/// What a page may load: the stylesheet and the icon of the sandbox. No scripts, no frames, nothing from elsewhere.
const STRICT: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";
/// The same for pages whose forms end in a redirect to the seller's address: browsers would stop it there.
const LEADING_AWAY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("../../templates/style.css");
const ICON: &str = include_str!("../../templates/icon.svg");

/// A page that leads nowhere but to pages of the sandbox.
pub(super) fn page(status: StatusCode, page: &impl Template) -> Response<Body> {
    html(status, page, STRICT)
}

/// A page from which one comes to the seller's address.
pub(super) fn page_leading_away(status: StatusCode, page: &impl Template) -> Response<Body> {
    html(status, page, LEADING_AWAY)
}

fn html(status: StatusCode, page: &impl Template, policy: &'static str) -> Response<Body> {
    let text = match page.render() {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            return text(StatusCode::INTERNAL_SERVER_ERROR, "The sandbox could not make this page.");
        }
    };
    let mut response = made(status, "text/html; charset=utf-8", text);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// Sends the browser to `url`, by GET.
pub(super) fn see(url: &str) -> Response<Body> {
    let Ok(location) = HeaderValue::from_bytes(url.as_bytes()) else {
        return text(StatusCode::BAD_GATEWAY, "The address that this leads to is none.");
    };
    let mut response = made(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", String::new());
    response.headers_mut().insert(header::LOCATION, location);
    response
}

/// Some JSON, as Stripe lays it out.
pub(super) fn json(status: StatusCode, value: &Value) -> Response<Body> {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    made(status, "application/json", text)
}

/// JSON that was laid out before.
pub(super) fn raw_json(text: String) -> Response<Body> {
    made(StatusCode::OK, "application/json", text)
}

/// A refusal as JSON.
pub(super) fn refusal(status: StatusCode, message: &str) -> Response<Body> {
    json(status, &serde_json::json!({ "error": { "message": message } }))
}

/// A plain text.
pub(super) fn text(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    made(status, "text/plain; charset=utf-8", text.into())
}

/// A file to be kept.
pub(super) fn file(name: &str, text: String) -> Response<Body> {
    let mut response = made(StatusCode::OK, "application/json", text);
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// The stylesheet.
pub(super) fn stylesheet() -> Response<Body> {
    made(StatusCode::OK, "text/css; charset=utf-8", STYLE.to_owned())
}

/// The icon.
pub(super) fn icon() -> Response<Body> {
    made(StatusCode::OK, "image/svg+xml", ICON.to_owned())
}

/// The same answer, after which the browser looks again in a second.
pub(super) fn looking_again(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::REFRESH, HeaderValue::from_static("1"));
    response
}

fn made(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The origin of a form must be known to the sandbox itself.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}
