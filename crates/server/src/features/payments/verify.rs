//! The return page's question: did this customer pay by this session, and what came of it.

use super::{
    fulfil::{self, Fulfilled, Standing},
    look, not_yours,
    purchases::{self, Purchase},
    stripe, told,
};
use crate::{
    features::customers,
    platform::{App, auth::Actor, db::Tx, error::Error},
};
use purser_rules::ids::CustomerId;

/// What came of a session.
pub type Verified = Fulfilled;

/// Looks at the session `session_id`, which must be the customer's, and gives what it paid for unless that was done.
///
/// # Errors
/// `unknown_customer`; `checkout_not_yours` for another customer's session, and for none; `unmapped_price`; what Stripe
/// or the database says.
pub async fn verify(app: &App, actor: &Actor, customer: &CustomerId, session_id: &str) -> Result<Verified, Error> {
    let (of, id) = (customer.clone(), session_id.to_owned());
    let known = app.db().read(move |tx| known(tx, &of, &id)).await?;
    if let Some(purchase) = known.filter(|purchase| purchase.grant.is_some()) {
        return Ok(Fulfilled { standing: Standing::Done, already: true, purchase: Some(purchase) });
    }
    let client = stripe(app)?;
    let seen = look::session(app, client, session_id).await?;
    let (random, actor, of) = (app.random().clone(), actor.clone(), customer.clone());
    let fulfilled = app.db().write(move |tx| {
        if fulfil::owner(tx, &seen.session)?.as_ref() != Some(&of) {
            return Err(not_yours());
        }
        fulfil::fulfil(tx, &random, &actor, &seen)?.ok_or_else(not_yours)
    });
    fulfilled.await.inspect_err(told::alert)
}

/// The purchase that the customer's session made, if it is known.
fn known(tx: &mut Tx<'_>, customer: &CustomerId, session_id: &str) -> Result<Option<Purchase>, Error> {
    customers::find(tx, customer)?;
    Ok(purchases::of_session(tx, customer, session_id, false)?)
}
