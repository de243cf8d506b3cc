//! The customer's own pages: let in by a signed link, what one has, and buying more of it.
//!
//! They are HTML that works without scripts, and load nothing from elsewhere. Nothing is stored of a visit: link,
//! visit and forms carry signatures by `PURSER_SECRET`. A page decides nothing: it calls the verbs the API calls.
//!
//! # Where things are
//! - `sign`: the signatures. `enter`: links and visits. `visitor`: who is there, and the forms that are theirs.
//! - `reply`, `trouble`, `shown`: an answer made, what went wrong said, amounts and times written.
//! - `currency`: the one in which a customer is offered prices.
//! - `overview`, `plans`, `change`, `cancel`, `top_up`, `buy`, `returned`, `manage`: the pages.

pub mod api;
mod buy;
mod cancel;
mod change;
mod currency;
mod enter;
mod manage;
mod overview;
mod plans;
mod reply;
mod returned;
mod shown;
mod sign;
mod top_up;
mod trouble;
mod visitor;

pub use enter::{Link, link};

use crate::platform::App;
use axum::{
    Router,
    routing::{any, get, post},
};
use trouble::Trouble;

/// The most plans, and the most packs, that a page lists. Where more are sold it says so.
const MOST_PLANS: u16 = 200;

/// The pages, under `/billing`.
pub fn pages() -> Router<App> {
    Router::new()
        .route("/billing", get(overview::show))
        .route("/billing/", get(overview::show))
        .route("/billing/enter", get(enter::enter))
        .route("/billing/leave", post(enter::leave))
        .route("/billing/plans", get(plans::show))
        .route("/billing/topup", get(top_up::show))
        .route("/billing/manage", get(manage::show))
        .route("/billing/portal", post(manage::portal))
        .route("/billing/checkout", post(buy::open))
        .route("/billing/change", post(change::step))
        .route("/billing/cancel", get(cancel::show).post(cancel::cancel))
        .route("/billing/resume", post(cancel::resume))
        .route("/billing/return", get(returned::show))
        .route("/billing/style.css", get(reply::style))
        .route("/billing/{*rest}", any(nothing_here))
}

async fn nothing_here() -> Trouble {
    Trouble::NoPage
}
