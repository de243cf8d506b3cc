//! `purser doctor` asks Stripe, and says in words what is wrong with the key, the address or the way there.

use crate::{
    commands::doctor,
    server::{Start, said, until},
    store::{Kind, Store},
};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Stdio},
    thread,
};

const KEY: &str = "sk_test_doctor0123456789";

/// A running `purser sandbox`. Killed when dropped.
pub struct Sandbox {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub base: String,
}

impl Sandbox {
    /// Starts one in the folder of `start`, and waits until it listens.
    pub fn start(start: &Start) -> Self {
        let address = free();
        let mut command = start.command(&["sandbox", "--listen", &address.to_string()]);
        // What doctor asks can be judged by Stripe's contract too.
        if let Some(folder) = std::env::var_os("PURSER_STRIPE_RECORD") {
            command.arg("--record").arg(Path::new(&folder).join(format!("doctor-{}.jsonl", address.port())));
        }
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the sandbox starts");
        let sandbox = Self { child, base: format!("http://{address}") };
        until("the sandbox listens", || TcpStream::connect(address).is_ok());
        sandbox
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address nobody listens at.
fn free() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|it| it.local_addr()).expect("a free port")
}

/// Something that answers everything so; says where.
fn answering(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("bound"));
    drop(thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let _ = socket.read(&mut [0; 8192]);
            let length = body.len();
            let _ = write!(
                socket,
                "HTTP/1.1 {status}\r\nconnection: close\r\nrequest-id: req_1\r\ncontent-length: {length}\r\n\r\n{body}"
            );
        }
    }));
    base
}

fn with(store: &Store, key: &str, base: &str) -> Start {
    Start::on(store).env("STRIPE_SECRET_KEY", key).env("STRIPE_API_BASE", base)
}

#[test]
fn doctor_asks_stripe_and_says_mode_address_and_time() {
    let store = Store::new(Kind::Sqlite);
    doctor(&Start::on(&store), 0, &["no STRIPE_SECRET_KEY", "https://api.stripe.com"]);
    let sandbox = Sandbox::start(&Start::on(&store));
    let start = with(&store, KEY, &sandbox.base);
    let answers = format!("Stripe answers in test mode at {}, in ", sandbox.base);
    doctor(&start, 0, &[&answers, " ms.", "All is well."]);
    doctor(&with(&store, &KEY.replace("sk_", "rk_"), &answering("200 OK", LIST)), 0, &["in test mode"]);
    doctor(&with(&store, "rk_live_1", &answering("200 OK", LIST)), 0, &["in live mode"]);
    // What is on this machine is not asked for through a proxy, which would be told the key.
    let proxied = ["HTTP_PROXY", "http_proxy", "ALL_PROXY"]
        .iter()
        .fold(start, |start, name| start.env(name, format!("http://{}", free())));
    doctor(&proxied, 0, &[&answers]);
}

const LIST: &str = r#"{"object":"list","data":[],"has_more":false,"url":"/v1/products"}"#;

#[test]
fn doctor_says_what_is_wrong_with_stripe() {
    let store = Store::new(Kind::Sqlite);
    let sandbox = Sandbox::start(&Start::on(&store));
    let nobody = format!("http://{}", free());
    let error = |kind: &str| format!(r#"{{"error":{{"type":"{kind}","message":"Invalid API Key: {KEY}"}}}}"#);
    let wrong: &'static str = error("invalid_request_error").leak();
    for (key, base, words) in [
        ("sk_live_1", sandbox.base.clone(), &["does not know the key in STRIPE_SECRET_KEY", "Copy it again"][..]),
        (KEY, answering("401 Unauthorized", wrong), &["does not know the key", "req_1"]),
        (KEY, answering("403 Forbidden", wrong), &["may not read products", "restricted key"]),
        (KEY, answering("503 Busy", wrong), &["does not answer", "STRIPE_API_BASE"]),
        (KEY, answering("429 Slow", wrong), &["limits our rate"]),
        (KEY, answering("302 Found", ""), &["does not answer", "redirect"]),
        (KEY, answering("200 OK", "<html>hello</html>"), &["is not Stripe", "STRIPE_API_BASE"]),
        (KEY, nobody, &["does not answer: no connection", "STRIPE_API_BASE", "reaches it"]),
        ("pk_test_1", sandbox.base.clone(), &["is no secret or restricted key", "Developers, API keys"]),
        ("sk_test_\u{1}", sandbox.base.clone(), &["the Stripe key has characters that no key has"]),
    ] {
        doctor(&with(&store, key, &base), 1, words);
        let said = said(&with(&store, key, &base).run(&["doctor"]));
        assert!(!said.contains(KEY), "{said}");
    }
}

#[test]
fn an_address_that_would_send_the_key_in_the_open_is_refused_before_anything_starts() {
    let store = Store::new(Kind::Sqlite);
    for (base, words) in [
        (
            "http://api.stripe.com",
            "STRIPE_API_BASE: `http://api.stripe.com` has no TLS: the key would be sent in the open; use https.",
        ),
        ("http://10.1.2.3:12111", "has no TLS"),
        ("api.stripe.com", "is no address of Stripe; try https://api.stripe.com"),
        ("https://me:hunter2@api.stripe.com", "is no address of Stripe"),
        ("https://api.stripe.com/v1", "is no address of Stripe"),
    ] {
        let start = with(&store, KEY, base);
        doctor(&start, 1, &[words]);
        let served = start.run(&["serve"]);
        assert_eq!(served.status.code(), Some(1), "nothing starts with it: {}", said(&served));
        for output in [start.run(&["doctor"]), served] {
            assert!(!said(&output).contains("hunter2"), "{}", said(&output));
        }
    }
}
