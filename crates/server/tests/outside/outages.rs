//! A database that goes away or is full: said so, nothing wrong answered, and well again without a restart.

use crate::{
    client::Client,
    load::Load,
    postgres::Postgres,
    server::{Start, said, until},
    store::{Kind, Store, ask_sqlite},
};
use serde_json::{Value, json};
use std::{path::Path, process::Command};

#[test]
fn postgres_stopped_and_started_under_load() {
    let cluster = Postgres::start();
    let store = Store::in_cluster(&cluster);
    let server = Start::on(&store).serve();
    let client = server.client();
    let load = Load::start(std::slice::from_ref(&client), 16, 0);
    until("the load runs", || load.acknowledged() >= 100);
    cluster.down();
    let answer = spend(&client, 0);
    assert_eq!((answer.status, answer.code().as_str()), (503, "database_unavailable"), "{answer:?}");
    assert!(answer.retry_after.is_some(), "a 503 says when to try again");
    let read = client.get("/customers/customer-0/balance");
    assert_eq!((read.status, read.code().as_str()), (503, "database_unavailable"), "{read:?}");
    assert_eq!(client.get_root("/readyz").expect("an answer").status, 503);
    assert_eq!(client.get_root("/healthz").expect("an answer").status, 200);
    let before = load.acknowledged();
    cluster.up();
    until("it works again, without a restart", || load.acknowledged() >= before + 100);
    let mut record = load.stop();
    assert!(!record.open.is_empty(), "some writes met the outage");
    record.is_all_there(&client).unwrap_or_else(|lost| panic!("{lost}"));
    let own = spend(&client, 0);
    own.expect(200);
    record.add_up_with(&client, 100_000, &[(0, -1)]);
    Start::on(&store).verify();
}

#[test]
fn sqlite_at_its_page_limit_refuses_writes_and_reads_on() {
    let store = Store::new(Kind::Sqlite);
    let start = Start::on(&store);
    let mut server = start.serve();
    server.client().grant("customer-0", 1_000_000, "first");
    assert!(server.terminate().success());
    let pages: u32 = ask_sqlite(&store.file(), "PRAGMA page_count").parse().expect("a count");

    let mut server = start.serve_with("PURSER_SQLITE_MAX_PAGES", pages + 40);
    let done = fill(&server.client());
    assert!(server.terminate().success());
    start.verify();

    let server = start.serve_with("PURSER_SQLITE_MAX_PAGES", pages + 4000);
    all_done(&server.client(), &done);
}

/// On a small file system of its own, where the machine permits to mount one.
#[test]
fn sqlite_on_a_full_disk_recovers_without_a_restart() {
    let folder = tempfile::Builder::new().prefix("purser-full").tempdir().expect("a temporary folder");
    let Some(disk) = Disk::mount(folder.path()) else {
        println!("this machine does not permit to mount a small file system: NOT tested here");
        return;
    };
    let url = format!("sqlite:{}/purser.db", disk.0);
    let start = Start::at(&url, folder.path());
    let log = tempfile::tempdir().expect("a temporary folder");
    let server = Start::at(&url, log.path()).serve();
    let client = server.client();
    client.grant("customer-0", 1_000_000, "first");
    let done = fill(&client);
    disk.grow();
    until("it writes again, without a restart", || spend(&client, 1_000_000).status == 200);
    all_done(&client, &done);
    drop(server);
    let verified = start.run(&["verify"]);
    assert!(verified.status.success(), "{}", said(&verified));
}

/// Spends until the database is full; answers what was done. Then reads must go on.
fn fill(client: &Client) -> Vec<Value> {
    let mut done = Vec::new();
    for step in 1..100_000 {
        let answer = spend(client, step);
        if answer.status == 200 {
            done.push(answer.replayed().0);
            continue;
        }
        assert_eq!((answer.status, answer.code().as_str()), (503, "database_full"), "{answer:?}");
        assert!(answer.retry_after.is_some(), "a 503 says when to try again");
        let left = 1_000_000 - i64::try_from(done.len()).expect("it is small");
        assert_eq!(client.available("customer-0"), json!(left), "reads go on, and nothing refused was done");
        return done;
    }
    panic!("the database never got full");
}

/// Every spend that was done is still there, with the same answer; the refused one can be done now.
fn all_done(client: &Client, done: &[Value]) {
    for (at, first) in done.iter().enumerate() {
        let (body, replayed) = spend(client, at + 1).replayed();
        assert!(replayed, "spend {} was forgotten", at + 1);
        assert_eq!(&body, first);
    }
    let (_, replayed) = spend(client, done.len() + 1).replayed();
    assert!(!replayed, "a refused spend was kept");
}

/// The `step`th spend; its metadata takes room.
fn spend(client: &Client, step: usize) -> crate::client::Answer {
    let body = json!({"customer_id": "customer-0", "amount": 1, "idempotency_key": format!("fill-{step}"),
        "metadata": {"note": "x".repeat(400)}});
    client.post("/consume", &body)
}

/// A mounted file system of three megabytes; unmounted when dropped.
struct Disk(String);

impl Disk {
    fn mount(folder: &Path) -> Option<Self> {
        let path = folder.display().to_string();
        let output = Command::new("mount").args(["-t", "tmpfs", "-o", "size=3m", "tmpfs", &path]).output().ok()?;
        output.status.success().then_some(Self(path))
    }

    fn grow(&self) {
        let status = Command::new("mount").args(["-o", "remount,size=64m", &self.0]).status();
        assert!(status.expect("mount runs").success(), "the file system can grow");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["--lazy", &self.0]).status();
    }
}
