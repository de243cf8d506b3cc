//! How much a key may ask, and how often an address may send keys that do not count.
//!
//! An address is never locked out: behind a proxy all callers share one, and a key that counts must work.

use crate::{
    config::Config,
    platform::error::{Code, Error},
};
use governor::{
    DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use purser_rules::ids::KeyId;
use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
};

/// The most addresses remembered before those that are quiet again are forgotten.
const MOST_ADDRESSES: usize = 65_536;

/// The limits of this node.
#[derive(Debug)]
pub struct Limits {
    keys: DefaultKeyedRateLimiter<Option<KeyId>>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl Limits {
    /// The limits `config` sets.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let per_minute = |n: u32| Quota::per_minute(NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN));
        Self {
            keys: RateLimiter::keyed(per_minute(config.requests_per_key)),
            addresses: RateLimiter::keyed(per_minute(config.requests_per_address)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request by `key` (none: the bootstrap key).
    ///
    /// # Errors
    /// `rate_limited` when it asks too much.
    pub fn key(&self, key: Option<KeyId>) -> Result<(), Error> {
        self.keys.check_key(&key).map_err(|until| self.limited(&until, "This key asks too much."))
    }

    /// Counts a failed attempt from `address`.
    ///
    /// # Errors
    /// `rate_limited` when there were too many: that is answered instead of why it failed.
    pub fn failure(&self, address: Option<IpAddr>) -> Result<(), Error> {
        if self.addresses.len() > MOST_ADDRESSES {
            self.addresses.retain_recent();
        }
        let address = network(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        let checked = self.addresses.check_key(&address);
        checked.map_err(|until| self.limited(&until, "This address sent too many requests without a key that counts."))
    }

    fn limited(&self, until: &NotUntil<<DefaultClock as Clock>::Instant>, what: &str) -> Error {
        let wait = until.wait_time_from(self.clock.now());
        let seconds = u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX);
        let mut error = Error::new(Code::RateLimited, format!("{what} Try again in {seconds} s."));
        error.retry_after = Some(seconds);
        error
    }
}

/// An address as it is counted: a whole /64 of IPv6 is one, since one caller has all of it.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(six) => IpAddr::V6((six.to_bits() >> 64 << 64).into()),
        four @ IpAddr::V4(_) => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_is_told_with_when_to_come_back() {
        let limits = Limits::new(&Config { requests_per_key: 2, requests_per_address: 1, ..Config::default() });
        assert!(limits.key(None).is_ok());
        assert!(limits.key(None).is_ok());
        let error = limits.key(None).expect_err("the third is too much");
        assert_eq!(error.code, Code::RateLimited);
        assert!(error.retry_after.is_some_and(|seconds| (1..=31).contains(&seconds)));
        assert!(limits.key(Some(KeyId(1))).is_ok());
        let (one, two) = ("2001:db8::1".parse().ok(), "2001:db8::2".parse().ok());
        assert!(limits.failure(one).is_ok());
        assert!(limits.failure(two).is_err(), "one network");
    }
}
