//! Pages for people: checkout, the billing portal, invoices, challenges and the control page; and what the control page
//! does as JSON for programs.
//!
//! They work without scripts, load nothing from elsewhere, and change nothing by GET but that a visit to the portal
//! counts as use of it. A form that another site sends is refused.
//!
//! # Where things are
//! - `visit`, `reply`, `notice`: a request read, an answer made, something said.
//! - `shown`, `paging`: amounts and times written, lists in pages of 50.
//! - `method`: the form in which a payer says what is paid with.
//! - `checkout`, `challenge`, `invoice`, `portal`: what payers see.
//! - `control`: what developers see; `api`: the same for programs; `moving`, `changing`: what both do to the clock and
//!   to the rest; `inbox`: an endpoint for webhooks; `sample`: what a newcomer begins with.

mod api;
mod challenge;
mod changing;
mod checkout;
mod control;
mod inbox;
mod invoice;
mod method;
mod moving;
mod notice;
mod paging;
mod portal;
mod reply;
mod sample;
mod shown;
#[cfg(test)]
mod tests;
mod visit;

pub(crate) use sample::send as ask;

use crate::{error::ApiError, sandbox::Shared, world::Cx};
use axum::{
    body::Body,
    http::{Response, StatusCode, request::Parts},
};
use std::sync::Arc;
use visit::{Unread, Visit};

/// Answers every request that is not one of the API.
pub(crate) async fn answer(shared: Arc<Shared>, parts: Parts, body: Body) -> Response<Body> {
    match Visit::read(parts, body).await {
        Ok(visit) => route(&shared, &visit).await,
        Err(Unread::Foreign) => {
            let message = "This came from another site's page, and would change something. The sandbox takes that from \
                           its own pages and from programs only.";
            reply::text(StatusCode::FORBIDDEN, message)
        }
        Err(Unread::TooLong) => reply::text(StatusCode::PAYLOAD_TOO_LARGE, "That is too long, or it broke off."),
    }
}

async fn route(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    match visit.parts().as_slice() {
        ["c", "pay", session] => checkout::answer(shared, visit, session).await,
        ["p", "session", session, rest @ ..] => portal::answer(shared, visit, session, rest),
        ["_sandbox", "3ds", intent] => challenge::answer(shared, visit, intent).await,
        ["_sandbox", "invoice", id, rest @ ..] => invoice::answer(shared, visit, id, rest),
        ["_sandbox", "style.css"] => reply::stylesheet(),
        ["_sandbox", "icon.svg"] => reply::icon(),
        ["_sandbox", "api", rest @ ..] => api::answer(shared, visit, rest).await,
        [] => control::answer(shared, visit, &[]).await,
        ["_sandbox", rest @ ..] => control::answer(shared, visit, rest).await,
        _ => notice::nothing_here(&visit.path),
    }
}

/// Does something to the state on behalf of a page. What is refused is taken back, unless it stands all the same.
///
/// # Errors
/// Why it is refused.
fn act<T>(shared: &Shared, work: impl FnOnce(&mut Cx<'_>) -> Result<T, ApiError>) -> Result<T, ApiError> {
    let done = shared.with(|world| {
        let mut cx = Cx::new(world, None);
        let done = work(&mut cx);
        if done.as_ref().is_err_and(|error| !error.kept) {
            cx.take_back();
        }
        done
    });
    shared.wake();
    done
}
