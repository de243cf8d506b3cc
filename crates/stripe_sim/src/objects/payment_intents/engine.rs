//! How a payment goes: a try, a challenge, a bank debit that ends days later.
//!
//! Everything is done first and told after, in the order of real bursts: the charge, what follows it, the payment, the
//! method that is kept.

use super::{Outcome, PaymentIntent, Status, refusals};
use crate::{
    error::ApiError,
    objects::{
        cards::{Debit, Decline},
        charges::{self, End, Sale},
        checkout, disputes, invoices,
        payment_methods::{self, PaymentMethod},
    },
    world::{Cx, Timer},
};
use serde_json::{Value, json};

/// How a payment is tried.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Manner {
    /// The payer is not there.
    pub off_session: bool,
    /// A challenge is a failure.
    pub no_challenge: bool,
    /// The holder passed the challenge.
    pub proven: bool,
}

/// Tries to move the money of a payment by the payment method with the id `method`, tells the charge and the payment,
/// and answers what came of it. A payment that ended before stays as it is.
pub(crate) fn attempt(cx: &mut Cx<'_>, intent: &str, method: &str, off_session: bool) -> Outcome {
    run(cx, intent, method, Manner { off_session, ..Manner::default() })
}

/// As [`attempt`].
pub(super) fn run(cx: &mut Cx<'_>, intent: &str, method: &str, manner: Manner) -> Outcome {
    let Some(found) = cx.world.get::<PaymentIntent>(intent).cloned() else {
        return refused(ApiError::no_such("payment_intent", intent));
    };
    match found.status {
        Status::Succeeded | Status::RequiresCapture => return Outcome::Succeeded,
        Status::Processing => return Outcome::Processing,
        Status::Canceled => return refused(refusals::not_confirmable(cx, &found)),
        Status::RequiresAction | Status::RequiresConfirmation | Status::RequiresPaymentMethod => {}
    }
    // A customer's default may be known by the name everyone shares.
    let owner = found.customer.as_deref().filter(|_| cx.find::<PaymentMethod>(method).is_none());
    let own = owner.and_then(|owner| payment_methods::own(cx, method, owner, "payment_method").ok());
    let method = own.as_deref().unwrap_or(method);
    if let Err(error) = payment_methods::must_fit(cx, method, found.customer.as_deref()) {
        return refused(error);
    }
    let Some(method) = cx.world.get::<PaymentMethod>(method).cloned() else {
        return refused(ApiError::no_such("PaymentMethod", method));
    };
    let asked = found.asks_for_challenge() && !manner.off_session;
    if manner.proven || !method.behaviour.challenges(method.set_up, manner.off_session, asked) {
        pay(cx, &found, &method, manner.proven)
    } else if manner.off_session || manner.no_challenge {
        unpaid(cx, &found, &method, Decline::AuthenticationRequired.error(), None)
    } else {
        challenge(cx, &found, &method)
    }
}

fn refused(error: ApiError) -> Outcome {
    Outcome::Declined(Box::new(error))
}

/// The holder has to prove to be the holder, on a page of the sandbox or through Stripe's library.
fn challenge(cx: &mut Cx<'_>, intent: &PaymentIntent, method: &PaymentMethod) -> Outcome {
    let action = next_action(cx, &intent.id, intent.return_url.as_deref());
    cx.edit::<PaymentIntent>(&intent.id, |intent| {
        intent.status = Status::RequiresAction;
        intent.payment_method = Some(method.id.clone());
        intent.next_action = Some(action);
        intent.last_payment_error = None;
        intent.proven = false;
    });
    cx.tell::<PaymentIntent>("payment_intent.requires_action", &intent.id);
    Outcome::RequiresAction
}

/// What the payer has to do about the intent `id`: go to the sandbox's page, from which one comes back to
/// `return_url`; without that, hand it to Stripe's library.
pub(crate) fn next_action(cx: &mut Cx<'_>, id: &str, return_url: Option<&str>) -> Value {
    let page = format!("{}/_sandbox/3ds/{id}", cx.world.settings.base);
    match return_url {
        Some(back) => json!({ "redirect_to_url": { "return_url": back, "url": page }, "type": "redirect_to_url" }),
        None => {
            let source = cx.new_id("src");
            json!({
                "type": "use_stripe_sdk",
                "use_stripe_sdk": { "source": source, "stripe_js": page, "type": "three_d_secure_redirect" },
            })
        }
    }
}

/// Charges the method.
fn pay(cx: &mut Cx<'_>, intent: &PaymentIntent, method: &PaymentMethod, proven: bool) -> Outcome {
    if let Some(decline) = method.behaviour.charging {
        let charge = charges::charge(cx, Sale::of(intent), method, End::Failed(decline), proven);
        return unpaid(cx, intent, method, decline.error(), Some(&charge));
    }
    match method.behaviour.debit {
        Some(debit) => send_debit(cx, intent, method, debit),
        None => paid(cx, intent, method, proven),
    }
}

/// The payment did not work, with a charge or before one was made.
fn unpaid(
    cx: &mut Cx<'_>,
    intent: &PaymentIntent,
    method: &PaymentMethod,
    error: ApiError,
    charge: Option<&str>,
) -> Outcome {
    let shown = cx.world.wire(method);
    let error = match charge {
        Some(charge) => error.with("charge", charge),
        None => error,
    };
    let last = refusals::remembered(&error, &method.kind, shown.clone());
    cx.edit::<PaymentIntent>(&intent.id, |intent| {
        intent.status = Status::RequiresPaymentMethod;
        intent.payment_method = None;
        intent.next_action = None;
        intent.last_payment_error = Some(last);
        intent.proven = false;
        intent.settles_at = None;
        if let Some(charge) = charge {
            intent.latest_charge = Some(charge.to_owned());
        }
    });
    if let Some(charge) = charge {
        cx.tell::<charges::Charge>("charge.failed", charge);
    }
    cx.tell::<PaymentIntent>("payment_intent.payment_failed", &intent.id);
    let intent = cx.world.shown("payment_intent", &intent.id).unwrap_or_default();
    refused(error.with("payment_intent", intent).with("payment_method", shown))
}

/// The money is there, or set aside.
fn paid(cx: &mut Cx<'_>, intent: &PaymentIntent, method: &PaymentMethod, proven: bool) -> Outcome {
    let later = intent.is_captured_later(&method.kind);
    let end = if later { End::Authorized } else { End::Paid };
    let usage = intent.future_usage(&method.kind);
    payment_methods::paid_with(cx, &method.id, usage.is_some());
    // The charge shows what the issuer said of the card just now.
    let method = cx.world.get::<PaymentMethod>(&method.id).cloned().unwrap_or_else(|| method.clone());
    let charge = charges::charge(cx, Sale::of(intent), &method, end, proven);
    cx.edit::<PaymentIntent>(&intent.id, |intent| {
        intent.payment_method = Some(method.id.clone());
        intent.latest_charge = Some(charge.clone());
        intent.next_action = None;
        intent.last_payment_error = None;
        intent.proven = false;
        if later {
            intent.status = Status::RequiresCapture;
            intent.amount_capturable = intent.amount;
        } else {
            intent.status = Status::Succeeded;
            intent.amount_received = intent.amount;
        }
    });
    if !later && intent.capture_method != "automatic_async" {
        charges::book(cx, &charge);
    }
    cx.tell::<charges::Charge>("charge.succeeded", &charge);
    if later {
        cx.tell::<PaymentIntent>("payment_intent.amount_capturable_updated", &intent.id);
    } else {
        disputes::follow(cx, &charge);
        cx.tell::<PaymentIntent>("payment_intent.succeeded", &intent.id);
    }
    keep_method(cx, intent, &method);
    if !later {
        let before = cx.before::<charges::Charge>(&charge);
        charges::book(cx, &charge);
        cx.tell_change::<charges::Charge>("charge.updated", &charge, before);
    }
    Outcome::Succeeded
}

/// Attaches what was paid with to the customer, if the payment says so.
fn keep_method(cx: &mut Cx<'_>, intent: &PaymentIntent, method: &PaymentMethod) {
    if let Some(customer) = intent.customer.as_deref()
        && intent.future_usage(&method.kind).is_some()
        && method.customer.is_none()
    {
        payment_methods::keep_for(cx, &method.id, customer);
    }
}

/// Sends a debit to the bank; how it ends shows later.
fn send_debit(cx: &mut Cx<'_>, intent: &PaymentIntent, method: &PaymentMethod, debit: Debit) -> Outcome {
    let at = debit.after.map(|after| cx.now() + after);
    payment_methods::paid_with(cx, &method.id, intent.future_usage(&method.kind).is_some());
    let charge = charges::charge(cx, Sale::of(intent), method, End::Pending, false);
    cx.edit::<PaymentIntent>(&intent.id, |intent| {
        intent.status = Status::Processing;
        intent.payment_method = Some(method.id.clone());
        intent.latest_charge = Some(charge.clone());
        intent.next_action = None;
        intent.last_payment_error = None;
        intent.settles_at = at;
    });
    if let Some(at) = at {
        cx.at(at, Timer::DebitSettles(intent.id.clone()));
    }
    cx.tell::<PaymentIntent>("payment_intent.processing", &intent.id);
    cx.tell::<charges::Charge>("charge.pending", &charge);
    keep_method(cx, intent, method);
    Outcome::Processing
}

/// How long after its success a bank debit is taken back by its holder, where the test account says so: within the
/// eight weeks of <https://docs.stripe.com/payments/sepa-debit>; that it is three days is ours.
const TAKEN_BACK_AFTER: i64 = 3 * 24 * 3600;

/// A bank debit ends.
pub(crate) fn debit_settles(cx: &mut Cx<'_>, intent: &str) {
    let now = cx.now();
    let due =
        |found: &&PaymentIntent| found.status == Status::Processing && found.settles_at.is_some_and(|at| at <= now);
    let Some(found) = cx.world.get::<PaymentIntent>(intent).filter(due).cloned() else { return };
    let Some(charge) = found.latest_charge.clone() else { return };
    let Some(method) = found.payment_method.as_deref().and_then(|id| cx.world.get::<PaymentMethod>(id)).cloned() else {
        return;
    };
    let outcome = match method.behaviour.debit.and_then(|debit| debit.fails) {
        Some(decline) => {
            charges::settle(cx, &charge, Some(decline));
            let error = decline.error().with("charge", charge.as_str());
            unpaid(cx, &found, &method, error, None)
        }
        None => {
            cx.edit::<PaymentIntent>(intent, |intent| {
                intent.status = Status::Succeeded;
                intent.amount_received = intent.amount;
                intent.settles_at = None;
            });
            charges::settle(cx, &charge, None);
            cx.tell::<PaymentIntent>("payment_intent.succeeded", intent);
            if disputes::is_disputed_later(cx, &charge) {
                cx.at(now + TAKEN_BACK_AFTER, Timer::DisputeOpens(charge));
            }
            Outcome::Succeeded
        }
    };
    settled(cx, intent, &outcome);
}

/// The holder answered the challenge on the sandbox's page, well or not. Nothing happens when there is none.
pub(crate) fn authenticate(cx: &mut Cx<'_>, intent: &str, well: bool) {
    let waits = |found: &&PaymentIntent| found.status == Status::RequiresAction;
    let Some(found) = cx.world.get::<PaymentIntent>(intent).filter(waits).cloned() else { return };
    let Some(method) = found.payment_method.as_deref().and_then(|id| cx.world.get::<PaymentMethod>(id)).cloned() else {
        return;
    };
    if well && found.confirmation_method == "manual" {
        // The seller's server has the last word.
        cx.edit::<PaymentIntent>(intent, |intent| {
            intent.status = Status::RequiresConfirmation;
            intent.next_action = None;
            intent.proven = true;
        });
        return;
    }
    let outcome = if well {
        pay(cx, &found, &method, true)
    } else {
        let error = refusals::not_authenticated("payment_intent_authentication_failure");
        unpaid(cx, &found, &method, error, None)
    };
    settled(cx, intent, &outcome);
}

/// Lets what a payment is for know that it came to an end by itself.
pub(super) fn settled(cx: &mut Cx<'_>, intent: &str, outcome: &Outcome) {
    let Some(found) = cx.world.get::<PaymentIntent>(intent) else { return };
    let (invoice, session) = (found.invoice.clone(), found.checkout_session.clone());
    if let Some(invoice) = invoice {
        invoices::finalize::payment_settled(cx, &invoice, outcome);
    }
    if let Some(session) = session {
        checkout::payment_settled(cx, &session, outcome);
    }
}
