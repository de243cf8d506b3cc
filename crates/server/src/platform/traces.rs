//! OpenTelemetry traces: one for each request that is sampled, made after the answer from what was noted on the way.
//! Off unless OTEL_EXPORTER_OTLP_ENDPOINT is set; then nothing is noted and nothing of this runs.

mod client;
mod export;

use super::{
    error::Code,
    timeline::{Fact, Step, Timeline},
};
use axum::http::HeaderMap;
use opentelemetry::{
    Context, Key, KeyValue,
    propagation::TextMapPropagator,
    trace::{SpanBuilder, SpanKind, Status, TraceContextExt, Tracer, TracerProvider},
};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{SdkTracer, SdkTracerProvider},
};
use purser_rules::Time;
use std::time::{Duration, Instant, SystemTime};

/// What makes traces and sends them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Traces {
    tracer: SdkTracer,
    propagator: TraceContextPropagator,
    export: export::Export,
}

/// A request that is traced, while it is answered.
#[derive(Debug)]
pub struct Traced {
    /// What is noted of it.
    pub timeline: Timeline,
    /// The caller's span, if it sent one.
    parent: Context,
    /// When the request began, by the node's clock and by the machine's count.
    at: Time,
    began: Instant,
}

/// How a request was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// GET and its like.
    pub method: &'static str,
    /// The pattern of its path.
    pub route: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// The error's code, if it is one.
    pub code: Option<Code>,
    /// The id answered in `Request-Id`.
    pub request: &'a str,
    /// The id of the key it was sent with.
    pub key: Option<&'a str>,
}

impl Traces {
    /// Begins to send traces to the collector at `endpoint`, as the variables `OTEL_*` say. Call it in the runtime.
    ///
    /// # Errors
    /// Which setting the SDK cannot work with.
    pub fn start(endpoint: &str) -> Result<Self, String> {
        let resource = resource();
        let (export, processor) = export::start(endpoint, &resource)?;
        let provider = SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource).build();
        Ok(Self { tracer: provider.tracer("purser"), propagator: TraceContextPropagator::new(), export })
    }

    /// A request with `headers` began `at` a time, which was the instant `began`.
    #[must_use]
    pub fn begin(&self, headers: &HeaderMap, at: Time, began: Instant) -> Traced {
        let parent = self.propagator.extract_with_context(&Context::new(), &HeaderExtractor(headers));
        Traced { timeline: Timeline::default(), parent, at, began }
    }

    /// Makes the spans of a request that was answered, if it is sampled.
    pub fn end(&self, traced: &Traced, answer: &Answer<'_>) {
        let ended = Instant::now();
        let mut facts = vec![
            KeyValue::new("http.request.method", answer.method),
            KeyValue::new("http.route", answer.route.to_owned()),
            KeyValue::new("http.response.status_code", i64::from(answer.status)),
            KeyValue::new("purser.request_id", answer.request.to_owned()),
        ];
        facts.extend(answer.key.map(|key| KeyValue::new("purser.key", key.to_owned())));
        facts.extend(answer.code.map(|code| KeyValue::new("error.type", code.as_str())));
        let builder = SpanBuilder::from_name(format!("{} {}", answer.method, answer.route))
            .with_kind(SpanKind::Server)
            .with_start_time(traced.when(traced.began))
            .with_attributes(facts);
        let span = self.tracer.build_with_context(builder, &traced.parent);
        let within = Context::new().with_span(span);
        if !within.span().is_recording() {
            return;
        }
        for step in traced.timeline.steps() {
            self.step(traced, &within, step);
        }
        if answer.status >= 500 {
            within.span().set_status(Status::error(answer.code.map_or("", Code::as_str)));
        }
        within.span().end_with_timestamp(traced.when(ended));
    }

    /// Makes the span of one step, and of those within it.
    fn step(&self, traced: &Traced, parent: &Context, step: Step) {
        let builder = SpanBuilder::from_name(step.name)
            .with_start_time(traced.when(step.from))
            .with_attributes(step.facts.into_iter().map(told));
        let context = Context::new().with_span(self.tracer.build_with_context(builder, parent));
        for inner in step.within {
            self.step(traced, &context, inner);
        }
        context.span().end_with_timestamp(traced.when(step.to));
    }

    /// Sends what is still to be sent, at most `longest`; after that nothing more is sent.
    pub async fn finish(&self, longest: Duration) {
        self.export.finish(longest).await;
    }
}

impl Traced {
    /// The time of an instant: steps are as far apart as the machine counted, whatever was done to its clock.
    fn when(&self, instant: Instant) -> SystemTime {
        let began = Duration::from_micros(u64::try_from(self.at.micros()).unwrap_or(0));
        SystemTime::UNIX_EPOCH + began + instant.saturating_duration_since(self.began)
    }
}

/// A fact as an attribute.
fn told((name, fact): (&'static str, Fact)) -> KeyValue {
    match fact {
        Fact::Number(number) => KeyValue::new(name, number),
        Fact::Word(word) => KeyValue::new(name, word),
    }
}

/// Who sends the traces: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, else `purser`, with its version.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let given = Resource::builder().with_attribute(version.clone()).build();
    let name = given.get(&Key::new("service.name")).map_or_else(String::new, |name| name.to_string());
    if name.is_empty() || name.starts_with("unknown_service") {
        return Resource::builder().with_service_name("purser").with_attribute(version).build();
    }
    given
}
