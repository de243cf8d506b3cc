//! Attempts at a payment that is due, and what follows when none of them works.

use super::{Invoice, Status, draft, finalize, pay};
use crate::{
    objects::{
        payment_intents::Outcome,
        subscriptions::{self, Subscription, cancel},
    },
    world::{Cx, Timer},
};

/// Tries the payment of an invoice that just became final, or whose next attempt is due.
pub(crate) fn attempt(cx: &mut Cx<'_>, id: &str) {
    let Some(invoice) = cx.world.get::<Invoice>(id).filter(|invoice| invoice.status == Status::Open).cloned() else {
        return;
    };
    if let Some(pause) = draft::collection_pause(cx.world, &invoice).filter(|_| invoice.attempt_count == 0)
        && paused(cx, &invoice, &pause.behavior)
    {
        return;
    }
    let before = cx.before::<Invoice>(id);
    let outcome = pay::collect(cx, id, None, pay::By::Itself).unwrap_or_else(|error| {
        let declined = Outcome::Declined(Box::new(error));
        pay::note(cx, id, &declined, true);
        declined
    });
    if matches!(outcome, Outcome::Declined(_) | Outcome::RequiresAction) {
        plan(cx, id);
    }
    cx.tell_change::<Invoice>("invoice.updated", id, before);
    pay::tell(cx, id, &outcome, false);
    if matches!(outcome, Outcome::RequiresAction)
        && let Some(subscription) = &invoice.subscription
    {
        subscriptions::status::failed(cx, subscription);
    }
    if exhausted(cx, id) {
        give_up(cx, &invoice);
    }
}

/// The next attempt of an invoice is due.
pub(crate) fn retry(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now();
    if cx.world.get::<Invoice>(id).is_some_and(|invoice| invoice.next_payment_attempt == Some(now)) {
        attempt(cx, id);
    }
}

/// An invoice that was sent is not paid though it should be: its subscription is past due.
/// Source: the declarations of `status` in <https://docs.stripe.com/api/subscriptions/object>
pub(crate) fn overdue(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now();
    let late = |invoice: &&Invoice| {
        invoice.is_open() && invoice.collection_method == "send_invoice" && invoice.due_date.is_some_and(|at| at <= now)
    };
    let of = cx.world.get::<Invoice>(id).filter(late).and_then(|invoice| invoice.subscription.clone());
    if let Some(subscription) = of {
        subscriptions::status::failed(cx, &subscription);
    }
}

/// Says when the payment is tried next, if it is.
fn plan(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now();
    let tried = cx.world.get::<Invoice>(id).map_or(0, |invoice| invoice.attempt_count);
    let after = usize::try_from(tried - 1).ok().and_then(|tried| cx.world.settings.retry_after.get(tried)).copied();
    let next = after.map(|after| now + after);
    cx.edit::<Invoice>(id, |invoice| {
        invoice.next_payment_attempt = next;
        invoice.auto_advance = next.is_some();
    });
    if let Some(next) = next {
        cx.at(next, Timer::Retry(id.to_owned()));
    }
}

fn exhausted(cx: &Cx<'_>, id: &str) -> bool {
    let over = |invoice: &Invoice| {
        invoice.status == Status::Open && invoice.attempted && invoice.next_payment_attempt.is_none()
    };
    let processing = |invoice: &Invoice| {
        let intent = invoice.payment_intent.as_deref();
        intent.is_some_and(|intent| crate::objects::payment_intents::is_processing(cx.world, intent))
    };
    cx.world.get::<Invoice>(id).is_some_and(|invoice| over(invoice) && !processing(invoice))
}

/// No attempt is left: what the account says follows.
fn give_up(cx: &mut Cx<'_>, invoice: &Invoice) {
    let Some(subscription) = &invoice.subscription else { return };
    match cx.world.settings.after_retries.as_str() {
        "past_due" => subscriptions::status::failed(cx, subscription),
        "unpaid" => {
            cx.change::<Subscription>(subscription, "customer.subscription.updated", |found| {
                found.status = subscriptions::Status::Unpaid;
            });
        }
        "paused" => subscriptions::pause::now(cx, subscription, "final_payment_failure"),
        _ => cancel::end(cx, subscription, "payment_failed"),
    }
}

/// The newest invoice of a subscription was taken back: it stands where the newest of the others leaves it.
/// Source: <https://docs.stripe.com/billing/subscriptions/overview>
pub(super) fn taken_back(cx: &mut Cx<'_>, id: &str) {
    use subscriptions::Status as Standing;
    let Some(of) = cx.world.get::<Invoice>(id).and_then(|invoice| invoice.subscription.clone()) else { return };
    let stands = |found: &&Subscription| {
        matches!(found.status, Standing::Active | Standing::PastDue | Standing::Unpaid)
            && found.latest_invoice.as_deref() == Some(id)
    };
    if cx.world.get::<Subscription>(&of).filter(stands).is_none() {
        return;
    }
    let counts = |invoice: &&Invoice| {
        invoice.subscription.as_ref() == Some(&of) && !matches!(invoice.status, Status::Draft | Status::Void)
    };
    let given_up = |cx: &Cx<'_>, invoice: &Invoice| {
        invoice.collection_method == "charge_automatically" && exhausted(cx, &invoice.id)
    };
    let others: Vec<Invoice> = cx.world.all::<Invoice>().rev().filter(counts).cloned().collect();
    let says = others.iter().find(|invoice| invoice.status != Status::Open || given_up(cx, invoice));
    match says {
        Some(invoice) if invoice.is_open() => give_up(cx, invoice),
        _ => cx.change::<Subscription>(&of, "customer.subscription.updated", |found| found.status = Standing::Active),
    }
}

/// Collection is paused: the invoice is taken back or given up, unless the customer's balance has paid it. Says whether
/// that is all. Source: <https://docs.stripe.com/billing/subscriptions/pause-payment>
fn paused(cx: &mut Cx<'_>, invoice: &Invoice, behavior: &str) -> bool {
    match behavior {
        "void" => finalize::void(cx, &invoice.id),
        "mark_uncollectible" if invoice.remaining() == 0 => return false,
        "mark_uncollectible" => finalize::give_up(cx, &invoice.id),
        _ => {}
    }
    true
}
