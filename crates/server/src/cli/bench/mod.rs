//! `purser bench`: load on a running server or in process, and what it found; docs/guide/bench.md tells all of it.

mod answers;
mod args;
mod ask;
mod callers;
mod door;
mod drain;
mod draw;
mod events;
mod fill;
mod http;
mod process;
pub(super) mod progress;
mod replay;
mod report;
mod tally;
mod target;
mod trace;
mod zipf;

pub(super) use args::Bench;

use crate::{config::Config, say::tell};
use args::Run;
use report::Report;
use std::{collections::BTreeMap, process::ExitCode};
use target::Target;

/// Runs the bench; exit code 1 when a call failed or the ledger is not right. `named` says whether the command line
/// names the database.
pub(super) async fn run(
    bench: Bench,
    config: Config,
    named: bool,
    environment: &BTreeMap<String, String>,
) -> Result<ExitCode, String> {
    if bench.run == Run::Events && bench.trace.is_none() {
        return drain::run(&bench, config, named).await;
    }
    // Read before anything is opened: a bad line must leave nothing behind.
    let lines = bench.trace.as_deref().map(trace::read).transpose()?;
    let secrets = (target::key(environment), target::webhook_secret(environment));
    let target = Target::open(&bench, config, named, secrets).await?;
    let report = measure(&bench, &target, lines).await;
    target.close().await;
    let Some(report) = report? else { return Ok(ExitCode::SUCCESS) };
    report.print(bench.json)?;
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Fills what is to be filled and runs what is to be run; no report when only filling was asked for.
async fn measure(bench: &Bench, target: &Target, lines: Option<Vec<trace::Line>>) -> Result<Option<Report>, String> {
    let (counts, took, replay) = if let Some(lines) = lines {
        let (counts, took, replayed) = replay::run(bench, target, lines).await?;
        (counts, took, Some(replayed))
    } else {
        if bench.fills() {
            fill::fill(bench, target).await?;
        }
        if let (Some(entries), Some(app)) = (bench.entries, target.app()) {
            fill::grow(bench, app, target, entries).await?;
        }
        if bench.fill_only {
            tell("The customers are there.");
            return Ok(None);
        }
        let (counts, took) = callers::run(bench, target).await?;
        (counts, took, None)
    };
    if let Some(why) = &counts.first_failure {
        tell(format_args!("The first of {} failures: {why}", counts.failed));
    }
    Ok(Some(Report::new(bench, target, &counts, took, replay)))
}
