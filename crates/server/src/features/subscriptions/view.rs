//! What the API promises to show of subscriptions and invoices.

use super::{
    current::Standing,
    store::{Item, Subscription, changes::Change, invoices::Invoice},
};
use crate::platform::http::{CustomerName, Instant, fields::PlanRef};
use purser_rules::subscription::Status;
use serde::Serialize;
use utoipa::ToSchema;

/// What a customer has now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CurrentSubscriptionView {
    /// Always `current_subscription`.
    #[schema(value_type = String, pattern = "^current_subscription$")]
    object: &'static str,
    customer_id: CustomerName,
    /// `trial`, `active`, `past_due`, `canceled`, or `none`: never subscribed, not begun, or paused.
    #[schema(value_type = String, pattern = "^(trial|active|past_due|canceled|none)$")]
    status: &'static str,
    /// Whether what is paid for may be used now.
    access: bool,
    /// When access ends by itself, since a payment failed; null when no end is known.
    #[schema(required)]
    access_until: Option<Instant>,
    /// The plan it has: with access the best it pays for, else the default one.
    #[schema(required)]
    plan: Option<CurrentPlanView>,
    /// The subscription that counts, by Stripe's id.
    #[schema(required)]
    subscription_id: Option<String>,
    /// How often it is paid; null without a subscription.
    #[schema(required)]
    billing_cycle: Option<BillingCycleView>,
    #[schema(required)]
    current_period_end: Option<Instant>,
    #[schema(required)]
    trial_end: Option<Instant>,
    /// Whether its end is agreed on.
    cancel_scheduled: bool,
    /// When it is going to end; null unless that is agreed on.
    #[schema(required)]
    ends_at: Option<Instant>,
}

/// The plan a customer has.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CurrentPlanView {
    id: PlanRef,
    family: String,
    group: String,
    version: u32,
    /// Your own name for it.
    internal_id: String,
    /// What customers read.
    public_name: String,
}

/// How often something is paid.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BillingCycleView {
    /// `day`, `week`, `month` or `year`.
    interval: String,
    /// How many of these lie between two payments.
    interval_count: i64,
}

/// A subscription a customer has or had.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SubscriptionView {
    /// Always `subscription`.
    #[schema(value_type = String, pattern = "^subscription$")]
    object: &'static str,
    /// Stripe's id.
    id: String,
    /// What the app sees.
    #[schema(value_type = String, pattern = "^(trial|active|past_due|canceled|none)$")]
    status: &'static str,
    /// Where it stands, in Stripe's word.
    stripe_status: String,
    /// The base plan it gives or gave.
    #[schema(required)]
    plan_id: Option<PlanRef>,
    /// When it is going to end, if that was said by a date.
    #[schema(required)]
    cancel_at: Option<Instant>,
    /// Whether it ends with its period.
    cancel_at_period_end: bool,
    #[schema(required)]
    canceled_at: Option<Instant>,
    #[schema(required)]
    ended_at: Option<Instant>,
    #[schema(required)]
    trial_start: Option<Instant>,
    #[schema(required)]
    trial_end: Option<Instant>,
    /// The checkout session it came from.
    #[schema(required)]
    checkout_session_id: Option<String>,
    /// When the payment of its oldest unpaid invoice first failed; of one that is sent, when it was due.
    #[schema(required)]
    first_failure_at: Option<Instant>,
    items: Vec<SubscriptionItemView>,
    created_at: Instant,
}

/// An item of a subscription.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SubscriptionItemView {
    /// Stripe's id.
    id: String,
    stripe_price_id: String,
    stripe_product_id: String,
    /// How many; null for a metered price.
    #[schema(required)]
    quantity: Option<i64>,
    /// Whether a meter counts.
    metered: bool,
    /// `day`, `week`, `month` or `year`.
    interval: String,
    interval_count: i64,
    current_period_start: Instant,
    current_period_end: Instant,
    /// The plan its price sold when it was first seen; null for a price that is not in the price book.
    #[schema(required)]
    plan_id: Option<PlanRef>,
    created_at: Instant,
}

/// An invoice.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InvoiceView {
    /// Always `invoice`.
    #[schema(value_type = String, pattern = "^invoice$")]
    object: &'static str,
    /// Stripe's id.
    id: String,
    /// The subscription it is of, by Stripe's id.
    #[schema(required)]
    subscription_id: Option<String>,
    #[schema(required)]
    number: Option<String>,
    /// `open`, `paid`, `void` or `uncollectible`.
    status: String,
    /// In minor units, such as cents.
    amount_due: i64,
    /// In minor units, such as cents.
    amount_paid: i64,
    currency: String,
    period_start: Instant,
    period_end: Instant,
    /// Where the customer reads and pays it.
    #[schema(required)]
    hosted_url: Option<String>,
    /// When its payment is tried next.
    #[schema(required)]
    next_payment_attempt: Option<Instant>,
    #[schema(required)]
    paid_at: Option<Instant>,
    created_at: Instant,
}

/// A change of a subscription, as it was seen at Stripe.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LoggedChangeView {
    /// Always `logged_change`.
    #[schema(value_type = String, pattern = "^logged_change$")]
    object: &'static str,
    /// The subscription and the number of the change: `sub_…:7`.
    id: String,
    subscription_id: String,
    /// How it stood; null when it was new.
    #[schema(required, value_type = Option<Object>)]
    before: Option<serde_json::Value>,
    /// How it stood then.
    #[schema(value_type = Object)]
    after: serde_json::Value,
    /// What told of it: an event (`evt_…`), a checkout session (`cs_…`), a change that was asked for (`chg_…`), or who of
    /// Purser looked.
    cause: String,
    at: Instant,
}

impl From<Change> for LoggedChangeView {
    fn from(change: Change) -> Self {
        Self {
            object: "logged_change",
            id: format!("{}:{}", change.subscription, change.revision),
            subscription_id: change.subscription,
            before: change.before,
            after: change.after,
            cause: change.cause,
            at: change.at.into(),
        }
    }
}

impl From<Standing> for CurrentSubscriptionView {
    fn from(standing: Standing) -> Self {
        let plan = standing.plan.map(|plan| CurrentPlanView {
            id: plan.id.into(),
            family: plan.family.as_str().to_owned(),
            group: plan.group.as_str().to_owned(),
            version: plan.version,
            internal_id: plan.internal_id.as_str().to_owned(),
            public_name: plan.public_name,
        });
        let subscription = standing.subscription;
        Self {
            object: "current_subscription",
            customer_id: CustomerName(standing.customer),
            status: standing.status.as_str(),
            access: standing.access.allowed,
            access_until: standing.access.until.map(Into::into),
            plan,
            trial_end: subscription.as_ref().and_then(|one| one.trial_end).map(Into::into),
            subscription_id: subscription.map(|one| one.id),
            current_period_end: standing.item.as_ref().map(|item| item.period_end.into()),
            billing_cycle: standing
                .item
                .map(|item| BillingCycleView { interval: item.period, interval_count: item.period_count }),
            cancel_scheduled: standing.ends_at.is_some(),
            ends_at: standing.ends_at.map(Into::into),
        }
    }
}

impl From<Subscription> for SubscriptionView {
    fn from(subscription: Subscription) -> Self {
        Self {
            object: "subscription",
            id: subscription.id,
            status: Status::of_stripe(&subscription.status).as_str(),
            stripe_status: subscription.status,
            plan_id: subscription.plan_id.map(Into::into),
            cancel_at: subscription.cancel_at.map(Into::into),
            cancel_at_period_end: subscription.cancel_at_period_end,
            canceled_at: subscription.canceled_at.map(Into::into),
            ended_at: subscription.ended_at.map(Into::into),
            trial_start: subscription.trial_start.map(Into::into),
            trial_end: subscription.trial_end.map(Into::into),
            checkout_session_id: subscription.checkout_session_id,
            first_failure_at: subscription.first_failure_at.map(Into::into),
            items: subscription.items.into_iter().map(SubscriptionItemView::from).collect(),
            created_at: subscription.created_at.into(),
        }
    }
}

impl From<Item> for SubscriptionItemView {
    fn from(item: Item) -> Self {
        Self {
            id: item.id,
            stripe_price_id: item.price,
            stripe_product_id: item.product,
            quantity: item.quantity,
            metered: item.metered,
            interval: item.period,
            interval_count: item.period_count,
            current_period_start: item.period_start.into(),
            current_period_end: item.period_end.into(),
            plan_id: item.plan_id.map(Into::into),
            created_at: item.created_at.into(),
        }
    }
}

impl From<Invoice> for InvoiceView {
    fn from(invoice: Invoice) -> Self {
        Self {
            object: "invoice",
            id: invoice.id,
            subscription_id: invoice.subscription,
            number: invoice.number,
            status: invoice.status,
            amount_due: invoice.amount_due,
            amount_paid: invoice.amount_paid,
            currency: invoice.currency,
            period_start: invoice.period_start.into(),
            period_end: invoice.period_end.into(),
            hosted_url: invoice.hosted_url,
            next_payment_attempt: invoice.next_payment_attempt.map(Into::into),
            paid_at: invoice.paid_at.map(Into::into),
            created_at: invoice.created_at.into(),
        }
    }
}
