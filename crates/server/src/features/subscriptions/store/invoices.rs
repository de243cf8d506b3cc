//! The invoices table.

use super::{bucket_value, opt_text, opt_ts, page_of, text};
use crate::{
    features::subscriptions::mirror::Mirror,
    platform::db::{DbError, Load, Row, Tx, Value},
};
use purser_rules::{
    Time,
    ids::{Bucket, CustomerId},
    pricebook::Currency,
};

/// An invoice as Stripe last said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// `in_…`
    pub id: String,
    /// `cus_…`
    pub stripe_customer_id: String,
    /// The subscription it is of.
    pub subscription: Option<String>,
    /// Its number, once it is final.
    pub number: Option<String>,
    /// Where it stands, in Stripe's word.
    pub status: String,
    /// Minor units asked for.
    pub amount_due: i64,
    /// Minor units paid.
    pub amount_paid: i64,
    /// Three small letters.
    pub currency: String,
    /// Since when usage was gathered for it.
    pub period_start: Time,
    /// Until when.
    pub period_end: Time,
    /// Where the customer reads and pays it.
    pub hosted_url: Option<String>,
    /// When its payment is tried next.
    pub next_payment_attempt: Option<Time>,
    /// When it was paid.
    pub paid_at: Option<Time>,
    /// When its payment first failed, as far as events told; of one that was sent, when it is due, be that to come.
    pub first_failed_at: Option<Time>,
    /// When it was created.
    pub created_at: Time,
}

const COLUMNS: &str = "id, stripe_customer_id, subscription, number, status, amount_due, amount_paid, currency, \
    period_start, period_end, hosted_url, next_payment_attempt, paid_at, first_failed_at, created_at";

/// The invoice `id`.
pub(in super::super) fn find(tx: &mut Tx<'_>, bucket: Bucket, id: &str) -> Result<Option<Invoice>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM invoices WHERE id = $1 AND bucket = $2");
    tx.first(&sql, vec![text(id), bucket_value(bucket)])?.map(|row| read(&row)).transpose()
}

/// Up to `most` invoices of a customer before the one created at `before` with that id, newest first.
pub(in super::super) fn page(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    before: Option<(Time, String)>,
    most: i64,
) -> Result<Vec<Invoice>, DbError> {
    let (rest, params) = page_of(customer, before, most);
    // Drafts can still change in every way: nothing is owed by them.
    let rest = rest.replacen("WHERE ", "WHERE status <> 'draft' AND ", 1);
    tx.query(&format!("SELECT {COLUMNS} FROM invoices {rest}"), params)?.iter().map(read).collect()
}

/// When the invoice `id` of `customer` was created.
pub(in super::super) fn created_at(tx: &mut Tx<'_>, customer: &CustomerId, id: &str) -> Result<Option<Time>, DbError> {
    let sql = "SELECT created_at FROM invoices WHERE id = $1 AND customer = $2 AND bucket = $3";
    let params = vec![text(id), text(customer.as_str()), bucket_value(customer.bucket())];
    tx.first(sql, params)?.map(|row| row.ts(0)).transpose()
}

/// The currency in which a customer was last billed as `payer`, Stripe's customer. Invoices of subscriptions come
/// first: one that stands for itself may be in any.
///
/// # Errors
/// What the database says.
pub fn billed_in(tx: &mut Tx<'_>, customer: &CustomerId, payer: &str) -> Result<Option<Currency>, DbError> {
    let sql = "SELECT currency FROM invoices WHERE customer = $1 AND bucket = $2 AND stripe_customer_id = $3 \
        ORDER BY CASE WHEN subscription IS NULL THEN 1 ELSE 0 END, created_at DESC, id DESC LIMIT 1";
    let params = vec![text(customer.as_str()), bucket_value(customer.bucket()), text(payer)];
    match tx.first(sql, params)? {
        Some(row) => Ok(Currency::new(row.text(0)?).ok()),
        None => Ok(None),
    }
}

/// A read of when the payment of the oldest unpaid invoice of a subscription first failed: of the one that fails first,
/// since an older one that was sent may be due later than a newer one. Those count first after which no other was paid:
/// with that the subscription went on, and what fails after it is new. Of these one that was given up counts only if none
/// is open, and of the rest it does not.
pub(super) fn load_first_failure(bucket: Bucket, subscription: &str) -> Load {
    let sql = "SELECT first_failed_at FROM (SELECT unpaid.*, EXISTS (SELECT 1 AS one FROM invoices later \
        WHERE later.subscription = unpaid.subscription AND later.bucket = unpaid.bucket AND later.status = 'paid' \
        AND later.created_at > unpaid.created_at) AS went_on FROM invoices unpaid WHERE subscription = $1 AND bucket = $2 \
        AND first_failed_at IS NOT NULL AND status IN ('open', 'uncollectible')) AS unpaid \
        WHERE status = 'open' OR NOT went_on \
        ORDER BY went_on, CASE status WHEN 'open' THEN 0 ELSE 1 END, first_failed_at, created_at, id LIMIT 1";
    Load::Query { sql: sql.into(), params: vec![text(subscription), bucket_value(bucket)] }
}

/// Writes an invoice.
pub(in super::super) fn put(tx: &mut Tx<'_>, mirror: &Mirror, invoice: &Invoice) {
    let sql = "INSERT INTO invoices (id, stripe_customer_id, subscription, number, status, amount_due, amount_paid, \
        currency, period_start, period_end, hosted_url, next_payment_attempt, paid_at, first_failed_at, created_at, \
        customer, bucket) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
        ON CONFLICT (id, bucket) DO UPDATE SET subscription = excluded.subscription, number = excluded.number, \
        status = excluded.status, amount_due = excluded.amount_due, amount_paid = excluded.amount_paid, \
        period_start = excluded.period_start, period_end = excluded.period_end, hosted_url = excluded.hosted_url, \
        next_payment_attempt = excluded.next_payment_attempt, paid_at = excluded.paid_at, \
        first_failed_at = excluded.first_failed_at, customer = excluded.customer";
    let params = vec![
        text(&invoice.id),
        text(&invoice.stripe_customer_id),
        opt_text(invoice.subscription.as_deref()),
        opt_text(invoice.number.as_deref()),
        text(&invoice.status),
        Value::I64(invoice.amount_due),
        Value::I64(invoice.amount_paid),
        text(&invoice.currency),
        Value::Ts(invoice.period_start),
        Value::Ts(invoice.period_end),
        opt_text(invoice.hosted_url.as_deref()),
        opt_ts(invoice.next_payment_attempt),
        opt_ts(invoice.paid_at),
        opt_ts(invoice.first_failed_at),
        Value::Ts(invoice.created_at),
        mirror.customer(),
        mirror.bucket(),
    ];
    tx.later(sql, params);
}

fn read(row: &Row) -> Result<Invoice, DbError> {
    let optional = |at: usize| row.opt_text(at).map(|text| text.map(str::to_owned));
    Ok(Invoice {
        id: row.text(0)?.to_owned(),
        stripe_customer_id: row.text(1)?.to_owned(),
        subscription: optional(2)?,
        number: optional(3)?,
        status: row.text(4)?.to_owned(),
        amount_due: row.i64(5)?,
        amount_paid: row.i64(6)?,
        currency: row.text(7)?.to_owned(),
        period_start: row.ts(8)?,
        period_end: row.ts(9)?,
        hosted_url: optional(10)?,
        next_payment_attempt: row.opt_ts(11)?,
        paid_at: row.opt_ts(12)?,
        first_failed_at: row.opt_ts(13)?,
        created_at: row.ts(14)?,
    })
}
