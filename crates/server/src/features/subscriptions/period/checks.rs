//! What is to be looked at again: prices that were mapped since; and at an instant, subscriptions whose grace ends, what
//! became somebody's, and what was paid by a price that nobody had mapped, or for time that another subscription gave for
//! until it ended.

use crate::{
    features::{
        pricebook,
        subscriptions::{
            Unrecorded, fetch,
            give::give,
            mirror::{self, Kind, Mirror},
            plans::{MOST_TOGETHER, Plans},
            record,
            store::{self, Item, invoices, text},
            unmapped,
        },
    },
    platform::{
        App,
        auth::Actor,
        db::{DbError, Tx, Value},
        error::Error,
    },
};
use purser_rules::{
    Time,
    ids::{Bucket, CustomerId},
    pricebook::Expiry,
    subscription::Status,
};
use serde::Serialize;
use std::time::{Duration, Instant};

/// The name of the job, as it stands in the ledger.
const JOB: &str = "check-subscriptions";
/// How many are looked for at once.
const SLICE: i64 = 100;
/// Most slices of one run; the next goes on.
const MOST_SLICES: usize = 100;
/// After how many seconds what could not be looked at is tried again.
const AGAIN: i64 = 600;
/// After so long a run begins with none of them any more: other jobs wait for it. The next goes on.
const LONGEST: Duration = Duration::from_secs(20);
/// An invoice that was made this long before a period began is none of it, in seconds.
const LEEWAY: i64 = 2 * DAY;
/// A period longer than this gives month by month, in seconds.
const MONTH: i64 = 31 * DAY;
const DAY: i64 = 86_400;
/// The most invoices of a subscription that are read again: its last.
const MOST_INVOICES: i64 = 1000;

/// What a run looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Subscriptions of whose prices no plan was known, and one is now: it was recorded.
    pub mapped: u64,
    /// Subscriptions and invoices that were looked at again.
    pub checked: u64,
    /// Those of either that could not be; the log says why. They are tried again.
    pub failed: u64,
}

/// Puts down that `id` is to be looked at again at `at`; what was put down of it before counts no more.
pub(super) fn put(tx: &mut Tx<'_>, id: &str, at: Time) -> Result<(), DbError> {
    let sql = "INSERT INTO stripe_checks (id, at) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET at = excluded.at";
    tx.execute(sql, vec![text(id), Value::Ts(at)]).map(drop)
}

/// Puts down that what was paid of a subscription or an invoice, which became somebody's now, is to be given. One that
/// is `new` is about to be written, and followed then.
pub(in super::super) fn bound(tx: &mut Tx<'_>, mirror: &Mirror, new: bool) -> Result<(), DbError> {
    let now = tx.now();
    read_again(tx, (mirror.kind, mirror.id.as_str(), mirror.bucket))?;
    if mirror.kind == Kind::Subscription && !new { put(tx, &mirror.id, now) } else { Ok(()) }
}

/// Puts down that what was paid of a subscription or an invoice is to be read again, and so given if it was not.
pub(super) fn read_again(tx: &mut Tx<'_>, (kind, id, bucket): (Kind, &str, Bucket)) -> Result<(), DbError> {
    let now = tx.now();
    let column = match kind {
        Kind::Subscription => "subscription",
        Kind::Invoice => "id",
        Kind::Payer | Kind::Entitlements => return Ok(()),
    };
    let sql = format!(
        "SELECT id FROM invoices WHERE {column} = $1 AND bucket = $2 AND status = $3 \
         ORDER BY created_at DESC, id LIMIT $4"
    );
    let params = vec![text(id), Value::I64(i64::from(bucket.0)), text("paid"), Value::I64(MOST_INVOICES)];
    for row in tx.query(&sql, params)? {
        put(tx, row.text(0)?, now)?;
    }
    Ok(())
}

/// The same of all else that a customer subscribes to, after the subscription `ended`: what it gave stood in the way of
/// what others paid for the same time. Its wallet must be locked, so that who pays at this moment is either seen here or
/// sees the end.
pub(super) fn read_others(tx: &mut Tx<'_>, customer: &CustomerId, ended: &str) -> Result<(), DbError> {
    let all = store::of_customer(tx, customer, MOST_TOGETHER)?;
    for other in all.iter().filter(|one| one.id != ended && Status::of_stripe(&one.status) != Status::Canceled) {
        read_again(tx, (Kind::Subscription, other.id.as_str(), customer.bucket()))?;
    }
    Ok(())
}

/// Records plans that are known since, then looks at all that is due, each in a transaction of its own. One that cannot be
/// looked at holds up no other.
///
/// # Errors
/// What the database says; what was done until then stays.
pub async fn check_due(app: &App) -> Result<Checked, Error> {
    let began = Instant::now();
    // First, since that puts down what was paid by such a price.
    let known = unmapped::map_known(app, JOB, || began.elapsed() >= LONGEST / 2).await?;
    let mut done = Checked { mapped: known.mapped, failed: known.failed, ..Checked::default() };
    let now = app.clock().now();
    for _ in 0..MOST_SLICES {
        let due = app.db().read(move |tx| due(tx, now)).await?;
        if due.is_empty() {
            break;
        }
        for (id, at) in due {
            // One is never cut off in the middle: it ends by the client's own limits, and is moved on if it fails.
            if began.elapsed() >= LONGEST {
                return Ok(done);
            }
            match one(app, &id, at).await {
                Ok(()) => done.checked += 1,
                Err(error) => {
                    tracing::warn!(id, error = error.message, "it could not be looked at again");
                    done.failed += 1;
                    let later = now.plus_seconds(AGAIN);
                    app.db().write(move |tx| move_to(tx, &id, at, later)).await?;
                }
            }
        }
    }
    Ok(done)
}

/// Looks at one subscription as it is mirrored, or at an invoice as it stands at Stripe; one of what is over is let go.
async fn one(app: &App, id: &str, at: Time) -> Result<(), Error> {
    let (random, grace_days) = (app.random().clone(), app.config().grace_days);
    let name = id.to_owned();
    let is_invoice = app.db().write(move |tx| -> Result<bool, Error> {
        let Some(there) = mirror::lock(tx, &name)? else {
            return Ok(done(tx, &name, at).map(|()| false)?);
        };
        if there.kind == Kind::Invoice {
            let over = is_over(tx, there.bucket, &name)?;
            return if over { Ok(done(tx, &name, at).map(|()| false)?) } else { Ok(true) };
        }
        let subscription = store::find(tx, there.bucket, &name)?;
        if let Some((customer, subscription)) = there.customer.as_ref().zip(subscription) {
            let (mut plans, actor) = (Plans::default(), Actor::job(JOB));
            super::follow_known(tx, &mut plans, &random, &actor, customer, (&subscription, grace_days))?;
            // The days of grace may be others than when it was told of.
            give(tx, &mut plans, &actor, customer, grace_days, None)?;
        }
        Ok(done(tx, &name, at).map(|()| false)?)
    });
    if is_invoice.await? { invoice(app, id, at).await } else { Ok(()) }
}

/// Whether what an invoice paid for is over, as far as the mirror tells: it was made well before the periods that its
/// subscription bills now began, and what it gave would have expired. An account that moves in has years of these.
fn is_over(tx: &mut Tx<'_>, bucket: Bucket, id: &str) -> Result<bool, Error> {
    let Some(invoice) = invoices::find(tx, bucket, id)? else { return Ok(false) };
    let Some(of) = invoice.subscription.as_deref() else { return Ok(false) };
    let Some(subscription) = store::find(tx, bucket, of)? else { return Ok(false) };
    let Some(began) = subscription.items.iter().map(|item| item.period_start).min() else { return Ok(false) };
    let paid = invoice.created_at.plus_seconds(LEEWAY);
    let now = tx.now();
    if paid >= began {
        return Ok(false);
    }
    for item in &subscription.items {
        if lives_on(tx, item)?.is_some_and(|seconds| paid.plus_seconds(seconds) > now) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How many seconds after its period began something that an item gave may still live; none when it ends with that.
fn lives_on(tx: &mut Tx<'_>, item: &Item) -> Result<Option<i64>, Error> {
    let Some(plan) = item.plan_id else { return Ok(None) };
    let plan = pricebook::find_plan(tx, plan)?;
    let Some(Expiry::Days(days)) = plan.terms.credits.map(|credits| credits.expiry) else { return Ok(None) };
    let period = item.period_end.micros().saturating_sub(item.period_start.micros()) / 1_000_000;
    // The last month of a longer period gives when it begins.
    let last = if period > MONTH { period } else { 0 };
    Ok(Some(last.saturating_add(i64::from(days) * DAY)))
}

/// Fetches an invoice again, writes it, and so gives what it paid for, less what was taken back by then. One that
/// Stripe does not have is let go.
async fn invoice(app: &App, id: &str, at: Time) -> Result<(), Error> {
    let fetched = fetch::invoice_and_money(app, id).await?;
    let subscription = match fetched.as_ref().and_then(|fetched| fetched.subscription()) {
        Some(subscription) => fetch::subscription(app, subscription, None).await?,
        None => None,
    };
    let (random, name) = (app.random().clone(), id.to_owned());
    let kept: Result<(), Unrecorded> = app
        .db()
        .write(move |tx| {
            if let Some(fetched) = &fetched {
                record::invoice(tx, &random, &Actor::job(JOB), None, fetched, subscription.as_ref())?;
            }
            Ok(done(tx, &name, at)?)
        })
        .await;
    match kept {
        // Somebody wrote it meanwhile: it is still due, and looked at by the next run.
        Ok(()) | Err(Unrecorded::Stale) => Ok(()),
        Err(Unrecorded::Failed(error)) => Err(error),
    }
}

/// Some of those that are due, the longest first, with their instants. Subscriptions ask Stripe nothing: while one is due,
/// it waits for no invoice.
fn due(tx: &mut Tx<'_>, now: Time) -> Result<Vec<(String, Time)>, DbError> {
    let mut rows = Vec::new();
    for which in [" AND substr(id, 1, 4) = 'sub_'", ""] {
        if rows.is_empty() {
            let sql = format!("SELECT id, at FROM stripe_checks WHERE at <= $1{which} ORDER BY at, id LIMIT $2");
            rows = tx.query(&sql, vec![Value::Ts(now), Value::I64(SLICE)])?;
        }
    }
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.ts(1)?))).collect()
}

/// It was looked at, unless it was put down for another instant meanwhile.
fn done(tx: &mut Tx<'_>, id: &str, at: Time) -> Result<(), DbError> {
    tx.execute("DELETE FROM stripe_checks WHERE id = $1 AND at = $2", vec![text(id), Value::Ts(at)]).map(drop)
}

/// It is looked at later, unless it was put down for another instant meanwhile.
fn move_to(tx: &mut Tx<'_>, id: &str, at: Time, later: Time) -> Result<(), DbError> {
    let sql = "UPDATE stripe_checks SET at = $1 WHERE id = $2 AND at = $3";
    tx.execute(sql, vec![Value::Ts(later), text(id), Value::Ts(at)]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::{DbError, Time, done, due, put};
    use crate::platform::db::scratch;

    #[tokio::test]
    async fn a_subscription_waits_for_no_invoice() {
        let (db, _folder) = scratch::migrated().await;
        let at = |seconds| Time::from_micros(0).plus_seconds(seconds);
        let order = db.write(move |tx| -> Result<Vec<Vec<String>>, DbError> {
            for (id, seconds) in [("in_2", 1), ("in_1", 2), ("sub_2", 3), ("sub_1", 4), ("sub_3", 6), ("in_3", 6)] {
                put(tx, id, at(seconds))?;
            }
            let mut order = Vec::new();
            for _ in 0..3 {
                let slice = due(tx, at(5))?;
                for (id, at) in &slice {
                    done(tx, id, *at)?;
                }
                order.push(slice.into_iter().map(|(id, _)| id).collect());
            }
            Ok(order)
        });
        let order = order.await.expect("an order");
        assert_eq!(order, [vec!["sub_2", "sub_1"], vec!["in_2", "in_1"], vec![]]);
    }
}
