//! Where a subscription stands after a payment.

use super::{Status, Subscription, start::PaymentBehavior};
use crate::{objects::payment_intents::Outcome, world::Cx};

/// A new subscription stands where its first payment leaves it. A bank debit on its way counts as paid until it fails.
pub(super) fn begun(cx: &mut Cx<'_>, id: &str, outcome: Option<&Outcome>, behavior: PaymentBehavior) {
    let waits = behavior == PaymentBehavior::DefaultIncomplete;
    cx.edit::<Subscription>(id, |subscription| {
        if subscription.status == Status::Trialing {
            return;
        }
        subscription.status = match outcome {
            None | Some(Outcome::Succeeded) => Status::Active,
            Some(Outcome::Processing) if !waits => Status::Active,
            Some(_) => Status::Incomplete,
        };
    });
}

/// An invoice of the subscription was paid.
pub(crate) fn paid(cx: &mut Cx<'_>, id: &str, invoice: &str) {
    cx.change::<Subscription>(id, "customer.subscription.updated", |subscription| {
        let newest = subscription.latest_invoice.as_deref() == Some(invoice);
        match subscription.status {
            Status::Incomplete => subscription.status = Status::Active,
            Status::PastDue | Status::Unpaid if newest => subscription.status = Status::Active,
            Status::Paused if newest => {
                subscription.status = Status::Active;
                subscription.paused = None;
            }
            _ => {}
        }
    });
}

/// The payment of an invoice of the subscription failed.
pub(crate) fn failed(cx: &mut Cx<'_>, id: &str) {
    cx.change::<Subscription>(id, "customer.subscription.updated", |subscription| {
        if subscription.status == Status::Active {
            subscription.status = Status::PastDue;
        }
    });
}

/// The first invoice was not paid in time, or was taken back.
pub(crate) fn expire(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now();
    let incomplete = cx.world.get::<Subscription>(id).filter(|found| found.status == Status::Incomplete).cloned();
    let Some(subscription) = incomplete else { return };
    if let Some(invoice) = &subscription.latest_invoice {
        crate::objects::invoices::finalize::void(cx, invoice);
    }
    cx.change::<Subscription>(id, "customer.subscription.updated", |subscription| {
        subscription.status = Status::IncompleteExpired;
        subscription.ended_at = Some(now);
    });
}
