//! The audit trail: who did what, what stood before and after, and in which request.

use crate::platform::{
    auth::Actor,
    db::{DbError, Row, Tx, Value},
    ids::Random,
};
use purser_rules::{
    Time,
    credit::CauseKind,
    ids::{AuditId, Bucket},
};
use serde_json::Value as Json;

/// One line of the trail.
#[derive(Clone, Debug)]
pub struct AuditLine {
    /// Its id; later lines have greater ones.
    pub id: AuditId,
    /// When.
    pub at: Time,
    /// What kind of actor: `api`, `job`, `operator`, `stripe`.
    pub actor_kind: String,
    /// Which: a key's id, `bootstrap`, a job's name.
    pub actor_id: String,
    /// What was done, such as `customer.updated`.
    pub action: String,
    /// To what: a customer's, grant's or key's id.
    pub subject: String,
    /// What stood before, if anything.
    pub before: Option<Json>,
    /// What stood after, if anything.
    pub after: Option<Json>,
    /// The request that caused it.
    pub request_id: Option<String>,
}

/// Which lines are wanted; all that are given must hold.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Done by this actor.
    pub actor_id: Option<String>,
    /// This action.
    pub action: Option<String>,
    /// To this subject.
    pub subject: Option<String>,
    /// At or after this instant.
    pub from: Option<Time>,
    /// Before this instant.
    pub to: Option<Time>,
    /// Older than this line.
    pub after: Option<AuditId>,
}

/// Records in the transaction of the write that `actor` did `action` to `subject`. No secrets in `before` and `after`.
pub fn audit(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    action: &str,
    subject: &str,
    before_and_after: (Option<Json>, Option<Json>),
) {
    audit_as(tx, random.number(), actor, action, subject, before_and_after);
}

/// The same, in the line numbered `number`, which was drawn before.
pub fn audit_as(
    tx: &mut Tx<'_>,
    number: u128,
    actor: &Actor,
    action: &str,
    subject: &str,
    (before, after): (Option<Json>, Option<Json>),
) {
    let now = tx.now();
    let json = |value: Option<Json>| value.map_or(Value::Null, |value| Value::Json(value.to_string()));
    tx.later(
        "INSERT INTO audit (id, at, actor_kind, actor_id, action, subject, before, after, request_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        vec![
            Value::Id(AuditId::new(now, number, Bucket(0)).0),
            Value::Ts(now),
            Value::Text(kind_text(actor.kind).to_owned()),
            Value::Text(actor.id.clone()),
            Value::Text(action.to_owned()),
            Value::Text(subject.to_owned()),
            json(before),
            json(after),
            actor.request.map_or(Value::Null, |request| Value::Text(request.to_string())),
        ],
    );
}

/// The kind of an actor as it stands in the trail.
const fn kind_text(kind: CauseKind) -> &'static str {
    match kind {
        CauseKind::Api => "api",
        CauseKind::Stripe => "stripe",
        CauseKind::Job => "job",
        CauseKind::Operator => "operator",
    }
}

/// Up to `most` lines that pass `filter`, newest first.
///
/// # Errors
/// What the database says.
pub fn list(tx: &mut Tx<'_>, filter: &AuditFilter, most: i64) -> Result<Vec<AuditLine>, DbError> {
    let (sql, params) = statement(filter, most);
    tx.query(&sql, params)?.iter().map(line).collect()
}

/// What asks for up to `most` lines that pass `filter`. Each filter is looked up in an index that has the ids in order.
fn statement(filter: &AuditFilter, most: i64) -> (String, Vec<Value>) {
    let text = |value: &Option<String>| value.clone().map(Value::Text);
    // Lines are found by time through their ids, which have it in milliseconds. `at` says it to the microsecond.
    let from = filter.from.map(first_id);
    let to = filter.to.map(|to| first_id(Time::from_micros(to.micros().saturating_add(1_000))));
    // Of two bounds SQLite would look by one alone.
    let before = to.into_iter().chain(filter.after).min();
    let wanted = [
        ("actor_id =", text(&filter.actor_id)),
        ("action =", text(&filter.action)),
        ("subject =", text(&filter.subject)),
        ("at >=", filter.from.map(Value::Ts)),
        ("at <", filter.to.map(Value::Ts)),
        ("id >=", from.map(|id| Value::Id(id.0))),
        ("id <", before.map(|id| Value::Id(id.0))),
    ];
    let mut sql =
        "SELECT id, at, actor_kind, actor_id, action, subject, before, after, request_id FROM audit".to_owned();
    let mut params = Vec::new();
    for (test, value) in wanted {
        let Some(value) = value else { continue };
        params.push(value);
        let joined = if params.len() == 1 { " WHERE " } else { " AND " };
        sql.push_str(&format!("{joined}{test} ${}", params.len()));
    }
    params.push(Value::I64(most));
    sql.push_str(&format!(" ORDER BY id DESC LIMIT ${}", params.len()));
    (sql, params)
}

/// The least id that a line put down in the millisecond of `at` can have.
fn first_id(at: Time) -> AuditId {
    AuditId::new(at, 0, Bucket(0))
}

fn line(row: &Row) -> Result<AuditLine, DbError> {
    let json = |at: usize| -> Result<Option<Json>, DbError> {
        let Some(text) = row.opt_text(at)? else { return Ok(None) };
        serde_json::from_str(text).map(Some).map_err(|_| DbError::Bug("an audit line holds no JSON".to_owned()))
    };
    Ok(AuditLine {
        id: AuditId(row.id(0)?),
        at: row.ts(1)?,
        actor_kind: row.text(2)?.to_owned(),
        actor_id: row.text(3)?.to_owned(),
        action: row.text(4)?.to_owned(),
        subject: row.text(5)?.to_owned(),
        before: json(6)?,
        after: json(7)?,
        request_id: row.opt_text(8)?.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::scratch;

    /// PostgreSQL's plans are seen in `tests/it/audit.rs`.
    #[tokio::test]
    async fn each_filter_has_its_index_on_sqlite() {
        let (db, _folder) = scratch::migrated().await;
        let x = || Some("x".to_owned());
        let (from, to) = (Some(Time::from_micros(1)), Some(Time::from_micros(2)));
        let (none, after) = (AuditFilter::default(), Some(first_id(Time::from_micros(3))));
        for (filter, index) in [
            (AuditFilter { subject: x(), ..none.clone() }, "INDEX audit_by_subject (subject=?"),
            (AuditFilter { action: x(), ..none.clone() }, "INDEX audit_by_action (action=?"),
            (AuditFilter { actor_id: x(), ..none.clone() }, "INDEX audit_by_actor (actor_id=?"),
            (AuditFilter { subject: x(), from, to, ..none.clone() }, "audit_by_subject (subject=? AND id>? AND id<?"),
            (AuditFilter { action: x(), after, ..none.clone() }, "INDEX audit_by_action (action=? AND id<?"),
            (AuditFilter { from, to, after, ..none.clone() }, "PRIMARY KEY (id>? AND id<?"),
        ] {
            let (sql, params) = statement(&filter, 21);
            let plan = scratch::plan(&db, &sql, params).await;
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{index}: {plan}");
        }
    }
}
