//! `/admin/top-up-plans`: list, make, read, change, remove.

use super::{
    RemovalOutcome,
    fields::{LifeDays, NameText, PlanTitle, SpendPriority, VersionNumber, given},
    prices::PackPrice,
};
use crate::{
    features::pricebook::{self, NewTopUp, TopUpChange, TopUpFilter, view::TopUpPlanView},
    platform::{
        App,
        auth::{Admin, Caller, Reader},
        error::Error,
        http::{
            Body, Field, Limit, Object, PageOf, Path, Query, ReadErrors, UnitName, WriteErrors,
            fields::{Positive, TopUpPlanRef},
        },
    },
};
use axum::{Json, extract::State};
use purser_rules::pricebook::{OneTimePrice, TopUpTerms};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A top-up plan version to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTopUpPlan {
    /// Which pack it is a version of.
    family: NameText,
    /// The packs it is shown among; those of its family, or `packs`, unless given.
    group: Option<NameText>,
    version: Option<VersionNumber>,
    /// Your own name for it; the family unless given.
    internal_id: Option<NameText>,
    /// What customers read; the family unless given.
    public_name: Option<PlanTitle>,
    credits: Positive,
    #[serde(default)]
    unit: UnitName,
    /// How long they live: 365 days unless given, for ever when null.
    #[serde(default)]
    #[schema(value_type = Option<LifeDays>)]
    expires_in_days: Field<LifeDays>,
    /// Their place in the spend order; 30 unless given.
    priority: Option<SpendPriority>,
    /// What it costs; not sold for money unless given.
    #[schema(value_type = Option<PackPrice>)]
    price: Option<Object<PackPrice>>,
    /// Whether it is in use; so unless given.
    active: Option<bool>,
}

/// What to change: a field that is absent stays as it is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TopUpPlanChange {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = NameText, required = false)]
    internal_id: Option<NameText>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = PlanTitle, required = false)]
    public_name: Option<PlanTitle>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Positive, required = false)]
    credits: Option<Positive>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = UnitName, required = false)]
    unit: Option<UnitName>,
    /// How long they live; for ever when null.
    #[serde(default)]
    #[schema(value_type = Option<LifeDays>)]
    expires_in_days: Field<LifeDays>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = SpendPriority, required = false)]
    priority: Option<SpendPriority>,
    /// What it costs; not sold for money when null.
    #[serde(default)]
    #[schema(value_type = Option<PackPrice>)]
    price: Field<Object<PackPrice>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false)]
    active: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false)]
    legacy: Option<bool>,
}

/// What became of a top-up plan that was to be removed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RemovedTopUpPlan {
    /// Always `removed_top_up_plan`.
    #[schema(value_type = String, pattern = "^removed_top_up_plan$")]
    object: &'static str,
    id: TopUpPlanRef,
    outcome: RemovalOutcome,
}

/// Which top-up plans are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TopUpPage {
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// The id of the last plan of the page before.
    #[serde(default)]
    #[param(inline)]
    starting_after: Option<TopUpPlanRef>,
    /// Only versions of this family.
    #[serde(default)]
    #[param(inline)]
    family: Option<NameText>,
}

impl NewTopUpPlan {
    fn asked(self) -> NewTopUp {
        let plain = TopUpTerms::of(self.credits.0);
        let terms = TopUpTerms {
            unit: self.unit.0,
            expires_in_days: self.expires_in_days.map(|days| days.0).over(plain.expires_in_days),
            priority: self.priority.map_or(plain.priority, |priority| priority.0),
            ..plain
        };
        NewTopUp {
            family: self.family.0,
            group: self.group.map(|group| group.0),
            version: self.version.map_or(1, |version| version.0),
            internal_id: self.internal_id.map(|id| id.0),
            public_name: self.public_name.map(PlanTitle::into_string),
            terms,
            price: self.price.map(|Object(price)| OneTimePrice::from(price)),
            active: self.active.unwrap_or(true),
        }
    }
}

impl TopUpPlanChange {
    fn asked(self) -> TopUpChange {
        TopUpChange {
            internal_id: self.internal_id.map(|id| id.0),
            public_name: self.public_name.map(PlanTitle::into_string),
            credits: self.credits.map(|amount| amount.0),
            unit: self.unit.map(|unit| unit.0),
            expires_in_days: self.expires_in_days.map(|days| days.0),
            priority: self.priority.map(|priority| priority.0),
            price: self.price.map(|Object(price)| OneTimePrice::from(price)),
            active: self.active,
            legacy: self.legacy,
        }
    }
}

/// The top-up plans in all their versions, newest first, archived ones included.
#[utoipa::path(get, path = "/admin/top-up-plans", operation_id = "list_top_up_plans", tag = "price book", params(TopUpPage),
    responses((status = 200, description = "A page of plans", body = PageOf<TopUpPlanView>), ReadErrors))]
pub async fn list_top_ups(
    State(app): State<App>,
    _: Caller<Reader>,
    Query(page): Query<TopUpPage>,
) -> Result<Json<PageOf<TopUpPlanView>>, Error> {
    let limit = page.limit;
    let filter =
        TopUpFilter { family: page.family.map(|family| family.0), after: page.starting_after.map(|plan| plan.0) };
    let read = app.db().read(move |tx| pricebook::list_top_ups(tx, &filter, limit.one_more())).await;
    let plans = read.map_err(Error::from)?;
    Ok(Json(PageOf::new(plans.into_iter().map(TopUpPlanView::from).collect(), limit)))
}

/// Makes a top-up plan version. Asked for again with the same content, it is given back as it is.
///
/// # Errors
/// 409 `plan_version_exists`, `plan_family_differs`, `stripe_price_taken`.
#[utoipa::path(post, path = "/admin/top-up-plans", operation_id = "create_top_up_plan", tag = "price book",
    request_body = NewTopUpPlan,
    responses((status = 200, description = "The plan", body = TopUpPlanView), WriteErrors))]
pub async fn create_top_up(
    State(app): State<App>,
    caller: Caller<Admin>,
    Body(asked): Body<NewTopUpPlan>,
) -> Result<Json<TopUpPlanView>, Error> {
    let (random, new) = (app.random().clone(), asked.asked());
    let plan = app.db().write(move |tx| pricebook::create_top_up(tx, &random, &caller.actor, &new)).await?;
    Ok(Json(plan.into()))
}

/// A top-up plan version, archived or not.
///
/// # Errors
/// 404 `unknown_top_up_plan`.
#[utoipa::path(get, path = "/admin/top-up-plans/{id}", operation_id = "get_top_up_plan", tag = "price book",
    params(("id" = inline(TopUpPlanRef), Path)),
    responses((status = 200, description = "The plan", body = TopUpPlanView), ReadErrors))]
pub async fn get_top_up(
    State(app): State<App>,
    _: Caller<Reader>,
    Path(id): Path<TopUpPlanRef>,
) -> Result<Json<TopUpPlanView>, Error> {
    let plan = app.db().read(move |tx| pricebook::find_top_up(tx, id.0)).await?;
    Ok(Json(plan.into()))
}

/// Changes a top-up plan: what is absent stays. Other terms or another price for one that was bought make the next
/// version.
///
/// # Errors
/// 404 `unknown_top_up_plan`; 409 `plan_archived`, `stripe_price_taken`.
#[utoipa::path(patch, path = "/admin/top-up-plans/{id}", operation_id = "change_top_up_plan", tag = "price book",
    params(("id" = inline(TopUpPlanRef), Path)), request_body = TopUpPlanChange,
    responses((status = 200, description = "The plan, or its next version", body = TopUpPlanView), WriteErrors))]
pub async fn change_top_up(
    State(app): State<App>,
    caller: Caller<Admin>,
    Path(id): Path<TopUpPlanRef>,
    Body(asked): Body<TopUpPlanChange>,
) -> Result<Json<TopUpPlanView>, Error> {
    let (random, change) = (app.random().clone(), asked.asked());
    let plan = app.db().write(move |tx| pricebook::change_top_up(tx, &random, &caller.actor, id.0, &change)).await?;
    Ok(Json(plan.into()))
}

/// Removes a top-up plan: archived if it was ever bought, else deleted.
///
/// # Errors
/// 404 `unknown_top_up_plan`.
#[utoipa::path(delete, path = "/admin/top-up-plans/{id}", operation_id = "remove_top_up_plan", tag = "price book",
    params(("id" = inline(TopUpPlanRef), Path)),
    responses((status = 200, description = "What became of it", body = RemovedTopUpPlan), WriteErrors))]
pub async fn remove_top_up(
    State(app): State<App>,
    caller: Caller<Admin>,
    Path(id): Path<TopUpPlanRef>,
) -> Result<Json<RemovedTopUpPlan>, Error> {
    let random = app.random().clone();
    let removed = app.db().write(move |tx| pricebook::remove_top_up(tx, &random, &caller.actor, id.0)).await?;
    Ok(Json(RemovedTopUpPlan { object: "removed_top_up_plan", id, outcome: removed.into() }))
}
