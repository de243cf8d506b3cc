//! The operations of prices.

use super::{
    Price, Product,
    amounts::{Amounts, options},
    at_least_one,
    currency::currency,
    inside, only_one_of, plan_of,
    price::{Recurring, TiersMode, Transform},
    price_of, products, read, too_long,
};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{
        metadata::{Metadata, merged},
        meters::Meter,
        period::{Every, Interval},
    },
    world::{Cx, within},
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Longest lookup key. Source: <https://docs.stripe.com/api/prices/create>
const LONGEST_KEY: usize = 200;

/// What may be asked of a new price, beside its amounts.
#[derive(Deserialize)]
struct New {
    active: Option<bool>,
    billing_scheme: Option<String>,
    currency: String,
    currency_options: Option<Value>,
    lookup_key: Option<String>,
    metadata: Option<Value>,
    nickname: Option<String>,
    recurring: Option<RecurringAsked>,
    tax_behavior: Option<String>,
    tiers_mode: Option<TiersMode>,
    transfer_lookup_key: Option<bool>,
    transform_quantity: Option<Transform>,
}

#[derive(Deserialize)]
struct RecurringAsked {
    interval: Interval,
    interval_count: Option<i64>,
    meter: Option<String>,
    trial_period_days: Option<i64>,
    usage_type: Option<String>,
}

/// `POST /v1/prices`
pub(crate) fn create_price(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let (product, data) = (asked.params.get("product").and_then(Value::as_str), asked.params.get("product_data"));
    let product = match (product, data) {
        (Some(_), Some(_)) => return Err(only_one_of("", "product", "product_data")),
        (None, None) => {
            let message = "You must specify either `product` or `product_data` when creating a price.";
            return Err(ApiError::invalid(message));
        }
        (Some(id), None) => cx.given::<Product>(id, "product")?.id,
        (None, Some(data)) => products::put_new(cx, data)?,
    };
    let id = put_new(cx, &asked.params, &product, "")?;
    if data.is_some() {
        cx.tell::<Product>("product.created", &product);
    }
    tell_created(cx, &id);
    Answer::object::<Price>(cx, &id)
}

/// Puts a new price of `product` in, as `params` describe it, which are the parameter `at`; nobody is told of it yet.
/// Answers its id.
///
/// # Errors
/// What does not go together in it, an unknown meter, or a lookup key that another price has.
pub(super) fn put_new(cx: &mut Cx<'_>, params: &Value, product: &str, at: &str) -> Result<String, ApiError> {
    let new: New = read(params)?;
    let amounts = Amounts::read(params, at)?;
    let currency = currency(&new.currency, &inside(at, "currency"))?;
    let recurring = new.recurring.as_ref().map(|asked| recurring(cx, asked, &inside(at, "recurring"))).transpose()?;
    check_together(&new, &amounts, at)?;
    let currency_options = match &new.currency_options {
        Some(given) => options(&Map::new(), given, &inside(at, "currency_options"))?,
        None => Map::new(),
    };
    let metadata = merged(&Metadata::new(), new.metadata.as_ref())?;
    let id = cx.new_id("price");
    if let Some(key) = &new.lookup_key {
        take_key(cx, key, &id, new.transfer_lookup_key == Some(true))?;
    }
    cx.put(Price {
        id: id.clone(),
        created: cx.now(),
        active: new.active.unwrap_or(true),
        currency,
        product: product.to_owned(),
        recurring,
        unit_amount_decimal: amounts.unit.map(|unit| unit.to_string()),
        custom_unit_amount: amounts.custom,
        tiers_mode: new.tiers_mode,
        tiers: amounts.tiers,
        transform_quantity: new.transform_quantity,
        currency_options,
        lookup_key: new.lookup_key,
        nickname: new.nickname,
        tax_behavior: new.tax_behavior.unwrap_or_else(|| "unspecified".into()),
        metadata,
    });
    Ok(id)
}

/// Tells a new price, and the plan that it is too when it recurs.
pub(super) fn tell_created(cx: &mut Cx<'_>, id: &str) {
    cx.tell::<Price>("price.created", id);
    let plan = price_of(cx.world, id).filter(|price| price.recurring.is_some()).map(plan_of);
    if let Some(plan) = plan {
        cx.tell_value("plan.created", plan, None);
    }
}

fn recurring(cx: &Cx<'_>, asked: &RecurringAsked, at: &str) -> Result<Recurring, ApiError> {
    let interval_count = asked.interval_count.unwrap_or(1);
    let param = inside(at, "interval_count");
    if interval_count < 1 {
        return Err(at_least_one(&param));
    }
    // Source: <https://docs.stripe.com/api/prices/create>
    let three_years = match asked.interval {
        Interval::Day => 1095,
        Interval::Week => 156,
        Interval::Month => 36,
        Interval::Year => 3,
    };
    if interval_count > three_years {
        let message = format!(
            "The interval can be at most three years, so `interval_count` can be at most {three_years} with \
             `interval={}`.",
            asked.interval.name()
        );
        return Err(ApiError::wrong(&message, &param));
    }
    let metered = asked.usage_type.as_deref() == Some("metered");
    let param = inside(at, "meter");
    match &asked.meter {
        Some(_) if !metered => {
            return Err(ApiError::wrong("A meter can only be given with `usage_type=metered`.", &param));
        }
        Some(meter) => {
            let meter: Meter = cx.given(meter, &param)?;
            if !meter.is_active() {
                let message = format!("The meter `{}` is inactive. A price needs an active one.", meter.id);
                return Err(ApiError::wrong(&message, &param));
            }
        }
        None if metered => {
            return Err(ApiError::invalid(
                "Starting with Stripe version `2025-03-31.basil`, metered prices must be backed by meters.",
            ));
        }
        None => {}
    }
    Ok(Recurring {
        every: Every { interval: asked.interval, interval_count },
        meter: asked.meter.clone(),
        trial_period_days: asked.trial_period_days,
    })
}

/// Sees that what is asked of a price goes together.
fn check_together(new: &New, amounts: &Amounts, at: &str) -> Result<(), ApiError> {
    let wrong = |message: &str, name: &str| Err(ApiError::wrong(message, &inside(at, name)));
    let has_amount = amounts.unit.is_some() || amounts.custom.is_some();
    if let Some(transform) = &new.transform_quantity
        && transform.divide_by < 1
    {
        return Err(at_least_one(&inside(&inside(at, "transform_quantity"), "divide_by")));
    }
    if new.billing_scheme.as_deref() != Some("tiered") {
        if !amounts.tiers.is_empty() || new.tiers_mode.is_some() {
            let name = if amounts.tiers.is_empty() { "tiers_mode" } else { "tiers" };
            return wrong("Tiers can only be used with `billing_scheme=tiered`.", name);
        }
        if !has_amount {
            return Err(ApiError::invalid(
                "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.",
            ));
        }
        if amounts.custom.is_some() && new.recurring.is_some() {
            return wrong("A recurring price cannot have a `custom_unit_amount`.", "custom_unit_amount");
        }
        return Ok(());
    }
    if new.recurring.is_none() {
        let message = "Prices with `type=one_time` are not supported with tiered billing.";
        return Err(ApiError::wrong(message, "interval"));
    }
    if has_amount {
        return wrong("A price with `billing_scheme=tiered` has its amounts in `tiers`.", "unit_amount");
    }
    if amounts.tiers.is_empty() {
        return Err(ApiError::missing(&inside(at, "tiers")));
    }
    if new.tiers_mode.is_none() {
        return Err(ApiError::missing(&inside(at, "tiers_mode")));
    }
    if new.transform_quantity.is_some() {
        return wrong("`transform_quantity` cannot be combined with tiers.", "transform_quantity");
    }
    Ok(())
}

/// Sees that no price but `id` has the lookup key; with `transfer` it is taken from the one that has.
fn take_key(cx: &mut Cx<'_>, key: &str, id: &str, transfer: bool) -> Result<(), ApiError> {
    if key.chars().count() > LONGEST_KEY {
        return Err(too_long(key, LONGEST_KEY, "lookup_key"));
    }
    let holds = |price: &&Price| price.lookup_key.as_deref() == Some(key) && price.id != id;
    let Some(holder) = cx.world.all::<Price>().find(holds).map(|price| price.id.clone()) else { return Ok(()) };
    if !transfer {
        let message = format!("A price (`{holder}`) already uses that lookup key.");
        return Err(ApiError::wrong(&message, "lookup_key"));
    }
    cx.change::<Price>(&holder, "price.updated", |price| price.lookup_key = None);
    Ok(())
}

/// `GET /v1/prices`
pub(crate) fn list_prices(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let given = |name: &str| asked.params.get(name);
    let text = |name: &str| given(name).and_then(Value::as_str);
    let active = given("active").and_then(Value::as_bool);
    let (created, currency, product, kind) = (given("created"), text("currency"), text("product"), text("type"));
    let keys = given("lookup_keys").and_then(Value::as_array);
    let recurring = given("recurring");
    Ok(Answer::list_of::<Price>(cx, product, |price| {
        active.is_none_or(|active| price.active == active)
            && currency.is_none_or(|currency| price.currency == currency)
            && product.is_none_or(|product| price.product == product)
            && kind.is_none_or(|kind| (kind == "recurring") == price.recurring.is_some())
            && keys.is_none_or(|keys| price.lookup_key.as_ref().is_some_and(|own| keys.iter().any(|key| key == own)))
            && recurring.is_none_or(|asked| recurs(price, asked))
            && within(price.created, created)
    }))
}

/// Whether a price recurs as a filter says.
fn recurs(price: &Price, asked: &Value) -> bool {
    let Some(recurring) = &price.recurring else { return false };
    let is = |name: &str, own: Option<&str>| asked.get(name).is_none_or(|value| value.as_str() == own);
    is("interval", Some(recurring.every.interval.name()))
        && is("meter", recurring.meter.as_deref())
        && is("usage_type", Some(if price.is_metered() { "metered" } else { "licensed" }))
}

/// `GET /v1/prices/{id}`
pub(crate) fn retrieve_price(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    of_path(cx, asked)?;
    Answer::object::<Price>(cx, asked.id())
}

/// The price in the path; Stripe names the parameter by its placeholder.
fn of_path(cx: &Cx<'_>, asked: &Asked) -> Result<Price, ApiError> {
    cx.of_path::<Price>(asked.id()).map_err(|error| error.at("price"))
}

/// What may be changed of a price.
#[derive(Deserialize)]
struct Changes {
    active: Option<bool>,
    #[serde(default, deserialize_with = "crate::objects::given")]
    currency_options: Option<Value>,
    lookup_key: Option<String>,
    #[serde(default, deserialize_with = "crate::objects::given")]
    metadata: Option<Value>,
    nickname: Option<String>,
    tax_behavior: Option<String>,
    transfer_lookup_key: Option<bool>,
}

/// `POST /v1/prices/{id}`
pub(crate) fn update_price(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let changes: Changes = asked.read()?;
    let mut price = of_path(cx, asked)?;
    let of_product = cx.world.get::<Product>(&price.product);
    let is_default = of_product.is_some_and(|product| product.default_price.as_ref() == Some(&price.id));
    if changes.active == Some(false) && is_default {
        let message = "This price cannot be archived because it is the default price of its product.";
        return Err(ApiError::invalid(message));
    }
    price.active = changes.active.unwrap_or(price.active);
    if let Some(given) = &changes.currency_options {
        // Unset is all of them gone.
        let kept = if given.is_null() { Map::new() } else { price.currency_options };
        price.currency_options = options(&kept, given, "currency_options")?;
    }
    if let Some(key) = changes.lookup_key {
        take_key(cx, &key, &price.id, changes.transfer_lookup_key == Some(true))?;
        price.lookup_key = Some(key);
    }
    price.metadata = merged(&price.metadata, changes.metadata.as_ref())?;
    price.nickname = changes.nickname.or(price.nickname);
    if let Some(behavior) = changes.tax_behavior {
        if price.tax_behavior != "unspecified" && price.tax_behavior != behavior {
            let message = "Once specified as either `inclusive` or `exclusive`, `tax_behavior` cannot be changed.";
            return Err(ApiError::wrong(message, "tax_behavior"));
        }
        price.tax_behavior = behavior;
    }
    let before = cx.before::<Price>(asked.id());
    cx.put(price);
    cx.tell_change::<Price>("price.updated", asked.id(), before);
    Answer::object::<Price>(cx, asked.id())
}

#[cfg(test)]
mod tests;
