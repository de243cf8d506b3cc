//! An invoice is paid, or it is tried.

use super::{Invoice, InvoicePayment, Status, finalize, payments};
use crate::{
    error::ApiError,
    objects::{
        payment_intents::{self, Outcome},
        subscriptions::{self, Subscription},
    },
    world::Cx,
};

/// Leaves the first payment to the payer; `None` when there is nothing to pay.
pub(crate) fn open(cx: &mut Cx<'_>, id: &str, keep_method: bool) -> Option<Outcome> {
    let invoice = cx.world.get::<Invoice>(id)?.clone();
    if invoice.amount_due == 0 {
        note(cx, id, &Outcome::Succeeded, false);
        return Some(Outcome::Succeeded);
    }
    let method = charged_to(cx, &invoice);
    if let Some(intent) = &invoice.payment_intent {
        payment_intents::await_payer(cx, intent, method.as_deref(), keep_method);
    }
    Some(Outcome::RequiresAction)
}

/// Who tries to have an invoice paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Stripe, when it is due.
    Itself,
    /// The seller, while the payer is away.
    Seller,
    /// The payer, who is there to answer a challenge.
    Payer,
}

impl By {
    /// A request with or without the payer.
    pub const fn request(off_session: bool) -> Self {
        if off_session { Self::Seller } else { Self::Payer }
    }
}

/// Tries to have a final invoice paid now, by `method` or what the invoice, its subscription or its customer name. The
/// payment is told; the invoice is not, see [`tell`].
///
/// # Errors
/// There is nothing to pay with.
pub(crate) fn collect(cx: &mut Cx<'_>, id: &str, method: Option<&str>, by: By) -> Result<Outcome, ApiError> {
    let Some(invoice) = cx.world.get::<Invoice>(id).cloned() else { return Err(ApiError::no_such("invoice", id)) };
    if invoice.remaining() == 0 {
        note(cx, id, &Outcome::Succeeded, false);
        return Ok(Outcome::Succeeded);
    }
    let method = method.map(str::to_owned).or_else(|| charged_to(cx, &invoice)).ok_or_else(nothing_to_pay_with)?;
    // One that was sent has none before somebody pays it by card.
    let intent = invoice.payment_intent.clone().or_else(|| finalize::open_intent(cx, id)).unwrap_or_default();
    let outcome = payment_intents::attempt(cx, &intent, &method, by != By::Payer);
    note(cx, id, &outcome, by == By::Itself);
    Ok(outcome)
}

/// What an invoice is charged to.
pub(crate) fn charged_to(cx: &Cx<'_>, invoice: &Invoice) -> Option<String> {
    let of_subscription = || {
        let subscription = cx.world.get::<Subscription>(invoice.subscription.as_ref()?)?;
        subscription.payment_method(cx.world)
    };
    let of_customer = || {
        let customer = cx.world.get::<crate::objects::customers::Customer>(&invoice.customer)?;
        customer.default_payment_method.clone()
    };
    invoice.default_payment_method.clone().or_else(of_subscription).or_else(of_customer)
}

/// Puts down on the invoice what came of an attempt. The first attempt counts, and after it those that Stripe makes by
/// itself; by hand it may be tried as often as one likes.
/// Source: `attempt_count` in the declarations of `stripe@23.1.0` of npm.
pub(crate) fn note(cx: &mut Cx<'_>, id: &str, outcome: &Outcome, by_itself: bool) {
    let now = cx.now();
    let tried = cx.world.get::<Invoice>(id).is_some_and(|invoice| invoice.amount_due > 0);
    cx.edit::<Invoice>(id, |invoice| {
        invoice.attempted = true;
        invoice.attempt_count += i64::from(tried && (by_itself || invoice.attempt_count == 0));
        if matches!(outcome, Outcome::Succeeded) {
            invoice.status = Status::Paid;
            invoice.amount_paid = invoice.amount_due;
            invoice.paid_at = Some(now);
            invoice.auto_advance = false;
            invoice.next_payment_attempt = None;
        }
    });
    if matches!(outcome, Outcome::Succeeded) && tried {
        payments::paid(cx, id);
    }
}

/// Tells what came of an attempt, and lets the subscription follow. `first` says that the subscription begins with it,
/// and so has been told already.
pub(crate) fn tell(cx: &mut Cx<'_>, id: &str, outcome: &Outcome, first: bool) {
    let subscription = cx.world.get::<Invoice>(id).and_then(|invoice| invoice.subscription.clone());
    match outcome {
        Outcome::Succeeded => {
            cx.tell::<Invoice>("invoice.paid", id);
            cx.tell::<Invoice>("invoice.payment_succeeded", id);
            if let Some(subscription) = subscription.filter(|_| !first) {
                subscriptions::status::paid(cx, &subscription, id);
            }
            let intent = cx.world.get::<Invoice>(id).and_then(|invoice| invoice.payment_intent.clone());
            let paid = |payment: &&InvoicePayment| payment.status == "paid";
            let payment = intent
                .and_then(|intent| cx.world.of::<InvoicePayment>(&intent).rfind(paid).map(|paid| paid.id.clone()));
            if let Some(payment) = payment {
                cx.tell::<InvoicePayment>("invoice_payment.paid", &payment);
            }
        }
        Outcome::RequiresAction => {
            if cx.world.get::<Invoice>(id).is_some_and(|invoice| invoice.attempted) {
                cx.tell::<Invoice>("invoice.payment_action_required", id);
                cx.tell::<Invoice>("invoice.payment_failed", id);
            }
        }
        Outcome::Declined(error) => {
            if error.code.as_deref() == Some("authentication_required") {
                // The payer was away, and must come back to prove to be the holder of the card.
                cx.tell::<Invoice>("invoice.payment_action_required", id);
            }
            cx.tell::<Invoice>("invoice.payment_failed", id);
            if let Some(subscription) = subscription.filter(|_| !first) {
                subscriptions::status::failed(cx, &subscription);
            }
        }
        Outcome::Processing => {}
    }
}

/// Nothing to pay with. Stripe has no code of its own for it.
pub(crate) fn nothing_to_pay_with() -> ApiError {
    ApiError::invalid(
        "This customer has no attached payment source or default payment method. Please consider adding a default \
         payment method. For more information, visit \
         https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
    )
    .code("resource_missing")
}

/// The payer has something to do, and nothing may be kept until that is done.
pub(crate) fn needs_action_whole() -> ApiError {
    let message = "Payment for this subscription requires additional user action, but the requested payment behavior \
         doesn't save the invoice or PaymentIntent. Retry the request with `payment_behavior=allow_incomplete` or \
         `payment_behavior=default_incomplete`, then complete the PaymentIntent on the subscription's latest invoice. \
         Additional information is available here: \
         https://stripe.com/docs/billing/subscriptions/overview#requires-action";
    let error = ApiError::invalid(message).code("subscription_payment_intent_requires_action").status(402);
    ApiError { kind: "card_error", ..error }
}
