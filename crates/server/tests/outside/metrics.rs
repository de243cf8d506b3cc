//! The metrics of a server that has worked, against the list of them in the guide.

use crate::{
    server::{Start, until},
    store::{Kind, Store, on_both},
};
use serde_json::json;
use std::collections::BTreeMap;

on_both!(the_guide_lists_what_there_is, what_is_refused_is_counted_by_code);

/// Every metric the page lists is there, with its kind, labels and words, and nothing else is.
fn the_guide_lists_what_there_is(kind: Kind) {
    let store = Store::new(kind);
    let server = Start::on(&store).serve();
    let client = server.client();
    client.grant("ann", 10, "first");
    client.post("/consume", &json!({"customer_id": "ann", "amount": 1, "idempotency_key": "one"})).expect(200);
    client.available("ann");
    let shown = || client.get_root("/metrics").expect("an answer").text;
    until("the jobs have run", || shown().contains("\npurser_job_last_run_timestamp_seconds{"));
    let there = families(&shown());
    // What is counted of calls to Stripe is there once one was made, which this server has no reason for.
    for (name, listed) in listed().into_iter().filter(|(name, _)| !name.starts_with("purser_stripe_")) {
        assert_eq!(there.get(&name), Some(&listed), "{name}");
    }
    let unlisted: Vec<_> = there.keys().filter(|name| !listed().contains_key(*name)).collect();
    assert!(unlisted.is_empty(), "the guide does not list {unlisted:?}");
}

/// A refusal is counted whether it is a request's or that of an item of a batch; times are in buckets.
fn what_is_refused_is_counted_by_code(kind: Kind) {
    let store = Store::new(kind);
    let server = Start::on(&store).serve();
    let client = server.client();
    let spend = |key: &str| json!({"customer_id": "ann", "amount": 1, "idempotency_key": key});
    assert_eq!(client.post("/consume", &spend("one")).code(), "insufficient_credits");
    client.post("/consume/batch", &json!({"items": [spend("two"), spend("three")]})).expect(200);
    let shown = client.get_root("/metrics").expect("an answer").text;
    let says = |line: &str| assert!(shown.lines().any(|shown| shown == line), "{line} is not in\n{shown}");
    says("purser_refusals_total{code=\"insufficient_credits\"} 3");
    says("purser_refusals_total{code=\"internal\"} 0");
    says("purser_http_requests_total{method=\"POST\",route=\"/api/v1/consume\",status=\"402\"} 1");
    says("purser_http_request_seconds_bucket{method=\"POST\",route=\"/api/v1/consume\",le=\"+Inf\"} 1");
    says("purser_db_batch_items_sum{queue=\"spends\"} 3");
    says("purser_db_wait_seconds_count{queue=\"spends\"} 3");
    says("purser_db_queue_depth{queue=\"spends\"} 0");
    let some = |start: &str| {
        let line = shown.lines().find_map(|line| line.strip_prefix(start)?.trim().parse::<u64>().ok());
        assert!(line.is_some_and(|count| count > 0), "{start} is {line:?} in\n{shown}");
    };
    some("purser_db_connections{queue=\"spends\"}");
    some("purser_db_lock_seconds_count");
    some("purser_db_commit_seconds_count");
    some("purser_db_batch_seconds_count{queue=\"spends\"}");
    some("process_resident_memory_bytes");
}

/// Kind, labels and words of a metric.
type Described = (String, Vec<String>, String);

/// What `/metrics` shows of each metric, by name.
fn families(shown: &str) -> BTreeMap<String, Described> {
    let mut found: BTreeMap<String, Described> = BTreeMap::new();
    for block in shown.split("# HELP ").skip(1) {
        let (name, rest) = block.split_once(' ').expect("a name");
        let (says, rest) = rest.split_once('\n').expect("words");
        let (of, rest) = rest.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')).expect("a type");
        let (kind, samples) = rest.split_once('\n').expect("samples");
        assert_eq!(of, name);
        let mut labels: Vec<String> = samples.lines().flat_map(labels).filter(|label| label != "le").collect();
        labels.sort();
        labels.dedup();
        found.insert(name.to_owned(), (kind.to_owned(), labels, says.to_owned()));
    }
    found
}

/// The names of a sample's labels.
fn labels(sample: &str) -> Vec<String> {
    let inside = sample.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).map_or("", |(inside, _)| inside);
    inside.split("\",").filter_map(|pair| Some(pair.split_once('=')?.0.to_owned())).collect()
}

/// The same of each row of the guide's table: name, kind, labels, words.
fn listed() -> BTreeMap<String, Described> {
    let page = include_str!("../../../../docs/guide/monitoring.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
    let columns = rows.map(|row| row.split(" | ").collect::<Vec<_>>()).filter(|columns| columns.len() == 4);
    let described = |columns: Vec<&str>| {
        let labels = columns[2].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        (columns[0].trim_end_matches('`').to_owned(), (columns[1].to_owned(), labels, columns[3].to_owned()))
    };
    columns.map(described).collect()
}
