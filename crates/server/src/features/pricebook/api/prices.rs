//! Prices and credits as bodies tell them.

use super::{
    fields::{CurrencyText, IntervalCount, LifeDays, MinorUnits, PeriodCount, SpendPriority, StripePriceName},
    too_many,
};
use crate::platform::{
    error::Error,
    http::{
        Object, UnitName,
        fields::{AllowancePeriodName, IntervalName, Positive, PriceKindName},
    },
};
use purser_rules::{
    credit::CarryOver,
    pricebook::{AllowancePeriod, Credits, Expiry, Interval, MOST_PRICES, OneTimePrice, Price, PriceKind},
};
use serde::Deserialize;
use utoipa::ToSchema;

/// The credits of a plan.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanCredits {
    amount: Positive,
    #[serde(default)]
    unit: UnitName,
    /// How often they come. `billing` is each paid month, from paid invoices alone.
    #[schema(value_type = AllowancePeriodName)]
    period: AllowancePeriod,
    /// How long they live; they end with their period unless given.
    expires_in_days: Option<LifeDays>,
    /// What is carried into the next period; nothing unless given. Not beside `expires_in_days`.
    #[schema(value_type = Option<PlanRollover>)]
    rollover: Option<Object<PlanRollover>>,
    /// Their place in the spend order; 10 unless given.
    priority: Option<SpendPriority>,
    /// Whether each seat brings them.
    #[serde(default)]
    per_seat: bool,
}

/// What is carried over.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRollover {
    max: Positive,
    periods: PeriodCount,
}

/// A price of a plan.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPlanPrice {
    stripe_price_id: Option<StripePriceName>,
    currency: CurrencyText,
    /// Null when Stripe has decimals or tiers for it.
    unit_amount: Option<MinorUnits>,
    #[schema(value_type = IntervalName)]
    interval: Interval,
    interval_count: Option<IntervalCount>,
    /// `fixed` unless given.
    #[schema(value_type = Option<PriceKindName>)]
    kind: Option<PriceKind>,
}

/// What a pack costs.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PackPrice {
    stripe_price_id: Option<StripePriceName>,
    currency: CurrencyText,
    /// Null when Stripe has decimals or tiers for it.
    unit_amount: Option<MinorUnits>,
}

impl From<PlanCredits> for Credits {
    fn from(given: PlanCredits) -> Self {
        let plain = Self::each(given.period, given.amount.0);
        Self {
            unit: given.unit.0,
            expiry: given.expires_in_days.map_or(Expiry::PeriodEnd, |days| Expiry::Days(days.0)),
            rollover: given.rollover.map(|Object(it)| CarryOver { max: it.max.0, periods: it.periods.0 }),
            priority: given.priority.map_or(plain.priority, |priority| priority.0),
            per_seat: given.per_seat,
            ..plain
        }
    }
}

impl From<NewPlanPrice> for Price {
    fn from(given: NewPlanPrice) -> Self {
        Self {
            stripe_price_id: given.stripe_price_id.map(StripePriceName::into_string),
            currency: given.currency.0,
            unit_amount: given.unit_amount.map(|amount| amount.0),
            interval: given.interval,
            interval_count: given.interval_count.map_or(1, |count| count.0),
            kind: given.kind.unwrap_or(PriceKind::Fixed),
        }
    }
}

impl From<PackPrice> for OneTimePrice {
    fn from(given: PackPrice) -> Self {
        Self {
            stripe_price_id: given.stripe_price_id.map(StripePriceName::into_string),
            currency: given.currency.0,
            unit_amount: given.unit_amount.map(|amount| amount.0),
        }
    }
}

/// The prices of a body.
///
/// # Errors
/// `invalid_field` when there are more than a plan may have.
pub(super) fn prices(given: Vec<Object<NewPlanPrice>>) -> Result<Vec<Price>, Error> {
    if given.len() > MOST_PRICES {
        return Err(too_many(MOST_PRICES, "prices"));
    }
    Ok(given.into_iter().map(|Object(price)| price.into()).collect())
}
