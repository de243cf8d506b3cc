//! Calls about events and where they are sent.

use super::{Call, Created, Metadata, PageOf, params::Nothing};
use crate::{
    List,
    objects::{Deleted, V2Page, WebhookEndpoint},
    webhook::{Event, FullThinEvent},
};
use serde::Serialize;

/// Which events; Stripe keeps them 30 days.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Events {
    /// Of these types; at most 20.
    pub types: Option<Vec<String>>,
    /// Whether all endpoints took them.
    pub delivery_success: Option<bool>,
    /// Created then.
    pub created: Option<Created>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageOf,
}

/// Which thin events; Stripe keeps them 30 days.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ThinEvents {
    /// About this object.
    pub object_id: Option<String>,
    /// Of these types.
    pub types: Option<Vec<String>>,
    /// Created then.
    pub created: Option<ThinCreated>,
    /// Events on a page, 1–100; the pages are followed all the same.
    pub limit: Option<u8>,
}

/// When a thin event was created: dates and times of RFC 3339.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ThinCreated {
    /// At or after.
    pub gte: Option<String>,
    /// Before.
    pub lt: Option<String>,
}

/// An endpoint to be, or what changes of one. What is `None` stays.
#[derive(Clone, Debug, Default, Serialize)]
pub struct EndpointFields {
    /// Where events are sent; needed at creation.
    pub url: Option<String>,
    /// Which types; needed at creation.
    pub enabled_events: Option<Vec<String>>,
    /// The version the events are written in; it can be given at creation alone.
    pub api_version: Option<String>,
    /// For the people in the dashboard.
    pub description: Option<String>,
    /// Stops it (in a change).
    pub disabled: Option<bool>,
    /// Names and texts.
    pub metadata: Option<Metadata>,
}

/// Reads an event. `GET /v1/events/{id}`
#[must_use]
pub fn retrieve(id: &str) -> Call<Event> {
    Call::get(&["v1", "events", id], &Nothing {})
}

/// Lists events, newest first. `GET /v1/events`
#[must_use]
pub fn list(which: &Events) -> Call<List<Event>> {
    Call::get(&["v1", "events"], which)
}

/// Reads a thin event with its data. `GET /v2/core/events/{id}`
#[must_use]
pub fn retrieve_thin(id: &str) -> Call<FullThinEvent> {
    Call::get(&["v2", "core", "events", id], &Nothing {})
}

/// Lists thin events, newest first. `GET /v2/core/events`
#[must_use]
pub fn list_thin(which: &ThinEvents) -> Call<V2Page<FullThinEvent>> {
    Call::get(&["v2", "core", "events"], which)
}

/// Creates an endpoint; its secret is in the answer, and nowhere after. `POST /v1/webhook_endpoints`
#[must_use]
pub fn create_endpoint(fields: &EndpointFields) -> Call<WebhookEndpoint> {
    Call::post(&["v1", "webhook_endpoints"], fields)
}

/// Reads an endpoint. `GET /v1/webhook_endpoints/{id}`
#[must_use]
pub fn endpoint(id: &str) -> Call<WebhookEndpoint> {
    Call::get(&["v1", "webhook_endpoints", id], &Nothing {})
}

/// Changes an endpoint. `POST /v1/webhook_endpoints/{id}`
#[must_use]
pub fn update_endpoint(id: &str, fields: &EndpointFields) -> Call<WebhookEndpoint> {
    Call::post(&["v1", "webhook_endpoints", id], fields).of(Some(id))
}

/// Lists endpoints, newest first. `GET /v1/webhook_endpoints`
#[must_use]
pub fn endpoints(page: &PageOf) -> Call<List<WebhookEndpoint>> {
    Call::get(&["v1", "webhook_endpoints"], page)
}

/// Deletes an endpoint: what it has not taken is not sent any more. `DELETE /v1/webhook_endpoints/{id}`
#[must_use]
pub fn delete_endpoint(id: &str) -> Call<Deleted> {
    Call::delete(&["v1", "webhook_endpoints", id], &Nothing {})
}
