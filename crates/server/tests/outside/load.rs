//! Mixed load that records every answer it was given, so that nothing acknowledged can be lost unnoticed.

use crate::{
    client::{Answer, Client},
    server::until,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// The customers the load works on.
pub const CUSTOMERS: usize = 8;

/// A write with its own idempotency key, sent again as often as needed.
#[derive(Clone, Debug)]
pub struct Write {
    path: String,
    body: Value,
}

/// What became of the writes of a load.
#[derive(Debug, Default)]
pub struct Record {
    /// Writes that were done, each with the answer it got.
    pub done: Vec<(Write, Value)>,
    /// Writes that were refused, with the status and code.
    pub refused: Vec<(Write, u16, String)>,
    /// Writes that got no answer, or one that says to try again.
    pub open: Vec<Write>,
}

/// Running load. Threads end when it is told to stop.
pub struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Record>>,
}

impl Load {
    /// Gives each customer credits, then lets `callers` write through `clients` in turn.
    /// `round` keeps the keys of several loads apart.
    pub fn start(clients: &[Client], callers: usize, round: usize) -> Self {
        for customer in 0..CUSTOMERS {
            clients[0].grant(&name(customer), 100_000, &format!("round-{round}"));
        }
        let (stop, acknowledged) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let threads = (0..callers)
            .map(|caller| {
                let client = clients[caller % clients.len()].clone();
                let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
                std::thread::spawn(move || work(&client, caller, round, &stop, &acknowledged))
            })
            .collect();
        Self { stop, acknowledged, threads }
    }

    /// How many writes were answered with yes so far.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Tells the callers to stop and gathers what they were answered.
    pub fn stop(self) -> Record {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = Record::default();
        for thread in self.threads {
            let record = thread.join().expect("a caller ends");
            all.done.extend(record.done);
            all.refused.extend(record.refused);
            all.open.extend(record.open);
        }
        all
    }
}

/// The `at`th customer's id.
pub fn name(at: usize) -> String {
    format!("customer-{at}")
}

/// One caller: a write after the other until told to stop.
fn work(client: &Client, caller: usize, round: usize, stop: &AtomicBool, acknowledged: &AtomicUsize) -> Record {
    let mut record = Record::default();
    let mut holds = Vec::new();
    for step in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let write = next(&mut holds, caller, round, step);
        match sort(client.try_post(&write.path, &write.body)) {
            Sorted::Done(answer) => {
                acknowledged.fetch_add(1, Ordering::SeqCst);
                if write.path == "/holds" {
                    holds.push(answer["id"].as_str().expect("a hold has an id").to_owned());
                }
                record.done.push((write, answer));
            }
            Sorted::Refused(status, code) => record.refused.push((write, status, code)),
            Sorted::Open => {
                record.open.push(write);
                // As an app waits before it goes on; else an outage leaves thousands of writes to send again.
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
    record
}

/// Mostly spends; among them grants, and holds that are captured or released later.
fn next(holds: &mut Vec<String>, caller: usize, round: usize, step: usize) -> Write {
    let customer = name((caller + step) % CUSTOMERS);
    let key = format!("r{round}-c{caller}-s{step}");
    let amount = 1 + (step * 7 + caller) % 5;
    match step % 10 {
        3 => Write {
            path: format!("/customers/{customer}/grants"),
            body: json!({"amount": amount, "source_kind": "promotion", "source_id": key, "idempotency_key": key}),
        },
        5 => Write {
            path: "/holds".into(),
            body: json!({"customer_id": customer, "amount": amount, "expires_in": 3600, "idempotency_key": key}),
        },
        7 | 9 if !holds.is_empty() => {
            let hold = holds.remove(0);
            if step % 20 < 10 {
                Write { path: format!("/holds/{hold}/capture"), body: json!({"amount": 1, "idempotency_key": key}) }
            } else {
                Write { path: format!("/holds/{hold}/release"), body: json!({"idempotency_key": key}) }
            }
        }
        _ => Write {
            path: "/consume".into(),
            body: json!({"customer_id": customer, "amount": amount, "user_id": "u1", "idempotency_key": key}),
        },
    }
}

enum Sorted {
    Done(Value),
    Refused(u16, String),
    Open,
}

/// Sorts an answer; one that is neither yes, no nor "try again" fails the test.
fn sort(answer: Result<Answer, crate::client::Lost>) -> Sorted {
    let Ok(answer) = answer else { return Sorted::Open };
    match answer.status {
        200 | 201 => Sorted::Done(answer.replayed().0),
        402 | 409 | 429 => Sorted::Refused(answer.status, answer.code()),
        503 => {
            assert!(answer.retry_after.is_some(), "a 503 says when to try again: {answer:?}");
            Sorted::Open
        }
        _ => panic!("a wrong answer: {answer:?}"),
    }
}

impl Record {
    /// Shows that nothing acknowledged is lost: each write done is there with the same answer. Retries the
    /// open ones with their keys, twice, so that a doubled one would show in [`Record::add_up`].
    pub fn is_all_there(&mut self, client: &Client) -> Result<(), String> {
        for (write, first) in &self.done {
            let answer = answered(client, write);
            if !matches!(answer.status, 200 | 201) {
                return Err(format!("{write:?} was answered {first}, now {answer:?}"));
            }
            let (body, replayed) = answer.replayed();
            if !replayed {
                return Err(format!("{write:?} was answered {first}, and was done again"));
            }
            if body != *first {
                return Err(format!("{write:?} was answered {first}, now {body}"));
            }
        }
        for write in std::mem::take(&mut self.open) {
            match sort(Ok(answered(client, &write))) {
                Sorted::Done(body) => {
                    let again = answered(client, &write).replayed();
                    if again != (body.clone(), true) {
                        return Err(format!("{write:?} was answered {body}, then {again:?}"));
                    }
                    self.done.push((write, body));
                }
                Sorted::Refused(status, code) => self.refused.push((write, status, code)),
                Sorted::Open => return Err(format!("{write:?} is not answered by a server at rest")),
            }
        }
        Ok(())
    }

    /// Shows that the balances are what the answers add up to: nothing lost, nothing doubled.
    /// `given` is what each customer was granted beside the recorded writes.
    pub fn add_up(&self, client: &Client, given: i64) {
        self.add_up_with(client, given, &[]);
    }

    /// The same, when a test did more with some customers.
    pub fn add_up_with(&self, client: &Client, given: i64, more: &[(usize, i64)]) {
        let mut left: BTreeMap<String, i64> = (0..CUSTOMERS).map(|at| (name(at), given)).collect();
        for (customer, amount) in more {
            *left.get_mut(&name(*customer)).expect("one of ours") += amount;
        }
        let mut held: BTreeMap<&str, (String, i64)> = BTreeMap::new();
        for (write, answer) in self.done.iter().filter(|(write, _)| write.path == "/holds") {
            let customer = write.body["customer_id"].as_str().expect("a customer").to_owned();
            let amount = amount(&write.body);
            *left.get_mut(&customer).expect("one of ours") -= amount;
            held.insert(answer["id"].as_str().expect("an id"), (customer, amount));
        }
        for (write, _) in &self.done {
            let parts: Vec<&str> = write.path.split('/').collect();
            match parts.as_slice() {
                ["", "consume"] => {
                    let customer = write.body["customer_id"].as_str().expect("a customer");
                    *left.get_mut(customer).expect("one of ours") -= amount(&write.body);
                }
                ["", "customers", customer, "grants"] => {
                    *left.get_mut(*customer).expect("one of ours") += amount(&write.body)
                }
                ["", "holds", hold, "capture"] => {
                    let (customer, held) = &held[hold];
                    *left.get_mut(customer).expect("one of ours") += held - 1;
                }
                ["", "holds", hold, "release"] => {
                    let (customer, held) = &held[hold];
                    *left.get_mut(customer).expect("one of ours") += held;
                }
                _ => {}
            }
        }
        let found: BTreeMap<String, i64> = left
            .keys()
            .map(|customer| (customer.clone(), client.available(customer).as_i64().expect("a whole number")))
            .collect();
        assert_eq!(found, left, "what the answers add up to");
    }
}

/// Sends a write as an app does: again, as long as the answer is to try again.
fn answered(client: &Client, write: &Write) -> Answer {
    let mut answer = client.post(&write.path, &write.body);
    until("an answer that is not `try again`", || {
        let again = answer.status == 503;
        if again {
            answer = client.post(&write.path, &write.body);
        }
        !again
    });
    answer
}

/// The amount in a request.
fn amount(body: &Value) -> i64 {
    body["amount"].as_i64().expect("a whole number")
}
