//! A subscription ends: now, with its period, or on a day.

use super::{Item, Status, Subscription};
use crate::{
    error::ApiError,
    objects::{
        invoices::{Invoice, InvoiceItem, Reason, draft, finalize, items, pay},
        period::{Period, around},
    },
    world::Cx,
};

/// How a subscription ends at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct How {
    /// Bills usage and what waits now.
    pub invoice_now: bool,
    /// Gives back the rest of the period.
    pub prorate: bool,
}

/// Ends a subscription at once because it was asked for.
///
/// # Errors
/// When it is over already.
pub(crate) fn at_once(cx: &mut Cx<'_>, id: &str, how: How) -> Result<(), ApiError> {
    let found: Subscription = cx.of_path(id)?;
    if found.is_over() {
        return Err(ApiError::no_such("subscription", id).at("id").status(404));
    }
    if how.prorate {
        super::change::credit_rest(cx, &found, cx.now());
    }
    if how.invoice_now {
        last_invoice(cx, &found);
    }
    end(cx, id, "cancellation_requested");
    Ok(())
}

/// Bills what was used and what waits, at once.
fn last_invoice(cx: &mut Cx<'_>, found: &Subscription) {
    let now = cx.now();
    let start = found.items_of(cx.world).map(|item| item.current_period_start).min().unwrap_or(now);
    let invoice = draft::of(cx, found, Reason::SubscriptionUpdate, Period { start, end: now });
    items::take_up(cx, &invoice, &found.id);
    for item in &found.items {
        used_until(cx, &invoice, item, now);
    }
    if drop_if_empty(cx, &invoice) {
        return;
    }
    cx.edit::<Subscription>(&found.id, |found| found.latest_invoice = Some(invoice.clone()));
    finalize::now(cx, &invoice, Reason::SubscriptionUpdate);
    if let Ok(outcome) = pay::collect(cx, &invoice, None, pay::By::Seller) {
        pay::tell(cx, &invoice, &outcome, true);
    }
}

/// Asks for what was used of a metered item and is not billed yet.
fn used_until(cx: &mut Cx<'_>, invoice: &str, item: &str, end: i64) {
    let Some(found) = cx.world.get::<Item>(item).filter(|item| item.is_metered(cx.world)).cloned() else { return };
    if found.usage_from < end {
        draft::usage_line(cx, invoice, item, Period { start: found.usage_from, end });
    }
}

/// Takes an invoice without lines out; says whether it did.
fn drop_if_empty(cx: &mut Cx<'_>, invoice: &str) -> bool {
    let empty = cx.world.get::<Invoice>(invoice).is_some_and(|invoice| invoice.lines.is_empty());
    if empty {
        cx.remove::<Invoice>(invoice);
    }
    empty
}

/// Lets the periods of items end with the subscription at `at`, or at their own ends when it ends later or not at all.
/// With `prorate`, what was asked for the time that falls away is given back, and time that is added is asked for. A
/// trial keeps its end. Source: <https://docs.stripe.com/billing/subscriptions/cancel>
pub(super) fn fit(cx: &mut Cx<'_>, id: &str, at: Option<i64>, prorate: bool) {
    let Some(found) = cx.world.get::<Subscription>(id).cloned() else { return };
    if matches!(found.status, Status::Trialing | Status::Paused) {
        return;
    }
    let items: Vec<Item> = found.items_of(cx.world).cloned().collect();
    for item in items {
        let whole = around(found.billing_cycle_anchor, item.every(cx.world), item.current_period_start);
        let end = at.map_or(whole.end, |at| at.min(whole.end));
        if end <= item.current_period_start || end == item.current_period_end {
            continue;
        }
        if prorate && end < item.current_period_end {
            super::change::credit(cx, id, &item.id, end);
        } else if prorate {
            super::change::debit(cx, &found, &item, Period { start: item.current_period_end, end });
        }
        cx.edit::<Item>(&item.id, |item| item.current_period_end = end);
    }
}

/// The time has come at which a subscription was to end. What was used, and what waits, comes onto a last invoice that
/// nobody collects by itself.
/// Source: <https://docs.stripe.com/billing/subscriptions/cancel>
pub(crate) fn reached(cx: &mut Cx<'_>, id: &str) {
    let Some(found) = cx.world.get::<Subscription>(id).cloned() else { return };
    let now = cx.now();
    let waits = |item: &InvoiceItem| item.invoice.is_none() && !item.deleted;
    let metered = found.items_of(cx.world).any(|item| item.is_metered(cx.world));
    if metered || cx.world.of::<InvoiceItem>(id).any(waits) {
        let start = found.items_of(cx.world).map(|item| item.current_period_start).min().unwrap_or(now);
        let invoice = draft::of(cx, &found, Reason::SubscriptionCycle, Period { start, end: now });
        items::take_up(cx, &invoice, id);
        for item in &found.items {
            used_until(cx, &invoice, item, now);
        }
        if !drop_if_empty(cx, &invoice) {
            cx.edit::<Subscription>(id, |found| found.latest_invoice = Some(invoice.clone()));
            cx.tell::<Invoice>("invoice.created", &invoice);
        }
    }
    end(cx, id, "cancellation_requested");
}

/// Ends a subscription now. Its invoices are not collected by themselves any more.
pub(crate) fn end(cx: &mut Cx<'_>, id: &str, reason: &str) {
    let now = cx.now();
    let Some(found) = cx.world.get::<Subscription>(id).filter(|found| !found.is_over()).cloned() else { return };
    cx.edit::<Subscription>(id, |found| {
        found.status = Status::Canceled;
        found.ended_at = Some(now);
        found.canceled_at = found.canceled_at.filter(|_| found.cancel_at.is_some()).or(Some(now));
        found.cancel_at = None;
        found.cancel_at_period_end = false;
        found.paused = None;
        if found.cancellation.reason.is_none() {
            found.cancellation.reason = Some(reason.to_owned());
        }
    });
    cx.tell::<Subscription>("customer.subscription.deleted", id);
    let advancing = |invoice: &&Invoice| invoice.auto_advance;
    let stopped: Vec<String> = cx.world.of::<Invoice>(id).filter(advancing).map(|invoice| invoice.id.clone()).collect();
    for invoice in stopped {
        cx.change::<Invoice>(&invoice, "invoice.updated", |invoice| {
            invoice.auto_advance = false;
            invoice.automatically_finalizes_at = None;
            invoice.next_payment_attempt = None;
        });
    }
    if let Some(schedule) = &found.schedule {
        crate::objects::schedules::ended_with_subscription(cx, schedule);
    }
}
