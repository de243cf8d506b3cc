//! What follows from what happens at Stripe: the one table of events and reactions.

use crate::{
    features::{
        inbox::{Delivery, Reacted},
        payments, subscriptions,
    },
    platform::{App, error::Error},
};
use futures_util::future::BoxFuture;

/// Acts on an event by its kind. What nothing acts on is kept, and ignored.
///
/// A feature that acts on events has its lines here, and marks each done in the transaction of its effects. The thin
/// event of a kind is acted on as the other one is: what it names is read. Two name nothing and are ignored: an
/// upcoming invoice has no id, and what a customer is entitled to is no object. What has no line yet can be replayed
/// once it has one.
pub fn react(app: App, delivery: Delivery) -> BoxFuture<'static, Result<Reacted, Error>> {
    let kind = delivery.kind.clone();
    match kind.strip_prefix("v1.").unwrap_or(&kind) {
        "customer.subscription.created"
        | "customer.subscription.updated"
        | "customer.subscription.deleted"
        | "customer.subscription.paused"
        | "customer.subscription.resumed"
        | "customer.subscription.trial_will_end"
        | "customer.subscription.pending_update_applied"
        | "customer.subscription.pending_update_expired" => subscriptions::subscription_changed(app, delivery),
        "invoice.finalized"
        | "invoice.updated"
        | "invoice.paid"
        | "invoice.payment_succeeded"
        | "invoice.payment_failed"
        | "invoice.payment_action_required"
        | "invoice.voided"
        | "invoice.marked_uncollectible" => subscriptions::invoice_changed(app, delivery),
        "invoice.upcoming" => subscriptions::invoice_upcoming(app, delivery),
        "entitlements.active_entitlement_summary.updated" => subscriptions::entitlements_changed(app, delivery),
        "customer.updated"
        | "customer.deleted"
        | "payment_method.attached"
        | "payment_method.detached"
        | "payment_method.updated"
        | "payment_method.automatically_updated" => Box::pin(payments::payer_changed(app, delivery)),
        "checkout.session.completed"
        | "checkout.session.async_payment_succeeded"
        | "checkout.session.async_payment_failed"
        | "checkout.session.expired" => Box::pin(payments::session_changed(app, delivery)),
        "payment_intent.succeeded" | "payment_intent.payment_failed" | "payment_intent.canceled" => {
            Box::pin(payments::payment_changed(app, delivery))
        }
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
            tracing::debug!(event = delivery.id, kind, "nothing acts on it");
            Box::pin(async { Ok(Reacted::Ignored) })
        }
    }
}
