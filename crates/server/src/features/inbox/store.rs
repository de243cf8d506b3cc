//! The tables of the inbox, and how events are read from them and put into them.

use super::subject::{about, sane};
use crate::platform::db::{Column, DbError, Row, Table, Tx, Type, Value};
use bytes::Bytes;
use purser_rules::Time;
use purser_stripe::webhook::Notification;

/// Every event that was taken.
pub(super) static EVENTS: Table = Table {
    name: "stripe_events",
    key: &[("id", Type::Text)],
    columns: &[
        ("kind", Type::Text),
        ("thin", Type::Bool),
        ("object_kind", Type::Text),
        ("object_id", Type::Text),
        ("subject", Type::Text),
        ("livemode", Type::Bool),
        ("api_version", Type::Text),
        ("created_at", Type::Ts),
        ("received_at", Type::Ts),
        ("payload", Type::Bytes),
        ("state", Type::I64),
        ("attempts", Type::I64),
        ("last_error", Type::Text),
        ("done_at", Type::Ts),
    ],
};

/// The subjects that have events waiting.
pub(super) static INBOX: Table = Table {
    name: "stripe_inbox",
    key: &[("subject", Type::Text)],
    columns: &[("run_at", Type::Ts), ("lease", Type::I64), ("waits", Type::I64), ("losses", Type::I64)],
};

/// A subject as it is claimed.
pub(super) const CLAIMED: &[Column] =
    &[("subject", Type::Text), ("run_at", Type::Ts), ("lease", Type::I64), ("losses", Type::I64)];
/// What a claim writes.
pub(super) const LEASED: &[Column] = &[("run_at", Type::Ts), ("lease", Type::I64), ("losses", Type::I64)];

/// Where an event stands; as stored. Statements name the numbers themselves, since indexes are of one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub enum State {
    /// To be acted on.
    Waiting = 1,
    /// Acted on.
    Done = 2,
    /// Nothing acts on its kind.
    Ignored = 3,
    /// Tried too often: a person must look.
    Dead = 4,
}

impl State {
    /// As it stands in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Ignored => "ignored",
            Self::Dead => "dead",
        }
    }

    /// The state stored as `number`.
    pub(super) fn stored(number: i64) -> Result<Self, DbError> {
        let all = [Self::Waiting, Self::Done, Self::Ignored, Self::Dead];
        let found = all.into_iter().find(|state| *state as i64 == number);
        found.ok_or_else(|| DbError::Bug(format!("an event has the unknown state {number}")))
    }
}

/// An event that came, ready to be stored.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) thin: bool,
    pub(super) object_kind: Option<String>,
    pub(super) object_id: Option<String>,
    pub(super) subject: String,
    pub(super) livemode: bool,
    pub(super) api_version: Option<String>,
    pub(super) created_at: Time,
    pub(super) received_at: Time,
    pub(super) payload: Bytes,
}

impl Arrival {
    /// What came as `notification`, whose bytes are `payload`, at `now`; none when its id or its kind is none.
    pub(super) fn of(notification: &Notification, payload: Bytes, now: Time) -> Option<Self> {
        let (thin, livemode, api_version, created_at) = match notification {
            Notification::Snapshot(event) => {
                let version = event.api_version.as_deref().and_then(|version| sane(version, 64));
                (false, event.livemode, version, Time::from_micros(0).plus_seconds(event.created))
            }
            Notification::Thin(event) => (true, event.livemode, None, Time::parse(&event.created).unwrap_or(now)),
        };
        let about = about(notification);
        Some(Self {
            id: sane(notification.id(), 255)?,
            kind: sane(notification.kind(), 255)?,
            thin,
            object_kind: about.object_kind,
            object_id: about.object_id,
            subject: about.subject,
            livemode,
            api_version,
            created_at,
            received_at: now,
            payload,
        })
    }

    /// Its row as it is kept in `state`: waiting, or ignored for good.
    fn row(&self, state: State) -> Vec<Value> {
        let optional = |value: &Option<String>| value.as_deref().map_or(Value::Null, text);
        vec![
            text(&self.id),
            text(&self.kind),
            Value::Bool(self.thin),
            optional(&self.object_kind),
            optional(&self.object_id),
            text(&self.subject),
            Value::Bool(self.livemode),
            optional(&self.api_version),
            Value::Ts(self.created_at),
            Value::Ts(self.received_at),
            Value::Bytes(self.payload.to_vec()),
            Value::I64(state as i64),
            Value::I64(0),
            Value::Null,
            if state == State::Waiting { Value::Null } else { Value::Ts(self.received_at) },
        ]
    }
}

/// Keeps `arrivals`, whose ids differ, each in its state, and puts the subjects of those that wait into the queue.
pub(super) fn insert(tx: &mut Tx<'_>, mut arrivals: Vec<(&Arrival, State)>) {
    let waiting = arrivals.iter().filter(|(_, state)| *state == State::Waiting);
    let waiting: Vec<_> = waiting.map(|(arrival, _)| (arrival.subject.as_str(), arrival.received_at)).collect();
    // In the order of their keys: two nodes that are sent the same events never wait for each other.
    arrivals.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
    tx.insert_missing_later(&EVENTS, arrivals.iter().map(|(arrival, state)| arrival.row(*state)).collect());
    enqueue(tx, waiting.into_iter());
}

/// Puts `subjects` into the queue, each to be done at its instant. One that is there already stays as it is, so that one
/// that waits after a failure goes on waiting.
///
/// Its row is locked all the same, and this is why no event is ever left behind: who takes a subject out of the queue
/// locks its row first and looks for waiting events after that (see `queue::close` and `queue::give_back`). If that transaction came
/// first, this one waits for it and then puts the row in again; if this one came first, that one waits, and sees the
/// event. Doing nothing to the row instead would let both pass each other on PostgreSQL.
pub(super) fn enqueue<'a>(tx: &mut Tx<'_>, subjects: impl Iterator<Item = (&'a str, Time)>) {
    let row =
        |(subject, at): (&str, Time)| vec![text(subject), Value::Ts(at), Value::I64(0), Value::I64(0), Value::I64(0)];
    tx.insert_or_lock_later(&INBOX, subjects.map(row).collect());
}

/// An event as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// `evt_…`
    pub id: String,
    /// What happened, such as `invoice.paid`.
    pub kind: String,
    /// Whether it names its object only.
    pub thin: bool,
    /// What the object is, such as `invoice`.
    pub object_kind: Option<String>,
    /// The object's id.
    pub object_id: Option<String>,
    /// What it is done together with, one at a time.
    pub subject: String,
    /// Whether it is of live mode.
    pub livemode: bool,
    /// The version its object is written in.
    pub api_version: Option<String>,
    /// When it happened, to the second.
    pub created_at: Time,
    /// When it came.
    pub received_at: Time,
    /// Where it stands.
    pub state: State,
    /// How often it was tried.
    pub attempts: i64,
    /// Why the last try failed, if it did.
    pub last_error: Option<String>,
    /// When it was done, ignored or set aside.
    pub done_at: Option<Time>,
}

/// The columns of a [`StoredEvent`].
pub(super) const COLUMNS: &str = "id, kind, thin, object_kind, object_id, subject, livemode, api_version, created_at, \
    received_at, state, attempts, last_error, done_at";

/// An event from a row of [`COLUMNS`].
pub(super) fn stored(row: &Row) -> Result<StoredEvent, DbError> {
    let optional = |at: usize| row.opt_text(at).map(|text| text.map(str::to_owned));
    Ok(StoredEvent {
        id: row.text(0)?.to_owned(),
        kind: row.text(1)?.to_owned(),
        thin: row.bool(2)?,
        object_kind: optional(3)?,
        object_id: optional(4)?,
        subject: row.text(5)?.to_owned(),
        livemode: row.bool(6)?,
        api_version: optional(7)?,
        created_at: row.ts(8)?,
        received_at: row.ts(9)?,
        state: State::stored(row.i64(10)?)?,
        attempts: row.i64(11)?,
        last_error: optional(12)?,
        done_at: row.opt_ts(13)?,
    })
}

/// `value` as a parameter.
pub(super) fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}
