//! What follows from what happens at Stripe: the one table of events and reactions.

use crate::{
    features::{
        inbox::{Delivery, Reacted},
        payments,
    },
    platform::{App, error::Error},
};
use futures_util::future::BoxFuture;

/// Acts on an event by its kind. What nothing acts on is kept, and ignored.
///
/// A feature that acts on events has its lines here, and marks each done in the transaction of its effects.
/// Subscriptions, invoices, customers and payment methods, errors of meters and entitlements are kept until their
/// features come, and can be replayed then.
pub fn react(app: App, delivery: Delivery) -> BoxFuture<'static, Result<Reacted, Error>> {
    match delivery.kind.as_str() {
        "checkout.session.completed"
        | "checkout.session.async_payment_succeeded"
        | "checkout.session.async_payment_failed"
        | "checkout.session.expired" => Box::pin(payments::session_changed(app, delivery)),
        "charge.refunded"
        | "refund.created"
        | "refund.updated"
        | "refund.failed"
        | "charge.dispute.created"
        | "charge.dispute.updated"
        | "charge.dispute.closed"
        | "charge.dispute.funds_withdrawn"
        | "charge.dispute.funds_reinstated" => Box::pin(payments::money_moved(app, delivery)),
        _ => {
            tracing::debug!(event = delivery.id, kind = delivery.kind, "nothing acts on it");
            Box::pin(async { Ok(Reacted::Ignored) })
        }
    }
}
