//! A visit to Stripe's own billing portal.

use super::{payers, seconds, stripe};
use crate::platform::{App, auth::Actor, error::Error};
use purser_rules::ids::CustomerId;
use purser_stripe::{
    Key,
    calls::portal::{NewPortalSession, create_session},
};

/// The address of a visit, which serves for five minutes; Stripe's customer is made if there is none.
///
/// # Errors
/// `unknown_customer`, `customer_archived`, `stripe_customer_taken`; what Stripe or the database says.
pub async fn open(
    app: &App,
    actor: &Actor,
    customer: &CustomerId,
    return_url: Option<String>,
) -> Result<String, Error> {
    let client = stripe(app)?;
    let payer = payers::stripe_customer(app, client, actor, customer).await?;
    let call = create_session(&NewPortalSession { customer: payer, return_url, ..NewPortalSession::default() });
    // Each visit is one of its own, and one too many does nothing: the key is not kept.
    let now = seconds(app.clock().now());
    let key = Key { text: format!("purser-{:032x}", app.random().number()), first_sent: now };
    Ok(client.write(&call, &key, now).await?.value.url)
}
