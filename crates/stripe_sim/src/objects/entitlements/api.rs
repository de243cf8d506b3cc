//! Operations on features, on what products give, and on what customers have.

use super::{ActiveEntitlement, Feature, ProductFeature, follow_all};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{
        catalog::Product,
        given,
        metadata::{Metadata, merged},
    },
    world::Cx,
};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Fields {
    name: Option<String>,
    lookup_key: Option<String>,
    active: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    metadata: Option<Value>,
}

/// `POST /v1/entitlements/features`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let lookup_key = fields.lookup_key.unwrap_or_default();
    if cx.world.all::<Feature>().any(|other| other.active && other.lookup_key == lookup_key) {
        let message = format!("A feature with the lookup key '{lookup_key}' exists already.");
        return Err(ApiError::wrong(&message, "lookup_key"));
    }
    let id = cx.new_id("feat_test");
    let metadata = merged(&Metadata::new(), fields.metadata.as_ref())?;
    cx.put(Feature { id: id.clone(), name: fields.name.unwrap_or_default(), lookup_key, active: true, metadata });
    Answer::object::<Feature>(cx, &id)
}

/// `GET /v1/entitlements/features`
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let archived = asked.params.get("archived").and_then(Value::as_bool).unwrap_or(false);
    let key = asked.params.get("lookup_key").and_then(Value::as_str);
    let fits = |found: &Feature| found.active != archived && key.is_none_or(|key| found.lookup_key == key);
    Ok(Answer::list::<Feature>(cx, fits))
}

/// `GET /v1/entitlements/features/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    cx.of_path::<Feature>(asked.id())?;
    Answer::object::<Feature>(cx, asked.id())
}

/// `POST /v1/entitlements/features/{id}`
pub(crate) fn update(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let found: Feature = cx.of_path(asked.id())?;
    let metadata = merged(&found.metadata, fields.metadata.as_ref())?;
    cx.edit::<Feature>(&found.id, |feature| {
        feature.metadata = metadata;
        feature.name = fields.name.unwrap_or_else(|| found.name.clone());
        feature.active = fields.active.unwrap_or(found.active);
    });
    Answer::object::<Feature>(cx, &found.id)
}

/// `POST /v1/products/{id}/features`
pub(crate) fn attach(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let product: Product = cx.of_path(asked.id())?;
    let feature = asked.params.get("entitlement_feature").and_then(Value::as_str).unwrap_or_default();
    let feature: Feature = cx.given(feature, "entitlement_feature")?;
    let twice = |other: &ProductFeature| other.product == product.id && other.feature == feature.id && !other.deleted;
    if cx.world.all::<ProductFeature>().any(twice) {
        return Err(ApiError::wrong("The product has this feature already.", "entitlement_feature"));
    }
    let id = cx.new_id("prodft_test");
    cx.put(ProductFeature { id: id.clone(), product: product.id.clone(), feature: feature.id, deleted: false });
    follow_all(cx, &product.id);
    Answer::object::<ProductFeature>(cx, &id)
}

/// `GET /v1/products/{id}/features`
pub(crate) fn list_of_product(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let product: Product = cx.of_path(asked.id())?;
    Ok(Answer::list::<ProductFeature>(cx, |found| found.product == product.id))
}

/// The second id of the path, which must be of the first.
fn of_product(cx: &Cx<'_>, asked: &Asked) -> Result<ProductFeature, ApiError> {
    let id = asked.path.get(1).map_or("", String::as_str);
    let found: ProductFeature = cx.of_path(id)?;
    if found.product == asked.id() {
        return Ok(found);
    }
    Err(ApiError::no_such("product_feature", id).at("id").status(404))
}

/// `GET /v1/products/{productId}/features/{id}`
pub(crate) fn retrieve_of_product(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let found = of_product(cx, asked)?;
    Answer::object::<ProductFeature>(cx, &found.id)
}

/// `DELETE /v1/products/{productId}/features/{id}`
pub(crate) fn detach(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let found = of_product(cx, asked)?;
    cx.edit::<ProductFeature>(&found.id, |found| found.deleted = true);
    follow_all(cx, &found.product);
    Ok(Answer::deleted("product_feature", &found.id))
}

/// `GET /v1/entitlements/active_entitlements`
pub(crate) fn list_active(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let customer = asked.params.get("customer").and_then(Value::as_str).unwrap_or_default();
    Ok(Answer::list::<ActiveEntitlement>(cx, |found| found.customer == customer))
}

/// `GET /v1/entitlements/active_entitlements/{id}`
pub(crate) fn retrieve_active(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    cx.of_path::<ActiveEntitlement>(asked.id())?;
    Answer::object::<ActiveEntitlement>(cx, asked.id())
}

#[cfg(test)]
mod tests {
    use crate::tests::life::{Life, id};
    use serde_json::Value;

    const TOLD: &str = "entitlements.active_entitlement_summary.updated";

    /// The lookup keys of what the last event says a customer has.
    fn told(life: &Life) -> Vec<String> {
        let event = life.world.tables.events.all().rev().find(|event| event.kind == TOLD).expect("an event");
        let data = event.object["entitlements"]["data"].as_array().expect("a list");
        data.iter().filter_map(|one| one["lookup_key"].as_str()).map(str::to_owned).collect()
    }

    #[test]
    fn features_come_and_go_with_a_subscription() {
        let mut life = Life::new();
        let price = life.price("2000", "month");
        let product = life.get(&format!("/v1/prices/{price}"))["product"].as_str().expect("a product").to_owned();
        let feature = |life: &mut Life, key: &str| {
            id(&life.post("/v1/entitlements/features", &[("name", key), ("lookup_key", key)]))
        };
        let seats = feature(&mut life, "seats");
        assert_eq!(life.refused("/v1/entitlements/features", &[("name", "x"), ("lookup_key", "seats")]).0, 400);
        let features = format!("/v1/products/{product}/features");
        let given = life.post(&features, &[("entitlement_feature", &seats)]);
        assert_eq!(life.refused(&features, &[("entitlement_feature", &seats)]).0, 400);
        let customer = life.customer("pm_card_visa");
        let seen = life.seen();
        let subscription = id(&life.subscribe(&customer, &price, &[]));
        assert!(life.events(&seen).contains(&TOLD.to_owned()));
        assert_eq!(told(&life), ["seats"]);
        let active = "/v1/entitlements/active_entitlements";
        let (_, page) = life.ask("GET", active, &[("customer", &customer)]);
        assert_eq!(page["data"][0]["feature"], seats.as_str());
        life.get(&format!("{active}/{}", id(&page["data"][0])));
        // What a product gives more, those have who subscribe to it already.
        let export = feature(&mut life, "export");
        life.post(&features, &[("entitlement_feature", &export)]);
        assert_eq!(told(&life), ["seats", "export"]);
        life.delete(&format!("{features}/{}", id(&given)), &[]);
        assert_eq!(told(&life), ["export"]);
        life.delete(&format!("/v1/subscriptions/{subscription}"), &[]);
        assert_eq!(told(&life), Vec::<String>::new());
        let (_, page) = life.ask("GET", active, &[("customer", &customer)]);
        assert_eq!(page["data"], Value::Array(Vec::new()));
    }

    #[test]
    fn a_change_that_gives_nothing_new_is_not_told() {
        let mut life = Life::new();
        let price = life.price("2000", "month");
        let customer = life.customer("pm_card_visa");
        let seen = life.seen();
        let subscription = id(&life.subscribe(&customer, &price, &[]));
        life.post(&format!("/v1/subscriptions/{subscription}"), &[("metadata[a]", "b")]);
        assert!(!life.events(&seen).contains(&TOLD.to_owned()));
    }
}
