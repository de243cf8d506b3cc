//! Operations on subscriptions.

use super::{
    PauseCollection, Status, Subscription, anchor, cancel, change,
    change::{Change, ItemChange, Proration, TrialChange},
    extra::{self, ExtraDetails},
    pause,
    start::{self, NewItem, PaymentBehavior},
    turn,
};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{
        Kept, given, keep,
        metadata::{Metadata, merged},
        payment_methods,
    },
    world::{Cx, Timer, within},
};
use serde::Deserialize;
use serde_json::Value;

/// Fields that are kept as they were given.
const KEPT: &[&str] = &["description", "application_fee_percent", "transfer_data"];

/// What is asked of a subscription, at creation, in a change and in a preview.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Details {
    pub customer: Option<String>,
    pub items: Vec<ItemDetails>,
    pub add_invoice_items: Vec<ExtraDetails>,
    pub default_payment_method: Option<String>,
    pub payment_behavior: Option<String>,
    pub proration_behavior: Option<String>,
    pub proration_date: Option<i64>,
    /// An instant at creation; `{type}` in a change.
    pub billing_cycle_anchor: Option<Value>,
    pub billing_cycle_anchor_config: Option<Value>,
    pub trial_end: Option<Value>,
    pub trial_period_days: Option<i64>,
    pub trial_settings: Option<Value>,
    pub backdate_start_date: Option<i64>,
    #[serde(deserialize_with = "given")]
    pub cancel_at: Option<Value>,
    pub cancel_at_period_end: Option<bool>,
    pub cancel_now: Option<bool>,
    pub cancellation_details: Option<Value>,
    pub collection_method: Option<String>,
    pub days_until_due: Option<i64>,
    #[serde(deserialize_with = "given")]
    pub pause_collection: Option<Value>,
    pub payment_settings: Option<Value>,
    pub off_session: Option<bool>,
    #[serde(deserialize_with = "given")]
    pub metadata: Option<Value>,
}

/// What is asked of one item.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ItemDetails {
    pub id: Option<String>,
    pub price: Option<String>,
    pub quantity: Option<i64>,
    pub deleted: bool,
    #[serde(deserialize_with = "given")]
    pub metadata: Option<Value>,
}

/// `POST /v1/subscriptions`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let details: Details = asked.read()?;
    let mut kept = Kept::new();
    keep(&mut kept, &asked.params, KEPT);
    let new = new_of(cx, details.customer.as_deref(), &details, kept)?;
    let id = start::start(cx, new)?;
    Answer::object::<Subscription>(cx, &id)
}

/// Begins a subscription whose invoice is only looked at; answers its id.
pub(crate) fn start_previewed(cx: &mut Cx<'_>, customer: Option<&str>, details: &Details) -> Result<String, ApiError> {
    let new = new_of(cx, customer, details, Kept::new())?;
    start::start(cx, start::New { payment_behavior: PaymentBehavior::DefaultIncomplete, ..new })
}

/// The subscription that `details` ask for.
fn new_of(cx: &mut Cx<'_>, customer: Option<&str>, details: &Details, mut kept: Kept) -> Result<start::New, ApiError> {
    let now = cx.now();
    let customer = customer.ok_or_else(|| ApiError::missing("customer"))?.to_owned();
    if details.items.is_empty() {
        return Err(ApiError::missing("items"));
    }
    let mut items = Vec::with_capacity(details.items.len());
    for (place, item) in details.items.iter().enumerate() {
        let price = item.price.clone().ok_or_else(|| ApiError::missing(&format!("items[{place}][price]")))?;
        let metadata = merged(&Metadata::new(), item.metadata.as_ref())?;
        items.push(NewItem { price, quantity: item.quantity, metadata });
    }
    if let Some(method) = &details.default_payment_method {
        payment_methods::must_be_of(cx, method, &customer, "default_payment_method")?;
    }
    let collection_method = details.collection_method.clone().unwrap_or_else(|| "charge_automatically".into());
    check_collection(&collection_method, details.days_until_due)?;
    let anchor = match &details.billing_cycle_anchor_config {
        Some(config) => Some(anchor::of_config(cx, details, config)?),
        None => details.billing_cycle_anchor.as_ref().and_then(Value::as_i64),
    };
    if let Some(config) = &details.billing_cycle_anchor_config {
        kept.insert("billing_cycle_anchor_config".into(), config.clone());
    }
    Ok(start::New {
        customer,
        items,
        extras: extra::of(cx, &details.add_invoice_items)?,
        default_payment_method: details.default_payment_method.clone(),
        payment_behavior: behavior(details, true)?,
        trial_end: trial_end(details, now)?,
        missing_payment_method: missing_payment_method(details).unwrap_or_else(|| "create_invoice".into()),
        billing_cycle_anchor: anchor,
        prorate: details.proration_behavior.as_deref() != Some("none"),
        backdate_start_date: details.backdate_start_date,
        cancel_at: details.cancel_at.as_ref().and_then(Value::as_i64),
        cancel_at_period_end: details.cancel_at_period_end.unwrap_or_default(),
        collection_method,
        days_until_due: details.days_until_due,
        save_default_payment_method: text_in(details.payment_settings.as_ref(), "save_default_payment_method")
            .unwrap_or_else(|| "off".into()),
        off_session: details.off_session.unwrap_or_default(),
        metadata: merged(&Metadata::new(), details.metadata.as_ref())?,
        kept,
    })
}

fn text_in(value: Option<&Value>, name: &str) -> Option<String> {
    value?.get(name)?.as_str().map(str::to_owned)
}

fn missing_payment_method(details: &Details) -> Option<String> {
    text_in(details.trial_settings.as_ref()?.get("end_behavior"), "missing_payment_method")
}

fn check_collection(method: &str, days: Option<i64>) -> Result<(), ApiError> {
    match (method, days) {
        ("send_invoice", None) => {
            Err(ApiError::invalid("If invoice collection method is 'send_invoice', you must specify 'days_until_due'."))
        }
        ("charge_automatically", Some(_)) => Err(ApiError::invalid(
            "You can only specify 'days_until_due' if invoice collection method is 'send_invoice'.",
        )),
        _ => Ok(()),
    }
}

fn behavior(details: &Details, creating: bool) -> Result<PaymentBehavior, ApiError> {
    match details.payment_behavior.as_deref() {
        Some("default_incomplete") => Ok(PaymentBehavior::DefaultIncomplete),
        Some("error_if_incomplete") => Ok(PaymentBehavior::ErrorIfIncomplete),
        Some("pending_if_incomplete") if creating => {
            let message =
                "Setting `payment_behavior` to `pending_if_incomplete` has no effect when creating a subscription.";
            Err(ApiError::wrong(message, "payment_behavior"))
        }
        Some("pending_if_incomplete") => Ok(PaymentBehavior::PendingIfIncomplete),
        _ => Ok(PaymentBehavior::AllowIncomplete),
    }
}

/// When a trial ends that is asked for.
fn trial_end(details: &Details, now: i64) -> Result<Option<i64>, ApiError> {
    if let Some(days) = details.trial_period_days.filter(|days| *days > 0) {
        return Ok(Some(now + days * 86_400));
    }
    match details.trial_end.as_ref().and_then(Value::as_i64) {
        Some(end) if end <= now => Err(in_the_past("trial_end", end)),
        end => Ok(end),
    }
}

fn in_the_past(param: &str, at: i64) -> ApiError {
    let message = format!(
        "The parameter `{param}` expects a unix timestamp representing a date and time in the future. You specified the \
         value `{at}` which is in the past."
    );
    ApiError::wrong(&message, param)
}

/// The change of items, anchor and trial that `details` ask for.
pub(crate) fn change_of(details: &Details, now: i64) -> Result<Change, ApiError> {
    let items = details.items.iter().map(|item| ItemChange {
        id: item.id.clone(),
        price: item.price.clone(),
        quantity: item.quantity,
        deleted: item.deleted,
        metadata: item.metadata.clone(),
    });
    let trial = match details.trial_end.as_ref() {
        Some(Value::String(word)) if word == "now" => Some(TrialChange::Now),
        _ => trial_end(details, now)?.map(TrialChange::At),
    };
    Ok(Change {
        items: items.collect(),
        proration: match details.proration_behavior.as_deref() {
            Some("always_invoice") => Proration::AlwaysInvoice,
            Some("none") => Proration::None,
            _ => Proration::Create,
        },
        date: details.proration_date,
        anchor_now: text_in(details.billing_cycle_anchor.as_ref(), "type").as_deref() == Some("now"),
        trial,
        payment_behavior: behavior(details, false)?,
        off_session: details.off_session.unwrap_or_default(),
    })
}

/// `POST /v1/subscriptions/{id}`
pub(crate) fn update(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let details: Details = asked.read()?;
    let id = asked.id();
    let found: Subscription = cx.of_path(id)?;
    if found.is_over() {
        return update_ended(cx, &found, &details, asked);
    }
    let before = cx.before::<Subscription>(id);
    set_plain(cx, &found, &details, asked)?;
    let extras = extra::of(cx, &details.add_invoice_items)?;
    extra::wait(cx, &found.customer, id, &found.currency, &extras)?;
    let change = change_of(&details, cx.now())?;
    if !change.items.is_empty() || change.anchor_now || change.trial.is_some() {
        change::apply(cx, id, &change)?;
    }
    set_end(cx, id, &details, &change)?;
    cx.tell_change::<Subscription>("customer.subscription.updated", id, before);
    turn::schedule(cx, id);
    Answer::object::<Subscription>(cx, id)
}

/// What can still be said of a subscription that is over.
fn update_ended(cx: &mut Cx<'_>, found: &Subscription, details: &Details, asked: &Asked) -> Result<Answer, ApiError> {
    let allowed = ["metadata", "cancellation_details"];
    let others = asked.params.as_object().into_iter().flatten().any(|(name, _)| !allowed.contains(&name.as_str()));
    if others {
        let message = "A canceled subscription can only update its cancellation_details and metadata.";
        return Err(ApiError::invalid(message).code("invalid_canceled_subscription_fields"));
    }
    let metadata = merged(&found.metadata, details.metadata.as_ref())?;
    cx.change::<Subscription>(&found.id, "customer.subscription.updated", |found| {
        found.metadata = metadata;
        say_why(found, details);
    });
    Answer::object::<Subscription>(cx, &found.id)
}

fn say_why(found: &mut Subscription, details: &Details) {
    let Some(why) = &details.cancellation_details else { return };
    if let Some(comment) = why.get("comment") {
        found.cancellation.comment = comment.as_str().map(str::to_owned);
    }
    if let Some(feedback) = why.get("feedback") {
        found.cancellation.feedback = feedback.as_str().map(str::to_owned);
    }
}

/// Sets what costs nothing.
fn set_plain(cx: &mut Cx<'_>, found: &Subscription, details: &Details, asked: &Asked) -> Result<(), ApiError> {
    let id = found.id.as_str();
    if let Some(method) = &details.default_payment_method {
        payment_methods::must_be_of(cx, method, &found.customer, "default_payment_method")?;
    }
    let metadata = merged(&found.metadata, details.metadata.as_ref())?;
    let pause = details.pause_collection.as_ref().map(pause_of);
    let collection = details.collection_method.clone();
    if let Some(method) = &collection {
        check_collection(method, details.days_until_due)?;
    }
    cx.edit::<Subscription>(id, |found| {
        found.metadata = metadata;
        keep(&mut found.kept, &asked.params, KEPT);
        if let Some(method) = &details.default_payment_method {
            found.default_payment_method = Some(method.clone());
        }
        if let Some(pause) = pause {
            found.pause_collection = pause;
        }
        if let Some(method) = collection {
            found.collection_method = method;
        }
        if details.days_until_due.is_some() {
            found.days_until_due = details.days_until_due;
        }
        if let Some(then) = missing_payment_method(details) {
            found.missing_payment_method = then;
        }
        if let Some(save) = text_in(details.payment_settings.as_ref(), "save_default_payment_method") {
            found.save_default_payment_method = save;
        }
        say_why(found, details);
    });
    let resumes = cx.world.get::<Subscription>(id).and_then(|found| found.pause_collection.as_ref()?.resumes_at);
    if let Some(at) = resumes {
        cx.at(at, Timer::Collect(id.to_owned()));
    }
    Ok(())
}

fn pause_of(given: &Value) -> Option<PauseCollection> {
    let behavior = given.get("behavior")?.as_str()?.to_owned();
    Some(PauseCollection { behavior, resumes_at: given.get("resumes_at").and_then(Value::as_i64) })
}

/// Sets when a subscription ends, or that it does not.
pub(crate) fn set_end(cx: &mut Cx<'_>, id: &str, details: &Details, change: &Change) -> Result<(), ApiError> {
    let now = cx.now();
    let Some(found) = cx.world.get::<Subscription>(id).cloned() else { return Ok(()) };
    let ends: Vec<i64> = found.items_of(cx.world).map(|item| item.current_period_end).collect();
    let (first, last) = (ends.iter().min().copied(), ends.iter().max().copied());
    let asked = match (details.cancel_at_period_end, &details.cancel_at) {
        (Some(true), _) => Some((first, true)),
        (Some(false), None) => Some((None, false)),
        (_, Some(Value::Number(at))) => {
            let at = at.as_i64().unwrap_or(now);
            if at <= now {
                return Err(in_the_past("cancel_at", at));
            }
            Some((Some(at), false))
        }
        (_, Some(Value::String(word))) if word == "min_period_end" => Some((first, false)),
        (_, Some(Value::String(_))) => Some((last, false)),
        (_, Some(_)) => Some((None, false)),
        (None, None) => None,
    };
    let Some((at, at_period_end)) = asked else { return Ok(()) };
    cx.edit::<Subscription>(id, |found| {
        found.cancel_at = at;
        found.cancel_at_period_end = at_period_end;
        found.canceled_at = at.map(|_| now);
        found.cancellation.reason = at.map(|_| "cancellation_requested".to_owned());
    });
    if at_period_end {
        return Ok(());
    }
    cancel::fit(cx, id, at, change.proration != Proration::None);
    if change.proration == Proration::AlwaysInvoice { change::invoice(cx, id, &found, change, false) } else { Ok(()) }
}

/// `GET /v1/subscriptions`
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let text = |name: &str| asked.params.get(name).and_then(Value::as_str).map(str::to_owned);
    let (customer, price, status) = (text("customer"), text("price"), text("status"));
    let created = asked.params.get("created");
    let stands = |found: &Subscription| match status.as_deref() {
        None => found.status != Status::Canceled,
        Some("all") => true,
        Some("ended") => found.is_over(),
        Some(word) => serde_json::to_value(found.status).is_ok_and(|status| status == word),
    };
    let world = &*cx.world;
    Ok(Answer::list_of::<Subscription>(cx, customer.as_deref(), |found| {
        customer.as_ref().is_none_or(|customer| found.customer == *customer)
            && price.as_ref().is_none_or(|price| found.items_of(world).any(|item| item.price == *price))
            && stands(found)
            && within(found.created, created)
    }))
}

/// `GET /v1/subscriptions/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    cx.of_path::<Subscription>(asked.id())?;
    Answer::object::<Subscription>(cx, asked.id())
}

/// `DELETE /v1/subscriptions/{id}`
pub(crate) fn cancel_now(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let flag = |name: &str| asked.params.get(name).and_then(Value::as_bool).unwrap_or_default();
    let details: Details = asked.read()?;
    cx.edit::<Subscription>(asked.id(), |found| say_why(found, &details));
    let how = cancel::How { invoice_now: flag("invoice_now"), prorate: flag("prorate") };
    cancel::at_once(cx, asked.id(), how)?;
    Answer::object::<Subscription>(cx, asked.id())
}

/// `POST /v1/subscriptions/{id}/pause`
pub(crate) fn pause_now(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let found: Subscription = cx.of_path(asked.id())?;
    pause::may_be_paused(&found)?;
    pause::now(cx, &found.id, "pause_requested");
    Answer::object::<Subscription>(cx, &found.id)
}

/// `POST /v1/subscriptions/{id}/resume`
pub(crate) fn resume(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let details: Details = asked.read()?;
    let how = pause::Resume {
        anchor_now: text_in(details.billing_cycle_anchor.as_ref(), "type").as_deref() != Some("unchanged"),
        prorate: details.proration_behavior.as_deref() != Some("none"),
    };
    pause::resume(cx, asked.id(), how)?;
    Answer::object::<Subscription>(cx, asked.id())
}
