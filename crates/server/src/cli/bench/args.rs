//! What `purser bench` is told: its flags, their bounds and their defaults.

use clap::{Args, ValueEnum};
use serde::Serialize;
use std::path::PathBuf;

/// What a bench is to do.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct Bench {
    /// What each caller asks for, again and again.
    #[arg(value_enum, default_value_t = Run::Spends, conflicts_with = "trace")]
    pub(super) run: Run,
    /// A running server, with its admin key in the environment as PURSER_BENCH_KEY; given again, callers are split
    /// over them. Without one the bench runs in process on --database.
    #[arg(long, value_name = "URL")]
    pub(super) url: Vec<String>,
    /// Callers that ask at the same time, each waiting for its answer; over HTTP a connection each.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=8192))]
    pub(super) callers: u64,
    /// Customers; 10,000 unless given, for a trace 1,000.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    customers: Option<u64>,
    /// Whom a call is for: all customers alike, or 90 of 100 calls ten of them.
    #[arg(long, value_enum, default_value_t = Spread::Uniform)]
    pub(super) spread: Spread,
    /// Idempotency keys: UUIDs in the order of time (version 7), or random ones (version 4).
    #[arg(long, value_enum, default_value_t = KeyOrder::Ordered)]
    pub(super) keys: KeyOrder,
    /// Open grants of each customer.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(super) grants: u64,
    /// Spends in a call of `batches`.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) batch: u64,
    /// Events that `events` acts on.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(super) events: u64,
    /// Seconds that are measured.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) seconds: u64,
    /// Seconds before that, which are not.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub(super) warm_up: u64,
    /// Who asks for how much: the same seed draws the same.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// The customers are there already.
    #[arg(long, conflicts_with_all = ["fill_only", "trace"])]
    pub(super) no_fill: bool,
    /// Make the customers, and no more.
    #[arg(long, conflicts_with = "trace")]
    pub(super) fill_only: bool,
    /// With --fill-only in process: spend until the ledger has this many entries.
    #[arg(long, value_name = "N", requires = "fill_only", conflicts_with = "url")]
    pub(super) entries: Option<u64>,
    /// Replay a trace of requests to a language model: a hold, then a capture, for each line.
    #[arg(long, value_name = "FILE")]
    pub(super) trace: Option<PathBuf>,
    /// When a line of the trace is asked: at the instant it tells, or as soon as a caller is free.
    #[arg(long, value_enum, default_value_t = Pace::Max, requires = "trace")]
    pub(super) pace: Pace,
    /// With --pace trace: how many times faster than the trace.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000), requires = "trace")]
    pub(super) speed: u32,
    /// One JSON object on standard output at the end, and nothing else there.
    #[arg(long)]
    pub(super) json: bool,
}

/// What a caller asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(super) enum Run {
    /// Spends, one a call.
    Spends,
    /// Spends, many a call.
    Batches,
    /// A hold, then its capture.
    Holds,
    /// Balances.
    Balance,
    /// Checks of an amount.
    Check,
    /// Events of Stripe's, sent in: to a server with PURSER_BENCH_WEBHOOK_SECRET among its secrets.
    Webhooks,
    /// Events acted on: --events of them wait, about a subscription of each customer at a sandbox of this process.
    Events,
    /// A trace: not asked for by name but with --trace.
    #[value(skip)]
    Trace,
}

/// Whom calls are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(super) enum Spread {
    /// All customers alike.
    Uniform,
    /// Nine of ten calls for ten customers.
    Hot,
    /// By Zipf's law: traces only.
    #[value(skip)]
    Zipf,
}

/// How idempotency keys are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(super) enum KeyOrder {
    /// In the order of time: UUIDs of version 7.
    Ordered,
    /// At random: UUIDs of version 4.
    Random,
}

/// When the lines of a trace are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(super) enum Pace {
    /// At the trace's own instants.
    Trace,
    /// As soon as a caller is free.
    Max,
}

impl Bench {
    /// How many customers there are to be.
    pub(super) fn customers(&self) -> u64 {
        self.customers.unwrap_or(if self.trace.is_some() { 1_000 } else { 10_000 })
    }

    /// What is run.
    pub(super) fn what(&self) -> Run {
        if self.trace.is_some() { Run::Trace } else { self.run }
    }

    /// Whether it needs customers with grants.
    pub(super) fn fills(&self) -> bool {
        !self.no_fill && self.run != Run::Webhooks
    }

    /// Whom calls are for.
    pub(super) fn whom(&self) -> Spread {
        if self.trace.is_some() { Spread::Zipf } else { self.spread }
    }
}
