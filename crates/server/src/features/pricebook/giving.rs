//! What plans give again and again by the calendar: the default ones, read with every wallet, and those that are bought.

use super::store::{
    self,
    plans::{self as rows, Plan},
};
use crate::platform::db::{DbError, Load, Row};
use purser_rules::{
    Amount, Time,
    credit::{AllowanceTerms, Every, Giving, Span},
    pricebook::{AllowancePeriod, PlanTerms},
    subscription::credits,
};
use std::sync::Arc;

/// The default plans, as far as they give; shared by all wallets that were read together.
pub type Defaults = Arc<[Giving]>;

/// A read of the default plans, for [`defaults`]. It belongs into the round trip that reads the wallets, so that both
/// are of one moment: there is nothing to be kept, and nothing that grows old.
#[must_use]
pub fn load_defaults() -> Load {
    Load::Query { sql: rows::DEFAULTS.into(), params: Vec::new() }
}

/// The default plans from the rows of [`load_defaults`]: since each was made, and without end.
///
/// # Errors
/// [`DbError::Bug`] when this version did not write them.
pub fn defaults(rows: &[Row]) -> Result<Defaults, DbError> {
    rows.iter().map(default).collect()
}

fn default(row: &Row) -> Result<Giving, DbError> {
    let (group, tier) = (store::name(row, 0)?, store::name(row, 1)?);
    let (rank, terms): (u32, PlanTerms) = (store::small(row, 2)?, store::terms(row, 3)?);
    let span = Span { from: row.ts(4)?, until: None, terms: by_calendar(&terms, rank, 1) };
    Ok(Giving { group: group.as_str().to_owned(), tier: tier.as_str().to_owned(), unit: terms.unit(), span })
}

/// What `plan` gives to a customer who has so many of it, from an instant on until access ends, if that is known.
#[must_use]
pub fn giving(plan: &Plan, quantity: u64, (from, until): (Time, Option<Time>)) -> Giving {
    let span = Span { from, until, terms: by_calendar(&plan.terms, plan.rank, quantity) };
    Giving { group: plan.key_group(), tier: plan.internal_id.as_str().to_owned(), unit: plan.terms.unit(), span }
}

/// What `terms` give by the calendar; nothing, when their credits come with paid periods or there are none.
fn by_calendar(terms: &PlanTerms, rank: u32, quantity: u64) -> AllowanceTerms {
    let nothing = AllowanceTerms::nothing(i32::try_from(rank).unwrap_or(i32::MAX));
    let Some(given) = &terms.credits else { return nothing };
    let every = match given.period {
        AllowancePeriod::Day => Every::Day,
        AllowancePeriod::Week => Every::Week,
        AllowancePeriod::Month => Every::Month,
        AllowancePeriod::Billing => return nothing,
    };
    let amount = credits(given.amount, quantity, given.per_seat).unwrap_or(Amount::MAX);
    AllowanceTerms { every, amount, priority: given.priority, rollover: given.rollover, ..nothing }
}

#[cfg(test)]
mod tests {
    use super::*;
    use purser_rules::pricebook::Credits;

    fn terms(period: AllowancePeriod, per_seat: bool) -> PlanTerms {
        let credits = Credits { per_seat, ..Credits::each(period, Amount::units(5)) };
        PlanTerms { credits: Some(credits), ..PlanTerms::NOTHING }
    }

    #[test]
    fn seats_multiply_only_what_is_per_seat() {
        for (per_seat, quantity, units) in [(false, 3, 5), (true, 3, 15), (true, 0, 0)] {
            let given = by_calendar(&terms(AllowancePeriod::Day, per_seat), 10, quantity);
            assert_eq!((given.amount, given.every, given.rank), (Amount::units(units), Every::Day, 10), "{quantity}");
        }
        assert_eq!(by_calendar(&terms(AllowancePeriod::Month, true), 0, u64::MAX).amount, Amount::MAX);
    }

    #[test]
    fn credits_of_paid_periods_are_no_allowance() {
        assert_eq!(by_calendar(&terms(AllowancePeriod::Billing, false), 10, 1), AllowanceTerms::nothing(10));
        assert_eq!(by_calendar(&PlanTerms::NOTHING, 10, 1), AllowanceTerms::nothing(10));
        assert_eq!(by_calendar(&terms(AllowancePeriod::Week, false), 0, 1).every, Every::Week);
    }
}
