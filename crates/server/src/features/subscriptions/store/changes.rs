//! The log of how subscriptions changed, as it is read.

use super::{bucket_value, text};
use crate::platform::db::{DbError, Row, Tx, Value};
use purser_rules::{
    Time,
    ids::{CustomerId, PlanId},
};
use serde_json::Value as Json;

/// A change of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `sub_…`
    pub subscription: String,
    /// The how manieth writing of it: later ones have greater numbers.
    pub revision: i64,
    /// How it stood; `None` when it was new.
    pub before: Option<Json>,
    /// How it stood then.
    pub after: Json,
    /// What told of it: an event, a job, a checkout session, or a change that was asked for.
    pub cause: String,
    /// When it was put down.
    pub at: Time,
}

/// Up to `most` changes of a customer's subscriptions, newest first: of the one named if `of` names one, and behind
/// the one put down at `before`, of that subscription and with that number.
pub(in super::super) fn page(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    of: Option<&str>,
    before: Option<(Time, &str, i64)>,
    most: i64,
) -> Result<Vec<Change>, DbError> {
    let mut sql = "SELECT subscription, revision, before, after, cause, at FROM subscription_changes \
        WHERE customer = $1 AND bucket = $2"
        .to_owned();
    let mut params = vec![text(customer.as_str()), bucket_value(customer.bucket())];
    if let Some(of) = of {
        params.push(text(of));
        sql.push_str(&format!(" AND subscription = ${}", params.len()));
    }
    if let Some((at, subscription, revision)) = before {
        let next = params.len() + 1;
        sql.push_str(&format!(
            " AND (at < ${next} OR (at = ${} AND (subscription < ${} OR (subscription = ${} AND revision < ${}))))",
            next + 1,
            next + 2,
            next + 3,
            next + 4
        ));
        let (one, other) = (text(subscription), text(subscription));
        params.extend([Value::Ts(at), Value::Ts(at), one, other, Value::I64(revision)]);
    }
    params.push(Value::I64(most));
    sql.push_str(&format!(" ORDER BY at DESC, subscription DESC, revision DESC LIMIT ${}", params.len()));
    tx.query(&sql, params)?.iter().map(read).collect()
}

/// When the change of this number was put down, if it is one of a customer's.
pub(in super::super) fn put_down_at(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    (subscription, revision): (&str, i64),
) -> Result<Option<Time>, DbError> {
    let sql = "SELECT at FROM subscription_changes WHERE subscription = $1 AND revision = $2 AND bucket = $3 \
        AND customer = $4";
    let params =
        vec![text(subscription), Value::I64(revision), bucket_value(customer.bucket()), text(customer.as_str())];
    tx.first(sql, params)?.map(|row| row.ts(0)).transpose()
}

/// Whether a subscription of a customer ever stood with one of `plans`, as its base or by an item. The log remembers what
/// the rows of subscriptions do not: plans that were changed for others.
pub(in super::super) fn ever_had(tx: &mut Tx<'_>, customer: &CustomerId, plans: &[PlanId]) -> Result<bool, DbError> {
    let mut params = vec![text(customer.as_str()), bucket_value(customer.bucket())];
    let mut holds = Vec::with_capacity(plans.len());
    for plan in plans {
        // Both databases tell an id as a JSON text in quotes, whatever else they make of the document.
        params.push(Value::Text(format!("%\"{plan}\"%")));
        holds.push(format!("CAST(after AS TEXT) LIKE ${}", params.len()));
    }
    if holds.is_empty() {
        return Ok(false);
    }
    // In one statement, so that the log is read once, however many versions a plan has.
    let sql = format!(
        "SELECT 1 AS one FROM subscription_changes WHERE customer = $1 AND bucket = $2 AND ({}) LIMIT 1",
        holds.join(" OR ")
    );
    Ok(tx.first(&sql, params)?.is_some())
}

fn read(row: &Row) -> Result<Change, DbError> {
    let json = |text: &str| {
        serde_json::from_str(text).map_err(|_| DbError::Bug("a change of a subscription holds no JSON".to_owned()))
    };
    Ok(Change {
        subscription: row.text(0)?.to_owned(),
        revision: row.i64(1)?,
        before: row.opt_text(2)?.map(json).transpose()?,
        after: json(row.text(3)?)?,
        cause: row.text(4)?.to_owned(),
        at: row.ts(5)?,
    })
}
