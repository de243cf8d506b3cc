//! Requests over HTTP: faults, locks and slowness around the answer, and what the clock does meanwhile.

use super::{
    Reply, Request, answer,
    faults::{Fault, Faults},
};
use crate::{error::ApiError, sandbox::Shared};
use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header::AUTHORIZATION, request::Parts},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::sleep;

/// The longest body that is read.
const LONGEST_BODY: usize = 1 << 20;

/// What is going on at this moment, beside the state.
#[derive(Default)]
pub(crate) struct Traffic {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    faults: Faults,
    /// Objects and keys of requests that are running.
    in_use: HashSet<String>,
    /// The last requests, for the control page.
    seen: std::collections::VecDeque<Seen>,
}

/// A request that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub at: i64,
    pub method: String,
    pub path: String,
    pub status: u16,
    pub request_id: String,
}

/// Requests that the control page remembers.
const MOST_SEEN: usize = 200;

impl Traffic {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The faults that are planted.
    pub fn faults(&self) -> Faults {
        self.lock().faults.clone()
    }

    /// Plants these faults in place of those there are.
    pub fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// The last requests, newest first.
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().seen.iter().rev().cloned().collect()
    }

    fn note(&self, seen: Seen) {
        let mut inner = self.lock();
        if inner.seen.len() == MOST_SEEN {
            inner.seen.pop_front();
        }
        inner.seen.push_back(seen);
    }

    /// Takes `names` into use, if none of them is.
    fn begin(self: &Arc<Self>, names: Vec<String>) -> Option<InUse> {
        let mut inner = self.lock();
        if names.iter().any(|name| inner.in_use.contains(name)) {
            return None;
        }
        inner.in_use.extend(names.iter().cloned());
        Some(InUse { traffic: self.clone(), names })
    }
}

/// Names in use, until it is dropped.
struct InUse {
    traffic: Arc<Traffic>,
    names: Vec<String>,
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut inner = self.traffic.lock();
        inner.in_use.retain(|name| !self.names.contains(name));
    }
}

/// Answers one request of the API.
pub(crate) async fn api(shared: Arc<Shared>, parts: Parts, body: Body) -> Response<Body> {
    let Ok(body) = to_bytes(body, LONGEST_BODY).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "The sandbox reads at most 1 MiB.");
    };
    let request = request(&parts, &body);
    let v2 = request.path.starts_with("/v2/");
    let fault = shared.traffic.lock().faults.take(&request.method, &request.path);
    if let Some(early) = early(&request, fault, v2) {
        return early;
    }
    let (objects, key) = in_use(&request);
    let Some(_object) = shared.traffic.begin(objects) else {
        return response(&request, Reply::refusal(&ApiError::locked(), v2, None));
    };
    let Some(_key) = shared.traffic.begin(key) else {
        let error = ApiError::key_in_use(request.idempotency_key.as_deref().unwrap_or_default());
        return response(&request, Reply::refusal(&error, v2, None));
    };
    if let Some(Fault::Slow { ms }) = fault {
        sleep(Duration::from_millis(ms)).await;
    }
    let (reply, at) = shared.with(|world| (answer(world, &request), world.now));
    shared.wake();
    shared.traffic.note(Seen {
        at,
        method: request.method.clone(),
        path: request.path.clone(),
        status: reply.status,
        request_id: reply.request_id.clone().unwrap_or_default(),
    });
    shared.record(&request, &reply);
    match fault {
        Some(Fault::TroubleAfter { status }) => {
            let lost = Reply::refusal(&ApiError::trouble(status), v2, reply.request_id);
            response(&request, Reply { should_retry: None, ..lost })
        }
        Some(Fault::CutAfter) => cut(),
        _ => response(&request, reply),
    }
}

/// What a fault answers before anything is done.
fn early(request: &Request, fault: Option<Fault>, v2: bool) -> Option<Response<Body>> {
    let error = match fault? {
        Fault::Trouble { status } => ApiError::trouble(status),
        Fault::RateLimit => {
            let mut limited = response(request, Reply::refusal(&ApiError::rate_limited(), v2, None));
            limited.headers_mut().insert("stripe-rate-limited-reason", HeaderValue::from_static("global-rate"));
            return Some(limited);
        }
        Fault::Lock => ApiError::locked(),
        Fault::KeyInUse => ApiError::key_in_use(request.idempotency_key.as_deref().unwrap_or_default()),
        Fault::CutBefore => return Some(cut()),
        Fault::Slow { .. } | Fault::TroubleAfter { .. } | Fault::CutAfter => return None,
    };
    let reply = Reply::refusal(&error, v2, None);
    let should_retry = if reply.status >= 500 { None } else { reply.should_retry };
    Some(response(request, Reply { should_retry, ..reply }))
}

/// A connection that ends before the answer does.
fn cut() -> Response<Body> {
    let broken = async { Err::<Bytes, _>(std::io::Error::other("cut on purpose")) };
    Response::new(Body::from_stream(futures_util::stream::once(broken)))
}

/// What a write takes into use: the objects in its path, and its key.
fn in_use(request: &Request) -> (Vec<String>, Vec<String>) {
    if request.method == "GET" {
        return (Vec::new(), Vec::new());
    }
    let is_id = |part: &&str| part.contains('_') && part.chars().any(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
    let objects = request.path.split('/').filter(is_id).map(str::to_owned).collect();
    let key = request.idempotency_key.iter().map(|key| format!("key {key}")).collect();
    (objects, key)
}

fn request(parts: &Parts, body: &Bytes) -> Request {
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        key: key(&parts.headers),
        idempotency_key: header("idempotency-key"),
        version: header("stripe-version"),
        body: body.to_vec(),
    }
}

/// The account's key: a bearer token, or the user name of basic authentication.
fn key(headers: &HeaderMap) -> Option<String> {
    let given = headers.get(AUTHORIZATION)?.to_str().ok()?;
    if let Some(key) = given.strip_prefix("Bearer ") {
        return Some(key.trim().to_owned());
    }
    let decoded = BASE64_STANDARD.decode(given.strip_prefix("Basic ")?.trim()).ok()?;
    Some(String::from_utf8(decoded).ok()?.split(':').next()?.to_owned())
}

fn response(request: &Request, reply: Reply) -> Response<Body> {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    set("content-type", "application/json");
    set("cache-control", "no-cache, no-store");
    set("stripe-version", crate::API_VERSION);
    if let Some(id) = &reply.request_id {
        set("request-id", id);
    }
    if let Some(key) = &request.idempotency_key {
        set("idempotency-key", key);
    }
    if let Some(original) = &reply.replayed {
        set("original-request", original);
        set("idempotent-replayed", "true");
    }
    if let Some(again) = reply.should_retry {
        set("stripe-should-retry", if again { "true" } else { "false" });
    }
    if reply.status == 401 {
        set("www-authenticate", "Bearer realm=\"Stripe\"");
    }
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}
