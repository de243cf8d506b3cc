//! Every parameter of every call, filled in: the names, kinds and words are those of Stripe's contract.
//!
//! The parameters are written out without `..Default::default()`, so that a new one cannot be forgotten here.

mod billing;
mod moving;
mod selling;

use crate::{
    contract::{contract, faults},
    scripted::{Act, Scripted, key},
};
use purser_stripe::{
    Call, Method, Request,
    calls::{Created, Metadata, PageOf},
};
use std::collections::BTreeSet;

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn metadata() -> Option<Metadata> {
    Some(Metadata::from([("operation".to_owned(), "op-1".to_owned()), ("gone".to_owned(), String::new())]))
}

fn created() -> Option<Created> {
    Some(Created { gte: Some(1), lt: Some(2) })
}

fn page() -> PageOf {
    PageOf { limit: Some(100), starting_after: text("obj_1"), ending_before: text("obj_2") }
}

fn request<T>(call: &Call<T>) -> Request {
    call.request().clone()
}

/// The sources of the calls: each names its operation in its description.
const CALLS: &[&str] = &[
    include_str!("../../src/calls/catalog.rs"),
    include_str!("../../src/calls/checkout.rs"),
    include_str!("../../src/calls/customers.rs"),
    include_str!("../../src/calls/events.rs"),
    include_str!("../../src/calls/invoices.rs"),
    include_str!("../../src/calls/meters.rs"),
    include_str!("../../src/calls/payments.rs"),
    include_str!("../../src/calls/portal.rs"),
    include_str!("../../src/calls/schedules.rs"),
    include_str!("../../src/calls/subscriptions.rs"),
];

fn all() -> Vec<Request> {
    [selling::all(), billing::all(), moving::all()].concat()
}

#[test]
fn no_call_is_left_out() {
    let made: BTreeSet<_> =
        all().iter().map(|request| format!("{} {}", request.method.name(), request.label())).collect();
    let lines = CALLS.iter().flat_map(|source| source.lines()).filter_map(|line| line.strip_prefix("///"));
    let described: BTreeSet<_> =
        lines.flat_map(|line| line.split('`')).filter(|text| text.contains(" /v")).map(str::to_owned).collect();
    assert_eq!(made, described, "made, and described");
    assert!(made.len() > 60, "{}", made.len());
}

#[tokio::test]
async fn every_parameter_is_one_of_stripes() {
    let requests = all();
    let contract = contract();
    let found: Vec<_> = requests.iter().flat_map(|request| faults(&contract, request)).collect();
    assert!(found.is_empty(), "{found:#?}");
    // They are sent too, so that they are written down as they go over the wire.
    let server = Scripted::new(vec![Act::reply(200, "{}"); requests.len()]).await;
    let client = server.client();
    for request in &requests {
        let call = Call::<serde_json::Value>::again(request.clone());
        let done = match request.method {
            Method::Get => client.read(&call).await,
            Method::Post | Method::Delete => client.write(&call, &key("op-1"), 1000).await,
        };
        done.expect("answered");
    }
    for (sent, request) in server.sent().iter().zip(&requests) {
        assert_eq!(sent.line, format!("{} {}", request.method.name(), request.path));
        assert_eq!(sent.body, request.body);
    }
}
