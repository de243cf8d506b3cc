//! What customers do in the portal: cancel and take that back, and what they pay with.

use super::{Configuration, Session};
use crate::{
    error::ApiError,
    http::Asked,
    objects::{
        customers,
        payment_intents::Outcome,
        setup_intents::{self, NewSetup, SetupIntent},
        subscriptions,
    },
    world::Cx,
};
use serde_json::{Value, json};

/// Why a customer cancels, as far as it was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Why {
    /// One of the words that the configuration offers.
    pub feedback: Option<String>,
    pub comment: Option<String>,
}

/// What came of adding a payment method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// It is there, as the default.
    Done,
    /// Its holder has to prove to be the holder, for this setup intent.
    Challenge(String),
}

fn asked(id: &str, params: Value) -> Asked {
    Asked { path: vec![id.to_owned()], url: String::new(), params }
}

/// Cancels a subscription at once or with its period, as the configuration says. With the period it is told twice: that
/// it ends, and why.
///
/// # Errors
/// It is over already.
pub(crate) fn cancel(cx: &mut Cx<'_>, configuration: &Configuration, id: &str, why: &Why) -> Result<(), ApiError> {
    let feature = "subscription_cancel";
    let said = json!({ "comment": why.comment, "feedback": why.feedback });
    if configuration.word(feature, "mode") == "immediately" {
        let prorate = configuration.word(feature, "proration_behavior") == "create_prorations";
        let params = json!({ "cancellation_details": said, "prorate": prorate });
        subscriptions::api::cancel_now(cx, &asked(id, params))?;
        return Ok(());
    }
    subscriptions::api::update(cx, &asked(id, json!({ "cancel_at": "max_period_end" })))?;
    if *why != Why::default() {
        subscriptions::api::update(cx, &asked(id, json!({ "cancellation_details": said })))?;
    }
    Ok(())
}

/// Takes back that a subscription ends with its period.
///
/// # Errors
/// It is over already.
pub(crate) fn keep(cx: &mut Cx<'_>, id: &str) -> Result<(), ApiError> {
    subscriptions::api::update(cx, &asked(id, json!({ "cancel_at": null }))).map(drop)
}

/// Sets a payment method of nobody's up for the customer of a session, and makes it the default.
///
/// # Errors
/// It is declined; that stands.
pub(crate) fn add_method(cx: &mut Cx<'_>, session: &Session, method: &str) -> Result<Added, ApiError> {
    let return_url = Some(session.url(cx.world));
    let new = NewSetup {
        customer: Some(session.customer.clone()),
        payment_method: Some(method.to_owned()),
        return_url,
        ..NewSetup::default()
    };
    let setup = setup_intents::open(cx, new);
    match setup_intents::attempt(cx, &setup, method) {
        Outcome::Succeeded | Outcome::Processing => make_default(cx, &session.customer, method).map(|()| Added::Done),
        Outcome::RequiresAction => Ok(Added::Challenge(setup)),
        Outcome::Declined(error) => Err((*error).kept()),
    }
}

/// Makes a payment method of the customer's the one that is charged when nothing else is said.
///
/// # Errors
/// It is not the customer's.
pub(crate) fn make_default(cx: &mut Cx<'_>, customer: &str, method: &str) -> Result<(), ApiError> {
    let params = json!({ "invoice_settings": { "default_payment_method": method } });
    customers::update(cx, &asked(customer, params)).map(drop)
}

/// A challenge was passed: what was set up on a page of the portal becomes the default. Answers the session it was in.
pub(crate) fn proven(cx: &mut Cx<'_>, setup: &str) -> Option<String> {
    let found = cx.world.get::<SetupIntent>(setup)?.clone();
    let before = format!("{}/p/session/", cx.world.settings.base);
    let session = found.return_url.as_deref()?.strip_prefix(&before)?.to_owned();
    let own =
        cx.world.get::<Session>(&session).is_some_and(|session| Some(&session.customer) == found.customer.as_ref());
    if own
        && found.status == setup_intents::Status::Succeeded
        && let (Some(customer), Some(method)) = (&found.customer, &found.payment_method)
    {
        // It was attached a moment ago, so it is the customer's.
        drop(make_default(cx, customer, method));
    }
    Some(session)
}
