//! A page that only says something: that there is nothing here, or why something did not work.

use super::reply;
use crate::error::ApiError;
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};

/// A page that only says something.
#[derive(Template)]
#[template(path = "notice.html")]
struct Notice<'a> {
    title: &'a str,
    message: &'a str,
    /// Where to go from here, and what that is called.
    back: &'a str,
    back_name: &'a str,
}

/// Says something, and leads to `back`.
pub(super) fn say(status: StatusCode, title: &str, message: &str, back: (&str, &str)) -> Response<Body> {
    let (back, back_name) = back;
    reply::page(status, &Notice { title, message, back, back_name })
}

/// There is no such page.
pub(super) fn nothing_here(path: &str) -> Response<Body> {
    let message = format!("There is no page at {path}.");
    say(StatusCode::NOT_FOUND, "Nothing here", &message, ("/_sandbox/", "To the control page"))
}

/// What was asked is not done at this address.
pub(super) fn not_that_way() -> Response<Body> {
    let message = "This address is for something else: it was asked by the wrong method.";
    say(StatusCode::METHOD_NOT_ALLOWED, "Not that way", message, ("/_sandbox/", "To the control page"))
}

/// Something was refused.
pub(super) fn refused(error: &ApiError, back: (&str, &str)) -> Response<Body> {
    say(status(error), "That did not work", &error.message, back)
}

/// The status of a refusal.
pub(super) fn status(error: &ApiError) -> StatusCode {
    StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST)
}
