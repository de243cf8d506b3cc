//! What a plan adds to a month of which others gave already, in whatever order their payments are told (rules 1.12).

use crate::{Amount, Time};
use alloc::vec::Vec;

/// What a plan of `amount` that was paid for from `from` on adds to the month from `start` to `end`: at each instant
/// what it has above the largest of the plans that were paid for by then. `given` are those, each with the instant from
/// which. The whole is rounded down.
///
/// So a first payment that is told after the upgrade that followed it still gives for the time before the upgrade, and
/// all orders come to the same, but for a millionth that each rounding may take.
#[must_use]
pub fn raised(amount: Amount, (start, end): (Time, Time), from: Time, given: &[(Time, Amount)]) -> Amount {
    let mut at = from.max(start);
    if at >= end {
        return Amount::ZERO;
    }
    let before = given.iter().filter(|(since, _)| *since <= at).map(|(_, amount)| *amount);
    let mut most = before.max().unwrap_or_default();
    let within = |(since, _): &(Time, Amount)| *since > at && *since < end;
    let mut later: Vec<(Time, Amount)> = given.iter().copied().filter(within).collect();
    later.sort_unstable();
    let over = |most: Amount, from: Time, until: Time| {
        let more = i128::from(amount.micros()) - i128::from(most.micros());
        more.max(0) * (i128::from(until.micros()) - i128::from(from.micros()))
    };
    let mut sum = 0;
    for (since, other) in later {
        if other > most {
            sum += over(most, at, since);
            (at, most) = (since, other);
        }
    }
    sum += over(most, at, end);
    let whole = i128::from(end.micros()) - i128::from(start.micros());
    i64::try_from(sum / whole.max(1)).ok().and_then(Amount::from_micros).unwrap_or_default()
}

/// What counts as given, and since when, of the credits of a month from `start` to `end` that were taken back in part:
/// `grants` says since when each was given, and what of it was not taken back. As [`raised`] takes it: what a whole
/// month would have been given, each with those before it.
#[must_use]
pub fn kept((start, end): (Time, Time), grants: &[(Time, Amount)]) -> Vec<(Time, Amount)> {
    let whole = i128::from(end.micros()) - i128::from(start.micros());
    let mut grants = grants.to_vec();
    grants.sort_unstable();
    let mut sum = 0_i128;
    let counted = grants.iter().map(|(since, kept)| {
        let part = (i128::from(end.micros()) - i128::from((*since).max(start).micros())).max(1);
        // Rounded up, so that nothing is given twice.
        sum += (i128::from(kept.micros()) * whole + part - 1) / part;
        (*since, i64::try_from(sum).ok().and_then(Amount::from_micros).unwrap_or(Amount::MAX))
    });
    counted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Time {
        Time::from_micros(0).plus_seconds(day * 86_400)
    }

    /// Tells payments of plans from these days on, in this order; the sum in a month of 30 days.
    fn told(payments: &[(i64, i64)]) -> Amount {
        let (mut given, mut sum) = (Vec::new(), Amount::ZERO);
        for (since, units) in payments {
            let (since, amount) = (day(*since), Amount::units(*units));
            let more = raised(amount, (day(0), day(30)), since, &given);
            sum = sum.checked_add(more).expect("a sum");
            given.push((since, amount));
        }
        sum
    }

    #[test]
    fn an_upgrade_gives_its_part_of_the_difference() {
        assert_eq!(told(&[(0, 300)]), Amount::units(300));
        assert_eq!(told(&[(10, 300)]), Amount::units(200), "a part alone");
        assert_eq!(told(&[(0, 300), (10, 900)]), Amount::units(700));
        assert_eq!(told(&[(0, 900), (10, 300)]), Amount::units(900), "a downgrade gives nothing");
        assert_eq!(told(&[(0, 300), (10, 900), (20, 300), (25, 900)]), Amount::units(700), "nor does going to and fro");
        assert_eq!(told(&[(0, 300), (0, 300), (30, 900), (31, 900)]), Amount::units(300));
    }

    #[test]
    fn whatever_is_told_first_the_sum_is_the_same() {
        let lives: [[(i64, i64); 3]; 4] = [
            [(0, 300), (10, 900), (20, 1500)],
            [(0, 900), (10, 300), (20, 1500)],
            [(0, 300), (10, 1500), (20, 900)],
            [(5, 600), (5, 300), (15, 1200)],
        ];
        for [a, b, c] in lives {
            let sum = told(&[a, b, c]);
            for other in [[a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]] {
                assert_eq!(told(&other), sum, "{other:?}");
            }
        }
    }

    #[test]
    fn what_was_taken_back_is_given_to_who_pays_again() {
        let month = (day(0), day(30));
        let units = Amount::units;
        let again = |from, grants: &[(Time, Amount)]| raised(units(900), month, day(from), &kept(month, grants));
        assert_eq!(again(0, &[(day(0), units(300))]), units(600), "300 of it was spent");
        assert_eq!(again(15, &[(day(0), units(300))]), units(300), "half of the month, of which 300 a month was kept");
        assert_eq!(again(0, &[(day(0), units(300)), (day(0), units(200))]), units(400), "ended twice");
        assert_eq!(
            again(0, &[(day(0), units(300)), (day(15), units(300))]),
            units(300),
            "600 a month since the middle"
        );
        assert_eq!(again(0, &[]), units(900), "all of it was taken back");
    }
}
