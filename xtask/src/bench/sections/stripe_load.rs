//! Clients of the sandbox for the bench: connections that are kept, callers that draw what to ask, an endpoint that
//! takes webhooks.

use crate::bench::record::Figures;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

/// A connection that is kept.
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    /// To the sandbox at `address`.
    pub fn open(address: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self(BufReader::with_capacity(64 * 1024, stream)))
    }

    /// Sends a request and reads the answer: status and body.
    pub fn ask(&mut self, method: &str, path: &str, form: &str) -> Result<(u16, String), String> {
        let fails = |error: std::io::Error| error.to_string();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: sandbox\r\nauthorization: Bearer sk_test_bench\r\ncontent-type: \
             application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        );
        self.0.get_mut().write_all(request.as_bytes()).map_err(fails)?;
        let (head, length) = head(&mut self.0).map_err(fails)?;
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).map_err(fails)?;
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    /// The same, which must be done; answers the id of what it is about.
    pub fn done(&mut self, method: &str, path: &str, form: &str) -> Result<String, String> {
        match self.ask(method, path, form)? {
            (200, body) => Ok(body
                .split("\"id\": \"")
                .nth(1)
                .and_then(|rest| rest.split('"').next())
                .unwrap_or_default()
                .to_owned()),
            (status, body) => Err(format!("{method} {path} {form}: {status} {body}")),
        }
    }
}

/// The first line of a message, and how long its body is.
fn head(from: &mut impl BufRead) -> std::io::Result<(String, usize)> {
    let (mut first, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == "\r\n" {
            return Ok((first, length));
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or_default();
        }
        if first.is_empty() {
            first = line;
        }
    }
}

/// What one caller counted.
#[derive(Default)]
struct Counted {
    took_us: Vec<u64>,
    refused: u64,
}

/// Lets `callers` ask for `warm_up` and then `seconds` seconds, each on its connection, one request after the other.
pub fn mix(
    address: SocketAddr,
    callers: u64,
    warm_up: u32,
    seconds: u32,
    customers: &[String],
) -> Result<Figures, String> {
    let customers: Arc<[String]> = customers.into();
    let counts_from = Instant::now() + Duration::from_secs(warm_up.into());
    let until = counts_from + Duration::from_secs(seconds.into());
    let threads: Vec<_> = (0..callers)
        .map(|caller| {
            let customers = customers.clone();
            thread::spawn(move || call(address, caller, &customers, counts_from, until))
        })
        .collect();
    let mut all = Counted::default();
    for caller in threads {
        let counted = caller.join().map_err(|_| "a caller panicked".to_owned())??;
        all.took_us.extend(counted.took_us);
        all.refused += counted.refused;
    }
    all.took_us.sort_unstable();
    let at = |percent: usize| all.took_us.get(all.took_us.len() * percent / 100).copied().unwrap_or_default();
    let per_second = all.took_us.len() as u64 / u64::from(seconds.max(1));
    let figures = [("per_second", per_second), ("p50_us", at(50)), ("p99_us", at(99)), ("refused", all.refused)];
    Ok(figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// One caller: of ten requests six read, two make, two change. One that is refused because the object is in use counts as
/// refused; any other fails the run.
fn call(
    address: SocketAddr,
    caller: u64,
    customers: &[String],
    from: Instant,
    until: Instant,
) -> Result<Counted, String> {
    let mut connection = Connection::open(address)?;
    let mut counted = Counted::default();
    let mut drawn = caller.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for turn in 0_u64.. {
        let started = Instant::now();
        if started >= until {
            break;
        }
        // Xorshift: the same requests in the same order for every run.
        drawn ^= drawn << 13;
        drawn ^= drawn >> 7;
        drawn ^= drawn << 17;
        let place = usize::try_from(drawn >> 16).unwrap_or_default() % customers.len().max(1);
        let customer = &customers[place];
        let (status, body) = match drawn % 10 {
            0..=2 => connection.ask("GET", &format!("/v1/customers/{customer}"), "")?,
            3 => connection.ask("GET", &format!("/v1/subscriptions?customer={customer}"), "")?,
            4 => connection.ask("GET", &format!("/v1/invoices?customer={customer}&limit=10"), "")?,
            5 => connection.ask("GET", "/v1/customers?limit=10", "")?,
            6 | 7 => connection.ask("POST", "/v1/customers", &format!("email=c{caller}-{turn}@example.com"))?,
            _ => connection.ask("POST", &format!("/v1/customers/{customer}"), &format!("metadata[turn]={turn}"))?,
        };
        let took = started.elapsed();
        match status {
            200 if started >= from => counted.took_us.push(u64::try_from(took.as_micros()).unwrap_or(u64::MAX)),
            200 => {}
            429 => counted.refused += u64::from(started >= from),
            status => return Err(format!("a request was answered {status}: {body}")),
        }
    }
    Ok(counted)
}

/// An endpoint that takes every webhook.
pub struct Endpoint {
    /// Its address.
    pub url: String,
    taken: Arc<AtomicU64>,
}

impl Endpoint {
    /// Listens until the program ends.
    pub fn start() -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        let url = format!("http://{}/hook", listener.local_addr().map_err(|error| error.to_string())?);
        let taken = Arc::new(AtomicU64::new(0));
        let counted = taken.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counted = counted.clone();
                thread::spawn(move || take(stream, &counted));
            }
        });
        Ok(Self { url, taken })
    }

    /// How many webhooks it took.
    pub fn taken(&self) -> u64 {
        self.taken.load(Relaxed)
    }
}

/// Takes what comes on one connection until it ends.
fn take(stream: TcpStream, taken: &AtomicU64) {
    let _ = stream.set_nodelay(true);
    let mut stream = BufReader::with_capacity(64 * 1024, stream);
    while let Ok((_, length)) = head(&mut stream) {
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        taken.fetch_add(1, Relaxed);
        if stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}
