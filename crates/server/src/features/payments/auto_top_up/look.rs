//! What Stripe says, read with no transaction open: what a customer pays with, and what became of a payment.

use super::consider::Means;
use crate::{
    features::{
        payments::{ATTEMPT, payers, seconds},
        subscriptions::{self, Money},
    },
    platform::{
        App,
        error::{Code, Error},
    },
};
use purser_rules::{
    Time,
    ids::{CustomerId, TopUpAttemptId},
};
use purser_stripe::{
    Client, Error as StripeError,
    calls::{Created, PageOf, customers, payments},
    objects::{PaymentIntent, PaymentIntentStatus},
};

/// Most pages that are read to find a payment that may have been made: 100 payments of one customer each.
const MOST_PAGES: usize = 20;

/// A payment of auto top-up as it stands at Stripe.
#[derive(Debug)]
pub(super) struct Seen {
    /// Which attempt it is of.
    pub attempt: TopUpAttemptId,
    /// The payment.
    pub intent: PaymentIntent,
    /// What became of its money, if it came.
    pub money: Option<Money>,
}

/// What `customer` pays with while it is away: the default of its invoices, or else the newest that was saved.
///
/// # Errors
/// `stripe_customer_taken`; what Stripe or the database says.
pub(super) async fn means(app: &App, client: &Client, customer: &CustomerId) -> Result<Option<Means>, Error> {
    // It is known: nothing is made here.
    let payer = payers::stripe_customer(app, client, &super::worker(), customer).await?;
    let found = match client.read(&customers::retrieve(&payer)).await {
        Ok(answer) => answer.value.there(),
        Err(StripeError::Refused(refused)) if refused.is_missing() => None,
        Err(error) => return Err(error.into()),
    };
    let Some(found) = found else { return Ok(None) };
    if let Some(default) = &found.invoice_settings.default_payment_method {
        return Ok(Some(Means { method: default.id().to_owned(), payer }));
    }
    let newest = PageOf { limit: Some(1), ..PageOf::default() };
    let saved = client.read(&customers::payment_methods(&payer, &newest)).await?.value.data;
    Ok(saved.into_iter().next().map(|method| Means { payer, method: method.id }))
}

/// The payment `id` as it stands, if it is one of auto top-up.
///
/// # Errors
/// What Stripe says.
pub(super) async fn payment(client: &Client, id: &str) -> Result<Option<Seen>, Error> {
    match client.read(&payments::retrieve(id)).await {
        Ok(answer) => seen(client, answer.value).await,
        Err(StripeError::Refused(refused)) if refused.is_missing() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The same of a payment that was just read.
///
/// # Errors
/// What Stripe says.
pub(super) async fn seen(client: &Client, intent: PaymentIntent) -> Result<Option<Seen>, Error> {
    let Some(attempt) = intent.metadata.get(ATTEMPT).and_then(|id| id.parse().ok()) else { return Ok(None) };
    let money = match intent.status {
        PaymentIntentStatus::Succeeded => {
            Some(subscriptions::money_of_payment(client, &intent.id, &intent.currency).await?)
        }
        _ => None,
    };
    Ok(Some(Seen { attempt, intent, money }))
}

/// The payment of an attempt that was never answered, looked for by our mark among those of the day after it was
/// first sent. None when there is none: then it was never made.
///
/// # Errors
/// What Stripe says.
pub(super) async fn looked_for(
    client: &Client,
    payer: &str,
    attempt: TopUpAttemptId,
    first_sent: Time,
) -> Result<Option<PaymentIntent>, Error> {
    let from = seconds(first_sent);
    let which = payments::Payments {
        customer: Some(payer.to_owned()),
        created: Some(Created { gte: Some(from - 600), lt: Some(from + 86_400) }),
        page: PageOf::full(),
    };
    let mut pages = client.pages(&payments::list(&which));
    let mark = attempt.to_string();
    for _ in 0..MOST_PAGES {
        let Some(page) = pages.next().await? else { return Ok(None) };
        let ours = |intent: &PaymentIntent| intent.metadata.get(ATTEMPT).is_some_and(|of| *of == mark);
        if let Some(found) = page.into_iter().find(ours) {
            return Ok(Some(found));
        }
    }
    let message = format!("The payment of {attempt} is not among the {MOST_PAGES} pages that were read.");
    Err(Error::new(Code::StripeRefused, message))
}
