//! Operations on invoices, their lines, their payments, and what waits for them.

use super::{Invoice, InvoiceItem, InvoicePayment, Line, Reason, Status, draft, dunning, finalize, items, pay};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{
        catalog::{self, Price},
        customers::Customer,
        decimal::Decimal,
        given, keep,
        metadata::{Metadata, merged},
        payment_intents::Outcome,
        payment_methods,
        period::Period,
        subscriptions::Subscription,
    },
    world::{Cx, Timer, within},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Fields that are kept as they were given.
const KEPT: &[&str] = &["custom_fields", "description", "footer", "statement_descriptor"];

/// What is asked of an invoice.
#[derive(Deserialize)]
struct Fields {
    customer: Option<String>,
    subscription: Option<String>,
    currency: Option<String>,
    auto_advance: Option<bool>,
    collection_method: Option<String>,
    days_until_due: Option<i64>,
    due_date: Option<i64>,
    default_payment_method: Option<String>,
    pending_invoice_items_behavior: Option<String>,
    #[serde(default, deserialize_with = "given")]
    metadata: Option<Value>,
}

/// `POST /v1/invoices`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let customer_id = fields.customer.clone().ok_or_else(|| ApiError::missing("customer"))?;
    let customer: Customer = cx.given(&customer_id, "customer")?;
    let subscription = match &fields.subscription {
        Some(id) => Some(cx.given::<Subscription>(id, "subscription")?),
        None => None,
    };
    let now = cx.now();
    let currency = fields.currency.clone().or_else(|| customer.currency.clone()).unwrap_or_else(|| "usd".into());
    let new = draft::New {
        customer: &customer.id,
        subscription: subscription.as_ref(),
        currency: &currency,
        reason: Reason::Manual,
        period: Period { start: now, end: now },
    };
    let id = draft::put(cx, &new);
    apply(cx, &id, &fields, asked)?;
    if fields.pending_invoice_items_behavior.as_deref() == Some("include") {
        include(cx, &id, &customer.id)?;
    }
    if fields.auto_advance == Some(true) {
        finalize::later(cx, &id);
    } else {
        cx.tell::<Invoice>("invoice.created", &id);
    }
    Answer::object::<Invoice>(cx, &id)
}

/// Takes up all that waits for an invoice of the customer.
fn include(cx: &mut Cx<'_>, id: &str, customer: &str) -> Result<(), ApiError> {
    let waits = |item: &&InvoiceItem| item.invoice.is_none() && !item.deleted;
    let waiting: Vec<InvoiceItem> = cx.world.of::<InvoiceItem>(customer).filter(waits).cloned().collect();
    if waiting.is_empty() {
        return Err(ApiError::invalid("Nothing to invoice for customer").code("invoice_no_customer_line_items"));
    }
    waiting.into_iter().for_each(|item| items::put_on(cx, id, item));
    Ok(())
}

/// Sets what was asked.
fn apply(cx: &mut Cx<'_>, id: &str, fields: &Fields, asked: &Asked) -> Result<(), ApiError> {
    let found: Invoice = cx.of_path(id)?;
    if let Some(method) = &fields.default_payment_method {
        payment_methods::must_be_of(cx, method, &found.customer, "default_payment_method")?;
    }
    let collection = fields.collection_method.clone().unwrap_or(found.collection_method);
    let due =
        fields.due_date.or_else(|| fields.days_until_due.map(|days| found.created + days * 86_400)).or(found.due_date);
    match (collection.as_str(), due) {
        ("send_invoice", None) => {
            let message =
                "If invoice collection method is 'send_invoice', you must specify 'due_date' or 'days_until_due'.";
            return Err(ApiError::invalid(message));
        }
        ("charge_automatically", Some(_)) => {
            let message = "You can only specify 'due_date' or 'days_until_due' if invoice collection method is \
                           'send_invoice'.";
            return Err(ApiError::invalid(message));
        }
        _ => {}
    }
    let metadata = merged(&found.metadata, fields.metadata.as_ref())?;
    cx.edit::<Invoice>(id, |invoice| {
        invoice.metadata = metadata;
        invoice.collection_method = collection;
        invoice.due_date = due;
        keep(&mut invoice.kept, &asked.params, KEPT);
        if let Some(method) = &fields.default_payment_method {
            invoice.default_payment_method = Some(method.clone());
        }
    });
    Ok(())
}

/// `POST /v1/invoices/{id}`
pub(crate) fn update(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let found: Invoice = cx.of_path(asked.id())?;
    let free = ["auto_advance", "default_payment_method", "metadata"];
    let bound = asked.params.as_object().into_iter().flatten().find(|(name, _)| !free.contains(&name.as_str()));
    if let Some((name, _)) = bound.filter(|_| !found.is_draft()) {
        return Err(ApiError::wrong("Finalized invoices can't be updated in this way", name));
    }
    let before = cx.before::<Invoice>(asked.id());
    apply(cx, asked.id(), &fields, asked)?;
    if let Some(advance) = fields.auto_advance {
        advance_by_itself(cx, &found, advance);
    }
    cx.tell_change::<Invoice>("invoice.updated", asked.id(), before);
    Answer::object::<Invoice>(cx, asked.id())
}

/// Lets an invoice go its way by itself, or stops it.
fn advance_by_itself(cx: &mut Cx<'_>, found: &Invoice, advance: bool) {
    let now = cx.now();
    let at = now + 3600;
    let waits = advance && matches!(found.status, Status::Draft | Status::Open);
    cx.edit::<Invoice>(&found.id, |invoice| {
        invoice.auto_advance = waits;
        invoice.automatically_finalizes_at = (waits && found.is_draft()).then_some(at);
        invoice.next_payment_attempt = waits.then_some(at);
    });
    if waits {
        let id = found.id.clone();
        cx.at(at, if found.is_draft() { Timer::Finalize(id) } else { Timer::Retry(id) });
    }
}

/// `DELETE /v1/invoices/{id}`
pub(crate) fn delete(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let found: Invoice = cx.of_path(asked.id())?;
    if !found.is_draft() {
        return Err(ApiError::invalid("You can only delete draft invoices."));
    }
    cx.tell::<Invoice>("invoice.deleted", asked.id());
    cx.remove::<Invoice>(asked.id());
    Ok(Answer::deleted("invoice", asked.id()))
}

/// `GET /v1/invoices/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    cx.of_path::<Invoice>(asked.id()).map_err(|error| error.at("invoice"))?;
    Answer::object::<Invoice>(cx, asked.id())
}

/// `GET /v1/invoices`
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let text = |name: &str| asked.params.get(name).and_then(Value::as_str).map(str::to_owned);
    let (customer, subscription, status) = (text("customer"), text("subscription"), text("status"));
    let (created, collection) = (asked.params.get("created"), text("collection_method"));
    Ok(Answer::list_of::<Invoice>(cx, subscription.as_deref().or(customer.as_deref()), |invoice| {
        customer.as_ref().is_none_or(|customer| invoice.customer == *customer)
            && subscription.is_none() | (invoice.subscription == subscription)
            && status.as_ref().is_none_or(|status| json!(invoice.status) == **status)
            && collection.as_ref().is_none_or(|method| invoice.collection_method == *method)
            && within(invoice.created, created)
    }))
}

/// `GET /v1/invoices/{id}/lines`: in the order of the invoice.
pub(crate) fn lines(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let found: Invoice = cx.of_path(asked.id())?;
    Ok(Answer::listed::<Line>(found.lines))
}

/// `POST /v1/invoices/{id}/finalize`
pub(crate) fn finalize_now(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let found: Invoice = cx.of_path(asked.id())?;
    if !found.is_draft() {
        let message = "This invoice is already finalized, you can't re-finalize a non-draft invoice.";
        return Err(ApiError::invalid(message));
    }
    let before = cx.before::<Invoice>(asked.id());
    finalize::now_final(cx, asked.id());
    cx.tell_change::<Invoice>("invoice.updated", asked.id(), before);
    if cx.world.get::<Invoice>(asked.id()).is_some_and(|invoice| invoice.amount_due == 0) {
        pay::note(cx, asked.id(), &Outcome::Succeeded, false);
        pay::tell(cx, asked.id(), &Outcome::Succeeded, false);
    }
    Answer::object::<Invoice>(cx, asked.id())
}

/// `POST /v1/invoices/{id}/pay`
pub(crate) fn pay_now(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let id = asked.id();
    let found: Invoice = cx.of_path(id)?;
    let method = asked.params.get("payment_method").and_then(Value::as_str);
    let off_session = asked.params.get("off_session").and_then(Value::as_bool).unwrap_or(true);
    match found.status {
        Status::Paid => return Err(ApiError::invalid("Invoice is already paid")),
        Status::Void => return Err(ApiError::invalid("Invoice can't be paid because it is void.")),
        Status::Draft => finalize::now_final(cx, id),
        Status::Open | Status::Uncollectible => {}
    }
    if asked.params.get("paid_out_of_band").and_then(Value::as_bool) == Some(true) {
        out_of_band(cx, id);
        return Answer::object::<Invoice>(cx, id);
    }
    if let Some(method) = method {
        payment_methods::must_be_of(cx, method, &found.customer, "payment_method")?;
    }
    let before = cx.before::<Invoice>(id);
    let outcome = pay::collect(cx, id, method, pay::By::request(off_session))?;
    cx.tell_change::<Invoice>("invoice.updated", id, before);
    pay::tell(cx, id, &outcome, false);
    match outcome {
        Outcome::Declined(error) => Err(error.as_ref().clone().kept()),
        Outcome::RequiresAction => Err(needs_action().kept()),
        Outcome::Succeeded | Outcome::Processing => Answer::object::<Invoice>(cx, id),
    }
}

/// Marks an invoice as paid by other ways.
fn out_of_band(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now();
    let intent = cx.world.get::<Invoice>(id).and_then(|invoice| invoice.payment_intent.clone());
    if let Some(intent) = intent {
        crate::objects::payment_intents::cancel(cx, &intent, "automatic");
    }
    let before = cx.before::<Invoice>(id);
    cx.edit::<Invoice>(id, |invoice| {
        invoice.status = Status::Paid;
        invoice.amount_paid = invoice.amount_due;
        invoice.paid_at = Some(now);
        invoice.auto_advance = false;
        invoice.next_payment_attempt = None;
    });
    cx.tell_change::<Invoice>("invoice.updated", id, before);
    cx.tell::<Invoice>("invoice.paid", id);
    let subscription = cx.world.get::<Invoice>(id).and_then(|invoice| invoice.subscription.clone());
    if let Some(subscription) = subscription {
        crate::objects::subscriptions::status::paid(cx, &subscription, id);
    }
}

/// The payer has something to do before the invoice is paid.
fn needs_action() -> ApiError {
    let message = "This payment requires additional user action before it can be completed successfully. Payment can be \
                   completed using the PaymentIntent associated with the invoice. For more details see: \
                   https://stripe.com/docs/billing/subscriptions/overview#requires-action";
    let error = ApiError::invalid(message).code("invoice_payment_intent_requires_action").status(402);
    ApiError { kind: "card_error", ..error }
}

/// `POST /v1/invoices/{id}/void`
pub(crate) fn void(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let found: Invoice = cx.of_path(asked.id())?;
    if !matches!(found.status, Status::Open | Status::Uncollectible) {
        return Err(ApiError::invalid("You can only pass in open invoices. This invoice isn't open."));
    }
    finalize::void(cx, asked.id());
    // Without its first invoice a subscription never begins.
    if let Some(subscription) = found.subscription.filter(|_| found.billing_reason == Reason::SubscriptionCreate) {
        crate::objects::subscriptions::status::expire(cx, &subscription);
    }
    dunning::taken_back(cx, asked.id());
    Answer::object::<Invoice>(cx, asked.id())
}

/// `POST /v1/invoices/{id}/mark_uncollectible`
pub(crate) fn mark_uncollectible(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let found: Invoice = cx.of_path(asked.id())?;
    match found.status {
        Status::Open => finalize::give_up(cx, asked.id()),
        Status::Uncollectible => {
            return Err(ApiError::invalid("This invoice has already been marked uncollectible."));
        }
        _ => return Err(ApiError::invalid("You can only pass in open invoices. This invoice isn't open.")),
    }
    Answer::object::<Invoice>(cx, asked.id())
}

/// `POST /v1/invoices/{id}/send`
pub(crate) fn send(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let found: Invoice = cx.of_path(asked.id())?;
    if found.collection_method != "send_invoice" || !matches!(found.status, Status::Draft | Status::Open) {
        let message = "This invoice cannot be sent right now. Please contact us via https://support.stripe.com/contact \
                       with details, so we can help.";
        return Err(ApiError::invalid(message));
    }
    finalize::now_final(cx, asked.id());
    cx.tell::<Invoice>("invoice.sent", asked.id());
    Answer::object::<Invoice>(cx, asked.id())
}

/// `GET /v1/invoice_payments`
pub(crate) fn list_payments(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let text = |name: &str| asked.params.get(name).and_then(Value::as_str).map(str::to_owned);
    let (invoice, status) = (text("invoice"), text("status"));
    let intent = asked.params.pointer("/payment/payment_intent").and_then(Value::as_str).map(str::to_owned);
    let created = asked.params.get("created");
    Ok(Answer::list_of::<InvoicePayment>(cx, invoice.as_deref().or(intent.as_deref()), |payment| {
        invoice.as_ref().is_none_or(|invoice| payment.invoice == *invoice)
            && intent.as_ref().is_none_or(|intent| payment.payment_intent == *intent)
            && status.as_ref().is_none_or(|status| payment.status == *status)
            && within(payment.created, created)
    }))
}

/// `GET /v1/invoice_payments/{id}`
pub(crate) fn retrieve_payment(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    cx.of_path::<InvoicePayment>(asked.id())?;
    Answer::object::<InvoicePayment>(cx, asked.id())
}

/// What is asked of an invoice item.
#[derive(Deserialize)]
struct ItemFields {
    customer: Option<String>,
    subscription: Option<String>,
    invoice: Option<String>,
    amount: Option<i64>,
    currency: Option<String>,
    description: Option<String>,
    quantity: Option<i64>,
    pricing: Option<Value>,
    period: Option<Period>,
    #[serde(default, deserialize_with = "given")]
    metadata: Option<Value>,
}

/// `POST /v1/invoiceitems`
pub(crate) fn create_item(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: ItemFields = asked.read()?;
    let customer_id = fields.customer.clone().ok_or_else(|| ApiError::missing("customer"))?;
    let customer: Customer = cx.given(&customer_id, "customer")?;
    let price = match fields.pricing.as_ref().and_then(|pricing| pricing.get("price")).and_then(Value::as_str) {
        Some(price) => Some(cx.given::<Price>(price, "pricing[price]")?),
        None => None,
    };
    let quantity = fields.quantity.unwrap_or(1);
    let priced = price.as_ref().map(|price| catalog::amount_of(price, Decimal::from(quantity)));
    let amount = fields.amount.or(priced).ok_or_else(|| ApiError::missing("amount"))?;
    let currency = price.as_ref().map(|price| price.currency.clone()).or(fields.currency.clone()).or(customer.currency);
    let now = cx.now();
    let id = cx.new_id("ii");
    let item = InvoiceItem {
        id: id.clone(),
        date: now,
        customer: customer.id,
        subscription: fields.subscription.clone(),
        item: None,
        amount,
        currency: currency.ok_or_else(|| ApiError::missing("currency"))?,
        description: fields
            .description
            .clone()
            .or_else(|| price.as_ref().map(|price| catalog::product_name(cx.world, price))),
        period: fields.period.unwrap_or(Period { start: now, end: now }),
        proration: false,
        quantity,
        unit_amount_decimal: price
            .as_ref()
            .map_or_else(|| Some(amount.to_string()), |price| price.unit_amount_decimal.clone()),
        product: price.as_ref().map(|price| price.product.clone()),
        price: price.map(|price| price.id),
        credited: None,
        invoice: None,
        line: None,
        metadata: merged(&Metadata::new(), fields.metadata.as_ref())?,
        deleted: false,
    };
    cx.put(item.clone());
    if let Some(invoice) = &fields.invoice {
        cx.given::<Invoice>(invoice, "invoice")?;
        if !items::can_take(cx.world, invoice) {
            return Err(not_editable());
        }
        items::put_on(cx, invoice, item);
    }
    cx.tell::<InvoiceItem>("invoiceitem.created", &id);
    Answer::object::<InvoiceItem>(cx, &id)
}

fn not_editable() -> ApiError {
    ApiError::invalid("Invalid invoice: This invoice is no longer editable").code("invoice_not_editable")
}

/// `GET /v1/invoiceitems/{id}`
pub(crate) fn retrieve_item(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    cx.of_path::<InvoiceItem>(asked.id())?;
    Answer::object::<InvoiceItem>(cx, asked.id())
}

/// `GET /v1/invoiceitems`
pub(crate) fn list_items(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let text = |name: &str| asked.params.get(name).and_then(Value::as_str).map(str::to_owned);
    let (customer, invoice) = (text("customer"), text("invoice"));
    let pending = asked.params.get("pending").and_then(Value::as_bool);
    let created = asked.params.get("created");
    Ok(Answer::list_of::<InvoiceItem>(cx, invoice.as_deref().or(customer.as_deref()), |item| {
        customer.as_ref().is_none_or(|customer| item.customer == *customer)
            && (invoice.is_none() || item.invoice == invoice)
            && pending.is_none_or(|pending| item.invoice.is_none() == pending)
            && within(item.date, created)
    }))
}

/// `DELETE /v1/invoiceitems/{id}`
pub(crate) fn delete_item(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let found: InvoiceItem = cx.of_path(asked.id())?;
    if let Some(invoice) = &found.invoice {
        if !items::can_take(cx.world, invoice) {
            let message = "Can't delete an invoice item that is attached to an invoice that is no longer editable";
            return Err(ApiError::invalid(message));
        }
        let line = found.line.clone();
        cx.edit::<Invoice>(invoice, |invoice| invoice.lines.retain(|id| Some(id) != line.as_ref()));
    }
    cx.tell::<InvoiceItem>("invoiceitem.deleted", &found.id);
    cx.edit::<InvoiceItem>(&found.id, |item| item.deleted = true);
    Ok(Answer::deleted("invoiceitem", &found.id))
}
