//! What a paid session sold: the pack it was offered with, or what its price says (rules 2.4).

use super::{CHECKOUT, CREDITS, UNIT, look::Seen, sessions::Checkout};
use crate::{
    features::pricebook::{self, Mapped, SeenPrice},
    platform::{
        auth::Actor,
        db::Tx,
        error::{Code, Error},
        ids::Random,
    },
};
use purser_rules::{
    Amount,
    ids::{TopUpPlanId, Unit},
    pricebook::{Currency, TopUpTerms},
};
use purser_stripe::{calls::Metadata, objects::SessionItem};

/// What was sold.
pub(super) struct Sold {
    /// The version of the pack; none when no price book has it.
    pub top_up: Option<TopUpPlanId>,
    /// What it promises.
    pub terms: TopUpTerms,
    /// How many of it.
    pub quantity: i64,
    /// How many credits in all.
    pub credits: Amount,
}

/// `amount`, so many times; none when that is more than an amount can be.
pub(super) fn times(amount: Amount, quantity: i64) -> Option<Amount> {
    amount.micros().checked_mul(quantity).and_then(Amount::from_micros)
}

/// What the session in `seen` sold. It may lock the price book: call it before a wallet is locked.
///
/// # Errors
/// `unmapped_price` when nobody knows; what the database says.
pub(super) fn sold(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    seen: &Seen,
    checkout: Option<&Checkout>,
) -> Result<Sold, Error> {
    // What was offered is what is given, whatever became of the price since.
    if let Some((id, quantity)) = checkout.and_then(|checkout| Some((checkout.top_up?, checkout.quantity))) {
        let plan = pricebook::use_top_up(tx, id)?;
        return many(Some(id), plan.terms, quantity);
    }
    let [item] = seen.items.as_slice() else {
        return marked(seen).unwrap_or_else(|| Err(unmapped(&format!("it sells {} things", seen.items.len()))));
    };
    let quantity = item.quantity.map_or(1, |quantity| i64::try_from(quantity).unwrap_or(i64::MAX));
    match by_price(tx, random, actor, seen, item)? {
        Ok(id) => {
            let plan = pricebook::use_top_up(tx, id)?;
            many(Some(id), plan.terms, quantity)
        }
        Err(why) => marked(seen).unwrap_or_else(|| Err(unmapped(&why))),
    }
}

/// The pack that the price of an item sells, or why none is known.
fn by_price(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    seen: &Seen,
    item: &SessionItem,
) -> Result<Result<TopUpPlanId, String>, Error> {
    let Some(price) = &item.price else { return Ok(Err("it has no price".to_owned())) };
    if let Some(plan) = pricebook::top_up_of_price(tx, &price.id)? {
        return Ok(Ok(plan.id));
    }
    let Ok(currency) = Currency::new(&price.currency) else {
        return Ok(Err(format!("its price {} is in no currency", price.id)));
    };
    let product = price.product.id();
    // A product that was deleted says nothing.
    let (product_metadata, sold) = seen.products.get(product).cloned().unwrap_or_else(|| (Metadata::new(), true));
    let seen = SeenPrice {
        stripe_price_id: price.id.clone(),
        stripe_product_id: product.to_owned(),
        active: price.active && sold,
        currency,
        unit_amount: price.unit_amount,
        recurring: None,
        metadata: price.metadata.clone(),
        product_metadata,
    };
    Ok(match pricebook::create_from_metadata(tx, random, actor, &seen)? {
        Mapped::TopUp(plan) => Ok(plan.id),
        Mapped::Plan(_) => Err(format!("its price {} sells a plan", price.id)),
        Mapped::Unmapped(None) => Err(format!("its price {} is in no top-up plan", price.id)),
        Mapped::Unmapped(Some(bad)) => Err(format!("its price {} is in no top-up plan. {bad}", price.id)),
    })
}

/// The credits that we marked a session of ours with, if it is one.
fn marked(seen: &Seen) -> Option<Result<Sold, Error>> {
    let metadata = seen.session.metadata.as_ref()?;
    metadata.get(CHECKOUT)?;
    let credits = Amount::parse(metadata.get(CREDITS)?).ok().filter(|credits| credits.is_positive())?;
    let unit = metadata.get(UNIT).and_then(|unit| Unit::new(unit).ok()).unwrap_or_else(Unit::credits);
    Some(many(None, TopUpTerms { unit, ..TopUpTerms::of(credits) }, 1))
}

fn many(top_up: Option<TopUpPlanId>, terms: TopUpTerms, quantity: i64) -> Result<Sold, Error> {
    let too_many = || Error::new(Code::TotalTooLarge, "So many packs are more than a wallet holds.");
    let credits = times(terms.credits, quantity).ok_or_else(too_many)?;
    Ok(Sold { top_up, terms, quantity, credits })
}

/// What is said of a paid session of which nobody knows what it sold. A price that is to be mapped stands in it as a word
/// of its own: by that the events are found which wait for it.
fn unmapped(why: &str) -> Error {
    let what_to_do = "Map the price in a top-up plan: it grants then.";
    Error::new(Code::UnmappedPrice, format!("The session is paid, and {why}. {what_to_do}"))
}
