//! What was kept of a Stripe customer nobody was, is bound once somebody says to be it.

use super::{
    give::give,
    mirror::{self, Kind},
    period,
    plans::{Plans, alarm_of_archived, alarm_of_two},
};
use crate::{
    features::customers,
    platform::{App, auth::Actor, db::Tx, error::Error},
};
use serde::Serialize;

/// How many are looked for at once.
const SLICE: i64 = 100;
/// Most slices of one run; the next goes on.
const MOST_SLICES: usize = 100;

/// What a run bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bound {
    /// Subscriptions, invoices, payers and entitlements that got their customer; the invoices of a subscription come
    /// with it, and are not counted.
    pub bound: u64,
}

/// The name of the job, as it stands in the ledger.
const CAUSE: &str = "bind-subscriptions";

/// Binds what has no customer yet and could have one, each in a transaction of its own.
///
/// # Errors
/// What the database says; what was bound until then stays.
pub async fn bind_known(app: &App) -> Result<Bound, Error> {
    let (db, grace_days) = (app.db(), app.config().grace_days);
    let (mut done, mut after) = (Bound::default(), String::new());
    for _ in 0..MOST_SLICES {
        let from = after.clone();
        let ids = db.read(move |tx| mirror::to_bind(tx, &from, SLICE)).await?;
        let Some(last) = ids.last() else { break };
        after.clone_from(last);
        for id in ids {
            done.bound += u64::from(db.write(move |tx| bind(tx, &id, grace_days)).await?);
        }
    }
    Ok(done)
}

/// Binds the object `id`; answers whether it was not bound before. A subscription gives its customer allowances from now on.
fn bind(tx: &mut Tx<'_>, id: &str, grace_days: u16) -> Result<bool, Error> {
    let Some(mut there) = mirror::lock(tx, id)?.filter(|mirror| mirror.customer.is_none()) else { return Ok(false) };
    let Some(customer) = customers::find_by_stripe(tx, &there.stripe_customer_id)? else { return Ok(false) };
    mirror::bind(tx, &mut there, &customer);
    mirror::put_bound(tx, &there);
    if there.kind == Kind::Subscription {
        let mut plans = Plans::default();
        let all = give(tx, &mut plans, &Actor::job(CAUSE), &customer, grace_days, None)?;
        alarm_of_two(tx, &mut plans, &all)?;
        if let Some(one) = all.iter().find(|one| one.id == there.id) {
            alarm_of_archived(tx, &customer, one)?;
        }
    }
    period::bound(tx, &there, false)?;
    Ok(true)
}
