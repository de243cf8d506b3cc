//! Sessions of Stripe's hosted checkout.

use super::{
    Customer, Expandable, Invoice, PaymentIntent, Price, SetupIntent, Subscription,
    expandable::{OrDeleted, has_id},
    nullable,
    words::words,
};
use crate::{Seconds, calls::Metadata};
use serde::Deserialize;

/// A visit to Stripe's hosted checkout.
#[derive(Clone, Debug, Deserialize)]
pub struct CheckoutSession {
    /// `cs_test_…` or `cs_live_…`
    pub id: String,
    /// When it was created.
    pub created: Seconds,
    /// When it ends by itself.
    pub expires_at: Seconds,
    /// What it is for.
    pub mode: SessionMode,
    /// Where it stands.
    #[serde(deserialize_with = "nullable")]
    pub status: Option<SessionStatus>,
    /// Whether there is money: the only field that says so.
    pub payment_status: PaymentStatus,
    /// Who pays.
    #[serde(deserialize_with = "nullable")]
    pub customer: Option<Expandable<OrDeleted<Customer>>>,
    /// Our own id of what it is for.
    #[serde(deserialize_with = "nullable")]
    pub client_reference_id: Option<String>,
    /// The subscription it made.
    #[serde(deserialize_with = "nullable")]
    pub subscription: Option<Expandable<Subscription>>,
    /// The payment it made.
    #[serde(deserialize_with = "nullable")]
    pub payment_intent: Option<Expandable<PaymentIntent>>,
    /// The setup it made.
    #[serde(deserialize_with = "nullable")]
    pub setup_intent: Option<Expandable<SetupIntent>>,
    /// The invoice it made.
    #[serde(deserialize_with = "nullable")]
    pub invoice: Option<Expandable<Invoice>>,
    /// Minor units, with discounts and taxes.
    #[serde(deserialize_with = "nullable")]
    pub amount_total: Option<i64>,
    /// The currency, as three small letters.
    #[serde(deserialize_with = "nullable")]
    pub currency: Option<String>,
    /// Where the payer goes; `None` once it is over.
    #[serde(deserialize_with = "nullable")]
    pub url: Option<String>,
    /// Names and texts.
    #[serde(deserialize_with = "nullable")]
    pub metadata: Option<Metadata>,
    /// Whether it is of live mode.
    pub livemode: bool,
}

/// Something a session sells.
#[derive(Clone, Debug, Deserialize)]
pub struct SessionItem {
    /// `li_…`
    pub id: String,
    /// Its price.
    #[serde(deserialize_with = "nullable")]
    pub price: Option<Price>,
    /// How many.
    #[serde(deserialize_with = "nullable")]
    pub quantity: Option<u64>,
    /// Minor units, with discounts and taxes.
    pub amount_total: i64,
    /// The currency, as three small letters.
    pub currency: String,
}

words! {
    /// What a session is for.
    SessionMode {
        /// Something bought once.
        Payment = "payment",
        /// A payment method for later.
        Setup = "setup",
        /// Something subscribed to.
        Subscription = "subscription",
    }
}

/// Most sessions are of subscriptions.
impl Default for SessionMode {
    fn default() -> Self {
        Self::Subscription
    }
}

words! {
    /// Where a session stands.
    SessionStatus {
        /// The payer is done; the money may still be on its way.
        Complete = "complete",
        /// It ended without a payer.
        Expired = "expired",
        /// It waits for a payer.
        Open = "open",
    }
}

words! {
    /// Whether there is money for a session.
    PaymentStatus {
        /// None is needed now.
        NoPaymentRequired = "no_payment_required",
        /// It came.
        Paid = "paid",
        /// It did not come, or not yet.
        Unpaid = "unpaid",
    }
}

has_id!(CheckoutSession, SessionItem);
