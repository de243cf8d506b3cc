//! docs/guide/events.md: the events that are acted on, as the sandbox sends them. `cargo test` says whether it is fresh.

use crate::{
    Outcome,
    shell::{cargo, run, say},
};

/// Writes it, by the test that compares it.
pub fn write() -> Outcome {
    let words = ["test", "--quiet", "--locked", "--package", "purser-server", "--test", "it", "--", "events_page"];
    run(cargo(&words).env("PURSER_WRITE_EVENTS", "1"))?;
    say("docs/guide/events.md is written");
    Ok(())
}
