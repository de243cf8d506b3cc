//! What a customer has now, by all of its subscriptions together.

use super::{
    plans::{MOST_TOGETHER, Plans, base, together},
    store::{self, Item, Subscription},
};
use crate::{
    features::{
        customers,
        pricebook::{self, Plan},
    },
    platform::{
        db::{DbError, Tx},
        error::Error,
    },
};
use purser_rules::{
    Time,
    ids::{CustomerId, PlanId},
    pricebook::{BASE_GROUP, Name},
    subscription::{Access, Status, access, ends_at},
};

/// What a customer has now.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Whose.
    pub customer: CustomerId,
    /// What the app sees.
    pub status: Status,
    /// Whether it has access, and until when.
    pub access: Access,
    /// The plan it has: with access the best it pays for, else the default one.
    pub plan: Option<Plan>,
    /// The subscription that counts.
    pub subscription: Option<Subscription>,
    /// The item of it that says when its period ends.
    pub item: Option<Item>,
    /// When it is going to end, if that is agreed on.
    pub ends_at: Option<Time>,
}

impl Standing {
    /// It by this subscription of the customer's, whichever counts: the plan and the access stay what they are.
    #[must_use]
    pub fn by(self, subscription: Subscription) -> Self {
        let item = billed_by(&subscription).cloned();
        let (status, ends_at) = (Status::of_stripe(&subscription.status), ending(&subscription, item.as_ref()));
        Self { status, ends_at, item, subscription: Some(subscription), ..self }
    }
}

/// What `customer` has at `now`, with so many days of grace after a failed payment.
///
/// # Errors
/// `unknown_customer`; what the database says.
pub fn current(tx: &mut Tx<'_>, customer: &CustomerId, grace_days: u16, now: Time) -> Result<Standing, Error> {
    customers::find(tx, customer)?;
    let all = store::of_customer(tx, customer, MOST_TOGETHER)?;
    let seen = |one: &Subscription| {
        (Status::of_stripe(&one.status), access(&one.status, one.first_failure_at, grace_days, now))
    };
    let giving: Vec<&Subscription> = all.iter().filter(|one| seen(one).1.allowed).collect();
    let mut plans = Plans::default();
    let found = together(tx, &mut plans, &giving)?;
    let best = base(&found);
    let counts = match best {
        Some(best) => giving.iter().copied().find(|one| one.id == best.subscription),
        None => giving.first().copied(),
    };
    // Without access one whose payment is due says more than one that ended or never began.
    let due = || all.iter().find(|one| seen(one).0.is_live());
    let counts = counts.or_else(due).or_else(|| all.first());
    let plan = match best {
        Some(best) => Some(plans.get(tx, best.plan)?.clone()),
        None => default_plan(tx)?,
    };
    let (status, access) = counts.map_or((Status::None, Access { allowed: false, until: None }), seen);
    let item = counts.and_then(|one| base_item(one, best.map(|best| best.plan)));
    Ok(Standing {
        customer: customer.clone(),
        status,
        access,
        plan,
        item: item.cloned(),
        ends_at: counts.and_then(|one| ending(one, item)),
        subscription: counts.cloned(),
    })
}

/// The subscription `id` of `customer`, as it was mirrored last.
///
/// # Errors
/// What the database says.
pub fn find(tx: &mut Tx<'_>, customer: &CustomerId, id: &str) -> Result<Option<Subscription>, DbError> {
    match store::created_at(tx, customer, id)? {
        Some(_) => store::find(tx, customer.bucket(), id),
        None => Ok(None),
    }
}

/// The item of a subscription that bills its base plan; one with a fixed price before a metered one.
#[must_use]
pub fn billed_by(subscription: &Subscription) -> Option<&Item> {
    base_item(subscription, None)
}

/// When a subscription is going to end, whose period is that of `item`; none unless that is agreed on.
fn ending(one: &Subscription, item: Option<&Item>) -> Option<Time> {
    let end = ends_at(one.cancel_at, one.cancel_at_period_end, item.map(|item| item.period_end));
    end.filter(|_| one.ended_at.is_none())
}

/// The default plan of the group `base`.
fn default_plan(tx: &mut Tx<'_>) -> Result<Option<Plan>, DbError> {
    let group = Name::new(BASE_GROUP).map_err(|_| DbError::Bug("the base group has no name".to_owned()))?;
    pricebook::default_plan(tx, &group)
}

/// The item that bills `plan`; one with a fixed price before a metered one, wherever they stand in the list.
fn base_item(subscription: &Subscription, plan: Option<PlanId>) -> Option<&Item> {
    let plan = plan.or(subscription.plan_id);
    let rank = |item: &&Item| (plan.is_none() || item.plan_id != plan, item.metered);
    subscription.items.iter().min_by_key(rank)
}

#[cfg(test)]
mod tests {
    use super::{Item, PlanId, Subscription, Time, base_item};

    fn item(id: &str, metered: bool, plan_id: Option<PlanId>) -> Item {
        Item {
            id: id.to_owned(),
            price: format!("price_{id}"),
            product: "prod_1".to_owned(),
            quantity: (!metered).then_some(1),
            metered,
            period: "month".to_owned(),
            period_count: 1,
            period_start: Time::from_micros(0),
            period_end: Time::from_micros(1),
            plan_id,
            created_at: Time::from_micros(0),
        }
    }

    #[test]
    fn the_item_that_counts_is_found_by_its_plan_and_not_by_its_place() {
        let (pro, other) = (Some(PlanId(1)), Some(PlanId(2)));
        let table = [
            (vec![item("a", true, None), item("b", false, pro)], pro, Some("b")),
            (vec![item("a", true, pro), item("b", false, pro)], pro, Some("b")),
            (vec![item("a", false, other), item("b", false, pro)], pro, Some("b")),
            (vec![item("a", true, None), item("b", false, None)], None, Some("b")),
            (vec![item("a", true, None)], pro, Some("a")),
            (vec![], pro, None),
        ];
        for (items, plan_id, expected) in table {
            let subscription = Subscription {
                id: "sub_1".to_owned(),
                stripe_customer_id: "cus_1".to_owned(),
                status: "active".to_owned(),
                cancel_at: None,
                cancel_at_period_end: false,
                canceled_at: None,
                ended_at: None,
                trial_start: None,
                trial_end: None,
                default_payment_method_id: None,
                checkout_session_id: None,
                schedule: None,
                first_failure_at: None,
                plan_id,
                created_at: Time::from_micros(0),
                items,
            };
            assert_eq!(base_item(&subscription, None).map(|item| item.id.as_str()), expected);
        }
    }
}
