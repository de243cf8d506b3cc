//! What can be done with setup intents from outside.

use super::{NewSetup, SetupIntent, Status, attempt, not_confirmable, open, settled, unexpected};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{
        Kept,
        customers::Customer,
        keep,
        metadata::{Metadata, merged},
        payment_intents::{Outcome, options},
        payment_methods::{self, Given},
    },
    world::{Cx, within},
};
use serde::Deserialize;
use serde_json::Value;

/// Fields that are kept as they were given.
const KEPT: &[&str] = &[
    "allowed_payment_method_types",
    "attach_to_self",
    "automatic_payment_methods",
    "excluded_payment_method_types",
    "flow_directions",
];

#[derive(Deserialize)]
struct Fields {
    customer: Option<String>,
    description: Option<String>,
    #[serde(default, deserialize_with = "crate::objects::given")]
    metadata: Option<Value>,
    payment_method: Option<String>,
    payment_method_data: Option<Given>,
    payment_method_options: Option<Value>,
    usage: Option<String>,
    return_url: Option<String>,
    confirm: Option<bool>,
    confirmation_token: Option<String>,
}

impl Fields {
    /// The payment method that is named or described: its id.
    fn method(&self, cx: &mut Cx<'_>) -> Result<Option<String>, ApiError> {
        if self.confirmation_token.is_some() {
            return Err(ApiError::not_simulated("confirmation tokens"));
        }
        match (&self.payment_method, &self.payment_method_data) {
            (Some(id), _) => payment_methods::resolve(cx, id, "payment_method").map(Some),
            (None, Some(data)) => payment_methods::from_params(cx, data).map(Some),
            (None, None) => Ok(None),
        }
    }
}

fn of_path(cx: &Cx<'_>, asked: &Asked) -> Result<SetupIntent, ApiError> {
    cx.of_path(asked.id()).map_err(|error| error.at("intent"))
}

/// `POST /v1/setup_intents`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    if let Some(customer) = &fields.customer {
        cx.given::<Customer>(customer, "customer")?;
    }
    let method = fields.method(cx)?;
    if let Some(method) = &method {
        payment_methods::must_fit(cx, method, fields.customer.as_deref())?;
    }
    let mut kept = Kept::new();
    keep(&mut kept, &asked.params, KEPT);
    let id = open(
        cx,
        NewSetup {
            customer: fields.customer,
            description: fields.description,
            metadata: merged(&Metadata::new(), fields.metadata.as_ref())?,
            payment_method: method,
            payment_method_options: fields.payment_method_options,
            usage: fields.usage,
            return_url: fields.return_url,
            checkout_session: None,
            kept,
        },
    );
    if fields.confirm == Some(true) {
        return now(cx, &id, None);
    }
    Answer::object::<SetupIntent>(cx, &id)
}

/// Confirms the setup `id`, by `method` or the one it has, and answers it.
fn now(cx: &mut Cx<'_>, id: &str, method: Option<String>) -> Result<Answer, ApiError> {
    let Some(setup) = cx.world.get::<SetupIntent>(id).cloned() else {
        return Err(ApiError::no_such("setupintent", id));
    };
    if !setup.status.is_open() {
        return Err(not_confirmable(cx, &setup));
    }
    let Some(method) = method.or_else(|| setup.payment_method.clone()) else {
        let message = "You cannot confirm this SetupIntent because it's missing a payment method. You can either \
                       update the SetupIntent with a payment method and then confirm it again, or confirm it again \
                       directly with a payment method or ConfirmationToken.";
        return Err(unexpected(cx, &setup, message));
    };
    payment_methods::must_fit(cx, &method, setup.customer.as_deref())?;
    let outcome = attempt(cx, id, &method);
    if outcome != Outcome::RequiresAction {
        settled(cx, id, &outcome);
    }
    match outcome {
        Outcome::Declined(error) => Err((*error).kept()),
        _ => Answer::object::<SetupIntent>(cx, id),
    }
}

/// `GET /v1/setup_intents/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let setup = of_path(cx, asked)?;
    Answer::object::<SetupIntent>(cx, &setup.id)
}

/// `GET /v1/setup_intents`
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let given = |name: &str| asked.params.get(name).and_then(Value::as_str);
    let (customer, method) = (given("customer"), given("payment_method"));
    if let Some(customer) = customer {
        cx.given::<Customer>(customer, "customer")?;
    }
    let created = asked.params.get("created");
    Ok(Answer::list_of::<SetupIntent>(cx, customer, |setup| {
        (customer.is_none() || setup.customer.as_deref() == customer)
            && (method.is_none() || setup.payment_method.as_deref() == method)
            && within(setup.created, created)
    }))
}

/// `POST /v1/setup_intents/{id}`: nobody is told, there is no event for it.
pub(crate) fn update(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let mut setup = of_path(cx, asked)?;
    let method = fields.method(cx)?;
    if !setup.status.is_open() && (method.is_some() || fields.customer.is_some()) {
        let message = format!("You cannot update this SetupIntent because it has a status of {}.", setup.status.name());
        return Err(unexpected(cx, &setup, message));
    }
    if let Some(customer) = &fields.customer {
        cx.given::<Customer>(customer, "customer")?;
        setup.customer = Some(customer.clone());
    }
    if let Some(method) = method {
        payment_methods::must_fit(cx, &method, setup.customer.as_deref())?;
        setup.payment_method = Some(method);
        setup.status = Status::RequiresConfirmation;
        setup.next_action = None;
    }
    if let Some(description) = fields.description {
        setup.description = Some(description);
    }
    setup.payment_method_options = options(&setup.payment_method_options, fields.payment_method_options.as_ref());
    setup.metadata = merged(&setup.metadata, fields.metadata.as_ref())?;
    keep(&mut setup.kept, &asked.params, KEPT);
    let id = setup.id.clone();
    cx.put(setup);
    Answer::object::<SetupIntent>(cx, &id)
}

/// `POST /v1/setup_intents/{id}/confirm`
pub(crate) fn confirm(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let setup = of_path(cx, asked)?;
    if !setup.status.is_open() {
        return Err(not_confirmable(cx, &setup));
    }
    let method = fields.method(cx)?;
    cx.edit::<SetupIntent>(&setup.id, |setup| {
        setup.payment_method_options = options(&setup.payment_method_options, fields.payment_method_options.as_ref());
        if fields.return_url.is_some() {
            setup.return_url = fields.return_url;
        }
    });
    now(cx, &setup.id, method)
}

/// `POST /v1/setup_intents/{id}/cancel`
pub(crate) fn cancel(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let setup = of_path(cx, asked)?;
    if !setup.status.is_open() {
        // By analogy with payment intents.
        let message = format!(
            "You cannot cancel this SetupIntent because it has a status of {}. Only a SetupIntent with one of the \
             following statuses may be canceled: requires_payment_method, requires_confirmation, requires_action.",
            setup.status.name()
        );
        return Err(unexpected(cx, &setup, message));
    }
    let reason = asked.params.get("cancellation_reason").and_then(Value::as_str).map(str::to_owned);
    cx.edit::<SetupIntent>(&setup.id, |setup| {
        setup.status = Status::Canceled;
        setup.cancellation_reason = reason;
        setup.next_action = None;
    });
    cx.tell::<SetupIntent>("setup_intent.canceled", &setup.id);
    Answer::object::<SetupIntent>(cx, &setup.id)
}

#[cfg(test)]
mod tests {
    use super::{cancel, confirm, create};
    use crate::{
        objects::{
            payment_intents::stage::{ask, ask_of, customer, kinds, shown, text},
            setup_intents::{authenticate, for_subscription},
        },
        world::{Cx, World},
    };
    use serde_json::json;

    #[test]
    fn a_card_is_set_up_for_a_customer() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let owner = customer(&mut cx);
        let params = json!({ "customer": owner, "payment_method": "pm_card_visa", "confirm": true });
        let setup = shown(create(&mut cx, &ask(params)));
        assert_eq!((setup["status"].as_str(), setup["usage"].as_str()), (Some("succeeded"), Some("off_session")));
        assert!(text(&setup, "payment_method").starts_with("pm_") && text(&setup, "latest_attempt").len() > 7);
        assert!(text(&setup, "client_secret").starts_with(&format!("{}_secret_", text(&setup, "id"))));
        assert_eq!(kinds(&cx), ["setup_intent.created", "setup_intent.succeeded", "payment_method.attached"]);
        let error = confirm(&mut cx, &ask_of(&text(&setup, "id"), json!({}))).err().and_then(|error| error.code);
        assert_eq!(error.as_deref(), Some("setup_intent_unexpected_state"));
    }

    #[test]
    fn a_decline_is_remembered() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let params = json!({ "payment_method": "pm_card_chargeDeclinedExpiredCard", "confirm": true });
        let error = create(&mut cx, &ask(params)).err();
        let error = error.map(|error| (error.status, error.kept, error.body()["error"].clone())).unwrap_or_default();
        assert_eq!((error.0, error.1), (402, true));
        assert_eq!((error.2["code"].as_str(), error.2["param"].as_str()), (Some("expired_card"), Some("exp_month")));
        let setup = &error.2["setup_intent"];
        assert_eq!((&setup["status"], &setup["payment_method"]), (&json!("requires_payment_method"), &json!(null)));
        assert_eq!(setup["last_setup_error"]["payment_method_type"], "card");
        assert_eq!(kinds(&cx), ["setup_intent.created", "setup_intent.setup_failed"]);
    }

    #[test]
    fn a_challenge_ends_either_way() {
        for (well, status, last) in [
            (true, "succeeded", "setup_intent.succeeded"),
            (false, "requires_payment_method", "setup_intent.setup_failed"),
        ] {
            let mut world = World::new(1, 1000);
            let mut cx = Cx::new(&mut world, None);
            let params = json!({ "payment_method": "pm_card_authenticationRequired", "confirm": true });
            let setup = shown(create(&mut cx, &ask(params)));
            assert_eq!(
                (&setup["status"], &setup["next_action"]["type"]),
                (&json!("requires_action"), &json!("use_stripe_sdk"))
            );
            authenticate(&mut cx, &text(&setup, "id"), well);
            let found = cx.world.shown("setup_intent", &text(&setup, "id")).unwrap_or_default();
            assert_eq!(found["status"], status);
            assert_eq!(kinds(&cx), ["setup_intent.created", "setup_intent.requires_action", last]);
            let code = found["last_setup_error"]["code"].as_str();
            assert_eq!(code, (!well).then_some("setup_intent_authentication_failure"));
        }
    }

    #[test]
    fn a_subscription_waits_only_for_what_is_not_done() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let owner = customer(&mut cx);
        let attach = |cx: &mut Cx<'_>, name: &str| {
            crate::objects::payment_methods::attach_to(cx, name, &owner, "payment_method").unwrap_or_default()
        };
        let visa = attach(&mut cx, "pm_card_visa");
        let challenged = attach(&mut cx, "pm_card_authenticationRequired");
        assert_eq!(for_subscription(&mut cx, &owner, Some(&visa)), None);
        assert!(for_subscription(&mut cx, &owner, Some(&challenged)).is_some());
        assert!(for_subscription(&mut cx, &owner, None).is_some());
    }

    #[test]
    fn what_is_given_up_cannot_be_confirmed() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let setup = shown(create(&mut cx, &ask(json!({}))));
        let id = text(&setup, "id");
        let gone = shown(cancel(&mut cx, &ask_of(&id, json!({ "cancellation_reason": "requested_by_customer" }))));
        assert_eq!(
            (&gone["status"], &gone["cancellation_reason"]),
            (&json!("canceled"), &json!("requested_by_customer"))
        );
        assert!(confirm(&mut cx, &ask_of(&id, json!({ "payment_method": "pm_card_visa" }))).is_err());
        assert!(cancel(&mut cx, &ask_of(&id, json!({}))).is_err());
        assert_eq!(kinds(&cx), ["setup_intent.created", "setup_intent.canceled"]);
    }
}
