//! The prices of a plan: which of those that are wanted are there already, and whether a Stripe object is still free.

use super::store::{
    self, Owner,
    plans::{self, Plan, PlanPrice},
};
use crate::platform::{
    db::Tx,
    error::{Code, Error},
    ids::Random,
};
use purser_rules::{
    Time,
    ids::{Bucket, PlanId, PlanPriceId},
    pricebook::Price,
};
use std::collections::BTreeSet;

/// The prices that are wanted, each under the id it has among those that are `there`, or under a new one.
pub(super) fn named(wanted: &[Price], there: &[PlanPrice], random: &Random, now: Time) -> Vec<PlanPrice> {
    let mut left: Vec<&PlanPrice> = there.iter().collect();
    let mut found = Vec::with_capacity(wanted.len());
    for price in wanted {
        let same = left.iter().position(|old| old.price == *price);
        let id = match same.or_else(|| left.iter().position(|old| price.is_still(&old.price))) {
            Some(at) => left.remove(at).id,
            None => PlanPriceId::new(now, random.number(), Bucket(0)),
        };
        found.push(PlanPrice { id, price: price.clone() });
    }
    found
}

/// Whether no price of `old` is missing in `new`.
pub(super) fn only_grew(old: &[PlanPrice], new: &[PlanPrice]) -> bool {
    old.iter().all(|old| new.iter().any(|new| new.id == old.id))
}

/// The prices of `old` that stay with it when the next version takes `taken`.
pub(super) fn left_behind(old: &[PlanPrice], taken: &[PlanPrice]) -> Vec<PlanPrice> {
    old.iter().filter(|price| !taken.iter().any(|taken| is_one(price, taken))).cloned().collect()
}

/// Whether two prices are one row, or one price at Stripe.
fn is_one(one: &PlanPrice, other: &PlanPrice) -> bool {
    let (bound, other_bound) = (&one.price.stripe_price_id, &other.price.stripe_price_id);
    one.id == other.id || (bound.is_some() && bound == other_bound)
}

/// Refuses a plan whose Stripe prices or product are another's. What is `kin`'s may be taken over.
pub(super) fn check_free(tx: &mut Tx<'_>, plan: &Plan, kin: Option<PlanId>) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for id in plan.prices.iter().filter_map(|price| price.price.stripe_price_id.as_deref()) {
        let own = |owner: PlanId| owner == plan.id || Some(owner) == kin;
        let free = store::owner(tx, id)?.is_none_or(|owner| matches!(owner, Owner::Plan(plan) if own(plan)));
        if !free || !seen.insert(id) {
            return Err(price_taken(id).about("prices"));
        }
    }
    let Some(product) = plan.stripe_product_id.as_deref() else { return Ok(()) };
    match plans::by_product(tx, product)?.filter(|other| other.family != plan.family) {
        Some(other) => Err(product_taken(product, other.family.as_str())),
        None => Ok(()),
    }
}

/// What is said of a Stripe price that sells something else.
pub(super) fn price_taken(id: &str) -> Error {
    Error::new(Code::StripePriceTaken, format!("The Stripe price {id} sells something else already."))
}

/// What is said of a Stripe product that is another family's.
fn product_taken(id: &str, family: &str) -> Error {
    let message = format!("The Stripe product {id} is that of the family {family}. One product sells one family.");
    Error::new(Code::StripeProductTaken, message).about("stripe_product_id")
}
