//! `/customers`: make or change, read, list, archive.

use super::{Change, Customer};
use crate::platform::{
    App,
    auth::{Caller, Reader, Role, Service},
    error::{Code, Error},
    http::{
        Body, CustomerName, Field, Instant, Limit, Metadata, PageOf, Path, Query, ReadErrors, WriteErrors,
        fields::{EmailText, ZoneName, text_fields},
    },
};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

text_fields! {
    /// A customer's name to show.
    CustomerTitle = 1..=200, "A name to show.";
    /// A customer's id at Stripe.
    StripeCustomerName = 1..=255, "The same customer at Stripe: `cus_…`.";
}

/// What to change: a field that is absent stays as it is, one that is null is cleared.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerChange {
    #[serde(default)]
    #[schema(value_type = Option<CustomerTitle>)]
    name: Field<CustomerTitle>,
    #[serde(default)]
    #[schema(value_type = Option<EmailText>)]
    email: Field<EmailText>,
    #[serde(default)]
    #[schema(value_type = Option<StripeCustomerName>)]
    stripe_customer_id: Field<StripeCustomerName>,
    #[serde(default)]
    #[schema(value_type = Option<ZoneName>)]
    time_zone: Field<ZoneName>,
    #[serde(default)]
    #[schema(value_type = Option<Metadata>)]
    metadata: Field<Metadata>,
    /// Whether spends in mode `overflow` may go beyond the customer's grants. Admin keys only.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    overage_allowed: Field<bool>,
}

/// A customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CustomerView {
    /// Always `customer`.
    #[schema(value_type = String, pattern = "^customer$")]
    object: &'static str,
    id: CustomerName,
    #[schema(required)]
    name: Option<String>,
    #[schema(required)]
    email: Option<String>,
    #[schema(required)]
    stripe_customer_id: Option<String>,
    /// The IANA time zone its days are counted in.
    time_zone: String,
    metadata: Metadata,
    overage_allowed: bool,
    /// When it was archived; an archived customer takes no writes any more.
    #[schema(required)]
    archived_at: Option<Instant>,
    created_at: Instant,
    updated_at: Instant,
}

impl From<Customer> for CustomerView {
    fn from(customer: Customer) -> Self {
        Self {
            object: "customer",
            id: CustomerName(customer.id),
            name: customer.name,
            email: customer.email,
            stripe_customer_id: customer.stripe_customer_id,
            time_zone: customer.time_zone,
            metadata: Metadata::from_stored(&customer.metadata),
            overage_allowed: customer.overage_allowed,
            archived_at: customer.archived_at.map(Into::into),
            created_at: customer.created_at.into(),
            updated_at: customer.updated_at.into(),
        }
    }
}

/// Makes a customer, or changes one: what is absent stays, what is null is cleared.
#[utoipa::path(put, path = "/customers/{id}", operation_id = "put_customer", tag = "customers", params(("id" = inline(CustomerName), Path)),
    request_body = CustomerChange,
    responses((status = 200, description = "The customer", body = CustomerView), WriteErrors))]
pub async fn put(
    State(app): State<App>,
    caller: Caller<Service>,
    Path(id): Path<CustomerName>,
    Body(asked): Body<CustomerChange>,
) -> Result<Json<CustomerView>, Error> {
    if asked.overage_allowed != Field::Absent && caller.role < Role::Admin {
        return Err(
            Error::new(Code::RoleNotAllowed, "Only an admin key may change overage_allowed.").about("overage_allowed")
        );
    }
    let change = Change {
        name: asked.name.map(CustomerTitle::into_string),
        email: asked.email.map(EmailText::into_string),
        stripe_customer_id: asked.stripe_customer_id.map(StripeCustomerName::into_string),
        time_zone: asked.time_zone.map(ZoneName::into_string),
        metadata: asked.metadata.map(|metadata| metadata.bytes().to_vec()),
        overage_allowed: asked.overage_allowed,
    };
    let random = app.random().clone();
    let customer = app.db().write(move |tx| super::put(tx, &random, &caller.actor, &id.0, &change)).await?;
    Ok(Json(customer.into()))
}

/// A customer, archived or not.
#[utoipa::path(get, path = "/customers/{id}", operation_id = "get_customer", tag = "customers", params(("id" = inline(CustomerName), Path)),
    responses((status = 200, description = "The customer", body = CustomerView), ReadErrors))]
pub async fn get(
    State(app): State<App>,
    _: Caller<Reader>,
    Path(id): Path<CustomerName>,
) -> Result<Json<CustomerView>, Error> {
    let customer = app.db().read(move |tx| super::find(tx, &id.0)).await?;
    Ok(Json(customer.into()))
}

/// Which customers are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CustomerPage {
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// The id of the last customer of the page before.
    #[serde(default)]
    #[param(inline)]
    starting_after: Option<CustomerName>,
}

/// The customers by id, archived ones included.
#[utoipa::path(get, path = "/customers", operation_id = "list_customers", tag = "customers", params(CustomerPage),
    responses((status = 200, description = "A page of customers", body = PageOf<CustomerView>), ReadErrors))]
pub async fn list(
    State(app): State<App>,
    _: Caller<Reader>,
    Query(page): Query<CustomerPage>,
) -> Result<Json<PageOf<CustomerView>>, Error> {
    let (limit, after) = (page.limit, page.starting_after.map(|id| id.0));
    let read = app.db().read(move |tx| super::list(tx, after.as_ref(), limit.one_more())).await;
    let customers = read.map_err(Error::from)?;
    Ok(Json(PageOf::new(customers.into_iter().map(CustomerView::from).collect(), limit)))
}

/// Archives a customer, for good: its ledger stays, nothing revives its id. Its subscriptions and its open checkouts must
/// have ended.
///
/// # Errors
/// 404 `unknown_customer`; 409 `subscription_live`.
#[utoipa::path(delete, path = "/customers/{id}", operation_id = "archive_customer", tag = "customers", params(("id" = inline(CustomerName), Path)),
    responses((status = 200, description = "The archived customer", body = CustomerView), WriteErrors))]
pub async fn archive(
    State(app): State<App>,
    caller: Caller<Service>,
    Path(id): Path<CustomerName>,
) -> Result<Json<CustomerView>, Error> {
    let random = app.random().clone();
    let customer = app.db().write(move |tx| super::archive(tx, &random, &caller.actor, &id.0)).await?;
    Ok(Json(customer.into()))
}
