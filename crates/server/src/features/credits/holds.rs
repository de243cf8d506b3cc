//! Holds: made, captured, released, read.

mod batch;

pub use batch::{HoldCall, Holds};

use super::{
    consumption::{self, CONSUMPTIONS, Consumed, returnable},
    idempotency::{Fields, Operation},
    same_json::canonical,
    spends::{LISTED_GRANTS, THRESHOLDS},
    store::{self, HoldExtra, HoldRow},
    view,
    write::{Answered, Call, Opened, amount_field, write},
};
use crate::platform::{
    auth::Actor,
    db::Tx,
    error::{Code, Error},
    ids::Random,
};
use purser_rules::{
    Amount,
    credit::{Capture, HoldState, Mode, NewHold, Refusal},
    ids::{ConsumptionId, CustomerId, HoldId, Unit},
    subscription::Cause,
};
use serde::Serialize;
use utoipa::ToSchema;

/// A hold as it was asked for.
#[derive(Clone, Debug)]
pub struct HoldRequest {
    /// The id it will have.
    pub id: HoldId,
    /// Whose wallet.
    pub customer: CustomerId,
    /// In which unit.
    pub unit: Unit,
    /// How much to set aside.
    pub amount: Amount,
    /// How a shortfall, and the excess of a capture, is dealt with.
    pub mode: Mode,
    /// Seconds after which it runs out: 1–86,400.
    pub expires_in: u32,
    /// The idempotency key.
    pub key: String,
    /// The user it is for.
    pub user_id: Option<String>,
    /// The metadata as received.
    pub metadata: Option<Vec<u8>>,
    /// Who asks.
    pub actor: Actor,
}

/// A hold and the balance right after it was made or released.
#[derive(Serialize, ToSchema)]
pub struct HoldAnswer {
    #[serde(flatten)]
    hold: view::HoldView,
    balance: view::BalanceView,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required, value_type = bool)]
    replayed: Option<bool>,
}

/// Sets an amount aside.
///
/// # Errors
/// `insufficient_credits`, `debt_outstanding`, `overage_not_sold`, `too_many_holds`, and those of [`write`].
pub fn hold(tx: &mut Tx<'_>, asked: &HoldRequest, create: bool, random: &Random) -> Result<Answered, Error> {
    write(tx, &hold_call(asked, create, random), |_, opened| held(opened, asked))
}

fn hold_call(asked: &HoldRequest, create: bool, random: &Random) -> Call {
    Call {
        customer: asked.customer.clone(),
        unit: asked.unit.clone(),
        operation: Operation::Hold,
        key: Some(asked.key.clone()),
        request: hold_fields(asked),
        actor: asked.actor.clone(),
        create,
        random: random.clone(),
        grants: Vec::new(),
    }
}

/// Sets the amount aside in the open wallet.
fn held(opened: &mut Opened, asked: &HoldRequest) -> Result<HoldAnswer, Error> {
    let why = opened.why(asked.id, asked.user_id.as_deref(), asked.metadata.as_deref());
    let hold = opened.turn.hold(&NewHold {
        id: asked.id,
        amount: asked.amount,
        mode: asked.mode,
        expires_at: opened.turn.now().plus_seconds(asked.expires_in.into()),
        overage_sold: opened.facts.overage_allowed,
        why: &why,
    })?;
    opened.cause = Cause::Hold;
    let extra = HoldExtra { user_id: asked.user_id.clone(), metadata: asked.metadata.clone() };
    opened.extra.hold = Some((asked.id, extra.clone()));
    let row = HoldRow {
        customer: asked.customer.clone(),
        unit: asked.unit.clone(),
        hold,
        user_id: extra.user_id,
        metadata: extra.metadata,
    };
    Ok(answer(&row, opened.turn.balance(LISTED_GRANTS)))
}

fn hold_fields(asked: &HoldRequest) -> Fields {
    vec![
        ("amount", amount_field(asked.amount)),
        ("unit", Some(asked.unit.as_str().to_owned())),
        ("mode", Some(view::mode_name(asked.mode).to_owned())),
        ("expires_in", Some(asked.expires_in.to_string())),
        ("user_id", asked.user_id.clone()),
        ("metadata", metadata_field(asked.metadata.as_deref())),
    ]
}

/// Metadata as it is compared.
#[must_use]
pub fn metadata_field(metadata: Option<&[u8]>) -> Option<String> {
    metadata.map(canonical)
}

fn answer(row: &HoldRow, balance: purser_rules::credit::Balance) -> HoldAnswer {
    HoldAnswer { hold: view::hold(row), balance: view::balance(&row.customer, &row.unit, &balance), replayed: None }
}

/// A capture as it was asked for.
#[derive(Clone, Debug)]
pub struct CaptureRequest {
    /// Which hold.
    pub hold: HoldId,
    /// The id the consumption will have.
    pub id: ConsumptionId,
    /// How much it came to; all of the hold when `None`.
    pub amount: Option<Amount>,
    /// The idempotency key, if there is one: the hold itself can be captured only once.
    pub key: Option<String>,
    /// The metadata as received.
    pub metadata: Option<Vec<u8>>,
    /// Who asks.
    pub actor: Actor,
}

/// Captures a hold: part, all, or more than it.
///
/// # Errors
/// `unknown_hold`, `hold_closed`, `missing_field` when the hold set nothing aside, what the excess or a late
/// capture is refused with, and those of [`write`].
pub fn capture(tx: &mut Tx<'_>, asked: &CaptureRequest, random: &Random) -> Result<Answered, Error> {
    let found = find(tx, asked.hold)?;
    let call = capture_call(asked, &found, random);
    // What it was before the lock may have changed since.
    write(tx, &call, |tx, opened| {
        let row = find(tx, asked.hold)?;
        captured(tx, opened, asked, row)
    })
}

fn capture_call(asked: &CaptureRequest, found: &HoldRow, random: &Random) -> Call {
    let request = vec![
        ("hold_id", Some(asked.hold.to_string())),
        ("amount", amount_field(asked.amount.unwrap_or(found.hold.amount))),
        ("metadata", metadata_field(asked.metadata.as_deref())),
    ];
    call_for(found, Operation::Capture, asked.key.clone(), request, &asked.actor, random)
}

/// Captures the hold as it stands in `row` from the open wallet.
fn captured(
    tx: &mut Tx<'_>,
    opened: &mut Opened,
    asked: &CaptureRequest,
    mut row: HoldRow,
) -> Result<view::ConsumptionView, Error> {
    let metadata = asked.metadata.clone().or_else(|| row.metadata.clone());
    let why = opened.why(asked.id, row.user_id.as_deref(), metadata.as_deref());
    let amount = asked.amount.unwrap_or(row.hold.amount);
    if amount.is_zero() && matches!(row.hold.state, HoldState::Open | HoldState::Expired) {
        let message = "The hold set nothing aside. Say how much it came to.";
        return Err(Error::new(Code::MissingField, message).about("amount"));
    }
    let captured = opened.turn.capture(
        &mut row.hold,
        &Capture {
            hold: asked.hold,
            amount,
            overage_sold: opened.facts.overage_allowed,
            thresholds: THRESHOLDS,
            why: &why,
        },
    )?;
    opened.cause = Cause::Spend;
    let consumed = Consumed {
        id: asked.id,
        customer: row.customer,
        unit: row.unit,
        at: opened.turn.now(),
        occurred_at: None,
        requested: amount,
        consumed: captured.spent.consumed,
        mode: row.hold.mode,
        late: captured.late,
        hold: Some(asked.hold),
        back: returnable(&captured.spent),
        balance: opened.turn.balance(LISTED_GRANTS),
        user_id: row.user_id,
        metadata,
    };
    tx.insert_later(&CONSUMPTIONS, vec![consumption::row(&consumed)]);
    Ok(view::consumption(&consumed))
}

/// A release as it was asked for.
#[derive(Clone, Debug)]
pub struct ReleaseRequest {
    /// Which hold.
    pub hold: HoldId,
    /// The idempotency key, if there is one.
    pub key: Option<String>,
    /// Who asks.
    pub actor: Actor,
}

/// Releases an open hold: what it set aside is free again.
///
/// # Errors
/// `unknown_hold`, `hold_closed`, `hold_expired`, and those of [`write`].
pub fn release(tx: &mut Tx<'_>, asked: &ReleaseRequest, random: &Random) -> Result<Answered, Error> {
    let found = find(tx, asked.hold)?;
    write(tx, &release_call(asked, &found, random), |tx, opened| {
        let row = find(tx, asked.hold)?;
        released(opened, row)
    })
}

fn release_call(asked: &ReleaseRequest, found: &HoldRow, random: &Random) -> Call {
    let request = vec![("hold_id", Some(asked.hold.to_string()))];
    call_for(found, Operation::Release, asked.key.clone(), request, &asked.actor, random)
}

/// Releases the hold as it stands in `row` in the open wallet.
fn released(opened: &mut Opened, mut row: HoldRow) -> Result<HoldAnswer, Error> {
    match row.hold.state {
        HoldState::Open => {}
        HoldState::Expired => return Err(Refusal::HoldExpired.into()),
        HoldState::Captured | HoldState::Released => return Err(Refusal::HoldClosed.into()),
    }
    let why = opened.why(row.hold.id, None, None);
    row.hold = opened.turn.release(row.hold.id, &why)?;
    Ok(answer(&row, opened.turn.balance(LISTED_GRANTS)))
}

/// One hold as it stands at this instant, settled or not.
///
/// # Errors
/// `unknown_hold`, or what the database says.
pub fn read(tx: &mut Tx<'_>, id: HoldId) -> Result<view::HoldView, Error> {
    let mut row = find(tx, id)?;
    if row.hold.state == HoldState::Open && row.hold.expires_at <= tx.now() {
        row.hold.state = HoldState::Expired;
    }
    Ok(view::hold(&row))
}

fn find(tx: &mut Tx<'_>, id: HoldId) -> Result<HoldRow, Error> {
    let row = tx.load(vec![store::holds([id])])?.pop().unwrap_or_default().pop();
    Ok(store::hold(&row.ok_or_else(|| unknown(id))?)?)
}

/// The refusal of a hold nobody knows.
fn unknown(id: HoldId) -> Error {
    Error::new(Code::UnknownHold, format!("No hold has the id `{id}`.")).about("id")
}

fn call_for(
    found: &HoldRow,
    operation: Operation,
    key: Option<String>,
    request: Fields,
    actor: &Actor,
    random: &Random,
) -> Call {
    Call {
        customer: found.customer.clone(),
        unit: found.unit.clone(),
        operation,
        key,
        request,
        actor: actor.clone(),
        create: false,
        random: random.clone(),
        grants: Vec::new(),
    }
}
