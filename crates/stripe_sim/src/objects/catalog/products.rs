//! Products: what is sold, whatever it costs.

use super::{Price, prices, read};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{
        Kept, keep,
        metadata::{Metadata, merged},
    },
    world::{Cx, Resource, World, plain, within},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Something that is sold.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Product {
    pub id: String,
    pub created: i64,
    pub updated: i64,
    pub active: bool,
    pub name: String,
    /// `service` or `good`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The price it is sold at when none is named.
    pub default_price: Option<String>,
    pub metadata: Metadata,
    /// Fields that are kept as they were given.
    pub kept: Kept,
    pub deleted: bool,
}

/// Fields that are kept as they were given.
const KEPT: &[&str] = &[
    "description",
    "images",
    "marketing_features",
    "package_dimensions",
    "shippable",
    "statement_descriptor",
    "tax_code",
    "tax_details",
    "unit_label",
    "url",
];

/// Those of them that are empty when they are unset.
const LISTS: &[&str] = &["images", "marketing_features"];

impl Resource for Product {
    const SCHEMA: &'static str = "product";

    fn id(&self) -> &str {
        &self.id
    }

    fn is_deleted(&self) -> bool {
        self.deleted
    }

    fn view(&self, _world: &World) -> Value {
        if self.deleted {
            return json!({ "id": self.id, "object": "product", "deleted": true });
        }
        let mut value = json!({
            "id": self.id,
            "active": self.active,
            "created": self.created,
            "default_price": self.default_price,
            "metadata": self.metadata,
            "name": self.name,
            "statement_descriptor": null,
            "tax_code": null,
            "type": self.kind,
            "unit_label": null,
            "updated": self.updated,
        });
        if let Some(fields) = value.as_object_mut() {
            fields.extend(self.kept.clone());
        }
        value
    }
}

/// What may be asked of a product, beside the fields kept as given.
#[derive(Deserialize)]
struct Fields {
    active: Option<bool>,
    default_price: Option<String>,
    default_price_data: Option<Value>,
    id: Option<String>,
    #[serde(default, deserialize_with = "crate::objects::given")]
    metadata: Option<Value>,
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// `POST /v1/products`
pub(crate) fn create_product(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let id = put_new(cx, &asked.params)?;
    let mut price = None;
    if let Some(data) = &fields.default_price_data {
        let default = prices::put_new(cx, data, &id, "default_price_data")?;
        cx.edit::<Product>(&id, |product| product.default_price = Some(default.clone()));
        price = Some(default);
    }
    cx.tell::<Product>("product.created", &id);
    if let Some(price) = price {
        prices::tell_created(cx, &price);
    }
    Answer::object::<Product>(cx, &id)
}

/// Puts a new product in, as `params` describe it; nobody is told yet. Answers its id.
///
/// # Errors
/// Its id is taken, or its metadata is too much.
pub(super) fn put_new(cx: &mut Cx<'_>, params: &Value) -> Result<String, ApiError> {
    let fields: Fields = read(params)?;
    if fields.id.as_ref().is_some_and(|id| cx.find::<Product>(id).is_some()) {
        return Err(ApiError::wrong("Product already exists.", "id").code("resource_already_exists"));
    }
    let id = match &fields.id {
        Some(id) => id.clone(),
        None => cx.new_id("prod"),
    };
    let now = cx.now();
    let mut product = Product {
        id: id.clone(),
        created: now,
        updated: now,
        active: true,
        name: String::new(),
        kind: fields.kind.clone().unwrap_or_else(|| "service".into()),
        default_price: None,
        metadata: Metadata::new(),
        kept: Kept::new(),
        deleted: false,
    };
    apply(&mut product, &fields, params)?;
    cx.put(product);
    Ok(id)
}

fn apply(product: &mut Product, fields: &Fields, params: &Value) -> Result<(), ApiError> {
    keep(&mut product.kept, params, KEPT);
    for name in LISTS {
        if product.kept.get(*name).is_some_and(Value::is_null) {
            product.kept.remove(*name);
        }
    }
    product.active = fields.active.unwrap_or(product.active);
    if let Some(name) = &fields.name {
        product.name.clone_from(name);
    }
    product.metadata = merged(&product.metadata, fields.metadata.as_ref())?;
    Ok(())
}

/// `GET /v1/products`
pub(crate) fn list_products(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let given = |name: &str| asked.params.get(name);
    let active = given("active").and_then(Value::as_bool);
    let ids = given("ids").and_then(Value::as_array);
    let (created, kind) = (given("created"), given("type").and_then(Value::as_str));
    let (shippable, url) = (given("shippable"), given("url"));
    Ok(Answer::list::<Product>(cx, |product| {
        active.is_none_or(|active| product.active == active)
            && ids.is_none_or(|ids| ids.iter().any(|id| *id == product.id))
            && kind.is_none_or(|kind| product.kind == kind)
            && shippable.is_none_or(|shippable| product.kept.get("shippable") == Some(shippable))
            && url.is_none_or(|url| product.kept.get("url") == Some(url))
            && within(product.created, created)
    }))
}

/// `GET /v1/products/{id}`
pub(crate) fn retrieve_product(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    cx.of_path::<Product>(asked.id())?;
    Answer::object::<Product>(cx, asked.id())
}

/// `POST /v1/products/{id}`
pub(crate) fn update_product(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let product: Product = cx.of_path(asked.id())?;
    let mut changed = product.clone();
    apply(&mut changed, &fields, &asked.params)?;
    if let Some(id) = &fields.default_price {
        let price: Price = cx.given(id, "default_price")?;
        if price.product != product.id {
            let message = format!("The price `{id}` is not one of the product `{}`.", product.id);
            return Err(ApiError::wrong(&message, "default_price"));
        }
        changed.default_price = Some(price.id);
    }
    if plain(&changed) != plain(&product) {
        changed.updated = cx.now();
        let before = cx.before::<Product>(&product.id);
        cx.put(changed);
        cx.tell_change::<Product>("product.updated", &product.id, before);
    }
    Answer::object::<Product>(cx, asked.id())
}

/// `DELETE /v1/products/{id}`
pub(crate) fn delete_product(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let product: Product = cx.of_path(asked.id())?;
    if cx.world.of::<Price>(&product.id).next().is_some() {
        let message = "This product cannot be deleted because it has one or more user-created prices.";
        return Err(ApiError::invalid(message));
    }
    cx.tell::<Product>("product.deleted", &product.id);
    cx.edit::<Product>(&product.id, |product| product.deleted = true);
    Ok(Answer::deleted("product", &product.id))
}

/// What the product of a price is called.
pub(crate) fn product_name(world: &World, price: &Price) -> String {
    world.get::<Product>(&price.product).map(|product| product.name.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Product, create_product, delete_product, list_products, retrieve_product, update_product};
    use crate::{
        objects::{
            catalog::create_price,
            testing::{asked, listed, refused, told, value},
        },
        world::{Cx, World},
    };
    use serde_json::json;

    #[test]
    fn a_product_is_made_changed_and_deleted() {
        let mut world = World::new(1, 1_700_000_000);
        let mut cx = Cx::new(&mut world, None);
        let made = value(create_product(&mut cx, &asked(&[], json!({ "name": "Pro", "url": "https://a.example" }))));
        let id = made["id"].as_str().unwrap_or_default().to_owned();
        assert!(id.starts_with("prod_") && id.len() == 19, "{id}");
        assert_eq!((&made["active"], &made["type"], &made["images"]), (&json!(true), &json!("service"), &json!([])));
        for name in ["default_price", "description", "shippable", "statement_descriptor", "tax_code", "unit_label"] {
            assert!(made[name].is_null() && made.get(name).is_some(), "{name}");
        }
        cx.world.now += 60;
        let params = json!({ "url": null, "metadata": { "foo": "bar" } });
        let changed = value(update_product(&mut cx, &asked(&[&id], params.clone())));
        assert_eq!((&changed["url"], &changed["metadata"]), (&json!(null), &json!({ "foo": "bar" })));
        assert_eq!((&changed["created"], &changed["updated"]), (&json!(1_700_000_000), &json!(1_700_000_060)));
        cx.world.now += 60;
        let same = value(update_product(&mut cx, &asked(&[&id], params)));
        assert_eq!(same["updated"], 1_700_000_060, "nothing changed");
        let deleted = value(delete_product(&mut cx, &asked(&[&id], json!({}))));
        assert_eq!(deleted, json!({ "id": id, "object": "product", "deleted": true }));
        let error = refused(retrieve_product(&mut cx, &asked(&[&id], json!({}))));
        assert_eq!((error.status, error.message), (404, format!("No such product: '{id}'")));
        assert_eq!(told(cx.world), ["product.created", "product.updated", "product.deleted"]);
    }

    #[test]
    fn a_default_price_comes_with_it_or_later() {
        let mut world = World::new(1, 1_700_000_000);
        let mut cx = Cx::new(&mut world, None);
        let data = json!({ "currency": "usd", "unit_amount": 1500, "recurring": { "interval": "month" } });
        let params = json!({ "id": "pro", "name": "Pro", "default_price_data": data });
        let made = value(create_product(&mut cx, &asked(&[], params.clone())));
        assert!(made["default_price"].as_str().is_some_and(|id| id.starts_with("price_")));
        assert_eq!(told(cx.world), ["product.created", "price.created", "plan.created"]);
        let error = refused(create_product(&mut cx, &asked(&[], params)));
        assert_eq!(error.code.as_deref(), Some("resource_already_exists"));

        let wrong = json!({ "name": "X", "default_price_data": { "currency": "usd", "unit_amount": -1 } });
        let error = refused(create_product(&mut cx, &asked(&[], wrong)));
        assert_eq!(error.param.as_deref(), Some("default_price_data[unit_amount]"));

        let other = value(create_product(&mut cx, &asked(&[], json!({ "name": "Other" }))));
        let params = json!({ "product": other["id"], "currency": "usd", "unit_amount": 5 });
        let price = value(create_price(&mut cx, &asked(&[], params)));
        let error = refused(update_product(&mut cx, &asked(&["pro"], json!({ "default_price": price["id"] }))));
        assert_eq!(error.param.as_deref(), Some("default_price"));
        let id = other["id"].as_str().unwrap_or_default();
        let changed = value(update_product(&mut cx, &asked(&[id], json!({ "default_price": price["id"] }))));
        assert_eq!(changed["default_price"], price["id"]);
        let error = refused(delete_product(&mut cx, &asked(&[id], json!({}))));
        assert_eq!(error.message, "This product cannot be deleted because it has one or more user-created prices.");
    }

    #[test]
    fn products_are_listed_as_asked() {
        let mut world = World::new(1, 1_700_000_000);
        let mut cx = Cx::new(&mut world, None);
        for (id, active, url) in [("a", true, "https://a.example"), ("b", false, "https://b.example")] {
            let params = json!({ "id": id, "name": id, "active": active, "url": url });
            value(create_product(&mut cx, &asked(&[], params)));
        }
        for (params, expected) in [
            (json!({}), vec!["b", "a"]),
            (json!({ "active": true }), vec!["a"]),
            (json!({ "ids": ["b", "c"] }), vec!["b"]),
            (json!({ "url": "https://a.example" }), vec!["a"]),
            (json!({ "type": "good" }), vec![]),
            (json!({ "shippable": true }), vec![]),
            (json!({ "created": { "gt": 1_700_000_000 } }), vec![]),
        ] {
            assert_eq!(listed(list_products(&mut cx, &asked(&[], params.clone()))), expected, "{params}");
        }
        assert!(cx.find::<Product>("a").is_some());
    }
}
