//! How much a key may ask, how many pages a customer may open, and how often an address may send what does not count.
//!
//! An address is never locked out: behind a proxy all callers share one, and a key that counts must work.

use crate::{
    config::Config,
    platform::error::{Code, Error},
};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use purser_rules::ids::{CustomerId, KeyId};
use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The most addresses, and the most customers, remembered before those that are quiet again are forgotten.
const MOST: usize = 65_536;

/// The most keys over their limit remembered before those whose wait is over are forgotten.
const MOST_OVER: usize = 1024;

type Instant = <DefaultClock as Clock>::Instant;

/// The limits of this node.
#[derive(Debug)]
pub struct Limits {
    keys: DefaultKeyedRateLimiter<Option<KeyId>>,
    /// Keys over their limit, by the hash of their secret, and until when: what they send meanwhile is refused
    /// without asking the database whose it is, so that a flood by one key costs the others little.
    over: Mutex<HashMap<[u8; 32], Instant>>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    /// Those that open billing pages: what these ask of Stripe is asked at the rate of the whole node.
    customers: DefaultKeyedRateLimiter<CustomerId>,
    clock: DefaultClock,
}

impl Limits {
    /// The limits `config` sets.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let per_minute = |n: u32| Quota::per_minute(NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN));
        Self {
            keys: RateLimiter::keyed(per_minute(config.requests_per_key)),
            over: Mutex::default(),
            addresses: RateLimiter::keyed(per_minute(config.requests_per_address)),
            customers: RateLimiter::keyed(per_minute(config.pages_per_customer)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request by `key` (none: the bootstrap key), whose secret has the SHA-256 `hash`.
    ///
    /// # Errors
    /// `rate_limited` when it asks too much.
    pub fn key(&self, key: Option<KeyId>, hash: [u8; 32]) -> Result<(), Error> {
        self.keys.check_key(&key).map_err(|until| {
            let (mut over, now) = (self.over(), self.clock.now());
            if over.len() >= MOST_OVER {
                over.retain(|_, until| *until > now);
            }
            over.insert(hash, until.earliest_possible());
            key_limited(until.wait_time_from(now))
        })
    }

    /// Whether the key with this hash is known to be over its limit still.
    ///
    /// # Errors
    /// `rate_limited`, as [`Limits::key`] would answer.
    pub fn still_over(&self, hash: &[u8; 32]) -> Result<(), Error> {
        let (until, now) = (self.over().get(hash).copied(), self.clock.now());
        until.filter(|until| *until > now).map_or(Ok(()), |until| Err(key_limited(until.duration_since(now))))
    }

    fn over(&self) -> MutexGuard<'_, HashMap<[u8; 32], Instant>> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a failed attempt from `address`.
    ///
    /// # Errors
    /// `rate_limited` when there were too many: that is answered instead of why it failed.
    pub fn failure(&self, address: Option<IpAddr>) -> Result<(), Error> {
        let address = network(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        self.count(&self.addresses, &address, "This address sent too many requests without a key that counts.")
    }

    /// Counts a billing page that `customer` opens.
    ///
    /// # Errors
    /// `rate_limited` when there were too many.
    pub fn page(&self, customer: &CustomerId) -> Result<(), Error> {
        self.count(&self.customers, customer, "This customer opens too many pages.")
    }

    /// Counts one more of `key` among `all`; `what` is said when it is too much.
    fn count<K: Clone + Eq + Hash>(&self, all: &DefaultKeyedRateLimiter<K>, key: &K, what: &str) -> Result<(), Error> {
        if all.len() > MOST {
            all.retain_recent();
        }
        all.check_key(key).map_err(|until| limited(until.wait_time_from(self.clock.now()), what))
    }
}

fn key_limited(wait: Duration) -> Error {
    limited(wait, "This key asks too much.")
}

fn limited(wait: Duration, what: &str) -> Error {
    let seconds = u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX);
    let mut error = Error::new(Code::RateLimited, format!("{what} Try again in {seconds} s."));
    error.retry_after = Some(seconds);
    error
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
        let (mine, other) = ([1; 32], [2; 32]);
        assert!(limits.key(None, mine).is_ok());
        assert!(limits.key(None, mine).is_ok());
        assert!(limits.still_over(&mine).is_ok(), "it was not over yet");
        for error in [limits.key(None, mine), limits.still_over(&mine)] {
            let error = error.expect_err("the third is too much");
            assert_eq!(error.code, Code::RateLimited);
            assert!(error.retry_after.is_some_and(|seconds| (1..=31).contains(&seconds)));
        }
        assert!(limits.still_over(&other).is_ok());
        assert!(limits.key(Some(KeyId(1)), other).is_ok());
        let (one, two) = ("2001:db8::1".parse().ok(), "2001:db8::2".parse().ok());
        assert!(limits.failure(one).is_ok());
        assert!(limits.failure(two).is_err(), "one network");
    }

    #[test]
    fn a_customer_opens_sixty_pages_a_minute_and_no_other_is_held_up() {
        let limits = Limits::new(&Config { pages_per_customer: 1, ..Config::default() });
        let [acme, globex] = ["acme", "globex"].map(|id| CustomerId::new(id).expect("an id"));
        assert!(limits.page(&acme).is_ok());
        let error = limits.page(&acme).expect_err("the second is too much");
        assert_eq!(error.code, Code::RateLimited);
        assert!(error.retry_after.is_some_and(|seconds| (1..=61).contains(&seconds)));
        assert!(limits.page(&globex).is_ok());
        let usual = Limits::new(&Config::default());
        assert!((0..60).all(|_| usual.page(&acme).is_ok()));
        assert!(usual.page(&acme).is_err(), "the sixty-first");
    }
}
