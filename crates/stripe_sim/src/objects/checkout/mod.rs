//! Sessions of the hosted checkout.

pub(crate) mod api;
pub(crate) mod complete;
pub(crate) mod payment_pages;

pub(crate) use complete::payment_settled;

use super::{Kept, catalog::Price, metadata::Metadata};
use crate::world::{Cx, Resource, World, list_of};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A visit to the hosted checkout.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    pub id: String,
    pub created: i64,
    pub expires_at: i64,
    pub mode: Mode,
    pub status: Status,
    pub payment_status: PaymentStatus,
    pub customer: Option<String>,
    pub customer_email: Option<String>,
    pub customer_creation: String,
    /// What the payer said of himself.
    pub customer_details: Option<Value>,
    pub client_reference_id: Option<String>,
    pub currency: Option<String>,
    /// What is sold, in order.
    pub line_items: Vec<String>,
    pub success_url: Option<String>,
    pub cancel_url: Option<String>,
    pub subscription: Option<String>,
    pub payment_intent: Option<String>,
    pub setup_intent: Option<String>,
    pub invoice: Option<String>,
    pub subscription_data: Data,
    pub payment_intent_data: Data,
    pub setup_intent_data: Data,
    pub payment_method_collection: String,
    /// Whether the visitor was at the point of paying: what is being paid is not shown before it is.
    pub under_way: Option<String>,
    pub metadata: Metadata,
    /// Fields that are kept as they were given.
    pub kept: Kept,
}

/// What goes onto what a session makes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Data {
    pub metadata: Metadata,
    pub description: Option<String>,
    pub setup_future_usage: Option<String>,
    pub trial_period_days: Option<i64>,
    pub trial_end: Option<i64>,
    pub billing_cycle_anchor: Option<i64>,
    pub trial_settings: Option<Value>,
}

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    Payment,
    Setup,
    Subscription,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Complete,
    Expired,
    Open,
}

/// Whether there is money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PaymentStatus {
    NoPaymentRequired,
    Paid,
    Unpaid,
}

/// Something a session sells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SessionItem {
    pub id: String,
    pub session: String,
    pub price: String,
    /// `None` for a metered price.
    pub quantity: Option<i64>,
    pub amount: i64,
    pub currency: String,
    pub description: String,
    pub metadata: Metadata,
}

impl Session {
    /// What it sells, in order.
    pub fn items_of<'a>(&'a self, world: &'a World) -> impl Iterator<Item = &'a SessionItem> {
        self.line_items.iter().filter_map(|id| world.get::<SessionItem>(id))
    }

    /// What is to be paid now, in minor units: while a trial runs only what is sold once.
    pub fn total(&self, world: &World) -> i64 {
        let trial = self.subscription_data.trial_end.is_some() || self.subscription_data.trial_period_days.is_some();
        let recurs =
            |item: &SessionItem| world.get::<Price>(&item.price).is_some_and(|price| price.recurring.is_some());
        self.items_of(world).filter(|item| !trial || !recurs(item)).map(|item| item.amount).sum()
    }
}

impl Resource for Session {
    const SCHEMA: &'static str = "checkout.session";

    fn id(&self) -> &str {
        &self.id
    }

    fn owners(&self) -> Vec<&str> {
        [&self.customer, &self.payment_intent, &self.subscription].into_iter().flatten().map(String::as_str).collect()
    }

    fn view(&self, world: &World) -> Value {
        let total = (self.mode != Mode::Setup).then(|| self.total(world));
        let url = (self.status == Status::Open).then(|| format!("{}/c/pay/{}", world.settings.base, self.id));
        let details = total.map(|_| json!({ "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 }));
        let mut value = json!({
            "id": self.id,
            "amount_subtotal": total,
            "amount_total": total,
            "automatic_tax": { "enabled": false },
            "cancel_url": self.cancel_url,
            "client_reference_id": self.client_reference_id,
            "created": self.created,
            "currency": self.currency,
            "custom_fields": [],
            "custom_text": {},
            "customer": self.customer,
            "customer_creation": (self.mode != Mode::Setup).then_some(&self.customer_creation),
            "customer_details": self.customer_details,
            "customer_email": self.customer_email,
            "expires_at": self.expires_at,
            "invoice": self.invoice,
            "metadata": self.metadata,
            "mode": self.mode,
            "payment_intent": self.payment_intent,
            "payment_method_collection": (self.mode == Mode::Subscription).then_some(&self.payment_method_collection),
            "payment_method_types": super::payment_intents::types(self.currency.as_deref().unwrap_or("usd")),
            "payment_status": self.payment_status,
            "setup_intent": self.setup_intent,
            "shipping_options": [],
            "status": self.status,
            "subscription": self.subscription,
            "success_url": self.success_url,
            "total_details": details,
            "ui_mode": "hosted_page",
            "url": url,
        });
        if let Some(fields) = value.as_object_mut() {
            fields.extend(self.kept.clone());
        }
        value
    }
}

impl Resource for SessionItem {
    const SCHEMA: &'static str = "item";

    fn id(&self) -> &str {
        &self.id
    }

    fn view(&self, world: &World) -> Value {
        json!({
            "id": self.id,
            "amount_discount": 0,
            "amount_subtotal": self.amount,
            "amount_tax": 0,
            "amount_total": self.amount,
            "currency": self.currency,
            "description": self.description,
            "metadata": self.metadata,
            "price": world.shown("price", &self.price),
            "quantity": self.quantity,
        })
    }
}

/// What a session sells, as it shows it when it is asked to.
pub(crate) fn shown_items(world: &World, id: &str) -> Option<Value> {
    let items = world.get::<Session>(id)?.items_of(world).map(|item| world.wire(item));
    Some(list_of(items, &format!("/v1/checkout/sessions/{id}/line_items")))
}

/// A session ends without a payer, if it is still open.
pub(crate) fn expires(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now();
    let due = |session: &&Session| session.status == Status::Open && session.expires_at <= now;
    if cx.world.get::<Session>(id).filter(due).is_some() {
        expire(cx, id);
    }
}

/// Ends an open session.
pub(crate) fn expire(cx: &mut Cx<'_>, id: &str) {
    cx.edit::<Session>(id, |session| session.status = Status::Expired);
    cx.tell::<Session>("checkout.session.expired", id);
}
