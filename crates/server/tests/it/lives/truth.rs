//! What Stripe's own objects say, in the words of Purser's API, beside what Purser shows.

use crate::{payments::text, world::World};
use purser_rules::{Amount, Time};
use purser_stripe::{
    Client,
    calls::{PageOf, invoices, subscriptions as calls},
    objects::{InvoiceStatus, Subscription, SubscriptionItem, SubscriptionStatus, UsageType},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is compared of a subscription, of its items, and of an invoice.
const OF_SUBSCRIPTION: &[&str] = &[
    "status",
    "stripe_status",
    "cancel_at",
    "cancel_at_period_end",
    "canceled_at",
    "ended_at",
    "trial_start",
    "trial_end",
];
const OF_ITEM: &[&str] = &[
    "id",
    "stripe_price_id",
    "stripe_product_id",
    "quantity",
    "metered",
    "interval",
    "interval_count",
    "current_period_start",
    "current_period_end",
];
const OF_INVOICE: &[&str] = &["status", "amount_due", "amount_paid", "number", "subscription_id"];

/// Objects by their ids.
type ById = BTreeMap<String, Value>;

/// An instant of Stripe's as Purser writes it.
fn time(at: Option<i64>) -> Value {
    at.map_or(Value::Null, |at| json!(Time::from_micros(at * 1_000_000).to_string()))
}

/// The word the app sees for a status of Stripe's (rules 3.1).
fn word(status: &SubscriptionStatus) -> &'static str {
    match status {
        SubscriptionStatus::Trialing => "trial",
        SubscriptionStatus::Active => "active",
        SubscriptionStatus::PastDue | SubscriptionStatus::Unpaid => "past_due",
        SubscriptionStatus::Canceled => "canceled",
        _ => "none",
    }
}

/// The named fields of `of`.
fn picked(of: &Value, names: &[&str]) -> Value {
    let fields: BTreeMap<&str, &Value> = names.iter().map(|name| (*name, &of[*name])).collect();
    json!(fields)
}

fn by_id(items: Vec<Value>) -> ById {
    items.into_iter().map(|item| (text(&item["id"]).to_owned(), item)).collect()
}

/// All subscriptions of a Stripe customer, those that ended too.
async fn fetched(client: &Client, payer: &str) -> Vec<(Subscription, Vec<SubscriptionItem>)> {
    let which = calls::Subscriptions {
        customer: Some(payer.to_owned()),
        status: Some(SubscriptionStatus::Other("all".into())),
        page: PageOf::full(),
        ..Default::default()
    };
    let mut all = Vec::new();
    for one in client.pages(&calls::list(&which)).all().await.unwrap() {
        let items = client.whole(one.items.clone()).await.unwrap();
        all.push((one, items));
    }
    all
}

/// A subscription as Purser is to show it.
fn shown(one: &Subscription, items: &[SubscriptionItem]) -> Value {
    let items = items.iter().map(|item| {
        let recurring = item.price.recurring.as_ref().unwrap();
        json!({
            "id": item.id,
            "stripe_price_id": item.price.id,
            "stripe_product_id": item.price.product.id(),
            "quantity": item.quantity,
            "metered": recurring.usage_type == UsageType::Metered,
            "interval": recurring.interval.as_str(),
            "interval_count": recurring.interval_count,
            "current_period_start": time(Some(item.current_period_start)),
            "current_period_end": time(Some(item.current_period_end)),
        })
    });
    json!({
        "status": word(&one.status),
        "stripe_status": one.status.as_str(),
        "cancel_at": time(one.cancel_at),
        "cancel_at_period_end": one.cancel_at_period_end,
        "canceled_at": time(one.canceled_at),
        "ended_at": time(one.ended_at),
        "trial_start": time(one.trial_start),
        "trial_end": time(one.trial_end),
        "items": by_id(items.collect()),
    })
}

/// The subscriptions of a customer as Purser shows them.
async fn mirrored(world: &World, customer: &str) -> ById {
    let all = listed(world, &format!("/api/v1/customers/{customer}/subscriptions")).await;
    let seen = all.iter().map(|one| {
        let mut seen = picked(one, OF_SUBSCRIPTION);
        let items = one["items"].as_array().unwrap().iter().map(|item| picked(item, OF_ITEM));
        seen["items"] = json!(by_id(items.collect()));
        (text(&one["id"]).to_owned(), seen)
    });
    seen.collect()
}

/// The final invoices of a Stripe customer as Purser is to show them.
async fn owed(client: &Client, payer: &str) -> ById {
    let which = invoices::Invoices { customer: Some(payer.to_owned()), page: PageOf::full(), ..Default::default() };
    let all = client.pages(&invoices::list(&which)).all().await.unwrap();
    let is_final = all.iter().filter(|one| one.status != Some(InvoiceStatus::Draft));
    let shown = is_final.map(|one| {
        let shown = json!({
            "status": one.status.as_ref().map(InvoiceStatus::as_str),
            "amount_due": one.amount_due,
            "amount_paid": one.amount_paid,
            "number": one.number,
            "subscription_id": one.subscription(),
        });
        (one.id.clone().unwrap(), shown)
    });
    shown.collect()
}

/// All of a list of the API.
pub async fn listed(world: &World, path: &str) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let after = all.last().map(|one| format!("&starting_after={}", text(&one["id"]))).unwrap_or_default();
        let page = world.admin("GET", &format!("{path}?limit=100{after}"), "").await;
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        if page["has_more"] != json!(true) {
            return all;
        }
    }
}

/// An amount of the API in millionths.
pub fn micros(value: &Value) -> i64 {
    Amount::parse(&value.to_string()).unwrap_or_else(|error| panic!("{error:?}: {value}")).micros()
}

/// What a price sells: the rank and the family of its plan.
pub type Families = BTreeMap<String, (u32, String)>;

/// The price under which the default plan stands among [`Families`], if there is one: nobody pays it.
pub const NO_PRICE: &str = "";

/// Asserts that Purser shows of the customer's subscriptions and invoices what Stripe says of the Stripe customer
/// `payer`, and that it has the best plan it pays for. `what` is said when they differ. Answers the family of that plan,
/// null for none; nothing while a payment is due.
pub async fn agrees(
    world: &World,
    client: &Client,
    (customer, payer): (&str, &str),
    families: &Families,
    what: &str,
) -> Option<Value> {
    let said = fetched(client, payer).await;
    let expected: ById = said.iter().map(|(one, items)| (one.id.clone(), shown(one, items))).collect();
    let seen = mirrored(world, customer).await;
    let ids = |all: &ById| all.keys().cloned().collect::<Vec<_>>();
    assert_eq!(ids(&seen), ids(&expected), "{what}: the subscriptions of {customer}");
    for (id, expected) in &expected {
        assert_eq!(&seen[id], expected, "{what}: {id} of {customer}; right is what Stripe says");
    }
    let seen = listed(world, &format!("/api/v1/customers/{customer}/invoices")).await;
    let seen: ById = seen.iter().map(|one| (text(&one["id"]).to_owned(), picked(one, OF_INVOICE))).collect();
    let expected = owed(client, payer).await;
    assert_eq!(ids(&seen), ids(&expected), "{what}: the invoices of {customer}");
    for (id, expected) in &expected {
        assert_eq!(&seen[id], expected, "{what}: {id} of {customer}; right is what Stripe says");
    }
    has_its_plan(world, customer, &said, families, what).await
}

/// The credits of the running UTC day that a customer's plan gives it, in millionths; 0 when it gives none.
pub async fn of_the_day(world: &World, customer: &str) -> i64 {
    let day = world.clock.now().to_string();
    let (date, _) = day.split_once('T').unwrap();
    let grants = listed(world, &format!("/api/v1/customers/{customer}/grants")).await;
    let of_day =
        |grant: &&Value| grant["source_kind"] == "allowance" && text(&grant["source_id"]).contains(&format!(":{date}"));
    grants.iter().filter(of_day).map(|grant| micros(&grant["granted"])).sum()
}

/// Access and plan follow from what is live. While a payment is due they depend on grace, which has tests of its own.
async fn has_its_plan(
    world: &World,
    customer: &str,
    said: &[(Subscription, Vec<SubscriptionItem>)],
    families: &Families,
    what: &str,
) -> Option<Value> {
    let any = |status: &[&str]| said.iter().any(|(one, _)| status.contains(&word(&one.status)));
    let current = world.admin("GET", &format!("/api/v1/customers/{customer}/subscription"), "").await;
    if any(&["past_due"]) {
        return None;
    }
    let live = any(&["trial", "active"]);
    assert_eq!(current["access"], json!(live), "{what}: access of {customer}: {current}");
    let giving = said.iter().filter(|(one, _)| ["trial", "active"].contains(&word(&one.status)));
    let best = giving.flat_map(|(_, items)| items).filter_map(|item| families.get(&item.price.id)).max();
    let best = best.or_else(|| families.get(NO_PRICE));
    let best = best.map_or(Value::Null, |(_, family)| json!(family));
    assert_eq!(current["plan"]["family"], best, "{what}: the plan of {customer}: {current}");
    Some(best)
}
