//! Auto top-up: a pack is bought with the saved payment method when a spend leaves too little (rules 1.13).
//!
//! A spend puts down that a pack is wanted (`credits::low`). A worker decides with the wallet locked, puts the attempt
//! down with the exact request, and only then asks Stripe. What became of the payment is put down by one verb,
//! `settle`, whoever knows first: the answer, the webhook, or a later look. While that is not known nothing more is
//! bought; after a failure nothing is until a person acts.

mod attempts;
mod consider;
mod look;
mod optin;
mod react;
mod settle;
mod verbs;
mod work;

pub(super) use attempts::Attempt;
pub(super) use react::paid_and_taken_back;
pub use react::payment_changed;
pub(super) use verbs::{Shown, State, Wish, find, put, remove, resume};
pub(super) use work::announce;
pub use work::{start, work_off};

use crate::platform::auth::Actor;

/// Who buys when nobody asks.
fn worker() -> Actor {
    Actor::job("auto-top-up")
}
