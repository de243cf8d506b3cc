//! Webhooks: which endpoint gets which event, when, signed how, and what becomes of it.
//!
//! # Where things are
//! - `planning`: an event is told: it is kept, and its deliveries are planned.
//! - `targets`, `endpoints`, `destinations`: who wants events, in common, in the words of v1 and in those of v2.
//! - `deliveries`, `retries`: what is due when, what was tried, and when it is tried again.
//! - `secrets`: signatures, and secrets that are rolled.
//! - `faults`: deliveries that go wrong on purpose.
//! - `events`, `thin`, `v2`: the events API of v1 and of v2, and what is peculiar to v2.
//! - `answered`: whether all endpoints have taken an event.
//! - `sending`: the only part that knows a network; `sent`: the last that was sent, for people to look at.

mod answered;
pub(crate) mod deliveries;
pub(crate) mod destinations;
pub(crate) mod endpoints;
pub(crate) mod events;
pub(crate) mod faults;
mod planning;
mod retries;
mod secrets;
mod sending;
mod sent;
mod targets;
#[cfg(test)]
mod tests;
pub(crate) mod thin;
pub(crate) mod v2;

pub(crate) use answered::answered_at;
pub(crate) use deliveries::{Delivery, Dispatch, Outgoing, next_due, resend, resume, settle, take_due};
pub(crate) use destinations::EventDestination;
pub(crate) use endpoints::WebhookEndpoint;
pub(crate) use events::forget;
pub(crate) use faults::{DeliveryFault, Drawn, PlantedFault};
pub(crate) use planning::plan;
pub(crate) use retries::Retries;
pub(crate) use sending::{HEADERS, Http, send};
pub(crate) use sent::{Log, REMEMBERED, Sent};
pub(crate) use targets::{roll_secret, verified};
pub(crate) use thin::{Related, ThinEvent, tell_thin};
