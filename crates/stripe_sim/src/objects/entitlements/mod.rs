//! Entitlements: which features customers have by the products they subscribe to, and who is told when that changes.
//! Source: <https://docs.stripe.com/billing/entitlements>

pub(crate) mod api;

use super::{
    catalog::Price,
    metadata::Metadata,
    subscriptions::{Status, Subscription},
};
use crate::world::{Cx, Event, Resource, World, list_of};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Something a product gives.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Feature {
    pub id: String,
    pub name: String,
    /// By what the seller's code knows it.
    pub lookup_key: String,
    pub active: bool,
    pub metadata: Metadata,
}

impl Resource for Feature {
    const SCHEMA: &'static str = "entitlements.feature";
    const NOUN: &'static str = "feature";

    fn id(&self) -> &str {
        &self.id
    }
}

/// That a product gives a feature.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ProductFeature {
    pub id: String,
    pub product: String,
    pub feature: String,
    pub deleted: bool,
}

impl Resource for ProductFeature {
    const SCHEMA: &'static str = "product_feature";

    fn id(&self) -> &str {
        &self.id
    }

    fn is_deleted(&self) -> bool {
        self.deleted
    }

    fn view(&self, world: &World) -> Value {
        let feature = world.get::<Feature>(&self.feature).map(|feature| world.wire(feature));
        json!({ "id": self.id, "entitlement_feature": feature })
    }
}

/// That a customer has a feature.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ActiveEntitlement {
    pub id: String,
    pub customer: String,
    pub feature: String,
    /// Whether it is over.
    pub ended: bool,
}

impl Resource for ActiveEntitlement {
    const SCHEMA: &'static str = "entitlements.active_entitlement";
    const NOUN: &'static str = "active_entitlement";

    fn id(&self) -> &str {
        &self.id
    }

    fn is_deleted(&self) -> bool {
        self.ended
    }

    fn view(&self, world: &World) -> Value {
        let lookup_key = world.get::<Feature>(&self.feature).map(|feature| feature.lookup_key.as_str());
        json!({ "id": self.id, "feature": self.feature, "lookup_key": lookup_key })
    }
}

/// The customer whose entitlements may be others after `event`.
pub(crate) fn concerned(event: &Event) -> Option<String> {
    let is_one = event.kind.starts_with("customer.subscription.");
    event.object.get("customer").filter(|_| is_one)?.as_str().map(str::to_owned)
}

/// Gives and takes what the subscriptions of a customer say now, and tells if that is something else than before.
pub(crate) fn follow(cx: &mut Cx<'_>, customer: &str) {
    if cx.world.all::<ProductFeature>().next().is_none() {
        return;
    }
    let wanted = features_of(cx.world, customer);
    let had: Vec<ActiveEntitlement> = of(cx.world, customer).cloned().collect();
    let before = summary(cx.world, customer);
    let mut changed = false;
    for entitlement in had.iter().filter(|had| !wanted.contains(&had.feature)) {
        cx.edit::<ActiveEntitlement>(&entitlement.id, |entitlement| entitlement.ended = true);
        changed = true;
    }
    for feature in wanted.iter().filter(|feature| !had.iter().any(|had| had.feature == **feature)) {
        let id = cx.new_id("ent_test");
        let (customer, feature) = (customer.to_owned(), feature.clone());
        cx.put(ActiveEntitlement { id, customer, feature, ended: false });
        changed = true;
    }
    if changed {
        let now = summary(cx.world, customer);
        let previous = json!({ "entitlements": before.get("entitlements") });
        cx.tell_value("entitlements.active_entitlement_summary.updated", now, Some(previous));
    }
}

/// Lets all who subscribe to `product` follow a change of what it gives.
fn follow_all(cx: &mut Cx<'_>, product: &str) {
    let sells = |found: &&Subscription| gives(found) && products_of(cx.world, found).any(|sold| sold == product);
    let customers: BTreeSet<String> =
        cx.world.all::<Subscription>().filter(sells).map(|found| found.customer.clone()).collect();
    for customer in customers {
        follow(cx, &customer);
    }
}

/// What a customer has, oldest first.
fn of<'a>(world: &'a World, customer: &'a str) -> impl Iterator<Item = &'a ActiveEntitlement> {
    world.all::<ActiveEntitlement>().filter(move |found| found.customer == customer && !found.ended)
}

/// Whether a subscription gives features. A payment that is late does not end them; one that never came does.
fn gives(found: &Subscription) -> bool {
    matches!(found.status, Status::Active | Status::Trialing | Status::PastDue)
}

/// The products a subscription is of.
fn products_of<'a>(world: &'a World, found: &'a Subscription) -> impl Iterator<Item = &'a str> {
    found.items_of(world).filter_map(|item| world.get::<Price>(&item.price)).map(|price| price.product.as_str())
}

/// The features that a customer should have.
fn features_of(world: &World, customer: &str) -> Vec<String> {
    let own = world.all::<Subscription>().filter(|found| found.customer == customer && gives(found));
    let products: BTreeSet<&str> = own.flat_map(|found| products_of(world, found)).collect();
    let mut features = Vec::new();
    for given in world.all::<ProductFeature>().filter(|given| !given.deleted && products.contains(&*given.product)) {
        if !features.contains(&given.feature) {
            features.push(given.feature.clone());
        }
    }
    features
}

/// What a customer has, as it is told.
fn summary(world: &World, customer: &str) -> Value {
    let all = of(world, customer).map(|entitlement| world.wire(entitlement));
    json!({
        "object": "entitlements.active_entitlement_summary",
        "customer": customer,
        "entitlements": list_of(all, &format!("/v1/customers/{customer}/entitlements")),
        "livemode": false,
    })
}
