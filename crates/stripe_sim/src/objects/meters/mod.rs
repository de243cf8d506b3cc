//! Meters: what they count of events, when events are checked, and what is told of those that are wrong.
//!
//! An event is taken at once and checked a little later, as Stripe does: `events` takes it, `check` looks at it,
//! `tally` keeps what counts and adds it up, `reports` tells what was wrong, `adjust` takes an event back, `summaries`
//! shows what was counted, `v2` is the same under the second version of the API.

mod adjust;
mod api;
mod check;
mod events;
mod reports;
mod summaries;
mod tally;
mod v2;

pub(crate) use adjust::adjust;
pub(crate) use api::{create, deactivate, list, reactivate, retrieve, update};
pub(crate) use check::check;
pub(crate) use events::{Receipt, Waiting, create_event};
pub(crate) use reports::{Faults, report};
pub(crate) use summaries::summaries;
pub(crate) use tally::{Tally, usage};
pub(crate) use v2::{
    MeterSession, adjust as adjust_v2, create_event as create_event_v2, create_session, stream, token_is_good,
};

use crate::{
    error::ApiError,
    world::{Resource, World},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How long an identifier is taken, and an event can be taken back. Stripe promises at least so long for the one and at
/// most so long for the other.
/// Source: <https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api>
const DAY: i64 = 86_400;

/// How old an event may be when it is received. Source: as [`DAY`].
const OLDEST: i64 = 35 * DAY;

/// How far ahead of the clock an event may be. Source: as [`DAY`].
const FARTHEST: i64 = 300;

/// Longest name of an event, and longest identifier, in characters.
const LONGEST_NAME: usize = 100;

/// Adds up events of one name, customer by customer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Meter {
    pub id: String,
    pub created: i64,
    pub updated: i64,
    pub display_name: String,
    pub event_name: String,
    pub formula: Formula,
    /// The stretches of time, in UTC, in which the last event alone counts; `None` when all events do.
    pub event_time_window: Option<Window>,
    /// Which field of an event names the customer.
    pub customer_key: String,
    /// Which field of an event holds the value.
    pub value_key: String,
    /// Since when it counts no more; `None` while it does.
    pub deactivated_at: Option<i64>,
}

/// What a meter makes of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Formula {
    /// How many there are.
    Count,
    /// The latest one.
    Last,
    /// Their sum.
    Sum,
}

/// A stretch of time on the UTC clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Window {
    Day,
    Hour,
}

impl Window {
    /// How many seconds it has.
    const fn seconds(self) -> i64 {
        match self {
            Self::Day => DAY,
            Self::Hour => 3600,
        }
    }
}

impl Meter {
    /// Whether it counts.
    pub const fn is_active(&self) -> bool {
        self.deactivated_at.is_none()
    }
}

impl Resource for Meter {
    const SCHEMA: &'static str = "billing.meter";

    fn id(&self) -> &str {
        &self.id
    }

    fn view(&self, _world: &World) -> Value {
        json!({
            "id": self.id,
            "object": "billing.meter",
            "created": self.created,
            "customer_mapping": { "event_payload_key": self.customer_key, "type": "by_id" },
            "default_aggregation": { "formula": self.formula },
            "display_name": self.display_name,
            "event_name": self.event_name,
            "event_time_window": self.event_time_window,
            "status": if self.is_active() { "active" } else { "inactive" },
            "status_transitions": { "deactivated_at": self.deactivated_at },
            "updated": self.updated,
            "value_settings": { "event_payload_key": self.value_key },
        })
    }
}

/// The meter that counts events of this name now.
fn active<'a>(world: &'a World, event_name: &str) -> Option<&'a Meter> {
    world.all::<Meter>().find(|meter| meter.is_active() && meter.event_name == event_name)
}

/// A text that is longer than `most` characters.
fn at_most(text: &str, most: usize, param: &str) -> Result<(), ApiError> {
    if text.chars().count() > most {
        let message = format!("Invalid string: {text}; must be at most {most} characters");
        return Err(ApiError::wrong(&message, param));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
