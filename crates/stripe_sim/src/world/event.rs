//! Events: what happened, with the object as it was then.

use super::{Cause, Resource, World};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Something that happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    /// `evt_…`
    pub id: String,
    /// What happened, such as `invoice.paid`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub created: i64,
    /// The object, as it was then.
    pub object: Value,
    /// The former values of what changed.
    pub previous: Option<Value>,
    /// The request that did it.
    pub cause: Option<Cause>,
    /// Endpoints that have not taken it yet, those that never will among them.
    pub pending_webhooks: u32,
}

impl Event {
    /// The id of the object it is about; a preview of an invoice has none.
    pub fn about(&self) -> Option<&str> {
        self.object.get("id").and_then(Value::as_str)
    }
}

impl Resource for Event {
    const SCHEMA: &'static str = "event";

    fn id(&self) -> &str {
        &self.id
    }

    fn owners(&self) -> Vec<&str> {
        self.about().into_iter().collect()
    }

    fn view(&self, _world: &World) -> Value {
        let mut data = json!({ "object": self.object });
        if let Some(previous) = &self.previous {
            data["previous_attributes"] = previous.clone();
        }
        let cause = self.cause.as_ref();
        json!({
            "id": self.id,
            "object": "event",
            "api_version": crate::API_VERSION,
            "created": self.created,
            "data": data,
            "livemode": false,
            "pending_webhooks": self.pending_webhooks,
            "request": {
                "id": cause.map(|cause| &cause.request),
                "idempotency_key": cause.and_then(|cause| cause.idempotency_key.as_ref()),
            },
            "type": self.kind,
        })
    }
}
