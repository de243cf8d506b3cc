//! The checkouts that were asked for, and Stripe's session of each.

use super::{CHECKOUT, bucket, claims, instant, opt_text, text};
use crate::platform::db::{DbError, Row, Tx, Value};
use purser_rules::{
    Time,
    ids::{CheckoutId, CustomerId, PlanId, TopUpPlanId},
};
use purser_stripe::objects::{CheckoutSession, SessionStatus};

/// What a checkout is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Something is subscribed to.
    Subscription,
    /// A credit pack is bought.
    TopUp,
    /// A payment method is kept for later.
    Setup,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Subscription, Self::TopUp, Self::Setup];

    /// As it stands in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscription => "subscription",
            Self::TopUp => "top_up",
            Self::Setup => "setup",
        }
    }
}

/// Where a checkout stands; as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub(super) enum State {
    /// Stripe was asked, and has not answered yet.
    Opening = 1,
    /// It waits for a payer.
    Open = 2,
    /// The payer is done.
    Complete = 3,
    /// It ended without a payer.
    Expired = 4,
    /// Stripe refused it, or it is not known whether it was opened: then nobody has its address.
    Never = 5,
}

/// A checkout as stored.
#[derive(Clone, Debug)]
pub(super) struct Checkout {
    pub id: CheckoutId,
    pub customer: CustomerId,
    pub purpose: Purpose,
    /// What was asked for, word for word: the same again gets the same session.
    pub asked: String,
    /// The pack that is sold, at the version it was offered in.
    pub top_up: Option<TopUpPlanId>,
    /// The plan that is sold.
    pub plan: Option<PlanId>,
    /// How many; 1–1,000.
    pub quantity: i64,
    /// Stripe's session, once it is known.
    pub session_id: Option<String>,
    pub created_at: Time,
}

const COLUMNS: &str = "id, customer, purpose, asked, top_up_plan_id, plan_id, quantity, session_id, created_at";

/// Puts a checkout down that is being opened.
///
/// # Errors
/// [`DbError::Conflict`] when another one of its customer and purpose is open: look again.
pub(super) fn insert(tx: &mut Tx<'_>, new: &Checkout) -> Result<(), DbError> {
    let sql = "INSERT INTO checkout_sessions (id, bucket, customer, purpose, asked, top_up_plan_id, plan_id, quantity, \
        state, session_id, url, expires_at, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, NULL, NULL, $10)";
    let params = vec![
        Value::Id(new.id.0),
        bucket(&new.customer),
        text(new.customer.as_str()),
        text(new.purpose.as_str()),
        text(&new.asked),
        new.top_up.map_or(Value::Null, |id| Value::Id(id.0)),
        new.plan.map_or(Value::Null, |id| Value::Id(id.0)),
        Value::I64(new.quantity),
        Value::I64(State::Opening as i64),
        Value::Ts(new.created_at),
    ];
    tx.execute(sql, params).map(drop)
}

/// The one checkout of a customer and a purpose that is open, or being opened.
///
/// # Errors
/// What the database says.
pub(super) fn live(tx: &mut Tx<'_>, customer: &CustomerId, purpose: Purpose) -> Result<Option<Checkout>, DbError> {
    let rest = "WHERE customer = $1 AND purpose = $2 AND bucket = $3 AND state <= 2";
    first(tx, rest, vec![text(customer.as_str()), text(purpose.as_str()), bucket(customer)])
}

/// The checkout that Stripe's `session` is of: by the session's id, or by ours in its metadata.
///
/// # Errors
/// What the database says.
pub(super) fn of_session(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    session: &CheckoutSession,
) -> Result<Option<Checkout>, DbError> {
    let rest = "WHERE session_id = $1 AND bucket = $2 AND customer = $3";
    let params = vec![text(&session.id), bucket(customer), text(customer.as_str())];
    if let Some(found) = first(tx, rest, params)? {
        return Ok(Some(found));
    }
    let said = session.metadata.as_ref().and_then(|metadata| metadata.get(CHECKOUT));
    let Some(id) = said.and_then(|said| said.parse::<CheckoutId>().ok()) else { return Ok(None) };
    let rest = "WHERE id = $1 AND bucket = $2 AND customer = $3";
    first(tx, rest, vec![Value::Id(id.0), bucket(customer), text(customer.as_str())])
}

/// Puts down where the session of a checkout stands at Stripe. One that is over stays so.
///
/// # Errors
/// What the database says.
pub(super) fn mirror(tx: &mut Tx<'_>, checkout: &Checkout, session: &CheckoutSession) -> Result<(), DbError> {
    let state = match &session.status {
        Some(SessionStatus::Complete) => State::Complete,
        Some(SessionStatus::Expired) => State::Expired,
        Some(SessionStatus::Open | SessionStatus::Other(_)) | None => State::Open,
    };
    let sql = "UPDATE checkout_sessions SET session_id = $1, state = $2, url = $3, expires_at = $4 \
        WHERE id = $5 AND bucket = $6 AND state <= 2";
    let params = vec![
        text(&session.id),
        Value::I64(state as i64),
        opt_text(session.url.as_deref()),
        Value::Ts(instant(session.expires_at)),
        Value::Id(checkout.id.0),
        bucket(&checkout.customer),
    ];
    tx.execute(sql, params).map(drop)
}

/// Gives a checkout up that Stripe refused, forgot, or never answered.
///
/// # Errors
/// What the database says.
pub(super) fn give_up(tx: &mut Tx<'_>, checkout: &Checkout) -> Result<(), DbError> {
    let sql = "UPDATE checkout_sessions SET state = $1 WHERE id = $2 AND bucket = $3 AND state <= 2";
    let params = vec![Value::I64(State::Never as i64), Value::Id(checkout.id.0), bucket(&checkout.customer)];
    tx.execute(sql, params).map(drop)
}

fn first(tx: &mut Tx<'_>, rest: &str, params: Vec<Value>) -> Result<Option<Checkout>, DbError> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM checkout_sessions {rest}"), params)?;
    row.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<Checkout, DbError> {
    let purpose = row.text(2)?;
    let purpose = Purpose::ALL.into_iter().find(|known| known.as_str() == purpose);
    Ok(Checkout {
        id: CheckoutId(row.id(0)?),
        customer: claims::customer(row.text(1)?)?,
        purpose: purpose.ok_or_else(|| DbError::Bug("a checkout has an unknown purpose".to_owned()))?,
        asked: row.text(3)?.to_owned(),
        top_up: row.opt_id(4)?.map(TopUpPlanId),
        plan: row.opt_id(5)?.map(PlanId),
        quantity: row.i64(6)?,
        session_id: row.opt_text(7)?.map(str::to_owned),
        created_at: row.ts(8)?,
    })
}
