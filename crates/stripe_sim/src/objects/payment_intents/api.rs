//! Payment intents are made, read, changed and listed.

use super::{
    NewIntent, PaymentIntent, Status, amounts,
    confirm::{Confirmation, now},
    open, options, refusals,
};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{
        Kept,
        customers::Customer,
        keep,
        metadata::{Metadata, merged},
        payment_methods::{self, Given},
    },
    world::{Cx, within},
};
use serde::Deserialize;
use serde_json::Value;

/// Fields that are kept as they were given.
const KEPT: &[&str] = &[
    "allowed_payment_method_types",
    "application_fee_amount",
    "automatic_payment_methods",
    "excluded_payment_method_types",
    "payment_details",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
];

/// Takes over fields that are kept; one that is unset is gone.
pub(super) fn keep_given(kept: &mut Kept, asked: &Asked) {
    keep(kept, &asked.params, KEPT);
    kept.retain(|_, value| !value.is_null());
}

#[derive(Deserialize)]
struct Fields {
    amount: Option<i64>,
    currency: Option<String>,
    customer: Option<String>,
    description: Option<String>,
    #[serde(default, deserialize_with = "crate::objects::given")]
    metadata: Option<Value>,
    payment_method: Option<String>,
    payment_method_data: Option<Given>,
    payment_method_options: Option<Value>,
    #[serde(default, deserialize_with = "crate::objects::given")]
    setup_future_usage: Option<Value>,
    capture_method: Option<String>,
    confirmation_method: Option<String>,
    confirm: Option<bool>,
}

/// The payment method that a request names or describes: its id.
///
/// # Errors
/// There is no such method, or what describes it is wrong.
pub(super) fn method_given(
    cx: &mut Cx<'_>,
    id: Option<&str>,
    data: Option<&Given>,
) -> Result<Option<String>, ApiError> {
    match (id, data) {
        (Some(id), _) => payment_methods::resolve(cx, id, "payment_method").map(Some),
        (None, Some(data)) => payment_methods::from_params(cx, data).map(Some),
        (None, None) => Ok(None),
    }
}

/// `POST /v1/payment_intents`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let confirmation: Confirmation = asked.read()?;
    let currency = amounts::currency(fields.currency.as_deref().unwrap_or_default(), "currency")?;
    let amount = fields.amount.unwrap_or_default();
    amounts::check(amount, &currency)?;
    if let Some(customer) = &fields.customer {
        cx.given::<Customer>(customer, "customer")?;
    }
    let method = method_given(cx, fields.payment_method.as_deref(), fields.payment_method_data.as_ref())?;
    if let Some(method) = &method {
        payment_methods::must_fit(cx, method, fields.customer.as_deref())?;
    }
    let mut kept = Kept::new();
    keep_given(&mut kept, asked);
    let new = NewIntent {
        amount,
        currency,
        customer: fields.customer,
        description: fields.description,
        metadata: merged(&Metadata::new(), fields.metadata.as_ref())?,
        payment_method: method,
        payment_method_options: fields.payment_method_options,
        setup_future_usage: text(fields.setup_future_usage.as_ref()),
        capture_method: fields.capture_method,
        confirmation_method: fields.confirmation_method,
        return_url: confirmation.return_url.clone(),
        kept,
        ..NewIntent::default()
    };
    let id = open(cx, new);
    if fields.confirm == Some(true) {
        return now(cx, &id, None, &confirmation);
    }
    Answer::object::<PaymentIntent>(cx, &id)
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}

/// The payment that a path names.
pub(super) fn of_path(cx: &Cx<'_>, asked: &Asked) -> Result<PaymentIntent, ApiError> {
    cx.of_path(asked.id()).map_err(|error| error.at("intent"))
}

/// `GET /v1/payment_intents/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let intent = of_path(cx, asked)?;
    Answer::object::<PaymentIntent>(cx, &intent.id)
}

/// `GET /v1/payment_intents`
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let customer = asked.params.get("customer").and_then(Value::as_str);
    if let Some(customer) = customer {
        cx.given::<Customer>(customer, "customer")?;
    }
    let created = asked.params.get("created");
    Ok(Answer::list_of::<PaymentIntent>(cx, customer, |intent| {
        (customer.is_none() || intent.customer.as_deref() == customer) && within(intent.created, created)
    }))
}

/// `POST /v1/payment_intents/{id}`: nobody is told, there is no event for it.
pub(crate) fn update(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let mut intent = of_path(cx, asked)?;
    let frozen = ["amount", "currency", "customer", "payment_method", "payment_method_data", "setup_future_usage"];
    if !intent.status.is_open()
        && let Some(field) = frozen.iter().find(|field| asked.params.get(**field).is_some())
    {
        return Err(refusals::not_changeable(cx, &intent, field));
    }
    if let Some(customer) = &fields.customer {
        cx.given::<Customer>(customer, "customer")?;
        intent.customer = Some(customer.clone());
    }
    if let Some(currency) = &fields.currency {
        intent.currency = amounts::currency(currency, "currency")?;
    }
    if let Some(amount) = fields.amount {
        intent.amount = amount;
    }
    if fields.amount.is_some() || fields.currency.is_some() {
        amounts::check(intent.amount, &intent.currency)?;
        reconsider(&mut intent);
    }
    if let Some(method) = method_given(cx, fields.payment_method.as_deref(), fields.payment_method_data.as_ref())? {
        payment_methods::must_fit(cx, &method, intent.customer.as_deref())?;
        intent.payment_method = Some(method);
        intent.status = Status::RequiresConfirmation;
        reconsider(&mut intent);
    }
    if fields.setup_future_usage.is_some() {
        intent.setup_future_usage = text(fields.setup_future_usage.as_ref());
    }
    if let Some(description) = fields.description {
        intent.description = Some(description);
    }
    if let Some(method) = fields.capture_method {
        intent.capture_method = method;
    }
    intent.payment_method_options = options(&intent.payment_method_options, fields.payment_method_options.as_ref());
    intent.metadata = merged(&intent.metadata, fields.metadata.as_ref())?;
    keep_given(&mut intent.kept, asked);
    let id = intent.id.clone();
    cx.put(intent);
    Answer::object::<PaymentIntent>(cx, &id)
}

/// What a challenge was about is no longer what is paid.
fn reconsider(intent: &mut PaymentIntent) {
    if intent.status == Status::RequiresAction {
        intent.status = Status::RequiresConfirmation;
    }
    intent.next_action = None;
    intent.proven = false;
}
