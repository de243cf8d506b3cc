//! Operations on schedules.

use super::{Phase, PhaseItem, Schedule, Status, run};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{
        catalog::Price,
        customers::Customer,
        given,
        metadata::{Metadata, merged},
        period::{Every, Interval, boundary},
        subscriptions::{self, Subscription},
    },
    world::{Cx, within},
};
use serde::Deserialize;
use serde_json::Value;

/// What is asked of a schedule.
#[derive(Deserialize)]
struct Fields {
    customer: Option<String>,
    from_subscription: Option<String>,
    start_date: Option<Value>,
    end_behavior: Option<String>,
    phases: Option<Vec<PhaseFields>>,
    #[serde(default, deserialize_with = "given")]
    metadata: Option<Value>,
}

/// What is asked of a phase.
#[derive(Clone, Deserialize)]
struct PhaseFields {
    #[serde(default)]
    items: Vec<ItemFields>,
    start_date: Option<Value>,
    end_date: Option<Value>,
    duration: Option<Length>,
    proration_behavior: Option<String>,
    billing_cycle_anchor: Option<String>,
    trial_end: Option<i64>,
    default_payment_method: Option<String>,
    #[serde(default, deserialize_with = "given")]
    metadata: Option<Value>,
}

#[derive(Clone, Deserialize)]
struct ItemFields {
    price: Option<String>,
    quantity: Option<i64>,
    #[serde(default, deserialize_with = "given")]
    metadata: Option<Value>,
}

#[derive(Clone, Deserialize)]
struct Length {
    interval: Interval,
    interval_count: Option<i64>,
}

/// `POST /v1/subscription_schedules`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let id = match &fields.from_subscription {
        Some(subscription) => from_subscription(cx, subscription, &fields)?,
        None => from_phases(cx, &fields)?,
    };
    Answer::object::<Schedule>(cx, &id)
}

/// Puts a subscription under a schedule; its present state is the first phase.
fn from_subscription(cx: &mut Cx<'_>, subscription: &str, fields: &Fields) -> Result<String, ApiError> {
    let found: Subscription = cx.given(subscription, "from_subscription")?;
    if found.is_over() {
        return Err(ApiError::no_such("subscription", subscription).at("from_subscription"));
    }
    if found.schedule.is_some() {
        let message = "You cannot migrate a subscription that is already attached to a schedule: it already has one.";
        return Err(ApiError::wrong(message, "from_subscription"));
    }
    if fields.phases.is_some() {
        let message = "You cannot set `phases` if `from_subscription` is set.";
        return Err(ApiError::wrong(message, "phases"));
    }
    let items = found.items_of(cx.world).map(|item| PhaseItem {
        price: item.price.clone(),
        quantity: item.quantity,
        metadata: item.metadata.clone(),
    });
    let start = found.items_of(cx.world).map(|item| item.current_period_start).min().unwrap_or(found.start_date);
    let phase = Phase {
        start_date: start,
        end_date: found.next_end(cx.world).unwrap_or(start),
        items: items.collect(),
        currency: found.currency.clone(),
        proration_behavior: "create_prorations".into(),
        billing_cycle_anchor: None,
        trial_end: found.trial_end,
        default_payment_method: found.default_payment_method.clone(),
        metadata: Metadata::new(),
    };
    let id = put(cx, found.customer.clone(), Some(found.id.clone()), Status::Active, vec![phase], fields)?;
    cx.tell::<Schedule>("subscription_schedule.created", &id);
    let before = cx.before::<Subscription>(&found.id);
    cx.edit::<Subscription>(&found.id, |found| found.schedule = Some(id.clone()));
    run::manage_end(cx, &id);
    cx.tell_change::<Subscription>("customer.subscription.updated", &found.id, before);
    run::timers(cx, &id);
    Ok(id)
}

/// A schedule whose subscription begins with its first phase.
fn from_phases(cx: &mut Cx<'_>, fields: &Fields) -> Result<String, ApiError> {
    let customer_id = fields.customer.clone().ok_or_else(|| ApiError::missing("customer"))?;
    let customer: Customer = cx.given(&customer_id, "customer")?;
    let now = cx.now();
    let start = fields.start_date.as_ref().and_then(Value::as_i64).unwrap_or(now);
    let given = fields.phases.as_deref().ok_or_else(|| ApiError::missing("phases"))?;
    let phases = phases(cx, given, start)?;
    let id = put(cx, customer.id, None, Status::NotStarted, phases, fields)?;
    cx.tell::<Schedule>("subscription_schedule.created", &id);
    if start <= now
        && let Some(found) = cx.world.get::<Schedule>(&id).cloned()
        && let Some(phase) = found.phases.first()
    {
        run::first(cx, &found, phase);
    }
    run::timers(cx, &id);
    Ok(id)
}

fn put(
    cx: &mut Cx<'_>,
    customer: String,
    subscription: Option<String>,
    status: Status,
    phases: Vec<Phase>,
    fields: &Fields,
) -> Result<String, ApiError> {
    let id = cx.new_id("sub_sched");
    let schedule = Schedule {
        id: id.clone(),
        created: cx.now(),
        customer,
        subscription,
        status,
        end_behavior: fields.end_behavior.clone().unwrap_or_else(|| "release".into()),
        phases,
        canceled_at: None,
        completed_at: None,
        released_at: None,
        released_subscription: None,
        metadata: merged(&Metadata::new(), fields.metadata.as_ref())?,
    };
    cx.put(schedule);
    Ok(id)
}

/// The phases that are asked for, one behind the other from `start`.
fn phases(cx: &Cx<'_>, given: &[PhaseFields], start: i64) -> Result<Vec<Phase>, ApiError> {
    let mut phases = Vec::with_capacity(given.len());
    let mut from = start;
    for (place, fields) in given.iter().enumerate() {
        let begin = fields.start_date.as_ref().and_then(Value::as_i64).unwrap_or(from);
        let phase = phase(cx, fields, place, begin)?;
        from = phase.end_date;
        phases.push(phase);
    }
    Ok(phases)
}

fn phase(cx: &Cx<'_>, fields: &PhaseFields, place: usize, start: i64) -> Result<Phase, ApiError> {
    if fields.items.is_empty() {
        return Err(ApiError::missing(&format!("phases[{place}][items]")));
    }
    let mut items = Vec::with_capacity(fields.items.len());
    let mut of_first: Option<(String, Every)> = None;
    for (at, item) in fields.items.iter().enumerate() {
        let param = format!("phases[{place}][items][{at}][price]");
        let id = item.price.clone().ok_or_else(|| ApiError::missing(&param))?;
        let price: Price = subscriptions::start::sellable(cx, &id, &param)?;
        if let Some(recurring) = &price.recurring {
            of_first.get_or_insert((price.currency.clone(), recurring.every));
        }
        let metadata = merged(&Metadata::new(), item.metadata.as_ref())?;
        items.push(PhaseItem { price: id, quantity: item.quantity, metadata });
    }
    let (currency, every) =
        of_first.unwrap_or_else(|| ("usd".into(), Every { interval: Interval::Month, interval_count: 1 }));
    let length = fields.duration.as_ref().map(|length| {
        let every = Every { interval: length.interval, interval_count: length.interval_count.unwrap_or(1) };
        boundary(start, every, 1)
    });
    let end = fields.end_date.as_ref().and_then(Value::as_i64).or(length).unwrap_or_else(|| boundary(start, every, 1));
    if end <= start {
        let message = "The phase's `end_date` must be after its `start_date`.";
        return Err(ApiError::wrong(message, &format!("phases[{place}][end_date]")));
    }
    Ok(Phase {
        start_date: start,
        end_date: end,
        items,
        currency,
        proration_behavior: fields.proration_behavior.clone().unwrap_or_else(|| "create_prorations".into()),
        billing_cycle_anchor: fields.billing_cycle_anchor.clone(),
        trial_end: fields.trial_end,
        default_payment_method: fields.default_payment_method.clone(),
        metadata: phase_metadata(fields.metadata.as_ref())?,
    })
}

/// The metadata of a phase. An empty text stays: it takes the name away from the subscription.
fn phase_metadata(given: Option<&Value>) -> Result<Metadata, ApiError> {
    merged(&Metadata::new(), given)?;
    let mut metadata = given.and_then(Value::as_object).cloned().unwrap_or_default();
    metadata.values_mut().filter(|text| text.is_null()).for_each(|text| *text = "".into());
    Ok(metadata)
}

/// `POST /v1/subscription_schedules/{id}`
pub(crate) fn update(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let found = live(cx, asked.id())?;
    let now = cx.now();
    let metadata = merged(&found.metadata, fields.metadata.as_ref())?;
    let kept = found.phases.iter().filter(|phase| phase.end_date <= now).cloned();
    let phases = match &fields.phases {
        Some(given) => {
            let start = found.current(now).map_or(now, |(_, phase)| phase.start_date);
            kept.chain(phases(cx, given, start)?).collect()
        }
        None => found.phases.clone(),
    };
    cx.change::<Schedule>(asked.id(), "subscription_schedule.updated", |found| {
        found.metadata = metadata;
        found.phases = phases;
        if let Some(behavior) = &fields.end_behavior {
            found.end_behavior.clone_from(behavior);
        }
    });
    if let Some(subscription) = &found.subscription {
        let before = cx.before::<Subscription>(subscription);
        run::manage_end(cx, asked.id());
        cx.tell_change::<Subscription>("customer.subscription.updated", subscription, before);
    }
    run::timers(cx, asked.id());
    Answer::object::<Schedule>(cx, asked.id())
}

/// `POST /v1/subscription_schedules/{id}/release`
pub(crate) fn release(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let found = live(cx, asked.id())?;
    let now = cx.now();
    cx.edit::<Schedule>(&found.id, |found| {
        found.status = Status::Released;
        found.released_at = Some(now);
        found.released_subscription = found.subscription.take();
    });
    cx.tell::<Schedule>("subscription_schedule.released", &found.id);
    if let Some(subscription) = &found.subscription {
        cx.change::<Subscription>(subscription, "customer.subscription.updated", |found| found.schedule = None);
    }
    Answer::object::<Schedule>(cx, &found.id)
}

/// `POST /v1/subscription_schedules/{id}/cancel`
pub(crate) fn cancel(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let found = live(cx, asked.id())?;
    let flag = |name: &str| asked.params.get(name).and_then(Value::as_bool).unwrap_or(true);
    if let Some(subscription) = &found.subscription {
        let how = subscriptions::cancel::How { invoice_now: flag("invoice_now"), prorate: flag("prorate") };
        subscriptions::cancel::at_once(cx, subscription, how)?;
    }
    run::ended_with_subscription(cx, &found.id);
    Answer::object::<Schedule>(cx, &found.id)
}

/// `GET /v1/subscription_schedules/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    cx.of_path::<Schedule>(asked.id())?;
    Answer::object::<Schedule>(cx, asked.id())
}

/// `GET /v1/subscription_schedules`
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let customer = asked.params.get("customer").and_then(Value::as_str);
    let scheduled = asked.params.get("scheduled").and_then(Value::as_bool);
    let created = asked.params.get("created");
    Ok(Answer::list_of::<Schedule>(cx, customer, |found| {
        customer.is_none_or(|customer| found.customer == customer)
            && scheduled.is_none_or(|scheduled| (found.status == Status::NotStarted) == scheduled)
            && within(found.created, created)
    }))
}

fn live(cx: &Cx<'_>, id: &str) -> Result<Schedule, ApiError> {
    let found: Schedule = cx.of_path(id)?;
    if found.is_live() {
        return Ok(found);
    }
    let status = serde_json::to_value(found.status).unwrap_or_default();
    let status = status.as_str().unwrap_or_default();
    Err(ApiError::invalid(format!(
        "You cannot change a subscription schedule that is currently in the `{status}` status. It must be `not_started` or \
         `active`."
    )))
}
