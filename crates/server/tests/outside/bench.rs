//! `purser bench`: a trace replayed in process and over HTTP adds up, and what must not be touched is not.

use crate::{
    server::{ADMIN, Start, said},
    store::{Kind, Store, on_both},
};
use serde_json::{Value, json};
use std::{fmt::Write as _, process::Output};

on_both!(
    a_trace_is_replayed_and_proved,
    a_database_with_other_customers_is_refused,
    customers_are_made_once_and_the_ledger_grown,
    events_are_sent_in_and_acted_on,
);

/// Forty requests: most are small, each fifth holds 3,001.5 credits, which only one plan of four has.
fn trace() -> String {
    let mut text = String::from("TIMESTAMP,ContextTokens,GeneratedTokens\n");
    for n in 0..40 {
        let context = if n % 5 == 4 { 6_000_000 } else { 100 + n };
        let _into_a_string = writeln!(text, "2026-01-05 09:00:{n:02}.5,{context},{}", 10 * n);
    }
    text
}

/// Replays `trace` with `args`.
fn replay(store: &Store, trace: &str, args: &[&str]) -> Output {
    std::fs::write(store.folder.path().join("trace.csv"), trace).expect("a file");
    let usual = ["bench", "--trace", "trace.csv", "--customers", "10", "--callers", "8", "--json"];
    let start = Start::on(store).env("PURSER_BENCH_KEY", ADMIN);
    start.command(&usual).args(args).output().expect("purser runs")
}

/// The report of a replay that went well.
fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

fn a_trace_is_replayed_and_proved(kind: Kind) {
    let store = Store::new(kind);
    let in_process = report(&replay(&store, &trace(), &["--database", &store.url]));
    proved(&in_process, "process", "the sum of all balances, and every entry of the ledger");
    // Each customer of the run has one.
    assert_eq!(in_process["proved"]["wallets"], 10);

    // The same database again, over HTTP: the run has customers of its own.
    let server = Start::on(&store).serve();
    let over_http = report(&replay(&store, &trace(), &["--url", &server.url]));
    proved(&over_http, "http", "the sum of all balances");
    Start::on(&store).verify();
}

/// What must be so however calls overlapped: who asks for what is drawn from the seed.
fn proved(report: &Value, place: &str, checked: &str) {
    assert_eq!((&report["run"], &report["where"]), (&json!("trace"), &json!(place)), "{report}");
    assert_eq!((&report["failed"], &report["requests"]), (&json!(0), &json!(40)), "{report}");
    let refused = report["refused"]["insufficient_credits"].as_u64().expect("some are refused");
    let items = report["items"].as_u64().expect("a count");
    assert_eq!(items + refused, 40, "{report}");
    assert_eq!(report["done"].as_u64(), Some(40 + items), "{report}");
    assert_eq!(report["proved"]["checked"], checked);
    assert_eq!((&report["proved"]["holds"], &report["proved"]["still_held"]), (&json!(true), &json!("0")), "{report}");
    assert_eq!(report["proved"]["spent"], report["captured"], "{report}");
}

fn a_database_with_other_customers_is_refused(kind: Kind) {
    for stranger in ["acme", "bench", "bencher", "zoe"] {
        let store = Store::new(kind);
        let server = Start::on(&store).serve();
        server.client().grant(stranger, 5, "first");
        drop(server);
        let before = store.rows();
        let output = replay(&store, &trace(), &["--database", &store.url]);
        assert!(!output.status.success(), "{}", said(&output));
        assert!(said(&output).contains(&format!("holds the customer {stranger}, who is not a bench's")));
        assert_eq!(store.rows(), before);
    }
}

/// In process and over HTTP customers get the same; filling again changes nothing.
fn customers_are_made_once_and_the_ledger_grown(kind: Kind) {
    let store = Store::new(kind);
    let start = Start::on(&store).env("PURSER_BENCH_KEY", ADMIN);
    let fill = |args: &[&str]| {
        let output = start.command(&["bench", "--fill-only", "--callers", "4", "--grants", "5"]).args(args).output();
        let output = output.expect("purser runs");
        assert!(output.status.success(), "{}", said(&output));
        store.ask("SELECT count(*), count(DISTINCT customer), max(seq) FROM ledger")
    };
    let database = ["--database", &store.url];
    assert_eq!(fill(&[&database[..], &["--customers", "7"]].concat()), "35|7|5");
    let server = start.serve();
    assert_eq!(fill(&["--url", &server.url, "--customers", "7"]), "35|7|5");
    assert_eq!(fill(&["--url", &server.url, "--customers", "9"]), "45|9|5");
    drop(server);
    let grown = [&database[..], &["--customers", "9", "--entries", "1600"]].concat();
    for _ in 0..2 {
        assert!(fill(&grown).starts_with("1600|9|"));
    }
    let kinds = "SELECT count(*), count(DISTINCT source_kind), count(expires_at) FROM grants WHERE customer = ";
    for customer in ["bench-0000000", "bench-0000008"] {
        assert_eq!(store.ask(&format!("{kinds}'{customer}'")), "5|3|4", "{customer}");
    }
    start.verify();
}

/// Over HTTP each event that was answered is kept; in process each is acted on, and leaves its subscription.
fn events_are_sent_in_and_acted_on(kind: Kind) {
    let store = Store::new(kind);
    let secret = "whsec_outside_0123456789";
    let server = Start::on(&store).env("STRIPE_WEBHOOK_SECRET", secret).serve_as(&["serve", "--role", "web"]);
    let start = Start::on(&store).env("PURSER_BENCH_KEY", ADMIN);
    let usual = ["--callers", "3", "--seconds", "1", "--warm-up", "0", "--json"];
    let sends = [&["bench", "webhooks", "--url", server.url.as_str()][..], &usual].concat();
    let unsigned = start.run(&sends);
    assert!(said(&unsigned).contains("PURSER_BENCH_WEBHOOK_SECRET"), "{}", said(&unsigned));
    assert_eq!(store.ask("SELECT count(*) FROM stripe_events"), "0");
    let sent = report(&start.env("PURSER_BENCH_WEBHOOK_SECRET", secret).run(&sends));
    let done = sent["done"].as_u64().expect("a count");
    assert!(done > 0 && sent["failed"] == 0, "{sent}");
    assert_eq!(store.ask("SELECT count(*) FROM stripe_events"), done.to_string(), "{sent}");
    drop(server);

    let store = Store::new(kind);
    let acts = ["bench", "events", "--database", store.url.as_str(), "--customers", "3", "--events", "40", "--json"];
    let acted = report(&Start::on(&store).run(&acts));
    assert_eq!((&acted["done"], &acted["failed"]), (&json!(40), &json!(0)), "{acted}");
    assert_eq!(store.ask("SELECT count(*) FROM stripe_events WHERE state = 2"), "40");
    assert_eq!(store.ask("SELECT count(*) FROM subscriptions WHERE customer IS NOT NULL"), "3");
}

#[test]
fn a_database_of_the_settings_is_not_touched() {
    let store = Store::new(Kind::Sqlite);
    let output = replay(&store, &trace(), &[]);
    assert!(said(&output).contains("Say with --database where to bench"), "{}", said(&output));
    assert!(!output.status.success() && !store.file().exists());
}

#[test]
fn a_bad_trace_is_named_before_anything_is_done() {
    let store = Store::new(Kind::Sqlite);
    let bad = trace().replace(",6000000,90\n", ",many,90\n");
    let output = replay(&store, &bad, &["--database", &store.url]);
    let why = "The trace trace.csv, line 11: ContextTokens is `many`, not a whole number up to 10000000.";
    assert!(said(&output).contains(why), "{}", said(&output));
    assert!(!output.status.success() && !store.file().exists());
}
