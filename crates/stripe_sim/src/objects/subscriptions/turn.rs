//! What time does to a subscription: periods begin, trials end, ends come.

use super::{Item, Paused, Status, Subscription, cancel, pause, status};
use crate::{
    objects::{
        invoices::{self, Invoice, draft, finalize},
        period::{Period, around},
    },
    world::{Cx, Timer, World},
};

/// How long before its end a trial is warned of. Source: <https://docs.stripe.com/billing/subscriptions/trials>
pub(super) const TRIAL_WARNING: i64 = 3 * 86_400;

/// Sets the next turn of a subscription and the notice before it.
pub(crate) fn schedule(cx: &mut Cx<'_>, id: &str) {
    let Some(subscription) = cx.world.get::<Subscription>(id).filter(|found| !found.is_over()).cloned() else { return };
    let now = cx.now();
    if let Some(next) = next(cx.world, &subscription) {
        cx.at(next.max(now), Timer::Turn(id.to_owned()));
    }
    if let Some(end) = subscription.next_end(cx.world) {
        let notice = end - cx.world.settings.upcoming_before;
        if notice > now && subscription.collection_method == "charge_automatically" {
            cx.at(notice, Timer::Upcoming(id.to_owned()));
        }
    }
}

/// When something happens to it next.
fn next(world: &World, subscription: &Subscription) -> Option<i64> {
    let ends = subscription.items_of(world).map(|item| item.current_period_end);
    let due = if subscription.status == Status::Paused { None } else { ends.min() };
    [due, subscription.cancel_at].into_iter().flatten().min()
}

/// Something of it may be due: the end, or periods.
pub(crate) fn turn(cx: &mut Cx<'_>, id: &str) {
    crate::objects::schedules::run::before_turn(cx, id);
    let Some(subscription) = cx.world.get::<Subscription>(id).filter(|found| !found.is_over()).cloned() else { return };
    let now = cx.now();
    if subscription.cancel_at.is_some_and(|at| at <= now) {
        cancel::reached(cx, id);
        return;
    }
    if matches!(subscription.status, Status::Paused | Status::Incomplete) {
        return;
    }
    let due: Vec<(String, Period)> = subscription
        .items_of(cx.world)
        .filter(|item| item.current_period_end <= now)
        .map(|item| (item.id.clone(), item.period()))
        .collect();
    if due.is_empty() {
        return;
    }
    let trial_over = subscription.status == Status::Trialing && subscription.trial_end.is_some_and(|end| end <= now);
    if trial_over && trial_without_payment(cx, &subscription) {
        return;
    }
    roll(cx, &subscription, &due, trial_over);
    schedule(cx, id);
}

/// Begins the periods that are due, and drafts the invoice for them.
fn roll(cx: &mut Cx<'_>, subscription: &Subscription, due: &[(String, Period)], trial_over: bool) {
    let id = subscription.id.as_str();
    let before = cx.before::<Subscription>(id);
    for (item, ended) in due {
        begin_next(cx, subscription, item, *ended);
    }
    if trial_over {
        cx.edit::<Subscription>(id, |found| found.status = Status::Active);
    }
    let invoice = draft::turn(cx, subscription, due);
    for (item, _) in due {
        let now = cx.now();
        cx.edit::<Item>(item, |item| item.usage_from = now);
    }
    cx.edit::<Subscription>(id, |found| found.latest_invoice = Some(invoice.clone()));
    cx.tell_change::<Subscription>("customer.subscription.updated", id, before);
    match subscription.pause_collection.as_ref().map(|pause| pause.behavior.as_str()) {
        Some("keep_as_draft") => cx.tell::<Invoice>("invoice.created", &invoice),
        // An invoice of an unpaid subscription is drafted and left so.
        _ if subscription.status == Status::Unpaid => cx.tell::<Invoice>("invoice.created", &invoice),
        _ => finalize::later(cx, &invoice),
    }
}

/// The period of an item that follows the one that ended; it is no longer than the subscription.
fn begin_next(cx: &mut Cx<'_>, subscription: &Subscription, item: &str, ended: Period) {
    let Some(found) = cx.world.get::<Item>(item).cloned() else { return };
    let next = around(subscription.billing_cycle_anchor, found.every(cx.world), ended.end);
    let end = subscription.cancel_at.map_or(next.end, |at| at.min(next.end));
    cx.edit::<Item>(item, |item| {
        item.set_period(Period { start: ended.end, end });
        item.debits.clear();
    });
}

/// At the end of a trial without a payment method the subscription may end or be paused; says whether it did.
fn trial_without_payment(cx: &mut Cx<'_>, subscription: &Subscription) -> bool {
    if subscription.payment_method(cx.world).is_some() || subscription.collection_method == "send_invoice" {
        return false;
    }
    match subscription.missing_payment_method.as_str() {
        "cancel" => cancel::end(cx, &subscription.id, "payment_failed"),
        "pause" => pause::now(cx, &subscription.id, "trial_end_without_payment_method"),
        _ => return false,
    }
    true
}

/// A trial is ended by the seller. Without a payment method the subscription may end or be paused with it; says whether it
/// did. That it changed is told by who asked for it.
pub(crate) fn trial_ended_without_payment(cx: &mut Cx<'_>, id: &str) -> bool {
    let now = cx.now();
    let trying = |found: &&Subscription| found.status == Status::Trialing;
    let Some(found) = cx.world.get::<Subscription>(id).filter(trying).cloned() else { return false };
    if found.payment_method(cx.world).is_some() || found.collection_method == "send_invoice" {
        return false;
    }
    let pauses = match found.missing_payment_method.as_str() {
        "cancel" => false,
        "pause" => true,
        _ => return false,
    };
    cx.edit::<Subscription>(id, |found| found.trial_end = Some(now));
    if pauses {
        let why = "trial_end_without_payment_method".to_owned();
        cx.edit::<Subscription>(id, |found| {
            found.status = Status::Paused;
            found.paused = Some(Paused { at: now, why });
        });
        cx.tell::<Subscription>("customer.subscription.paused", id);
    } else {
        cancel::end(cx, id, "payment_failed");
    }
    true
}

/// Three days are left of the trial, or less from the start.
pub(crate) fn trial_will_end(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now();
    let warned = |found: &&Subscription| {
        found.status == Status::Trialing && found.trial_end.is_some_and(|end| end > now && end - now <= TRIAL_WARNING)
    };
    if cx.world.get::<Subscription>(id).filter(warned).is_some() {
        cx.tell::<Subscription>("customer.subscription.trial_will_end", id);
    }
}

/// The next invoice is announced, as it would be now; the announcement has no id.
pub(crate) fn upcoming(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now();
    let before = cx.world.settings.upcoming_before;
    let announced = |found: &&Subscription| {
        matches!(found.status, Status::Active | Status::Trialing | Status::PastDue)
            && found.pause_collection.is_none()
            && found.cancel_at.is_none_or(|at| at > now + before)
            && found.next_end(cx.world) == Some(now + before)
    };
    if cx.world.get::<Subscription>(id).filter(announced).is_none() {
        return;
    }
    let mut invoice = invoices::preview::next(cx, id);
    if let Some(fields) = invoice.as_object_mut() {
        fields.remove("id");
    }
    cx.tell_value("invoice.upcoming", invoice, None);
}

/// The first invoice, or the one with which a paused subscription was to go on, was not paid within 23 hours.
pub(crate) fn incomplete(cx: &mut Cx<'_>, id: &str) {
    status::expire(cx, id);
    pause::not_resumed(cx, id);
}

/// Collection that was paused goes on.
pub(crate) fn collect(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now();
    let over = |found: &&Subscription| {
        found.pause_collection.as_ref().is_some_and(|pause| pause.resumes_at.is_some_and(|at| at <= now))
    };
    if cx.world.get::<Subscription>(id).filter(over).is_some() {
        cx.change::<Subscription>(id, "customer.subscription.updated", |found| found.pause_collection = None);
    }
}
