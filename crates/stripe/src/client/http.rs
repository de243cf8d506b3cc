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
    /// Whether it is the stored answer to an earlier request.
    pub replayed: bool,
    /// The body.
    pub body: Vec<u8>,
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
        let client = reqwest::Client::builder()
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
    /// Why there is none: no connection, cut off, too slow, too long, a redirect.
    pub(super) async fn try_once(&self, request: &Request, key: Option<&str>, left: Duration) -> Result<Reply, String> {
        let limit = self.one_try.min(left);
        match timeout(limit, self.exchange(request, key)).await {
            Ok(done) => done,
            Err(_) => Err(format!("no whole answer within {} ms", limit.as_millis())),
        }
    }

    async fn exchange(&self, request: &Request, key: Option<&str>) -> Result<Reply, String> {
        let url =
            self.base.join(&request.path).map_err(|error| format!("`{}` is no path: {error}", request.route()))?;
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
        let mut answer = sent.send().await.map_err(|error| cause(&error))?;
        let text = |name: &str| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
        let mut reply = Reply {
            status: answer.status().as_u16(),
            request_id: text("request-id"),
            should_retry: text("stripe-should-retry").and_then(|text| text.parse().ok()),
            limited: text("stripe-rate-limited-reason"),
            replayed: text("idempotent-replayed").as_deref() == Some("true"),
            body: Vec::new(),
        };
        if answer.status().is_redirection() {
            return Err(format!(
                "{} is a redirect, which Stripe never sends: is something standing between?",
                reply.status
            ));
        }
        while let Some(part) = answer.chunk().await.map_err(|error| cause(&error))? {
            if reply.body.len() + part.len() > self.longest_answer {
                return Err(format!("the answer is longer than {} bytes", self.longest_answer));
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
fn address(base: &str) -> Result<Url, NotStarted> {
    let bad = || NotStarted::BadBase(base.to_owned());
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
            assert_eq!(address(base), Err(NotStarted::BadBase(base.into())), "{base}");
        }
    }
}
