//! Stripe's billing portal.

use super::{expandable::has_id, nullable};
use crate::{Seconds, calls::Metadata};
use serde::Deserialize;

/// A visit to the portal.
#[derive(Clone, Debug, Deserialize)]
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

has_id!(PortalSession, PortalConfiguration);
