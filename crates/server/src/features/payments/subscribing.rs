//! Before a plan is sold: whether the customer has one of its group already, and whether this one may be tried.

use super::mirrored;
use crate::{
    features::{pricebook::Plan, subscriptions},
    platform::{
        App,
        auth::Actor,
        db::{DbError, Tx},
        error::{Code, Error},
    },
};
use purser_rules::{ids::CustomerId, pricebook::PlanKind};

/// What is written as the cause of what is seen when it is looked whether there is a subscription.
const CAUSE: &str = "open-checkout";

/// The live subscriptions that are in the way of another one of `plan`, as the mirror knows them: those that give a
/// plan of its group, of which a customer has one. Nothing is in the way of an add-on.
///
/// # Errors
/// What the database says.
pub(super) fn in_the_way(tx: &mut Tx<'_>, customer: &CustomerId, plan: &Plan) -> Result<Vec<String>, Error> {
    match plan.kind {
        PlanKind::Base => Ok(subscriptions::lives(tx, customer)?.in_group(Some(&plan.group))),
        PlanKind::AddOn => Ok(Vec::new()),
    }
}

/// Asks Stripe how these subscriptions stand: the mirror may be behind, and nobody is turned away by what is over.
///
/// # Errors
/// What Stripe or the database says.
pub(super) async fn look_again(app: &App, ids: &[String]) -> Result<(), Error> {
    for id in ids {
        mirrored::mirror(app, id, &Actor::stripe(CAUSE)).await?;
    }
    Ok(())
}

/// What is said to who has such a subscription.
pub(super) fn already(ids: &[String]) -> Error {
    let ids = ids.join(", ");
    let message = format!("The customer has a plan of this group by {ids}. Change that, or end it first.");
    Error::new(Code::AlreadySubscribed, message).about("price")
}

/// For how many days the customer may try `plan`: a family is tried once, so nobody who had it does; 0 is not at all.
///
/// # Errors
/// What the database says.
pub(super) fn trial_days(tx: &mut Tx<'_>, customer: &CustomerId, plan: &Plan) -> Result<u16, DbError> {
    let days = plan.terms.trial_days;
    if days == 0 || subscriptions::had_family(tx, customer, &plan.family)? {
        return Ok(0);
    }
    Ok(days)
}
