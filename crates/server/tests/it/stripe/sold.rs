//! Customers, how they pay, and what is sold to them.

use super::pair::Pair;
use purser_stripe::{
    calls::{PageOf, catalog, customers, meters},
    objects::{Interval, UsageType},
};

pub async fn customers_and_what_is_sold() -> Pair {
    let mut pair = Pair::new("customers_and_what_is_sold").await;
    let customer = pair.customer().await;
    let price = pair.price(2000).await;
    let read = pair.read(&customers::retrieve(&customer)).await.there().expect("there");
    assert_eq!((read.email.as_deref(), read.metadata["team"].as_str()), (Some("jenny@example.com"), "42"));
    let methods = pair.read(&customers::payment_methods(&customer, &PageOf::full())).await.data;
    assert_eq!(methods[0].card.as_ref().map(|card| card.last4.as_str()), Some("4242"));
    pair.read(&customers::payment_method(&methods[0].id)).await;
    let which = customers::Customers { email: Some("jenny@example.com".into()), ..Default::default() };
    assert_eq!(pair.read(&customers::list(&which)).await.data.len(), 1);
    let found = pair.read(&catalog::price(&price)).await;
    assert_eq!((found.unit_amount, found.currency.as_str()), (Some(2000), "usd"));
    pair.read(&catalog::product(found.product.id())).await;
    assert_eq!(pair.read(&catalog::products(&Default::default())).await.data.len(), 1);
    pair.read(&catalog::price_with_tiers(&price)).await;
    let which = catalog::Prices { product: Some(found.product.id().into()), ..Default::default() };
    assert_eq!(pair.read(&catalog::prices(&which)).await.data.len(), 1);
    let change = catalog::PriceChange { lookup_key: Some("pro".into()), active: Some(false), ..Default::default() };
    assert!(!pair.write(&catalog::update_price(&price, &change)).await.active);
    let fields = catalog::ProductFields { description: Some("All of it".into()), ..Default::default() };
    pair.write(&catalog::update_product(found.product.id(), &fields)).await;
    pair.write(&customers::detach(&methods[0].id)).await;
    assert!(pair.write(&customers::delete(&customer)).await.deleted);
    assert!(pair.read(&customers::retrieve(&customer)).await.there().is_none());
    pair
}

pub async fn usage_type_and_intervals_are_words_stripe_knows() -> Pair {
    let mut pair = Pair::new("usage_type_and_intervals_are_words_stripe_knows").await;
    let meter = meters::NewMeter {
        display_name: "Calls".into(),
        event_name: "calls".into(),
        default_aggregation: meters::Aggregation { formula: "count" },
    };
    let meter = pair.write(&meters::create(&meter)).await.id;
    let product = pair
        .write(&catalog::create_product(&catalog::ProductFields { name: Some("Calls".into()), ..Default::default() }))
        .await;
    for interval in [Interval::Day, Interval::Week, Interval::Month, Interval::Year] {
        let recurring = catalog::NewRecurring {
            interval,
            usage_type: Some(UsageType::Metered),
            meter: Some(meter.clone()),
            ..Default::default()
        };
        let price = catalog::NewPrice {
            currency: "usd".into(),
            product: product.id.clone(),
            unit_amount_decimal: Some("0.05".into()),
            recurring: Some(recurring),
            ..Default::default()
        };
        let price = pair.write(&catalog::create_price(&price)).await;
        assert_eq!(price.unit_amount_decimal.as_deref(), Some("0.05"));
    }
    pair
}
