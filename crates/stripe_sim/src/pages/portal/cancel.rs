//! Cancelling in the portal, and taking it back.

use super::{Stay, onward};
use crate::{
    objects::portal::actions::{self, Why},
    pages::{act, reply, shown},
};
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};

/// The page.
#[derive(Template)]
#[template(path = "portal_cancel.html")]
struct Page {
    home: String,
    /// When the subscription would end.
    when: String,
    reasons: Vec<(String, String)>,
}

/// `cancel/{subscription}`
pub(super) fn answer(stay: &Stay<'_>, id: &str) -> Response<Body> {
    let offered = stay.configuration.offers("subscription_cancel");
    let Some(found) = stay.subscription(id).filter(|found| offered && found.cancel_at.is_none()) else {
        return stay.not_offered();
    };
    if stay.visit.reads() {
        let at_once = stay.configuration.word("subscription_cancel", "mode") == "immediately";
        let ends = stay.shared.with(|world| found.items_of(world).map(|item| item.current_period_end).max());
        let when = match ends.filter(|_| !at_once) {
            Some(at) => format!("on {}", shown::day(at)),
            None => "at once".to_owned(),
        };
        let reasons = stay.configuration.reasons().into_iter().map(|word| (word.to_owned(), shown::heading(word)));
        let page = Page { home: stay.to("home"), when, reasons: reasons.collect() };
        return reply::page_leading_away(StatusCode::OK, &page);
    }
    let form = stay.visit.form();
    let offered = stay.configuration.reasons();
    let why = Why {
        feedback: form.given("feedback").filter(|word| offered.contains(word)).map(str::to_owned),
        comment: form.given("comment").filter(|_| !offered.is_empty()).map(str::to_owned),
    };
    match act(stay.shared, |cx| actions::cancel(cx, &stay.configuration, id, &why)) {
        Ok(()) => onward(stay.shared, &stay.session.id, "subscription_cancel"),
        Err(error) => stay.refused(&error),
    }
}

/// `keep/{subscription}`: it does not end with its period after all
pub(super) fn keep(stay: &Stay<'_>, id: &str) -> Response<Body> {
    let offered = stay.configuration.offers("subscription_cancel");
    if stay.subscription(id).filter(|found| offered && found.cancel_at.is_some()).is_none() {
        return stay.not_offered();
    }
    match act(stay.shared, |cx| actions::keep(cx, id)) {
        Ok(()) => reply::see(&stay.to("home")),
        Err(error) => stay.refused(&error),
    }
}
