//! Counters, gauges and times for Prometheus, one recorder a process.

mod list;
mod process;

pub use list::{ALL, Kind, Metric};

use super::{App, db::DbError, error::Code, work::Tasks};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{sync::OnceLock, time::Duration};

/// How often what was recorded is put into buckets: until then each single time is kept in memory.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Sets the recorder up, once a process; everything that can be counted from nothing is there from the start,
/// so that the first event of a kind is seen as an increase.
pub fn start() {
    handle();
}

fn handle() -> &'static PrometheusHandle {
    HANDLE.get_or_init(|| {
        let mut builder = PrometheusBuilder::new();
        for metric in ALL {
            if let Kind::Histogram(bounds) = metric.kind {
                // Refused only for no bounds at all, which a test of the list rules out.
                let bounded = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds);
                builder = bounded.unwrap_or_default();
            }
        }
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        let _one_is_set_already = metrics::set_global_recorder(recorder);
        begin();
        handle
    })
}

/// Describes every metric, and puts those there whose labels are known beforehand.
fn begin() {
    for metric in ALL {
        match metric.kind {
            Kind::Counter => ::metrics::describe_counter!(metric.name, metric.says),
            Kind::Gauge => ::metrics::describe_gauge!(metric.name, metric.says),
            Kind::Histogram(_) => ::metrics::describe_histogram!(metric.name, metric.says),
        }
        if metric.labels.is_empty() {
            match metric.kind {
                Kind::Counter => drop(::metrics::counter!(metric.name)),
                Kind::Gauge => drop(::metrics::gauge!(metric.name)),
                Kind::Histogram(_) => drop(::metrics::histogram!(metric.name)),
            }
        }
    }
    for code in Code::ALL {
        drop(::metrics::counter!("purser_refusals_total", "code" => code.as_str()));
    }
    for kind in DbError::KINDS {
        drop(::metrics::counter!("purser_db_errors_total", "kind" => *kind));
    }
    for reason in ["conflict", "locks"] {
        drop(::metrics::counter!("purser_db_retries_total", "reason" => reason));
    }
    for outcome in ["done", "failed"] {
        drop(::metrics::counter!("purser_sweep_wallets_total", "outcome" => outcome));
    }
    for what in ["rate", "turn"] {
        drop(::metrics::histogram!("purser_stripe_wait_seconds", "what" => what));
    }
    for outcome in ["sent", "dropped", "failed"] {
        drop(::metrics::counter!("purser_trace_spans_total", "outcome" => outcome));
    }
    ::metrics::gauge!("purser_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// Keeps the memory of what was recorded flat, whether anybody reads the metrics or not, until `tasks` stop.
pub fn keep_up(app: &App, tasks: &Tasks) {
    start();
    ::metrics::gauge!("process_start_time_seconds").set(seconds(app.clock().now().micros()));
    let inner = tasks.clone();
    tasks.spawn("metrics", async move {
        loop {
            tokio::select! {
                () = inner.stopping() => return,
                () = tokio::time::sleep(UPKEEP_EVERY) => handle().run_upkeep(),
            }
        }
    });
}

/// Microseconds as seconds.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "a reported instant or duration")]
pub fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// Counts one answered request.
pub fn answered(method: &'static str, route: &str, status: u16, took: Duration) {
    let route = route.to_owned();
    let status = status.to_string();
    ::metrics::counter!("purser_http_requests_total", "method" => method, "route" => route.clone(), "status" => status)
        .increment(1);
    ::metrics::histogram!("purser_http_request_seconds", "method" => method, "route" => route)
        .record(took.as_secs_f64());
}

/// Counts an error that is answered: a request's, or that of an item of a batch.
pub fn refused(code: Code) {
    ::metrics::counter!("purser_refusals_total", "code" => code.as_str()).increment(1);
}

/// Something counted by a gauge for as long as it lasts.
pub struct Lasting(metrics::Gauge);

impl Lasting {
    /// One more of what `gauge` counts.
    #[must_use]
    pub fn new(gauge: metrics::Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Lasting {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl std::fmt::Debug for Lasting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lasting")
    }
}

/// The metrics of this moment as Prometheus reads them.
#[must_use]
pub fn render(app: &App) -> String {
    app.db().observe();
    process::observe();
    handle().render()
}
