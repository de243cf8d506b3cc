//! The credit packs that are sold, each with a button to buy it.

use super::{
    MOST_PLANS, currency, overview,
    reply::{self, Frame},
    shown,
    trouble::{self, Trouble},
    visitor::Visitor,
};
use crate::{
    features::{
        pricebook::{self, TopUpPlan},
        subscriptions::Standing,
    },
    platform::{App, db::Tx, error::Error},
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
    let standing = overview::standing(&app, &visitor).await?;
    let (packs, more) = app.db().read(move |tx| offered(tx, &standing)).await?;
    let frame = Frame::of(&visitor, "/billing/topup");
    let page = Page { frame, packs: packs.iter().filter_map(row).collect(), more };
    Ok(reply::page_leading_away(&page))
}

/// Refuses a pack that this page does not offer.
///
/// # Errors
/// `not_for_sale`; what the database says.
pub(super) async fn must_offer(app: &App, visitor: &Visitor, pack: TopUpPlanId) -> Result<(), Trouble> {
    let standing = overview::standing(app, visitor).await?;
    let (packs, _) = app.db().read(move |tx| offered(tx, &standing)).await?;
    if packs.iter().any(|one| one.id == pack) { Ok(()) } else { Err(trouble::not_offered("pack")) }
}

/// The packs that are offered, the smallest first, and whether more are sold. They are in the customer's own currency,
/// else in that of the plans; if none is, in that of the smallest: what is paid once may be paid in any.
fn offered(tx: &mut Tx<'_>, standing: &Standing) -> Result<(Vec<TopUpPlan>, bool), Error> {
    let mut packs = pricebook::packs_on_sale(tx, i64::from(MOST_PLANS) + 1)?;
    let more = packs.len() > usize::from(MOST_PLANS);
    packs.truncate(usize::from(MOST_PLANS));
    packs.retain(|pack| row(pack).is_some());
    packs.sort_by_key(|pack| (pack.terms.credits, pack.id));
    let on_sale = pricebook::bases_on_sale(tx, i64::from(MOST_PLANS))?;
    let wanted = match currency::own(tx, standing)? {
        Some(own) => Some(own),
        None => currency::of(tx, standing, &on_sale)?,
    };
    let currency = |pack: &TopUpPlan| pack.price.as_ref().map(|price| price.currency.clone());
    let first = packs.iter().map(currency).next().flatten();
    let own = packs.iter().map(currency).find(|one| *one == wanted).flatten();
    let offered = own.or(first);
    packs.retain(|pack| currency(pack) == offered);
    Ok((packs, more))
}

/// The pack as it is shown; none when it is not sold, or not for money.
fn row(pack: &TopUpPlan) -> Option<Row> {
    let price = pack.price.as_ref().filter(|price| price.stripe_price_id.is_some())?;
    let on_sale = pack.active && !pack.legacy && pack.archived_at.is_none();
    let life = shown::life(pack.terms.expires_in_days);
    let credits = shown::amount(pack.terms.credits, &pack.terms.unit);
    let is_named_so = pack.public_name.replace(',', "") == credits.replace(',', "");
    on_sale.then_some(Row {
        id: pack.id.to_string(),
        name: pack.public_name.clone(),
        gives: if is_named_so { shown::sentence(&life) } else { format!("{credits}, {life}") },
        price: shown::money(price.unit_amount?, price.currency.as_str()),
    })
}
