//! Money that moves: payments, setups, charges, refunds, disputes.

use super::{
    Customer, Expandable, Gone, PaymentMethod,
    expandable::{OrDeleted, has_id},
    nullable,
    words::words,
};
use crate::{Seconds, calls::Metadata};
use serde::Deserialize;

/// A payment, from the wish to the money. The invoice it is for is found by [`crate::calls::invoices::payments`].
#[derive(Clone, Debug, Deserialize)]
pub struct PaymentIntent {
    /// `pi_…`
    pub id: String,
    /// When it was created.
    pub created: Seconds,
    /// Minor units.
    pub amount: i64,
    /// Minor units that came.
    pub amount_received: i64,
    /// The currency, as three small letters.
    pub currency: String,
    /// Who pays.
    #[serde(deserialize_with = "nullable")]
    pub customer: Option<Expandable<OrDeleted<Customer>>>,
    /// Where it stands.
    pub status: PaymentIntentStatus,
    /// Its last attempt.
    #[serde(deserialize_with = "nullable")]
    pub latest_charge: Option<Expandable<Charge>>,
    /// What is or was charged.
    #[serde(deserialize_with = "nullable")]
    pub payment_method: Option<Expandable<PaymentMethod>>,
    /// Why its last attempt failed.
    #[serde(deserialize_with = "nullable")]
    pub last_payment_error: Option<LastPaymentError>,
    /// Names and texts.
    pub metadata: Metadata,
    /// Whether it is of live mode.
    pub livemode: bool,
    #[serde(default, rename = "invoice")]
    _invoice: Gone,
}

/// Why an attempt failed.
#[derive(Clone, Debug, Deserialize)]
pub struct LastPaymentError {
    /// The code, such as `card_declined`.
    pub code: Option<String>,
    /// Why the bank declined, such as `insufficient_funds`.
    pub decline_code: Option<String>,
    /// What the bank advises.
    pub advice_code: Option<String>,
    /// In words.
    pub message: Option<String>,
}

/// A payment method being kept for later.
#[derive(Clone, Debug, Deserialize)]
pub struct SetupIntent {
    /// `seti_…`
    pub id: String,
    /// When it was created.
    pub created: Seconds,
    /// Whose.
    #[serde(deserialize_with = "nullable")]
    pub customer: Option<Expandable<OrDeleted<Customer>>>,
    /// What is kept.
    #[serde(deserialize_with = "nullable")]
    pub payment_method: Option<Expandable<PaymentMethod>>,
    /// Where it stands: `succeeded`, `requires_action` and others.
    pub status: String,
    /// Names and texts.
    #[serde(deserialize_with = "nullable")]
    pub metadata: Option<Metadata>,
    /// Whether it is of live mode.
    pub livemode: bool,
}

/// One attempt to charge. The invoice it is for is found by that of its payment.
#[derive(Clone, Debug, Deserialize)]
pub struct Charge {
    /// `ch_…` or `py_…`
    pub id: String,
    /// When it was tried.
    pub created: Seconds,
    /// Minor units.
    pub amount: i64,
    /// Minor units given back, in all refunds together.
    pub amount_refunded: i64,
    /// The currency, as three small letters.
    pub currency: String,
    /// Who pays.
    #[serde(deserialize_with = "nullable")]
    pub customer: Option<Expandable<OrDeleted<Customer>>>,
    /// Of which payment.
    #[serde(deserialize_with = "nullable")]
    pub payment_intent: Option<Expandable<PaymentIntent>>,
    /// `succeeded`, `pending` or `failed`.
    pub status: String,
    /// Whether the money came, or is on its way.
    pub paid: bool,
    /// Whether all of it was given back.
    pub refunded: bool,
    /// Whether the customer disputes it.
    pub disputed: bool,
    /// Why it failed.
    #[serde(deserialize_with = "nullable")]
    pub failure_code: Option<String>,
    /// Where the customer reads the receipt.
    #[serde(deserialize_with = "nullable")]
    pub receipt_url: Option<String>,
    /// Names and texts.
    pub metadata: Metadata,
    /// Whether it is of live mode.
    pub livemode: bool,
    #[serde(default, rename = "invoice")]
    _invoice: Gone,
}

/// Money given back.
#[derive(Clone, Debug, Deserialize)]
pub struct Refund {
    /// `re_…` or `pyr_…`
    pub id: String,
    /// When it was created.
    pub created: Seconds,
    /// Minor units.
    pub amount: i64,
    /// The currency, as three small letters.
    pub currency: String,
    /// Of which charge.
    #[serde(deserialize_with = "nullable")]
    pub charge: Option<Expandable<Charge>>,
    /// Of which payment.
    #[serde(deserialize_with = "nullable")]
    pub payment_intent: Option<Expandable<PaymentIntent>>,
    /// Where it stands.
    #[serde(deserialize_with = "nullable")]
    pub status: Option<RefundStatus>,
    /// Why it was made.
    #[serde(deserialize_with = "nullable")]
    pub reason: Option<String>,
    /// Why it failed.
    pub failure_reason: Option<String>,
    /// Names and texts.
    #[serde(deserialize_with = "nullable")]
    pub metadata: Option<Metadata>,
}

/// A customer's bank takes money back.
#[derive(Clone, Debug, Deserialize)]
pub struct Dispute {
    /// `du_…` or `dp_…`
    pub id: String,
    /// When it was opened.
    pub created: Seconds,
    /// Minor units; it may be less than the charge.
    pub amount: i64,
    /// The currency, as three small letters.
    pub currency: String,
    /// About which charge.
    pub charge: Expandable<Charge>,
    /// About which payment.
    #[serde(deserialize_with = "nullable")]
    pub payment_intent: Option<Expandable<PaymentIntent>>,
    /// Where it stands.
    pub status: DisputeStatus,
    /// What moved for it: the money that was taken, and that came back.
    pub balance_transactions: Vec<Moved>,
    /// Why, in a word of the networks, such as `fraudulent`.
    pub reason: String,
    /// Names and texts.
    pub metadata: Metadata,
    /// Whether it is of live mode.
    pub livemode: bool,
}

/// Money that moved for a dispute.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Moved {
    /// Minor units of the account's own currency; below nothing when it was taken.
    pub amount: i64,
}

words! {
    /// Where a payment stands.
    PaymentIntentStatus {
        /// It was given up.
        Canceled = "canceled",
        /// The money is on its way.
        Processing = "processing",
        /// The payer has something to do.
        RequiresAction = "requires_action",
        /// The money is held and not taken.
        RequiresCapture = "requires_capture",
        /// It is ready to be tried.
        RequiresConfirmation = "requires_confirmation",
        /// It needs something to charge; the last attempt failed, or there was none.
        RequiresPaymentMethod = "requires_payment_method",
        /// The money came.
        Succeeded = "succeeded",
    }
}

words! {
    /// Where a refund stands.
    RefundStatus {
        /// It was given up.
        Canceled = "canceled",
        /// The money came back to us.
        Failed = "failed",
        /// On its way.
        Pending = "pending",
        /// The customer has something to do.
        RequiresAction = "requires_action",
        /// The customer has the money.
        Succeeded = "succeeded",
    }
}

words! {
    /// Where a dispute stands.
    DisputeStatus {
        /// It was lost, and what speaks against that is waited for.
        AppealNeedsResponse = "appeal_needs_response",
        /// It was lost, and the bank looks into that.
        AppealUnderReview = "appeal_under_review",
        /// Decided for the customer.
        Lost = "lost",
        /// Evidence is waited for.
        NeedsResponse = "needs_response",
        /// It was settled before it became a dispute.
        Prevented = "prevented",
        /// The bank decides.
        UnderReview = "under_review",
        /// An inquiry that became no dispute.
        WarningClosed = "warning_closed",
        /// An inquiry: no money has moved.
        WarningNeedsResponse = "warning_needs_response",
        /// An inquiry that is looked into.
        WarningUnderReview = "warning_under_review",
        /// Decided for us.
        Won = "won",
    }
}

has_id!(PaymentIntent, SetupIntent, Charge, Refund, Dispute);
