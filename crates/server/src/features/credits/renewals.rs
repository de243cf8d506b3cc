//! What sweeps did about allowances: counted, and a row for each run that met any whose period was over.

use super::{
    settle::{Renewed, Skip},
    store::text,
    sweep::{self, Swept},
};
use crate::platform::{
    db::{Db, DbError, Tx, Value},
    error::Error,
    http::Decimal,
    ids::Random,
};
use metrics::counter;
use purser_rules::{
    Amount, Time,
    ids::{Bucket, JobId, Unit},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// What a sweep did about allowances.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Renewals {
    /// Wallets in which the period of an allowance was over.
    pub due: u64,
    /// Of them, those in which the next one was put down.
    pub granted: u64,
    /// Those in which it was not, by why.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Credits put down, by the name of the plan and by unit.
    pub credits: BTreeMap<String, BTreeMap<String, Decimal>>,
}

/// What a run did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Reset {
    /// Wallets and entries.
    #[serde(flatten)]
    pub swept: Swept,
    /// Allowances.
    pub allowances: Renewals,
}

/// Puts the metrics of allowances there before their first event.
pub fn announce() {
    for outcome in ["granted"].into_iter().chain(Skip::ALL.map(Skip::as_str)) {
        drop(counter!("purser_allowances_total", "outcome" => outcome));
    }
}

impl Renewals {
    /// Counts what became of the allowances of a wallet in `unit`.
    pub(super) fn count(&mut self, unit: &Unit, renewed: Renewed) {
        self.due += 1;
        let outcome = match renewed {
            Renewed::Skipped(skip) => {
                *self.skipped.entry(skip.as_str()).or_default() += 1;
                skip.as_str()
            }
            Renewed::Granted(given) => {
                self.granted += 1;
                for (tier, amount) in given {
                    let units = self.credits.entry(tier).or_default();
                    let sum = units.entry(unit.as_str().to_owned()).or_insert(Decimal(Amount::ZERO));
                    sum.0 = sum.0.checked_add(amount).unwrap_or(Amount::MAX);
                }
                "granted"
            }
        };
        counter!("purser_allowances_total", "outcome" => outcome).increment(1);
    }
}

/// Writes what has fallen due in all wallets, as the job `job`, and puts down the next allowances of those who came
/// lately. Whichever job comes first does it; running it again does nothing more. What it did is put down if it met any
/// allowance, also when the database failed in the middle.
///
/// # Errors
/// What the database says; what was done until then stays done.
pub async fn run_sweep(db: &Db, random: &Random, job: &'static str, now: Time) -> Result<Reset, Error> {
    let mut reset = Reset::default();
    let swept = sweep::sweep(db, now, &mut reset).await;
    if reset.allowances.due > 0 {
        let id = JobId::new(now, random.number(), Bucket(0));
        let told = reset.allowances.clone();
        db.write(move |tx| record(tx, id, job, now, &told)).await?;
    }
    swept.map(|()| reset)
}

/// Puts a run down.
fn record(tx: &mut Tx<'_>, id: JobId, job: &str, now: Time, told: &Renewals) -> Result<(), DbError> {
    let sql = "INSERT INTO allowance_runs (id, job, at, due, granted, skipped, credits) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let number = |count: u64| Value::I64(i64::try_from(count).unwrap_or(i64::MAX));
    let params = vec![
        Value::Id(id.0),
        text(job),
        Value::Ts(now),
        number(told.due),
        number(told.granted),
        json(&told.skipped)?,
        json(&told.credits)?,
    ];
    tx.execute(sql, params).map(drop)
}

fn json(value: &impl Serialize) -> Result<Value, DbError> {
    let text = serde_json::to_string(value).map_err(|error| DbError::Bug(format!("a run of allowances: {error}")))?;
    Ok(Value::Json(text))
}
