//! Subscriptions: something bought again and again, in flexible billing mode.

mod anchor;
mod anew;
pub(crate) mod api;
pub(crate) mod cancel;
pub(crate) mod change;
pub(crate) mod debits;
pub(crate) mod extra;
pub(crate) mod items;
pub(crate) mod items_api;
pub(crate) mod pause;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod turn;

pub(crate) use items::Item;

use super::{Kept, metadata::Metadata};
use crate::world::{Cx, Resource, World, list_of};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Something bought again and again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Subscription {
    pub id: String,
    pub created: i64,
    pub start_date: i64,
    pub customer: String,
    pub status: Status,
    /// Ids of its items, in order.
    pub items: Vec<String>,
    pub currency: String,
    pub billing_cycle_anchor: i64,
    pub collection_method: String,
    pub days_until_due: Option<i64>,
    pub cancel_at: Option<i64>,
    pub cancel_at_period_end: bool,
    pub canceled_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub cancellation: Cancellation,
    pub default_payment_method: Option<String>,
    pub latest_invoice: Option<String>,
    pub pending_setup_intent: Option<String>,
    pub pause_collection: Option<PauseCollection>,
    /// Since when it is paused, and why.
    pub paused: Option<Paused>,
    pub schedule: Option<String>,
    pub trial_start: Option<i64>,
    pub trial_end: Option<i64>,
    /// What happens at the end of a trial without a payment method: `cancel`, `create_invoice` or `pause`.
    pub missing_payment_method: String,
    pub save_default_payment_method: String,
    pub metadata: Metadata,
    /// Fields that are kept as they were given.
    pub kept: Kept,
}

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Active,
    Canceled,
    Incomplete,
    IncompleteExpired,
    PastDue,
    Paused,
    Trialing,
    Unpaid,
}

/// Why it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cancellation {
    pub comment: Option<String>,
    pub feedback: Option<String>,
    pub reason: Option<String>,
}

/// What becomes of invoices while collection is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PauseCollection {
    pub behavior: String,
    pub resumes_at: Option<i64>,
}

/// Since when a subscription is paused, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Paused {
    pub at: i64,
    /// `pause_requested`, `trial_end_without_payment_method` or `final_payment_failure`.
    pub why: String,
}

impl Subscription {
    /// Its items, in order.
    pub fn items_of<'a>(&'a self, world: &'a World) -> impl Iterator<Item = &'a Item> {
        self.items.iter().filter_map(|id| world.get::<Item>(id))
    }

    /// Whether it is over.
    pub const fn is_over(&self) -> bool {
        matches!(self.status, Status::Canceled | Status::IncompleteExpired)
    }

    /// What it is charged to: its own payment method, else the customer's.
    pub fn payment_method(&self, world: &World) -> Option<String> {
        let of_customer = || world.get::<super::customers::Customer>(&self.customer)?.default_payment_method.clone();
        self.default_payment_method.clone().or_else(of_customer)
    }

    /// When its first item's period ends.
    pub fn next_end(&self, world: &World) -> Option<i64> {
        self.items_of(world).map(|item| item.current_period_end).min()
    }
}

impl Resource for Subscription {
    const SCHEMA: &'static str = "subscription";

    fn id(&self) -> &str {
        &self.id
    }

    fn owners(&self) -> Vec<&str> {
        let more = [&self.default_payment_method, &self.pending_setup_intent];
        std::iter::once(&self.customer).chain(more.into_iter().flatten()).map(String::as_str).collect()
    }

    fn view(&self, world: &World) -> Value {
        let mut value = json!({
            "id": self.id,
            "automatic_tax": { "enabled": false },
            "billing_cycle_anchor": self.billing_cycle_anchor,
            "billing_mode": {
                "flexible": { "proration_discounts": "included" },
                "type": "flexible",
                "updated_at": self.created,
            },
            "cancel_at": self.cancel_at,
            "cancel_at_period_end": self.cancel_at_period_end,
            "canceled_at": self.canceled_at,
            "cancellation_details": self.cancellation,
            "collection_method": self.collection_method,
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "days_until_due": self.days_until_due,
            "default_payment_method": self.default_payment_method,
            "ended_at": self.ended_at,
            "invoice_settings": { "issuer": { "type": "self" } },
            "latest_invoice": self.latest_invoice,
            "metadata": self.metadata,
            "pause_collection": self.pause_collection,
            "payment_settings": { "save_default_payment_method": self.save_default_payment_method },
            "pending_setup_intent": self.pending_setup_intent,
            "schedule": self.schedule,
            "start_date": self.start_date,
            "status": self.status,
            "trial_end": self.trial_end,
            "trial_settings": { "end_behavior": { "missing_payment_method": self.missing_payment_method } },
            "trial_start": self.trial_start,
        });
        let items = self.items_of(world).map(|item| world.wire(item));
        value["items"] = list_of(items, &format!("/v1/subscription_items?subscription={}", self.id));
        if let Some(fields) = value.as_object_mut() {
            fields.extend(self.kept.clone());
            if let Some(paused) = &self.paused {
                let details = json!({ "paused": {
                    "subscription": { "type": paused.why },
                    "transitioned_at": paused.at,
                    "type": "subscription",
                } });
                fields.insert("status_details".into(), details);
            }
        }
        value
    }
}

/// Ends all subscriptions of a customer at once, since the customer is deleted.
pub(crate) fn end_all_of(cx: &mut Cx<'_>, customer: &str) {
    let live = |found: &&Subscription| !found.is_over();
    let ids: Vec<String> = cx.world.of::<Subscription>(customer).filter(live).map(|found| found.id.clone()).collect();
    for id in ids {
        cancel::end(cx, &id, "cancellation_requested");
    }
}
