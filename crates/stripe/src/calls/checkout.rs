//! Calls about Stripe's hosted checkout.

use super::{Call, Created, Metadata, PageOf, params::Expanding, params::Nothing, subscriptions::TrialSettings};
use crate::{
    List, Seconds,
    objects::{CheckoutSession, SessionItem, SessionMode, SessionStatus},
};
use serde::Serialize;

/// A session to be.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewSession {
    /// What it is for.
    pub mode: SessionMode,
    /// Who pays.
    pub customer: Option<String>,
    /// Our own id of what it is for; comes back on the session.
    pub client_reference_id: Option<String>,
    /// Where a payer goes who is done; `{CHECKOUT_SESSION_ID}` in it becomes the session's id.
    pub success_url: Option<String>,
    /// Where a payer goes who gives up.
    pub cancel_url: Option<String>,
    /// What is bought; empty for a setup.
    pub line_items: Option<Vec<NewSessionItem>>,
    /// Names and texts on the session alone.
    pub metadata: Option<Metadata>,
    /// What goes onto the subscription it makes.
    pub subscription_data: Option<SubscriptionData>,
    /// What goes onto the payment it makes.
    pub payment_intent_data: Option<PaymentIntentData>,
    /// What goes onto the setup it makes.
    pub setup_intent_data: Option<SetupIntentData>,
    /// When it ends by itself: 30 minutes to 24 hours from now.
    pub expires_at: Option<Seconds>,
    /// Whether a payment method is asked for when nothing is to be paid now: `always`, or `if_required`.
    pub payment_method_collection: Option<&'static str>,
    /// Whether codes for discounts are taken.
    pub allow_promotion_codes: Option<bool>,
    /// The currency of a setup, as three small letters.
    pub currency: Option<String>,
}

/// Something that is bought.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewSessionItem {
    /// Its price.
    pub price: String,
    /// How many; `None` for a metered price, which must not have one.
    pub quantity: Option<u64>,
}

/// What goes onto a subscription made by a session. A session's own metadata does not.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SubscriptionData {
    /// Names and texts.
    pub metadata: Option<Metadata>,
    /// Days of trial; 1–730.
    pub trial_period_days: Option<u32>,
    /// What follows the trial.
    pub trial_settings: Option<TrialSettings>,
    /// What is shown to the customer.
    pub description: Option<String>,
}

/// What goes onto a payment made by a session.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PaymentIntentData {
    /// Names and texts.
    pub metadata: Option<Metadata>,
    /// Keeps the payment method for later: `off_session`.
    pub setup_future_usage: Option<&'static str>,
    /// What is shown to the customer.
    pub description: Option<String>,
}

/// What goes onto a setup made by a session.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SetupIntentData {
    /// Names and texts.
    pub metadata: Option<Metadata>,
}

/// Which sessions.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sessions {
    /// Of one customer.
    pub customer: Option<String>,
    /// That made this payment.
    pub payment_intent: Option<String>,
    /// That made this subscription.
    pub subscription: Option<String>,
    /// In this state.
    pub status: Option<SessionStatus>,
    /// Created then.
    pub created: Option<Created>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageOf,
}

/// Opens a session. `POST /v1/checkout/sessions`
#[must_use]
pub fn create(session: &NewSession) -> Call<CheckoutSession> {
    Call::post(&["v1", "checkout", "sessions"], session).of(session.customer.as_deref())
}

/// Reads a session. `GET /v1/checkout/sessions/{id}`
#[must_use]
pub fn retrieve(id: &str) -> Call<CheckoutSession> {
    Call::get(&["v1", "checkout", "sessions", id], &Nothing {})
}

/// Reads a session with what it made: its subscription and its payment. `GET /v1/checkout/sessions/{id}`
#[must_use]
pub fn retrieve_whole(id: &str) -> Call<CheckoutSession> {
    Call::get(&["v1", "checkout", "sessions", id], &Expanding::of(&["subscription", "payment_intent"]))
}

/// Ends an open session, so that nobody can pay by it. `POST /v1/checkout/sessions/{id}/expire`
#[must_use]
pub fn expire(id: &str) -> Call<CheckoutSession> {
    Call::post(&["v1", "checkout", "sessions", id, "expire"], &Nothing {}).of(Some(id))
}

/// Lists sessions, newest first. `GET /v1/checkout/sessions`
#[must_use]
pub fn list(which: &Sessions) -> Call<List<CheckoutSession>> {
    Call::get(&["v1", "checkout", "sessions"], which)
}

/// Lists what a session sells. `GET /v1/checkout/sessions/{id}/line_items`
#[must_use]
pub fn line_items(id: &str, page: &PageOf) -> Call<List<SessionItem>> {
    Call::get(&["v1", "checkout", "sessions", id, "line_items"], page)
}
