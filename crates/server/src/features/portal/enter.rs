//! Being let in: a signed link leads to a visit, which a cookie keeps.

use super::{
    reply,
    sign::{self, Pass, Purpose},
    trouble::Trouble,
    visitor::{Form, Visitor},
};
use crate::{
    config::Secret,
    features::{credits, customers},
    platform::{
        App,
        error::{Code, Error},
        http::RequestInfo,
    },
};
use axum::{
    Extension,
    extract::{RawQuery, Request, State},
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use purser_rules::{Time, ids::CustomerId};

/// The cookie of a visit.
const COOKIE: &str = "purser_billing";
/// How long a visit lasts, in seconds.
const VISIT: i64 = 12 * 60 * 60;

/// A link that lets a customer in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it leads. Who has it is let in.
    pub url: String,
    /// Until when.
    pub expires_at: Time,
}

/// A link for `customer` that serves for so many `seconds`.
///
/// # Errors
/// `portal_not_configured`, `unknown_customer`, `customer_archived`; what the database says.
pub async fn link(app: &App, customer: &CustomerId, seconds: i64) -> Result<Link, Error> {
    let secret = secret(app)?;
    let of = customer.clone();
    let found = app.db().read(move |tx| customers::find(tx, &of)).await?;
    if found.archived_at.is_some() {
        return Err(credits::archived(customer));
    }
    let pass = Pass { customer: customer.clone(), until: app.clock().now_at_hand().plus_seconds(seconds) };
    let token = sign::written(secret, Purpose::Link, &pass, app.random().number());
    Ok(Link { url: format!("{}/billing/enter?token={token}", app.config().public_url()), expires_at: pass.until })
}

/// What signs.
///
/// # Errors
/// `portal_not_configured`.
pub(super) fn secret(app: &App) -> Result<&Secret, Error> {
    app.config().secret.as_ref().ok_or_else(|| {
        let message = "There is nothing to sign links with. Set PURSER_SECRET to 32 random characters or more, and \
                       start again.";
        Error::new(Code::PortalNotConfigured, message)
    })
}

/// `/billing/enter`: who has a link that is good is let in; one that is not counts against the address.
pub(super) async fn enter(
    State(app): State<App>,
    Extension(info): Extension<RequestInfo>,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let secret = secret(&app)?;
    let query = query.unwrap_or_default();
    let fields = reply::Fields::read(query.as_bytes());
    let now = app.clock().now_at_hand();
    let Some(pass) = sign::read(secret, Purpose::Link, fields.get("token"), now) else {
        app.limits().failure(info.address())?;
        return Err(Trouble::NotIn);
    };
    let visit = Pass { until: now.plus_seconds(VISIT), ..pass };
    let visit = sign::written(secret, Purpose::Visit, &visit, app.random().number());
    Ok(with_cookie(&app, reply::see("/billing"), &visit, VISIT))
}

/// `/billing/leave`, posted: the visit is over.
pub(super) async fn leave(State(app): State<App>, visitor: Visitor, request: Request) -> Result<Response, Trouble> {
    Form::of(&app, &visitor, request).await?;
    let left = reply::notice("You have left", "To come back, open your billing page from the app again.", None);
    Ok(with_cookie(&app, left, "", 0))
}

/// Puts the visit into a cookie, which only we get, for so many seconds.
fn with_cookie(app: &App, mut response: Response, visit: &str, seconds: i64) -> Response {
    let secure = if app.config().public_url().starts_with("https://") { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={visit}; Path=/billing; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// The visit that a request says it is of. Of several cookies the first counts.
pub(super) fn visit(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, visit)| visit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_visit_is_found_among_other_cookies() {
        for (cookies, expected) in [
            (&["purser_billing=a.1.b"][..], Some("a.1.b")),
            (&["x=1; purser_billing=a; y=2"], Some("a")),
            (&["x=1", "purser_billing=a"], Some("a")),
            (&["purser_billing=a; purser_billing=b"], Some("a")),
            (&["other_purser_billing=a", "purser_billing"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for cookie in cookies {
                headers.append(header::COOKIE, HeaderValue::from_str(cookie).expect("a value"));
            }
            assert_eq!(visit(&headers), expected, "{cookies:?}");
        }
    }
}
