//! The table of period grants: what was given under which key, for which paid period, and by which invoice.

use crate::{
    features::subscriptions::store::text,
    platform::db::{DbError, Row, Tx, Value},
};
use purser_rules::{
    Amount, Time,
    credit::Payment,
    ids::{CustomerId, GrantId, PlanId, Unit},
    subscription::Begun,
};

/// A grant of a billing period, or of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub grant: GrantId,
    pub unit: Unit,
    /// The plan group or add-on.
    pub group: String,
    /// `GROUP:LABEL`, or `FAMILY:trial`.
    pub key: String,
    /// What its plan gives for a whole month, before proration.
    pub most: Amount,
    /// What was granted.
    pub amount: Amount,
    pub plan: PlanId,
    pub subscription: String,
    /// The invoice that paid for it; the key of a trial, for which nobody paid.
    pub invoice: String,
    pub line: String,
    /// The paid period. For a trial both are its end, since no paid period can begin inside it.
    pub line_start: Time,
    pub line_end: Time,
    /// The part of the period that the grant is for.
    pub start: Time,
    pub end: Time,
    /// When the grant ends, if nothing ends it before.
    pub expires_at: Time,
    /// When the last ends of what it carries over and what a dispute that was won gave again; else `expires_at`.
    pub lives_until: Time,
    /// Whether it outlives its period by the overlap alone.
    pub by_overlap: bool,
    /// Whether it is frozen, since its subscription gives no access.
    pub suspended: bool,
    /// Whether its subscription was deleted, and what is left was seen to.
    pub ended: bool,
    /// What of it was revoked since its subscription changed to less.
    pub lowered: Amount,
    /// Whether its invoice gave money back as well.
    pub gave_back: bool,
}

impl Given {
    /// The period and the amount, as the rules see them.
    pub fn begun(&self) -> Begun {
        let Self { line_start, line_end, start, end, amount, .. } = *self;
        Begun { line_start, line_end, start, end, granted: amount }
    }
}

/// The payment of `rows`, which are all that the invoice `invoice` gave in one unit, for `paid` minor units. Nothing of
/// what was spent becomes debt.
pub(super) fn payment(invoice: &str, paid: i64, rows: &[Given]) -> Payment {
    // What is taken back in part is taken of the last months first: the running one was paid for too.
    let grants = rows.iter().rev().map(|row| row.grant).collect();
    let granted = rows.iter().fold(Amount::ZERO, |sum, row| sum.checked_add(row.amount).unwrap_or(Amount::MAX));
    Payment::new(invoice.to_owned(), paid, grants, granted, false)
}

const COLUMNS: &str = "grant_id, unit, plan_group, period_key, most, amount, plan_id, subscription, invoice, line, \
    line_start, line_end, period_start, period_end, expires_at, by_overlap, suspended, ended, lives_until, lowered, gave_back";

/// What a group gave for periods that end after `after`, and what of it still lives at `now`: as many as an invoice has
/// months, and upgrades in them.
pub(super) fn of_group(
    tx: &mut Tx<'_>,
    (customer, unit): (&CustomerId, &Unit),
    group: &str,
    after: Time,
    now: Time,
) -> Result<Vec<Given>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM period_grants WHERE customer = $1 AND unit = $2 AND plan_group = $3 AND bucket = $4 \
         AND (period_end > $5 OR expires_at > $6) ORDER BY period_end, grant_id"
    );
    let params = vec![
        text(customer.as_str()),
        text(unit.as_str()),
        text(group),
        bucket(customer),
        Value::Ts(after),
        Value::Ts(now),
    ];
    tx.query(&sql, params)?.iter().map(read).collect()
}

/// What the invoice `invoice` gave to a customer, in every unit.
pub(super) fn of_invoice(tx: &mut Tx<'_>, customer: &CustomerId, invoice: &str) -> Result<Vec<Given>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM period_grants WHERE invoice = $1 AND customer = $2 AND bucket = $3 \
         ORDER BY unit, period_start, grant_id"
    );
    let params = vec![text(invoice), text(customer.as_str()), bucket(customer)];
    tx.query(&sql, params)?.iter().map(read).collect()
}

/// What a subscription gave that is still alive at `now`, or frozen, and was not seen to after its end.
pub(super) fn alive(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    subscription: &str,
    now: Time,
) -> Result<Vec<Given>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM period_grants WHERE subscription = $1 AND bucket = $2 \
         AND (lives_until > $3 OR suspended = $4) AND ended = $5 ORDER BY unit, invoice, grant_id"
    );
    let params = vec![text(subscription), bucket(customer), Value::Ts(now), Value::Bool(true), Value::Bool(false)];
    tx.query(&sql, params)?.iter().map(read).collect()
}

/// What was given under the key of a trial, that which lives longest last.
pub(super) fn of_trial(tx: &mut Tx<'_>, customer: &CustomerId, unit: &Unit, key: &str) -> Result<Vec<Given>, DbError> {
    // Under a trial's key stands what it gave as under an invoice's id.
    let mut rows = of_invoice(tx, customer, key)?;
    rows.retain(|row| row.unit == *unit && row.key == key);
    rows.sort_by_key(|row| row.end);
    Ok(rows)
}

/// Puts a grant down.
pub(super) fn insert(tx: &mut Tx<'_>, customer: &CustomerId, row: &Given) {
    let sql = "INSERT INTO period_grants (grant_id, unit, plan_group, period_key, most, amount, plan_id, subscription, \
        invoice, line, line_start, line_end, period_start, period_end, expires_at, by_overlap, suspended, ended, \
        lives_until, customer, bucket, created_at, gave_back) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
        $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)";
    let now = tx.now();
    let params = vec![
        Value::Id(row.grant.0),
        text(row.unit.as_str()),
        text(&row.group),
        text(&row.key),
        Value::I64(row.most.micros()),
        Value::I64(row.amount.micros()),
        Value::Id(row.plan.0),
        text(&row.subscription),
        text(&row.invoice),
        text(&row.line),
        Value::Ts(row.line_start),
        Value::Ts(row.line_end),
        Value::Ts(row.start),
        Value::Ts(row.end),
        Value::Ts(row.expires_at),
        Value::Bool(row.by_overlap),
        Value::Bool(row.suspended),
        Value::Bool(row.ended),
        Value::Ts(row.lives_until),
        text(customer.as_str()),
        bucket(customer),
        Value::Ts(now),
        Value::Bool(row.gave_back),
    ];
    tx.later(sql, params);
}

/// Puts down whether a grant is suspended, and whether its subscription's end was seen to.
pub(super) fn mark(tx: &mut Tx<'_>, row: &Given, suspended: bool, ended: bool) -> Result<(), DbError> {
    let sql = "UPDATE period_grants SET suspended = $1, ended = $2 WHERE grant_id = $3 AND bucket = $4";
    let bucket = Value::I64(row.grant.bucket().0.into());
    tx.execute(sql, vec![Value::Bool(suspended), Value::Bool(ended), Value::Id(row.grant.0), bucket]).map(drop)
}

/// Puts down what of a grant was revoked since its subscription changed to less.
pub(super) fn lower(tx: &mut Tx<'_>, row: &Given, lowered: Amount) -> Result<(), DbError> {
    let sql = "UPDATE period_grants SET lowered = $1 WHERE grant_id = $2 AND bucket = $3";
    let bucket = Value::I64(row.grant.bucket().0.into());
    tx.execute(sql, vec![Value::I64(lowered.micros()), Value::Id(row.grant.0), bucket]).map(drop)
}

/// Puts down that something of what a grant gave lives until `until`.
pub(super) fn outlive(tx: &mut Tx<'_>, row: &Given, until: Time) -> Result<(), DbError> {
    let sql = "UPDATE period_grants SET lives_until = $1 WHERE grant_id = $2 AND bucket = $3";
    let bucket = Value::I64(row.grant.bucket().0.into());
    tx.execute(sql, vec![Value::Ts(until), Value::Id(row.grant.0), bucket]).map(drop)
}

fn read(row: &Row) -> Result<Given, DbError> {
    let amount = |at: usize| {
        Amount::from_micros(row.i64(at)?).ok_or_else(|| DbError::Bug("an amount of a period grant".to_owned()))
    };
    Ok(Given {
        grant: GrantId(row.id(0)?),
        unit: Unit::new(row.text(1)?).map_err(|_| DbError::Bug("a unit of a period grant".to_owned()))?,
        group: row.text(2)?.to_owned(),
        key: row.text(3)?.to_owned(),
        most: amount(4)?,
        amount: amount(5)?,
        plan: PlanId(row.id(6)?),
        subscription: row.text(7)?.to_owned(),
        invoice: row.text(8)?.to_owned(),
        line: row.text(9)?.to_owned(),
        line_start: row.ts(10)?,
        line_end: row.ts(11)?,
        start: row.ts(12)?,
        end: row.ts(13)?,
        expires_at: row.ts(14)?,
        by_overlap: row.bool(15)?,
        suspended: row.bool(16)?,
        ended: row.bool(17)?,
        lives_until: row.ts(18)?,
        lowered: amount(19)?,
        gave_back: row.bool(20)?,
    })
}

fn bucket(customer: &CustomerId) -> Value {
    Value::I64(customer.bucket().0.into())
}
