//! What customers are told of their purchases, of money that went back, and of auto top-up: in the transaction of what
//! it tells of, each thing once.

use super::{
    auto_top_up::Attempt,
    fulfil::{Fulfilled, Standing},
    purchases::Purchase,
};
use crate::{
    features::{
        notify::{self, Kind, Notice},
        subscriptions::{FetchedInvoice, Money},
    },
    platform::{
        db::{DbError, Tx},
        ids::Random,
    },
};
use purser_rules::{credit::DisputeState, ids::CustomerId, subscription::Outcome};
use serde_json::json;

/// Tells that a purchase was paid; not one of nothing.
pub(super) fn of_paid(tx: &mut Tx<'_>, random: &Random, purchase: &Purchase) -> Result<(), DbError> {
    if purchase.amount <= 0 {
        return Ok(());
    }
    let data = json!({
        "purchase_id": purchase.id.to_string(),
        "amount": purchase.amount,
        "currency": purchase.currency,
    });
    let notice = Notice::new(&purchase.customer, Kind::PurchasePaid, purchase.id.to_string(), data);
    notify::enqueue(tx, random, &notice).map(drop)
}

/// Tells that the money for a purchase did not come, if it did not.
pub(super) fn of_session(tx: &mut Tx<'_>, random: &Random, fulfilled: &Fulfilled) -> Result<(), DbError> {
    let failed = fulfilled.purchase.as_ref().filter(|_| fulfilled.standing == Standing::Failed);
    let Some(purchase) = failed else { return Ok(()) };
    let data = json!({
        "purchase_id": purchase.id.to_string(),
        "session_id": purchase.session_id,
        "amount": purchase.amount,
        "currency": purchase.currency,
    });
    let notice = Notice::new(&purchase.customer, Kind::PurchaseFailed, purchase.id.to_string(), data);
    notify::enqueue(tx, random, &notice).map(drop)
}

/// Tells what of a purchase was given back by now, and which disputes were opened.
pub(super) fn of_money(tx: &mut Tx<'_>, random: &Random, purchase: &Purchase, money: &Money) -> Result<(), DbError> {
    let id = purchase.id.to_string();
    if purchase.refunded > 0 {
        let data = json!({
            "purchase_id": id,
            "amount": purchase.amount,
            "amount_refunded": purchase.refunded,
            "currency": purchase.currency,
        });
        // Each refund makes it more.
        let key = format!("{id}:{}", purchase.refunded);
        let notice = Notice::new(&purchase.customer, Kind::PurchaseRefunded, key, data);
        notify::enqueue(tx, random, &notice)?;
    }
    of_disputes(tx, random, &purchase.customer, (Some(id.as_str()), None), money)
}

/// Tells the same of an invoice of a subscription.
pub(super) fn of_invoice(
    tx: &mut Tx<'_>,
    random: &Random,
    customer: &CustomerId,
    invoice: &FetchedInvoice,
    money: &Money,
) -> Result<(), DbError> {
    if money.refunded > 0 {
        let data = json!({
            "invoice_id": invoice.id(),
            "subscription_id": invoice.subscription(),
            "amount": invoice.amount_paid(),
            "amount_refunded": money.refunded,
            "currency": invoice.currency(),
        });
        let key = format!("{}:{}", invoice.id(), money.refunded);
        notify::enqueue(tx, random, &Notice::new(customer, Kind::InvoiceRefunded, key, data))?;
    }
    of_disputes(tx, random, customer, (None, Some(invoice.id())), money)
}

/// Tells which disputes of a purchase or an invoice were opened.
fn of_disputes(
    tx: &mut Tx<'_>,
    random: &Random,
    customer: &CustomerId,
    (purchase, invoice): (Option<&str>, Option<&str>),
    money: &Money,
) -> Result<(), DbError> {
    // A bank that takes a debit back does not ask: such a dispute is lost when it is opened.
    let against = |state: &DisputeState| matches!(state, DisputeState::Open | DisputeState::Lost);
    for dispute in money.disputes.iter().filter(|dispute| against(&dispute.state)) {
        let data = json!({ "purchase_id": purchase, "invoice_id": invoice, "dispute_id": dispute.id });
        let notice = Notice::new(customer, Kind::DisputeOpened, &*dispute.id, data);
        notify::enqueue(tx, random, &notice)?;
    }
    Ok(())
}

/// Tells that auto top-up stopped, if an attempt failed and nobody let it go on.
pub(super) fn of_attempt(tx: &mut Tx<'_>, random: &Random, attempt: &Attempt) -> Result<(), DbError> {
    if attempt.outcome != Outcome::Failed || attempt.cleared {
        return Ok(());
    }
    let data = json!({
        "top_up_plan_id": attempt.top_up.to_string(),
        "amount": attempt.price,
        "currency": attempt.currency,
        "error_code": attempt.error_code,
        "payment_intent": attempt.payment_intent,
    });
    let notice = Notice::new(&attempt.customer, Kind::AutoTopUpStopped, attempt.id.to_string(), data);
    notify::enqueue(tx, random, &notice).map(drop)
}
