//! The bench over HTTP: a caller's keep-alive connection, its requests put together by hand to cost little.

use super::{
    answers,
    ask::{Capture, Gift, Said, Spend, Standing},
    events::Event,
};
use crate::config::Secret;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Uri,
    body::Bytes,
    client::conn::http1::{self, Connection, SendRequest},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use purser_rules::{Amount, ids::CustomerId};
use std::{fmt::Write as _, pin::Pin, time::Duration};
use tokio::net::TcpStream;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a caller that found no server waits before it knocks again.
const PAUSE: Duration = Duration::from_millis(100);

/// A server as it stands in `--url`, and the key it is asked with.
#[derive(Clone, Debug)]
pub(super) struct Server {
    address: String,
    host: HeaderValue,
    key: HeaderValue,
}

impl Server {
    /// The server at `url`: `http://HOST:PORT`.
    pub(super) fn new(url: &str, key: &Secret) -> Result<Self, String> {
        let wrong = || format!("--url {url} must be like http://127.0.0.1:8080: plain HTTP, without a path.");
        let parsed: Uri = url.parse().map_err(|_| wrong())?;
        let plain = parsed.scheme_str() == Some("http") && parsed.path() == "/" && parsed.query().is_none();
        let authority = parsed.authority().filter(|_| plain).ok_or_else(wrong)?;
        let mut value = HeaderValue::try_from(format!("Bearer {}", key.reveal()))
            .map_err(|_| "PURSER_BENCH_KEY is no API key.".to_owned())?;
        value.set_sensitive(true);
        Ok(Self {
            address: format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80)),
            host: HeaderValue::try_from(authority.as_str()).map_err(|_| wrong())?,
            key: value,
        })
    }
}

/// One caller's connection; made when it is needed, and again when it was lost.
pub(super) struct Link {
    server: Server,
    wire: Option<Wire>,
    body: String,
    /// What the next request is signed with.
    signature: Option<HeaderValue>,
}

/// A connection and the half that speaks over it. Driven by the caller's own task: no second task to wake.
struct Wire {
    sender: SendRequest<Full<Bytes>>,
    connection: Pin<Box<Connection<TokioIo<TcpStream>, Full<Bytes>>>>,
}

impl Link {
    /// A connection to `server`, not made yet.
    pub(super) fn new(server: Server) -> Self {
        Self { server, wire: None, body: String::new(), signature: None }
    }

    /// Spends.
    pub(super) async fn spend(&mut self, spend: &Spend) -> Said {
        self.write_item(spend);
        let answer = self.post("/api/v1/consume").await;
        one(answer, "consumed", spend.amount)
    }

    /// Spends many in one call.
    pub(super) async fn batch(&mut self, spends: &[Spend]) -> Vec<Said> {
        self.body.push_str("{\"items\":[");
        for (at, spend) in spends.iter().enumerate() {
            self.body.push_str(if at > 0 { "," } else { "" });
            self.write_item(spend);
        }
        self.body.push_str("]}");
        match self.post("/api/v1/consume/batch").await {
            Ok((status, body)) => answers::read_batch(status, text(&body), spends.iter().map(|spend| spend.amount)),
            Err(why) => vec![Said::Failed(why)],
        }
    }

    /// Sets aside.
    pub(super) async fn hold(&mut self, spend: &Spend) -> Said {
        self.write_item(spend);
        let answer = self.post("/api/v1/holds").await;
        one(answer, "amount", spend.amount)
    }

    /// Captures.
    pub(super) async fn capture(&mut self, capture: &Capture) -> Said {
        let Capture { hold, amount, key } = capture;
        self.put(format_args!("{{\"amount\":{amount},\"idempotency_key\":\"{key}\"}}"));
        let answer = self.post(&format!("/api/v1/holds/{hold}/capture")).await;
        one(answer, "consumed", *amount)
    }

    /// Reads a balance.
    pub(super) async fn balance(&mut self, customer: &CustomerId) -> Said {
        read(self.get_balance(customer).await, "available")
    }

    /// Checks a spend.
    pub(super) async fn check(&mut self, spend: &Spend) -> Said {
        let (customer, amount) = (spend.customer.as_str(), spend.amount);
        self.put(format_args!("{{\"customer_id\":\"{customer}\",\"amount\":{amount}}}"));
        read(self.post("/api/v1/check").await, "allowed")
    }

    /// Sends an event in, as Stripe would.
    pub(super) async fn event(&mut self, event: Event) -> Said {
        let Ok(signature) = HeaderValue::try_from(event.signature) else { return Said::Failed("no signature".into()) };
        (self.body, self.signature) = (event.body, Some(signature));
        read(self.post("/api/webhooks/stripe").await, "received")
    }

    /// How a wallet stands.
    pub(super) async fn standing(&mut self, customer: &CustomerId) -> Result<Option<Standing>, String> {
        let (status, body) = self.get_balance(customer).await?;
        if status == 404 && text(&body).contains("\"unknown_customer\"") {
            return Ok(None);
        }
        let wrong = || format!("the balance of {} was answered with {status}", customer.as_str());
        let balance: Balance = serde_json::from_slice(&body).map_err(|_| wrong())?;
        let amount = |raw: &serde_json::value::RawValue| Amount::parse(raw.get()).map_err(|_| wrong());
        let grants = u64::try_from(balance.grants.len()).unwrap_or(u64::MAX);
        Ok(Some(Standing { available: amount(balance.available)?, held: amount(balance.held)?, grants }))
    }

    /// Gives grants, one a call.
    pub(super) async fn give(&mut self, gifts: &[Gift]) -> Result<(), String> {
        for gift in gifts {
            let Gift { customer, amount, kind, source, expires_at } = gift;
            let kind = kind.as_str();
            self.put(format_args!("{{\"amount\":{amount},\"source_kind\":\"{kind}\",\"source_id\":\"{source}\""));
            if let Some(at) = expires_at {
                self.put(format_args!(",\"expires_at\":\"{at}\""));
            }
            self.body.push('}');
            let path = format!("/api/v1/customers/{}/grants", customer.as_str());
            match one(self.post(&path).await, "granted", *amount) {
                Said::Done { .. } => {}
                Said::Refused(code) => return Err(format!("A grant of {amount} was refused: {code}.")),
                Said::Failed(why) => return Err(format!("A grant of {amount} failed: {why}")),
            }
        }
        Ok(())
    }

    /// Puts a spend into the body.
    fn write_item(&mut self, spend: &Spend) {
        let Spend { customer, amount, key } = spend;
        let customer = customer.as_str();
        self.put(format_args!("{{\"customer_id\":\"{customer}\",\"amount\":{amount},\"idempotency_key\":\"{key}\"}}"));
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        let _into_a_string = self.body.write_fmt(text);
    }

    async fn get_balance(&mut self, customer: &CustomerId) -> Result<(u16, Bytes), String> {
        self.ask(Method::GET, &format!("/api/v1/customers/{}/balance", customer.as_str())).await
    }

    async fn post(&mut self, path: &str) -> Result<(u16, Bytes), String> {
        self.ask(Method::POST, path).await
    }

    /// Sends one request with the body that was put together, and reads the whole answer.
    async fn ask(&mut self, method: Method, path: &str) -> Result<(u16, Bytes), String> {
        let body = Full::new(Bytes::copy_from_slice(self.body.as_bytes()));
        self.body.clear();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.server.host.clone())
            .header(AUTHORIZATION, self.server.key.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(signature) = self.signature.take() {
            request = request.header("stripe-signature", signature);
        }
        let request = request.body(body).map_err(|error| error.to_string())?;
        let asked = tokio::time::timeout(PATIENCE, self.exchange(request)).await;
        let answer = asked.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())));
        if answer.is_err() {
            // Not every caller at once, and not as fast as a machine can knock.
            tokio::time::sleep(PAUSE).await;
        }
        answer
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<(u16, Bytes), String> {
        // Out of its place while it is used: if this is given up half way, the connection goes with it.
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => connect(&self.server).await?,
        };
        let answer = wire.exchange(request).await.map_err(|error| format!("the connection was lost: {error}"))?;
        self.wire = Some(wire);
        Ok(answer)
    }
}

impl Wire {
    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<(u16, Bytes), hyper::Error> {
        let Self { sender, connection } = self;
        let exchange = async {
            sender.ready().await?;
            let answer = sender.send_request(request).await?;
            let status = answer.status().as_u16();
            Ok((status, answer.into_body().collect().await?.to_bytes()))
        };
        tokio::pin!(exchange);
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            // It ended: what it left for us is all there is.
            _ended = connection => exchange.await,
        }
    }
}

async fn connect(server: &Server) -> Result<Wire, String> {
    let address = &server.address;
    let unreachable = |error: std::io::Error| format!("{address} cannot be reached: {error}");
    let stream = TcpStream::connect(address).await.map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    Ok(Wire { sender, connection: Box::pin(connection) })
}

/// What is read of a balance once the load is over.
#[derive(serde::Deserialize)]
struct Balance<'a> {
    #[serde(borrow)]
    available: &'a serde_json::value::RawValue,
    #[serde(borrow)]
    held: &'a serde_json::value::RawValue,
    grants: Vec<serde::de::IgnoredAny>,
}

fn one(answer: Result<(u16, Bytes), String>, field: &str, amount: Amount) -> Said {
    match answer {
        Ok((status, body)) => answers::read(status, text(&body), field, amount),
        Err(why) => Said::Failed(why),
    }
}

fn read(answer: Result<(u16, Bytes), String>, name: &str) -> Said {
    match answer {
        Ok((status, body)) => answers::read_only(status, text(&body), name),
        Err(why) => Said::Failed(why),
    }
}

/// A body as text; one that is none has nothing in it that is looked for.
fn text(body: &Bytes) -> &str {
    std::str::from_utf8(body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_urls_without_a_path_are_taken() {
        let key = Secret::new("k");
        let server = Server::new("http://localhost:8080", &key).expect("a URL");
        assert_eq!((server.address.as_str(), server.host.as_bytes()), ("localhost:8080", &b"localhost:8080"[..]));
        assert_eq!(Server::new("http://h", &key).expect("a URL").address, "h:80");
        for wrong in ["https://h", "h:80", "http://h/api", "http://h/?a", ""] {
            assert!(Server::new(wrong, &key).is_err(), "{wrong}");
        }
    }
}
