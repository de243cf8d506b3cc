//! Nodes whose clocks differ: 400 ms change nothing, 600 ms and the node stops writing and says so.

use crate::{
    client::Client,
    server::{Start, preload, until},
    store::{Kind, Store},
};
use serde_json::json;

/// The setting that moves a node's clock, in milliseconds.
const OFFSET: &str = "PURSER_TEST_CLOCK_OFFSET_MS";

fn spend(client: &Client, key: &str) -> crate::client::Answer {
    client.post("/consume", &json!({"customer_id": "acme", "amount": 1, "idempotency_key": key}))
}

#[test]
fn a_clock_600_ms_off_stops_writing() {
    let store = Store::new(Kind::Postgres);
    let right = Start::on(&store).serve();
    right.client().grant("acme", 100, "first");
    for offset in [600, -600] {
        let wrong = Start::on(&store).env(OFFSET, offset).spawn_until_alive();
        let answer = spend(&wrong.client(), &format!("k{offset}"));
        assert_eq!((answer.status, answer.code().as_str()), (503, "clock_skewed"), "{answer:?}");
        assert!(answer.retry_after.is_some(), "a 503 says when to try again");
        assert_eq!(wrong.client().available("acme"), json!(100), "reads go on");
    }
    spend(&right.client(), "k").expect(200);
}

/// The same node, its clock set wrong and set right while it runs.
#[test]
fn a_clock_set_right_again_writes_again() {
    let store = Store::new(Kind::Postgres);
    let folder = store.folder.path();
    let moved = folder.join("moved-by");
    let set = |millis: i64| {
        // Renamed into place, so that no half of it is read.
        std::fs::write(folder.join("next"), millis.to_string()).expect("a file");
        std::fs::rename(folder.join("next"), &moved).expect("it can be put in place");
    };
    let start = Start::on(&store).env("LD_PRELOAD", preload("clocks.c", folder).display());
    let server = start.env("CLOCK_MOVED_BY", moved.display()).serve();
    let client = server.client();
    client.grant("acme", 100, "first");
    let ready = || client.get_root("/readyz").expect("an answer").status;
    for (turn, wrong) in [700, -700].into_iter().enumerate() {
        set(wrong);
        let refused = || spend(&client, &format!("wrong-{turn}")).code() == "clock_skewed";
        until("it stops writing", refused);
        assert_eq!(ready(), 503, "and takes no traffic");
        set(0);
        until("it writes again, without a restart", || spend(&client, &format!("right-{turn}")).status == 200);
        assert_eq!(ready(), 200);
    }
    Start::on(&store).verify();
}

/// Two nodes, 400 ms apart, spend from a grant that runs out: nothing from it at or after the instant.
#[test]
fn clocks_400_ms_apart_change_nothing() {
    let store = Store::new(Kind::Postgres);
    let nodes = [200, -200].map(|offset| Start::on(&store).env(OFFSET, offset).serve());
    let clients = nodes.each_ref().map(|node| node.client());
    let first = clients[0].grant("acme", 10_000, "probe");
    let made: jiff::Timestamp = first["effective_at"].as_str().expect("an instant").parse().expect("RFC 3339");
    let expires = made + jiff::SignedDuration::from_millis(2500);
    let body = json!({"amount": 1_000_000, "source_kind": "manual", "source_id": "short", "priority": 1,
        "expires_at": expires.to_string()});
    let short = clients[1].post("/customers/acme/grants", &body);
    assert!(matches!(short.status, 200 | 201), "{short:?}");
    let short = short.json()["id"].clone();

    // Each node spends until the short grant no longer pays for it.
    let spent: usize = std::thread::scope(|scope| {
        let callers: Vec<_> = clients
            .iter()
            .enumerate()
            .map(|(node, client)| {
                let short = &short;
                scope.spawn(move || {
                    (0..)
                        .map(|step| spend(client, &format!("{node}-{step}")).expect(200))
                        .take_while(|answer| answer["grants"][0]["grant_id"] == *short)
                        .count()
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().expect("a caller ends")).sum()
    });
    assert!(spent > 0, "the short grant was used");
    let mut taken = 0;
    for entry in clients[0].ledger("acme").iter().filter(|entry| entry["grant_id"] == short) {
        let at: jiff::Timestamp = entry["at"].as_str().expect("an instant").parse().expect("RFC 3339");
        match entry["kind"].as_str() {
            Some("spend") => {
                taken += 1;
                assert!(at < expires, "spent at {at}, after {expires}");
            }
            Some("expiry" | "expire") => assert!(at >= expires, "expired at {at}, before {expires}"),
            _ => {}
        }
    }
    assert_eq!(taken, spent, "everything before the instant stands");
    Start::on(&store).verify();
}
