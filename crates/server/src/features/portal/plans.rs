//! The plans that are sold: what each gives and costs, which one the customer has, and a button to buy it.

use super::{
    MOST_PLANS, overview,
    reply::{self, Frame},
    shown,
    trouble::Trouble,
    visitor::Visitor,
};
use crate::{
    features::{
        pricebook::{self, Plan, PlanFilter},
        subscriptions::Standing,
    },
    platform::App,
};
use askama::Template;
use axum::{extract::State, response::Response};
use purser_rules::{
    ids::PlanId,
    pricebook::{PlanKind, PriceKind},
};

/// The page.
#[derive(Template)]
#[template(path = "plans.html")]
struct Page {
    frame: Frame,
    /// Whether there is a subscription already: it is changed, and no second one bought.
    subscribed: bool,
    plans: Vec<Row>,
}

/// A plan in the list.
struct Row {
    name: String,
    gives: Option<String>,
    /// Whether it is the customer's.
    mine: bool,
    offers: Vec<Offer>,
}

/// A price of a plan.
struct Offer {
    /// At Stripe; none when it cannot be bought here.
    id: Option<String>,
    says: String,
    /// Whether the customer pays it.
    mine: bool,
}

/// `/billing/plans`
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    let standing = overview::standing(&app, &visitor).await?;
    let plans = app.db().read(|tx| pricebook::list_plans(tx, &PlanFilter::default(), MOST_PLANS)).await?;
    let mine = standing.plan.as_ref().map(|plan| plan.id);
    let paid = standing.item.as_ref().map(|item| item.price.as_str());
    let page = Page {
        frame: Frame::of(&visitor, "/billing/plans"),
        subscribed: is_subscribed(&standing),
        plans: sold(plans, mine).into_iter().map(|plan| row(&plan, mine, paid)).collect(),
    };
    Ok(reply::page_leading_away(&page))
}

/// Whether the customer has a subscription: it is changed then, and no second one is bought.
pub(super) const fn is_subscribed(standing: &Standing) -> bool {
    standing.status.is_live()
}

/// The plans that are sold, lowest first, and the one the customer has, sold or not.
fn sold(plans: Vec<Plan>, mine: Option<PlanId>) -> Vec<Plan> {
    let on_sale =
        |plan: &Plan| plan.active && !plan.legacy && plan.archived_at.is_none() && plan.kind == PlanKind::Base;
    let mut sold: Vec<Plan> = plans.into_iter().filter(|plan| on_sale(plan) || Some(plan.id) == mine).collect();
    sold.sort_by_key(|plan| (plan.rank, plan.id));
    sold
}

fn row(plan: &Plan, mine: Option<PlanId>, paid: Option<&str>) -> Row {
    let fixed = plan.prices.iter().map(|price| &price.price).filter(|price| price.kind != PriceKind::Metered);
    let offers = fixed.filter_map(|price| {
        let (id, says) = (price.stripe_price_id.clone(), shown::price(price)?);
        Some(Offer { mine: id.is_some() && id.as_deref() == paid, id, says })
    });
    Row {
        name: plan.public_name.clone(),
        gives: plan.terms.credits.as_ref().map(shown::credits),
        mine: Some(plan.id) == mine,
        offers: offers.collect(),
    }
}
