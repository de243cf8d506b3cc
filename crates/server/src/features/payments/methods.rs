//! What follows from Stripe's events about a customer and how it pays: both are mirrored, a payment method that was
//! taken away is told, and what is past due is charged to a new default.

use super::{
    operations::{self, Kind, Operation, Sent, State},
    react::client,
};
use crate::{
    features::{
        customers,
        inbox::{self, Delivery, Marked, Reacted},
        subscriptions::{self, MOST_TRIES, Unrecorded},
    },
    platform::{
        App,
        error::{Code, Error},
    },
};
use purser_rules::ids::CustomerId;
use purser_stripe::{
    Client, Error as StripeError,
    calls::{PageOf, customers as calls, subscriptions as subscription_calls},
    objects::{PaymentMethod, Subscription, SubscriptionStatus},
    webhook::{Event, Notification},
};
use serde::Deserialize;
use serde_json::Value as Json;

/// What an event is about.
struct About {
    /// Stripe's customer.
    payer: String,
    /// The payment method that was taken from it, if the event says so.
    removed: Option<PaymentMethod>,
}

/// Mirrors Stripe's customer and what it pays with, whatever the event says of them. One of nobody is ignored.
///
/// # Errors
/// What Stripe or the database says; then the event is tried again.
pub async fn payer_changed(app: App, delivery: Delivery) -> Result<Reacted, Error> {
    let client = client(&app)?;
    let told = match delivery.notification() {
        Ok(Notification::Snapshot(event)) => Some(event),
        Ok(Notification::Thin(_)) => None,
        Err(_) => {
            return Err(Error::new(Code::PayloadForgotten, "What the event said was forgotten after its time."));
        }
    };
    let Some(about) = about(&app, client, &delivery, told.as_deref()).await? else { return Ok(Reacted::Ignored) };
    let mut fetched = subscriptions::fetch_payer(&app, &about.payer).await?;
    if let Some(method) = fetched.default_method() {
        let is_new = match told.as_deref() {
            Some(event) => sets_default(event),
            None => is_another(&app, &about.payer, method).await?,
        };
        if is_new {
            charge_default(&app, client, &about.payer, method).await?;
        }
    }
    for _ in 0..MOST_TRIES {
        let (event, random, removed) = (delivery.clone(), app.random().clone(), about.removed.clone());
        let kept: Result<Marked, Unrecorded> = app
            .db()
            .write(move |tx| {
                let customer = subscriptions::record_payer(tx, &fetched)?;
                if let (Some(customer), Some(method)) = (&customer, &removed) {
                    subscriptions::tell_removed(tx, &random, customer, method, &fetched)?;
                }
                Ok(inbox::done(tx, &event)?)
            })
            .await;
        if let Some(reacted) = subscriptions::settled(kept)? {
            return Ok(reacted);
        }
        fetched = subscriptions::fetch_payer(&app, &about.payer).await?;
    }
    Err(subscriptions::overtaken(&about.payer))
}

/// Which customer of Stripe's an event is about; none when nobody knows.
async fn about(app: &App, client: &Client, delivery: &Delivery, told: Option<&Event>) -> Result<Option<About>, Error> {
    let Some(id) = delivery.object_id.clone() else { return Ok(None) };
    if delivery.object_kind.as_deref() == Some("customer") {
        return Ok(Some(About { payer: id, removed: None }));
    }
    // What was taken away says of itself that it is nobody's; the event says whose it was.
    let said: Option<PaymentMethod> = match client.read(&calls::payment_method(&id)).await {
        Ok(answer) => Some(answer.value),
        Err(StripeError::Refused(refused)) if refused.is_missing() => told.and_then(|event| event.object().ok()),
        Err(error) => return Err(error.into()),
    };
    let now = said.as_ref().and_then(|method| Some(method.customer.as_ref()?.id().to_owned()));
    let payer = match now.or_else(|| told.and_then(payer_told)) {
        Some(payer) => Some(payer),
        None => app.db().read(move |tx| subscriptions::payer_of_method(tx, &id)).await?,
    };
    let detached = delivery.kind.ends_with("payment_method.detached");
    Ok(payer.map(|payer| About { payer, removed: said.filter(|_| detached) }))
}

/// Whose a payment method is, or was before it was taken away, as the event tells.
fn payer_told(event: &Event) -> Option<String> {
    /// What is read of it.
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Told {
        customer: Json,
    }
    let id = |told: Told| {
        let whole = || told.customer.get("id").and_then(Json::as_str);
        told.customer.as_str().or_else(whole).map(str::to_owned)
    };
    let before = || serde_json::from_str(event.previous_attributes()?).ok();
    event.object().ok().and_then(id).or_else(|| before().and_then(id))
}

/// Whether an event says that the customer's default payment method is another one than before.
fn sets_default(event: &Event) -> bool {
    let before: Option<Json> = event.previous_attributes().and_then(|before| serde_json::from_str(before).ok());
    before.is_some_and(|before| before.pointer("/invoice_settings/default_payment_method").is_some())
}

/// Whether `method` is another default than the mirror has, of a payer that it knows. A thin event does not say what
/// changed; whichever is the first to see the new default finds the old one there.
async fn is_another(app: &App, payer: &str, method: &str) -> Result<bool, Error> {
    let (id, method) = (payer.to_owned(), method.to_owned());
    let known = app.db().read(move |tx| subscriptions::has_default(tx, &id, &method)).await?;
    Ok(known == Some(false))
}

/// Lets what is past due be charged to `method`, the new default of the customer: a subscription with a payment method
/// of its own, which fails, would never come to it.
async fn charge_default(app: &App, client: &Client, payer: &str, method: &str) -> Result<(), Error> {
    let id = payer.to_owned();
    let Some(customer) = app.db().read(move |tx| customers::find_by_stripe(tx, &id)).await? else { return Ok(()) };
    for status in [SubscriptionStatus::PastDue, SubscriptionStatus::Unpaid] {
        let which = subscription_calls::Subscriptions {
            customer: Some(payer.to_owned()),
            status: Some(status),
            page: PageOf::full(),
            ..Default::default()
        };
        for due in client.pages(&subscription_calls::list(&which)).all().await? {
            let own = due.default_payment_method.as_ref().map(|own| own.id());
            if own.is_some_and(|own| own != method) {
                charge(app, client, &customer, (&due.id, method)).await?;
            }
        }
    }
    Ok(())
}

/// Lets a subscription be charged to `method`. Stripe was just asked, and it is not: what was done once is done again.
async fn charge(
    app: &App,
    client: &Client,
    customer: &CustomerId,
    (subscription, method): (&str, &str),
) -> Result<(), Error> {
    let change = subscription_calls::SubscriptionChange {
        default_payment_method: Some(method.to_owned()),
        ..Default::default()
    };
    let request = subscription_calls::update(subscription, &change).request().clone();
    let (random, of, subject) = (app.random().clone(), customer.clone(), format!("{subscription}:{method}"));
    let begun = app.db().write(move |tx| {
        let operation = operations::begin(tx, &random, &of, (Kind::Charged, &subject), &request)?;
        match operation.state {
            State::Sent | State::Refused => Ok(operation),
            State::Answered | State::Indeterminate => operations::begin_anew(tx, &random, &operation, &request),
        }
    });
    let operation: Operation = begun.await?;
    match operations::send::<Subscription>(app, client, &operation).await? {
        Sent::Answered(answered) => operations::keep(app, &operation, State::Answered, Some(answered.id)).await?,
        Sent::Refused(error) => {
            tracing::warn!(subscription, method, error = error.message, "the new default cannot be charged for it");
            operations::keep(app, &operation, State::Refused, None).await?;
        }
        Sent::Indeterminate => {
            operations::keep(app, &operation, State::Indeterminate, None).await?;
            return Err(Error::new(
                Code::StripeUnavailable,
                "Whether a subscription is charged to the new default is not known. It is tried again.",
            ));
        }
    }
    Ok(())
}
