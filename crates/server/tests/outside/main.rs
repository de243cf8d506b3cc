//! Black-box tests: each starts the real binary on a real database and talks HTTP to it.

#![expect(clippy::print_stdout, reason = "a test says what it found, and what it could not do here")]

mod bench;
mod client;
mod clocks;
mod collector;
mod commands;
mod compression;
mod crashes;
mod durability;
mod guide;
mod input;
mod keys;
mod kills;
mod load;
mod metrics;
mod outages;
mod patience;
#[path = "../support/postgres.rs"]
mod postgres;
mod purchases;
mod races;
mod sandbox;
mod server;
mod store;
mod stripe;
mod sync;
mod tamper;
mod tls;
mod traces;
mod webhooks;
