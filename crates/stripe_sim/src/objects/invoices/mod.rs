//! Invoices: what a customer owes, from the draft to the money.

pub(crate) mod api;
pub(crate) mod draft;
pub(crate) mod dunning;
pub(crate) mod finalize;
pub(crate) mod items;
pub(crate) mod lines;
pub(crate) mod pay;
pub(crate) mod payments;
pub(crate) mod preview;

pub(crate) use items::InvoiceItem;
pub(crate) use lines::Line;
pub(crate) use payments::InvoicePayment;

use super::{Kept, metadata::Metadata};
use crate::world::{Resource, World, list_of};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What a customer owes, or owed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Invoice {
    pub id: String,
    pub created: i64,
    pub customer: String,
    pub subscription: Option<String>,
    pub status: Status,
    pub billing_reason: Reason,
    pub collection_method: String,
    pub currency: String,
    /// Ids of its lines, in order.
    pub lines: Vec<String>,
    /// The time that was looked back at when it was made.
    pub period_start: i64,
    pub period_end: i64,
    pub number: Option<String>,
    /// The customer's balance that was taken up when it became final.
    pub starting_balance: i64,
    pub ending_balance: Option<i64>,
    pub amount_due: i64,
    pub amount_paid: i64,
    pub attempt_count: i64,
    pub attempted: bool,
    pub auto_advance: bool,
    pub automatically_finalizes_at: Option<i64>,
    pub next_payment_attempt: Option<i64>,
    pub due_date: Option<i64>,
    pub default_payment_method: Option<String>,
    /// The payment intent that pays it.
    pub payment_intent: Option<String>,
    /// When the change was that it bills.
    pub proration_date: Option<i64>,
    pub finalized_at: Option<i64>,
    pub paid_at: Option<i64>,
    pub voided_at: Option<i64>,
    pub marked_uncollectible_at: Option<i64>,
    pub webhooks_delivered_at: Option<i64>,
    /// Names and texts of the subscription when it became final.
    pub subscription_metadata: Metadata,
    pub metadata: Metadata,
    /// Fields that are kept as they were given.
    pub kept: Kept,
}

/// Where an invoice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Draft,
    Open,
    Paid,
    Uncollectible,
    Void,
}

/// Why an invoice was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    Manual,
    SubscriptionCreate,
    SubscriptionCycle,
    SubscriptionUpdate,
    Upcoming,
}

impl Invoice {
    /// Its lines, in order.
    pub fn lines_of<'a>(&'a self, world: &'a World) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter_map(|id| world.get::<Line>(id))
    }

    /// The sum of its lines.
    pub fn total(&self, world: &World) -> i64 {
        self.lines_of(world).map(|line| line.amount).sum()
    }

    /// Whether it can still change.
    pub fn is_draft(&self) -> bool {
        self.status == Status::Draft
    }

    /// Whether it is owed and not paid.
    pub fn is_open(&self) -> bool {
        self.status == Status::Open
    }

    /// What is still to be paid.
    pub fn remaining(&self) -> i64 {
        self.amount_due - self.amount_paid
    }

    /// What it is of.
    fn parent(&self, world: &World) -> Value {
        let Some(subscription) = &self.subscription else { return Value::Null };
        let now = || world.get::<super::subscriptions::Subscription>(subscription).map(|found| found.metadata.clone());
        let metadata = if self.is_draft() { now().unwrap_or_default() } else { self.subscription_metadata.clone() };
        let mut details = json!({ "metadata": metadata, "subscription": subscription });
        if let Some(date) = self.proration_date {
            details["subscription_proration_date"] = date.into();
        }
        json!({ "quote_details": null, "subscription_details": details, "type": "subscription_details" })
    }
}

impl Resource for Invoice {
    const SCHEMA: &'static str = "invoice";

    fn id(&self) -> &str {
        &self.id
    }

    fn owners(&self) -> Vec<&str> {
        std::iter::once(self.customer.as_str()).chain(self.subscription.as_deref()).collect()
    }

    fn view(&self, world: &World) -> Value {
        let mut value = json!({
            "id": self.id,
            "account_country": "US",
            "account_name": "Sandbox",
            "auto_advance": self.auto_advance,
            "automatic_tax": { "enabled": false },
            "automatically_finalizes_at": self.automatically_finalizes_at,
            "billing_reason": self.billing_reason,
            "collection_method": self.collection_method,
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "default_payment_method": self.default_payment_method,
            "due_date": self.due_date,
            "effective_at": self.finalized_at,
            "issuer": { "type": "self" },
            "metadata": self.metadata,
            "number": self.number,
            "payment_settings": {},
            "period_end": self.period_end,
            "period_start": self.period_start,
            "status": self.status,
            "status_transitions": {
                "finalized_at": self.finalized_at,
                "marked_uncollectible_at": self.marked_uncollectible_at,
                "paid_at": self.paid_at,
                "voided_at": self.voided_at,
            },
            "webhooks_delivered_at": self.webhooks_delivered_at,
        });
        let lines = self.lines_of(world).map(|line| world.wire(line));
        value["lines"] = list_of(lines, &format!("/v1/invoices/{}/lines", self.id));
        value["parent"] = self.parent(world);
        if let Some(fields) = value.as_object_mut() {
            fields.extend(self.figures(world));
            fields.extend(self.customer_then(world));
            fields.extend(self.kept.clone());
            if !self.is_draft() {
                let page = format!("{}/_sandbox/invoice/{}", world.settings.base, self.id);
                fields.insert("hosted_invoice_url".into(), json!(page));
                fields.insert("invoice_pdf".into(), json!(format!("{page}/pdf")));
            }
        }
        value
    }
}

impl Invoice {
    /// What is asked, paid and left, and how often that was tried. A draft shows what it would ask for now.
    fn figures(&self, world: &World) -> Map<String, Value> {
        let total = self.total(world);
        let customer = world.get::<super::customers::Customer>(&self.customer).filter(|_| self.is_draft());
        let balance = customer.map_or(self.starting_balance, |customer| customer.balance);
        let due = if self.is_draft() { (total + balance).max(0) } else { self.amount_due };
        fields(json!({
            "amount_due": due,
            "amount_overpaid": 0,
            "amount_paid": self.amount_paid,
            "amount_remaining": due - self.amount_paid,
            "amount_shipping": 0,
            "attempt_count": self.attempt_count,
            "attempted": self.attempted,
            "ending_balance": self.ending_balance,
            "next_payment_attempt": self.next_payment_attempt,
            "post_payment_credit_notes_amount": 0,
            "pre_payment_credit_notes_amount": 0,
            "starting_balance": balance,
            "subtotal": total,
            "subtotal_excluding_tax": total,
            "total": total,
            "total_discount_amounts": [],
            "total_excluding_tax": total,
            "total_pretax_credit_amounts": [],
            "total_taxes": [],
        }))
    }

    /// Who it is for, as the customer says now.
    fn customer_then(&self, world: &World) -> Map<String, Value> {
        let customer = world.get::<super::customers::Customer>(&self.customer);
        let said = |name: &str| customer.and_then(|customer| customer.kept.get(name).cloned()).unwrap_or_default();
        fields(json!({
            "customer_address": said("address"),
            "customer_email": said("email"),
            "customer_name": said("name"),
            "customer_phone": said("phone"),
            "customer_shipping": said("shipping"),
            "customer_tax_exempt": "none",
            "customer_tax_ids": [],
        }))
    }
}

/// The fields of a JSON object.
fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
