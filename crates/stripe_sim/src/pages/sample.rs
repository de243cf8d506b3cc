//! What a newcomer begins with: something that is sold, somebody who subscribes to it, and an inbox; and a checkout and a
//! portal to walk through. All of it by requests of Stripe's API, which can be read on the page of requests.

use super::{inbox, moving, notice, reply};
use crate::{
    http::{Request, answer},
    objects::{
        catalog::{Price, Product},
        customers::Customer,
        portal::Configuration,
    },
    sandbox::Shared,
    world::World,
};
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// The lookup key of the sample's monthly price.
const MONTHLY: &str = "pro_monthly";
/// The two prices: lookup key, minor units, interval.
const PRICES: &[(&str, &str, &str)] = &[(MONTHLY, "2000", "month"), ("pro_yearly", "20000", "year")];
/// For how long one who makes a sample waits until its webhooks were sent; that is much longer than it takes.
const PATIENCE: Duration = Duration::from_secs(2);
/// Where one is sent back to.
const BACK: (&str, &str) = ("/_sandbox/", "To the overview");

/// A request as a program would send it. Answers its body.
///
/// # Errors
/// What the API says.
pub(crate) fn send(shared: &Shared, method: &str, path: &str, params: &[(&str, &str)]) -> Result<Value, String> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(params);
    let (query, body) = match method {
        "POST" => (String::new(), form.finish().into_bytes()),
        _ => (form.finish(), Vec::new()),
    };
    let request = Request {
        method: method.to_owned(),
        path: format!("/v1/{path}"),
        query,
        key: Some("sk_test_sandbox".to_owned()),
        body,
        ..Request::default()
    };
    let (reply, at) = shared.with(|world| (answer(world, &request), world.now));
    shared.traffic.note(at, &request, &reply);
    shared.record(&request, &reply);
    let body: Value = serde_json::from_str(&reply.body).map_err(|error| error.to_string())?;
    match body["error"]["message"].as_str() {
        Some(message) => Err(message.to_owned()),
        None => Ok(body),
    }
}

fn ask(shared: &Shared, path: &str, params: &[(&str, &str)]) -> Result<Value, String> {
    send(shared, "POST", path, params)
}

fn id(made: &Value) -> String {
    made["id"].as_str().unwrap_or_default().to_owned()
}

/// The monthly price of the sample, if it was made.
fn monthly(world: &World) -> Option<String> {
    let price = world.all::<Price>().find(|price| price.lookup_key.as_deref() == Some(MONTHLY) && price.active)?;
    let sold = world.get::<Product>(&price.product).is_some_and(|product| product.active);
    sold.then(|| price.id.clone())
}

/// The customer who came last.
fn last_customer(world: &World) -> Option<String> {
    let there = world.all::<Customer>().rev().find(|customer| !customer.deleted);
    there.map(|customer| customer.id.clone())
}

/// `sample`, posted: everything a newcomer needs. What is there already is used; there is one more customer each time.
pub(super) async fn make(shared: &Arc<Shared>) -> Response<Body> {
    let made = receive(shared).and_then(|()| sell(shared)).and_then(|price| subscribe(shared, &price));
    shared.wake();
    match made {
        Ok(()) => {
            moving::arrived(shared, PATIENCE).await;
            reply::see(BACK.0)
        }
        Err(why) => notice::say(StatusCode::BAD_REQUEST, "The sample could not be made", &why, BACK),
    }
}

/// Sends all webhooks to the sandbox's own inbox.
///
/// # Errors
/// There are too many endpoints.
pub(super) fn receive(shared: &Shared) -> Result<(), String> {
    if shared.with(|world| inbox::is_used(world)) {
        return Ok(());
    }
    let url = shared.with(|world| inbox::url(world));
    ask(shared, "webhook_endpoints", &[("url", &url), ("enabled_events[]", "*")]).map(drop)
}

/// Something to be sold by the month and by the year, which customers can change between in the portal.
fn sell(shared: &Shared) -> Result<String, String> {
    if let Some(price) = shared.with(|world| monthly(world)) {
        return Ok(price);
    }
    let product = id(&ask(shared, "products", &[("name", "Pro")])?);
    let mut prices = Vec::new();
    for (key, amount, interval) in PRICES {
        let params = [
            ("product", product.as_str()),
            ("currency", "usd"),
            ("unit_amount", amount),
            ("recurring[interval]", interval),
            ("lookup_key", key),
            ("transfer_lookup_key", "true"),
        ];
        prices.push(id(&ask(shared, "prices", &params)?));
    }
    let can_change = [
        ("features[customer_update][enabled]", "true"),
        ("features[customer_update][allowed_updates][]", "name"),
        ("features[customer_update][allowed_updates][]", "email"),
        ("features[invoice_history][enabled]", "true"),
        ("features[payment_method_update][enabled]", "true"),
        ("features[subscription_cancel][enabled]", "true"),
        ("features[subscription_update][enabled]", "true"),
        ("features[subscription_update][default_allowed_updates][]", "price"),
        ("features[subscription_update][proration_behavior]", "always_invoice"),
        ("features[subscription_update][products][0][product]", &product),
        ("features[subscription_update][products][0][prices][0]", &prices[0]),
        ("features[subscription_update][products][0][prices][1]", &prices[1]),
        ("name", "Sample"),
    ];
    ask(shared, "billing_portal/configurations", &can_change)?;
    Ok(prices.swap_remove(0))
}

/// A customer with a card, who subscribes.
fn subscribe(shared: &Shared, price: &str) -> Result<(), String> {
    let jenny = [
        ("name", "Jenny Rosen"),
        ("email", "jenny@example.com"),
        ("payment_method", "pm_card_visa"),
        ("invoice_settings[default_payment_method]", "pm_card_visa"),
    ];
    let customer = id(&ask(shared, "customers", &jenny)?);
    ask(shared, "subscriptions", &[("customer", &customer), ("items[0][price]", price)]).map(drop)
}

/// `try/checkout`, posted: a checkout of the sample's price, by somebody new
pub(super) fn checkout(shared: &Arc<Shared>) -> Response<Body> {
    let base = shared.with(|world| world.settings.base.clone());
    let opened = sell(shared).and_then(|price| {
        let session = [
            ("mode", "subscription"),
            ("line_items[0][price]", price.as_str()),
            ("line_items[0][quantity]", "1"),
            ("success_url", &format!("{base}/_sandbox/object?id={{CHECKOUT_SESSION_ID}}")),
            ("cancel_url", &format!("{base}/")),
        ];
        ask(shared, "checkout/sessions", &session)
    });
    opened_at(shared, opened)
}

/// `try/portal`, posted: the portal of the customer the form names, else of the one who came last
pub(super) fn portal(shared: &Arc<Shared>, customer: Option<&str>) -> Response<Body> {
    let base = shared.with(|world| world.settings.base.clone());
    let Some(customer) = customer.map(str::to_owned).or_else(|| shared.with(|world| last_customer(world))) else {
        let message = "There is no customer yet whose portal could be opened: make a sample first.";
        return notice::say(StatusCode::BAD_REQUEST, "Nobody is there", message, BACK);
    };
    let own = shared.with(|world| {
        let found = world.all::<Configuration>().rev().find(|found| found.name.as_deref() == Some("Sample"));
        found.filter(|found| found.active).map(|found| found.id.clone())
    });
    let back = format!("{base}/_sandbox/object?id={customer}");
    let mut params = vec![("customer", customer.as_str()), ("return_url", &back)];
    params.extend(own.as_deref().map(|configuration| ("configuration", configuration)));
    opened_at(shared, ask(shared, "billing_portal/sessions", &params))
}

fn opened_at(shared: &Shared, opened: Result<Value, String>) -> Response<Body> {
    shared.wake();
    match opened {
        Ok(session) => reply::see(session["url"].as_str().unwrap_or_default()),
        Err(why) => notice::say(StatusCode::BAD_REQUEST, "It could not be opened", &why, BACK),
    }
}
