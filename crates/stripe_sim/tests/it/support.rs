//! A sandbox that serves on a socket of its own, clients that keep their connection, and an endpoint that listens.

use purser_stripe_sim::{Clock, Sandbox, Settings};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// 2026-01-01T00:00:00Z
pub const NEW_YEAR: i64 = 1_767_225_600;
/// A day in seconds.
pub const DAY: i64 = 86_400;
/// How long anything may take: the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// What the pages of a sandbox are said to be at, whatever its port is: two runs must be the same to the byte.
pub const BASE: &str = "http://sandbox.example";

/// A sandbox that serves until it is stopped.
pub struct Stripe {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<String>>,
}

impl Stripe {
    /// A new one, in which the year 2026 begins and time stands.
    pub fn start() -> Self {
        Self::with(Settings { seed: 1, clock: Clock::Standing(NEW_YEAR), load: None, record: None })
    }

    /// One that goes on from a state.
    pub fn loading(state: &str) -> Self {
        Self::with(Settings { seed: 1, clock: Clock::Standing(0), load: Some(state.to_owned()), record: None })
    }

    fn with(settings: Settings) -> Self {
        let sandbox = Sandbox::new(settings, BASE).expect("a sandbox");
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let served = thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            let runtime = runtime.worker_threads(4).enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                tell.send(listener.local_addr().expect("its address")).expect("somebody listens");
                let state = sandbox.state();
                tokio::select! {
                    done = sandbox.serve(listener) => done.expect("a socket"),
                    _ = stopped => {}
                }
                state.dump()
            })
        });
        Self { address: told.recv().expect("an address"), stop: Some(stop), served: Some(served) }
    }

    /// Stops it, and answers its state.
    pub fn stop(mut self) -> String {
        drop(self.stop.take());
        self.served.take().expect("it runs").join().expect("it ended well")
    }

    /// A client with a connection of its own.
    pub fn client(&self) -> Client {
        let stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        Client { stream: BufReader::new(stream) }
    }

    /// Asks the control API, which must agree.
    pub fn control(&self, method: &str, path: &str, body: &str) -> Value {
        let answer = self.client().ask(method, &format!("/_sandbox/api/{path}"), &[], body.as_bytes());
        assert!(answer.status < 300, "{method} {path} {body}: {} {}", answer.status, answer.body);
        answer.json()
    }

    /// Moves the clock by so many seconds, and waits until all is done that is due.
    pub fn pass(&self, seconds: i64) {
        self.control("POST", "clock", &format!("{{\"by\":{seconds}}}"));
        until("the clock has arrived", || self.control("GET", "clock", "")["moving"] == false);
    }

    /// Its state.
    pub fn dump(&self) -> String {
        let answer = self.client().ask("GET", "/_sandbox/api/dump", &[], b"");
        assert_eq!(answer.status, 200);
        answer.body
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.body))
    }

    /// Status, type and code of a refusal.
    pub fn refusal(&self) -> (u16, String, String) {
        let body = self.json();
        let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
        (self.status, text("type"), text("code"))
    }
}

/// A client that keeps its connection.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Sends a request, and reads the answer.
    pub fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.try_ask(method, path, headers, body).unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    /// The same; `None` when the connection ends instead.
    pub fn try_ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Answer> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: sandbox\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        let stream = self.stream.get_mut();
        let sent = stream.write_all(request.as_bytes()).and_then(|()| stream.write_all(body));
        // A body that is too long is answered before it is read.
        let _ = sent;
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a length");
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).ok()?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Some(Answer { status, head, body: String::from_utf8(body).expect("text") })
    }

    /// A request of Stripe's API: the parameters stand in the query of a GET, else in the body.
    pub fn api(&mut self, method: &str, path: &str, form: &str, headers: &[(&str, &str)]) -> Answer {
        let headers = [&[("authorization", "Bearer sk_test_it")], headers].concat();
        if method == "GET" {
            let path = if form.is_empty() { path.to_owned() } else { format!("{path}?{form}") };
            return self.ask(method, &path, &headers, b"");
        }
        let headers = [&[("content-type", "application/x-www-form-urlencoded")], &headers[..]].concat();
        self.ask(method, path, &headers, form.as_bytes())
    }

    /// The same, which must be done.
    pub fn good(&mut self, method: &str, path: &str, form: &str) -> Value {
        let answer = self.api(method, path, form, &[]);
        assert_eq!(answer.status, 200, "{method} {path} {form}: {}", answer.body);
        answer.json()
    }

    /// Posts with a key.
    pub fn keyed(&mut self, path: &str, form: &str, key: &str) -> Answer {
        self.api("POST", path, form, &[("idempotency-key", key)])
    }

    /// A monthly price of twenty dollars; its id.
    pub fn price(&mut self) -> String {
        let product = id(&self.good("POST", "/v1/products", "name=Pro"));
        let form = format!("currency=usd&unit_amount=2000&product={product}&recurring[interval]=month");
        id(&self.good("POST", "/v1/prices", &form))
    }

    /// A customer who pays by this; its id.
    pub fn customer(&mut self, method: &str) -> String {
        let customer = id(&self.good("POST", "/v1/customers", "email=jenny@example.com"));
        let path = format!("/v1/payment_methods/{method}/attach");
        let method = id(&self.good("POST", &path, &format!("customer={customer}")));
        let form = format!("invoice_settings[default_payment_method]={method}");
        self.good("POST", &format!("/v1/customers/{customer}"), &form);
        customer
    }

    /// A subscription; its id.
    pub fn subscribe(&mut self, customer: &str, price: &str, more: &str) -> String {
        let form = format!("customer={customer}&items[0][price]={price}{more}");
        id(&self.good("POST", "/v1/subscriptions", &form))
    }
}

/// The id of an object.
pub fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("no id: {object}")).to_owned()
}

/// Waits for a condition.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A delivery as it came: its signature and its body.
pub type Delivered = (String, String);

/// An endpoint that keeps what it is sent, and answers as it is told to.
pub struct Endpoint {
    pub url: String,
    got: Arc<Mutex<Vec<Delivered>>>,
    status: Arc<Mutex<u16>>,
}

impl Endpoint {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("its address"));
        let (got, status) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(200)));
        let (kept, answered) = (got.clone(), status.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (kept, answered) = (kept.clone(), answered.clone());
                thread::spawn(move || listen(stream.expect("a connection"), &kept, &answered));
            }
        });
        Self { url, got, status }
    }

    /// What came so far; from now on nothing has.
    pub fn take(&self) -> Vec<Delivered> {
        std::mem::take(&mut *self.got.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The types of what came so far.
    pub fn types(&self) -> Vec<String> {
        let kind = |(_, body): &Delivered| {
            let event: Value = serde_json::from_str(body).expect("an event");
            event["type"].as_str().unwrap_or_default().to_owned()
        };
        self.got.lock().unwrap_or_else(PoisonError::into_inner).iter().map(kind).collect()
    }

    /// What it answers from now on.
    pub fn answers(&self, status: u16) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }
}

/// Takes what is sent on one connection.
fn listen(stream: TcpStream, kept: &Mutex<Vec<Delivered>>, answered: &Mutex<u16>) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut signature, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).unwrap_or_default() == 0 {
                return;
            }
            if line == "\r\n" {
                break;
            }
            match line.trim().split_once(": ") {
                Some(("stripe-signature", value)) => signature = value.to_owned(),
                Some(("content-length", value)) => length = value.parse().expect("a length"),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).expect("a body");
        let body = String::from_utf8(body).expect("text");
        kept.lock().unwrap_or_else(PoisonError::into_inner).push((signature, body));
        let status = *answered.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\n\r\n");
        stream.get_mut().write_all(answer.as_bytes()).expect("an answer");
    }
}
