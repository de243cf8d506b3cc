//! One request, from its bytes to its answer: key, version, address, idempotency, operation.

use super::{
    ROUTES, Route,
    form::{self, Given},
    operation,
};
use crate::{
    API_VERSION,
    error::ApiError,
    objects::meters,
    world::{Cause, Cx, Known, World},
};
use ring::digest;
use serde_json::Value;
use std::collections::BTreeMap;

/// The longest idempotency key, in characters. Source: <https://docs.stripe.com/api/idempotent_requests>
const LONGEST_KEY: usize = 255;
/// How the parameters of v1 are written.
const FORM: &str = "application/x-www-form-urlencoded";

/// A request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// `GET`, `POST` or `DELETE`.
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// The query.
    pub query: String,
    /// The account's key.
    pub key: Option<String>,
    /// The header `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// The header `Stripe-Version`.
    pub version: Option<String>,
    /// The header `Content-Type`.
    pub kind: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// `req_…`; none when there was no good key.
    pub request_id: Option<String>,
    /// Whether it is the stored answer to an earlier request.
    pub replayed: Option<String>,
    /// The header `Stripe-Should-Retry`.
    pub should_retry: Option<bool>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// A refusal.
    pub fn refusal(error: &ApiError, v2: bool, request_id: Option<String>) -> Self {
        let (status, body) = if v2 { crate::deliver::v2::refusal(error) } else { (error.status, error.body()) };
        let should_retry = error.should_retry.or_else(|| (status < 500 && status != 409).then_some(false));
        Self { status, request_id, replayed: None, should_retry, body: text(&body) }
    }
}

/// As Stripe lays out JSON.
fn text(body: &Value) -> String {
    let mut text = serde_json::to_string_pretty(body).unwrap_or_default();
    text.push('\n');
    text
}

/// Answers `request`, and does what it asks.
pub(crate) fn answer(world: &mut World, request: &Request) -> Reply {
    let v2 = request.path.starts_with("/v2/");
    if let Err(error) = authenticated(world, request) {
        return Reply::refusal(&error, v2, None);
    }
    let id = world.random.id("req");
    if let Some(error) = bad_version(request.version.as_deref()) {
        return Reply::refusal(&error, v2, Some(id));
    }
    if request.path.ends_with("/search") {
        // Else it would be taken for an id.
        let error = ApiError::not_simulated(&format!("{} {}", request.method, request.path));
        return Reply::refusal(&error, v2, Some(id));
    }
    let Some((route, path)) = found(&request.method, &request.path) else {
        let error = ApiError::unknown_url(&request.method, &request.path);
        return Reply::refusal(&error, v2, Some(id));
    };
    let given = match parameters(request, v2) {
        Ok(given) => given,
        Err(error) => return Reply::refusal(&error, v2, Some(id)),
    };
    let Some(key) = request.idempotency_key.as_deref().filter(|_| request.method == "POST") else {
        return perform(world, request, route, path, &given, &id, v2);
    };
    let length = key.chars().count();
    if !(1..=LONGEST_KEY).contains(&length) {
        return Reply::refusal(&ApiError::bad_idempotency_key(length), v2, Some(id));
    }
    let hash = hash(&given);
    if let Some(reply) = known(world, request, key, &hash, v2, &id) {
        return reply;
    }
    let reply = perform(world, request, route, path, &given, &id, v2);
    if is_kept(&reply) {
        keep(world, request, key, hash, (&reply, id));
    }
    reply
}

/// Answers `request` with trouble in place of what it asks, and keeps that for its key, unless that has an answer.
pub(crate) fn kept_trouble(world: &mut World, request: &Request, status: u16) -> Reply {
    let v2 = request.path.starts_with("/v2/");
    if let Err(error) = authenticated(world, request) {
        return Reply::refusal(&error, v2, None);
    }
    let id = world.random.id("req");
    let key = request.idempotency_key.as_deref().filter(|_| request.method == "POST");
    let new = match (key, parameters(request, v2)) {
        (Some(key), Ok(given)) => Some((key, hash(&given))),
        _ => None,
    };
    if let Some((key, hash)) = &new
        && let Some(reply) = known(world, request, key, hash, v2, &id)
    {
        return reply;
    }
    let reply = Reply::refusal(&ApiError::trouble(status), v2, Some(id.clone()));
    if let Some((key, hash)) = new {
        keep(world, request, key, hash, (&reply, id));
    }
    reply
}

/// Keeps the answer to a request, which was numbered `id`, for its key.
fn keep(world: &mut World, request: &Request, key: &str, params: String, (reply, id): (&Reply, String)) {
    let line = format!("{} {}", request.method, request.path);
    let (status, body) = (reply.status, reply.body.clone());
    let known = Known { at: world.now, line, params, status, body, request: id };
    world.answered.keep(key.to_owned(), known);
}

fn perform(
    world: &mut World,
    request: &Request,
    route: &Route,
    path: Vec<String>,
    given: &BTreeMap<String, Given>,
    id: &str,
    v2: bool,
) -> Reply {
    let cause = Cause { request: id.to_owned(), idempotency_key: request.idempotency_key.clone() };
    let mut cx = Cx::new(world, Some(cause));
    match operation::perform(&mut cx, route, path, &request.path, given) {
        Ok(body) => Reply {
            status: 200,
            request_id: Some(id.to_owned()),
            replayed: None,
            should_retry: None,
            body: text(&body),
        },
        Err(error) => {
            if !error.kept {
                cx.take_back();
            }
            Reply::refusal(&error, v2, Some(id.to_owned()))
        }
    }
}

/// Whether an answer is kept for its key: what ran is, with whatever result; what was refused before it ran is not.
fn is_kept(reply: &Reply) -> bool {
    matches!(reply.status, 200..=299 | 402 | 500..)
}

/// The first answer to a request with this key, or why the key cannot be used for this one.
fn known(world: &World, request: &Request, key: &str, hash: &str, v2: bool, id: &str) -> Option<Reply> {
    let known = world.answered.get(key, world.now)?;
    let line = format!("{} {}", request.method, request.path);
    let error = if known.line != line {
        let before = known.line.split_once(' ').map_or("", |(_, path)| path);
        Some(ApiError::other_endpoint(key, &request.path, before))
    } else if known.params != hash {
        Some(ApiError::other_parameters(key))
    } else {
        None
    };
    Some(match error {
        Some(error) => Reply::refusal(&error, v2, Some(id.to_owned())),
        None => Reply {
            status: known.status,
            request_id: Some(id.to_owned()),
            replayed: Some(known.request.clone()),
            should_retry: None,
            body: known.body.clone(),
        },
    })
}

fn hash(given: &BTreeMap<String, Given>) -> String {
    let text = Given::Inner(given.clone()).plain().to_string();
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Any test key will do: the sandbox has one account. The stream of meter events takes the token of a session.
fn authenticated(world: &World, request: &Request) -> Result<(), ApiError> {
    let key = request.key.as_deref().filter(|key| !key.is_empty()).ok_or_else(ApiError::no_key)?;
    if request.path == "/v2/billing/meter_event_stream" {
        return meters::token_is_good(world, key);
    }
    let good = ["sk_test_", "rk_test_"].iter().any(|kind| key.strip_prefix(kind).is_some_and(|rest| !rest.is_empty()));
    if good { Ok(()) } else { Err(ApiError::bad_key(key)) }
}

/// A version that is none. Other versions of Stripe's are let through, and answered in the one there is.
fn bad_version(version: Option<&str>) -> Option<ApiError> {
    let version = version.filter(|version| *version != API_VERSION)?;
    let date = version.split('.').next().unwrap_or_default();
    let is_date = date.len() == 10
        && date
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    (!is_date).then(|| ApiError::invalid(format!("Invalid Stripe API version: {version}")))
}

/// The parameters of a request: of its query, and of its form or JSON body.
fn parameters(request: &Request, v2: bool) -> Result<BTreeMap<String, Given>, ApiError> {
    let mut given = form::read(request.query.as_bytes())?;
    if request.body.is_empty() {
        return Ok(given);
    }
    if !v2 {
        let kind = request.kind.as_deref().unwrap_or_default();
        if !kind.is_empty() && !kind.to_ascii_lowercase().starts_with(FORM) {
            return Err(ApiError::not_a_form());
        }
        given.extend(form::read(&request.body)?);
        return Ok(given);
    }
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|error| ApiError::invalid(format!("The body is not JSON: {error}")))?;
    match Given::of_json(&body) {
        Given::Inner(parts) if body.is_object() => given.extend(parts),
        _ => return Err(ApiError::invalid("The body is not a JSON object.")),
    }
    Ok(given)
}

/// The operation at `path`, and the ids in it.
fn found(method: &str, path: &str) -> Option<(&'static Route, Vec<String>)> {
    ROUTES.iter().filter(|route| route.method == method).find_map(|route| Some((route, ids(route.path, path)?)))
}

/// The ids in `path`, if it is one of `template`.
fn ids(template: &str, path: &str) -> Option<Vec<String>> {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    let mut ids = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(ids),
            (Some(part), Some(id)) if part.starts_with('{') && !id.is_empty() => {
                ids.push(percent_decoded(id));
            }
            (Some(part), Some(word)) if part == word => {}
            _ => return None,
        }
    }
}

/// A part of a path without its `%` signs.
fn percent_decoded(part: &str) -> String {
    // A plus stands for itself in a path.
    let form = part.replace('+', "%2B");
    form_urlencoded::parse(form.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::{bad_version, ids, percent_decoded};

    #[test]
    fn a_path_gives_its_ids() {
        let table = [
            ("/v1/customers", "/v1/customers", Some(vec![])),
            ("/v1/customers/{id}", "/v1/customers/cus_1", Some(vec!["cus_1"])),
            ("/v1/customers/{id}", "/v1/customers/", None),
            ("/v1/customers/{id}", "/v1/customers/cus_1/x", None),
            ("/v1/invoices/{invoiceId}/lines/{id}", "/v1/invoices/in_1/lines/il_1", Some(vec!["in_1", "il_1"])),
        ];
        for (template, path, expected) in table {
            let expected = expected.map(|ids: Vec<&str>| ids.into_iter().map(str::to_owned).collect());
            assert_eq!(ids(template, path), expected, "{template} {path}");
        }
        assert_eq!(percent_decoded("a%2Fb+c"), "a/b+c");
    }

    #[test]
    fn only_what_looks_like_a_version_is_one() {
        for (version, good) in [
            ("2026-10-28.endive", true),
            ("2024-09-30.acacia", true),
            ("2020-08-27", true),
            ("not-a-real-version", false),
            ("2026", false),
            ("", false),
        ] {
            assert_eq!(bad_version(Some(version)).is_none(), good, "{version}");
        }
        assert!(bad_version(None).is_none());
    }
}
