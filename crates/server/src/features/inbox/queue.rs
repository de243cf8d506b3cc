//! The queue of subjects: taken by lease, done an event at a time, given back; what an event did and that it is done are
//! one transaction.
//!
//! Every write of a subject names its lease and locks its row first. Who lost the lease (it ran out, and another
//! took the subject) changes no row by that, and the whole transaction fails.

use super::{
    store::{CLAIMED, INBOX, LEASED, State, enqueue, text},
    subject,
};
use crate::platform::{
    db::{DbError, Load, Row, Tx, Value},
    ids::Random,
    queue,
};
use bytes::Bytes;
use purser_rules::Time;
use purser_stripe::{
    BadShape,
    webhook::{self, Notification},
};

/// How long a subject may be worked on, unless that is renewed, before another may take it, in seconds.
pub(super) const LEASE: i64 = 60;
/// How often an event is tried before it is set aside.
pub const MOST_ATTEMPTS: i64 = 12;
/// How many workers may go down over a subject in a row before its first event is set aside.
pub(super) const MOST_LOSSES: i64 = 12;
/// The longest wait for Stripe, or the network, to come back, in seconds.
const LONGEST_POSTPONED: i64 = 60;
/// The most of why an event failed that is kept, in characters.
const LONGEST_WHY: usize = 500;

/// A subject somebody took.
#[derive(Clone, Debug)]
pub(super) struct Claimed {
    /// Which.
    pub subject: String,
    /// What must still stand in its row.
    pub lease: i64,
    /// How many workers in a row took it and did not come back.
    pub losses: i64,
    /// Its first event; none when nothing of it waits.
    pub first: Option<Delivery>,
}

/// An event to be acted on, under a lease.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// `evt_…`
    pub id: String,
    /// What happened, such as `invoice.paid`.
    pub kind: String,
    /// Whether it names its object only, and the rest is fetched.
    pub thin: bool,
    /// What the object is, such as `invoice`.
    pub object_kind: Option<String>,
    /// The object's id; `invoice.upcoming` has none.
    pub object_id: Option<String>,
    /// Whether it is of live mode.
    pub livemode: bool,
    /// When it happened, to the second.
    pub created_at: Time,
    /// How often it was tried before and failed.
    pub attempts: i64,
    /// The body, byte for byte as it came; empty once it is forgotten.
    pub payload: Bytes,
    subject: String,
    lease: i64,
}

impl Delivery {
    /// The event, read.
    ///
    /// # Errors
    /// [`BadShape`] when its payload was forgotten.
    pub fn notification(&self) -> Result<Notification, BadShape> {
        webhook::read(&self.payload)
    }

    /// The id of the object of this kind whose events it is done among, one at a time; none when it is among others.
    #[must_use]
    pub fn among(&self, kind: &str) -> Option<&str> {
        self.subject.strip_prefix(kind)?.strip_prefix(':')
    }

    /// Whether it tells of a connected account: what that has is not ours, whatever it says.
    pub(super) fn is_of_another_account(&self) -> bool {
        matches!(self.notification(), Ok(Notification::Snapshot(event)) if event.account.is_some())
    }
}

/// What says that an event was marked done in the transaction of its effects: only [`done`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marked(Left);

impl Marked {
    /// What is left of its subject.
    pub(super) const fn left(self) -> Left {
        self.0
    }
}

/// What is left of a subject once one of its events is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Others wait, and the lease goes on.
    Some,
    /// None waits: the subject left the queue, and the lease with it.
    Nothing,
}

/// What says that an event waits in another subject now: only [`hand_over`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved(());

/// Up to `most` subjects that are due, the longest first.
///
/// # Errors
/// What the database says.
pub(super) fn due(tx: &mut Tx<'_>, most: i64) -> Result<Vec<String>, DbError> {
    let sql = "SELECT subject FROM stripe_inbox WHERE run_at <= $1 ORDER BY run_at, subject LIMIT $2";
    let rows = tx.query(sql, vec![Value::Ts(tx.now()), Value::I64(most)])?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

/// Takes those of `subjects` that are due still, each with its first event. The lease begins; commit before working.
///
/// # Errors
/// What the database says.
pub(super) fn claim(tx: &mut Tx<'_>, random: &Random, subjects: &[String]) -> Result<Vec<Claimed>, DbError> {
    let keys = subjects.iter().map(|subject| vec![text(subject)]).collect();
    let load = Load::Many { table: &INBOX, by: INBOX.key, columns: CLAIMED, keys, lock: true };
    let rows = tx.load(vec![load])?.pop().unwrap_or_default();
    let now = tx.now();
    // Drawn, not counted: a subject that went and came back must not give an old lease its number again.
    let lease = i64::try_from(random.number() >> 65).unwrap_or(0) | 1;
    let mut claimed = Vec::new();
    for row in &rows {
        // Another took it before its row was locked.
        if row.ts(1)? > now {
            continue;
        }
        // A lease that nobody gave back.
        let lost = i64::from(row.i64(2)? != 0);
        claimed.push(Claimed { subject: row.text(0)?.to_owned(), lease, losses: row.i64(3)? + lost, first: None });
    }
    let firsts = tx.load(claimed.iter().map(|it| waiting(&it.subject)).collect())?;
    for (it, rows) in claimed.iter_mut().zip(firsts) {
        it.first = rows.first().map(|row| delivery(row, &it.subject, lease)).transpose()?;
    }
    let until = now.plus_seconds(LEASE);
    let leased = |it: &Claimed| vec![text(&it.subject), Value::Ts(until), Value::I64(lease), Value::I64(it.losses)];
    tx.update_later(&INBOX, LEASED, claimed.iter().map(leased).collect());
    Ok(claimed)
}

/// The next waiting event of a subject: the earliest by when it happened, then by when it came. Asked for one at a
/// time, so that one that comes late and happened before is not passed over.
///
/// # Errors
/// What the database says.
pub(super) fn next(tx: &mut Tx<'_>, subject: &str, lease: i64) -> Result<Option<Delivery>, DbError> {
    let rows = tx.load(vec![waiting(subject)])?.pop().unwrap_or_default();
    rows.first().map(|row| delivery(row, subject, lease)).transpose()
}

/// Asks for the next waiting event of a subject.
fn waiting(subject: &str) -> Load {
    let sql = "SELECT id, kind, thin, object_kind, object_id, livemode, created_at, attempts, payload \
        FROM stripe_events WHERE subject = $1 AND state = 1 ORDER BY created_at, received_at, id LIMIT 1";
    Load::Query { sql: sql.into(), params: vec![text(subject)] }
}

/// An event as [`waiting`] answers it.
fn delivery(row: &Row, subject: &str, lease: i64) -> Result<Delivery, DbError> {
    let optional = |at: usize| row.opt_text(at).map(|text| text.map(str::to_owned));
    Ok(Delivery {
        id: row.text(0)?.to_owned(),
        kind: row.text(1)?.to_owned(),
        thin: row.bool(2)?,
        object_kind: optional(3)?,
        object_id: optional(4)?,
        livemode: row.bool(5)?,
        created_at: row.ts(6)?,
        attempts: row.i64(7)?,
        payload: Bytes::copy_from_slice(row.opt_bytes(8)?.unwrap_or_default()),
        subject: subject.to_owned(),
        lease,
    })
}

/// Marks the event done. Call it last in the transaction of its effects, and answer what it gives: the effects stay if
/// and only if the event is done. Where nothing else of its subject waits, that leaves the queue with it.
///
/// # Errors
/// [`DbError::Conflict`] when the lease was lost or the event is not waiting any more; then no effect stays either.
pub fn done(tx: &mut Tx<'_>, delivery: &Delivery) -> Result<Marked, DbError> {
    close(tx, delivery, State::Done, None).map(Marked)
}

/// Lets the event wait among those of the object `id` of this kind, since it turned out to belong to it: a thin event
/// does not say so, and its subject is only what it names. Nothing else is done with it in that transaction.
///
/// # Errors
/// As [`done`].
pub fn hand_over(tx: &mut Tx<'_>, delivery: &Delivery, (kind, id): (&str, &str)) -> Result<Moved, DbError> {
    let (subject, now) = (subject::named(kind, id), tx.now());
    // That subject's row is locked before the event is there, as for one that arrives; and our own with it, in the
    // order of their keys as everywhere: two that wait for each other would be undone by the database. If our own was
    // not there any more the lease is lost, and nothing of this stays.
    enqueue(tx, [delivery.subject.as_str(), subject.as_str()].into_iter().map(|key| (key, now)));
    let moved = "UPDATE stripe_events SET subject = $1 WHERE id = $2 AND state = 1 RETURNING id";
    let moved = Load::Query { sql: moved.into(), params: vec![text(&subject), text(&delivery.id)] };
    fenced(&tx.load(vec![renewal(now, delivery), moved])?)?;
    Ok(Moved(()))
}

/// Marks an event ignored: kept, and not acted on.
///
/// # Errors
/// As [`done`].
pub(super) fn ignore(tx: &mut Tx<'_>, delivery: &Delivery) -> Result<Left, DbError> {
    close(tx, delivery, State::Ignored, None)
}

/// Moves an event on to `state`, and takes its subject out of the queue if no other of it waits: one round trip. An
/// event that waited beyond its time loses its payload: those that forget payloads have gone by it already.
///
/// The statements go one after the other, so that the row is locked before events are looked for, as in [`give_back`].
fn close(tx: &mut Tx<'_>, delivery: &Delivery, state: State, why: Option<&str>) -> Result<Left, DbError> {
    let closed = "UPDATE stripe_events SET state = $1, done_at = $2, attempts = attempts + 1, last_error = $3, \
        payload = CASE WHEN received_at <= (SELECT at FROM stripe_cursors WHERE name = 'forget-payloads') THEN NULL \
        ELSE payload END WHERE id = $4 AND state = 1 RETURNING id";
    let why = why.map_or(Value::Null, |why| text(&shortened(why)));
    let params = vec![Value::I64(state as i64), Value::Ts(tx.now()), why, text(&delivery.id)];
    let mut answers = tx.load(vec![
        renewal(tx.now(), delivery),
        Load::Query { sql: closed.into(), params },
        Load::Query { sql: ANOTHER.into(), params: vec![text(&delivery.subject)] },
    ])?;
    let another = answers.pop().unwrap_or_default();
    fenced(&answers)?;
    if another.is_empty() {
        tx.later(LEAVES, vec![text(&delivery.subject)]);
        return Ok(Left::Nothing);
    }
    Ok(Left::Some)
}

/// Whether an event of a subject waits.
const ANOTHER: &str = "SELECT 1 FROM stripe_events WHERE subject = $1 AND state = 1 LIMIT 1";
/// Takes a subject out of the queue.
const LEAVES: &str = "DELETE FROM stripe_inbox WHERE subject = $1";

/// Keeps the lease of the event's subject while the event is acted on. That says nothing of how it ends: lost workers
/// and waits are counted on.
///
/// # Errors
/// [`DbError::Conflict`] when the lease was lost.
pub(super) fn keep(tx: &mut Tx<'_>, delivery: &Delivery) -> Result<(), DbError> {
    let until = tx.now().plus_seconds(LEASE);
    let sql = "UPDATE stripe_inbox SET run_at = $1 WHERE subject = $2 AND lease = $3";
    let params = vec![Value::Ts(until), text(&delivery.subject), Value::I64(delivery.lease)];
    one_row(tx.execute(sql, params)?)
}

/// Begins the lease of the event's subject anew, and answers its row unless the lease was lost; what went wrong with
/// the subject before is over.
fn renewal(now: Time, delivery: &Delivery) -> Load {
    let sql = "UPDATE stripe_inbox SET run_at = $1, waits = 0, losses = 0 WHERE subject = $2 AND lease = $3 \
        RETURNING subject";
    let until = Value::Ts(now.plus_seconds(LEASE));
    Load::Query { sql: sql.into(), params: vec![until, text(&delivery.subject), Value::I64(delivery.lease)] }
}

/// Puts an event down as failed: its subject waits, longer each time and with jitter. After [`MOST_ATTEMPTS`] the event
/// is set aside, and the next events of the subject go on; then it answers what is left of them.
///
/// # Errors
/// [`DbError::Conflict`] when the lease was lost.
pub(super) fn fail(tx: &mut Tx<'_>, random: &Random, delivery: &Delivery, why: &str) -> Result<Option<Left>, DbError> {
    let attempts = delivery.attempts + 1;
    if attempts >= MOST_ATTEMPTS {
        return bury(tx, delivery, why).map(Some);
    }
    release(tx, delivery, queue::wait(attempts, random.number()), 0)?;
    let sql = "UPDATE stripe_events SET attempts = $1, last_error = $2 WHERE id = $3 AND state = 1";
    tx.execute(sql, vec![Value::I64(attempts), text(&shortened(why)), text(&delivery.id)])?;
    Ok(None)
}

/// Sets an event aside, for a person to look at.
///
/// # Errors
/// As [`done`].
pub(super) fn bury(tx: &mut Tx<'_>, delivery: &Delivery, why: &str) -> Result<Left, DbError> {
    close(tx, delivery, State::Dead, Some(why))
}

/// Lets an event's subject wait for what is out of order (Stripe, the network, the database) without using up an attempt:
/// however long that lasts, no event dies of it.
///
/// # Errors
/// [`DbError::Conflict`] when the lease was lost.
pub(super) fn postpone(tx: &mut Tx<'_>, random: &Random, delivery: &Delivery, why: &str) -> Result<(), DbError> {
    let sql = "SELECT waits FROM stripe_inbox WHERE subject = $1 AND lease = $2";
    let row = tx.first(sql, vec![text(&delivery.subject), Value::I64(delivery.lease)])?;
    let waits = row.map_or(Ok(0), |row| row.i64(0))?.saturating_add(1);
    // The sixth wait is the longest: half of its length is by chance still.
    let seconds = queue::wait(waits.min(6), random.number()).min(LONGEST_POSTPONED);
    release(tx, delivery, seconds, waits)?;
    let sql = "UPDATE stripe_events SET last_error = $1 WHERE id = $2 AND state = 1";
    tx.execute(sql, vec![text(&shortened(why)), text(&delivery.id)]).map(drop)
}

/// Gives the lease back, and lets the subject wait.
fn release(tx: &mut Tx<'_>, delivery: &Delivery, seconds: i64, waits: i64) -> Result<(), DbError> {
    let at = tx.now().plus_seconds(seconds);
    let sql =
        "UPDATE stripe_inbox SET run_at = $1, lease = 0, waits = $2, losses = 0 WHERE subject = $3 AND lease = $4";
    let params = vec![Value::Ts(at), Value::I64(waits), text(&delivery.subject), Value::I64(delivery.lease)];
    one_row(tx.execute(sql, params)?)
}

/// Gives a subject back: to be taken again at once if events wait still, else out of the queue. Answers which.
///
/// The row is locked before events are looked for, so that none that arrives meanwhile is left behind: see
/// [`super::store::enqueue`].
///
/// # Errors
/// [`DbError::Conflict`] when the lease was lost.
pub(super) fn give_back(tx: &mut Tx<'_>, claimed: &Claimed) -> Result<bool, DbError> {
    let now = tx.now();
    let sql = "UPDATE stripe_inbox SET run_at = $1, lease = 0 WHERE subject = $2 AND lease = $3";
    one_row(tx.execute(sql, vec![Value::Ts(now), text(&claimed.subject), Value::I64(claimed.lease)])?)?;
    let more = tx.first(ANOTHER, vec![text(&claimed.subject)])?.is_some();
    if !more {
        tx.later(LEAVES, vec![text(&claimed.subject)]);
    }
    Ok(more)
}

/// A row of each statement, or somebody else has the subject.
fn fenced(answers: &[Vec<Row>]) -> Result<(), DbError> {
    answers.iter().try_for_each(|rows| one_row(rows.len() as u64))
}

/// One row, or somebody else has the subject.
fn one_row(rows: u64) -> Result<(), DbError> {
    if rows == 1 {
        return Ok(());
    }
    Err(DbError::Conflict("the lease of the event's subject was lost, or the event waits no longer".to_owned()))
}

/// Why an event failed, as it is kept.
fn shortened(why: &str) -> String {
    why.chars().filter(|c| *c != '\0').take(LONGEST_WHY).collect()
}

#[cfg(test)]
mod tests {
    use super::{DbError, Delivery, Left, Random, State, Tx, claim, done, due, keep, text};
    use crate::{
        features::inbox::store::{self, Arrival},
        platform::db::scratch,
    };
    use bytes::Bytes;
    use purser_stripe::webhook;

    const EVENT: &str = r#"{"id": "evt_1", "object": "event", "api_version": null, "created": 1795230000,
        "type": "customer.created", "data": {"object": {"id": "cus_1", "object": "customer"}}, "livemode": false,
        "request": null}"#;

    /// Puts the event down, whose subject took five workers down before, and takes it.
    fn begun(tx: &mut Tx<'_>) -> Result<Delivery, DbError> {
        let bug = |why: &str| DbError::Bug(why.to_owned());
        let read = webhook::read(EVENT.as_bytes()).map_err(|shape| bug(&shape.to_string()))?;
        let now = tx.now();
        let arrival = Arrival::of(&read, Bytes::from_static(EVENT.as_bytes()), now).ok_or_else(|| bug("no event"))?;
        store::insert(tx, vec![(&arrival, State::Waiting)]);
        tx.flush()?;
        tx.execute("UPDATE stripe_inbox SET losses = 5", vec![])?;
        let due = due(tx, 8)?;
        let claimed = claim(tx, &Random::seeded(1), &due)?.pop().ok_or_else(|| bug("not taken"))?;
        assert_eq!((claimed.subject, claimed.losses), (arrival.subject, 5));
        claimed.first.ok_or_else(|| bug("no delivery"))
    }

    fn losses(tx: &mut Tx<'_>) -> Result<Option<i64>, DbError> {
        let row = tx.first("SELECT losses FROM stripe_inbox WHERE subject = $1", vec![text("customer:cus_1")])?;
        row.map(|row| row.i64(0)).transpose()
    }

    #[tokio::test]
    async fn a_lease_that_is_kept_says_nothing_of_lost_workers_and_an_event_that_is_done_does() {
        let (db, _folder) = scratch::migrated().await;
        let counted = db.write(|tx| {
            let delivery = begun(tx)?;
            keep(tx, &delivery)?;
            let kept = losses(tx)?;
            let left = done(tx, &delivery)?.left();
            Ok::<_, DbError>((kept, left, losses(tx)?))
        });
        assert_eq!(counted.await, Ok((Some(5), Left::Nothing, None)));
    }
}
