//! A browser without a window, driven by Debian's chromedriver in the words of W3C's WebDriver: a handful of JSON calls
//! over plain HTTP, for which the crates on offer bring some twenty others along.
//! Source: <https://www.w3.org/TR/webdriver2/>

use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// The longest that anything is waited for.
pub const DEADLINE: Duration = Duration::from_secs(20);
/// How often it is looked whether something is so.
const LOOK: Duration = Duration::from_millis(20);

/// Flags for a browser that has no window, no sandbox of its own (it may run as root) and no talk with its maker.
const FLAGS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1280,900",
];

/// A browser, until it is dropped.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    profile: PathBuf,
}

impl Browser {
    /// Starts one, as wide as a desk's screen or, with `phone`, 390 pixels.
    pub fn start(phone: bool) -> Self {
        let address = free_address();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={}", address.port()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver does not start ({error}): `cargo xtask setup` installs it"));
        let profile = std::env::temp_dir().join(format!("purser-browser-{}-{}", std::process::id(), address.port()));
        let mut browser = Self { driver, address, session: String::new(), profile };
        until(|| "chromedriver listens".to_owned(), || TcpStream::connect(address).ok());
        let mut args: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        args.push(format!("--user-data-dir={}", browser.profile.display()));
        let mut options = json!({ "args": args });
        if phone {
            options["mobileEmulation"] = json!({ "deviceMetrics": { "width": 390, "height": 844, "pixelRatio": 1 } });
        }
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let made = browser
            .ask("POST", "/session", &wanted)
            .unwrap_or_else(|error| panic!("chromium does not start ({error}): `cargo xtask setup` installs it"));
        browser.session = format!("/session/{}", made["sessionId"].as_str().expect("a session"));
        browser
    }

    /// Opens an address, as one does who types it.
    pub fn open(&self, url: &str) {
        self.must("url", &json!({ "url": url }));
    }

    /// What a script answers in the page.
    pub fn run(&self, script: &str) -> Value {
        self.must("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The same; null while one page makes place for the next.
    pub fn glance(&self, script: &str) -> Value {
        let path = format!("{}/execute/sync", self.session);
        self.ask("POST", &path, &json!({ "script": script, "args": [] })).unwrap_or_default()
    }

    /// Presses keys one after the other, and lets go of each.
    pub fn press(&self, keys: impl IntoIterator<Item = char>) {
        self.keys(keys.into_iter().flat_map(|key| [("keyDown", key), ("keyUp", key)]));
    }

    /// Presses a key while another is held.
    pub fn chord(&self, held: char, key: char) {
        self.keys([("keyDown", held), ("keyDown", key), ("keyUp", key), ("keyUp", held)].into_iter());
    }

    fn keys(&self, keys: impl Iterator<Item = (&'static str, char)>) {
        let actions: Vec<Value> = keys.map(|(kind, key)| json!({ "type": kind, "value": key.to_string() })).collect();
        self.must("actions", &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }));
    }

    fn must(&self, command: &str, body: &Value) -> Value {
        let path = format!("{}/{command}", self.session);
        self.ask("POST", &path, body).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// One call of the driver.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let mut stream = TcpStream::connect(self.address).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(Duration::from_secs(60))).map_err(|error| error.to_string())?;
        let body = body.to_string();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
        let answer = answered(stream).map_err(|error| error.to_string())?;
        let mut answer: Value = serde_json::from_str(&answer).map_err(|error| format!("{error} in {answer}"))?;
        let value = answer["value"].take();
        match value["error"].as_str() {
            Some(error) => Err(format!("{error}: {}", value["message"].as_str().unwrap_or_default())),
            None => Ok(value),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            // That ends the browser; what is wrong with it now interests nobody.
            let _ = self.ask("DELETE", &self.session, &json!({}));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

/// The body of an answer.
fn answered(stream: TcpStream) -> Result<String, std::io::Error> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().map_err(std::io::Error::other)?;
            }
            _ if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    String::from_utf8(body).map_err(std::io::Error::other)
}

/// An address of this machine that nobody listens at.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

/// Waits until `look` finds something, but not for ever.
pub fn until<T>(what: impl Fn() -> String, look: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "it is not so after {} s: {}", DEADLINE.as_secs(), what());
        sleep(LOOK);
    }
}
