//! What customers are told, and how they pay: on both databases, against a real sandbox.

mod bought;
mod centre;
mod entitled;
mod methods;
mod told;

use crate::{subscriptions::Stage, world::World};
use purser::features::notify::Kind;
use purser_stripe::calls::{PageOf, events};
use serde_json::Value;
use std::collections::BTreeSet;

/// Seconds in a day.
const DAY: i64 = 86_400;

/// What a customer is told, of each kind the fields that are promised.
async fn notices(world: &World, customer: &str) -> Vec<Value> {
    let path = format!("/api/v1/notifications?customer_id={customer}&limit=100");
    let all = world.admin("GET", &path, "").await["data"].as_array().unwrap().clone();
    for notice in &all {
        let kind = Kind::ALL.iter().find(|kind| notice["kind"] == kind.as_str());
        let promised: BTreeSet<&str> = kind.unwrap().fields().iter().copied().collect();
        let fields: BTreeSet<&str> = notice["data"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, promised, "{notice}");
        assert_eq!((&notice["object"], &notice["customer_id"]), (&"notification".into(), &customer.into()));
    }
    all
}

/// Those of one kind.
pub async fn notices_of(world: &World, customer: &str, kind: &str) -> Vec<Value> {
    let mut all = notices(world, customer).await;
    all.retain(|notice| notice["kind"] == kind);
    all
}

/// Every event there is of kinds that begin so, the oldest first, as Stripe would send it.
async fn events_of(stage: &Stage, beginnings: &[&str]) -> Vec<Value> {
    let which = events::Events { page: PageOf::full(), ..Default::default() };
    let answer = stage.client.read(&events::list(&which)).await.unwrap();
    assert!(!answer.value.has_more, "a test has few events");
    let page: Value = serde_json::from_slice(&answer.json).unwrap();
    let mut all = page["data"].as_array().unwrap().clone();
    all.reverse();
    all.retain(|event| beginnings.iter().any(|beginning| event["type"].as_str().unwrap().starts_with(beginning)));
    all
}
