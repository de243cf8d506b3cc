//! What follows from Stripe's events about payments of auto top-up: the payment is fetched, then put down.

use super::{
    look,
    settle::{self, Settled},
};
use crate::{
    features::{
        inbox::{self, Delivery, Reacted},
        payments::{
            ATTEMPT, purchases,
            react::{by, client, reacted},
        },
    },
    platform::{App, error::Error},
};
use purser_stripe::{Client, webhook::Notification};
use serde::Deserialize;
use serde_json::Value as Json;

/// A payment came or failed. One that is not of auto top-up is ignored: sessions and invoices have events of their own.
///
/// # Errors
/// What Stripe or the database says; then the event is tried again.
pub async fn payment_changed(app: App, delivery: Delivery) -> Result<Reacted, Error> {
    let Some(id) = delivery.object_id.clone().filter(|_| may_be_ours(&delivery)) else {
        return Ok(Reacted::Ignored);
    };
    let Some(seen) = look::payment(client(&app)?, &id).await? else { return Ok(Reacted::Ignored) };
    let (random, actor) = (app.random().clone(), by(&delivery));
    let marked = app.db().write(move |tx| match settle::settle(tx, &random, &actor, &seen)? {
        Some(settled) => inbox::done(tx, &delivery).map(|done| Some((done, settled))).map_err(Error::from),
        None => Ok(None),
    });
    let marked = marked.await?.map(|(done, settled)| {
        settled.count();
        done
    });
    Ok(reacted(marked))
}

/// Money of the payment `intent` moved, and no purchase of it is known: if it is of auto top-up, it is put down first.
///
/// # Errors
/// As [`payment_changed`].
pub(in super::super) async fn paid_and_taken_back(
    app: &App,
    client: &Client,
    delivery: Delivery,
    intent: &str,
) -> Result<Reacted, Error> {
    let Some(seen) = look::payment(client, intent).await? else { return Ok(Reacted::Ignored) };
    let (random, actor) = (app.random().clone(), by(&delivery));
    let marked = app.db().write(move |tx| {
        let Some(settled) = settle::settle(tx, &random, &actor, &seen)? else { return Ok(None) };
        // Another may have put it down a moment ago, and seen less of its money than this event tells of.
        if let Some(purchase) = purchases::of_payment(tx, &seen.intent.id, true)? {
            settle::take_back(tx, &random, &actor, &purchase, &seen)?;
        }
        let done = inbox::done(tx, &delivery).map_err(Error::from)?;
        Ok::<_, Error>(Some((done, settled)))
    });
    let marked = marked.await?.map(|(done, settled): (_, Settled)| {
        settled.count();
        done
    });
    Ok(reacted(marked))
}

/// Whether an event may be of auto top-up: by the mark in what it tells of, which never changes. A thin event tells
/// nothing, nor does one whose payload was forgotten.
fn may_be_ours(delivery: &Delivery) -> bool {
    /// What is read of a payment.
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Told {
        metadata: Json,
    }
    match delivery.notification() {
        Ok(Notification::Snapshot(event)) => {
            event.object::<Told>().is_ok_and(|told| told.metadata.get(ATTEMPT).is_some())
        }
        _ => true,
    }
}
