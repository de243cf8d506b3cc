//! What can be done with refunds from outside.

use super::{NewRefund, Refund, change, open, without_charge};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{
        charges::Charge,
        metadata::{Metadata, merged},
        payment_intents::PaymentIntent,
    },
    world::{Cx, within},
};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Fields {
    charge: Option<String>,
    payment_intent: Option<String>,
    amount: Option<i64>,
    reason: Option<String>,
    #[serde(default, deserialize_with = "crate::objects::given")]
    metadata: Option<Value>,
}

/// `POST /v1/refunds`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let charge = match (fields.charge, &fields.payment_intent) {
        (Some(charge), _) => charge,
        (None, Some(intent)) => charge_of(cx, intent)?,
        (None, None) => {
            return Err(ApiError::invalid(
                "One of the following params should be provided for this request: payment_intent or charge.",
            ));
        }
    };
    let metadata = merged(&Metadata::new(), fields.metadata.as_ref())?;
    let id = open(cx, NewRefund { charge, amount: fields.amount, reason: fields.reason, metadata })?;
    Answer::object::<Refund>(cx, &id)
}

/// The charge that paid a payment intent.
fn charge_of(cx: &Cx<'_>, intent: &str) -> Result<String, ApiError> {
    let intent: PaymentIntent = cx.given(intent, "payment_intent").map_err(|error| error.status(404))?;
    let charge = intent.latest_charge.as_deref().and_then(|id| cx.world.get::<Charge>(id));
    let charge = charge.filter(|charge| charge.paid && charge.captured);
    charge.map(|charge| charge.id.clone()).ok_or_else(|| without_charge(&intent.id))
}

/// `GET /v1/refunds/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let refund: Refund = cx.of_path(asked.id())?;
    Answer::object::<Refund>(cx, &refund.id)
}

/// `GET /v1/refunds`
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let given = |name: &str| asked.params.get(name).and_then(Value::as_str);
    let (charge, intent) = (given("charge"), given("payment_intent"));
    if let Some(charge) = charge {
        cx.given::<Charge>(charge, "charge")?;
    }
    if let Some(intent) = intent {
        cx.given::<PaymentIntent>(intent, "payment_intent")?;
    }
    let created = asked.params.get("created");
    Ok(Answer::list_of::<Refund>(cx, charge.or(intent), |refund| {
        charge.is_none_or(|charge| refund.charge == charge)
            && (intent.is_none() || refund.payment_intent.as_deref() == intent)
            && within(refund.created, created)
    }))
}

/// `POST /v1/refunds/{id}`
pub(crate) fn update(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let refund: Refund = cx.of_path(asked.id())?;
    let metadata = merged(&refund.metadata, asked.params.get("metadata"))?;
    change(cx, &refund.id, |refund| refund.metadata = metadata);
    Answer::object::<Refund>(cx, &refund.id)
}

/// `POST /v1/refunds/{id}/cancel`: only refunds that wait for the payer can be, and there are none here.
pub(crate) fn cancel(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    cx.of_path::<Refund>(asked.id())?;
    Err(ApiError::invalid("Canceling this refund is unsupported."))
}

#[cfg(test)]
mod tests {
    use super::{cancel, create, list, update};
    use crate::{
        objects::{
            payment_intents::stage::{ask, ask_of, forget, kinds, pass, pay, shown, text},
            refunds,
        },
        world::{Cx, World},
    };
    use serde_json::{Value, json};

    const DAY: i64 = 24 * 3600;

    fn of_charge(cx: &Cx<'_>, intent: &Value) -> Value {
        cx.world.shown("charge", &text(intent, "latest_charge")).unwrap_or_default()
    }

    #[test]
    fn parts_add_up_to_the_whole_and_no_more() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let intent = pay(&mut cx, "pm_card_visa", 7000);
        let id = text(&intent, "id");
        forget(&mut cx);
        let part = shown(create(&mut cx, &ask(json!({ "payment_intent": id, "amount": 4000 }))));
        assert_eq!((part["status"].as_str(), part["amount"].as_i64()), (Some("succeeded"), Some(4000)));
        assert_eq!(part["destination_details"]["card"]["reference_status"], "pending");
        assert_eq!(kinds(&cx), ["refund.created", "charge.refunded"]);
        let charge = of_charge(&cx, &intent);
        assert_eq!((charge["amount_refunded"].as_i64(), charge["refunded"].as_bool()), (Some(4000), Some(false)));
        let error = create(&mut cx, &ask(json!({ "payment_intent": id, "amount": 4000 }))).err();
        let error = error.map(|error| (error.message, error.param));
        let message = "Refund amount ($40.00) is greater than unrefunded amount on charge ($30.00)";
        assert_eq!(error, Some((message.to_owned(), Some("amount".to_owned()))));
        let rest = shown(create(&mut cx, &ask(json!({ "charge": text(&intent, "latest_charge") }))));
        assert_eq!(rest["amount"].as_i64(), Some(3000));
        assert_eq!(of_charge(&cx, &intent)["refunded"], true);
        let error = create(&mut cx, &ask(json!({ "payment_intent": id }))).err().and_then(|error| error.code);
        assert_eq!(error.as_deref(), Some("charge_already_refunded"));
        let all = refunds::shown(cx.world, &text(&intent, "latest_charge")).unwrap_or_default();
        assert_eq!(all["data"].as_array().map(Vec::len), Some(2));
        forget(&mut cx);
        pass(&mut cx, 1);
        assert_eq!(kinds(&cx), ["refund.updated", "charge.refund.updated", "refund.updated", "charge.refund.updated"]);
    }

    #[test]
    fn pending_and_failing_refunds_end_days_later() {
        let table = [
            ("pm_card_pendingRefund", "pending", 3 * DAY, "succeeded", 1000),
            ("pm_card_refundFail", "succeeded", 10 * DAY, "failed", 0),
        ];
        for (method, first, after, last, refunded) in table {
            let mut world = World::new(1, 1000);
            let mut cx = Cx::new(&mut world, None);
            let intent = pay(&mut cx, method, 1000);
            let refund = shown(create(&mut cx, &ask(json!({ "payment_intent": text(&intent, "id") }))));
            let status =
                |cx: &Cx<'_>| text(&cx.world.shown("refund", &text(&refund, "id")).unwrap_or_default(), "status");
            assert_eq!(refund["status"], first, "{method}");
            forget(&mut cx);
            pass(&mut cx, after - 1);
            assert_eq!(status(&cx), first, "{method}");
            pass(&mut cx, 1);
            assert_eq!(status(&cx), last, "{method}");
            assert_eq!(of_charge(&cx, &intent)["amount_refunded"].as_i64(), Some(refunded), "{method}");
            let mut expected = vec!["refund.updated", "charge.refund.updated"];
            if last == "failed" {
                expected = vec!["refund.failed", "refund.updated", "charge.refund.updated", "charge.updated"];
            }
            assert_eq!(kinds(&cx), expected, "{method}");
        }
    }

    #[test]
    fn what_is_refused() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let open =
            shown(crate::objects::payment_intents::create(&mut cx, &ask(json!({ "amount": 1000, "currency": "usd" }))));
        let table = [
            (json!({}), 400, None),
            (json!({ "charge": "ch_x" }), 404, Some("id")),
            (json!({ "payment_intent": "pi_x" }), 404, Some("payment_intent")),
            (json!({ "payment_intent": text(&open, "id") }), 400, None),
        ];
        for (params, status, param) in table {
            let error = create(&mut cx, &ask(params.clone())).err().map(|error| (error.status, error.param));
            assert_eq!(error, Some((status, param.map(str::to_owned))), "{params}");
        }
    }

    #[test]
    fn metadata_is_told_and_nothing_is_canceled() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let intent = pay(&mut cx, "pm_card_visa", 1000);
        let refund = shown(create(&mut cx, &ask(json!({ "payment_intent": text(&intent, "id") }))));
        forget(&mut cx);
        let id = text(&refund, "id");
        let changed = shown(update(&mut cx, &ask_of(&id, json!({ "metadata": { "order_id": "6735" } }))));
        assert_eq!(changed["metadata"]["order_id"], "6735");
        assert_eq!(kinds(&cx), ["refund.updated", "charge.refund.updated"]);
        let error = cancel(&mut cx, &ask_of(&id, json!({}))).err().map(|error| error.message);
        assert_eq!(error.as_deref(), Some("Canceling this refund is unsupported."));
        assert!(list(&mut cx, &ask(json!({ "charge": "ch_x" }))).is_err());
    }
}
