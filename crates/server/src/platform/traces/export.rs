//! The way of spans out of the process: a bounded queue, and one task that sends them in batches.

use super::client::Collector;
use crate::platform::work::Tasks;
use metrics::{Counter, counter};
use opentelemetry::Context;
use opentelemetry_otlp::{RetryPolicy, SpanExporter as Otlp, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanExporter, SpanProcessor},
};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// The most spans waiting to be sent; more are dropped and counted.
const MOST_WAITING: usize = 8192;
/// The most spans of one message.
const MOST_TOGETHER: usize = 512;
/// How long the first span of a message may wait for others.
const GATHERED_FOR: Duration = Duration::from_secs(1);
/// How often a collector that does not take spans is told of.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// The task that sends.
#[derive(Clone, Debug)]
pub(super) struct Export(Tasks);

impl Export {
    /// Has what waits sent, at most `longest`.
    pub(super) async fn finish(&self, longest: Duration) {
        self.0.stop();
        if !self.0.finished(longest).await {
            tracing::warn!("the last traces were not sent in time");
        }
    }
}

/// Starts the task; answers it, and what hands spans to it.
pub(super) fn start(endpoint: &str, resource: &Resource) -> Result<(Export, Processor), String> {
    let mut exporter = Otlp::builder()
        .with_http()
        .with_http_client(Collector::new()?)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_retry_policy(RetryPolicy::disabled())
        .build()
        .map_err(|error| error.to_string())?;
    exporter.set_resource(resource);
    let (hand_in, spans) = mpsc::channel(MOST_WAITING);
    let tasks = Tasks::default();
    tasks.spawn("traces", Sender { exporter, spans, tasks: tasks.clone(), warned: None }.run());
    let dropped = counter!("purser_trace_spans_total", "outcome" => "dropped");
    Ok((Export(tasks), Processor { hand_in, dropped }))
}

/// What the SDK hands spans to.
pub(super) struct Processor {
    hand_in: mpsc::Sender<SpanData>,
    dropped: Counter,
}

impl std::fmt::Debug for Processor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Processor")
    }
}

impl SpanProcessor for Processor {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.hand_in.try_send(span).is_err() {
            self.dropped.increment(1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Sends spans until it is asked to stop and none is left.
struct Sender {
    exporter: Otlp,
    spans: mpsc::Receiver<SpanData>,
    tasks: Tasks,
    warned: Option<Instant>,
}

impl Sender {
    async fn run(mut self) {
        loop {
            let batch = self.gather().await;
            if batch.is_empty() {
                return;
            }
            self.send(batch).await;
        }
    }

    /// The spans of the next message; none once it is asked to stop and none is left.
    async fn gather(&mut self) -> Vec<SpanData> {
        let mut batch = Vec::new();
        let Self { spans, tasks, .. } = self;
        tokio::select! {
            biased;
            span = spans.recv() => batch.extend(span),
            () = tasks.stopping() => return batch,
        }
        let gathered = async {
            while batch.len() < MOST_TOGETHER
                && let Some(span) = spans.recv().await
            {
                batch.push(span);
            }
        };
        tokio::select! {
            biased;
            () = gathered => {}
            () = tokio::time::sleep(GATHERED_FOR) => {}
            () = tasks.stopping() => {}
        }
        batch
    }

    /// Sends one message; what the collector does not take is lost and counted.
    async fn send(&mut self, batch: Vec<SpanData>) {
        let spans = batch.len() as u64;
        let Err(error) = self.exporter.export(batch).await else {
            counter!("purser_trace_spans_total", "outcome" => "sent").increment(spans);
            return;
        };
        counter!("purser_trace_spans_total", "outcome" => "failed").increment(spans);
        if self.warned.is_none_or(|warned| warned.elapsed() >= WARN_EVERY) {
            self.warned = Some(Instant::now());
            tracing::warn!(%error, spans, "the collector does not take traces; more of this is only counted for a minute");
        }
    }
}
