//! One try: a request out, a whole answer in, within its time.

use super::{Limits, NotStarted, Settings};
use crate::{API_VERSION, Method, Request};
use reqwest::{
    Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT},
};
use rustls::{ClientConfig, RootCertStore};
use std::error::Error as _;
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::time::timeout;

/// The connections to Stripe.
pub(super) struct Http {
    client: reqwest::Client,
    base: Url,
    one_try: Duration,
    longest_answer: usize,
}

/// An answer, whatever it says.
#[derive(Debug)]
pub(super) struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Stripe's id of the request.
    pub request_id: Option<String>,
    /// The header `Stripe-Should-Retry`.
    pub should_retry: Option<bool>,
    /// Which limit was met, with 429.
    pub limited: Option<String>,
    /// How long it asks to wait, by the header `Retry-After`.
    pub retry_after: Option<Duration>,
    /// Whether it is the stored answer to an earlier request.
    pub replayed: bool,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the body went on beyond what is read.
    pub too_long: bool,
}

/// Why a try has no answer.
#[derive(Debug)]
pub(super) struct Failed {
    /// In words.
    pub why: String,
    /// What it says of Stripe.
    pub how: How,
}

/// What it says of Stripe that a try has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// There was a connection, and it was closed before the answer began. An idle connection that Stripe was just
    /// closing looks like this.
    Closed,
    /// No connection, cut off, or too slow.
    Failing,
    /// Nothing: our own deadline came before an answer had to be there.
    OurTime,
}

impl Http {
    /// Connections as `settings` say.
    pub(super) fn new(settings: &Settings) -> Result<Self, NotStarted> {
        let base = address(&settings.base)?;
        let mut key =
            HeaderValue::from_str(&format!("Bearer {}", settings.key.reveal())).map_err(|_| NotStarted::BadKey)?;
        key.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, key);
        headers.insert("stripe-version", HeaderValue::from_static(API_VERSION));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("purser/", env!("CARGO_PKG_VERSION"))));
        let mut client = reqwest::Client::builder();
        if base.scheme() == "http" {
            // A proxy of the environment would be told the key.
            client = client.no_proxy();
        }
        let client = client
            .default_headers(headers)
            .tls_backend_preconfigured(tls()?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(settings.limits.connect)
            .pool_idle_timeout(Duration::from_secs(60))
            .build()
            .map_err(|error| NotStarted::Machine(error.to_string()))?;
        let Limits { one_try, longest_answer, .. } = settings.limits;
        Ok(Self { client, base, one_try, longest_answer })
    }

    /// Sends `request` and reads the answer.
    ///
    /// # Errors
    /// Why there is none: no connection, cut off, too slow.
    pub(super) async fn try_once(&self, request: &Request, key: Option<&str>, left: Duration) -> Result<Reply, Failed> {
        let limit = self.one_try.min(left);
        let how = if limit < self.one_try { How::OurTime } else { How::Failing };
        let late = || Failed { why: format!("no whole answer within {} ms", limit.as_millis()), how };
        timeout(limit, self.exchange(request, key)).await.map_err(|_| late())?
    }

    async fn exchange(&self, request: &Request, key: Option<&str>) -> Result<Reply, Failed> {
        let failing = |why: String| Failed { why, how: How::Failing };
        let url = self.base.join(&request.path).map_err(|_| failing(format!("`{}` is no path", request.route())))?;
        let mut sent = match request.method {
            Method::Get => self.client.get(url),
            Method::Delete => self.client.delete(url),
            Method::Post => self.client.post(url).body(request.body.clone()),
        };
        if request.method == Method::Post {
            sent = sent.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if let Some(key) = key {
            sent = sent.header("idempotency-key", key);
        }
        let mut answer = sent.send().await.map_err(|error| {
            let how = if error.is_connect() { How::Failing } else { How::Closed };
            Failed { why: cause(&error), how }
        })?;
        let text = |name: &str| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
        let mut reply = Reply {
            status: answer.status().as_u16(),
            request_id: text("request-id"),
            should_retry: text("stripe-should-retry").and_then(|text| text.parse().ok()),
            limited: text("stripe-rate-limited-reason"),
            retry_after: text("retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs),
            replayed: text("idempotent-replayed").as_deref() == Some("true"),
            body: Vec::new(),
            too_long: false,
        };
        while let Some(part) = answer.chunk().await.map_err(|error| failing(cause(&error)))? {
            if reply.body.len() + part.len() > self.longest_answer {
                reply.too_long = true;
                break;
            }
            reply.body.extend_from_slice(&part);
        }
        Ok(reply)
    }
}

/// The deepest cause of `error`, without the address, whose query may hold what belongs in no log.
fn cause(error: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(deeper) = deepest.source() {
        deepest = deeper;
    }
    let what = if error.is_connect() { "no connection" } else { "cut off" };
    if error.source().is_none() { what.to_owned() } else { format!("{what}: {deepest}") }
}

/// The address of Stripe, if a key may be sent there.
pub(super) fn address(base: &str) -> Result<Url, NotStarted> {
    // What stands before an `@` may be a password.
    let bad = || NotStarted::BadBase(base.rsplit_once('@').map_or(base, |(_, host)| host).to_owned());
    let url = Url::parse(base).map_err(|_| bad())?;
    let host = url.host_str().ok_or_else(bad)?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !bare || url.password().is_some() {
        return Err(bad());
    }
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        "http" => Err(NotStarted::NoTls(base.to_owned())),
        _ => Err(bad()),
    }
}

/// TLS 1.2 and 1.3 with the roots that Mozilla trusts.
fn tls() -> Result<ClientConfig, NotStarted> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| NotStarted::Machine(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::{NotStarted, address};

    #[test]
    fn a_key_is_sent_over_tls_or_stays_on_the_machine() {
        for base in [
            "https://api.stripe.com",
            "https://api.stripe.com/",
            "http://127.0.0.1:8080",
            "http://[::1]:1",
            "http://localhost:12111",
        ] {
            assert!(address(base).is_ok(), "{base}");
        }
        for base in
            ["http://api.stripe.com", "http://10.0.0.1", "http://localhost.example.com", "http://127.0.0.1.example.com"]
        {
            assert_eq!(address(base), Err(NotStarted::NoTls(base.into())), "{base}");
        }
        for base in [
            "",
            "api.stripe.com",
            "ftp://api.stripe.com",
            "https://",
            "https://u:p@api.stripe.com",
            "https://api.stripe.com/v1",
            "https://api.stripe.com?x=1",
            "file:///etc",
        ] {
            let shown = base.rsplit('@').next().expect("one at least");
            assert_eq!(address(base), Err(NotStarted::BadBase(shown.into())), "{base}");
        }
    }
}
