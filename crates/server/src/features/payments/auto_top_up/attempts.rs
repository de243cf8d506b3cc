//! The table of attempts to buy a pack, and the queue of those whose outcome is looked for.

use super::optin;
use crate::{
    features::{
        credits,
        payments::{bucket, claims, opt_text, text},
    },
    platform::{
        db::{DbError, Row, Tx, Value},
        ids::Random,
        queue,
    },
};
use purser_rules::{
    Time,
    ids::{CustomerId, PurchaseId, TopUpAttemptId, TopUpPlanId, Unit},
    subscription::{self, Cause, Outcome},
};
use serde_json::{Value as Json, json};

/// How long whoever began an attempt, or looks for it, has the time to itself, in seconds: longer than a call of
/// Stripe lasts with all its tries.
pub(super) const LEASE: i64 = 120;
/// The first wait for a look is the eighth of the queue's waits, two to four minutes; the next ones double it.
const FIRST_LOOKS: i64 = 8;

/// An attempt to buy a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Attempt {
    /// Its id.
    pub id: TopUpAttemptId,
    /// For whom.
    pub customer: CustomerId,
    /// What the pack is counted in.
    pub unit: Unit,
    /// The version of the pack.
    pub top_up: TopUpPlanId,
    /// What it costs, in minor units of the currency.
    pub price: i64,
    /// Three small letters.
    pub currency: String,
    /// What left too little.
    pub cause: Cause,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether a person looked at the failure and let it go on.
    pub cleared: bool,
    /// Stripe's payment, once it is known.
    pub payment_intent: Option<String>,
    /// Why it failed, in a word of Stripe's or ours.
    pub error_code: Option<String>,
    /// The purchase it made.
    pub purchase: Option<PurchaseId>,
    /// When it was begun.
    pub at: Time,
    /// When its outcome was known.
    pub settled_at: Option<Time>,
}

const COLUMNS: &str = "id, customer, unit, top_up_plan_id, price, currency, cause, outcome, cleared, payment_intent, \
    error_code, purchase_id, at, settled_at";

/// An outcome as it stands in the API, in metrics and in the trail.
pub(in super::super) const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unknown => "unknown",
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
    }
}

const fn stored(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Unknown => 1,
        Outcome::Succeeded => 2,
        Outcome::Failed => 3,
    }
}

impl Attempt {
    /// As the rule counts it.
    pub(super) fn counted(&self) -> subscription::Attempt<'_> {
        let Self { at, price, currency, outcome, cleared, .. } = self;
        subscription::Attempt { at: *at, price: *price, currency, outcome: *outcome, cleared: *cleared }
    }

    /// As the audit trail tells it.
    pub(super) fn told(&self) -> Json {
        json!({
            "customer_id": self.customer.as_str(),
            "top_up_plan_id": self.top_up.to_string(),
            "price": self.price,
            "currency": self.currency,
            "cause": cause_word(self.cause),
            "outcome": word(self.outcome),
            "payment_intent": self.payment_intent,
            "error_code": self.error_code,
            "purchase_id": self.purchase.map(|id| id.to_string()),
        })
    }
}

/// A cause as the audit trail tells it.
pub(super) const fn cause_word(cause: Cause) -> &'static str {
    match cause {
        Cause::Spend => "spend",
        Cause::Hold => "hold",
        Cause::Refusal => "refusal",
        Cause::Other => "other",
    }
}

/// Puts a new attempt down; it is looked for after the lease unless its outcome is known by then.
///
/// # Errors
/// What the database says.
pub(super) fn insert(tx: &mut Tx<'_>, new: &Attempt) -> Result<(), DbError> {
    let sql = "INSERT INTO auto_top_up_attempts (id, bucket, customer, unit, top_up_plan_id, price, currency, cause, \
        outcome, cleared, payment_intent, error_code, purchase_id, at, settled_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    let params = vec![
        Value::Id(new.id.0),
        bucket(&new.customer),
        text(new.customer.as_str()),
        text(new.unit.as_str()),
        Value::Id(new.top_up.0),
        Value::I64(new.price),
        text(&new.currency),
        Value::I64(credits::cause_number(new.cause)),
        Value::I64(stored(new.outcome)),
        Value::Bool(new.cleared),
        opt_text(new.payment_intent.as_deref()),
        opt_text(new.error_code.as_deref()),
        new.purchase.map_or(Value::Null, |id| Value::Id(id.0)),
        Value::Ts(new.at),
        new.settled_at.map_or(Value::Null, Value::Ts),
    ];
    tx.execute(sql, params)?;
    if new.outcome != Outcome::Unknown {
        return Ok(());
    }
    let look_at = Value::Ts(new.at.plus_seconds(LEASE));
    let sql = "INSERT INTO auto_top_up_looks (attempt, looks, look_at) VALUES ($1, 0, $2)";
    tx.execute(sql, vec![Value::Id(new.id.0), look_at]).map(drop)
}

/// Writes what may change of an attempt; one whose outcome is known is not looked for any more.
///
/// # Errors
/// What the database says.
pub(super) fn update(tx: &mut Tx<'_>, after: &Attempt) -> Result<(), DbError> {
    let sql = "UPDATE auto_top_up_attempts SET outcome = $1, cleared = $2, payment_intent = $3, error_code = $4, \
        purchase_id = $5, settled_at = $6 WHERE id = $7 AND bucket = $8";
    let params = vec![
        Value::I64(stored(after.outcome)),
        Value::Bool(after.cleared),
        opt_text(after.payment_intent.as_deref()),
        opt_text(after.error_code.as_deref()),
        after.purchase.map_or(Value::Null, |id| Value::Id(id.0)),
        after.settled_at.map_or(Value::Null, Value::Ts),
        Value::Id(after.id.0),
        bucket(&after.customer),
    ];
    tx.execute(sql, params)?;
    if after.outcome == Outcome::Unknown { Ok(()) } else { look_no_more(tx, after.id) }
}

/// The attempt `id` is not looked for any more.
///
/// # Errors
/// What the database says.
pub(super) fn look_no_more(tx: &mut Tx<'_>, id: TopUpAttemptId) -> Result<(), DbError> {
    tx.execute("DELETE FROM auto_top_up_looks WHERE attempt = $1", vec![Value::Id(id.0)]).map(drop)
}

/// The attempt `id`.
///
/// # Errors
/// What the database says.
pub(super) fn find(tx: &mut Tx<'_>, id: TopUpAttemptId) -> Result<Option<Attempt>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM auto_top_up_attempts WHERE id = $1 AND bucket = $2");
    tx.first(&sql, vec![Value::Id(id.0), Value::I64(id.bucket().0.into())])?.as_ref().map(read).transpose()
}

/// The same, locked until the transaction ends, after what its customer agreed to.
///
/// # Errors
/// What the database says.
pub(super) fn lock(tx: &mut Tx<'_>, id: TopUpAttemptId) -> Result<Option<Attempt>, DbError> {
    let Some(found) = find(tx, id)? else { return Ok(None) };
    optin::lock(tx, &found.customer)?;
    let sql = "UPDATE auto_top_up_attempts SET outcome = outcome WHERE id = $1 AND bucket = $2";
    tx.execute(sql, vec![Value::Id(id.0), bucket(&found.customer)])?;
    find(tx, id)
}

/// The last attempt for a customer.
///
/// # Errors
/// What the database says.
pub(super) fn last(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<Option<Attempt>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM auto_top_up_attempts WHERE customer = $1 AND bucket = $2 \
         ORDER BY at DESC, id DESC LIMIT 1"
    );
    tx.first(&sql, vec![text(customer.as_str()), bucket(customer)])?.as_ref().map(read).transpose()
}

/// What the rule must know: the attempts since `month` began, and the last ones before. One that is unknown, or failed
/// and not cleared, is among these however old it is: nothing is tried after it. Those of a month are no more than were
/// allowed and failed in it.
///
/// # Errors
/// What the database says.
pub(super) fn that_count(tx: &mut Tx<'_>, customer: &CustomerId, month: Time) -> Result<Vec<Attempt>, DbError> {
    let params = || vec![text(customer.as_str()), bucket(customer), Value::Ts(month)];
    let of = format!("SELECT {COLUMNS} FROM auto_top_up_attempts WHERE customer = $1 AND bucket = $2");
    let mut rows = tx.query(&format!("{of} AND at >= $3"), params())?;
    rows.extend(tx.query(&format!("{of} AND at < $3 ORDER BY at DESC LIMIT 10"), params())?);
    rows.iter().map(read).collect()
}

/// Whether an attempt failed, and no person has acted since.
///
/// # Errors
/// What the database says.
pub(super) fn has_failed(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<bool, DbError> {
    let sql = "SELECT id FROM auto_top_up_attempts WHERE customer = $1 AND bucket = $2 AND outcome = 3 \
        AND cleared = $3 LIMIT 1";
    Ok(tx.first(sql, vec![text(customer.as_str()), bucket(customer), Value::Bool(false)])?.is_some())
}

/// A person acted: failures do not count any more. Answers how many there were.
///
/// # Errors
/// What the database says.
pub(super) fn clear(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<u64, DbError> {
    let sql = "UPDATE auto_top_up_attempts SET cleared = $1 WHERE customer = $2 AND bucket = $3 AND outcome = 3 \
        AND cleared = $4";
    let params = vec![Value::Bool(true), text(customer.as_str()), bucket(customer), Value::Bool(false)];
    tx.execute(sql, params)
}

/// Up to `most` attempts whose outcome is to be looked for now.
///
/// # Errors
/// What the database says.
pub(super) fn due(tx: &mut Tx<'_>, most: i64) -> Result<Vec<TopUpAttemptId>, DbError> {
    let now = tx.now();
    let sql = "SELECT attempt FROM auto_top_up_looks WHERE look_at <= $1 ORDER BY look_at LIMIT $2";
    let rows = tx.query(sql, vec![Value::Ts(now), Value::I64(most)])?;
    rows.iter().map(|row| row.id(0).map(TopUpAttemptId)).collect()
}

/// Takes a look that is due, and sets when the next one is: later each time, an hour at most, with jitter. Answers
/// whether nobody else took it.
///
/// # Errors
/// What the database says.
pub(super) fn take(tx: &mut Tx<'_>, random: &Random, id: TopUpAttemptId) -> Result<bool, DbError> {
    let now = tx.now();
    let sql = "SELECT looks FROM auto_top_up_looks WHERE attempt = $1";
    let Some(row) = tx.first(sql, vec![Value::Id(id.0)])? else { return Ok(false) };
    let wait = queue::wait(row.i64(0)?.saturating_add(FIRST_LOOKS), random.number()).max(LEASE);
    let sql = "UPDATE auto_top_up_looks SET looks = looks + 1, look_at = $1 WHERE attempt = $2 AND look_at <= $3";
    let params = vec![Value::Ts(now.plus_seconds(wait)), Value::Id(id.0), Value::Ts(now)];
    Ok(tx.execute(sql, params)? == 1)
}

fn outcome(number: i64) -> Result<Outcome, DbError> {
    let all = [Outcome::Unknown, Outcome::Succeeded, Outcome::Failed];
    let found = all.into_iter().find(|outcome| stored(*outcome) == number);
    found.ok_or_else(|| DbError::Bug(format!("an attempt has the unknown outcome {number}")))
}

fn read(row: &Row) -> Result<Attempt, DbError> {
    Ok(Attempt {
        id: TopUpAttemptId(row.id(0)?),
        customer: claims::customer(row.text(1)?)?,
        unit: Unit::new(row.text(2)?).map_err(|_| DbError::Bug("an attempt's unit breaks its rule".to_owned()))?,
        top_up: TopUpPlanId(row.id(3)?),
        price: row.i64(4)?,
        currency: row.text(5)?.to_owned(),
        cause: credits::cause_stored(row.i64(6)?)?,
        outcome: outcome(row.i64(7)?)?,
        cleared: row.bool(8)?,
        payment_intent: row.opt_text(9)?.map(str::to_owned),
        error_code: row.opt_text(10)?.map(str::to_owned),
        purchase: row.opt_id(11)?.map(PurchaseId),
        at: row.ts(12)?,
        settled_at: row.opt_ts(13)?,
    })
}
