//! What is done to plans. Each write locks the book first: two changes of it never overlap.

use super::{
    NewPlan, PlanChange, Removed, archived, bad_terms, exists, family_differs, prices,
    store::{
        self,
        plans::{self, Plan, PlanFilter},
    },
    view::PlanView,
};
use crate::{
    features::operators::audit,
    platform::{
        auth::Actor,
        db::{DbError, Tx},
        error::{Code, Error},
        ids::Random,
    },
};
use purser_rules::{
    ids::{Bucket, PlanId},
    pricebook::{BASE_GROUP, MOST_PRICES, Name, PlanKind, PlanTerms, Price},
};
use serde_json::Value as Json;

/// The plan of `id`, archived or not.
///
/// # Errors
/// `unknown_plan`; what the database says.
pub fn find(tx: &mut Tx<'_>, id: PlanId) -> Result<Plan, Error> {
    plans::by_id(tx, id)?.ok_or_else(|| unknown(id))
}

/// Up to `most` plans that pass `filter`, newest first, archived ones included.
///
/// # Errors
/// What the database says.
pub fn list(tx: &mut Tx<'_>, filter: &PlanFilter, most: i64) -> Result<Vec<Plan>, DbError> {
    plans::page(tx, filter, most)
}

/// Makes a plan version. The same version asked for again with the same content is given back as it is.
///
/// # Errors
/// `invalid_field` for terms that cannot be promised; `plan_version_exists`, `plan_family_differs`,
/// `stripe_price_taken`, `stripe_product_taken`; what the database says.
pub fn create(tx: &mut Tx<'_>, random: &Random, actor: &Actor, new: &NewPlan) -> Result<Plan, Error> {
    store::lock(tx)?;
    let plan = to_be(tx, random, new)?;
    if let Some(there) = plans::by_version(tx, &plan.family, plan.version)? {
        let different = first_difference(&plan, &there);
        return different.map_or(Ok(there), |field| Err(exists(plan.family.as_str(), plan.version, field)));
    }
    prices::check_free(tx, &plan, None)?;
    put_new(tx, random, actor, &plan)?;
    Ok(plan)
}

/// Changes a plan. Names, rank, switches and further prices are changed in place, and everything of a plan that was
/// never used. Other terms or prices for one that was used make the next version, which is answered: the old one
/// turns legacy, its prices go over to the new one, and whoever has it keeps it.
///
/// # Errors
/// `unknown_plan`, `plan_archived`, and those of [`create`].
pub fn change(tx: &mut Tx<'_>, random: &Random, actor: &Actor, id: PlanId, change: &PlanChange) -> Result<Plan, Error> {
    store::lock(tx)?;
    plans::lock(tx, id)?;
    let before = find(tx, id)?;
    if before.archived_at.is_some() {
        return Err(archived("The plan").about("id"));
    }
    let after = changed(tx, &before, change, random)?;
    if after == before {
        return Ok(before);
    }
    let promises_the_same = after.terms == before.terms && prices::only_grew(&before.prices, &after.prices);
    if before.used_at.is_some() && !promises_the_same {
        return next_version(tx, random, actor, &before, after, change);
    }
    prices::check_free(tx, &after, None)?;
    write(tx, random, actor, "plan.updated", (&before, &after))?;
    Ok(after)
}

/// Removes a plan: one that was used is archived, which again answers the same; one that was not is deleted, and what
/// Stripe knows of its prices goes to the newest version left of its family.
///
/// # Errors
/// `unknown_plan`, `plan_is_default`; what the database says.
pub fn remove(tx: &mut Tx<'_>, random: &Random, actor: &Actor, id: PlanId) -> Result<Removed, Error> {
    store::lock(tx)?;
    plans::lock(tx, id)?;
    let before = find(tx, id)?;
    if before.archived_at.is_some() {
        return Ok(Removed::Archived);
    }
    if before.is_default {
        let message = "This is the default plan of its group. Make another one the default first.";
        return Err(Error::new(Code::PlanIsDefault, message).about("id"));
    }
    if before.used_at.is_some() {
        let after = Plan { archived_at: Some(tx.now()), active: false, ..before.clone() };
        write(tx, random, actor, "plan.archived", (&before, &after))?;
        return Ok(Removed::Archived);
    }
    plans::delete(tx, id)?;
    audit(tx, random, actor, "plan.deleted", &id.to_string(), (Some(told(&before)?), None));
    store::bump(tx);
    inherit(tx, random, actor, before)?;
    Ok(Removed::Deleted)
}

/// Adds a price, and the product if it is free, to a plan that is there.
pub(super) fn bind(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    before: &Plan,
    (price, product): (&Price, &str),
) -> Result<Plan, Error> {
    let wanted: Vec<Price> = before.prices.iter().map(|there| there.price.clone()).chain([price.clone()]).collect();
    let prices = prices::named(&wanted, &before.prices, random, tx.now());
    let product = before.stripe_product_id.clone().or_else(|| Some(product.to_owned()));
    let after = Plan { prices, stripe_product_id: product, ..before.clone() };
    if after.prices.len() > MOST_PRICES {
        return Err(Error::new(Code::InvalidField, "A plan has at most 20 prices.").about("prices"));
    }
    prices::check_free(tx, &after, None)?;
    write(tx, random, actor, "plan.updated", (before, &after))?;
    Ok(after)
}

/// The plan that `new` asks for, with what its family says where it does not.
fn to_be(tx: &mut Tx<'_>, random: &Random, new: &NewPlan) -> Result<Plan, Error> {
    let terms = new.terms.clone().checked().map_err(bad_terms)?;
    let kin = plans::newest(tx, &new.family)?;
    let family = new.family.as_str();
    if let Some(kin) = &kin {
        if new.group.as_ref().is_some_and(|group| *group != kin.group) {
            return Err(family_differs(family, "group", kin.group.as_str()));
        }
        if new.kind.is_some_and(|kind| kind != kin.kind) {
            return Err(family_differs(family, "kind", kin.kind.as_str()));
        }
    }
    let kin = kin.as_ref();
    let group = new.group.clone().or_else(|| kin.map(|kin| kin.group.clone()));
    let kind = new.kind.or_else(|| kin.map(|kin| kin.kind)).unwrap_or(PlanKind::Base);
    may_be_default(kind, new.is_default)?;
    let base = || Name::new(BASE_GROUP).map_err(|_| DbError::Bug("the base group has no name".to_owned()));
    let now = tx.now();
    Ok(Plan {
        id: PlanId::new(now, random.number(), Bucket(0)),
        family: new.family.clone(),
        group: group.map_or_else(base, Ok)?,
        version: new.version,
        internal_id: new.internal_id.clone().unwrap_or_else(|| new.family.clone()),
        public_name: new.public_name.clone().unwrap_or_else(|| family.to_owned()),
        rank: new.rank.or_else(|| kin.map(|kin| kin.rank)).unwrap_or(0),
        kind,
        terms,
        prices: prices::named(&new.prices, &[], random, now),
        stripe_product_id: new.stripe_product_id.clone(),
        active: new.active,
        legacy: false,
        is_default: new.is_default,
        used_at: None,
        created_at: now,
        archived_at: None,
    })
}

/// An add-on is not the default of its group: it comes on top of a plan, so nobody would have it for want of one, and
/// those who have the default plan would lose it.
fn may_be_default(kind: PlanKind, wanted: bool) -> Result<(), Error> {
    if wanted && kind == PlanKind::AddOn {
        let message = "An add-on cannot be the default plan. Make a base plan of the group the default.";
        return Err(Error::new(Code::InvalidField, message).about("is_default"));
    }
    Ok(())
}

/// The first field in which a plan that was asked for is not the one that is there.
fn first_difference(asked: &Plan, there: &Plan) -> Option<&'static str> {
    let prices = |plan: &Plan| plan.prices.iter().map(|price| price.price.clone()).collect::<Vec<_>>();
    let same = [
        ("group", asked.group == there.group),
        ("kind", asked.kind == there.kind),
        ("internal_id", asked.internal_id == there.internal_id),
        ("public_name", asked.public_name == there.public_name),
        ("rank", asked.rank == there.rank),
        ("credits", asked.terms.credits == there.terms.credits),
        ("trial_days", asked.terms.trial_days == there.terms.trial_days),
        ("trial_credits", asked.terms.trial_credits == there.terms.trial_credits),
        ("change_credits", asked.terms.change_credits == there.terms.change_credits),
        ("on_delete", asked.terms.on_delete == there.terms.on_delete),
        ("prices", prices(asked) == prices(there)),
        ("stripe_product_id", asked.stripe_product_id == there.stripe_product_id),
        ("active", asked.active == there.active),
        ("is_default", asked.is_default == there.is_default),
    ];
    same.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
}

/// `before` with the change made; its terms can be promised.
fn changed(tx: &Tx<'_>, before: &Plan, change: &PlanChange, random: &Random) -> Result<Plan, Error> {
    may_be_default(before.kind, change.is_default.unwrap_or(false))?;
    let old = &before.terms;
    let terms = PlanTerms {
        credits: change.credits.clone().over(old.credits.clone()),
        trial_days: change.trial_days.unwrap_or(old.trial_days),
        trial_credits: change.trial_credits.unwrap_or(old.trial_credits),
        change_credits: change.change_credits.unwrap_or(old.change_credits),
        on_delete: change.on_delete.unwrap_or(old.on_delete),
    };
    let prices = match &change.prices {
        Some(wanted) => prices::named(wanted, &before.prices, random, tx.now()),
        None => before.prices.clone(),
    };
    Ok(Plan {
        internal_id: change.internal_id.clone().unwrap_or_else(|| before.internal_id.clone()),
        public_name: change.public_name.clone().unwrap_or_else(|| before.public_name.clone()),
        rank: change.rank.unwrap_or(before.rank),
        terms: terms.checked().map_err(bad_terms)?,
        prices,
        stripe_product_id: change.stripe_product_id.clone().over(before.stripe_product_id.clone()),
        active: change.active.unwrap_or(before.active),
        legacy: change.legacy.unwrap_or(before.legacy),
        is_default: change.is_default.unwrap_or(before.is_default),
        ..before.clone()
    })
}

/// Makes the version after the newest of its family out of `after`, and `before` legacy.
fn next_version(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    before: &Plan,
    after: Plan,
    change: &PlanChange,
) -> Result<Plan, Error> {
    let newest = plans::newest(tx, &before.family)?.unwrap_or_else(|| before.clone());
    if newest.version > before.version && is_that(&newest, &after, change) {
        // The same change, sent again.
        return Ok(newest);
    }
    let now = tx.now();
    let next = Plan {
        id: PlanId::new(now, random.number(), Bucket(0)),
        version: newest.version.saturating_add(1),
        legacy: change.legacy.unwrap_or(false),
        used_at: None,
        created_at: now,
        ..after
    };
    prices::check_free(tx, &next, Some(before.id))?;
    let prices = prices::left_behind(&before.prices, &next.prices);
    let old = Plan { prices, legacy: true, is_default: false, ..before.clone() };
    write(tx, random, actor, "plan.updated", (before, &old))?;
    put_new(tx, random, actor, &next)?;
    Ok(next)
}

/// Whether `newest` is what the change made, or would make, of the version before it.
fn is_that(newest: &Plan, after: &Plan, change: &PlanChange) -> bool {
    let prices = change.prices.as_ref().is_none_or(|wanted| newest.prices.iter().map(|it| &it.price).eq(wanted));
    prices
        && newest.terms == after.terms
        && newest.internal_id == after.internal_id
        && newest.public_name == after.public_name
        && newest.rank == after.rank
        && newest.stripe_product_id == after.stripe_product_id
}

/// Gives the bound prices of a plan that is gone to the newest version left of its family, if one is.
fn inherit(tx: &mut Tx<'_>, random: &Random, actor: &Actor, gone: Plan) -> Result<(), Error> {
    let bound = gone.prices.into_iter().filter(|price| price.price.stripe_price_id.is_some());
    let Some(heir) = plans::newest_but(tx, &gone.family, gone.version)? else { return Ok(()) };
    let prices = heir.prices.iter().cloned().chain(bound).take(MOST_PRICES).collect();
    let after = Plan { prices, ..heir.clone() };
    if after == heir { Ok(()) } else { write(tx, random, actor, "plan.updated", (&heir, &after)) }
}

/// Writes what changed and records it.
fn write(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    action: &str,
    (before, after): (&Plan, &Plan),
) -> Result<(), Error> {
    if after.is_default && !before.is_default {
        no_other_default(tx, random, actor, after)?;
    }
    plans::update(tx, after)?;
    let both = (Some(told(before)?), Some(told(after)?));
    audit(tx, random, actor, action, &after.id.to_string(), both);
    store::bump(tx);
    Ok(())
}

/// Puts a new plan down and records it.
fn put_new(tx: &mut Tx<'_>, random: &Random, actor: &Actor, plan: &Plan) -> Result<(), Error> {
    if plan.is_default {
        no_other_default(tx, random, actor, plan)?;
    }
    plans::insert(tx, plan)?;
    audit(tx, random, actor, "plan.created", &plan.id.to_string(), (None, Some(told(plan)?)));
    store::bump(tx);
    Ok(())
}

/// A group has one default plan: the one there was is none any more.
fn no_other_default(tx: &mut Tx<'_>, random: &Random, actor: &Actor, plan: &Plan) -> Result<(), Error> {
    match plans::default_of(tx, &plan.group)?.filter(|other| other.id != plan.id) {
        Some(other) => {
            let after = Plan { is_default: false, ..other.clone() };
            write(tx, random, actor, "plan.updated", (&other, &after))
        }
        None => Ok(()),
    }
}

/// A plan as the audit trail tells it.
fn told(plan: &Plan) -> Result<Json, DbError> {
    serde_json::to_value(PlanView::from(plan.clone())).map_err(|e| DbError::Bug(format!("an audit line: {e}")))
}

fn unknown(id: PlanId) -> Error {
    Error::new(Code::UnknownPlan, format!("There is no subscription plan {id}.")).about("id")
}
