//! Giving back: a spend returned, in whole or in parts.

use super::{
    consumption,
    idempotency::Operation,
    reversals,
    spends::LISTED_GRANTS,
    view,
    write::{Answered, Call, amount_field, write},
};
use crate::platform::{
    auth::Actor,
    db::Tx,
    error::{Code, Error},
    http::{CustomerName, Decimal, UnitName, fields::ConsumptionRef},
    ids::Random,
};
use purser_rules::{
    Amount,
    credit::{Consumption, Refusal},
    ids::ConsumptionId,
};
use serde::Serialize;
use utoipa::ToSchema;

/// A return as it was asked for.
#[derive(Clone, Debug)]
pub struct ReturnRequest {
    /// Which consumption.
    pub consumption: ConsumptionId,
    /// How much; all that can still be returned when `None`.
    pub amount: Option<Amount>,
    /// The idempotency key.
    pub key: String,
    /// Who asks.
    pub actor: Actor,
}

/// A return and the balance right after it.
#[derive(Serialize, ToSchema)]
pub struct ReturnAnswer {
    /// Always `return`.
    #[schema(value_type = String, pattern = "^return$")]
    object: &'static str,
    #[schema(value_type = ConsumptionRef)]
    consumption_id: String,
    #[schema(value_type = CustomerName)]
    customer_id: String,
    #[schema(value_type = UnitName)]
    unit: String,
    /// How much was returned now.
    returned: Decimal,
    /// Of it, billable overage.
    overflow: Decimal,
    /// What went back to each grant.
    grants: Vec<view::PartView>,
    /// How much of the consumption has been returned in all.
    returned_total: Decimal,
    balance: view::BalanceView,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required, value_type = bool)]
    replayed: Option<bool>,
}

/// Returns a spend: its overflow first, then its grants in reverse order.
///
/// # Errors
/// `unknown_consumption`, `return_exceeds_spend`, and those of [`write`].
pub fn give_back(tx: &mut Tx<'_>, asked: &ReturnRequest, random: &Random) -> Result<Answered, Error> {
    let found = find(tx, asked.consumption)?;
    let call = Call {
        customer: found.customer.clone(),
        unit: found.unit.clone(),
        operation: Operation::Return,
        key: Some(asked.key.clone()),
        request: vec![
            ("consumption_id", Some(asked.consumption.to_string())),
            ("amount", asked.amount.and_then(amount_field)),
        ],
        actor: asked.actor.clone(),
        create: false,
        random: random.clone(),
        grants: found.back.parts.iter().map(|part| part.grant).collect(),
    };
    write(tx, &call, |tx, opened| {
        let mut consumed = find(tx, asked.consumption)?;
        let mut payments = reversals::payments(tx, &consumed.customer, &consumed.unit)?;
        payments.retain(|payment| consumed.back.parts.iter().any(|part| payment.grants.contains(&part.grant)));
        reversals::load_grants(tx, &mut opened.turn, &payments)?;
        let used_with = opened.turn.wallet().used_with(&consumed.back);
        reversals::load_closed(tx, &mut opened.turn, used_with)?;
        let amount = asked.amount.unwrap_or_else(|| left(&consumed.back));
        if amount.is_zero() {
            return Err(Refusal::ReturnExceedsSpend { returnable: Amount::ZERO }.into());
        }
        let why = opened.why(asked.consumption, consumed.user_id.as_deref(), None);
        let returned = opened.turn.give_back(&mut consumed.back, amount, &mut payments, &why)?;
        consumption::update_later(tx, asked.consumption, &consumed.back);
        reversals::put_later(tx, &consumed.customer, &consumed.unit, &payments);
        Ok(ReturnAnswer {
            object: "return",
            consumption_id: asked.consumption.to_string(),
            customer_id: consumed.customer.as_str().to_owned(),
            unit: consumed.unit.as_str().to_owned(),
            returned: Decimal(returned.amount),
            overflow: Decimal(returned.overflow),
            grants: returned
                .parts
                .iter()
                .map(|(grant, amount)| view::PartView { grant_id: grant.to_string(), amount: Decimal(*amount) })
                .collect(),
            returned_total: Decimal(total(&consumed.back).checked_sub(left(&consumed.back)).unwrap_or_default()),
            balance: view::balance(&consumed.customer, &consumed.unit, &opened.turn.balance(LISTED_GRANTS)),
            replayed: None,
        })
    })
}

fn find(tx: &mut Tx<'_>, id: ConsumptionId) -> Result<consumption::Consumed, Error> {
    consumption::by_id(tx, id)?
        .ok_or_else(|| Error::new(Code::UnknownConsumption, format!("No consumption has the id `{id}`.")).about("id"))
}

/// All that was spent.
fn total(back: &Consumption) -> Amount {
    back.parts.iter().fold(back.overflow, |sum, part| sum.checked_add(part.amount).unwrap_or(Amount::MAX))
}

/// What can still be returned.
fn left(back: &Consumption) -> Amount {
    let returned = back
        .parts
        .iter()
        .fold(back.overflow_returned, |sum, part| sum.checked_add(part.returned).unwrap_or(Amount::MAX));
    total(back).checked_sub(returned).unwrap_or_default()
}
