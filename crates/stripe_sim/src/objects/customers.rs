//! Customers: who buys, and how invoices of theirs are paid.

use super::{
    Kept, keep,
    metadata::{Metadata, merged},
};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    world::{Cx, Resource, World, plain, within},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Someone who buys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Customer {
    pub id: String,
    pub created: i64,
    /// Fields that are kept as they were given.
    #[serde(flatten)]
    pub kept: Kept,
    /// What is owed (above zero) or stands to the customer's credit, in minor units.
    pub balance: i64,
    /// The currency of its invoices, once there is one.
    pub currency: Option<String>,
    /// Whether an invoice of it is past due.
    pub delinquent: bool,
    pub invoice_prefix: String,
    pub next_invoice_sequence: i64,
    pub default_payment_method: Option<String>,
    pub metadata: Metadata,
    pub test_clock: Option<String>,
    pub deleted: bool,
}

/// Fields that are kept as they were given.
const KEPT: &[&str] = &[
    "address",
    "business_name",
    "description",
    "email",
    "individual_name",
    "name",
    "phone",
    "preferred_locales",
    "shipping",
    "tax_exempt",
];

impl Resource for Customer {
    const SCHEMA: &'static str = "customer";

    fn id(&self) -> &str {
        &self.id
    }

    fn is_deleted(&self) -> bool {
        self.deleted
    }

    fn view(&self, _world: &World) -> Value {
        if self.deleted {
            return json!({ "id": self.id, "object": "customer", "deleted": true });
        }
        let mut value = plain(self);
        if let Some(fields) = value.as_object_mut() {
            fields.remove("deleted");
            fields.remove("default_payment_method");
            fields.insert("invoice_settings".into(), json!({ "default_payment_method": self.default_payment_method }));
        }
        value
    }
}

/// What may be asked of a customer, beside the fields kept as given.
#[derive(Deserialize)]
struct Fields {
    balance: Option<i64>,
    invoice_settings: Option<Settings>,
    #[serde(default, deserialize_with = "super::given")]
    metadata: Option<Value>,
    payment_method: Option<String>,
    invoice_prefix: Option<String>,
    next_invoice_sequence: Option<i64>,
    test_clock: Option<String>,
}

#[derive(Deserialize)]
struct Settings {
    #[serde(default, deserialize_with = "super::given")]
    default_payment_method: Option<Value>,
}

/// `POST /v1/customers`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let id = cx.new_id("cus");
    let prefix = cx.world.random.letters(8).to_ascii_uppercase();
    let mut customer = Customer {
        id: id.clone(),
        created: cx.now(),
        kept: Kept::new(),
        balance: 0,
        currency: None,
        delinquent: false,
        invoice_prefix: prefix,
        next_invoice_sequence: 1,
        default_payment_method: None,
        metadata: Metadata::new(),
        test_clock: fields.test_clock.clone(),
        deleted: false,
    };
    apply(&mut customer, &fields, asked)?;
    cx.put(customer);
    if let Some(method) = &fields.payment_method {
        super::payment_methods::attach_to(cx, method, &id, "payment_method")?;
    }
    check_default(cx, &id)?;
    cx.tell::<Customer>("customer.created", &id);
    Answer::object::<Customer>(cx, &id)
}

/// `GET /v1/customers`
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let (email, clock) = (asked.params.get("email"), asked.params.get("test_clock"));
    let created = asked.params.get("created");
    Ok(Answer::list::<Customer>(cx, |customer| {
        email.is_none_or(|email| customer.kept.get("email") == Some(email))
            && clock.is_none_or(|clock| customer.test_clock.as_deref() == clock.as_str())
            && within(customer.created, created)
    }))
}

/// `GET /v1/customers/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    // What is left of a deleted customer is answered, not refused.
    cx.world.get::<Customer>(asked.id()).ok_or_else(|| missing(asked.id()))?;
    Answer::object::<Customer>(cx, asked.id())
}

/// `POST /v1/customers/{id}`
pub(crate) fn update(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let mut customer: Customer = cx.of_path(asked.id())?;
    apply(&mut customer, &fields, asked)?;
    let before = cx.before::<Customer>(asked.id());
    cx.put(customer);
    check_default(cx, asked.id())?;
    cx.tell_change::<Customer>("customer.updated", asked.id(), before);
    Answer::object::<Customer>(cx, asked.id())
}

/// `DELETE /v1/customers/{id}`: its subscriptions end at once, and what it paid with is let go.
pub(crate) fn delete(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let customer: Customer = cx.of_path(asked.id())?;
    super::subscriptions::end_all_of(cx, &customer.id);
    super::payment_methods::detach_all_of(cx, &customer.id);
    cx.tell::<Customer>("customer.deleted", &customer.id);
    cx.edit::<Customer>(&customer.id, |customer| customer.deleted = true);
    Ok(Answer::deleted("customer", &customer.id))
}

fn missing(id: &str) -> ApiError {
    ApiError::no_such("customer", id).at("id").status(404)
}

fn apply(customer: &mut Customer, fields: &Fields, asked: &Asked) -> Result<(), ApiError> {
    if let Some(email) = asked.params.get("email").and_then(Value::as_str)
        && !looks_like_email(email)
    {
        return Err(ApiError::wrong(&format!("Invalid email address: {email}"), "email").code("email_invalid"));
    }
    keep(&mut customer.kept, &asked.params, KEPT);
    customer.metadata = merged(&customer.metadata, fields.metadata.as_ref())?;
    customer.balance = fields.balance.unwrap_or(customer.balance);
    if let Some(prefix) = &fields.invoice_prefix {
        customer.invoice_prefix.clone_from(prefix);
    }
    customer.next_invoice_sequence = fields.next_invoice_sequence.unwrap_or(customer.next_invoice_sequence);
    if let Some(method) = fields.invoice_settings.as_ref().and_then(|settings| settings.default_payment_method.as_ref())
    {
        customer.default_payment_method = method.as_str().map(str::to_owned);
    }
    Ok(())
}

/// The customer's default must be a payment method of its own; a name everyone shares becomes the one made from it.
fn check_default(cx: &mut Cx<'_>, id: &str) -> Result<(), ApiError> {
    let default = cx.find::<Customer>(id).and_then(|customer| customer.default_payment_method.clone());
    if let Some(method) = default {
        let own = super::payment_methods::own(cx, &method, id, "invoice_settings[default_payment_method]")?;
        cx.edit::<Customer>(id, |customer| customer.default_payment_method = Some(own));
    }
    Ok(())
}

fn looks_like_email(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !text.contains(char::is_whitespace))
}
