//! Counters and times for Prometheus, one recorder a process.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::{sync::OnceLock, time::Duration};

/// The upper bounds of the answer times, in seconds.
const BOUNDS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// What renders the metrics; the first call sets the recorder up.
pub fn handle() -> &'static PrometheusHandle {
    HANDLE.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        let builder = builder.set_buckets(BOUNDS).unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        let _one_is_set_already = metrics::set_global_recorder(recorder);
        handle
    })
}

/// Counts one answered request.
pub fn answered(method: &str, route: &str, status: u16, took: Duration) {
    let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
    metrics::counter!("purser_http_requests_total", &labels).increment(1);
    metrics::histogram!("purser_http_request_seconds", &labels[..2]).record(took.as_secs_f64());
}

/// The metrics as Prometheus reads them.
#[must_use]
pub fn render() -> String {
    let handle = handle();
    handle.run_upkeep();
    handle.render()
}
