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

/// The customer's own, as far as it is known; else that of the first price of the plans `on_sale`, lowest first. One
/// that stands at Stripe comes before one that cannot be bought.
///
/// # Errors
/// What the database says.
pub(super) fn of(tx: &mut Tx<'_>, standing: &Standing, on_sale: &[Plan]) -> Result<Option<Currency>, Error> {
    let own = own(tx, standing)?;
    let first = || on_sale.iter().flat_map(sold).min_by_key(|price| price.stripe_price_id.is_none());
    Ok(own.or_else(|| first().map(|price| price.currency.clone())))
}

/// What it pays now, else what it was last billed in. Stripe fixes that with the first invoice, for good.
fn own(tx: &mut Tx<'_>, standing: &Standing) -> Result<Option<Currency>, Error> {
    if let Some(item) = standing.item.as_ref().filter(|_| is_subscribed(standing))
        && let Some(price) = price_of(tx, &item.price)?
    {
        return Ok(Some(price.currency));
    }
    match customers::find(tx, &standing.customer)?.stripe_customer_id {
        Some(payer) => Ok(subscriptions::billed_in(tx, &standing.customer, &payer)?),
        None => Ok(None),
    }
}
