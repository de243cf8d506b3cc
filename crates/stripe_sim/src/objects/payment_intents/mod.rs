//! Payment intents: one payment, from the wish for it to the money.

pub(crate) mod amounts;
mod api;
mod confirm;
mod engine;
pub(crate) mod refusals;
#[cfg(test)]
pub(crate) mod stage;
#[cfg(test)]
mod tests;

pub(crate) use api::{create, list, retrieve, update};
pub(crate) use confirm::{cancel_asked, capture, capture_of_charge, confirm};
pub(crate) use engine::{attempt, authenticate, debit_settles, next_action};

use super::{Kept, charges, metadata::Metadata};
use crate::world::{Cx, Resource, World, plain};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One payment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PaymentIntent {
    pub id: String,
    pub created: i64,
    /// In minor units, as all amounts.
    pub amount: i64,
    pub amount_capturable: i64,
    pub amount_received: i64,
    pub currency: String,
    pub status: Status,
    pub customer: Option<String>,
    pub description: Option<String>,
    pub metadata: Metadata,
    pub payment_method: Option<String>,
    /// By type of payment method.
    pub payment_method_options: Value,
    pub payment_method_types: Vec<String>,
    /// `on_session` or `off_session`.
    pub setup_future_usage: Option<String>,
    /// `automatic`, `automatic_async` or `manual`.
    pub capture_method: String,
    /// `automatic` or `manual`.
    pub confirmation_method: String,
    pub client_secret: String,
    pub latest_charge: Option<String>,
    pub last_payment_error: Option<Value>,
    pub next_action: Option<Value>,
    pub canceled_at: Option<i64>,
    pub cancellation_reason: Option<String>,
    /// Fields that are kept as they were given.
    #[serde(flatten)]
    pub kept: Kept,
    /// The invoice it pays. Hidden, as all that follow.
    pub invoice: Option<String>,
    /// The checkout session it belongs to.
    pub checkout_session: Option<String>,
    /// Where the payer goes after a challenge.
    pub return_url: Option<String>,
    /// Whether the holder passed the challenge, and the payment is yet to be confirmed again.
    pub proven: bool,
    /// When a bank debit on its way ends.
    pub settles_at: Option<i64>,
}

/// Fields that are not shown.
const HIDDEN: &[&str] = &["invoice", "checkout_session", "return_url", "proven", "settles_at"];

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Canceled,
    Processing,
    RequiresAction,
    RequiresCapture,
    RequiresConfirmation,
    RequiresPaymentMethod,
    Succeeded,
}

impl Status {
    /// Its name in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Canceled => "canceled",
            Self::Processing => "processing",
            Self::RequiresAction => "requires_action",
            Self::RequiresCapture => "requires_capture",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::Succeeded => "succeeded",
        }
    }

    /// Whether the payer, or the seller, has still to do something before money moves.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::RequiresAction | Self::RequiresConfirmation | Self::RequiresPaymentMethod)
    }
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Succeeded,
    /// A bank debit is on its way.
    Processing,
    /// The payer has to do something.
    RequiresAction,
    /// The whole refusal. It is not marked as kept: whoever answers with it says whether what was done stands.
    Declined(Box<crate::error::ApiError>),
}

/// A payment to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewIntent {
    pub amount: i64,
    pub currency: String,
    pub customer: Option<String>,
    pub description: Option<String>,
    pub metadata: Metadata,
    pub payment_method: Option<String>,
    pub payment_method_options: Option<Value>,
    pub setup_future_usage: Option<String>,
    /// `automatic_async` unless said otherwise, as since 2024.
    pub capture_method: Option<String>,
    pub confirmation_method: Option<String>,
    pub return_url: Option<String>,
    pub invoice: Option<String>,
    pub checkout_session: Option<String>,
    /// Fields that mean nothing here.
    pub kept: Kept,
}

/// Opens a payment, tells it, and answers its id.
pub(crate) fn open(cx: &mut Cx<'_>, new: NewIntent) -> String {
    let id = cx.new_id("pi");
    let secret = cx.world.random.letters(25);
    let created = cx.now();
    let status =
        if new.payment_method.is_some() { Status::RequiresConfirmation } else { Status::RequiresPaymentMethod };
    let intent = PaymentIntent {
        client_secret: format!("{id}_secret_{secret}"),
        id,
        created,
        amount: new.amount,
        amount_capturable: 0,
        amount_received: 0,
        payment_method_types: types(&new.currency),
        currency: new.currency,
        status,
        customer: new.customer,
        description: new.description,
        metadata: new.metadata,
        payment_method: new.payment_method,
        payment_method_options: options(&usual_options(), new.payment_method_options.as_ref()),
        setup_future_usage: new.setup_future_usage,
        capture_method: new.capture_method.unwrap_or_else(|| "automatic_async".to_owned()),
        confirmation_method: new.confirmation_method.unwrap_or_else(|| "automatic".to_owned()),
        latest_charge: None,
        last_payment_error: None,
        next_action: None,
        canceled_at: None,
        cancellation_reason: None,
        kept: new.kept,
        invoice: new.invoice,
        checkout_session: new.checkout_session,
        return_url: new.return_url,
        proven: false,
        settles_at: None,
    };
    let id = intent.id.clone();
    cx.create(intent, "payment_intent.created");
    id
}

/// What an account takes by default. A bank debit only in its currency.
pub(crate) fn types(currency: &str) -> Vec<String> {
    let debit = match currency {
        "usd" => Some("us_bank_account"),
        "eur" => Some("sepa_debit"),
        _ => None,
    };
    ["card", "link"].into_iter().chain(debit).map(str::to_owned).collect()
}

fn usual_options() -> Value {
    json!({ "card": { "request_three_d_secure": "automatic" } })
}

/// Parameters of a card that are used and not shown.
const USED_UP: &[&str] = &["cvc_token", "moto", "three_d_secure"];

/// Options after a change: those of a type that were given join those it has, null takes one away.
pub(crate) fn options(kept: &Value, given: Option<&Value>) -> Value {
    let mut all = kept.clone();
    for (kind, changes) in given.and_then(Value::as_object).into_iter().flatten() {
        let mut own = all[kind.as_str()].as_object().cloned().unwrap_or_default();
        for (name, value) in changes.as_object().into_iter().flatten() {
            if value.is_null() || USED_UP.contains(&name.as_str()) {
                own.remove(name);
            } else {
                own.insert(name.clone(), value.clone());
            }
        }
        all[kind.as_str()] = Value::Object(own);
    }
    all
}

/// Leaves a payment to the payer, who may be known by a payment method. `keep_method` says that what it is paid with is
/// kept for later payments. Nobody is told: there is no event for it.
pub(crate) fn await_payer(cx: &mut Cx<'_>, intent: &str, method: Option<&str>, keep_method: bool) {
    cx.edit::<PaymentIntent>(intent, |intent| {
        if !intent.status.is_open() {
            return;
        }
        if let Some(method) = method {
            intent.payment_method = Some(method.to_owned());
            intent.status = Status::RequiresConfirmation;
        }
        if keep_method {
            intent.setup_future_usage = Some("off_session".to_owned());
        }
    });
}

/// Whether a bank debit for it is on its way.
pub(crate) fn is_processing(world: &World, intent: &str) -> bool {
    world.get::<PaymentIntent>(intent).is_some_and(|intent| intent.status == Status::Processing)
}

/// Gives a payment up, if it did not come to an end already: what was authorized goes back, a debit on its way is
/// stopped.
pub(crate) fn cancel(cx: &mut Cx<'_>, intent: &str, reason: &str) {
    give_up(cx, intent, Some(reason));
}

/// As [`cancel`], with or without a reason.
fn give_up(cx: &mut Cx<'_>, intent: &str, reason: Option<&str>) {
    let over = |intent: &PaymentIntent| matches!(intent.status, Status::Canceled | Status::Succeeded);
    let Some(found) = cx.world.get::<PaymentIntent>(intent).filter(|found| !over(found)).cloned() else { return };
    let now = cx.now();
    cx.edit::<PaymentIntent>(intent, |intent| {
        intent.status = Status::Canceled;
        intent.canceled_at = Some(now);
        intent.cancellation_reason = reason.map(str::to_owned);
        intent.amount_capturable = 0;
        intent.next_action = None;
        intent.settles_at = None;
    });
    match (found.status, &found.latest_charge) {
        (Status::RequiresCapture, Some(charge)) => charges::release(cx, charge),
        (Status::Processing, Some(charge)) => charges::stop(cx, charge),
        _ => {}
    }
    cx.tell::<PaymentIntent>("payment_intent.canceled", intent);
}

impl PaymentIntent {
    /// The options for payment methods of this type.
    fn option(&self, kind: &str, name: &str) -> Option<&str> {
        self.payment_method_options.get(kind)?.get(name)?.as_str()
    }

    /// Whether a payment with this type of method is only authorized at first.
    pub fn is_captured_later(&self, kind: &str) -> bool {
        kind == "card" && (self.capture_method == "manual" || self.option(kind, "capture_method") == Some("manual"))
    }

    /// What the method is kept for after a payment, if it is.
    pub fn future_usage(&self, kind: &str) -> Option<&str> {
        match self.option(kind, "setup_future_usage") {
            Some("none") => None,
            Some(usage) => Some(usage),
            None => self.setup_future_usage.as_deref(),
        }
    }

    /// Whether the seller wants the holder to be challenged.
    pub fn asks_for_challenge(&self) -> bool {
        matches!(self.option("card", "request_three_d_secure"), Some("any" | "challenge"))
    }
}

impl Resource for PaymentIntent {
    const SCHEMA: &'static str = "payment_intent";

    fn id(&self) -> &str {
        &self.id
    }

    fn owners(&self) -> Vec<&str> {
        self.customer.as_deref().into_iter().collect()
    }

    fn view(&self, _world: &World) -> Value {
        let mut value = plain(self);
        if let Some(fields) = value.as_object_mut() {
            for name in HIDDEN {
                fields.remove(*name);
            }
            if !fields.contains_key("automatic_payment_methods") {
                let usual = json!({ "allow_redirects": "always", "enabled": true });
                fields.insert("automatic_payment_methods".into(), usual);
            }
        }
        value
    }
}
