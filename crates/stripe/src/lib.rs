//! The part of Stripe's wire that Purser uses: calls, objects, events, and the rules for asking again.
//!
//! It knows nothing of Purser. It does not decide what a payment means; it says what Stripe said, with the id of the
//! request, or why it cannot be known.
//!
//! - [`calls`] makes out requests: a [`Call`] is a value that can be stored with its exact body and sent again.
//! - [`Client`] sends them: retries by Stripe's own rule, backoff with jitter, a circuit breaker, a rate limit, one
//!   write at a time for each object, time limits.
//! - [`objects`] are what comes back, with the fields Purser reads. What it does not read is ignored; what it reads
//!   and is not there is an error that names the field.
//! - [`webhook`] verifies and reads what Stripe sends.
//!
//! Times are whole seconds since 1970 as on the wire ([`Seconds`]); amounts are whole minor units of the currency.

pub mod calls;
mod client;
mod error;
pub mod objects;
mod secret;
mod shape;
pub mod webhook;

pub use calls::{Call, Method, Request};
pub use client::{Answer, Client, Key, Limits, NotStarted, Paged, Pages, Settings, check_base};
pub use error::{Error, ErrorType, Refused};
pub use objects::{Expandable, List};
pub use secret::Secret;
pub use shape::BadShape;

/// The version of Stripe's API that the objects are written for; sent with every request.
///
/// Source: the list of versions in `stripe@23.1.0` of npm, October 2026.
pub const API_VERSION: &str = "2026-10-28.endive";

/// Whole seconds since 1970-01-01T00:00:00Z, as Stripe writes times.
pub type Seconds = i64;
