//! Lines of invoices.

use super::super::metadata::Metadata;
use crate::{
    objects::period::Period,
    world::{Cx, Resource, World},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A line of an invoice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub id: String,
    pub invoice: String,
    pub amount: i64,
    pub currency: String,
    pub description: Option<String>,
    pub period: Period,
    pub quantity: Option<i64>,
    /// Minor units for one unit, as text; what stands in a price.
    pub unit_amount_decimal: Option<String>,
    pub price: Option<String>,
    pub product: Option<String>,
    pub subscription: Option<String>,
    pub from: From,
    pub metadata: Metadata,
}

/// Where a line comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum From {
    /// From an item of a subscription: a whole period of it, or with an invoice item a part.
    Item { item: String, invoice_item: Option<String>, proration: bool, credited: Option<Credited> },
    /// From an invoice item.
    InvoiceItem { invoice_item: String, proration: bool, credited: Option<Credited> },
}

/// What a credit gives back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Credited {
    /// Lines of an invoice.
    Lines { invoice: String, lines: Vec<String> },
    /// A debit that still waits for an invoice.
    Pending { invoice_item: String },
}

/// A line to be.
#[derive(Clone, Debug)]
pub(crate) struct NewLine {
    pub amount: i64,
    pub description: Option<String>,
    pub period: Period,
    pub quantity: Option<i64>,
    pub unit_amount_decimal: Option<String>,
    pub price: Option<String>,
    pub product: Option<String>,
    pub from: From,
    pub metadata: Metadata,
}

/// Puts a line at the end of an invoice; answers its id.
pub(crate) fn add(cx: &mut Cx<'_>, invoice: &str, line: NewLine) -> String {
    let id = cx.new_id("il");
    let (currency, subscription) = cx
        .world
        .get::<super::Invoice>(invoice)
        .map_or_else(Default::default, |invoice| (invoice.currency.clone(), invoice.subscription.clone()));
    let NewLine { amount, description, period, quantity, unit_amount_decimal, price, product, from, metadata } = line;
    cx.put(Line {
        id: id.clone(),
        invoice: invoice.to_owned(),
        amount,
        currency,
        description,
        period,
        quantity,
        unit_amount_decimal,
        price,
        product,
        subscription,
        from,
        metadata,
    });
    cx.edit::<super::Invoice>(invoice, |invoice| invoice.lines.push(id.clone()));
    id
}

impl Line {
    fn parent(&self) -> Value {
        match &self.from {
            From::Item { item, invoice_item, proration, credited } => json!({
                "invoice_item_details": null,
                "subscription_item_details": {
                    "invoice_item": invoice_item,
                    "proration": proration,
                    "proration_details": { "credited_items": credited_items(credited.as_ref()) },
                    "subscription": self.subscription,
                    "subscription_item": item,
                },
                "type": "subscription_item_details",
            }),
            From::InvoiceItem { invoice_item, proration, credited } => json!({
                "invoice_item_details": {
                    "invoice_item": invoice_item,
                    "proration": proration,
                    "proration_details": { "credited_items": credited_items(credited.as_ref()) },
                    "subscription": self.subscription,
                },
                "subscription_item_details": null,
                "type": "invoice_item_details",
            }),
        }
    }

    fn is_proration(&self) -> bool {
        match &self.from {
            From::Item { proration, .. } | From::InvoiceItem { proration, .. } => *proration,
        }
    }
}

fn credited_items(credited: Option<&Credited>) -> Value {
    match credited {
        Some(Credited::Lines { invoice, lines }) => json!({ "invoice": invoice, "invoice_line_items": lines }),
        Some(Credited::Pending { .. }) | None => Value::Null,
    }
}

impl Resource for Line {
    const SCHEMA: &'static str = "line_item";
    const NOUN: &'static str = "invoice line item";

    fn id(&self) -> &str {
        &self.id
    }

    fn view(&self, _world: &World) -> Value {
        let pricing = self.price.as_ref().map(|price| {
            json!({
                "price_details": { "price": price, "product": self.product },
                "type": "price_details",
                "unit_amount_decimal": self.unit_amount_decimal,
            })
        });
        json!({
            "id": self.id,
            "amount": self.amount,
            "currency": self.currency,
            "description": self.description,
            "discount_amounts": [],
            "discountable": !self.is_proration(),
            "discounts": [],
            "invoice": self.invoice,
            "metadata": self.metadata,
            "parent": self.parent(),
            "period": self.period,
            "pretax_credit_amounts": [],
            "pricing": pricing,
            "quantity": self.quantity,
            "quantity_decimal": self.quantity.map(|quantity| quantity.to_string()),
            "subscription": self.subscription,
            "subtotal": self.amount,
            "taxes": [],
        })
    }
}
