//! A customer's balance: what is owed or stands to its credit, and how it came to that.

use super::{
    customers::Customer,
    given,
    metadata::{Metadata, merged},
};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    world::{Cx, Resource, World},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A change of a customer's balance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BalanceChange {
    pub id: String,
    pub created: i64,
    pub customer: String,
    /// Minor units: below zero is credit for the customer.
    pub amount: i64,
    pub currency: String,
    pub ending_balance: i64,
    /// `adjustment`, `applied_to_invoice`, `invoice_too_small`, `unapplied_from_invoice`.
    #[serde(rename = "type")]
    pub kind: String,
    pub invoice: Option<String>,
    pub description: Option<String>,
    pub metadata: Metadata,
}

impl Resource for BalanceChange {
    const SCHEMA: &'static str = "customer_balance_transaction";

    fn id(&self) -> &str {
        &self.id
    }

    fn owners(&self) -> Vec<&str> {
        vec![&self.customer]
    }

    fn view(&self, _world: &World) -> Value {
        json!({
            "id": self.id,
            "object": "customer_balance_transaction",
            "amount": self.amount,
            "checkout_session": null,
            "created": self.created,
            "credit_note": null,
            "currency": self.currency,
            "customer": self.customer,
            "customer_account": null,
            "description": self.description,
            "ending_balance": self.ending_balance,
            "invoice": self.invoice,
            "livemode": false,
            "metadata": self.metadata,
            "type": self.kind,
        })
    }
}

/// Changes a customer's balance by `amount` and tells it. Nothing happens when that is zero.
pub(crate) fn change(
    cx: &mut Cx<'_>,
    customer: &str,
    amount: i64,
    kind: &str,
    invoice: Option<&str>,
) -> Option<String> {
    if amount == 0 {
        return None;
    }
    let found = cx.find::<Customer>(customer).cloned()?;
    let id = cx.new_id("cbtxn");
    let created = cx.now();
    cx.put(BalanceChange {
        id: id.clone(),
        created,
        customer: customer.to_owned(),
        amount,
        currency: found.currency.clone().unwrap_or_else(|| "usd".into()),
        ending_balance: found.balance + amount,
        kind: kind.to_owned(),
        invoice: invoice.map(str::to_owned),
        description: None,
        metadata: Metadata::new(),
    });
    cx.change::<Customer>(customer, "customer.updated", |customer| customer.balance += amount);
    Some(id)
}

#[derive(Deserialize)]
struct Fields {
    amount: i64,
    currency: String,
    description: Option<String>,
    #[serde(default, deserialize_with = "given")]
    metadata: Option<Value>,
}

/// `POST /v1/customers/{id}/balance_transactions`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let customer: Customer = cx.of_path(asked.id())?;
    if customer.currency.as_ref().is_some_and(|other| *other != fields.currency) {
        let message = format!("The customer's currency is {}.", customer.currency.unwrap_or_default());
        return Err(ApiError::wrong(&message, "currency"));
    }
    let metadata = merged(&Metadata::new(), fields.metadata.as_ref())?;
    cx.edit::<Customer>(asked.id(), |customer| customer.currency = Some(fields.currency.clone()));
    let made = change(cx, asked.id(), fields.amount, "adjustment", None);
    let id = made.ok_or_else(|| ApiError::wrong("The amount must not be zero.", "amount"))?;
    cx.edit::<BalanceChange>(&id, |change| {
        change.description = fields.description;
        change.metadata = metadata;
    });
    Answer::object::<BalanceChange>(cx, &id)
}

/// `GET /v1/customers/{id}/balance_transactions`
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let customer: Customer = cx.of_path(asked.id())?;
    Ok(Answer::list_of::<BalanceChange>(cx, Some(&customer.id), |change| change.customer == customer.id))
}

/// `GET /v1/customers/{customerId}/balance_transactions/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let id = asked.path.get(1).map_or("", String::as_str);
    cx.of_path::<BalanceChange>(id)?;
    Answer::object::<BalanceChange>(cx, id)
}
