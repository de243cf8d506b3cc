//! The price book on both databases: plans, packs, their versions, and what a Stripe price sells.

mod defaults;
mod packs;
mod plans;
mod sold;
mod versions;

use crate::world::World;
use purser::{
    features::pricebook::{self, Plan},
    platform::{
        db::{DbError, Tx},
        error::Error,
    },
};
use serde_json::{Value, json};

const PLANS: &str = "/api/v1/admin/subscription-plans";
const PACKS: &str = "/api/v1/admin/top-up-plans";

/// The plan that `body` makes.
async fn plan(world: &World, body: &Value) -> Value {
    world.admin("POST", PLANS, &body.to_string()).await
}

/// The pack that `body` makes.
async fn pack(world: &World, body: &Value) -> Value {
    world.admin("POST", PACKS, &body.to_string()).await
}

/// Changes the plan or pack that `made` shows.
async fn patch(world: &World, made: &Value, body: &Value) -> Value {
    world.admin("PATCH", &path(made), &body.to_string()).await
}

/// Where the plan or pack that `made` shows is found.
fn path(made: &Value) -> String {
    let list = if made["object"] == "top_up_plan" { PACKS } else { PLANS };
    format!("{list}/{}", id(made))
}

fn id(made: &Value) -> &str {
    made["id"].as_str().unwrap()
}

/// How the plan or pack that `made` shows stands now.
async fn again(world: &World, made: &Value) -> Value {
    world.admin("GET", &path(made), "").await
}

/// Does `unit` in a transaction.
async fn write<T: Send + 'static>(
    world: &World,
    unit: impl Fn(&mut Tx<'_>) -> Result<T, Error> + Send + Sync + 'static,
) -> T {
    world.app.db().write(unit).await.unwrap()
}

/// What `unit` reads.
async fn read<T: Send + 'static>(
    world: &World,
    unit: impl FnOnce(&mut Tx<'_>) -> Result<T, DbError> + Send + 'static,
) -> T {
    world.app.db().read(unit).await.unwrap()
}

/// Marks the plan that `made` shows as used; answers it.
async fn used(world: &World, made: &Value) -> Plan {
    let id = id(made).parse().unwrap();
    write(world, move |tx| pricebook::use_version(tx, id)).await
}

/// The number of changes the book has seen.
async fn version(world: &World) -> i64 {
    read(world, pricebook::version).await
}

/// The ids of a list.
fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|one| id(one).to_owned()).collect()
}

/// `made` with the fields of `other`.
fn with(made: &Value, other: &Value) -> Value {
    let mut made = made.clone();
    for (name, value) in other.as_object().unwrap() {
        made[name] = value.clone();
    }
    made
}

/// A monthly price in dollars, bound to `stripe`.
fn monthly(stripe: Option<&str>, cents: i64) -> Value {
    json!({ "stripe_price_id": stripe, "currency": "usd", "unit_amount": cents, "interval": "month" })
}

/// What the prices of a plan are bound to.
fn bound(made: &Value) -> Vec<&str> {
    made["prices"].as_array().unwrap().iter().filter_map(|price| price["stripe_price_id"].as_str()).collect()
}
