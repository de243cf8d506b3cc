//! `docs/guide/events.md`: every event that is acted on, with its body as a sandbox of one seed sends it. The page is
//! written by `cargo xtask events`; this test says when it is not fresh.

mod about;
mod lived;

use about::{ABOUT, LIKE};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Where the page is.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/events.md");
/// The table of events and reactions.
const REACTIONS: &str = include_str!("../../src/reactions.rs");
/// What stands above the events.
const HEAD: &str = "\
# Events

Every event of Stripe's that Purser acts on: when it is sent, what follows, and its whole body. The bodies are those of
one life in the [sandbox](sandbox.md) with fixed ids and times, in the fields and types of Stripe's API
`2026-10-28.endive`; `cargo xtask events` writes this page, and a test compares it. How events are taken, kept and acted
on stands in [Webhooks](webhooks.md).

Purser reads ids and times of an event, and asks Stripe how things stand now, unless it says otherwise below.
";

/// The kinds that are acted on.
fn handled() -> BTreeSet<&'static str> {
    let (_, table) = REACTIONS.split_once("match kind.strip_prefix(\"v1.\").unwrap_or(kind) {").expect("the table");
    let (table, _) = table.split_once("_ =>").expect("what nothing acts on");
    table.split('"').skip(1).step_by(2).collect()
}

/// The page of these events.
fn page(events: &BTreeMap<&str, Value>) -> String {
    let mut page = HEAD.to_owned();
    for (kind, when, then) in ABOUT {
        let event = &events[kind];
        let body = serde_json::to_string_pretty(event).expect("JSON");
        let like = LIKE.iter().find(|(like, _)| like == kind);
        let like = like.map_or_else(String::new, |(_, of)| {
            format!("The sandbox never sends it: below is `{of}` under its name.\n\n")
        });
        page.push_str(&format!("\n## `{kind}`\n\n{when} {then}\n\n{like}```json\n{body}\n```\n"));
    }
    page
}

#[test]
fn every_event_that_is_acted_on_is_described_once() {
    let described: Vec<&str> = ABOUT.iter().map(|(kind, ..)| *kind).collect();
    let once: BTreeSet<&str> = described.iter().copied().collect();
    assert_eq!(described.len(), once.len(), "each once");
    assert_eq!(once, handled(), "`ABOUT` and the table in reactions.rs");
}

#[tokio::test]
async fn the_page_of_events_is_fresh() {
    let mut events = lived::events(&handled()).await;
    for (kind, of) in LIKE {
        assert!(!events.contains_key(kind), "the sandbox sends {kind}: it is like no other");
        let mut event = events[of].clone();
        event["type"] = Value::from(*kind);
        events.insert(*kind, event);
    }
    let missing: Vec<&str> = handled().into_iter().filter(|kind| !events.contains_key(kind)).collect();
    assert!(missing.is_empty(), "the life in `lived` never makes {missing:?}");
    let page = page(&events);
    if std::env::var_os("PURSER_WRITE_EVENTS").is_some() {
        std::fs::write(PAGE, &page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(PAGE).expect("the page");
    assert!(
        written == page,
        "docs/guide/events.md is not what the sandbox sends: run `cargo xtask events` and look at the difference"
    );
}
