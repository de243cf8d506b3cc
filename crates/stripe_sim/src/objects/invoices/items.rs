//! Invoice items: what waits for the next invoice.

use super::{
    Invoice,
    lines::{self, Credited, From, NewLine},
};
use crate::{
    objects::{metadata::Metadata, period::Period},
    world::{Cx, Resource, World},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Something for the next invoice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InvoiceItem {
    pub id: String,
    pub date: i64,
    pub customer: String,
    pub subscription: Option<String>,
    /// The item of the subscription it is about.
    pub item: Option<String>,
    pub amount: i64,
    pub currency: String,
    pub description: Option<String>,
    pub period: Period,
    pub proration: bool,
    pub quantity: i64,
    pub unit_amount_decimal: Option<String>,
    pub price: Option<String>,
    pub product: Option<String>,
    pub credited: Option<Credited>,
    /// The invoice it came to stand on, and as which line.
    pub invoice: Option<String>,
    pub line: Option<String>,
    pub metadata: Metadata,
    pub deleted: bool,
}

/// Puts what waits for an invoice of `subscription` on the draft `invoice`, oldest first.
pub(crate) fn take_up(cx: &mut Cx<'_>, invoice: &str, subscription: &str) {
    take(cx, invoice, subscription, false);
}

/// The same for an invoice that comes by itself: what its customer has waiting for no subscription in particular comes
/// onto the next of these.
/// Source: `subscription` in <https://docs.stripe.com/api/invoiceitems/create>
pub(crate) fn take_up_all(cx: &mut Cx<'_>, invoice: &str, subscription: &str) {
    take(cx, invoice, subscription, true);
}

fn take(cx: &mut Cx<'_>, invoice: &str, subscription: &str, all: bool) {
    let Some(found) = cx.world.get::<Invoice>(invoice) else { return };
    let waits = |item: &&InvoiceItem| {
        item.invoice.is_none()
            && !item.deleted
            && item.currency == found.currency
            && item.subscription.as_deref().map_or(all, |id| id == subscription)
    };
    let waiting: Vec<InvoiceItem> = cx.world.of::<InvoiceItem>(&found.customer).filter(waits).cloned().collect();
    for item in waiting {
        put_on(cx, invoice, item);
    }
}

/// Puts one item on the draft `invoice`.
pub(crate) fn put_on(cx: &mut Cx<'_>, invoice: &str, item: InvoiceItem) {
    // What was credited while it waited has a line by now.
    let credited = item.credited.clone().map(|credited| resolved(cx.world, credited));
    let from = match &item.item {
        Some(of) => {
            From::Item { item: of.clone(), invoice_item: Some(item.id.clone()), proration: item.proration, credited }
        }
        None => From::InvoiceItem { invoice_item: item.id.clone(), proration: item.proration, credited },
    };
    let line = NewLine {
        amount: item.amount,
        description: item.description.clone(),
        period: item.period,
        quantity: Some(item.quantity),
        unit_amount_decimal: item.unit_amount_decimal.clone(),
        price: item.price.clone(),
        product: item.product.clone(),
        from,
        metadata: item.metadata.clone(),
    };
    let line = lines::add(cx, invoice, line);
    cx.edit::<InvoiceItem>(&item.id, |item| {
        item.invoice = Some(invoice.to_owned());
        item.line = Some(line);
    });
}

/// The line of a debit that waited when it was credited, if it has one by now.
pub(crate) fn resolved(world: &World, credited: Credited) -> Credited {
    let Credited::Pending { invoice_item } = &credited else { return credited };
    let found = world.get::<InvoiceItem>(invoice_item).and_then(|item| item.invoice.clone().zip(item.line.clone()));
    found.map_or(credited, |(invoice, line)| Credited::Lines { invoice, lines: vec![line] })
}

/// Whether an invoice can still take items up.
pub(crate) fn can_take(world: &World, invoice: &str) -> bool {
    world.get::<Invoice>(invoice).is_some_and(Invoice::is_draft)
}

impl Resource for InvoiceItem {
    const SCHEMA: &'static str = "invoiceitem";
    const NOUN: &'static str = "Invoice Item";

    fn id(&self) -> &str {
        &self.id
    }

    fn owners(&self) -> Vec<&str> {
        std::iter::once(self.customer.as_str())
            .chain(self.subscription.as_deref())
            .chain(self.invoice.as_deref())
            .collect()
    }

    fn is_deleted(&self) -> bool {
        self.deleted
    }

    fn view(&self, _world: &World) -> Value {
        let parent = self.subscription.as_ref().map(|subscription| {
            let mut details = json!({ "subscription": subscription });
            if let Some(item) = &self.item {
                details["subscription_item"] = json!(item);
            }
            json!({ "subscription_details": details, "type": "subscription_details" })
        });
        let pricing = self.price.as_ref().map(|price| {
            json!({
                "price_details": { "price": price, "product": self.product },
                "type": "price_details",
                "unit_amount_decimal": self.unit_amount_decimal,
            })
        });
        let credited = self.credited.as_ref().map(|credited| match credited {
            Credited::Lines { invoice, lines } => json!({
                "invoice_line_item_details": { "invoice": invoice, "invoice_line_items": lines },
                "type": "invoice_line_items",
            }),
            Credited::Pending { invoice_item } => json!({ "invoice_item": invoice_item, "type": "invoice_item" }),
        });
        json!({
            "id": self.id,
            "amount": self.amount,
            "currency": self.currency,
            "customer": self.customer,
            "date": self.date,
            "description": self.description,
            "discountable": !self.proration,
            "discounts": [],
            "invoice": self.invoice,
            "metadata": self.metadata,
            "net_amount": self.amount,
            "parent": parent,
            "period": self.period,
            "pricing": pricing,
            "proration": self.proration,
            "proration_details": { "credited_items": credited, "discount_amounts": [] },
            "quantity": self.quantity,
            "quantity_decimal": self.quantity.to_string(),
        })
    }
}
