//! The plans that are sold: what each gives and costs, which one the customer has, and a button to buy it.

use super::{
    MOST_PLANS, overview,
    reply::{self, Frame},
    shown,
    trouble::{self, Trouble},
    visitor::Visitor,
};
use crate::{
    features::{
        pricebook::{self, Plan},
        subscriptions::Standing,
    },
    platform::{App, db::Tx, error::Error},
};
use askama::Template;
use axum::{extract::State, response::Response};
use purser_rules::{
    ids::PlanId,
    pricebook::{PlanKind, Price, PriceKind},
};

/// What is said of a price that has no single amount, or is in no book.
const AS_BILLED: &str = "As your invoices say";

/// The page.
#[derive(Template)]
#[template(path = "plans.html")]
struct Page {
    frame: Frame,
    /// Whether there is a subscription already: it is changed, and no second one bought.
    subscribed: bool,
    /// The day on which the subscription ends, if that is agreed on.
    ends: Option<String>,
    plans: Vec<Row>,
    /// Whether more are sold than are listed.
    more: bool,
}

/// A plan in the list.
struct Row {
    name: String,
    gives: Option<String>,
    /// Whether it is the customer's.
    mine: bool,
    offers: Vec<Offer>,
    /// What is said where there is no offer.
    note: Option<&'static str>,
}

/// A price of a plan.
struct Offer {
    /// At Stripe; none when it cannot be bought here.
    id: Option<String>,
    says: String,
    /// Whether the customer pays it.
    mine: bool,
}

/// What the customer pays for.
struct Paid {
    /// The version it has for that; none when no price book has it.
    plan: Option<PlanId>,
    /// The price at Stripe. Another version may sell it by now.
    price: String,
}

/// What is listed.
struct Listed {
    plans: Vec<Plan>,
    /// Whether more are sold.
    more: bool,
    /// What the customer pays, in words.
    pays: String,
}

/// `/billing/plans`
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    let standing = overview::standing(&app, &visitor).await?;
    let mine = standing.plan.as_ref().map(|plan| plan.id);
    let paid = paid(&standing);
    let own: Vec<PlanId> = mine.into_iter().chain(paid.as_ref().and_then(|paid| paid.plan)).collect();
    let price = paid.as_ref().map(|paid| paid.price.clone());
    let listed = app.db().read(move |tx| listed(tx, &own, price.as_deref())).await?;
    let own = Own { mine, paid: paid.as_ref(), pays: &listed.pays };
    let ends = standing.ends_at.filter(|_| is_subscribed(&standing));
    let page = Page {
        frame: Frame::of(&visitor, "/billing/plans"),
        subscribed: is_subscribed(&standing),
        ends: ends.map(|at| shown::day(at, &visitor.customer.time_zone)),
        plans: listed.plans.iter().filter_map(|plan| row(plan, &own)).collect(),
        more: listed.more,
    };
    Ok(reply::page_leading_away(&page))
}

/// Whether the customer has a subscription: it is changed then, and no second one is bought.
pub(super) const fn is_subscribed(standing: &Standing) -> bool {
    standing.status.is_live()
}

/// Refuses a price that this page does not offer, such as a metered one beside it, or one of an add-on.
///
/// # Errors
/// `not_for_sale`; what the database says.
pub(super) async fn must_offer(app: &App, price: &str) -> Result<(), Trouble> {
    let id = price.to_owned();
    let plan = app.db().read(move |tx| pricebook::plan_of_price(tx, &id, "")).await?;
    let is_it = |offer: Offer| offer.id.as_deref() == Some(price);
    let offered = plan.is_some_and(|plan| offers(&plan).into_iter().any(is_it));
    if offered { Ok(()) } else { Err(trouble::not_offered("price")) }
}

fn paid(standing: &Standing) -> Option<Paid> {
    let item = standing.item.as_ref().filter(|_| is_subscribed(standing))?;
    let kept = standing.subscription.as_ref().and_then(|subscription| subscription.plan_id);
    Some(Paid { plan: item.plan_id.or(kept), price: item.price.clone() })
}

/// The plans that are sold, lowest first, those of the customer's `own`, sold or not, and what is said of the `price`
/// it pays.
fn listed(tx: &mut Tx<'_>, own: &[PlanId], price: Option<&str>) -> Result<Listed, Error> {
    let mut plans = pricebook::bases_on_sale(tx, i64::from(MOST_PLANS) + 1)?;
    let more = plans.len() > usize::from(MOST_PLANS);
    plans.truncate(usize::from(MOST_PLANS));
    for id in own {
        if plans.iter().all(|plan| plan.id != *id) {
            plans.push(pricebook::find_plan(tx, *id)?);
        }
    }
    plans.sort_by_key(|plan| (plan.rank, plan.version, plan.id));
    let seller = match price {
        Some(price) => pricebook::plan_of_price(tx, price, "")?,
        None => None,
    };
    let mut prices = seller.iter().flat_map(|plan| &plan.prices).map(|one| &one.price);
    let pays = pays(prices.find(|one| one.stripe_price_id.as_deref() == price));
    Ok(Listed { plans, more, pays })
}

/// What a customer pays, in words.
fn pays(price: Option<&Price>) -> String {
    match price {
        Some(price) if price.kind == PriceKind::Metered => "By what you use".to_owned(),
        Some(price) => shown::price(price).unwrap_or_else(|| AS_BILLED.to_owned()),
        None => AS_BILLED.to_owned(),
    }
}

/// What of all plans is the customer's own.
struct Own<'a> {
    /// The plan it has.
    mine: Option<PlanId>,
    paid: Option<&'a Paid>,
    /// What it pays, in words.
    pays: &'a str,
}

/// The plan as it is shown. What the customer pays stands at the version it has for that, and nowhere else: none for a
/// version that is sold by nothing but that price.
fn row(plan: &Plan, own: &Own<'_>) -> Option<Row> {
    let paid = own.paid.filter(|paid| paid.plan == Some(plan.id));
    let mut offers = offers(plan);
    let sold = !offers.is_empty();
    offers.retain(|offer| offer.id.is_none() || offer.id.as_ref() != own.paid.map(|paid| &paid.price));
    if let Some(paid) = paid {
        offers.insert(0, Offer { id: Some(paid.price.clone()), says: own.pays.to_owned(), mine: true });
    }
    if sold && offers.is_empty() {
        return None;
    }
    let nothing = if plan.prices.is_empty() { "Free of charge" } else { "Not sold here." };
    Some(Row {
        name: plan.public_name.clone(),
        gives: plan.terms.credits.as_ref().map(shown::credits),
        mine: Some(plan.id) == own.mine,
        note: offers.is_empty().then_some(nothing),
        offers,
    })
}

/// The prices by which a plan is sold here: of a base plan on sale, those that have one amount and no meter.
fn offers(plan: &Plan) -> Vec<Offer> {
    let on_sale = plan.active && !plan.legacy && plan.archived_at.is_none() && plan.kind == PlanKind::Base;
    let fixed = plan.prices.iter().map(|one| &one.price).filter(|price| on_sale && price.kind != PriceKind::Metered);
    let offer = |price: &Price| {
        let says = shown::price(price)?;
        Some(Offer { id: price.stripe_price_id.clone(), says, mine: false })
    };
    fixed.filter_map(offer).collect()
}
