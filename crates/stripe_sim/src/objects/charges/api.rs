//! What can be done with charges from outside. They are made directly, with a card's token, only as far as
//! `stripe trigger` does.

use super::{Charge, End, Sale, Status, book, charge, take};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{
        Kept,
        customers::Customer,
        disputes, keep,
        metadata::{Metadata, merged},
        payment_intents::{self, PaymentIntent, amounts, refusals},
        payment_methods::{self, PaymentMethod},
    },
    world::{Cx, within},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Fields that are kept as they were given.
const KEPT: &[&str] = &[
    "application_fee_amount",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
];

#[derive(Deserialize)]
struct Fields {
    amount: Option<i64>,
    capture: Option<bool>,
    currency: Option<String>,
    customer: Option<String>,
    description: Option<String>,
    #[serde(default, deserialize_with = "crate::objects::given")]
    metadata: Option<Value>,
    source: Option<String>,
}

/// `POST /v1/charges`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let currency = fields.currency.as_deref().ok_or_else(|| ApiError::missing("currency"))?;
    let currency = amounts::currency(currency, "currency")?;
    let amount = fields.amount.ok_or_else(|| ApiError::missing("amount"))?;
    amounts::check(amount, &currency)?;
    if let Some(customer) = &fields.customer {
        cx.given::<Customer>(customer, "customer")?;
    }
    let Some(source) = &fields.source else { return Err(without_source(fields.customer.is_some())) };
    let method = payment_methods::from_token(cx, source)?;
    let Some(method) = cx.world.get::<PaymentMethod>(&method).cloned() else {
        return Err(ApiError::no_such("token", source).at("source"));
    };
    let mut kept = Kept::new();
    keep(&mut kept, &asked.params, KEPT);
    let sale = Sale {
        amount,
        currency,
        customer: fields.customer,
        description: fields.description,
        metadata: merged(&Metadata::new(), fields.metadata.as_ref())?,
        payment_intent: None,
        kept,
    };
    if let Some(decline) = method.behaviour.charging {
        let id = charge(cx, sale, &method, End::Failed(decline), false);
        cx.tell::<Charge>("charge.failed", &id);
        return Err(decline.setup_error().with("charge", id).kept());
    }
    let captured = fields.capture != Some(false);
    payment_methods::paid_with(cx, &method.id, false);
    // The charge shows what the issuer said of the card just now.
    let method = cx.world.get::<PaymentMethod>(&method.id).cloned().unwrap_or(method);
    let id = charge(cx, sale, &method, if captured { End::Paid } else { End::Authorized }, false);
    if captured {
        book(cx, &id);
    }
    cx.tell::<Charge>("charge.succeeded", &id);
    if captured {
        disputes::follow(cx, &id);
    }
    Answer::object::<Charge>(cx, &id)
}

/// Nothing to charge. The texts are from memory.
fn without_source(customer: bool) -> ApiError {
    if customer {
        return ApiError::wrong("Cannot charge a customer that has no active card", "card").code("missing");
    }
    ApiError::invalid("Must provide source or customer.").code("parameter_missing")
}

/// `GET /v1/charges/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let charge: Charge = cx.of_path(asked.id())?;
    Answer::object::<Charge>(cx, &charge.id)
}

/// `GET /v1/charges`
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let given = |name: &str| asked.params.get(name).and_then(Value::as_str);
    let (customer, intent, group) = (given("customer"), given("payment_intent"), given("transfer_group"));
    if let Some(customer) = customer {
        cx.given::<Customer>(customer, "customer")?;
    }
    if let Some(intent) = intent {
        cx.given::<PaymentIntent>(intent, "payment_intent")?;
    }
    let created = asked.params.get("created");
    Ok(Answer::list_of::<Charge>(cx, intent.or(customer), |charge| {
        (customer.is_none() || charge.customer.as_deref() == customer)
            && (intent.is_none() || charge.payment_intent.as_deref() == intent)
            && (group.is_none() || charge.kept.get("transfer_group").and_then(Value::as_str) == group)
            && within(charge.created, created)
    }))
}

#[derive(Deserialize)]
struct Changes {
    customer: Option<String>,
    description: Option<String>,
    fraud_details: Option<Value>,
    #[serde(default, deserialize_with = "crate::objects::given")]
    metadata: Option<Value>,
}

/// `POST /v1/charges/{id}`
pub(crate) fn update(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let changes: Changes = asked.read()?;
    let mut charge: Charge = cx.of_path(asked.id())?;
    if let Some(customer) = &changes.customer {
        cx.given::<Customer>(customer, "customer")?;
        charge.customer = Some(customer.clone());
    }
    if let Some(description) = changes.description {
        charge.description = Some(description);
    }
    if let Some(report) = changes.fraud_details.as_ref().map(|details| &details["user_report"]) {
        let details = if report.is_null() { json!({}) } else { json!({ "user_report": report }) };
        charge.kept.insert("fraud_details".into(), details);
    }
    charge.metadata = merged(&charge.metadata, changes.metadata.as_ref())?;
    keep(&mut charge.kept, &asked.params, KEPT);
    let id = charge.id.clone();
    let before = cx.before::<Charge>(&id);
    cx.put(charge);
    cx.tell_change::<Charge>("charge.updated", &id, before);
    Answer::object::<Charge>(cx, &id)
}

/// `POST /v1/charges/{id}/capture`
pub(crate) fn capture(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let found: Charge = cx.of_path(asked.id())?;
    if found.captured {
        // From memory of Stripe's answer.
        let message = format!("Charge {} has already been captured.", found.id);
        return Err(ApiError::invalid(message).code("charge_already_captured"));
    }
    if found.status != Status::Succeeded || found.refunded {
        let message = format!("Charge {} was not authorized; it cannot be captured.", found.id);
        return Err(ApiError::invalid(message).code("charge_expired_for_capture"));
    }
    let amount = asked.params.get("amount").and_then(Value::as_i64);
    match &found.payment_intent {
        Some(intent) => payment_intents::capture_of_charge(cx, intent, amount)?,
        None => {
            let amount = amount.unwrap_or(found.amount);
            if amount < 1 {
                return Err(refusals::below_one("amount"));
            }
            if amount > found.amount {
                return Err(refusals::too_much_to_capture());
            }
            take(cx, &found.id, amount);
            disputes::follow(cx, &found.id);
        }
    }
    Answer::object::<Charge>(cx, &found.id)
}

#[cfg(test)]
mod tests {
    use super::{capture, create, list, update};
    use crate::{
        http::Answer,
        objects::payment_intents::stage::{ask, ask_of, kinds, shown, text},
        world::{Cx, World},
    };
    use serde_json::json;

    #[test]
    fn a_token_is_charged_and_captured_later() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let params = json!({ "source": "tok_visa", "amount": 100, "currency": "usd", "capture": false });
        let charge = shown(create(&mut cx, &ask(params)));
        assert_eq!((charge["captured"].as_bool(), charge["paid"].as_bool()), (Some(false), Some(true)));
        assert!(charge["balance_transaction"].is_null() && text(&charge, "id").starts_with("ch_"));
        let taken = shown(capture(&mut cx, &ask_of(&text(&charge, "id"), json!({}))));
        assert_eq!((taken["captured"].as_bool(), taken["amount_captured"].as_i64()), (Some(true), Some(100)));
        assert!(text(&taken, "balance_transaction").starts_with("txn_"));
        assert_eq!(kinds(&cx), ["charge.succeeded", "charge.captured"]);
        let error = capture(&mut cx, &ask_of(&text(&charge, "id"), json!({}))).err().and_then(|error| error.code);
        assert_eq!(error.as_deref(), Some("charge_already_captured"));
    }

    #[test]
    fn a_charge_shows_its_card_and_what_the_network_said() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let params = json!({ "source": "tok_visa", "amount": 100, "currency": "usd" });
        let charge = shown(create(&mut cx, &ask(params)));
        let card = &charge["payment_method_details"]["card"];
        assert_eq!((card["last4"].as_str(), card["checks"]["cvc_check"].as_str()), (Some("4242"), Some("pass")));
        assert_eq!(charge["outcome"]["network_status"], "approved_by_network");
        assert!(charge["outcome"]["risk_score"].as_u64().is_some_and(|score| score < 65));
        assert!(charge.get("behaviour").is_none() && charge.get("refunds").is_none());
        assert_eq!(charge["fraud_details"], json!({}));
    }

    #[test]
    fn a_declined_token_leaves_a_charge() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let params = json!({ "source": "tok_visa_chargeDeclined", "amount": 100, "currency": "usd" });
        let error = create(&mut cx, &ask(params)).err();
        let error = error.map(|error| (error.status, error.kept, error.more.contains_key("charge")));
        assert_eq!(error, Some((402, true, true)));
        assert_eq!(kinds(&cx), ["charge.failed"]);
        let count = match list(&mut cx, &ask(json!({}))) {
            Ok(Answer::List { ids, .. }) => ids.len(),
            _ => 0,
        };
        assert_eq!(count, 1);
    }

    #[test]
    fn changes_are_told() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let params = json!({ "source": "tok_visa", "amount": 100, "currency": "usd" });
        let charge = shown(create(&mut cx, &ask(params)));
        let changes = json!({ "metadata": { "foo": "bar" }, "fraud_details": { "user_report": "safe" } });
        let changed = shown(update(&mut cx, &ask_of(&text(&charge, "id"), changes)));
        assert_eq!(
            (changed["metadata"]["foo"].as_str(), changed["fraud_details"]["user_report"].as_str()),
            (Some("bar"), Some("safe"))
        );
        assert_eq!(kinds(&cx), ["charge.succeeded", "charge.updated"]);
    }
}
