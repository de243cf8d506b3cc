//! Webhook endpoints: who wants which events, in the words of v1.

use super::{
    secrets::{Secrets, fresh},
    targets::{Payload, Target, check_room, check_url, check_version, means},
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

/// An address that gets events, each with the object as it was then.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WebhookEndpoint {
    pub id: String,
    pub created: i64,
    pub url: String,
    /// Types of events, or `*`.
    pub enabled_events: Vec<String>,
    /// The version it was made for; `None` for the account's.
    pub api_version: Option<String>,
    pub description: Option<String>,
    pub metadata: Metadata,
    pub disabled: bool,
    /// Shown once, by the answer to its making.
    pub secrets: Secrets,
}

impl Resource for WebhookEndpoint {
    const SCHEMA: &'static str = "webhook_endpoint";
    const NOUN: &'static str = "webhook endpoint";

    fn id(&self) -> &str {
        &self.id
    }

    fn view(&self, _world: &World) -> Value {
        json!({
            "id": self.id,
            "object": "webhook_endpoint",
            "api_version": self.api_version,
            "created": self.created,
            "description": self.description,
            "enabled_events": self.enabled_events,
            "metadata": self.metadata,
            "status": if self.disabled { "disabled" } else { "enabled" },
            "url": self.url,
        })
    }
}

impl WebhookEndpoint {
    /// Whether it wants events of the type `kind` now.
    pub fn wants(&self, kind: &str, payload: Payload) -> bool {
        let wants = |pattern: &String| means(pattern, kind);
        !self.disabled && payload == Payload::Snapshot && self.enabled_events.iter().any(wants)
    }

    /// Where its deliveries go.
    pub fn target(&self) -> Target<'_> {
        Target {
            url: &self.url,
            enabled: !self.disabled,
            secrets: &self.secrets,
            version: self.api_version.as_deref().unwrap_or(API_VERSION),
        }
    }
}

/// What may be asked of an endpoint.
#[derive(Deserialize)]
struct Fields {
    url: Option<String>,
    enabled_events: Option<Vec<String>>,
    api_version: Option<String>,
    disabled: Option<bool>,
    #[serde(default, deserialize_with = "crate::objects::given")]
    description: Option<Value>,
    #[serde(default, deserialize_with = "crate::objects::given")]
    metadata: Option<Value>,
}

/// `POST /v1/webhook_endpoints`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    check_version(fields.api_version.as_deref(), "api_version")?;
    check_room(cx.world)?;
    let id = cx.new_id("we");
    let secret = fresh(&mut cx.world.random);
    let mut endpoint = WebhookEndpoint {
        id: id.clone(),
        created: cx.now(),
        url: String::new(),
        enabled_events: Vec::new(),
        api_version: fields.api_version.clone(),
        description: None,
        metadata: Metadata::new(),
        disabled: false,
        secrets: Secrets::new(secret.clone()),
    };
    apply(&mut endpoint, &fields)?;
    let mut shown = cx.world.wire(&endpoint);
    shown["secret"] = json!(secret);
    cx.put(endpoint);
    Ok(Answer::Value(shown))
}

/// `GET /v1/webhook_endpoints`
pub(crate) fn list(cx: &mut Cx<'_>, _asked: &Asked) -> Result<Answer, ApiError> {
    Ok(Answer::list::<WebhookEndpoint>(cx, |_| true))
}

/// `GET /v1/webhook_endpoints/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let endpoint: WebhookEndpoint = cx.of_path(asked.id())?;
    Ok(Answer::Value(cx.world.wire(&endpoint)))
}

/// `POST /v1/webhook_endpoints/{id}`: one that is disabled gets nothing, and what is due to it meanwhile is given up.
pub(crate) fn update(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let mut endpoint: WebhookEndpoint = cx.of_path(asked.id())?;
    apply(&mut endpoint, &fields)?;
    cx.put(endpoint);
    Answer::object::<WebhookEndpoint>(cx, asked.id())
}

/// `DELETE /v1/webhook_endpoints/{id}`
pub(crate) fn delete(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let endpoint: WebhookEndpoint = cx.of_path(asked.id())?;
    cx.remove::<WebhookEndpoint>(&endpoint.id);
    Ok(Answer::deleted("webhook_endpoint", &endpoint.id))
}

fn apply(endpoint: &mut WebhookEndpoint, fields: &Fields) -> Result<(), ApiError> {
    if let Some(url) = &fields.url {
        check_url(url, "url")?;
        endpoint.url.clone_from(url);
    }
    if let Some(events) = &fields.enabled_events {
        if events.is_empty() {
            return Err(ApiError::empty("enabled_events"));
        }
        endpoint.enabled_events.clone_from(events);
    }
    if let Some(description) = &fields.description {
        endpoint.description = description.as_str().map(str::to_owned);
    }
    endpoint.metadata = merged(&endpoint.metadata, fields.metadata.as_ref())?;
    endpoint.disabled = fields.disabled.unwrap_or(endpoint.disabled);
    Ok(())
}
