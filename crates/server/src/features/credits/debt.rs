//! Debt that an operator forgives (rules 1.8).

use super::{
    grants::{balance_told, told},
    idempotency::Operation,
    spends::LISTED_GRANTS,
    view,
    write::{Answered, Call, amount_field, write},
};
use crate::platform::{
    auth::Actor,
    db::Tx,
    error::Error,
    http::{CustomerName, Decimal, UnitName},
    ids::Random,
};
use purser_rules::{
    Amount,
    ids::{CustomerId, Unit},
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// What is to be forgiven.
#[derive(Clone, Debug)]
pub struct ForgiveRequest {
    /// Whose debt.
    pub customer: CustomerId,
    /// In which unit.
    pub unit: Unit,
    /// How much of it; all when `None`.
    pub amount: Option<Amount>,
    /// Why, in words, for the audit trail.
    pub reason: Option<String>,
    /// The idempotency key.
    pub key: String,
    /// Who asks.
    pub actor: Actor,
}

/// Debt that was forgiven, and the balance right after it.
#[derive(Serialize, ToSchema)]
pub struct ForgiveAnswer {
    /// Always `forgiveness`.
    #[schema(value_type = String, pattern = "^forgiveness$")]
    object: &'static str,
    #[schema(value_type = CustomerName)]
    customer_id: String,
    #[schema(value_type = UnitName)]
    unit: String,
    /// How much was forgiven.
    forgiven: Decimal,
    balance: view::BalanceView,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required, value_type = bool)]
    replayed: Option<bool>,
}

/// Forgives debt of a wallet, in whole or in part; where nothing is owed, forgiving all of it is nothing.
///
/// # Errors
/// `forgive_exceeds_debt`, and those of [`write`].
pub fn forgive(tx: &mut Tx<'_>, asked: &ForgiveRequest, random: &Random) -> Result<Answered, Error> {
    let call = Call {
        customer: asked.customer.clone(),
        unit: asked.unit.clone(),
        operation: Operation::Forgive,
        key: Some(asked.key.clone()),
        request: vec![
            ("amount", asked.amount.and_then(amount_field)),
            ("unit", Some(asked.unit.as_str().to_owned())),
            ("reason", asked.reason.clone()),
        ],
        actor: asked.actor.clone(),
        create: false,
        random: random.clone(),
        grants: Vec::new(),
    };
    write(tx, &call, |tx, opened| {
        let why = opened.why(asked.customer.as_str(), None, None);
        let before = balance_told(&asked.unit, opened)?;
        let forgiven = opened.turn.forgive(asked.amount, &why)?;
        let mut after = balance_told(&asked.unit, opened)?;
        after["forgiven"] = told(&Decimal(forgiven))?;
        after["reason"] = json!(asked.reason);
        opened.audit(tx, "debt.forgiven", asked.customer.as_str(), (Some(before), after));
        Ok(ForgiveAnswer {
            object: "forgiveness",
            customer_id: asked.customer.as_str().to_owned(),
            unit: asked.unit.as_str().to_owned(),
            forgiven: forgiven.into(),
            balance: view::balance(&asked.customer, &asked.unit, &opened.turn.balance(LISTED_GRANTS)),
            replayed: None,
        })
    })
}
