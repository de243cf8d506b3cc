//! Credits of billing periods: given by paid invoice lines and by trials, frozen while access is lost, seen to at the
//! end, and taken back with the money.
//!
//! Everything here runs in the transaction that writes the mirror, with the mirror of the subscription locked.

mod access;
mod checks;
mod give;
mod lines;
mod lowered;
mod store;
mod taken;
mod trial;

pub(super) use checks::bound;
pub use checks::{Checked, check_due};
pub(super) use lines::may_give;

use super::{
    fetch::FetchedInvoice,
    mirror::{self, Mirror},
    plans::Plans,
    store::{Item, Subscription, find as find_subscription, invoices::Invoice},
};
use crate::{
    features::credits::{self, PeriodCall, PeriodWallet},
    platform::{auth::Actor, db::Tx, error::Error, ids::Random},
};
use access::Wanted;
use give::Paid;
use purser_rules::{
    Time,
    credit::{Dispute, SourceKind},
    ids::{Bucket, CustomerId, GrantId, Unit},
    subscription::Status,
};
use purser_stripe::objects::InvoiceLine;
use std::collections::BTreeSet;
use store::Given;

/// Gives what an invoice paid for, if it is paid and its customer is known: each line's plan brings its credits for the
/// billing period, under a key of its own, so that no event gives them twice. Why the invoice was made does not count.
/// `written` is the invoice as it was just written, and `of` its subscription, with the bucket where that stands.
pub(super) fn paid(
    tx: &mut Tx<'_>,
    plans: &mut Plans,
    random: &Random,
    actor: &Actor,
    written: (&Mirror, &Invoice, &FetchedInvoice),
    of: Option<(Bucket, Subscription)>,
) -> Result<(), Error> {
    let (mirror, invoice, fetched) = written;
    let Some(customer) = mirror.customer.as_ref().filter(|_| invoice.status == "paid") else { return Ok(()) };
    let subscription = match (&invoice.subscription, of) {
        (Some(id), Some((bucket, known))) if known.id == *id && bucket == customer.bucket() => Some(known),
        (Some(id), _) => find_subscription(tx, customer.bucket(), id)?,
        (None, _) => None,
    };
    let billed = lines::billed(tx, plans, subscription.as_ref(), &fetched.lines)?;
    if billed.is_empty() {
        return Ok(());
    }
    let paid = Paid {
        customer,
        invoice: &invoice.id,
        amount: invoice.amount_paid,
        subscription: invoice.subscription.as_deref().unwrap_or_default(),
        gives_back: fetched.lines.iter().any(InvoiceLine::gives_back),
        items: subscription.as_ref().map_or(&[] as &[Item], |known| known.items.as_slice()),
    };
    give::give(tx, random, actor, paid, &billed)?;
    match &subscription {
        Some(known) => settle(tx, plans, random, actor, customer, (known, fetched.grace_days)),
        None => Ok(()),
    }
}

/// Brings what a subscription gave to what its access says now, and to what its items give.
fn settle(
    tx: &mut Tx<'_>,
    plans: &mut Plans,
    random: &Random,
    actor: &Actor,
    customer: &CustomerId,
    (subscription, grace_days): (&Subscription, u16),
) -> Result<(), Error> {
    let alive = access::settle(tx, random, actor, customer, (subscription, grace_days))?;
    lowered::settle(tx, plans, random, actor, (customer, subscription), &alive)
}

/// Has what was paid of a subscription read again when a price of it, of which no plan was known `before`, has one now
/// that gives by paid periods: its invoices were told of without giving anything.
pub(super) fn mapped(
    tx: &mut Tx<'_>,
    plans: &mut Plans,
    mirror: &Mirror,
    before: Option<&Subscription>,
    after: &Subscription,
) -> Result<(), Error> {
    let (Some(before), Some(_)) = (before, &mirror.customer) else { return Ok(()) };
    let was_unknown = |price: &str| before.items.iter().any(|item| item.price == price && item.plan_id.is_none());
    for plan in after.items.iter().filter(|item| was_unknown(&item.price)).filter_map(|item| item.plan_id) {
        if lines::gives_by_period(plans.get(tx, plan)?) {
            return Ok(checks::read_again(tx, (mirror.kind, mirror.id.as_str(), mirror.bucket))?);
        }
    }
    Ok(())
}

/// Follows a subscription that is about to be written as `after`: its trial gives, lost access freezes, less than before
/// cuts, its end takes.
pub(super) fn follow(
    tx: &mut Tx<'_>,
    plans: &mut Plans,
    random: &Random,
    actor: &Actor,
    mirror: &Mirror,
    (after, grace_days): (&Subscription, u16),
) -> Result<(), Error> {
    match &mirror.customer {
        Some(customer) => follow_known(tx, plans, random, actor, customer, (after, grace_days)),
        None => Ok(()),
    }
}

/// The same of a subscription whose customer is known.
fn follow_known(
    tx: &mut Tx<'_>,
    plans: &mut Plans,
    random: &Random,
    actor: &Actor,
    customer: &CustomerId,
    (subscription, grace_days): (&Subscription, u16),
) -> Result<(), Error> {
    // First, so that nothing of what a trial gave is frozen still when its end is moved.
    settle(tx, plans, random, actor, customer, (subscription, grace_days))?;
    if Status::of_stripe(&subscription.status) != Status::Trial {
        return Ok(());
    }
    let ids: BTreeSet<_> = subscription.items.iter().filter_map(|item| item.plan_id).collect();
    let mut tried = Vec::with_capacity(ids.len());
    for id in ids {
        tried.push(plans.get(tx, id)?.clone());
    }
    trial::give(tx, random, actor, customer, (subscription, tried.as_slice()))
}

/// Takes back of an invoice that was just recorded what was refunded or disputed of it before, if that was looked at.
pub(super) fn taken_before(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    mirror: &Mirror,
    fetched: &FetchedInvoice,
) -> Result<(), Error> {
    let (Some(money), Some(customer)) = (&fetched.money, &mirror.customer) else { return Ok(()) };
    let kept = credits::units_of_payment(tx, customer, &fetched.id)?;
    // What is kept of it may have come to nothing.
    if money.is_untouched() && kept.is_empty() {
        return Ok(());
    }
    bring(tx, random, actor, (customer, fetched, kept), (money.refunded, money.disputes.as_slice()))
}

/// Brings what an invoice gave to what its money says: `refunded` minor units in all, and `disputes`. Only what is left
/// is taken; nothing becomes debt. Disputes are kept also of what gave no period credits, since auto top-up waits for
/// the end of them. The same again changes nothing. Answers whose invoice it is, if that is known.
/// `fetched` was recorded, and its subscription, in this transaction.
///
/// # Errors
/// What the database says.
pub fn take_back(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    fetched: &FetchedInvoice,
    (refunded, disputes): (i64, &[Dispute]),
) -> Result<Option<CustomerId>, Error> {
    let Some(customer) = mirror::lock(tx, &fetched.id)?.and_then(|mirror| mirror.customer) else { return Ok(None) };
    let kept = credits::units_of_payment(tx, &customer, &fetched.id)?;
    bring(tx, random, actor, (&customer, fetched, kept), (refunded, disputes))?;
    Ok(Some(customer))
}

/// The same of an invoice of a customer, of which something is `kept` in these units.
fn bring(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    (customer, fetched, kept): (&CustomerId, &FetchedInvoice, Vec<Unit>),
    (refunded, disputes): (i64, &[Dispute]),
) -> Result<(), Error> {
    let (invoice, grace_days) = (fetched.id.as_str(), fetched.grace_days);
    let rows = store::of_invoice(tx, customer, invoice)?;
    let mut units: BTreeSet<Unit> = rows.iter().map(|row| row.unit.clone()).collect();
    // Disputes that are listed no more are over wherever they are kept.
    units.extend(kept);
    if !disputes.is_empty() {
        // Whatever the invoice gives until they end, they are kept in a unit that stays.
        units.insert(Unit::credits());
    }
    let plans = access::plans(tx, &rows)?;
    // A row that expired before access was lost, or the end, was not seen to then: the subscription says how it stands.
    let of = match rows.first() {
        Some(row) => find_subscription(tx, customer.bucket(), &row.subscription)?,
        None => None,
    };
    let wanted = of.as_ref().map_or_else(Wanted::default, |known| Wanted::at(known, grace_days, tx.now()));
    for unit in units {
        let of_unit: Vec<&Given> = rows.iter().filter(|row| row.unit == unit).collect();
        let call = PeriodCall { customer: customer.clone(), unit, actor: actor.clone() };
        credits::period(tx, &call, random, |tx, wallet| {
            let now = wallet.now();
            let payment = access::payment_of(tx, customer, &call.unit, invoice)?;
            let grants = wallet.reverse(tx, payment, |payment| {
                payment.say(refunded, disputes.to_vec());
                if wanted.suspended && !of_unit.is_empty() {
                    payment.suspend(now);
                }
            })?;
            let all = (of_unit.as_slice(), grants.as_slice());
            // What a dispute set free, or gave again, of a subscription that was deleted meanwhile goes as the rest did.
            if wanted.over { access::end(tx, wallet, all, &plans) } else { outlive(tx, wallet, all) }
        })?;
    }
    // What was given again without access expires while it is frozen: it is put down to be looked at then. And what is set
    // free may be more than the plan gives by now.
    match of.filter(|_| !wanted.over) {
        Some(known) => settle(tx, &mut Plans::default(), random, actor, customer, (&known, grace_days)),
        None => Ok(()),
    }
}

/// What a payment gave again may outlive what it gave at first: until then its rows are seen to when access is lost, or
/// its subscription ends.
fn outlive(
    tx: &mut Tx<'_>,
    wallet: &mut PeriodWallet<'_>,
    (rows, grants): (&[&Given], &[GrantId]),
) -> Result<(), Error> {
    let mut until: Option<Time> = None;
    for grant in grants {
        let again = wallet.find(tx, *grant)?.filter(|grant| grant.source_kind == SourceKind::Return);
        until = until.max(again.and_then(|grant| grant.expires_at));
    }
    let Some(until) = until else { return Ok(()) };
    for row in rows.iter().filter(|row| row.lives_until < until) {
        store::outlive(tx, row, until)?;
    }
    Ok(())
}
