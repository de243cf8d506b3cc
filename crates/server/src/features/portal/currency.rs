//! The one currency in which a customer is offered prices: Stripe lets nobody subscribe in two.

use super::plans::{is_subscribed, price_of, sold};
use crate::{
    features::{
        customers,
        pricebook::Plan,
        subscriptions::{self, Standing},
    },
    platform::{db::Tx, error::Error},
};
use purser_rules::pricebook::Currency;

/// What plans are offered in: the customer's own, as far as it is known; else that of the first price of the plans
/// `on_sale`, lowest first. One that stands at Stripe comes before one that cannot be bought. What it was billed in
/// once counts only if a plan is sold in that: one in another currency is offered before none at all.
///
/// # Errors
/// What the database says.
pub(super) fn of(tx: &mut Tx<'_>, standing: &Standing, on_sale: &[Plan]) -> Result<Option<Currency>, Error> {
    let is_sold = |own: &Currency| on_sale.iter().flat_map(sold).any(|price| price.currency == *own);
    let own = match paid(tx, standing)? {
        Some(paid) => Some(paid),
        None => billed(tx, standing)?.filter(is_sold),
    };
    let first = || on_sale.iter().flat_map(sold).min_by_key(|price| price.stripe_price_id.is_none());
    Ok(own.or_else(|| first().map(|price| price.currency.clone())))
}

/// What it pays now, else what it was last billed in.
///
/// # Errors
/// What the database says.
pub(super) fn own(tx: &mut Tx<'_>, standing: &Standing) -> Result<Option<Currency>, Error> {
    match paid(tx, standing)? {
        Some(paid) => Ok(Some(paid)),
        None => billed(tx, standing),
    }
}

/// What it pays now; none where no book has that.
fn paid(tx: &mut Tx<'_>, standing: &Standing) -> Result<Option<Currency>, Error> {
    let Some(item) = standing.item.as_ref().filter(|_| is_subscribed(standing)) else { return Ok(None) };
    Ok(price_of(tx, &item.price)?.map(|price| price.currency))
}

/// What it was last billed in. Stripe fixes that with the first invoice of a plan.
fn billed(tx: &mut Tx<'_>, standing: &Standing) -> Result<Option<Currency>, Error> {
    match customers::find(tx, &standing.customer)?.stripe_customer_id {
        Some(payer) => Ok(subscriptions::billed_in(tx, &standing.customer, &payer)?),
        None => Ok(None),
    }
}
