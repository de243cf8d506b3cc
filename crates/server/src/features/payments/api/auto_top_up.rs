//! `/customers/{id}/auto_top_up`: agreed to, shown, taken back, and let go on after a failure.

use super::{
    fields::{MostADay, MostAMonth, PackText},
    pack_name,
};
use crate::{
    features::payments::auto_top_up::{self, Attempt, Shown, State as Going, Wish},
    platform::{
        App,
        auth::{Caller, Reader, Service},
        error::Error,
        http::{
            Body, CustomerName, Decimal, Instant, Path, ReadErrors, UnitName, WriteErrors,
            fields::{Positive, PurchaseRef, TopUpAttemptRef, TopUpPlanRef},
        },
    },
};
use axum::{Json, extract::State};
use purser_rules::subscription::Outcome;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a customer agrees to.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAutoTopUp {
    /// Whether packs are bought; true unless given.
    enabled: Option<bool>,
    /// What is counted: that of the pack, which may be left out.
    unit: Option<UnitName>,
    /// Buy when a spend leaves less than this.
    threshold: Positive,
    /// The pack to buy: its id, or your own name for it. It gives more than the threshold.
    top_up_plan: PackText,
    most_a_day: MostADay,
    most_a_month: MostAMonth,
}

/// Whether packs are bought.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AutoTopUpState {
    /// When a spend leaves too little.
    On,
    /// None.
    Off,
    /// None until it is resumed: a pack could not be paid.
    Stopped,
}

/// How an attempt to buy a pack ended.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// It is not known yet: the money is on its way, or Stripe did not answer. Nothing more is bought until it is.
    Unknown,
    /// It is paid, and the credits are there.
    Succeeded,
    /// It was not paid.
    Failed,
}

/// An attempt to buy a pack.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AttemptView {
    /// Always `auto_top_up_attempt`.
    #[schema(value_type = String, pattern = "^auto_top_up_attempt$")]
    object: &'static str,
    id: TopUpAttemptRef,
    outcome: AttemptOutcome,
    /// What the pack cost, in minor units of the currency.
    price: i64,
    currency: String,
    /// Stripe's payment, once it is known.
    #[schema(required)]
    payment_intent: Option<String>,
    /// Why it failed: a code of Stripe's such as `card_declined` or `authentication_required`, or `no_payment_method`,
    /// or `not_made`.
    #[schema(required)]
    error_code: Option<String>,
    /// Whether a failure was looked at: it stops nothing any more.
    cleared: bool,
    /// The purchase it made.
    #[schema(required)]
    purchase_id: Option<PurchaseRef>,
    created_at: Instant,
    /// When its outcome was known.
    #[schema(required)]
    settled_at: Option<Instant>,
}

/// What a customer agreed to, and how it goes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AutoTopUpView {
    /// Always `auto_top_up`.
    #[schema(value_type = String, pattern = "^auto_top_up$")]
    object: &'static str,
    customer_id: CustomerName,
    state: AutoTopUpState,
    unit: UnitName,
    /// Buy when a spend leaves less than this.
    threshold: Decimal,
    /// The version of the pack that is bought.
    top_up_plan_id: TopUpPlanRef,
    /// What it costs, in minor units of the currency.
    price: i64,
    /// Three small letters, such as `usd`.
    currency: String,
    /// How many purchases a UTC day at most.
    most_a_day: u32,
    /// How much money a UTC month at most, in minor units of the currency.
    most_a_month: i64,
    #[schema(required)]
    last_attempt: Option<AttemptView>,
    created_at: Instant,
    updated_at: Instant,
}

impl AttemptView {
    fn new(attempt: Attempt) -> Self {
        let outcome = match attempt.outcome {
            Outcome::Unknown => AttemptOutcome::Unknown,
            Outcome::Succeeded => AttemptOutcome::Succeeded,
            Outcome::Failed => AttemptOutcome::Failed,
        };
        Self {
            object: "auto_top_up_attempt",
            id: attempt.id.into(),
            outcome,
            price: attempt.price,
            currency: attempt.currency,
            payment_intent: attempt.payment_intent,
            error_code: attempt.error_code,
            cleared: attempt.cleared,
            purchase_id: attempt.purchase.map(Into::into),
            created_at: attempt.at.into(),
            settled_at: attempt.settled_at.map(Into::into),
        }
    }
}

impl AutoTopUpView {
    fn new(shown: Shown) -> Self {
        let state = match shown.state {
            Going::On => AutoTopUpState::On,
            Going::Off => AutoTopUpState::Off,
            Going::Stopped => AutoTopUpState::Stopped,
        };
        let opt_in = shown.opt_in;
        Self {
            object: "auto_top_up",
            customer_id: CustomerName(opt_in.customer),
            state,
            unit: UnitName(opt_in.unit),
            threshold: opt_in.threshold.into(),
            top_up_plan_id: opt_in.top_up.into(),
            price: shown.price,
            currency: shown.currency,
            most_a_day: opt_in.most_a_day,
            most_a_month: opt_in.most_a_month,
            last_attempt: shown.last.map(AttemptView::new),
            created_at: opt_in.created_at.into(),
            updated_at: opt_in.updated_at.into(),
        }
    }
}

/// What a customer agreed to, whether packs are bought, and what became of the last one.
///
/// # Errors
/// 404 `unknown_customer`, `unknown_auto_top_up`.
#[utoipa::path(get, path = "/customers/{id}/auto_top_up", operation_id = "get_auto_top_up", tag = "payments",
    params(("id" = inline(CustomerName), Path)),
    responses((status = 200, description = "What it agreed to", body = AutoTopUpView), ReadErrors))]
pub async fn get_auto_top_up(
    State(app): State<App>,
    _: Caller<Reader>,
    Path(customer): Path<CustomerName>,
) -> Result<Json<AutoTopUpView>, Error> {
    let shown = app.db().read(move |tx| auto_top_up::find(tx, &customer.0)).await?;
    Ok(Json(AutoTopUpView::new(shown)))
}

/// Puts down what a customer agrees to, in place of what it agreed to before. A payment method must be saved at Stripe.
///
/// # Errors
/// 400 `pack_too_small`; 404 `unknown_customer`, `unknown_top_up_plan`; 409 `not_for_sale`, `no_payment_method`,
/// `customer_archived`; 503 `stripe_unavailable`.
#[utoipa::path(put, path = "/customers/{id}/auto_top_up", operation_id = "put_auto_top_up", tag = "payments",
    params(("id" = inline(CustomerName), Path)), request_body = NewAutoTopUp,
    responses((status = 200, description = "What it agreed to", body = AutoTopUpView), WriteErrors))]
pub async fn put_auto_top_up(
    State(app): State<App>,
    caller: Caller<Service>,
    Path(customer): Path<CustomerName>,
    Body(asked): Body<NewAutoTopUp>,
) -> Result<Json<AutoTopUpView>, Error> {
    let wish = Wish {
        customer: customer.0,
        unit: asked.unit.map(|unit| unit.0),
        threshold: asked.threshold.0,
        pack: pack_name(asked.top_up_plan.as_str())?,
        most_a_day: asked.most_a_day.0,
        most_a_month: asked.most_a_month.0,
        enabled: asked.enabled.unwrap_or(true),
    };
    let shown = auto_top_up::put(&app, &caller.actor, wish).await?;
    Ok(Json(AutoTopUpView::new(shown)))
}

/// Takes back what a customer agreed to: nothing more is bought. A payment that is on its way still gives its credits.
///
/// # Errors
/// 404 `unknown_customer`, `unknown_auto_top_up`; 409 `customer_archived`.
#[utoipa::path(delete, path = "/customers/{id}/auto_top_up", operation_id = "remove_auto_top_up", tag = "payments",
    params(("id" = inline(CustomerName), Path)),
    responses((status = 200, description = "What it had agreed to", body = AutoTopUpView), WriteErrors))]
pub async fn remove_auto_top_up(
    State(app): State<App>,
    caller: Caller<Service>,
    Path(customer): Path<CustomerName>,
) -> Result<Json<AutoTopUpView>, Error> {
    let random = app.random().clone();
    let shown = app.db().write(move |tx| auto_top_up::remove(tx, &random, &caller.actor, &customer.0)).await?;
    Ok(Json(AutoTopUpView::new(shown)))
}

/// Lets packs be bought again after one could not be paid: call it when a person has looked at that.
///
/// # Errors
/// 404 `unknown_customer`, `unknown_auto_top_up`; 409 `customer_archived`.
#[utoipa::path(post, path = "/customers/{id}/auto_top_up/resume", operation_id = "resume_auto_top_up", tag = "payments",
    params(("id" = inline(CustomerName), Path)),
    responses((status = 200, description = "What it agreed to", body = AutoTopUpView), WriteErrors))]
pub async fn resume_auto_top_up(
    State(app): State<App>,
    caller: Caller<Service>,
    Path(customer): Path<CustomerName>,
) -> Result<Json<AutoTopUpView>, Error> {
    let random = app.random().clone();
    let shown = app.db().write(move |tx| auto_top_up::resume(tx, &random, &caller.actor, &customer.0)).await?;
    Ok(Json(AutoTopUpView::new(shown)))
}
