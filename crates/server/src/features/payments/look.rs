//! What Stripe says now, read with no transaction open: a session with what it sold, and what became of its money.

use super::not_yours;
use crate::{
    features::{
        pricebook,
        subscriptions::{self, Fetched, FetchedInvoice, Money},
    },
    platform::{
        App,
        db::{DbError, Tx},
        error::Error,
    },
};
use purser_stripe::{
    Client, Error as StripeError,
    calls::{Metadata, PageOf, catalog, checkout, payments},
    objects::{CheckoutSession, PaymentStatus, SessionItem, SessionMode, SessionStatus},
};
use std::collections::BTreeMap;

/// A session as it stands at Stripe, with what is needed to fulfil it.
#[derive(Debug)]
pub(super) struct Seen {
    /// The session, what it made expanded.
    pub session: CheckoutSession,
    /// What it sold, if it is complete and something was bought once.
    pub items: Vec<SessionItem>,
    /// The metadata of the products of prices that are not known, and whether those are sold, by the product's id.
    pub products: BTreeMap<String, (Metadata, bool)>,
    /// What became of its money, if it is paid.
    pub money: Option<Money>,
    /// The subscription it made, if it is complete.
    pub subscription: Option<Fetched>,
    /// The invoice that was paid by it, in the same way.
    pub invoice: Option<FetchedInvoice>,
}

/// Reads the session `id`.
///
/// # Errors
/// `checkout_not_yours` when there is none; what Stripe or the database says.
pub(super) async fn session(app: &App, client: &Client, id: &str) -> Result<Seen, Error> {
    let session = match client.read(&checkout::retrieve_whole(id)).await {
        Ok(answer) => answer.value,
        Err(StripeError::Refused(refused)) if refused.is_missing() => return Err(not_yours()),
        Err(StripeError::Unfit(_)) => return Err(not_yours()),
        Err(error) => return Err(error.into()),
    };
    let (mut items, mut products, mut found) = (Vec::new(), BTreeMap::new(), None);
    if session.mode == SessionMode::Payment && session.status == Some(SessionStatus::Complete) {
        items = client.pages(&checkout::line_items(id, &PageOf::full())).all().await?;
        products = unknown_products(app, client, &items).await?;
        let intent = session.payment_intent.as_ref().filter(|_| session.payment_status == PaymentStatus::Paid);
        if let Some(intent) = intent {
            let currency = session.currency.as_deref().unwrap_or_default();
            found = Some(subscriptions::money_of_payment(client, intent.id(), currency).await?);
        }
    }
    let (subscription, invoice) = made(app, &session).await?;
    Ok(Seen { session, items, products, money: found, subscription, invoice })
}

/// The subscription that a session made, and its first invoice; neither before it is complete.
async fn made(app: &App, session: &CheckoutSession) -> Result<(Option<Fetched>, Option<FetchedInvoice>), Error> {
    let complete = session.status == Some(SessionStatus::Complete);
    let Some(made) = session.subscription.as_ref().filter(|_| complete) else { return Ok((None, None)) };
    let Some(fetched) = subscriptions::fetch(app, made.id(), None).await? else { return Ok((None, None)) };
    let invoice = match &session.invoice {
        Some(invoice) => subscriptions::fetch_invoice(app, invoice.id(), None).await?,
        None => None,
    };
    Ok((Some(fetched.made_by(&session.id)), invoice))
}

/// The metadata of the products of those of the items whose prices are not known, and whether they are sold.
async fn unknown_products(
    app: &App,
    client: &Client,
    items: &[SessionItem],
) -> Result<BTreeMap<String, (Metadata, bool)>, Error> {
    let ids: Vec<String> = items.iter().filter_map(|item| Some(item.price.as_ref()?.id.clone())).collect();
    let unknown = app.db().read(move |tx| unknown(tx, &ids)).await?;
    let mut products = BTreeMap::new();
    for price in items.iter().filter_map(|item| item.price.as_ref()).filter(|price| unknown.contains(&price.id)) {
        let id = price.product.id();
        if products.contains_key(id) {
            continue;
        }
        // A product that was deleted says nothing.
        if let Some(product) = subscriptions::ask(client, &catalog::product(id)).await? {
            products.insert(id.to_owned(), (product.metadata, product.active));
        }
    }
    Ok(products)
}

/// Those of the prices `ids` that no pack has.
fn unknown(tx: &mut Tx<'_>, ids: &[String]) -> Result<Vec<String>, DbError> {
    let mut unknown = Vec::new();
    for id in ids {
        if pricebook::top_up_of_price(tx, id)?.is_none() {
            unknown.push(id.clone());
        }
    }
    Ok(unknown)
}

/// The payment that the object `id` is of: a charge, a refund or a dispute, as `kind` says.
///
/// # Errors
/// What Stripe says.
pub(super) async fn payment_of(client: &Client, kind: &str, id: &str) -> Result<Option<String>, Error> {
    let found = match kind {
        "charge" => subscriptions::ask(client, &payments::charge(id)).await?.and_then(|charge| charge.payment_intent),
        "refund" => {
            subscriptions::ask(client, &payments::retrieve_refund(id)).await?.and_then(|refund| refund.payment_intent)
        }
        "dispute" => subscriptions::ask(client, &payments::dispute(id)).await?.and_then(|it| it.payment_intent),
        _ => None,
    };
    Ok(found.map(|intent| intent.id().to_owned()))
}

/// The session by which a payment was made, if it was made by one.
///
/// # Errors
/// What Stripe says.
pub(super) async fn session_of(client: &Client, payment_intent: &str) -> Result<Option<String>, Error> {
    let which = checkout::Sessions { payment_intent: Some(payment_intent.to_owned()), ..checkout::Sessions::default() };
    let found = client.read(&checkout::list(&which)).await?.value.data;
    Ok(found.into_iter().next().map(|session| session.id))
}
