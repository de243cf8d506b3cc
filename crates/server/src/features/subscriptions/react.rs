//! What follows from events of subscriptions and invoices: look, ask Stripe, record; again if somebody was faster.

use super::{Unrecorded, fetch, record, tell};
use crate::{
    features::inbox::{self, Delivery, Marked, Reacted},
    platform::{
        App,
        auth::Actor,
        error::{Code, Error},
    },
};
use futures_util::future::BoxFuture;
use purser_rules::Time;
use purser_stripe::{objects::Invoice, webhook::Notification};
use serde::de::DeserializeOwned;

/// How often something is fetched again because the mirror was written meanwhile. Then the event waits for its next try.
pub(in super::super) const MOST_TRIES: usize = 5;

/// Mirrors the subscription an event is about, whatever the event says of it.
pub fn subscription_changed(app: App, delivery: Delivery) -> BoxFuture<'static, Result<Reacted, Error>> {
    Box::pin(async move {
        let id = object_id(&delivery)?;
        for _ in 0..MOST_TRIES {
            let fetched = fetch::subscription(&app, &id, snapshot(&delivery)).await?.ok_or_else(|| missing(&id))?;
            let (event, random) = (delivery.clone(), app.random().clone());
            let kept: Result<Marked, Unrecorded> = app
                .db()
                .write(move |tx| {
                    record::subscription(tx, &random, &Actor::stripe(&event.id), &fetched)?;
                    tell::of_subscription(tx, &random, &event, &fetched)?;
                    Ok(inbox::done(tx, &event)?)
                })
                .await;
            if let Some(reacted) = settled(kept)? {
                return Ok(reacted);
            }
        }
        Err(overtaken(&id))
    })
}

/// Mirrors the invoice an event is about, and the subscription it is of.
pub fn invoice_changed(app: App, delivery: Delivery) -> BoxFuture<'static, Result<Reacted, Error>> {
    Box::pin(async move {
        let id = object_id(&delivery)?;
        let failed_at = failed_at(&delivery);
        for _ in 0..MOST_TRIES {
            let fetched = fetch::invoice(&app, &id, snapshot(&delivery)).await?.ok_or_else(|| missing(&id))?;
            let subscription = match fetched.subscription() {
                Some(subscription) => fetch::subscription(&app, subscription, None).await?,
                None => None,
            };
            let (event, random) = (delivery.clone(), app.random().clone());
            let kept: Result<Marked, Unrecorded> = app
                .db()
                .write(move |tx| {
                    let actor = Actor::stripe(&event.id);
                    record::invoice(tx, &random, &actor, failed_at, &fetched, subscription.as_ref())?;
                    tell::of_invoice(tx, &random, &event, &fetched)?;
                    Ok(inbox::done(tx, &event)?)
                })
                .await;
            if let Some(reacted) = settled(kept)? {
                return Ok(reacted);
            }
        }
        Err(overtaken(&id))
    })
}

/// Tells of an invoice that will be made. It has no id and cannot be fetched: what the event says is all there is. So a
/// thin event, which names no object, is ignored.
pub fn invoice_upcoming(app: App, delivery: Delivery) -> BoxFuture<'static, Result<Reacted, Error>> {
    Box::pin(async move {
        let Ok(Notification::Snapshot(event)) = delivery.notification() else { return Ok(Reacted::Ignored) };
        let said: Invoice = event.object().map_err(|shape| Error::new(Code::StripeRefused, format!("{shape}.")))?;
        let random = app.random().clone();
        let marked = app.db().write(move |tx| {
            tell::of_upcoming(tx, &random, &said)?;
            inbox::done(tx, &delivery)
        });
        Ok(Reacted::Done(marked.await?))
    })
}

/// When the payment of the invoice failed, if that is what the event tells.
fn failed_at(delivery: &Delivery) -> Option<Time> {
    matches!(kind_of(delivery), "invoice.payment_failed" | "invoice.payment_action_required")
        .then_some(delivery.created_at)
}

/// What happened, whether a whole event tells it or a thin one.
pub(super) fn kind_of(delivery: &Delivery) -> &str {
    delivery.kind.strip_prefix("v1.").unwrap_or(&delivery.kind)
}

/// What became of the event; nothing when its object must be fetched again.
///
/// # Errors
/// Why it was not recorded, if not for that.
pub(in super::super) fn settled(kept: Result<Marked, Unrecorded>) -> Result<Option<Reacted>, Error> {
    match kept {
        Ok(marked) => Ok(Some(Reacted::Done(marked))),
        Err(Unrecorded::Stale) => Ok(None),
        Err(Unrecorded::Failed(error)) => Err(error),
    }
}

fn object_id(delivery: &Delivery) -> Result<String, Error> {
    let none = || Error::new(Code::StripeRefused, "The event does not say which object it is about.");
    delivery.object_id.clone().ok_or_else(none)
}

/// The object as the event tells it; nothing for a thin event, for one of another version of the API, or once its body
/// is forgotten. It counts only if Stripe does not have the object.
fn snapshot<T: DeserializeOwned>(delivery: &Delivery) -> Option<T> {
    let Ok(Notification::Snapshot(event)) = delivery.notification() else { return None };
    event.object().ok()
}

fn missing(id: &str) -> Error {
    Error::new(Code::StripeRefused, format!("Stripe has no {id}, and the event does not show it."))
}

/// What is said when others were faster each time.
pub(in super::super) fn overtaken(id: &str) -> Error {
    Error::new(Code::Overloaded, format!("{id} was written by others each time it was fetched. It is tried again."))
}
