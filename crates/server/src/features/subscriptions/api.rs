//! `/customers/{id}/subscription`, `/subscriptions` and `/invoices`: what a customer has, had and owes.

pub use super::payers::api::{__path_list_payment_methods, StripePaymentMethodName, list_payment_methods};

use super::{
    store::{self, changes, invoices},
    view::{CurrentSubscriptionView, InvoiceView, LoggedChangeView, SubscriptionView},
};
use crate::{
    features::customers,
    platform::{
        App,
        auth::{Caller, Reader},
        db::Tx,
        error::{Code, Error},
        http::{CustomerName, Limit, PageOf, Path, Query, ReadErrors, fields::text_fields},
    },
};
use axum::{Json, extract::State};
use purser_rules::Time;
use serde::Deserialize;
use utoipa::IntoParams;

text_fields! {
    /// A subscription's id at Stripe.
    StripeSubscriptionName = 1..=255, "A subscription at Stripe: `sub_…`.";
    /// An invoice's id at Stripe.
    StripeInvoiceName = 1..=255, "An invoice at Stripe: `in_…`.";
    /// A change in the log.
    LoggedChangeName = 1..=300, "A change in the log: `sub_…:7`.";
}

/// What a customer has now: its status, whether it has access, and the plan that counts.
#[utoipa::path(get, path = "/customers/{id}/subscription", operation_id = "get_current_subscription", tag = "subscriptions",
    params(("id" = inline(CustomerName), Path)),
    responses((status = 200, description = "What it has now", body = CurrentSubscriptionView), ReadErrors))]
pub async fn current(
    State(app): State<App>,
    _: Caller<Reader>,
    Path(id): Path<CustomerName>,
) -> Result<Json<CurrentSubscriptionView>, Error> {
    let (grace_days, now) = (app.config().grace_days, app.clock().now());
    let standing = app.db().read(move |tx| super::current(tx, &id.0, grace_days, now)).await?;
    Ok(Json(standing.into()))
}

/// Which subscriptions are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SubscriptionPage {
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// The id of the last subscription of the page before.
    #[serde(default)]
    #[param(inline)]
    starting_after: Option<StripeSubscriptionName>,
}

/// All subscriptions a customer has and had, newest first, with their items.
#[utoipa::path(get, path = "/customers/{id}/subscriptions", operation_id = "list_subscriptions", tag = "subscriptions",
    params(("id" = inline(CustomerName), Path), SubscriptionPage),
    responses((status = 200, description = "A page of subscriptions", body = PageOf<SubscriptionView>), ReadErrors))]
pub async fn list(
    State(app): State<App>,
    _: Caller<Reader>,
    Path(id): Path<CustomerName>,
    Query(page): Query<SubscriptionPage>,
) -> Result<Json<PageOf<SubscriptionView>>, Error> {
    let (limit, after) = (page.limit, page.starting_after.map(StripeSubscriptionName::into_string));
    let read = move |tx: &mut Tx<'_>| {
        customers::find(tx, &id.0)?;
        let before = match after {
            Some(after) => Some(place(store::created_at(tx, &id.0, &after)?, after, "subscription")?),
            None => None,
        };
        Ok::<_, Error>(store::page(tx, &id.0, before, limit.one_more())?)
    };
    let found = app.db().read(read).await?;
    Ok(Json(PageOf::new(found.into_iter().map(SubscriptionView::from).collect(), limit)))
}

/// Which changes are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ChangePage {
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// The id of the last change of the page before.
    #[serde(default)]
    #[param(inline)]
    starting_after: Option<LoggedChangeName>,
    /// Only those of this subscription.
    #[serde(default)]
    #[param(inline)]
    subscription_id: Option<StripeSubscriptionName>,
}

/// How a customer's subscriptions changed, newest first: what stood before, what stood then, and what told of it.
#[utoipa::path(get, path = "/customers/{id}/subscription_changes", operation_id = "list_subscription_changes",
    tag = "subscriptions", params(("id" = inline(CustomerName), Path), ChangePage),
    responses((status = 200, description = "A page of changes", body = PageOf<LoggedChangeView>), ReadErrors))]
pub async fn list_changes(
    State(app): State<App>,
    _: Caller<Reader>,
    Path(id): Path<CustomerName>,
    Query(page): Query<ChangePage>,
) -> Result<Json<PageOf<LoggedChangeView>>, Error> {
    let limit = page.limit;
    let read = move |tx: &mut Tx<'_>| {
        customers::find(tx, &id.0)?;
        let named = page.starting_after.as_ref().map(|name| logged(name.as_str())).transpose()?;
        let before = match named {
            Some((of, number)) => {
                let at = changes::put_down_at(tx, &id.0, (of, number))?.ok_or_else(|| no_such("change"))?;
                Some((at, of, number))
            }
            None => None,
        };
        let of = page.subscription_id.as_ref().map(StripeSubscriptionName::as_str);
        Ok::<_, Error>(changes::page(tx, &id.0, of, before, limit.one_more())?)
    };
    let found = app.db().read(read).await?;
    Ok(Json(PageOf::new(found.into_iter().map(LoggedChangeView::from).collect(), limit)))
}

/// The subscription and the number of a change, as its id has them.
fn logged(id: &str) -> Result<(&str, i64), Error> {
    let parts = id.rsplit_once(':').and_then(|(of, number)| Some((of, number.parse().ok()?)));
    parts.ok_or_else(|| no_such("change"))
}

/// Which invoices are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InvoicePage {
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// The id of the last invoice of the page before.
    #[serde(default)]
    #[param(inline)]
    starting_after: Option<StripeInvoiceName>,
}

/// The invoices of a customer that are final, newest first.
#[utoipa::path(get, path = "/customers/{id}/invoices", operation_id = "list_invoices", tag = "subscriptions",
    params(("id" = inline(CustomerName), Path), InvoicePage),
    responses((status = 200, description = "A page of invoices", body = PageOf<InvoiceView>), ReadErrors))]
pub async fn list_invoices(
    State(app): State<App>,
    _: Caller<Reader>,
    Path(id): Path<CustomerName>,
    Query(page): Query<InvoicePage>,
) -> Result<Json<PageOf<InvoiceView>>, Error> {
    let (limit, after) = (page.limit, page.starting_after.map(StripeInvoiceName::into_string));
    let read = move |tx: &mut Tx<'_>| {
        customers::find(tx, &id.0)?;
        let before = match after {
            Some(after) => Some(place(invoices::created_at(tx, &id.0, &after)?, after, "invoice")?),
            None => None,
        };
        Ok::<_, Error>(invoices::page(tx, &id.0, before, limit.one_more())?)
    };
    let found = app.db().read(read).await?;
    Ok(Json(PageOf::new(found.into_iter().map(InvoiceView::from).collect(), limit)))
}

/// Where a page begins: behind what was created then and has this id.
fn place(created_at: Option<Time>, id: String, what: &str) -> Result<(Time, String), Error> {
    Ok((created_at.ok_or_else(|| no_such(what))?, id))
}

fn no_such(what: &str) -> Error {
    Error::new(Code::InvalidField, format!("The customer has no such {what}.")).about("starting_after")
}
