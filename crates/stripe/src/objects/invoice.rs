//! Invoices, what stands on them, and what was paid for them.

use super::{
    Customer, Expandable, List, PaymentIntent, Price, Subscription,
    expandable::{OrDeleted, has_id},
    nullable,
    words::words,
};
use crate::{Seconds, calls::Metadata, objects::Charge};
use serde::Deserialize;

/// What a customer owes, or owed.
#[derive(Clone, Debug, Deserialize)]
pub struct Invoice {
    /// `in_…`; previews have one too, which cannot be read later. `invoice.upcoming` tells of one without.
    pub id: Option<String>,
    /// When it was created.
    pub created: Seconds,
    /// Whose.
    #[serde(deserialize_with = "nullable")]
    pub customer: Option<Expandable<OrDeleted<Customer>>>,
    /// Where it stands.
    #[serde(deserialize_with = "nullable")]
    pub status: Option<InvoiceStatus>,
    /// Why it was made.
    #[serde(deserialize_with = "nullable")]
    pub billing_reason: Option<BillingReason>,
    /// What it is of. Since 2025-03-31 (basil) the subscription stands here.
    #[serde(deserialize_with = "nullable")]
    pub parent: Option<InvoiceParent>,
    /// Its number, once it is final.
    #[serde(deserialize_with = "nullable")]
    pub number: Option<String>,
    /// The currency, as three small letters.
    pub currency: String,
    /// Minor units asked for, after credit.
    pub amount_due: i64,
    /// Minor units paid.
    pub amount_paid: i64,
    /// Minor units left to pay.
    pub amount_remaining: i64,
    /// Minor units before discounts and taxes.
    pub subtotal: i64,
    /// Minor units after discounts and taxes, before credit.
    pub total: i64,
    /// The customer's balance before it.
    pub starting_balance: i64,
    /// The customer's balance after it, once it is final.
    #[serde(deserialize_with = "nullable")]
    pub ending_balance: Option<i64>,
    /// Times its payment was tried.
    pub attempt_count: u32,
    /// Whether its payment was tried.
    pub attempted: bool,
    /// When its payment is tried next.
    #[serde(deserialize_with = "nullable")]
    pub next_payment_attempt: Option<Seconds>,
    /// How it is paid.
    pub collection_method: CollectionMethod,
    /// Until when it should be paid, if it is sent.
    #[serde(deserialize_with = "nullable")]
    pub due_date: Option<Seconds>,
    /// Whether Stripe finalises and collects it by itself.
    pub auto_advance: Option<bool>,
    /// When Stripe finalises it.
    #[serde(deserialize_with = "nullable")]
    pub automatically_finalizes_at: Option<Seconds>,
    /// The first ten of its lines; the rest is read at the list's address.
    pub lines: List<InvoiceLine>,
    /// Since when usage and items to come were gathered for it.
    pub period_start: Seconds,
    /// Until when.
    pub period_end: Seconds,
    /// When it came to stand where it stands.
    pub status_transitions: StatusTransitions,
    /// Where the customer reads and pays it.
    pub hosted_invoice_url: Option<String>,
    /// Where it is as a PDF.
    pub invoice_pdf: Option<String>,
    /// Names and texts.
    #[serde(deserialize_with = "nullable")]
    pub metadata: Option<Metadata>,
    /// Whether it is of live mode.
    pub livemode: bool,
}

impl Invoice {
    /// The subscription it is of.
    #[must_use]
    pub fn subscription(&self) -> Option<&str> {
        let details = self.parent.as_ref()?.subscription_details.as_ref()?;
        Some(details.subscription.id())
    }

    /// Until when it should be paid, if it is final and was sent: nothing is charged for it, so nothing fails, and its
    /// subscription is past due from then on. That of a draft may change yet.
    #[must_use]
    pub fn due(&self) -> Option<Seconds> {
        let sent = self.collection_method == CollectionMethod::SendInvoice;
        let is_final = self.status.as_ref().is_some_and(|status| *status != InvoiceStatus::Draft);
        self.due_date.filter(|_| sent && is_final)
    }
}

/// What an invoice is of.
#[derive(Clone, Debug, Deserialize)]
pub struct InvoiceParent {
    /// Of a subscription.
    #[serde(deserialize_with = "nullable")]
    pub subscription_details: Option<SubscriptionDetails>,
}

/// Which subscription an invoice is of.
#[derive(Clone, Debug, Deserialize)]
pub struct SubscriptionDetails {
    /// Which.
    pub subscription: Expandable<Subscription>,
    /// The subscription's names and texts when the invoice became final.
    #[serde(deserialize_with = "nullable")]
    pub metadata: Option<Metadata>,
}

/// When an invoice came to stand where it stands.
#[derive(Clone, Debug, Deserialize)]
pub struct StatusTransitions {
    /// When it became final.
    #[serde(deserialize_with = "nullable")]
    pub finalized_at: Option<Seconds>,
    /// When it was paid.
    #[serde(deserialize_with = "nullable")]
    pub paid_at: Option<Seconds>,
    /// When it was taken back.
    #[serde(deserialize_with = "nullable")]
    pub voided_at: Option<Seconds>,
    /// When it was given up.
    #[serde(deserialize_with = "nullable")]
    pub marked_uncollectible_at: Option<Seconds>,
}

/// A line of an invoice.
#[derive(Clone, Debug, Deserialize)]
pub struct InvoiceLine {
    /// `il_…`
    pub id: String,
    /// Minor units, before discounts and taxes that are added; below zero is a credit.
    pub amount: i64,
    /// The currency, as three small letters.
    pub currency: String,
    /// What the customer reads.
    #[serde(deserialize_with = "nullable")]
    pub description: Option<String>,
    /// Where it comes from.
    #[serde(deserialize_with = "nullable")]
    pub parent: Option<LineParent>,
    /// What it was priced by.
    #[serde(deserialize_with = "nullable")]
    pub pricing: Option<LinePricing>,
    /// For which time.
    pub period: Period,
    /// How many.
    #[serde(deserialize_with = "nullable")]
    pub quantity: Option<i64>,
    /// Names and texts.
    pub metadata: Metadata,
}

impl InvoiceLine {
    /// The subscription item it bills, if it bills one.
    #[must_use]
    pub fn subscription_item(&self) -> Option<&str> {
        let details = self.parent.as_ref()?.subscription_item_details.as_ref()?;
        Some(&details.subscription_item)
    }

    /// Whether it bills a part of a period because something changed.
    #[must_use]
    pub fn is_proration(&self) -> bool {
        self.parent.as_ref().is_some_and(|parent| {
            parent.subscription_item_details.as_ref().is_some_and(|details| details.proration)
                || parent.invoice_item_details.as_ref().is_some_and(|details| details.proration)
        })
    }
}

impl InvoiceLine {
    /// Whether it bills time of a subscription: a period of an item, or a part of one.
    #[must_use]
    pub fn bills_subscription(&self) -> bool {
        self.subscription_item().is_some()
            || self
                .parent
                .as_ref()
                .and_then(|parent| parent.invoice_item_details.as_ref())
                .is_some_and(|details| details.proration && details.subscription.is_some())
    }

    /// Whether it gives money back for time that was billed before.
    #[must_use]
    pub fn gives_back(&self) -> bool {
        let Some(parent) = &self.parent else { return self.amount < 0 };
        let of_item = parent.subscription_item_details.as_ref().and_then(|details| details.proration_details.as_ref());
        let other = parent.invoice_item_details.as_ref().and_then(|details| details.proration_details.as_ref());
        self.amount < 0 || of_item.into_iter().chain(other).any(|details| details.credited_items.is_some())
    }
}

/// Where a line comes from.
#[derive(Clone, Debug, Deserialize)]
pub struct LineParent {
    /// From an item of a subscription.
    #[serde(deserialize_with = "nullable")]
    pub subscription_item_details: Option<SubscriptionItemParent>,
    /// From an invoice item.
    #[serde(deserialize_with = "nullable")]
    pub invoice_item_details: Option<InvoiceItemParent>,
}

/// From which item of a subscription.
#[derive(Clone, Debug, Deserialize)]
pub struct SubscriptionItemParent {
    /// Which item; it may be gone.
    pub subscription_item: String,
    /// Of which subscription.
    #[serde(deserialize_with = "nullable")]
    pub subscription: Option<String>,
    /// Whether it is a part of a period.
    pub proration: bool,
    /// More about that part.
    #[serde(deserialize_with = "nullable")]
    pub proration_details: Option<ProrationDetails>,
}

/// From which invoice item.
#[derive(Clone, Debug, Deserialize)]
pub struct InvoiceItemParent {
    /// Which.
    pub invoice_item: String,
    /// Of which subscription.
    #[serde(deserialize_with = "nullable")]
    pub subscription: Option<String>,
    /// Whether it is a part of a period.
    pub proration: bool,
    /// More about that part.
    #[serde(deserialize_with = "nullable")]
    pub proration_details: Option<ProrationDetails>,
}

/// What a part of a period is about.
#[derive(Clone, Debug, Deserialize)]
pub struct ProrationDetails {
    /// What it gives back, if it does; null for what is asked for.
    #[serde(deserialize_with = "nullable")]
    pub credited_items: Option<CreditedItems>,
}

/// Lines of an invoice that are given back, in part.
#[derive(Clone, Debug, Deserialize)]
pub struct CreditedItems {
    /// Of which invoice.
    pub invoice: String,
    /// Which lines.
    pub invoice_line_items: Vec<String>,
}

/// What a line was priced by.
#[derive(Clone, Debug, Deserialize)]
pub struct LinePricing {
    /// By a price.
    pub price_details: Option<PriceDetails>,
    /// Minor units for one unit, as text with up to 12 decimals.
    #[serde(deserialize_with = "nullable")]
    pub unit_amount_decimal: Option<String>,
}

/// Which price.
#[derive(Clone, Debug, Deserialize)]
pub struct PriceDetails {
    /// Which.
    pub price: Expandable<Price>,
    /// Of which product.
    pub product: String,
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Period {
    /// Its first second.
    pub start: Seconds,
    /// The second after its last.
    pub end: Seconds,
}

/// Something for the next invoice.
#[derive(Clone, Debug, Deserialize)]
pub struct InvoiceItem {
    /// `ii_…`
    pub id: String,
    /// Whose.
    pub customer: Expandable<OrDeleted<Customer>>,
    /// Minor units; below zero is a credit.
    pub amount: i64,
    /// The currency, as three small letters.
    pub currency: String,
    /// The invoice it came to stand on.
    #[serde(deserialize_with = "nullable")]
    pub invoice: Option<Expandable<Invoice>>,
    /// Names and texts.
    #[serde(deserialize_with = "nullable")]
    pub metadata: Option<Metadata>,
}

/// What was paid, or is to be, for an invoice.
#[derive(Clone, Debug, Deserialize)]
pub struct InvoicePayment {
    /// `inpay_…`
    pub id: String,
    /// For which invoice.
    pub invoice: Expandable<OrDeleted<Invoice>>,
    /// Minor units paid.
    #[serde(deserialize_with = "nullable")]
    pub amount_paid: Option<i64>,
    /// Minor units asked for.
    pub amount_requested: i64,
    /// The currency, as three small letters.
    pub currency: String,
    /// `open`, `paid` or `canceled`.
    pub status: String,
    /// By what.
    pub payment: PaidBy,
    /// When it was created.
    pub created: Seconds,
}

/// What paid.
#[derive(Clone, Debug, Deserialize)]
pub struct PaidBy {
    /// A payment intent.
    pub payment_intent: Option<Expandable<PaymentIntent>>,
    /// A charge alone.
    pub charge: Option<Expandable<Charge>>,
}

words! {
    /// Where an invoice stands.
    InvoiceStatus {
        /// It can still change.
        Draft = "draft",
        /// It is final and owed.
        Open = "open",
        /// It is paid.
        Paid = "paid",
        /// It was given up.
        Uncollectible = "uncollectible",
        /// It was taken back.
        Void = "void",
    }
}

words! {
    /// How invoices are paid.
    CollectionMethod {
        /// Charged when they become final.
        ChargeAutomatically = "charge_automatically",
        /// Sent, and paid by the customer until they are due.
        SendInvoice = "send_invoice",
    }
}

words! {
    /// Why an invoice was made.
    BillingReason {
        /// By hand.
        Manual = "manual",
        /// A subscription began.
        SubscriptionCreate = "subscription_create",
        /// A period began.
        SubscriptionCycle = "subscription_cycle",
        /// Usage went over a threshold.
        SubscriptionThreshold = "subscription_threshold",
        /// A subscription changed.
        SubscriptionUpdate = "subscription_update",
        /// It is a preview of the next.
        Upcoming = "upcoming",
    }
}

impl super::expandable::HasId for Invoice {
    fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }
}

has_id!(InvoiceItem, InvoicePayment, InvoiceLine);
