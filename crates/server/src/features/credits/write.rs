//! The shape of every other write of a wallet: lock → replay? → decide → append → emit, in one transaction.

use super::{
    idempotency::{self, Fields, KEYS, Operation, Stored, same_request},
    low, opening,
    store::{self, Extra, Rows, wallet_key},
};
use crate::{
    features::{
        customers::{self, Facts},
        operators,
        pricebook::{self, Defaults},
    },
    platform::{
        auth::Actor,
        db::{DbError, Load, Tx},
        error::{Code, Error},
        ids::Random,
    },
};
use purser_rules::{
    Amount, Time,
    credit::{Digest, Loaded, Turn, Wallet, Why},
    ids::{CustomerId, GrantId, Unit},
    subscription::Cause,
};
use serde::Serialize;
use serde_json::Value as Json;

/// Which wallet is written, by whom, and under which key.
#[derive(Clone, Debug)]
pub struct Call {
    /// Whose wallet.
    pub customer: CustomerId,
    /// In which unit.
    pub unit: Unit,
    /// What is done.
    pub operation: Operation,
    /// The idempotency key, if there is one.
    pub key: Option<String>,
    /// The request, to be compared when the key comes again.
    pub request: Fields,
    /// Who asks.
    pub actor: Actor,
    /// Whether an unknown customer is created.
    pub create: bool,
    /// Salts of new customers.
    pub random: Random,
    /// Grants the write names: those that are closed are loaded too.
    pub grants: Vec<GrantId>,
}

/// An answer as JSON, its `replayed` left out until it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// A JSON object.
    pub body: Vec<u8>,
    /// Whether it is an earlier answer.
    pub replayed: bool,
}

/// A wallet opened for a write.
#[derive(Debug)]
pub struct Opened {
    /// The wallet, brought up to now.
    pub turn: Turn,
    /// What is known of its customer.
    pub facts: Facts,
    /// Rows the rules know nothing of.
    pub extra: Extra,
    /// What the write is to auto top-up.
    pub cause: Cause,
    actor: Actor,
    random: Random,
}

impl Opened {
    /// Records in the audit trail what was done to `subject`: what stood before, and what came of it.
    pub fn audit(&self, tx: &mut Tx<'_>, action: &str, subject: &str, before_and_after: (Option<Json>, Json)) {
        let (before, after) = before_and_after;
        operators::audit(tx, &self.random, &self.actor, action, subject, (before, Some(after)));
    }

    /// Why entries about `subject` are written.
    #[must_use]
    pub fn why(&self, subject: impl ToString, user: Option<&str>, metadata: Option<&[u8]>) -> Why {
        Why {
            cause: self.actor.cause(),
            subject: subject.to_string(),
            user: user.map(|user| Digest::salted(&self.facts.salt, user.as_bytes())),
            metadata: metadata.map(Digest::of),
        }
    }
}

/// What a write finds once the wallet is locked.
#[derive(Clone, Debug)]
pub struct Found {
    /// The wallet.
    pub wallet: Wallet,
    /// What is known of its customer.
    pub facts: Facts,
    /// What its key was used for before.
    pub stored: Option<Stored>,
    /// The default plans.
    pub defaults: Defaults,
}

/// Does one write: `decide` is given the open wallet and answers what the caller is told.
///
/// # Errors
/// `idempotency_mismatch`, `unknown_customer`, `customer_archived`, or what `decide` refuses; then
/// nothing is kept.
pub fn write<A: Serialize>(
    tx: &mut Tx<'_>,
    call: &Call,
    decide: impl FnOnce(&mut Tx<'_>, &mut Opened) -> Result<A, Error>,
) -> Result<Answered, Error> {
    let found = lock(tx, call)?;
    if let Some(before) = answered_before(call, &found)? {
        return Ok(before);
    }
    let mut loaded = store::load(tx, &found.wallet, Turn::needs_all(&found.wallet))?;
    loaded.closed = store::closed_grants(tx, &call.grants)?;
    decided(tx, call, found, loaded, decide)
}

/// The first answer of the call's key, if it was used before.
///
/// # Errors
/// `idempotency_mismatch`, or `customer_archived` for a new call.
pub fn answered_before(call: &Call, found: &Found) -> Result<Option<Answered>, Error> {
    if let Some(stored) = &found.stored {
        same_request(stored, call.operation, &call.request)?;
        return Ok(Some(Answered { body: stored.answer.clone(), replayed: true }));
    }
    if found.facts.archived { Err(archived(&call.customer)) } else { Ok(None) }
}

/// The part of a write that needs nothing more from the database, unless `decide` does or an allowance is cut: what it
/// changes is kept for the transaction's last round trip. All that waits or is held must be in `loaded`.
///
/// # Errors
/// What `decide` refuses; then nothing is kept.
pub fn decided<A: Serialize>(
    tx: &mut Tx<'_>,
    call: &Call,
    found: Found,
    mut loaded: Loaded,
    decide: impl FnOnce(&mut Tx<'_>, &mut Opened) -> Result<A, Error>,
) -> Result<Answered, Error> {
    let Found { wallet, facts, defaults, .. } = found;
    let due_before = wallet.due_at();
    let now = tx.now();
    let due = opening::plans(&facts, &defaults, now).due(&wallet, now);
    opening::load_named(tx, &due, &mut loaded)?;
    let turn = Turn::open(wallet, loaded, due, now);
    let (extra, cause) = (Extra::default(), Cause::Other);
    let mut opened = Opened { turn, facts, extra, cause, actor: call.actor.clone(), random: call.random.clone() };
    let answer = decide(tx, &mut opened);
    // In a batch a refusal is kept with what else the batch does; alone, nothing of it is.
    let refused = answer.as_ref().is_err_and(|error| low::is_want(error.code));
    let cause = if refused { Cause::Refusal } else { opened.cause };
    if low::is_low(&opened.facts, &call.unit, &opened.turn, cause) {
        low::note(tx, &call.customer, cause);
    }
    let answer = answer?;
    let body = serde_json::to_vec(&answer).map_err(|e| DbError::Bug(format!("an answer: {e}")))?;
    keep(tx, opened, due_before);
    if let Some(key) = &call.key {
        let request = idempotency::encode(&call.request);
        let stored = Stored { operation: call.operation, request, answer: body.clone() };
        tx.insert_later(&KEYS, vec![idempotency::row(&call.customer, key, &stored, now)]);
    }
    Ok(Answered { body, replayed: false })
}

/// Keeps what a turn changed, if it changed anything.
fn keep(tx: &mut Tx<'_>, opened: Opened, due_before: Option<Time>) {
    let changes = opened.turn.close();
    if changes.is_empty() {
        return;
    }
    let mut rows = Rows::default();
    store::write(tx, &mut rows, changes, due_before, &opened.extra);
    rows.write(tx);
}

/// Locks the wallet, then looks up its customer and the key; creates what is seen for the first time.
fn lock(tx: &mut Tx<'_>, call: &Call) -> Result<Found, Error> {
    let (found, known) = look(tx, call)?;
    if let Some(found) = found {
        return Ok(found);
    }
    if !call.create && !known {
        return Err(unknown_customer(&call.customer));
    }
    let now = tx.now();
    let new = customers::insert_missing(tx, std::slice::from_ref(&call.customer), now, &call.random);
    store::insert_missing_wallets(tx, &[(call.customer.clone(), call.unit.clone())]);
    let (found, _) = look(tx, call)?;
    let found = found.ok_or_else(|| DbError::Bug("a wallet just made is not there".into()))?;
    new.iter().for_each(|new| customers::record_first_use(tx, &call.actor, new, &found.facts));
    Ok(found)
}

/// What the call finds, and whether its customer is known.
fn look(tx: &mut Tx<'_>, call: &Call) -> Result<(Option<Found>, bool), Error> {
    let keys: Vec<_> = call.key.iter().map(|key| idempotency::key(&call.customer, key)).collect();
    let loads: Vec<Load> = vec![
        store::wallets(vec![wallet_key(&call.customer, &call.unit)], true),
        customers::load_facts([&call.customer]),
        idempotency::load(keys),
        pricebook::load_defaults(),
    ];
    let mut answers = tx.load(loads)?.into_iter();
    let mut next = || answers.next().unwrap_or_default();
    let wallet = next().first().map(store::wallet).transpose()?;
    let facts = next().first().map(customers::facts).transpose()?.map(|(_, facts)| facts);
    let stored = next().first().map(idempotency::stored).transpose()?.map(|(_, stored)| stored);
    let defaults = pricebook::defaults(&next())?;
    let known = facts.is_some();
    Ok((wallet.zip(facts).map(|(wallet, facts)| Found { wallet, facts, stored, defaults }), known))
}

/// The refusal of a customer nobody knows.
#[must_use]
pub fn unknown_customer(id: &CustomerId) -> Error {
    let message = format!("No customer has the id `{}`. Create it with PUT /api/v1/customers/{{id}}.", id.as_str());
    Error::new(Code::UnknownCustomer, message).about("customer_id")
}

/// The refusal of an archived customer's write.
#[must_use]
pub fn archived(id: &CustomerId) -> Error {
    let message = format!("The customer `{}` is archived: its wallets take no more writes.", id.as_str());
    Error::new(Code::CustomerArchived, message).about("customer_id")
}

/// The refusal of a grant nobody knows.
#[must_use]
pub fn unknown_grant(id: GrantId) -> Error {
    Error::new(Code::UnknownGrant, format!("No grant has the id `{id}`.")).about("id")
}

/// What is to be moved, as it is compared.
#[must_use]
pub fn amount_field(amount: Amount) -> Option<String> {
    Some(amount.to_string())
}
