//! What a Stripe price sells: known ones, those of a known product, and those whose metadata says so (rules 2.4).

use super::{
    NewPlan, NewTopUp, PlanChange, TopUpChange,
    plans::{self, bind},
    store::{
        self, Owner,
        plans::{self as rows, Plan},
        top_ups::{self as pack_rows, TopUpPlan},
    },
    top_ups,
};
use crate::platform::{
    auth::Actor,
    db::{DbError, Tx},
    error::{Code, Error},
    ids::Random,
};
use purser_rules::{
    ids::{PlanId, TopUpPlanId},
    pricebook::{
        BadMetadata, Currency, Draft, Interval, Name, OneTimePrice, PlanDraft, Price, PriceKind, TopUpDraft,
        from_metadata,
    },
};
use std::collections::BTreeMap;

/// The plan that a recurring Stripe price sells to whoever buys it now: the one it is known to sell; for an unknown
/// price the one of its product. `None` when neither is known.
///
/// Prices go over to the next version when a plan is changed. So what a customer has is the plan that was recorded
/// when the customer bought it, not what this answers later.
///
/// # Errors
/// What the database says.
pub fn plan_of_price(tx: &mut Tx<'_>, price_id: &str, product_id: &str) -> Result<Option<Plan>, DbError> {
    match rows::by_price(tx, price_id)? {
        Some(plan) => Ok(Some(plan)),
        None if store::owner(tx, price_id)?.is_some() => Ok(None),
        None => rows::by_product(tx, product_id),
    }
}

/// The id of that plan, for who needs no more of it: of a price that is known it is one query.
///
/// # Errors
/// What the database says.
pub fn plan_id_of_price(tx: &mut Tx<'_>, price_id: &str, product_id: &str) -> Result<Option<PlanId>, DbError> {
    match store::owner(tx, price_id)? {
        Some(Owner::Plan(id)) => Ok(Some(id)),
        Some(Owner::TopUp(_)) => Ok(None),
        None => Ok(rows::by_product(tx, product_id)?.map(|plan| plan.id)),
    }
}

/// The pack that a Stripe price sells. The product says nothing of packs: those of one product differ in size.
///
/// # Errors
/// What the database says.
pub fn top_up_of_price(tx: &mut Tx<'_>, price_id: &str) -> Result<Option<TopUpPlan>, DbError> {
    pack_rows::by_price(tx, price_id)
}

/// The pack that is sold now under the app's own name for it (its `internal_id`) or that of its family.
///
/// # Errors
/// What the database says.
pub fn top_up_on_sale(tx: &mut Tx<'_>, name: &Name) -> Result<Option<TopUpPlan>, DbError> {
    pack_rows::on_sale(tx, name)
}

/// The plan that is sold now under the app's own name for it (its `internal_id`) or that of its family.
///
/// # Errors
/// What the database says.
pub fn plan_on_sale(tx: &mut Tx<'_>, name: &Name) -> Result<Option<Plan>, DbError> {
    rows::on_sale(tx, name)
}

/// Up to `most` base plans that are sold now, lowest first.
///
/// # Errors
/// What the database says.
pub fn bases_on_sale(tx: &mut Tx<'_>, most: i64) -> Result<Vec<Plan>, DbError> {
    rows::bases_on_sale(tx, most)
}

/// Up to `most` packs that are sold now, newest first.
///
/// # Errors
/// What the database says.
pub fn packs_on_sale(tx: &mut Tx<'_>, most: i64) -> Result<Vec<TopUpPlan>, DbError> {
    pack_rows::all_on_sale(tx, most)
}

/// The plan that customers of a group have while they have no other.
///
/// # Errors
/// What the database says.
pub fn default_plan(tx: &mut Tx<'_>, group: &Name) -> Result<Option<Plan>, DbError> {
    rows::default_of(tx, group)
}

/// Marks a plan version as used, from when on its terms stay, and answers it. Grant by what this answers, not by what
/// was read before: until it was used it could still be changed.
///
/// # Errors
/// `unknown_plan`; what the database says.
pub fn use_version(tx: &mut Tx<'_>, id: PlanId) -> Result<Plan, Error> {
    let now = tx.now();
    rows::mark_used(tx, id, now);
    plans::find(tx, id)
}

/// The same for a pack.
///
/// # Errors
/// `unknown_top_up_plan`; what the database says.
pub fn use_top_up(tx: &mut Tx<'_>, id: TopUpPlanId) -> Result<TopUpPlan, Error> {
    let now = tx.now();
    pack_rows::mark_used(tx, id, now)?;
    top_ups::find(tx, id)
}

/// A Stripe price as it was seen, with its product.
#[derive(Clone, Debug)]
pub struct SeenPrice {
    /// `price_…`
    pub stripe_price_id: String,
    /// `prod_…`
    pub stripe_product_id: String,
    /// Whether Stripe sells it still, with its product.
    pub active: bool,
    /// In which currency.
    pub currency: Currency,
    /// In minor units; `None` when it has decimals or tiers.
    pub unit_amount: Option<i64>,
    /// How it recurs; `None` is a price that is paid once.
    pub recurring: Option<Recurring>,
    /// The price's own metadata.
    pub metadata: BTreeMap<String, String>,
    /// Its product's.
    pub product_metadata: BTreeMap<String, String>,
}

/// How a Stripe price recurs.
#[derive(Clone, Copy, Debug)]
pub struct Recurring {
    /// How often it is paid.
    pub interval: Interval,
    /// How many of these lie between two payments.
    pub interval_count: u16,
    /// Whether a meter counts.
    pub metered: bool,
}

/// What a price was found to sell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// This plan.
    Plan(Plan),
    /// This pack.
    TopUp(TopUpPlan),
    /// Nothing that we know: there is no metadata for us, or metadata that cannot be used and why. An operator must map
    /// it; nobody's credits or access change until then.
    Unmapped(Option<BadMetadata>),
}

/// What an unknown price sells by its metadata, made if it is not there yet. Idempotent: callers that race, and later
/// ones, get the first answer. A second price that names a version which is there becomes another price of it.
///
/// What Stripe sells no more is made legacy: nobody is offered it, and who has it keeps it.
///
/// It locks the book: call it before a wallet is locked or a version is used.
///
/// # Errors
/// What the database says.
pub fn create_from_metadata(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    seen: &SeenPrice,
) -> Result<Mapped, Error> {
    if let Some(known) = known(tx, seen)? {
        return Ok(known);
    }
    let draft = match from_metadata(&seen.metadata, &seen.product_metadata, seen.recurring.is_some()) {
        None => return Ok(Mapped::Unmapped(None)),
        Some(Err(bad)) => return Ok(Mapped::Unmapped(Some(bad))),
        Some(Ok(draft)) => draft,
    };
    store::lock(tx)?;
    if let Some(known) = known(tx, seen)? {
        return Ok(known);
    }
    match (draft, seen.recurring) {
        (Draft::Plan(draft), Some(recurring)) => plan(tx, random, actor, draft, seen, recurring),
        (Draft::TopUp(draft), None) => top_up(tx, random, actor, draft, seen),
        (Draft::Plan(_), None) | (Draft::TopUp(_), Some(_)) => {
            Err(DbError::Bug("a price recurs and does not".to_owned()).into())
        }
    }
}

/// What the price sells, if that is known.
fn known(tx: &mut Tx<'_>, seen: &SeenPrice) -> Result<Option<Mapped>, DbError> {
    if seen.recurring.is_some() {
        let plan = plan_of_price(tx, &seen.stripe_price_id, &seen.stripe_product_id)?;
        return Ok(plan.map(Mapped::Plan));
    }
    Ok(top_up_of_price(tx, &seen.stripe_price_id)?.map(Mapped::TopUp))
}

/// The plan of a draft: the version that is there, with this price added, or a new one.
fn plan(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    draft: PlanDraft,
    seen: &SeenPrice,
    recurring: Recurring,
) -> Result<Mapped, Error> {
    let price = Price {
        stripe_price_id: Some(seen.stripe_price_id.clone()),
        currency: seen.currency.clone(),
        unit_amount: seen.unit_amount,
        interval: recurring.interval,
        interval_count: recurring.interval_count,
        kind: if recurring.metered { PriceKind::Metered } else { PriceKind::Fixed },
    };
    if let Some(there) = rows::by_version(tx, &draft.family, draft.version)? {
        let credits = |plan: &Plan| plan.terms.credits.as_ref().map(|credits| credits.amount);
        if credits(&there) != draft.terms.credits.as_ref().map(|credits| credits.amount) {
            return Ok(Mapped::Unmapped(Some(other_content(draft.version))));
        }
        let bound = bind(tx, random, actor, &there, (&price, seen.stripe_product_id.as_str()));
        let bound = bound.and_then(|bound| if seen.active { sold_again(tx, random, actor, bound) } else { Ok(bound) });
        return mapped(bound.map(Mapped::Plan), draft.version);
    }
    let kin = rows::newest(tx, &draft.family)?;
    let new = NewPlan {
        // A later version is what its family is, wherever a person has put it.
        group: kin.is_none().then(|| draft.group.clone()),
        kind: kin.is_none().then_some(draft.kind),
        rank: kin.is_none().then_some(draft.rank),
        prices: vec![price],
        stripe_product_id: Some(seen.stripe_product_id.clone()),
        ..draft.clone().into()
    };
    let made = plans::create(tx, random, actor, &new).and_then(|made| {
        let legacy = PlanChange { legacy: Some(true), ..PlanChange::default() };
        if seen.active { Ok(made) } else { plans::change(tx, random, actor, made.id, &legacy) }
    });
    mapped(made.map(Mapped::Plan), draft.version)
}

/// A plan that got a price which is sold: it is on sale with it, if it was not for want of one alone. One that was had
/// once, or that a later version took the place of, stays as it is: that was somebody's will.
fn sold_again(tx: &mut Tx<'_>, random: &Random, actor: &Actor, plan: Plan) -> Result<Plan, Error> {
    let newest = rows::newest(tx, &plan.family)?.is_some_and(|newest| newest.id == plan.id);
    if !plan.legacy || !newest || plan.used_at.is_some() {
        return Ok(plan);
    }
    plans::change(tx, random, actor, plan.id, &PlanChange { legacy: Some(false), ..PlanChange::default() })
}

/// The pack of a draft. A version of a pack has one price, so a second one needs a version of its own.
fn top_up(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    draft: TopUpDraft,
    seen: &SeenPrice,
) -> Result<Mapped, Error> {
    let kin = pack_rows::newest(tx, &draft.family)?;
    let price = OneTimePrice {
        stripe_price_id: Some(seen.stripe_price_id.clone()),
        currency: seen.currency.clone(),
        unit_amount: seen.unit_amount,
    };
    let version = draft.version;
    let group = kin.is_none().then(|| draft.group.clone());
    let new = NewTopUp { group, price: Some(price), ..draft.into() };
    let made = top_ups::create(tx, random, actor, &new).and_then(|made| {
        let legacy = TopUpChange { legacy: Some(true), ..TopUpChange::default() };
        if seen.active { Ok(made) } else { top_ups::change(tx, random, actor, made.id, &legacy) }
    });
    mapped(made.map(Mapped::TopUp), version)
}

/// A refusal of the book is a price that an operator must map.
fn mapped(made: Result<Mapped, Error>, version: u32) -> Result<Mapped, Error> {
    match made {
        Err(error) if is_refusal(error.code) => Ok(Mapped::Unmapped(Some(other_content(version)))),
        made => made,
    }
}

/// Whether the book, not the database, said no.
fn is_refusal(code: Code) -> bool {
    use Code::{InvalidField, PlanFamilyDiffers, PlanVersionExists, StripePriceTaken, StripeProductTaken};
    matches!(code, InvalidField | PlanFamilyDiffers | PlanVersionExists | StripePriceTaken | StripeProductTaken)
}

/// What is said when the version that the metadata names is another one.
fn other_content(version: u32) -> BadMetadata {
    BadMetadata::Wrong {
        key: "version",
        value: version.to_string(),
        rule: "The price book says otherwise of this version or price. Name a new version, or map the price by hand.",
    }
}
