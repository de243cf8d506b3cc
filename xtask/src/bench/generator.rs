//! Runs the load generator (`purser bench`) and reads the figures it prints.

use super::{database::Fill, lab::Effort, record::Figures};
use crate::{local::without_settings, shell::root};
use serde_json::Value;
use std::process::{Command, Stdio};

/// The admin key of every server of a run; a throw-away, since the servers live for a run.
pub const KEY: &str = "a-key-for-servers-that-live-for-one-bench";

/// What these servers take events of Stripe's by.
pub const WEBHOOK_SECRET: &str = "whsec_for_servers_that_live_for_one_bench";

/// What it repeats of the question.
const ASKED: &[&str] = &["batch", "callers", "customers", "grants", "seed"];

/// What the generator is asked to do.
#[derive(Clone, Debug)]
pub struct Load {
    /// `spends`, `batches`, `holds`, `balance` or `check`.
    pub run: &'static str,
    /// Callers at once.
    pub callers: u32,
    /// Customers they are drawn from; filled before.
    pub customers: u32,
    /// `uniform` or `hot`.
    pub spread: &'static str,
    /// `ordered` or `random`.
    pub keys: &'static str,
    /// Open grants per customer, as they were filled.
    pub grants: u32,
}

impl Load {
    /// Spends as most rows do them.
    pub const USUAL: Self =
        Self { run: "spends", callers: 256, customers: 10_000, spread: "uniform", keys: "ordered", grants: 3 };

    /// What must be in the database for it.
    pub fn fill(&self) -> Fill {
        Fill { customers: self.customers, grants: self.grants, entries: 0 }
    }

    /// The words after `purser`, against `target` (`--url …` or `--database …`).
    fn words(&self, target: &[String], effort: Effort) -> Vec<String> {
        let mut words = vec!["bench".to_owned(), self.run.to_owned()];
        words.extend_from_slice(target);
        let numbers = [
            ("--callers", self.callers.to_string()),
            ("--customers", self.customers.to_string()),
            ("--spread", self.spread.to_owned()),
            ("--keys", self.keys.to_owned()),
            ("--grants", self.grants.to_string()),
            ("--seconds", effort.seconds.to_string()),
            ("--warm-up", effort.warm_up.to_string()),
        ];
        for (name, value) in numbers {
            words.extend([name.to_owned(), value]);
        }
        words.extend(["--no-fill", "--json"].map(str::to_owned));
        words
    }

    /// The command as it is shown.
    pub fn shown(&self, target: &[&str], effort: Effort) -> String {
        let target: Vec<String> = target.iter().map(|word| (*word).to_owned()).collect();
        format!("purser {}", self.words(&target, effort).join(" "))
    }

    /// Runs it against servers.
    pub fn over_http(&self, urls: &[&str], effort: Effort) -> Result<Figures, String> {
        let target: Vec<String> = urls.iter().flat_map(|url| ["--url".to_owned(), (*url).to_owned()]).collect();
        run(&self.words(&target, effort))
    }

    /// Runs it in process on a database.
    pub fn in_process(&self, database: &str, effort: Effort) -> Result<Figures, String> {
        run(&self.words(&["--database".to_owned(), database.to_owned()], effort))
    }
}

/// Fills an empty database, in process.
pub fn fill(database: &str, fill: Fill) -> Result<(), String> {
    let Fill { customers, grants, entries } = fill;
    let mut words: Vec<String> = ["bench", "--fill-only", "--database", database].map(str::to_owned).into();
    let numbers = [("--customers", customers.to_string()), ("--grants", grants.to_string())];
    words.extend(numbers.into_iter().flat_map(|(name, value)| [name.to_owned(), value]));
    if entries > 0 {
        words.extend(["--entries".to_owned(), entries.to_string()]);
    }
    let status = purser(&words).stdout(Stdio::null()).status().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("`purser {}` failed ({status})", words.join(" "))) }
}

/// The words that have so many events acted on in process.
fn words_of_events(database: &str, customers: u32, events: u32) -> Vec<String> {
    let (customers, events) = (customers.to_string(), events.to_string());
    let (customers, events) = (customers.as_str(), events.as_str());
    let words = ["bench", "events", "--database", database, "--customers", customers, "--events", events, "--json"];
    words.map(str::to_owned).into()
}

/// The command as it is shown.
pub fn events_shown(database: &str, customers: u32, events: u32) -> String {
    format!("PURSER_THREADS=2 purser {}", words_of_events(database, customers, events).join(" "))
}

/// Has so many events acted on in process, on an empty database.
pub fn events(database: &str, customers: u32, events: u32) -> Result<Figures, String> {
    run_with(&words_of_events(database, customers, events), &[("PURSER_THREADS", "2")])
}

/// The binary that was built for this run, with the settings of nobody.
pub fn purser(words: &[String]) -> Command {
    let mut command = Command::new(root().join("target/release/purser"));
    without_settings(&mut command);
    command.args(words).current_dir(root()).stdin(Stdio::null()).env("PURSER_BENCH_KEY", KEY).env("RUST_LOG", "warn");
    command.env("PURSER_BENCH_WEBHOOK_SECRET", WEBHOOK_SECRET);
    command
}

/// Runs it and reads its one JSON object. Failed calls fail the run.
fn run(words: &[String]) -> Result<Figures, String> {
    run_with(words, &[])
}

/// The same with these settings.
fn run_with(words: &[String], env: &[(&str, &str)]) -> Result<Figures, String> {
    let mut command = purser(words);
    let output = command.envs(env.iter().copied()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout);
    let Ok(Value::Object(fields)) = serde_json::from_str(said.trim()) else {
        return Err(format!("`purser {}` ended with {} and no figures", words.join(" "), output.status));
    };
    let mut figures: Figures =
        fields.iter().filter_map(|(name, value)| Some((name.clone(), value.as_u64()?))).collect();
    figures.retain(|name, _| !ASKED.contains(&name.as_str()));
    let refused = fields.get("refused").and_then(Value::as_object);
    let refused = refused.map_or(0, |codes| codes.values().filter_map(Value::as_u64).sum());
    figures.insert("refused".to_owned(), refused);
    match figures.get("failed") {
        Some(0) if output.status.success() => Ok(figures),
        Some(failed) => Err(format!("{failed} calls failed ({})", output.status)),
        None => Err("the generator did not say how many calls failed".to_owned()),
    }
}
