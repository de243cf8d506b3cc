//! What the sandbox does of Stripe's API.

use super::{
    Frame,
    listing::{Cell, Listing},
};
use crate::{
    http::ROUTES,
    pages::{paging::Paged, visit::Visit},
    sandbox::Shared,
};
use axum::{body::Body, http::Response};
use std::sync::Arc;

/// `operations`
pub(super) fn show(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let rows = ROUTES.iter().map(|route| vec![Cell::text(route.method), Cell::text(route.path)]);
    let listing = Listing {
        frame: shared.with(|world| Frame::of(world, "api")),
        title: "Operations".to_owned(),
        intro: format!("What the sandbox does of Stripe's API, version {}.", crate::API_VERSION),
        head: vec!["Method", "Path"],
        rows: Paged::of(rows, visit, "page"),
        empty: String::new(),
        filter: None,
    };
    listing.page()
}
