//! Periods begin anew: the anchor is set to now, or a trial begins, is moved or ends.

use super::{
    Item, Status, Subscription,
    change::{Proration, TrialChange, bill_usage_so_far, credit_rest},
    start,
};
use crate::{error::ApiError, objects::period::around, world::Cx};

/// Lets all periods begin anew now. What was used in those that end early is billed.
/// Source: <https://docs.stripe.com/billing/subscriptions/billing-cycle>
pub(super) fn restart(cx: &mut Cx<'_>, id: &str, give_back: bool) {
    let Some(found) = cx.world.get::<Subscription>(id).cloned() else { return };
    let now = cx.now();
    if give_back {
        credit_rest(cx, &found, now);
    }
    cx.edit::<Subscription>(id, |found| found.billing_cycle_anchor = now);
    for item in &found.items {
        bill_usage_so_far(cx, id, item, now);
        let Some(every) = cx.world.get::<Item>(item).map(|item| item.every(cx.world)) else { continue };
        cx.edit::<Item>(item, |item| {
            item.set_period(around(now, every, now));
            item.usage_from = now;
            item.debits.clear();
        });
    }
}

/// Ends, begins or moves a trial; says whether there is something to invoice for it: time when it ends, and nothing to
/// pay when it begins in the middle of a subscription.
pub(super) fn change_trial(
    cx: &mut Cx<'_>,
    id: &str,
    trial: TrialChange,
    proration: Proration,
) -> Result<bool, ApiError> {
    let Some(found) = cx.world.get::<Subscription>(id).cloned() else { return Ok(false) };
    let now = cx.now();
    if found.status == Status::Paused {
        return Err(ApiError::invalid(
            "You cannot set `trial_end` while a subscription is `paused`. Resume the subscription first before setting \
             `trial_end`.",
        ));
    }
    let end = match trial {
        TrialChange::Now if found.status != Status::Trialing => return Ok(false),
        TrialChange::Now => {
            end_now(cx, &found);
            return Ok(true);
        }
        TrialChange::At(end) => end,
    };
    let began = found.status != Status::Trialing;
    if began && proration != Proration::None {
        credit_rest(cx, &found, now);
    }
    for item in &found.items {
        if began {
            bill_usage_so_far(cx, id, item, now);
        }
        cx.edit::<Item>(item, |item| {
            if began {
                item.current_period_start = now;
                item.usage_from = now;
            }
            item.current_period_end = end;
        });
    }
    cx.edit::<Subscription>(id, |found| {
        found.status = Status::Trialing;
        found.trial_start = if began { Some(now) } else { found.trial_start };
        found.trial_end = Some(end);
        found.billing_cycle_anchor = end;
    });
    start::timers(cx, id);
    Ok(began)
}

/// Ends a trial. What was used in it is not billed.
fn end_now(cx: &mut Cx<'_>, found: &Subscription) {
    let now = cx.now();
    cx.edit::<Subscription>(&found.id, |found| {
        found.status = Status::Active;
        found.trial_end = Some(now);
    });
    for item in &found.items {
        cx.edit::<Item>(item, |item| item.usage_from = now);
    }
    restart(cx, &found.id, false);
}
