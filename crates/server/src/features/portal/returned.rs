//! Where a payer comes back to: what became of the payment, and a way on.

use super::{
    overview,
    plans::is_subscribed,
    reply::{self, Fields, Frame},
    shown,
    trouble::Trouble,
    visitor::Visitor,
};
use crate::{
    features::payments::{self, Purchase, Standing},
    platform::{
        App,
        error::{Code, Error},
    },
};
use askama::Template;
use axum::{
    extract::{RawQuery, State},
    response::Response,
};

/// How often the page looks by itself, every two seconds, before it leaves that to the payer.
const MOST_LOOKS: u32 = 15;
/// The longest id of a session.
const LONGEST: usize = 255;

/// The page.
#[derive(Template)]
#[template(path = "returned.html")]
struct Page {
    frame: Frame,
    title: &'static str,
    message: String,
    /// Whether it is being looked at.
    busy: bool,
    /// Where to go from here, and what that is called; the first is the one to press.
    on: Vec<(String, &'static str)>,
}

/// `/billing/return`
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let fields = Fields::read(query.unwrap_or_default().as_bytes());
    let session = fields.get("session_id");
    if session.is_empty() || session.len() > LONGEST || !session.bytes().all(is_plain) {
        return Err(Trouble::NoPage);
    }
    let looks = fields.get("look").parse().unwrap_or(0_u32);
    let verified = match payments::verify(&app, &visitor.actor, visitor.id(), session).await {
        Ok(verified) => verified,
        Err(error) if may_come(&error) => return Ok(away(&visitor, session, looks)),
        Err(error) => return Err(error.into()),
    };
    let has_plan = verified.purchase.is_some() || is_subscribed(&overview::standing(&app, &visitor).await?);
    let frame = Frame::of(&visitor, "");
    let again = address(session, looks);
    let page = match (verified.standing, &verified.purchase) {
        (Standing::Done, _) if !has_plan && verified.already => used(frame),
        (Standing::Done, _) if !has_plan && looks < MOST_LOOKS => return Ok(verifying(frame, session, looks)),
        (Standing::Done, _) if !has_plan => pending(frame, again),
        (Standing::Done, purchase) => done(frame, purchase.as_ref()),
        (Standing::Pending, _) => pending(frame, again),
        (Standing::Open, _) => unfinished(frame),
        (Standing::Failed | Standing::Expired, purchase) => failed(frame, purchase.is_some()),
    };
    Ok(reply::page(&page))
}

/// What an id of Stripe's is made of.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether it may be another answer in a moment.
fn may_come(error: &Error) -> bool {
    matches!(error.code, Code::StripeUnavailable | Code::Overloaded | Code::DatabaseUnavailable)
}

fn address(session: &str, looks: u32) -> String {
    format!("/billing/return?session_id={session}&look={looks}")
}

/// It is being looked at: the page comes again by itself.
fn verifying(frame: Frame, session: &str, looks: u32) -> Response {
    let again = address(session, looks.saturating_add(1));
    let page = Page {
        frame,
        title: "Your payment arrived",
        message: "We are setting up what you bought. That takes a few seconds; this page looks by itself.".to_owned(),
        busy: true,
        on: vec![(again.clone(), "Look now")],
    };
    reply::looking_again(reply::page(&page), &again)
}

/// Nobody could be asked: the page comes again by itself for a while.
fn away(visitor: &Visitor, session: &str, looks: u32) -> Response {
    let again = address(session, looks.saturating_add(1));
    let page = Page {
        frame: Frame::of(visitor, ""),
        title: "We are looking for your payment",
        message: "It cannot be looked up just now. If you paid, nothing is lost: what you bought comes by itself."
            .to_owned(),
        busy: looks < MOST_LOOKS,
        on: vec![(again.clone(), "Look again"), ("/billing".to_owned(), "To your billing page")],
    };
    let shown = reply::page(&page);
    if page.busy { reply::looking_again(shown, &again) } else { shown }
}

fn done(frame: Frame, purchase: Option<&Purchase>) -> Page {
    let message = match purchase {
        Some(bought) => {
            let paid = shown::money(bought.amount, &bought.currency);
            let credits = shown::amount(bought.credits, &bought.unit);
            format!("{credits} {} yours, for {paid}.", shown::are(bought.credits))
        }
        None => "Your plan is active.".to_owned(),
    };
    let on = vec![("/billing".to_owned(), "See what you have")];
    Page { frame, title: "Thank you", message, busy: false, on }
}

/// It was looked at before, and the plan that was bought is over: the address was kept, or the way back was taken.
fn used(frame: Frame) -> Page {
    Page {
        frame,
        title: "This payment was used before",
        message: "What you bought by it was set up then. Your billing page says what you have now.".to_owned(),
        busy: false,
        on: vec![("/billing".to_owned(), "To your billing page")],
    }
}

fn pending(frame: Frame, again: String) -> Page {
    Page {
        frame,
        title: "Your payment is on its way",
        message: "Some banks take days. What you bought comes by itself as soon as the money is there; you need not \
                  stay on this page."
            .to_owned(),
        busy: false,
        on: vec![("/billing".to_owned(), "To your billing page"), (again, "Look again")],
    }
}

fn unfinished(frame: Frame) -> Page {
    Page {
        frame,
        title: "Nothing was paid yet",
        message: "The payment was not finished. Choose again what you want to buy.".to_owned(),
        busy: false,
        on: vec![("/billing/plans".to_owned(), "To the plans"), ("/billing/topup".to_owned(), "To the top-ups")],
    }
}

fn failed(frame: Frame, top_up: bool) -> Page {
    let again = if top_up { "/billing/topup" } else { "/billing/plans" };
    Page {
        frame,
        title: "Your payment did not work",
        message: "Nothing was bought, and nothing is owed. Try again, perhaps with another way to pay.".to_owned(),
        busy: false,
        on: vec![(again.to_owned(), "Try again"), ("/billing".to_owned(), "To your billing page")],
    }
}
