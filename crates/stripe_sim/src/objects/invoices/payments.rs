//! Invoice payments: which payment intent pays which invoice.

use super::Invoice;
use crate::world::{Cx, Resource, World, list_of};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is paid, or is to be, for an invoice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InvoicePayment {
    pub id: String,
    pub created: i64,
    pub invoice: String,
    pub payment_intent: String,
    pub amount_requested: i64,
    pub amount_paid: Option<i64>,
    pub currency: String,
    /// `open`, `paid` or `canceled`.
    pub status: String,
    pub paid_at: Option<i64>,
    pub canceled_at: Option<i64>,
}

/// An intent is going to pay an invoice.
pub(super) fn open(cx: &mut Cx<'_>, invoice: &str, intent: &str) {
    let Some(found) = cx.world.get::<Invoice>(invoice).cloned() else { return };
    let id = cx.new_id("inpay");
    let created = cx.now();
    cx.put(InvoicePayment {
        id,
        created,
        invoice: invoice.to_owned(),
        payment_intent: intent.to_owned(),
        amount_requested: found.amount_due,
        amount_paid: None,
        currency: found.currency,
        status: "open".into(),
        paid_at: None,
        canceled_at: None,
    });
}

/// The payment of an invoice was made; answers its id.
pub(super) fn paid(cx: &mut Cx<'_>, invoice: &str) -> Option<String> {
    let id = newest(cx.world, invoice)?;
    let now = cx.now();
    cx.edit::<InvoicePayment>(&id, |payment| {
        payment.status = "paid".into();
        payment.amount_paid = Some(payment.amount_requested);
        payment.paid_at = Some(now);
    });
    Some(id)
}

/// The payment of an invoice was given up.
pub(super) fn cancel(cx: &mut Cx<'_>, invoice: &str) {
    let now = cx.now();
    if let Some(id) = newest(cx.world, invoice) {
        cx.edit::<InvoicePayment>(&id, |payment| {
            payment.status = "canceled".into();
            payment.canceled_at = Some(now);
        });
    }
}

/// The payments of an invoice, as it shows them when it is asked to.
pub(crate) fn shown(world: &World, invoice: &str) -> Option<Value> {
    let of = world.of::<InvoicePayment>(invoice);
    Some(list_of(of.map(|payment| world.wire(payment)), &format!("/v1/invoice_payments?invoice={invoice}")))
}

/// What a payer's browser needs to pay an open invoice.
pub(crate) fn secret(world: &World, invoice: &str) -> Option<Value> {
    let intent = world.get::<Invoice>(invoice)?.payment_intent.as_ref()?;
    let intent = world.get::<crate::objects::payment_intents::PaymentIntent>(intent)?;
    Some(json!({ "client_secret": intent.client_secret, "type": "payment_intent" }))
}

fn newest(world: &World, invoice: &str) -> Option<String> {
    let intent = world.get::<Invoice>(invoice)?.payment_intent.as_ref()?;
    world.of::<InvoicePayment>(intent).next_back().map(|payment| payment.id.clone())
}

impl Resource for InvoicePayment {
    const SCHEMA: &'static str = "invoice_payment";

    fn id(&self) -> &str {
        &self.id
    }

    fn owners(&self) -> Vec<&str> {
        vec![&self.invoice, &self.payment_intent]
    }

    fn view(&self, _world: &World) -> Value {
        json!({
            "id": self.id,
            "amount_paid": self.amount_paid,
            "amount_requested": self.amount_requested,
            "created": self.created,
            "currency": self.currency,
            "invoice": self.invoice,
            "is_default": true,
            "payment": { "payment_intent": self.payment_intent, "type": "payment_intent" },
            "status": self.status,
            "status_transitions": { "canceled_at": self.canceled_at, "paid_at": self.paid_at },
        })
    }
}
