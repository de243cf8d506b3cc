//! Writing what was fetched into the mirror: in one transaction, if nobody fetched it later and has written it already.

use super::{
    Unrecorded,
    fetch::{Fetched, FetchedInvoice},
    give::give,
    mirror::{self, Kind, Mirror, Writing},
    period,
    plans::{self, Plans},
    store::{
        self, Item, Subscription,
        invoices::{self, Invoice},
    },
};
use crate::platform::{auth::Actor, db::Tx, error::Error, ids::Random, stripe::instant};
use purser_rules::{Time, subscription::Status};
use purser_stripe::objects::{SubscriptionItem, UsageType};
use serde_json::{Value as Json, json};

/// Writes a subscription; `actor` is the event that told of it, or the job that looked.
///
/// # Errors
/// [`Unrecorded::Stale`] when it was written since it was fetched; what the database says.
pub fn subscription(tx: &mut Tx<'_>, random: &Random, actor: &Actor, fetched: &Fetched) -> Result<(), Unrecorded> {
    let mirror = open(tx, fetched)?;
    put(tx, &mut Plans::default(), random, (&mirror, fetched), actor)?;
    Ok(())
}

/// Writes an invoice, and the subscription it is `of`. `failed_at` is when its payment failed, if an event tells so.
/// One that was sent fails when it is due, whatever was tried before: that is put down ahead, since nothing tells of it
/// then but the status of its subscription. An invoice without a customer is nobody's, and not kept.
///
/// # Errors
/// As [`subscription`], when either was written since it was fetched.
pub fn invoice(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    failed_at: Option<Time>,
    fetched: &FetchedInvoice,
    of: Option<&Fetched>,
) -> Result<(), Unrecorded> {
    // The subscription's row is always locked before that of its invoice.
    let parent = match of {
        Some(of) => Some((open(tx, of)?, of)),
        None => None,
    };
    let mut written = None;
    if let Some(customer) = &fetched.said.customer {
        let details = fetched.said.parent.as_ref().and_then(|parent| parent.subscription_details.as_ref());
        let writing = Writing {
            kind: Kind::Invoice,
            id: &fetched.id,
            stripe_customer_id: customer.id(),
            metadata: details.and_then(|details| details.metadata.as_ref()),
            customer: parent.as_ref().and_then(|(mirror, _)| mirror.customer.as_ref()),
            payer: None,
            seen: fetched.seen,
        };
        let mirror = mirror::open(tx, &writing)?;
        let before = invoices::find(tx, mirror.bucket, &fetched.id)?;
        // What Stripe does not have any more says nothing new of what is known.
        let mut after = match before {
            Some(before) if fetched.gone => before,
            before => mirrored_invoice(fetched, &mirror, before.and_then(|before| before.first_failed_at)),
        };
        let failed_at = after.first_failed_at.into_iter().chain(failed_at).min();
        after.first_failed_at = fetched.said.due().map(instant).or(failed_at);
        invoices::put(tx, &mirror, &after);
        written = Some((mirror, after));
    }
    let mut plans = Plans::default();
    // After the invoice, since what is unpaid says how long grace lasts.
    let of = match parent {
        Some((mirror, of)) => Some((mirror.bucket, put(tx, &mut plans, random, (&mirror, of), actor)?)),
        None => None,
    };
    // After the subscription, since its items say which plans were paid.
    if let Some((mirror, invoice)) = written {
        period::paid(tx, &mut plans, random, actor, (&mirror, &invoice, fetched), of)?;
        period::taken_before(tx, random, actor, &mirror, fetched)?;
    }
    Ok(())
}

/// Writes a subscription again as it stands, if no plan was known of an item of it: with the plans that its prices sell
/// by now. Stripe is not asked. Answers whether that was to be done.
///
/// # Errors
/// What the database says.
pub(super) fn again(tx: &mut Tx<'_>, random: &Random, actor: &Actor, id: &str, grace_days: u16) -> Result<bool, Error> {
    let Some(mut mirror) = mirror::lock(tx, id)? else { return Ok(false) };
    let (before, failed_at) = store::find_and_first_failure(tx, mirror.bucket, id)?;
    let unmapped = |known: &Subscription| known.items.iter().any(|item| item.plan_id.is_none());
    let Some(before) = before.filter(unmapped) else { return Ok(false) };
    mirror::count(tx, &mut mirror);
    let first_failure_at = first_failure(&before.status, failed_at, tx.now());
    let after = Subscription { first_failure_at, ..before.clone() };
    write(tx, &mut Plans::default(), random, actor, &mirror, (Some(before), after, grace_days))?;
    Ok(true)
}

/// Locks the mirror of a subscription.
fn open(tx: &mut Tx<'_>, fetched: &Fetched) -> Result<Mirror, Unrecorded> {
    let said = &fetched.said;
    let writing = Writing {
        kind: Kind::Subscription,
        id: &said.id,
        stripe_customer_id: said.customer.id(),
        metadata: Some(&said.metadata),
        customer: None,
        payer: fetched.customer.as_ref(),
        seen: fetched.seen,
    };
    mirror::open(tx, &writing)
}

/// Writes a subscription that was fetched, whose mirror is locked. Answers how it stands.
fn put(
    tx: &mut Tx<'_>,
    plans: &mut Plans,
    random: &Random,
    (mirror, fetched): (&Mirror, &Fetched),
    actor: &Actor,
) -> Result<Subscription, Error> {
    plans::create(tx, random, actor, &fetched.unknown)?;
    let (before, failed_at) = store::find_and_first_failure(tx, mirror.bucket, &mirror.id)?;
    let mut after = match &before {
        // Only how its invoices stand may be new.
        Some(before) if stays(&before.status, fetched) => before.clone(),
        before => mirrored(fetched, before.as_ref()),
    };
    if after.checkout_session_id.is_none() {
        after.checkout_session_id.clone_from(&fetched.session);
    }
    after.first_failure_at = first_failure(&after.status, failed_at, tx.now());
    write(tx, plans, random, actor, mirror, (before, after, fetched.grace_days))
}

/// Writes a subscription as `after`, with the plans of its items, and puts down how it changed, if it did. Then its
/// customer has the allowances that follow: also when nothing changed, since it may be its customer only now. Answers how
/// it stands.
fn write(
    tx: &mut Tx<'_>,
    plans: &mut Plans,
    random: &Random,
    actor: &Actor,
    mirror: &Mirror,
    (before, mut after, grace_days): (Option<Subscription>, Subscription, u16),
) -> Result<Subscription, Error> {
    let found = plans::map(tx, plans, before.as_ref(), &mut after)?;
    period::mapped(tx, plans, mirror, before.as_ref(), &after)?;
    period::follow(tx, plans, random, actor, mirror, (&after, grace_days))?;
    let changed = before.as_ref() != Some(&after);
    if changed {
        store::put(tx, mirror, before.as_ref(), &after);
        store::log(tx, mirror, (before.as_ref().map(told), told(&after)), &actor.id);
        plans::alarm(&found);
    }
    if let Some(customer) = &mirror.customer {
        let ends = is_final(&after.status) && before.is_some_and(|before| !is_final(&before.status));
        let all = give(tx, plans, actor, customer, grace_days, ends.then_some(&after))?;
        // One that is as it was may be its customer's only now, who may have another one.
        if changed || mirror.newly_bound {
            plans::alarm_of_two(tx, plans, &all)?;
            plans::alarm_of_archived(tx, customer, &after)?;
        }
    }
    Ok(after)
}

/// The first failure of a subscription to which Stripe gives the status `stripe`, by that of its invoices: one that was
/// sent and is not due yet has not failed, unless it is overdue by Stripe's clock, which may be ahead.
fn first_failure(stripe: &str, failed_at: Option<Time>, now: Time) -> Option<Time> {
    let past_due = Status::of_stripe(stripe) == Status::PastDue;
    failed_at.filter(|at| past_due || *at <= now)
}

/// Whether what is known stays whatever was fetched: what has ended does not begin again, and what an event said of a
/// subscription that Stripe does not have any more counts only if it says that it ended.
fn stays(known: &str, fetched: &Fetched) -> bool {
    let ended = is_final(fetched.said.status.as_str());
    !ended && (is_final(known) || fetched.gone)
}

/// Whether a subscription of this status stays as it is, for good.
fn is_final(status: &str) -> bool {
    matches!(status, "canceled" | "incomplete_expired")
}

/// The subscription as it was fetched; what is not Stripe's to say stays as it was.
fn mirrored(fetched: &Fetched, before: Option<&Subscription>) -> Subscription {
    let said = &fetched.said;
    let mut items: Vec<Item> = fetched.items.iter().map(mirrored_item).collect();
    items.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
    Subscription {
        id: said.id.clone(),
        stripe_customer_id: said.customer.id().to_owned(),
        status: said.status.as_str().to_owned(),
        cancel_at: said.cancel_at.map(instant),
        cancel_at_period_end: said.cancel_at_period_end,
        canceled_at: said.canceled_at.map(instant),
        ended_at: said.ended_at.map(instant),
        trial_start: said.trial_start.map(instant),
        trial_end: said.trial_end.map(instant),
        default_payment_method_id: said.default_payment_method.as_ref().map(|method| method.id().to_owned()),
        checkout_session_id: before.and_then(|before| before.checkout_session_id.clone()),
        schedule: said.schedule.as_ref().map(|schedule| schedule.id().to_owned()),
        first_failure_at: before.and_then(|before| before.first_failure_at),
        plan_id: None,
        created_at: instant(said.created),
        items,
    }
}

fn mirrored_item(said: &SubscriptionItem) -> Item {
    let recurring = said.price.recurring.as_ref();
    Item {
        id: said.id.clone(),
        price: said.price.id.clone(),
        product: said.price.product.id().to_owned(),
        quantity: said.quantity.and_then(|quantity| i64::try_from(quantity).ok()),
        metered: recurring.is_some_and(|recurring| recurring.usage_type == UsageType::Metered),
        period: recurring.map_or_else(String::new, |recurring| recurring.interval.as_str().to_owned()),
        period_count: recurring.map_or(0, |recurring| recurring.interval_count.into()),
        period_start: instant(said.current_period_start),
        period_end: instant(said.current_period_end),
        plan_id: None,
        created_at: instant(said.created),
    }
}

fn mirrored_invoice(fetched: &FetchedInvoice, mirror: &Mirror, first_failed_at: Option<Time>) -> Invoice {
    let said = &fetched.said;
    Invoice {
        id: fetched.id.clone(),
        stripe_customer_id: mirror.stripe_customer_id.clone(),
        subscription: said.subscription().map(str::to_owned),
        number: said.number.clone(),
        // Only a preview has no status, and no event is about one of those.
        status: said.status.as_ref().map_or_else(|| "draft".to_owned(), |status| status.as_str().to_owned()),
        amount_due: said.amount_due,
        amount_paid: said.amount_paid,
        currency: said.currency.clone(),
        period_start: instant(said.period_start),
        period_end: instant(said.period_end),
        hosted_url: said.hosted_invoice_url.clone(),
        next_payment_attempt: said.next_payment_attempt.map(instant),
        paid_at: said.status_transitions.paid_at.map(instant),
        first_failed_at,
        created_at: instant(said.created),
    }
}

/// A subscription as the log of changes tells it.
fn told(subscription: &Subscription) -> Json {
    let text = |at: Option<Time>| at.map(|at| at.to_string());
    json!({
        "status": subscription.status,
        "cancel_at": text(subscription.cancel_at),
        "cancel_at_period_end": subscription.cancel_at_period_end,
        "canceled_at": text(subscription.canceled_at),
        "ended_at": text(subscription.ended_at),
        "trial_start": text(subscription.trial_start),
        "trial_end": text(subscription.trial_end),
        "default_payment_method": subscription.default_payment_method_id,
        "checkout_session": subscription.checkout_session_id,
        "schedule": subscription.schedule,
        "first_failure_at": text(subscription.first_failure_at),
        "plan": subscription.plan_id.map(|plan| plan.to_string()),
        "items": subscription.items.iter().map(told_item).collect::<Vec<_>>(),
    })
}

fn told_item(item: &Item) -> Json {
    json!({
        "id": item.id,
        "price": item.price,
        "product": item.product,
        "quantity": item.quantity,
        "metered": item.metered,
        "interval": item.period,
        "interval_count": item.period_count,
        "current_period_start": item.period_start.to_string(),
        "current_period_end": item.period_end.to_string(),
        "plan": item.plan_id.map(|plan| plan.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_due_yet_has_not_failed_unless_stripe_says_so() {
        let [day, before] = ["2026-11-21T10:00:00Z", "2026-11-21T09:59:59Z"].map(|at| Time::parse(at).expect(at));
        for (stripe, failed_at, now, expected) in [
            ("active", Some(day), before, None),
            ("active", Some(day), day, Some(day)),
            ("trialing", Some(day), before, None),
            ("canceled", Some(day), before, None),
            ("canceled", Some(day), day, Some(day)),
            ("past_due", Some(day), before, Some(day)),
            ("unpaid", Some(day), before, Some(day)),
            ("past_due", None, day, None),
        ] {
            assert_eq!(first_failure(stripe, failed_at, now), expected, "{stripe} {failed_at:?} {now}");
        }
    }
}
