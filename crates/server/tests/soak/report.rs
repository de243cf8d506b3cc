//! The verdict: what is proved, how memory and latency went, each with its figures and whether it is met.

use crate::{
    Plan,
    meter::{Minute, millis},
    proof::Proof,
    world::World,
};
use std::{fmt::Write as _, path::Path};

/// The most a process may grow, in KiB.
const MOST_GROWTH: u64 = 50 * 1024;
/// The seconds after which it must be done with growing: its caches are full by then.
const SETTLED: u64 = 300;

/// All that is to be said at the end.
pub struct Report {
    text: String,
    met: bool,
}

/// How a process that lived to the end grew once it had settled.
struct Growth {
    /// For how long, in seconds.
    over: u64,
    /// KiB before and after.
    from: u64,
    to: u64,
}

impl Report {
    /// Judges what was measured and proved.
    pub fn new(plan: Plan, worlds: &[World], minutes: Vec<Minute>, proofs: Vec<Proof>) -> Self {
        let mut report = Self { text: String::new(), met: true };
        let length = plan.length.as_secs() / 60;
        report.say(&format!(
            "# Soak\n\n{length} minutes, seed {}: repeat it with `cargo xtask soak --minutes {length} --seed {}`.\n",
            plan.seed, plan.seed
        ));
        report.say("| what | figures | |\n|---|---|---|");
        for ((at, world), proof) in worlds.iter().enumerate().zip(&proofs) {
            let of: Vec<&Minute> = minutes.iter().filter(|minute| minute.world == at).collect();
            let figures = format!(
                "{} acknowledged, {} events, {} requests sent again, {} refused, {} wrong; {}",
                proof.acknowledged,
                of.last().map_or(0, |minute| minute.events),
                proof.sent_again,
                proof.refused,
                proof.wrong.len(),
                proof.verified.lines().last().unwrap_or_default(),
            );
            report.judge(&format!("{}: nothing lost, nothing doubled", world.name), &figures, proof.wrong.is_empty());
            for (at, node) in world.nodes.iter().enumerate() {
                report.memory(&format!("{}: memory", node.name), grown(at, &of));
            }
            report.latency(world, &of);
        }
        for wrong in proofs.iter().flat_map(|proof| &proof.wrong) {
            report.say(&format!("\nWrong: {wrong}"));
        }
        report.table(worlds, &minutes);
        report
    }

    fn say(&mut self, line: &str) {
        let _into_a_string = writeln!(self.text, "{line}");
    }

    fn judge(&mut self, what: &str, figures: &str, met: bool) {
        self.met &= met;
        self.say(&format!("| {what} | {figures} | {} |", if met { "met" } else { "NOT met" }));
    }

    fn memory(&mut self, what: &str, growth: Option<Growth>) {
        let Some(Growth { over, from, to }) = growth else {
            return self.say(&format!("| {what} | its last process lived less than {SETTLED} s | not judged |"));
        };
        let by = to.saturating_sub(from);
        let mib = |kib: u64| kib / 1024;
        let figures = format!(
            "{} → {} MiB over {over} s, grown by {} MiB (at most {})",
            mib(from),
            mib(to),
            mib(by),
            mib(MOST_GROWTH)
        );
        self.judge(what, &figures, by <= MOST_GROWTH);
    }

    /// The first quiet minutes against the last: told, and no failure, since the machine may have other work.
    fn latency(&mut self, world: &World, minutes: &[&Minute]) {
        let quiet: Vec<&&Minute> = minutes.iter().filter(|minute| minute.quiet).collect();
        let middle = |some: &[&&Minute]| {
            let mut p99: Vec<u64> = some.iter().map(|minute| minute.p99).collect();
            p99.sort_unstable();
            p99.get(p99.len() / 2).copied().unwrap_or(0)
        };
        let first = middle(&quiet[..quiet.len().min(3)]);
        let last = middle(&quiet[quiet.len().saturating_sub(3)..]);
        let figures = format!("{} → {} ms (at most twice the first)", millis(first), millis(last));
        let verdict = if last <= first * 2 { "met" } else { "NOT met" };
        self.say(&format!("| {}: p99 of the first and last three quiet minutes | {figures} | {verdict} |", world.name));
    }

    fn table(&mut self, worlds: &[World], minutes: &[Minute]) {
        self.say("\n| s | database | answers/s | p50 ms | p99 ms | memory MiB | files MiB | events | sent again |\n|---|---|---|---|---|---|---|---|---|");
        for minute in minutes {
            let memory =
                minute.memory.iter().map(|it| it.map_or_else(|| "–".into(), |(_, kib)| (kib / 1024).to_string()));
            let line = format!(
                "| {} | {} | {} | {} | {} | {} | {} | {}{} | {} |",
                minute.at,
                worlds[minute.world].name,
                minute.rate,
                millis(minute.p50),
                millis(minute.p99),
                memory.collect::<Vec<_>>().join(" + "),
                minute.size / 1024,
                minute.events,
                if minute.quiet { " (quiet)" } else { "" },
                minute.open
            );
            self.say(&line);
        }
    }

    /// Prints the verdict and writes all of it to `target/soak.md`.
    pub fn tell(&self) {
        let verdict = self.text.split("\n| s |").next().unwrap_or_default();
        println!("\n{verdict}");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/soak.md");
        std::fs::write(&file, &self.text).expect("the report can be written");
        println!("the whole report: target/soak.md");
    }

    /// Whether nothing is lost, doubled or unproved, and memory stayed flat.
    pub const fn is_met(&self) -> bool {
        self.met
    }
}

/// How the last process of the `node`th node grew after it had settled; none where it lived too briefly for that.
fn grown(node: usize, minutes: &[&Minute]) -> Option<Growth> {
    let seen = minutes.iter().filter_map(|minute| minute.memory[node].map(|(process, kib)| (minute.at, process, kib)));
    let seen: Vec<(u64, u64, u64)> = seen.collect();
    let &(end, last, to) = seen.last()?;
    let mut life = seen.iter().filter(|(_, process, _)| *process == last);
    let born = life.next()?.0;
    let &(since, _, from) = life.find(|(at, ..)| *at >= born + SETTLED)?;
    Some(Growth { over: end - since, from, to })
}
