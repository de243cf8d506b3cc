//! Operations on checkout sessions.

use super::{Data, Mode, PaymentStatus, Session, SessionItem, Status, expire};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{
        Kept,
        catalog::{self, Price},
        customers::Customer,
        decimal::Decimal,
        given, keep,
        metadata::{Metadata, merged},
    },
    world::{Cx, Timer, within},
};
use serde::Deserialize;
use serde_json::Value;

/// Fields that are kept as they were given.
const KEPT: &[&str] = &["allow_promotion_codes", "billing_address_collection", "locale", "submit_type"];

/// For how long a session is open, and the least and most that may be asked for, in seconds.
/// Source: `expires_at` in <https://docs.stripe.com/api/checkout/sessions/create>
const OPEN: i64 = 24 * 3600;
const SHORTEST: i64 = 30 * 60;

/// Most things a session sells. Source: `line_items` in <https://docs.stripe.com/api/checkout/sessions/create>
const MOST_ITEMS: usize = 100;

/// What is asked of a session.
#[derive(Deserialize)]
struct Fields {
    mode: Option<String>,
    customer: Option<String>,
    customer_email: Option<String>,
    customer_creation: Option<String>,
    client_reference_id: Option<String>,
    currency: Option<String>,
    success_url: Option<String>,
    cancel_url: Option<String>,
    expires_at: Option<i64>,
    payment_method_collection: Option<String>,
    #[serde(default)]
    line_items: Vec<ItemFields>,
    subscription_data: Option<Data>,
    payment_intent_data: Option<Data>,
    setup_intent_data: Option<Data>,
    #[serde(default, deserialize_with = "given")]
    metadata: Option<Value>,
}

#[derive(Deserialize)]
struct ItemFields {
    price: Option<String>,
    price_data: Option<Value>,
    quantity: Option<i64>,
}

/// `POST /v1/checkout/sessions`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let mode = match fields.mode.as_deref() {
        Some("setup") => Mode::Setup,
        Some("subscription") => Mode::Subscription,
        Some(_) => Mode::Payment,
        None => return Err(ApiError::missing("mode")),
    };
    if let Some(customer) = &fields.customer {
        cx.given::<Customer>(customer, "customer")?;
    }
    let now = cx.now();
    let expires_at = fields.expires_at.unwrap_or(now + OPEN);
    if !(now + SHORTEST..=now + OPEN).contains(&expires_at) {
        let message = "The `expires_at` timestamp must be at least 30 minutes and less than 24 hours from Checkout Session \
                       creation.";
        return Err(ApiError::wrong(message, "expires_at"));
    }
    let id = cx.new_id("cs_test");
    let (line_items, currency) = items(cx, &id, mode, &fields.line_items)?;
    let mut kept = Kept::new();
    keep(&mut kept, &asked.params, KEPT);
    let session = Session {
        id: id.clone(),
        created: now,
        expires_at,
        mode,
        status: Status::Open,
        payment_status: if mode == Mode::Setup { PaymentStatus::NoPaymentRequired } else { PaymentStatus::Unpaid },
        customer: fields.customer,
        customer_email: fields.customer_email,
        customer_creation: fields.customer_creation.unwrap_or_else(|| creation(mode).into()),
        customer_details: None,
        client_reference_id: fields.client_reference_id,
        currency: currency.or(fields.currency),
        line_items,
        success_url: fields.success_url,
        cancel_url: fields.cancel_url,
        subscription: None,
        payment_intent: None,
        setup_intent: None,
        invoice: None,
        subscription_data: fields.subscription_data.unwrap_or_default(),
        payment_intent_data: fields.payment_intent_data.unwrap_or_default(),
        setup_intent_data: fields.setup_intent_data.unwrap_or_default(),
        payment_method_collection: fields.payment_method_collection.unwrap_or_else(|| "always".into()),
        under_way: None,
        metadata: merged(&Metadata::new(), fields.metadata.as_ref())?,
        kept,
    };
    cx.put(session);
    cx.at(expires_at, Timer::SessionExpires(id.clone()));
    Answer::object::<Session>(cx, &id)
}

const fn creation(mode: Mode) -> &'static str {
    match mode {
        Mode::Subscription => "always",
        Mode::Payment | Mode::Setup => "if_required",
    }
}

/// Puts what is sold in; answers the ids, and the currency.
fn items(
    cx: &mut Cx<'_>,
    session: &str,
    mode: Mode,
    given: &[ItemFields],
) -> Result<(Vec<String>, Option<String>), ApiError> {
    if given.is_empty() {
        return if mode == Mode::Setup { Ok((Vec::new(), None)) } else { Err(ApiError::missing("line_items")) };
    }
    if given.len() > MOST_ITEMS {
        return Err(ApiError::wrong(&format!("You can have at most {MOST_ITEMS} line items."), "line_items"));
    }
    let mut ids = Vec::with_capacity(given.len());
    let mut currency = None;
    let mut recurs = false;
    for (place, item) in given.iter().enumerate() {
        let at = format!("line_items[{place}]");
        let price = price(cx, item, &at)?;
        recurs |= price.recurring.is_some();
        if mode == Mode::Payment && price.recurring.is_some() {
            let message = "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode \
                           or use only one-time prices.";
            return Err(ApiError::wrong(message, &at));
        }
        let quantity = quantity(&price, item.quantity, &at)?;
        let amount = quantity.map_or(0, |quantity| catalog::amount_of(&price, Decimal::from(quantity)));
        let id = cx.new_id("li");
        currency = Some(price.currency.clone());
        let description = catalog::product_name(cx.world, &price);
        cx.put(SessionItem {
            id: id.clone(),
            session: session.to_owned(),
            price: price.id,
            quantity,
            amount,
            currency: price.currency,
            description,
            metadata: Metadata::new(),
        });
        ids.push(id);
    }
    if mode == Mode::Subscription && !recurs {
        let message = "You must provide at least one recurring price in `subscription` mode when using prices.";
        return Err(ApiError::invalid(message));
    }
    Ok((ids, currency))
}

/// The price of an item: one there is, or one made of `price_data`.
fn price(cx: &mut Cx<'_>, item: &ItemFields, at: &str) -> Result<Price, ApiError> {
    let param = format!("{at}[price]");
    match (&item.price, &item.price_data) {
        (Some(id), _) => {
            let price: Price = cx.given(id, &param)?;
            if price.active {
                return Ok(price);
            }
            let message = "The price specified is inactive. This field only accepts active prices.";
            Err(ApiError::wrong(message, &param))
        }
        (None, Some(data)) => {
            let asked = Asked { path: Vec::new(), url: "/v1/prices".into(), params: data.clone() };
            let Answer::Value(made) = catalog::create_price(cx, &asked)? else { return Err(ApiError::missing(&param)) };
            let id = made.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
            // It is of this session alone.
            cx.edit::<Price>(&id, |price| price.active = false);
            cx.given(&id, &param)
        }
        (None, None) => Err(ApiError::missing(&param)),
    }
}

fn quantity(price: &Price, given: Option<i64>, at: &str) -> Result<Option<i64>, ApiError> {
    let param = format!("{at}[quantity]");
    match (price.is_metered(), given) {
        (true, Some(_)) => {
            let message = "Quantity should not be specified where usage_type is `metered`. Remove quantity from \
                           `line_items`";
            Err(ApiError::wrong(&format!("{message}."), &param))
        }
        (true, None) => Ok(None),
        (false, Some(quantity)) => Ok(Some(quantity)),
        (false, None) => Err(ApiError::wrong(&format!("Quantity is required. Add `quantity` to `{at}`"), &param)
            .code("parameter_missing")),
    }
}

/// `GET /v1/checkout/sessions/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    cx.of_path::<Session>(asked.id()).map_err(|error| error.at("session"))?;
    Answer::object::<Session>(cx, asked.id())
}

/// `POST /v1/checkout/sessions/{id}`
pub(crate) fn update(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let found: Session = cx.of_path(asked.id())?;
    let metadata = merged(&found.metadata, asked.params.get("metadata"))?;
    cx.edit::<Session>(asked.id(), |session| session.metadata = metadata);
    Answer::object::<Session>(cx, asked.id())
}

/// `POST /v1/checkout/sessions/{id}/expire`
pub(crate) fn expire_now(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let found: Session = cx.of_path(asked.id())?;
    if found.status != Status::Open {
        let status = serde_json::to_value(found.status).unwrap_or_default();
        let message = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of \
             {}",
            status.as_str().unwrap_or_default()
        );
        return Err(ApiError::invalid(message));
    }
    expire(cx, asked.id());
    Answer::object::<Session>(cx, asked.id())
}

/// `GET /v1/checkout/sessions`
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let text = |name: &str| asked.params.get(name).and_then(Value::as_str);
    let (customer, intent, subscription) = (text("customer"), text("payment_intent"), text("subscription"));
    let (status, created) = (text("status"), asked.params.get("created"));
    let is = |wanted: Option<&str>, found: &Option<String>| wanted.is_none() || wanted == found.as_deref();
    Ok(Answer::list_of::<Session>(cx, intent.or(subscription).or(customer), |session| {
        is(customer, &session.customer)
            && is(intent, &session.payment_intent)
            && is(subscription, &session.subscription)
            && status.is_none_or(|status| serde_json::to_value(session.status).is_ok_and(|found| found == status))
            && within(session.created, created)
    }))
}

/// `GET /v1/checkout/sessions/{id}/line_items`: in the order they were given.
pub(crate) fn line_items(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let found: Session = cx.of_path(asked.id())?;
    Ok(Answer::listed::<SessionItem>(found.line_items))
}
