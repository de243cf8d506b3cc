//! Plans of these tests, sold at Stripe, and who pays for them.

use crate::payments::Shop;
use purser_stripe::{
    calls::{catalog, customers, subscriptions as calls},
    objects::{Interval, Subscription},
};
use serde_json::{Value, json};

/// Sells a plan of this family and rank at a price of so many cents for each interval; `more` is what else its body says.
/// Answers the price.
pub async fn plan(
    shop: &Shop,
    (family, rank): (&str, u32),
    (cents, interval): (i64, Interval),
    more: &Value,
) -> String {
    let product = catalog::ProductFields { name: Some(family.to_owned()), ..Default::default() };
    let word = interval.as_str().to_owned();
    let price = catalog::NewPrice {
        currency: "usd".into(),
        product: shop.write(&catalog::create_product(&product)).await.id,
        unit_amount: Some(cents),
        recurring: Some(catalog::NewRecurring { interval, ..Default::default() }),
        ..Default::default()
    };
    let price = shop.write(&catalog::create_price(&price)).await.id;
    let bound = json!([{ "stripe_price_id": price, "currency": "usd", "unit_amount": cents, "interval": word }]);
    let mut body = json!({ "family": family, "rank": rank, "prices": bound });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    shop.world.admin("POST", "/api/v1/admin/subscription-plans", &body.to_string()).await;
    price
}

/// The plan `team` for 20 dollars a month, which gives no credits. Answers its price.
pub async fn team(shop: &Shop) -> String {
    plan(shop, ("team", 1), (2000, Interval::Month), &json!({})).await
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
