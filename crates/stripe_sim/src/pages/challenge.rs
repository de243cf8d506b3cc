//! The page of the holder's bank (3-D Secure): the holder proves to be the holder, or does not.

use super::{act, checkout, method, notice, portal, reply, shown::money, visit::Visit};
use crate::{
    objects::{
        checkout::{Session, Status as SessionStatus},
        payment_intents::{self, PaymentIntent, Status},
        payment_methods::PaymentMethod,
        portal::actions::proven,
        setup_intents::{self, SetupIntent},
    },
    sandbox::Shared,
    world::World,
};
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use std::sync::Arc;

/// The address of the challenge of an intent, on this server.
pub(super) fn path(intent: &str) -> String {
    format!("/_sandbox/3ds/{intent}")
}

/// A payment or setup intent, as far as it matters here.
struct Asked {
    /// Whether the holder is yet to answer.
    open: bool,
    /// Whether all went well.
    well: bool,
    what: String,
    method: Option<String>,
    /// `payment_intent` or `setup_intent`.
    kind: &'static str,
    client_secret: String,
    return_url: Option<String>,
    session: Option<String>,
    invoice: Option<String>,
}

impl Asked {
    fn find(world: &World, id: &str) -> Option<Self> {
        if let Some(found) = world.get::<PaymentIntent>(id) {
            return Some(Self {
                open: found.status == Status::RequiresAction,
                well: found.proven || !found.status.is_open() && found.status != Status::Canceled,
                what: format!("A payment of {}", money(found.amount, &found.currency)),
                method: found.payment_method.clone(),
                kind: "payment_intent",
                client_secret: found.client_secret.clone(),
                return_url: found.return_url.clone(),
                session: found.checkout_session.clone(),
                invoice: found.invoice.clone(),
            });
        }
        let found = world.get::<SetupIntent>(id)?;
        Some(Self {
            open: found.status == setup_intents::Status::RequiresAction,
            well: found.status == setup_intents::Status::Succeeded,
            what: "Keeping this for later payments".to_owned(),
            method: found.payment_method.clone(),
            kind: "setup_intent",
            client_secret: found.client_secret.clone(),
            return_url: found.return_url.clone(),
            session: found.checkout_session.clone(),
            invoice: None,
        })
    }
}

/// The page.
#[derive(Template)]
#[template(path = "challenge.html")]
struct Challenge {
    what: String,
    method: String,
}

/// `/_sandbox/3ds/{intent}`
pub(super) async fn answer(shared: &Arc<Shared>, visit: &Visit, id: &str) -> Response<Body> {
    let Some(asked) = shared.with(|world| Asked::find(world, id)) else { return notice::nothing_here(&visit.path) };
    if visit.reads() {
        return if asked.open { page(shared, asked) } else { answered(&asked) };
    }
    if !visit.posts() {
        return notice::not_that_way();
    }
    let well = visit.form().get("answer") == "complete";
    let done = act(shared, |cx| {
        payment_intents::authenticate(cx, id, well);
        setup_intents::authenticate(cx, id, well);
        Ok((proven(cx, id), Asked::find(cx.world, id)))
    });
    match done {
        Ok((Some(session), now)) => portal::proven(shared, &session, now.is_some_and(|now| now.well)),
        Ok((None, Some(now))) => onward(shared, id, &now).await,
        Ok((None, None)) => notice::nothing_here(&visit.path),
        Err(error) => notice::refused(&error, ("/_sandbox/", "To the control page")),
    }
}

fn page(shared: &Arc<Shared>, asked: Asked) -> Response<Body> {
    let method = shared.with(|world| {
        let found = asked.method.as_deref().and_then(|method| world.get::<PaymentMethod>(method));
        found.map(method::called).unwrap_or_default()
    });
    reply::page_leading_away(StatusCode::OK, &Challenge { what: asked.what, method })
}

/// Where the holder goes after the answer: to the seller's page if checkout is complete, else to where the payment was
/// begun.
async fn onward(shared: &Arc<Shared>, id: &str, now: &Asked) -> Response<Body> {
    if let Some(session) = &now.session {
        let status = shared.with(|world| world.get::<Session>(session).map(|session| session.status));
        return match status {
            Some(SessionStatus::Complete) => checkout::completed(shared, session).await,
            _ => reply::see(&checkout::path(session)),
        };
    }
    match (&now.return_url, &now.invoice) {
        (Some(url), _) => reply::see(&returned(url, id, now)),
        (None, Some(invoice)) => reply::see(&format!("/_sandbox/invoice/{invoice}")),
        (None, None) => reply::see(&path(id)),
    }
}

/// The address to return to, with what Stripe adds to it.
fn returned(url: &str, id: &str, now: &Asked) -> String {
    let kind = now.kind;
    let status = if now.well { "succeeded" } else { "failed" };
    let more = format!("{kind}={id}&{kind}_client_secret={}&redirect_status={status}", now.client_secret);
    let (page, place) = url.split_once('#').map_or((url, String::new()), |(page, place)| (page, format!("#{place}")));
    let sign = if page.contains('?') { '&' } else { '?' };
    format!("{page}{sign}{more}{place}")
}

/// Nothing is asked any more.
fn answered(asked: &Asked) -> Response<Body> {
    let message = if asked.well {
        "The holder was recognized. You can go back to where you came from."
    } else {
        "Nothing is asked here at this moment. You can go back to where you came from."
    };
    let back = match (&asked.session, &asked.invoice) {
        (Some(session), _) => checkout::path(session),
        (None, Some(invoice)) => format!("/_sandbox/invoice/{invoice}"),
        (None, None) => "/_sandbox/".to_owned(),
    };
    notice::say(StatusCode::OK, "Answered", message, (back.as_str(), "Back"))
}

#[cfg(test)]
mod tests {
    use super::{Asked, returned};

    #[test]
    fn an_address_to_return_to_says_what_came_of_it() {
        let asked = |well| Asked {
            open: false,
            well,
            what: String::new(),
            method: None,
            kind: "payment_intent",
            client_secret: "pi_1_secret_2".to_owned(),
            return_url: None,
            session: None,
            invoice: None,
        };
        let more = "payment_intent=pi_1&payment_intent_client_secret=pi_1_secret_2&redirect_status=succeeded";
        let failed = "payment_intent=pi_1&payment_intent_client_secret=pi_1_secret_2&redirect_status=failed";
        assert_eq!(returned("https://a.example/x", "pi_1", &asked(true)), format!("https://a.example/x?{more}"));
        assert_eq!(
            returned("https://a.example/x?y=1#z", "pi_1", &asked(false)),
            format!("https://a.example/x?y=1&{failed}#z")
        );
    }
}
