//! Answers: pages and redirects, each with the headers that keep browsers strict; and what forms and queries say.

use super::visitor::Visitor;
use askama::Template;
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

/// What a page may load: its stylesheet. No scripts, no frames, nothing from elsewhere.
const STRICT: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The same for pages whose forms end in a redirect to Stripe: browsers would stop it there.
const LEADING_AWAY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("../../../templates/billing.css");

/// The pages a visitor can go to: address and name.
const SECTIONS: &[(&str, &str)] = &[
    ("/billing", "Overview"),
    ("/billing/plans", "Plans"),
    ("/billing/topup", "Top up"),
    ("/billing/manage", "Billing"),
];

/// What stands around every page of a visitor.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Whose pages these are.
    pub who: String,
    /// What its forms carry.
    pub mark: String,
    here: &'static str,
}

/// A link to a page.
pub(super) struct Tab {
    pub href: &'static str,
    pub name: &'static str,
    pub here: bool,
}

impl Frame {
    /// Around the page at the address `here`.
    pub fn of(visitor: &Visitor, here: &'static str) -> Self {
        let who = visitor.customer.name.clone().unwrap_or_else(|| visitor.id().as_str().to_owned());
        Self { who, mark: visitor.mark.clone(), here }
    }

    /// Links to all pages.
    pub fn tabs(&self) -> Vec<Tab> {
        SECTIONS.iter().map(|&(href, name)| Tab { href, name, here: href == self.here }).collect()
    }
}

/// A page that only says something.
#[derive(Template)]
#[template(path = "notice.html")]
struct Notice<'a> {
    title: &'a str,
    message: &'a str,
    /// Where to go from here, and what that is called.
    on: Option<(&'a str, &'a str)>,
}

/// Says something, and leads on if there is somewhere to go.
pub(super) fn notice(title: &str, message: &str, on: Option<(&str, &str)>) -> Response {
    page(&Notice { title, message, on })
}

/// A page that leads nowhere but to pages of ours.
pub(super) fn page(page: &impl Template) -> Response {
    html(page, STRICT)
}

/// A page whose forms lead to Stripe.
pub(super) fn page_leading_away(page: &impl Template) -> Response {
    html(page, LEADING_AWAY)
}

fn html(page: &impl Template, policy: &'static str) -> Response {
    let (status, text) = match page.render() {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            (StatusCode::INTERNAL_SERVER_ERROR, "This page could not be made.".to_owned())
        }
    };
    let mut response = made(status, "text/html; charset=utf-8", text);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// Sends the browser to `url`, by GET.
pub(super) fn see(url: &str) -> Response {
    let mut response = made(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", String::new());
    match HeaderValue::from_str(url) {
        Ok(location) => drop(response.headers_mut().insert(header::LOCATION, location)),
        Err(_) => *response.status_mut() = StatusCode::BAD_GATEWAY,
    }
    response
}

/// The same answer, after which the browser goes on to `url` in two seconds.
pub(super) fn looking_again(mut response: Response, url: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(&format!("2; url={url}")) {
        response.headers_mut().insert(header::REFRESH, value);
    }
    response
}

/// `/billing/style.css`
pub(super) async fn style() -> Response {
    made(StatusCode::OK, "text/css; charset=utf-8", STYLE.to_owned())
}

fn made(status: StatusCode, kind: &'static str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // The origin of a form must be known to us, and nobody else.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Names and texts of a query or a form.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a query or a form.
    pub fn read(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The text under `name`; empty when there is none. Of several the first counts.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(other, _)| other == name).map_or("", |(_, text)| text)
    }
}
