//! The credit packs that are sold, each with a button to buy it.

use super::{
    MOST_PLANS,
    reply::{self, Frame},
    shown,
    trouble::Trouble,
    visitor::Visitor,
};
use crate::{
    features::pricebook::{self, TopUpFilter, TopUpPlan},
    platform::App,
};
use askama::Template;
use axum::{extract::State, response::Response};

/// The page.
#[derive(Template)]
#[template(path = "top_up.html")]
struct Page {
    frame: Frame,
    packs: Vec<Row>,
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
    let mut packs = app.db().read(|tx| pricebook::list_top_ups(tx, &TopUpFilter::default(), MOST_PLANS)).await?;
    packs.sort_by_key(|pack| (pack.terms.credits, pack.id));
    let page = Page { frame: Frame::of(&visitor, "/billing/topup"), packs: packs.iter().filter_map(row).collect() };
    Ok(reply::page_leading_away(&page))
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
