//! What a change comes to: which item becomes what, and when. Read in the transaction that puts it down.

use super::{
    asks::{At, PlanName, Target},
    look::{Line, Seen},
    wish::{Swap, Wish, stands, swapped},
};
use crate::{
    features::{
        pricebook::{self, Plan},
        subscriptions::{self, Subscription},
    },
    platform::{
        db::{DbError, Tx},
        error::{Code, Error},
    },
};
use purser_rules::{
    pricebook::{Interval, PlanKind, Price, PriceKind},
    subscription::{PaidFor, Takes, paid_takes_effect},
};
use purser_stripe::Seconds;

/// What a change comes to.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    /// What is to stand in the end.
    pub wish: Wish,
    /// What becomes of items, whenever.
    pub swaps: Vec<Swap>,
    /// When.
    pub at: At,
    /// When the running period ends.
    pub period_end: Seconds,
    /// The plan of the item now; `None` when no price book has it.
    pub from: Option<Plan>,
    /// The plan of it then.
    pub to: Option<Plan>,
}

/// What a change to `target` comes to, for a subscription that was mirrored and `seen` at Stripe.
///
/// # Errors
/// `subscription_ended`, `subscription_ending`, `missing_field`, `invalid_field`, `unknown_plan`, `not_for_sale`,
/// `plan_without_price`, `usage_would_be_lost`; what the database says.
pub(super) fn change(tx: &mut Tx<'_>, target: &Target, mirrored: &Subscription, seen: &Seen) -> Result<Decided, Error> {
    may_be_changed(seen)?;
    if seen.trial && target.at == Some(At::PeriodEnd) {
        let message = "In a trial nothing was paid, so a change of it is always at once. Leave it out.";
        return Err(Error::new(Code::InvalidField, message).about("at"));
    }
    let line = item(target, mirrored, seen)?;
    let from = plan_of(tx, mirrored, line)?;
    let (price, to) = goal(tx, target, seen, line, from.as_ref())?;
    if let (Some(price), Some(to)) = (&price, &to) {
        may_take_the_place(target, line, from.as_ref(), (price, to))?;
    }
    let metered = price.as_ref().map_or(line.metered, |price| price.kind == PriceKind::Metered);
    if metered && target.quantity.is_some() {
        let message = "A meter counts what this price is paid for. Leave the quantity out.";
        return Err(Error::new(Code::InvalidField, message).about("quantity"));
    }
    // Seats mean nothing to a price that does not count them: it would be asked for that many times.
    let seats = price.as_ref().is_some_and(|price| price.kind == PriceKind::Fixed) && counts_seats(tx, line)?;
    let carried = line.quantity.filter(|_| !seats);
    let quantity = (!metered).then(|| target.quantity.or(carried).unwrap_or(1));
    let id = price.as_ref().and_then(|price| price.stripe_price_id.clone()).unwrap_or_else(|| line.price.clone());
    let mut swaps = vec![Swap { item: line.id.clone(), price: Some(id), quantity }];
    if let (Some(from), Some(to)) = (&from, &to)
        && from.id != to.id
    {
        swaps.extend(metered_beside(tx, mirrored, seen, line, from, to)?);
    }
    refuse_loss(seen, &swaps)?;
    let days = price.as_ref().map_or_else(|| line_days(line), price_days);
    let rank = |plan: Option<&Plan>| plan.map_or(0, |plan| i32::try_from(plan.rank).unwrap_or(i32::MAX));
    let now = PaidFor { rank: rank(from.as_ref()), days: line_days(line), quantity: line.quantity.unwrap_or(1) };
    // Of a plan nobody knows nobody knows whether it is up or down.
    let known = from.as_ref().and(to.as_ref());
    let then = PaidFor { rank: known.map_or(now.rank, |to| rank(Some(to))), days, quantity: quantity.unwrap_or(1) };
    let at = target.at.unwrap_or(match paid_takes_effect(now, then) {
        // Nothing was paid for a trial: there is no period to keep.
        Takes::AtPeriodEnd if !seen.trial => At::PeriodEnd,
        Takes::AtPeriodEnd | Takes::AtOnce => At::Now,
    });
    // What stands already needs no agreement; one for something else is taken back.
    let at = if stands(&seen.items, &swaps) { At::Now } else { at };
    let (interval, interval_count) = match &price {
        Some(price) => (price.interval.as_str().to_owned(), u32::from(price.interval_count)),
        None => (line.interval.clone(), line.interval_count),
    };
    let wish = match at {
        At::Now => Wish::Now { swaps: swaps.clone(), proration_date: target.proration_date },
        At::PeriodEnd => {
            let items = swapped(&seen.items, &swaps);
            Wish::Later { items, at: line.period_end, interval, interval_count }
        }
    };
    Ok(Decided { wish, swaps, at, period_end: line.period_end, from, to })
}

/// Whether a subscription is one that can be changed now.
fn may_be_changed(seen: &Seen) -> Result<(), Error> {
    if seen.over {
        return Err(ended());
    }
    if !seen.live {
        let message = "The subscription has not begun, or is paused. Only one that runs can be changed.";
        return Err(Error::new(Code::NoSubscription, message));
    }
    if seen.ending != super::look::Ending::Never {
        let message = "The end of the subscription is agreed on. Resume it first, then change it.";
        return Err(Error::new(Code::SubscriptionEnding, message));
    }
    Ok(())
}

/// What is said of a subscription that has ended.
pub(super) fn ended() -> Error {
    Error::new(Code::SubscriptionEnded, "The subscription has ended, and does not begin again. Subscribe anew.")
}

/// The item that is replaced: the one that was named, else the one of the base plan.
fn item<'a>(target: &Target, mirrored: &Subscription, seen: &'a Seen) -> Result<&'a Line, Error> {
    let by_id = |id: &str| seen.items.iter().find(|line| line.id == id);
    if let Some(id) = &target.item {
        let none = || Error::new(Code::InvalidField, "The subscription has no such item.").about("item");
        return by_id(id).ok_or_else(none);
    }
    let base = subscriptions::billed_by(mirrored).and_then(|item| by_id(&item.id));
    let first = base.or_else(|| seen.items.iter().find(|line| !line.metered)).or_else(|| seen.items.first());
    first.ok_or_else(|| Error::new(Code::NoSubscription, "The subscription has no items."))
}

/// The plan of an item: the one recorded for its price, else the one that its price sells now.
fn plan_of(tx: &mut Tx<'_>, mirrored: &Subscription, line: &Line) -> Result<Option<Plan>, Error> {
    let recorded = mirrored.items.iter().find(|item| item.id == line.id && item.price == line.price);
    match recorded.and_then(|item| item.plan_id) {
        Some(id) => pricebook::find_plan(tx, id).map(Some),
        None => Ok(pricebook::plan_of_price(tx, &line.price, &line.product)?),
    }
}

/// The price an item is to have, `None` for the one it has, and the plan of that.
fn goal(
    tx: &mut Tx<'_>,
    target: &Target,
    seen: &Seen,
    line: &Line,
    from: Option<&Plan>,
) -> Result<(Option<Price>, Option<Plan>), Error> {
    if let Some(id) = &target.price {
        if target.plan.is_some() || target.interval.is_some() {
            let message = "The price says which plan and which interval it is. Leave those out.";
            return Err(Error::new(Code::InvalidField, message).about("price"));
        }
        if *id == line.price {
            return Ok((None, from.cloned()));
        }
        let unknown = || Error::new(Code::UnknownPlan, format!("No plan has the price {id}.")).about("price");
        let plan = sold(pricebook::plan_of_price(tx, id, "")?.ok_or_else(unknown)?, "price")?;
        let mut prices = plan.prices.iter().map(|one| &one.price);
        let price = prices.find(|one| one.stripe_price_id.as_ref() == Some(id)).cloned().ok_or_else(unknown)?;
        return Ok((Some(price), Some(plan)));
    }
    let plan = match (&target.plan, target.interval) {
        (Some(name), _) => named(tx, name)?,
        (None, Some(_)) => pricebook::plan_of_price(tx, &line.price, &line.product)?.ok_or_else(|| {
            Error::new(Code::UnknownPlan, "No plan has the price it has now. Name one.").about("plan")
        })?,
        (None, None) if target.quantity.is_some() => return Ok((None, from.cloned())),
        (None, None) => {
            let message = "Say what to change: a plan, a price or a quantity.";
            return Err(Error::new(Code::MissingField, message).about("plan"));
        }
    };
    let stays = Interval::parse(&line.interval).unwrap_or(Interval::Month);
    let (interval, count) = match target.interval {
        Some(interval) if interval != stays => (interval, 1),
        _ => (stays, line.interval_count),
    };
    let price = price_in(&plan, interval, count, &seen.currency, line.metered).cloned();
    let none = || {
        let message = format!(
            "The plan {} has no price in {} for each {} at Stripe.",
            plan.internal_id.as_str(),
            seen.currency,
            interval.as_str()
        );
        Error::new(Code::PlanWithoutPrice, message).about("plan")
    };
    let price = price.ok_or_else(none)?;
    // What one has is kept, also when it is not sold any more.
    if price.stripe_price_id.as_ref() == Some(&line.price) {
        return Ok((None, from.cloned().or(Some(plan))));
    }
    let plan = sold(plan, "plan")?;
    Ok((Some(price), Some(plan)))
}

/// Refuses what is sold beside a plan in the place of the plan: an add-on, and a metered price of a plan that has a
/// fixed one too. Nobody would pay for the plan any more, and its credits would come all the same.
fn may_take_the_place(
    target: &Target,
    line: &Line,
    from: Option<&Plan>,
    (price, to): (&Price, &Plan),
) -> Result<(), Error> {
    let about = if target.price.is_some() { "price" } else { "plan" };
    // An item that was named, and whose plan nobody knows, may be an add-on.
    let is_base = from.map_or(target.item.is_none(), |from| from.kind == PlanKind::Base);
    if is_base && to.kind == PlanKind::AddOn {
        let message = "An add-on comes on top of a plan, and cannot take its place. Name a base plan, or the item of \
                       another add-on.";
        return Err(Error::new(Code::InvalidField, message).about(about));
    }
    let has_fixed = to.prices.iter().any(|one| one.price.kind != PriceKind::Metered);
    if !line.metered && price.kind == PriceKind::Metered && has_fixed {
        let message = "This price is paid beside the fixed one of its plan, and cannot take the place of a fixed one. \
                       Name the plan, or its fixed price.";
        return Err(Error::new(Code::InvalidField, message).about(about));
    }
    Ok(())
}

/// The plan that was named.
fn named(tx: &mut Tx<'_>, name: &PlanName) -> Result<Plan, Error> {
    match name {
        PlanName::Id(id) => pricebook::find_plan(tx, *id).map_err(|error| error.about("plan")),
        PlanName::Name(name) => pricebook::plan_on_sale(tx, name)?.ok_or_else(|| {
            let message = format!("No plan is sold under the name `{}`.", name.as_str());
            Error::new(Code::UnknownPlan, message).about("plan")
        }),
    }
}

/// `plan`, if it is sold.
fn sold(plan: Plan, param: &'static str) -> Result<Plan, Error> {
    if plan.active && !plan.legacy && plan.archived_at.is_none() {
        return Ok(plan);
    }
    Err(Error::new(Code::NotForSale, "The plan is not sold any more.").about(param))
}

/// The price of a plan at Stripe for an interval: one that is counted as before, before any other that is not metered.
fn price_in<'a>(plan: &'a Plan, interval: Interval, count: u32, currency: &str, metered: bool) -> Option<&'a Price> {
    let fits = |price: &&Price| {
        price.stripe_price_id.is_some()
            && price.interval == interval
            && u32::from(price.interval_count) == count
            && price.currency.as_str() == currency
    };
    let fitting = || plan.prices.iter().map(|one| &one.price).filter(fits);
    let counted = |price: &&Price| (price.kind == PriceKind::Metered) == metered;
    fitting().find(counted).or_else(|| fitting().find(|price| price.kind != PriceKind::Metered))
}

/// What becomes of the metered items of the plan `from` beside `line`: they go over to the price of `to` for the same
/// interval, or go.
fn metered_beside(
    tx: &mut Tx<'_>,
    mirrored: &Subscription,
    seen: &Seen,
    line: &Line,
    from: &Plan,
    to: &Plan,
) -> Result<Vec<Swap>, Error> {
    let mut swaps = Vec::new();
    for beside in seen.items.iter().filter(|other| other.metered && other.id != line.id) {
        if plan_of(tx, mirrored, beside)?.is_none_or(|plan| plan.id != from.id) {
            continue;
        }
        let interval = Interval::parse(&beside.interval).unwrap_or(Interval::Month);
        let price = price_in(to, interval, beside.interval_count, &seen.currency, true);
        let price = price.filter(|price| price.kind == PriceKind::Metered);
        let price = price.and_then(|price| price.stripe_price_id.clone());
        swaps.push(Swap { item: beside.id.clone(), price, quantity: None });
    }
    Ok(swaps)
}

/// Stripe's classic billing mode forgets the usage of a metered item whose price changes.
fn refuse_loss(seen: &Seen, swaps: &[Swap]) -> Result<(), Error> {
    let changes =
        |line: &Line| swaps.iter().any(|swap| swap.item == line.id && swap.price.as_ref() != Some(&line.price));
    if !seen.classic || !seen.items.iter().filter(|line| line.metered).any(changes) {
        return Ok(());
    }
    let message = "The subscription has Stripe's classic billing mode: a change of its metered item would lose what \
                   was used and is not billed yet. Migrate it to the flexible one first.";
    Err(Error::new(Code::UsageWouldBeLost, message))
}

/// Whether the price of `line` is known to be asked for once a seat. The version that sells it now says so: prices go
/// over to that, so the version that was recorded for the item may have none left.
fn counts_seats(tx: &mut Tx<'_>, line: &Line) -> Result<bool, DbError> {
    let has = |price: &Price| price.stripe_price_id.as_ref() == Some(&line.price) && price.kind == PriceKind::PerSeat;
    let seller = pricebook::plan_of_price(tx, &line.price, "")?;
    Ok(seller.is_some_and(|plan| plan.prices.iter().any(|one| has(&one.price))))
}

/// About how many days lie between two payments.
const fn days(interval: Interval, count: i64) -> i64 {
    let one = match interval {
        Interval::Day => 1,
        Interval::Week => 7,
        Interval::Month => 30,
        Interval::Year => 365,
    };
    one * count
}

fn line_days(line: &Line) -> i64 {
    days(Interval::parse(&line.interval).unwrap_or(Interval::Month), line.interval_count.into())
}

fn price_days(price: &Price) -> i64 {
    days(price.interval, price.interval_count.into())
}

#[cfg(test)]
mod tests {
    use super::{Seen, Swap, refuse_loss};
    use crate::{features::payments::changes::wish::tests::seen, platform::error::Code};

    /// The item `item` goes over to `price`, or goes.
    fn swap(item: &str, price: Option<&str>, quantity: Option<u64>) -> [Swap; 1] {
        [Swap { item: item.to_owned(), price: price.map(str::to_owned), quantity }]
    }

    #[test]
    fn failure_33_in_the_classic_mode_no_metered_item_is_replaced() {
        let classic = Seen { classic: true, ..seen() };
        let refused = |seen: &Seen, swaps: &[Swap]| refuse_loss(seen, swaps).err().map(|error| error.code);
        for swaps in [swap("si_2", Some("price_tokens"), None), swap("si_2", None, None)] {
            assert_eq!(refused(&classic, &swaps), Some(Code::UsageWouldBeLost), "{swaps:?}");
            assert_eq!(refused(&seen(), &swaps), None, "the flexible mode bills what was used: {swaps:?}");
        }
        // Seats lose nothing, nor does a meter whose price stays.
        for swaps in [swap("si_1", Some("price_ultra"), Some(3)), swap("si_2", Some("price_calls"), None)] {
            assert_eq!(refused(&classic, &swaps), None, "{swaps:?}");
        }
    }
}
