//! Setup intents: a payment method is made ready to be charged later, and no money moves.

mod api;

pub(crate) use api::{cancel, confirm, create, list, retrieve, update};

use super::{
    Kept,
    metadata::Metadata,
    payment_intents::{self, Outcome, refusals},
    payment_methods::{self, PaymentMethod},
    subscriptions::Subscription,
};
use crate::{
    error::ApiError,
    world::{Cx, Resource, World, plain},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A payment method that is to be charged later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SetupIntent {
    pub id: String,
    pub created: i64,
    pub status: Status,
    pub customer: Option<String>,
    pub description: Option<String>,
    pub metadata: Metadata,
    pub payment_method: Option<String>,
    /// By type of payment method.
    pub payment_method_options: Value,
    /// `off_session` or `on_session`.
    pub usage: String,
    pub client_secret: String,
    pub latest_attempt: Option<String>,
    pub mandate: Option<String>,
    pub last_setup_error: Option<Value>,
    pub next_action: Option<Value>,
    pub cancellation_reason: Option<String>,
    /// Fields that are kept as they were given.
    #[serde(flatten)]
    pub kept: Kept,
    /// The checkout session it belongs to. Hidden, as what follows.
    pub checkout_session: Option<String>,
    /// Where the holder goes after a challenge.
    pub return_url: Option<String>,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Canceled,
    RequiresAction,
    RequiresConfirmation,
    RequiresPaymentMethod,
    Succeeded,
}

impl Status {
    /// Whether something has still to be done.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::RequiresAction | Self::RequiresConfirmation | Self::RequiresPaymentMethod)
    }

    /// Its name in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Canceled => "canceled",
            Self::RequiresAction => "requires_action",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::Succeeded => "succeeded",
        }
    }
}

/// A setup to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewSetup {
    pub customer: Option<String>,
    pub description: Option<String>,
    pub metadata: Metadata,
    pub payment_method: Option<String>,
    pub payment_method_options: Option<Value>,
    /// `off_session` unless said otherwise.
    pub usage: Option<String>,
    pub return_url: Option<String>,
    pub checkout_session: Option<String>,
    /// Fields that mean nothing here.
    pub kept: Kept,
}

/// Opens a setup, tells it, and answers its id.
pub(crate) fn open(cx: &mut Cx<'_>, new: NewSetup) -> String {
    let id = cx.new_id("seti");
    let secret = cx.world.random.letters(31);
    let created = cx.now();
    let status =
        if new.payment_method.is_some() { Status::RequiresConfirmation } else { Status::RequiresPaymentMethod };
    let usual = json!({ "card": { "request_three_d_secure": "automatic" } });
    let setup = SetupIntent {
        client_secret: format!("{id}_secret_{secret}"),
        id: id.clone(),
        created,
        status,
        customer: new.customer,
        description: new.description,
        metadata: new.metadata,
        payment_method: new.payment_method,
        payment_method_options: payment_intents::options(&usual, new.payment_method_options.as_ref()),
        usage: new.usage.unwrap_or_else(|| "off_session".to_owned()),
        latest_attempt: None,
        mandate: None,
        last_setup_error: None,
        next_action: None,
        cancellation_reason: None,
        kept: new.kept,
        checkout_session: new.checkout_session,
        return_url: new.return_url,
    };
    cx.create(setup, "setup_intent.created");
    id
}

/// Opens a setup for a subscription that asks for no payment yet, and tries the method there is. Answers its id when
/// something has still to be done.
pub(crate) fn for_subscription(cx: &mut Cx<'_>, customer: &str, method: Option<&str>) -> Option<String> {
    let new = NewSetup {
        customer: Some(customer.to_owned()),
        payment_method: method.map(str::to_owned),
        ..NewSetup::default()
    };
    let id = open(cx, new);
    let outcome = method.map(|method| attempt(cx, &id, method));
    (outcome != Some(Outcome::Succeeded)).then_some(id)
}

/// Sets up a method for a checkout session; answers the setup's id. The holder is there and passes a challenge at once:
/// that there is no page in between is ours.
///
/// # Errors
/// The method is declined; that it was tried stands.
pub(crate) fn of_session(
    cx: &mut Cx<'_>,
    customer: Option<&str>,
    method: &str,
    metadata: &Metadata,
) -> Result<String, ApiError> {
    let new = NewSetup {
        customer: customer.map(str::to_owned),
        metadata: metadata.clone(),
        payment_method: Some(method.to_owned()),
        ..NewSetup::default()
    };
    let id = open(cx, new);
    match attempt(cx, &id, method) {
        Outcome::Declined(error) => return Err((*error).kept()),
        Outcome::RequiresAction => authenticate(cx, &id, true),
        Outcome::Succeeded | Outcome::Processing => {}
    }
    Ok(id)
}

/// Tries to set up the payment method with the id `method`, tells it, and answers what came of it. A setup that ended
/// before stays as it is.
pub(crate) fn attempt(cx: &mut Cx<'_>, setup: &str, method: &str) -> Outcome {
    let Some(found) = cx.world.get::<SetupIntent>(setup).cloned() else {
        return refused(ApiError::no_such(SetupIntent::NOUN, setup));
    };
    if !found.status.is_open() {
        return if found.status == Status::Succeeded {
            Outcome::Succeeded
        } else {
            refused(not_confirmable(cx, &found))
        };
    }
    if let Err(error) = payment_methods::must_fit(cx, method, found.customer.as_deref()) {
        return refused(error);
    }
    let Some(method) = cx.world.get::<PaymentMethod>(method).cloned() else {
        return refused(ApiError::no_such("PaymentMethod", method));
    };
    let attempt = cx.new_id("setatt");
    cx.edit::<SetupIntent>(setup, |setup| setup.latest_attempt = Some(attempt));
    if let Some(decline) = method.behaviour.attaching {
        return failed(cx, &found, &method, decline.setup_error());
    }
    if method.behaviour.challenges_setup() && !method.set_up {
        return challenge(cx, &found, &method);
    }
    ready(cx, &found, &method)
}

fn refused(error: ApiError) -> Outcome {
    Outcome::Declined(Box::new(error))
}

fn challenge(cx: &mut Cx<'_>, setup: &SetupIntent, method: &PaymentMethod) -> Outcome {
    let action = payment_intents::next_action(cx, &setup.id, setup.return_url.as_deref());
    cx.edit::<SetupIntent>(&setup.id, |setup| {
        setup.status = Status::RequiresAction;
        setup.payment_method = Some(method.id.clone());
        setup.next_action = Some(action);
        setup.last_setup_error = None;
    });
    cx.tell::<SetupIntent>("setup_intent.requires_action", &setup.id);
    Outcome::RequiresAction
}

fn failed(cx: &mut Cx<'_>, setup: &SetupIntent, method: &PaymentMethod, error: ApiError) -> Outcome {
    let shown = cx.world.wire(method);
    let last = refusals::remembered(&error, &method.kind, shown.clone());
    cx.edit::<SetupIntent>(&setup.id, |setup| {
        setup.status = Status::RequiresPaymentMethod;
        setup.payment_method = None;
        setup.next_action = None;
        setup.last_setup_error = Some(last);
    });
    cx.tell::<SetupIntent>("setup_intent.setup_failed", &setup.id);
    let setup = cx.world.shown("setup_intent", &setup.id).unwrap_or_default();
    refused(error.with("setup_intent", setup).with("payment_method", shown))
}

/// The method can be charged from now on; it is the customer's.
fn ready(cx: &mut Cx<'_>, setup: &SetupIntent, method: &PaymentMethod) -> Outcome {
    let mandate = method.is_debit().then(|| cx.new_id("mandate"));
    payment_methods::set_up(cx, &method.id);
    cx.edit::<SetupIntent>(&setup.id, |setup| {
        setup.status = Status::Succeeded;
        setup.payment_method = Some(method.id.clone());
        setup.next_action = None;
        setup.last_setup_error = None;
        setup.mandate = mandate;
    });
    cx.tell::<SetupIntent>("setup_intent.succeeded", &setup.id);
    if let Some(customer) = setup.customer.as_deref()
        && method.customer.is_none()
    {
        payment_methods::keep_for(cx, &method.id, customer);
    }
    Outcome::Succeeded
}

/// The holder answered the challenge on the sandbox's page, well or not. Nothing happens when there is none.
pub(crate) fn authenticate(cx: &mut Cx<'_>, setup: &str, well: bool) {
    let waits = |found: &&SetupIntent| found.status == Status::RequiresAction;
    let Some(found) = cx.world.get::<SetupIntent>(setup).filter(waits).cloned() else { return };
    let Some(method) = found.payment_method.as_deref().and_then(|id| cx.world.get::<PaymentMethod>(id)).cloned() else {
        return;
    };
    let outcome = if well {
        ready(cx, &found, &method)
    } else {
        failed(cx, &found, &method, refusals::not_authenticated("setup_intent_authentication_failure"))
    };
    settled(cx, setup, &outcome);
}

/// Lets what a setup is for know that it came to an end outside of the call that began it.
fn settled(cx: &mut Cx<'_>, setup: &str, outcome: &Outcome) {
    if *outcome == Outcome::Succeeded {
        let waits = |found: &&Subscription| found.pending_setup_intent.as_deref() == Some(setup);
        let waiting = cx.world.of::<Subscription>(setup).find(waits).map(|found| found.id.clone());
        if let Some(subscription) = waiting {
            cx.change::<Subscription>(&subscription, "customer.subscription.updated", |found| {
                found.pending_setup_intent = None;
            });
        }
    }
    let session = cx.world.get::<SetupIntent>(setup).and_then(|found| found.checkout_session.clone());
    if let Some(session) = session {
        super::checkout::payment_settled(cx, &session, outcome);
    }
}

/// A refusal because of where the setup stands; it shows the setup.
fn unexpected(cx: &Cx<'_>, setup: &SetupIntent, message: impl Into<String>) -> ApiError {
    let shown = cx.world.wire(setup);
    ApiError::invalid(message).code("setup_intent_unexpected_state").with("setup_intent", shown)
}

/// It cannot be confirmed where it stands. The texts are from memory and by analogy with payment intents.
fn not_confirmable(cx: &Cx<'_>, setup: &SetupIntent) -> ApiError {
    let message = match setup.status {
        Status::Succeeded => "You cannot confirm this SetupIntent because it has already succeeded.".to_owned(),
        status => format!(
            "You cannot confirm this SetupIntent because it has a status of {}. Only a SetupIntent with one of the \
             following statuses may be confirmed: requires_payment_method, requires_confirmation, requires_action.",
            status.name()
        ),
    };
    unexpected(cx, setup, message)
}

/// Fields that are not shown.
const HIDDEN: &[&str] = &["checkout_session", "return_url"];

impl Resource for SetupIntent {
    const SCHEMA: &'static str = "setup_intent";
    const NOUN: &'static str = "setupintent";

    fn id(&self) -> &str {
        &self.id
    }

    fn owners(&self) -> Vec<&str> {
        self.customer.as_deref().into_iter().collect()
    }

    fn view(&self, _world: &World) -> Value {
        let mut value = plain(self);
        if let Some(fields) = value.as_object_mut() {
            for name in HIDDEN {
                fields.remove(*name);
            }
            if !fields.contains_key("automatic_payment_methods") {
                let usual = json!({ "allow_redirects": "always", "enabled": true });
                fields.insert("automatic_payment_methods".into(), usual);
            }
            fields.insert("payment_method_types".into(), json!(payment_intents::types("usd")));
        }
        value
    }
}
