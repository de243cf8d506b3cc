//! A running `purser demo`, in a folder of its own: what it printed, its API, and that of its sandbox.

use crate::client::{Client, builder};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use std::{
    fs::File,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The key that it accepts from the start.
const KEY: &str = "an-admin-key-for-the-browser-0123456789";
/// The longest that anything is waited for: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether something is so.
const LOOK: Duration = Duration::from_millis(50);
/// Where the sandbox's clock is moved.
const CLOCK: &str = "/_sandbox/api/clock";

/// A running demo. Killed when dropped.
pub struct Demo {
    folder: TempDir,
    listen: String,
    child: Child,
    /// Where its pages are.
    pub url: String,
    /// Where its sandbox is.
    pub sandbox: String,
}

impl Demo {
    /// Starts one, with a customer who has nothing yet.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("purser-demo").tempdir().expect("a temporary folder");
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|it| it.local_addr()).expect("a free port");
        let listen = free.to_string();
        let child = spawn(&folder, &listen);
        let url = format!("http://{listen}");
        let mut demo = Self { folder, listen, child, url, sandbox: String::new() };
        demo.until_ready();
        let hooli = json!({ "name": "Hooli", "email": "pay@hooli.example" });
        let made = demo.client().send("PUT", "/customers/hooli", |request| request.json(&hooli));
        made.expect("an answer").expect(200);
        demo
    }

    /// Starts it again in its folder.
    pub fn begin(&mut self) {
        self.child = spawn(&self.folder, &self.listen);
        self.until_ready();
    }

    /// Stops it as a service manager does.
    pub fn stop(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid"));
        kill(pid, Signal::SIGTERM).expect("it can be told");
        let status = until("the demo ends", || self.child.try_wait().expect("its state is known"));
        assert!(status.success(), "{status}\n{}", self.said());
    }

    /// `purser verify`, which must prove the ledger.
    pub fn verify(&self) {
        let output = command(&self.folder, &["verify"]).output().expect("purser runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains("Proved:"), "{said}");
    }

    /// Waits until it serves, and reads where its sandbox is.
    fn until_ready(&mut self) {
        let client = self.client();
        until("the demo is ready", || {
            if let Some(status) = self.child.try_wait().expect("its state is known") {
                panic!("the demo ended with {status}\n{}", self.said());
            }
            let ready = client.get_root("/readyz").is_ok_and(|answer| answer.status == 200);
            (ready && self.said().contains("Ctrl-C ends it")).then_some(())
        });
        let said = self.said();
        let line = said.lines().find_map(|line| line.trim().strip_prefix("Sandbox"));
        self.sandbox = line.expect("it says where its sandbox is").trim().trim_end_matches('/').to_owned();
    }

    fn client(&self) -> Client {
        Client::new(&self.url, KEY)
    }

    /// What it printed.
    pub fn said(&self) -> String {
        std::fs::read_to_string(printed(&self.folder)).unwrap_or_default()
    }

    /// A way in for the customer.
    pub fn link(&self) -> String {
        let made = self.client().post("/customers/hooli/portal_link", &json!({})).expect(200);
        made["url"].as_str().expect("an address").to_owned()
    }

    /// What the API says.
    pub fn get(&self, path: &str) -> Value {
        self.client().get(path).expect(200)
    }

    /// Spends so many of the customer's credits.
    pub fn spend(&self, amount: u32, key: &str) {
        let body = json!({ "customer_id": "hooli", "amount": amount, "idempotency_key": key });
        self.client().post("/consume", &body).expect(200);
    }

    /// Waits until what the API says at `path` is as `fits` wants it.
    pub fn sees(&self, what: &str, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let now = self.get(path);
            if fits(&now) {
                return now;
            }
            assert!(start.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}; {path} says {now:#}\n{}", self.said());
            sleep(LOOK);
        }
    }

    /// What the sandbox's API says to a seller.
    pub fn stripe(&self, method: &str, path: &str, form: &str) -> Value {
        self.sandbox(method, &format!("/v1/{path}"), "application/x-www-form-urlencoded", form)
    }

    /// Moves the clock on by so many seconds, and waits until all is done that was due.
    pub fn pass(&self, seconds: i64) {
        self.moves(&format!(r#"{{"by":{seconds}}}"#));
    }

    /// Moves the clock to this second.
    pub fn pass_to(&self, second: i64) {
        self.moves(&format!(r#"{{"to":{second}}}"#));
    }

    fn moves(&self, how: &str) {
        self.sandbox("POST", CLOCK, "application/json", how);
        until("the clock has arrived", || {
            (self.sandbox("GET", CLOCK, "application/json", "")["moving"] == false).then_some(())
        });
    }

    fn sandbox(&self, method: &str, path: &str, kind: &str, body: &str) -> Value {
        let http = builder().timeout(PATIENCE).build().expect("a client");
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let request = http.request(method, format!("{}{path}", self.sandbox)).bearer_auth("sk_test_browser");
        let answer = request.header("content-type", kind).body(body.to_owned()).send().expect("an answer");
        let status = answer.status();
        let text = answer.text().expect("an answer");
        assert!(status.is_success(), "{path} {body}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error} in {text}"))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn printed(folder: &TempDir) -> PathBuf {
    folder.path().join("printed")
}

fn command(folder: &TempDir, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_purser"));
    command.args(words).current_dir(folder.path()).stdin(Stdio::null());
    command
}

fn spawn(folder: &TempDir, listen: &str) -> Child {
    let file = File::create(printed(folder)).expect("a file");
    let mut demo = command(folder, &["demo"]);
    // A browser that is driven opens pages faster than a person does.
    demo.env("PURSER_LISTEN", listen).env("PURSER_BOOTSTRAP_KEY", KEY).env("PURSER_PAGES_PER_CUSTOMER", "1000000");
    demo.stdout(file.try_clone().expect("a second handle")).stderr(file).spawn().expect("purser starts")
}

/// Waits until `look` finds something, but not for ever.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
        sleep(LOOK);
    }
}
