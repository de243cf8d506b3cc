//! How disputes open, are answered and end.

use super::{DAY, Dispute, Status, answer_by, book};
use crate::{
    error::ApiError,
    objects::{
        balance::Kind,
        cards::{Claim, Follows},
        charges::{self, Charge},
        metadata::Metadata,
    },
    world::{Cx, Timer},
};
use serde_json::{Map, Value, json};

/// Until evidence with one of the words of [`Verdict`] is decided on: about five seconds. Recorded by others.
const DECIDED_AFTER: i64 = 5;
/// Until the issuer decides on any other evidence: 60 to 75 days, and then against the seller; the latter is ours.
/// Source: <https://docs.stripe.com/disputes/how-disputes-work>
const ISSUER_DECIDES_AFTER: i64 = 75 * DAY;
/// Until an inquiry is over by itself. Same source.
const INQUIRY_ENDS_AFTER: i64 = 120 * DAY;

/// What a test's evidence says that comes of it. Source: <https://docs.stripe.com/testing#disputes>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Winning,
    Losing,
    Escalate,
}

fn verdict(dispute: &Dispute) -> Option<Verdict> {
    match dispute.evidence.get("uncategorized_text").and_then(Value::as_str)? {
        "winning_evidence" => Some(Verdict::Winning),
        "losing_evidence" => Some(Verdict::Losing),
        "escalate_inquiry_evidence" => Some(Verdict::Escalate),
        _ => None,
    }
}

/// Lets come what follows a payment by this card at once.
pub(crate) fn follow(cx: &mut Cx<'_>, charge: &str) {
    let Some(found) = cx.world.get::<Charge>(charge).filter(|found| found.behaviour.debit.is_none()).cloned() else {
        return;
    };
    match found.behaviour.follows {
        Follows::Nothing => {}
        Follows::FraudWarning => warn(cx, &found),
        Follows::Dispute(_) | Follows::TwoDisputes => opens(cx, charge),
    }
}

/// Whether a bank debit that succeeded is going to be taken back.
pub(crate) fn is_disputed_later(cx: &Cx<'_>, charge: &str) -> bool {
    cx.world.get::<Charge>(charge).is_some_and(|charge| charge.behaviour.follows != Follows::Nothing)
}

/// The issuer says that a payment looks like fraud; nothing else happens.
fn warn(cx: &mut Cx<'_>, charge: &Charge) {
    let id = cx.new_id("issfr");
    let warning = json!({
        "id": id,
        "object": "radar.early_fraud_warning",
        "actionable": true,
        "charge": charge.id,
        "created": cx.now(),
        "fraud_type": "misc",
        "livemode": false,
        "payment_intent": charge.payment_intent,
    });
    cx.tell_value("radar.early_fraud_warning.created", warning, None);
}

/// A payment is disputed, if it stands and was not disputed before.
pub(crate) fn opens(cx: &mut Cx<'_>, charge: &str) {
    let Some(found) = cx.world.get::<Charge>(charge).cloned() else { return };
    let stands = found.status == charges::Status::Succeeded && found.captured && !found.refunded;
    if !stands || cx.world.of::<Dispute>(charge).next().is_some() {
        return;
    }
    let before = cx.before::<Charge>(charge);
    cx.edit::<Charge>(charge, |charge| charge.disputed = true);
    let whole = found.refundable();
    match found.behaviour.follows {
        Follows::Dispute(claim) => open(cx, &found, claim, whole),
        Follows::TwoDisputes => {
            open(cx, &found, Claim::Fraudulent, whole - whole / 2);
            open(cx, &found, Claim::Fraudulent, whole / 2);
        }
        Follows::Nothing | Follows::FraudWarning => open(cx, &found, Claim::Fraudulent, whole),
    }
    cx.tell_change::<Charge>("charge.updated", charge, before);
}

fn open(cx: &mut Cx<'_>, charge: &Charge, claim: Claim, amount: i64) {
    let id = cx.new_id("du");
    let created = cx.now();
    let due_by = answer_by(created);
    let (status, ends_at) = match claim {
        Claim::Inquiry => (Status::WarningNeedsResponse, Some(created + INQUIRY_ENDS_AFTER)),
        // A bank gives the money of a debit back without a question. That it is lost from the outset is ours.
        Claim::Debit => (Status::Lost, None),
        _ => (Status::NeedsResponse, Some(due_by + 1)),
    };
    cx.put(Dispute {
        id: id.clone(),
        created,
        amount,
        currency: charge.currency.clone(),
        status,
        charge: charge.id.clone(),
        payment_intent: charge.payment_intent.clone(),
        balance_transactions: Vec::new(),
        evidence: Map::new(),
        intended_submission_method: None,
        metadata: Metadata::new(),
        claim,
        due_by,
        submissions: 0,
        ends_at,
    });
    plan(cx, &id, ends_at);
    cx.tell::<Dispute>("charge.dispute.created", &id);
    if !status.is_inquiry() {
        withdraw(cx, &id);
    }
    if status.is_final() {
        cx.tell::<Dispute>("charge.dispute.closed", &id);
    }
}

fn plan(cx: &mut Cx<'_>, id: &str, at: Option<i64>) {
    if let Some(at) = at {
        cx.at(at, Timer::DisputeEnds(id.to_owned()));
    }
}

/// The amount is taken from the seller.
fn withdraw(cx: &mut Cx<'_>, id: &str) {
    let Some(dispute) = cx.world.get::<Dispute>(id).cloned() else { return };
    book(cx, &dispute, Kind::Dispute);
    cx.tell::<Dispute>("charge.dispute.funds_withdrawn", id);
}

/// The evidence of a dispute goes to the issuer. Nobody is told yet.
pub(super) fn submit(cx: &mut Cx<'_>, id: &str) {
    let Some(dispute) = cx.world.get::<Dispute>(id).cloned() else { return };
    let now = cx.now();
    let inquiry = dispute.status.is_inquiry();
    let ends_at = match verdict(&dispute) {
        Some(_) => now + DECIDED_AFTER,
        None if inquiry => dispute.created + INQUIRY_ENDS_AFTER,
        None => now + ISSUER_DECIDES_AFTER,
    };
    cx.edit::<Dispute>(id, |dispute| {
        dispute.status = match dispute.status {
            Status::AppealNeedsResponse | Status::AppealUnderReview => Status::AppealUnderReview,
            _ if inquiry => Status::WarningUnderReview,
            _ => Status::UnderReview,
        };
        dispute.submissions += 1;
        dispute.ends_at = Some(ends_at);
    });
    plan(cx, id, Some(ends_at));
}

/// A dispute is decided, if nothing changed about when.
pub(crate) fn ends(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now();
    let due = |dispute: &&Dispute| !dispute.status.is_final() && dispute.ends_at.is_some_and(|at| at <= now);
    let Some(dispute) = cx.world.get::<Dispute>(id).filter(due).cloned() else { return };
    match (dispute.status, verdict(&dispute)) {
        (Status::WarningUnderReview, Some(Verdict::Escalate)) => escalate(cx, id),
        (status, _) if status.is_inquiry() => shut(cx, id, Status::WarningClosed),
        (Status::UnderReview | Status::AppealUnderReview, Some(Verdict::Winning)) => {
            book(cx, &dispute, Kind::DisputeReversed);
            finish(cx, id, Status::Won);
            cx.tell::<Dispute>("charge.dispute.funds_reinstated", id);
            cx.tell::<Dispute>("charge.dispute.closed", id);
        }
        _ => shut(cx, id, Status::Lost),
    }
}

/// Nothing more will come of a dispute.
fn finish(cx: &mut Cx<'_>, id: &str, status: Status) {
    cx.edit::<Dispute>(id, |dispute| {
        dispute.status = status;
        dispute.ends_at = None;
    });
}

/// Ends a dispute without money, and tells it.
pub(super) fn shut(cx: &mut Cx<'_>, id: &str, status: Status) {
    finish(cx, id, status);
    cx.tell::<Dispute>("charge.dispute.closed", id);
}

/// The money of a dispute that was lost comes back all the same. That it stays `lost` is ours: Stripe tells only of the
/// money.
///
/// # Errors
/// It was not lost, or its money came back before.
pub(crate) fn reinstate(cx: &mut Cx<'_>, id: &str) -> Result<(), ApiError> {
    let dispute: Dispute = cx.given(id, "id")?;
    if dispute.status != Status::Lost || dispute.came_back() {
        return Err(ApiError::invalid("Only the money of a lost dispute can come back, and once."));
    }
    book(cx, &dispute, Kind::DisputeReversed);
    cx.tell::<Dispute>("charge.dispute.funds_reinstated", id);
    Ok(())
}

/// A loss is appealed. Which can be, until when, and that the evidence of any dispute decides it, is ours.
///
/// # Errors
/// It was not lost, or its money came back before.
pub(crate) fn appeal(cx: &mut Cx<'_>, id: &str) -> Result<(), ApiError> {
    let dispute: Dispute = cx.given(id, "id")?;
    if dispute.status != Status::Lost || dispute.came_back() {
        return Err(ApiError::invalid("Only a lost dispute whose money did not come back can be appealed."));
    }
    ask_anew(cx, id, Status::AppealNeedsResponse);
    Ok(())
}

/// The question becomes a chargeback.
fn escalate(cx: &mut Cx<'_>, id: &str) {
    ask_anew(cx, id, Status::NeedsResponse);
    withdraw(cx, id);
}

/// One has to answer anew.
fn ask_anew(cx: &mut Cx<'_>, id: &str, status: Status) {
    let due_by = answer_by(cx.now());
    let before = cx.before::<Dispute>(id);
    cx.edit::<Dispute>(id, |dispute| {
        dispute.status = status;
        dispute.due_by = due_by;
        dispute.ends_at = Some(due_by + 1);
    });
    plan(cx, id, Some(due_by + 1));
    cx.tell_change::<Dispute>("charge.dispute.updated", id, before);
}

/// A charge was refunded: when the whole was, what the payer only asked about is settled. That this closes it is ours.
pub(crate) fn refunded(cx: &mut Cx<'_>, charge: &str) {
    if !cx.world.get::<Charge>(charge).is_some_and(|charge| charge.refunded) {
        return;
    }
    let open = |dispute: &&Dispute| dispute.status.is_inquiry() && !dispute.status.is_final();
    let ids: Vec<String> = cx.world.of::<Dispute>(charge).filter(open).map(|dispute| dispute.id.clone()).collect();
    for id in ids {
        shut(cx, &id, Status::WarningClosed);
    }
}
