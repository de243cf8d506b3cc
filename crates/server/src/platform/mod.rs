//! The shell: database, HTTP, clock, queue and the rest that knows nothing of the business. Never imports features.

pub mod auth;
pub mod clock;
pub mod db;
pub mod error;
pub mod fault;
pub mod http;
pub mod ids;
pub mod log;
pub mod memory;
pub mod metrics;
pub mod queue;
pub mod schedule;
pub mod state;
pub mod stripe;
pub mod timeline;
pub mod traces;
pub mod uses;
pub mod work;

pub use state::{App, Parts};
