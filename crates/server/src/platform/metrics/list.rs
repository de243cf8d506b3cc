//! Every metric there is: its name, kind, labels and what it says. The guide's page of metrics repeats this list.

/// The upper bounds of times a caller or a spend waits for, in seconds.
const TIMES: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// The upper bounds of the times jobs take, in seconds.
const LONG_TIMES: &[f64] = &[0.01, 0.1, 1.0, 10.0, 60.0, 300.0, 1800.0, 7200.0];
/// The upper bounds of how many go together.
const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// What a metric's numbers are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only goes up, but for restarts.
    Counter,
    /// What is at this moment.
    Gauge,
    /// Counts in buckets of these upper bounds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// As Prometheus calls it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name; it ends in its unit: seconds, bytes, or what is counted.
    pub name: &'static str,
    /// What its numbers are.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says, in one line.
    pub says: &'static str,
}

const fn metric(name: &'static str, kind: Kind, labels: &'static [&'static str], says: &'static str) -> Metric {
    Metric { name, kind, labels, says }
}

/// All of them, in the order of the guide.
pub const ALL: &[Metric] = &[
    metric(
        "purser_http_requests_total",
        Kind::Counter,
        &["method", "route", "status"],
        "Requests answered. route is the pattern, never the path.",
    ),
    metric(
        "purser_http_request_seconds",
        Kind::Histogram(TIMES),
        &["method", "route"],
        "From a request's head to its answer.",
    ),
    metric("purser_http_requests_in_flight", Kind::Gauge, &[], "Requests being answered."),
    metric("purser_http_connections", Kind::Gauge, &[], "Open connections of callers."),
    metric(
        "purser_refusals_total",
        Kind::Counter,
        &["code"],
        "Errors answered, by error.code: of requests, and of items of batches.",
    ),
    metric(
        "purser_db_queue_depth",
        Kind::Gauge,
        &["queue"],
        "What waits for the database now. queue is spends, holds, webhooks, balances, keys, or other writes or reads.",
    ),
    metric(
        "purser_db_wait_seconds",
        Kind::Histogram(TIMES),
        &["queue"],
        "How long work of a queue waited before it was begun.",
    ),
    metric(
        "purser_db_batch_items",
        Kind::Histogram(COUNTS),
        &["queue"],
        "Items done as one batch. queue is spends, holds (with captures and releases), webhooks, or what is read together: balances, keys.",
    ),
    metric(
        "purser_db_batch_seconds",
        Kind::Histogram(TIMES),
        &["queue"],
        "From the beginning of a batch until it was kept.",
    ),
    metric("purser_db_group_units", Kind::Histogram(COUNTS), &[], "Units that shared one commit. SQLite only."),
    metric(
        "purser_db_lock_seconds",
        Kind::Histogram(TIMES),
        &[],
        "Waits for locks. PostgreSQL: the round trip that locks wallets; SQLite: until the file's write lock was had.",
    ),
    metric(
        "purser_db_commit_seconds",
        Kind::Histogram(TIMES),
        &[],
        "Commits. PostgreSQL: the round trip that writes and commits; SQLite: the COMMIT.",
    ),
    metric("purser_db_errors_total", Kind::Counter, &["kind"], "Units the database did not do, by why."),
    metric(
        "purser_db_retries_total",
        Kind::Counter,
        &["reason"],
        "Units run again. reason is conflict (lost a race for a key) or locks.",
    ),
    metric(
        "purser_db_connections",
        Kind::Gauge,
        &["queue"],
        "Threads that have a connection. 0: that work is refused with database_unavailable.",
    ),
    metric(
        "purser_db_index_lag_rows",
        Kind::Gauge,
        &[],
        "Entries the ledger's index does not have yet; it follows by itself. SQLite only.",
    ),
    metric("purser_db_clock_skew_seconds", Kind::Gauge, &[], "How far this node's clock is ahead of the database's."),
    metric("purser_job_runs_total", Kind::Counter, &["name", "outcome"], "Runs of jobs. outcome is done or failed."),
    metric("purser_job_seconds", Kind::Histogram(LONG_TIMES), &["name"], "How long a run of a job took."),
    metric(
        "purser_job_last_run_timestamp_seconds",
        Kind::Gauge,
        &["name"],
        "When the schedule last began a job, on any node.",
    ),
    metric("purser_job_interval_seconds", Kind::Gauge, &["name"], "How far apart the schedule's runs of a job are."),
    metric(
        "purser_sweep_lag_seconds",
        Kind::Gauge,
        &[],
        "How long what the last run of expire-grants met first had been due.",
    ),
    metric(
        "purser_sweep_wallets_total",
        Kind::Counter,
        &["outcome"],
        "Wallets expire-grants brought up to date. outcome is done or failed.",
    ),
    metric(
        "purser_allowances_total",
        Kind::Counter,
        &["outcome"],
        "Wallets whose allowance's period was over when a sweep met them. outcome is granted (the next was put down), not_lately, no_plan or archived.",
    ),
    metric(
        "purser_ledger_differences",
        Kind::Gauge,
        &[],
        "Wallets the last run of sync-balances found to differ from their ledger; at most 100 are counted.",
    ),
    metric(
        "purser_stripe_calls_total",
        Kind::Counter,
        &["method", "route", "outcome"],
        "Calls of Stripe. outcome is ok, refused, rate_limited, unanswered, not_understood, gone, breaker_open, busy, key_too_old, unfit or dropped.",
    ),
    metric(
        "purser_stripe_call_seconds",
        Kind::Histogram(TIMES),
        &["method", "route"],
        "How long a call took with all its waits and tries.",
    ),
    metric(
        "purser_stripe_tries_total",
        Kind::Counter,
        &["status"],
        "Requests sent to Stripe, by the status of their answer; none is no answer.",
    ),
    metric(
        "purser_stripe_wait_seconds",
        Kind::Histogram(TIMES),
        &["what"],
        "How long a call waited before a try. what is rate (our own rate limit) or turn (another write of the object).",
    ),
    metric(
        "purser_stripe_breaker_open",
        Kind::Gauge,
        &[],
        "1 while Stripe is failing and nothing but a probe is sent.",
    ),
    metric(
        "purser_webhooks_received_total",
        Kind::Counter,
        &["class", "outcome"],
        "Events Stripe sent that are kept. class is what they are about; outcome is new, ignored (new, and nothing acts on the type) or duplicate.",
    ),
    metric(
        "purser_webhooks_refused_total",
        Kind::Counter,
        &["reason"],
        "What was sent as a webhook and refused. reason is encoded, too_large, broken_off, no_secret, missing, malformed, no_match, too_old, too_new, no_event or wrong_mode.",
    ),
    metric(
        "purser_inbox_events_total",
        Kind::Counter,
        &["outcome"],
        "Tries of events. outcome is done, ignored (it is not ours: of another payment, or a whole one of a connected account), moved (it waits among the events of its payment), failed, postponed (Stripe or the database is away), dead or lost (another worker has it).",
    ),
    metric("purser_inbox_waiting_subjects", Kind::Gauge, &[], "Objects with events that are not acted on yet."),
    metric("purser_inbox_oldest_seconds", Kind::Gauge, &[], "How long ago the event came that waits longest."),
    metric("purser_inbox_dead_events", Kind::Gauge, &[], "Events that were tried too often: a person must look."),
    metric(
        "purser_inbox_missed_total",
        Kind::Counter,
        &[],
        "Events no webhook brought, found by listing Stripe's events.",
    ),
    metric(
        "purser_subscription_alarms_total",
        Kind::Counter,
        &["alarm"],
        "Subscriptions a person must look at, at each change of one and when it gets its customer. alarm is unknown_price (a price is not in the price book), two_bases (a customer pays for two plans of a group) or archived (its customer is archived, and pays for nothing).",
    ),
    metric(
        "purser_unmapped_sessions_total",
        Kind::Counter,
        &[],
        "Times a paid checkout session was met whose price is in no price book: nothing was granted.",
    ),
    metric(
        "purser_auto_top_ups_total",
        Kind::Counter,
        &["outcome"],
        "Attempts of auto top-up to buy a pack, by how they ended: succeeded or failed; and how often Stripe gave one no answer: unanswered.",
    ),
    metric(
        "purser_trace_spans_total",
        Kind::Counter,
        &["outcome"],
        "Spans of traces. outcome is sent, dropped (the queue was full) or failed (the collector did not take them).",
    ),
    metric("purser_build_info", Kind::Gauge, &["version"], "Always 1; the version is its label."),
    metric("process_start_time_seconds", Kind::Gauge, &[], "When this process began."),
    metric("process_resident_memory_bytes", Kind::Gauge, &[], "Memory in use. Linux only."),
    metric("process_cpu_seconds_total", Kind::Counter, &[], "Processor time used, in whole seconds. Linux only."),
    metric("process_open_fds", Kind::Gauge, &[], "Open files and connections. Linux only."),
];
