//! Period credits and the access of their subscription: frozen while it gives none, free again with it, and seen to
//! once it was deleted (rules 1.12, 3.1).

use super::{
    checks,
    store::{self, Given},
};
use crate::{
    features::{
        credits::{self, PeriodCall, PeriodWallet},
        pricebook::{self, Plan},
        subscriptions::store::{Subscription, invoices},
    },
    platform::{auth::Actor, db::Tx, error::Error, ids::Random},
};
use purser_rules::{
    Time,
    credit::Payment,
    ids::{CustomerId, GrantId, PlanId, Unit},
    pricebook::OnDelete,
    subscription::{Access, Status, access, deleted},
};
use std::collections::{BTreeMap, BTreeSet};

/// Brings what a subscription gave to what its access says now; again, it changes nothing. While grace runs, it is put
/// down to be looked at when that ends. Its mirror must be locked. Answers what it gave that is alive.
pub(super) fn settle(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    customer: &CustomerId,
    (subscription, grace_days): (&Subscription, u16),
) -> Result<Vec<Given>, Error> {
    let now = tx.now();
    let access = access_of(subscription, grace_days, now);
    if let Some(until) = access.until {
        checks::put(tx, &subscription.id, until)?;
    }
    let wanted = Wanted::by(subscription, access);
    let alive = store::alive(tx, customer, &subscription.id, now)?;
    if wanted.suspended {
        // What is frozen expires as well: it is looked at when it does.
        let ends = alive.iter().flat_map(|row| [row.expires_at, row.lives_until]);
        let next = ends.filter(|at| *at > now).min();
        next.map(|at| checks::put(tx, &subscription.id, at)).transpose()?;
    }
    let changing: Vec<Given> = alive.iter().filter(|row| wanted.changes(row, now)).cloned().collect();
    let units: BTreeSet<Unit> = changing.iter().map(|row| row.unit.clone()).collect();
    if units.is_empty() {
        return Ok(alive);
    }
    let plans = plans(tx, &changing)?;
    for unit in units {
        let rows: Vec<Given> = changing.iter().filter(|row| row.unit == unit).cloned().collect();
        let call = PeriodCall { customer: customer.clone(), unit, actor: actor.clone() };
        credits::period(tx, &call, random, |tx, wallet| {
            bring(tx, wallet, (customer, &call.unit), &rows, wanted, &plans)
        })?;
    }
    Ok(alive)
}

/// Whether a subscription gives access at `now`.
fn access_of(subscription: &Subscription, grace_days: u16, now: Time) -> Access {
    access(&subscription.status, subscription.first_failure_at, grace_days, now)
}

/// How the grants of a subscription should stand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    /// It was deleted.
    pub over: bool,
    /// It gives no access, and may again.
    pub suspended: bool,
}

impl Wanted {
    /// How they should at `now`.
    pub fn at(subscription: &Subscription, grace_days: u16, now: Time) -> Self {
        Self::by(subscription, access_of(subscription, grace_days, now))
    }

    fn by(subscription: &Subscription, access: Access) -> Self {
        let over = Status::of_stripe(&subscription.status) == Status::Canceled;
        Self { over, suspended: !over && !access.allowed }
    }

    /// Whether something is to be done about a grant.
    fn changes(self, row: &Given, now: Time) -> bool {
        self.over || row.suspended != self.suspended || (row.suspended && row.expires_at <= now)
    }
}

/// The plans of what was given, by their ids.
pub(super) fn plans(tx: &mut Tx<'_>, rows: &[Given]) -> Result<BTreeMap<PlanId, Plan>, Error> {
    let ids: BTreeSet<PlanId> = rows.iter().map(|row| row.plan).collect();
    ids.into_iter().map(|id| Ok((id, pricebook::find_plan(tx, id)?))).collect()
}

/// Brings `rows`, which are all of one wallet, to what is wanted.
fn bring(
    tx: &mut Tx<'_>,
    wallet: &mut PeriodWallet<'_>,
    (customer, unit): (&CustomerId, &Unit),
    rows: &[Given],
    wanted: Wanted,
    plans: &BTreeMap<PlanId, Plan>,
) -> Result<(), Error> {
    let Wanted { over, suspended } = wanted;
    let now = wallet.now();
    for invoice in rows.iter().map(|row| row.invoice.as_str()).collect::<BTreeSet<_>>() {
        let of_invoice: Vec<&Given> = rows.iter().filter(|row| row.invoice == invoice).collect();
        let grants = if suspended || of_invoice.iter().any(|row| row.suspended) {
            let payment = payment_of(tx, customer, unit, invoice)?;
            let change = |payment: &mut Payment| if suspended { payment.suspend(now) } else { payment.resume() };
            wallet.reverse(tx, payment, change)?
        } else {
            wallet.kept(tx, invoice)?.map_or_else(Vec::new, |kept| kept.grants)
        };
        if over {
            end(tx, wallet, (of_invoice.as_slice(), grants.as_slice()), plans)?;
        }
    }
    for row in rows {
        store::mark(tx, row, suspended, over)?;
    }
    Ok(())
}

/// Sees to what a payment gave, after its subscription was deleted: what is left of the grants of `rows` is revoked, or
/// stays, as their plans say. `grants` are all of the payment, those that gave some of it again too: these belong to no
/// plan alone, and go if all of them say so. What was in the way of others does not stand there any more: what they paid
/// for is read again.
pub(super) fn end(
    tx: &mut Tx<'_>,
    wallet: &mut PeriodWallet<'_>,
    (rows, grants): (&[&Given], &[GrantId]),
    plans: &BTreeMap<PlanId, Plan>,
) -> Result<(), Error> {
    let on_delete = |row: &&Given| plans.get(&row.plan).map_or(OnDelete::Leave, |plan| plan.terms.on_delete);
    let mut gone = Vec::new();
    for row in rows {
        gone.extend_from_slice(deleted(on_delete(row), &[row.grant, wallet.carried(row.grant)]));
    }
    if rows.iter().all(|row| on_delete(row) == OnDelete::Revoke) {
        gone.extend_from_slice(grants);
    }
    let Some(ended) = rows.first().filter(|_| !gone.is_empty()) else { return Ok(()) };
    wallet.end_for_good(tx, &gone)?;
    Ok(checks::read_others(tx, wallet.customer(), &ended.subscription)?)
}

/// The payment of an invoice in one unit, or that of a trial, for which nothing was paid.
pub(super) fn payment_of(tx: &mut Tx<'_>, customer: &CustomerId, unit: &Unit, invoice: &str) -> Result<Payment, Error> {
    let mut rows = store::of_invoice(tx, customer, invoice)?;
    rows.retain(|row| row.unit == *unit);
    let paid = invoices::find(tx, customer.bucket(), invoice)?.map_or(0, |invoice| invoice.amount_paid);
    Ok(store::payment(invoice, paid, &rows))
}
