//! From a draft to what is owed, taken back or given up.

use super::{Invoice, Reason, Status, draft, pay, payments};
use crate::{
    deliver,
    objects::{
        customers::Customer,
        customers_balance as balance,
        payment_intents::{self, NewIntent, Outcome},
        subscriptions::{self, Subscription},
    },
    world::{Cx, Timer},
};

/// For how long a draft of a turn can still be changed.
/// Source: <https://docs.stripe.com/billing/subscriptions/webhooks>
const DRAFT_TIME: i64 = 3600;
/// For how long a draft waits at most for endpoints that do not answer `invoice.created`.
const LONGEST_WAIT: i64 = 72 * 3600;

/// Tells a draft that goes its way by itself: final in an hour, and then collected.
pub(crate) fn later(cx: &mut Cx<'_>, id: &str) {
    let at = cx.now() + DRAFT_TIME;
    cx.edit::<Invoice>(id, |invoice| {
        invoice.auto_advance = true;
        invoice.automatically_finalizes_at = Some(at);
        if invoice.collection_method == "charge_automatically" {
            invoice.next_payment_attempt = Some(at);
        }
    });
    cx.tell::<Invoice>("invoice.created", id);
    cx.at(at, Timer::Finalize(id.to_owned()));
}

/// The hour is over: the draft becomes final, if every endpoint had answered `invoice.created` before it.
pub(crate) fn due(cx: &mut Cx<'_>, id: &str) {
    let waits = |invoice: &&Invoice| invoice.is_draft() && invoice.auto_advance;
    let Some(invoice) = cx.world.get::<Invoice>(id).filter(waits).cloned() else { return };
    let now = cx.now();
    if invoice.automatically_finalizes_at.is_some_and(|at| at > now) {
        return;
    }
    let answered = deliver::answered_at(cx.world, id, "invoice.created").map(|at| at.max(invoice.created) + DRAFT_TIME);
    let next = answered.unwrap_or(now + DRAFT_TIME).min(invoice.created + LONGEST_WAIT);
    if next > now {
        cx.at(next, Timer::Finalize(id.to_owned()));
        return;
    }
    now_final(cx, id);
    if invoice.collection_method == "charge_automatically" {
        super::dunning::attempt(cx, id);
    } else {
        cx.tell::<Invoice>("invoice.sent", id);
    }
}

/// Tells a draft and makes it final in one go, as for a first invoice.
pub(crate) fn now(cx: &mut Cx<'_>, id: &str, reason: Reason) {
    cx.edit::<Invoice>(id, |invoice| invoice.billing_reason = reason);
    cx.tell::<Invoice>("invoice.created", id);
    now_final(cx, id);
}

/// Makes a draft final: it gets its number, takes up the customer's balance, and is owed. What is below the smallest
/// charge goes to the customer's balance instead.
pub(crate) fn now_final(cx: &mut Cx<'_>, id: &str) {
    draft::renew_usage(cx, id);
    let Some(invoice) = cx.world.get::<Invoice>(id).filter(|invoice| invoice.is_draft()).cloned() else { return };
    let now = cx.now();
    let number = next_number(cx, &invoice.customer);
    let metadata = invoice
        .subscription
        .as_ref()
        .and_then(|id| cx.world.get::<Subscription>(id))
        .map(|found| found.metadata.clone());
    let balance = cx.world.get::<Customer>(&invoice.customer).map_or(0, |customer| customer.balance);
    let owed = invoice.total(cx.world) + balance;
    let due = if owed >= payment_intents::amounts::minimum(&invoice.currency) { owed } else { 0 };
    cx.edit::<Invoice>(id, |invoice| {
        invoice.status = Status::Open;
        invoice.number = Some(number);
        invoice.finalized_at = Some(now);
        invoice.webhooks_delivered_at = Some(now);
        invoice.starting_balance = balance;
        // Above zero it is too little to charge, below zero it is the customer's.
        invoice.ending_balance = Some(owed - due);
        invoice.amount_due = due;
        invoice.automatically_finalizes_at = None;
        invoice.subscription_metadata = metadata.unwrap_or_default();
    });
    let kind = if owed > due { "invoice_too_small" } else { "applied_to_invoice" };
    balance::change(cx, &invoice.customer, owed - due - balance, kind, Some(id));
    cx.tell::<Invoice>("invoice.finalized", id);
    if due > 0 && invoice.collection_method == "charge_automatically" {
        open_intent(cx, id);
    }
}

/// Makes the payment intent that pays an invoice; answers its id.
pub(super) fn open_intent(cx: &mut Cx<'_>, id: &str) -> Option<String> {
    let invoice = cx.world.get::<Invoice>(id)?.clone();
    let description = match invoice.billing_reason {
        Reason::SubscriptionCreate => "Subscription creation",
        Reason::SubscriptionCycle | Reason::SubscriptionUpdate => "Subscription update",
        Reason::Manual | Reason::Upcoming => "Payment for Invoice",
    };
    let intent = payment_intents::open(
        cx,
        NewIntent {
            amount: invoice.amount_due,
            currency: invoice.currency.clone(),
            customer: Some(invoice.customer.clone()),
            description: Some(description.to_owned()),
            invoice: Some(id.to_owned()),
            ..NewIntent::default()
        },
    );
    cx.edit::<Invoice>(id, |invoice| invoice.payment_intent = Some(intent.clone()));
    payments::open(cx, id, &intent);
    Some(intent)
}

/// The next number of a customer's invoices, such as `HT1J4WZS-0001`.
fn next_number(cx: &mut Cx<'_>, customer: &str) -> String {
    let Some(found) = cx.world.get::<Customer>(customer).cloned() else { return String::new() };
    cx.edit::<Customer>(customer, |customer| customer.next_invoice_sequence += 1);
    format!("{}-{:04}", found.invoice_prefix, found.next_invoice_sequence)
}

/// Takes a final invoice back: its payment is given up, and credit it took goes back to the customer.
pub(crate) fn void(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now();
    let Some(invoice) = cx.world.get::<Invoice>(id).cloned() else { return };
    let taken = invoice.starting_balance - invoice.ending_balance.unwrap_or(invoice.starting_balance);
    if let Some(intent) = &invoice.payment_intent {
        payment_intents::cancel(cx, intent, "void_invoice");
        payments::cancel(cx, id);
    }
    let before = cx.before::<Invoice>(id);
    cx.edit::<Invoice>(id, |invoice| {
        invoice.status = Status::Void;
        invoice.voided_at = Some(now);
        invoice.auto_advance = false;
        invoice.next_payment_attempt = None;
    });
    balance::change(cx, &invoice.customer, taken, "unapplied_from_invoice", Some(id));
    cx.tell::<Invoice>("invoice.voided", id);
    cx.tell_change::<Invoice>("invoice.updated", id, before);
}

/// Gives a final invoice up; it can still be paid.
pub(crate) fn give_up(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now();
    let before = cx.before::<Invoice>(id);
    cx.edit::<Invoice>(id, |invoice| {
        invoice.status = Status::Uncollectible;
        invoice.marked_uncollectible_at = Some(now);
        invoice.auto_advance = false;
        invoice.next_payment_attempt = None;
    });
    cx.tell::<Invoice>("invoice.marked_uncollectible", id);
    cx.tell_change::<Invoice>("invoice.updated", id, before);
    let subscription = cx.world.get::<Invoice>(id).and_then(|invoice| invoice.subscription.clone());
    if let Some(subscription) = subscription {
        subscriptions::status::paid(cx, &subscription, id);
    }
}

/// What a payment that ended by itself (a bank debit, a challenge) means for its invoice.
pub(crate) fn payment_settled(cx: &mut Cx<'_>, id: &str, outcome: &Outcome) {
    let open = |invoice: &&Invoice| matches!(invoice.status, Status::Open | Status::Uncollectible);
    if cx.world.get::<Invoice>(id).filter(open).is_none() {
        return;
    }
    pay::note(cx, id, outcome, false);
    pay::tell(cx, id, outcome, false);
}
