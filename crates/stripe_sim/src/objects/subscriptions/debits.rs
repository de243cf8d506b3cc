//! What was asked for the time of an item, and what a change gives back of it.
//!
//! In flexible billing mode a credit is the part of what was really asked for that time, not of the present price:
//! an upgrade without proration that is taken back later gives nothing that was never paid.
//! Source: <https://docs.stripe.com/billing/subscriptions/billing-mode/compare>

use crate::objects::{
    invoices::lines::Credited,
    period::{Period, share},
};
use serde::{Deserialize, Serialize};

/// What was asked for a stretch of an item's time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Debit {
    pub period: Period,
    /// Minor units.
    pub amount: i64,
    /// How many units it was for.
    pub quantity: i64,
    pub price: String,
    /// The line or invoice item that asks for it.
    pub by: Credited,
}

/// What is given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credit {
    /// Minor units, below zero.
    pub amount: i64,
    pub period: Period,
    pub quantity: i64,
    pub price: String,
    pub of: Credited,
}

/// Cuts all debits at `at`: what they asked for the time after it is given back.
pub(crate) fn cut(debits: &mut Vec<Debit>, at: i64) -> Vec<Credit> {
    let mut credits = Vec::new();
    for debit in debits.iter_mut().filter(|debit| debit.period.end > at) {
        let from = at.max(debit.period.start);
        let rest = Period { start: from, end: debit.period.end };
        let amount = share(debit.amount, rest.span(), debit.period.span());
        if amount != 0 {
            let Debit { quantity, price, by, .. } = debit.clone();
            credits.push(Credit { amount: -amount, period: rest, quantity, price, of: by });
        }
        debit.amount -= amount;
        debit.period.end = from;
    }
    debits.retain(|debit| debit.period.span() > 0);
    credits
}

#[cfg(test)]
mod tests {
    use super::{Credited, Debit, cut};
    use crate::objects::period::Period;

    fn debit(start: i64, end: i64, amount: i64, line: &str) -> Debit {
        let by = Credited::Lines { invoice: "in_1".into(), lines: vec![line.into()] };
        Debit { period: Period { start, end }, amount, quantity: 1, price: "price_1".into(), by }
    }

    #[test]
    fn a_credit_is_the_rest_of_what_was_asked() {
        let mut debits = vec![debit(0, 30, 1000, "il_1")];
        let amounts: Vec<i64> = cut(&mut debits, 20).iter().map(|credit| credit.amount).collect();
        assert_eq!(amounts, [-333], "a third of 10.00, as documented");
        assert_eq!((debits[0].amount, debits[0].period), (667, Period { start: 0, end: 20 }));
        assert!(cut(&mut debits, 20).is_empty(), "nothing twice");
    }

    #[test]
    fn steps_chain_and_what_was_never_asked_is_not_given_back() {
        let mut debits = vec![debit(0, 30, 1000, "il_1")];
        let _ = cut(&mut debits, 10);
        debits.push(debit(10, 30, 1333, "il_2"));
        let credits = cut(&mut debits, 20);
        assert_eq!(credits.len(), 1);
        assert_eq!((credits[0].amount, &credits[0].of), (-667, &debit(0, 1, 0, "il_2").by));
        assert!(cut(&mut Vec::new(), 5).is_empty());
    }
}
