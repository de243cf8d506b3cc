//! Something is bought: a checkout is opened, and the browser sent there.

use super::{
    plans, reply, top_up,
    trouble::Trouble,
    visitor::{Form, Visitor},
};
use crate::{
    features::payments::{self, CheckoutRequest, PackName, Wanted},
    platform::{App, error::Code},
};
use axum::{
    extract::{Request, State},
    response::Response,
};
use purser_rules::ids::TopUpPlanId;

/// `/billing/checkout`, posted: the form names a `pack`, or a `price` of a plan
pub(super) async fn open(State(app): State<App>, visitor: Visitor, request: Request) -> Result<Response, Trouble> {
    let Form(fields) = Form::of(&app, &visitor, request).await?;
    let (wanted, from) = match (fields.get("pack").parse::<TopUpPlanId>(), fields.get("price")) {
        (Ok(pack), _) => {
            top_up::must_offer(&app, &visitor, pack).await?;
            (Wanted::TopUp(PackName::Id(pack), 1), "/billing/topup")
        }
        (Err(_), "") => return Err(Trouble::NoPage),
        (Err(_), price) => {
            if plans::must_offer(&app, &visitor, price).await?.is_some() {
                return Ok(has_one());
            }
            (Wanted::Subscription(price.to_owned(), 1), "/billing/plans")
        }
    };
    let top = app.config().public_url();
    let asked = CheckoutRequest {
        customer: visitor.id().clone(),
        wanted,
        success_url: format!("{top}/billing/return?session_id={{CHECKOUT_SESSION_ID}}"),
        cancel_url: Some(format!("{top}{from}")),
    };
    match payments::open_checkout(&app, &visitor.actor, &asked).await {
        Ok(opened) => Ok(reply::see(&opened.url)),
        // It was paid a moment ago, in another tab for instance.
        Err(error) if error.code == Code::AlreadySubscribed => Ok(has_one()),
        Err(error) => Err(error.into()),
    }
}

/// What is said to who has a plan.
fn has_one() -> Response {
    let message = "Nothing was bought. Change the plan you have instead, so that you do not pay twice.";
    reply::notice("You have a plan already", message, Some(("/billing/plans", "Change my plan")))
}
