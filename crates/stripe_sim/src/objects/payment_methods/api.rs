//! What can be done with payment methods from outside.

use super::{Given, PaymentMethod, attach_to, from_params, let_go, make::billed, resolve};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{customers::Customer, metadata::merged},
    world::Cx,
};
use serde::Deserialize;
use serde_json::Value;

/// What stands in a path: an id, or a name everyone shares.
fn of_path(cx: &mut Cx<'_>, name: &str) -> Result<PaymentMethod, ApiError> {
    let missing = |error: ApiError| error.status(404);
    let id = resolve(cx, name, "payment_method").map_err(missing)?;
    cx.given(&id, "payment_method").map_err(missing)
}

/// `POST /v1/payment_methods`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    if asked.params.get("customer").is_some() {
        return Err(ApiError::invalid(
            "You cannot attach a PaymentMethod to a Customer during PaymentMethod creation. Please instead create the \
             PaymentMethod and then attach it using the attachment method of the PaymentMethods API.",
        ));
    }
    let given: Given = asked.read()?;
    let id = from_params(cx, &given)?;
    Answer::object::<PaymentMethod>(cx, &id)
}

/// `GET /v1/payment_methods/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let method = of_path(cx, asked.id())?;
    Answer::object::<PaymentMethod>(cx, &method.id)
}

#[derive(Deserialize)]
struct Filter {
    customer: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    allow_redisplay: Option<String>,
}

impl Filter {
    fn answer(&self, cx: &Cx<'_>) -> Answer {
        let same = |asked: &Option<String>, is: Option<&str>| asked.is_none() || asked.as_deref() == is;
        Answer::list_of::<PaymentMethod>(cx, self.customer.as_deref(), |method| {
            same(&self.customer, method.customer.as_deref())
                && same(&self.kind, Some(&method.kind))
                && same(&self.allow_redisplay, Some(&method.allow_redisplay))
        })
    }
}

/// `GET /v1/payment_methods`
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let filter: Filter = asked.read()?;
    if let Some(customer) = &filter.customer {
        cx.given::<Customer>(customer, "customer")?;
    }
    Ok(filter.answer(cx))
}

/// `GET /v1/customers/{id}/payment_methods`
pub(crate) fn list_of_customer(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let customer: Customer = cx.of_path(asked.id())?;
    let filter = Filter { customer: Some(customer.id), ..asked.read::<Filter>()? };
    Ok(filter.answer(cx))
}

/// `GET /v1/customers/{customerId}/payment_methods/{id}`
pub(crate) fn retrieve_of_customer(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let customer: Customer = cx.of_path(asked.id())?;
    let id = asked.path.get(1).map_or("", String::as_str);
    let own = |method: &&PaymentMethod| method.customer.as_ref() == Some(&customer.id);
    if cx.find::<PaymentMethod>(id).filter(own).is_none() {
        return Err(ApiError::no_such("PaymentMethod", id).at("payment_method").status(404));
    }
    Answer::object::<PaymentMethod>(cx, id)
}

#[derive(Deserialize)]
struct Changes {
    allow_redisplay: Option<String>,
    billing_details: Option<Value>,
    card: Option<Value>,
    us_bank_account: Option<Value>,
    #[serde(default, deserialize_with = "crate::objects::given")]
    metadata: Option<Value>,
}

/// `POST /v1/payment_methods/{id}`
pub(crate) fn update(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let changes: Changes = asked.read()?;
    let method = of_path(cx, asked.id())?;
    if method.customer.is_none() {
        // From memory of Stripe's answer.
        return Err(ApiError::invalid("You must save this PaymentMethod to a customer before you can update it."));
    }
    let metadata = merged(&method.metadata, changes.metadata.as_ref())?;
    let parts = [("card", &changes.card), ("us_bank_account", &changes.us_bank_account)];
    cx.change::<PaymentMethod>(&method.id, "payment_method.updated", |method| {
        method.metadata = metadata;
        method.billing_details = billed(&method.billing_details, changes.billing_details.as_ref());
        if let Some(allow) = &changes.allow_redisplay {
            method.allow_redisplay.clone_from(allow);
        }
        for (kind, part) in parts {
            if kind == method.kind
                && let Some(part) = part
            {
                overlay(&mut method.details, part);
            }
        }
    });
    Answer::object::<PaymentMethod>(cx, &method.id)
}

/// Puts the fields of `part` into `details`, inside objects one by one.
fn overlay(details: &mut Value, part: &Value) {
    for (name, value) in part.as_object().into_iter().flatten() {
        let place = &mut details[name.as_str()];
        if place.is_object() && value.is_object() {
            overlay(place, value);
        } else {
            *place = value.clone();
        }
    }
}

/// `POST /v1/payment_methods/{id}/attach`
pub(crate) fn attach(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let Some(customer) = asked.params.get("customer").and_then(Value::as_str) else {
        return Err(ApiError::invalid("Must provide customer or customer_account.").code("parameter_missing"));
    };
    let method = of_path(cx, asked.id())?;
    cx.given::<Customer>(customer, "customer")?;
    let id = attach_to(cx, &method.id, customer, "payment_method")?;
    Answer::object::<PaymentMethod>(cx, &id)
}

/// `POST /v1/payment_methods/{id}/detach`
pub(crate) fn detach(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let method = of_path(cx, asked.id())?;
    if method.customer.is_none() {
        let message = "The payment method you provided is not attached to a customer so detachment is impossible.";
        return Err(ApiError::invalid(message));
    }
    let_go(cx, &method.id);
    Answer::object::<PaymentMethod>(cx, &method.id)
}

#[cfg(test)]
mod tests {
    use super::{attach, create, detach, list, retrieve, update};
    use crate::{
        objects::payment_intents::stage::{ask, ask_of, customer, kinds, shown},
        world::{Cx, World},
    };
    use serde_json::{Value, json};

    /// Attaches `method` to a new customer; answers both ids.
    fn attached(cx: &mut Cx<'_>, method: &str) -> (String, String) {
        let owner = customer(cx);
        let answer = attach(cx, &ask_of(method, json!({ "customer": owner })));
        let id = shown(answer).get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        (owner, id)
    }

    #[test]
    fn a_shared_name_becomes_a_method_of_its_own() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let (owner, first) = attached(&mut cx, "pm_card_visa");
        let (_, second) = attached(&mut cx, "pm_card_visa");
        assert!(first.starts_with("pm_") && first != second);
        let found = shown(retrieve(&mut cx, &ask_of(&first, json!({}))));
        assert_eq!((found["customer"].as_str(), found["type"].as_str()), (Some(owner.as_str()), Some("card")));
        assert_eq!((&found["card"]["last4"], &found["card"]["checks"]["cvc_check"]), (&json!("4242"), &json!("pass")));
        for hidden in ["behaviour", "details", "made_from", "set_up", "spent"] {
            assert!(found.get(hidden).is_none(), "{hidden}");
        }
        assert_eq!(kinds(&cx), ["payment_method.attached", "payment_method.attached"]);
    }

    #[test]
    fn what_is_refused_and_how() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let cases = [
            (json!({ "type": "card", "card": { "token": "tok_nobody" } }), 400, None, Some("token")),
            (json!({ "type": "card", "card": {} }), 400, Some("parameter_missing"), Some("card[number]")),
            (
                json!({ "type": "card", "card": { "number": "4242424242424241", "exp_month": 1, "exp_year": 2030 } }),
                402,
                Some("incorrect_number"),
                Some("number"),
            ),
            (
                json!({ "type": "card", "card": { "number": "4242424242424242", "exp_month": 13, "exp_year": 2010 } }),
                402,
                Some("invalid_expiry_month"),
                Some("exp_month"),
            ),
            (
                json!({ "type": "card", "card": { "number": "4242424242424242", "exp_month": 1, "exp_year": 95 } }),
                402,
                Some("invalid_expiry_year"),
                Some("exp_year"),
            ),
            (
                json!({ "type": "card",
                     "card": { "number": "4242424242424242", "exp_month": 1, "exp_year": 1999, "cvc": "99" } }),
                402,
                Some("invalid_cvc"),
                Some("cvc"),
            ),
            (
                json!({ "type": "sepa_debit", "sepa_debit": { "iban": "DE00" } }),
                400,
                Some("invalid_bank_account_iban"),
                Some("sepa_debit[iban]"),
            ),
            (
                json!({ "type": "sepa_debit", "sepa_debit": { "iban": "DE89 3704 0044 0532 0130 00" } }),
                400,
                Some("parameter_missing"),
                Some("billing_details[name]"),
            ),
            (json!({}), 400, Some("parameter_missing"), Some("type")),
        ];
        for (params, status, code, param) in cases {
            let error =
                create(&mut cx, &ask(params.clone())).err().map(|error| (error.status, error.code, error.param));
            assert_eq!(error, Some((status, code.map(str::to_owned), param.map(str::to_owned))), "{params}");
        }
        let error = retrieve(&mut cx, &ask_of("pm_x", json!({}))).err().map(|error| (error.status, error.message));
        assert_eq!(error, Some((404, "No such PaymentMethod: 'pm_x'".to_owned())));
    }

    #[test]
    fn a_card_that_is_declined_cannot_be_attached_and_another_fails_only_later() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let owner = customer(&mut cx);
        let to = |name: &str| ask_of(name, json!({ "customer": owner }));
        let error = attach(&mut cx, &to("pm_card_visa_chargeDeclined")).err();
        let error = error.map(|error| (error.status, error.kind, error.code, error.param));
        assert_eq!(error, Some((402, "card_error", Some("card_declined".to_owned()), Some(String::new()))));
        assert!(attach(&mut cx, &to("pm_card_chargeCustomerFail")).is_ok());
        let error = attach(&mut cx, &ask_of("pm_card_visa", json!({}))).err().map(|error| error.message);
        assert_eq!(error.as_deref(), Some("Must provide customer or customer_account."));
    }

    #[test]
    fn what_is_let_go_is_used_up() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let (owner, id) = attached(&mut cx, "pm_card_visa");
        assert!(update(&mut cx, &ask_of(&id, json!({ "metadata": { "foo": "bar" } }))).is_ok());
        let gone = shown(detach(&mut cx, &ask_of(&id, json!({}))));
        assert!(gone["customer"].is_null());
        let told = ["payment_method.attached", "payment_method.updated", "payment_method.detached"];
        assert_eq!(kinds(&cx), told);
        let error = detach(&mut cx, &ask_of(&id, json!({}))).err().map(|error| error.message);
        assert!(error.is_some_and(|message| message.ends_with("so detachment is impossible.")));
        let error = attach(&mut cx, &ask_of(&id, json!({ "customer": owner }))).err().map(|error| error.message);
        assert!(error.is_some_and(|message| message.starts_with("This PaymentMethod was previously used")));
    }

    #[test]
    fn lists_are_of_a_customer_and_a_type() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let (owner, _) = attached(&mut cx, "pm_card_visa");
        let _ = attach(&mut cx, &ask_of("pm_usBankAccount_success", json!({ "customer": owner })));
        let _ = attached(&mut cx, "pm_card_visa");
        let table = [
            (json!({ "customer": owner }), 2),
            (json!({ "customer": owner, "type": "card" }), 1),
            (json!({ "type": "card" }), 2),
            (json!({ "type": "sepa_debit" }), 0),
        ];
        for (params, count) in table {
            let found = match list(&mut cx, &ask(params.clone())) {
                Ok(crate::http::Answer::List { ids, .. }) => Some(ids.len()),
                _ => None,
            };
            assert_eq!(found, Some(count), "{params}");
        }
        assert_eq!(list(&mut cx, &ask(json!({ "customer": "cus_x" }))).err().map(|error| error.status), Some(400));
    }
}
