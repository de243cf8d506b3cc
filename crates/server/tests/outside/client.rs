//! A small blocking HTTP client that tells an answer from no answer.

use reqwest::{
    Method,
    blocking::{Client as Http, ClientBuilder, RequestBuilder},
};
use serde_json::{Value, json};
use std::time::Duration;

/// Talks to one server with one key. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: Http,
    url: String,
    key: Option<String>,
}

/// No answer came: whether the request was done is not known.
#[derive(Debug)]
pub struct Lost(#[expect(dead_code, reason = "shown when a test fails")] pub String);

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<String>,
    pub request_id: Option<String>,
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The body of an answer that must have this status.
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }

    /// `error.code`, or nothing where it is no error.
    pub fn code(&self) -> String {
        self.error("code")
    }

    /// `error.param`, or nothing.
    pub fn param(&self) -> String {
        self.error("param")
    }

    fn error(&self, field: &str) -> String {
        let body: Value = serde_json::from_str(&self.text).unwrap_or_default();
        body["error"][field].as_str().unwrap_or_default().to_owned()
    }

    /// The body without `replayed`, and what `replayed` was.
    pub fn replayed(&self) -> (Value, bool) {
        let mut body = self.json();
        let replayed = body.as_object_mut().and_then(|body| body.remove("replayed"));
        (body, replayed == Some(json!(true)))
    }
}

/// A plain client to be. The Stripe client turns on reqwest's TLS for the whole build, and that asks for a provider of
/// cryptography even where nothing is encrypted.
pub fn builder() -> ClientBuilder {
    // Somebody else may have been first; it is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Http::builder()
}

impl Client {
    /// A client of the server at `url` with `key`.
    pub fn new(url: &str, key: &str) -> Self {
        let http = builder().timeout(Duration::from_secs(60)).build().expect("a client");
        Self { http, url: url.to_owned(), key: Some(key.to_owned()) }
    }

    /// The same connections with another key, or with none.
    pub fn with_key(&self, key: Option<&str>) -> Self {
        Self { key: key.map(str::to_owned), ..self.clone() }
    }

    /// A request as `change` makes it, to a path under `/api/v1`.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        change: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, Lost> {
        self.send_root(method, &format!("/api/v1{path}"), change)
    }

    fn send_root(
        &self,
        method: &str,
        path: &str,
        change: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, Lost> {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let lost = |error: reqwest::Error| Lost(format!("{error:?}"));
        let answer = change(request).send().map_err(lost)?;
        let header = |name: &str| answer.headers().get(name).and_then(|it| it.to_str().ok()).map(str::to_owned);
        let (retry_after, request_id) = (header("retry-after"), header("request-id"));
        Ok(Answer { status: answer.status().as_u16(), retry_after, request_id, text: answer.text().map_err(lost)? })
    }

    /// GET of a path outside the API.
    pub fn get_root(&self, path: &str) -> Result<Answer, Lost> {
        self.send_root("GET", path, |request| request)
    }

    /// POST without a body to a path outside the API.
    pub fn post_root(&self, path: &str) -> Answer {
        let answer = self.send_root("POST", path, |request| request);
        answer.unwrap_or_else(|lost| panic!("POST {path}: {lost:?}"))
    }

    /// GET; no answer fails the test.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, |request| request).unwrap_or_else(|lost| panic!("GET {path}: {lost:?}"))
    }

    /// POST of JSON that may get no answer.
    pub fn try_post(&self, path: &str, body: &Value) -> Result<Answer, Lost> {
        self.send("POST", path, |request| request.json(body))
    }

    /// POST of JSON; no answer fails the test.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body).unwrap_or_else(|lost| panic!("POST {path}: {lost:?}"))
    }

    /// Gives `customer` a grant under the source id `source`.
    pub fn grant(&self, customer: &str, amount: u64, source: &str) -> Value {
        let body = json!({"amount": amount, "source_kind": "manual", "source_id": source});
        let answer = self.post(&format!("/customers/{customer}/grants"), &body);
        assert!(answer.status == 200 || answer.status == 201, "{answer:?}");
        answer.json()
    }

    /// The whole ledger of `customer`, newest first.
    pub fn ledger(&self, customer: &str) -> Vec<Value> {
        self.list(&format!("/customers/{customer}/ledger"))
    }

    /// Every item of a list, page by page.
    pub fn list(&self, path: &str) -> Vec<Value> {
        let mut items: Vec<Value> = Vec::new();
        loop {
            let after = items.last().map(|item| format!("&starting_after={}", item["id"].as_str().expect("an id")));
            let page = self.get(&format!("{path}?limit=100{}", after.unwrap_or_default())).expect(200);
            items.extend(page["data"].as_array().expect("a list").iter().cloned());
            if page["has_more"] != json!(true) {
                return items;
            }
        }
    }

    /// What `customer` can spend.
    pub fn available(&self, customer: &str) -> Value {
        self.get(&format!("/customers/{customer}/balance")).expect(200)["available"].clone()
    }
}
