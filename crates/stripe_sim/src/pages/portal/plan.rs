//! Changing the plan in the portal: what there is, what it would cost, and the change.

use super::{Stay, called, onward};
use crate::{
    error::ApiError,
    objects::{
        catalog::Price,
        portal::changes::{self, Target, Wish},
        subscriptions::Subscription,
    },
    pages::{
        act, reply,
        shown::{self, escaped, money},
        visit::Fields,
    },
    world::{Cx, World},
};
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use serde_json::Value;

/// The page of all that can be chosen.
#[derive(Template)]
#[template(path = "portal_change.html")]
struct Choose {
    home: String,
    confirm: String,
    offers: Vec<Offer>,
    /// The quantity as it is; `None` when it cannot be changed.
    quantity: Option<i64>,
}

/// Something that can be chosen.
struct Offer {
    price: String,
    name: String,
    present: bool,
}

/// The page that asks whether it is meant.
#[derive(Template)]
#[template(path = "portal_confirm.html")]
struct Confirm {
    home: String,
    before: String,
    after: String,
    /// When it counts, and what it costs.
    terms: String,
    price: String,
    quantity: String,
}

/// `change/{subscription}`
pub(super) fn choose(stay: &Stay<'_>, id: &str) -> Response<Body> {
    let Some(found) = changeable(stay, id) else { return stay.not_offered() };
    let page = stay.shared.with(|world| chooser(world, stay, &found));
    reply::page_leading_away(StatusCode::OK, &page)
}

/// The subscription, if it can be changed here.
fn changeable(stay: &Stay<'_>, id: &str) -> Option<Subscription> {
    let offered = stay.configuration.offers("subscription_update");
    stay.subscription(id).filter(|found| offered && changes::must_be_changeable(found).is_ok())
}

fn chooser(world: &World, stay: &Stay<'_>, found: &Subscription) -> Choose {
    let item = found.items_of(world).next();
    let own = item.and_then(|item| item.price_of(world));
    let others = changes::offers(world, &stay.configuration, found);
    let adjustable = |price: &Price| changes::bounds(&stay.configuration, &price.product).is_some();
    let adjusts = own.into_iter().chain(others.iter().copied()).any(adjustable);
    let offer =
        |price: &Price, present: bool| Offer { price: price.id.clone(), name: called(world, price, None), present };
    let present = own.map(|price| offer(price, true));
    Choose {
        home: stay.to("home"),
        confirm: stay.to(&format!("confirm/{}", found.id)),
        offers: present.into_iter().chain(others.iter().map(|price| offer(price, false))).collect(),
        quantity: item.and_then(|item| item.quantity).filter(|_| adjusts),
    }
}

/// Where a change is asked about, within the visit.
pub(super) fn confirm_path(subscription: &str, wish: &Wish) -> String {
    let price = wish.price.as_deref().map(escaped).unwrap_or_default();
    let quantity = wish.quantity.map(|quantity| quantity.to_string()).unwrap_or_default();
    format!("confirm/{subscription}?price={price}&quantity={quantity}")
}

/// What the form wishes for.
fn wish(form: &Fields) -> Wish {
    Wish { price: form.given("price").map(str::to_owned), quantity: form.number("quantity") }
}

/// `confirm/{subscription}`
pub(super) fn confirm(stay: &Stay<'_>, id: &str) -> Response<Body> {
    let Some(found) = changeable(stay, id) else { return stay.not_offered() };
    if stay.visit.posts() {
        let wish = wish(&stay.visit.form());
        return match act(stay.shared, |cx| changes::change(cx, &stay.configuration, id, &wish)) {
            Ok(()) => onward(stay.shared, &stay.session.id, "subscription_update"),
            Err(error) => stay.refused(&error),
        };
    }
    let wish = wish(&stay.visit.query);
    match act(stay.shared, |cx| question(cx, stay, &found, &wish)) {
        Ok(page) => reply::page_leading_away(StatusCode::OK, &page),
        Err(error) => stay.refused(&error),
    }
}

fn question(cx: &mut Cx<'_>, stay: &Stay<'_>, found: &Subscription, wish: &Wish) -> Result<Confirm, ApiError> {
    let target = changes::checked(cx.world, &stay.configuration, found, wish)?;
    let invoice = changes::invoice(cx, &stay.configuration, found, &target);
    let before = target.item.price_of(cx.world).map(|price| called(cx.world, price, target.item.quantity));
    Ok(Confirm {
        home: stay.to("home"),
        before: before.unwrap_or_default(),
        after: called(cx.world, &target.price, target.quantity),
        terms: terms(cx, &target, invoice.as_ref()),
        price: target.price.id.clone(),
        quantity: target.quantity.map(|quantity| quantity.to_string()).unwrap_or_default(),
    })
}

/// When a change counts, and what it costs.
fn terms(cx: &Cx<'_>, target: &Target, invoice: Option<&Value>) -> String {
    if target.at_period_end {
        return format!("It counts from {} on. Nothing is due now.", shown::day(target.item.current_period_end));
    }
    let Some(invoice) = invoice else { return "It counts at once.".to_owned() };
    let amount = invoice["amount_due"].as_i64().unwrap_or_default();
    let amount = money(amount, invoice["currency"].as_str().unwrap_or("usd"));
    match invoice["created"].as_i64().filter(|at| *at > cx.now()) {
        Some(at) => format!("It counts at once. The next invoice, of {}, will be {amount}.", shown::day(at)),
        None => format!("It counts at once, and {amount} is due now."),
    }
}
