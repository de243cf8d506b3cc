//! Pausing and resuming: nothing is billed in between.

use super::{Item, Status, Subscription, change, start::PAYMENT_WINDOW, turn};
use crate::{
    error::ApiError,
    objects::{
        invoices::{Invoice, Reason, draft, finalize, items::take_up, pay},
        period::{Period, around},
    },
    world::{Cx, Timer},
};

/// Pauses a subscription at once; the periods of its items end now.
pub(crate) fn now(cx: &mut Cx<'_>, id: &str, why: &str) {
    let at = cx.now();
    let before = cx.before::<Subscription>(id);
    let items = cx.world.get::<Subscription>(id).map(|found| found.items.clone()).unwrap_or_default();
    if why == "pause_requested" {
        for item in items {
            cx.edit::<Item>(&item, |item| item.current_period_end = at);
        }
    }
    cx.edit::<Subscription>(id, |found| {
        found.status = Status::Paused;
        found.paused = Some(super::Paused { at, why: why.to_owned() });
    });
    cx.tell::<Subscription>("customer.subscription.paused", id);
    cx.tell_change::<Subscription>("customer.subscription.updated", id, before);
}

/// Whether a subscription may be paused by its owner.
///
/// # Errors
/// Why not. Stripe publishes no texts for these; the conditions are documented at
/// <https://docs.stripe.com/billing/subscriptions/pause>.
pub(crate) fn may_be_paused(found: &Subscription) -> Result<(), ApiError> {
    let why = match found.status {
        Status::Paused => "it is `paused` already",
        Status::Trialing => "it is `trialing`",
        Status::Incomplete | Status::IncompleteExpired => "its first invoice is not paid",
        Status::Canceled => "it is `canceled`",
        _ if found.collection_method == "send_invoice" => "its invoices are sent",
        _ if found.schedule.is_some() => "it is under a schedule",
        _ => return Ok(()),
    };
    Err(ApiError::invalid(format!("You cannot pause this subscription because {why}.")))
}

/// How a paused subscription goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resume {
    /// Whether periods begin anew now.
    pub anchor_now: bool,
    /// Whether the rest of a period is billed when they do not.
    pub prorate: bool,
}

/// Lets a paused subscription go on. What is to be paid for the time that begins is invoiced at once, and it is active
/// when that is paid.
///
/// # Errors
/// When it is not paused.
pub(crate) fn resume(cx: &mut Cx<'_>, id: &str, how: Resume) -> Result<(), ApiError> {
    let found: Subscription = cx.of_path(id)?;
    if found.is_over() {
        return Err(ApiError::no_such("subscription", id).at("id").status(404));
    }
    if found.status != Status::Paused {
        return Err(ApiError::invalid("You can only resume a subscription if it is `paused`."));
    }
    let at = cx.now();
    let before = cx.before::<Subscription>(id);
    if how.anchor_now {
        cx.edit::<Subscription>(id, |found| found.billing_cycle_anchor = at);
    }
    let anchor = if how.anchor_now { at } else { found.billing_cycle_anchor };
    let invoice = draft::of(cx, &found, Reason::SubscriptionUpdate, Period { start: at, end: at });
    take_up(cx, &invoice, id);
    for item in &found.items {
        let Some(every) = cx.world.get::<Item>(item).map(|item| item.every(cx.world)) else { continue };
        let whole = around(anchor, every, at);
        cx.edit::<Item>(item, |item| {
            item.set_period(whole);
            item.debits.clear();
            item.usage_from = at;
        });
        draft::period_line(cx, &invoice, item, Period { start: at, end: whole.end }, how.prorate);
    }
    let owed = change::keep_if_lines(cx, id, &invoice);
    if owed {
        finalize::now(cx, &invoice, Reason::SubscriptionUpdate);
    }
    let due = cx.world.get::<Invoice>(&invoice).map_or(0, |invoice| invoice.amount_due);
    if due > 0 {
        cx.at(at + PAYMENT_WINDOW, Timer::Incomplete(id.to_owned()));
    } else {
        if owed && let Ok(outcome) = pay::collect(cx, &invoice, None, pay::By::Seller) {
            pay::tell(cx, &invoice, &outcome, true);
        }
        cx.edit::<Subscription>(id, |found| {
            found.status = Status::Active;
            found.paused = None;
        });
    }
    cx.tell::<Subscription>("customer.subscription.resumed", id);
    cx.tell_change::<Subscription>("customer.subscription.updated", id, before);
    turn::schedule(cx, id);
    Ok(())
}

/// A paused subscription was to go on, but nobody paid in time: the invoice for it is void, and it stays paused.
/// Source: <https://docs.stripe.com/api/subscriptions/resume>
pub(super) fn not_resumed(cx: &mut Cx<'_>, id: &str) {
    let Some(found) = cx.world.get::<Subscription>(id).filter(|found| found.status == Status::Paused).cloned() else {
        return;
    };
    let since = found.paused.as_ref().map_or(0, |paused| paused.at);
    let late = cx.now() - PAYMENT_WINDOW;
    let open = |invoice: &&Invoice| invoice.is_open() && since <= invoice.created && invoice.created <= late;
    let invoice = found.latest_invoice.as_ref().and_then(|invoice| cx.world.get::<Invoice>(invoice)).filter(open);
    if let Some(invoice) = invoice.map(|invoice| invoice.id.clone()) {
        finalize::void(cx, &invoice);
    }
}
