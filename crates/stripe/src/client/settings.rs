//! What a client is given: where Stripe is, with which key, and how patient to be.

use crate::Secret;
use std::{fmt, num::NonZeroU32, time::Duration};

/// What a client is given.
pub struct Settings {
    /// Where Stripe is: `https://api.stripe.com`, or a sandbox. Without TLS on this machine alone.
    pub base: String,
    /// The account's secret or restricted key.
    pub key: Secret,
    /// How patient to be.
    pub limits: Limits,
    /// Where randomness comes from, for jitter.
    pub random: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Settings").field("base", &self.base).field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// How patient a client is.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest wait for a connection.
    pub connect: Duration,
    /// Longest wait for one whole answer.
    pub one_try: Duration,
    /// Longest wait for all tries together, and for a turn before them.
    pub total: Duration,
    /// Most tries, but for one more when the first met a connection that was closed before it answered.
    pub tries: u32,
    /// The pause after the first try; each next one is twice as long.
    pub first_pause: Duration,
    /// The longest pause between two tries.
    pub longest_pause: Duration,
    /// Requests sent in a second, over time; a fifth of them may go at once.
    pub per_second: NonZeroU32,
    /// Failed tries in a row after which nothing is sent for a while.
    pub breaker_failures: u32,
    /// For how long nothing is sent then.
    pub breaker_pause: Duration,
    /// The longest answer that is read, in bytes.
    pub longest_answer: usize,
}

impl Default for Limits {
    /// Pauses as Stripe's own library takes them (0.5 s, doubled, 5 s at most). The rate is that of a sandbox account,
    /// 25 a second, with room for what may go at once: <https://docs.stripe.com/rate-limits>.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            one_try: Duration::from_secs(30),
            total: Duration::from_secs(80),
            tries: 4,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(5),
            per_second: const { NonZeroU32::new(20).expect("it is 20") },
            breaker_failures: 5,
            breaker_pause: Duration::from_secs(15),
            longest_answer: 16 << 20,
        }
    }
}

/// Why there is no client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotStarted {
    /// The address is none.
    BadBase(String),
    /// The address has no TLS and is not of this machine: the key would be sent in the open.
    NoTls(String),
    /// The key cannot stand in a header.
    BadKey,
    /// The machine gives no TLS or no sockets.
    Machine(String),
}

impl fmt::Display for NotStarted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadBase(base) => write!(out, "`{base}` is no address of Stripe; try https://api.stripe.com"),
            Self::NoTls(base) => write!(out, "`{base}` has no TLS: the key would be sent in the open; use https"),
            Self::BadKey => out.write_str("the Stripe key has characters that no key has"),
            Self::Machine(why) => write!(out, "no connections to Stripe can be made: {why}"),
        }
    }
}

impl std::error::Error for NotStarted {}
