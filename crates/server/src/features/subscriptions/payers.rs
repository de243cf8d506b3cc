//! How a customer pays: its payment methods and the one that is charged by default, mirrored from Stripe's customer.
//!
//! Name, address and metadata are the app's, and are not taken over. Fetched whole and fenced as all that is mirrored.

pub mod api;

use super::{
    Unrecorded, fetch,
    mirror::{self, Kind, Writing},
    store::payers::{self as store, Method},
};
use crate::{
    features::notify::{self, Kind as Told, Notice, Severity},
    platform::{
        App,
        db::{DbError, Tx},
        error::Error,
        ids::Random,
        stripe::instant,
    },
};
use purser_rules::{Time, ids::CustomerId};
use purser_stripe::{
    calls::{PageOf, customers},
    objects::{CardDetails, Customer, OrDeleted, PaymentMethod},
};
use serde_json::json;

/// A customer as Stripe has it, and what the mirror said before Stripe was asked.
#[derive(Clone, Debug)]
pub struct FetchedPayer {
    id: String,
    /// None once it was deleted.
    said: Option<Customer>,
    /// All it can pay with.
    methods: Vec<PaymentMethod>,
    /// The revision of the mirror before.
    seen: i64,
}

impl FetchedPayer {
    /// What is charged unless a subscription names another.
    #[must_use]
    pub fn default_method(&self) -> Option<&str> {
        self.said.as_ref()?.invoice_settings.default_payment_method.as_ref().map(|method| method.id())
    }

    /// Whether the payment method `id` can still be charged.
    fn has(&self, id: &str) -> bool {
        self.methods.iter().any(|method| method.id == id)
    }
}

/// Fetches Stripe's customer `id`, with all of its payment methods.
///
/// # Errors
/// `stripe_unavailable`, `stripe_refused`; what the database says.
pub async fn fetch_payer(app: &App, id: &str) -> Result<FetchedPayer, Error> {
    let client = fetch::client(app)?;
    let seen = fetch::revision(app, id).await?;
    let said = fetch::ask(client, &customers::retrieve(id)).await?.and_then(OrDeleted::there);
    let methods = match &said {
        Some(_) => client.pages(&customers::payment_methods(id, &PageOf::full())).all().await?,
        None => Vec::new(),
    };
    Ok(FetchedPayer { id: id.to_owned(), said, methods, seen })
}

/// Writes a payer and what it pays with; answers whose it is, if that is known.
///
/// # Errors
/// [`Unrecorded::Stale`] when it was written since it was fetched; what the database says.
pub fn record_payer(tx: &mut Tx<'_>, fetched: &FetchedPayer) -> Result<Option<CustomerId>, Unrecorded> {
    let writing = Writing {
        kind: Kind::Payer,
        id: &fetched.id,
        stripe_customer_id: &fetched.id,
        metadata: fetched.said.as_ref().map(|said| &said.metadata),
        customer: None,
        payer: None,
        seen: fetched.seen,
    };
    let mirror = mirror::open(tx, &writing)?;
    store::put(tx, &mirror, fetched.default_method(), fetched.said.is_none())?;
    let methods: Vec<Method> = fetched.methods.iter().map(mirrored).collect();
    store::put_methods(tx, &mirror, &methods)?;
    Ok(mirror.customer)
}

/// Tells `customer` that `method` was taken away, if it was: urgently when nothing is left that could be charged. Of a
/// payer that Stripe has deleted nothing is told.
///
/// # Errors
/// What the database says.
pub fn tell_removed(
    tx: &mut Tx<'_>,
    random: &Random,
    customer: &CustomerId,
    method: &PaymentMethod,
    fetched: &FetchedPayer,
) -> Result<(), DbError> {
    if fetched.said.is_none() || fetched.has(&method.id) {
        return Ok(());
    }
    let now = tx.now();
    let last = fetched.methods.iter().all(|left| left.card.as_ref().is_some_and(|card| is_over(card, now)));
    let data = json!({
        "payment_method_id": method.id,
        "type": method.kind,
        "brand": method.card.as_ref().map(|card| &card.brand),
        "last4": method.card.as_ref().map(|card| &card.last4),
        "last_usable": last,
    });
    let mut notice = Notice::new(customer, Told::PaymentMethodRemoved, &*method.id, data);
    if last {
        notice.severity = Severity::Urgent;
    }
    notify::enqueue(tx, random, &notice).map(drop)
}

/// Whose the payment method `id` was last known to be, by Stripe's id.
///
/// # Errors
/// What the database says.
pub fn payer_of_method(tx: &mut Tx<'_>, id: &str) -> Result<Option<String>, DbError> {
    store::payer_of(tx, id)
}

/// Whether the mirror has `method` as what is charged to the payer `id` by default; none for a payer it does not know.
///
/// # Errors
/// What the database says.
pub fn has_default(tx: &mut Tx<'_>, id: &str, method: &str) -> Result<Option<bool>, DbError> {
    store::has_default(tx, id, method)
}

/// Whether a card has expired: it serves to the end of its month, as UTC counts.
fn is_over(card: &CardDetails, now: Time) -> bool {
    let (year, month) = match card.exp_month {
        ..12 => (card.exp_year, card.exp_month + 1),
        _ => (card.exp_year.saturating_add(1), 1),
    };
    // A year that is none of ours says nothing.
    Time::parse(&format!("{year:04}-{month:02}-01T00:00:00Z")).is_some_and(|end| now >= end)
}

fn mirrored(said: &PaymentMethod) -> Method {
    let card = said.card.as_ref();
    Method {
        id: said.id.clone(),
        kind: said.kind.clone(),
        brand: card.map(|card| card.brand.clone()),
        last4: card.map(|card| card.last4.clone()),
        exp_month: card.map(|card| card.exp_month.into()),
        exp_year: card.map(|card| card.exp_year.into()),
        created_at: instant(said.created),
    }
}

#[cfg(test)]
mod tests {
    use super::{CardDetails, is_over};
    use purser_rules::Time;

    #[test]
    fn a_card_serves_to_the_end_of_its_month() {
        let table = [
            (11, 2026, "2026-11-30T23:59:59Z", false),
            (11, 2026, "2026-12-01T00:00:00Z", true),
            (12, 2026, "2026-12-31T23:59:59Z", false),
            (12, 2026, "2027-01-01T00:00:00Z", true),
            (1, 2027, "2026-12-31T00:00:00Z", false),
            (12, u16::MAX, "2026-12-31T00:00:00Z", false),
        ];
        for (exp_month, exp_year, now, over) in table {
            let card = CardDetails { brand: "visa".into(), last4: "4242".into(), exp_month, exp_year };
            let now = Time::parse(now).expect("an instant");
            assert_eq!(is_over(&card, now), over, "{exp_month}/{exp_year} at {now}");
        }
    }
}
