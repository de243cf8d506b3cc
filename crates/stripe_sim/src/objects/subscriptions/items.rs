//! Items of subscriptions: a price, how many, and their period.

use super::debits::Debit;
use crate::{
    objects::{
        catalog::{Price, plan_of},
        metadata::Metadata,
        period::{Every, Period},
    },
    world::{Resource, World},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Something that is subscribed to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    pub id: String,
    pub created: i64,
    pub subscription: String,
    pub price: String,
    /// `None` when usage is metered.
    pub quantity: Option<i64>,
    pub current_period_start: i64,
    pub current_period_end: i64,
    /// What was asked for its time, so that a change gives back what was really asked.
    pub debits: Vec<Debit>,
    /// Since when its usage is not billed yet.
    pub usage_from: i64,
    pub metadata: Metadata,
}

impl Item {
    /// Its period.
    pub const fn period(&self) -> Period {
        Period { start: self.current_period_start, end: self.current_period_end }
    }

    /// Gives it a period.
    pub const fn set_period(&mut self, period: Period) {
        self.current_period_start = period.start;
        self.current_period_end = period.end;
    }

    /// Its price. Prices are never deleted.
    pub fn price_of<'a>(&self, world: &'a World) -> Option<&'a Price> {
        world.get::<Price>(&self.price)
    }

    /// How often it is billed.
    pub fn every(&self, world: &World) -> Every {
        let recurring = self.price_of(world).and_then(|price| price.recurring.as_ref());
        let monthly = Every { interval: crate::objects::period::Interval::Month, interval_count: 1 };
        recurring.map_or(monthly, |recurring| recurring.every)
    }

    /// Whether usage is billed instead of a quantity.
    pub fn is_metered(&self, world: &World) -> bool {
        self.price_of(world).is_some_and(Price::is_metered)
    }
}

impl Resource for Item {
    const SCHEMA: &'static str = "subscription_item";

    fn id(&self) -> &str {
        &self.id
    }

    fn view(&self, world: &World) -> Value {
        let price = self.price_of(world);
        let mut value = json!({
            "id": self.id,
            "created": self.created,
            "current_period_end": self.current_period_end,
            "current_period_start": self.current_period_start,
            "metadata": self.metadata,
            "subscription": self.subscription,
        });
        value["plan"] = price.map(plan_of).into();
        value["price"] = price.map(|price| world.wire(price)).into();
        if let (Some(fields), Some(quantity)) = (value.as_object_mut(), self.quantity) {
            fields.insert("quantity".into(), quantity.into());
        }
        value
    }
}
