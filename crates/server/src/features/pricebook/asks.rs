//! What plans and packs are made and changed with.

use crate::platform::http::Field;
use purser_rules::{
    Amount,
    ids::Unit,
    pricebook::{
        ChangeCredits, Credits, Name, OnDelete, OneTimePrice, PlanDraft, PlanKind, PlanTerms, Price, TopUpDraft,
        TopUpTerms,
    },
};

/// A plan version to make; what is `None` is that of its family, or the default.
#[derive(Clone, Debug)]
pub struct NewPlan {
    /// Which plan it is a version of.
    pub family: Name,
    /// The families of which a customer has one; `base` unless the family is elsewhere.
    pub group: Option<Name>,
    /// Which version: 1–1,000,000.
    pub version: u32,
    /// The app's own name for it; the family unless given.
    pub internal_id: Option<Name>,
    /// What customers read, 1–200 characters; the family unless given.
    pub public_name: Option<String>,
    /// What is up and what is down, 0–1,000,000; 0 unless given.
    pub rank: Option<u32>,
    /// Whether it is the customer's plan; so unless given.
    pub kind: Option<PlanKind>,
    /// What it promises.
    pub terms: PlanTerms,
    /// What it costs; at most 20 prices.
    pub prices: Vec<Price>,
    /// The product it is at Stripe.
    pub stripe_product_id: Option<String>,
    /// Whether it is in use.
    pub active: bool,
    /// Whether customers of its group without a plan have it.
    pub is_default: bool,
}

impl From<PlanDraft> for NewPlan {
    /// In use, and no default.
    fn from(draft: PlanDraft) -> Self {
        Self {
            family: draft.family,
            group: Some(draft.group),
            version: draft.version,
            internal_id: Some(draft.internal_id),
            public_name: Some(draft.public_name),
            rank: Some(draft.rank),
            kind: Some(draft.kind),
            terms: draft.terms,
            prices: draft.prices,
            stripe_product_id: None,
            active: true,
            is_default: false,
        }
    }
}

/// What a `PATCH` says: what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct PlanChange {
    /// The app's own name for it.
    pub internal_id: Option<Name>,
    /// What customers read: 1–200 characters.
    pub public_name: Option<String>,
    /// What is up and what is down: 0–1,000,000.
    pub rank: Option<u32>,
    /// The credits that come with it; none when cleared.
    pub credits: Field<Credits>,
    /// How long it may be tried, in days.
    pub trial_days: Option<u16>,
    /// What a trial gives.
    pub trial_credits: Option<Amount>,
    /// What an upgrade in the middle of a paid period gives.
    pub change_credits: Option<ChangeCredits>,
    /// What becomes of what is left.
    pub on_delete: Option<OnDelete>,
    /// All its prices; at most 20.
    pub prices: Option<Vec<Price>>,
    /// The product it is at Stripe.
    pub stripe_product_id: Field<String>,
    /// Whether it is in use.
    pub active: Option<bool>,
    /// Whether it is not sold any more.
    pub legacy: Option<bool>,
    /// Whether customers of its group without a plan have it.
    pub is_default: Option<bool>,
}

/// A top-up plan version to make; what is `None` is that of its family, or the default.
#[derive(Clone, Debug)]
pub struct NewTopUp {
    /// Which pack it is a version of.
    pub family: Name,
    /// The packs it is shown among; `packs` unless the family is elsewhere.
    pub group: Option<Name>,
    /// Which version: 1–1,000,000.
    pub version: u32,
    /// The app's own name for it; the family unless given.
    pub internal_id: Option<Name>,
    /// What customers read, 1–200 characters; the family unless given.
    pub public_name: Option<String>,
    /// What it promises.
    pub terms: TopUpTerms,
    /// What it costs, if it is sold for money.
    pub price: Option<OneTimePrice>,
    /// Whether it is in use.
    pub active: bool,
}

impl From<TopUpDraft> for NewTopUp {
    /// In use.
    fn from(draft: TopUpDraft) -> Self {
        Self {
            family: draft.family,
            group: Some(draft.group),
            version: draft.version,
            internal_id: Some(draft.internal_id),
            public_name: Some(draft.public_name),
            terms: draft.terms,
            price: draft.price,
            active: true,
        }
    }
}

/// What a `PATCH` of a pack says: what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct TopUpChange {
    /// The app's own name for it.
    pub internal_id: Option<Name>,
    /// What customers read: 1–200 characters.
    pub public_name: Option<String>,
    /// How many credits.
    pub credits: Option<Amount>,
    /// What they are counted in.
    pub unit: Option<Unit>,
    /// How long they live, in days; for ever when cleared.
    pub expires_in_days: Field<u16>,
    /// Their place in the spend order.
    pub priority: Option<u16>,
    /// What it costs; not sold for money when cleared.
    pub price: Field<OneTimePrice>,
    /// Whether it is in use.
    pub active: Option<bool>,
    /// Whether it is not sold any more.
    pub legacy: Option<bool>,
}
