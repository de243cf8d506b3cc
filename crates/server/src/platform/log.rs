//! Logs: readable on a terminal, JSON otherwise; always on standard error, written by a thread of its own.

use std::io::{BufWriter, IsTerminal};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// Most lines that wait to be written; who logs one more waits too, so that none is lost.
const MOST_LINES: usize = 16_384;

/// Starts logging what `filter` lets through. Dropping the answer writes what still waits.
///
/// # Errors
/// A sentence when the filter cannot be read.
pub fn start(filter: &str) -> Result<WorkerGuard, String> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| format!("RUST_LOG cannot be read: {error}. Use a level such as info, or purser=debug."))?;
    let start = tracing_subscriber::registry().with(filter);
    // One write for the lines that came meanwhile, not one for each line on the thread that answers requests.
    let lines = NonBlockingBuilder::default().lossy(false).buffered_lines_limit(MOST_LINES);
    let (writer, guard) = lines.finish(BufWriter::with_capacity(64 * 1024, std::io::stderr()));
    let started = if std::io::stderr().is_terminal() {
        start.with(fmt::layer().with_writer(writer).with_target(false)).try_init()
    } else {
        start.with(fmt::layer().json().flatten_event(true).with_writer(writer)).try_init()
    };
    started.map_err(|error| format!("Logging cannot be started: {error}."))?;
    tracing::trace!("everything is logged");
    // A panic is a bug that is answered and survived; its place is logged, its message too.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let said = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(place, said, "a panic");
    }));
    Ok(guard)
}
