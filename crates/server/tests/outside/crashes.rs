//! The real binary crashing at each named point, at each of its turns: nothing half done, nothing forgotten.

use crate::{
    client::{Answer, Client},
    load::Load,
    server::{Server, Start},
    store::{Kind, Store, on_both},
};
use purser::platform::fault::Point;
use serde_json::{Value, json};
use std::{collections::BTreeSet, os::unix::process::ExitStatusExt as _};

on_both!(before_begin, mid_group, before_commit, after_commit_before_answer, during_migration);

fn before_begin(kind: Kind) {
    crashes_at(kind, Point::BeforeBegin);
}

fn mid_group(kind: Kind) {
    crashes_at(kind, Point::MidGroup);
}

fn before_commit(kind: Kind) {
    crashes_at(kind, Point::BeforeCommit);
}

fn after_commit_before_answer(kind: Kind) {
    crashes_at(kind, Point::AfterCommitBeforeAnswer);
}

/// A crash while the tables are made, and one after: the next start makes what is missing.
fn during_migration(kind: Kind) {
    for turn in [1, 2] {
        let store = Store::new(kind);
        let start = Start::on(&store);
        let mut server = start.spawn_to_crash(format!("{}:{turn}", Point::DuringMigration.as_str()));
        crashed(&mut server);
        let server = start.serve();
        let mut life = Life::new("acme".into());
        assert!(life.goes_on(&server.client()));
        life.is_all_there(&server.client());
        drop(server);
        start.verify();
    }
}

/// The list above is that of the product.
#[test]
fn each_point_has_its_test() {
    let tested = ["before_begin", "mid_group", "before_commit", "after_commit_before_answer", "during_migration"];
    assert_eq!(Point::ALL.iter().map(|point| point.as_str()).collect::<Vec<_>>(), tested);
}

/// Crashes at the first, the second, … turn, until a life goes by without; then once more under load.
fn crashes_at(kind: Kind, point: Point) {
    let store = Store::new(kind);
    let start = Start::on(&store);
    let mut met = BTreeSet::new();
    for turn in 1.. {
        let mut life = Life::new(format!("customer-{turn}"));
        let mut server = start.spawn_to_crash(format!("{}:{turn}", point.as_str()));
        // It may crash before it listens, at a write of its own.
        let through = server.until_ready().is_ok() && life.goes_on(&server.client());
        if !through {
            met.insert(life.done.len());
            crashed(&mut server);
        }
        drop(server);
        let server = start.serve();
        life.is_all_there(&server.client());
        assert!(life.goes_on(&server.client()), "it works after a crash");
        life.is_all_there(&server.client());
        assert_eq!(
            server.client().available(&life.customer),
            json!(LEFT),
            "turn {turn}: nothing lost, nothing doubled"
        );
        if through {
            break;
        }
        assert!(turn < 60, "each write passes the point once");
    }
    assert!((0..STEPS).all(|step| met.contains(&step)), "a crash in each step: {met:?}");
    start.verify();
    under_load(kind, point);
}

/// A crash at a later turn, while batches are full.
fn under_load(kind: Kind, point: Point) {
    let store = Store::new(kind);
    let start = Start::on(&store);
    let mut server = start.serve_with("PURSER_CRASH_AT", format!("{}:60", point.as_str()));
    let load = Load::start(&[server.client()], 16, 0);
    crashed(&mut server);
    let mut record = load.stop();
    let server = start.serve();
    record.is_all_there(&server.client()).unwrap_or_else(|lost| panic!("{lost}"));
    record.add_up(&server.client(), 100_000);
    drop(server);
    start.verify();
}

/// Waits for the crash, which must be ours.
fn crashed(server: &mut Server) {
    let status = server.ended();
    assert_eq!(status.signal(), Some(6), "it aborts: {status}\n{}", server.log());
}

/// How many steps a life has, and what is left at its end.
const STEPS: usize = 12;
const LEFT: i64 = 100 - 7 - 15 - 10 + 4 + 30 - 12 + 5 - 2;

/// One customer's life, a write of each kind, and what was answered so far.
struct Life {
    customer: String,
    done: Vec<Value>,
}

impl Life {
    const fn new(customer: String) -> Self {
        Self { customer, done: Vec::new() }
    }

    /// Does what is not yet done; answers false when the server is gone.
    fn goes_on(&mut self, client: &Client) -> bool {
        while self.done.len() < STEPS {
            let Some(answer) = self.send(client, self.done.len()) else { return false };
            assert!(matches!(answer.status, 200 | 201), "{}: {answer:?}", self.customer);
            self.done.push(answer.replayed().0);
        }
        true
    }

    /// All that was answered is answered again, and was not done again.
    fn is_all_there(&self, client: &Client) {
        for (step, first) in self.done.iter().enumerate() {
            let again = self.send(client, step).expect("an answer").replayed();
            assert_eq!(again, (first.clone(), true), "{} step {step}", self.customer);
        }
    }

    fn send(&self, client: &Client, step: usize) -> Option<Answer> {
        let (path, mut body) = self.write(step);
        body["idempotency_key"] = json!(format!("{}-{step}", self.customer));
        client.try_post(&path, &body).ok()
    }

    /// The `step`th write.
    fn write(&self, step: usize) -> (String, Value) {
        let customer = &self.customer;
        let id = |step: usize| self.done[step]["id"].as_str().expect("an id");
        let hold =
            |amount: i64| ("/holds".to_owned(), json!({"customer_id": customer, "amount": amount, "expires_in": 3600}));
        let spend = |amount: i64| ("/consume".to_owned(), json!({"customer_id": customer, "amount": amount}));
        let grant = |amount: i64| (format!("/customers/{customer}/grants"), json!({"amount": amount}));
        let adjust = |amount: i64| (format!("/customers/{customer}/adjust"), json!({"amount": amount}));
        match step {
            0 => grant(100),
            1 => spend(7),
            2 => hold(20),
            3 => (format!("/holds/{}/capture", id(2)), json!({"amount": 15})),
            4 => hold(10),
            5 => (format!("/holds/{}/release", id(4)), json!({})),
            6 => spend(10),
            7 => (format!("/consumptions/{}/return", id(6)), json!({"amount": 4})),
            8 => grant(30),
            9 => (format!("/grants/{}/revoke", id(8)), json!({"amount": 12})),
            10 => adjust(5),
            _ => adjust(-2),
        }
    }
}
