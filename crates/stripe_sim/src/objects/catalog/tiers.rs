//! What a quantity of a price costs, line by line, and how such a line is described.
//!
//! Each line is rounded by itself, half a minor unit up; the total is the sum of the lines.
//! Sources: <https://docs.stripe.com/subscriptions/pricing-models/tiered-pricing>,
//! <https://docs.stripe.com/billing/subscriptions/decimal-amounts>,
//! <https://docs.stripe.com/billing/subscriptions/quantities#quantity-transformation>

use super::{
    Price, Product,
    amounts::Tier,
    currency::money,
    price::{Round, TiersMode},
    product_name,
};
use crate::{objects::decimal::Decimal, world::World};
use serde_json::Value;

/// What one line of a price comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TierAmount {
    /// Which tier it is, from 1; `None` without tiers.
    pub tier: Option<usize>,
    /// How many units, with what is less than one cut off, as lines show them.
    pub quantity: i64,
    /// How many units, exactly.
    pub quantity_decimal: Decimal,
    /// Minor units for one unit (for one pack, when the quantity is transformed), as text.
    pub unit_amount_decimal: Option<String>,
    /// Minor units; of a tier together with its flat amount.
    pub amount: i64,
}

/// What `quantity` of a price costs: one line, or with graduated tiers one for each tier that is used.
///
/// The first tier is there even when nothing is used, since its flat amount is due all the same. A quantity below zero
/// (more usage taken back than there was) counts as none.
pub(crate) fn amount_for(price: &Price, quantity: Decimal) -> Vec<TierAmount> {
    let quantity = quantity.max(Decimal::ZERO);
    match price.tiers_mode {
        Some(TiersMode::Graduated) => graduated(&price.tiers, quantity),
        Some(TiersMode::Volume) => volume(&price.tiers, quantity),
        None => vec![plain(price, quantity)],
    }
}

/// What `quantity` of a price costs in all, in minor units.
pub(crate) fn amount_of(price: &Price, quantity: Decimal) -> i64 {
    amount_for(price, quantity).iter().fold(0, |sum: i64, line| sum.saturating_add(line.amount))
}

fn plain(price: &Price, quantity: Decimal) -> TierAmount {
    let counted = match &price.transform_quantity {
        Some(transform) => quantity.packs(transform.divide_by, transform.round == Round::Up),
        None => quantity,
    };
    TierAmount {
        tier: None,
        quantity: quantity.truncated(),
        quantity_decimal: quantity,
        unit_amount_decimal: price.unit_amount_decimal.clone(),
        amount: price.unit().unwrap_or_default().product(counted, Decimal::ZERO),
    }
}

fn graduated(tiers: &[Tier], quantity: Decimal) -> Vec<TierAmount> {
    let mut lines = Vec::new();
    let mut from = Decimal::ZERO;
    for (place, tier) in tiers.iter().enumerate() {
        if place > 0 && quantity <= from {
            break;
        }
        let to = tier.up_to.map_or(quantity, |end| quantity.min(Decimal::from(end)));
        lines.push(of_tier(place, tier, to - from));
        from = to;
    }
    lines
}

fn volume(tiers: &[Tier], quantity: Decimal) -> Vec<TierAmount> {
    let holds = |tier: &Tier| tier.up_to.is_none_or(|end| quantity <= Decimal::from(end));
    let found = tiers.iter().enumerate().find(|(_, tier)| holds(tier));
    found.map(|(place, tier)| of_tier(place, tier, quantity)).into_iter().collect()
}

fn of_tier(place: usize, tier: &Tier, quantity: Decimal) -> TierAmount {
    let unit = tier.unit_amount.unwrap_or_default();
    TierAmount {
        tier: Some(place + 1),
        quantity: quantity.truncated(),
        quantity_decimal: quantity,
        unit_amount_decimal: Some(unit.to_string()),
        amount: unit.product(quantity, tier.flat_amount.unwrap_or_default()),
    }
}

/// What a line of a price says: `2 × Pro (at $10.00 / month)`, `5 seat × Pro (Tier 1 at $7.00 / every 3 months)`; of a
/// price that is sold once, the product.
pub(crate) fn describe(world: &World, price: &Price, line: &TierAmount) -> String {
    let name = product_name(world, price);
    let Some(recurring) = &price.recurring else { return name };
    let product = world.get::<Product>(&price.product);
    let label = product.and_then(|product| product.kept.get("unit_label")).and_then(Value::as_str);
    let label = label.map(|label| format!(" {label}")).unwrap_or_default();
    let tier = line.tier.map(|tier| format!("Tier {tier} ")).unwrap_or_default();
    let unit = line.unit_amount_decimal.as_ref().and_then(|text| text.parse().ok()).unwrap_or_default();
    let unit = money(unit, &price.currency);
    let packs = price.transform_quantity.map(|transform| format!(" per {}", transform.divide_by)).unwrap_or_default();
    let every = match (recurring.every.interval_count, recurring.every.interval.name()) {
        (1, interval) => interval.to_owned(),
        (count, interval) => format!("every {count} {interval}s"),
    };
    format!("{}{label} × {name} ({tier}at {unit}{packs} / {every})", line.quantity_decimal)
}

#[cfg(test)]
mod tests;
