//! What follows from what happens at Stripe: the one table of events and reactions.

use crate::{
    features::inbox::{Delivery, Reacted},
    platform::{App, error::Error},
};
use futures_util::future::BoxFuture;

/// Acts on an event by its kind. What nothing acts on is kept, and ignored.
///
/// A feature that acts on events has its lines here, and marks each done in the transaction of its effects. None does
/// yet: subscriptions, invoices, checkout sessions, refunds and disputes, customers and payment methods, errors of
/// meters and entitlements are kept until their features come, and can be replayed then.
pub fn react(_app: App, delivery: Delivery) -> BoxFuture<'static, Result<Reacted, Error>> {
    // A `match` on `delivery.kind` once there is more than one answer.
    tracing::debug!(event = delivery.id, kind = delivery.kind, "nothing acts on it");
    Box::pin(async { Ok(Reacted::Ignored) })
}
