//! The packs of these tests, and a plan, sold at Stripe, who pays for them, and what it is told.

use super::truth;
use crate::payments::{Shop, text};
use purser_stripe::{
    calls::{customers, subscriptions as calls},
    objects::Subscription,
};
use serde_json::{Value, json};

/// The plan `team` for 20 dollars a month, which gives no credits. Answers its price.
pub async fn team(shop: &Shop) -> String {
    shop.plan("team", 1, &json!({})).await
}

/// Makes `customer` a Stripe customer with a good card; answers Stripe's id.
pub async fn payer(shop: &Shop, customer: &str) -> String {
    let payer = shop.write(&customers::create(&customers::CustomerFields::default())).await.id;
    pays_by(shop, &payer, "pm_card_visa").await;
    let body = json!({ "stripe_customer_id": payer }).to_string();
    shop.world.admin("PUT", &format!("/api/v1/customers/{customer}"), &body).await;
    payer
}

/// Lets a Stripe customer pay by `card` from now on; answers the payment method.
pub async fn pays_by(shop: &Shop, payer: &str, card: &str) -> String {
    let method = shop.write(&customers::attach(card, payer)).await.id;
    let settings = customers::InvoiceSettings { default_payment_method: Some(method.clone()) };
    let fields = customers::CustomerFields { invoice_settings: Some(settings), ..Default::default() };
    shop.write(&customers::update(payer, &fields)).await;
    method
}

/// A subscription of a Stripe customer to one of `price`.
pub async fn subscribe(shop: &Shop, payer: &str, price: &str) -> Subscription {
    let items = vec![calls::NewItem { price: price.to_owned(), quantity: Some(1), ..Default::default() }];
    let new = calls::NewSubscription { customer: payer.to_owned(), items, ..Default::default() };
    shop.write(&calls::create(&new)).await
}

/// What packs that are bought alone are counted in, so that they have a sum of their own.
const PACKS: &str = "packs";

/// Sells a pack of 50 of these for 5 dollars.
pub async fn pack(shop: &Shop) {
    let price = shop.price(500, &[]).await;
    let price = json!({ "stripe_price_id": price, "currency": "usd", "unit_amount": 500 });
    let pack = json!({ "family": "pack-alone", "credits": 50, "price": price, "unit": PACKS });
    shop.world.admin("POST", "/api/v1/admin/top-up-plans", &pack.to_string()).await;
}

/// Gives `customer` 12 of them, and has it agree that a pack is bought below 10.
pub async fn agrees_to_packs(shop: &Shop, customer: &str) {
    let path = format!("/api/v1/customers/{customer}");
    let start = json!({ "amount": 12, "unit": PACKS, "source_id": "start" });
    shop.world.admin("POST", &format!("{path}/grants"), &start.to_string()).await;
    let wish = json!({ "threshold": 10, "top_up_plan": "pack-alone", "most_a_day": 5, "most_a_month": 5000 });
    shop.world.admin("PUT", &format!("{path}/auto_top_up"), &wish.to_string()).await;
}

/// How `customer` spends 5 of them, after which a pack is bought.
pub fn spend_of_packs(customer: &str) -> Value {
    json!({ "customer_id": customer, "amount": 5, "unit": PACKS, "idempotency_key": "spend" })
}

/// Asserts that `customer` spent once, and has one pack more.
pub async fn has_one_pack_more(shop: &Shop, customer: &str, what: &str) {
    let path = format!("/api/v1/customers/{customer}/balance?unit={PACKS}");
    let packs = shop.world.admin("GET", &path, "").await;
    let shown = ["available", "held", "debt"].map(|name| truth::micros(&packs[name]));
    assert_eq!(shown, [57_000_000, 0, 0], "{what}: 12, less 5, and one pack");
}

/// The kinds of what `customer` was told, in the order of their names.
pub async fn told(shop: &Shop, customer: &str) -> Vec<String> {
    let path = format!("/api/v1/notifications?customer_id={customer}&limit=100");
    let told = shop.world.admin("GET", &path, "").await;
    let mut kinds: Vec<String> =
        told["data"].as_array().unwrap().iter().map(|one| text(&one["kind"]).to_owned()).collect();
    kinds.sort_unstable();
    kinds
}
