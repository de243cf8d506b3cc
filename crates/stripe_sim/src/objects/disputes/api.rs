//! What can be done with disputes from outside.

use super::{
    Dispute, Status,
    flow::{shut, submit},
};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{charges::Charge, metadata::merged, payment_intents::PaymentIntent},
    world::{Cx, within},
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// `GET /v1/disputes/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let dispute: Dispute = cx.of_path(asked.id())?;
    Answer::object::<Dispute>(cx, &dispute.id)
}

/// `GET /v1/disputes`
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let given = |name: &str| asked.params.get(name).and_then(Value::as_str);
    let (charge, intent) = (given("charge"), given("payment_intent"));
    if let Some(charge) = charge {
        cx.given::<Charge>(charge, "charge")?;
        if cx.world.of::<Dispute>(charge).next().is_none() {
            return Err(ApiError::invalid(format!("No dispute for charge: {charge}")).status(404));
        }
    }
    if let Some(intent) = intent {
        cx.given::<PaymentIntent>(intent, "payment_intent")?;
    }
    let created = asked.params.get("created");
    Ok(Answer::list_of::<Dispute>(cx, charge.or(intent), |dispute| {
        charge.is_none_or(|charge| dispute.charge == charge)
            && (intent.is_none() || dispute.payment_intent.as_deref() == intent)
            && within(dispute.created, created)
    }))
}

#[derive(Deserialize)]
struct Fields {
    evidence: Option<Map<String, Value>>,
    intended_submission_method: Option<String>,
    #[serde(default, deserialize_with = "crate::objects::given")]
    metadata: Option<Value>,
    submit: Option<bool>,
}

/// The dispute that a path names, if something can still be done about it.
fn open_one(cx: &Cx<'_>, asked: &Asked) -> Result<Dispute, ApiError> {
    let dispute: Dispute = cx.of_path(asked.id())?;
    if dispute.status.is_final() {
        return Err(ApiError::invalid("This dispute is already closed"));
    }
    Ok(dispute)
}

/// `POST /v1/disputes/{id}`: evidence goes to the issuer at once, unless `submit` is false.
pub(crate) fn update(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let dispute = open_one(cx, asked)?;
    let metadata = merged(&dispute.metadata, fields.metadata.as_ref())?;
    let submits = fields.submit.unwrap_or(fields.evidence.is_some());
    let before = cx.before::<Dispute>(&dispute.id);
    cx.edit::<Dispute>(&dispute.id, |dispute| {
        dispute.metadata = metadata;
        dispute.evidence.extend(fields.evidence.unwrap_or_default());
        dispute.evidence.retain(|_, value| !value.is_null());
        if fields.intended_submission_method.is_some() {
            dispute.intended_submission_method = fields.intended_submission_method;
        }
    });
    if submits {
        submit(cx, &dispute.id);
    }
    cx.tell_change::<Dispute>("charge.dispute.updated", &dispute.id, before);
    // Told with it, though nothing of the charge changes: recorded by others.
    cx.tell::<Charge>("charge.updated", &dispute.charge);
    Answer::object::<Dispute>(cx, &dispute.id)
}

/// `POST /v1/disputes/{id}/close`: the seller gives in. That a question is closed and not lost is ours.
pub(crate) fn close(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let dispute = open_one(cx, asked)?;
    let status = if dispute.status.is_inquiry() { Status::WarningClosed } else { Status::Lost };
    shut(cx, &dispute.id, status);
    Answer::object::<Dispute>(cx, &dispute.id)
}

#[cfg(test)]
mod tests {
    use super::{close, list, update};
    use crate::{
        http::Answer,
        objects::{
            payment_intents::stage::{ask, ask_of, forget, kinds, pass, pay, shown, text},
            refunds,
        },
        world::{Cx, World},
    };
    use serde_json::{Value, json};

    const DAY: i64 = 24 * 3600;

    /// Pays with `method` and answers the payment and the id of its dispute.
    fn disputed(cx: &mut Cx<'_>, method: &str) -> (Value, String) {
        let intent = pay(cx, method, 1000);
        let id = match list(cx, &ask(json!({ "payment_intent": text(&intent, "id") }))) {
            Ok(Answer::List { ids, .. }) => ids.first().cloned(),
            _ => None,
        };
        (intent, id.unwrap_or_default())
    }

    fn found(cx: &Cx<'_>, id: &str) -> Value {
        cx.world.shown("dispute", id).unwrap_or_default()
    }

    fn evidence(text: &str) -> Value {
        json!({ "evidence": { "uncategorized_text": text } })
    }

    #[test]
    fn a_card_of_the_table_is_disputed_at_once() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let (intent, id) = disputed(&mut cx, "pm_card_createDispute");
        let dispute = found(&cx, &id);
        assert!(id.starts_with("du_"));
        assert_eq!(
            (dispute["status"].as_str(), dispute["reason"].as_str()),
            (Some("needs_response"), Some("fraudulent"))
        );
        assert_eq!(dispute["evidence_details"]["due_by"].as_i64(), Some(777_599));
        assert_eq!(dispute["payment_method_details"]["card"]["case_type"], "chargeback");
        let taken = &dispute["balance_transactions"][0];
        assert_eq!(
            (taken["amount"].as_i64(), taken["fee"].as_i64(), taken["net"].as_i64()),
            (Some(-1000), Some(1500), Some(-2500))
        );
        let expected = [
            "payment_intent.created",
            "charge.succeeded",
            "charge.dispute.created",
            "charge.dispute.funds_withdrawn",
            "charge.updated",
            "payment_intent.succeeded",
            "charge.updated",
        ];
        assert_eq!(kinds(&cx), expected);
        let error = refunds::create(&mut cx, &ask(json!({ "payment_intent": text(&intent, "id") }))).err();
        assert_eq!(error.and_then(|error| error.code).as_deref(), Some("charge_disputed"));
    }

    #[test]
    fn evidence_decides() {
        let won = &["charge.dispute.funds_reinstated", "charge.dispute.closed"][..];
        let closed = &["charge.dispute.closed"][..];
        let escalated = &["charge.dispute.updated", "charge.dispute.funds_withdrawn"][..];
        let (chargeback, inquiry) = ("pm_card_createDispute", "pm_card_createDisputeInquiry");
        let table = [
            (chargeback, "winning_evidence", "under_review", 5, "won", won, 2),
            (chargeback, "losing_evidence", "under_review", 5, "lost", closed, 1),
            (chargeback, "a letter", "under_review", 75 * DAY, "lost", closed, 1),
            (inquiry, "winning_evidence", "warning_under_review", 5, "warning_closed", closed, 0),
            (inquiry, "escalate_inquiry_evidence", "warning_under_review", 5, "needs_response", escalated, 1),
            (inquiry, "a letter", "warning_under_review", 120 * DAY, "warning_closed", closed, 0),
        ];
        for (method, words, first, after, last, told, moved) in table {
            let mut world = World::new(1, 1000);
            let mut cx = Cx::new(&mut world, None);
            let (_, id) = disputed(&mut cx, method);
            forget(&mut cx);
            let answered = shown(update(&mut cx, &ask_of(&id, evidence(words))));
            assert_eq!(answered["status"], first, "{words}");
            assert_eq!(answered["evidence_details"]["submission_count"].as_i64(), Some(1), "{words}");
            assert_eq!(kinds(&cx), ["charge.dispute.updated", "charge.updated"], "{words}");
            forget(&mut cx);
            pass(&mut cx, after - 1);
            assert_eq!(found(&cx, &id)["status"], first, "{words}");
            pass(&mut cx, 1);
            assert_eq!(found(&cx, &id)["status"], last, "{words}");
            assert_eq!(found(&cx, &id)["balance_transactions"].as_array().map(Vec::len), Some(moved), "{words}");
            assert_eq!(kinds(&cx), told, "{words}");
        }
    }

    #[test]
    fn who_says_nothing_loses_and_a_question_is_forgotten() {
        for (method, days, status) in
            [("pm_card_createDispute", 9, "lost"), ("pm_card_createDisputeInquiry", 120, "warning_closed")]
        {
            let mut world = World::new(1, 1000);
            let mut cx = Cx::new(&mut world, None);
            let (_, id) = disputed(&mut cx, method);
            let staged = json!({ "evidence": { "uncategorized_text": "winning_evidence" }, "submit": false });
            let answered = shown(update(&mut cx, &ask_of(&id, staged)));
            assert_eq!(answered["evidence_details"]["submission_count"].as_i64(), Some(0));
            pass(&mut cx, days * DAY);
            assert_eq!(found(&cx, &id)["status"], status, "{method}");
            let error = update(&mut cx, &ask_of(&id, json!({ "metadata": { "a": "b" } }))).err();
            assert_eq!(error.map(|error| error.message).as_deref(), Some("This dispute is already closed"));
        }
    }

    #[test]
    fn giving_in_ends_it_at_once() {
        for (method, status) in
            [("pm_card_createDisputeProductNotReceived", "lost"), ("pm_card_createDisputeInquiry", "warning_closed")]
        {
            let mut world = World::new(1, 1000);
            let mut cx = Cx::new(&mut world, None);
            let (_, id) = disputed(&mut cx, method);
            forget(&mut cx);
            assert_eq!(shown(close(&mut cx, &ask_of(&id, json!({}))))["status"], status);
            assert_eq!(kinds(&cx), ["charge.dispute.closed"]);
            assert!(close(&mut cx, &ask_of(&id, json!({}))).is_err());
            pass(&mut cx, 130 * DAY);
            assert_eq!(kinds(&cx), ["charge.dispute.closed"], "nothing comes of the timers that were set");
        }
    }

    #[test]
    fn a_question_is_settled_by_a_refund() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let (intent, id) = disputed(&mut cx, "pm_card_createDisputeInquiry");
        assert_eq!(found(&cx, &id)["is_charge_refundable"], true);
        shown(refunds::create(&mut cx, &ask(json!({ "payment_intent": text(&intent, "id") }))));
        assert_eq!(found(&cx, &id)["status"], "warning_closed");
    }

    #[test]
    fn two_disputes_share_the_amount_and_a_charge_without_one_is_missing() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let intent = pay(&mut cx, "pm_card_createMultipleDisputes", 1001);
        let amounts: Vec<i64> = cx.world.all::<super::Dispute>().map(|dispute| dispute.amount).collect();
        assert_eq!(amounts, [501, 500]);
        assert_eq!(text(&intent, "status"), "succeeded");
        let plain = pay(&mut cx, "pm_card_visa", 1000);
        let charge = text(&plain, "latest_charge");
        let error = list(&mut cx, &ask(json!({ "charge": charge }))).err().map(|error| (error.status, error.message));
        assert_eq!(error, Some((404, format!("No dispute for charge: {charge}"))));
    }
}
