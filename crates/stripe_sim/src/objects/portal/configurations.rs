//! Configurations of the portal: what customers may do by themselves, and how.

use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{
        catalog::Product,
        given,
        metadata::{Metadata, merged},
        subscriptions::start::sellable,
    },
    world::{Cx, Resource, World, plain},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Most products that customers can change to.
/// Source: `features.subscription_update.products` in the declarations of `stripe@23.1.0` of npm.
const MOST_PRODUCTS: usize = 10;

/// What customers may do by themselves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Configuration {
    pub id: String,
    pub created: i64,
    pub updated: i64,
    pub active: bool,
    /// Whether sessions that name no configuration have this one.
    pub is_default: bool,
    pub name: Option<String>,
    pub default_return_url: Option<String>,
    /// What the portal says of the seller, as it is shown.
    pub business_profile: Value,
    /// What may be done, and how, as it is shown.
    pub features: Value,
    pub metadata: Metadata,
}

impl Configuration {
    /// Whether customers may do this.
    pub fn offers(&self, feature: &str) -> bool {
        self.features[feature]["enabled"] == true
    }

    /// The word that a feature has under `name`.
    pub fn word(&self, feature: &str, name: &str) -> &str {
        self.features[feature][name].as_str().unwrap_or_default()
    }

    /// The words that a feature lists under `name`.
    pub fn words(&self, feature: &str, name: &str) -> Vec<&str> {
        strings(&self.features[feature][name])
    }

    /// The reasons that customers can choose from when they cancel; none when they are not asked.
    pub fn reasons(&self) -> Vec<&str> {
        let asked = &self.features["subscription_cancel"]["cancellation_reason"];
        if asked["enabled"] == true { strings(&asked["options"]) } else { Vec::new() }
    }

    /// What subscriptions can be changed to: each product as it is shown, with its prices.
    pub fn products(&self) -> &[Value] {
        self.features["subscription_update"]["products"].as_array().map(Vec::as_slice).unwrap_or_default()
    }
}

/// The texts in a list.
pub(super) fn strings(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

impl Resource for Configuration {
    const SCHEMA: &'static str = "billing_portal.configuration";
    const NOUN: &'static str = "configuration";

    fn id(&self) -> &str {
        &self.id
    }

    fn view(&self, _world: &World) -> Value {
        let mut value = plain(self);
        value["login_page"] = json!({ "enabled": false, "url": null });
        value
    }
}

/// What may be done when nothing is said.
fn nothing() -> Value {
    json!({
        "customer_update": { "allowed_updates": [], "enabled": false },
        "invoice_history": { "enabled": false },
        "payment_method_update": { "enabled": false, "payment_method_configuration": null },
        "subscription_cancel": {
            "cancellation_reason": {
                "enabled": false,
                "feedback_options": null,
                "options": ["too_expensive", "missing_features", "switched_service", "unused", "other"],
            },
            "enabled": false,
            "mode": "at_period_end",
            "proration_behavior": "none",
        },
        "subscription_pause": { "duration": { "interval_options": [], "type": "indefinite" }, "enabled": false },
        "subscription_update": {
            "billing_cycle_anchor": "unchanged",
            "default_allowed_updates": [],
            "enabled": false,
            "products": [],
            "proration_behavior": "none",
            "schedule_at_period_end": { "conditions": [] },
            "trial_update_behavior": "end_trial",
        },
    })
}

/// What may be done by the default configuration. Which of it Stripe's dashboard offers first is from memory.
fn usual() -> Value {
    let mut features = nothing();
    let usual = json!({
        "customer_update": { "allowed_updates": ["name", "email", "address", "phone"], "enabled": true },
        "invoice_history": { "enabled": true },
        "payment_method_update": { "enabled": true },
        "subscription_cancel": { "cancellation_reason": { "enabled": true }, "enabled": true },
    });
    overlay(&mut features, &usual);
    features
}

/// Puts the fields of `given` into `kept`, inside objects one by one. A list that is unset is empty.
fn overlay(kept: &mut Value, given: &Value) {
    for (name, value) in given.as_object().into_iter().flatten() {
        let place = &mut kept[name.as_str()];
        if value.is_object() && place.is_object() {
            overlay(place, value);
        } else if value.is_null() && place.is_array() {
            *place = json!([]);
        } else {
            *place = value.clone();
        }
    }
}

/// What is asked of a configuration.
#[derive(Deserialize)]
struct Fields {
    active: Option<bool>,
    business_profile: Option<Value>,
    features: Option<Value>,
    login_page: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    default_return_url: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    metadata: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    name: Option<Value>,
}

/// One in which nothing may be done yet.
fn new(cx: &mut Cx<'_>) -> Configuration {
    let id = cx.new_id("bpc");
    let now = cx.now();
    Configuration {
        id,
        created: now,
        updated: now,
        active: true,
        is_default: false,
        name: None,
        default_return_url: None,
        business_profile: json!({}),
        features: nothing(),
        metadata: Metadata::new(),
    }
}

/// The configuration of sessions that name none: it is made when it is first needed. Answers its id.
pub(crate) fn default(cx: &mut Cx<'_>) -> String {
    let found = cx.world.all::<Configuration>().find(|found| found.is_default).map(|found| found.id.clone());
    if let Some(id) = found {
        return id;
    }
    let made = Configuration { is_default: true, features: usual(), ..new(cx) };
    let id = made.id.clone();
    cx.create(made, "billing_portal.configuration.created");
    id
}

/// `POST /v1/billing_portal/configurations`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let mut made = new(cx);
    apply(cx, &mut made, &fields)?;
    let id = made.id.clone();
    cx.create(made, "billing_portal.configuration.created");
    Answer::object::<Configuration>(cx, &id)
}

/// `GET /v1/billing_portal/configurations`
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let flag = |name: &str| asked.params.get(name).and_then(Value::as_bool);
    let (active, is_default) = (flag("active"), flag("is_default"));
    Ok(Answer::list::<Configuration>(cx, |found| {
        active.is_none_or(|active| found.active == active)
            && is_default.is_none_or(|is_default| found.is_default == is_default)
    }))
}

/// `GET /v1/billing_portal/configurations/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    cx.of_path::<Configuration>(asked.id()).map_err(|error| error.at("configuration"))?;
    Answer::object::<Configuration>(cx, asked.id())
}

/// `POST /v1/billing_portal/configurations/{id}`
pub(crate) fn update(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let found: Configuration = cx.of_path(asked.id()).map_err(|error| error.at("configuration"))?;
    if found.is_default && fields.active == Some(false) {
        // The words are ours.
        return Err(ApiError::wrong("The default configuration cannot be deactivated.", "active"));
    }
    let mut changed = found.clone();
    apply(cx, &mut changed, &fields)?;
    if plain(&changed) != plain(&found) {
        changed.updated = cx.now();
    }
    let before = cx.before::<Configuration>(asked.id());
    cx.put(changed);
    cx.tell_change::<Configuration>("billing_portal.configuration.updated", asked.id(), before);
    Answer::object::<Configuration>(cx, asked.id())
}

fn apply(cx: &Cx<'_>, found: &mut Configuration, fields: &Fields) -> Result<(), ApiError> {
    if fields.login_page.as_ref().is_some_and(|page| page["enabled"] == true) {
        return Err(ApiError::not_simulated("login pages of the portal"));
    }
    if let Some(features) = &fields.features {
        overlay(&mut found.features, features);
        check(&found.features)?;
        check_products(cx, &mut found.features)?;
    }
    if let Some(profile) = &fields.business_profile {
        overlay(&mut found.business_profile, profile);
    }
    if let Some(url) = &fields.default_return_url {
        found.default_return_url = url.as_str().map(str::to_owned);
    }
    if let Some(name) = &fields.name {
        found.name = name.as_str().map(str::to_owned);
    }
    found.active = fields.active.unwrap_or(found.active);
    found.metadata = merged(&found.metadata, fields.metadata.as_ref())?;
    Ok(())
}

/// What does not go together. That it is refused is Stripe's (the declarations of `stripe@23.1.0` of npm), the words
/// are ours.
fn check(features: &Value) -> Result<(), ApiError> {
    if features["subscription_pause"]["enabled"] == true {
        return Err(ApiError::not_simulated("pausing in the portal"));
    }
    let cancel = &features["subscription_cancel"];
    let param = "features[subscription_cancel][proration_behavior]";
    match (cancel["mode"].as_str(), cancel["proration_behavior"].as_str()) {
        (_, Some("always_invoice")) => Err(ApiError::wrong("The portal cannot invoice a cancellation at once.", param)),
        (Some("at_period_end"), Some("create_prorations")) => {
            Err(ApiError::wrong("Prorations are made of cancellations with `mode=immediately` only.", param))
        }
        _ => Ok(()),
    }
}

/// Checks what subscriptions can be changed to, and fills up what was not said of it.
fn check_products(cx: &Cx<'_>, features: &mut Value) -> Result<(), ApiError> {
    let param = "features[subscription_update][products]";
    let Some(products) = features["subscription_update"]["products"].as_array_mut() else { return Ok(()) };
    if products.len() > MOST_PRODUCTS {
        return Err(ApiError::wrong(&format!("You can offer at most {MOST_PRODUCTS} products."), param));
    }
    for (place, product) in products.iter_mut().enumerate() {
        let param = format!("{param}[{place}]");
        let id = product["product"].as_str().unwrap_or_default().to_owned();
        cx.given::<Product>(&id, &format!("{param}[product]"))?;
        for (number, price) in strings(&product["prices"]).into_iter().enumerate() {
            let param = format!("{param}[prices][{number}]");
            if sellable(cx, price, &param)?.product != id {
                return Err(ApiError::wrong(&format!("The price `{price}` is not one of the product `{id}`."), &param));
            }
        }
        let mut quantity = json!({ "enabled": false, "maximum": null, "minimum": 1 });
        overlay(&mut quantity, &product["adjustable_quantity"]);
        product["adjustable_quantity"] = quantity;
    }
    Ok(())
}
