//! The tables of Stripe's customers and of what they pay with.

use super::{bucket_value, opt_text, page_of, text};
use crate::{
    features::subscriptions::mirror::Mirror,
    platform::db::{DbError, Row, Tx, Value},
};
use purser_rules::{Time, ids::CustomerId};
use std::collections::BTreeSet;

/// The most payment methods of one payer that are looked at; who has more keeps rows of those that went.
const MOST_METHODS: i64 = 10_000;

/// A payment method as Stripe last said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// `pm_…`
    pub id: String,
    /// `card`, `sepa_debit` and others.
    pub kind: String,
    /// Of a card: `visa`, `mastercard` and others.
    pub brand: Option<String>,
    /// Of a card: its last four digits.
    pub last4: Option<String>,
    /// Of a card: the month it expires in, 1–12.
    pub exp_month: Option<i64>,
    /// Of a card: the year it expires in, of four digits.
    pub exp_year: Option<i64>,
    /// When it was created.
    pub created_at: Time,
}

const COLUMNS: &str = "id, kind, brand, last4, exp_month, exp_year, created_at";

/// Writes a payer: what is charged unless a subscription names another, and whether Stripe has deleted it.
pub(in super::super) fn put(
    tx: &mut Tx<'_>,
    mirror: &Mirror,
    default_method: Option<&str>,
    deleted: bool,
) -> Result<(), DbError> {
    let sql = "INSERT INTO payers (id, bucket, customer, default_payment_method_id, deleted) \
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id, bucket) DO UPDATE SET customer = excluded.customer, \
        default_payment_method_id = excluded.default_payment_method_id, deleted = excluded.deleted";
    let params =
        vec![text(&mirror.id), mirror.bucket(), mirror.customer(), opt_text(default_method), Value::Bool(deleted)];
    tx.execute(sql, params).map(drop)
}

/// Writes all that a payer pays with: what is not among `methods` any more was detached.
pub(in super::super) fn put_methods(tx: &mut Tx<'_>, mirror: &Mirror, methods: &[Method]) -> Result<(), DbError> {
    let there: BTreeSet<&str> = methods.iter().map(|method| method.id.as_str()).collect();
    for gone in attached(tx, mirror)?.iter().filter(|id| !there.contains(id.as_str())) {
        let sql = "UPDATE payment_methods SET detached_at = $1 WHERE id = $2 AND bucket = $3";
        let now = tx.now();
        tx.execute(sql, vec![Value::Ts(now), text(gone), mirror.bucket()])?;
    }
    for method in methods {
        put_method(tx, mirror, method)?;
    }
    Ok(())
}

/// The ids of what a payer was last known to pay with.
fn attached(tx: &mut Tx<'_>, mirror: &Mirror) -> Result<Vec<String>, DbError> {
    let sql = "SELECT id FROM payment_methods WHERE stripe_customer_id = $1 AND bucket = $2 AND detached_at IS NULL \
        ORDER BY id LIMIT $3";
    let rows = tx.query(sql, vec![text(&mirror.stripe_customer_id), mirror.bucket(), Value::I64(MOST_METHODS)])?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

fn put_method(tx: &mut Tx<'_>, mirror: &Mirror, method: &Method) -> Result<(), DbError> {
    let sql = "INSERT INTO payment_methods (id, bucket, customer, stripe_customer_id, kind, brand, last4, exp_month, \
        exp_year, created_at, detached_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULL) \
        ON CONFLICT (id, bucket) DO UPDATE SET customer = excluded.customer, \
        stripe_customer_id = excluded.stripe_customer_id, brand = excluded.brand, last4 = excluded.last4, \
        exp_month = excluded.exp_month, exp_year = excluded.exp_year, detached_at = excluded.detached_at";
    let params = vec![
        text(&method.id),
        mirror.bucket(),
        mirror.customer(),
        text(&mirror.stripe_customer_id),
        text(&method.kind),
        opt_text(method.brand.as_deref()),
        opt_text(method.last4.as_deref()),
        method.exp_month.map_or(Value::Null, Value::I64),
        method.exp_year.map_or(Value::Null, Value::I64),
        Value::Ts(method.created_at),
    ];
    tx.execute(sql, params).map(drop)
}

/// Up to `most` payment methods of a customer before the one created at `before` with that id, newest first.
pub(in super::super) fn page(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    before: Option<(Time, String)>,
    most: i64,
) -> Result<Vec<Method>, DbError> {
    let (rest, params) = page_of(customer, before, most);
    let rest = rest.replacen("WHERE ", "WHERE detached_at IS NULL AND ", 1);
    tx.query(&format!("SELECT {COLUMNS} FROM payment_methods {rest}"), params)?.iter().map(read).collect()
}

/// When the payment method `id` of `customer` was created, attached or not.
pub(in super::super) fn created_at(tx: &mut Tx<'_>, customer: &CustomerId, id: &str) -> Result<Option<Time>, DbError> {
    let sql = "SELECT created_at FROM payment_methods WHERE id = $1 AND customer = $2 AND bucket = $3";
    let params = vec![text(id), text(customer.as_str()), bucket_value(customer.bucket())];
    tx.first(sql, params)?.map(|row| row.ts(0)).transpose()
}

/// What is charged to a customer unless a subscription names another: one for each customer it is at Stripe.
pub(in super::super) fn defaults(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<BTreeSet<String>, DbError> {
    let sql = "SELECT default_payment_method_id FROM payers WHERE customer = $1 AND bucket = $2 \
        AND default_payment_method_id IS NOT NULL ORDER BY id LIMIT 100";
    let rows = tx.query(sql, vec![text(customer.as_str()), bucket_value(customer.bucket())])?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

/// Whose the payment method `id` was last known to be, by Stripe's id. Asked before it is known where its row is.
pub(in super::super) fn payer_of(tx: &mut Tx<'_>, id: &str) -> Result<Option<String>, DbError> {
    let sql = "SELECT stripe_customer_id FROM payment_methods WHERE id = $1 ORDER BY bucket LIMIT 1";
    tx.first(sql, vec![text(id)])?.map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// Whether `method` is the default of the payer `id`, if there is such. Asked before it is known where its row is.
pub(in super::super) fn has_default(tx: &mut Tx<'_>, id: &str, method: &str) -> Result<Option<bool>, DbError> {
    let sql = "SELECT default_payment_method_id FROM payers WHERE id = $1 ORDER BY bucket LIMIT 1";
    let Some(row) = tx.first(sql, vec![text(id)])? else { return Ok(None) };
    Ok(Some(row.opt_text(0)? == Some(method)))
}

fn read(row: &Row) -> Result<Method, DbError> {
    let optional = |at: usize| row.opt_text(at).map(|text| text.map(str::to_owned));
    Ok(Method {
        id: row.text(0)?.to_owned(),
        kind: row.text(1)?.to_owned(),
        brand: optional(2)?,
        last4: optional(3)?,
        exp_month: row.opt_i64(4)?,
        exp_year: row.opt_i64(5)?,
        created_at: row.ts(6)?,
    })
}
