//! The notifications table: a row for each thing a customer is told, kept apart by what it is about.

use super::{Kind, Severity};
use crate::{
    features::operators::audit,
    platform::{
        auth::Actor,
        db::{DbError, Row, Tx, Value},
        error::{Code, Error},
        ids::Random,
    },
};
use purser_rules::{
    Time,
    ids::{CustomerId, NotificationId},
};
use serde_json::{Value as Json, json};

/// Something to tell a customer.
#[derive(Clone, Debug)]
pub struct Notice<'a> {
    /// Whom.
    pub customer: &'a CustomerId,
    /// What of.
    pub kind: Kind,
    /// What it is about, so that it is told once: the same customer, kind and key are one notice. 1–512 characters,
    /// of the matter itself (an invoice and which try), never of the event that told of it.
    pub key: String,
    /// How much it matters.
    pub severity: Severity,
    /// An object with the fields of its kind.
    pub data: Json,
}

impl<'a> Notice<'a> {
    /// A notice that matters as much as its kind does.
    #[must_use]
    pub fn new(customer: &'a CustomerId, kind: Kind, key: impl Into<String>, data: Json) -> Self {
        Self { customer, kind, key: key.into(), severity: kind.severity(), data }
    }
}

/// A notice as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// Its id; later ones have greater ones, to the millisecond.
    pub id: NotificationId,
    /// Who is told.
    pub customer: CustomerId,
    /// What of: the name of a [`Kind`].
    pub kind: String,
    /// How much it matters: the name of a [`Severity`].
    pub severity: String,
    /// What goes with it.
    pub data: Json,
    /// When it was put down.
    pub created_at: Time,
    /// When it was read.
    pub read_at: Option<Time>,
}

const COLUMNS: &str = "id, customer, kind, severity, data, created_at, read_at";

/// Puts a notice down in the transaction of what it tells of, unless the customer was told. Answers whether it is new.
///
/// # Errors
/// What the database says.
pub fn enqueue(tx: &mut Tx<'_>, random: &Random, notice: &Notice<'_>) -> Result<bool, DbError> {
    let (now, bucket) = (tx.now(), notice.customer.bucket());
    let id = NotificationId::new(now, random.number(), bucket);
    let sql = "INSERT INTO notifications (id, bucket, customer, kind, dedupe_key, severity, data, created_at, read_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL) ON CONFLICT (customer, kind, dedupe_key, bucket) DO NOTHING";
    let params = vec![
        Value::Id(id.0),
        Value::I64(bucket.0.into()),
        Value::Text(notice.customer.as_str().to_owned()),
        Value::Text(notice.kind.as_str().to_owned()),
        Value::Text(notice.key.clone()),
        Value::Text(notice.severity.as_str().to_owned()),
        Value::Json(notice.data.to_string()),
        Value::Ts(now),
    ];
    tx.execute(sql, params).map(|rows| rows == 1)
}

/// Up to `most` notices of a customer before `after`, newest first; with `unread` only those that nobody read. A
/// customer nobody knows has none.
///
/// # Errors
/// What the database says.
pub fn list(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    unread: bool,
    after: Option<NotificationId>,
    most: i64,
) -> Result<Vec<Notification>, DbError> {
    let sql = page(unread);
    let params = vec![
        Value::Text(customer.as_str().to_owned()),
        Value::I64(customer.bucket().0.into()),
        Value::Id(after.map_or(u128::MAX, |id| id.0)),
        Value::I64(most),
    ];
    tx.query(&sql, params)?.iter().map(read).collect()
}

/// The statement of a page of notices. Those nobody read have an index of their own: a customer with ten thousand that
/// were read finds the two that were not at once.
fn page(unread: bool) -> String {
    let which = if unread { " AND read_at IS NULL" } else { "" };
    format!(
        "SELECT {COLUMNS} FROM notifications WHERE customer = $1 AND bucket = $2 AND id < $3{which} \
         ORDER BY id DESC LIMIT $4"
    )
}

/// Marks a notice read; the first time counts. Answers the notice.
///
/// # Errors
/// `unknown_notification`; what the database says.
pub fn mark_read(tx: &mut Tx<'_>, random: &Random, actor: &Actor, id: NotificationId) -> Result<Notification, Error> {
    let (now, keys) = (tx.now(), || vec![Value::Id(id.0), Value::I64(id.bucket().0.into())]);
    let sql = "UPDATE notifications SET read_at = $1 WHERE id = $2 AND bucket = $3 AND read_at IS NULL";
    let params = std::iter::once(Value::Ts(now)).chain(keys()).collect();
    let is_first = tx.execute(sql, params)? == 1;
    let row = tx.first(&format!("SELECT {COLUMNS} FROM notifications WHERE id = $1 AND bucket = $2"), keys())?;
    let Some(row) = row else {
        let message = format!("There is no notification {id}.");
        return Err(Error::new(Code::UnknownNotification, message).about("id"));
    };
    let notification = read(&row)?;
    if is_first {
        let both = (Some(json!({ "read": false })), Some(json!({ "read": true })));
        audit(tx, random, actor, "notification.read", &id.to_string(), both);
    }
    Ok(notification)
}

fn read(row: &Row) -> Result<Notification, DbError> {
    Ok(Notification {
        id: NotificationId(row.id(0)?),
        customer: CustomerId::new(row.text(1)?).map_err(|_| DbError::Bug("a notification's customer".to_owned()))?,
        kind: row.text(2)?.to_owned(),
        severity: row.text(3)?.to_owned(),
        data: serde_json::from_str(row.text(4)?)
            .map_err(|error| DbError::Bug(format!("the data of a notification: {error}")))?,
        created_at: row.ts(5)?,
        read_at: row.opt_ts(6)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Value, page};
    use crate::platform::db::scratch;

    #[tokio::test]
    async fn what_nobody_read_is_found_by_an_index_of_its_own() {
        let (db, _folder) = scratch::migrated().await;
        let params = vec![Value::Text("acme".into()), Value::I64(1), Value::Id(u128::MAX), Value::I64(10)];
        let plan = scratch::plan(&db, &page(true), params).await;
        assert!(plan.contains("INDEX notifications_unread (customer=? AND bucket=? AND id<?)"), "{plan}");
    }
}
