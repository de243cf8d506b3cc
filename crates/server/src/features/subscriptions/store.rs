//! The tables of subscriptions: each with its items, and the log of how it changed.

pub(super) mod changes;
pub(super) mod invoices;
pub(super) mod payers;

use super::mirror::Mirror;
use crate::platform::db::{DbError, Load, Row, Tx, Value};
use purser_rules::{
    Time,
    ids::{Bucket, CustomerId, PlanId},
};

/// The most items of a subscription that are read; Stripe has at most 20.
const MOST_ITEMS: i64 = 100;

/// A subscription as Stripe last said, with the plan that was recorded for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// `sub_…`
    pub id: String,
    /// `cus_…`
    pub stripe_customer_id: String,
    /// Where it stands, in Stripe's word.
    pub status: String,
    /// When it is going to end, if that was said by a date.
    pub cancel_at: Option<Time>,
    /// Whether it ends with its period.
    pub cancel_at_period_end: bool,
    /// When its end was asked for.
    pub canceled_at: Option<Time>,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// When its trial began.
    pub trial_start: Option<Time>,
    /// When its trial ends or ended.
    pub trial_end: Option<Time>,
    /// What is charged for it, if it has a payment method of its own.
    pub default_payment_method_id: Option<String>,
    /// The checkout session it came from.
    pub checkout_session_id: Option<String>,
    /// The schedule it is under at Stripe: `sub_sched_…`; `unknown` where a change was agreed on before this was kept,
    /// until it is fetched again.
    pub schedule: Option<String>,
    /// When the payment of its oldest unpaid invoice first failed; of one that is sent, when it was due.
    pub first_failure_at: Option<Time>,
    /// The base plan it gives, or was last known to give while one of its prices is not mapped.
    pub plan_id: Option<PlanId>,
    /// When it was created.
    pub created_at: Time,
    /// All of its items, by when they were added.
    pub items: Vec<Item>,
}

/// An item of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// `si_…`
    pub id: String,
    /// `price_…`
    pub price: String,
    /// `prod_…`
    pub product: String,
    /// How many; `None` for a metered price.
    pub quantity: Option<i64>,
    /// Whether a meter counts.
    pub metered: bool,
    /// How often it is paid: Stripe's word.
    pub period: String,
    /// How many of these lie between two payments.
    pub period_count: i64,
    /// When its period began.
    pub period_start: Time,
    /// When its period ends.
    pub period_end: Time,
    /// The plan its price sold when it was first seen; `None` for a price nobody mapped.
    pub plan_id: Option<PlanId>,
    /// When it was added.
    pub created_at: Time,
}

const COLUMNS: &str = "id, stripe_customer_id, status, cancel_at, cancel_at_period_end, canceled_at, ended_at, \
    trial_start, trial_end, default_payment_method_id, checkout_session_id, first_failure_at, plan_id, created_at, \
    schedule";

/// The subscription `id`, with its items.
pub(super) fn find(tx: &mut Tx<'_>, bucket: Bucket, id: &str) -> Result<Option<Subscription>, DbError> {
    one(&tx.load(load(bucket, id))?)
}

/// The same, and when the payment of its oldest unpaid invoice first failed.
pub(super) fn find_and_first_failure(
    tx: &mut Tx<'_>,
    bucket: Bucket,
    id: &str,
) -> Result<(Option<Subscription>, Option<Time>), DbError> {
    let mut loads = load(bucket, id);
    loads.push(invoices::load_first_failure(bucket, id));
    let mut answers = tx.load(loads)?;
    let failed = answers.pop().unwrap_or_default();
    Ok((one(&answers)?, failed.first().map(|row| row.ts(0)).transpose()?))
}

/// A read of the subscription `id` and one of its items, for [`one`].
fn load(bucket: Bucket, id: &str) -> Vec<Load> {
    let sql = format!("SELECT {COLUMNS} FROM subscriptions WHERE id = $1 AND bucket = $2").into();
    vec![Load::Query { sql, params: vec![text(id), bucket_value(bucket)] }, load_items(bucket, id)]
}

/// The subscription that [`load`] answered.
fn one(answers: &[Vec<Row>]) -> Result<Option<Subscription>, DbError> {
    let [rows, items] = answers else { return Ok(None) };
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Subscription { items: read_items(items)?, ..read(row)? }))
}

/// Up to `most` subscriptions of a customer: first those that have not ended, of each the newest first.
pub(super) fn of_customer(tx: &mut Tx<'_>, customer: &CustomerId, most: i64) -> Result<Vec<Subscription>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM subscriptions WHERE customer = $1 AND bucket = $2 \
         ORDER BY CASE WHEN ended_at IS NULL THEN 0 ELSE 1 END, created_at DESC, id DESC LIMIT $3"
    );
    let bucket = customer.bucket();
    all(tx, bucket, &sql, vec![text(customer.as_str()), bucket_value(bucket), Value::I64(most)])
}

/// Up to `most` subscriptions of a customer before the one created at `before` with that id, newest first.
pub(super) fn page(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    before: Option<(Time, String)>,
    most: i64,
) -> Result<Vec<Subscription>, DbError> {
    let bucket = customer.bucket();
    let (rest, params) = page_of(customer, before, most);
    all(tx, bucket, &format!("SELECT {COLUMNS} FROM subscriptions {rest}"), params)
}

/// The rest of a statement that reads a page of what a customer has, newest first, and its parameters.
fn page_of(customer: &CustomerId, before: Option<(Time, String)>, most: i64) -> (String, Vec<Value>) {
    let mut params = vec![text(customer.as_str()), bucket_value(customer.bucket())];
    let mut rest = "WHERE customer = $1 AND bucket = $2".to_owned();
    if let Some((at, id)) = before {
        rest.push_str(" AND (created_at < $3 OR (created_at = $4 AND id < $5))");
        params.extend([Value::Ts(at), Value::Ts(at), Value::Text(id)]);
    }
    params.push(Value::I64(most));
    rest.push_str(&format!(" ORDER BY created_at DESC, id DESC LIMIT ${}", params.len()));
    (rest, params)
}

/// When the subscription `id` of `customer` was created.
pub(super) fn created_at(tx: &mut Tx<'_>, customer: &CustomerId, id: &str) -> Result<Option<Time>, DbError> {
    let sql = "SELECT created_at FROM subscriptions WHERE id = $1 AND customer = $2 AND bucket = $3";
    let params = vec![text(id), text(customer.as_str()), bucket_value(customer.bucket())];
    tx.first(sql, params)?.map(|row| row.ts(0)).transpose()
}

/// The subscriptions of a query, each with its items.
fn all(tx: &mut Tx<'_>, bucket: Bucket, sql: &str, params: Vec<Value>) -> Result<Vec<Subscription>, DbError> {
    let rows = tx.query(sql, params)?;
    let mut found = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let items = tx.load(found.iter().map(|one| load_items(bucket, &one.id)).collect())?;
    for (subscription, items) in found.iter_mut().zip(&items) {
        subscription.items = read_items(items)?;
    }
    Ok(found)
}

/// The subscription of a row, without its items.
fn read(row: &Row) -> Result<Subscription, DbError> {
    let optional = |at: usize| row.opt_text(at).map(|text| text.map(str::to_owned));
    Ok(Subscription {
        id: row.text(0)?.to_owned(),
        stripe_customer_id: row.text(1)?.to_owned(),
        status: row.text(2)?.to_owned(),
        cancel_at: row.opt_ts(3)?,
        cancel_at_period_end: row.bool(4)?,
        canceled_at: row.opt_ts(5)?,
        ended_at: row.opt_ts(6)?,
        trial_start: row.opt_ts(7)?,
        trial_end: row.opt_ts(8)?,
        default_payment_method_id: optional(9)?,
        checkout_session_id: optional(10)?,
        first_failure_at: row.opt_ts(11)?,
        plan_id: row.opt_id(12)?.map(PlanId),
        created_at: row.ts(13)?,
        schedule: optional(14)?,
        items: Vec::new(),
    })
}

/// A read of the items of a subscription, by when they were added.
fn load_items(bucket: Bucket, subscription: &str) -> Load {
    let sql = "SELECT id, price, product, quantity, metered, period, period_count, period_start, period_end, plan_id, \
        created_at FROM subscription_items WHERE subscription = $1 AND bucket = $2 ORDER BY created_at, id LIMIT $3";
    let params = vec![text(subscription), bucket_value(bucket), Value::I64(MOST_ITEMS)];
    Load::Query { sql: sql.into(), params }
}

fn read_items(rows: &[Row]) -> Result<Vec<Item>, DbError> {
    rows.iter().map(read_item).collect()
}

fn read_item(row: &Row) -> Result<Item, DbError> {
    Ok(Item {
        id: row.text(0)?.to_owned(),
        price: row.text(1)?.to_owned(),
        product: row.text(2)?.to_owned(),
        quantity: row.opt_i64(3)?,
        metered: row.bool(4)?,
        period: row.text(5)?.to_owned(),
        period_count: row.i64(6)?,
        period_start: row.ts(7)?,
        period_end: row.ts(8)?,
        plan_id: row.opt_id(9)?.map(PlanId),
        created_at: row.ts(10)?,
    })
}

/// Writes a subscription, its items too: what is new or other, and not what is as it was.
pub(super) fn put(tx: &mut Tx<'_>, mirror: &Mirror, before: Option<&Subscription>, after: &Subscription) {
    let sql = "INSERT INTO subscriptions (id, stripe_customer_id, status, cancel_at, cancel_at_period_end, canceled_at, \
        ended_at, trial_start, trial_end, default_payment_method_id, checkout_session_id, first_failure_at, plan_id, \
        created_at, customer, bucket, schedule) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
        ON CONFLICT (id, bucket) DO UPDATE SET status = excluded.status, cancel_at = excluded.cancel_at, \
        cancel_at_period_end = excluded.cancel_at_period_end, canceled_at = excluded.canceled_at, \
        ended_at = excluded.ended_at, trial_start = excluded.trial_start, trial_end = excluded.trial_end, \
        default_payment_method_id = excluded.default_payment_method_id, \
        checkout_session_id = excluded.checkout_session_id, first_failure_at = excluded.first_failure_at, \
        plan_id = excluded.plan_id, created_at = excluded.created_at, customer = excluded.customer, \
        schedule = excluded.schedule";
    let params = vec![
        text(&after.id),
        text(&after.stripe_customer_id),
        text(&after.status),
        opt_ts(after.cancel_at),
        Value::Bool(after.cancel_at_period_end),
        opt_ts(after.canceled_at),
        opt_ts(after.ended_at),
        opt_ts(after.trial_start),
        opt_ts(after.trial_end),
        opt_text(after.default_payment_method_id.as_deref()),
        opt_text(after.checkout_session_id.as_deref()),
        opt_ts(after.first_failure_at),
        opt_plan(after.plan_id),
        Value::Ts(after.created_at),
        mirror.customer(),
        mirror.bucket(),
        opt_text(after.schedule.as_deref()),
    ];
    tx.later(sql, params);
    let old = before.map_or(&[][..], |before| before.items.as_slice());
    for gone in old.iter().filter(|old| !after.items.iter().any(|item| item.id == old.id)) {
        let sql = "DELETE FROM subscription_items WHERE id = $1 AND bucket = $2";
        tx.later(sql, vec![text(&gone.id), mirror.bucket()]);
    }
    for item in after.items.iter().filter(|item| !old.contains(item)) {
        put_item(tx, mirror, &after.id, item);
    }
}

fn put_item(tx: &mut Tx<'_>, mirror: &Mirror, subscription: &str, item: &Item) {
    let sql = "INSERT INTO subscription_items (id, bucket, subscription, customer, price, product, quantity, metered, \
        period, period_count, period_start, period_end, plan_id, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
        ON CONFLICT (id, bucket) DO UPDATE SET price = excluded.price, product = excluded.product, \
        quantity = excluded.quantity, metered = excluded.metered, period = excluded.period, \
        period_count = excluded.period_count, period_start = excluded.period_start, \
        period_end = excluded.period_end, plan_id = excluded.plan_id, updated_at = excluded.updated_at";
    let now = tx.now();
    let params = vec![
        text(&item.id),
        mirror.bucket(),
        text(subscription),
        mirror.customer(),
        text(&item.price),
        text(&item.product),
        item.quantity.map_or(Value::Null, Value::I64),
        Value::Bool(item.metered),
        text(&item.period),
        Value::I64(item.period_count),
        Value::Ts(item.period_start),
        Value::Ts(item.period_end),
        opt_plan(item.plan_id),
        Value::Ts(item.created_at),
        Value::Ts(now),
    ];
    tx.later(sql, params);
}

/// Puts a change down: what stood before, what stands now, and what told of it. The line is never edited.
pub(super) fn log(
    tx: &mut Tx<'_>,
    mirror: &Mirror,
    (before, after): (Option<serde_json::Value>, serde_json::Value),
    cause: &str,
) {
    let sql = "INSERT INTO subscription_changes (subscription, revision, bucket, customer, before, after, cause, at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let now = tx.now();
    let params = vec![
        text(&mirror.id),
        Value::I64(mirror.revision),
        mirror.bucket(),
        mirror.customer(),
        before.map_or(Value::Null, |before| Value::Json(before.to_string())),
        Value::Json(after.to_string()),
        text(cause),
        Value::Ts(now),
    ];
    tx.later(sql, params);
}

/// A text as a parameter.
pub(super) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn opt_text(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| Value::Text(text.to_owned()))
}

fn opt_ts(at: Option<Time>) -> Value {
    at.map_or(Value::Null, Value::Ts)
}

fn opt_plan(id: Option<PlanId>) -> Value {
    id.map_or(Value::Null, |id| Value::Id(id.0))
}

fn bucket_value(bucket: Bucket) -> Value {
    Value::I64(i64::from(bucket.0))
}
