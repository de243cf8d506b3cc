//! Changes of plan in the portal: what a subscription can be changed to, when that counts, and what it takes.

use super::{Configuration, configurations::strings};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{
        catalog::{self, Price},
        decimal::Decimal,
        invoices::preview,
        period::boundary,
        schedules,
        subscriptions::{self, Item, Status, Subscription},
    },
    world::{Cx, World},
};
use serde_json::{Value, json};

const FEATURE: &str = "subscription_update";

/// The most that a quantity can be set to, where nothing else is said.
/// Source: `adjustable_quantity` in <https://docs.stripe.com/api/checkout/sessions/create>
const MOST: i64 = 999_999;

/// What a customer wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// `None` when the price stays.
    pub price: Option<String>,
    /// `None` when the quantity stays.
    pub quantity: Option<i64>,
}

impl Wish {
    /// What a flow asks the customer's consent for; `None` unless it is about one item.
    pub fn of_flow(asked: &Value) -> Option<Self> {
        let [item] = asked["items"].as_array()?.as_slice() else { return None };
        Some(Self { price: item["price"].as_str().map(str::to_owned), quantity: item["quantity"].as_i64() })
    }
}

/// A change that is possible.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The item as it is.
    pub item: Item,
    pub price: Price,
    /// `None` when usage is metered.
    pub quantity: Option<i64>,
    /// Whether it counts from the end of the period on.
    pub at_period_end: bool,
}

/// The prices that a subscription can be changed to, in the order of the configuration; its own is not among them.
pub(crate) fn offers<'a>(world: &'a World, configuration: &Configuration, found: &Subscription) -> Vec<&'a Price> {
    if !configuration.words(FEATURE, "default_allowed_updates").contains(&"price") {
        return Vec::new();
    }
    let own = |price: &&Price| found.items_of(world).any(|item| item.price == price.id);
    let ids = configuration.products().iter().flat_map(|product| strings(&product["prices"]));
    let prices = ids.filter_map(|id| world.get::<Price>(id));
    prices.filter(|price| price.active && price.currency == found.currency && !own(price)).collect()
}

/// The least and the most that customers may set the quantity of a product to; `None` when they may not.
pub(crate) fn bounds(configuration: &Configuration, product: &str) -> Option<(i64, i64)> {
    let offered = configuration.products().iter().find(|offered| offered["product"] == product);
    let adjustable = offered.map(|offered| &offered["adjustable_quantity"]);
    if let Some(quantity) = adjustable.filter(|quantity| quantity["enabled"] == true) {
        return Some((quantity["minimum"].as_i64().unwrap_or(1), quantity["maximum"].as_i64().unwrap_or(MOST)));
    }
    configuration.words(FEATURE, "default_allowed_updates").contains(&"quantity").then_some((1, MOST))
}

/// Whether customers can change a subscription at all.
///
/// # Errors
/// Why not. Conditions: <https://docs.stripe.com/customer-management>; the words are ours.
pub(crate) fn must_be_changeable(found: &Subscription) -> Result<(), ApiError> {
    let why = if found.is_over() {
        "it is canceled"
    } else if found.items.len() != 1 {
        "it does not have just one item"
    } else if found.schedule.is_some() {
        "it is under a schedule"
    } else {
        return Ok(());
    };
    Err(ApiError::invalid(format!("The subscription `{}` cannot be updated in the portal because {why}.", found.id)))
}

/// What a wish comes to.
///
/// # Errors
/// The configuration does not offer it. The words are ours.
pub(crate) fn checked(
    world: &World,
    configuration: &Configuration,
    found: &Subscription,
    wish: &Wish,
) -> Result<Target, ApiError> {
    let item = found.items_of(world).next().cloned();
    let item = item.ok_or_else(|| ApiError::invalid("The subscription has no items."))?;
    let to = wish.price.as_deref().unwrap_or(&item.price);
    let price = if to == item.price {
        world.get::<Price>(to)
    } else {
        offers(world, configuration, found).into_iter().find(|price| price.id == to)
    };
    let not_offered = || ApiError::invalid(format!("The portal configuration does not offer the price `{to}`."));
    let price = price.cloned().ok_or_else(not_offered)?;
    let quantity = quantity(configuration, &item, &price, wish.quantity)?;
    let at_period_end = waits(world, configuration, &item, &price, quantity);
    Ok(Target { item, price, quantity, at_period_end })
}

fn quantity(
    configuration: &Configuration,
    item: &Item,
    price: &Price,
    wished: Option<i64>,
) -> Result<Option<i64>, ApiError> {
    if price.is_metered() {
        return Ok(None);
    }
    let present = item.quantity.unwrap_or(1);
    let Some(wished) = wished.filter(|wished| *wished != present) else { return Ok(Some(present)) };
    match bounds(configuration, &price.product) {
        Some((least, most)) if (least..=most).contains(&wished) => Ok(Some(wished)),
        Some((least, most)) => Err(ApiError::invalid(format!("The quantity must be from {least} to {most}."))),
        None => Err(ApiError::invalid("The portal configuration does not allow to change the quantity.")),
    }
}

/// Whether a change counts from the end of the period on only: it costs less, or is billed more often, and the
/// configuration names that as a condition.
fn waits(world: &World, configuration: &Configuration, item: &Item, price: &Price, quantity: Option<i64>) -> bool {
    let conditions = &configuration.features[FEATURE]["schedule_at_period_end"]["conditions"];
    let has = |kind: &str| conditions.as_array().into_iter().flatten().any(|condition| condition["type"] == kind);
    let Some(before) = item.price_of(world) else { return false };
    let cost = |price: &Price, quantity: Option<i64>| catalog::amount_of(price, Decimal::from(quantity.unwrap_or(0)));
    let length = |price: &Price| price.recurring.as_ref().map(|recurring| boundary(0, recurring.every, 1));
    let cheaper = cost(price, quantity) < cost(before, item.quantity);
    let shorter = length(price) < length(before);
    cheaper && has("decreasing_item_amount") || shorter && has("shortening_interval")
}

/// Changes a subscription as the customer wishes.
///
/// # Errors
/// It cannot be changed so, or its payment is declined; then it stays as it was.
pub(crate) fn change(cx: &mut Cx<'_>, configuration: &Configuration, id: &str, wish: &Wish) -> Result<(), ApiError> {
    let found: Subscription = cx.of_path(id)?;
    must_be_changeable(&found)?;
    let target = checked(cx.world, configuration, &found, wish)?;
    if target.at_period_end {
        return plan(cx, &found, &target);
    }
    let mut params = details(configuration, &found, &target);
    params["payment_behavior"] = json!("error_if_incomplete");
    subscriptions::api::update(cx, &Asked { path: vec![found.id], url: String::new(), params })?;
    Ok(())
}

/// A change at once, in the words of the API.
fn details(configuration: &Configuration, found: &Subscription, target: &Target) -> Value {
    let mut params = json!({
        "items": [{ "id": target.item.id, "price": target.price.id, "quantity": target.quantity }],
        "proration_behavior": configuration.word(FEATURE, "proration_behavior"),
    });
    if configuration.word(FEATURE, "billing_cycle_anchor") == "now" {
        params["billing_cycle_anchor"] = json!({ "type": "now" });
    }
    if found.status == Status::Trialing && configuration.word(FEATURE, "trial_update_behavior") != "continue_trial" {
        params["trial_end"] = json!("now");
    }
    params
}

/// The invoice that a change leads to, as a preview shows it; `None` when none is to come, or the change waits.
pub(crate) fn invoice(
    cx: &mut Cx<'_>,
    configuration: &Configuration,
    found: &Subscription,
    target: &Target,
) -> Option<Value> {
    if target.at_period_end {
        return None;
    }
    let details = details(configuration, found, target);
    let params = json!({ "subscription": found.id, "subscription_details": details });
    match preview::create(cx, &Asked { path: Vec::new(), url: String::new(), params }) {
        Ok(Answer::Value(invoice)) => Some(invoice),
        _ => None,
    }
}

/// Puts the subscription under a schedule that changes it at the end of its period.
fn plan(cx: &mut Cx<'_>, found: &Subscription, target: &Target) -> Result<(), ApiError> {
    let asked = |path: Vec<String>, params: Value| Asked { path, url: String::new(), params };
    let made = schedules::api::create(cx, &asked(Vec::new(), json!({ "from_subscription": found.id })))?;
    let Answer::Value(made) = made else { return Err(ApiError::trouble(500)) };
    let present = &made["phases"][0];
    let phases = json!([
        {
            "items": [{ "price": target.item.price, "quantity": target.item.quantity }],
            "start_date": present["start_date"],
            "end_date": present["end_date"],
            "trial_end": present["trial_end"],
            "default_payment_method": present["default_payment_method"],
        },
        {
            "items": [{ "price": target.price.id, "quantity": target.quantity }],
            "default_payment_method": present["default_payment_method"],
            "proration_behavior": "none",
        },
    ]);
    let id = made["id"].as_str().unwrap_or_default().to_owned();
    schedules::api::update(cx, &asked(vec![id], json!({ "phases": phases })))?;
    Ok(())
}
