//! `/admin/subscription-plans`: list, make, read, change, remove.

use super::{
    RemovalOutcome,
    fields::{NameText, NotNegative, PlanTitle, RankNumber, StripeProductName, TrialDays, VersionNumber, given},
    prices::{NewPlanPrice, PlanCredits, prices},
};
use crate::{
    features::pricebook::{self, NewPlan, PlanChange, PlanFilter, view::PlanView},
    platform::{
        App,
        auth::{Admin, Caller, Reader},
        error::Error,
        http::{
            Body, Field, Limit, Object, PageOf, Path, Query, ReadErrors, WriteErrors,
            fields::{ChangeCreditsName, OnDeleteName, PlanKindName, PlanRef},
        },
    },
};
use axum::{Json, extract::State};
use purser_rules::{
    Amount,
    pricebook::{ChangeCredits, Credits, OnDelete, PlanKind, PlanTerms},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A plan version to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSubscriptionPlan {
    /// Which plan it is a version of.
    family: NameText,
    /// The families of which a customer has one; that of its family, or `base`, unless given.
    group: Option<NameText>,
    version: Option<VersionNumber>,
    /// Your own name for it; the family unless given.
    internal_id: Option<NameText>,
    /// What customers read; the family unless given.
    public_name: Option<PlanTitle>,
    /// What is up and what is down; that of its family, or 0, unless given.
    rank: Option<RankNumber>,
    /// Whether it is the customer's plan or comes on top of one; that of its family, or `base`, unless given.
    #[schema(value_type = Option<PlanKindName>)]
    kind: Option<PlanKind>,
    /// The credits that come with it; none unless given.
    #[schema(value_type = Option<PlanCredits>)]
    credits: Option<Object<PlanCredits>>,
    /// No trial unless given.
    trial_days: Option<TrialDays>,
    /// What a trial gives, in the unit of its credits; nothing unless given.
    trial_credits: Option<NotNegative>,
    /// What an upgrade in the middle of a paid period gives; `prorated` unless given.
    #[schema(value_type = Option<ChangeCreditsName>)]
    change_credits: Option<ChangeCredits>,
    /// What becomes of what is left when the subscription is deleted; `revoke` unless given.
    #[schema(value_type = Option<OnDeleteName>)]
    on_delete: Option<OnDelete>,
    #[serde(default)]
    #[schema(value_type = Vec<NewPlanPrice>, max_items = 20)]
    prices: Vec<Object<NewPlanPrice>>,
    stripe_product_id: Option<StripeProductName>,
    /// Whether it is in use; so unless given.
    active: Option<bool>,
    /// Whether customers of its group without a plan have this one. The one that was is not any more. Not of an add-on.
    #[serde(default)]
    is_default: bool,
}

/// What to change: a field that is absent stays as it is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionPlanChange {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = NameText, required = false)]
    internal_id: Option<NameText>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = PlanTitle, required = false)]
    public_name: Option<PlanTitle>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = RankNumber, required = false)]
    rank: Option<RankNumber>,
    /// All of its credits; null for none.
    #[serde(default)]
    #[schema(value_type = Option<PlanCredits>)]
    credits: Field<Object<PlanCredits>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = TrialDays, required = false)]
    trial_days: Option<TrialDays>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = NotNegative, required = false)]
    trial_credits: Option<NotNegative>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = ChangeCreditsName, required = false)]
    change_credits: Option<ChangeCredits>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = OnDeleteName, required = false)]
    on_delete: Option<OnDelete>,
    /// All of its prices. One that is there already stays itself, also when `stripe_price_id` is added.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<NewPlanPrice>, required = false, max_items = 20)]
    prices: Option<Vec<Object<NewPlanPrice>>>,
    #[serde(default)]
    #[schema(value_type = Option<StripeProductName>)]
    stripe_product_id: Field<StripeProductName>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false)]
    active: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false)]
    legacy: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false)]
    is_default: Option<bool>,
}

/// What became of a plan that was to be removed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RemovedPlan {
    /// Always `removed_subscription_plan`.
    #[schema(value_type = String, pattern = "^removed_subscription_plan$")]
    object: &'static str,
    id: PlanRef,
    outcome: RemovalOutcome,
}

/// Which plans are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PlanPage {
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// The id of the last plan of the page before.
    #[serde(default)]
    #[param(inline)]
    starting_after: Option<PlanRef>,
    /// Only versions of this family.
    #[serde(default)]
    #[param(inline)]
    family: Option<NameText>,
}

impl NewSubscriptionPlan {
    fn asked(self) -> Result<NewPlan, Error> {
        let terms = PlanTerms {
            credits: self.credits.map(|Object(credits)| Credits::from(credits)),
            trial_days: self.trial_days.map_or(0, |days| days.0),
            trial_credits: self.trial_credits.map_or(Amount::ZERO, |amount| amount.0),
            change_credits: self.change_credits.unwrap_or(PlanTerms::NOTHING.change_credits),
            on_delete: self.on_delete.unwrap_or(PlanTerms::NOTHING.on_delete),
        };
        Ok(NewPlan {
            family: self.family.0,
            group: self.group.map(|group| group.0),
            version: self.version.map_or(1, |version| version.0),
            internal_id: self.internal_id.map(|id| id.0),
            public_name: self.public_name.map(PlanTitle::into_string),
            rank: self.rank.map(|rank| rank.0),
            kind: self.kind,
            terms,
            prices: prices(self.prices)?,
            stripe_product_id: self.stripe_product_id.map(StripeProductName::into_string),
            active: self.active.unwrap_or(true),
            is_default: self.is_default,
        })
    }
}

impl SubscriptionPlanChange {
    fn asked(self) -> Result<PlanChange, Error> {
        Ok(PlanChange {
            internal_id: self.internal_id.map(|id| id.0),
            public_name: self.public_name.map(PlanTitle::into_string),
            rank: self.rank.map(|rank| rank.0),
            credits: self.credits.map(|Object(credits)| Credits::from(credits)),
            trial_days: self.trial_days.map(|days| days.0),
            trial_credits: self.trial_credits.map(|amount| amount.0),
            change_credits: self.change_credits,
            on_delete: self.on_delete,
            prices: self.prices.map(prices).transpose()?,
            stripe_product_id: self.stripe_product_id.map(StripeProductName::into_string),
            active: self.active,
            legacy: self.legacy,
            is_default: self.is_default,
        })
    }
}

/// The plans in all their versions, newest first, archived ones included.
#[utoipa::path(get, path = "/admin/subscription-plans", operation_id = "list_subscription_plans", tag = "price book", params(PlanPage),
    responses((status = 200, description = "A page of plans", body = PageOf<PlanView>), ReadErrors))]
pub async fn list_plans(
    State(app): State<App>,
    _: Caller<Reader>,
    Query(page): Query<PlanPage>,
) -> Result<Json<PageOf<PlanView>>, Error> {
    let limit = page.limit;
    let filter =
        PlanFilter { family: page.family.map(|family| family.0), after: page.starting_after.map(|plan| plan.0) };
    let read = app.db().read(move |tx| pricebook::list_plans(tx, &filter, limit.one_more())).await;
    let plans = read.map_err(Error::from)?;
    Ok(Json(PageOf::new(plans.into_iter().map(PlanView::from).collect(), limit)))
}

/// Makes a plan version. Asked for again with the same content, it is given back as it is.
///
/// # Errors
/// 409 `plan_version_exists`, `plan_family_differs`, `stripe_price_taken`, `stripe_product_taken`.
#[utoipa::path(post, path = "/admin/subscription-plans", operation_id = "create_subscription_plan", tag = "price book",
    request_body = NewSubscriptionPlan,
    responses((status = 200, description = "The plan", body = PlanView), WriteErrors))]
pub async fn create_plan(
    State(app): State<App>,
    caller: Caller<Admin>,
    Body(asked): Body<NewSubscriptionPlan>,
) -> Result<Json<PlanView>, Error> {
    let (random, new) = (app.random().clone(), asked.asked()?);
    let plan = app.db().write(move |tx| pricebook::create_plan(tx, &random, &caller.actor, &new)).await?;
    Ok(Json(plan.into()))
}

/// A plan version, archived or not.
///
/// # Errors
/// 404 `unknown_plan`.
#[utoipa::path(get, path = "/admin/subscription-plans/{id}", operation_id = "get_subscription_plan", tag = "price book",
    params(("id" = inline(PlanRef), Path)),
    responses((status = 200, description = "The plan", body = PlanView), ReadErrors))]
pub async fn get_plan(
    State(app): State<App>,
    _: Caller<Reader>,
    Path(id): Path<PlanRef>,
) -> Result<Json<PlanView>, Error> {
    let plan = app.db().read(move |tx| pricebook::find_plan(tx, id.0)).await?;
    Ok(Json(plan.into()))
}

/// Changes a plan: what is absent stays. Other terms for one that a customer has, or had, make the next version.
///
/// # Errors
/// 404 `unknown_plan`; 409 `plan_archived`, `stripe_price_taken`, `stripe_product_taken`.
#[utoipa::path(patch, path = "/admin/subscription-plans/{id}", operation_id = "change_subscription_plan", tag = "price book",
    params(("id" = inline(PlanRef), Path)), request_body = SubscriptionPlanChange,
    responses((status = 200, description = "The plan, or its next version", body = PlanView), WriteErrors))]
pub async fn change_plan(
    State(app): State<App>,
    caller: Caller<Admin>,
    Path(id): Path<PlanRef>,
    Body(asked): Body<SubscriptionPlanChange>,
) -> Result<Json<PlanView>, Error> {
    let (random, change) = (app.random().clone(), asked.asked()?);
    let plan = app.db().write(move |tx| pricebook::change_plan(tx, &random, &caller.actor, id.0, &change)).await?;
    Ok(Json(plan.into()))
}

/// Removes a plan: archived if a customer has or had it, else deleted.
///
/// # Errors
/// 404 `unknown_plan`; 409 `plan_is_default`.
#[utoipa::path(delete, path = "/admin/subscription-plans/{id}", operation_id = "remove_subscription_plan", tag = "price book",
    params(("id" = inline(PlanRef), Path)),
    responses((status = 200, description = "What became of it", body = RemovedPlan), WriteErrors))]
pub async fn remove_plan(
    State(app): State<App>,
    caller: Caller<Admin>,
    Path(id): Path<PlanRef>,
) -> Result<Json<RemovedPlan>, Error> {
    let random = app.random().clone();
    let removed = app.db().write(move |tx| pricebook::remove_plan(tx, &random, &caller.actor, id.0)).await?;
    Ok(Json(RemovedPlan { object: "removed_subscription_plan", id, outcome: removed.into() }))
}
