//! Payment methods: what someone pays with, and whose it is.

mod api;
mod make;

pub(crate) use api::{attach, create, detach, list, list_of_customer, retrieve, retrieve_of_customer, update};
pub(crate) use make::{Given, from_params, from_token};

use super::{
    cards::{self, Behaviour},
    customers::Customer,
    metadata::Metadata,
    subscriptions::Subscription,
};
use crate::{
    error::ApiError,
    world::{Cx, Resource, World, plain},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What someone pays with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PaymentMethod {
    pub id: String,
    pub created: i64,
    /// `card`, `us_bank_account` or `sepa_debit`.
    #[serde(rename = "type")]
    pub kind: String,
    pub customer: Option<String>,
    pub allow_redisplay: String,
    pub billing_details: Value,
    pub metadata: Metadata,
    /// What is shown under the name of its type.
    pub details: Value,
    /// How it behaves. Hidden, as all that follow.
    pub behaviour: Behaviour,
    /// The name everyone shares that it was made from, such as `pm_card_visa`.
    pub made_from: Option<String>,
    /// Whether its holder agreed, and proved to be the holder, to be charged later.
    pub set_up: bool,
    /// Whether it was paid with, or detached, and so can be used no more.
    pub spent: bool,
}

/// Fields that are not shown.
const HIDDEN: &[&str] = &["details", "behaviour", "made_from", "set_up", "spent"];

impl Resource for PaymentMethod {
    const SCHEMA: &'static str = "payment_method";
    const NOUN: &'static str = "PaymentMethod";

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
            fields.insert(self.kind.clone(), self.details.clone());
            fields.insert("radar_options".into(), Value::Object(Metadata::new()));
        }
        value
    }
}

impl PaymentMethod {
    /// Whether it is a bank account, whose debits end days later.
    pub const fn is_debit(&self) -> bool {
        self.behaviour.debit.is_some()
    }

    /// Puts down what the issuer said of it when it was used.
    fn checked(&mut self) {
        if self.kind == "card" {
            cards::check(&mut self.details, &self.billing_details, self.behaviour.checks);
        }
    }
}

/// The payment method that `name` means: one with that id, or a new one when it is a name everyone shares.
///
/// # Errors
/// 400 `resource_missing` about `param`.
pub(crate) fn resolve(cx: &mut Cx<'_>, name: &str, param: &str) -> Result<String, ApiError> {
    if cx.find::<PaymentMethod>(name).is_some() {
        return Ok(name.to_owned());
    }
    make::from_shared(cx, name).ok_or_else(|| ApiError::no_such(PaymentMethod::NOUN, name).at(param))
}

/// Attaches a payment method to a customer; answers its id. Nothing happens when it is the customer's already.
///
/// # Errors
/// There is no such method, it is another customer's, it was used up, or its issuer declines it (402).
pub(crate) fn attach_to(cx: &mut Cx<'_>, method: &str, customer: &str, param: &str) -> Result<String, ApiError> {
    let id = resolve(cx, method, param)?;
    let found: PaymentMethod = cx.given(&id, param)?;
    match found.customer.as_deref() {
        Some(owner) if owner == customer => return Ok(id),
        Some(_) => {
            let message = "The payment method you provided has already been attached to a customer.";
            return Err(ApiError::invalid(message));
        }
        None => {}
    }
    if found.spent {
        return Err(used_up());
    }
    if let Some(decline) = found.behaviour.attaching {
        return Err(decline.attach_error());
    }
    keep_for(cx, &id, customer);
    Ok(id)
}

/// Attaches a payment method that may be attached, and tells it.
pub(crate) fn keep_for(cx: &mut Cx<'_>, id: &str, customer: &str) {
    cx.edit::<PaymentMethod>(id, |method| {
        method.customer = Some(customer.to_owned());
        method.spent = false;
        method.checked();
    });
    cx.tell::<PaymentMethod>("payment_method.attached", id);
}

/// Lets a payment method go: its customer, and subscriptions that were charged to it, have it no more.
fn let_go(cx: &mut Cx<'_>, id: &str) {
    let customer = cx.world.get::<PaymentMethod>(id).and_then(|method| method.customer.clone());
    forget_owner(cx, id);
    let is = |default: &Option<String>| default.as_deref() == Some(id);
    if let Some(customer) = customer
        && cx.find::<Customer>(&customer).is_some_and(|found| is(&found.default_payment_method))
    {
        cx.change::<Customer>(&customer, "customer.updated", |customer| customer.default_payment_method = None);
    }
    let charged = |found: &&Subscription| found.ended_at.is_none() && is(&found.default_payment_method);
    let subscriptions: Vec<String> =
        cx.world.of::<Subscription>(id).filter(charged).map(|found| found.id.clone()).collect();
    for subscription in subscriptions {
        cx.change::<Subscription>(&subscription, "customer.subscription.updated", |found| {
            found.default_payment_method = None;
        });
    }
}

fn forget_owner(cx: &mut Cx<'_>, id: &str) {
    cx.change::<PaymentMethod>(id, "payment_method.detached", |method| {
        method.customer = None;
        method.spent = true;
    });
}

/// Lets go all that a customer, who is being deleted, paid with.
pub(crate) fn detach_all_of(cx: &mut Cx<'_>, customer: &str) {
    let ids: Vec<String> = cx.world.of::<PaymentMethod>(customer).map(|method| method.id.clone()).collect();
    for id in ids {
        forget_owner(cx, &id);
    }
}

/// The customer's own payment method that `method` means: the one with that id, or the newest that was made for the
/// customer from the name everyone shares.
///
/// # Errors
/// The customer has none; 400 about `param`. The text is from memory.
pub(crate) fn own(cx: &Cx<'_>, method: &str, customer: &str, param: &str) -> Result<String, ApiError> {
    let is_own = |found: &PaymentMethod| found.customer.as_deref() == Some(customer);
    if cx.find::<PaymentMethod>(method).is_some_and(is_own) {
        return Ok(method.to_owned());
    }
    let made = |found: &&PaymentMethod| found.made_from.as_deref() == Some(method);
    let found = cx.world.of::<PaymentMethod>(customer).rev().find(made);
    found.map(|found| found.id.clone()).ok_or_else(|| {
        let message = format!(
            "The customer does not have a payment method with the ID {method}. The payment method must be attached to \
             the customer."
        );
        ApiError::wrong(&message, param).code("resource_missing")
    })
}

/// Whether the customer can be charged by `method`, see [`own`].
///
/// # Errors
/// As [`own`].
pub(crate) fn must_be_of(cx: &Cx<'_>, method: &str, customer: &str, param: &str) -> Result<(), ApiError> {
    own(cx, method, customer, param).map(drop)
}

/// Whether an intent of `customer` can be paid or set up with the method `id`.
///
/// # Errors
/// It is another customer's, or was used up; 400.
pub(crate) fn must_fit(cx: &Cx<'_>, id: &str, customer: Option<&str>) -> Result<(), ApiError> {
    let Some(method) = cx.find::<PaymentMethod>(id) else { return Err(ApiError::no_such(PaymentMethod::NOUN, id)) };
    match (method.customer.as_deref(), customer) {
        (Some(owner), Some(customer)) if owner != customer => {
            let message = format!(
                "The PaymentMethod {id} does not belong to the Customer you supplied {customer}. Please use this \
                 PaymentMethod with the Customer that it belongs to instead."
            );
            Err(ApiError::wrong(&message, "payment_method"))
        }
        (Some(owner), None) => {
            let message = format!(
                "The `payment_method` parameter supplied {id} belongs to the Customer {owner}. Please include the \
                 Customer in the `customer` parameter on the PaymentIntent."
            );
            Err(ApiError::wrong(&message, "source").code("parameter_missing"))
        }
        (None, _) if method.spent => Err(used_up()),
        _ => Ok(()),
    }
}

/// A payment method was paid with. One that is nobody's can be used no more.
pub(crate) fn paid_with(cx: &mut Cx<'_>, id: &str, set_up: bool) {
    cx.edit::<PaymentMethod>(id, |method| {
        method.checked();
        method.set_up |= set_up;
        method.spent = method.customer.is_none();
    });
}

/// A payment method was set up to be charged later.
pub(crate) fn set_up(cx: &mut Cx<'_>, id: &str) {
    cx.edit::<PaymentMethod>(id, |method| {
        method.checked();
        method.set_up = true;
    });
}

fn used_up() -> ApiError {
    ApiError::invalid(
        "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, \
         and may not be used again.",
    )
}
