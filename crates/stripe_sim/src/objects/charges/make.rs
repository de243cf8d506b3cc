//! A charge is made: of a sale and of what it is paid with.

use super::{Charge, Status};
use crate::{
    objects::{
        Kept, cards::Decline, metadata::Metadata, payment_intents::PaymentIntent, payment_methods::PaymentMethod,
    },
    world::Cx,
};
use serde_json::{Value, json};

/// What is sold.
#[derive(Clone, Debug)]
pub(crate) struct Sale {
    /// In minor units.
    pub amount: i64,
    pub currency: String,
    pub customer: Option<String>,
    pub description: Option<String>,
    pub metadata: Metadata,
    pub payment_intent: Option<String>,
    /// Fields that mean nothing here.
    pub kept: Kept,
}

/// What comes of the try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The money is there.
    Paid,
    /// The money is set aside, to be captured.
    Authorized,
    /// A bank debit is on its way.
    Pending,
    Failed(Decline),
}

/// For how long an authorization holds, in seconds.
/// Source: <https://docs.stripe.com/payments/place-a-hold-on-a-payment-method>
const AUTHORIZED_FOR: i64 = 7 * 24 * 3600;

/// Fields that a charge takes over from its payment intent.
const TAKEN_OVER: &[&str] = &[
    "application_fee_amount",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
];

impl Sale {
    /// What a payment intent is for.
    pub fn of(intent: &PaymentIntent) -> Self {
        let taken = |(name, _): &(&String, &Value)| TAKEN_OVER.contains(&name.as_str());
        let kept = intent.kept.iter().filter(taken).map(|(name, value)| (name.clone(), value.clone()));
        Self {
            amount: intent.amount,
            currency: intent.currency.clone(),
            customer: intent.customer.clone(),
            description: intent.description.clone(),
            metadata: intent.metadata.clone(),
            payment_intent: Some(intent.id.clone()),
            kept: kept.collect(),
        }
    }
}

/// Makes a charge and tells nobody; answers its id. `proven` says that the holder passed a challenge.
pub(crate) fn charge(cx: &mut Cx<'_>, sale: Sale, method: &PaymentMethod, end: End, proven: bool) -> String {
    // Cards are charged, all else is paid.
    let id = cx.new_id(if method.kind == "card" { "ch" } else { "py" });
    let created = cx.now();
    let (level, lowest, highest) = method.behaviour.risk.band();
    let score = lowest + cx.world.random.below(highest - lowest + 1);
    let (outcome, declined) = match end {
        End::Failed(decline) => (decline.outcome(level, score), Some(decline)),
        _ => (authorized(level, score), None),
    };
    let details = details(cx, &sale, method, end, proven);
    let paid = matches!(end, End::Paid | End::Authorized);
    cx.put(Charge {
        id: id.clone(),
        created,
        amount: sale.amount,
        amount_captured: if end == End::Paid { sale.amount } else { 0 },
        amount_refunded: 0,
        currency: sale.currency,
        status: match end {
            End::Paid | End::Authorized => Status::Succeeded,
            End::Pending => Status::Pending,
            End::Failed(_) => Status::Failed,
        },
        paid,
        captured: matches!(end, End::Paid | End::Pending),
        refunded: false,
        disputed: false,
        balance_transaction: None,
        billing_details: method.billing_details.clone(),
        customer: sale.customer,
        description: sale.description,
        failure_code: declined.map(|decline| decline.code().to_owned()),
        failure_message: declined.map(|decline| decline.message().to_owned()),
        metadata: sale.metadata,
        outcome: Some(outcome),
        payment_intent: sale.payment_intent,
        payment_method: method.id.clone(),
        payment_method_details: details,
        kept: sale.kept,
        behaviour: method.behaviour,
    });
    id
}

/// What a charge says that the network agreed to.
fn authorized(level: &str, score: u64) -> Value {
    json!({
        "advice_code": null,
        "network_advice_code": null,
        "network_decline_code": null,
        "network_status": "approved_by_network",
        "reason": (level == "elevated").then_some("elevated_risk_level"),
        "risk_level": level,
        "risk_score": score,
        "seller_message": "Payment complete.",
        "type": "authorized",
    })
}

/// What a charge shows of what it is paid with.
fn details(cx: &mut Cx<'_>, sale: &Sale, method: &PaymentMethod, end: End, proven: bool) -> Value {
    let own = match method.kind.as_str() {
        "card" => card_details(cx, sale, method, end, proven),
        _ => bank_details(cx, method),
    };
    let mut shown = json!({ "type": method.kind });
    shown[method.kind.as_str()] = own;
    shown
}

fn card_details(cx: &mut Cx<'_>, sale: &Sale, method: &PaymentMethod, end: End, proven: bool) -> Value {
    let card = &method.details;
    let transaction = proven.then(|| cx.world.random.letters(22));
    let challenge = transaction.map(|transaction| {
        json!({
            "authentication_flow": "challenge",
            "electronic_commerce_indicator": "05",
            "exemption_indicator": null,
            "result": "authenticated",
            "result_reason": null,
            "transaction_id": transaction,
            "version": "2.2.0",
        })
    });
    let mut shown = json!({
        "amount_authorized": sale.amount,
        "authorization_code": null,
        "brand": card["brand"],
        "checks": card["checks"],
        "country": card["country"],
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "extended_authorization": { "status": "disabled" },
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": { "status": "unavailable" },
        "installments": null,
        "last4": card["last4"],
        "mandate": null,
        "multicapture": { "status": "unavailable" },
        "network": card["brand"],
        "network_token": { "used": false },
        "overcapture": { "maximum_amount_capturable": sale.amount, "status": "unavailable" },
        "regulated_status": "unregulated",
        "three_d_secure": challenge,
        "wallet": null,
    });
    if end == End::Authorized {
        shown["capture_before"] = (cx.now() + AUTHORIZED_FOR).into();
    }
    shown
}

/// What is taken over from a bank account; the mandate is new with every debit.
fn bank_details(cx: &mut Cx<'_>, method: &PaymentMethod) -> Value {
    let mandate = cx.new_id("mandate");
    let account = &method.details;
    if method.kind == "sepa_debit" {
        return json!({
            "bank_code": account["bank_code"],
            "branch_code": account["branch_code"],
            "country": account["country"],
            "fingerprint": account["fingerprint"],
            "last4": account["last4"],
            "mandate": mandate,
        });
    }
    json!({
        "account_holder_type": account["account_holder_type"],
        "account_type": account["account_type"],
        "bank_name": account["bank_name"],
        "fingerprint": account["fingerprint"],
        "last4": account["last4"],
        "mandate": mandate,
        "payment_reference": null,
        "routing_number": account["routing_number"],
    })
}
