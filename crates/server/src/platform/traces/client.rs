//! How spans reach the collector: HTTP/1.1 with the server's own hyper, TLS by rustls and ring.

use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use std::{future::Future, pin::Pin, time::Duration};

/// How long a collector may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// The most bytes of an answer that are read: collectors say little.
const MOST_BYTES: usize = 64 * 1024;

/// Talks to the collector.
#[derive(Debug)]
pub(super) struct Collector(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Collector {
    /// A client that trusts the web's certificate authorities.
    pub(super) fn new() -> Result<Self, String> {
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(|error| format!("TLS cannot be set up: {error}"))?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }
}

impl HttpClient for Collector {
    fn send_bytes<'life0, 'async_trait>(
        &'life0 self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let whole = async {
                let (head, body) = self.0.request(request.map(Full::new)).await?.into_parts();
                let body = Limited::new(body, MOST_BYTES).collect().await?.to_bytes();
                Ok(Response::from_parts(head, body))
            };
            tokio::time::timeout(ANSWER_WITHIN, whole).await?
        })
    }
}
