//! Calls about subscriptions and their items.

use super::{Call, Created, Metadata, PageOf, params::Nothing};
use crate::{
    List, Seconds,
    objects::{
        CollectionMethod, Deleted, PaymentBehavior, ProrationBehavior, Subscription, SubscriptionItem,
        SubscriptionStatus,
    },
};
use serde::Serialize;

/// A subscription to be. It has the flexible billing mode, which is Stripe's default since 2025-09-30.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewSubscription {
    /// Whose.
    pub customer: String,
    /// What is subscribed to; 1–20.
    pub items: Vec<NewItem>,
    /// Charged for it; `None` is the customer's default.
    pub default_payment_method: Option<String>,
    /// How its invoices are paid; `None` charges them.
    pub collection_method: Option<CollectionMethod>,
    /// Days from an invoice until it is due; of those that are sent alone.
    pub days_until_due: Option<u32>,
    /// What happens when the first invoice is not paid at once.
    pub payment_behavior: Option<PaymentBehavior>,
    /// Days of trial; 1–730.
    pub trial_period_days: Option<u32>,
    /// When the trial ends.
    pub trial_end: Option<Seconds>,
    /// What follows a trial.
    pub trial_settings: Option<TrialSettings>,
    /// When the first whole period begins.
    pub billing_cycle_anchor: Option<Seconds>,
    /// How time before the first whole period is billed.
    pub proration_behavior: Option<ProrationBehavior>,
    /// Ends with its first period.
    pub cancel_at_period_end: Option<bool>,
    /// Ends then.
    pub cancel_at: Option<Seconds>,
    /// Names and texts.
    pub metadata: Option<Metadata>,
    /// Whether the payer is away.
    pub off_session: Option<bool>,
}

/// Something that is subscribed to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewItem {
    /// Its price.
    pub price: String,
    /// How many; `None` for a metered price, which must not have one.
    pub quantity: Option<u64>,
    /// What is taken off it alone.
    pub discounts: Option<Vec<KeptDiscount>>,
    /// Its taxes, by their ids.
    pub tax_rates: Option<Vec<String>>,
    /// Names and texts.
    pub metadata: Option<Metadata>,
}

/// A discount there is already, which goes on. By its coupon it would begin anew.
#[derive(Clone, Debug, Default, Serialize)]
pub struct KeptDiscount {
    /// Which: `di_…`.
    pub discount: String,
}

/// What follows a trial.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TrialSettings {
    /// At its end.
    pub end_behavior: TrialEnd,
}

/// What happens at the end of a trial.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TrialEnd {
    /// Without a payment method: `cancel`, `create_invoice` or `pause`.
    pub missing_payment_method: String,
}

/// What changes of a subscription. What is `None` stays.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SubscriptionChange {
    /// Items that change, come or go; those not named stay.
    pub items: Option<Vec<ItemChange>>,
    /// How the rest of the period is billed.
    pub proration_behavior: Option<ProrationBehavior>,
    /// As of when: the one its preview was made with.
    pub proration_date: Option<Seconds>,
    /// What happens when a payment that is due now fails.
    pub payment_behavior: Option<PaymentBehavior>,
    /// When periods begin from now on.
    pub billing_cycle_anchor: Option<AnchorChange>,
    /// Ends with its period; `false` takes that back.
    pub cancel_at_period_end: Option<bool>,
    /// Ends then; an empty text takes that back.
    pub cancel_at: Option<When>,
    /// When its trial ends.
    pub trial_end: Option<When>,
    /// Charged for it.
    pub default_payment_method: Option<String>,
    /// What becomes of its invoices while collection is paused; an empty map takes that back.
    pub pause_collection: Option<std::collections::BTreeMap<&'static str, String>>,
    /// Names and texts.
    pub metadata: Option<Metadata>,
    /// Why, when it is cancelled.
    pub cancellation_details: Option<CancellationDetails>,
}

/// A change of one item. Without its `id` it would be one more item.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ItemChange {
    /// Which; `None` adds one.
    pub id: Option<String>,
    /// Its price from now on.
    pub price: Option<String>,
    /// How many from now on.
    pub quantity: Option<u64>,
    /// Takes it away.
    pub deleted: Option<bool>,
    /// Names and texts.
    pub metadata: Option<Metadata>,
}

/// An instant, or a word in its place.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum When {
    /// Then.
    At(Seconds),
    /// `now`, `max_period_end`, `min_period_end`, or empty for never.
    Word(&'static str),
}

/// When periods begin after a change.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct AnchorChange {
    /// `now` or `unchanged`.
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// Why a subscription was cancelled.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CancellationDetails {
    /// In the customer's words.
    pub comment: Option<String>,
    /// One of Stripe's reasons, such as `too_expensive`.
    pub feedback: Option<String>,
}

/// How a subscription ends at once.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Cancellation {
    /// Bills usage and open prorations now; without it they are dropped.
    pub invoice_now: Option<bool>,
    /// Credits the rest of the period.
    pub prorate: Option<bool>,
    /// Why.
    pub cancellation_details: Option<CancellationDetails>,
}

/// How a paused subscription goes on.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Resumption {
    /// When periods begin from now on.
    pub billing_cycle_anchor: Option<AnchorChange>,
    /// How the rest of the period is billed.
    pub proration_behavior: Option<ProrationBehavior>,
}

/// Which subscriptions. Without a `status` those that ended are left out.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Subscriptions {
    /// Of one customer.
    pub customer: Option<String>,
    /// With an item of this price.
    pub price: Option<String>,
    /// In this state; [`SubscriptionStatus::Other`] with `all` is any.
    pub status: Option<SubscriptionStatus>,
    /// Created then.
    pub created: Option<Created>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageOf,
}

/// Creates a subscription. `POST /v1/subscriptions`
#[must_use]
pub fn create(subscription: &NewSubscription) -> Call<Subscription> {
    Call::post(&["v1", "subscriptions"], subscription).of(Some(&subscription.customer))
}

/// Reads a subscription. `GET /v1/subscriptions/{id}`
#[must_use]
pub fn retrieve(id: &str) -> Call<Subscription> {
    Call::get(&["v1", "subscriptions", id], &Nothing {})
}

/// Changes a subscription. `POST /v1/subscriptions/{id}`
#[must_use]
pub fn update(id: &str, change: &SubscriptionChange) -> Call<Subscription> {
    Call::post(&["v1", "subscriptions", id], change).of(Some(id))
}

/// Ends a subscription at once. `DELETE /v1/subscriptions/{id}`
#[must_use]
pub fn cancel(id: &str, how: &Cancellation) -> Call<Subscription> {
    Call::delete(&["v1", "subscriptions", id], how)
}

/// Pauses a subscription: nothing is billed until it is resumed. `POST /v1/subscriptions/{id}/pause`
///
/// Since 2026-09-30 (endive).
#[must_use]
pub fn pause(id: &str) -> Call<Subscription> {
    #[derive(Serialize)]
    struct Pause {
        r#type: &'static str,
    }
    Call::post(&["v1", "subscriptions", id, "pause"], &Pause { r#type: "subscription" }).of(Some(id))
}

/// Lets a paused subscription go on. `POST /v1/subscriptions/{id}/resume`
#[must_use]
pub fn resume(id: &str, how: &Resumption) -> Call<Subscription> {
    Call::post(&["v1", "subscriptions", id, "resume"], how).of(Some(id))
}

/// Lists subscriptions, newest first. `GET /v1/subscriptions`
#[must_use]
pub fn list(which: &Subscriptions) -> Call<List<Subscription>> {
    Call::get(&["v1", "subscriptions"], which)
}

/// Lists all items of a subscription, of which the subscription itself shows ten. `GET /v1/subscription_items`
#[must_use]
pub fn items(subscription: &str, page: &PageOf) -> Call<List<SubscriptionItem>> {
    #[derive(Serialize)]
    struct Which<'a> {
        subscription: &'a str,
        #[serde(flatten)]
        page: &'a PageOf,
    }
    Call::get(&["v1", "subscription_items"], &Which { subscription, page })
}

/// A change of one item by itself.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LoneItemChange {
    /// Its price from now on.
    pub price: Option<String>,
    /// How many from now on.
    pub quantity: Option<u64>,
    /// How the rest of the period is billed.
    pub proration_behavior: Option<ProrationBehavior>,
    /// As of when.
    pub proration_date: Option<Seconds>,
    /// Names and texts.
    pub metadata: Option<Metadata>,
}

/// Changes one item. `POST /v1/subscription_items/{id}`
#[must_use]
pub fn update_item(subscription: &str, id: &str, change: &LoneItemChange) -> Call<SubscriptionItem> {
    Call::post(&["v1", "subscription_items", id], change).of(Some(subscription))
}

/// Takes one item away. `DELETE /v1/subscription_items/{id}`
#[must_use]
pub fn delete_item(subscription: &str, id: &str, behavior: Option<ProrationBehavior>) -> Call<Deleted> {
    #[derive(Serialize)]
    struct How {
        proration_behavior: Option<ProrationBehavior>,
    }
    Call::delete(&["v1", "subscription_items", id], &How { proration_behavior: behavior }).of(Some(subscription))
}
