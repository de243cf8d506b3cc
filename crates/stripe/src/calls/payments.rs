//! Calls about money that moves: payments, setups, charges, refunds, disputes.

use super::{Call, Created, Metadata, PageOf, params::Nothing};
use crate::{
    List,
    objects::{Charge, Dispute, PaymentIntent, Refund, SetupIntent},
};
use serde::Serialize;

/// A payment to be.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewPayment {
    /// Minor units.
    pub amount: i64,
    /// The currency, as three small letters.
    pub currency: String,
    /// Who pays.
    pub customer: Option<String>,
    /// What is charged.
    pub payment_method: Option<String>,
    /// Tries it at once.
    pub confirm: Option<bool>,
    /// Whether the payer is away.
    pub off_session: Option<bool>,
    /// Which payment methods are taken: those of the dashboard, when it is `None`.
    pub automatic_payment_methods: Option<AutomaticMethods>,
    /// Where a payer who had to leave the page comes back to. Needed when it is confirmed at once and methods that lead
    /// elsewhere are taken.
    pub return_url: Option<String>,
    /// What the customer reads.
    pub description: Option<String>,
    /// Names and texts; our operation's id stands in them, so that a payment without an answer can be found.
    pub metadata: Option<Metadata>,
}

/// Payment methods as the dashboard has them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AutomaticMethods {
    /// On.
    pub enabled: bool,
    /// `always`, or `never`: none that leads the payer elsewhere, as for a payment without one.
    pub allow_redirects: Option<&'static str>,
}

/// Which payments.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Payments {
    /// Of one customer.
    pub customer: Option<String>,
    /// Created then.
    pub created: Option<Created>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageOf,
}

/// Which setups.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Setups {
    /// Of one customer.
    pub customer: Option<String>,
    /// Created then.
    pub created: Option<Created>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageOf,
}

/// A refund to be.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewRefund {
    /// Of which payment.
    pub payment_intent: Option<String>,
    /// Of which charge.
    pub charge: Option<String>,
    /// Minor units; `None` is what is left.
    pub amount: Option<i64>,
    /// `duplicate`, `fraudulent` or `requested_by_customer`.
    pub reason: Option<&'static str>,
    /// Names and texts.
    pub metadata: Option<Metadata>,
}

/// Which refunds or disputes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OfPayment {
    /// Of one payment.
    pub payment_intent: Option<String>,
    /// Of one charge.
    pub charge: Option<String>,
    /// Created then.
    pub created: Option<Created>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageOf,
}

/// Which charges.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Charges {
    /// Of one customer.
    pub customer: Option<String>,
    /// Of one payment.
    pub payment_intent: Option<String>,
    /// Created then.
    pub created: Option<Created>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageOf,
}

/// A setup to be: a payment method is kept and nothing is paid.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewSetup {
    /// Whose.
    pub customer: Option<String>,
    /// `off_session` or `on_session`.
    pub usage: Option<&'static str>,
    /// Names and texts.
    pub metadata: Option<Metadata>,
}

/// Makes a payment. `POST /v1/payment_intents`
#[must_use]
pub fn create(payment: &NewPayment) -> Call<PaymentIntent> {
    Call::post(&["v1", "payment_intents"], payment).of(payment.customer.as_deref())
}

/// Reads a payment. `GET /v1/payment_intents/{id}`
#[must_use]
pub fn retrieve(id: &str) -> Call<PaymentIntent> {
    Call::get(&["v1", "payment_intents", id], &Nothing {})
}

/// Tries a payment. `POST /v1/payment_intents/{id}/confirm`
#[must_use]
pub fn confirm(id: &str, payment_method: Option<&str>) -> Call<PaymentIntent> {
    #[derive(Serialize)]
    struct How<'a> {
        payment_method: Option<&'a str>,
    }
    Call::post(&["v1", "payment_intents", id, "confirm"], &How { payment_method }).of(Some(id))
}

/// Gives a payment up. `POST /v1/payment_intents/{id}/cancel`
#[must_use]
pub fn cancel(id: &str) -> Call<PaymentIntent> {
    Call::post(&["v1", "payment_intents", id, "cancel"], &Nothing {}).of(Some(id))
}

/// Lists payments, newest first. `GET /v1/payment_intents`
#[must_use]
pub fn list(which: &Payments) -> Call<List<PaymentIntent>> {
    Call::get(&["v1", "payment_intents"], which)
}

/// Begins a setup. `POST /v1/setup_intents`
#[must_use]
pub fn create_setup(setup: &NewSetup) -> Call<SetupIntent> {
    Call::post(&["v1", "setup_intents"], setup).of(setup.customer.as_deref())
}

/// Reads a setup. `GET /v1/setup_intents/{id}`
#[must_use]
pub fn setup(id: &str) -> Call<SetupIntent> {
    Call::get(&["v1", "setup_intents", id], &Nothing {})
}

/// Lists setups, newest first. `GET /v1/setup_intents`
#[must_use]
pub fn setups(which: &Setups) -> Call<List<SetupIntent>> {
    Call::get(&["v1", "setup_intents"], which)
}

/// Reads a charge. `GET /v1/charges/{id}`
#[must_use]
pub fn charge(id: &str) -> Call<Charge> {
    Call::get(&["v1", "charges", id], &Nothing {})
}

/// Lists charges, newest first. `GET /v1/charges`
#[must_use]
pub fn charges(which: &Charges) -> Call<List<Charge>> {
    Call::get(&["v1", "charges"], which)
}

/// Gives money back. `POST /v1/refunds`
#[must_use]
pub fn refund(refund: &NewRefund) -> Call<Refund> {
    Call::post(&["v1", "refunds"], refund).of(refund.payment_intent.as_deref().or(refund.charge.as_deref()))
}

/// Reads a refund. `GET /v1/refunds/{id}`
#[must_use]
pub fn retrieve_refund(id: &str) -> Call<Refund> {
    Call::get(&["v1", "refunds", id], &Nothing {})
}

/// Lists refunds, newest first. `GET /v1/refunds`
#[must_use]
pub fn refunds(which: &OfPayment) -> Call<List<Refund>> {
    Call::get(&["v1", "refunds"], which)
}

/// Reads a dispute. `GET /v1/disputes/{id}`
#[must_use]
pub fn dispute(id: &str) -> Call<Dispute> {
    Call::get(&["v1", "disputes", id], &Nothing {})
}

/// Lists disputes, newest first. `GET /v1/disputes`
#[must_use]
pub fn disputes(which: &OfPayment) -> Call<List<Dispute>> {
    Call::get(&["v1", "disputes"], which)
}
