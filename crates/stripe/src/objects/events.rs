//! Where events are sent.

use super::{expandable::has_id, nullable};
use crate::{Seconds, calls::Metadata};
use serde::Deserialize;

/// An address that events are sent to.
#[derive(Clone, Deserialize)]
pub struct WebhookEndpoint {
    /// `we_…`
    pub id: String,
    /// When it was created.
    pub created: Seconds,
    /// The address.
    pub url: String,
    /// The version its events are written in; `None` is the account's.
    #[serde(deserialize_with = "nullable")]
    pub api_version: Option<String>,
    /// Which types it takes; `*` is nearly all.
    pub enabled_events: Vec<String>,
    /// `enabled` or `disabled`.
    pub status: String,
    /// What its events are signed with: in the answer to its creation alone.
    pub secret: Option<String>,
    /// Names and texts.
    pub metadata: Metadata,
    /// Whether it is of live mode.
    pub livemode: bool,
}

impl std::fmt::Debug for WebhookEndpoint {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("WebhookEndpoint").field("id", &self.id).field("url", &self.url).finish_non_exhaustive()
    }
}

has_id!(WebhookEndpoint);
