//! Slow, silent and greedy callers, and a stuck database: each ends at its limit, and others are served meanwhile.
//!
//! A request may take one second here, and with it each of its parts.

use crate::{
    client::Client,
    postgres as cluster,
    server::{PATIENCE, Server, Start, until},
    store::{Kind, Store, on_both},
};
use serde_json::json;
use std::{
    io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

on_both!(a_database_that_does_not_answer_in_time);

/// A server that gives a request one second.
fn impatient(store: &Store) -> Server {
    Start::on(store).env("PURSER_REQUEST_SECONDS", 1).serve()
}

fn a_database_that_does_not_answer_in_time(kind: Kind) {
    let store = Store::new(kind);
    let server = impatient(&store);
    let client = server.client();
    client.grant("acme", 100, "first");
    let lock = Lock::take(&store);
    for _ in 0..2 {
        let answer = spend(&client);
        assert_eq!((answer.status, answer.code().as_str()), (503, "timed_out"), "{answer:?}");
        assert!(answer.retry_after.is_some(), "a 503 says when to try again");
        let error = &answer.json()["error"];
        assert_eq!((&error["type"], &error["param"]), (&json!("unavailable"), &json!(null)));
        assert_eq!(error["request_id"].as_str(), answer.request_id.as_deref());
        assert_eq!(client.available("acme"), json!(100), "reads go on, and nothing is done");
    }
    drop(lock);
    until("it works again, without a restart", || spend(&client).status == 200);
    assert!(spend(&client).replayed().1, "sent again it is the same spend");
    assert_eq!(client.available("acme"), json!(99), "done once, however often it was sent");
}

fn spend(client: &Client) -> crate::client::Answer {
    client.post("/consume", &json!({"customer_id": "acme", "amount": 1, "idempotency_key": "the-one"}))
}

/// Keeps every writer of the database waiting until it is dropped.
enum Lock {
    Sqlite(#[expect(dead_code, reason = "its transaction is open as long as it is")] rusqlite::Connection),
    Postgres(Child),
}

impl Lock {
    fn take(store: &Store) -> Self {
        match store.kind {
            Kind::Sqlite => {
                let connection = rusqlite::Connection::open(store.file()).expect("the file opens");
                connection.busy_timeout(PATIENCE).expect("it may wait");
                connection.execute_batch("BEGIN IMMEDIATE").expect("it is locked");
                Self::Sqlite(connection)
            }
            Kind::Postgres => {
                let mut psql = cluster::shared().command("psql");
                psql.args(["-X", "-q", &store.url]).stdin(Stdio::piped()).stdout(Stdio::piped());
                let mut child = psql.spawn().expect("psql runs");
                let input = child.stdin.as_mut().expect("a pipe");
                let words = b"BEGIN; LOCK TABLE wallets IN EXCLUSIVE MODE;\n\\echo locked\n";
                input.write_all(words).expect("psql listens");
                let mut line = String::new();
                BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("psql answers");
                assert_eq!(line.trim(), "locked");
                Self::Postgres(child)
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Self::Postgres(child) = self {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// A connection that sends what it wants, when it wants.
struct Raw(TcpStream);

impl Raw {
    fn to(server: &Server) -> Self {
        let stream = TcpStream::connect(server.url.trim_start_matches("http://")).expect("it connects");
        stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a limit");
        stream.set_write_timeout(Some(PATIENCE)).expect("a limit");
        Self(stream)
    }

    /// Sends `text`; answers whether the connection took it.
    fn send(&mut self, text: &str) -> bool {
        self.0.write_all(text.as_bytes()).is_ok()
    }

    /// Reads until the server closes the connection, sending `more` whenever nothing comes; answers what came.
    fn until_closed(&mut self, more: &str) -> Vec<u8> {
        let deadline = Instant::now() + PATIENCE;
        let (mut came, mut bytes) = (Vec::new(), vec![0; 1 << 16]);
        loop {
            assert!(Instant::now() < deadline, "not closed after {PATIENCE:?}");
            match self.0.read(&mut bytes) {
                Ok(0) => return came,
                Ok(read) => came.extend_from_slice(&bytes[..read]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if !self.send(more) {
                        return came;
                    }
                }
                Err(_) => return came,
            }
        }
    }

    /// Whether the server still has the other end open: the kernel's table says so.
    fn is_held(&self) -> bool {
        let ends = [self.0.peer_addr(), self.0.local_addr()].map(|end| format!("{:04X}", end.expect("an end").port()));
        let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
        table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).any(|line| {
            let is = |at: usize, port: &str| line.get(at).is_some_and(|end| end.ends_with(&format!(":{port}")));
            is(1, &ends[0]) && is(2, &ends[1]) && line.get(9) != Some(&"0")
        })
    }
}

/// Text of what came, for looking into.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn serves(server: &Server) {
    server.client().post("/consume", &json!({"customer_id": "acme", "amount": 1, "idempotency_key": "k"})).expect(200);
}

fn with_credits(store: &Store) -> Server {
    let server = impatient(store);
    server.client().grant("acme", 100, "first");
    server
}

const SPEND: &str = "POST /api/v1/consume HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                     authorization: Bearer an-admin-key-for-tests-0123456789abcdef\r\n";

#[test]
fn headers_and_bodies_that_dribble_in_are_cut_off() {
    let store = Store::new(Kind::Sqlite);
    let server = with_credits(&store);
    let (mut head, mut body) = (Raw::to(&server), Raw::to(&server));
    assert!(head.send("GET /healthz HTTP/1.1\r\nx-slow: "));
    assert!(body.send(SPEND) && body.send("content-length: 1000\r\n\r\n{"));
    serves(&server);
    let said = text(&head.until_closed("x"));
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
    let said = text(&body.until_closed(" "));
    assert!(said.starts_with("HTTP/1.1 503") && said.contains("\"timed_out\""), "{said}");
    serves(&server);
}

#[test]
fn a_connection_that_sends_nothing_more_is_closed() {
    let store = Store::new(Kind::Sqlite);
    let server = impatient(&store);
    let (mut kept, mut silent) = (Raw::to(&server), Raw::to(&server));
    assert!(kept.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"));
    let said = text(&kept.until_closed(""));
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with("alive\n"), "{said}");
    assert_eq!(text(&silent.until_closed("")), "");
}

/// Answers enough to fill every buffer on the way, and nobody reads them.
#[test]
fn a_caller_that_does_not_read_is_cut_off() {
    const ASKED: usize = 1000;
    let store = Store::new(Kind::Sqlite);
    let server = with_credits(&store);
    let document = server.client().get("/openapi.json").text.len();
    assert!(document * ASKED > 50_000_000, "it does not fit into the buffers: {document}");
    let mut greedy = Raw::to(&server);
    assert!(greedy.send(&"GET /api/v1/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(ASKED)));
    until("the connection is taken", || greedy.is_held());
    serves(&server);
    until("the connection is given up", || !greedy.is_held());
    let came = greedy.until_closed("").len();
    assert!(came < document * ASKED / 2, "{came} bytes came");
}

/// More connections than the process may have files: they wait, those that do nothing are closed, and all are served.
#[test]
fn more_connections_than_there_is_room_for_are_served_in_time() {
    let store = Store::new(Kind::Sqlite);
    let server = with_credits(&store);
    let mut limit = Command::new("prlimit");
    let limited = limit.args(["--nofile=40:40", "--pid", &server.pid().to_string()]).status();
    assert!(limited.expect("prlimit runs").success());
    let idle: Vec<Raw> = (0..100).map(|_| Raw::to(&server)).collect();
    until("no more fit", || server.log().contains("a connection could not be taken"));
    serves(&server);
    for mut one in idle {
        assert_eq!(text(&one.until_closed("")), "");
    }
    let mut server = server;
    assert!(server.terminate().success(), "it stops in order");
}

#[test]
fn bodies_over_the_limit_are_refused_by_name() {
    let store = Store::new(Kind::Sqlite);
    let server = with_credits(&store);
    let refused = |how: &str, raw: &mut Raw| {
        let said = text(&raw.until_closed(""));
        let (head, body) = said.split_once("\r\n\r\n").unwrap_or_default();
        assert!(head.starts_with("HTTP/1.1 4") && body.contains("\"body_too_large\""), "{how}: {said}");
    };
    // Said to be too large: nothing of it is waited for.
    let mut said = Raw::to(&server);
    assert!(said.send(SPEND) && said.send("content-length: 100000000\r\n\r\n"));
    refused("said", &mut said);
    let mut asked = Raw::to(&server);
    assert!(asked.send(SPEND) && asked.send("content-length: 2000000\r\nexpect: 100-continue\r\n\r\n"));
    refused("asked", &mut asked);
    // Not said: found out while it comes.
    let mut chunked = Raw::to(&server);
    assert!(chunked.send(SPEND) && chunked.send("transfer-encoding: chunked\r\n\r\n"));
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, " ".repeat(1 << 20));
    assert!(chunked.send(&chunk) && chunked.send(&chunk) && chunked.send("0\r\n\r\n"));
    refused("chunked", &mut chunked);
    let mut head = Raw::to(&server);
    assert!(head.send("GET /healthz HTTP/1.1\r\n") && head.send(&"x-many: 1\r\n".repeat(65)) && head.send("\r\n"));
    let said = text(&head.until_closed(""));
    assert!(said.starts_with("HTTP/1.1 431"), "{said}");
    serves(&server);
}
