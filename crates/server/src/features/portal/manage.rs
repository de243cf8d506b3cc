//! The plan one pays for, what was bought, and the way to Stripe's portal: cards and invoices.

use super::{
    overview,
    reply::{self, Frame},
    shown,
    trouble::Trouble,
    visitor::{Form, Visitor},
};
use crate::{
    features::payments::{self, Purchase, State as Bought},
    platform::App,
};
use askama::Template;
use axum::{
    extract::{Request, State},
    response::Response,
};

/// How many of the last purchases are shown.
const MOST_PURCHASES: u8 = 20;

/// The page.
#[derive(Template)]
#[template(path = "manage.html")]
struct Page {
    frame: Frame,
    /// The plan that is paid for.
    plan: Option<String>,
    status: &'static str,
    next: Option<String>,
    /// Whether its end is agreed on.
    ends: bool,
    purchases: Vec<Row>,
    /// Whether there are older ones.
    more: bool,
}

/// A purchase in the list.
struct Row {
    day: String,
    what: String,
    paid: String,
    state: &'static str,
}

/// `/billing/manage`
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    let standing = overview::standing(&app, &visitor).await?;
    let pays = overview::bought(&app, &standing).await?;
    let standing = pays.as_ref().unwrap_or(&standing);
    let of = visitor.id().clone();
    let most = i64::from(MOST_PURCHASES) + 1;
    let mut bought = app.db().read(move |tx| payments::list_purchases(tx, &of, None, most)).await?;
    let more = bought.len() > usize::from(MOST_PURCHASES);
    bought.truncate(usize::from(MOST_PURCHASES));
    let zone = visitor.customer.time_zone.as_str();
    let page = Page {
        frame: Frame::of(&visitor, "/billing/manage"),
        plan: pays.as_ref().and_then(|pays| pays.plan.as_ref()).map(|plan| plan.public_name.clone()),
        status: shown::status(standing.status),
        next: overview::next(standing, zone),
        ends: standing.ends_at.is_some(),
        purchases: bought.iter().map(|purchase| row(purchase, zone)).collect(),
        more,
    };
    Ok(reply::page_leading_away(&page))
}

fn row(purchase: &Purchase, zone: &str) -> Row {
    Row {
        day: shown::day(purchase.created_at, zone),
        what: shown::amount(purchase.credits, &purchase.unit),
        paid: shown::money(purchase.amount, &purchase.currency),
        state: match purchase.state {
            Bought::Pending => "Payment on its way",
            Bought::Paid if purchase.refunded > 0 => "Paid, partly refunded",
            Bought::Paid => "Paid",
            Bought::Failed => "Payment failed",
            Bought::Refunded => "Refunded",
            Bought::Disputed => "Disputed",
        },
    }
}

/// `/billing/portal`, posted: on to Stripe's portal
pub(super) async fn portal(State(app): State<App>, visitor: Visitor, request: Request) -> Result<Response, Trouble> {
    Form::of(&app, &visitor, request).await?;
    let back = format!("{}/billing/manage", app.config().public_url());
    let url = payments::open_portal(&app, &visitor.actor, visitor.id(), Some(back)).await?;
    Ok(reply::see(&url))
}
