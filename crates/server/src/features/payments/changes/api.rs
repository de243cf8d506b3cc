//! The routes that change a subscription: what they take, who may call them, what they answer.

use super::{
    Action, Asked, At, PlanName, Target, ask,
    preview::preview as show,
    view::{ChangeView, PreviewView},
};
use crate::{
    features::{
        credits::{Answered, api::KeyText},
        payments::{api::fields::Quantity, seconds},
        pricebook::api::fields::StripePriceName,
        subscriptions::api::StripeSubscriptionName,
    },
    platform::{
        App,
        auth::{Caller, Service},
        error::{Code, Error},
        http::{
            Body, CustomerName, IdempotencyKey, Instant, MaybeBody, Path, WriteErrors,
            fields::{IntervalName, text_fields},
        },
    },
};
use axum::{Json, extract::State};
use purser_rules::{
    ids::CustomerId,
    pricebook::{Interval, Name},
};
use serde::Deserialize;
use utoipa::ToSchema;

text_fields! {
    /// A plan as it is named.
    PlanText = 1..=64, "A plan: its id, or your own name for it.";
    /// An item's id at Stripe.
    StripeItemName = 1..=255, "An item of the subscription at Stripe: `si_…`.";
    /// Why a customer leaves, in words.
    LeavingComment = 1..=500, "Why, in the customer's words.";
}

/// When something takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EffectTime {
    /// Now.
    Now,
    /// When the running period ends.
    PeriodEnd,
}

impl From<EffectTime> for At {
    fn from(time: EffectTime) -> Self {
        match time {
            EffectTime::Now => Self::Now,
            EffectTime::PeriodEnd => Self::PeriodEnd,
        }
    }
}

/// Why a customer leaves: Stripe's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeavingReason {
    /// The customer service was not good.
    CustomerService,
    /// The quality was not good.
    LowQuality,
    /// Something is missing.
    MissingFeatures,
    /// Another reason.
    Other,
    /// It goes to somebody else.
    SwitchedService,
    /// It is too hard to use.
    TooComplex,
    /// It costs too much.
    TooExpensive,
    /// It is not used enough.
    Unused,
}

impl LeavingReason {
    /// Stripe's word.
    const fn as_str(self) -> &'static str {
        match self {
            Self::CustomerService => "customer_service",
            Self::LowQuality => "low_quality",
            Self::MissingFeatures => "missing_features",
            Self::Other => "other",
            Self::SwitchedService => "switched_service",
            Self::TooComplex => "too_complex",
            Self::TooExpensive => "too_expensive",
            Self::Unused => "unused",
        }
    }
}

/// What a subscription is to be changed to; what is left out stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionTarget {
    /// The plan.
    plan: Option<PlanText>,
    /// How often it is paid.
    #[schema(value_type = Option<IntervalName>)]
    interval: Option<Interval>,
    /// The price at Stripe, instead of a plan and an interval.
    price: Option<StripePriceName>,
    /// How many seats.
    quantity: Option<Quantity>,
    /// The item that is replaced; the one of the base plan unless given. All others stay.
    item: Option<StripeItemName>,
    /// When; unless given, up is at once, and down when the period ends.
    at: Option<EffectTime>,
    /// As of when a change at once is billed: what its preview said. Now unless given.
    proration_date: Option<Instant>,
    /// Which subscription; the one that counts unless given.
    subscription_id: Option<StripeSubscriptionName>,
    idempotency_key: Option<KeyText>,
}

/// How a subscription is to end.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Leaving {
    /// When; with the period unless given.
    at: Option<EffectTime>,
    /// Why.
    feedback: Option<LeavingReason>,
    comment: Option<LeavingComment>,
    /// Which subscription; the one that counts unless given.
    subscription_id: Option<StripeSubscriptionName>,
    idempotency_key: Option<KeyText>,
}

/// What is to go on.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Staying {
    /// Which subscription; the one that counts unless given.
    subscription_id: Option<StripeSubscriptionName>,
    idempotency_key: Option<KeyText>,
}

impl SubscriptionTarget {
    /// What is asked of `customer`'s subscription.
    ///
    /// # Errors
    /// `unknown_plan` for a plan that has no name of one; those of the key.
    fn asked(self, customer: CustomerId, key: IdempotencyKey) -> Result<Asked, Error> {
        let target = Target {
            plan: self.plan.map(|plan| plan_name(plan.as_str())).transpose()?,
            interval: self.interval,
            price: self.price.map(StripePriceName::into_string),
            quantity: self.quantity.map(|quantity| quantity.0.into()),
            item: self.item.map(StripeItemName::into_string),
            at: self.at.map(Into::into),
            proration_date: self.proration_date.map(|date| seconds(date.0)),
        };
        Ok(Asked {
            customer,
            subscription: self.subscription_id.map(StripeSubscriptionName::into_string),
            action: Action::Change(target),
            key: key.if_any(self.idempotency_key.map(KeyText::into_string))?,
        })
    }
}

/// The plan that `text` names: an id, or a name of the app's.
fn plan_name(text: &str) -> Result<PlanName, Error> {
    if let Ok(id) = text.parse() {
        return Ok(PlanName::Id(id));
    }
    let unknown = |_| Error::new(Code::UnknownPlan, format!("No plan has the id or the name `{text}`.")).about("plan");
    Name::new(text).map(PlanName::Name).map_err(unknown)
}

/// Changes a subscription to another plan, interval, price or quantity. Up is at once, and paid at once: if the payment
/// fails nothing is changed. Down waits for the period's end, and can be taken back until then.
///
/// # Errors
/// 402 `payment_declined`, `payment_action_required`; 404 `no_subscription`, `unknown_plan`, `plan_without_price`; 409
/// `subscription_ended`, `subscription_ending`, `not_for_sale`, `change_in_progress`, `usage_would_be_lost`; 503
/// `stripe_unavailable`.
#[utoipa::path(post, path = "/customers/{id}/subscription/change", operation_id = "change_subscription",
    tag = "subscriptions", request_body = SubscriptionTarget,
    params(("id" = inline(CustomerName), Path),
        ("Idempotency-Key" = Option<String>, Header, description = "A key of your own.", max_length = 255, min_length = 1, pattern = "^[!-~]([ -~]*[!-~])?$")),
    responses((status = 200, description = "How it stands now", body = ChangeView), WriteErrors))]
pub async fn change(
    State(app): State<App>,
    caller: Caller<Service>,
    key: IdempotencyKey,
    Path(customer): Path<CustomerName>,
    Body(asked): Body<SubscriptionTarget>,
) -> Result<Answered, Error> {
    ask(&app, &caller.actor, &asked.asked(customer.0, key)?).await
}

/// Says what a change would cost and give. It takes what the change takes, and changes nothing.
///
/// # Errors
/// Those of the change, but for what only its payment can say.
#[utoipa::path(post, path = "/customers/{id}/subscription/preview", operation_id = "preview_subscription_change",
    tag = "subscriptions", request_body = SubscriptionTarget, params(("id" = inline(CustomerName), Path)),
    responses((status = 200, description = "What it would cost and give", body = PreviewView), WriteErrors))]
pub async fn preview(
    State(app): State<App>,
    _: Caller<Service>,
    Path(customer): Path<CustomerName>,
    Body(asked): Body<SubscriptionTarget>,
) -> Result<Json<PreviewView>, Error> {
    let asked = asked.asked(customer.0, IdempotencyKey(None))?;
    Ok(Json(show(&app, &asked).await?.into()))
}

/// Ends a subscription: with its period, until when it can be resumed, or at once.
///
/// # Errors
/// 404 `no_subscription`; 409 `subscription_ended`, `change_in_progress`; 503 `stripe_unavailable`.
#[utoipa::path(post, path = "/customers/{id}/subscription/cancel", operation_id = "cancel_subscription",
    tag = "subscriptions", request_body = Option<Leaving>,
    params(("id" = inline(CustomerName), Path),
        ("Idempotency-Key" = Option<String>, Header, description = "A key of your own.", max_length = 255, min_length = 1, pattern = "^[!-~]([ -~]*[!-~])?$")),
    responses((status = 200, description = "How it stands now", body = ChangeView), WriteErrors))]
pub async fn cancel(
    State(app): State<App>,
    caller: Caller<Service>,
    key: IdempotencyKey,
    Path(customer): Path<CustomerName>,
    MaybeBody(asked): MaybeBody<Leaving>,
) -> Result<Answered, Error> {
    let action = Action::Cancel {
        at: asked.at.map_or(At::PeriodEnd, Into::into),
        feedback: asked.feedback.map(|reason| reason.as_str().to_owned()),
        comment: asked.comment.map(LeavingComment::into_string),
    };
    let asked = Asked {
        customer: customer.0,
        subscription: asked.subscription_id.map(StripeSubscriptionName::into_string),
        action,
        key: key.if_any(asked.idempotency_key.map(KeyText::into_string))?,
    };
    ask(&app, &caller.actor, &asked).await
}

/// Lets a subscription go on as it is: takes back that it ends, and a change that is agreed on for the period's end.
///
/// # Errors
/// 404 `no_subscription`; 409 `subscription_ended`, `nothing_to_resume`, `change_in_progress`; 503
/// `stripe_unavailable`.
#[utoipa::path(post, path = "/customers/{id}/subscription/resume", operation_id = "resume_subscription",
    tag = "subscriptions", request_body = Option<Staying>,
    params(("id" = inline(CustomerName), Path),
        ("Idempotency-Key" = Option<String>, Header, description = "A key of your own.", max_length = 255, min_length = 1, pattern = "^[!-~]([ -~]*[!-~])?$")),
    responses((status = 200, description = "How it stands now", body = ChangeView), WriteErrors))]
pub async fn resume(
    State(app): State<App>,
    caller: Caller<Service>,
    key: IdempotencyKey,
    Path(customer): Path<CustomerName>,
    MaybeBody(asked): MaybeBody<Staying>,
) -> Result<Answered, Error> {
    let asked = Asked {
        customer: customer.0,
        subscription: asked.subscription_id.map(StripeSubscriptionName::into_string),
        action: Action::Resume,
        key: key.if_any(asked.idempotency_key.map(KeyText::into_string))?,
    };
    ask(&app, &caller.actor, &asked).await
}
