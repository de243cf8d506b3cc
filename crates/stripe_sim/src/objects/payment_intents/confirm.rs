//! Payment intents are confirmed, captured and cancelled.

use super::{
    Outcome, PaymentIntent, Status,
    api::{keep_given, method_given, of_path},
    engine::{Manner, run, settled},
    give_up, options, refusals,
};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{
        charges, disputes,
        metadata::merged,
        payment_methods::{self, Given},
    },
    world::Cx,
};
use serde::Deserialize;
use serde_json::Value;

/// What is said when a payment is confirmed, in the same request that makes it or in one of its own.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Confirmation {
    /// `true`, `one_off` or `recurring` when the payer is not there.
    pub off_session: Option<Value>,
    pub error_on_requires_action: Option<bool>,
    pub return_url: Option<String>,
    pub confirmation_token: Option<String>,
}

impl Confirmation {
    fn is_off_session(&self) -> bool {
        self.off_session.as_ref().is_some_and(|given| given.is_string() || given == true)
    }
}

/// Confirms the payment `id`, by `method` or the one it has, and answers it.
///
/// # Errors
/// It cannot be confirmed, or was declined; a decline stands.
pub(super) fn now(cx: &mut Cx<'_>, id: &str, method: Option<String>, said: &Confirmation) -> Result<Answer, ApiError> {
    if said.confirmation_token.is_some() {
        return Err(ApiError::not_simulated("confirmation tokens"));
    }
    let Some(intent) = cx.world.get::<PaymentIntent>(id).cloned() else {
        return Err(ApiError::no_such("payment_intent", id));
    };
    if !intent.status.is_open() {
        return Err(refusals::not_confirmable(cx, &intent));
    }
    let proven = intent.proven && method.is_none();
    let Some(method) = method.or_else(|| intent.payment_method.clone()) else {
        return Err(refusals::without_method(cx, &intent));
    };
    payment_methods::must_fit(cx, &method, intent.customer.as_deref())?;
    if let Some(url) = &said.return_url {
        cx.edit::<PaymentIntent>(id, |intent| intent.return_url = Some(url.clone()));
    }
    let no_challenge = said.error_on_requires_action == Some(true);
    let manner = Manner { off_session: said.is_off_session(), no_challenge, proven };
    let outcome = run(cx, id, &method, manner);
    if outcome != Outcome::RequiresAction {
        settled(cx, id, &outcome);
    }
    match outcome {
        Outcome::Declined(error) => Err((*error).kept()),
        _ => Answer::object::<PaymentIntent>(cx, id),
    }
}

#[derive(Deserialize)]
struct Changes {
    payment_method: Option<String>,
    payment_method_data: Option<Given>,
    payment_method_options: Option<Value>,
    setup_future_usage: Option<String>,
    capture_method: Option<String>,
}

/// `POST /v1/payment_intents/{id}/confirm`
pub(crate) fn confirm(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let changes: Changes = asked.read()?;
    let said: Confirmation = asked.read()?;
    let intent = of_path(cx, asked)?;
    if !intent.status.is_open() {
        return Err(refusals::not_confirmable(cx, &intent));
    }
    let method = method_given(cx, changes.payment_method.as_deref(), changes.payment_method_data.as_ref())?;
    cx.edit::<PaymentIntent>(&intent.id, |intent| {
        keep_given(&mut intent.kept, asked);
        intent.payment_method_options =
            options(&intent.payment_method_options, changes.payment_method_options.as_ref());
        if let Some(usage) = changes.setup_future_usage {
            intent.setup_future_usage = Some(usage);
        }
        if let Some(method) = changes.capture_method {
            intent.capture_method = method;
        }
    });
    now(cx, &intent.id, method, &said)
}

#[derive(Deserialize)]
struct Capture {
    amount_to_capture: Option<i64>,
    #[serde(default, deserialize_with = "crate::objects::given")]
    metadata: Option<Value>,
}

/// `POST /v1/payment_intents/{id}/capture`: what is not captured goes back to the payer.
pub(crate) fn capture(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Capture = asked.read()?;
    let intent = of_path(cx, asked)?;
    let metadata = merged(&intent.metadata, fields.metadata.as_ref())?;
    take(cx, &intent, fields.amount_to_capture, |intent| {
        intent.metadata = metadata;
        keep_given(&mut intent.kept, asked);
    })?;
    Answer::object::<PaymentIntent>(cx, &intent.id)
}

/// Captures a payment, `change` it on the way, and tells it.
fn take(
    cx: &mut Cx<'_>,
    intent: &PaymentIntent,
    amount: Option<i64>,
    change: impl FnOnce(&mut PaymentIntent),
) -> Result<(), ApiError> {
    let Some(charge) = intent.latest_charge.as_deref().filter(|_| intent.status == Status::RequiresCapture) else {
        return Err(refusals::not_capturable(cx, intent));
    };
    let amount = amount.unwrap_or(intent.amount_capturable);
    if amount < 1 {
        return Err(refusals::below_one("amount_to_capture"));
    }
    if amount > intent.amount_capturable {
        return Err(refusals::too_much_to_capture());
    }
    cx.edit::<PaymentIntent>(&intent.id, |intent| {
        change(intent);
        intent.status = Status::Succeeded;
        intent.amount_received = amount;
        intent.amount_capturable = 0;
    });
    charges::take(cx, charge, amount);
    disputes::follow(cx, charge);
    cx.tell::<PaymentIntent>("payment_intent.succeeded", &intent.id);
    Ok(())
}

/// Captures the payment of a charge that is captured by itself.
///
/// # Errors
/// It cannot be captured, or not so much of it.
pub(crate) fn capture_of_charge(cx: &mut Cx<'_>, intent: &str, amount: Option<i64>) -> Result<(), ApiError> {
    let intent: PaymentIntent = cx.given(intent, "payment_intent")?;
    take(cx, &intent, amount, |_| {})
}

/// `POST /v1/payment_intents/{id}/cancel`
pub(crate) fn cancel_asked(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let intent = of_path(cx, asked)?;
    if matches!(intent.status, Status::Canceled | Status::Succeeded) {
        return Err(refusals::not_cancelable(cx, &intent));
    }
    if let Some(error) = refusals::of_something_else(cx, &intent) {
        return Err(error);
    }
    give_up(cx, &intent.id, asked.params.get("cancellation_reason").and_then(Value::as_str));
    Answer::object::<PaymentIntent>(cx, &intent.id)
}
