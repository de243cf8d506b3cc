//! What a bench found: one JSON object, or a short table for a person.

use super::{
    args::{Bench, KeyOrder, Pace, Run, Spread},
    progress::per_second,
    tally::{Counts, Waits},
    target::Target,
};
use crate::{features::credits::Flaw, say::say};
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

/// The figures of a run; the names are fixed, others read them.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    run: Run,
    #[serde(rename = "where")]
    place: &'static str,
    database: &'static str,
    callers: u64,
    customers: u64,
    spread: Spread,
    keys: KeyOrder,
    grants: u64,
    batch: u64,
    seed: u64,
    took_ms: u64,
    /// Calls that were answered.
    done: u64,
    /// What they came to: spends of a batch count each, a hold and its capture are one.
    items: u64,
    replayed: u64,
    refused: BTreeMap<&'static str, u64>,
    failed: u64,
    /// Items.
    per_second: u64,
    #[serde(flatten)]
    waits: Waits,
    #[serde(flatten)]
    replay: Option<Replayed>,
}

/// What a replay of a trace says beside that.
#[derive(Debug, Serialize)]
pub(super) struct Replayed {
    /// Lines of the trace.
    pub(super) requests: usize,
    /// When they were asked.
    pub(super) pace: Pace,
    /// How many times faster than the trace.
    pub(super) speed: u32,
    /// How late the latest request was, by the trace's own instants.
    pub(super) behind_us: u64,
    /// How long holds took.
    pub(super) hold: Waits,
    /// How long captures took.
    pub(super) capture: Waits,
    /// Credits that were set aside in all.
    pub(super) held: String,
    /// Credits that were captured in all.
    pub(super) captured: String,
    /// Whether what was answered is what is stored.
    pub(super) proved: Proved,
}

/// Whether the ledger says what was answered.
#[derive(Debug, Serialize)]
pub(super) struct Proved {
    /// What was looked at.
    pub(super) checked: &'static str,
    /// What all customers spent by their balances; must be what was captured.
    pub(super) spent: String,
    /// What holds still set aside; must be nothing.
    pub(super) still_held: String,
    /// Whether all of it is right.
    pub(super) holds: bool,
    /// Wallets that were proved, in process.
    pub(super) wallets: Option<u64>,
    /// Entries that were read, in process.
    pub(super) entries: Option<u64>,
    /// What is wrong, in process.
    pub(super) flaws: Vec<Flaw>,
}

impl Report {
    /// The figures of `counts`, taken in `took`.
    pub(super) fn new(
        bench: &Bench,
        target: &Target,
        counts: &Counts,
        took: Duration,
        replay: Option<Replayed>,
    ) -> Self {
        Self {
            run: bench.what(),
            place: target.place(),
            database: target.database,
            callers: bench.callers,
            customers: bench.customers(),
            spread: bench.whom(),
            keys: bench.keys,
            grants: bench.grants,
            batch: bench.batch,
            seed: bench.seed,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            done: counts.done,
            items: counts.items,
            replayed: counts.replayed,
            refused: counts.refused.clone(),
            failed: counts.failed,
            per_second: per_second(counts.items, took),
            waits: counts.waits(),
            replay,
        }
    }

    /// Whether something was answered, nothing failed and nothing is wrong.
    pub(super) fn is_good(&self) -> bool {
        self.done > 0 && self.failed == 0 && self.replay.as_ref().is_none_or(|replay| replay.proved.holds)
    }

    /// Prints it as JSON, or as a table.
    pub(super) fn print(&self, json: bool) -> Result<(), String> {
        if json {
            say(serde_json::to_string(self).map_err(|error| error.to_string())?);
        } else {
            say(self.table());
            self.replay.iter().for_each(|replay| replay.print());
        }
        Ok(())
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(UTF8_HORIZONTAL_ONLY);
        table.set_header(["", "p50", "p90", "p99", "p99.9", "max"]);
        table.add_row(row("all calls", self.waits));
        if let Some(replay) = &self.replay {
            table.add_row(row("holds", replay.hold));
            table.add_row(row("captures", replay.capture));
        }
        let (done, items, failed) = (self.done, self.items, self.failed);
        say(format_args!(
            "{} a second: {items} in {} ms, {done} calls answered, {failed} failed",
            self.per_second, self.took_ms
        ));
        for (code, count) in &self.refused {
            say(format_args!("  refused with {code}: {count}"));
        }
        table
    }
}

impl Replayed {
    fn print(&self) {
        say(format_args!("{} requests, {} credits held, {} captured", self.requests, self.held, self.captured));
        if self.pace == Pace::Trace {
            say(format_args!("The latest request was asked {} late.", millis(self.behind_us)));
        }
        let Proved { checked, spent, still_held, .. } = &self.proved;
        let verdict = if self.proved.holds { "Proved" } else { "WRONG" };
        say(format_args!("{verdict} by {checked}: {spent} spent, {still_held} still held"));
        for flaw in &self.proved.flaws {
            say(format_args!("  wallet {} {}: {}", flaw.customer_id, flaw.unit, flaw.what));
        }
    }
}

fn row(name: &str, waits: Waits) -> [String; 6] {
    let Waits { p50_us, p90_us, p99_us, p999_us, max_us } = waits;
    [name.to_owned(), millis(p50_us), millis(p90_us), millis(p99_us), millis(p999_us), millis(max_us)]
}

/// Microseconds in milliseconds, as people read them.
fn millis(micros: u64) -> String {
    format!("{}.{:02} ms", micros / 1000, micros % 1000 / 10)
}
