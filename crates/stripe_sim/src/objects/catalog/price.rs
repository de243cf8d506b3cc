//! A price: what it is, and how it is shown, also as the plan it once was.

use super::amounts::{Amounts, Tier};
use crate::{
    objects::{decimal::Decimal, metadata::Metadata, period::Every},
    world::{Resource, World},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What an amount of a product costs, once or again and again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Price {
    pub id: String,
    pub created: i64,
    pub active: bool,
    pub currency: String,
    pub product: String,
    /// How it is billed again; `None` when it is sold once.
    pub recurring: Option<Recurring>,
    /// Minor units for one unit (for one pack, when the quantity is transformed), as text with up to twelve places;
    /// `None` with tiers, and when the payer chooses.
    pub unit_amount_decimal: Option<String>,
    /// The bounds within which the payer chooses.
    pub custom_unit_amount: Option<Value>,
    /// How tiers are counted; `None` without tiers.
    pub tiers_mode: Option<TiersMode>,
    pub tiers: Vec<Tier>,
    pub transform_quantity: Option<Transform>,
    /// What it costs in other currencies, as it is shown.
    pub currency_options: Map<String, Value>,
    pub lookup_key: Option<String>,
    pub nickname: Option<String>,
    pub tax_behavior: String,
    pub metadata: Metadata,
}

/// How a price is billed again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recurring {
    pub every: Every,
    /// What counts its usage; `None` when a quantity is sold.
    pub meter: Option<String>,
    pub trial_period_days: Option<i64>,
}

/// How tiers are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TiersMode {
    /// Each tier prices the part of the quantity that lies in it.
    Graduated,
    /// The tier that the whole quantity ends in prices all of it.
    Volume,
}

/// Packs that are priced instead of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transform {
    /// Units in a pack.
    pub divide_by: i64,
    pub round: Round,
}

/// What becomes of a pack that is not full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Round {
    /// It costs nothing.
    Down,
    /// It costs as much as a full one.
    Up,
}

impl Price {
    /// Whether usage is billed instead of a quantity.
    pub fn is_metered(&self) -> bool {
        self.recurring.as_ref().is_some_and(|recurring| recurring.meter.is_some())
    }

    /// Minor units for one unit or pack.
    pub fn unit(&self) -> Option<Decimal> {
        self.unit_amount_decimal.as_ref().and_then(|text| text.parse().ok())
    }

    fn billing_scheme(&self) -> &'static str {
        if self.tiers_mode.is_some() { "tiered" } else { "per_unit" }
    }

    fn usage_type(&self) -> &'static str {
        if self.is_metered() { "metered" } else { "licensed" }
    }

    /// What it costs, in its own currency and others.
    fn options(&self) -> Value {
        let own = Amounts { unit: self.unit(), custom: self.custom_unit_amount.clone(), tiers: self.tiers.clone() };
        let mut options = self.currency_options.clone();
        options.insert(self.currency.clone(), own.as_option(&self.tax_behavior));
        Value::Object(options)
    }
}

impl Resource for Price {
    const SCHEMA: &'static str = "price";

    fn id(&self) -> &str {
        &self.id
    }

    fn owners(&self) -> Vec<&str> {
        vec![&self.product]
    }

    fn view(&self, _world: &World) -> Value {
        let recurring = self.recurring.as_ref().map(|recurring| {
            json!({
                "interval": recurring.every.interval,
                "interval_count": recurring.every.interval_count,
                "meter": recurring.meter,
                "trial_period_days": recurring.trial_period_days,
                "usage_type": self.usage_type(),
            })
        });
        json!({
            "id": self.id,
            "object": "price",
            "active": self.active,
            "billing_scheme": self.billing_scheme(),
            "created": self.created,
            "currency": self.currency,
            "custom_unit_amount": self.custom_unit_amount,
            "lookup_key": self.lookup_key,
            "metadata": self.metadata,
            "nickname": self.nickname,
            "product": self.product,
            "recurring": recurring,
            "tax_behavior": self.tax_behavior,
            "tiers_mode": self.tiers_mode,
            "transform_quantity": self.transform_quantity,
            "type": if self.recurring.is_some() { "recurring" } else { "one_time" },
            "unit_amount": self.unit().and_then(Decimal::whole),
            "unit_amount_decimal": self.unit_amount_decimal,
        })
    }
}

/// The price with this id. Prices are never deleted.
pub(crate) fn price_of<'a>(world: &'a World, id: &str) -> Option<&'a Price> {
    world.get::<Price>(id)
}

/// A recurring price as the plan it once was, which items of subscriptions still show; null for one that is sold once.
pub(crate) fn plan_of(price: &Price) -> Value {
    let Some(recurring) = &price.recurring else { return Value::Null };
    json!({
        "id": price.id,
        "object": "plan",
        "active": price.active,
        "amount": price.unit().and_then(Decimal::whole),
        "amount_decimal": price.unit_amount_decimal,
        "billing_scheme": price.billing_scheme(),
        "created": price.created,
        "currency": price.currency,
        "interval": recurring.every.interval,
        "interval_count": recurring.every.interval_count,
        "livemode": false,
        "metadata": price.metadata,
        "meter": recurring.meter,
        "nickname": price.nickname,
        "product": price.product,
        "tiers_mode": price.tiers_mode,
        "transform_usage": price.transform_quantity,
        "trial_period_days": recurring.trial_period_days,
        "usage_type": price.usage_type(),
    })
}

/// What a price or plan shows only when it is asked for: its tiers, and what it costs in other currencies.
pub(crate) fn on_demand(world: &World, object: &Map<String, Value>, field: &str) -> Option<Value> {
    let kind = object.get("object")?.as_str().filter(|kind| matches!(*kind, "price" | "plan"))?;
    let price = price_of(world, object.get("id")?.as_str()?)?;
    match field {
        "tiers" if price.tiers_mode.is_some() => Some(price.tiers.iter().map(Tier::view).collect()),
        "currency_options" if kind == "price" => Some(price.options()),
        _ => None,
    }
}
