//! Subscription schedules: changes that are agreed on and happen later.

use super::{
    Customer, Expandable, Price, Subscription,
    expandable::{OrDeleted, has_id},
    nullable,
    words::words,
};
use crate::{Seconds, calls::Metadata};
use serde::Deserialize;

/// Changes of a subscription that are agreed on and happen later.
#[derive(Clone, Debug, Deserialize)]
pub struct SubscriptionSchedule {
    /// `sub_sched_…`
    pub id: String,
    /// When it was created.
    pub created: Seconds,
    /// Whose.
    pub customer: Expandable<OrDeleted<Customer>>,
    /// The subscription it changes.
    #[serde(deserialize_with = "nullable")]
    pub subscription: Option<Expandable<Subscription>>,
    /// Where it stands.
    pub status: ScheduleStatus,
    /// What it does at its end: `release` or `cancel`.
    pub end_behavior: String,
    /// Its phases, in order.
    pub phases: Vec<SchedulePhase>,
    /// Names and texts.
    #[serde(deserialize_with = "nullable")]
    pub metadata: Option<Metadata>,
    /// Whether it is of live mode.
    pub livemode: bool,
}

/// A stretch of time in which a subscription has the same items.
#[derive(Clone, Debug, Deserialize)]
pub struct SchedulePhase {
    /// Its first second.
    pub start_date: Seconds,
    /// The second after its last.
    pub end_date: Seconds,
    /// What is subscribed to in it.
    pub items: Vec<ScheduleItem>,
}

/// What is subscribed to in a phase.
#[derive(Clone, Debug, Deserialize)]
pub struct ScheduleItem {
    /// Its price.
    pub price: Expandable<OrDeleted<Price>>,
    /// How many.
    pub quantity: Option<u64>,
}

words! {
    /// Where a schedule stands.
    ScheduleStatus {
        /// A phase is running.
        Active = "active",
        /// It was ended together with its subscription.
        Canceled = "canceled",
        /// Its last phase is over.
        Completed = "completed",
        /// Its first phase is to come.
        NotStarted = "not_started",
        /// It let its subscription go.
        Released = "released",
    }
}

has_id!(SubscriptionSchedule);
