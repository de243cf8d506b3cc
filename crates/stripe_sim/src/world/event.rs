//! Events: what happened, with the object as it was then.

use super::{Cause, Resource, World, plain};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
        plain(&self.snapshot(crate::API_VERSION))
    }
}

/// An event as it is shown and sent, its names in the order in which JSON is written here.
#[derive(Serialize)]
pub(crate) struct Snapshot<'a> {
    api_version: &'a str,
    created: i64,
    data: Data<'a>,
    id: &'a str,
    livemode: bool,
    object: &'static str,
    pending_webhooks: u32,
    request: Request<'a>,
    r#type: &'a str,
}

#[derive(Serialize)]
struct Data<'a> {
    object: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_attributes: Option<&'a Value>,
}

#[derive(Serialize)]
struct Request<'a> {
    id: Option<&'a str>,
    idempotency_key: Option<&'a str>,
}

impl Event {
    /// As who asked for `version` gets it.
    pub fn snapshot<'a>(&'a self, version: &'a str) -> Snapshot<'a> {
        let cause = self.cause.as_ref();
        Snapshot {
            api_version: version,
            created: self.created,
            data: Data { object: &self.object, previous_attributes: self.previous.as_ref() },
            id: &self.id,
            livemode: false,
            object: "event",
            pending_webhooks: self.pending_webhooks,
            request: Request {
                id: cause.map(|cause| cause.request.as_str()),
                idempotency_key: cause.and_then(|cause| cause.idempotency_key.as_deref()),
            },
            r#type: &self.kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Event;
    use crate::world::{Cause, World};
    use serde_json::json;

    #[test]
    fn what_is_sent_is_what_is_shown_to_the_byte() {
        let world = World::new(1, 0);
        let cause = Cause { request: "req_1".into(), idempotency_key: Some("k".into()) };
        for (previous, cause) in [(None, None), (Some(json!({ "name": null })), Some(cause))] {
            let event = Event {
                id: "evt_1".into(),
                kind: "customer.updated".into(),
                created: 7,
                object: json!({ "id": "cus_1", "b": [1], "a": {} }),
                previous,
                cause,
                pending_webhooks: 2,
            };
            let shown = serde_json::to_string_pretty(&world.wire(&event)).expect("JSON");
            assert_eq!(serde_json::to_string_pretty(&event.snapshot(crate::API_VERSION)).expect("JSON"), shown);
        }
    }
}
