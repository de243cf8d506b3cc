//! Many callers at one wallet, and at one idempotency key: never more than there is, never twice.

use crate::{
    client::{Answer, Client},
    server::{Server, Start},
    store::{Kind, Store, on_both},
};
use serde_json::{Value, json};
use std::sync::{
    Barrier,
    atomic::{AtomicUsize, Ordering},
};

on_both!(one_wallet_of_1000_and_256_callers, one_key_raced_by_64_callers, one_key_with_another_request);

fn one_wallet_of_1000_and_256_callers(kind: Kind) {
    let store = Store::new(kind);
    let server = Start::on(&store).serve();
    exactly_1000(&[&server]);
    Start::on(&store).verify();
}

#[test]
fn one_wallet_of_1000_and_256_callers_on_two_nodes() {
    let store = Store::new(Kind::Postgres);
    let one = Start::on(&store).serve();
    let other = Start::on(&store).serve();
    exactly_1000(&[&one, &other]);
    Start::on(&store).verify();
}

/// 256 callers ask for single credits, each spend with its own key, until each is refused once.
fn exactly_1000(servers: &[&Server]) {
    let clients: Vec<Client> = servers.iter().map(|server| server.client()).collect();
    for (at, amount) in [500, 300, 200].into_iter().enumerate() {
        clients[0].grant("acme", amount, &format!("grant-{at}"));
    }
    let accepted = AtomicUsize::new(0);
    let start = Barrier::new(256);
    std::thread::scope(|scope| {
        for caller in 0..256 {
            let (client, accepted, start) = (clients[caller % clients.len()].clone(), &accepted, &start);
            scope.spawn(move || {
                start.wait();
                for spend in 0.. {
                    let answer = consume(&client, "acme", &json!(1), &format!("{caller}-{spend}"));
                    match answer.status {
                        200 => _ = accepted.fetch_add(1, Ordering::SeqCst),
                        402 => {
                            assert_eq!(answer.code(), "insufficient_credits", "{answer:?}");
                            break;
                        }
                        _ => panic!("neither yes nor no: {answer:?}"),
                    }
                }
            });
        }
    });
    assert_eq!(accepted.load(Ordering::SeqCst), 1000);
    for client in &clients {
        assert_eq!(client.available("acme"), json!(0));
    }
}

fn one_key_raced_by_64_callers(kind: Kind) {
    let store = Store::new(kind);
    let server = Start::on(&store).serve();
    let client = server.client();
    client.grant("acme", 100, "first");
    let start = Barrier::new(64);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..64)
            .map(|_| {
                let (client, start) = (client.clone(), &start);
                scope.spawn(move || {
                    start.wait();
                    consume(&client, "acme", &json!(7), "the-one-key")
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().expect("a caller ends")).collect()
    });
    let mut first: Option<Value> = None;
    let mut replays = 0;
    for answer in &answers {
        assert_eq!(answer.status, 200, "{answer:?}");
        let (body, replayed) = answer.replayed();
        replays += usize::from(replayed);
        assert_eq!(first.get_or_insert_with(|| body.clone()), &body, "bodies differ");
    }
    assert_eq!(replays, 63);
    assert_eq!(client.available("acme"), json!(93));
}

fn one_key_with_another_request(kind: Kind) {
    let store = Store::new(kind);
    let server = Start::on(&store).serve();
    let client = server.client();
    client.grant("acme", 100, "first");
    let first = consume(&client, "acme", &json!(1), "k");
    for same in [
        r#"{"customer_id":"acme","amount":1.0,"idempotency_key":"k"}"#,
        r#"{"amount":"1","idempotency_key":"k","customer_id":"acme","unit":"credits","mode":"reject"}"#,
    ] {
        let answer = client.send("POST", "/consume", |it| it.header("content-type", "application/json").body(same));
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.replayed().1, "{same} is the same request");
        assert_eq!(answer.replayed().0, first.replayed().0);
    }
    for (field, value) in
        [("amount", json!(2)), ("mode", json!("partial")), ("user_id", json!("u1")), ("unit", json!("tokens"))]
    {
        let mut other = json!({"customer_id": "acme", "amount": 1, "idempotency_key": "k"});
        other[field] = value;
        let answer = client.post("/consume", &other);
        assert_eq!(
            (answer.status, answer.code().as_str(), answer.param().as_str()),
            (409, "idempotency_mismatch", field)
        );
    }
    assert_eq!(client.available("acme"), json!(99));
    // A refusal is not remembered: the same key may succeed after more was granted.
    assert_eq!(consume(&client, "acme", &json!(150), "later").status, 402);
    client.grant("acme", 100, "second");
    let answer = consume(&client, "acme", &json!(150), "later");
    assert_eq!((answer.status, answer.replayed().1), (200, false), "{answer:?}");
}

/// One spend of `amount` with `key`.
fn consume(client: &Client, customer: &str, amount: &Value, key: &str) -> Answer {
    client.post("/consume", &json!({"customer_id": customer, "amount": amount, "idempotency_key": key}))
}
