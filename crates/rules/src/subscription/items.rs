//! Which subscription items say what a customer has: the base of each group, add-ons, unknown prices (rules 3.2).

use crate::Amount;
use alloc::{string::String, vec::Vec};

/// What a price is mapped to in the price book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped<P> {
    /// The plan's version.
    pub plan: P,
    /// What it is beside others.
    pub role: Role,
}

/// Whether a customer has one of its kind or many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// One of a group: the customer has the best of those it pays for.
    Base {
        /// The families of which a customer has one.
        group: String,
        /// What is up and what is down.
        rank: i32,
    },
    /// Beside the base, times its quantity.
    AddOn,
}

/// An item of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<P> {
    /// Its price, by Stripe's id.
    pub price: String,
    /// How many; 1 for a metered price, which carries none.
    pub quantity: u64,
    /// What the price is mapped to; `None` for one that the price book does not know.
    pub mapped: Option<Mapped<P>>,
}

/// A subscription that gives access now.
#[derive(Clone, Debug)]
pub struct Live<'a, P> {
    /// Its id, Stripe's.
    pub id: &'a str,
    /// Its items, all of them, in any order.
    pub items: &'a [Item<P>],
    /// What it was last known to give, for as long as a price of it is unknown.
    pub kept: &'a [Item<P>],
}

/// The base a customer has in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base<P> {
    /// The group.
    pub group: String,
    /// The plan's version.
    pub plan: P,
    /// Its rank.
    pub rank: i32,
    /// Seats, for credits and limits that are per seat.
    pub quantity: u64,
    /// The subscription it is of.
    pub subscription: String,
}

/// Something an operator must look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// A price that the price book does not know: the customer keeps what it had until it is mapped.
    UnknownPrice {
        /// The subscription.
        subscription: String,
        /// The price.
        price: String,
    },
    /// Two bases of one group: the better one counts, and both are paid for.
    TwoBases {
        /// The group.
        group: String,
        /// The subscription that counts.
        counts: String,
        /// The subscription that does not.
        other: String,
    },
}

/// What all of a customer's live subscriptions come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current<P> {
    /// The base of each group in which there is one, by group. In the others the default plan applies.
    pub bases: Vec<Base<P>>,
    /// The add-ons with their quantities, those of one plan together, in the order in which they were found.
    pub add_ons: Vec<(P, u64)>,
    /// What an operator must look at.
    pub alarms: Vec<Alarm>,
}

/// What the subscriptions that give access now come to together.
///
/// A subscription with an unknown price has, beside what its known items say, what it was last known to give:
/// a paid customer is never turned free by a price that is not mapped. Of equal ranks the first listed counts.
#[must_use]
pub fn current<P: Clone + PartialEq>(subscriptions: &[Live<'_, P>]) -> Current<P> {
    let mut found = Current { bases: Vec::new(), add_ons: Vec::new(), alarms: Vec::new() };
    for live in subscriptions {
        let unknown: Vec<&Item<P>> = live.items.iter().filter(|item| item.mapped.is_none()).collect();
        for item in &unknown {
            let (subscription, price) = (live.id.into(), item.price.clone());
            found.alarms.push(Alarm::UnknownPrice { subscription, price });
        }
        for item in live.items {
            found.take(live.id, item);
        }
        if !unknown.is_empty() {
            live.kept.iter().filter(|kept| !replaced(kept, live.items)).for_each(|kept| found.take(live.id, kept));
        }
    }
    found.bases.sort_by(|one, other| one.group.cmp(&other.group));
    found
}

/// Whether known items say themselves what `kept` said: the same plan, or another base of its group.
fn replaced<P: PartialEq>(kept: &Item<P>, items: &[Item<P>]) -> bool {
    let Some(kept) = &kept.mapped else { return true };
    items.iter().filter_map(|item| item.mapped.as_ref()).any(|mapped| match (&kept.role, &mapped.role) {
        (Role::Base { group, .. }, Role::Base { group: other, .. }) => group == other,
        (Role::AddOn, Role::AddOn) => kept.plan == mapped.plan,
        _ => false,
    })
}

impl<P: Clone + PartialEq> Current<P> {
    /// Counts an item of a live subscription.
    fn take(&mut self, subscription: &str, item: &Item<P>) {
        let Some(Mapped { plan, role }) = &item.mapped else { return };
        match role {
            Role::AddOn => match self.add_ons.iter_mut().find(|(known, _)| known == plan) {
                Some((_, quantity)) => *quantity = quantity.saturating_add(item.quantity),
                None => self.add_ons.push((plan.clone(), item.quantity)),
            },
            Role::Base { group, rank } => self.take_base(Base {
                group: group.clone(),
                plan: plan.clone(),
                rank: *rank,
                quantity: item.quantity,
                subscription: subscription.into(),
            }),
        }
    }

    /// The better base of a group counts; two of them are an alarm. Several items of one plan in one
    /// subscription (a seat price and a metered one) are one base, with the larger quantity.
    fn take_base(&mut self, base: Base<P>) {
        let Some(known) = self.bases.iter_mut().find(|known| known.group == base.group) else {
            self.bases.push(base);
            return;
        };
        if known.subscription == base.subscription && known.plan == base.plan {
            known.quantity = known.quantity.max(base.quantity);
            return;
        }
        let other = if base.rank > known.rank { core::mem::replace(known, base) } else { base };
        let (group, counts) = (known.group.clone(), known.subscription.clone());
        self.alarms.push(Alarm::TwoBases { group, counts, other: other.subscription });
    }
}

/// The credits of an item: times its quantity only if they are `per_seat`. `None` when that is over the
/// largest amount.
#[must_use]
pub fn credits(amount: Amount, quantity: u64, per_seat: bool) -> Option<Amount> {
    let times = if per_seat { i128::from(quantity) } else { 1 };
    i64::try_from(i128::from(amount.micros()) * times).ok().and_then(Amount::from_micros)
}

#[cfg(test)]
mod tests;
