//! A payer pays in a checkout session.

use super::{Mode, PaymentStatus, Session, Status};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{
        Kept,
        catalog::Price,
        customers::{self, Customer},
        payment_intents::{self, NewIntent, Outcome, PaymentIntent},
        payment_methods, setup_intents,
        subscriptions::{
            Subscription, cancel,
            extra::Extra,
            start::{self, NewItem, PaymentBehavior},
        },
    },
    world::Cx,
};
use serde_json::{Value, json};

/// Who pays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Payer {
    pub email: Option<String>,
    pub name: Option<String>,
}

/// What became of an attempt to pay.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Done {
    /// The session is complete.
    Complete,
    /// The payer has to prove to be the holder of the card, for this payment intent.
    Challenge(String),
}

/// Pays with `method`, the id or shared name of a payment method.
///
/// # Errors
/// The session is over, or the payment is declined: then the session stays open.
pub(crate) fn pay(cx: &mut Cx<'_>, id: &str, method: &str, payer: &Payer) -> Result<Done, ApiError> {
    let found: Session = cx.of_path(id)?;
    if found.status != Status::Open {
        return Err(ApiError::invalid("This Checkout Session is no longer open."));
    }
    let method = payment_methods::resolve(cx, method, "payment_method")?;
    let customer = customer(cx, &found, payer);
    let details = json!({
        "email": payer.email.clone().or_else(|| found.customer_email.clone()),
        "name": payer.name,
        "tax_exempt": "none",
        "tax_ids": [],
    });
    cx.edit::<Session>(id, |session| {
        session.customer.clone_from(&customer);
        session.customer_details = Some(details);
    });
    match found.mode {
        Mode::Payment => once(cx, &found, &method, customer),
        Mode::Setup => keep(cx, &found, &method, customer),
        Mode::Subscription => subscribe(cx, &found, &method, customer.unwrap_or_default()),
    }
}

/// The customer of the session; a new one, where the session makes one.
fn customer(cx: &mut Cx<'_>, found: &Session, payer: &Payer) -> Option<String> {
    if found.customer.is_some() {
        return found.customer.clone();
    }
    let kept = found.payment_intent_data.setup_future_usage.is_some();
    if found.mode == Mode::Payment && found.customer_creation != "always" && !kept {
        return None;
    }
    let email = payer.email.clone().or_else(|| found.customer_email.clone());
    let asked =
        Asked { path: Vec::new(), url: "/v1/customers".into(), params: json!({ "email": email, "name": payer.name }) };
    match customers::create(cx, &asked) {
        Ok(Answer::Value(made)) => made.get("id").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    }
}

/// Something is bought once.
fn once(cx: &mut Cx<'_>, found: &Session, method: &str, customer: Option<String>) -> Result<Done, ApiError> {
    let amount = found.total(cx.world);
    if amount == 0 {
        complete(cx, &found.id, PaymentStatus::NoPaymentRequired, |_| {});
        return Ok(Done::Complete);
    }
    let data = &found.payment_intent_data;
    let intent = match found.under_way.clone() {
        Some(intent) => intent,
        None => payment_intents::open(
            cx,
            NewIntent {
                amount,
                currency: found.currency.clone().unwrap_or_default(),
                customer,
                description: data.description.clone(),
                metadata: data.metadata.clone(),
                setup_future_usage: data.setup_future_usage.clone(),
                checkout_session: Some(found.id.clone()),
                return_url: Some(back(cx, &found.id)),
                ..NewIntent::default()
            },
        ),
    };
    cx.edit::<Session>(&found.id, |session| session.under_way = Some(intent.clone()));
    let outcome = payment_intents::attempt(cx, &intent, method, false);
    paid_once(cx, &found.id, &intent, outcome)
}

/// What an attempt at something bought once means for its session.
fn paid_once(cx: &mut Cx<'_>, id: &str, intent: &str, outcome: Outcome) -> Result<Done, ApiError> {
    let status = match outcome {
        Outcome::Succeeded => PaymentStatus::Paid,
        Outcome::Processing => PaymentStatus::Unpaid,
        Outcome::RequiresAction => return Ok(Done::Challenge(intent.to_owned())),
        Outcome::Declined(error) => return Err(error.kept()),
    };
    complete(cx, id, status, |session| session.payment_intent = Some(intent.to_owned()));
    Ok(Done::Complete)
}

/// Where a challenge leads back to.
fn back(cx: &Cx<'_>, id: &str) -> String {
    format!("{}/c/pay/{id}", cx.world.settings.base)
}

/// A payment method is kept for later.
fn keep(cx: &mut Cx<'_>, found: &Session, method: &str, customer: Option<String>) -> Result<Done, ApiError> {
    let intent = setup_intents::of_session(cx, customer.as_deref(), method, &found.setup_intent_data.metadata)?;
    complete(cx, &found.id, PaymentStatus::NoPaymentRequired, |session| session.setup_intent = Some(intent));
    Ok(Done::Complete)
}

/// Something is subscribed to. The subscription is charged to this payment method from then on.
fn subscribe(cx: &mut Cx<'_>, found: &Session, method: &str, customer: String) -> Result<Done, ApiError> {
    if let Some(left) = &found.under_way {
        // The last attempt needed a proof that was not given: it is begun anew.
        cancel::end(cx, left, "cancellation_requested");
        cx.edit::<Session>(&found.id, |session| session.under_way = None);
    }
    payment_methods::attach_to(cx, method, &customer, "payment_method")?;
    let (recurring, once): (Vec<_>, Vec<_>) = found
        .items_of(cx.world)
        .cloned()
        .partition(|item| cx.world.get::<Price>(&item.price).is_some_and(|price| price.recurring.is_some()));
    let extras = once.into_iter().map(|item| Extra {
        price: item.price,
        quantity: item.quantity.unwrap_or(1),
        metadata: item.metadata,
    });
    let items = recurring.into_iter().map(|item| NewItem {
        price: item.price,
        quantity: item.quantity,
        metadata: item.metadata,
    });
    let data = &found.subscription_data;
    let now = cx.now();
    let mut kept = Kept::new();
    if let Some(description) = &data.description {
        kept.insert("description".into(), json!(description));
    }
    let missing =
        data.trial_settings.as_ref().and_then(|settings| settings.pointer("/end_behavior/missing_payment_method"));
    let new = start::New {
        customer,
        items: items.collect(),
        extras: extras.collect(),
        default_payment_method: Some(method.to_owned()),
        payment_behavior: PaymentBehavior::AllowIncomplete,
        trial_end: data.trial_end.or_else(|| data.trial_period_days.map(|days| now + days * 86_400)),
        missing_payment_method: missing.and_then(Value::as_str).unwrap_or("create_invoice").to_owned(),
        billing_cycle_anchor: data.billing_cycle_anchor,
        prorate: true,
        backdate_start_date: None,
        cancel_at: None,
        cancel_at_period_end: false,
        collection_method: "charge_automatically".into(),
        days_until_due: None,
        save_default_payment_method: "off".into(),
        off_session: false,
        metadata: data.metadata.clone(),
        kept,
    };
    let mark = cx.mark();
    let subscription = start::start(cx, new)?;
    match standing(cx, &subscription) {
        Standing::Begun(status) => {
            finish(cx, &found.id, &subscription, status);
            Ok(Done::Complete)
        }
        Standing::Challenge(intent) => {
            cx.edit::<Session>(&found.id, |session| session.under_way = Some(subscription));
            cx.edit::<PaymentIntent>(&intent, |intent| intent.checkout_session = Some(found.id.clone()));
            Ok(Done::Challenge(intent))
        }
        Standing::Declined(message) => {
            // Checkout makes no subscription before it is paid for.
            cx.rewind(mark);
            Err(message.kept())
        }
    }
}

/// Where a subscription stands that a session just began.
enum Standing {
    Begun(PaymentStatus),
    Challenge(String),
    Declined(ApiError),
}

fn standing(cx: &Cx<'_>, subscription: &str) -> Standing {
    use crate::objects::{invoices::Invoice, subscriptions::Status as Stands};
    let Some(found) = cx.world.get::<Subscription>(subscription) else {
        return Standing::Declined(ApiError::trouble(500));
    };
    let invoice = found.latest_invoice.as_ref().and_then(|id| cx.world.get::<Invoice>(id));
    let intent = invoice.and_then(|invoice| invoice.payment_intent.clone());
    let status = match (invoice.map(|invoice| invoice.amount_due), &intent) {
        (None | Some(0), _) => PaymentStatus::NoPaymentRequired,
        (_, Some(intent)) if payment_intents::is_processing(cx.world, intent) => PaymentStatus::Unpaid,
        _ => PaymentStatus::Paid,
    };
    if found.status != Stands::Incomplete {
        return Standing::Begun(status);
    }
    match intent.and_then(|intent| cx.world.get::<PaymentIntent>(&intent)) {
        Some(intent) if intent.next_action.is_some() => Standing::Challenge(intent.id.clone()),
        Some(intent) => Standing::Declined(payment_intents::refusals::of_last_error(cx, intent)),
        None => Standing::Declined(ApiError::trouble(500)),
    }
}

fn finish(cx: &mut Cx<'_>, id: &str, subscription: &str, status: PaymentStatus) {
    let invoice = cx.world.get::<Subscription>(subscription).and_then(|found| found.latest_invoice.clone());
    complete(cx, id, status, |session| {
        session.subscription = Some(subscription.to_owned());
        session.invoice = invoice;
    });
}

/// A session is complete.
fn complete(cx: &mut Cx<'_>, id: &str, status: PaymentStatus, set: impl FnOnce(&mut Session)) {
    cx.edit::<Session>(id, |session| {
        session.status = Status::Complete;
        session.payment_status = status;
        session.under_way = None;
        set(session);
    });
    cx.tell::<Session>("checkout.session.completed", id);
}

/// A payment of a session ended by itself: a challenge was answered, or a bank debit came or failed.
pub(crate) fn payment_settled(cx: &mut Cx<'_>, id: &str, outcome: &Outcome) {
    let Some(found) = cx.world.get::<Session>(id).cloned() else { return };
    if found.status == Status::Open {
        answered(cx, &found, outcome);
        return;
    }
    let event = match outcome {
        Outcome::Succeeded => {
            cx.edit::<Session>(id, |session| session.payment_status = PaymentStatus::Paid);
            "checkout.session.async_payment_succeeded"
        }
        Outcome::Declined(_) => "checkout.session.async_payment_failed",
        Outcome::Processing | Outcome::RequiresAction => return,
    };
    cx.tell::<Session>(event, id);
}

/// The challenge of an open session was answered.
fn answered(cx: &mut Cx<'_>, found: &Session, outcome: &Outcome) {
    let Some(under_way) = found.under_way.clone() else { return };
    if found.mode == Mode::Payment {
        // A decline leaves the session open: the page says so.
        drop(paid_once(cx, &found.id, &under_way, outcome.clone()));
    } else if matches!(outcome, Outcome::Succeeded | Outcome::Processing) {
        let paid = matches!(outcome, Outcome::Succeeded);
        finish(cx, &found.id, &under_way, if paid { PaymentStatus::Paid } else { PaymentStatus::Unpaid });
    }
}

/// The customer of a session, for its page.
pub(crate) fn customer_of<'a>(cx: &'a Cx<'_>, found: &Session) -> Option<&'a Customer> {
    cx.world.get::<Customer>(found.customer.as_ref()?)
}
