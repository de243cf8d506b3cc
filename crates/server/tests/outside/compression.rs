//! Answers as they cross the wire: large ones compressed for who asks for it, small ones as they are.

use crate::{
    client::builder,
    server::{ADMIN, Server, Start},
    store::{Kind, Store},
};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, VARY};
use serde_json::json;
use std::{
    io::Write as _,
    process::{Command, Stdio},
};

#[test]
fn large_answers_are_compressed_for_who_asks() {
    let store = Store::new(Kind::Sqlite);
    let server = Start::on(&store).serve();
    let client = server.client();
    client.grant("acme", 1000, "first");
    for step in 0..60 {
        let body = json!({"customer_id": "acme", "amount": 1, "idempotency_key": format!("k{step}")});
        client.post("/consume", &body).expect(200);
    }
    for (path, kind) in [("ledger?limit=100", "application/json"), ("ledger", "text/csv")] {
        let plain = get(&server, path, kind, "identity");
        let small = get(&server, path, kind, "gzip");
        assert_eq!(plain.encoding, None);
        assert_eq!(small.encoding.as_deref(), Some("gzip"), "{kind}");
        assert!(small.body.len() * 2 < plain.body.len(), "{} of {}", small.body.len(), plain.body.len());
        assert_eq!(unpacked(small.body), plain.body, "{kind}");
        assert!(plain.vary && small.vary, "caches are told that it depends on who asks");
    }
    let balance = get(&server, "balance", "application/json", "gzip");
    assert_eq!(balance.encoding, None, "a small answer is not worth it");
    assert!(balance.body.starts_with(b"{"));
}

/// An answer as it came.
struct Raw {
    encoding: Option<String>,
    vary: bool,
    body: Vec<u8>,
}

fn get(server: &Server, path: &str, accept: &str, encoding: &str) -> Raw {
    let url = format!("{}/api/v1/customers/acme/{path}", server.url);
    let request = builder().build().expect("a client").get(url).bearer_auth(ADMIN);
    let answer = request.header(ACCEPT, accept).header(ACCEPT_ENCODING, encoding).send().expect("an answer");
    assert_eq!(answer.status(), 200);
    let header = |name| answer.headers().get(name).map(|it: &reqwest::header::HeaderValue| it.to_str().expect("text"));
    let encoding = header(CONTENT_ENCODING).map(str::to_owned);
    let vary = header(VARY).is_some_and(|vary| vary.eq_ignore_ascii_case("accept-encoding"));
    Raw { encoding, vary, body: answer.bytes().expect("a body").to_vec() }
}

/// What `gzip` makes of it.
fn unpacked(bytes: Vec<u8>) -> Vec<u8> {
    let mut gzip = Command::new("gzip");
    let mut child = gzip.arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("gzip runs");
    let mut input = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || input.write_all(&bytes).expect("gzip reads"));
    let output = child.wait_with_output().expect("gzip ends");
    writer.join().expect("all was written");
    assert!(output.status.success(), "it is gzip");
    output.stdout
}
