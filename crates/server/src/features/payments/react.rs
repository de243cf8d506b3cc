//! What follows from Stripe's events about checkout, refunds and disputes: the truth is fetched, then put down.

use super::{
    auto_top_up, fulfil, invoiced, look, notices,
    purchases::{self, Purchase},
    reversals, stripe,
};
use crate::{
    features::{
        inbox::{self, Delivery, Marked, Reacted},
        subscriptions,
    },
    platform::{
        App,
        auth::Actor,
        error::{Code, Error},
    },
};
use purser_stripe::{Client, webhook::Notification};
use serde::Deserialize;
use serde_json::Value as Json;

/// What a payment is among the kinds of objects.
const PAYMENT: &str = "payment_intent";

/// Who acts on an event.
pub(super) fn by(delivery: &Delivery) -> Actor {
    Actor::stripe(&delivery.id)
}

/// The client of Stripe. Without a key events wait, as while Stripe is away.
pub(super) fn client(app: &App) -> Result<&Client, Error> {
    stripe(app).map_err(|error| Error::new(Code::StripeUnavailable, error.message))
}

/// What was made of an event that was marked done, or was not.
pub(super) fn reacted(marked: Option<Marked>) -> Reacted {
    marked.map_or(Reacted::Ignored, Reacted::Done)
}

/// A checkout session was paid, expired, or its bank debit came or failed. A session of nobody we know is ignored.
///
/// # Errors
/// `unmapped_price` and others after which the event is tried again.
pub async fn session_changed(app: App, delivery: Delivery) -> Result<Reacted, Error> {
    let Some(id) = delivery.object_id.clone() else { return Ok(Reacted::Ignored) };
    let (random, actor) = (app.random().clone(), by(&delivery));
    let marked = fulfil::seen_and(&app, client(&app)?, &id, move |tx, seen| {
        let Some(fulfilled) = fulfil::fulfil(tx, &random, &actor, seen)? else { return Ok(None) };
        notices::of_session(tx, &random, &fulfilled)?;
        Ok(Some(inbox::done(tx, &delivery)?))
    });
    marked.await.map(reacted)
}

/// Money of a payment went back, was disputed, or came again. A payment that neither bought something of ours nor paid
/// for a subscription is ignored.
///
/// # Errors
/// What Stripe or the database says; then the event is tried again.
pub async fn money_moved(app: App, delivery: Delivery) -> Result<Reacted, Error> {
    let Some(intent) = payment_of(&delivery)? else { return handed_over(&app, delivery).await };
    let client = client(&app)?;
    let id = intent.clone();
    let known = app.db().read(move |tx| purchases::of_payment(tx, &id, false)).await?;
    if let Some(purchase) = known.filter(|purchase| purchase.grant.is_some()) {
        return taken_back(&app, client, delivery, &purchase, intent).await;
    }
    match given_and_taken_back(&app, client, delivery.clone(), &intent).await {
        // Nothing was given to who is archived, nor will be, so there is nothing to take back. That it was paid is told
        // by another event, which fails for a person to look at.
        Err(error) if error.code == Code::CustomerArchived => {
            let marked = app.db().write(move |tx| inbox::done(tx, &delivery));
            Ok(Reacted::Done(marked.await?))
        }
        done => done,
    }
}

/// The session of a payment, or its auto top-up, may not have been acted on yet, or not since the money came: then this
/// event does it, so that none passes the other.
async fn given_and_taken_back(app: &App, client: &Client, delivery: Delivery, intent: &str) -> Result<Reacted, Error> {
    match look::session_of(client, intent).await? {
        Some(session) => bought_and_taken_back(app, client, delivery, &session).await,
        None => match auto_top_up::paid_and_taken_back(app, client, delivery.clone(), intent).await? {
            Reacted::Ignored => invoiced::taken_back(app, client, by(&delivery), delivery, intent).await,
            done @ (Reacted::Done(_) | Reacted::Moved(_)) => Ok(done),
        },
    }
}

/// A thin event names a charge, a refund or a dispute, and not its payment: that is looked up, and the event is done
/// among those of the payment, so that none that saw less is written after one that saw more. One of none is ignored.
async fn handed_over(app: &App, delivery: Delivery) -> Result<Reacted, Error> {
    let named = delivery.object_kind.as_deref().zip(delivery.object_id.as_deref());
    let Some((kind, id)) = named.filter(|_| delivery.thin) else { return Ok(Reacted::Ignored) };
    let Some(intent) = look::payment_of(client(app)?, kind, id).await? else { return Ok(Reacted::Ignored) };
    let moved = app.db().write(move |tx| inbox::hand_over(tx, &delivery, (PAYMENT, &intent)));
    Ok(Reacted::Moved(moved.await?))
}

async fn taken_back(
    app: &App,
    client: &Client,
    delivery: Delivery,
    purchase: &Purchase,
    intent: String,
) -> Result<Reacted, Error> {
    let money = subscriptions::money_of_payment(client, &intent, &purchase.currency).await?;
    let (random, actor) = (app.random().clone(), by(&delivery));
    let marked = app.db().write(move |tx| {
        if let Some(purchase) = purchases::of_payment(tx, &intent, true)? {
            let after = reversals::apply(tx, &random, &actor, &purchase, &money)?;
            notices::of_money(tx, &random, &after, &money)?;
        }
        inbox::done(tx, &delivery).map_err(Error::from)
    });
    marked.await.map(Reacted::Done)
}

async fn bought_and_taken_back(
    app: &App,
    client: &Client,
    delivery: Delivery,
    session: &str,
) -> Result<Reacted, Error> {
    let (random, actor) = (app.random().clone(), by(&delivery));
    let marked = fulfil::seen_and(app, client, session, move |tx, seen| {
        let fulfilled = fulfil::fulfil(tx, &random, &actor, seen)?;
        let Some(purchase) = fulfilled.and_then(|fulfilled| fulfilled.purchase) else { return Ok(None) };
        // Another may have granted it a moment ago, and seen less of its money than this event tells of.
        if let Some(money) = &seen.money {
            let after = reversals::apply(tx, &random, &actor, &purchase, money)?;
            notices::of_money(tx, &random, &after, money)?;
        }
        Ok(Some(inbox::done(tx, &delivery)?))
    });
    marked.await.map(reacted)
}

/// The payment that the event's object is of. It never changes, so what was sent may be believed. A thin event says it
/// once it is among those of its payment.
fn payment_of(delivery: &Delivery) -> Result<Option<String>, Error> {
    /// What is read of a charge, a refund or a dispute.
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Told {
        payment_intent: Json,
    }
    if delivery.thin {
        return Ok(delivery.among(PAYMENT).map(str::to_owned));
    }
    let forgotten = |_| Error::new(Code::PayloadForgotten, "What the event said was forgotten after its time.");
    let Notification::Snapshot(event) = delivery.notification().map_err(forgotten)? else { return Ok(None) };
    let told: Told = event.object().unwrap_or_default();
    let whole = || told.payment_intent.get("id").and_then(Json::as_str);
    Ok(told.payment_intent.as_str().or_else(whole).map(str::to_owned))
}
