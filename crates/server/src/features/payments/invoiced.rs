//! Refunds and disputes of invoices of subscriptions: what they paid for is given first, then taken back (rules 1.8).

use super::notices;
use crate::{
    features::{
        inbox::{self, Delivery, Marked, Reacted},
        subscriptions::{self, MOST_TRIES, Unrecorded},
    },
    platform::{App, auth::Actor, error::Error},
};
use purser_stripe::Client;

/// Brings what the invoice of a payment gave to what its money says. If the event that tells of the invoice was not
/// acted on yet, this does it, so that neither passes the other. A payment of no invoice of a subscription is ignored.
///
/// # Errors
/// What Stripe or the database says; then the event is tried again.
pub(super) async fn taken_back(
    app: &App,
    client: &Client,
    actor: Actor,
    delivery: Delivery,
    intent: &str,
) -> Result<Reacted, Error> {
    let Some(invoice) = subscriptions::invoice_of(client, intent).await? else { return Ok(Reacted::Ignored) };
    for _ in 0..MOST_TRIES {
        let Some(fetched) = subscriptions::fetch_invoice(app, &invoice, None).await? else {
            return Ok(Reacted::Ignored);
        };
        let Some(of) = fetched.subscription() else { return Ok(Reacted::Ignored) };
        let subscription = subscriptions::fetch(app, of, None).await?;
        let money = subscriptions::money_of_invoice(client, &invoice, fetched.currency()).await?;
        let (random, actor) = (app.random().clone(), actor.clone());
        let event = delivery.clone();
        let kept: Result<Marked, Unrecorded> = app
            .db()
            .write(move |tx| {
                subscriptions::record_invoice(tx, &random, &actor, None, &fetched, subscription.as_ref())?;
                let taken = (money.refunded, money.disputes.as_slice());
                if let Some(customer) = subscriptions::take_back(tx, &random, &actor, &fetched, taken)? {
                    notices::of_invoice(tx, &random, &customer, &fetched, &money)?;
                }
                Ok(inbox::done(tx, &event)?)
            })
            .await;
        if let Some(reacted) = subscriptions::settled(kept)? {
            return Ok(reacted);
        }
    }
    Err(subscriptions::overtaken(&invoice))
}
