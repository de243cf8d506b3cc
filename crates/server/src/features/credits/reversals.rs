//! Taking back: what refunds and disputes of a payment do to the credits it gave.

use super::{
    idempotency::Operation,
    spends::LISTED_GRANTS,
    store::{bucket, bug, closed_grants, text, unit, wallet_key},
    view,
    write::{Answered, Call, write},
};
use crate::platform::{
    auth::Actor,
    db::{DbError, Table, Tx, Type, Value},
    error::Error,
    http::Decimal,
    ids::Random,
};
use purser_rules::{
    credit::{Loaded, Payment, Turn},
    ids::{CustomerId, GrantId, Unit},
};
use serde::Serialize;

static PAYMENTS: Table = Table {
    name: "payments",
    key: &[("id", Type::Text), ("customer", Type::Text), ("unit", Type::Text), ("bucket", Type::I64)],
    columns: &[("body", Type::Json), ("disputed", Type::Bool)],
};

/// The payments of a wallet that were reversed, in whole or in part.
///
/// # Errors
/// What the database says.
pub fn payments(tx: &mut Tx<'_>, customer: &CustomerId, unit: &Unit) -> Result<Vec<Payment>, DbError> {
    let sql = "SELECT body FROM payments WHERE customer = $1 AND unit = $2 AND bucket = $3 ORDER BY id";
    let rows = tx.query(sql, wallet_key(customer, unit))?;
    rows.iter().map(|row| serde_json::from_str(row.text(0)?).map_err(|e| bug(&format!("a payment: {e}")))).collect()
}

/// The units in which something is kept of the payment `id`.
///
/// # Errors
/// What the database says.
pub fn units_of_payment(tx: &mut Tx<'_>, customer: &CustomerId, id: &str) -> Result<Vec<Unit>, DbError> {
    let sql = "SELECT unit FROM payments WHERE id = $1 AND customer = $2 AND bucket = $3 ORDER BY unit";
    let rows = tx.query(sql, vec![text(id), text(customer.as_str()), bucket(customer)])?;
    rows.iter().map(|row| unit(row.text(0)?)).collect()
}

/// Loads the closed grants of `payments` into the turn: a reversal needs all of them, also those that
/// gave some of it again.
///
/// # Errors
/// What the database says.
pub fn load_grants<'a>(
    tx: &mut Tx<'_>,
    turn: &mut Turn,
    payments: impl IntoIterator<Item = &'a Payment>,
) -> Result<(), DbError> {
    load_closed(tx, turn, payments.into_iter().flat_map(|payment| payment.grants.clone()))
}

/// Loads those of `grants` into the turn that are closed.
///
/// # Errors
/// What the database says.
pub fn load_closed(tx: &mut Tx<'_>, turn: &mut Turn, grants: impl IntoIterator<Item = GrantId>) -> Result<(), DbError> {
    let unknown: Vec<GrantId> = grants.into_iter().filter(|id| turn.find(*id).is_none()).collect();
    turn.load(Loaded { closed: closed_grants(tx, &unknown)?, ..Loaded::default() });
    Ok(())
}

/// Keeps payments as they stand now.
pub fn put_later(tx: &mut Tx<'_>, customer: &CustomerId, unit: &Unit, payments: &[Payment]) {
    let rows = payments.iter().map(|payment| {
        let body = serde_json::to_string(payment).unwrap_or_default();
        vec![
            text(&payment.id),
            text(customer.as_str()),
            text(unit.as_str()),
            bucket(customer),
            Value::Json(body),
            Value::Bool(payment.is_disputed()),
        ]
    });
    tx.put_later(&PAYMENTS, rows.collect());
}

/// What became of a payment: its refunds and disputes as Stripe has them now.
#[derive(Clone, Debug)]
pub struct ReversalRequest {
    /// Whose wallet.
    pub customer: CustomerId,
    /// In which unit.
    pub unit: Unit,
    /// The payment with its refunds and disputes; what Purser keeps of an earlier one wins over it.
    pub payment: Payment,
    /// Which event says so.
    pub actor: Actor,
}

/// A reversal's answer.
#[derive(Serialize)]
struct ReversalAnswer {
    object: &'static str,
    payment_id: String,
    target: Decimal,
    debt: Decimal,
    balance: view::BalanceView,
}

/// Moves what is taken back and frozen to what the payment's refunds and disputes now say.
/// Saying the same twice changes nothing the second time.
///
/// # Errors
/// Those of [`write`].
pub fn reverse(tx: &mut Tx<'_>, asked: &ReversalRequest, random: &Random) -> Result<Answered, Error> {
    let call = Call {
        customer: asked.customer.clone(),
        unit: asked.unit.clone(),
        operation: Operation::Revoke,
        key: None,
        request: Vec::new(),
        actor: asked.actor.clone(),
        create: false,
        random: random.clone(),
        grants: asked.payment.grants.clone(),
    };
    write(tx, &call, |tx, opened| {
        let kept = payments(tx, &asked.customer, &asked.unit)?.into_iter().find(|kept| kept.id == asked.payment.id);
        let mut payment = match kept {
            Some(mut kept) => {
                kept.say(asked.payment.refunded, asked.payment.disputes.clone());
                kept
            }
            None => asked.payment.clone(),
        };
        load_grants(tx, &mut opened.turn, [&payment])?;
        let why = opened.why(&payment.id, None, None);
        let reversed = opened.turn.reverse(&mut payment, &why)?;
        put_later(tx, &asked.customer, &asked.unit, std::slice::from_ref(&payment));
        Ok(ReversalAnswer {
            object: "reversal",
            payment_id: payment.id,
            target: Decimal(reversed.target),
            debt: Decimal(reversed.debt),
            balance: view::balance(&asked.customer, &asked.unit, &opened.turn.balance(LISTED_GRANTS)),
        })
    })
}
