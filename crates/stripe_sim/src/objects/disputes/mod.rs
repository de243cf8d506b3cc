//! Disputes: a payer takes a payment back, or asks what it was, and what comes of it.

mod api;
mod flow;

pub(crate) use api::{close, list, retrieve, update};
pub(crate) use flow::{appeal, ends, follow, is_disputed_later, opens, refunded, reinstate};

use super::{
    balance::{self, BalanceTransaction, Kind, Movement},
    cards::Claim,
    charges::Charge,
    metadata::Metadata,
};
use crate::world::{Cx, Resource, World, plain};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A payment that is taken back, or asked about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dispute {
    pub id: String,
    pub created: i64,
    /// In minor units.
    pub amount: i64,
    pub currency: String,
    pub status: Status,
    pub charge: String,
    pub payment_intent: Option<String>,
    /// Ids: what was taken, and what came back.
    pub balance_transactions: Vec<String>,
    pub evidence: Map<String, Value>,
    pub intended_submission_method: Option<String>,
    pub metadata: Metadata,
    /// What it is about. Hidden, as all that follow.
    pub claim: Claim,
    /// Until when one can answer.
    pub due_by: i64,
    /// How often one did.
    pub submissions: i64,
    /// When it is decided, unless something happens before.
    pub ends_at: Option<i64>,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    AppealNeedsResponse,
    AppealUnderReview,
    Lost,
    NeedsResponse,
    UnderReview,
    WarningClosed,
    WarningNeedsResponse,
    WarningUnderReview,
    Won,
}

impl Status {
    /// Whether nothing more will come of it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Lost | Self::WarningClosed | Self::Won)
    }

    /// Whether it is only a question: no money moved.
    pub const fn is_inquiry(self) -> bool {
        matches!(self, Self::WarningClosed | Self::WarningNeedsResponse | Self::WarningUnderReview)
    }
}

/// What is said of a claim: the reason, the network's code for it, and the kind of case.
/// The codes 10.4 and 13.1, and 10 for others, were recorded by others.
const fn facts(claim: Claim) -> (&'static str, Option<&'static str>, Option<&'static str>) {
    match claim {
        Claim::Fraudulent | Claim::CompellingEvidence => ("fraudulent", Some("10.4"), Some("chargeback")),
        Claim::NotReceived => ("product_not_received", Some("13.1"), Some("chargeback")),
        Claim::Inquiry => ("general", Some("10"), Some("inquiry")),
        Claim::Compliance => ("noncompliant", Some("10"), Some("compliance")),
        Claim::Debit => ("debit_not_authorized", None, None),
    }
}

const DAY: i64 = 24 * 3600;

/// For how long one can answer: to the end of the eighth day, in UTC. Recorded by others.
const fn answer_by(from: i64) -> i64 {
    (from.div_euclid(DAY) + 8) * DAY + DAY - 1
}

impl Dispute {
    /// Whether the money that was taken came back.
    pub fn came_back(&self) -> bool {
        self.balance_transactions.len() > 1
    }

    /// What is said of the payment that is disputed, if it was by card.
    fn method_details(&self, world: &World) -> Option<Value> {
        let (_, code, case) = facts(self.claim);
        let charge = world.get::<Charge>(&self.charge)?;
        let brand = &charge.payment_method_details["card"]["brand"];
        let case = match case? {
            // An inquiry that became more.
            "inquiry" if !self.status.is_inquiry() => "chargeback",
            case => case,
        };
        Some(json!({
            "card": { "brand": brand, "case_type": case, "network": brand, "network_reason_code": code },
            "type": "card",
        }))
    }
}

/// Whether money was taken for a dispute about the charge, and has not come back.
pub(crate) fn is_charged_back(cx: &Cx<'_>, charge: &str) -> bool {
    cx.world.of::<Dispute>(charge).any(|dispute| !dispute.status.is_inquiry() && !dispute.came_back())
}

/// Moves the balance because of a dispute.
fn book(cx: &mut Cx<'_>, dispute: &Dispute, kind: Kind) {
    let (amount, word) = match kind {
        Kind::DisputeReversed => (dispute.amount, "reversal"),
        _ => (-dispute.amount, "withdrawal"),
    };
    let movement = Movement {
        amount,
        currency: &dispute.currency,
        description: Some(format!("Chargeback {word} for {}", dispute.charge)),
        source: &dispute.id,
        kind,
    };
    let transaction = balance::book(cx, movement);
    cx.edit::<Dispute>(&dispute.id, |dispute| dispute.balance_transactions.push(transaction));
}

/// Fields that are not shown, or not as they are kept.
const HIDDEN: &[&str] = &["claim", "due_by", "submissions", "ends_at"];

impl Resource for Dispute {
    const SCHEMA: &'static str = "dispute";

    fn id(&self) -> &str {
        &self.id
    }

    fn owners(&self) -> Vec<&str> {
        std::iter::once(self.charge.as_str()).chain(self.payment_intent.as_deref()).collect()
    }

    fn view(&self, world: &World) -> Value {
        let (reason, code, _) = facts(self.claim);
        let (eligible, enhanced) = match self.claim {
            Claim::CompellingEvidence => (
                json!(["visa_compelling_evidence_3"]),
                json!({ "visa_compelling_evidence_3": {
                    "required_actions": ["missing_prior_undisputed_transactions"], "status": "requires_action",
                } }),
            ),
            Claim::Compliance => {
                (json!(["visa_compliance"]), json!({ "visa_compliance": { "status": "requires_fee_acknowledgement" } }))
            }
            _ => (json!([]), json!({})),
        };
        let moved = self.balance_transactions.iter().filter_map(|id| world.get::<BalanceTransaction>(id));
        let moved: Vec<Value> = moved.map(|transaction| world.wire(transaction)).collect();
        let mut value = plain(self);
        if let Some(fields) = value.as_object_mut() {
            for name in HIDDEN {
                fields.remove(*name);
            }
            if let Some(details) = self.method_details(world) {
                fields.insert("payment_method_details".into(), details);
            }
            if let Some(evidence) = fields.get_mut("evidence").and_then(Value::as_object_mut) {
                evidence.entry("enhanced_evidence").or_insert_with(|| json!({}));
            }
            let further = json!({
                "balance_transactions": moved,
                "enhanced_eligibility_types": eligible,
                "evidence_details": {
                    "due_by": self.due_by,
                    "enhanced_eligibility": enhanced,
                    "has_evidence": !self.evidence.is_empty(),
                    "past_due": world.now > self.due_by,
                    "submission_count": self.submissions,
                    "submission_method": if self.submissions > 0 { "manual" } else { "not_submitted" },
                },
                "is_charge_refundable": self.status.is_inquiry() && !self.status.is_final(),
                "network_reason_code": code,
                "reason": reason,
            });
            fields.extend(further.as_object().cloned().unwrap_or_default());
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::answer_by;

    #[test]
    fn answers_are_due_at_the_end_of_the_eighth_day() {
        let table = [(0, 777_599), (86_399, 777_599), (86_400, 863_999)];
        for (from, due) in table {
            assert_eq!(answer_by(from), due, "{from}");
        }
    }
}
