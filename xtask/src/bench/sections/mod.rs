//! The sections of docs/bench.md: what each measures and which figures its table shows.

pub mod baselines;
pub mod book;
mod cost;
pub mod flood;
pub mod floors;
pub mod footprint;
pub mod growth;
pub mod spends;
pub mod stripe;
mod stripe_load;
pub mod verbs;
pub mod verify;
pub mod webhooks;

use super::lab::Sheet;

/// How a figure is written.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// As it is.
    Count,
    /// Microseconds, shown in milliseconds.
    Micros,
    /// Milliseconds, as they are.
    Millis,
    /// Bytes, shown in MB where there are many.
    Bytes,
    /// Thousandths, shown with three decimals.
    Thousandths,
}

/// A column of a table: the figure, its heading, how it is written.
pub type Column = (&'static str, &'static str, Unit);

/// A part of the page that can be measured by itself.
pub struct Section {
    /// Its name on the command line and in the page's markers.
    pub name: &'static str,
    /// What it measures, in a sentence or two.
    pub about: &'static str,
    /// The figures its table shows.
    pub columns: &'static [Column],
    /// Whether what a team would write must be built for it.
    pub needs_baselines: bool,
    /// Measures its rows.
    pub measure: fn(&mut Sheet<'_>),
}

/// Calls a second and how long they took.
const RATE: &[Column] = &[
    ("per_second", "per second", Unit::Count),
    ("p50_us", "p50, ms", Unit::Micros),
    ("p99_us", "p99, ms", Unit::Micros),
    ("p999_us", "p99.9, ms", Unit::Micros),
    ("refused", "refused", Unit::Count),
];

/// All of them, in the page's order.
pub const ALL: &[Section] = &[
    Section {
        name: "process",
        about: "Spends in process, through the same verbs as the API: 10,000 customers with 3 grants each. *Hot*: nine \
            of ten spends go to ten customers.",
        columns: RATE,
        needs_baselines: false,
        measure: spends::in_process,
    },
    Section {
        name: "http",
        about: "The same over HTTP: one `purser serve` with its default settings, the generator beside it.",
        columns: RATE,
        needs_baselines: false,
        measure: spends::over_http,
    },
    Section {
        name: "baselines",
        about: "What a team would write, over HTTP with the same generator on the same PostgreSQL, and Purser beside it. \
            Both do one transaction per spend with a prepared statement per step, `synchronous_commit = on`.",
        columns: RATE,
        needs_baselines: true,
        measure: baselines::measure,
    },
    Section {
        name: "verbs",
        about: "The other calls. Batches are of 100 spends, and count as 100; a hold and its capture count as one.",
        columns: RATE,
        needs_baselines: false,
        measure: verbs::measure,
    },
    Section {
        name: "growth",
        about: "Spends in process by 256 callers on larger databases. Many customers are a million, many entries \
            ten million (in a quick look 30,000 and 100,000): filled once and used for all runs. \
            What is compared runs in turn.",
        columns: RATE,
        needs_baselines: false,
        measure: growth::measure,
    },
    Section {
        name: "book",
        about: "Spends by 256 callers as above, on a database without plans and on one with the default price book, where \
            every customer has an allowance of 5 credits a day. Each run is the second on its database, so that all have \
            spent before on that day; but for the *first spends of the day*, most of which put an allowance down.",
        columns: RATE,
        needs_baselines: false,
        measure: book::measure,
    },
    Section {
        name: "verify",
        about: "`purser verify` of the whole ledger, from the start of the process to its end.",
        columns: &[("took_ms", "took, ms", Unit::Millis)],
        needs_baselines: false,
        measure: verify::measure,
    },
    Section {
        name: "floors",
        about: "What the machine and the databases do without Purser: the least anything here can cost. Beside the \
            durable updates of one caller, run in turn with them, one caller's spends in process.",
        columns: &[
            ("per_second", "per second", Unit::Count),
            ("p50_us", "p50, ms", Unit::Micros),
            ("p99_us", "p99, ms", Unit::Micros),
        ],
        needs_baselines: true,
        measure: floors::measure,
    },
    Section {
        name: "cost",
        about: "What one spend costs, over HTTP with 256 callers. Processor time is user and system; bytes written are \
            those handed to the disk (write-ahead log, tables, checkpoints) while it ran. SQLite runs inside the \
            server: its statements are not counted, and each of its commits syncs the log once.",
        columns: &[
            ("per_second", "per second", Unit::Count),
            ("server_ns", "CPU of the server, µs", Unit::Thousandths),
            ("postgres_ns", "CPU of PostgreSQL, µs", Unit::Thousandths),
            ("written", "bytes written", Unit::Count),
            ("wal", "WAL bytes", Unit::Count),
            ("commits_k", "commits", Unit::Thousandths),
            ("syncs_k", "WAL syncs", Unit::Thousandths),
            ("statements_k", "statements", Unit::Thousandths),
        ],
        needs_baselines: false,
        measure: cost::measure,
    },
    Section {
        name: "footprint",
        about: "A server on an existing database of 10,000 customers: from its start to the first good answer of \
            `/readyz`, resident memory five seconds later, and the most while 256 callers spend.",
        columns: &[
            ("first_answer_ms", "first answer, ms", Unit::Millis),
            ("idle", "idle", Unit::Bytes),
            ("loaded", "under load", Unit::Bytes),
            ("binary", "binary", Unit::Bytes),
        ],
        needs_baselines: false,
        measure: footprint::measure,
    },
    Section {
        name: "flood",
        about: "Four callers spend with one key; then again while another key, long over its limit, is sent as much as \
            `wrk` can send from the same two cores over 256 connections. Each refusal is held back for 200 ms, \
            which bounds the flood.",
        columns: &[
            ("per_second", "spends per second", Unit::Count),
            ("p50_us", "p50, ms", Unit::Micros),
            ("p99_us", "p99, ms", Unit::Micros),
            ("refused", "of them refused", Unit::Count),
            ("flood", "flood, requests per second", Unit::Count),
            ("limited", "limited in all", Unit::Count),
        ],
        needs_baselines: false,
        measure: flood::measure,
    },
    Section {
        name: "stripe",
        about: "`purser sandbox` with its clock standing, the generator beside it: of ten requests six read an object or a \
            list, two make a customer, two change one. Then time: customers with a monthly subscription each, from the \
            order to move the clock until all is done that was due; *told* with a webhook endpoint that takes every \
            event. Memory is what is resident afterwards. Last what the client costs a call beyond the network, as \
            its own example measures it.",
        columns: &[
            ("per_second", "requests per second", Unit::Count),
            ("p50_us", "p50, ms", Unit::Micros),
            ("p99_us", "p99, ms", Unit::Micros),
            ("refused", "refused", Unit::Count),
            ("took_ms", "took, ms", Unit::Millis),
            ("told", "events told", Unit::Count),
            ("resident", "memory", Unit::Bytes),
            ("overhead_us", "beyond the network, µs", Unit::Count),
        ],
        needs_baselines: false,
        measure: stripe::measure,
    },
    Section {
        name: "webhooks",
        about: "Signed events, each its own, sent over 64 connections and durable before they are answered: every other \
            one is of a kind that nothing acts on, and of the rest a worker finds that they are not ours. Then \
            events that are acted on in process, beside a sandbox of the same process: a subscription of each of \
            1,000 customers is told of in turn, and fetched each time. Ten times as many are a backlog; memory is \
            what the process has more at the most, the sandbox's too. Last, a database of 1,000,000 customers of the \
            default plan (30,000 in a quick look), of whom 10,000 (1,000) came the day before: others spend while \
            the allowances of those are reset, and without that.",
        columns: webhooks::COLUMNS,
        needs_baselines: false,
        measure: webhooks::measure,
    },
];
