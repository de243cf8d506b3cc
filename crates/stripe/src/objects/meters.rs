//! Meters, what was sent to them, and what they counted.

use super::expandable::has_id;
use crate::Seconds;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Counts usage by customer.
#[derive(Clone, Debug, Deserialize)]
pub struct Meter {
    /// `mtr_…`
    pub id: String,
    /// When it was created.
    pub created: Seconds,
    /// The name its events have.
    pub event_name: String,
    /// For the people in the dashboard.
    pub display_name: String,
    /// `active` or `inactive`.
    pub status: String,
    /// Whether it is of live mode.
    pub livemode: bool,
}

/// Usage that was taken in, and not yet checked.
#[derive(Clone, Debug, Deserialize)]
pub struct MeterEvent {
    /// Our own id of it.
    pub identifier: String,
    /// The name of the meter's events.
    pub event_name: String,
    /// When it was taken in.
    pub created: Seconds,
    /// When it was used.
    pub timestamp: Seconds,
    /// What was used, and by whom.
    pub payload: BTreeMap<String, String>,
}

/// Usage taken back.
#[derive(Clone, Debug, Deserialize)]
pub struct MeterEventAdjustment {
    /// The name of the meter's events.
    pub event_name: String,
    /// `pending` or `complete`.
    pub status: String,
}

/// What a meter counted for one customer in a stretch of time.
#[derive(Clone, Debug, Deserialize)]
pub struct MeterEventSummary {
    /// `mtrusg_…`
    pub id: String,
    /// Of which meter.
    pub meter: String,
    /// Its first second.
    pub start_time: Seconds,
    /// The second after its last.
    pub end_time: Seconds,
    /// The figure as it stood in the answer, digit for digit: no float is made of it.
    pub aggregated_value: Box<RawValue>,
}

impl Meter {
    /// Whether it counts.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == "active"
    }
}

has_id!(Meter, MeterEventSummary);
