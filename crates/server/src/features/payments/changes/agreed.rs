//! The change that is agreed on for the end of the period, as it was agreed on here, and for as long as the mirror knows
//! of its schedule: Stripe is not asked.

use super::{
    Action, Asked, drive,
    requests::{self, Request},
    wish::{Want, Wish},
};
use crate::{
    features::{
        payments::instant,
        pricebook::{self, Plan},
        subscriptions::{Subscription, api::StripeSubscriptionName},
    },
    platform::{
        App,
        auth::{Caller, Reader},
        db::{DbError, Tx},
        error::Error,
        http::{CustomerName, Instant, Path, Query, ReadErrors, fields::PlanRef},
    },
};
use axum::{Json, extract::State};
use purser_rules::{
    Time,
    ids::{ChangeId, CustomerId},
    pricebook::PlanKind,
};
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

/// Says whether a change is agreed on for the end of the period, by this API and not taken back since.
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
        view(tx, asked.customer, found, now)
    });
    Ok(Json(view.await?))
}

/// What is agreed on for the end of the period, as a customer reads it.
#[derive(Clone, Debug)]
pub struct Later {
    /// When it takes effect.
    pub at: Time,
    /// The base plan then; none when no price book has it.
    pub plan: Option<Plan>,
}

/// What is agreed on for the subscription `found` of `customer`, as the API says it.
///
/// # Errors
/// What the database says.
pub fn later(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    found: &Subscription,
    now: Time,
) -> Result<Option<Later>, DbError> {
    let Some((_, at, items)) = to_come(tx, customer, found, now)? else { return Ok(None) };
    for Want { price, .. } in items {
        let plan = pricebook::plan_of_price(tx, &price, "")?.filter(|plan| plan.kind == PlanKind::Base);
        if plan.is_some() {
            return Ok(Some(Later { at, plan }));
        }
    }
    Ok(Some(Later { at, plan: None }))
}

/// What the last change that was done agreed on, if that is still to come: its id, when, and all there is then.
///
/// Where no schedule stands, the seller took it back. A request is done only after its schedule was fetched into the
/// mirror, and what was fetched before that is never written after it.
fn to_come(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    found: &Subscription,
    now: Time,
) -> Result<Option<(ChangeId, Time, Vec<Want>)>, DbError> {
    let last = requests::last_done(tx, customer, &found.id)?;
    let Some(Request { id, wish: Wish::Later { items, at, .. }, .. }) = last else { return Ok(None) };
    let at = instant(at);
    let stands = at > now && found.ended_at.is_none() && found.schedule.is_some();
    Ok(stands.then_some((id, at, items)))
}

fn view(tx: &mut Tx<'_>, customer: CustomerId, found: Subscription, now: Time) -> Result<AgreedView, Error> {
    let agreed = to_come(tx, &customer, &found, now)?;
    let mut view = AgreedView {
        object: "agreed_change",
        customer_id: CustomerName(customer),
        subscription_id: found.id,
        id: None,
        effective_at: None,
        items: Vec::new(),
    };
    let Some((id, at, items)) = agreed else { return Ok(view) };
    (view.id, view.effective_at) = (Some(id.to_string()), Some(at.into()));
    for Want { price, quantity, .. } in items {
        let plan_id = pricebook::plan_of_price(tx, &price, "")?.map(|plan| plan.id.into());
        view.items.push(AgreedItemView { stripe_price_id: price, quantity, plan_id });
    }
    Ok(view)
}
