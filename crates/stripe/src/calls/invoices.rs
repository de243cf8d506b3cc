//! Calls about invoices, what stands on them, and what was paid for them.

use super::{
    Call, Created, Metadata, PageOf,
    params::Nothing,
    subscriptions::{ItemChange, When},
};
use crate::{
    List, Seconds,
    objects::{Invoice, InvoiceItem, InvoiceLine, InvoicePayment, InvoiceStatus, ProrationBehavior},
};
use serde::Serialize;

/// Which invoices.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Invoices {
    /// Of one customer.
    pub customer: Option<String>,
    /// Of one subscription.
    pub subscription: Option<String>,
    /// In this state.
    pub status: Option<InvoiceStatus>,
    /// Created then.
    pub created: Option<Created>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageOf,
}

/// An invoice to be that is not of a subscription.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewInvoice {
    /// Whose.
    pub customer: String,
    /// Whether Stripe finalises and collects it by itself.
    pub auto_advance: Option<bool>,
    /// Whether it takes up what waits for an invoice: `include` or `exclude` (Stripe's default).
    pub pending_invoice_items_behavior: Option<&'static str>,
    /// Shown on it.
    pub description: Option<String>,
    /// Names and texts.
    pub metadata: Option<Metadata>,
}

/// What changes of an invoice. What is `None` stays.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InvoiceChange {
    /// Whether Stripe finalises and collects it by itself.
    pub auto_advance: Option<bool>,
    /// Charged for it.
    pub default_payment_method: Option<String>,
    /// Names and texts.
    pub metadata: Option<Metadata>,
}

/// How an invoice is paid.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Payment {
    /// Charged for it; `None` is the default.
    pub payment_method: Option<String>,
    /// Whether the payer is away.
    pub off_session: Option<bool>,
    /// Marks it as paid by other ways.
    pub paid_out_of_band: Option<bool>,
}

/// Something for the next invoice.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewInvoiceItem {
    /// Whose.
    pub customer: String,
    /// Minor units; below zero is a credit.
    pub amount: Option<i64>,
    /// The currency, as three small letters.
    pub currency: Option<String>,
    /// What the customer reads.
    pub description: Option<String>,
    /// On this draft.
    pub invoice: Option<String>,
    /// On the next invoice of this subscription.
    pub subscription: Option<String>,
    /// Names and texts.
    pub metadata: Option<Metadata>,
}

/// What an invoice would be.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Preview {
    /// Whose.
    pub customer: Option<String>,
    /// Of which subscription.
    pub subscription: Option<String>,
    /// After which change of it.
    pub subscription_details: Option<PreviewChange>,
    /// `next` (what is due next) or `recurring` (a whole period).
    pub preview_mode: Option<&'static str>,
}

/// The change whose invoice is asked for.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PreviewChange {
    /// Items that change, come or go.
    pub items: Option<Vec<ItemChange>>,
    /// How the rest of the period is billed.
    pub proration_behavior: Option<ProrationBehavior>,
    /// As of when; the change itself must name the same.
    pub proration_date: Option<Seconds>,
    /// When the trial ends.
    pub trial_end: Option<When>,
    /// Ends with its period.
    pub cancel_at_period_end: Option<bool>,
    /// Ends now.
    pub cancel_now: Option<bool>,
}

/// Which invoice items.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InvoiceItems {
    /// Of one customer.
    pub customer: Option<String>,
    /// On one invoice.
    pub invoice: Option<String>,
    /// Those that wait for an invoice, or those that are on one.
    pub pending: Option<bool>,
    /// Created then.
    pub created: Option<Created>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageOf,
}

/// Which payments of invoices.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InvoicePayments {
    /// Of one invoice.
    pub invoice: Option<String>,
    /// By one payment.
    pub payment: Option<ByPayment>,
    /// `open`, `paid` or `canceled`.
    pub status: Option<&'static str>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageOf,
}

/// By one payment intent.
#[derive(Clone, Debug, Serialize)]
pub struct ByPayment {
    #[serde(rename = "type")]
    kind: &'static str,
    payment_intent: String,
}

impl ByPayment {
    /// By the payment intent `id`.
    #[must_use]
    pub fn intent(id: &str) -> Self {
        Self { kind: "payment_intent", payment_intent: id.to_owned() }
    }
}

/// Creates an invoice. `POST /v1/invoices`
#[must_use]
pub fn create(invoice: &NewInvoice) -> Call<Invoice> {
    Call::post(&["v1", "invoices"], invoice).of(Some(&invoice.customer))
}

/// Reads an invoice. `GET /v1/invoices/{id}`
#[must_use]
pub fn retrieve(id: &str) -> Call<Invoice> {
    Call::get(&["v1", "invoices", id], &Nothing {})
}

/// Changes an invoice. `POST /v1/invoices/{id}`
#[must_use]
pub fn update(id: &str, change: &InvoiceChange) -> Call<Invoice> {
    Call::post(&["v1", "invoices", id], change).of(Some(id))
}

/// Lists invoices, newest first. `GET /v1/invoices`
#[must_use]
pub fn list(which: &Invoices) -> Call<List<Invoice>> {
    Call::get(&["v1", "invoices"], which)
}

/// Lists all lines of an invoice, of which the invoice itself shows ten. `GET /v1/invoices/{id}/lines`
#[must_use]
pub fn lines(id: &str, page: &PageOf) -> Call<List<InvoiceLine>> {
    Call::get(&["v1", "invoices", id, "lines"], page)
}

/// Shows what an invoice would be; nothing is kept. `POST /v1/invoices/create_preview`
#[must_use]
pub fn preview(preview: &Preview) -> Call<Invoice> {
    Call::post(&["v1", "invoices", "create_preview"], preview)
}

/// Makes a draft final: from now on it is owed. `POST /v1/invoices/{id}/finalize`
#[must_use]
pub fn finalize(id: &str) -> Call<Invoice> {
    Call::post(&["v1", "invoices", id, "finalize"], &Nothing {}).of(Some(id))
}

/// Tries to have an invoice paid now. `POST /v1/invoices/{id}/pay`
#[must_use]
pub fn pay(id: &str, how: &Payment) -> Call<Invoice> {
    Call::post(&["v1", "invoices", id, "pay"], how).of(Some(id))
}

/// Takes a final invoice back. `POST /v1/invoices/{id}/void`
#[must_use]
pub fn void(id: &str) -> Call<Invoice> {
    Call::post(&["v1", "invoices", id, "void"], &Nothing {}).of(Some(id))
}

/// Gives a final invoice up. `POST /v1/invoices/{id}/mark_uncollectible`
#[must_use]
pub fn mark_uncollectible(id: &str) -> Call<Invoice> {
    Call::post(&["v1", "invoices", id, "mark_uncollectible"], &Nothing {}).of(Some(id))
}

/// Puts something on an invoice to come. `POST /v1/invoiceitems`
#[must_use]
pub fn create_item(item: &NewInvoiceItem) -> Call<InvoiceItem> {
    Call::post(&["v1", "invoiceitems"], item).of(Some(&item.customer))
}

/// Lists invoice items, newest first. `GET /v1/invoiceitems`
#[must_use]
pub fn items(which: &InvoiceItems) -> Call<List<InvoiceItem>> {
    Call::get(&["v1", "invoiceitems"], which)
}

/// Lists payments of invoices, newest first. `GET /v1/invoice_payments`
#[must_use]
pub fn payments(which: &InvoicePayments) -> Call<List<InvoicePayment>> {
    Call::get(&["v1", "invoice_payments"], which)
}
