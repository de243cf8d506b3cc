//! The last requests of the API.

use super::{
    Frame,
    listing::{Cell, Listing},
};
use crate::{
    pages::{paging::Paged, shown, visit::Visit},
    sandbox::Shared,
};
use axum::{body::Body, http::Response};
use std::sync::Arc;

/// `requests`
pub(super) fn show(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let rows = shared.traffic.seen().into_iter().map(|seen| {
        vec![
            Cell::text(seen.method),
            Cell::text(seen.path),
            Cell::text(seen.status.to_string()),
            Cell::whole(shown::when(seen.at)),
            Cell::text(seen.request_id),
        ]
    });
    let rows = Paged::of(rows, visit, "page");
    let (frame, base) = shared.with(|world| (Frame::of(world, "requests"), world.settings.base.clone()));
    let listing = Listing {
        frame,
        title: "Requests".to_owned(),
        intro: "The last 200 requests of the API, the newest first.".to_owned(),
        head: vec!["Method", "Path", "Status", "When", "Request id"],
        rows,
        empty: format!("Nobody has asked anything yet. Try: curl {base}/v1/customers -u sk_test_sandbox: -X POST"),
        filter: None,
    };
    listing.page()
}
