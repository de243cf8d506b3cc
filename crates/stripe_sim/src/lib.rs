//! A Stripe one can run: the objects and flows that Purser uses, over HTTP, with a clock of its own and faults to plant.
//!
//! It is written from Stripe's documentation and its wire contract alone; it knows neither Purser nor its client, so
//! that what both get wrong is not hidden.
//!
//! # Where things are
//! - `contract`: the wire as data. Requests are read by it, answers filled up by it.
//! - `http`: requests to operations: keys, forms, idempotency, expansion, pages, faults.
//! - `world`: the state, and what it means to find, create, change and tell.
//! - `objects`: a folder or file for each kind of object: what its operations do.
//! - `deliver`: webhooks.
//! - `pages`: checkout, portal and the control page.

mod clock;
mod contract;
mod deliver;
mod error;
mod http;
mod objects;
mod pages;
mod sandbox;
#[cfg(test)]
mod tests;
mod world;

pub use sandbox::{Clock, NotStarted, Sandbox, Settings, State};

/// The version of Stripe's API that is simulated.
pub const API_VERSION: &str = "2026-10-28.endive";
