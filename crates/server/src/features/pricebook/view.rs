//! What the API promises to show of plans and packs; the audit trail tells the same.

use super::{
    api::fields::NameText,
    store::{
        plans::{Plan, PlanPrice},
        top_ups::TopUpPlan,
    },
};
use crate::platform::http::{
    Decimal, Instant, UnitName,
    fields::{
        AllowancePeriodName, ChangeCreditsName, IntervalName, OnDeleteName, PlanKindName, PlanPriceRef, PlanRef,
        PriceKindName, TopUpPlanRef,
    },
};
use purser_rules::pricebook::{Credits, Expiry, OneTimePrice};
use serde::Serialize;
use utoipa::ToSchema;

/// A version of a plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlanView {
    /// Always `subscription_plan`.
    #[schema(value_type = String, pattern = "^subscription_plan$")]
    object: &'static str,
    id: PlanRef,
    /// Which plan it is a version of.
    family: NameText,
    /// The families of which a customer has one.
    group: NameText,
    version: u32,
    /// Your own name for it.
    internal_id: NameText,
    /// What customers read.
    public_name: String,
    /// What is up and what is down: higher is up.
    rank: u32,
    #[schema(value_type = PlanKindName)]
    kind: &'static str,
    /// The credits that come with it; null when it brings none.
    #[schema(required)]
    credits: Option<CreditsView>,
    trial_days: u16,
    trial_credits: Decimal,
    #[schema(value_type = ChangeCreditsName)]
    change_credits: &'static str,
    #[schema(value_type = OnDeleteName)]
    on_delete: &'static str,
    prices: Vec<PlanPriceView>,
    /// The product it is at Stripe: an unknown price of it sells this plan.
    #[schema(required)]
    stripe_product_id: Option<String>,
    /// Whether it is in use; one that is not is neither sold nor shown.
    active: bool,
    /// Whether it is not sold any more, and honoured all the same.
    legacy: bool,
    /// Whether customers of its group without a plan have this one.
    is_default: bool,
    /// Whether a customer has or had it: then its terms stay, and changing them makes the next version.
    used: bool,
    created_at: Instant,
    #[schema(required)]
    archived_at: Option<Instant>,
}

/// The credits of a plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CreditsView {
    amount: Decimal,
    unit: UnitName,
    #[schema(value_type = AllowancePeriodName)]
    period: &'static str,
    /// How long they live; null when they end with their period.
    #[schema(required)]
    expires_in_days: Option<u16>,
    /// What is carried into the next period; null when nothing is.
    #[schema(required)]
    rollover: Option<RolloverView>,
    /// Their place in the spend order, lower first.
    priority: u16,
    /// Whether each seat brings them.
    per_seat: bool,
}

/// What is carried over.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RolloverView {
    /// At most this much.
    max: Decimal,
    /// For so many periods.
    periods: u16,
}

/// A price of a plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlanPriceView {
    id: PlanPriceRef,
    /// The price at Stripe; null until there is one.
    #[schema(required)]
    stripe_price_id: Option<String>,
    currency: String,
    /// In minor units, such as cents; null when Stripe has decimals or tiers for it.
    #[schema(required)]
    unit_amount: Option<i64>,
    #[schema(value_type = IntervalName)]
    interval: &'static str,
    interval_count: u16,
    #[schema(value_type = PriceKindName)]
    kind: &'static str,
}

/// A version of a credit pack.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TopUpPlanView {
    /// Always `top_up_plan`.
    #[schema(value_type = String, pattern = "^top_up_plan$")]
    object: &'static str,
    id: TopUpPlanRef,
    /// Which pack it is a version of.
    family: NameText,
    /// The packs it is shown among.
    group: NameText,
    version: u32,
    /// Your own name for it.
    internal_id: NameText,
    /// What customers read.
    public_name: String,
    credits: Decimal,
    unit: UnitName,
    /// How long they live; null when they do not expire.
    #[schema(required)]
    expires_in_days: Option<u16>,
    /// Their place in the spend order, lower first.
    priority: u16,
    /// What it costs; null when it is not sold for money.
    #[schema(required)]
    price: Option<OneTimePriceView>,
    /// Whether it is in use; one that is not is neither sold nor shown.
    active: bool,
    /// Whether it is not sold any more, and honoured all the same.
    legacy: bool,
    /// Whether it was ever bought: then its terms and its price stay, and changing them makes the next version.
    used: bool,
    created_at: Instant,
    #[schema(required)]
    archived_at: Option<Instant>,
}

/// What a pack costs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OneTimePriceView {
    /// The price at Stripe; null until there is one.
    #[schema(required)]
    stripe_price_id: Option<String>,
    currency: String,
    /// In minor units, such as cents; null when Stripe has decimals or tiers for it.
    #[schema(required)]
    unit_amount: Option<i64>,
}

impl From<Plan> for PlanView {
    fn from(plan: Plan) -> Self {
        Self {
            object: "subscription_plan",
            id: plan.id.into(),
            family: NameText(plan.family),
            group: NameText(plan.group),
            version: plan.version,
            internal_id: NameText(plan.internal_id),
            public_name: plan.public_name,
            rank: plan.rank,
            kind: plan.kind.as_str(),
            credits: plan.terms.credits.map(CreditsView::from),
            trial_days: plan.terms.trial_days,
            trial_credits: plan.terms.trial_credits.into(),
            change_credits: plan.terms.change_credits.as_str(),
            on_delete: plan.terms.on_delete.as_str(),
            prices: plan.prices.into_iter().map(PlanPriceView::from).collect(),
            stripe_product_id: plan.stripe_product_id,
            active: plan.active,
            legacy: plan.legacy,
            is_default: plan.is_default,
            used: plan.used_at.is_some(),
            created_at: plan.created_at.into(),
            archived_at: plan.archived_at.map(Into::into),
        }
    }
}

impl From<Credits> for CreditsView {
    fn from(credits: Credits) -> Self {
        Self {
            amount: credits.amount.into(),
            unit: UnitName(credits.unit),
            period: credits.period.as_str(),
            expires_in_days: match credits.expiry {
                Expiry::PeriodEnd => None,
                Expiry::Days(days) => Some(days),
            },
            rollover: credits.rollover.map(|it| RolloverView { max: it.max.into(), periods: it.periods }),
            priority: credits.priority,
            per_seat: credits.per_seat,
        }
    }
}

impl From<PlanPrice> for PlanPriceView {
    fn from(PlanPrice { id, price }: PlanPrice) -> Self {
        Self {
            id: id.into(),
            stripe_price_id: price.stripe_price_id,
            currency: price.currency.as_str().to_owned(),
            unit_amount: price.unit_amount,
            interval: price.interval.as_str(),
            interval_count: price.interval_count,
            kind: price.kind.as_str(),
        }
    }
}

impl From<TopUpPlan> for TopUpPlanView {
    fn from(plan: TopUpPlan) -> Self {
        Self {
            object: "top_up_plan",
            id: plan.id.into(),
            family: NameText(plan.family),
            group: NameText(plan.group),
            version: plan.version,
            internal_id: NameText(plan.internal_id),
            public_name: plan.public_name,
            credits: plan.terms.credits.into(),
            unit: UnitName(plan.terms.unit),
            expires_in_days: plan.terms.expires_in_days,
            priority: plan.terms.priority,
            price: plan.price.map(OneTimePriceView::from),
            active: plan.active,
            legacy: plan.legacy,
            used: plan.used_at.is_some(),
            created_at: plan.created_at.into(),
            archived_at: plan.archived_at.map(Into::into),
        }
    }
}

impl From<OneTimePrice> for OneTimePriceView {
    fn from(price: OneTimePrice) -> Self {
        Self {
            stripe_price_id: price.stripe_price_id,
            currency: price.currency.as_str().to_owned(),
            unit_amount: price.unit_amount,
        }
    }
}
