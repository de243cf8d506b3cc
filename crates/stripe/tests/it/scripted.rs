//! A server that answers each request with the next line of a script, and keeps what it was sent.

use crate::record;
use purser_stripe::{Client, Key, Limits, Secret, Settings};
use std::{
    collections::VecDeque,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Barrier,
    time::{sleep, timeout},
};

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answers.
    Reply(u16, Vec<(&'static str, String)>, String),
    /// Takes the request and hangs up.
    HangUp,
    /// Sends half of the body and hangs up.
    CutInBody,
    /// Sends a byte of the body now and then.
    Drip,
    /// Does it so much later.
    After(Duration, Box<Self>),
    /// Does it once as many requests as the barrier wants are under way.
    Meet(Arc<Barrier>, Box<Self>),
}

impl Act {
    /// An answer without headers of its own.
    pub fn reply(status: u16, body: &str) -> Self {
        Self::Reply(status, Vec::new(), body.to_owned())
    }

    /// The same with one more header.
    pub fn with(self, name: &'static str, value: &str) -> Self {
        match self {
            Self::Reply(status, mut headers, body) => {
                headers.push((name, value.to_owned()));
                Self::Reply(status, headers, body)
            }
            other => other,
        }
    }

    /// An error of Stripe's.
    pub fn error(status: u16, kind: &str, code: &str) -> Self {
        Self::reply(status, &format!(r#"{{"error":{{"type":"{kind}","code":"{code}","message":"In words."}}}}"#))
    }

    /// The same after `wait`.
    pub fn after(self, wait: Duration) -> Self {
        Self::After(wait, Box::new(self))
    }
}

/// What the server was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Method and path.
    pub line: String,
    /// All headers, with small names.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Sent {
    /// The header `name`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

/// The server.
pub struct Scripted {
    /// Where it is.
    pub base: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    script: VecDeque<Act>,
    sent: Vec<Sent>,
    /// Requests under way.
    now: usize,
    /// Most requests that were under way at once.
    most: usize,
}

impl Scripted {
    /// A server that does each of `script` in turn, and then hangs up.
    #[expect(clippy::disallowed_methods, reason = "it ends with its test")]
    pub async fn new(script: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        let state = State { script: script.into_iter().collect(), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        drop(tokio::task::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                drop(tokio::task::spawn(serve(socket, shared.clone())));
            }
        }));
        Self { base, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("not poisoned")
    }

    /// What it was sent so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.state().sent.clone()
    }

    /// The keys it was sent, in order.
    pub fn keys(&self) -> Vec<String> {
        self.sent().iter().map(|sent| sent.header("idempotency-key").unwrap_or_default().to_owned()).collect()
    }

    /// The same, as its clients see it from now on.
    pub fn seen_at(self, base: String) -> Self {
        Self { base, ..self }
    }

    /// Most requests that were under way at once.
    pub fn most_at_once(&self) -> usize {
        self.state().most
    }

    /// Goes on with `acts`.
    pub fn then(&self, acts: impl IntoIterator<Item = Act>) {
        self.state().script.extend(acts);
    }

    /// Waits until it was sent so many requests.
    pub async fn until_sent(&self, count: usize) {
        let sent = async {
            while self.sent().len() < count {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(20), sent).await.expect("it is sent");
    }

    /// A client of it that is in a hurry.
    pub fn client(&self) -> Client {
        self.client_with(hurried())
    }

    /// A client of it.
    pub fn client_with(&self, limits: Limits) -> Client {
        let key = Secret::new(SECRET).expect("not blank");
        Client::new(Settings { base: self.base.clone(), key, limits, random: Box::new(|| 0) }).expect("a client")
    }
}

/// The key of the account.
pub const SECRET: &str = "sk_test_secret";

/// Limits for tests: short pauses, and a breaker that does not get in the way.
pub fn hurried() -> Limits {
    Limits {
        first_pause: Duration::from_millis(2),
        longest_pause: Duration::from_millis(8),
        one_try: Duration::from_secs(5),
        total: Duration::from_secs(60),
        per_second: NonZeroU32::new(100_000).expect("not zero"),
        breaker_failures: 1000,
        ..Limits::default()
    }
}

/// A key that was first used at 1000.
pub fn key(text: &str) -> Key {
    Key { text: text.to_owned(), first_sent: 1000 }
}

async fn serve(mut socket: TcpStream, state: Arc<Mutex<State>>) {
    while let Some(sent) = request(&mut socket).await {
        record::sent(&sent);
        let act = {
            let mut state = state.lock().expect("not poisoned");
            state.sent.push(sent);
            state.now += 1;
            state.most = state.most.max(state.now);
            state.script.pop_front().unwrap_or(Act::HangUp)
        };
        let goes_on = perform(&mut socket, act, &state).await;
        if !goes_on {
            return;
        }
    }
}

/// Does `act`; says whether the connection goes on.
async fn perform(socket: &mut TcpStream, mut act: Act, state: &Mutex<State>) -> bool {
    loop {
        act = match act {
            Act::After(wait, then) => {
                sleep(wait).await;
                *then
            }
            Act::Meet(barrier, then) => {
                barrier.wait().await;
                *then
            }
            other => break answer(socket, other, state).await,
        };
    }
}

async fn answer(socket: &mut TcpStream, act: Act, state: &Mutex<State>) -> bool {
    // It is no more under way once the other side can know how it ended.
    state.lock().expect("not poisoned").now -= 1;
    let whole = |length: usize| format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
    match act {
        Act::Reply(status, headers, body) => {
            let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
            headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
            socket.write_all(format!("{head}\r\n{body}").as_bytes()).await.is_ok()
        }
        Act::CutInBody => {
            let _ = socket.write_all(format!("{}{{\"id\":", whole(100)).as_bytes()).await;
            false
        }
        Act::Drip => {
            let _ = socket.write_all(whole(100_000).as_bytes()).await;
            while socket.write_all(b" ").await.is_ok() {
                sleep(Duration::from_millis(10)).await;
            }
            false
        }
        _ => false,
    }
}

/// Reads one request; `None` when the other side is done.
async fn request(socket: &mut TcpStream) -> Option<Sent> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        read_more(socket, &mut bytes).await?;
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let pair = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: Vec<_> = lines.filter_map(pair).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().expect("a number"));
    while bytes.len() < head + 4 + length {
        read_more(socket, &mut bytes).await?;
    }
    let body = String::from_utf8_lossy(&bytes[head + 4..]).into_owned();
    Some(Sent { line, headers, body })
}

async fn read_more(socket: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut part = [0; 4096];
    let count = socket.read(&mut part).await.ok().filter(|count| *count > 0)?;
    bytes.extend_from_slice(&part[..count]);
    Some(())
}
