//! What is sold once along with a subscription: it waits as an invoice item for the subscription's next invoice, which is
//! the first if the subscription begins with it.
//! Source: `add_invoice_items` in <https://docs.stripe.com/api/subscriptions/create>

use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{
        catalog::{self, Price},
        decimal::Decimal,
        invoices::InvoiceItem,
        metadata::{Metadata, merged},
        period::Period,
    },
    world::Cx,
};
use serde::Deserialize;
use serde_json::Value;

/// Most of them at once. Source: `add_invoice_items` in the declarations of `stripe@23.1.0` of npm.
const MOST: usize = 20;

/// Something to be sold once.
#[derive(Clone, Debug)]
pub(crate) struct Extra {
    pub price: String,
    pub quantity: i64,
    pub metadata: Metadata,
}

/// What is asked of one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ExtraDetails {
    price: Option<String>,
    price_data: Option<Value>,
    quantity: Option<i64>,
    #[serde(deserialize_with = "crate::objects::given")]
    metadata: Option<Value>,
}

/// What `asked` asks for; prices that are described are made.
///
/// # Errors
/// Too many of them, or a price that cannot be sold once.
pub(crate) fn of(cx: &mut Cx<'_>, asked: &[ExtraDetails]) -> Result<Vec<Extra>, ApiError> {
    if asked.len() > MOST {
        let message = format!("You can add at most {MOST} invoice items.");
        return Err(ApiError::wrong(&message, "add_invoice_items"));
    }
    let mut extras = Vec::with_capacity(asked.len());
    for (place, details) in asked.iter().enumerate() {
        let at = format!("add_invoice_items[{place}][price]");
        let price = price(cx, details, &at)?;
        if price.recurring.is_some() {
            let message = "The price specified is set to `type=recurring` but this field only accepts prices with \
                           `type=one_time`.";
            return Err(ApiError::wrong(message, &at));
        }
        let metadata = merged(&Metadata::new(), details.metadata.as_ref())?;
        extras.push(Extra { price: price.id, quantity: details.quantity.unwrap_or(1), metadata });
    }
    Ok(extras)
}

fn price(cx: &mut Cx<'_>, details: &ExtraDetails, at: &str) -> Result<Price, ApiError> {
    let Some(data) = details.price_data.as_ref().filter(|_| details.price.is_none()) else {
        let id = details.price.as_deref().ok_or_else(|| ApiError::missing(at))?;
        let price: Price = cx.given(id, at)?;
        if price.active {
            return Ok(price);
        }
        let message = "The price specified is inactive. This field only accepts active prices.";
        return Err(ApiError::wrong(message, at));
    };
    let asked = Asked { path: Vec::new(), url: "/v1/prices".into(), params: data.clone() };
    let Answer::Value(made) = catalog::create_price(cx, &asked)? else { return Err(ApiError::missing(at)) };
    let id = made.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    // It is for this once.
    cx.edit::<Price>(&id, |price| price.active = false);
    cx.given(&id, at)
}

/// Lets them wait for the next invoice of a subscription in `currency`.
///
/// # Errors
/// Another currency.
pub(crate) fn wait(
    cx: &mut Cx<'_>,
    customer: &str,
    subscription: &str,
    currency: &str,
    extras: &[Extra],
) -> Result<(), ApiError> {
    let now = cx.now();
    for extra in extras {
        let price: Price = cx.given(&extra.price, "add_invoice_items")?;
        if price.currency != currency {
            return Err(super::start::mixed_currencies(&price.currency, currency, "add_invoice_items"));
        }
        let id = cx.new_id("ii");
        let item = InvoiceItem {
            id,
            date: now,
            customer: customer.to_owned(),
            subscription: Some(subscription.to_owned()),
            item: None,
            amount: catalog::amount_of(&price, Decimal::from(extra.quantity)),
            currency: price.currency.clone(),
            description: Some(catalog::product_name(cx.world, &price)),
            period: Period { start: now, end: now },
            proration: false,
            quantity: extra.quantity,
            unit_amount_decimal: price.unit_amount_decimal.clone(),
            price: Some(price.id.clone()),
            product: Some(price.product.clone()),
            credited: None,
            invoice: None,
            line: None,
            metadata: extra.metadata.clone(),
            deleted: false,
        };
        cx.create(item, "invoiceitem.created");
    }
    Ok(())
}
