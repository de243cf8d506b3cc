//! Requests as values: made out by a function each, sent by a [`crate::Client`], stored and sent again as they were.

mod form;
mod params;

pub mod catalog;
pub mod checkout;
pub mod customers;
pub mod events;
pub mod invoices;
pub mod meters;
pub mod payments;
pub mod portal;
pub mod schedules;
pub mod subscriptions;

pub use params::{Created, Expand, Metadata, PageOf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// What is done to what stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    Get,
    /// Creates or changes.
    Post,
    /// Ends or deletes.
    Delete,
}

impl Method {
    /// As on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// Exactly what is sent. Stored beside its idempotency key, it can be sent again byte for byte.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What is done.
    pub method: Method,
    /// The path with its query, such as `/v1/customers?limit=100`.
    pub path: String,
    /// The body: a form; empty for a read.
    pub body: String,
    /// The object whose other writes must not run beside this one, such as `sub_1`.
    pub object: Option<String>,
}

impl Request {
    /// The path without its query, which may hold what belongs in no log.
    #[must_use]
    pub fn route(&self) -> &str {
        self.path.split_once('?').map_or(self.path.as_str(), |(route, _)| route)
    }

    /// The path with `{id}` in place of ids, for metrics: there are as many of them as there are kinds of calls.
    #[must_use]
    pub fn label(&self) -> String {
        let parts = self.route().split('/').skip(1);
        parts.fold(String::new(), |label, part| label + "/" + if WORDS.contains(&part) { part } else { "{id}" })
    }

    /// The values of its query and its form.
    pub(crate) fn values(&self) -> impl Iterator<Item = String> {
        let query = self.path.split_once('?').map_or("", |(_, query)| query);
        [query, &self.body]
            .into_iter()
            .flat_map(|form| form_urlencoded::parse(form.as_bytes()))
            .map(|(_, value)| value.into_owned())
    }

    /// What makes it one that is never sent: an id of nothing or of dots would lead to another path.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let route = self.route();
        if !["/v1/", "/v2/"].iter().any(|version| route.starts_with(version)) {
            return Some("its path is none of the API");
        }
        let wrong = |part: &str| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "" | "." | "..");
        route.split('/').skip(1).any(wrong).then_some("an id in its path is empty, or nothing but dots")
    }
}

/// The values that are sent are not shown.
impl std::fmt::Debug for Request {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {}", self.method.name(), self.route())
    }
}

/// The words that paths are made of; all else in them is an id.
const WORDS: &[&str] = &[
    "active_entitlements",
    "attach",
    "billing",
    "billing_portal",
    "cancel",
    "charges",
    "checkout",
    "configurations",
    "confirm",
    "core",
    "create_preview",
    "customers",
    "detach",
    "disputes",
    "entitlements",
    "event_summaries",
    "events",
    "expire",
    "finalize",
    "invoice_payments",
    "invoiceitems",
    "invoices",
    "line_items",
    "lines",
    "mark_uncollectible",
    "meter_event_adjustments",
    "meter_events",
    "meters",
    "pause",
    "pay",
    "payment_intents",
    "payment_methods",
    "prices",
    "products",
    "refunds",
    "release",
    "resume",
    "sessions",
    "setup_intents",
    "subscription_items",
    "subscription_schedules",
    "subscriptions",
    "v1",
    "v2",
    "void",
    "webhook_endpoints",
];

/// A request, and what answers it.
pub struct Call<T> {
    request: Request,
    answers: PhantomData<fn() -> T>,
}

impl<T> Clone for Call<T> {
    fn clone(&self) -> Self {
        Self::again(self.request.clone())
    }
}

impl<T> std::fmt::Debug for Call<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.request.fmt(out)
    }
}

impl<T> Call<T> {
    /// A call stored before, to be sent as it was.
    #[must_use]
    pub const fn again(request: Request) -> Self {
        Self { request, answers: PhantomData }
    }

    /// What is sent.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.request
    }

    fn get(path: &[&str], params: &impl Serialize) -> Self {
        Self::with_query(Method::Get, path, params)
    }

    fn delete(path: &[&str], params: &impl Serialize) -> Self {
        Self::with_query(Method::Delete, path, params).of(path.last().copied())
    }

    fn post(path: &[&str], params: &impl Serialize) -> Self {
        let request = Request { method: Method::Post, path: joined(path), body: form::encode(params), object: None };
        Self::again(request)
    }

    fn with_query(method: Method, path: &[&str], params: &impl Serialize) -> Self {
        let query = form::encode(params);
        let path = joined(path);
        let path = if query.is_empty() { path } else { format!("{path}?{query}") };
        Self::again(Request { method, path, body: String::new(), object: None })
    }

    /// Says of which object it is: its writes are sent one after the other, since Stripe answers the second of two at
    /// once with a lock timeout.
    fn of(mut self, object: Option<&str>) -> Self {
        self.request.object = object.map(str::to_owned);
        self
    }
}

/// What may stand in a part of a path as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-').remove(b'.');

/// The path of `parts`. An id from outside cannot leave its part: what is no letter, digit, `_`, `-` or `.` is encoded.
fn joined(parts: &[&str]) -> String {
    let mut path = String::new();
    for part in parts {
        path.push('/');
        path.extend(utf8_percent_encode(part, PLAIN));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{Call, Method, joined};

    #[test]
    fn an_id_cannot_leave_its_part_of_the_path() {
        assert_eq!(joined(&["v1", "customers", "cus_1"]), "/v1/customers/cus_1");
        assert_eq!(joined(&["v1", "customers", "a/b?c#d&é"]), "/v1/customers/a%2Fb%3Fc%23d%26%C3%A9");
    }

    #[test]
    fn an_id_of_nothing_or_dots_makes_no_request() {
        for (id, fits) in [("cus_1", true), ("a/b", true), ("a..b", true), ("", false), (".", false), ("..", false)] {
            let call = super::customers::retrieve(id);
            assert_eq!(call.request().fault().is_none(), fits, "{id}");
        }
        for (path, fits) in [
            ("/v1/customers?email=..", true),
            ("//example.com/v1/x", false),
            ("/v1/%2E%2e/x", false),
            ("https://example.com/v1/x", false),
            ("", false),
        ] {
            let request = super::Request { method: Method::Get, path: path.into(), body: String::new(), object: None };
            assert_eq!(request.fault().is_none(), fits, "{path}");
        }
    }

    #[test]
    fn a_stored_request_is_the_one_that_was_made_out() {
        let call = super::customers::retrieve("cus_1");
        let stored = serde_json::to_string(call.request()).expect("plain");
        let again: Call<crate::objects::Customer> = Call::again(serde_json::from_str(&stored).expect("as stored"));
        assert_eq!(again.request(), call.request());
        assert_eq!((again.request().method, again.request().path.as_str()), (Method::Get, "/v1/customers/cus_1"));
    }
}
