//! A customer's purchases, and its visits to Stripe's own portal.

use super::fields::WebAddress;
use crate::{
    features::payments::{self, answers::PurchaseView},
    platform::{
        App,
        auth::{Caller, Reader, Service},
        error::Error,
        http::{CustomerName, Limit, MaybeBody, PageOf, Path, Query, ReadErrors, WriteErrors, fields::PurchaseRef},
    },
};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which purchases are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PurchasePage {
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// The id of the last purchase of the page before.
    #[serde(default)]
    #[param(inline)]
    starting_after: Option<PurchaseRef>,
}

/// A visit to Stripe's portal.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PortalVisit {
    /// Where the visitor goes afterwards; as the portal is configured unless given.
    return_url: Option<WebAddress>,
}

/// Where a visit to Stripe's portal begins.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PortalView {
    /// Always `stripe_portal`.
    #[schema(value_type = String, pattern = "^stripe_portal$")]
    object: &'static str,
    customer_id: CustomerName,
    /// Who has it is let in; it serves for five minutes.
    url: String,
}

/// A customer's purchases, newest first.
///
/// # Errors
/// 404 `unknown_customer`.
#[utoipa::path(get, path = "/customers/{id}/purchases", operation_id = "list_purchases", tag = "payments",
    params(("id" = inline(CustomerName), Path), PurchasePage),
    responses((status = 200, description = "A page of purchases", body = PageOf<PurchaseView>), ReadErrors))]
pub async fn list(
    State(app): State<App>,
    _: Caller<Reader>,
    Path(customer): Path<CustomerName>,
    Query(page): Query<PurchasePage>,
) -> Result<Json<PageOf<PurchaseView>>, Error> {
    let (limit, after) = (page.limit, page.starting_after.map(|purchase| purchase.0));
    let found = app.db().read(move |tx| payments::list_purchases(tx, &customer.0, after, limit.one_more())).await?;
    Ok(Json(PageOf::new(found.into_iter().map(PurchaseView::from).collect(), limit)))
}

/// Opens a visit to Stripe's own portal, where a customer sees invoices and changes how it pays.
///
/// # Errors
/// 404 `unknown_customer`; 409 `customer_archived`, `stripe_refused`; 503 `stripe_unavailable`.
#[utoipa::path(post, path = "/customers/{id}/stripe_portal", operation_id = "open_stripe_portal", tag = "payments",
    params(("id" = inline(CustomerName), Path)), request_body = Option<PortalVisit>,
    responses((status = 200, description = "Where it begins", body = PortalView), WriteErrors))]
pub async fn portal(
    State(app): State<App>,
    caller: Caller<Service>,
    Path(customer): Path<CustomerName>,
    MaybeBody(asked): MaybeBody<PortalVisit>,
) -> Result<Json<PortalView>, Error> {
    let back = asked.return_url.map(WebAddress::into_string);
    let url = payments::open_portal(&app, &caller.actor, &customer.0, back).await?;
    Ok(Json(PortalView { object: "stripe_portal", customer_id: customer, url }))
}
