//! Credits of paid periods and of trials on both databases, against a real sandbox: given once, and taken back.

mod access;
mod again;
mod calendar;
mod changes;
mod given;
mod lowered;
mod money;
mod sent;
mod trial;
mod two;
mod unmapped;

use super::Stage;
use crate::{inbox::send, world::Kind};
use purser::features::credits;
use purser_stripe::{
    calls::{PageOf, catalog, events, invoices, payments, subscriptions as calls},
    objects::{Interval, ProrationBehavior, Subscription},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Seconds in an hour and in a day.
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
/// How the kinds of events begin that tell of refunds.
const REFUNDS: &[&str] = &["refund.", "charge.refunded"];

/// A stage on which acme has bought a month of a plan of so many credits, and nobody told; who pays, the price and the
/// subscription.
async fn subscribed(kind: Kind, credits: i64, more: Value) -> (Stage, String, String, Subscription) {
    let stage = Stage::new(kind).await;
    let customer = stage.customer("acme").await;
    let price = plan(&stage, "pro", (10, credits, 2000), more).await;
    let made = stage.subscribe(&customer, &[&price]).await;
    (stage, customer, price, made)
}

/// The same, all of it told.
async fn bought(kind: Kind, credits: i64, more: Value) -> (Stage, String, String, Subscription) {
    let (stage, customer, price, made) = subscribed(kind, credits, more).await;
    stage.tell_all(&made.id).await;
    (stage, customer, price, made)
}

/// A stage on which acme has bought a year of a plan of 100 credits a month, all of it told; who pays, and the
/// subscription.
async fn bought_year(kind: Kind) -> (Stage, String, Subscription) {
    let stage = Stage::new(kind).await;
    let customer = stage.customer("acme").await;
    let price = yearly(&stage, 20_000).await;
    plan_of(&stage, "pro", (10, 100), json!([known(&price, 20_000, "year")]), json!({})).await;
    let made = stage.subscribe(&customer, &[&price]).await;
    stage.tell_all(&made.id).await;
    (stage, customer, made)
}

/// A plan that gives so many credits per billing period, sold at a monthly price of so many cents; its price.
async fn plan(stage: &Stage, family: &str, (rank, credits, cents): (u32, i64, i64), more: Value) -> String {
    let price = stage.price(cents).await;
    plan_of(stage, family, (rank, credits), json!([known(&price, cents, "month")]), more).await;
    price
}

/// A price of a plan, as the price book takes it.
fn known(price: &str, cents: i64, interval: &str) -> Value {
    json!({ "stripe_price_id": price, "currency": "usd", "unit_amount": cents, "interval": interval })
}

/// The same of prices that are there.
async fn plan_of(stage: &Stage, family: &str, (rank, credits): (u32, i64), prices: Value, more: Value) {
    let mut body = json!({
        "family": family, "rank": rank, "prices": prices, "credits": { "amount": credits, "period": "billing" },
    });
    for (name, value) in more.as_object().unwrap() {
        let (there, value) = (&mut body[name.as_str()], value.clone());
        match value {
            Value::Object(value) if there.is_object() => there.as_object_mut().unwrap().extend(value),
            value => *there = value,
        }
    }
    stage.world.admin("POST", "/api/v1/admin/subscription-plans", &body.to_string()).await;
}

/// A yearly price of so many cents.
async fn yearly(stage: &Stage, cents: i64) -> String {
    let price = catalog::NewPrice {
        currency: "usd".into(),
        product: stage.product().await,
        unit_amount: Some(cents),
        recurring: Some(catalog::NewRecurring { interval: Interval::Year, ..Default::default() }),
        ..Default::default()
    };
    stage.write(&catalog::create_price(&price)).await.id
}

/// What acme can spend, has set aside, and owes.
async fn balance(stage: &Stage) -> [f64; 3] {
    let balance = stage.world.admin("GET", "/api/v1/customers/acme/balance", "").await;
    ["available", "held", "debt"].map(|name| balance[name].as_f64().unwrap())
}

/// The grants of acme, as source, amount and start, the earliest first.
async fn grants(stage: &Stage) -> Vec<Value> {
    let list = stage.world.admin("GET", "/api/v1/customers/acme/grants?limit=100", "").await;
    let mut all = list["data"].as_array().unwrap().clone();
    all.sort_by_key(|grant| grant["effective_at"].as_str().unwrap().to_owned());
    all
}

/// Acme spends.
async fn spend(stage: &Stage, amount: i64) {
    let key = format!("spend-{}", stage.writes.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
    let body = json!({ "customer_id": "acme", "amount": amount, "idempotency_key": key });
    stage.world.admin("POST", "/api/v1/consume", &body.to_string()).await;
}

/// Lets time pass for us and for Stripe.
fn pass(stage: &Stage, seconds: i64) {
    stage.world.clock.advance(seconds * 1_000_000);
}

/// Gives the only item of a subscription another price, and has what that costs paid now.
async fn switch(stage: &Stage, subscription: &Subscription, price: &str) {
    switch_by(stage, subscription, price, ProrationBehavior::AlwaysInvoice).await;
}

/// The same, and has what that costs paid as `billed` says.
async fn switch_by(stage: &Stage, subscription: &Subscription, price: &str, billed: ProrationBehavior) {
    let item = calls::ItemChange {
        id: Some(subscription.items.data[0].id.clone()),
        price: Some(price.to_owned()),
        ..Default::default()
    };
    let change =
        calls::SubscriptionChange { items: Some(vec![item]), proration_behavior: Some(billed), ..Default::default() };
    stage.change(&subscription.id, change).await;
}

/// Lets a subscription that is paused go on as it was.
async fn resume(stage: &Stage, subscription: &str) {
    let on = calls::Resumption {
        billing_cycle_anchor: Some(calls::AnchorChange { kind: "unchanged" }),
        proration_behavior: Some(ProrationBehavior::None),
    };
    stage.write(&calls::resume(subscription, &on)).await;
}

/// Tells all there is of the kinds that begin so.
async fn tell_kinds(stage: &Stage, beginnings: &[&str]) {
    let which = events::Events { page: PageOf::full(), ..Default::default() };
    let answer = stage.client.read(&events::list(&which)).await.unwrap();
    assert!(!answer.value.has_more, "a test has few events");
    let page: Value = serde_json::from_slice(&answer.json).unwrap();
    let all = page["data"].as_array().unwrap().iter().rev();
    for event in all.filter(|event| beginnings.iter().any(|start| event["type"].as_str().unwrap().starts_with(start))) {
        send(&stage.world, &event.to_string()).await;
    }
    stage.act().await;
}

/// The payment of a subscription's newest invoice.
async fn payment(stage: &Stage, subscription: &str) -> String {
    let which = invoices::Invoices { subscription: Some(subscription.to_owned()), ..Default::default() };
    let invoice = stage.client.read(&invoices::list(&which)).await.unwrap().value.data.remove(0).id.unwrap();
    let which = invoices::InvoicePayments { invoice: Some(invoice), ..Default::default() };
    let paid = stage.client.read(&invoices::payments(&which)).await.unwrap().value.data.remove(0);
    paid.payment.payment_intent.unwrap().id().to_owned()
}

/// Gives so many cents of a payment back.
async fn refund(stage: &Stage, payment: &str, cents: i64) {
    let refund =
        payments::NewRefund { payment_intent: Some(payment.to_owned()), amount: Some(cents), ..Default::default() };
    stage.write(&payments::refund(&refund)).await;
}

/// Fills in a form of the sandbox's own pages.
pub async fn form(stage: &Stage, path: &str, form: &str) {
    let mut socket = TcpStream::connect(&stage.address).await.unwrap();
    let asked = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        stage.address,
        form.len()
    );
    socket.write_all(asked.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
}

/// Disputes a payment, and tells it; the dispute.
async fn disputed(stage: &Stage, payment: &str) -> String {
    let intent = stage.client.read(&payments::retrieve(payment)).await.unwrap().value;
    let charge = intent.latest_charge.unwrap().id().to_owned();
    form(stage, "/_sandbox/disputes", &format!("charge={charge}")).await;
    tell_kinds(stage, &["charge.dispute."]).await;
    let which = payments::OfPayment { payment_intent: Some(payment.to_owned()), ..Default::default() };
    stage.client.read(&payments::disputes(&which)).await.unwrap().value.data.remove(0).id
}

/// Wins a dispute, and tells it.
async fn win(stage: &Stage, dispute: &str) {
    decide(stage, dispute, "win").await;
}

/// Ends a dispute, and tells it.
async fn decide(stage: &Stage, dispute: &str, how: &str) {
    form(stage, "/_sandbox/disputes/end", &format!("id={dispute}&how={how}")).await;
    tell_kinds(stage, &["charge.dispute."]).await;
}

/// Every wallet is proved.
async fn proved(stage: &Stage) {
    let verified = credits::verify(stage.app.db(), |_, _| {}).await.unwrap();
    assert!(verified.flaws.is_empty(), "{:#?}", verified.flaws);
}
