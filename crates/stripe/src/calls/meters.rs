//! Calls about meters: usage that Stripe counts and bills.

use super::{Call, PageOf, params::Nothing};
use crate::{
    List, Seconds,
    objects::{Meter, MeterEvent, MeterEventAdjustment, MeterEventSummary},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// A meter to be.
#[derive(Clone, Debug, Serialize)]
pub struct NewMeter {
    /// For the people in the dashboard.
    pub display_name: String,
    /// The name its events have; of one meter alone.
    pub event_name: String,
    /// How events become a figure.
    pub default_aggregation: Aggregation,
}

/// How events become a figure.
#[derive(Clone, Debug, Serialize)]
pub struct Aggregation {
    /// `sum`, `count` or `last`.
    pub formula: &'static str,
}

/// Usage to be counted.
#[derive(Clone, Debug, Serialize)]
pub struct NewMeterEvent {
    /// The name of the meter's events.
    pub event_name: String,
    /// What was used, and by whom: `stripe_customer_id` and `value`, unless the meter says otherwise.
    pub payload: BTreeMap<String, String>,
    /// Our own id of it, at most 100 characters; the same a second time is refused for at least 24 hours, which
    /// counts as delivered ([`crate::Refused::is_duplicate_meter_event`]).
    pub identifier: String,
    /// When it was used: at most 35 days ago and five minutes ahead.
    pub timestamp: Seconds,
}

/// Which sums.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summaries {
    /// Whose.
    pub customer: String,
    /// From then, a whole minute.
    pub start_time: Seconds,
    /// Up to then, a whole minute.
    pub end_time: Seconds,
    /// A row for each `hour` or `day` instead of one for all; then both ends are whole hours or days (UTC).
    pub value_grouping_window: Option<&'static str>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageOf,
}

/// Creates a meter. `POST /v1/billing/meters`
#[must_use]
pub fn create(meter: &NewMeter) -> Call<Meter> {
    Call::post(&["v1", "billing", "meters"], meter)
}

/// Reads a meter. `GET /v1/billing/meters/{id}`
#[must_use]
pub fn retrieve(id: &str) -> Call<Meter> {
    Call::get(&["v1", "billing", "meters", id], &Nothing {})
}

/// Lists meters, newest first. `GET /v1/billing/meters`
#[must_use]
pub fn list(page: &PageOf) -> Call<List<Meter>> {
    Call::get(&["v1", "billing", "meters"], page)
}

/// Sends usage. `POST /v1/billing/meter_events`
///
/// It is checked later: a customer or meter that is not there is told by an event, not by the answer.
#[must_use]
pub fn send(event: &NewMeterEvent) -> Call<MeterEvent> {
    // Stripe takes one call at a time for each customer and meter.
    let whose = event.payload.get("stripe_customer_id").map(|customer| format!("{customer}/{}", event.event_name));
    Call::post(&["v1", "billing", "meter_events"], event).of(whose.as_deref())
}

/// Takes usage back that was sent within a day. `POST /v1/billing/meter_event_adjustments`
#[must_use]
pub fn cancel(event_name: &str, identifier: &str) -> Call<MeterEventAdjustment> {
    #[derive(Serialize)]
    struct Adjustment<'a> {
        event_name: &'a str,
        r#type: &'static str,
        cancel: Which<'a>,
    }
    #[derive(Serialize)]
    struct Which<'a> {
        identifier: &'a str,
    }
    let adjustment = Adjustment { event_name, r#type: "cancel", cancel: Which { identifier } };
    Call::post(&["v1", "billing", "meter_event_adjustments"], &adjustment)
}

/// Reads what was counted, newest first; it may lag behind. `GET /v1/billing/meters/{id}/event_summaries`
#[must_use]
pub fn summaries(meter: &str, which: &Summaries) -> Call<List<MeterEventSummary>> {
    Call::get(&["v1", "billing", "meters", meter, "event_summaries"], which)
}
