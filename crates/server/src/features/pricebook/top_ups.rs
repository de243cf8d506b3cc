//! What is done to credit packs. Each write locks the book first: two changes of it never overlap.

use super::{
    NewTopUp, Removed, TopUpChange, archived, bad_terms, exists, family_differs, prices,
    store::{
        self, Owner,
        top_ups::{self, TopUpFilter, TopUpPlan},
    },
    view::TopUpPlanView,
};
use crate::{
    features::{inbox, operators::audit},
    platform::{
        auth::Actor,
        db::{DbError, Tx},
        error::{Code, Error},
        ids::Random,
    },
};
use purser_rules::{
    ids::{Bucket, TopUpPlanId},
    pricebook::{Name, OneTimePrice, PACKS_GROUP, TopUpTerms},
};
use serde_json::Value as Json;

/// The pack of `id`, archived or not.
///
/// # Errors
/// `unknown_top_up_plan`; what the database says.
pub fn find(tx: &mut Tx<'_>, id: TopUpPlanId) -> Result<TopUpPlan, Error> {
    top_ups::by_id(tx, id)?.ok_or_else(|| unknown(id))
}

/// Up to `most` packs that pass `filter`, newest first, archived ones included.
///
/// # Errors
/// What the database says.
pub fn list(tx: &mut Tx<'_>, filter: &TopUpFilter, most: i64) -> Result<Vec<TopUpPlan>, DbError> {
    top_ups::page(tx, filter, most)
}

/// Makes a pack version. The same version asked for again with the same content is given back as it is.
///
/// # Errors
/// `invalid_field` for terms that cannot be promised; `plan_version_exists`, `plan_family_differs`,
/// `stripe_price_taken`; what the database says.
pub fn create(tx: &mut Tx<'_>, random: &Random, actor: &Actor, new: &NewTopUp) -> Result<TopUpPlan, Error> {
    store::lock(tx)?;
    let plan = to_be(tx, random, new)?;
    if let Some(there) = top_ups::by_version(tx, &plan.family, plan.version)? {
        let different = first_difference(&plan, &there);
        return different.map_or(Ok(there), |field| Err(exists(plan.family.as_str(), plan.version, field)));
    }
    check_free(tx, &plan, None)?;
    put_new(tx, random, actor, &plan)?;
    Ok(plan)
}

/// Changes a pack. Names and switches are changed in place, and everything of a pack that was never bought. Other
/// terms or another price for one that was bought make the next version, which is answered: the old one turns legacy,
/// its price at Stripe goes over to the new one.
///
/// # Errors
/// `unknown_top_up_plan`, `plan_archived`, and those of [`create`].
pub fn change(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    id: TopUpPlanId,
    change: &TopUpChange,
) -> Result<TopUpPlan, Error> {
    store::lock(tx)?;
    top_ups::lock(tx, id)?;
    let before = find(tx, id)?;
    if before.archived_at.is_some() {
        return Err(archived("The top-up plan").about("id"));
    }
    let after = changed(&before, change)?;
    if after == before {
        return Ok(before);
    }
    let promises_the_same = after.terms == before.terms && is_still(after.price.as_ref(), before.price.as_ref());
    if before.used_at.is_some() && !promises_the_same {
        return next_version(tx, random, actor, &before, after, change);
    }
    check_free(tx, &after, None)?;
    write(tx, random, actor, "top_up_plan.updated", (&before, &after))?;
    Ok(after)
}

/// Removes a pack: one that was bought is archived, which again answers the same; one that was not is deleted, and its
/// price at Stripe goes back to the newest version left of its family, if that asks the same and has none.
///
/// # Errors
/// `unknown_top_up_plan`; what the database says.
pub fn remove(tx: &mut Tx<'_>, random: &Random, actor: &Actor, id: TopUpPlanId) -> Result<Removed, Error> {
    store::lock(tx)?;
    top_ups::lock(tx, id)?;
    let before = find(tx, id)?;
    if before.archived_at.is_some() {
        return Ok(Removed::Archived);
    }
    if before.used_at.is_some() {
        let after = TopUpPlan { archived_at: Some(tx.now()), active: false, ..before.clone() };
        write(tx, random, actor, "top_up_plan.archived", (&before, &after))?;
        return Ok(Removed::Archived);
    }
    top_ups::delete(tx, id)?;
    audit(tx, random, actor, "top_up_plan.deleted", &id.to_string(), (Some(told(&before)?), None));
    store::bump(tx);
    let price = before.price.as_ref();
    let heir = top_ups::newest_but(tx, &before.family, before.version)?;
    if let Some(heir) = heir.filter(|heir| price != heir.price.as_ref() && is_still(price, heir.price.as_ref())) {
        let after = TopUpPlan { price: before.price, ..heir.clone() };
        write(tx, random, actor, "top_up_plan.updated", (&heir, &after))?;
    }
    Ok(Removed::Deleted)
}

/// The pack that `new` asks for, with what its family says where it does not.
fn to_be(tx: &mut Tx<'_>, random: &Random, new: &NewTopUp) -> Result<TopUpPlan, Error> {
    let terms = new.terms.clone().checked().map_err(bad_terms)?;
    let kin = top_ups::newest(tx, &new.family)?;
    let family = new.family.as_str();
    if let (Some(kin), Some(group)) = (&kin, &new.group)
        && kin.group != *group
    {
        return Err(family_differs(family, "group", kin.group.as_str()));
    }
    let group = new.group.clone().or_else(|| kin.map(|kin| kin.group));
    let packs = || Name::new(PACKS_GROUP).map_err(|_| DbError::Bug("the group of packs has no name".to_owned()));
    let now = tx.now();
    Ok(TopUpPlan {
        id: TopUpPlanId::new(now, random.number(), Bucket(0)),
        family: new.family.clone(),
        group: group.map_or_else(packs, Ok)?,
        version: new.version,
        internal_id: new.internal_id.clone().unwrap_or_else(|| new.family.clone()),
        public_name: new.public_name.clone().unwrap_or_else(|| family.to_owned()),
        terms,
        price: new.price.clone(),
        active: new.active,
        legacy: false,
        used_at: None,
        created_at: now,
        archived_at: None,
    })
}

/// The first field in which a pack that was asked for is not the one that is there.
fn first_difference(asked: &TopUpPlan, there: &TopUpPlan) -> Option<&'static str> {
    let same = [
        ("group", asked.group == there.group),
        ("internal_id", asked.internal_id == there.internal_id),
        ("public_name", asked.public_name == there.public_name),
        ("credits", asked.terms.credits == there.terms.credits),
        ("unit", asked.terms.unit == there.terms.unit),
        ("expires_in_days", asked.terms.expires_in_days == there.terms.expires_in_days),
        ("priority", asked.terms.priority == there.terms.priority),
        ("price", asked.price == there.price),
        ("active", asked.active == there.active),
    ];
    same.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
}

/// `before` with the change made; its terms can be promised.
fn changed(before: &TopUpPlan, change: &TopUpChange) -> Result<TopUpPlan, Error> {
    let old = &before.terms;
    let terms = TopUpTerms {
        credits: change.credits.unwrap_or(old.credits),
        unit: change.unit.clone().unwrap_or_else(|| old.unit.clone()),
        expires_in_days: change.expires_in_days.clone().over(old.expires_in_days),
        priority: change.priority.unwrap_or(old.priority),
    };
    Ok(TopUpPlan {
        internal_id: change.internal_id.clone().unwrap_or_else(|| before.internal_id.clone()),
        public_name: change.public_name.clone().unwrap_or_else(|| before.public_name.clone()),
        terms: terms.checked().map_err(bad_terms)?,
        price: change.price.clone().over(before.price.clone()),
        active: change.active.unwrap_or(before.active),
        legacy: change.legacy.unwrap_or(before.legacy),
        ..before.clone()
    })
}

/// Makes the version after the newest of its family out of `after`, and `before` legacy.
fn next_version(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    before: &TopUpPlan,
    after: TopUpPlan,
    change: &TopUpChange,
) -> Result<TopUpPlan, Error> {
    let newest = top_ups::newest(tx, &before.family)?.unwrap_or_else(|| before.clone());
    if newest.version > before.version && is_that(&newest, &after) {
        // The same change, sent again.
        return Ok(newest);
    }
    let now = tx.now();
    let next = TopUpPlan {
        id: TopUpPlanId::new(now, random.number(), Bucket(0)),
        version: newest.version.saturating_add(1),
        legacy: change.legacy.unwrap_or(false),
        used_at: None,
        created_at: now,
        ..after
    };
    check_free(tx, &next, Some(before.id))?;
    let mut old = TopUpPlan { legacy: true, ..before.clone() };
    if let (Some(stays), Some(goes)) = (&mut old.price, &next.price)
        && stays.stripe_price_id == goes.stripe_price_id
    {
        stays.stripe_price_id = None;
    }
    write(tx, random, actor, "top_up_plan.updated", (before, &old))?;
    put_new(tx, random, actor, &next)?;
    Ok(next)
}

/// Whether `newest` is what the change made of the version before it: but for the id at Stripe, which went over.
fn is_that(newest: &TopUpPlan, after: &TopUpPlan) -> bool {
    newest.terms == after.terms
        && newest.internal_id == after.internal_id
        && newest.public_name == after.public_name
        && is_still(newest.price.as_ref(), after.price.as_ref())
}

/// Whether `new` is `old`, or what becomes of it when it is bound to a price at Stripe.
fn is_still(new: Option<&OneTimePrice>, old: Option<&OneTimePrice>) -> bool {
    match (new, old) {
        (Some(new), Some(old)) => new.is_still(old),
        (None, None) => true,
        _ => false,
    }
}

/// Refuses a pack whose Stripe price is another's. What is `kin`'s may be taken over.
fn check_free(tx: &mut Tx<'_>, plan: &TopUpPlan, kin: Option<TopUpPlanId>) -> Result<(), Error> {
    let Some(id) = price_id(plan) else { return Ok(()) };
    match store::owner(tx, id)? {
        None => Ok(()),
        Some(Owner::TopUp(owner)) if owner == plan.id || Some(owner) == kin => Ok(()),
        Some(_) => Err(prices::price_taken(id).about("price.stripe_price_id")),
    }
}

/// Writes what changed and records it.
fn write(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    action: &str,
    (before, after): (&TopUpPlan, &TopUpPlan),
) -> Result<(), Error> {
    top_ups::update(tx, after)?;
    let both = (Some(told(before)?), Some(told(after)?));
    audit(tx, random, actor, action, &after.id.to_string(), both);
    store::bump(tx);
    if price_id(after) == price_id(before) { Ok(()) } else { mapped(tx, random, actor, after) }
}

/// Puts a new pack down and records it.
fn put_new(tx: &mut Tx<'_>, random: &Random, actor: &Actor, plan: &TopUpPlan) -> Result<(), Error> {
    top_ups::insert(tx, plan)?;
    audit(tx, random, actor, "top_up_plan.created", &plan.id.to_string(), (None, Some(told(plan)?)));
    store::bump(tx);
    mapped(tx, random, actor, plan)
}

/// Has what was paid by the price of a pack looked at again, if it was given up since nobody knew what the price sells.
fn mapped(tx: &mut Tx<'_>, random: &Random, actor: &Actor, plan: &TopUpPlan) -> Result<(), Error> {
    if let Some(price) = price_id(plan) {
        inbox::replay_wanting(tx, random, actor, Code::UnmappedPrice, price)?;
    }
    Ok(())
}

/// The id at Stripe of the price that sells a pack.
fn price_id(plan: &TopUpPlan) -> Option<&str> {
    plan.price.as_ref()?.stripe_price_id.as_deref()
}

/// A pack as the audit trail tells it.
fn told(plan: &TopUpPlan) -> Result<Json, DbError> {
    serde_json::to_value(TopUpPlanView::from(plan.clone())).map_err(|e| DbError::Bug(format!("an audit line: {e}")))
}

fn unknown(id: TopUpPlanId) -> Error {
    Error::new(Code::UnknownTopUpPlan, format!("There is no top-up plan {id}.")).about("id")
}
