//! The return page's question: did this customer pay by this session, and what came of it.

use super::{
    fulfil::{self, Fulfilled, Standing},
    not_yours,
    purchases::{self, Purchase},
    stripe,
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
/// `unknown_customer`; `checkout_not_yours` for another customer's session, and for none; `unmapped_price`;
/// `overloaded` while others write the subscription it made; what Stripe or the database says.
pub async fn verify(app: &App, actor: &Actor, customer: &CustomerId, session_id: &str) -> Result<Verified, Error> {
    let (of, id) = (customer.clone(), session_id.to_owned());
    let known = app.db().read(move |tx| known(tx, &of, &id)).await?;
    if let Some(purchase) = known.filter(|purchase| purchase.grant.is_some()) {
        return Ok(Fulfilled { standing: Standing::Done, already: true, purchase: Some(purchase) });
    }
    let client = stripe(app)?;
    let (random, actor, of) = (app.random().clone(), actor.clone(), customer.clone());
    let fulfilled = fulfil::seen_and(app, client, session_id, move |tx, seen| {
        if fulfil::owner(tx, &seen.session)?.as_ref() != Some(&of) {
            return Err(not_yours().into());
        }
        fulfil::fulfil(tx, &random, &actor, seen)?.ok_or_else(|| not_yours().into())
    });
    fulfilled.await
}

/// The purchase that the customer's session made, if it is known.
fn known(tx: &mut Tx<'_>, customer: &CustomerId, session_id: &str) -> Result<Option<Purchase>, Error> {
    customers::find(tx, customer)?;
    Ok(purchases::of_session(tx, customer, session_id, false)?)
}
