//! What a customer is entitled to by what is subscribed to, as Stripe keeps it.

use super::{List, expandable::has_id};
use serde::Deserialize;

/// All that a customer is entitled to now; told by an event when it changes.
#[derive(Clone, Debug, Deserialize)]
pub struct EntitlementSummary {
    /// Whose.
    pub customer: String,
    /// The first of them; all are listed by [`crate::calls::customers::entitlements`].
    pub entitlements: List<Entitlement>,
    /// Whether it is of live mode.
    pub livemode: bool,
}

/// One feature that a customer is entitled to.
#[derive(Clone, Debug, Deserialize)]
pub struct Entitlement {
    /// `ent_…`
    pub id: String,
    /// Our own name of the feature; at most 80 characters.
    pub lookup_key: String,
    /// Whether it is of live mode.
    pub livemode: bool,
}

has_id!(Entitlement);
