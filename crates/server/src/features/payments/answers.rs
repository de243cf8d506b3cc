//! What the API promises to show of checkouts and purchases.

use super::{
    fulfil::{Fulfilled, Standing},
    purchases::{Purchase, State},
};
use crate::platform::http::{
    CustomerName, Decimal, Instant, UnitName,
    fields::{GrantRef, PurchaseRef, TopUpPlanRef},
};
use purser_rules::ids::CustomerId;
use serde::Serialize;
use utoipa::ToSchema;

/// Where a purchase stands.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PurchaseState {
    /// The money is on its way: nothing is granted yet.
    Pending,
    /// It is paid and granted; a part may be refunded.
    Paid,
    /// The money did not come.
    Failed,
    /// All of it was given back.
    Refunded,
    /// A dispute is open, or was lost.
    Disputed,
}

impl From<State> for PurchaseState {
    fn from(state: State) -> Self {
        match state {
            State::Pending => Self::Pending,
            State::Paid => Self::Paid,
            State::Failed => Self::Failed,
            State::Refunded => Self::Refunded,
            State::Disputed => Self::Disputed,
        }
    }
}

/// One sale of a credit pack.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PurchaseView {
    /// Always `purchase`.
    #[schema(value_type = String, pattern = "^purchase$")]
    object: &'static str,
    id: PurchaseRef,
    customer_id: CustomerName,
    /// Stripe's session in which it was bought.
    #[schema(required)]
    session_id: Option<String>,
    /// Stripe's payment; null when it cost nothing, or is not paid yet.
    #[schema(required)]
    payment_intent: Option<String>,
    /// The version of the pack; null when no price book has it.
    #[schema(required)]
    top_up_plan_id: Option<TopUpPlanRef>,
    /// How many packs.
    quantity: i64,
    unit: UnitName,
    /// How many credits it gives in all.
    credits: Decimal,
    /// What is paid, in minor units of the currency.
    amount: i64,
    /// What of it was given back, in minor units.
    amount_refunded: i64,
    /// Three small letters, such as `usd`.
    currency: String,
    state: PurchaseState,
    /// The grant it gave, once it is paid.
    #[schema(required)]
    grant_id: Option<GrantRef>,
    created_at: Instant,
    /// When it was seen to be paid.
    #[schema(required)]
    paid_at: Option<Instant>,
}

impl From<Purchase> for PurchaseView {
    fn from(purchase: Purchase) -> Self {
        Self {
            object: "purchase",
            id: purchase.id.into(),
            customer_id: CustomerName(purchase.customer),
            session_id: purchase.session_id,
            payment_intent: purchase.payment_intent,
            top_up_plan_id: purchase.top_up.map(Into::into),
            quantity: purchase.quantity,
            unit: UnitName(purchase.unit),
            credits: purchase.credits.into(),
            amount: purchase.amount,
            amount_refunded: purchase.refunded,
            currency: purchase.currency,
            state: purchase.state.into(),
            grant_id: purchase.grant.map(Into::into),
            created_at: purchase.created_at.into(),
            paid_at: purchase.paid_at.map(Into::into),
        }
    }
}

/// What became of a checkout session.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckoutState {
    /// It is paid, or needs no payment, and what it paid for is given.
    Done,
    /// The money is on its way, or the payer is not done. Ask again, or wait for the webhook.
    Pending,
    /// The money did not come. Open another checkout.
    Failed,
    /// It ended without a payer. Open another checkout.
    Expired,
}

/// What a return page is told.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VerificationView {
    /// Always `checkout_verification`.
    #[schema(value_type = String, pattern = "^checkout_verification$")]
    object: &'static str,
    session_id: String,
    customer_id: CustomerName,
    state: CheckoutState,
    /// Whether what it paid for had been given before: this call gave nothing.
    already: bool,
    /// The purchase it made; null unless a top-up was paid for.
    #[schema(required)]
    purchase: Option<PurchaseView>,
}

impl VerificationView {
    /// What came of the session `session_id` of `customer`.
    pub(super) fn new(session_id: String, customer: CustomerId, found: Fulfilled) -> Self {
        let state = match found.standing {
            Standing::Done => CheckoutState::Done,
            Standing::Open | Standing::Pending => CheckoutState::Pending,
            Standing::Failed => CheckoutState::Failed,
            Standing::Expired => CheckoutState::Expired,
        };
        Self {
            object: "checkout_verification",
            session_id,
            customer_id: CustomerName(customer),
            state,
            already: found.already,
            purchase: found.purchase.map(Into::into),
        }
    }
}
