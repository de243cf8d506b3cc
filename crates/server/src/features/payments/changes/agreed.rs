//! The change that is agreed on for the end of the period, as it was agreed on here: Stripe is not asked.

use super::{
    Action, Asked, drive,
    requests::{self, Request},
    wish::{Want, Wish},
};
use crate::{
    features::{
        payments::instant,
        pricebook,
        subscriptions::{Subscription, api::StripeSubscriptionName},
    },
    platform::{
        App,
        auth::{Caller, Reader},
        db::Tx,
        error::Error,
        http::{CustomerName, Instant, Path, Query, ReadErrors, fields::PlanRef},
    },
};
use axum::{Json, extract::State};
use purser_rules::Time;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which subscription is asked about.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AgreedQuery {
    /// Which subscription; the one that counts unless given.
    #[serde(default)]
    #[param(inline)]
    subscription_id: Option<StripeSubscriptionName>,
}

/// Whether a change of a subscription is agreed on for later.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgreedView {
    /// Always `agreed_change`.
    #[schema(value_type = String, pattern = "^agreed_change$")]
    object: &'static str,
    customer_id: CustomerName,
    subscription_id: String,
    /// The id of the change: `chg_…`; null when none is agreed on.
    #[schema(required)]
    id: Option<String>,
    /// When it takes effect.
    #[schema(required)]
    effective_at: Option<Instant>,
    /// All that is subscribed to from then on.
    items: Vec<AgreedItemView>,
}

/// What is subscribed to then.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgreedItemView {
    stripe_price_id: String,
    /// How many; null for a metered price.
    #[schema(required)]
    quantity: Option<u64>,
    /// The plan that the price sells now; null for one that is in no price book.
    #[schema(required)]
    plan_id: Option<PlanRef>,
}

/// Says whether a change is agreed on for the end of the period, by this API and not taken back by it since.
///
/// # Errors
/// 404 `unknown_customer`, `no_subscription`.
#[utoipa::path(get, path = "/customers/{id}/subscription/agreed_change", operation_id = "get_agreed_change",
    tag = "subscriptions", params(("id" = inline(CustomerName), Path), AgreedQuery),
    responses((status = 200, description = "What is agreed on", body = AgreedView), ReadErrors))]
pub async fn agreed(
    State(app): State<App>,
    _: Caller<Reader>,
    Path(customer): Path<CustomerName>,
    Query(query): Query<AgreedQuery>,
) -> Result<Json<AgreedView>, Error> {
    let (grace_days, now) = (app.config().grace_days, app.clock().now());
    let asked = Asked {
        customer: customer.0,
        subscription: query.subscription_id.map(StripeSubscriptionName::into_string),
        action: Action::Resume,
        key: None,
    };
    let view = app.db().read(move |tx| {
        let found = drive::which(tx, &asked, grace_days, now)?;
        let last = requests::last_done(tx, &asked.customer, &found.id)?;
        view(tx, &asked, found, last, now)
    });
    Ok(Json(view.await?))
}

/// What the last change that was done agreed on, if that is still to come.
fn view(
    tx: &mut Tx<'_>,
    asked: &Asked,
    found: Subscription,
    last: Option<Request>,
    now: Time,
) -> Result<AgreedView, Error> {
    let mut view = AgreedView {
        object: "agreed_change",
        customer_id: CustomerName(asked.customer.clone()),
        subscription_id: found.id,
        id: None,
        effective_at: None,
        items: Vec::new(),
    };
    let Some(Request { id, wish: Wish::Later { items, at, .. }, .. }) = last else { return Ok(view) };
    if instant(at) <= now || found.ended_at.is_some() {
        return Ok(view);
    }
    (view.id, view.effective_at) = (Some(id.to_string()), Some(instant(at).into()));
    for Want { price, quantity, .. } in items {
        let plan_id = pricebook::plan_of_price(tx, &price, "")?.map(|plan| plan.id.into());
        view.items.push(AgreedItemView { stripe_price_id: price, quantity, plan_id });
    }
    Ok(view)
}
