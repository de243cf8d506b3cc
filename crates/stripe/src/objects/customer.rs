//! Customers, and what they pay with.

use super::{
    Expandable,
    expandable::{OrDeleted, has_id},
    nullable,
};
use crate::{Seconds, calls::Metadata};
use serde::Deserialize;

/// Someone who buys.
#[derive(Clone, Debug, Deserialize)]
pub struct Customer {
    /// `cus_…`
    pub id: String,
    /// When it was created.
    pub created: Seconds,
    /// Where receipts go.
    #[serde(deserialize_with = "nullable")]
    pub email: Option<String>,
    /// The full name, or that of the business.
    pub name: Option<String>,
    /// What Stripe owes the customer (below zero) or is owed, in minor units.
    pub balance: i64,
    /// The currency of its invoices, once there is one.
    pub currency: Option<String>,
    /// Whether an invoice of it is open and its last payment failed.
    pub delinquent: Option<bool>,
    /// How its invoices are paid.
    pub invoice_settings: CustomerInvoiceSettings,
    /// Names and texts.
    pub metadata: Metadata,
    /// Whether it is of live mode.
    pub livemode: bool,
}

/// How a customer's invoices are paid.
#[derive(Clone, Debug, Deserialize)]
pub struct CustomerInvoiceSettings {
    /// Charged for what names no other.
    #[serde(deserialize_with = "nullable")]
    pub default_payment_method: Option<Expandable<PaymentMethod>>,
}

/// What a customer pays with.
#[derive(Clone, Debug, Deserialize)]
pub struct PaymentMethod {
    /// `pm_…`
    pub id: String,
    /// When it was created.
    pub created: Seconds,
    /// `card`, `sepa_debit`, `us_bank_account` and many more.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whose it is, while it is attached.
    #[serde(deserialize_with = "nullable")]
    pub customer: Option<Expandable<OrDeleted<Customer>>>,
    /// Of a card.
    pub card: Option<CardDetails>,
    /// Whether it is of live mode.
    pub livemode: bool,
}

/// What may be shown of a card.
#[derive(Clone, Debug, Deserialize)]
pub struct CardDetails {
    /// `visa`, `mastercard` and others.
    pub brand: String,
    /// The last four digits.
    pub last4: String,
    /// The month it expires in, 1–12.
    pub exp_month: u8,
    /// The year it expires in, of four digits.
    pub exp_year: u16,
}

has_id!(Customer, PaymentMethod);
