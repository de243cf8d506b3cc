//! The credit packs that are sold, each with a button to buy it.

use super::{
    MOST_PLANS,
    reply::{self, Frame},
    shown,
    trouble::{self, Trouble},
    visitor::Visitor,
};
use crate::{
    features::pricebook::{self, TopUpPlan},
    platform::App,
};
use askama::Template;
use axum::{extract::State, response::Response};
use purser_rules::ids::TopUpPlanId;

/// The page.
#[derive(Template)]
#[template(path = "top_up.html")]
struct Page {
    frame: Frame,
    packs: Vec<Row>,
    /// Whether more are sold than are listed.
    more: bool,
}

/// A pack in the list.
struct Row {
    id: String,
    name: String,
    gives: String,
    price: String,
}

/// `/billing/topup`
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    let mut packs = app.db().read(|tx| pricebook::packs_on_sale(tx, i64::from(MOST_PLANS) + 1)).await?;
    let more = packs.len() > usize::from(MOST_PLANS);
    packs.truncate(usize::from(MOST_PLANS));
    packs.sort_by_key(|pack| (pack.terms.credits, pack.id));
    let frame = Frame::of(&visitor, "/billing/topup");
    let page = Page { frame, packs: packs.iter().filter_map(row).collect(), more };
    Ok(reply::page_leading_away(&page))
}

/// Refuses a pack that this page does not offer.
///
/// # Errors
/// `not_for_sale`, `unknown_top_up_plan`; what the database says.
pub(super) async fn must_offer(app: &App, pack: TopUpPlanId) -> Result<(), Trouble> {
    let found = app.db().read(move |tx| pricebook::find_top_up(tx, pack)).await?;
    row(&found).map(drop).ok_or_else(|| trouble::not_offered("pack"))
}

/// The pack as it is shown; none when it is not sold, or not for money.
fn row(pack: &TopUpPlan) -> Option<Row> {
    let price = pack.price.as_ref().filter(|price| price.stripe_price_id.is_some())?;
    let on_sale = pack.active && !pack.legacy && pack.archived_at.is_none();
    let life = pack
        .terms
        .expires_in_days
        .map_or_else(|| "they never expire".to_owned(), |days| format!("good for {days} days"));
    let credits = format!("{} {}", pack.terms.credits, pack.terms.unit.as_str());
    on_sale.then_some(Row {
        id: pack.id.to_string(),
        name: pack.public_name.clone(),
        gives: if pack.public_name == credits { shown::sentence(&life) } else { format!("{credits}, {life}") },
        price: shown::money(price.unit_amount?, price.currency.as_str()),
    })
}
