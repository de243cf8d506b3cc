//! Calls about what is sold: products and prices.

use super::{Call, Created, Expand, Metadata, PageOf, params::Expanding, params::Nothing};
use crate::{
    List,
    objects::{Interval, Price, Product, UsageType},
};
use serde::Serialize;

/// A product to be, or what changes of one. What is `None` stays.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ProductFields {
    /// The id to have instead of a made-up one (at creation).
    pub id: Option<String>,
    /// What customers read on invoices; needed at creation.
    pub name: Option<String>,
    /// For customers.
    pub description: Option<String>,
    /// Whether it can be sold.
    pub active: Option<bool>,
    /// What a unit is called on invoices, such as `seat`.
    pub unit_label: Option<String>,
    /// Names and texts.
    pub metadata: Option<Metadata>,
}

/// A price to be.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewPrice {
    /// The currency, as three small letters.
    pub currency: String,
    /// Of which product.
    pub product: String,
    /// Minor units for one unit.
    pub unit_amount: Option<i64>,
    /// The same with up to 12 decimals of a minor unit, as text.
    pub unit_amount_decimal: Option<String>,
    /// How it recurs; `None` is bought once.
    pub recurring: Option<NewRecurring>,
    /// A name that can be given to another price later; at most 200 characters.
    pub lookup_key: Option<String>,
    /// For the people in the dashboard.
    pub nickname: Option<String>,
    /// Names and texts.
    pub metadata: Option<Metadata>,
}

/// How a price recurs.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewRecurring {
    /// The unit of time.
    pub interval: Interval,
    /// How many of them; at most three years in all.
    pub interval_count: Option<u32>,
    /// Whether a quantity or metered usage is billed.
    pub usage_type: Option<UsageType>,
    /// The meter whose usage is billed.
    pub meter: Option<String>,
}

/// What changes of a price: its amount never does.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PriceChange {
    /// Whether it can be sold.
    pub active: Option<bool>,
    /// For the people in the dashboard.
    pub nickname: Option<String>,
    /// Its name.
    pub lookup_key: Option<String>,
    /// Names and texts.
    pub metadata: Option<Metadata>,
}

/// Which products.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Products {
    /// That can be sold, or not.
    pub active: Option<bool>,
    /// Created then.
    pub created: Option<Created>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageOf,
}

/// Which prices.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Prices {
    /// That can be sold, or not.
    pub active: Option<bool>,
    /// Of one product.
    pub product: Option<String>,
    /// With one of these names.
    pub lookup_keys: Option<Vec<String>>,
    /// What is answered whole: `data.tiers`, `data.product`.
    pub expand: Option<Expand>,
    /// Created then.
    pub created: Option<Created>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageOf,
}

/// Creates a product. `POST /v1/products`
#[must_use]
pub fn create_product(fields: &ProductFields) -> Call<Product> {
    Call::post(&["v1", "products"], fields)
}

/// Reads a product. `GET /v1/products/{id}`
#[must_use]
pub fn product(id: &str) -> Call<Product> {
    Call::get(&["v1", "products", id], &Nothing {})
}

/// Changes a product. `POST /v1/products/{id}`
#[must_use]
pub fn update_product(id: &str, fields: &ProductFields) -> Call<Product> {
    Call::post(&["v1", "products", id], fields).of(Some(id))
}

/// Lists products, newest first. `GET /v1/products`
#[must_use]
pub fn products(which: &Products) -> Call<List<Product>> {
    Call::get(&["v1", "products"], which)
}

/// Creates a price. `POST /v1/prices`
#[must_use]
pub fn create_price(price: &NewPrice) -> Call<Price> {
    Call::post(&["v1", "prices"], price)
}

/// Reads a price. `GET /v1/prices/{id}`
#[must_use]
pub fn price(id: &str) -> Call<Price> {
    Call::get(&["v1", "prices", id], &Nothing {})
}

/// Reads a price with its tiers. `GET /v1/prices/{id}`
#[must_use]
pub fn price_with_tiers(id: &str) -> Call<Price> {
    Call::get(&["v1", "prices", id], &Expanding::of(&["tiers"]))
}

/// Changes a price. `POST /v1/prices/{id}`
#[must_use]
pub fn update_price(id: &str, change: &PriceChange) -> Call<Price> {
    Call::post(&["v1", "prices", id], change).of(Some(id))
}

/// Lists prices, newest first. `GET /v1/prices`
#[must_use]
pub fn prices(which: &Prices) -> Call<List<Price>> {
    Call::get(&["v1", "prices"], which)
}
