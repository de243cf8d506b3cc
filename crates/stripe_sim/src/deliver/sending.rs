//! Sending: the only part of deliveries that knows a network.

use super::Outgoing;
use std::{sync::Arc, time::Duration};

/// The longest a try may take, from connecting to the end of the answer. Stripe does not say how long it waits.
const LONGEST: Duration = Duration::from_secs(10);
/// The most that is read of an answer, in bytes; only its status counts.
const MOST_READ: usize = 64 * 1024;
/// The most that is kept of an answer, in bytes, for people who look at it.
const MOST_KEPT: usize = 4 * 1024;

/// What every delivery carries beside its signature.
pub(crate) const HEADERS: [(&str, &str); 4] = [
    ("Accept", "*/*; q=0.5, application/xml"),
    ("Cache-Control", "no-cache"),
    ("Content-Type", "application/json; charset=utf-8"),
    ("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)"),
];

/// What an endpoint answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    /// The status.
    pub status: u16,
    /// How the body begins.
    pub body: String,
}

/// What deliveries are sent with.
#[derive(Clone, Debug)]
pub(crate) struct Http(reqwest::Client);

impl Http {
    /// Follows no redirects and uses no proxy.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("webhooks cannot be sent: {error}"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(LONGEST)
            .build();
        client.map(Self).map_err(|error| format!("webhooks cannot be sent: {}", said(&error)))
    }
}

/// Sends a delivery once and answers what the endpoint did, whatever it is.
///
/// # Errors
/// Why there was no answer.
pub(crate) async fn send(http: &Http, outgoing: &Outgoing) -> Result<Answered, String> {
    let request = http.0.post(outgoing.url.as_str()).header("Stripe-Signature", outgoing.signature.as_str());
    let request = HEADERS.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let request = request.body(outgoing.body.clone());
    let mut answer = request.send().await.map_err(|error| said(&error))?;
    let status = answer.status().as_u16();
    // A connection can be used again once its answer was read.
    let (mut left, mut kept) = (MOST_READ, Vec::new());
    while let Ok(Some(part)) = answer.chunk().await {
        let room = MOST_KEPT.saturating_sub(kept.len()).min(part.len());
        kept.extend_from_slice(&part[..room]);
        left = left.saturating_sub(part.len());
        if left == 0 {
            break;
        }
    }
    Ok(Answered { status, body: String::from_utf8_lossy(&kept).into_owned() })
}

/// What an error says: the deepest of its causes, which is what went wrong.
fn said(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} seconds", LONGEST.as_secs());
    }
    let mut deepest: &dyn std::error::Error = error;
    while let Some(deeper) = deepest.source() {
        deepest = deeper;
    }
    deepest.to_string()
}

#[cfg(test)]
mod tests {
    use super::{Answered, Http, Outgoing, send};
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        thread::JoinHandle,
    };

    const BODY: &str = "{\n  \"id\": \"evt_1\"\n}";

    /// A server that answers one request with `answer`, and then what it was sent.
    fn serving(answer: &'static str) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("its address"));
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let (mut seen, mut part) = (Vec::new(), [0_u8; 1024]);
            while !seen.ends_with(BODY.as_bytes()) {
                let count = stream.read(&mut part).expect("a request");
                assert_ne!(count, 0, "the request ended early");
                seen.extend_from_slice(&part[..count]);
            }
            stream.write_all(answer.as_bytes()).expect("an answer");
            String::from_utf8_lossy(&seen).into_owned()
        });
        (url, served)
    }

    fn sent(url: &str) -> Result<Answered, String> {
        let outgoing = Outgoing {
            delivery: "dlv_1".into(),
            event: "evt_1".into(),
            kind: "invoice.paid".into(),
            endpoint: "we_1".into(),
            at: 1,
            url: url.to_owned(),
            body: BODY.into(),
            signature: "t=1,v1=ab".into(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async { send(&Http::new().expect("a client"), &outgoing).await })
    }

    #[test]
    fn the_body_and_its_signature_arrive() {
        let (url, served) = serving("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
        assert_eq!(sent(&url), Ok(Answered { status: 200, body: "ok".into() }));
        let seen = served.join().expect("a request");
        let head = seen.to_ascii_lowercase();
        assert!(head.starts_with("post /hook http/1.1\r\n"), "{seen}");
        for line in ["stripe-signature: t=1,v1=ab\r\n", "content-type: application/json; charset=utf-8\r\n"] {
            assert!(head.contains(line), "{line} {seen}");
        }
        assert!(seen.ends_with(BODY), "{seen}");
    }

    #[test]
    fn a_redirect_is_answered_not_followed() {
        let (url, served) = serving(
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        );
        assert_eq!(sent(&url).map(|answered| answered.status), Ok(302));
        served.join().expect("a request");
    }

    #[test]
    fn nobody_there_is_an_error() {
        // A port that was free a moment ago.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        drop(listener);
        let error = sent(&format!("http://{address}/hook")).expect_err("nobody");
        assert!(error.contains("Connection refused"), "{error}");
    }
}
