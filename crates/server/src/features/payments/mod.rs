//! Payments: checkout at Stripe, purchases of credit packs, and what refunds and disputes take back.
//!
//! One verb, `fulfil`, makes what a session paid for, whoever calls first: the return page, a webhook, or a refund.

mod answers;
pub mod api;
mod auto_top_up;
pub mod changes;
mod checkout;
mod claims;
mod fulfil;
mod invoiced;
mod last_invoices;
mod look;
mod methods;
mod mirrored;
mod notices;
mod operations;
mod payers;
mod portal;
mod purchases;
mod react;
mod reversals;
mod sessions;
mod sold;
mod subscribing;
mod told;
mod verify;

pub use auto_top_up::{payment_changed, start as start_auto_top_up, work_off as work_off_auto_top_up};
pub use checkout::{CheckoutRequest, OpenSession, PackName, Wanted, open as open_checkout};
pub use fulfil::{Fulfilled, Standing};
pub use last_invoices::{Collected, collect as collect_last_invoices};
pub use methods::payer_changed;
pub use portal::open as open_portal;
pub use purchases::{Purchase, State, list as list_purchases};
pub use react::{money_moved, session_changed};
pub use told::announce;
pub use verify::{Verified, verify};

// Under what our customer's id stands in the metadata of what we make at Stripe: where the mirror looks for it.
use crate::features::subscriptions::CUSTOMER_KEY as CUSTOMER;
use crate::platform::{
    App,
    db::Value,
    error::{Code, Error},
    stripe::{Stripe, instant, seconds},
};
use purser_rules::ids::CustomerId;
use purser_stripe::Client;

/// Under what the id of our checkout stands there.
const CHECKOUT: &str = "purser_checkout";
/// Under what the id of our attempt of auto top-up stands there.
const ATTEMPT: &str = "purser_auto_top_up";
/// Under what stands how many credits a session was made for, and in which unit.
const CREDITS: &str = "credits";
const UNIT: &str = "unit";

/// The client of Stripe.
///
/// # Errors
/// `stripe_not_configured`.
fn stripe(app: &App) -> Result<&Client, Error> {
    app.part::<Stripe>().client().ok_or_else(|| {
        Error::new(Code::StripeNotConfigured, "There is no key of Stripe's. Set STRIPE_SECRET_KEY, and start again.")
    })
}

/// What is said of a session that is another customer's, or not there at all: the same.
fn not_yours() -> Error {
    Error::new(Code::CheckoutNotYours, "This customer has no such checkout session.").about("session_id")
}

/// `value` as a parameter.
fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// A text that may be missing, as a parameter.
fn opt_text(value: Option<&str>) -> Value {
    value.map_or(Value::Null, text)
}

/// The bucket of `customer`, as a parameter.
fn bucket(customer: &CustomerId) -> Value {
    Value::I64(customer.bucket().0.into())
}
