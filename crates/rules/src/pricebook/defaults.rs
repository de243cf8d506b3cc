//! The price book that is shipped: three plans and two packs, so that a new install has something to show and to sell.

use super::{
    BASE_GROUP, PACKS_GROUP, PlanDraft, TopUpDraft,
    names::{Currency, Name},
    price::{OneTimePrice, Price},
    terms::{Credits, PlanTerms, TopUpTerms},
    words::{AllowancePeriod, Interval, PlanKind, PriceKind},
};
use crate::Amount;
use alloc::{string::ToString, vec, vec::Vec};

/// A whole price book to be; the first plan is the default of its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
    /// Plans, lowest first.
    pub plans: Vec<PlanDraft>,
    /// Packs, smallest first.
    pub top_ups: Vec<TopUpDraft>,
}

/// FREE, PRO and ENTERPRISE with 5, 20 and 50 credits a day (rules 1.11), and packs of 50 and of 200 credits.
#[must_use]
pub fn default_book() -> Book {
    let month = |cents| price(cents, Interval::Month);
    let year = |cents| price(cents, Interval::Year);
    Book {
        plans: vec![
            plan("free", "FREE", "Free", (0, 5), Vec::new()),
            plan("pro", "PRO", "Pro", (10, 20), vec![month(2_000), year(20_000)]),
            plan("enterprise", "ENTERPRISE", "Enterprise", (20, 50), vec![month(10_000), year(100_000)]),
        ],
        top_ups: vec![
            pack("pack-50", "PACK_50", "50 credits", 50, 500),
            pack("pack-200", "PACK_200", "200 credits", 200, 1_800),
        ],
    }
}

/// A base plan of `rank` that gives so many credits a day.
fn plan(
    family: &str,
    internal_id: &str,
    public_name: &str,
    (rank, daily): (u32, i64),
    prices: Vec<Price>,
) -> PlanDraft {
    let credits = Credits::each(AllowancePeriod::Day, Amount::units(daily));
    PlanDraft {
        family: name(family),
        group: name(BASE_GROUP),
        version: 1,
        internal_id: name(internal_id),
        public_name: public_name.to_string(),
        rank,
        kind: PlanKind::Base,
        terms: PlanTerms { credits: Some(credits), ..PlanTerms::NOTHING },
        prices,
    }
}

/// A pack of so many credits for so many cents.
fn pack(family: &str, internal_id: &str, public_name: &str, credits: i64, cents: i64) -> TopUpDraft {
    TopUpDraft {
        family: name(family),
        group: name(PACKS_GROUP),
        version: 1,
        internal_id: name(internal_id),
        public_name: public_name.to_string(),
        terms: TopUpTerms::of(Amount::units(credits)),
        price: Some(OneTimePrice { stripe_price_id: None, currency: usd(), unit_amount: Some(cents) }),
    }
}

fn price(cents: i64, interval: Interval) -> Price {
    Price {
        stripe_price_id: None,
        currency: usd(),
        unit_amount: Some(cents),
        interval,
        interval_count: 1,
        kind: PriceKind::Fixed,
    }
}

fn name(text: &str) -> Name {
    Name::new(text).expect("our own names are names")
}

fn usd() -> Currency {
    Currency::new("usd").expect("usd is a currency")
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn the_default_book_is_that_of_the_rules() {
        let book = default_book();
        let daily = |plan: &PlanDraft| {
            let credits = plan.terms.credits.clone().expect("credits");
            assert_eq!(credits.period, AllowancePeriod::Day);
            credits.amount
        };
        let plans: Vec<_> = book.plans.iter().map(|plan| (plan.internal_id.as_str(), plan.rank, daily(plan))).collect();
        assert_eq!(
            plans,
            [("FREE", 0, Amount::units(5)), ("PRO", 10, Amount::units(20)), ("ENTERPRISE", 20, Amount::units(50))]
        );
        let amounts = |plan: &PlanDraft| plan.prices.iter().map(|price| price.unit_amount).collect::<Vec<_>>();
        assert!(amounts(&book.plans[0]).is_empty());
        assert_eq!(amounts(&book.plans[1]), [Some(2_000), Some(20_000)]);
        assert_eq!(amounts(&book.plans[2]), [Some(10_000), Some(100_000)]);
        let packs: Vec<_> = book.top_ups.iter().map(|pack| (pack.family.as_str(), pack.terms.credits)).collect();
        assert_eq!(packs, [("pack-50", Amount::units(50)), ("pack-200", Amount::units(200))]);
    }

    #[test]
    fn it_may_be_promised_and_no_two_are_one() {
        let book = default_book();
        for plan in &book.plans {
            assert_eq!(plan.terms.clone().checked(), Ok(plan.terms.clone()));
            assert!(plan.group == name(BASE_GROUP) && plan.kind == PlanKind::Base && plan.version == 1);
        }
        for pack in &book.top_ups {
            assert_eq!(pack.terms.clone().checked(), Ok(pack.terms.clone()));
        }
        let plans: BTreeSet<_> = book.plans.iter().map(|plan| &plan.family).collect();
        let packs: BTreeSet<_> = book.top_ups.iter().map(|pack| &pack.family).collect();
        assert_eq!((plans.len(), packs.len()), (3, 2));
    }
}
