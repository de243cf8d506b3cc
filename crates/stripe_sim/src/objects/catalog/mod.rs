//! What is sold: products, and prices that say what an amount of them costs.

mod amounts;
pub(crate) mod currency;
mod price;
mod prices;
mod products;
mod tiers;

pub(crate) use price::{Price, on_demand, plan_of, price_of};
pub(crate) use prices::{create_price, list_prices, retrieve_price, update_price};
pub(crate) use products::{
    Product, create_product, delete_product, list_products, product_name, retrieve_product, update_product,
};
pub(crate) use tiers::{amount_for, amount_of, describe};

use crate::error::ApiError;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a part of a request's parameters, which the contract has checked, as a `T`.
fn read<T: DeserializeOwned>(part: &Value) -> Result<T, ApiError> {
    T::deserialize(part).map_err(|error| ApiError::trouble(500).with("sandbox", error.to_string()))
}

/// The name of the field `name` inside the parameter `at`; `at` is empty outside of all.
fn inside(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}[{name}]") }
}

/// Two parameters that say the same.
fn only_one_of(at: &str, first: &str, second: &str) -> ApiError {
    let message = format!("You may only specify one of these parameters: {first}, {second}.");
    ApiError::wrong(&message, &inside(at, first))
}

/// A number that counts something and is less than one.
fn at_least_one(param: &str) -> ApiError {
    ApiError::wrong("This value must be greater than or equal to 1.", param).code("parameter_invalid_integer")
}

/// A text that is longer than `most` characters.
fn too_long(text: &str, most: usize, param: &str) -> ApiError {
    ApiError::wrong(&format!("Invalid string: {text}; must be at most {most} characters"), param)
}
