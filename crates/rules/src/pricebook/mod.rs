//! The price book: what is sold, what a version of it promises, and how it is read from Stripe's metadata.

mod defaults;
mod metadata;
mod names;
mod price;
mod terms;
mod words;

pub use defaults::{Book, default_book};
pub use metadata::{BadMetadata, from_metadata};
pub use names::{Currency, Name};
pub use price::{OneTimePrice, Price};
pub use terms::{BadTerms, Credits, Expiry, PlanTerms, TopUpTerms};
pub use words::{AllowancePeriod, ChangeCredits, Interval, OnDelete, PlanKind, PriceKind};

use alloc::{string::String, vec::Vec};

/// The group a plan belongs to unless another is named.
pub const BASE_GROUP: &str = "base";
/// The group a top-up plan belongs to unless another is named.
pub const PACKS_GROUP: &str = "packs";
/// The most prices a plan version may have.
pub const MOST_PRICES: usize = 20;

/// A plan version to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanDraft {
    /// Which plan it is a version of.
    pub family: Name,
    /// The families of which a customer has one.
    pub group: Name,
    /// Which version: 1–1,000,000.
    pub version: u32,
    /// The app's own name for it.
    pub internal_id: Name,
    /// What customers read: 1–200 characters.
    pub public_name: String,
    /// What is up and what is down, higher is up: 0–1,000,000.
    pub rank: u32,
    /// Whether it is the customer's plan, or comes on top of one.
    pub kind: PlanKind,
    /// What it promises.
    pub terms: PlanTerms,
    /// What it costs; at most [`MOST_PRICES`].
    pub prices: Vec<Price>,
}

/// A top-up plan version to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUpDraft {
    /// Which pack it is a version of.
    pub family: Name,
    /// The packs it is shown among.
    pub group: Name,
    /// Which version: 1–1,000,000.
    pub version: u32,
    /// The app's own name for it.
    pub internal_id: Name,
    /// What customers read: 1–200 characters.
    pub public_name: String,
    /// What it promises.
    pub terms: TopUpTerms,
    /// What it costs, if it is sold for money.
    pub price: Option<OneTimePrice>,
}

/// What metadata on a Stripe price describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Draft {
    /// The price recurs: a plan.
    Plan(PlanDraft),
    /// It is paid once: a credit pack.
    TopUp(TopUpDraft),
}
