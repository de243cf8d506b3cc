//! The portal's first page: plans, payment methods, and invoices.

use super::{Stay, called, path};
use crate::{
    objects::{
        customers::Customer,
        invoices::{Invoice, Status as InvoiceStatus},
        payment_methods::PaymentMethod,
        portal::changes,
        subscriptions::{Status, Subscription},
    },
    pages::{
        invoice, method,
        paging::Paged,
        reply,
        shown::{self, money},
    },
    world::World,
};
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use serde_json::Value;

/// The page.
#[derive(Template)]
#[template(path = "portal_home.html")]
struct Home {
    path: String,
    who: String,
    plans: Paged<Plan>,
    methods: Paged<Method>,
    invoices: Option<Paged<Row>>,
    may_add: bool,
    may_edit: bool,
    return_url: Option<String>,
}

/// A subscription.
struct Plan {
    id: String,
    items: Vec<String>,
    status: String,
    next: String,
    ends: bool,
    may_cancel: bool,
    may_change: bool,
}

/// Something to pay with.
struct Method {
    id: String,
    name: String,
    is_default: bool,
}

/// An invoice.
struct Row {
    href: String,
    number: String,
    day: String,
    amount: String,
    status: String,
}

/// Shows it.
pub(super) fn show(stay: &Stay<'_>) -> Response<Body> {
    let page = stay.shared.with(|world| home(world, stay));
    reply::page_leading_away(StatusCode::OK, &page)
}

fn home(world: &World, stay: &Stay<'_>) -> Home {
    let (session, configuration) = (&stay.session, &stay.configuration);
    let customer = world.get::<Customer>(&session.customer);
    let kept = |name: &str| customer.and_then(|customer| customer.kept.get(name)).and_then(Value::as_str);
    let plans =
        world.all::<Subscription>().rev().filter(|found| found.customer == session.customer && !found.is_over());
    let default = customer.and_then(|customer| customer.default_payment_method.as_deref());
    let methods =
        world.all::<PaymentMethod>().rev().filter(|method| method.customer.as_ref() == Some(&session.customer));
    let methods = methods.map(|found| Method {
        id: found.id.clone(),
        name: method::called(found),
        is_default: Some(found.id.as_str()) == default,
    });
    Home {
        path: path(&session.id),
        who: kept("name").or_else(|| kept("email")).unwrap_or(&session.customer).to_owned(),
        plans: Paged::of(plans.map(|found| plan(world, stay, found)), stay.visit, "plans"),
        methods: Paged::of(methods, stay.visit, "methods"),
        invoices: configuration.offers("invoice_history").then(|| invoices(world, stay)),
        may_add: configuration.offers("payment_method_update"),
        may_edit: configuration.offers("customer_update"),
        return_url: session.return_url.clone(),
    }
}

fn plan(world: &World, stay: &Stay<'_>, found: &Subscription) -> Plan {
    let configuration = &stay.configuration;
    let items = found.items_of(world).filter_map(|item| Some(called(world, item.price_of(world)?, item.quantity)));
    let end = found.next_end(world).map(shown::day).unwrap_or_default();
    let next = match (found.cancel_at, found.status) {
        (Some(at), _) => format!("Ends on {}.", shown::day(at)),
        (None, Status::Trialing) => format!("The trial ends on {end}."),
        (None, Status::Paused) => "Paused.".to_owned(),
        (None, _) => format!("Renews on {end}."),
    };
    let status = serde_json::to_value(found.status).unwrap_or_default();
    Plan {
        id: found.id.clone(),
        items: items.collect(),
        status: shown::word(&shown::name(&status)),
        next,
        ends: found.cancel_at.is_some(),
        may_cancel: configuration.offers("subscription_cancel"),
        may_change: configuration.offers("subscription_update") && changes::must_be_changeable(found).is_ok(),
    }
}

fn invoices(world: &World, stay: &Stay<'_>) -> Paged<Row> {
    let own = |found: &&Invoice| found.customer == stay.session.customer && found.status != InvoiceStatus::Draft;
    let rows = world.all::<Invoice>().rev().filter(own).map(|found| {
        let status = serde_json::to_value(found.status).unwrap_or_default();
        Row {
            href: invoice::path(&found.id),
            number: found.number.clone().unwrap_or_else(|| found.id.clone()),
            day: shown::day(found.created),
            amount: money(found.total(world), &found.currency),
            status: shown::name(&status),
        }
    });
    Paged::of(rows, stay.visit, "invoices")
}
