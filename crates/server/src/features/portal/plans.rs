//! The plans that are sold: what each gives and costs, which one the customer has, and a button to buy it.

use super::{
    MOST_PLANS, cancel, currency, overview,
    reply::{self, Frame},
    shown,
    trouble::{self, Trouble},
    visitor::Visitor,
};
use crate::{
    features::{
        pricebook::{self, Plan},
        subscriptions::{self, Item, Lives, Standing, Subscription},
    },
    platform::{
        App,
        db::{DbError, Tx},
        error::Error,
    },
};
use askama::Template;
use axum::{extract::State, response::Response};
use purser_rules::{
    ids::{CustomerId, PlanId},
    pricebook::{BASE_GROUP, Currency, Name, PlanKind, Price, PriceKind},
};
use std::collections::BTreeSet;

/// What is said of a price that has no single amount, or is in no book.
const AS_BILLED: &str = "As your invoices say";

/// The page.
#[derive(Template)]
#[template(path = "plans.html")]
struct Page {
    frame: Frame,
    /// Whether there is a plan that is paid for.
    subscribed: bool,
    /// The day on which it ends, if that is agreed on.
    ends: Option<String>,
    /// What it becomes, if that is agreed on; a sentence.
    later: Option<String>,
    /// The plan that stays when that is taken back.
    keep: String,
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
    /// Whether it takes the place of one: that is changed, and no second one bought.
    takes_place: bool,
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
    /// In which currency they are offered; none when nothing is sold.
    currency: Option<Currency>,
    /// What the customer pays, in words.
    pays: String,
    /// The groups of which it has a plan.
    had: BTreeSet<Name>,
}

/// `/billing/plans`
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    let standing = overview::standing(&app, &visitor).await?;
    let (bought, lives) = overview::bought_and_lives(&app, &standing).await?;
    let later = overview::later(&app, bought.as_ref()).await?;
    let mine = standing.plan.as_ref().map(|plan| plan.id);
    let paid = paid(bought.as_ref().unwrap_or(&standing));
    let own: Vec<PlanId> = mine.into_iter().chain(paid.as_ref().and_then(|paid| paid.plan)).collect();
    let price = paid.as_ref().map(|paid| paid.price.clone());
    let listed = app.db().read(move |tx| listed(tx, &standing, &lives, &own, price.as_deref())).await?;
    let own = Own { mine, paid: paid.as_ref(), listed: &listed };
    let zone = visitor.customer.time_zone.as_str();
    let now = bought.as_ref().and_then(cancel::paid_for);
    let page = Page {
        frame: Frame::of(&visitor, "/billing/plans"),
        subscribed: bought.is_some(),
        ends: bought.as_ref().and_then(|bought| bought.ends_at).map(|at| shown::day(at, zone)),
        later: later.map(|later| shown::later(&later, now, zone)),
        keep: now.map_or_else(|| "my plan".to_owned(), |plan| plan.public_name.clone()),
        plans: listed.plans.iter().filter_map(|plan| row(plan, &own)).collect(),
        more: listed.more,
    };
    Ok(reply::page_leading_away(&page))
}

/// Whether the customer has a subscription: to a plan, or to add-ons alone.
pub(super) const fn is_subscribed(standing: &Standing) -> bool {
    standing.status.is_live()
}

/// Where a plan takes the place of another.
pub(super) struct Place {
    /// `sub_…`
    pub subscription: String,
    /// The item that is replaced; none for that of the base plan.
    pub item: Option<String>,
}

/// Where the plan of a price takes the place of another; none when it is bought. Refuses a price that this page does
/// not offer, such as a metered one beside it, one of an add-on, or one in another currency.
///
/// # Errors
/// `not_for_sale`; what the database says.
pub(super) async fn must_offer(app: &App, visitor: &Visitor, price: &str) -> Result<Option<Place>, Trouble> {
    let (standing, id) = (overview::standing(app, visitor).await?, price.to_owned());
    let found = app.db().read(move |tx| {
        let Some(plan) = pricebook::plan_of_price(tx, &id, "")? else { return Ok::<_, Error>(None) };
        let on_sale = pricebook::bases_on_sale(tx, i64::from(MOST_PLANS))?;
        let currency = currency::of(tx, &standing, &on_sale)?;
        let is_it = |offer: Offer| offer.id.as_deref() == Some(id.as_str());
        if !offers(&plan, currency.as_ref()).into_iter().any(is_it) {
            return Ok(None);
        }
        let lives = subscriptions::lives(tx, &standing.customer)?;
        let Some(subscription) = changed_in(&standing, &lives, &plan.group) else { return Ok(Some(None)) };
        let item = item_of(tx, (&standing.customer, &subscription), &plan.group)?;
        Ok(Some(Some(Place { subscription, item })))
    });
    found.await?.ok_or_else(|| trouble::not_offered("price"))
}

/// That of `lives` in which a plan of `group` takes the place of another: one that gives such a plan, as a checkout sees
/// it, or the one that counts while nobody knows what it gives. Add-ons give none.
fn changed_in(standing: &Standing, lives: &Lives, group: &Name) -> Option<String> {
    one_of(standing, lives.in_group(Some(group)))
}

/// The one of `found` that counts, or the one that counts while nobody knows what it gives; else the first.
fn one_of(standing: &Standing, found: Vec<String>) -> Option<String> {
    let is_unknown = |one: &Subscription| one.plan_id.is_none() && one.items.iter().any(|item| item.plan_id.is_none());
    let counts = standing.subscription.as_ref().filter(|_| is_subscribed(standing));
    let counts = counts.filter(|one| found.contains(&one.id) || is_unknown(one)).map(|one| one.id.clone());
    counts.or_else(|| found.into_iter().next())
}

/// The item that bills the plan of `group` of a customer's subscription whose base plan is of another group; none where
/// it is the base plan that is changed.
fn item_of(tx: &mut Tx<'_>, (customer, id): (&CustomerId, &str), group: &Name) -> Result<Option<String>, Error> {
    let Some(found) = subscriptions::find(tx, customer, id)? else { return Ok(None) };
    let Some(base) = found.plan_id else { return Ok(None) };
    if pricebook::find_plan(tx, base)?.group == *group {
        return Ok(None);
    }
    let mut best: Option<&Item> = None;
    for item in &found.items {
        let Some(plan) = item.plan_id else { continue };
        let plan = pricebook::find_plan(tx, plan)?;
        let is_it = plan.kind == PlanKind::Base && plan.group == *group;
        if is_it && best.is_none_or(|best| best.metered && !item.metered) {
            best = Some(item);
        }
    }
    Ok(best.map(|item| item.id.clone()))
}

/// What the customer has by the subscription of the plan that is paid for: by that in which a plan of the group `base`
/// is changed, else by one of another group, of its `lives`. None when no plan is paid for; add-ons are none.
///
/// # Errors
/// What the database says.
pub(super) fn bought(tx: &mut Tx<'_>, standing: Standing, lives: &Lives) -> Result<Option<Standing>, DbError> {
    let base = Name::new(BASE_GROUP).map_err(|_| DbError::Bug("the base group has no name".to_owned()))?;
    let id = changed_in(&standing, lives, &base).or_else(|| one_of(&standing, lives.in_group(None)));
    let Some(id) = id else { return Ok(None) };
    if standing.subscription.as_ref().is_some_and(|one| one.id == id) {
        return Ok(Some(standing));
    }
    Ok(subscriptions::find(tx, &standing.customer, &id)?.map(|found| standing.by(found)))
}

fn paid(standing: &Standing) -> Option<Paid> {
    let item = standing.item.as_ref().filter(|_| is_subscribed(standing))?;
    let kept = standing.subscription.as_ref().and_then(|subscription| subscription.plan_id);
    Some(Paid { plan: item.plan_id.or(kept), price: item.price.clone() })
}

/// The plans that are sold, lowest first, those of the customer's `own`, sold or not, and what is said of the `price`
/// it pays.
fn listed(
    tx: &mut Tx<'_>,
    standing: &Standing,
    lives: &Lives,
    own: &[PlanId],
    price: Option<&str>,
) -> Result<Listed, Error> {
    let mut plans = pricebook::bases_on_sale(tx, i64::from(MOST_PLANS) + 1)?;
    let more = plans.len() > usize::from(MOST_PLANS);
    plans.truncate(usize::from(MOST_PLANS));
    let currency = currency::of(tx, standing, &plans)?;
    for id in own {
        if plans.iter().all(|plan| plan.id != *id) {
            plans.push(pricebook::find_plan(tx, *id)?);
        }
    }
    plans.sort_by_key(|plan| (plan.rank, plan.version, plan.id));
    let price = match price {
        Some(price) => price_of(tx, price)?,
        None => None,
    };
    let groups: BTreeSet<&Name> = plans.iter().map(|plan| &plan.group).collect();
    let is_had = |group: &&Name| changed_in(standing, lives, group).is_some();
    let had = groups.into_iter().filter(is_had).cloned().collect();
    Ok(Listed { more, currency, pays: pays(price.as_ref()), had, plans })
}

/// The price `id` of Stripe's as the book has it; none when it is in no book.
///
/// # Errors
/// What the database says.
pub(super) fn price_of(tx: &mut Tx<'_>, id: &str) -> Result<Option<Price>, DbError> {
    let seller = pricebook::plan_of_price(tx, id, "")?;
    let mut prices = seller.into_iter().flat_map(|plan| plan.prices).map(|one| one.price);
    Ok(prices.find(|price| price.stripe_price_id.as_deref() == Some(id)))
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
    listed: &'a Listed,
}

/// The plan as it is shown. What the customer pays stands at the version it has for that, and nowhere else: none for a
/// version that is sold by nothing but that price.
fn row(plan: &Plan, own: &Own<'_>) -> Option<Row> {
    let paid = own.paid.filter(|paid| paid.plan == Some(plan.id));
    let mut offers = offers(plan, own.listed.currency.as_ref());
    let offered = !offers.is_empty();
    offers.retain(|offer| offer.id.is_none() || offer.id.as_ref() != own.paid.map(|paid| &paid.price));
    if let Some(paid) = paid {
        offers.insert(0, Offer { id: Some(paid.price.clone()), says: own.listed.pays.clone(), mine: true });
    }
    if offered && offers.is_empty() {
        return None;
    }
    let nothing = if plan.prices.is_empty() {
        "Free of charge."
    } else if sold(plan).next().is_some() {
        "Not sold in your currency."
    } else {
        "Not sold here."
    };
    Some(Row {
        name: plan.public_name.clone(),
        gives: plan.terms.credits.as_ref().map(shown::credits),
        mine: Some(plan.id) == own.mine,
        takes_place: own.listed.had.contains(&plan.group),
        note: offers.is_empty().then_some(nothing),
        offers,
    })
}

/// The prices by which a plan is sold here: of a base plan on sale, those that have one amount and no meter.
pub(super) fn sold(plan: &Plan) -> impl Iterator<Item = &Price> {
    let on_sale = plan.active && !plan.legacy && plan.archived_at.is_none() && plan.kind == PlanKind::Base;
    let is_sold = move |price: &&Price| on_sale && price.kind != PriceKind::Metered && price.unit_amount.is_some();
    plan.prices.iter().map(|one| &one.price).filter(is_sold)
}

/// Those of them in this currency, as they are shown.
fn offers(plan: &Plan, currency: Option<&Currency>) -> Vec<Offer> {
    let offer = |price: &Price| {
        let says = shown::price(price)?;
        Some(Offer { id: price.stripe_price_id.clone(), says, mine: false })
    };
    sold(plan).filter(|price| Some(&price.currency) == currency).filter_map(offer).collect()
}
