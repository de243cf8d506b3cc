//! What customers are told of their subscriptions and invoices: in the transaction that records them, each thing once.
//!
//! An event says that there is something to tell; what is told is what was fetched. So what was cured before anybody
//! could tell of it is not told, and an event that comes late, or again, tells nothing twice. Who is not known is told
//! nothing.

use super::{
    fetch::{Fetched, FetchedInvoice},
    mirror,
    react::kind_of,
};
use crate::{
    features::{
        customers,
        inbox::Delivery,
        notify::{self, Kind, Notice},
    },
    platform::{
        db::{DbError, Tx},
        ids::Random,
        stripe::instant,
    },
};
use purser_rules::ids::CustomerId;
use purser_stripe::objects::Invoice;
use serde_json::{Value as Json, json};

/// Tells that a trial will end, or that a subscription ended, if `delivery` says so and it stands so.
pub(super) fn of_subscription(
    tx: &mut Tx<'_>,
    random: &Random,
    delivery: &Delivery,
    fetched: &Fetched,
) -> Result<(), DbError> {
    let (said, now) = (&fetched.said, tx.now());
    let trial_end = said.trial_end.map(instant);
    let (kind, key, data) = match (kind_of(delivery), said.status.as_str(), trial_end) {
        ("customer.subscription.trial_will_end", "trialing", Some(end)) if end > now => {
            let data = json!({ "subscription_id": said.id, "trial_end": end.to_string() });
            (Kind::TrialEnding, format!("{}:{end}", said.id), data)
        }
        ("customer.subscription.deleted", "canceled", _) => {
            let ended_at = said.ended_at.map(|at| instant(at).to_string());
            (Kind::SubscriptionEnded, said.id.clone(), json!({ "subscription_id": said.id, "ended_at": ended_at }))
        }
        _ => return Ok(()),
    };
    tell(tx, random, &said.id, (kind, key, data))
}

/// Tells that an invoice was paid, or that its payment failed, if `delivery` says so and it stands so.
pub(super) fn of_invoice(
    tx: &mut Tx<'_>,
    random: &Random,
    delivery: &Delivery,
    fetched: &FetchedInvoice,
) -> Result<(), DbError> {
    let said = &fetched.said;
    let status = said.status.as_ref().map_or("draft", |status| status.as_str());
    let (kind, key, data) = match (kind_of(delivery), status) {
        // A trial's invoice of nothing needs no receipt.
        ("invoice.paid" | "invoice.payment_succeeded", "paid") if said.amount_paid > 0 => {
            let data = json!({
                "invoice_id": fetched.id,
                "subscription_id": said.subscription(),
                "number": said.number,
                "amount_paid": said.amount_paid,
                "currency": said.currency,
                "hosted_url": said.hosted_invoice_url,
            });
            (Kind::InvoicePaid, fetched.id.clone(), data)
        }
        // One try is told once, though Stripe may say of it that it failed and that the payer must act.
        ("invoice.payment_failed" | "invoice.payment_action_required", "open") => {
            let data = json!({
                "invoice_id": fetched.id,
                "subscription_id": said.subscription(),
                "number": said.number,
                "amount_due": said.amount_due,
                "currency": said.currency,
                "hosted_url": said.hosted_invoice_url,
                "attempt": said.attempt_count,
                "next_payment_attempt": said.next_payment_attempt.map(|at| instant(at).to_string()),
            });
            (Kind::PaymentFailed, format!("{}:{}", fetched.id, said.attempt_count), data)
        }
        _ => return Ok(()),
    };
    tell(tx, random, &fetched.id, (kind, key, data))
}

/// Tells of an invoice that will be made, unless it should be there by now.
pub(super) fn of_upcoming(tx: &mut Tx<'_>, random: &Random, said: &Invoice) -> Result<(), DbError> {
    let due_at = instant(said.next_payment_attempt.unwrap_or(said.period_end));
    let Some(payer) = said.customer.as_ref() else { return Ok(()) };
    if due_at <= tx.now() || said.amount_due <= 0 {
        return Ok(());
    }
    let Some(customer) = whose(tx, said.subscription(), payer.id())? else { return Ok(()) };
    let data = json!({
        "subscription_id": said.subscription(),
        "amount_due": said.amount_due,
        "currency": said.currency,
        "due_at": due_at.to_string(),
    });
    let key = format!("{}:{}", said.subscription().unwrap_or_else(|| payer.id()), instant(said.period_end));
    notify::enqueue(tx, random, &Notice::new(&customer, Kind::InvoiceUpcoming, key, data)).map(drop)
}

/// The customer of a subscription, else the one that is this customer at Stripe.
fn whose(tx: &mut Tx<'_>, subscription: Option<&str>, payer: &str) -> Result<Option<CustomerId>, DbError> {
    if let Some(subscription) = subscription
        && let Some(customer) = mirror::lock(tx, subscription)?.and_then(|mirror| mirror.customer)
    {
        return Ok(Some(customer));
    }
    customers::find_by_stripe(tx, payer)
}

/// Tells the customer of the mirrored object `id`, whose row is locked, if it is known.
fn tell(tx: &mut Tx<'_>, random: &Random, id: &str, (kind, key, data): (Kind, String, Json)) -> Result<(), DbError> {
    let Some(customer) = mirror::lock(tx, id)?.and_then(|mirror| mirror.customer) else { return Ok(()) };
    notify::enqueue(tx, random, &Notice::new(&customer, kind, key, data)).map(drop)
}
