//! What was to be reached, beside what was.

use super::{
    database::{BOTH, Kind},
    generator::Load,
    page::grouped,
    record::Record,
    sections::{baselines, book, book::Book, flood, floors, growth, spends, stripe, verbs, webhooks},
};
use std::collections::BTreeMap;

/// The records by section.
pub type Records = BTreeMap<String, Record>;

/// A median somewhere in the records.
#[derive(Clone, Debug)]
struct Figure {
    section: &'static str,
    row: String,
    key: &'static str,
}

/// How far a figure must go.
#[derive(Clone, Copy, Debug)]
enum Bound {
    Least(u64),
    Most(u64),
}

/// A figure to reach; with `against`, as a hundredth part of that one.
#[derive(Clone, Debug)]
struct Goal {
    what: &'static str,
    /// Which database, where there is one.
    on: Option<Kind>,
    figure: Figure,
    against: Option<Figure>,
    bound: Bound,
    /// What the figure is counted in; shares are in per cent.
    unit: &'static str,
}

impl Goal {
    fn least(what: &'static str, on: Kind, figure: Figure, least: u64) -> Self {
        Self { what, on: Some(on), figure, against: None, bound: Bound::Least(least), unit: "/s" }
    }

    fn most(what: &'static str, on: Kind, figure: Figure, most: u64, unit: &'static str) -> Self {
        Self { what, on: Some(on), figure, against: None, bound: Bound::Most(most), unit }
    }

    fn share(what: &'static str, on: Kind, figure: Figure, against: Figure, bound: Bound) -> Self {
        Self { what, on: Some(on), figure, against: Some(against), bound, unit: " %" }
    }

    /// What was measured, if it was.
    fn measured(&self, records: &Records) -> Option<u64> {
        let value = self.figure.median(records)?;
        match &self.against {
            None => Some(value),
            Some(against) => Some(value * 100 / against.median(records)?.max(1)),
        }
    }

    /// What its line of the table begins with: what is to be reached where, and how far. No two goals have the same.
    fn start(&self) -> String {
        let wanted = match self.bound {
            Bound::Least(least) => format!("≥ {}{}", grouped(least), self.unit),
            Bound::Most(most) => format!("≤ {}{}", grouped(most), self.unit),
        };
        format!("| {} | {} | {wanted} | ", self.what, self.on.map_or("–", Kind::name))
    }

    /// Its line of the table; where it was not measured here, the one that stands on the page.
    fn line(&self, records: &Records, page: &str) -> String {
        let (start, unit) = (self.start(), self.unit);
        let (measured, verdict) = match (self.measured(records), self.bound) {
            (None, _) => {
                let before = page.lines().find_map(|line| line.strip_prefix(&start));
                return format!("{start}{}\n", before.unwrap_or("– | not measured |"));
            }
            (Some(value), Bound::Least(bound)) => {
                (format!("{}{unit}", grouped(value)), if value >= bound { "met" } else { "**not met**" })
            }
            (Some(value), Bound::Most(bound)) => {
                (format!("{}{unit}", grouped(value)), if value <= bound { "met" } else { "**not met**" })
            }
        };
        format!("{start}{measured} | {verdict} |\n")
    }
}

impl Figure {
    fn new(section: &'static str, row: String, key: &'static str) -> Self {
        Self { section, row, key }
    }

    /// The median; of rows whose names begin alike (pools of one baseline), the largest.
    fn median(&self, records: &Records) -> Option<u64> {
        let rows = records.get(self.section)?.rows.iter();
        let exact = rows.clone().find(|row| row.name == self.row);
        match exact {
            Some(row) => row.median(self.key),
            None => rows.filter(|row| row.name.starts_with(&self.row)).filter_map(|row| row.median(self.key)).max(),
        }
    }
}

/// The table of all goals; `page` is the one there was.
pub fn table(records: &Records, page: &str) -> String {
    let mut lines = "| | on | to reach | measured | |\n|---|---|---|---|---|\n".to_owned();
    let goals = [throughput(), calls(), ratios(), sizes(), sandbox(), events()].concat();
    lines.extend(goals.iter().map(|goal| goal.line(records, page)));
    lines
}

/// For SQLite and PostgreSQL in turn.
fn both(goal: impl Fn(Kind, usize) -> Goal) -> [Goal; 2] {
    [goal(BOTH[0], 0), goal(BOTH[1], 1)]
}

/// Spends a second.
fn throughput() -> Vec<Goal> {
    let row = |kind, keys| spends::name(kind, &Load { keys, ..Load::USUAL });
    let spend = |section, kind, keys, key| Figure::new(section, row(kind, keys), key);
    let mut goals = Vec::new();
    goals.extend(both(|kind, at| {
        let figure = spend("process", kind, "ordered", "per_second");
        Goal::least("spends in process, 256 callers, time-ordered keys", kind, figure, [45_000, 40_000][at])
    }));
    goals.extend(both(|kind, at| {
        let figure = spend("process", kind, "random", "per_second");
        Goal::least("the same, random keys", kind, figure, [25_000, 32_000][at])
    }));
    goals.extend(both(|kind, at| {
        let figure = spend("http", kind, "ordered", "per_second");
        Goal::least("spends over HTTP, 256 connections", kind, figure, [20_000, 15_000][at])
    }));
    goals.extend(both(|kind, _| {
        let figure = spend("http", kind, "ordered", "p99_us");
        Goal::most("their p99", kind, figure, 25_000, " µs")
    }));
    let on = Kind::Postgres;
    let ours = || Figure::new("baselines", baselines::PURSER.to_owned(), "per_second");
    for (what, row, percent) in [
        ("against Node and `pg`", baselines::NODE, 600),
        ("against a statement per step in Rust", baselines::RUST, 300),
    ] {
        let theirs = Figure::new("baselines", row.to_owned(), "per_second");
        goals.push(Goal::share(what, on, ours(), theirs, Bound::Least(percent)));
    }
    goals
}

/// Batches, one wallet, reads.
fn calls() -> Vec<Goal> {
    let figure = |kind, run, key| Figure::new("verbs", verbs::name(kind, run, true), key);
    let mut goals = Vec::new();
    for (what, run, least) in [
        ("spends in batches of 100 over HTTP", "batches", [50_000, 40_000]),
        ("spends of one hot wallet over HTTP", "one hot wallet", [15_000, 10_000]),
        ("balances over HTTP", "balance", [30_000, 15_000]),
    ] {
        goals.extend(both(|kind, at| Goal::least(what, kind, figure(kind, run, "per_second"), least[at])));
    }
    goals.extend(both(|kind, _| Goal::most("their p99", kind, figure(kind, "balance", "p99_us"), 10_000, " µs")));
    goals
}

/// What is measured against something else of the same run.
fn ratios() -> Vec<Goal> {
    let mut goals = Vec::new();
    goals.extend(both(|kind, at| {
        let p50 = |row: &str| Figure::new("floors", row.to_owned(), "p50_us");
        let floor = p50([floors::SQLITE_COMMIT, floors::POSTGRES_COMMIT][at]);
        let figure = p50([floors::SQLITE_SPEND, floors::POSTGRES_SPEND][at]);
        let what = "one caller's p50 in process against a durable one-row commit";
        Goal::share(what, kind, figure, floor, Bound::Most([150, 200][at]))
    }));
    let growth = |kind, at: usize| Figure::new("growth", growth::name(kind, growth::ROWS[at]), "per_second");
    for (what, grown, from, least) in [
        ("1,000,000 customers against 10,000", 1, 0, [40, 75]),
        ("10,000,000 entries against none", 2, 0, [80, 80]),
        ("500 open grants against 3", 4, 3, [33, 33]),
    ] {
        goals.extend(both(|kind, at| {
            Goal::share(what, kind, growth(kind, grown), growth(kind, from), Bound::Least(least[at]))
        }));
    }
    for (what, http) in [
        ("spends in process with the default price book against none", false),
        ("spends over HTTP with the default price book against none", true),
    ] {
        let figure = |kind, book| Figure::new("book", book::name(kind, http, book), "per_second");
        goals.extend(both(|kind, _| {
            Goal::share(what, kind, figure(kind, Book::Default), figure(kind, Book::None), Bound::Least(90))
        }));
    }
    goals.extend(both(|kind, _| {
        let p99 = |flooded| Figure::new("flood", flood::name(kind, flooded), "p99_us");
        let what = "p99 of other keys under a flood over one key's limit, against none";
        Goal::share(what, kind, p99(true), p99(false), Bound::Most(200))
    }));
    goals
}

/// Memory, start, proof.
fn sizes() -> Vec<Goal> {
    let mut goals = Vec::new();
    for (what, section, key, most, unit) in [
        ("resident when idle", "footprint", "idle", 40_000_000, " bytes"),
        ("start to first answer", "footprint", "first_answer_ms", 300, " ms"),
        ("`verify` of 1,000,000 entries", "verify", "took_ms", 20_000, " ms"),
    ] {
        goals.extend(both(|kind, _| {
            Goal::most(what, kind, Figure::new(section, kind.name().to_owned(), key), most, unit)
        }));
    }
    goals
}

/// The Stripe one can run, and the client that speaks to it. No database is in it.
fn sandbox() -> Vec<Goal> {
    let figure = |row: &str, key| Figure::new("stripe", row.to_owned(), key);
    let goal =
        |what, row, key, bound, unit| Goal { what, on: None, figure: figure(row, key), against: None, bound, unit };
    vec![
        goal("sandbox: requests over HTTP, 16 connections", stripe::MIX_16, "per_second", Bound::Least(2000), "/s"),
        goal("sandbox: the same, 64 connections", stripe::MIX_64, "per_second", Bound::Least(2000), "/s"),
        goal("sandbox: a month of 100 subscribed customers", stripe::MONTH, "took_ms", Bound::Most(1000), " ms"),
        goal("sandbox: a year of 1,000, no webhooks", stripe::YEAR, "took_ms", Bound::Most(30_000), " ms"),
        goal(
            "sandbox: a year of 1,000, each webhook answered",
            stripe::TOLD_YEAR,
            "took_ms",
            Bound::Most(30_000),
            " ms",
        ),
        goal(
            "Stripe client: what a read costs beyond the network",
            stripe::READ,
            "overhead_us",
            Bound::Most(100),
            " µs",
        ),
        goal(
            "Stripe client: what a write costs beyond the network",
            stripe::WRITE,
            "overhead_us",
            Bound::Most(100),
            " µs",
        ),
    ]
}

/// Webhooks, and the reset of allowances.
fn events() -> Vec<Goal> {
    let figure = |row: String, key| Figure::new("webhooks", row, key);
    let mut goals = Vec::new();
    for working in [true, false] {
        let what = ["webhooks taken in, 64 connections, workers off", "webhooks taken in, 64 connections, workers on"];
        let p99 = ["their p99 without workers", "their p99 with workers"];
        goals.extend(both(|kind, _| {
            let row = webhooks::taken_in(kind, working);
            Goal::least(what[usize::from(working)], kind, figure(row, "per_second"), 5_000)
        }));
        goals.extend(both(|kind, _| {
            let row = webhooks::taken_in(kind, working);
            Goal::most(p99[usize::from(working)], kind, figure(row, "p99_us"), 20_000, " µs")
        }));
    }
    goals.extend(both(|kind, _| {
        let row = webhooks::acted_on(kind);
        Goal::least("webhooks acted on, a sandbox in process", kind, figure(row, "per_second"), 500)
    }));
    goals.extend(both(|kind, _| {
        let row = webhooks::backlog(kind);
        Goal::most("memory more while 100,000 drain", kind, figure(row, "grown"), 50_000_000, " bytes")
    }));
    let on = Kind::Sqlite;
    let p99 = |row: &str| figure(row.to_owned(), "p99_us");
    let what = "p99 of spends beside a reset of 1,000,000 customers, against none";
    goals.push(Goal::share(what, on, p99(webhooks::RESET), p99(webhooks::ALONE), Bound::Most(150)));
    let touched = figure(webhooks::RESET.to_owned(), "touched");
    goals.push(Goal::most("wallets it touches, 10,000 of whom came lately", on, touched, 12_000, ""));
    goals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::record::{Figures, Row};

    /// Records with one figure in each of these rows.
    fn records(rows: &[(&str, &str, &str, u64)]) -> Records {
        let mut records = Records::new();
        for (section, name, key, value) in rows {
            let runs = vec![Figures::from([((*key).to_owned(), *value)])];
            let row = Row { name: (*name).to_owned(), command: String::new(), runs, failed: None };
            records.entry((*section).to_owned()).or_default().rows.push(row);
        }
        records
    }

    fn line<'a>(table: &'a str, start: &str) -> &'a str {
        table.lines().find(|line| line.starts_with(start)).expect("the table has the line")
    }

    #[test]
    fn figures_are_measured_against_their_bounds() {
        let hot = |kind, value| ("verbs", verbs::name(kind, "one hot wallet", true), value);
        let rows = [hot(Kind::Sqlite, 15_000), hot(Kind::Postgres, 9_999)];
        let rows = rows.each_ref().map(|(section, name, value)| (*section, name.as_str(), "per_second", *value));
        let table = table(&records(&rows), "");
        let start = "| spends of one hot wallet over HTTP |";
        assert_eq!(line(&table, &format!("{start} SQLite")), format!("{start} SQLite | ≥ 15,000/s | 15,000/s | met |"));
        let missed = format!("{start} PostgreSQL | ≥ 10,000/s | 9,999/s | **not met** |");
        assert_eq!(line(&table, &format!("{start} PostgreSQL")), missed);
        assert!(line(&table, "| balances over HTTP | SQLite").ends_with("| – | not measured |"));
    }

    #[test]
    fn purser_is_measured_against_the_best_pool() {
        let pools = [format!("{}, pool 8", baselines::NODE), format!("{}, pool 16", baselines::NODE)];
        let rows = [
            ("baselines", baselines::PURSER, "per_second", 17_990),
            ("baselines", pools[0].as_str(), "per_second", 3_000),
            ("baselines", pools[1].as_str(), "per_second", 2_500),
        ];
        let table = table(&records(&rows), "");
        assert!(line(&table, "| against Node").ends_with("| ≥ 600 % | 599 % | **not met** |"));
    }
}
