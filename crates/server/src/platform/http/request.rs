//! What is known of the request being answered: its id, its sender, and later its key.

use purser_rules::ids::RequestId;
use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

/// One request, shared by the layers and extractors that see it.
#[derive(Clone, Debug)]
pub struct RequestInfo(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: RequestId,
    address: Option<IpAddr>,
    key: OnceLock<String>,
}

impl RequestInfo {
    /// A request of `id` from `address`, when that is known.
    #[must_use]
    pub fn new(id: RequestId, address: Option<IpAddr>) -> Self {
        Self(Arc::new(Inner { id, address, key: OnceLock::new() }))
    }

    /// The id answered in `Request-Id`.
    #[must_use]
    pub fn id(&self) -> RequestId {
        self.0.id
    }

    /// Where it came from.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.0.address
    }

    /// The key it was sent with, once it was checked: a `key_…` id, or `bootstrap`.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.0.key.get().map(String::as_str)
    }

    /// Notes the key it was sent with.
    pub fn set_key(&self, key: &str) {
        let _already_set = self.0.key.set(key.to_owned());
    }
}
