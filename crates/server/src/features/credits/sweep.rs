//! The sweep: wallets nobody comes to are brought up to date too, bucket by bucket, in slices.

use super::{renewals::Reset, settle::settle, store, verify};
use crate::platform::{
    db::{Db, DbError, Row, Tx, Value},
    error::Error,
    metrics::seconds,
};
use metrics::{counter, gauge};
use purser_rules::{
    Time,
    ids::{CustomerId, Unit},
};
use serde::Serialize;

/// How many wallets are read at a time.
const SLICE: i64 = 100;
/// How many slices of one bucket one run takes at most; the next run goes on.
const MOST_SLICES: usize = 100;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Wallets in which something had fallen due.
    pub wallets: u64,
    /// Ledger entries written: expiries, releases and what followed from them.
    pub entries: u64,
    /// Wallets that could not be written; the log says why.
    pub failed: u64,
}

/// Where a bucket is taken up again.
type Place = (Time, CustomerId, Unit);

/// Writes what has fallen due in all wallets: expiries, holds that ran out. Running it again does nothing more.
///
/// # Errors
/// What the database says; what was done until then stays done.
pub async fn expire_grants(db: &Db, now: Time) -> Result<Swept, Error> {
    let mut reset = Reset::default();
    sweep(db, now, &mut reset).await?;
    Ok(reset.swept)
}

/// The same; what was done is added to `reset`, also when the database fails in the middle.
pub(super) async fn sweep(db: &Db, now: Time, reset: &mut Reset) -> Result<(), Error> {
    let mut oldest = now;
    for bucket in 0..=255 {
        let mut after = None;
        for _ in 0..MOST_SLICES {
            let due = db.read(move |tx| due(tx, bucket, now, after.as_ref())).await?;
            let full = i64::try_from(due.len()).is_ok_and(|read| read == SLICE);
            after = due.last().cloned();
            oldest = due.first().map_or(oldest, |(at, ..)| oldest.min(*at));
            for (_, customer, unit) in due {
                one(db, customer, unit, reset).await?;
            }
            if !full {
                break;
            }
        }
    }
    gauge!("purser_sweep_lag_seconds").set(seconds(now.micros().saturating_sub(oldest.micros())));
    Ok(())
}

/// Brings one wallet up to date. One that cannot be written holds up no other.
async fn one(db: &Db, customer: CustomerId, unit: Unit, reset: &mut Reset) -> Result<(), DbError> {
    let swept = &mut reset.swept;
    let (of, its) = (customer.clone(), unit.clone());
    match db.write(move |tx| settle(tx, &of, &its)).await {
        Ok(settled) => {
            swept.wallets += 1;
            counter!("purser_sweep_wallets_total", "outcome" => "done").increment(1);
            swept.entries += u64::try_from(settled.entries).unwrap_or(u64::MAX);
            if let Some(renewed) = settled.allowances {
                reset.allowances.count(&unit, renewed);
            }
        }
        Err(error) if error.is_of_storage() => return Err(error),
        Err(error) => {
            tracing::error!(customer = customer.as_str(), unit = unit.as_str(), %error, "a wallet cannot be swept");
            swept.failed += 1;
            counter!("purser_sweep_wallets_total", "outcome" => "failed").increment(1);
        }
    }
    Ok(())
}

/// Wallets of a bucket in which something has fallen due, the longest ago first.
fn due(tx: &mut Tx<'_>, bucket: i64, now: Time, after: Option<&Place>) -> Result<Vec<Place>, DbError> {
    let mut sql = String::from("SELECT due_at, customer, unit FROM wallets_due WHERE bucket = $1 AND due_at <= $2");
    let mut params = vec![Value::I64(bucket), Value::Ts(now)];
    if let Some((at, customer, unit)) = after {
        sql.push_str(" AND (due_at, customer, unit) > ($3, $4, $5) ORDER BY due_at, customer, unit LIMIT $6");
        params.extend([Value::Ts(*at), store::text(customer.as_str()), store::text(unit.as_str())]);
    } else {
        sql.push_str(" ORDER BY due_at, customer, unit LIMIT $3");
    }
    params.push(Value::I64(SLICE));
    tx.query(&sql, params)?.iter().map(place).collect()
}

fn place(row: &Row) -> Result<Place, DbError> {
    Ok((row.ts(0)?, store::customer(row.text(1)?)?, store::unit(row.text(2)?)?))
}

/// What a run of `sync-balances` found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Synced {
    /// Wallets compared with their entries.
    pub wallets: u64,
    /// Entries read.
    pub entries: u64,
    /// Wallets that differ from their entries, and how; the first 100.
    pub differences: Vec<verify::Flaw>,
}

/// Compares every wallet's snapshot with its ledger, or those of one customer, slice by slice.
///
/// # Errors
/// What the database says.
pub async fn sync_balances(db: &Db, customer: Option<&CustomerId>) -> Result<Synced, Error> {
    let mut synced = Synced::default();
    let mut after = None;
    loop {
        let (from, of) = (after.take(), customer.cloned());
        let names = db.read(move |tx| verify::wallets_after(tx, of.as_ref(), from.as_ref(), SLICE)).await?;
        let Some(last) = names.last().cloned() else { break };
        for (customer, unit) in names {
            let checked = verify::one(db, customer, unit).await?;
            synced.wallets += 1;
            synced.entries += checked.entries;
            synced.differences.extend(checked.flaw);
            synced.differences.truncate(100);
        }
        after = Some(last);
    }
    if customer.is_none() {
        gauge!("purser_ledger_differences").set(synced.differences.len() as f64);
    }
    Ok(synced)
}
