//! Asking Stripe how a subscription or an invoice stands; what the mirror said before is noted first.

use super::{mirror, money::Money, period};
use crate::{
    features::pricebook::{self, Recurring, SeenPrice},
    platform::{
        App,
        db::DbError,
        error::{Code, Error},
        stripe::Stripe,
    },
};
use purser_rules::{
    ids::CustomerId,
    pricebook::{Currency, Interval},
};
use purser_stripe::{
    Call, Client, Error as StripeError,
    calls::{PageOf, catalog, invoices, payments, subscriptions},
    objects::{
        Invoice, InvoiceLine, InvoiceStatus, OrDeleted, Price, Product, Subscription, SubscriptionItem, UsageType,
    },
};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// A subscription as Stripe says it stands, and what the mirror said before Stripe was asked.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The subscription; of its items the first ten.
    pub(super) said: Subscription,
    /// All of its items.
    pub(super) items: Vec<SubscriptionItem>,
    /// The prices of them that the price book did not know, with the metadata of their products.
    pub(super) unknown: Vec<SeenPrice>,
    /// The revision of the mirror before.
    pub(super) seen: i64,
    /// Whether Stripe does not have it any more, and it is what an event said.
    pub(super) gone: bool,
    /// How many days a customer whose payment failed keeps access, by the settings.
    pub(super) grace_days: u16,
    /// The checkout session that made it, if it was looked at for that.
    pub(super) session: Option<String>,
    /// Whose that session is: its subscription is theirs too while it is nobody's.
    pub(super) customer: Option<CustomerId>,
}

impl Fetched {
    /// The same, made by the checkout session `id`: that is put down with it.
    #[must_use]
    pub fn made_by(mut self, id: &str) -> Self {
        self.session = Some(id.to_owned());
        self
    }
}

/// An invoice, in the same way.
#[derive(Clone, Debug)]
pub struct FetchedInvoice {
    /// Its id.
    pub(super) id: String,
    /// The invoice; of its lines the first ten.
    pub(super) said: Invoice,
    /// All of its lines, if it is paid and Stripe has it.
    pub(super) lines: Vec<InvoiceLine>,
    /// The revision of the mirror before.
    pub(super) seen: i64,
    /// Whether Stripe does not have it any more, and it is what an event said.
    pub(super) gone: bool,
    /// How many days of grace a failed payment gives.
    pub(super) grace_days: u16,
    /// What became of its money, if that was looked at: then what it gives is brought to it.
    pub(super) money: Option<Money>,
}

impl FetchedInvoice {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What was paid of it, in minor units.
    #[must_use]
    pub const fn amount_paid(&self) -> i64 {
        self.said.amount_paid
    }

    /// Its currency, as three small letters.
    #[must_use]
    pub fn currency(&self) -> &str {
        &self.said.currency
    }

    /// The subscription it is of.
    #[must_use]
    pub fn subscription(&self) -> Option<&str> {
        self.said.subscription()
    }

    /// The same as history, which gives nothing.
    #[must_use]
    pub fn of_before(self) -> Self {
        Self { lines: Vec::new(), ..self }
    }

    /// Whether money was paid for a subscription by it: what cost nothing is not given back. Lines are there only if it
    /// is paid.
    fn took_money(&self) -> bool {
        !self.lines.is_empty() && self.amount_paid() > 0 && self.subscription().is_some()
    }
}

/// Fetches the subscription `id` with all of its items. If Stripe does not have it, `snapshot` counts, which an event
/// brought; `None` when there is none either.
///
/// # Errors
/// `stripe_unavailable`, `stripe_refused`; what the database says.
pub async fn subscription(app: &App, id: &str, snapshot: Option<Subscription>) -> Result<Option<Fetched>, Error> {
    let client = client(app)?;
    let seen = revision(app, id).await?;
    let found = ask(client, &subscriptions::retrieve(id)).await?;
    let gone = found.is_none();
    let Some(said) = found.or(snapshot) else { return Ok(None) };
    let shown = said.items.clone();
    // What Stripe does not have has no list of items either.
    let items = if gone { shown.data } else { client.whole(shown).await? };
    let unknown = unknown(app, client, &items).await?;
    let grace_days = app.config().grace_days;
    Ok(Some(Fetched { said, items, unknown, seen, gone, grace_days, session: None, customer: None }))
}

/// Fetches the invoice `id`; the rest as [`subscription`].
///
/// # Errors
/// As [`subscription`].
pub async fn invoice(app: &App, id: &str, snapshot: Option<Invoice>) -> Result<Option<FetchedInvoice>, Error> {
    let client = client(app)?;
    let seen = revision(app, id).await?;
    let found = ask(client, &invoices::retrieve(id)).await?;
    let gone = found.is_none();
    let Some(said) = found.or(snapshot) else { return Ok(None) };
    let lines = match &said.status {
        // What an event alone says was paid gives nothing: it may be another account's.
        Some(InvoiceStatus::Paid) if !gone => client.whole(said.lines.clone()).await?,
        _ => Vec::new(),
    };
    let grace_days = app.config().grace_days;
    Ok(Some(FetchedInvoice { id: id.to_owned(), said, lines, seen, gone, grace_days, money: None }))
}

/// The same of one that may be read long after it was paid: with what was refunded and disputed of it by now, of which
/// no event tells again.
///
/// # Errors
/// As [`subscription`].
pub async fn invoice_and_money(app: &App, id: &str) -> Result<Option<FetchedInvoice>, Error> {
    let Some(mut fetched) = invoice(app, id, None).await? else { return Ok(None) };
    if fetched.took_money() {
        fetched.money = Some(money_of_invoice(client(app)?, id, fetched.currency()).await?);
    }
    Ok(Some(fetched))
}

/// The same for whoever reads many, and all disputes beside: the money is looked at only if the invoice gives something.
///
/// # Errors
/// As [`subscription`].
pub async fn invoice_that_gives(app: &App, id: &str) -> Result<Option<FetchedInvoice>, Error> {
    let Some(mut fetched) = invoice(app, id, None).await? else { return Ok(None) };
    let (of, lines) = (fetched.subscription().map(str::to_owned), fetched.lines.clone());
    if fetched.took_money() && app.db().read(move |tx| period::may_give(tx, of.as_deref(), &lines)).await? {
        fetched.money = Some(money_of_invoice(client(app)?, id, fetched.currency()).await?);
    }
    Ok(Some(fetched))
}

/// How often each of these objects was written to the mirror; 0 for never. Read it before Stripe is asked for them.
///
/// # Errors
/// What the database says.
pub async fn revisions(app: &App, ids: Vec<String>) -> Result<BTreeMap<String, i64>, DbError> {
    app.db()
        .read(move |tx| {
            let mut revisions = BTreeMap::new();
            for id in ids {
                let revision = mirror::revision(tx, &id)?;
                revisions.insert(id, revision);
            }
            Ok::<_, DbError>(revisions)
        })
        .await
}

/// A subscription that stands on a list of Stripe's, as if it had been fetched by itself. `seen` is its revision, read
/// before that list was.
///
/// # Errors
/// As [`subscription`].
pub async fn listed(app: &App, said: Subscription, seen: i64) -> Result<Fetched, Error> {
    let client = client(app)?;
    let items = client.whole(said.items.clone()).await?;
    let unknown = unknown(app, client, &items).await?;
    let grace_days = app.config().grace_days;
    Ok(Fetched { said, items, unknown, seen, gone: false, grace_days, session: None, customer: None })
}

/// An invoice that stands on a list, in the same way; none for a preview, which has no id.
#[must_use]
pub fn listed_invoice(app: &App, said: Invoice, seen: i64) -> Option<FetchedInvoice> {
    let (id, grace_days) = (said.id.clone()?, app.config().grace_days);
    // History gives no credits, so its lines are not read.
    Some(FetchedInvoice { id, said, lines: Vec::new(), seen, gone: false, grace_days, money: None })
}

/// The prices of `items` that the price book does not know, each once, with what the metadata of its product says.
async fn unknown(app: &App, client: &Client, items: &[SubscriptionItem]) -> Result<Vec<SeenPrice>, Error> {
    let prices: BTreeMap<&str, &Price> = items.iter().map(|item| (item.price.id.as_str(), &item.price)).collect();
    let names: Vec<(String, String)> =
        prices.values().map(|price| (price.id.clone(), price.product.id().to_owned())).collect();
    let known = app.db().read(move |tx| {
        let mut known = Vec::with_capacity(names.len());
        for (price, product) in &names {
            known.push(pricebook::plan_id_of_price(tx, price, product)?.is_some());
        }
        Ok::<_, DbError>(known)
    });
    let mut unknown = Vec::new();
    for (price, known) in prices.values().zip(known.await?) {
        if known {
            continue;
        }
        let product = ask(client, &catalog::product(price.product.id())).await?;
        unknown.extend(seen_price(price, product.as_ref()));
    }
    Ok(unknown)
}

/// A price as the price book wants to see it, with what its product says, if that was read; `None` for one that it could
/// not hold. The price of a product that was deleted is not sold.
#[must_use]
pub fn seen_price(price: &Price, product: Option<&Product>) -> Option<SeenPrice> {
    let deleted = matches!(price.product.object(), Some(OrDeleted::Deleted(_)));
    let recurring = match &price.recurring {
        None => None,
        Some(recurring) => Some(Recurring {
            interval: Interval::parse(recurring.interval.as_str())?,
            interval_count: u16::try_from(recurring.interval_count).ok()?,
            metered: recurring.usage_type == UsageType::Metered,
        }),
    };
    Some(SeenPrice {
        stripe_price_id: price.id.clone(),
        stripe_product_id: price.product.id().to_owned(),
        active: price.active && !deleted && product.is_none_or(|product| product.active),
        currency: Currency::new(&price.currency).ok()?,
        unit_amount: price.unit_amount,
        recurring,
        metadata: price.metadata.clone(),
        product_metadata: product.map(|product| product.metadata.clone()).unwrap_or_default(),
    })
}

/// What became of the money of a payment in `currency`: all its refunds and disputes.
///
/// # Errors
/// What Stripe says.
pub(in super::super) async fn money_of_payment(
    client: &Client,
    payment_intent: &str,
    currency: &str,
) -> Result<Money, Error> {
    let of = payments::OfPayment {
        payment_intent: Some(payment_intent.to_owned()),
        page: PageOf::full(),
        ..payments::OfPayment::default()
    };
    let refunds = client.pages(&payments::refunds(&of)).all().await?;
    let disputes = client.pages(&payments::disputes(&of)).all().await?;
    Ok(Money::of(&refunds, &disputes, currency))
}

/// What became of the money of an invoice in `currency`, whatever the number of payments that paid it.
///
/// # Errors
/// What Stripe says.
pub(in super::super) async fn money_of_invoice(client: &Client, invoice: &str, currency: &str) -> Result<Money, Error> {
    let which = invoices::InvoicePayments {
        invoice: Some(invoice.to_owned()),
        status: Some("paid"),
        page: PageOf::full(),
        ..invoices::InvoicePayments::default()
    };
    let mut all = Money::default();
    for paid in client.pages(&invoices::payments(&which)).all().await? {
        if let Some(intent) = &paid.payment.payment_intent {
            let one = money_of_payment(client, intent.id(), currency).await?;
            all.refunded = all.refunded.saturating_add(one.refunded);
            all.disputes.extend(one.disputes);
        }
    }
    Ok(all)
}

/// The invoice that a payment is of, if it is of one.
///
/// # Errors
/// What Stripe says.
pub(in super::super) async fn invoice_of(client: &Client, payment_intent: &str) -> Result<Option<String>, Error> {
    let which = invoices::InvoicePayments {
        payment: Some(invoices::ByPayment::intent(payment_intent)),
        ..invoices::InvoicePayments::default()
    };
    let found = client.read(&invoices::payments(&which)).await?.value.data;
    Ok(found.first().map(|payment| payment.invoice.id().to_owned()))
}

/// What answers `call`; `None` when the object is not there.
///
/// # Errors
/// What Stripe says.
pub(in super::super) async fn ask<T: DeserializeOwned>(client: &Client, call: &Call<T>) -> Result<Option<T>, Error> {
    match client.read(call).await {
        Ok(answer) => Ok(Some(answer.value)),
        Err(StripeError::Refused(refused)) if refused.is_missing() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// How often the object `id` was written to the mirror.
pub(super) async fn revision(app: &App, id: &str) -> Result<i64, DbError> {
    let id = id.to_owned();
    app.db().read(move |tx| mirror::revision(tx, &id)).await
}

/// The client of Stripe. Without a key events wait, as while Stripe is away.
pub(super) fn client(app: &App) -> Result<&Client, Error> {
    let none = || Error::new(Code::StripeUnavailable, "Stripe cannot be asked: STRIPE_SECRET_KEY is not set.");
    app.part::<Stripe>().client().ok_or_else(none)
}
