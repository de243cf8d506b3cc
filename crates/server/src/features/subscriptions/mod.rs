//! Subscriptions and invoices as Stripe says they are: mirrored whole, and what a customer has by them now.
//!
//! The mirror converges: whatever the order in which events come, what stands in it was fetched after what it replaced.
//! No event's own words are acted on where Stripe can be asked.

pub mod api;
mod bind;
mod current;
mod entitlements;
mod fetch;
mod give;
mod had;
mod mirror;
mod money;
mod payers;
mod period;
mod plans;
mod react;
mod record;
mod recorded;
mod store;
mod tell;
mod unmapped;
mod view;

pub use bind::{Bound, bind_known};
pub use current::{Standing, billed_by, current, find};
pub use entitlements::changed as entitlements_changed;
pub use fetch::{
    Fetched, FetchedInvoice, invoice as fetch_invoice, invoice_and_money as fetch_invoice_and_money,
    invoice_that_gives as fetch_invoice_that_gives, listed, listed_invoice, revisions, seen_price,
    subscription as fetch,
};
pub(super) use fetch::{ask, invoice_of, money_of_invoice, money_of_payment};
pub use had::{Lives, had_family, lives};
pub use mirror::CUSTOMER_KEY;
pub(super) use money::Money;
pub use payers::{FetchedPayer, fetch_payer, has_default, payer_of_method, record_payer, tell_removed};
pub use period::{Checked, check_due, take_back};
pub use plans::announce;
pub(super) use react::{MOST_TRIES, overtaken, settled};
pub use react::{invoice_changed, invoice_upcoming, subscription_changed};
pub use record::{invoice as record_invoice, subscription as record};
pub use recorded::{Recorded, record_and_compare, record_invoice_and_compare, record_made};
pub use store::{
    Item, Subscription,
    invoices::{Invoice, billed_in},
};
pub use view::SubscriptionView;

use crate::platform::{db::DbError, error::Error};

/// Why something fetched was not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unrecorded {
    /// Somebody wrote it since it was looked at: fetch again.
    Stale,
    /// Anything else.
    Failed(Error),
}

impl From<DbError> for Unrecorded {
    fn from(error: DbError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Error> for Unrecorded {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
