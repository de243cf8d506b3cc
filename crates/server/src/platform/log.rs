//! Logs: readable on a terminal, JSON otherwise; always on standard error.

use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// Starts logging what `filter` lets through.
///
/// # Errors
/// A sentence when the filter cannot be read.
pub fn start(filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| format!("RUST_LOG cannot be read: {error}. Use a level such as info, or purser=debug."))?;
    let start = tracing_subscriber::registry().with(filter);
    let started = if std::io::stderr().is_terminal() {
        start.with(fmt::layer().with_writer(std::io::stderr).with_target(false)).try_init()
    } else {
        start.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).try_init()
    };
    started.map_err(|error| format!("Logging cannot be started: {error}."))?;
    tracing::trace!("everything is logged");
    // A panic is a bug that is answered and survived; its place is logged, its message too.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let said = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(place, said, "a panic");
    }));
    Ok(())
}
