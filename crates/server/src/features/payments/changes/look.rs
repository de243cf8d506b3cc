//! A subscription as it stands at Stripe before something of it is changed, read with no transaction open.

use crate::platform::error::{Code, Error};
use purser_stripe::{
    Client, Error as StripeError, Seconds,
    calls::{Metadata, schedules, subscriptions},
    objects::{
        BillingModeType, Discount, Expandable, HasId, ScheduleStatus, SubscriptionItem, SubscriptionSchedule,
        SubscriptionStatus, TaxRate, UsageType,
    },
};
use serde::{Deserialize, Serialize};

/// What changes an amount beside the price, on a subscription or on one of its items: by the ids at Stripe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Beside {
    /// `di_…`: discounts as they run, not their coupons.
    pub discounts: Vec<String>,
    /// `txr_…`: taxes that are set by hand.
    pub tax_rates: Vec<String>,
}

impl Beside {
    /// Whether there is nothing.
    pub(super) const fn is_empty(&self) -> bool {
        self.discounts.is_empty() && self.tax_rates.is_empty()
    }
}

/// An item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// `si_…`
    pub id: String,
    /// `price_…`
    pub price: String,
    /// `prod_…`
    pub product: String,
    /// How many; `None` for a metered price.
    pub quantity: Option<u64>,
    /// Whether a meter counts.
    pub metered: bool,
    /// How often it is paid: Stripe's word.
    pub interval: String,
    /// How many of these lie between two payments.
    pub interval_count: u32,
    /// When its period ends.
    pub period_end: Seconds,
    /// What it has of its own.
    pub beside: Beside,
    /// Names and texts.
    pub metadata: Metadata,
}

/// A stretch of time of a schedule: when it begins, and the prices in it, each with how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub start: Seconds,
    pub items: Vec<(String, Option<u64>)>,
}

/// A schedule that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    /// `sub_sched_…`
    pub id: String,
    /// In order.
    pub stretches: Vec<Stretch>,
}

/// What ends a subscription, if anything does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nothing.
    Never,
    /// Its period.
    WithPeriod,
    /// A date, no later than the last of its periods that run now.
    ByDate,
    /// A date after these: it renews before that.
    Later,
}

/// A subscription as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// `sub_…`
    pub id: String,
    /// Whether it has ended.
    pub over: bool,
    /// Whether it is in its trial: nothing was paid for the period.
    pub trial: bool,
    /// Whether it gives, or within grace gives, what it sells.
    pub live: bool,
    /// Whether changes are billed as before 2025.
    pub classic: bool,
    /// Three small letters.
    pub currency: String,
    pub ending: Ending,
    /// What it has for all of its items.
    pub beside: Beside,
    /// All of its items.
    pub items: Vec<Line>,
    /// The schedule it is under.
    pub schedule: Option<Schedule>,
}

/// Reads the subscription `id`.
///
/// # Errors
/// `no_subscription` when Stripe does not have it; what else Stripe says.
pub(super) async fn subscription(client: &Client, id: &str) -> Result<Seen, Error> {
    let found = match client.read(&subscriptions::retrieve(id)).await {
        Ok(answer) => answer.value,
        Err(StripeError::Refused(refused)) if refused.is_missing() => return Err(gone(id)),
        Err(error) => return Err(error.into()),
    };
    let items = client.whole(found.items.clone()).await?;
    let schedule = match &found.schedule {
        Some(schedule) => {
            let schedule = client.read(&schedules::retrieve(schedule.id())).await?.value;
            Some(schedule).filter(is_running).map(agreed)
        }
        None => None,
    };
    let last_end = items.iter().map(|item| item.current_period_end).max();
    use SubscriptionStatus::{Active, Canceled, IncompleteExpired, PastDue, Trialing, Unpaid};
    Ok(Seen {
        over: matches!(found.status, Canceled | IncompleteExpired),
        trial: found.status == Trialing,
        live: matches!(found.status, Active | Trialing | PastDue | Unpaid),
        classic: found.billing_mode.kind == BillingModeType::Classic,
        ending: match (found.cancel_at_period_end, found.cancel_at) {
            (true, _) => Ending::WithPeriod,
            (false, at @ Some(_)) if at > last_end => Ending::Later,
            (false, Some(_)) => Ending::ByDate,
            (false, None) => Ending::Never,
        },
        beside: beside(&found.discounts, &found.default_tax_rates),
        items: items.into_iter().map(line).collect(),
        schedule,
        currency: found.currency,
        id: found.id,
    })
}

fn is_running(schedule: &SubscriptionSchedule) -> bool {
    matches!(schedule.status, ScheduleStatus::Active | ScheduleStatus::NotStarted)
}

fn agreed(schedule: SubscriptionSchedule) -> Schedule {
    let stretches = schedule.phases.into_iter().map(|phase| Stretch {
        start: phase.start_date,
        items: phase.items.iter().map(|item| (item.price.id().to_owned(), item.quantity)).collect(),
    });
    Schedule { stretches: stretches.collect(), id: schedule.id }
}

fn beside(discounts: &[Expandable<Discount>], tax_rates: &[Expandable<TaxRate>]) -> Beside {
    Beside { discounts: ids(discounts), tax_rates: ids(tax_rates) }
}

fn ids<T: HasId>(of: &[Expandable<T>]) -> Vec<String> {
    of.iter().map(|one| one.id().to_owned()).collect()
}

fn line(item: SubscriptionItem) -> Line {
    let recurring = item.price.recurring.as_ref();
    Line {
        metered: recurring.is_some_and(|recurring| recurring.usage_type == UsageType::Metered),
        interval: recurring.map_or_else(String::new, |recurring| recurring.interval.as_str().to_owned()),
        interval_count: recurring.map_or(1, |recurring| recurring.interval_count),
        product: item.price.product.id().to_owned(),
        price: item.price.id,
        quantity: item.quantity,
        period_end: item.current_period_end,
        beside: beside(&item.discounts, &item.tax_rates),
        metadata: item.metadata,
        id: item.id,
    }
}

fn gone(id: &str) -> Error {
    Error::new(Code::NoSubscription, format!("Stripe does not have the subscription {id}."))
}
