//! Refunds: money goes back, all of it or a part, at once or days later, and sometimes comes back again.

mod api;

pub(crate) use api::{cancel, create, list, retrieve, update};

use super::{
    balance::{self, Kind, Movement},
    cards::RefundEnd,
    charges::{self, Charge},
    disputes,
    metadata::Metadata,
    payment_intents::{amounts, refusals},
};
use crate::{
    error::ApiError,
    world::{Cx, Resource, Timer, World, list_of, plain},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Money that goes back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub id: String,
    pub created: i64,
    /// In minor units.
    pub amount: i64,
    pub currency: String,
    pub status: Status,
    pub charge: String,
    pub customer: Option<String>,
    pub payment_intent: Option<String>,
    pub payment_method: Option<String>,
    pub balance_transaction: String,
    pub reason: Option<String>,
    pub metadata: Metadata,
    /// The number under which the payer's bank finds it, once there is one.
    pub reference: Option<String>,
    pub failure_balance_transaction: Option<String>,
    pub failure_reason: Option<String>,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Failed,
    Pending,
    Succeeded,
}

/// A refund to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewRefund {
    pub charge: String,
    /// In minor units; all that is left when there is none.
    pub amount: Option<i64>,
    pub reason: Option<String>,
    pub metadata: Metadata,
}

/// Until the network names a reference for a refund: one second was seen in Stripe's test mode.
const REFERENCE_AFTER: i64 = 1;
/// Until a refund succeeds that is pending first. Stripe's page on testing only says "some time later"; that it is
/// three days is ours, below the 5 to 10 business days a real one takes.
const SUCCEEDS_AFTER: i64 = 3 * 24 * 3600;
/// Until a refund fails that seemed to succeed. Stripe's page on refunds says within 30 days; that it is ten is ours.
const FAILS_AFTER: i64 = 10 * 24 * 3600;

/// Gives money back and tells it; answers the refund's id.
///
/// # Errors
/// There is no such charge, it was not paid, it is disputed, or less of it is left.
pub(crate) fn open(cx: &mut Cx<'_>, new: NewRefund) -> Result<String, ApiError> {
    // That it is a 404 about `id` was recorded by others.
    let charge: Charge = cx.given(&new.charge, "id").map_err(|error| error.status(404))?;
    let amount = refundable(cx, &charge, new.amount)?;
    let id = cx.new_id(if charge.kind() == "card" { "re" } else { "pyr" });
    let created = cx.now();
    let movement = Movement {
        amount: -amount,
        currency: &charge.currency,
        description: Some("REFUND FOR CHARGE".to_owned()),
        source: &id,
        kind: Kind::Refund,
    };
    let balance_transaction = balance::book(cx, movement);
    let (status, after) = match charge.behaviour.refund {
        RefundEnd::AtOnce => (Status::Succeeded, REFERENCE_AFTER),
        RefundEnd::Later => (Status::Pending, SUCCEEDS_AFTER),
        RefundEnd::Fails => (Status::Succeeded, FAILS_AFTER),
    };
    let fraudulent = new.reason.as_deref() == Some("fraudulent");
    cx.put(Refund {
        id: id.clone(),
        created,
        amount,
        currency: charge.currency.clone(),
        status,
        charge: charge.id.clone(),
        customer: charge.customer.clone(),
        payment_intent: charge.payment_intent.clone(),
        payment_method: Some(charge.payment_method.clone()),
        balance_transaction,
        reason: new.reason,
        metadata: new.metadata,
        reference: None,
        failure_balance_transaction: None,
        failure_reason: None,
    });
    let before = cx.before::<Charge>(&charge.id);
    charges::give_back(cx, &charge.id, amount);
    if fraudulent {
        cx.edit::<Charge>(&charge.id, |charge| {
            charge.kept.insert("fraud_details".into(), json!({ "user_report": "fraudulent" }));
        });
    }
    cx.at(created + after, Timer::RefundSettles(id.clone()));
    cx.tell::<Refund>("refund.created", &id);
    cx.tell_change::<Charge>("charge.refunded", &charge.id, before);
    disputes::refunded(cx, &charge.id);
    Ok(id)
}

/// How much goes back of a charge: what is asked for, if so much is left, or all that is.
fn refundable(cx: &Cx<'_>, charge: &Charge, asked: Option<i64>) -> Result<i64, ApiError> {
    let id = &charge.id;
    if disputes::is_charged_back(cx, id) {
        let message = format!("Charge {id} has been charged back; cannot issue a refund.");
        return Err(ApiError::invalid(message).code("charge_disputed"));
    }
    if charge.refunded {
        let message = format!("Charge {id} has already been refunded.");
        return Err(ApiError::invalid(message).code("charge_already_refunded"));
    }
    if charge.status != charges::Status::Succeeded || !charge.captured {
        return Err(unpaid(charge));
    }
    let left = charge.refundable();
    let amount = asked.unwrap_or(left);
    if amount < 1 {
        return Err(refusals::below_one("amount"));
    }
    if amount > left {
        let message = format!(
            "Refund amount ({}) is greater than unrefunded amount on charge ({})",
            amounts::shown(amount, &charge.currency),
            amounts::shown(left, &charge.currency)
        );
        return Err(ApiError::wrong(&message, "amount"));
    }
    Ok(amount)
}

/// Nothing was paid that could go back. Of a charge by itself the words are ours.
fn unpaid(charge: &Charge) -> ApiError {
    match &charge.payment_intent {
        Some(intent) => without_charge(intent),
        None => ApiError::invalid(format!("Charge {} was not paid; it cannot be refunded.", charge.id))
            .code("charge_not_refundable"),
    }
}

/// Nothing was paid by the payment intent `id`.
fn without_charge(id: &str) -> ApiError {
    ApiError::invalid(format!("This PaymentIntent ({id}) does not have a successful charge to refund."))
}

/// Something becomes of a refund by itself: it arrives, it gets its reference, or it fails.
pub(crate) fn settles(cx: &mut Cx<'_>, id: &str) {
    let Some(refund) = cx.world.get::<Refund>(id).cloned() else { return };
    let Some(end) = cx.world.get::<Charge>(&refund.charge).map(|charge| charge.behaviour.refund) else { return };
    match (refund.status, end) {
        (Status::Failed, _) => {}
        (Status::Succeeded, RefundEnd::Fails) => fail(cx, &refund),
        _ if refund.reference.is_none() => arrive(cx, &refund),
        _ => {}
    }
}

/// The payer's bank has it.
fn arrive(cx: &mut Cx<'_>, refund: &Refund) {
    let high = cx.world.random.below(100_000_000_000);
    let low = cx.world.random.below(100_000_000_000);
    change(cx, &refund.id, |refund| {
        refund.status = Status::Succeeded;
        // An acquirer reference number has 23 digits.
        refund.reference = Some(format!("7{high:011}{low:011}"));
    });
}

/// The payer's bank sends it back: the charge counts as not refunded by so much.
fn fail(cx: &mut Cx<'_>, refund: &Refund) {
    let movement = Movement {
        amount: refund.amount,
        currency: &refund.currency,
        description: Some("REFUND FAILURE".to_owned()),
        source: &refund.id,
        kind: Kind::RefundFailed,
    };
    let transaction = balance::book(cx, movement);
    let (one, two) = (cx.before::<Refund>(&refund.id), cx.before::<Refund>(&refund.id));
    let before = cx.before::<Charge>(&refund.charge);
    cx.edit::<Refund>(&refund.id, |refund| {
        refund.status = Status::Failed;
        refund.failure_reason = Some("expired_or_canceled_card".to_owned());
        refund.failure_balance_transaction = Some(transaction);
    });
    charges::give_back(cx, &refund.charge, -refund.amount);
    cx.tell::<Refund>("refund.failed", &refund.id);
    cx.tell_change::<Refund>("refund.updated", &refund.id, one);
    cx.tell_change::<Refund>("charge.refund.updated", &refund.id, two);
    cx.tell_change::<Charge>("charge.updated", &refund.charge, before);
}

/// Changes a refund and tells it under both its names.
fn change(cx: &mut Cx<'_>, id: &str, edit: impl FnOnce(&mut Refund)) {
    let (one, two) = (cx.before::<Refund>(id), cx.before::<Refund>(id));
    cx.edit::<Refund>(id, edit);
    cx.tell_change::<Refund>("refund.updated", id, one);
    cx.tell_change::<Refund>("charge.refund.updated", id, two);
}

/// The refunds of a charge, newest first, as the charge shows them when asked to; `None` when there is no such charge.
pub(crate) fn shown(world: &World, charge: &str) -> Option<Value> {
    world.get::<Charge>(charge)?;
    let own = world.of::<Refund>(charge).rev();
    Some(list_of(own.map(|refund| world.wire(refund)), &format!("/v1/charges/{charge}/refunds")))
}

impl Refund {
    /// Where the money goes.
    fn destination(&self, world: &World) -> Value {
        let charge = world.get::<Charge>(&self.charge);
        let kind = match charge.map_or("card", Charge::kind) {
            "sepa_debit" => "eu_bank_transfer",
            "us_bank_account" => "us_bank_transfer",
            _ => "card",
        };
        let status = if self.reference.is_some() { "available" } else { "pending" };
        let mut own = json!({ "reference_status": status });
        if let Some(reference) = &self.reference {
            own["reference"] = json!(reference);
        }
        if kind == "card" {
            own["reference_type"] = json!("acquirer_reference_number");
            own["type"] = json!("refund");
        }
        let mut destination = json!({ "type": kind });
        destination[kind] = own;
        destination
    }
}

impl Resource for Refund {
    const SCHEMA: &'static str = "refund";

    fn id(&self) -> &str {
        &self.id
    }

    fn owners(&self) -> Vec<&str> {
        std::iter::once(self.charge.as_str()).chain(self.payment_intent.as_deref()).collect()
    }

    fn view(&self, world: &World) -> Value {
        let mut value = plain(self);
        if let Some(fields) = value.as_object_mut() {
            fields.remove("reference");
            // What is not there is not even null.
            for name in ["failure_balance_transaction", "failure_reason"] {
                if fields.get(name).is_some_and(Value::is_null) {
                    fields.remove(name);
                }
            }
            if self.status == Status::Pending {
                fields.insert("pending_reason".into(), json!("processing"));
            }
            fields.insert("destination_details".into(), self.destination(world));
        }
        value
    }
}
