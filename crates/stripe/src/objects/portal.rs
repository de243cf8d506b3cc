//! Stripe's billing portal.

use super::{expandable::has_id, nullable};
use crate::{Seconds, calls::Metadata};
use serde::Deserialize;

/// A visit to the portal. `Debug` leaves the address out: who has it is let in.
#[derive(Clone, Deserialize)]
pub struct PortalSession {
    /// `bps_…`
    pub id: String,
    /// When it was created.
    pub created: Seconds,
    /// Whose.
    pub customer: String,
    /// Where the visitor goes; it serves for five minutes.
    pub url: String,
    /// Whether it is of live mode.
    pub livemode: bool,
}

/// What the portal offers.
#[derive(Clone, Debug, Deserialize)]
pub struct PortalConfiguration {
    /// `bpc_…`
    pub id: String,
    /// When it was created.
    pub created: Seconds,
    /// Whether it can be used.
    pub active: bool,
    /// Whether it is the account's default.
    pub is_default: bool,
    /// Where visitors go afterwards.
    #[serde(deserialize_with = "nullable")]
    pub default_return_url: Option<String>,
    /// Names and texts.
    #[serde(deserialize_with = "nullable")]
    pub metadata: Option<Metadata>,
    /// Whether it is of live mode.
    pub livemode: bool,
}

impl std::fmt::Debug for PortalSession {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("PortalSession").field("id", &self.id).finish_non_exhaustive()
    }
}

has_id!(PortalSession, PortalConfiguration);
