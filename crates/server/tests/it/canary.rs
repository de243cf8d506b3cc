//! Secrets appear nowhere: planted in every secret setting, they are looked for in all output at trace level.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Output, Stdio},
};

const BOOTSTRAP: &str = "canary-bootstrap-0123456789-0123456789";
const SECRET: &str = "canary-secret-0123456789-0123456789";
const CRON: &str = "canary-cron-0123456789-0123456789";
const STRIPE: &str = "sk_test_canary0123456789";
const WEBHOOK: &str = "whsec_canary0123456789";
const PASSWORD: &str = "canary-password-0123456789";

/// The binary in `folder`, every secret set and everything logged.
fn purser(folder: &std::path::Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_purser"));
    command
        .args(words)
        .current_dir(folder)
        .env("PURSER_BOOTSTRAP_KEY", BOOTSTRAP)
        .env("PURSER_SECRET", SECRET)
        .env("CRON_SECRET", CRON)
        .env("STRIPE_SECRET_KEY", STRIPE)
        .env("STRIPE_WEBHOOK_SECRET", WEBHOOK)
        // Nobody listens there: no test asks the real one.
        .env("STRIPE_API_BASE", "http://127.0.0.1:1")
        .env("RUST_LOG", "trace")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// No canary, and nothing in `more`, stands in `text`.
fn clean(text: &str, more: &[&str]) {
    for canary in [BOOTSTRAP, SECRET, CRON, STRIPE, WEBHOOK, PASSWORD].iter().chain(more) {
        assert!(!text.contains(canary), "{canary} stands in the output");
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Sends one request and answers the whole answer.
fn ask(address: &str, key: &str, line: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Something that answers as Stripe would, once; says where.
fn stripe() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let read = socket.read(&mut [0; 8192]).unwrap();
        assert!(read > 0);
        let body = r#"{"object":"list","data":[],"has_more":false,"url":"/v1/products"}"#;
        write!(socket, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    }));
    base
}

/// Reads the server's log until it says where it listens; answers that and what was read.
fn address(child: &mut Child) -> (String, String, BufReader<std::process::ChildStderr>) {
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut read = String::new();
    loop {
        let mut line = String::new();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the server ended: {read}");
        read.push_str(&line);
        if line.contains("\"listening\"") {
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            return (line["address"].as_str().unwrap().to_owned(), read, log);
        }
    }
}

#[test]
fn secrets_stand_in_no_output() {
    let folder = tempfile::tempdir().unwrap();
    let made = purser(folder.path(), &["keys", "create", "--role", "service", "--name", "canary"]).output().unwrap();
    assert!(made.status.success(), "{}", text(&made));
    let key = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    clean(&text(&made), &[]);
    clean(&String::from_utf8_lossy(&made.stderr), &[&key]);

    let listed = purser(folder.path(), &["keys", "list"]).output().unwrap();
    clean(&text(&listed), &[&key]);
    let doctor = purser(folder.path(), &["doctor"]).env("STRIPE_API_BASE", stripe()).output().unwrap();
    assert!(doctor.status.success(), "{}", text(&doctor));
    clean(&text(&doctor), &[&key]);
    assert!(text(&doctor).contains("Stripe answers in test mode"), "{}", text(&doctor));

    let mut child = purser(folder.path(), &["serve", "--listen", "127.0.0.1:0"]).spawn().unwrap();
    let (address, mut log, mut rest) = address(&mut child);
    let body = r#"{"customer_id":"acme","amount":1,"idempotency_key":"k"}"#;
    let mut answers = String::new();
    for key in [key.as_str(), BOOTSTRAP, CRON, "wrong"] {
        answers += &ask(&address, key, "POST /api/v1/consume", body);
        answers += &ask(&address, key, "POST /api/cron/expire-grants", "");
        answers += &ask(&address, key, "GET /api/v1/admin/keys", "");
        answers += &ask(&address, key, "POST /api/webhooks/stripe", "{}");
        answers += &ask(&address, key, "POST /api/cron/find-missed-events", "");
        answers += &ask(&address, key, "GET /api/v1/admin/audit", "");
    }
    let made = ask(&address, BOOTSTRAP, "POST /api/v1/admin/keys", r#"{"name":"second","role":"read"}"#);
    let second = made.split("\"secret\":\"").nth(1).unwrap().split('"').next().unwrap();
    ask(&address, second, "GET /api/v1/customers", "");
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap()),
        nix::sys::signal::Signal::SIGTERM,
    )
    .unwrap();
    rest.read_to_string(&mut log).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "a stop is no failure: {log}");
    assert!(log.contains("everything is logged"), "the level is trace");
    clean(&log, &[&key, second]);
    clean(&answers, &[&key, second]);
    clean(&String::from_utf8_lossy(&ended.stdout), &[&key, second]);
}

#[test]
fn a_database_that_does_not_answer_is_told_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://me:{PASSWORD}@127.0.0.1:1/none");
    for words in [["doctor"], ["migrate"], ["verify"]] {
        let failed = purser(folder.path(), &words).env("PURSER_DATABASE_URL", &url).output().unwrap();
        assert!(!failed.status.success());
        let said = text(&failed);
        clean(&said, &[]);
        assert!(said.contains("me:***@127.0.0.1:1"), "{said}");
    }
}

#[test]
fn what_is_wrong_is_one_sentence_and_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = taken.local_addr().unwrap().to_string();
    let run = |words: &[&str], name: &str, value: &str| {
        let done = purser(folder.path(), words).env("RUST_LOG", "off").env(name, value).output().unwrap();
        assert_eq!(done.status.code(), Some(1), "{words:?}");
        let said = text(&done);
        assert!(!said.contains("panicked") && !said.contains("backtrace"), "{said}");
        said
    };
    assert!(run(&["serve", "--listen", &place], "X", "").contains("is in use"));
    assert!(run(&["serve"], "PURSER_DATABASE_URL", "mysql://x").contains("neither sqlite: nor postgres://"));
    assert!(
        run(&["serve", "--listen", "127.0.0.1:0"], "PURSER_DATABASE_URL", "sqlite:/proc/nowhere/p.db")
            .contains("cannot be used")
    );
    assert!(run(&["serve"], "PURSER_BOOTSTRAP_KEY", "short").contains("shorter than 32"));
    assert!(run(&["demo"], "STRIPE_SECRET_KEY", "sk_live_x").contains("live key"));
    assert!(run(&["demo"], "STRIPE_SECRET_KEY", "rk_live_x").contains("live key"));
}
