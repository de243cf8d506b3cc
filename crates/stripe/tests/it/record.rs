//! Writes down what was sent, so that it can be judged by Stripe's contract: a file for each test in the folder that
//! `PURSER_STRIPE_RECORD` names, a line of JSON for each request. Without the variable nothing is written.

use crate::scripted::Sent;
use serde_json::json;
use std::{fs::OpenOptions, io::Write, path::PathBuf, thread};

/// Writes one request down.
pub fn sent(sent: &Sent) {
    let Some(folder) = std::env::var_os("PURSER_STRIPE_RECORD") else { return };
    let (method, target) = sent.line.split_once(' ').expect("a request line");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    // Each test has a thread of its own, with its name; what it serves runs on it too.
    let test = thread::current().name().unwrap_or("unnamed").replace("::", "-");
    let mut file: PathBuf = folder.into();
    file.push(format!("client-{test}.jsonl"));
    let line = json!({ "method": method, "path": path, "query": query, "body": sent.body });
    let file = OpenOptions::new().create(true).append(true).open(&file);
    file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes())).expect("written down");
}
