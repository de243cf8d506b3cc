//! Requests over HTTP: faults, locks and slowness around the answer, and what the clock does meanwhile.

use super::{
    Reply, Request, answer,
    faults::{Fault, Faults},
    kept_trouble,
};
use crate::{error::ApiError, sandbox::Shared, world::Random};
use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header::AUTHORIZATION, request::Parts},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::sleep;

/// The longest body that is read.
const LONGEST_BODY: usize = 1 << 20;

/// What is going on at this moment, beside the state.
pub(crate) struct Traffic {
    inner: Mutex<Inner>,
}

struct Inner {
    faults: Faults,
    /// Objects and keys of requests that are running.
    in_use: HashSet<String>,
    /// The last requests, for the control page.
    seen: VecDeque<Seen>,
    /// For the ids of requests that never come to the state: they must take none of its chance.
    random: Random,
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
    /// None so far.
    pub fn new(seed: u64) -> Self {
        let random = Random::new(seed ^ 0x7261_6666_6963);
        let (faults, in_use, seen) = (Faults::default(), HashSet::new(), VecDeque::new());
        Self { inner: Mutex::new(Inner { faults, in_use, seen, random }) }
    }

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

    fn request_id(&self) -> String {
        self.lock().random.id("req")
    }

    /// Remembers a request that was answered at the second `at`.
    pub fn note(&self, at: i64, request: &Request, reply: &Reply) {
        let mut inner = self.lock();
        if inner.seen.len() == MOST_SEEN {
            inner.seen.pop_front();
        }
        inner.seen.push_back(Seen {
            at,
            method: request.method.clone(),
            path: request.path.clone(),
            status: reply.status,
            request_id: reply.request_id.clone().unwrap_or_default(),
        });
    }

    /// Lets a request in: the fault that is planted for it, and what it takes into use, or why that cannot be. A key is
    /// looked at first: who sends a request again while the first still runs is told so, whatever it is about.
    fn enter(self: &Arc<Self>, request: &Request) -> (Option<Fault>, Result<InUse, ApiError>) {
        let mut inner = self.lock();
        let fault = inner.faults.take(&request.method, &request.path);
        if let Some(error) = refused_by(fault, request) {
            return (fault, Err(error));
        }
        let (objects, key) = in_use(request);
        let error = if key.iter().any(|key| inner.in_use.contains(key)) {
            Some(ApiError::key_in_use(request.idempotency_key.as_deref().unwrap_or_default()))
        } else {
            objects.iter().any(|object| inner.in_use.contains(object)).then(ApiError::locked)
        };
        if let Some(error) = error {
            return (fault, Err(error));
        }
        let names = [objects, key].concat();
        inner.in_use.extend(names.iter().cloned());
        (fault, Ok(InUse { traffic: self.clone(), names }))
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
        for name in &self.names {
            inner.in_use.remove(name);
        }
    }
}

/// Answers one request of the API.
pub(crate) async fn api(shared: Arc<Shared>, parts: Parts, body: Body) -> Response<Body> {
    let (body, whole) = match to_bytes(body, LONGEST_BODY).await {
        Ok(body) => (body, true),
        Err(_) => (Bytes::new(), false),
    };
    let request = request(&parts, &body);
    let v2 = request.path.starts_with("/v2/");
    if !whole {
        let reply = early(&shared, &ApiError::too_long(), v2);
        return response(&request, noted(&shared, &request, reply));
    }
    let (fault, entered) = shared.traffic.enter(&request);
    let reply = match entered {
        Err(error) => early(&shared, &error, v2),
        Ok(_) if fault == Some(Fault::CutBefore) => return cut(),
        Ok(in_use) => {
            if let Some(Fault::Slow { ms }) = fault {
                sleep(Duration::from_millis(ms)).await;
            }
            let reply = shared.with(|world| match fault {
                Some(Fault::TroubleKept { status }) => kept_trouble(world, &request, status),
                _ => answer(world, &request),
            });
            drop(in_use);
            shared.wake();
            reply
        }
    };
    let reply = noted(&shared, &request, reply);
    match fault {
        Some(Fault::TroubleAfter { status }) => {
            let lost = Reply::refusal(&ApiError::trouble(status), v2, reply.request_id);
            response(&request, Reply { should_retry: None, ..lost })
        }
        Some(Fault::CutAfter) => cut(),
        Some(Fault::RateLimit) => {
            let mut limited = response(&request, reply);
            limited.headers_mut().insert("stripe-rate-limited-reason", HeaderValue::from_static("global-rate"));
            limited
        }
        _ => response(&request, reply),
    }
}

/// What a fault answers before anything is done.
fn refused_by(fault: Option<Fault>, request: &Request) -> Option<ApiError> {
    match fault? {
        Fault::Trouble { status: 401 } => Some(ApiError::bad_key(request.key.as_deref().unwrap_or_default())),
        Fault::Trouble { status } => Some(ApiError::trouble(status)),
        Fault::RateLimit => Some(ApiError::rate_limited()),
        Fault::Lock => Some(ApiError::locked()),
        Fault::KeyInUse => Some(ApiError::key_in_use(request.idempotency_key.as_deref().unwrap_or_default())),
        Fault::CutBefore
        | Fault::Slow { .. }
        | Fault::TroubleKept { .. }
        | Fault::TroubleAfter { .. }
        | Fault::CutAfter => None,
    }
}

/// The answer to a request that never comes to the state.
fn early(shared: &Shared, error: &ApiError, v2: bool) -> Reply {
    let reply = Reply::refusal(error, v2, Some(shared.traffic.request_id()));
    let should_retry = if reply.status >= 500 { None } else { reply.should_retry };
    Reply { should_retry, ..reply }
}

/// Lets the control page, and who writes requests down, know of an answer.
fn noted(shared: &Shared, request: &Request, reply: Reply) -> Reply {
    shared.traffic.note(shared.now(), request, &reply);
    shared.record(request, &reply);
    reply
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
    // What is not ASCII is no reason to take a key for none.
    let header =
        |name: &str| parts.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        key: key(&parts.headers),
        idempotency_key: header("idempotency-key"),
        version: header("stripe-version"),
        kind: header("content-type"),
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
