//! What the API promises to show of credits: the public shapes, made from the rules' values.

mod entry;

pub use entry::{EntryView, csv, entry, hex};

use super::{api::ModeName, consumption::Consumed, grant_rows::GrantRow, store::HoldRow};
use crate::platform::http::{
    CustomerName, Decimal, Instant, Metadata, UnitName,
    fields::{ConsumptionRef, GrantRef, HoldRef, HoldStateName, SourceKindName},
};
use purser_rules::{
    Amount,
    credit::{Balance, BalanceGrant, Hold, HoldState, Mode, Part},
    ids::{CustomerId, Unit},
};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A wallet at one instant.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BalanceView {
    /// Always `balance`.
    #[schema(value_type = String, pattern = "^balance$")]
    pub object: &'static str,
    /// Whose it is.
    #[schema(value_type = CustomerName)]
    pub customer_id: String,
    /// What it is counted in.
    #[schema(value_type = UnitName)]
    pub unit: String,
    /// What can be spent now.
    pub available: Decimal,
    /// What holds and disputes have set aside.
    pub held: Decimal,
    /// What is owed after a reversal; more than nothing means that `available` is nothing.
    pub debt: Decimal,
    /// `available` by where it came from.
    pub by_source: BTreeMap<&'static str, Decimal>,
    /// The first open grants, in the order in which they are spent; at most 20.
    pub grants: Vec<BalanceGrantView>,
    /// Whether there are more open grants: `GET /customers/{id}/grants` lists all.
    pub more_grants: bool,
    /// The earliest expiry of something that can be spent now.
    #[schema(required)]
    pub next_expiry: Option<Instant>,
    /// When an allowance by the calendar comes next; null when there is none.
    #[schema(required)]
    pub renews_at: Option<Instant>,
}

/// A grant as a balance lists it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BalanceGrantView {
    /// Its id.
    #[schema(value_type = GrantRef)]
    pub id: String,
    /// Where it came from.
    #[schema(value_type = SourceKindName)]
    pub source_kind: &'static str,
    /// What was put in.
    pub granted: Decimal,
    /// What is left to spend.
    pub remaining: Decimal,
    /// What holds and disputes have set aside.
    pub held: Decimal,
    /// Its place in the spend order, lower first.
    pub priority: u16,
    /// Usable from then.
    pub effective_at: Instant,
    /// Unusable from then.
    #[schema(required)]
    pub expires_at: Option<Instant>,
}

/// The public shape of a balance.
#[must_use]
pub fn balance(customer: &CustomerId, unit: &Unit, balance: &Balance) -> BalanceView {
    BalanceView {
        object: "balance",
        customer_id: customer.as_str().to_owned(),
        unit: unit.as_str().to_owned(),
        available: Decimal(balance.available),
        held: Decimal(balance.held),
        debt: Decimal(balance.debt),
        by_source: balance.by_source.iter().map(|(kind, amount)| (kind.as_str(), Decimal(*amount))).collect(),
        grants: balance.grants.iter().map(balance_grant).collect(),
        more_grants: balance.more_grants,
        next_expiry: balance.next_expiry.map(Instant),
        renews_at: balance.renews_at.map(Instant),
    }
}

fn balance_grant(grant: &BalanceGrant) -> BalanceGrantView {
    BalanceGrantView {
        id: grant.id.to_string(),
        source_kind: grant.source_kind.as_str(),
        granted: Decimal(grant.granted),
        remaining: Decimal(grant.remaining),
        held: Decimal(grant.held),
        priority: grant.priority,
        effective_at: Instant(grant.effective_at),
        expires_at: grant.expires_at.map(Instant),
    }
}

/// What came from one grant.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PartView {
    /// The grant.
    #[schema(value_type = GrantRef)]
    pub grant_id: String,
    /// How much of it.
    pub amount: Decimal,
}

fn part(part: &Part) -> PartView {
    PartView { grant_id: part.grant.to_string(), amount: Decimal(part.amount) }
}

/// An accepted spend or capture.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConsumptionView {
    /// Always `consumption`.
    #[schema(value_type = String, pattern = "^consumption$")]
    pub object: &'static str,
    /// Its id.
    #[schema(value_type = ConsumptionRef)]
    pub id: String,
    /// Who spent.
    #[schema(value_type = CustomerName)]
    pub customer_id: String,
    /// In which unit.
    #[schema(value_type = UnitName)]
    pub unit: String,
    /// What was asked for.
    pub requested: Decimal,
    /// What was taken from grants.
    pub consumed: Decimal,
    /// What was counted as billable overage.
    pub overflow: Decimal,
    /// The hold it captured, if any.
    #[schema(value_type = Option<HoldRef>, required)]
    pub hold_id: Option<String>,
    /// Whether that hold had run out.
    pub late: bool,
    /// The balance right after it.
    pub balance: BalanceView,
    /// From which grants, in spend order.
    pub grants: Vec<PartView>,
    /// Whether this is the first answer of an idempotency key, given again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required, value_type = bool)]
    pub replayed: Option<bool>,
}

/// The public shape of an accepted spend.
#[must_use]
pub fn consumption(consumed: &Consumed) -> ConsumptionView {
    ConsumptionView {
        object: "consumption",
        id: consumed.id.to_string(),
        customer_id: consumed.customer.as_str().to_owned(),
        unit: consumed.unit.as_str().to_owned(),
        requested: Decimal(consumed.requested),
        consumed: Decimal(consumed.consumed),
        overflow: Decimal(consumed.back.overflow),
        hold_id: consumed.hold.map(|id| id.to_string()),
        late: consumed.late,
        balance: balance(&consumed.customer, &consumed.unit, &consumed.balance),
        grants: consumed.back.parts.iter().map(part).collect(),
        replayed: None,
    }
}

/// An amount set aside.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HoldView {
    /// Always `hold`.
    #[schema(value_type = String, pattern = "^hold$")]
    pub object: &'static str,
    /// Its id.
    #[schema(value_type = HoldRef)]
    pub id: String,
    /// Whose it is.
    #[schema(value_type = CustomerName)]
    pub customer_id: String,
    /// In which unit.
    #[schema(value_type = UnitName)]
    pub unit: String,
    /// What is or was set aside.
    pub amount: Decimal,
    /// How the excess of a capture is spent: `reject`, `partial` or `overflow`.
    #[schema(value_type = ModeName)]
    pub mode: &'static str,
    /// `open`, `captured`, `released` or `expired`.
    #[schema(value_type = HoldStateName)]
    pub state: &'static str,
    /// What was captured in all.
    pub captured: Decimal,
    /// When it was made.
    pub created_at: Instant,
    /// When it runs out.
    pub expires_at: Instant,
    /// What was set aside of each grant, in spend order.
    pub grants: Vec<PartView>,
    /// The user it was made for.
    #[schema(required)]
    pub user_id: Option<String>,
    /// The app's own data.
    #[schema(required)]
    pub metadata: Option<Metadata>,
}

/// The public shape of a hold.
#[must_use]
pub fn hold(row: &HoldRow) -> HoldView {
    let Hold { id, amount, mode, state, created_at, expires_at, parts, captured } = &row.hold;
    HoldView {
        object: "hold",
        id: id.to_string(),
        customer_id: row.customer.as_str().to_owned(),
        unit: row.unit.as_str().to_owned(),
        amount: Decimal(*amount),
        mode: mode_name(*mode),
        state: state_name(*state),
        captured: Decimal(*captured),
        created_at: Instant(*created_at),
        expires_at: Instant(*expires_at),
        grants: parts
            .iter()
            .map(|part| PartView { grant_id: part.grant.to_string(), amount: Decimal(part.amount) })
            .collect(),
        user_id: row.user_id.clone(),
        metadata: row.metadata.as_deref().map(Metadata::from_stored),
    }
}

/// A mode as it stands in the API.
#[must_use]
pub fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Reject => "reject",
        Mode::Partial => "partial",
        Mode::Overflow => "overflow",
    }
}

fn state_name(state: HoldState) -> &'static str {
    match state {
        HoldState::Open => "open",
        HoldState::Captured => "captured",
        HoldState::Released => "released",
        HoldState::Expired => "expired",
    }
}

/// An amount put into a wallet.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GrantView {
    /// Always `grant`.
    #[schema(value_type = String, pattern = "^grant$")]
    pub object: &'static str,
    /// Its id.
    #[schema(value_type = GrantRef)]
    pub id: String,
    /// Whose it is.
    #[schema(value_type = CustomerName)]
    pub customer_id: String,
    /// In which unit.
    #[schema(value_type = UnitName)]
    pub unit: String,
    /// Where it came from.
    #[schema(value_type = SourceKindName)]
    pub source_kind: &'static str,
    /// Which source of that kind.
    pub source_id: String,
    /// What was put in: `remaining + held + spent + expired + revoked`.
    pub granted: Decimal,
    /// What is left to spend.
    pub remaining: Decimal,
    /// What holds and disputes have set aside.
    pub held: Decimal,
    /// Spent, debt paid included.
    pub spent: Decimal,
    /// Run out.
    pub expired: Decimal,
    /// Taken back.
    pub revoked: Decimal,
    /// Its place in the spend order, lower first.
    pub priority: u16,
    /// Usable from then.
    pub effective_at: Instant,
    /// Unusable from then.
    #[schema(required)]
    pub expires_at: Option<Instant>,
    /// When it was given.
    pub created_at: Instant,
    /// The app's own data.
    #[schema(required)]
    pub metadata: Option<Metadata>,
}

/// The public shape of a grant.
#[must_use]
pub fn grant(row: &GrantRow) -> GrantView {
    let grant = &row.grant;
    GrantView {
        object: "grant",
        id: grant.id.to_string(),
        customer_id: row.customer.as_str().to_owned(),
        unit: row.unit.as_str().to_owned(),
        source_kind: grant.source_kind.as_str(),
        source_id: row.source_id.clone(),
        granted: Decimal(grant.granted),
        remaining: Decimal(grant.available),
        held: Decimal(grant.held.checked_add(grant.frozen).unwrap_or(Amount::MAX)),
        spent: Decimal(grant.spent),
        expired: Decimal(grant.expired),
        revoked: Decimal(grant.revoked),
        priority: grant.priority,
        effective_at: Instant(grant.effective_at),
        expires_at: grant.expires_at.map(Instant),
        created_at: Instant(row.created_at),
        metadata: row.metadata.as_deref().map(Metadata::from_stored),
    }
}
