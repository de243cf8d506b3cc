//! What is to stand at Stripe in the end, and the next write on the way there. Pure: what stands is an argument.

use super::look::{Beside, Ending, Line, Schedule, Seen};
use crate::features::payments::operations::Kind;
use purser_stripe::{
    Request, Seconds,
    calls::{
        Metadata,
        schedules::{self, Duration, Phase, ScheduleChange},
        subscriptions::{
            self, Cancellation, CancellationDetails, ItemChange, KeptDiscount, NewItem, SubscriptionChange, When,
        },
    },
    objects::{Interval, PaymentBehavior, ProrationBehavior},
};
use serde::{Deserialize, Serialize};

/// What one item is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Swap {
    /// Which: `si_…`.
    pub item: String,
    /// Its price; `None` takes it away.
    pub price: Option<String>,
    /// How many; `None` for a metered price.
    pub quantity: Option<u64>,
}

/// A price and how many, in a period to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Want {
    pub price: String,
    /// `None` for a metered price.
    pub quantity: Option<u64>,
    /// What the item has of its own, and keeps. Wishes of before this was kept have nothing.
    #[serde(default, skip_serializing_if = "Beside::is_empty")]
    pub beside: Beside,
    /// Names and texts of the item.
    pub metadata: Metadata,
}

/// What is to stand in the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Wish {
    /// These items, at once; all others stay.
    Now {
        /// What changes.
        swaps: Vec<Swap>,
        /// As of when it is billed: what a preview was made with.
        proration_date: Option<Seconds>,
    },
    /// These items and no others, from the end of the period on.
    Later {
        /// All that is subscribed to then.
        items: Vec<Want>,
        /// When.
        at: Seconds,
        /// How long their first period is: Stripe's word.
        interval: String,
        /// How many of these.
        interval_count: u32,
    },
    /// It ends.
    Cancel {
        /// At once, or with the period.
        now: bool,
        /// One of Stripe's reasons.
        feedback: Option<String>,
        /// In the customer's words.
        comment: Option<String>,
    },
    /// It goes on as it is: no end, and no change to come.
    Resume,
}

/// A write at Stripe.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub kind: Kind,
    pub request: Request,
}

impl Wish {
    /// The next write on the way; `None` when it stands.
    pub(super) fn next(&self, seen: &Seen) -> Option<Step> {
        match self {
            // It is paid for first: what was agreed on for later stays agreed on when the payment is declined.
            Self::Now { swaps, proration_date } if !stands(&seen.items, swaps) => {
                Some(swap(seen, swaps, *proration_date))
            }
            Self::Now { .. } => release(seen),
            Self::Later { items, at, interval, interval_count } => {
                let length =
                    Duration { interval: Interval::from(interval.clone()), interval_count: Some(*interval_count) };
                later(seen, items, *at, length)
            }
            Self::Cancel { .. } if seen.over => None,
            Self::Cancel { now: true, feedback, comment } => Some(end(seen, why(feedback, comment))),
            Self::Cancel { now: false, feedback, comment } => release(seen).or_else(|| {
                let change = || end_later(seen, why(feedback, comment));
                matches!(seen.ending, Ending::Never | Ending::Later).then(change)
            }),
            Self::Resume => release(seen).or_else(|| go_on(seen)),
        }
    }
}

/// `items` with the swaps made.
pub(super) fn swapped(items: &[Line], swaps: &[Swap]) -> Vec<Want> {
    let after = |line: &Line| {
        let (price, quantity) = match swaps.iter().find(|swap| swap.item == line.id) {
            Some(swap) => (swap.price.clone()?, swap.quantity),
            None => (line.price.clone(), line.quantity),
        };
        Some(Want { price, quantity, beside: line.beside.clone(), metadata: line.metadata.clone() })
    };
    items.iter().filter_map(after).collect()
}

/// The swaps as a change of items. Each names its item: without its id it would be one more, and what is not named of
/// an item, its discounts and taxes, stays as it is.
pub(super) fn changes(swaps: &[Swap]) -> Vec<ItemChange> {
    let change = |swap: &Swap| ItemChange {
        id: Some(swap.item.clone()),
        price: swap.price.clone(),
        quantity: swap.quantity,
        deleted: swap.price.is_none().then_some(true),
        ..ItemChange::default()
    };
    swaps.iter().map(change).collect()
}

/// Whether the items are as the swaps want them.
pub(super) fn stands(items: &[Line], swaps: &[Swap]) -> bool {
    swaps.iter().all(|swap| {
        let item = items.iter().find(|item| item.id == swap.item);
        match (&swap.price, item) {
            (Some(price), Some(item)) => item.price == *price && item.quantity == swap.quantity,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    })
}

/// Whether two lists have the same prices, each as often, in any order.
fn same(items: &[Want], others: &[(String, Option<u64>)]) -> bool {
    let mut one: Vec<(&str, Option<u64>)> = items.iter().map(|item| (item.price.as_str(), item.quantity)).collect();
    let mut other: Vec<(&str, Option<u64>)> =
        others.iter().map(|(price, quantity)| (price.as_str(), *quantity)).collect();
    one.sort_unstable();
    other.sort_unstable();
    one == other
}

/// Frees the subscription of its schedule: what it has now is what it keeps.
fn release(seen: &Seen) -> Option<Step> {
    let schedule = seen.schedule.as_ref()?;
    Some(Step { kind: Kind::ScheduleRelease, request: schedules::release(&schedule.id).request().clone() })
}

fn update(seen: &Seen, change: &SubscriptionChange) -> Step {
    Step { kind: Kind::SubscriptionUpdate, request: subscriptions::update(&seen.id, change).request().clone() }
}

/// Changes items at once. What it costs is asked for at once too, and if that is not paid nothing is changed.
fn swap(seen: &Seen, swaps: &[Swap], proration_date: Option<Seconds>) -> Step {
    let change = SubscriptionChange {
        items: Some(changes(swaps)),
        proration_behavior: Some(ProrationBehavior::AlwaysInvoice),
        payment_behavior: Some(PaymentBehavior::ErrorIfIncomplete),
        proration_date,
        ..SubscriptionChange::default()
    };
    update(seen, &change)
}

/// Changes all items with the end of the period: by a schedule, Stripe's own way to agree on something later.
fn later(seen: &Seen, items: &[Want], at: Seconds, length: Duration) -> Option<Step> {
    let has: Vec<(String, Option<u64>)> = seen.items.iter().map(|item| (item.price.clone(), item.quantity)).collect();
    let Some(schedule) = &seen.schedule else {
        let create =
            || Step { kind: Kind::ScheduleCreate, request: schedules::create_from(&seen.id).request().clone() };
        return (!same(items, &has)).then(create);
    };
    let agreed = schedule.stretches.iter().any(|stretch| stretch.start == at && same(items, &stretch.items));
    (!agreed).then(|| phases(seen, schedule, items, at, length))
}

/// Gives a schedule two phases: what there is until `at`, and `items` from then on. Stripe drops of the subscription
/// what a phase does not list, so its discounts and taxes stand in both.
fn phases(seen: &Seen, schedule: &Schedule, items: &[Want], at: Seconds, length: Duration) -> Step {
    let now = seen.items.iter().map(|line| (&line.price, line.quantity, &line.beside, &line.metadata));
    let then = items.iter().map(|item| (&item.price, item.quantity, &item.beside, &item.metadata));
    let began = schedule.stretches.iter().rev().find(|stretch| stretch.start < at).map(|stretch| stretch.start);
    let phase = |items: Vec<NewItem>| Phase {
        items,
        discounts: kept(&seen.beside),
        default_tax_rates: taxes(&seen.beside),
        ..Phase::default()
    };
    let change = ScheduleChange {
        end_behavior: Some("release"),
        phases: Some(vec![
            Phase { start_date: began, end_date: Some(at), ..phase(now.map(new_item).collect()) },
            Phase {
                start_date: Some(at),
                duration: Some(length),
                // An item whose period goes on is given back and asked for alike.
                proration_behavior: Some(ProrationBehavior::CreateProrations),
                ..phase(then.map(new_item).collect())
            },
        ]),
        ..ScheduleChange::default()
    };
    Step { kind: Kind::ScheduleUpdate, request: schedules::update(&schedule.id, &change).request().clone() }
}

fn new_item((price, quantity, beside, metadata): (&String, Option<u64>, &Beside, &Metadata)) -> NewItem {
    NewItem {
        price: price.clone(),
        quantity,
        discounts: kept(beside),
        tax_rates: taxes(beside),
        metadata: (!metadata.is_empty()).then(|| metadata.clone()),
    }
}

/// Discounts that go on as they run; `None` for none, since an empty list would say more than nothing.
fn kept(beside: &Beside) -> Option<Vec<KeptDiscount>> {
    let kept = |id: &String| KeptDiscount { discount: id.clone() };
    (!beside.discounts.is_empty()).then(|| beside.discounts.iter().map(kept).collect())
}

fn taxes(beside: &Beside) -> Option<Vec<String>> {
    (!beside.tax_rates.is_empty()).then(|| beside.tax_rates.clone())
}

/// Why it ends, if that was told.
fn why(feedback: &Option<String>, comment: &Option<String>) -> Option<CancellationDetails> {
    let told = feedback.is_some() || comment.is_some();
    told.then(|| CancellationDetails { comment: comment.clone(), feedback: feedback.clone() })
}

/// Ends it at once. What was used is billed: without `invoice_now` it would be dropped.
fn end(seen: &Seen, why: Option<CancellationDetails>) -> Step {
    let how = Cancellation { invoice_now: Some(true), prorate: None, cancellation_details: why };
    Step { kind: Kind::SubscriptionCancel, request: subscriptions::cancel(&seen.id, &how).request().clone() }
}

/// Ends it with its period; with the longest one of items whose periods differ, since all of them are paid for.
fn end_later(seen: &Seen, why: Option<CancellationDetails>) -> Step {
    let mut ends = seen.items.iter().map(|item| item.period_end);
    let first = ends.next();
    let alike = ends.all(|end| Some(end) == first);
    let change = SubscriptionChange {
        cancel_at_period_end: alike.then_some(true),
        cancel_at: (!alike).then_some(When::Word("max_period_end")),
        cancellation_details: why,
        ..SubscriptionChange::default()
    };
    update(seen, &change)
}

/// Takes back that it ends, in the way in which it was said.
fn go_on(seen: &Seen) -> Option<Step> {
    let change = match seen.ending {
        Ending::Never => return None,
        Ending::WithPeriod => SubscriptionChange { cancel_at_period_end: Some(false), ..SubscriptionChange::default() },
        Ending::ByDate | Ending::Later => {
            SubscriptionChange { cancel_at: Some(When::Word("")), ..SubscriptionChange::default() }
        }
    };
    Some(update(seen, &change))
}

#[cfg(test)]
pub(super) mod tests;
