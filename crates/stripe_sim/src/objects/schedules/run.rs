//! Phases begin and end.

use super::{Phase, Schedule, Status};
use crate::{
    objects::subscriptions::{
        self, Item, Subscription,
        change::{self, Change, ItemChange, Proration},
        start::{self, NewItem, PaymentBehavior},
    },
    objects::{Kept, metadata::Metadata, period::Period},
    world::{Cx, Timer},
};

/// How long before its end a schedule is announced to end.
/// Source: `subscription_schedule.expiring` in <https://docs.stripe.com/api/events/types>
const NOTICE: i64 = 7 * 86_400;

/// Sets when something happens to a schedule next.
pub(super) fn timers(cx: &mut Cx<'_>, id: &str) {
    let Some(found) = cx.world.get::<Schedule>(id).filter(|found| found.is_live()).cloned() else { return };
    let now = cx.now();
    let times = found.phases.iter().flat_map(|phase| [phase.start_date, phase.end_date]);
    let notice = found.phases.last().map(|phase| phase.end_date - NOTICE);
    let next: Vec<i64> = times.chain(notice).filter(|at| *at > now).collect();
    next.into_iter().for_each(|at| cx.at(at, Timer::Phase(id.to_owned())));
}

/// A phase may begin or end now, or the end be near.
pub(crate) fn due(cx: &mut Cx<'_>, id: &str) {
    let Some(found) = cx.world.get::<Schedule>(id).filter(|found| found.is_live()).cloned() else { return };
    let now = cx.now();
    let Some(last) = found.phases.last() else { return };
    if last.end_date - NOTICE == now {
        cx.tell::<Schedule>("subscription_schedule.expiring", id);
    }
    if last.end_date <= now {
        complete(cx, &found);
        return;
    }
    if let Some((_, phase)) = found.current(now).filter(|(_, phase)| phase.start_date == now) {
        begin(cx, &found, phase);
    }
}

/// Something of a subscription is due: its schedule comes first.
pub(crate) fn before_turn(cx: &mut Cx<'_>, subscription: &str) {
    let schedule = cx.world.get::<Subscription>(subscription).and_then(|found| found.schedule.clone());
    if let Some(schedule) = schedule {
        due(cx, &schedule);
    }
}

/// A phase begins.
fn begin(cx: &mut Cx<'_>, found: &Schedule, phase: &Phase) {
    let Some(subscription) = found.subscription.clone() else {
        first(cx, found, phase);
        return;
    };
    let stays = already(cx, &subscription, phase);
    let now = cx.now();
    let before = cx.before::<Subscription>(&subscription);
    let whole = cx
        .world
        .get::<Subscription>(&subscription)
        .is_some_and(|subscription| subscription.items_of(cx.world).all(|item| item.current_period_end <= now));
    match (stays, whole) {
        (true, _) => {}
        (false, true) => replace(cx, &subscription, phase),
        (false, false) => swap(cx, &subscription, phase),
    }
    cx.edit::<Subscription>(&subscription, |found| found.metadata = entered(&found.metadata, &phase.metadata));
    manage_end(cx, &found.id);
    cx.tell_change::<Subscription>("customer.subscription.updated", &subscription, before);
    if !stays {
        cx.tell::<Schedule>("subscription_schedule.updated", &found.id);
    }
    subscriptions::turn::schedule(cx, &subscription);
}

/// The metadata of a subscription that enters a phase: an empty text takes a name away.
/// Source: <https://docs.stripe.com/billing/subscriptions/subscription-schedules>
fn entered(had: &Metadata, phase: &Metadata) -> Metadata {
    let mut metadata = had.clone();
    metadata.extend(phase.clone());
    metadata.retain(|_, text| text != "");
    metadata
}

/// A subscription that its schedule is going to cancel says so once the last phase runs, and no longer when a phase comes
/// after it. Nobody is told yet. Source: <https://docs.stripe.com/billing/subscriptions/cancel>
pub(super) fn manage_end(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now();
    let Some(found) = cx.world.get::<Schedule>(id).filter(|found| found.end_behavior == "cancel").cloned() else {
        return;
    };
    let Some(subscription) = &found.subscription else { return };
    let last = found.current(now).is_some_and(|(place, _)| place + 1 == found.phases.len());
    let end = found.phases.last().map(|phase| phase.end_date).filter(|_| last);
    cx.edit::<Subscription>(subscription, |found| found.cancel_at = end);
    subscriptions::turn::schedule(cx, subscription);
}

/// Whether the subscription has the phase's items already.
fn already(cx: &Cx<'_>, subscription: &str, phase: &Phase) -> bool {
    let Some(found) = cx.world.get::<Subscription>(subscription) else { return true };
    let has: Vec<(&str, Option<i64>)> =
        found.items_of(cx.world).map(|item| (item.price.as_str(), item.quantity)).collect();
    let metered = |price: &str| {
        cx.world.get::<crate::objects::catalog::Price>(price).is_some_and(crate::objects::catalog::Price::is_metered)
    };
    let wants = |item: &super::PhaseItem| if metered(&item.price) { None } else { Some(item.quantity.unwrap_or(1)) };
    let wanted: Vec<(&str, Option<i64>)> = phase.items.iter().map(|item| (item.price.as_str(), wants(item))).collect();
    has == wanted
}

/// All periods end now: the items are made anew, and begin their periods with the turn that follows.
fn replace(cx: &mut Cx<'_>, subscription: &str, phase: &Phase) {
    let Some(found) = cx.world.get::<Subscription>(subscription).cloned() else { return };
    let now = cx.now();
    let began = found.items_of(cx.world).map(|item| item.current_period_start).min().unwrap_or(now);
    if phase.billing_cycle_anchor.as_deref() == Some("phase_start") {
        cx.edit::<Subscription>(subscription, |found| found.billing_cycle_anchor = now);
    }
    for item in &found.items {
        change::bill_usage_so_far(cx, subscription, item, now);
    }
    let mut items = Vec::with_capacity(phase.items.len());
    for item in &phase.items {
        let new = NewItem { price: item.price.clone(), quantity: item.quantity, metadata: item.metadata.clone() };
        items.push(start::put_item(cx, subscription, &new, |_| Period { start: began, end: now }));
    }
    for item in &items {
        cx.edit::<Item>(item, |item| item.usage_from = now);
    }
    cx.edit::<Subscription>(subscription, |found| found.items = items);
}

/// In the middle of a period the items are exchanged as by a change of them.
fn swap(cx: &mut Cx<'_>, subscription: &str, phase: &Phase) {
    let Some(found) = cx.world.get::<Subscription>(subscription).cloned() else { return };
    let gone = found.items.iter().map(|id| ItemChange { id: Some(id.clone()), deleted: true, ..ItemChange::default() });
    let come = phase.items.iter().map(|item| ItemChange {
        price: Some(item.price.clone()),
        quantity: item.quantity,
        metadata: Some(serde_json::Value::Object(item.metadata.clone())),
        ..ItemChange::default()
    });
    let change = Change {
        items: gone.chain(come).collect(),
        proration: proration(&phase.proration_behavior),
        date: None,
        anchor_now: phase.billing_cycle_anchor.as_deref() == Some("phase_start"),
        trial: None,
        payment_behavior: PaymentBehavior::AllowIncomplete,
        off_session: true,
    };
    if let Err(error) = change::apply(cx, subscription, &change) {
        // A price that was fine when the phase was agreed on and is not any more: the subscription stays as it is.
        tracing::warn!(error = %error.message, subscription, "a phase could not begin");
    }
}

pub(super) fn proration(word: &str) -> Proration {
    match word {
        "always_invoice" => Proration::AlwaysInvoice,
        "none" => Proration::None,
        _ => Proration::Create,
    }
}

/// The first phase of a schedule that was agreed on before its subscription began.
pub(super) fn first(cx: &mut Cx<'_>, found: &Schedule, phase: &Phase) {
    let new = start::New {
        customer: found.customer.clone(),
        items: phase
            .items
            .iter()
            .map(|item| NewItem { price: item.price.clone(), quantity: item.quantity, metadata: item.metadata.clone() })
            .collect(),
        extras: Vec::new(),
        default_payment_method: phase.default_payment_method.clone(),
        payment_behavior: PaymentBehavior::AllowIncomplete,
        trial_end: phase.trial_end,
        missing_payment_method: "create_invoice".into(),
        billing_cycle_anchor: None,
        prorate: true,
        backdate_start_date: (phase.start_date < cx.now()).then_some(phase.start_date),
        cancel_at: None,
        cancel_at_period_end: false,
        collection_method: "charge_automatically".into(),
        days_until_due: None,
        save_default_payment_method: "off".into(),
        off_session: true,
        metadata: entered(&Metadata::new(), &phase.metadata),
        kept: Kept::new(),
    };
    match start::start_scheduled(cx, new) {
        Ok(subscription) => {
            cx.edit::<Schedule>(&found.id, |found| {
                found.subscription = Some(subscription.clone());
                found.status = Status::Active;
            });
            let before = cx.before::<Subscription>(&subscription);
            cx.edit::<Subscription>(&subscription, |subscription| subscription.schedule = Some(found.id.clone()));
            manage_end(cx, &found.id);
            cx.tell_change::<Subscription>("customer.subscription.updated", &subscription, before);
            cx.tell::<Schedule>("subscription_schedule.updated", &found.id);
        }
        Err(error) => tracing::warn!(error = %error.message, schedule = found.id, "a schedule could not begin"),
    }
}

/// The last phase is over.
fn complete(cx: &mut Cx<'_>, found: &Schedule) {
    let now = cx.now();
    cx.edit::<Schedule>(&found.id, |found| {
        found.status = Status::Completed;
        found.completed_at = Some(now);
    });
    if let Some(subscription) = &found.subscription {
        if found.end_behavior == "cancel" {
            subscriptions::cancel::reached(cx, subscription);
        } else {
            cx.change::<Subscription>(subscription, "customer.subscription.updated", |found| found.schedule = None);
        }
    }
    cx.tell::<Schedule>("subscription_schedule.completed", &found.id);
}

/// Its subscription ended by itself.
pub(crate) fn ended_with_subscription(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now();
    if cx.world.get::<Schedule>(id).is_some_and(Schedule::is_live) {
        cx.edit::<Schedule>(id, |found| {
            found.status = Status::Canceled;
            found.canceled_at = Some(now);
        });
        cx.tell::<Schedule>("subscription_schedule.canceled", id);
    }
}
