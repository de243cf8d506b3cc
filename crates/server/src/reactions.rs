//! What follows from what happens at Stripe: the one table of events and reactions.

use crate::{
    features::{
        inbox::{Delivery, React, Reacted},
        payments, subscriptions,
    },
    platform::{App, error::Error},
};
use futures_util::future::BoxFuture;

/// Whether anything acts on events of this kind. What nothing acts on is kept, and ignored as it arrives: it waits for
/// no worker. It can be replayed once something does.
#[must_use]
pub fn acts_on(kind: &str) -> bool {
    reaction(kind).is_some()
}

/// Acts on an event by its kind. One that nothing acts on comes here when it is replayed, and is ignored again.
pub fn react(app: App, delivery: Delivery) -> BoxFuture<'static, Result<Reacted, Error>> {
    match reaction(&delivery.kind) {
        Some(react) => react(app, delivery),
        None => Box::pin(async { Ok(Reacted::Ignored) }),
    }
}

/// What acts on events of a kind.
///
/// A feature that acts on events has its lines here, and marks each done in the transaction of its effects. The thin
/// event of a kind is acted on as the other one is: what it names is read. Two name nothing and are ignored: an
/// upcoming invoice has no id, and what a customer is entitled to is no object.
fn reaction(kind: &str) -> Option<React> {
    Some(match kind.strip_prefix("v1.").unwrap_or(kind) {
        "customer.subscription.created"
        | "customer.subscription.updated"
        | "customer.subscription.deleted"
        | "customer.subscription.paused"
        | "customer.subscription.resumed"
        | "customer.subscription.trial_will_end"
        | "customer.subscription.pending_update_applied"
        | "customer.subscription.pending_update_expired" => subscriptions::subscription_changed,
        "invoice.finalized"
        | "invoice.updated"
        | "invoice.paid"
        | "invoice.payment_succeeded"
        | "invoice.payment_failed"
        | "invoice.payment_action_required"
        | "invoice.voided"
        | "invoice.marked_uncollectible" => subscriptions::invoice_changed,
        "invoice.upcoming" => subscriptions::invoice_upcoming,
        "entitlements.active_entitlement_summary.updated" => subscriptions::entitlements_changed,
        "customer.updated"
        | "customer.deleted"
        | "payment_method.attached"
        | "payment_method.detached"
        | "payment_method.updated"
        | "payment_method.automatically_updated" => |app, delivery| Box::pin(payments::payer_changed(app, delivery)),
        "checkout.session.completed"
        | "checkout.session.async_payment_succeeded"
        | "checkout.session.async_payment_failed"
        | "checkout.session.expired" => |app, delivery| Box::pin(payments::session_changed(app, delivery)),
        "payment_intent.succeeded" | "payment_intent.payment_failed" | "payment_intent.canceled" => {
            |app, delivery| Box::pin(payments::payment_changed(app, delivery))
        }
        "charge.refunded"
        | "refund.created"
        | "refund.updated"
        | "refund.failed"
        | "charge.dispute.created"
        | "charge.dispute.updated"
        | "charge.dispute.closed"
        | "charge.dispute.funds_withdrawn"
        | "charge.dispute.funds_reinstated" => |app, delivery| Box::pin(payments::money_moved(app, delivery)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::acts_on;

    #[test]
    fn whole_and_thin_events_of_a_kind_are_acted_on_alike_and_others_are_not() {
        for kind in ["invoice.paid", "v1.invoice.paid", "charge.refunded", "checkout.session.completed"] {
            assert!(acts_on(kind), "{kind}");
        }
        for kind in ["invoice.created", "v1.charge.updated", "customer.created", "v2.invoice.paid", ""] {
            assert!(!acts_on(kind), "{kind}");
        }
    }
}
