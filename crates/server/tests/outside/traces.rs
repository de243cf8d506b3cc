//! Traces: where the time of a spend went, as a collector sees it; and a collector that is away is nobody's trouble.

use crate::{
    client::{Answer, Client},
    collector::{Collector, attribute, hex},
    server::{Start, until},
    store::{Kind, Store, on_both},
};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;
use std::net::TcpListener;

/// The caller's span.
const CALLER: &str = "00f067aa0ba902b7";

on_both!(a_spend_shows_where_its_time_went, a_batch_tells_of_itself_once, what_is_not_sent_yet_is_sent_at_the_stop);

/// The caller's trace goes on: the request; in it queue and batch of its key and of the spend; in these what the
/// database did; all in order.
fn a_spend_shows_where_its_time_went(kind: Kind) {
    let (store, collector) = (Store::new(kind), Collector::start());
    let start = Start::on(&store).env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint());
    let server = start.env("OTEL_SERVICE_NAME", "purser-under-test").serve();
    let client = server.client();
    client.grant("ann", 10, "first");
    let key = client.post("/admin/keys", &json!({"name": "app", "role": "service"})).expect(200);
    let client = client.with_key(key["secret"].as_str());
    let (unwanted, wanted) = ("4bf92f3577b34da6a3ce929d0e0e4736", "4bf92f3577b34da6a3ce929d0e0e4737");
    spend(&client, "one", &format!("00-{unwanted}-{CALLER}-00")).expect(200);
    let answer = spend(&client, "two", &format!("00-{wanted}-{CALLER}-01"));
    answer.expect(200);
    until("the trace arrives", || collector.trace(wanted).iter().any(|span| span.name.starts_with("POST")));
    assert!(collector.trace(unwanted).is_empty(), "the caller did not want that one");
    assert_eq!(collector.services(), ["purser-under-test"]);

    let spans = collector.trace(wanted);
    let request = &spans[0];
    assert_eq!((request.name.as_str(), hex(&request.parent_span_id).as_str()), ("POST /api/v1/consume", CALLER));
    assert_eq!(attribute(&request.attributes, "http.response.status_code"), "200");
    assert_eq!(Some(attribute(&request.attributes, "purser.request_id")), answer.request_id);
    let within = children(&spans, request);
    assert_eq!(names(&within), ["queue", "batch", "queue", "batch"]);
    let (keys, batch) = (within[1], within[3]);
    assert_eq!(attribute(&keys.attributes, "purser.batch.of"), "keys");
    assert_eq!(names(&children(&spans, keys)), ["database load", "decide"]);
    assert_eq!(attribute(&batch.attributes, "purser.batch.of"), "spends");
    assert_eq!(attribute(&batch.attributes, "purser.batch.items"), "1");
    let steps: &[&str] = match kind {
        Kind::Sqlite => &["database load", "decide", "database write", "database commit"],
        Kind::Postgres => &["database load", "decide", "database write and commit"],
    };
    assert_eq!(names(&children(&spans, batch)), steps);
}

/// A request of forty spends was in one batch, and says so once.
fn a_batch_tells_of_itself_once(kind: Kind) {
    let (store, collector) = (Store::new(kind), Collector::start());
    let mut server = Start::on(&store).serve_with("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint());
    let items: Vec<_> =
        (0..40).map(|turn| json!({"customer_id": "ann", "amount": 1, "idempotency_key": turn.to_string()})).collect();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4739";
    let answer = server.client().send("POST", "/consume/batch", |request| {
        request.header("traceparent", format!("00-{trace}-{CALLER}-01")).json(&json!({ "items": items }))
    });
    answer.expect("an answer").expect(200);
    assert!(server.terminate().success());
    let spans = collector.trace(trace);
    let within = children(&spans, &spans[0]);
    assert_eq!(names(&within), ["queue", "batch"]);
    assert_eq!(attribute(&within[1].attributes, "purser.batch.items"), "40");
}

/// A refusal's code stands in its trace, and a stop sends what was still waiting to be sent.
fn what_is_not_sent_yet_is_sent_at_the_stop(kind: Kind) {
    let (store, collector) = (Store::new(kind), Collector::start());
    let mut server = Start::on(&store).serve_with("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint());
    let trace = "4bf92f3577b34da6a3ce929d0e0e4738";
    let answer = spend(&server.client(), "one", &format!("00-{trace}-{CALLER}-01"));
    assert_eq!((answer.status, answer.code().as_str()), (402, "insufficient_credits"));
    assert!(server.terminate().success());
    let spans = collector.trace(trace);
    assert_eq!(attribute(&spans[0].attributes, "error.type"), "insufficient_credits");
    assert_eq!(collector.services(), ["purser"]);
}

/// Nobody listens, or somebody who never answers: spends go on, it is said once, what was lost is counted.
#[test]
fn a_collector_that_is_away_costs_nothing_but_a_warning() {
    let nobody = TcpListener::bind(("127.0.0.1", 0)).and_then(|it| it.local_addr()).expect("a free port");
    let mute = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    for address in [nobody, mute.local_addr().expect("an address")] {
        let store = Store::new(Kind::Sqlite);
        let start = Start::on(&store);
        let mut server = start.serve_with("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"));
        let client = server.client();
        client.grant("ann", 1_000, "first");
        for turn in 0..100 {
            spend(&client, &format!("turn-{turn}"), "").expect(200);
        }
        if address == nobody {
            until("what was lost is counted", || {
                let metrics = client.get_root("/metrics").expect("an answer").text;
                let failed =
                    metrics.lines().find(|line| line.starts_with("purser_trace_spans_total{outcome=\"failed\"}"));
                failed.and_then(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()) >= Some(100)
            });
            assert_eq!(server.log().matches("does not take traces").count(), 1, "{}", server.log());
        }
        assert!(server.terminate().success());
        start.verify();
    }
}

/// A spend under the caller's `traceparent`, unless that is empty.
fn spend(client: &Client, key: &str, traceparent: &str) -> Answer {
    let body = json!({"customer_id": "ann", "amount": 1, "idempotency_key": key});
    let answer = client.send("POST", "/consume", |request| {
        let request = request.json(&body);
        if traceparent.is_empty() { request } else { request.header("traceparent", traceparent) }
    });
    answer.unwrap_or_else(|lost| panic!("{lost:?}"))
}

/// The spans right below `parent`, in order; each within it, and none beginning before the one before it has ended.
fn children<'a>(spans: &'a [Span], parent: &Span) -> Vec<&'a Span> {
    let below: Vec<&Span> = spans.iter().filter(|span| span.parent_span_id == parent.span_id).collect();
    let mut at = parent.start_time_unix_nano;
    for span in &below {
        assert!(span.start_time_unix_nano >= at, "{} begins too early: {spans:#?}", span.name);
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano, "{} ends before it begins", span.name);
        at = span.end_time_unix_nano;
    }
    assert!(at <= parent.end_time_unix_nano, "what is within {} outlasts it: {spans:#?}", parent.name);
    below
}

fn names<'a>(spans: &[&'a Span]) -> Vec<&'a str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}
