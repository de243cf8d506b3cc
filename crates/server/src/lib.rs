//! Purser: credits, usage and billing beside Stripe, from one binary.

pub mod app;
pub mod cli;
pub mod config;
pub mod features;
pub mod platform;
pub mod reactions;
mod say;
