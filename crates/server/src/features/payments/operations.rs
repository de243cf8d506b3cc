//! Writes at Stripe that must happen once: the exact request and its key stand in a row before it is sent (rules 3.6).
//!
//! Callers that race send the same request with the same key, and get the same answer. A write that got none is sent
//! again as it stands, for 23 hours; later it is indeterminate, and what it may have made is looked for.

use super::{bucket, claims, opt_text, seconds, text};
use crate::platform::{
    App,
    db::{DbError, Row, Tx, Value},
    error::Error,
    ids::Random,
};
use purser_rules::{Time, ids::CustomerId};
use purser_stripe::{Call, Client, Error as StripeError, Key, Request};
use serde::de::DeserializeOwned;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A customer is made, for the customer that is the subject.
    Customer,
    /// A session is opened, for the checkout that is the subject.
    Session,
    /// A subscription is charged to another payment method; both are the subject.
    Charged,
    /// A pack is paid for, by the attempt that is the subject.
    AutoTopUp,
    /// A subscription is changed, for the request that is the subject.
    SubscriptionUpdate,
    /// A subscription is ended at once, for that request.
    SubscriptionCancel,
    /// A subscription is put under a schedule, for that request.
    ScheduleCreate,
    /// A schedule is given its phases, for that request.
    ScheduleUpdate,
    /// A subscription is freed of its schedule, for that request.
    ScheduleRelease,
    /// A draft is collected by Stripe from now on: the invoice that is the subject.
    InvoiceAdvance,
}

impl Kind {
    /// As stored.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Session => "checkout_session",
            Self::Charged => "subscription_charged",
            Self::AutoTopUp => "auto_top_up",
            Self::SubscriptionUpdate => "subscription_update",
            Self::SubscriptionCancel => "subscription_cancel",
            Self::ScheduleCreate => "schedule_create",
            Self::ScheduleUpdate => "schedule_update",
            Self::ScheduleRelease => "schedule_release",
            Self::InvoiceAdvance => "invoice_advance",
        }
    }
}

/// Where a write stands; as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub(super) enum State {
    /// It may have been sent.
    Sent = 1,
    /// It was answered.
    Answered = 2,
    /// It was not answered in time: whether it was done is not known.
    Indeterminate = 3,
    /// Stripe refused it: it was not done.
    Refused = 4,
}

/// A write at Stripe.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    kind: Kind,
    subject: String,
    customer: CustomerId,
    key: String,
    request: Request,
    /// When it was put down, a moment before it was first sent.
    pub first_sent: Time,
    /// Where it stands.
    pub state: State,
    /// What it made, once that is known.
    pub object_id: Option<String>,
}

/// What came of sending a write.
pub(super) enum Sent<T> {
    /// It was answered.
    Answered(T),
    /// It was refused, and not done.
    Refused(Error),
    /// Its key is too old to be sent again; or it is a deletion of which the answer was lost.
    Indeterminate,
}

/// The write of `kind` for `subject`: the one that was begun, or `request` put down as a new one. One that was refused
/// is begun anew with `request`.
///
/// # Errors
/// What the database says.
pub(super) fn begin(
    tx: &mut Tx<'_>,
    random: &Random,
    customer: &CustomerId,
    (kind, subject): (Kind, &str),
    request: &Request,
) -> Result<Operation, DbError> {
    let (now, key) = (tx.now(), new_key(random));
    let sql = "INSERT INTO stripe_operations (kind, subject, bucket, customer, key, request, first_sent, state, \
        object_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL) ON CONFLICT (kind, subject, bucket) DO NOTHING";
    let params = vec![
        text(kind.as_str()),
        text(subject),
        bucket(customer),
        text(customer.as_str()),
        Value::Text(key),
        Value::Text(stored(request)?),
        Value::Ts(now),
        Value::I64(State::Sent as i64),
    ];
    tx.execute(sql, params)?;
    let found = find(tx, customer, kind, subject)?.ok_or_else(lost)?;
    if found.state == State::Refused { begin_anew(tx, random, &found, request) } else { Ok(found) }
}

/// The write of `kind` for `subject`, if it was begun.
///
/// # Errors
/// What the database says.
pub(super) fn find(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    kind: Kind,
    subject: &str,
) -> Result<Option<Operation>, DbError> {
    let sql = "SELECT key, request, first_sent, state, object_id, customer FROM stripe_operations \
        WHERE kind = $1 AND subject = $2 AND bucket = $3";
    let row = tx.first(sql, vec![text(kind.as_str()), text(subject), bucket(customer)])?;
    row.map(|row| read(&row, kind, subject)).transpose()
}

/// Begins a write anew, with another key: it is known not to be done. Who lost the race for that gets the winner's.
///
/// # Errors
/// What the database says.
pub(super) fn begin_anew(
    tx: &mut Tx<'_>,
    random: &Random,
    old: &Operation,
    request: &Request,
) -> Result<Operation, DbError> {
    let (now, key) = (tx.now(), new_key(random));
    let sql = "UPDATE stripe_operations SET key = $1, request = $2, first_sent = $3, state = $4 \
        WHERE kind = $5 AND subject = $6 AND bucket = $7 AND key = $8";
    let params = vec![
        Value::Text(key),
        Value::Text(stored(request)?),
        Value::Ts(now),
        Value::I64(State::Sent as i64),
        text(old.kind.as_str()),
        text(&old.subject),
        bucket(&old.customer),
        text(&old.key),
    ];
    tx.execute(sql, params)?;
    find(tx, &old.customer, old.kind, &old.subject)?.ok_or_else(lost)
}

/// Puts down what came of a write, unless it was begun anew meanwhile.
///
/// # Errors
/// What the database says.
pub(super) fn put_down(
    tx: &mut Tx<'_>,
    operation: &Operation,
    state: State,
    object_id: Option<&str>,
) -> Result<(), DbError> {
    let sql = "UPDATE stripe_operations SET state = $1, object_id = $2 \
        WHERE kind = $3 AND subject = $4 AND bucket = $5 AND key = $6 AND state <> 2";
    let params = vec![
        Value::I64(state as i64),
        opt_text(object_id),
        text(operation.kind.as_str()),
        text(&operation.subject),
        bucket(&operation.customer),
        text(&operation.key),
    ];
    tx.execute(sql, params).map(drop)
}

/// Sends a write as it stands. Put down what came of it.
///
/// # Errors
/// `stripe_unavailable` and others after which the same is sent again.
pub(super) async fn send<T: DeserializeOwned>(
    app: &App,
    client: &Client,
    operation: &Operation,
) -> Result<Sent<T>, Error> {
    match ask(app, client, operation).await {
        Ok(answer) => Ok(Sent::Answered(answer)),
        Err(StripeError::KeyTooOld | StripeError::Gone { .. }) => Ok(Sent::Indeterminate),
        Err(error) if is_refusal(&error) => Ok(Sent::Refused(error.into())),
        Err(error) => Err(error.into()),
    }
}

/// The same, for who must know what Stripe said word for word.
///
/// # Errors
/// What Stripe says, or that it said nothing.
pub(super) async fn ask<T: DeserializeOwned>(
    app: &App,
    client: &Client,
    operation: &Operation,
) -> Result<T, StripeError> {
    let key = Key { text: operation.key.clone(), first_sent: seconds(operation.first_sent) };
    let call = Call::<T>::again(operation.request.clone());
    let answer = client.write(&call, &key, seconds(app.clock().now())).await?;
    Ok(answer.value)
}

/// Puts down, in a transaction of its own, what came of a write; `object_id` is what it made.
///
/// # Errors
/// What the database says.
pub(super) async fn keep(
    app: &App,
    operation: &Operation,
    state: State,
    object_id: Option<String>,
) -> Result<(), DbError> {
    let operation = operation.clone();
    app.db().write(move |tx| put_down(tx, &operation, state, object_id.as_deref())).await
}

/// Whether nothing was done, and nothing would be. Who may write at all is looked at before what was done with its key:
/// a 401 or 403 says nothing of an earlier try that was not answered. The same is sent again with a key that works.
pub(super) fn is_refusal(error: &StripeError) -> bool {
    match error {
        StripeError::Refused(refused) => !refused.is_of_our_key() && !error.may_have_happened(),
        StripeError::Unfit(_) => true,
        _ => false,
    }
}

fn new_key(random: &Random) -> String {
    format!("purser-{:032x}", random.number())
}

/// A request as it is stored: as text, so that it comes back byte for byte.
fn stored(request: &Request) -> Result<String, DbError> {
    serde_json::to_string(request).map_err(|error| DbError::Bug(format!("a request: {error}")))
}

fn lost() -> DbError {
    DbError::Bug("a write at Stripe that was put down is not there".to_owned())
}

fn read(row: &Row, kind: Kind, subject: &str) -> Result<Operation, DbError> {
    let all = [State::Sent, State::Answered, State::Indeterminate, State::Refused];
    let number = row.i64(3)?;
    let state = all.into_iter().find(|state| *state as i64 == number);
    Ok(Operation {
        kind,
        subject: subject.to_owned(),
        customer: claims::customer(row.text(5)?)?,
        key: row.text(0)?.to_owned(),
        request: serde_json::from_str(row.text(1)?).map_err(|error| DbError::Bug(format!("a request: {error}")))?,
        first_sent: row.ts(2)?,
        state: state.ok_or_else(|| DbError::Bug(format!("a write at Stripe has the unknown state {number}")))?,
        object_id: row.opt_text(4)?.map(str::to_owned),
    })
}
