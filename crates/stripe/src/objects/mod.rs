//! What Stripe answers, with the fields Purser reads.
//!
//! A field that the API promises and that is not there is an error with its name, also where it may be null: an object
//! of another version of the API is never taken for one that has nothing to say; the few exceptions stand in
//! `tests/it/promised.rs`, each with its reason. Fields that are not listed here are ignored, and words that are not
//! known are kept as they came.

mod catalog;
mod checkout;
mod customer;
mod entitlements;
mod events;
mod expandable;
mod invoice;
mod list;
mod meters;
mod payments;
mod portal;
mod schedule;
mod subscription;
mod words;

pub use catalog::{Interval, Price, PriceType, Product, Recurring, Tier, UsageType};
pub use checkout::{CheckoutSession, PaymentStatus, SessionItem, SessionMode, SessionStatus};
pub use customer::{CardDetails, Customer, CustomerInvoiceSettings, PaymentMethod};
pub use entitlements::{Entitlement, EntitlementSummary};
pub use events::WebhookEndpoint;
pub use expandable::{Deleted, Expandable, HasId, OrDeleted};
pub use invoice::{
    BillingReason, CollectionMethod, CreditedItems, Invoice, InvoiceItem, InvoiceItemParent, InvoiceLine,
    InvoiceParent, InvoicePayment, InvoiceStatus, LineParent, LinePricing, PaidBy, Period, PriceDetails,
    ProrationDetails, StatusTransitions, SubscriptionDetails, SubscriptionItemParent,
};
pub use list::{List, V2Page};
pub use meters::{Meter, MeterEvent, MeterEventAdjustment, MeterEventSummary};
pub use payments::{
    Charge, Dispute, DisputeStatus, LastPaymentError, Moved, PaymentIntent, PaymentIntentStatus, Refund, RefundStatus,
    SetupIntent,
};
pub use portal::{PortalConfiguration, PortalSession};
pub use schedule::{ScheduleItem, SchedulePhase, ScheduleStatus, SubscriptionSchedule};
pub use subscription::{
    BillingMode, BillingModeType, Discount, PauseCollection, PaymentBehavior, ProrationBehavior, Subscription,
    SubscriptionItem, SubscriptionStatus, TaxRate,
};

use serde::{Deserialize, Deserializer, de::Error};

/// Reads a field that may be null but must be there.
pub(crate) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

/// Reads a list that may be null; with `default` beside it also one that is not there. Either is an empty one.
pub(crate) fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// A field that must not be there, since it went away in 2025: who finds it holds an object of an older version.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gone;

impl<'de> Deserialize<'de> for Gone {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("it is none of this version: the object was written by one of before 2025-03-31 (basil)"))
    }
}
