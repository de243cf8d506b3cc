//! What the API promises to show of changes of a subscription.

use super::{
    asks::{Action, At},
    preview::{Preview, PreviewLine},
    requests::Request,
    wish::Wish,
};
use crate::{
    features::{
        payments::instant,
        pricebook::Plan,
        subscriptions::{Subscription, SubscriptionView, billed_by},
    },
    platform::http::{
        CustomerName, Decimal, Instant, UnitName,
        fields::{AllowancePeriodName, PlanRef},
    },
};
use purser_rules::{Time, subscription::ends_at};
use serde::Serialize;
use utoipa::ToSchema;

/// What became of a change, an end, or the taking back of one.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChangeView {
    /// Always `subscription_change`.
    #[schema(value_type = String, pattern = "^subscription_change$")]
    object: &'static str,
    /// Its id: `chg_…`.
    id: String,
    customer_id: CustomerName,
    #[schema(value_type = String, pattern = "^(change|cancel|resume)$")]
    action: &'static str,
    /// `now`, or `period_end`: then the subscription is still as it was.
    #[schema(value_type = String, pattern = "^(now|period_end)$")]
    takes_effect: &'static str,
    /// When it takes or took effect.
    effective_at: Instant,
    /// The subscription as it stands now.
    subscription: SubscriptionView,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required, value_type = bool)]
    replayed: Option<bool>,
}

impl ChangeView {
    /// What came of `request`, by which `subscription` stands as it does.
    pub(super) fn new(request: &Request, action: &Action, subscription: Subscription) -> Self {
        let (at, effective_at) = effect(request, &subscription);
        Self {
            object: "subscription_change",
            id: request.id.to_string(),
            customer_id: CustomerName(request.customer.clone()),
            action: action.as_str(),
            takes_effect: at.as_str(),
            effective_at: effective_at.into(),
            subscription: subscription.into(),
            replayed: None,
        }
    }
}

/// When a request takes effect.
fn effect(request: &Request, subscription: &Subscription) -> (At, Time) {
    let now = request.created_at;
    match &request.wish {
        Wish::Later { at, .. } => (At::PeriodEnd, instant(*at)),
        Wish::Cancel { now: false, .. } => {
            let period_end = billed_by(subscription).map(|item| item.period_end);
            let agreed = ends_at(subscription.cancel_at, subscription.cancel_at_period_end, period_end);
            (At::PeriodEnd, agreed.or(subscription.ended_at).unwrap_or(now))
        }
        Wish::Cancel { now: true, .. } => (At::Now, subscription.ended_at.unwrap_or(now)),
        Wish::Now { .. } | Wish::Resume => (At::Now, now),
    }
}

/// What a change would cost and give; nothing is changed by asking.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PreviewView {
    /// Always `subscription_preview`.
    #[schema(value_type = String, pattern = "^subscription_preview$")]
    object: &'static str,
    customer_id: CustomerName,
    subscription_id: String,
    /// `now` or `period_end`.
    #[schema(value_type = String, pattern = "^(now|period_end)$")]
    takes_effect: &'static str,
    effective_at: Instant,
    /// Send it with the change, and what is due is what is shown here; null when nothing is billed at once.
    #[schema(required)]
    proration_date: Option<Instant>,
    /// Three small letters.
    currency: String,
    /// What is paid at once, in minor units such as cents; what the customer has as credit at Stripe is taken off.
    due_now: i64,
    /// What it is made up of; at most ten of them.
    lines: Vec<PreviewLineView>,
    /// What a whole period costs then, in minor units; null when nothing comes any more.
    #[schema(required)]
    renewal_amount: Option<i64>,
    /// When that is due next.
    #[schema(required)]
    renews_at: Option<Instant>,
    /// The plan now; null when no price book has it.
    #[schema(required)]
    plan: Option<PreviewPlanView>,
    /// The plan then.
    #[schema(required)]
    new_plan: Option<PreviewPlanView>,
}

/// A line of what is due.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PreviewLineView {
    /// What the customer reads.
    #[schema(required)]
    description: Option<String>,
    /// Minor units; below zero is given back.
    amount: i64,
    /// Whether it is a part of a period.
    proration: bool,
}

/// A plan, and the credits that come with it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PreviewPlanView {
    id: PlanRef,
    /// Your own name for it.
    internal_id: String,
    /// What customers read.
    public_name: String,
    /// The credits that come with it; null when it brings none.
    #[schema(required)]
    credits: Option<PreviewCreditsView>,
}

/// Credits of a plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PreviewCreditsView {
    amount: Decimal,
    unit: UnitName,
    #[schema(value_type = AllowancePeriodName)]
    period: &'static str,
    /// Whether each seat brings them.
    per_seat: bool,
}

impl From<Plan> for PreviewPlanView {
    fn from(plan: Plan) -> Self {
        Self {
            id: plan.id.into(),
            internal_id: plan.internal_id.as_str().to_owned(),
            public_name: plan.public_name,
            credits: plan.terms.credits.map(|credits| PreviewCreditsView {
                amount: credits.amount.into(),
                unit: UnitName(credits.unit),
                period: credits.period.as_str(),
                per_seat: credits.per_seat,
            }),
        }
    }
}

impl From<PreviewLine> for PreviewLineView {
    fn from(line: PreviewLine) -> Self {
        Self { description: line.description, amount: line.amount, proration: line.proration }
    }
}

impl From<Preview> for PreviewView {
    fn from(preview: Preview) -> Self {
        Self {
            object: "subscription_preview",
            customer_id: CustomerName(preview.customer),
            subscription_id: preview.subscription,
            takes_effect: preview.at.as_str(),
            effective_at: preview.effective_at.into(),
            proration_date: preview.proration_date.map(Into::into),
            currency: preview.currency,
            due_now: preview.due_now,
            lines: preview.lines.into_iter().map(Into::into).collect(),
            renewal_amount: preview.renewal_amount,
            renews_at: preview.renews_at.map(Into::into),
            plan: preview.from.map(Into::into),
            new_plan: preview.to.map(Into::into),
        }
    }
}
