//! What a plan or a pack costs, mirrored from Stripe: minor units, never a float.

use super::{
    names::Currency,
    words::{Interval, PriceKind},
};
use alloc::string::String;

/// A recurring price of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// The price at Stripe, once it is there.
    pub stripe_price_id: Option<String>,
    /// In which currency.
    pub currency: Currency,
    /// In minor units, not negative; `None` when Stripe has decimals or tiers for it.
    pub unit_amount: Option<i64>,
    /// How often it is paid.
    pub interval: Interval,
    /// How many of these lie between two payments: 1–365.
    pub interval_count: u16,
    /// What it is counted by.
    pub kind: PriceKind,
}

impl Price {
    /// Whether both ask the same money, wherever they stand at Stripe.
    #[must_use]
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let asked = |price: &Self| (price.unit_amount, price.interval, price.interval_count, price.kind);
        self.currency == other.currency && asked(self) == asked(other)
    }

    /// Whether this is `other`, or what becomes of it when it is bound to a price at Stripe.
    #[must_use]
    pub fn is_still(&self, other: &Self) -> bool {
        let bound = other.stripe_price_id.is_none() || self.stripe_price_id == other.stripe_price_id;
        bound && self.asks_the_same(other)
    }
}

/// What a credit pack costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimePrice {
    /// The price at Stripe, once it is there.
    pub stripe_price_id: Option<String>,
    /// In which currency.
    pub currency: Currency,
    /// In minor units, not negative; `None` when Stripe has decimals or tiers for it.
    pub unit_amount: Option<i64>,
}

impl OneTimePrice {
    /// Whether this is `other`, or what becomes of it when it is bound to a price at Stripe.
    #[must_use]
    pub fn is_still(&self, other: &Self) -> bool {
        let bound = other.stripe_price_id.is_none() || self.stripe_price_id == other.stripe_price_id;
        bound && self.currency == other.currency && self.unit_amount == other.unit_amount
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(id: Option<&str>, unit_amount: i64) -> Price {
        Price {
            stripe_price_id: id.map(String::from),
            currency: Currency::new("usd").expect("a currency"),
            unit_amount: Some(unit_amount),
            interval: Interval::Month,
            interval_count: 1,
            kind: PriceKind::Fixed,
        }
    }

    #[test]
    fn a_price_stays_itself_when_it_is_bound_and_only_then() {
        let (free, bound) = (price(None, 2000), price(Some("price_1"), 2000));
        assert!(free.is_still(&free) && bound.is_still(&free) && bound.is_still(&bound));
        assert!(!free.is_still(&bound), "unbound");
        assert!(!price(Some("price_2"), 2000).is_still(&bound), "bound to another");
        assert!(!price(None, 2001).is_still(&free), "another amount");
        assert!(!Price { kind: PriceKind::PerSeat, ..free.clone() }.is_still(&free));
        assert!(!Price { interval: Interval::Year, ..free.clone() }.is_still(&free));
        assert!(!Price { interval_count: 3, ..free.clone() }.is_still(&free));
        let once = |id: Option<&str>, unit_amount| OneTimePrice {
            stripe_price_id: id.map(String::from),
            currency: Currency::new("eur").expect("a currency"),
            unit_amount,
        };
        assert!(once(Some("price_1"), Some(500)).is_still(&once(None, Some(500))));
        assert!(!once(None, Some(500)).is_still(&once(Some("price_1"), Some(500))));
        assert!(!once(None, None).is_still(&once(None, Some(500))));
    }
}
