//! Which plans the items of subscriptions give: recorded when an item is first seen with its price, and kept.

use super::store::{Item, Subscription};
use crate::{
    features::{
        customers,
        pricebook::{self, Mapped as Sold, Plan, SeenPrice},
    },
    platform::{auth::Actor, db::Tx, error::Error, ids::Random},
};
use metrics::counter;
use purser_rules::{
    ids::{CustomerId, PlanId},
    pricebook::{BASE_GROUP, PlanKind},
    subscription::{Alarm, Base, Current, Item as Ruled, Live, Mapped, Role, Status, current},
};
use std::collections::{BTreeMap, btree_map::Entry};

/// The most subscriptions of a customer that are looked at together; those that have not ended come first.
pub(super) const MOST_TOGETHER: i64 = 100;

/// Puts the metrics of this feature there before their first event.
pub fn announce() {
    for alarm in ["unknown_price", "two_bases", "archived"] {
        drop(counter!("purser_subscription_alarms_total", "alarm" => alarm));
    }
}

/// Plans that were read, each once in a transaction. Of one that was used the terms stay.
#[derive(Debug, Default)]
pub(super) struct Plans(BTreeMap<PlanId, Plan>);

impl Plans {
    /// The plan `id`.
    pub fn get(&mut self, tx: &mut Tx<'_>, id: PlanId) -> Result<&Plan, Error> {
        match self.0.entry(id) {
            Entry::Occupied(there) => Ok(&*there.into_mut()),
            Entry::Vacant(place) => Ok(&*place.insert(pricebook::find_plan(tx, id)?)),
        }
    }

    /// The plan that a price sells now, used from now on. It is read after that: until then it could still be changed.
    pub fn sold_by(&mut self, tx: &mut Tx<'_>, price: &str, product: &str) -> Result<Option<PlanId>, Error> {
        let Some(id) = pricebook::plan_id_of_price(tx, price, product)? else { return Ok(None) };
        self.0.insert(id, pricebook::use_version(tx, id)?);
        Ok(Some(id))
    }
}

/// Makes the plans that the metadata of `unknown` prices describes. One without metadata for us stays unknown.
pub(super) fn create(tx: &mut Tx<'_>, random: &Random, actor: &Actor, unknown: &[SeenPrice]) -> Result<(), Error> {
    for seen in unknown {
        if let Sold::Unmapped(Some(bad)) = pricebook::create_from_metadata(tx, random, actor, seen)? {
            tracing::warn!(price = seen.stripe_price_id, why = %bad, "the metadata of a price cannot be used");
        }
    }
    Ok(())
}

/// Records what plan each item of `after` gives, and the base they come to together. While a price is not mapped, the
/// base that was known `before` stays, unless another item gives one.
pub(super) fn map(
    tx: &mut Tx<'_>,
    plans: &mut Plans,
    before: Option<&Subscription>,
    after: &mut Subscription,
) -> Result<Current<PlanId>, Error> {
    for item in &mut after.items {
        item.plan_id = plan_of(tx, plans, before, item)?;
    }
    after.plan_id = before.and_then(|before| before.plan_id);
    let found = together(tx, plans, &[&*after])?;
    after.plan_id = base(&found).map(|base| base.plan);
    Ok(found)
}

/// The plan of an item: the one recorded for its price, else the one that its price sells now.
fn plan_of(
    tx: &mut Tx<'_>,
    plans: &mut Plans,
    before: Option<&Subscription>,
    item: &Item,
) -> Result<Option<PlanId>, Error> {
    let recorded = before.and_then(|before| before.items.iter().find(|old| old.price == item.price)?.plan_id);
    if recorded.is_some() { Ok(recorded) } else { plans.sold_by(tx, &item.price, &item.product) }
}

/// What `subscriptions` come to together, the first listed before others. The plan that stays while a price is not
/// mapped has the seats that are paid by such prices.
pub(super) fn together(
    tx: &mut Tx<'_>,
    plans: &mut Plans,
    subscriptions: &[&Subscription],
) -> Result<Current<PlanId>, Error> {
    let mut all = Vec::with_capacity(subscriptions.len());
    for subscription in subscriptions {
        let mut items = Vec::with_capacity(subscription.items.len());
        for item in &subscription.items {
            let quantity = item.quantity.and_then(|quantity| u64::try_from(quantity).ok()).unwrap_or(1);
            let mapped = mapped(tx, plans, item.plan_id)?;
            items.push(Ruled { price: item.price.clone(), quantity, mapped });
        }
        let kept = mapped(tx, plans, subscription.plan_id)?;
        // What a meter counts has no seats.
        let seated = items.iter().zip(&subscription.items).filter(|(_, item)| !item.metered);
        let unknown = seated.filter(|(ruled, _)| ruled.mapped.is_none());
        let seats = unknown.map(|(ruled, _)| ruled.quantity).max().unwrap_or(1);
        let kept = kept.map(|kept| Ruled { price: String::new(), quantity: seats, mapped: Some(kept) });
        all.push((subscription.id.as_str(), items, Vec::from_iter(kept)));
    }
    let lives: Vec<Live<'_, PlanId>> = all.iter().map(|(id, items, kept)| Live { id, items, kept }).collect();
    Ok(current(&lives))
}

/// The plan `id` as the rules see it.
fn mapped(tx: &mut Tx<'_>, plans: &mut Plans, id: Option<PlanId>) -> Result<Option<Mapped<PlanId>>, Error> {
    let Some(id) = id else { return Ok(None) };
    let plan = plans.get(tx, id)?;
    let role = match plan.kind {
        PlanKind::AddOn => Role::AddOn,
        PlanKind::Base => {
            Role::Base { group: plan.group.as_str().to_owned(), rank: i32::try_from(plan.rank).unwrap_or(i32::MAX) }
        }
    };
    Ok(Some(Mapped { plan: id, role }))
}

/// The base that is shown: that of the group `base`, else that of the first group.
pub(super) fn base(found: &Current<PlanId>) -> Option<&Base<PlanId>> {
    found.bases.iter().find(|base| base.group == BASE_GROUP).or_else(|| found.bases.first())
}

/// Says what an operator must look at: what was `found` of one subscription.
pub(super) fn alarm(found: &Current<PlanId>) {
    found.alarms.iter().for_each(say);
}

/// The same of bases that a customer pays for twice, by `all` of its subscriptions together.
pub(super) fn alarm_of_two(tx: &mut Tx<'_>, plans: &mut Plans, all: &[Subscription]) -> Result<(), Error> {
    let live: Vec<&Subscription> = all.iter().filter(|one| Status::of_stripe(&one.status).is_live()).collect();
    if live.len() > 1 {
        let together = together(tx, plans, &live)?;
        together.alarms.iter().filter(|alarm| is_between(alarm)).for_each(say);
    }
    Ok(())
}

/// Says so of a live subscription whose `customer` is archived: it is paid for, and gives nothing.
pub(super) fn alarm_of_archived(tx: &mut Tx<'_>, customer: &CustomerId, one: &Subscription) -> Result<(), Error> {
    if !Status::of_stripe(&one.status).is_live() {
        return Ok(());
    }
    let rows = tx.load(vec![customers::load_facts([customer])])?;
    let facts = rows.iter().flatten().next().map(customers::facts).transpose()?;
    if facts.is_some_and(|(_, facts)| facts.archived) {
        let (subscription, customer) = (&one.id, customer.as_str());
        tracing::warn!(subscription, customer, "a subscription of an archived customer is paid for, and gives nothing");
        count("archived");
    }
    Ok(())
}

/// Whether an alarm is about two subscriptions.
fn is_between(alarm: &Alarm) -> bool {
    matches!(alarm, Alarm::TwoBases { counts, other, .. } if counts != other)
}

/// Counts an alarm and writes it to the log. A unit that is run again says it again.
fn say(alarm: &Alarm) {
    let name = match alarm {
        Alarm::UnknownPrice { subscription, price } => {
            tracing::warn!(subscription, price, "a price is not in the price book: its customer keeps what it had");
            "unknown_price"
        }
        Alarm::TwoBases { group, counts, other } => {
            tracing::warn!(group, counts, other, "two subscriptions give a plan of one group: both are paid for");
            "two_bases"
        }
    };
    count(name);
}

fn count(alarm: &'static str) {
    counter!("purser_subscription_alarms_total", "alarm" => alarm).increment(1);
}
