//! Event destinations: who wants which events, in the words of v2.

use super::{
    secrets::{Secrets, fresh},
    targets::{Payload, Target, check_room, check_url, check_version, means},
    thin::{Related, ThinEvent, tell_to},
    v2,
};
use crate::{
    API_VERSION,
    error::ApiError,
    http::{Answer, Asked},
    objects::metadata::{Metadata, merged},
    world::{Cx, Resource, World},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// An address that gets events, either kind of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EventDestination {
    pub id: String,
    pub created: i64,
    pub updated: i64,
    pub name: String,
    pub description: String,
    /// Types of events, or beginnings of types with `*` for the rest.
    pub enabled_events: Vec<String>,
    /// How much of what happened it gets. Set once.
    pub event_payload: Payload,
    pub events_from: Vec<String>,
    pub metadata: Metadata,
    /// The version that snapshots are of; `None` for thin events, which have none.
    pub snapshot_api_version: Option<String>,
    /// Shown when it is asked for.
    pub url: String,
    pub disabled: bool,
    /// Shown once, by the answer to its making, when it is asked for.
    pub secrets: Secrets,
}

impl Resource for EventDestination {
    const SCHEMA: &'static str = "v2.core.event_destination";
    const NOUN: &'static str = "event destination";

    fn id(&self) -> &str {
        &self.id
    }

    fn view(&self, _world: &World) -> Value {
        let mut value = json!({
            "id": self.id,
            "object": Self::SCHEMA,
            "created": v2::time(self.created),
            "description": self.description,
            "enabled_events": self.enabled_events,
            "event_payload": self.event_payload,
            "events_from": self.events_from,
            "livemode": false,
            "metadata": self.metadata,
            "name": self.name,
            "status": if self.disabled { "disabled" } else { "enabled" },
            "type": "webhook_endpoint",
            "updated": v2::time(self.updated),
            "webhook_endpoint": {},
        });
        // What is not so is not there: below /v2 these are never null.
        if let Some(version) = &self.snapshot_api_version {
            value["snapshot_api_version"] = json!(version);
        }
        if self.disabled {
            value["status_details"] = json!({ "disabled": { "reason": "user" } });
        }
        value
    }
}

impl EventDestination {
    /// Whether it wants events of the type `kind` now.
    pub fn wants(&self, kind: &str, payload: Payload) -> bool {
        let wants = |pattern: &String| means(pattern, kind);
        !self.disabled && payload == self.event_payload && self.enabled_events.iter().any(wants)
    }

    /// Where its deliveries go.
    pub fn target(&self) -> Target<'_> {
        Target {
            url: &self.url,
            enabled: !self.disabled,
            secrets: &self.secrets,
            version: self.snapshot_api_version.as_deref().unwrap_or(API_VERSION),
        }
    }

    /// As Stripe shows it to one who asks to `include` these fields.
    fn shown(&self, world: &World, include: &[String]) -> Value {
        let mut shown = world.wire(self);
        for name in include {
            match name.as_str() {
                "webhook_endpoint.url" => shown["webhook_endpoint"]["url"] = json!(self.url),
                "webhook_endpoint.signing_secret" => {
                    shown["webhook_endpoint"]["signing_secret"] = json!(self.secrets.current());
                }
                _ => {}
            }
        }
        shown
    }
}

/// What may be asked of a destination.
#[derive(Deserialize)]
struct Fields {
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    description: Option<String>,
    enabled_events: Option<Vec<String>>,
    event_payload: Option<Payload>,
    events_from: Option<Vec<String>>,
    #[serde(default)]
    include: Vec<String>,
    #[serde(default, deserialize_with = "crate::objects::given")]
    metadata: Option<Value>,
    snapshot_api_version: Option<String>,
    webhook_endpoint: Option<Hook>,
}

#[derive(Deserialize)]
struct Hook {
    url: String,
}

/// `POST /v2/core/event_destinations`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    if let Some(kind) = fields.kind.as_deref().filter(|kind| *kind != "webhook_endpoint") {
        return Err(ApiError::not_simulated(&format!("event destinations of the type {kind}")));
    }
    if fields.webhook_endpoint.is_none() {
        return Err(ApiError::missing("webhook_endpoint"));
    }
    let payload = fields.event_payload.ok_or_else(|| ApiError::missing("event_payload"))?;
    check_version(fields.snapshot_api_version.as_deref(), "snapshot_api_version")?;
    check_room(cx.world)?;
    let version = fields.snapshot_api_version.clone().unwrap_or_else(|| API_VERSION.to_owned());
    let id = cx.new_id("ed_test");
    let mut destination = EventDestination {
        id,
        created: cx.now(),
        updated: cx.now(),
        name: String::new(),
        description: String::new(),
        enabled_events: Vec::new(),
        event_payload: payload,
        events_from: fields.events_from.clone().unwrap_or_else(|| vec!["self".to_owned()]),
        metadata: Metadata::new(),
        snapshot_api_version: (payload == Payload::Snapshot).then_some(version),
        url: String::new(),
        disabled: false,
        secrets: Secrets::new(fresh(&mut cx.world.random)),
    };
    apply(&mut destination, &fields)?;
    let shown = destination.shown(cx.world, &fields.include);
    cx.put(destination);
    Ok(Answer::Value(shown))
}

/// `GET /v2/core/event_destinations`
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let ids: Vec<String> = cx.world.all::<EventDestination>().rev().map(|row| row.id.clone()).collect();
    v2::page(asked, &ids, |id| {
        cx.world.get::<EventDestination>(id).map(|destination| destination.shown(cx.world, &fields.include))
    })
}

/// `GET /v2/core/event_destinations/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let destination: EventDestination = cx.of_path(asked.id())?;
    Ok(Answer::Value(destination.shown(cx.world, &fields.include)))
}

/// `POST /v2/core/event_destinations/{id}`
pub(crate) fn update(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let mut destination: EventDestination = cx.of_path(asked.id())?;
    apply(&mut destination, &fields)?;
    destination.updated = cx.now();
    let shown = destination.shown(cx.world, &fields.include);
    cx.put(destination);
    Ok(Answer::Value(shown))
}

/// `DELETE /v2/core/event_destinations/{id}`
pub(crate) fn delete(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let destination: EventDestination = cx.of_path(asked.id())?;
    cx.remove::<EventDestination>(&destination.id);
    Ok(Answer::Value(json!({ "id": destination.id, "object": EventDestination::SCHEMA })))
}

/// `POST /v2/core/event_destinations/{id}/disable`: what is due to it meanwhile is given up.
pub(crate) fn disable(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    switch(cx, asked, true)
}

/// `POST /v2/core/event_destinations/{id}/enable`
pub(crate) fn enable(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    switch(cx, asked, false)
}

fn switch(cx: &mut Cx<'_>, asked: &Asked, disabled: bool) -> Result<Answer, ApiError> {
    let mut destination: EventDestination = cx.of_path(asked.id())?;
    if destination.disabled != disabled {
        destination.disabled = disabled;
        destination.updated = cx.now();
    }
    cx.put(destination);
    Answer::object::<EventDestination>(cx, asked.id())
}

/// `POST /v2/core/event_destinations/{id}/ping`: an event to see whether it arrives, whatever else it wants.
pub(crate) fn ping(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let destination: EventDestination = cx.of_path(asked.id())?;
    let related = Related {
        url: format!("/v2/core/event_destinations/{}", destination.id),
        id: destination.id.clone(),
        kind: EventDestination::SCHEMA.to_owned(),
    };
    let kind = "v2.core.event_destination.ping";
    let event = tell_to(cx, kind, Some(related), Value::Null, &[destination.id]);
    Answer::object::<ThinEvent>(cx, &event)
}

fn apply(destination: &mut EventDestination, fields: &Fields) -> Result<(), ApiError> {
    if let Some(hook) = &fields.webhook_endpoint {
        check_url(&hook.url, "webhook_endpoint[url]")?;
        destination.url.clone_from(&hook.url);
    }
    if let Some(events) = &fields.enabled_events {
        if events.is_empty() {
            return Err(ApiError::empty("enabled_events"));
        }
        destination.enabled_events.clone_from(events);
    }
    if let Some(name) = &fields.name {
        destination.name.clone_from(name);
    }
    if let Some(description) = &fields.description {
        destination.description.clone_from(description);
    }
    destination.metadata = merged(&destination.metadata, fields.metadata.as_ref())?;
    Ok(())
}
