//! `/customers/{id}/payment_methods`: what a customer pays with.

use super::store::{self, Method};
use crate::{
    features::customers,
    platform::{
        App,
        auth::{Caller, Reader},
        db::Tx,
        error::{Code, Error},
        http::{CustomerName, Instant, Limit, PageOf, Path, Query, ReadErrors, fields::text_fields},
    },
};
use axum::{Json, extract::State};
use purser_rules::Time;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

text_fields! {
    /// A payment method's id at Stripe.
    StripePaymentMethodName = 1..=255, "A payment method at Stripe: `pm_…`.";
}

/// Which payment methods are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PaymentMethodPage {
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// The id of the last payment method of the page before.
    #[serde(default)]
    #[param(inline)]
    starting_after: Option<StripePaymentMethodName>,
}

/// What a customer pays with.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PaymentMethodView {
    /// Always `payment_method`.
    #[schema(value_type = String, pattern = "^payment_method$")]
    object: &'static str,
    /// Stripe's id.
    id: String,
    customer_id: CustomerName,
    /// `card`, `sepa_debit` and others, in Stripe's word.
    #[serde(rename = "type")]
    kind: String,
    /// Of a card: `visa`, `mastercard` and others.
    #[schema(required)]
    brand: Option<String>,
    /// Of a card: its last four digits.
    #[schema(required)]
    last4: Option<String>,
    /// Of a card: the month it expires in, 1–12.
    #[schema(required)]
    exp_month: Option<i64>,
    /// Of a card: the year it expires in.
    #[schema(required)]
    exp_year: Option<i64>,
    /// Whether it is charged for what names no other.
    is_default: bool,
    created_at: Instant,
}

/// What a customer pays with, newest first, as Stripe last said.
#[utoipa::path(get, path = "/customers/{id}/payment_methods", operation_id = "list_payment_methods",
    tag = "subscriptions", params(("id" = inline(CustomerName), Path), PaymentMethodPage),
    responses((status = 200, description = "A page of payment methods", body = PageOf<PaymentMethodView>), ReadErrors))]
pub async fn list_payment_methods(
    State(app): State<App>,
    _: Caller<Reader>,
    Path(id): Path<CustomerName>,
    Query(page): Query<PaymentMethodPage>,
) -> Result<Json<PageOf<PaymentMethodView>>, Error> {
    let (limit, after) = (page.limit, page.starting_after.map(StripePaymentMethodName::into_string));
    let customer = id.0.clone();
    let read = move |tx: &mut Tx<'_>| {
        customers::find(tx, &customer)?;
        let before = match after {
            Some(after) => Some(place(store::created_at(tx, &customer, &after)?, after)?),
            None => None,
        };
        let found = store::page(tx, &customer, before, limit.one_more())?;
        Ok::<_, Error>((found, store::defaults(tx, &customer)?))
    };
    let (found, defaults) = app.db().read(read).await?;
    let view = |method: Method| PaymentMethodView {
        object: "payment_method",
        customer_id: id.clone(),
        is_default: defaults.contains(&method.id),
        id: method.id,
        kind: method.kind,
        brand: method.brand,
        last4: method.last4,
        exp_month: method.exp_month,
        exp_year: method.exp_year,
        created_at: method.created_at.into(),
    };
    Ok(Json(PageOf::new(found.into_iter().map(view).collect(), limit)))
}

/// Where a page begins: behind what was created then and has this id.
fn place(created_at: Option<Time>, id: String) -> Result<(Time, String), Error> {
    let none = || Error::new(Code::InvalidField, "The customer has no such payment method.").about("starting_after");
    Ok((created_at.ok_or_else(none)?, id))
}
