//! What payment intents refuse, in Stripe's words.

use super::{PaymentIntent, Status};
use crate::{error::ApiError, world::Cx};
use serde_json::Value;

/// A refusal because of where the payment stands; it shows the payment.
fn unexpected(cx: &Cx<'_>, intent: &PaymentIntent, message: impl Into<String>) -> ApiError {
    let shown = cx.world.wire(intent);
    ApiError::invalid(message).code("payment_intent_unexpected_state").with("payment_intent", shown)
}

/// It cannot be confirmed: it has nothing to be paid with.
pub(super) fn without_method(cx: &Cx<'_>, intent: &PaymentIntent) -> ApiError {
    let advice = match &intent.customer {
        Some(customer) => format!(
            "To confirm the PaymentIntent with {customer}, specify a payment method attached to this customer along \
             with the customer ID."
        ),
        None => "You can either update the PaymentIntent with a payment method and then confirm it again, or confirm \
                 it again directly with a payment method or ConfirmationToken."
            .to_owned(),
    };
    let message = format!("You cannot confirm this PaymentIntent because it's missing a payment method. {advice}");
    unexpected(cx, intent, message)
}

/// It cannot be confirmed where it stands. The text for all but a success is by analogy with the one for cancelling.
pub(super) fn not_confirmable(cx: &Cx<'_>, intent: &PaymentIntent) -> ApiError {
    let message = match intent.status {
        Status::Succeeded => "You cannot confirm this PaymentIntent because it has already succeeded after being \
                              previously confirmed."
            .to_owned(),
        status => format!(
            "You cannot confirm this PaymentIntent because it has a status of {}. Only a PaymentIntent with one of the \
             following statuses may be confirmed: requires_payment_method, requires_confirmation, requires_action.",
            status.name()
        ),
    };
    unexpected(cx, intent, message)
}

/// It cannot be cancelled where it stands.
pub(super) fn not_cancelable(cx: &Cx<'_>, intent: &PaymentIntent) -> ApiError {
    let message = format!(
        "You cannot cancel this PaymentIntent because it has a status of {}. Only a PaymentIntent with one of the \
         following statuses may be canceled: requires_payment_method, requires_capture, requires_reauthorization, \
         requires_confirmation, requires_action, expired, processing.",
        intent.status.name()
    );
    unexpected(cx, intent, message)
}

/// It cannot be captured where it stands.
pub(super) fn not_capturable(cx: &Cx<'_>, intent: &PaymentIntent) -> ApiError {
    let message = match intent.status {
        Status::Succeeded => "The remaining amount on this PaymentIntent could not be captured because the remainder \
                              of the authorized amount has been released."
            .to_owned(),
        status => format!(
            "This PaymentIntent could not be captured because it has a status of {}. Only a PaymentIntent with one of \
             the following statuses may be captured: requires_capture.",
            status.name()
        ),
    };
    unexpected(cx, intent, message)
}

/// More is to be captured than was authorized.
pub(crate) fn too_much_to_capture() -> ApiError {
    ApiError::invalid(
        "The payment could not be captured because the requested capture amount is greater than the amount you can \
         capture for this charge. Contact us via https://support.stripe.com/contact/ for help.",
    )
    .code("amount_too_large")
}

/// `field` can no longer be changed. The text is from memory.
pub(super) fn not_changeable(cx: &Cx<'_>, intent: &PaymentIntent, field: &str) -> ApiError {
    let message = format!(
        "This PaymentIntent's {field} could not be updated because it has a status of {}. You may only update the \
         {field} of a PaymentIntent with one of the following statuses: requires_payment_method, \
         requires_confirmation, requires_action.",
        intent.status.name()
    );
    unexpected(cx, intent, message).at(field)
}

/// It is paid through something else, which has to be given up instead. The words are ours.
pub(super) fn of_something_else(cx: &Cx<'_>, intent: &PaymentIntent) -> Option<ApiError> {
    let advice = if intent.invoice.is_some() {
        "belongs to an invoice. Void the invoice instead."
    } else if intent.checkout_session.is_some() {
        "belongs to a Checkout Session. Expire the Checkout Session instead."
    } else {
        return None;
    };
    Some(unexpected(cx, intent, format!("You cannot cancel this PaymentIntent because it {advice}")))
}

/// A whole number that is below one.
pub(crate) fn below_one(param: &str) -> ApiError {
    ApiError::wrong("This value must be greater than or equal to 1.", param).code("parameter_invalid_integer")
}

/// The holder did not pass the challenge. `code` says whether of a payment or a setup. The text is from memory.
pub(crate) fn not_authenticated(code: &str) -> ApiError {
    let message = "We are unable to authenticate your payment method. Please choose a different payment method and \
                   try again.";
    ApiError::invalid(message).code(code).status(402)
}

/// The refusal that a payment remembers as its last error.
pub(crate) fn of_last_error(cx: &Cx<'_>, intent: &PaymentIntent) -> ApiError {
    let last = intent.last_payment_error.clone().unwrap_or_default();
    let text = |name: &str| last.get(name).and_then(Value::as_str).map(str::to_owned);
    let kind = if text("type").as_deref() == Some("card_error") { "card_error" } else { "invalid_request_error" };
    let refusal = ApiError::invalid(text("message").unwrap_or_default()).status(402);
    let mut error = ApiError { kind, code: text("code"), param: text("param"), ..refusal };
    for name in ["advice_code", "charge", "decline_code", "network_decline_code", "payment_method"] {
        if let Some(value) = last.get(name) {
            error = error.with(name, value.clone());
        }
    }
    error.with("payment_intent", cx.world.wire(intent))
}

/// A refusal as it is remembered as the last error: with the method, without the intent.
pub(crate) fn remembered(error: &ApiError, kind: &str, method: Value) -> Value {
    let mut last = error.body()["error"].take();
    if let Some(fields) = last.as_object_mut() {
        fields.remove("payment_intent");
        fields.remove("setup_intent");
        fields.insert("payment_method".into(), method);
        fields.insert("payment_method_type".into(), kind.into());
    }
    last
}
