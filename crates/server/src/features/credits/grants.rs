//! Grants: given, revoked, adjusted by a plain number, and listed.

use super::{
    grant_rows::{self, GrantRow},
    holds::metadata_field,
    idempotency::{self, Fields, KEYS, Operation, Stored},
    spends::{LISTED_GRANTS, THRESHOLDS},
    store::bug,
    view,
    write::{Answered, Call, Opened, amount_field, unknown_grant, write},
};
use crate::platform::{
    auth::Actor,
    db::{DbError, Tx},
    error::{Code, Error},
    http::{CustomerName, Decimal, UnitName},
    ids::Random,
};
use purser_rules::{
    Amount, Time,
    credit::{Digest, Mode, Refusal, SourceKind, Spend, Terms},
    ids::{CustomerId, GrantId, Unit},
    subscription::Cause,
};
use serde::Serialize;
use serde_json::{Value as Json, json, value::RawValue};
use utoipa::ToSchema;

/// A grant as it was asked for.
#[derive(Clone, Debug)]
pub struct GrantRequest {
    /// The id it will have.
    pub id: GrantId,
    /// Whose wallet.
    pub customer: CustomerId,
    /// In which unit.
    pub unit: Unit,
    /// How much.
    pub amount: Amount,
    /// Manual, promotion or import.
    pub source_kind: SourceKind,
    /// Which source; the idempotency key when `None`.
    pub source_id: Option<String>,
    /// Its place in the spend order; the kind's own when `None`.
    pub priority: Option<u16>,
    /// Usable from then; at once when `None`.
    pub effective_at: Option<Time>,
    /// Unusable from then; the kind's default when `None`: imports 30 days, others never.
    pub expires_at: Option<Time>,
    /// The metadata as received.
    pub metadata: Option<Vec<u8>>,
    /// The idempotency key, unless the source is the key.
    pub key: Option<String>,
    /// Who asks.
    pub actor: Actor,
}

impl GrantRequest {
    /// The source's id: given, or the idempotency key.
    fn source(&self) -> String {
        self.source_id.clone().or_else(|| self.key.clone()).unwrap_or_default()
    }

    /// Its place in the spend order: given, or the kind's own.
    fn priority(&self) -> u16 {
        self.priority.unwrap_or(self.source_kind.default_priority())
    }

    /// What the grant is to be, given at `now`.
    fn terms(&self, now: Time) -> Terms {
        let effective_at = self.effective_at.unwrap_or(now);
        let default_expiry = match self.source_kind {
            // From today on, if it is dated back: what is brought over must not be gone at once.
            SourceKind::Import => Some(effective_at.max(now).plus_seconds(30 * 86_400)),
            _ => None,
        };
        Terms {
            id: self.id,
            source_kind: self.source_kind,
            source_id: self.source(),
            amount: self.amount,
            priority: self.priority(),
            effective_at,
            expires_at: self.expires_at.or(default_expiry),
            rollover: None,
            metadata: self.metadata.as_deref().map(Digest::of),
        }
    }

    fn fields(&self) -> Fields {
        vec![
            ("amount", amount_field(self.amount)),
            ("unit", Some(self.unit.as_str().to_owned())),
            ("source_kind", Some(self.source_kind.as_str().to_owned())),
            ("source_id", Some(self.source())),
            ("priority", Some(self.priority().to_string())),
            ("effective_at", self.effective_at.map(|at| at.to_string())),
            ("expires_at", self.expires_at.map(|at| at.to_string())),
            ("metadata", metadata_field(self.metadata.as_deref())),
        ]
    }
}

/// A grant and the balance right after it was given or revoked.
#[derive(Serialize, ToSchema)]
pub struct GrantAnswer {
    #[serde(flatten)]
    grant: view::GrantView,
    balance: view::BalanceView,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required, value_type = bool)]
    replayed: Option<bool>,
}

/// Gives a grant; the same source with the same terms gives the first one back.
///
/// # Errors
/// `grant_terms_differ`, `total_too_large`, and those of [`write`].
pub fn grant(tx: &mut Tx<'_>, asked: &GrantRequest, create: bool, random: &Random) -> Result<Answered, Error> {
    let call = Call {
        customer: asked.customer.clone(),
        unit: asked.unit.clone(),
        operation: Operation::Grant,
        key: asked.key.clone(),
        request: asked.fields(),
        actor: asked.actor.clone(),
        create,
        random: random.clone(),
        grants: Vec::new(),
    };
    let mut again = false;
    let answered = write(tx, &call, |tx, opened| {
        let source = (asked.source_kind, asked.source());
        if let Some(row) = grant_rows::by_source(tx, &asked.customer, &asked.unit, source.0, &source.1)? {
            let present = opened.turn.find(row.grant.id).cloned();
            let row = row.present(present.as_ref());
            same_terms(asked, &row)?;
            again = true;
            return match first_answer(tx, asked)? {
                Some(first) => Ok(Given::Before(first)),
                None => Ok(Given::Now(Box::new(answer(&row, opened)))),
            };
        }
        let terms = asked.terms(opened.turn.now());
        lasts(terms.effective_at, terms.expires_at)?;
        let row = give(tx, opened, asked, &terms)?;
        let answer = answer(&row, opened);
        keep_answer(tx, asked, &answer, opened.turn.now())?;
        Ok(Given::Now(Box::new(answer)))
    })?;
    Ok(Answered { replayed: answered.replayed || again, ..answered })
}

/// What a grant is answered with.
#[derive(Serialize)]
#[serde(untagged)]
enum Given {
    /// It was given now, or so long ago that its first answer is forgotten: as it stands.
    Now(Box<GrantAnswer>),
    /// The first answer of its source.
    Before(Box<RawValue>),
}

/// Under what the first answer of a source is kept among the keys. One that a caller sends is hardly ever the same,
/// since a header holds no line breaks; if it is, it is refused as used before.
fn source_key(asked: &GrantRequest) -> String {
    format!("source\n{}\n{}\n{}", asked.source_kind.as_str(), asked.unit.as_str(), asked.source())
}

/// The first answer of the source, unless it is forgotten.
fn first_answer(tx: &mut Tx<'_>, asked: &GrantRequest) -> Result<Option<Box<RawValue>>, DbError> {
    let keys = vec![idempotency::key(&asked.customer, &source_key(asked))];
    let row = tx.load(vec![idempotency::load(keys)])?.pop().unwrap_or_default().pop();
    let stored = row.map(|row| idempotency::stored(&row)).transpose()?.map(|(_, stored)| stored);
    let first = stored.filter(|stored| stored.operation == Operation::Source);
    first.map(|stored| serde_json::from_slice(&stored.answer).map_err(|_| bug("a first answer"))).transpose()
}

/// Keeps the first answer of a source.
fn keep_answer(tx: &mut Tx<'_>, asked: &GrantRequest, answer: &GrantAnswer, now: Time) -> Result<(), DbError> {
    let answer = serde_json::to_vec(answer).map_err(|e| DbError::Bug(format!("an answer: {e}")))?;
    let stored = Stored { operation: Operation::Source, request: Vec::new(), answer };
    tx.insert_missing_later(&KEYS, vec![idempotency::row(&asked.customer, &source_key(asked), &stored, now)]);
    Ok(())
}

/// A grant must be usable for a while: it ends after it starts. Asked only once it is known that this is no
/// replay, which is answered however long ago the grant ended.
fn lasts(effective_at: Time, expires_at: Option<Time>) -> Result<(), Error> {
    if expires_at.is_some_and(|at| at <= effective_at) {
        return Err(Error::new(Code::InvalidField, "It must be after the grant starts.").about("expires_at"));
    }
    Ok(())
}

/// Puts the grant into the wallet, its audit line into the trail.
fn give(tx: &mut Tx<'_>, opened: &mut Opened, asked: &GrantRequest, terms: &Terms) -> Result<GrantRow, Error> {
    let why = opened.why(terms.id, None, asked.metadata.as_deref());
    let grant = opened.turn.grant(terms, &why)?;
    if let Some(metadata) = &asked.metadata {
        opened.extra.grant_metadata.push((terms.id, metadata.clone()));
    }
    let row = GrantRow {
        customer: asked.customer.clone(),
        unit: asked.unit.clone(),
        source_id: terms.source_id.clone(),
        metadata: asked.metadata.clone(),
        created_at: opened.turn.now(),
        grant,
    };
    opened.audit(tx, "grant.created", &terms.id.to_string(), (None, told(&view::grant(&row))?));
    Ok(row)
}

fn answer(row: &GrantRow, opened: &Opened) -> GrantAnswer {
    let balance = opened.turn.balance(LISTED_GRANTS);
    GrantAnswer { grant: view::grant(row), balance: view::balance(&row.customer, &row.unit, &balance), replayed: None }
}

/// Whether the source's first grant has the terms asked for now; what was not said is not compared.
fn same_terms(asked: &GrantRequest, row: &GrantRow) -> Result<(), Error> {
    let grant = &row.grant;
    let differs = [
        ("amount", asked.amount != grant.granted),
        ("priority", asked.priority() != grant.priority),
        ("effective_at", asked.effective_at.is_some_and(|at| at != grant.effective_at)),
        ("expires_at", asked.expires_at.is_some() && asked.expires_at != grant.expires_at),
        ("metadata", metadata_field(asked.metadata.as_deref()) != metadata_field(row.metadata.as_deref())),
    ];
    match differs.iter().find(|(_, differs)| *differs) {
        None => Ok(()),
        Some((term, _)) => Err(Refusal::GrantTermsDiffer { term }.into()),
    }
}

/// A revocation as it was asked for.
#[derive(Clone, Debug)]
pub struct RevokeRequest {
    /// Which grant.
    pub grant: GrantId,
    /// How much of what is available; all of it when `None`.
    pub amount: Option<Amount>,
    /// Why, in words, for the audit trail.
    pub reason: Option<String>,
    /// The idempotency key, if there is one.
    pub key: Option<String>,
    /// Who asks.
    pub actor: Actor,
}

/// Takes back what is available of a grant.
///
/// # Errors
/// `unknown_grant`, `revoke_exceeds_available`, and those of [`write`].
pub fn revoke(tx: &mut Tx<'_>, asked: &RevokeRequest, random: &Random) -> Result<Answered, Error> {
    let found = find(tx, asked.grant)?;
    let call = Call {
        customer: found.customer.clone(),
        unit: found.unit.clone(),
        operation: Operation::Revoke,
        key: asked.key.clone(),
        request: vec![
            ("grant_id", Some(asked.grant.to_string())),
            ("amount", asked.amount.and_then(amount_field)),
            ("reason", asked.reason.clone()),
        ],
        actor: asked.actor.clone(),
        create: false,
        random: random.clone(),
        grants: vec![asked.grant],
    };
    write(tx, &call, |tx, opened| {
        let row = find(tx, asked.grant)?;
        let before = row.clone().present(opened.turn.find(asked.grant));
        let why = opened.why(asked.grant, None, None);
        opened.turn.revoke(asked.grant, asked.amount, &why)?;
        let row = row.present(opened.turn.find(asked.grant));
        let mut after = told(&view::grant(&row))?;
        after["reason"] = json!(asked.reason);
        let before = told(&view::grant(&before))?;
        opened.audit(tx, "grant.revoked", &asked.grant.to_string(), (Some(before), after));
        Ok(answer(&row, opened))
    })
}

/// What is shown of something, for the trail.
pub(super) fn told(shown: &impl Serialize) -> Result<Json, DbError> {
    serde_json::to_value(shown).map_err(|e| DbError::Bug(format!("an audit line: {e}")))
}

fn find(tx: &mut Tx<'_>, id: GrantId) -> Result<GrantRow, Error> {
    grant_rows::by_id(tx, id)?.ok_or_else(|| unknown_grant(id))
}

/// A change of a balance by an app that knows only one number (rules 1.14).
#[derive(Clone, Debug)]
pub struct AdjustRequest {
    /// The id a new grant, or the spend's subject, will have.
    pub id: GrantId,
    /// Whose wallet.
    pub customer: CustomerId,
    /// In which unit.
    pub unit: Unit,
    /// Plus makes a manual grant, minus spends.
    pub amount: Amount,
    /// When a grant made by it runs out; never when `None`.
    pub expires_at: Option<Time>,
    /// Why, in words, for the audit trail.
    pub reason: Option<String>,
    /// The idempotency key.
    pub key: String,
    /// Who asks.
    pub actor: Actor,
}

/// An adjustment and the balance right after it.
#[derive(Serialize, ToSchema)]
pub struct AdjustAnswer {
    /// Always `adjustment`.
    #[schema(value_type = String, pattern = "^adjustment$")]
    object: &'static str,
    #[schema(value_type = CustomerName)]
    customer_id: String,
    #[schema(value_type = UnitName)]
    unit: String,
    amount: Decimal,
    balance: view::BalanceView,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required, value_type = bool)]
    replayed: Option<bool>,
}

/// Adds or takes an amount; refuses to go below nothing.
///
/// # Errors
/// `insufficient_credits`, `total_too_large`, and those of [`write`].
pub fn adjust(tx: &mut Tx<'_>, asked: &AdjustRequest, create: bool, random: &Random) -> Result<Answered, Error> {
    let call = Call {
        customer: asked.customer.clone(),
        unit: asked.unit.clone(),
        operation: Operation::Adjust,
        key: Some(asked.key.clone()),
        request: vec![
            ("amount", amount_field(asked.amount)),
            ("unit", Some(asked.unit.as_str().to_owned())),
            ("expires_at", asked.expires_at.map(|at| at.to_string())),
            ("reason", asked.reason.clone()),
        ],
        actor: asked.actor.clone(),
        create,
        random: random.clone(),
        grants: Vec::new(),
    };
    write(tx, &call, |tx, opened| {
        let why = opened.why(asked.id, None, None);
        lasts(opened.turn.now(), asked.expires_at)?;
        let before = balance_told(&asked.unit, opened)?;
        if asked.amount.is_positive() {
            let now = opened.turn.now();
            opened.turn.grant(&manual(asked, now), &why)?;
        } else {
            let amount = Amount::ZERO.checked_sub(asked.amount).unwrap_or(Amount::MAX);
            let spend = Spend { amount, mode: Mode::Reject, overage_sold: false, thresholds: THRESHOLDS, why: &why };
            opened.turn.spend(&spend)?;
            opened.cause = Cause::Spend;
        }
        let balance = opened.turn.balance(LISTED_GRANTS);
        let answer = AdjustAnswer {
            object: "adjustment",
            customer_id: asked.customer.as_str().to_owned(),
            unit: asked.unit.as_str().to_owned(),
            amount: asked.amount.into(),
            balance: view::balance(&asked.customer, &asked.unit, &balance),
            replayed: None,
        };
        let mut after = balance_told(&asked.unit, opened)?;
        after["amount"] = told(&Decimal(asked.amount))?;
        after["reason"] = json!(asked.reason);
        opened.audit(tx, "balance.adjusted", asked.customer.as_str(), (Some(before), after));
        Ok(answer)
    })
}

/// What the trail says of a balance.
pub(super) fn balance_told(unit: &Unit, opened: &Opened) -> Result<Json, DbError> {
    let balance = opened.turn.balance(0);
    let (available, debt) = (told(&Decimal(balance.available))?, told(&Decimal(balance.debt))?);
    Ok(json!({ "unit": unit.as_str(), "available": available, "debt": debt }))
}

/// The grant a positive adjustment makes.
fn manual(asked: &AdjustRequest, now: Time) -> Terms {
    Terms {
        id: asked.id,
        source_kind: SourceKind::Manual,
        // Not the key: a source is unique for ever, a key may be forgotten and come again.
        source_id: format!("adjust:{}", asked.id),
        amount: asked.amount,
        priority: SourceKind::Manual.default_priority(),
        effective_at: now,
        expires_at: asked.expires_at,
        rollover: None,
        metadata: None,
    }
}
