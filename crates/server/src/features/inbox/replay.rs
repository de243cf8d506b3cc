//! Looking at events, and having them acted on again: one by one, or those that are dead together.

use super::store::{self, COLUMNS, State, StoredEvent, stored, text};
use crate::{
    features::operators::audit,
    platform::{
        auth::Actor,
        db::{DbError, Row, Tx, Value},
        error::{Code, Error},
        ids::Random,
    },
};
use purser_rules::Time;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// The most events that are replayed together.
const MOST: usize = 1_000;

/// Which events are wanted; all that are given must hold.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// In this state.
    pub state: Option<State>,
    /// Of this kind, such as `invoice.paid`.
    pub kind: Option<String>,
    /// About the object with this id.
    pub object: Option<String>,
    /// That came at or after this instant.
    pub from: Option<Time>,
    /// That came before this instant.
    pub to: Option<Time>,
    /// That came before the event with this id.
    pub after: Option<String>,
}

/// What a replay of many did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Events that wait again.
    pub events: usize,
    /// Whether there are more that were wanted: ask again.
    pub more: bool,
}

/// Up to `most` events that pass `filter`, by when they came, the last first.
///
/// # Errors
/// `unknown_event` when there is none to go on after; what the database says.
pub fn list(tx: &mut Tx<'_>, filter: &EventFilter, most: i64) -> Result<Vec<StoredEvent>, Error> {
    let after = match &filter.after {
        Some(id) => {
            let row = tx.first("SELECT received_at FROM stripe_events WHERE id = $1", vec![text(id)])?;
            let at = row.ok_or_else(|| unknown(id).about("starting_after"))?.ts(0)?;
            Some((at, id.clone()))
        }
        None => None,
    };
    let mut sql = format!("SELECT {COLUMNS} FROM stripe_events WHERE {}", of_state(filter.state));
    let mut params = narrow(&mut sql, filter);
    if let Some((at, id)) = after {
        sql.push_str(&format!(" AND (received_at, id) < (${}, ${})", params.len() + 1, params.len() + 2));
        params.extend([Value::Ts(at), text(&id)]);
    }
    params.push(Value::I64(most));
    sql.push_str(&format!(" ORDER BY received_at DESC, id DESC LIMIT ${}", params.len()));
    Ok(tx.query(&sql, params)?.iter().map(stored).collect::<Result<_, DbError>>()?)
}

/// Adds the tests of `filter`, but for its state and its place, to `sql`; answers their parameters.
fn narrow(sql: &mut String, filter: &EventFilter) -> Vec<Value> {
    let wanted = [
        ("kind =", filter.kind.as_deref().map(text)),
        ("object_id =", filter.object.as_deref().map(text)),
        ("received_at >=", filter.from.map(Value::Ts)),
        ("received_at <", filter.to.map(Value::Ts)),
    ];
    let mut params = Vec::new();
    for (test, value) in wanted {
        let Some(value) = value else { continue };
        params.push(value);
        sql.push_str(&format!(" AND {test} ${}", params.len()));
    }
    params
}

/// The test of a state. Its number stands in the text: what waits and what is dead has an index of its own.
fn of_state(state: Option<State>) -> String {
    state.map_or_else(|| "state > 0".to_owned(), |state| format!("state = {}", state as i64))
}

/// One event, and its payload as it came, unless that is forgotten.
///
/// # Errors
/// `unknown_event`; what the database says.
pub fn find(tx: &mut Tx<'_>, id: &str) -> Result<(StoredEvent, Option<Vec<u8>>), Error> {
    let sql = format!("SELECT {COLUMNS}, payload FROM stripe_events WHERE id = $1");
    let row = tx.first(&sql, vec![text(id)])?.ok_or_else(|| unknown(id))?;
    Ok((stored(&row)?, row.opt_bytes(14)?.map(<[u8]>::to_vec)))
}

/// Has one event acted on again, whatever became of it; one that waits is not waited for any longer. Effects that are
/// there already do not come twice: those of an event are known by what they are about.
///
/// # Errors
/// `unknown_event`, `payload_forgotten`; `overloaded` when it was handed over to another subject just now; what the
/// database says.
pub fn replay(tx: &mut Tx<'_>, random: &Random, actor: &Actor, id: &str) -> Result<StoredEvent, Error> {
    let (before, payload) = find(tx, id)?;
    if payload.is_none() {
        let message = format!("What `{id}` said was forgotten after its time. Read the object at Stripe instead.");
        return Err(Error::new(Code::PayloadForgotten, message).about("id"));
    }
    let now = tx.now();
    // The subject first, as workers do: two that wait for each other would be undone by the database.
    store::enqueue(tx, std::iter::once((before.subject.as_str(), now)));
    tx.later(DUE_NOW, vec![Value::Ts(now), text(&before.subject)]);
    if again(tx, id, &before.subject)? == 0 {
        return Err(Error::new(Code::Overloaded, format!("`{id}` is being acted on just now. Send the same again.")));
    }
    let told = |event: &StoredEvent| json!({ "state": event.state.as_str(), "attempts": event.attempts });
    let (after, _) = find(tx, id)?;
    audit(tx, random, actor, "stripe_event.replayed", id, (Some(told(&before)), Some(told(&after))));
    Ok(after)
}

/// Has a subject that waits after a failure done at once.
const DUE_NOW: &str = "UPDATE stripe_inbox SET run_at = $1, waits = 0 WHERE subject = $2 AND lease = 0";

/// Lets an event of this subject, whose row is locked, wait again, its attempts anew. Answers how many that were: none
/// when it was handed over to another subject before that row was locked. Nobody might ever come to it there.
fn again(tx: &mut Tx<'_>, id: &str, subject: &str) -> Result<u64, DbError> {
    let sql = "UPDATE stripe_events SET state = 1, attempts = 0, done_at = NULL \
        WHERE id = $1 AND subject = $2 AND payload IS NOT NULL";
    tx.execute(sql, vec![text(id), text(subject)])
}

/// Has the dead events that pass `filter` acted on again (its state does not count), those that came first before
/// others, at most 1,000 at a time. One that was handed over to another subject meanwhile is left as it is.
///
/// # Errors
/// What the database says.
pub fn replay_many(tx: &mut Tx<'_>, random: &Random, actor: &Actor, filter: &EventFilter) -> Result<Replayed, DbError> {
    let mut found = dead(tx, filter)?;
    let more = found.len() > MOST;
    found.truncate(MOST);
    let events = all_again(tx, &found)?;
    if events > 0 {
        let time = |at: Option<Time>| at.map(|at| at.to_string());
        let which: Json = json!({
            "events": events,
            "kind": filter.kind,
            "object": filter.object,
            "from": time(filter.from),
            "to": time(filter.to),
        });
        audit(tx, random, actor, "stripe_events.replayed", "dead", (None, Some(which)));
    }
    Ok(Replayed { events, more })
}

/// The same of the dead events that failed with `code` for want of what is called `about`, which is a word of why they
/// did: it is there now. Answers how many.
///
/// # Errors
/// What the database says.
pub fn replay_wanting(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    code: Code,
    about: &str,
) -> Result<usize, DbError> {
    let sql = "SELECT id, subject, last_error FROM stripe_events WHERE state = 4 AND payload IS NOT NULL \
        AND last_error LIKE $1 ORDER BY received_at, id LIMIT $2";
    // In a pattern `_` is any character: whether it is that word is seen after that.
    let plain: String = about.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let (pattern, begins) = (format!("%{plain}%"), format!("{}: ", code.as_str()));
    let mut found = Vec::new();
    for row in tx.query(sql, vec![text(&pattern), Value::I64(i64::try_from(MOST).unwrap_or(i64::MAX))])? {
        let why = row.text(2)?;
        if why.starts_with(&begins) && why.split_whitespace().any(|word| word == about) {
            found.push((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
        }
    }
    let events = all_again(tx, &found)?;
    if events > 0 {
        let which = json!({ "events": events, "code": code.as_str(), "about": about });
        audit(tx, random, actor, "stripe_events.replayed", "dead", (None, Some(which)));
    }
    Ok(events)
}

/// Lets these events, by their ids and subjects, wait again. Answers how many that were.
fn all_again(tx: &mut Tx<'_>, found: &[(String, String)]) -> Result<usize, DbError> {
    if found.is_empty() {
        return Ok(0);
    }
    let now = tx.now();
    store::enqueue(tx, found.iter().map(|(_, subject)| (subject.as_str(), now)));
    for subject in found.iter().map(|(_, subject)| subject).collect::<BTreeSet<_>>() {
        tx.later(DUE_NOW, vec![Value::Ts(now), text(subject)]);
    }
    tx.flush()?;
    let mut events = 0;
    for (id, subject) in found {
        events += usize::try_from(again(tx, id, subject)?).unwrap_or(0);
    }
    Ok(events)
}

/// The ids and subjects of one more dead event than are replayed together.
fn dead(tx: &mut Tx<'_>, filter: &EventFilter) -> Result<Vec<(String, String)>, DbError> {
    let mut sql = "SELECT id, subject FROM stripe_events WHERE state = 4 AND payload IS NOT NULL".to_owned();
    let mut params = narrow(&mut sql, filter);
    params.push(Value::I64(i64::try_from(MOST + 1).unwrap_or(i64::MAX)));
    sql.push_str(&format!(" ORDER BY received_at, id LIMIT ${}", params.len()));
    let both = |row: &Row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
    tx.query(&sql, params)?.iter().map(both).collect()
}

/// What is said of an event nobody sent.
fn unknown(id: &str) -> Error {
    Error::new(Code::UnknownEvent, format!("No event of Stripe's with the id `{id}` was taken.")).about("id")
}
