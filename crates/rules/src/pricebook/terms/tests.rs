//! Terms: every bound from both sides, each refusal by the name of its field, and the words as they are stored.

use super::*;
use crate::pricebook::{Interval, PlanKind, PriceKind};
use alloc::string::{String, ToString};
use serde::de::{
    IntoDeserializer,
    value::{Error as Unread, StrDeserializer},
};

/// A plan that gives `credits`.
fn plan(credits: Credits) -> PlanTerms {
    PlanTerms { credits: Some(credits), ..PlanTerms::NOTHING }
}

/// Five a day.
fn daily() -> Credits {
    Credits::each(AllowancePeriod::Day, Amount::units(5))
}

#[test]
fn good_terms_stay_as_they_are() {
    let rolls = |max, periods| Credits { rollover: Some(CarryOver { max, periods }), ..daily() };
    let good = [
        PlanTerms::NOTHING,
        plan(daily()),
        plan(Credits { amount: Amount::MAX, ..daily() }),
        plan(Credits { expiry: Expiry::Days(1), priority: 0, ..daily() }),
        plan(Credits { expiry: Expiry::Days(3650), priority: 1000, per_seat: true, ..daily() }),
        plan(rolls(Amount::units(1), 1)),
        plan(rolls(Amount::MAX, 31)),
        PlanTerms { trial_days: 730, trial_credits: Amount::units(3), ..plan(daily()) },
    ];
    for terms in good {
        assert_eq!(terms.clone().checked(), Ok(terms));
    }
    for terms in [
        TopUpTerms::of(Amount::units(1)),
        TopUpTerms { expires_in_days: None, priority: 0, ..TopUpTerms::of(Amount::MAX) },
        TopUpTerms { expires_in_days: Some(1), priority: 1000, ..TopUpTerms::of(Amount::MAX) },
        TopUpTerms { expires_in_days: Some(3650), ..TopUpTerms::of(Amount::MAX) },
    ] {
        assert_eq!(terms.clone().checked(), Ok(terms));
    }
}

#[test]
fn each_refusal_names_its_field() {
    let less = Amount::from_micros(-1).expect("an amount");
    let rolls = |max, periods| Credits { rollover: Some(CarryOver { max, periods }), ..daily() };
    let rolling = rolls(Amount::units(1), 1);
    let table = [
        (plan(Credits { amount: Amount::ZERO, ..daily() }), BadTerms::CreditsAmount, "credits.amount"),
        (plan(Credits { amount: less, ..daily() }), BadTerms::CreditsAmount, "credits.amount"),
        (plan(Credits { expiry: Expiry::Days(0), ..daily() }), BadTerms::CreditsExpiry, "credits.expires_in_days"),
        (plan(Credits { expiry: Expiry::Days(3651), ..daily() }), BadTerms::CreditsExpiry, "credits.expires_in_days"),
        (plan(Credits { priority: 1001, ..daily() }), BadTerms::CreditsPriority, "credits.priority"),
        (plan(Credits { expiry: Expiry::Days(30), ..rolling }), BadTerms::Rollover, "credits.rollover"),
        (plan(rolls(Amount::ZERO, 1)), BadTerms::RolloverMax, "credits.rollover.max"),
        (plan(rolls(Amount::units(1), 0)), BadTerms::RolloverPeriods, "credits.rollover.periods"),
        (plan(rolls(Amount::units(1), 32)), BadTerms::RolloverPeriods, "credits.rollover.periods"),
        (PlanTerms { trial_days: 731, ..PlanTerms::NOTHING }, BadTerms::TrialDays, "trial_days"),
        (PlanTerms { trial_credits: less, ..PlanTerms::NOTHING }, BadTerms::TrialCredits, "trial_credits"),
    ];
    for (terms, bad, field) in table {
        assert_eq!(terms.checked().map_err(|bad| (bad, bad.field())), Err((bad, field)));
    }
    let pack = TopUpTerms::of(Amount::units(50));
    let table = [
        (TopUpTerms { credits: Amount::ZERO, ..pack.clone() }, BadTerms::PackCredits, "credits"),
        (TopUpTerms { credits: less, ..pack.clone() }, BadTerms::PackCredits, "credits"),
        (TopUpTerms { expires_in_days: Some(0), ..pack.clone() }, BadTerms::PackExpiry, "expires_in_days"),
        (TopUpTerms { expires_in_days: Some(3651), ..pack.clone() }, BadTerms::PackExpiry, "expires_in_days"),
        (TopUpTerms { priority: 1001, ..pack }, BadTerms::PackPriority, "priority"),
    ];
    for (terms, bad, field) in table {
        assert_eq!(terms.checked().map_err(|bad| (bad, bad.field())), Err((bad, field)));
    }
}

#[test]
fn the_defaults_are_those_of_the_rules() {
    assert_eq!(daily().priority, 10);
    assert_eq!(daily().unit.as_str(), "credits");
    let pack = TopUpTerms::of(Amount::units(50));
    assert_eq!((pack.expires_in_days, pack.priority), (Some(365), 30));
    assert_eq!(PlanTerms::NOTHING.unit(), Unit::credits());
    let tokens = Credits { unit: Unit::new("tokens").expect("a unit"), ..daily() };
    assert_eq!(plan(tokens).unit().as_str(), "tokens");
}

/// The word that serde reads is the word that is written: both stand in the API and in the database.
#[test]
fn words_are_read_as_they_are_written() {
    fn both<T: Copy + PartialEq + core::fmt::Debug>(
        all: &[T],
        text: impl Fn(T) -> &'static str,
        parse: impl Fn(&str) -> Option<T>,
        read: impl Fn(StrDeserializer<'static, Unread>) -> Result<T, Unread>,
    ) {
        for word in all {
            assert_eq!(parse(text(*word)), Some(*word));
            let read = read(text(*word).into_deserializer()).map_err(|error| error.to_string());
            assert_eq!(read, Ok::<T, String>(*word));
        }
        assert_eq!(parse("nonsense"), None);
    }
    both(AllowancePeriod::ALL, AllowancePeriod::as_str, AllowancePeriod::parse, AllowancePeriod::deserialize);
    both(ChangeCredits::ALL, ChangeCredits::as_str, ChangeCredits::parse, ChangeCredits::deserialize);
    both(OnDelete::ALL, OnDelete::as_str, OnDelete::parse, OnDelete::deserialize);
    both(PlanKind::ALL, PlanKind::as_str, PlanKind::parse, PlanKind::deserialize);
    both(PriceKind::ALL, PriceKind::as_str, PriceKind::parse, PriceKind::deserialize);
    both(Interval::ALL, Interval::as_str, Interval::parse, Interval::deserialize);
}
