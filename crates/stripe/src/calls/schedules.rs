//! Calls about subscription schedules: changes that are agreed on now and happen later.

use super::{
    Call, Metadata, PageOf,
    params::Nothing,
    subscriptions::{KeptDiscount, NewItem},
};
use crate::{
    List, Seconds,
    objects::{ProrationBehavior, SubscriptionSchedule},
};
use serde::Serialize;

/// What changes of a schedule. What is `None` stays.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ScheduleChange {
    /// `release` (the subscription goes on) or `cancel`.
    pub end_behavior: Option<&'static str>,
    /// All phases that are not over, the current one included.
    pub phases: Option<Vec<Phase>>,
    /// How a change of the current phase is billed.
    pub proration_behavior: Option<ProrationBehavior>,
    /// Names and texts.
    pub metadata: Option<Metadata>,
}

/// A stretch of time in which a subscription has the same items.
///
/// It has what is named here and nothing else: what is `None` is not taken over from the subscription or another phase.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Phase {
    /// What is subscribed to in it.
    pub items: Vec<NewItem>,
    /// When it begins; needed for the current phase.
    pub start_date: Option<Seconds>,
    /// When it ends.
    pub end_date: Option<Seconds>,
    /// How long it is, instead of an end.
    pub duration: Option<Duration>,
    /// How its beginning is billed.
    pub proration_behavior: Option<ProrationBehavior>,
    /// What is taken off its invoices; `None` are those of the customer.
    pub discounts: Option<Vec<KeptDiscount>>,
    /// Taxes of its invoices, by their ids.
    pub default_tax_rates: Option<Vec<String>>,
    /// Names and texts the subscription has in it.
    pub metadata: Option<Metadata>,
}

/// A number of intervals.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Duration {
    /// The unit of time.
    pub interval: crate::objects::Interval,
    /// How many.
    pub interval_count: Option<u32>,
}

/// Which schedules.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Schedules {
    /// Of one customer.
    pub customer: Option<String>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageOf,
}

/// Puts a subscription under a schedule, with its present state as first phase. `POST /v1/subscription_schedules`
#[must_use]
pub fn create_from(subscription: &str) -> Call<SubscriptionSchedule> {
    #[derive(Serialize)]
    struct From<'a> {
        from_subscription: &'a str,
    }
    let from = From { from_subscription: subscription };
    Call::post(&["v1", "subscription_schedules"], &from).of(Some(subscription))
}

/// Reads a schedule. `GET /v1/subscription_schedules/{id}`
#[must_use]
pub fn retrieve(id: &str) -> Call<SubscriptionSchedule> {
    Call::get(&["v1", "subscription_schedules", id], &Nothing {})
}

/// Changes a schedule. `POST /v1/subscription_schedules/{id}`
#[must_use]
pub fn update(id: &str, change: &ScheduleChange) -> Call<SubscriptionSchedule> {
    Call::post(&["v1", "subscription_schedules", id], change).of(Some(id))
}

/// Ends a schedule and leaves its subscription as it is. `POST /v1/subscription_schedules/{id}/release`
#[must_use]
pub fn release(id: &str) -> Call<SubscriptionSchedule> {
    Call::post(&["v1", "subscription_schedules", id, "release"], &Nothing {}).of(Some(id))
}

/// Ends a schedule and its subscription at once. `POST /v1/subscription_schedules/{id}/cancel`
#[must_use]
pub fn cancel(id: &str) -> Call<SubscriptionSchedule> {
    Call::post(&["v1", "subscription_schedules", id, "cancel"], &Nothing {}).of(Some(id))
}

/// Lists schedules, newest first. `GET /v1/subscription_schedules`
#[must_use]
pub fn list(which: &Schedules) -> Call<List<SubscriptionSchedule>> {
    Call::get(&["v1", "subscription_schedules"], which)
}
