//! Thin events: that something happened to an object, without the object; the rest is fetched.

use super::{
    deliveries::{Told, send_out},
    events::{forget, forget_at_times},
    faults::{self, DeliveryFault},
    targets::{Payload, means, wanting},
    v2,
};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    world::{Cause, Cx, Event, Resource, World, within},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The most types that one list can be of.
const MOST_TYPES: usize = 20;

/// Events that are told both ways: how their types begin, and the type and the place of the objects they are about.
const TWINS: &[(&str, &str, &str)] = &[
    ("billing.credit_grant.", "billing.credit_grant", "/v1/billing/credit_grants"),
    ("billing.meter.", "billing.meter", "/v1/billing/meters"),
    ("customer.subscription.", "subscription", "/v1/subscriptions"),
    ("invoice.", "invoice", "/v1/invoices"),
];

/// The object that an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Related {
    /// Its id.
    pub id: String,
    /// Its type, such as `billing.meter`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The path it is fetched from.
    pub url: String,
}

/// Something that happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ThinEvent {
    /// `evt_test_…`
    pub id: String,
    /// What happened, such as `v1.billing.meter.error_report_triggered`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub created: i64,
    /// The object it is about, if it is about one.
    pub related: Option<Related>,
    /// What is not sent, only fetched; null for nothing.
    pub data: Value,
    /// The request that did it.
    pub cause: Option<Cause>,
}

impl Resource for ThinEvent {
    const SCHEMA: &'static str = "v2.core.event";
    const NOUN: &'static str = "event";

    fn id(&self) -> &str {
        &self.id
    }

    fn view(&self, _world: &World) -> Value {
        let mut view = self.notice();
        if !self.data.is_null() {
            view["data"] = self.data.clone();
        }
        view
    }
}

impl ThinEvent {
    /// What is sent, and listed: all but the data.
    pub fn notice(&self) -> Value {
        let reason = self.cause.as_ref().map(|cause| {
            let request = json!({ "id": cause.request, "idempotency_key": cause.idempotency_key });
            json!({ "type": "request", "request": request })
        });
        json!({
            "id": self.id,
            "object": Self::SCHEMA,
            "context": null,
            "created": v2::time(self.created),
            "livemode": false,
            "reason": reason,
            "related_object": self.related,
            "type": self.kind,
        })
    }
}

/// Tells a thin event to all who want it.
pub(crate) fn tell_thin(cx: &mut Cx<'_>, kind: &str, related: Option<Related>, data: Value) {
    let targets = wanting(cx.world, kind, Payload::Thin);
    tell_to(cx, kind, related, data, &targets);
}

/// Tells a thin event to `targets` and answers its id.
pub(super) fn tell_to(
    cx: &mut Cx<'_>,
    kind: &str,
    related: Option<Related>,
    data: Value,
    targets: &[String],
) -> String {
    forget_at_times(cx.world);
    let id = cx.new_id("evt_test");
    let fault = faults::pick(cx, kind, &id, !targets.is_empty());
    let created = match fault {
        Some(DeliveryFault::EqualTimestamps) => told_last(cx.world, related.as_ref()).unwrap_or(cx.now()),
        _ => cx.now(),
    };
    let cause = cx.cause.clone();
    cx.put(ThinEvent { id: id.clone(), kind: kind.to_owned(), created, related, data, cause });
    send_out(cx, &Told { event: &id, kind, payload: Payload::Thin }, targets, fault);
    id
}

/// When something was told of `related` last, or of anything if nothing was.
fn told_last(world: &World, related: Option<&Related>) -> Option<i64> {
    let same = world.all::<ThinEvent>().rev().find(|event| event.related.as_ref() == related);
    same.or_else(|| world.all::<ThinEvent>().next_back()).map(|event| event.created)
}

/// The thin event that goes with `event`, if there is one and somebody wants it: its type and what it is about.
pub(super) fn twin(world: &World, event: &Event) -> Option<(String, Related)> {
    let (_, kind, place) = TWINS.iter().find(|(beginning, ..)| event.kind.starts_with(*beginning))?;
    let id = event.about()?;
    let told = format!("v1.{}", event.kind);
    if wanting(world, &told, Payload::Thin).is_empty() {
        return None;
    }
    Some((told, Related { id: id.to_owned(), kind: (*kind).to_owned(), url: format!("{place}/{id}") }))
}

/// What may be asked of a list.
#[derive(Deserialize)]
struct Wanted {
    object_id: Option<String>,
    #[serde(default)]
    types: Vec<String>,
}

/// `GET /v2/core/events`: those of the last 30 days, without their data.
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let wanted: Wanted = asked.read()?;
    let created = v2::range(asked.params.get("created"))?;
    if wanted.types.len() > MOST_TYPES {
        let message = format!("You can list events of at most {MOST_TYPES} types.");
        return Err(ApiError::wrong(&message, "types"));
    }
    forget(cx.world);
    let fits = |event: &&ThinEvent| {
        let about = event.related.as_ref().map(|related| related.id.as_str());
        wanted.object_id.as_deref().is_none_or(|id| about == Some(id))
            && (wanted.types.is_empty() || wanted.types.iter().any(|kind| means(kind, &event.kind)))
            && within(event.created.saturating_mul(1000), created.as_ref())
    };
    let ids: Vec<String> = cx.world.all::<ThinEvent>().rev().filter(fits).map(|event| event.id.clone()).collect();
    v2::page(asked, &ids, |id| cx.world.get::<ThinEvent>(id).map(ThinEvent::notice))
}

/// `GET /v2/core/events/{id}`: with its data.
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    forget(cx.world);
    let event: ThinEvent = cx.of_path(asked.id())?;
    Ok(Answer::Value(cx.world.wire(&event)))
}
