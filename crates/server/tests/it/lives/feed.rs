//! What happens at Stripe, event by event, as webhooks would bring it.

use crate::payments::text;
use purser_stripe::{
    Client,
    calls::{PageOf, events},
};
use serde_json::Value;

/// Reads the list of events from where it was left.
#[derive(Debug, Default)]
pub struct Feed {
    last: Option<String>,
}

impl Feed {
    /// What happened since the last time, the oldest first.
    pub async fn news(&mut self, client: &Client) -> Vec<Value> {
        let mut page = PageOf { limit: Some(50), ..PageOf::default() };
        let mut all: Vec<Value> = Vec::new();
        loop {
            let which = events::Events { page: page.clone(), ..Default::default() };
            let answer = client.read(&events::list(&which)).await.unwrap();
            let whole: Value = serde_json::from_slice(&answer.json).unwrap();
            let listed = whole["data"].as_array().unwrap();
            let known = listed.iter().position(|event| Some(text(&event["id"])) == self.last.as_deref());
            all.extend(listed[..known.unwrap_or(listed.len())].iter().cloned());
            match answer.value.data.last() {
                Some(last) if known.is_none() && answer.value.has_more => page.starting_after = Some(last.id.clone()),
                _ => break,
            }
        }
        if let Some(newest) = all.first() {
            self.last = Some(text(&newest["id"]).to_owned());
        }
        all.reverse();
        all
    }
}

/// The second in which an event happened.
pub fn happened(event: &Value) -> i64 {
    event["created"].as_i64().unwrap()
}

/// The event under another id: Stripe may tell of one change twice.
pub fn twin(event: &Value) -> Value {
    let mut twin = event.clone();
    twin["id"] = format!("{}_twin", text(&event["id"])).into();
    twin
}
