//! Subscriptions and their items.

use super::{
    Customer, Expandable, Invoice, List, PaymentMethod, Price, SubscriptionSchedule,
    expandable::{OrDeleted, has_id},
    nullable, or_empty,
    words::words,
};
use crate::{Seconds, calls::Metadata};
use serde::Deserialize;

/// Something bought again and again.
///
/// Periods stand on its items, which may differ; since 2025-03-31 (basil) there is none on the whole.
#[derive(Clone, Debug, Deserialize)]
pub struct Subscription {
    /// `sub_…`
    pub id: String,
    /// When it was created.
    pub created: Seconds,
    /// When it began; earlier than created if it was backdated.
    pub start_date: Seconds,
    /// Whose.
    pub customer: Expandable<OrDeleted<Customer>>,
    /// Where it stands.
    pub status: SubscriptionStatus,
    /// The first ten of its items; the rest is read at the list's address.
    pub items: List<SubscriptionItem>,
    /// How changes are billed.
    pub billing_mode: BillingMode,
    /// The instant its periods are counted from.
    pub billing_cycle_anchor: Seconds,
    /// The currency, as three small letters.
    pub currency: String,
    /// When it is going to end. The portal sets this and leaves `cancel_at_period_end` false.
    #[serde(deserialize_with = "nullable")]
    pub cancel_at: Option<Seconds>,
    /// Whether it ends with its period.
    pub cancel_at_period_end: bool,
    /// When its end was asked for.
    #[serde(deserialize_with = "nullable")]
    pub canceled_at: Option<Seconds>,
    /// When it ended.
    #[serde(deserialize_with = "nullable")]
    pub ended_at: Option<Seconds>,
    /// When its trial began.
    #[serde(deserialize_with = "nullable")]
    pub trial_start: Option<Seconds>,
    /// When its trial ends or ended.
    #[serde(deserialize_with = "nullable")]
    pub trial_end: Option<Seconds>,
    /// Its newest invoice.
    #[serde(deserialize_with = "nullable")]
    pub latest_invoice: Option<Expandable<Invoice>>,
    /// Charged for it; `None` is the customer's default.
    #[serde(deserialize_with = "nullable")]
    pub default_payment_method: Option<Expandable<PaymentMethod>>,
    /// What becomes of its invoices while collection is paused.
    #[serde(deserialize_with = "nullable")]
    pub pause_collection: Option<PauseCollection>,
    /// What is taken off its invoices; its items may have some of their own. Empty too when it is not said.
    #[serde(default, deserialize_with = "or_empty")]
    pub discounts: Vec<Expandable<Discount>>,
    /// Taxes of its invoices, where they are set by hand. Empty too when it is not said.
    #[serde(default, deserialize_with = "or_empty")]
    pub default_tax_rates: Vec<Expandable<TaxRate>>,
    /// The schedule it is under.
    #[serde(deserialize_with = "nullable")]
    pub schedule: Option<Expandable<SubscriptionSchedule>>,
    /// Names and texts.
    pub metadata: Metadata,
    /// Whether it is of live mode.
    pub livemode: bool,
}

impl Subscription {
    /// Whether its end is agreed on, in either of the two ways Stripe says so.
    #[must_use]
    pub const fn is_ending(&self) -> bool {
        self.cancel_at_period_end || self.cancel_at.is_some()
    }
}

/// Something that is subscribed to.
#[derive(Clone, Debug, Deserialize)]
pub struct SubscriptionItem {
    /// `si_…`
    pub id: String,
    /// When it was added.
    pub created: Seconds,
    /// Of which subscription.
    pub subscription: String,
    /// What it costs.
    pub price: Price,
    /// How many; `None` when usage is metered.
    pub quantity: Option<u64>,
    /// When its period began.
    pub current_period_start: Seconds,
    /// When its period ends.
    pub current_period_end: Seconds,
    /// What is taken off this item alone. Empty too when it is not said.
    #[serde(default, deserialize_with = "or_empty")]
    pub discounts: Vec<Expandable<Discount>>,
    /// Taxes of this item, in place of those of the whole. Empty too when it is not said.
    #[serde(default, deserialize_with = "or_empty")]
    pub tax_rates: Vec<Expandable<TaxRate>>,
    /// Names and texts.
    pub metadata: Metadata,
}

/// A coupon that was applied: from then on, for as long as it lasts.
#[derive(Clone, Debug, Deserialize)]
pub struct Discount {
    /// `di_…`
    pub id: String,
}

/// A tax that is set by hand.
#[derive(Clone, Debug, Deserialize)]
pub struct TaxRate {
    /// `txr_…`
    pub id: String,
}

/// How changes of a subscription are billed.
#[derive(Clone, Debug, Deserialize)]
pub struct BillingMode {
    /// Which way.
    #[serde(rename = "type")]
    pub kind: BillingModeType,
}

/// What becomes of invoices while collection is paused.
#[derive(Clone, Debug, Deserialize)]
pub struct PauseCollection {
    /// `keep_as_draft`, `mark_uncollectible` or `void`.
    pub behavior: String,
    /// When collection goes on.
    #[serde(deserialize_with = "nullable")]
    pub resumes_at: Option<Seconds>,
}

words! {
    /// Where a subscription stands.
    SubscriptionStatus {
        /// Paid for, or not yet due.
        Active = "active",
        /// Ended; it stays so.
        Canceled = "canceled",
        /// Its first invoice is not paid; for 23 hours.
        Incomplete = "incomplete",
        /// Its first invoice was never paid; it stays so.
        IncompleteExpired = "incomplete_expired",
        /// The newest invoice is not paid.
        PastDue = "past_due",
        /// It was paused, or its trial ended without a payment method.
        Paused = "paused",
        /// In its trial.
        Trialing = "trialing",
        /// Not paid, and tried no more; invoices go on being drafted.
        Unpaid = "unpaid",
    }
}

words! {
    /// Which way changes are billed.
    BillingModeType {
        /// As before 2025.
        Classic = "classic",
        /// Credits are what was charged; items may have intervals of their own.
        Flexible = "flexible",
    }
}

words! {
    /// How the rest of a period is billed after a change.
    ProrationBehavior {
        /// On an invoice at once.
        AlwaysInvoice = "always_invoice",
        /// On the next invoice.
        CreateProrations = "create_prorations",
        /// Not at all.
        None = "none",
    }
}

words! {
    /// What happens when a payment that is due now fails.
    PaymentBehavior {
        /// The subscription is made or changed all the same.
        AllowIncomplete = "allow_incomplete",
        /// The first payment waits for the payer.
        DefaultIncomplete = "default_incomplete",
        /// Nothing is made or changed.
        ErrorIfIncomplete = "error_if_incomplete",
        /// The change waits for its payment.
        PendingIfIncomplete = "pending_if_incomplete",
    }
}

has_id!(Discount, Subscription, SubscriptionItem, TaxRate);
