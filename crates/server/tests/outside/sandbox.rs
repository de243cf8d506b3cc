//! `purser sandbox` as a process: what it keeps when it is stopped, what it refuses to load, what a kill loses.

use crate::{
    client::builder,
    server::{PATIENCE, until},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::blocking::Client;
use serde_json::Value;
use std::{
    io::Read as _,
    net::TcpListener,
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

/// A running sandbox; killed when it is dropped.
struct Sandbox {
    child: Child,
    url: String,
    http: Client,
}

fn command(folder: &Path, listen: &str, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_purser"));
    command.args(["sandbox", "--listen", listen]).args(words).current_dir(folder).stdin(Stdio::null());
    command
}

impl Sandbox {
    fn start(folder: &Path, words: &[&str]) -> Self {
        let address = TcpListener::bind(("127.0.0.1", 0)).and_then(|it| it.local_addr()).expect("a free port");
        let mut command = command(folder, &address.to_string(), words);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("purser starts");
        let sandbox = Self { child, url: format!("http://{address}"), http: builder().build().expect("a client") };
        until("the sandbox answers", || {
            sandbox.http.get(format!("{}/_sandbox/api/clock", sandbox.url)).send().is_ok_and(|it| it.status() == 200)
        });
        sandbox
    }

    fn post(&self, path: &str, form: &str, key: &str) -> (bool, Value) {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth("sk_test_outside");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.header("idempotency-key", key).body(form.to_owned()).send().expect("an answer");
        assert_eq!(answer.status(), 200, "{path} {form}");
        let replayed = answer.headers().contains_key("idempotent-replayed");
        (replayed, answer.json().expect("JSON"))
    }

    fn pass(&self, seconds: i64) {
        let request = self.http.post(format!("{}/_sandbox/api/clock", self.url));
        let answer = request.body(format!("{{\"by\":{seconds}}}")).send().expect("an answer");
        assert_eq!(answer.status(), 200);
    }

    fn terminate(mut self) -> ExitStatus {
        kill(Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")), Signal::SIGTERM).expect("it can be told");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("its state is known") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn state(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).expect("the state was written")
}

#[test]
fn a_sandbox_that_was_stopped_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let first = Sandbox::start(folder, &["--at", "2026-01-01T00:00:00Z", "--dump", "kept.json"]);
    // A seller who is not there yet: what is told waits for another try.
    let seller = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let hook = seller.local_addr().expect("its address");
    drop(seller);
    first.post(
        "/v1/webhook_endpoints",
        &format!("url=http://{hook}/hook&enabled_events[]=customer.created"),
        "endpoint",
    );
    let (_, customer) = first.post("/v1/customers", "name=Jenny", "one-key");
    first.pass(1);
    assert!(first.terminate().success());
    let kept = state(folder, "kept.json");

    let second = Sandbox::start(folder, &["--load", "kept.json", "--dump", "again.json"]);
    let url = second.url.clone();
    assert!(second.terminate().success());
    // Its own address is the only thing that is new: nothing has happened.
    let again = state(folder, "again.json").replace(&url, "URL");
    let base: Value = serde_json::from_str(&kept).expect("JSON");
    let before = kept.replace(base["settings"]["base"].as_str().expect("an address"), "URL");
    assert!(again == before, "byte for byte");

    let third = Sandbox::start(folder, &["--load", "again.json"]);
    let (replayed, same) = third.post("/v1/customers", "name=Jenny", "one-key");
    assert!(replayed && same == customer, "the key is remembered");
    let seller = TcpListener::bind(hook).expect("the seller is there now");
    let taken = std::thread::spawn(move || {
        let (mut stream, _) = seller.accept().expect("a delivery");
        let (mut seen, mut part) = (String::new(), [0; 4096]);
        while !seen.trim_end().ends_with('}') {
            let count = stream.read(&mut part).expect("a delivery");
            seen.push_str(&String::from_utf8_lossy(&part[..count]));
        }
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("an answer");
        seen
    });
    third.pass(3600);
    let seen = taken.join().expect("it was delivered");
    assert!(seen.contains("customer.created") && seen.contains(customer["id"].as_str().expect("an id")), "{seen}");
}

#[test]
fn what_is_no_state_is_refused_by_the_name_of_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let sandbox = Sandbox::start(folder, &["--at", "2026-01-01T00:00:00Z", "--dump", "kept.json"]);
    sandbox.post("/v1/customers", "name=Jenny", "k");
    assert!(sandbox.terminate().success());
    let kept = state(folder, "kept.json");
    for (name, text) in
        [("half.json", &kept[..kept.len() / 2]), ("other.json", "{\"name\":\"jq\"}"), ("empty.json", "")]
    {
        std::fs::write(folder.join(name), text).expect("a file");
        let Output { status, stderr, .. } =
            command(folder, "127.0.0.1:0", &["--load", name]).output().expect("it ends");
        let said = String::from_utf8_lossy(&stderr);
        assert!(
            status.code() == Some(1) && said.contains(name) && said.contains("not one that a sandbox dumped"),
            "{said}"
        );
        assert_eq!(state(folder, name), text, "it is left as it is");
    }
    let missing = command(folder, "127.0.0.1:0", &["--load", "none.json"]).output().expect("it ends");
    assert!(String::from_utf8_lossy(&missing.stderr).contains("none.json"));
}

#[test]
fn a_kill_loses_what_was_in_memory_and_leaves_the_file_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let first = Sandbox::start(folder, &["--at", "2026-01-01T00:00:00Z", "--dump", "kept.json"]);
    first.post("/v1/customers", "name=Jenny", "k");
    assert!(first.terminate().success());
    let kept = state(folder, "kept.json");
    let mut second = Sandbox::start(folder, &["--load", "kept.json", "--dump", "kept.json"]);
    second.post("/v1/customers", "name=Lost", "k2");
    second.child.kill().expect("it can be killed");
    second.child.wait().expect("it is gone");
    assert!(state(folder, "kept.json") == kept);
}
