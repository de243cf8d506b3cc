//! What the client costs a call beyond the network: the same request by a bare HTTP client and by the client, in turn.
//!
//! `cargo run --release -p purser-stripe --example overhead` prints a line of JSON for each figure, in microseconds: of
//! five runs the one in the middle, each the median of its calls. A server in the same process answers at once; nobody
//! listens to the log or the metrics.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use purser_stripe::{Client, Key, Limits, Secret, Settings, calls::subscriptions};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    num::NonZeroU32,
    thread,
    time::{Duration, Instant},
};

/// Runs of each figure.
const RUNS: usize = 5;
/// Calls of each kind in a run.
const CALLS: usize = 3000;

/// The form of the write, and its key.
const FORM: &str = "cancel_at_period_end=true&metadata%5Boperation%5D=op-1";
const KEY: &str = "op-1/1";

fn main() {
    let answer = subscription();
    let base = serve(&answer);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure(&base));
}

/// Stripe's published example of a subscription.
fn subscription() -> String {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("../tests/it/fixtures.json")).expect("the examples are JSON");
    all["subscription"].to_string()
}

/// Answers every request on this machine with `body`; says where.
fn serve(body: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("bound"));
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nrequest-id: req_1\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    drop(thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let answer = answer.clone();
            drop(thread::spawn(move || answer_all(socket, answer.as_bytes())));
        }
    }));
    base
}

/// Answers what comes on one connection until it ends.
fn answer_all(mut socket: TcpStream, answer: &[u8]) {
    socket.set_nodelay(true).expect("a socket");
    let (mut bytes, mut part) = (Vec::new(), [0; 8192]);
    loop {
        while let Some(whole) = whole_request(&bytes) {
            bytes.drain(..whole);
            if socket.write_all(answer).is_err() {
                return;
            }
        }
        match socket.read(&mut part) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&part[..count]),
            _ => return,
        }
    }
}

/// How many bytes the first request in `bytes` has, if all of it is there.
fn whole_request(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).expect("a head is text").to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    let whole = head + length.unwrap_or(0);
    (bytes.len() >= whole).then_some(whole)
}

async fn measure(base: &str) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let bare = reqwest::Client::builder().no_proxy().build().expect("a client");
    let limits = Limits { per_second: NonZeroU32::new(1_000_000).expect("not zero"), ..Limits::default() };
    let key = Secret::new("sk_test_1").expect("not blank");
    let settings = Settings { base: base.to_owned(), key, limits, random: Box::new(|| 0) };
    let client = Client::new(settings).expect("a client");
    let read = subscriptions::retrieve("sub_1");
    let change = subscriptions::SubscriptionChange {
        cancel_at_period_end: Some(true),
        metadata: Some([("operation".to_owned(), "op-1".to_owned())].into()),
        ..Default::default()
    };
    let write = subscriptions::update("sub_1", &change);
    assert_eq!(write.request().body, FORM, "both send the same");
    let key = Key { text: KEY.to_owned(), first_sent: 0 };
    let address = format!("{base}/v1/subscriptions/sub_1");
    let (mut reads, mut writes) = (Runs::default(), Runs::default());
    for run in 0..=RUNS {
        let (mut read_times, mut write_times) = (Times::default(), Times::default());
        for _ in 0..CALLS {
            let began = Instant::now();
            let got = head(bare.get(&address)).send().await.expect("answered").bytes().await.expect("whole");
            read_times.bare.push(began.elapsed());
            let began = Instant::now();
            let answer = client.read(&read).await.expect("answered");
            read_times.ours.push(began.elapsed());
            assert_eq!(answer.json.len(), got.len());
            let began = Instant::now();
            let post = head(bare.post(&address)).header("idempotency-key", KEY).body(FORM);
            let post = post.header("content-type", "application/x-www-form-urlencoded");
            drop(post.send().await.expect("answered").bytes().await.expect("whole"));
            write_times.bare.push(began.elapsed());
            let began = Instant::now();
            drop(client.write(&write, &key, 0).await.expect("answered"));
            write_times.ours.push(began.elapsed());
        }
        // The first run warms up.
        if run > 0 {
            reads.add(read_times);
            writes.add(write_times);
        }
    }
    reads.print("read");
    writes.print("write");
}

/// The headers that Stripe needs.
fn head(request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
    request.header("authorization", "Bearer sk_test_1").header("stripe-version", purser_stripe::API_VERSION)
}

/// The times of one run.
#[derive(Default)]
struct Times {
    bare: Vec<Duration>,
    ours: Vec<Duration>,
}

/// The medians of the runs.
#[derive(Default)]
struct Runs {
    bare: Vec<Duration>,
    ours: Vec<Duration>,
}

impl Runs {
    fn add(&mut self, times: Times) {
        self.bare.push(median(times.bare));
        self.ours.push(median(times.ours));
    }

    fn print(self, what: &str) {
        let (bare, ours) = (median(self.bare), median(self.ours));
        for (name, time) in [
            (format!("client_bare_{what}_us"), bare),
            (format!("client_{what}_us"), ours),
            (format!("client_overhead_{what}_us"), ours.saturating_sub(bare)),
        ] {
            let tenths = time.as_nanos() / 100;
            println!("{{\"name\":\"{name}\",\"value\":{}.{}}}", tenths / 10, tenths % 10);
        }
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
