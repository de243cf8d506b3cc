//! Events as they are sent: whole snapshots, and thin ones that only name what changed.

use crate::{BadShape, Seconds, shape};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use std::fmt;

/// Something that happened, with the object as it was then. `Debug` leaves the object out.
#[derive(Clone, Deserialize)]
pub struct Event {
    /// `evt_…`. Two events with different ids may tell of the same change.
    pub id: String,
    /// What happened, such as `invoice.paid`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened; many events of one object may have the same second.
    pub created: Seconds,
    /// The version the object is written in; of the time when it happened.
    #[serde(deserialize_with = "crate::objects::nullable")]
    pub api_version: Option<String>,
    /// Whether it is of live mode.
    pub livemode: bool,
    /// The connected account that it tells of; `None` when it tells of our own.
    pub account: Option<String>,
    /// The object.
    data: Data,
    /// The request that caused it; `None` when Stripe did it by itself.
    #[serde(deserialize_with = "crate::objects::nullable")]
    pub request: Option<EventRequest>,
}

/// The request that caused an event.
#[derive(Clone, Debug, Deserialize)]
pub struct EventRequest {
    /// `req_…`
    #[serde(deserialize_with = "crate::objects::nullable")]
    pub id: Option<String>,
    /// The key it was sent with: ours, if we caused it.
    #[serde(deserialize_with = "crate::objects::nullable")]
    pub idempotency_key: Option<String>,
}

#[derive(Clone, Deserialize)]
struct Data {
    object: Box<RawValue>,
    previous_attributes: Option<Box<RawValue>>,
}

/// What any object has.
#[derive(Deserialize)]
struct Any {
    id: Option<String>,
    object: Option<String>,
}

impl Event {
    /// The object, as a `T`.
    ///
    /// # Errors
    /// [`BadShape`] when it is something else, or of another version of the API.
    pub fn object<T: DeserializeOwned>(&self) -> Result<T, BadShape> {
        shape::read(self.data.object.get().as_bytes())
    }

    /// The object's id; `invoice.upcoming` has none.
    #[must_use]
    pub fn object_id(&self) -> Option<String> {
        self.any()?.id
    }

    /// What the object is, such as `invoice`.
    #[must_use]
    pub fn object_kind(&self) -> Option<String> {
        self.any()?.object
    }

    /// The former values of what changed, as JSON; for a log, not to act on.
    #[must_use]
    pub fn previous_attributes(&self) -> Option<&str> {
        self.data.previous_attributes.as_deref().map(RawValue::get)
    }

    fn any(&self) -> Option<Any> {
        serde_json::from_str(self.data.object.get()).ok()
    }
}

/// Something that happened, by the name of the object alone.
#[derive(Clone, Debug, Deserialize)]
pub struct ThinEvent {
    /// `evt_…`
    pub id: String,
    /// What happened, such as `v1.billing.meter.error_report_triggered`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened, as a date and time of RFC 3339.
    pub created: String,
    /// Whether it is of live mode.
    pub livemode: bool,
    /// What it is about.
    pub related_object: Option<RelatedObject>,
}

/// What a thin event is about.
#[derive(Clone, Debug, Deserialize)]
pub struct RelatedObject {
    /// Its id.
    pub id: String,
    /// What it is, such as `billing.meter`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it is read.
    pub url: String,
}

/// A thin event as it is read from Stripe, with its data. `Debug` leaves the data out.
#[derive(Clone, Deserialize)]
pub struct FullThinEvent {
    /// What was sent.
    #[serde(flatten)]
    pub event: ThinEvent,
    /// More about it, which depends on the type.
    pub data: Option<serde_json::Value>,
}

impl fmt::Debug for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Event").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl fmt::Debug for FullThinEvent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("FullThinEvent").field("event", &self.event).finish_non_exhaustive()
    }
}

impl crate::objects::HasId for Event {
    fn id(&self) -> &str {
        &self.id
    }
}

/// What was sent.
#[derive(Clone, Debug)]
pub enum Notification {
    /// An event with its object.
    Snapshot(Box<Event>),
    /// An event that names its object.
    Thin(ThinEvent),
}

impl Notification {
    /// The event's id, under which it is stored.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Snapshot(event) => &event.id,
            Self::Thin(event) => &event.id,
        }
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Snapshot(event) => &event.kind,
            Self::Thin(event) => &event.kind,
        }
    }
}

/// Reads a body that was verified.
///
/// # Errors
/// [`BadShape`] when it is no event, or one that lacks what every event has.
pub fn read(body: &[u8]) -> Result<Notification, BadShape> {
    #[derive(Deserialize)]
    struct Probe {
        object: String,
    }
    let Probe { object } = shape::read(body)?;
    match object.as_str() {
        "event" => shape::read(body).map(|event| Notification::Snapshot(Box::new(event))),
        "v2.core.event" => shape::read(body).map(Notification::Thin),
        _ => Err(BadShape { at: "object".into(), why: format!("`{object}` is no event") }),
    }
}
