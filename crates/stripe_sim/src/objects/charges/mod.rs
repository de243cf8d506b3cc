//! Charges: each try to move money, whether it worked or not.

mod api;
mod make;

pub(crate) use api::{capture, create, list, retrieve, update};
pub(crate) use make::{End, Sale, charge};

use super::{
    Kept,
    balance::{self, Kind, Movement},
    cards::{Behaviour, Decline},
    metadata::Metadata,
};
use crate::world::{Cx, Resource, World, plain};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A try to move money.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Charge {
    pub id: String,
    pub created: i64,
    /// In minor units, as all amounts.
    pub amount: i64,
    pub amount_captured: i64,
    pub amount_refunded: i64,
    pub currency: String,
    pub status: Status,
    pub paid: bool,
    pub captured: bool,
    pub refunded: bool,
    pub disputed: bool,
    pub balance_transaction: Option<String>,
    pub billing_details: Value,
    pub customer: Option<String>,
    pub description: Option<String>,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    pub metadata: Metadata,
    pub outcome: Option<Value>,
    pub payment_intent: Option<String>,
    pub payment_method: String,
    pub payment_method_details: Value,
    /// Fields that are kept as they were given.
    #[serde(flatten)]
    pub kept: Kept,
    /// How what it was paid with behaves. Hidden.
    pub behaviour: Behaviour,
}

/// What came of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Failed,
    Pending,
    Succeeded,
}

impl Charge {
    /// What can still be given back.
    pub const fn refundable(&self) -> i64 {
        self.amount_captured - self.amount_refunded
    }

    /// The type of what it was paid with.
    pub fn kind(&self) -> &str {
        self.payment_method_details["type"].as_str().unwrap_or("card")
    }
}

/// Puts what a charge brought into the seller's balance, if it is not there yet.
pub(crate) fn book(cx: &mut Cx<'_>, id: &str) {
    let Some(charge) = cx.world.get::<Charge>(id).filter(|charge| charge.balance_transaction.is_none()).cloned() else {
        return;
    };
    let kind = if charge.behaviour.debit.is_some() { Kind::Payment } else { Kind::Charge };
    let movement = Movement {
        amount: charge.amount_captured,
        currency: &charge.currency,
        description: charge.description.clone(),
        source: id,
        kind,
    };
    let transaction = balance::book(cx, movement);
    cx.edit::<Charge>(id, |charge| charge.balance_transaction = Some(transaction));
}

/// Captures `amount` of a charge that was only authorized, and tells it.
pub(crate) fn take(cx: &mut Cx<'_>, id: &str, amount: i64) {
    cx.edit::<Charge>(id, |charge| {
        charge.captured = true;
        charge.amount_captured = amount;
    });
    book(cx, id);
    cx.tell::<Charge>("charge.captured", id);
}

/// Lets go what was only authorized, and tells it as a refund of the whole.
pub(crate) fn release(cx: &mut Cx<'_>, id: &str) {
    cx.change::<Charge>(id, "charge.refunded", |charge| {
        charge.amount_refunded = charge.amount;
        charge.refunded = true;
    });
}

/// Stops a bank debit that is on its way, and tells it. The words are ours.
pub(crate) fn stop(cx: &mut Cx<'_>, id: &str) {
    cx.edit::<Charge>(id, |charge| {
        charge.status = Status::Failed;
        charge.captured = false;
        charge.failure_message = Some("The payment was canceled.".to_owned());
    });
    cx.tell::<Charge>("charge.failed", id);
}

/// A bank debit ends: it succeeded, or the bank sent it back. It is told.
pub(crate) fn settle(cx: &mut Cx<'_>, id: &str, fails: Option<Decline>) {
    match fails {
        Some(decline) => {
            cx.edit::<Charge>(id, |charge| {
                charge.status = Status::Failed;
                charge.captured = false;
                charge.failure_code = Some(decline.code().to_owned());
                charge.failure_message = Some(decline.message().to_owned());
                let risk =
                    |name: &str| charge.outcome.as_ref().map(|outcome| outcome[name].clone()).unwrap_or_default();
                let (level, score) = (risk("risk_level"), risk("risk_score"));
                charge.outcome = Some(decline.outcome(level.as_str().unwrap_or("normal"), score.as_u64().unwrap_or(0)));
            });
            cx.tell::<Charge>("charge.failed", id);
        }
        None => {
            cx.edit::<Charge>(id, |charge| {
                charge.status = Status::Succeeded;
                charge.paid = true;
                charge.amount_captured = charge.amount;
            });
            book(cx, id);
            cx.tell::<Charge>("charge.succeeded", id);
        }
    }
}

/// So much more of a charge was given back; below zero, so much came back after all.
pub(crate) fn give_back(cx: &mut Cx<'_>, id: &str, amount: i64) {
    cx.edit::<Charge>(id, |charge| {
        charge.amount_refunded += amount;
        charge.refunded = charge.amount_refunded >= charge.amount_captured;
    });
}

/// Fields that are not shown.
const HIDDEN: &[&str] = &["behaviour"];

impl Resource for Charge {
    const SCHEMA: &'static str = "charge";

    fn id(&self) -> &str {
        &self.id
    }

    fn owners(&self) -> Vec<&str> {
        self.customer.as_deref().into_iter().chain(self.payment_intent.as_deref()).collect()
    }

    fn view(&self, _world: &World) -> Value {
        let mut value = plain(self);
        if let Some(fields) = value.as_object_mut() {
            for name in HIDDEN {
                fields.remove(*name);
            }
            fields.entry("fraud_details").or_insert_with(|| json!({}));
            fields.insert("calculated_statement_descriptor".into(), json!("SANDBOX"));
            let receipt = format!("https://pay.stripe.com/receipts/payment/{}", self.id);
            fields.insert("receipt_url".into(), json!(self.paid.then_some(receipt)));
        }
        value
    }
}
