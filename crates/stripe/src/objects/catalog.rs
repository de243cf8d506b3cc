//! What is sold: products and prices.

use super::{
    Expandable,
    expandable::{OrDeleted, has_id},
    nullable,
    words::words,
};
use crate::{Seconds, calls::Metadata};
use serde::Deserialize;

/// Something that is sold.
#[derive(Clone, Debug, Deserialize)]
pub struct Product {
    /// `prod_…`, or an id of one's own.
    pub id: String,
    /// When it was created.
    pub created: Seconds,
    /// When it was changed last.
    pub updated: Seconds,
    /// Whether it can be sold.
    pub active: bool,
    /// What customers read on invoices.
    pub name: String,
    /// For customers.
    #[serde(deserialize_with = "nullable")]
    pub description: Option<String>,
    /// Names and texts.
    pub metadata: Metadata,
    /// Whether it is of live mode.
    pub livemode: bool,
}

/// What it costs, and how often.
#[derive(Clone, Debug, Deserialize)]
pub struct Price {
    /// `price_…`
    pub id: String,
    /// When it was created.
    pub created: Seconds,
    /// Whether it can be sold.
    pub active: bool,
    /// The currency, as three small letters.
    pub currency: String,
    /// Of which product.
    pub product: Expandable<OrDeleted<Product>>,
    /// Whether it recurs.
    #[serde(rename = "type")]
    pub kind: PriceType,
    /// How it recurs.
    #[serde(deserialize_with = "nullable")]
    pub recurring: Option<Recurring>,
    /// Minor units for one unit; `None` when it has decimals or tiers.
    #[serde(deserialize_with = "nullable")]
    pub unit_amount: Option<i64>,
    /// The same as text, with up to 12 decimals.
    #[serde(deserialize_with = "nullable")]
    pub unit_amount_decimal: Option<String>,
    /// Its tiers, if they were expanded.
    pub tiers: Option<Vec<Tier>>,
    /// `graduated` or `volume`.
    #[serde(deserialize_with = "nullable")]
    pub tiers_mode: Option<String>,
    /// Its name.
    #[serde(deserialize_with = "nullable")]
    pub lookup_key: Option<String>,
    /// For the people in the dashboard.
    #[serde(deserialize_with = "nullable")]
    pub nickname: Option<String>,
    /// Names and texts.
    pub metadata: Metadata,
    /// Whether it is of live mode.
    pub livemode: bool,
}

/// How a price recurs.
#[derive(Clone, Debug, Deserialize)]
pub struct Recurring {
    /// The unit of time.
    pub interval: Interval,
    /// How many of them.
    pub interval_count: u32,
    /// Whether a quantity or metered usage is billed.
    pub usage_type: UsageType,
    /// The meter whose usage is billed.
    #[serde(deserialize_with = "nullable")]
    pub meter: Option<String>,
}

/// What a unit costs up to a number of them.
#[derive(Clone, Debug, Deserialize)]
pub struct Tier {
    /// The last unit of the tier; `None` is the last tier.
    #[serde(deserialize_with = "nullable")]
    pub up_to: Option<u64>,
    /// Minor units for the tier as such.
    #[serde(deserialize_with = "nullable")]
    pub flat_amount: Option<i64>,
    /// Minor units for one unit, as text with up to 12 decimals.
    #[serde(deserialize_with = "nullable")]
    pub unit_amount_decimal: Option<String>,
}

words! {
    /// Whether a price recurs.
    PriceType {
        /// It is bought once.
        OneTime = "one_time",
        /// It is subscribed to.
        Recurring = "recurring",
    }
}

words! {
    /// A unit of time on the calendar.
    Interval {
        /// A day.
        Day = "day",
        /// Seven days.
        Week = "week",
        /// A month.
        Month = "month",
        /// A year.
        Year = "year",
    }
}

/// Most prices are monthly.
impl Default for Interval {
    fn default() -> Self {
        Self::Month
    }
}

words! {
    /// What is billed of a recurring price.
    UsageType {
        /// The quantity.
        Licensed = "licensed",
        /// What a meter counted.
        Metered = "metered",
    }
}

has_id!(Product, Price);
