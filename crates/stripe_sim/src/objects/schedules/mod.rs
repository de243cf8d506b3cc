//! Subscription schedules: changes that are agreed on now and happen later.

pub(crate) mod api;
pub(crate) mod run;

pub(crate) use run::ended_with_subscription;

use super::metadata::Metadata;
use crate::world::{Resource, World};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Changes of a subscription that are agreed on now and happen later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Schedule {
    pub id: String,
    pub created: i64,
    pub customer: String,
    pub subscription: Option<String>,
    pub status: Status,
    /// `release` (the subscription goes on) or `cancel`.
    pub end_behavior: String,
    pub phases: Vec<Phase>,
    pub canceled_at: Option<i64>,
    pub completed_at: Option<i64>,
    pub released_at: Option<i64>,
    pub released_subscription: Option<String>,
    pub metadata: Metadata,
}

/// Where a schedule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Active,
    Canceled,
    Completed,
    NotStarted,
    Released,
}

/// A stretch of time in which a subscription has the same items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Phase {
    pub start_date: i64,
    pub end_date: i64,
    pub items: Vec<PhaseItem>,
    pub currency: String,
    /// `create_prorations`, `always_invoice` or `none`.
    pub proration_behavior: String,
    /// `automatic`, or `phase_start` when periods begin anew with the phase.
    pub billing_cycle_anchor: Option<String>,
    pub trial_end: Option<i64>,
    pub default_payment_method: Option<String>,
    pub metadata: Metadata,
}

/// What is subscribed to in a phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PhaseItem {
    pub price: String,
    pub quantity: Option<i64>,
    pub metadata: Metadata,
}

impl Schedule {
    /// Whether it has still something to do.
    pub const fn is_live(&self) -> bool {
        matches!(self.status, Status::Active | Status::NotStarted)
    }

    /// The phase that runs at `now`, and its place.
    pub fn current(&self, now: i64) -> Option<(usize, &Phase)> {
        self.phases.iter().enumerate().find(|(_, phase)| phase.start_date <= now && now < phase.end_date)
    }
}

impl Phase {
    fn view(&self) -> Value {
        let items = self.items.iter().map(|item| {
            let mut value = json!({
                "discounts": [],
                "metadata": item.metadata,
                "plan": item.price,
                "price": item.price,
                "tax_rates": [],
            });
            if let Some(quantity) = item.quantity {
                value["quantity"] = quantity.into();
            }
            value
        });
        json!({
            "add_invoice_items": [],
            "billing_cycle_anchor": self.billing_cycle_anchor,
            "currency": self.currency,
            "default_payment_method": self.default_payment_method,
            "discounts": [],
            "end_date": self.end_date,
            "items": items.collect::<Vec<_>>(),
            "metadata": self.metadata,
            "proration_behavior": self.proration_behavior,
            "start_date": self.start_date,
            "trial_end": self.trial_end,
        })
    }
}

impl Resource for Schedule {
    const SCHEMA: &'static str = "subscription_schedule";

    fn id(&self) -> &str {
        &self.id
    }

    fn owners(&self) -> Vec<&str> {
        vec![&self.customer]
    }

    fn view(&self, world: &World) -> Value {
        let current = self.current(world.now).filter(|_| self.status == Status::Active);
        json!({
            "id": self.id,
            "billing_mode": { "flexible": { "proration_discounts": "included" }, "type": "flexible" },
            "canceled_at": self.canceled_at,
            "completed_at": self.completed_at,
            "created": self.created,
            "current_phase": current.map(|(_, phase)| json!({ "end_date": phase.end_date, "start_date": phase.start_date })),
            "customer": self.customer,
            "default_settings": {
                "automatic_tax": { "enabled": false },
                "billing_cycle_anchor": "automatic",
                "collection_method": "charge_automatically",
                "invoice_settings": { "issuer": { "type": "self" } },
            },
            "end_behavior": self.end_behavior,
            "metadata": self.metadata,
            "pause_schedules": [],
            "phases": self.phases.iter().map(Phase::view).collect::<Vec<_>>(),
            "released_at": self.released_at,
            "released_subscription": self.released_subscription,
            "status": self.status,
            "subscription": self.subscription,
        })
    }
}
