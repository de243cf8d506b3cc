//! Metadata: what is taken, from where, and every bad value by the name of its key.

use super::*;
use crate::pricebook::Expiry;
use alloc::format;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_string(), (*value).to_string())).collect()
}

/// The plan that a recurring price of this metadata is.
fn plan(price: &[(&str, &str)], product: &[(&str, &str)]) -> PlanDraft {
    match from_metadata(&map(price), &map(product), true) {
        Some(Ok(Draft::Plan(plan))) => plan,
        other => panic!("{other:?}"),
    }
}

/// The pack that a price paid once is.
fn pack(price: &[(&str, &str)]) -> TopUpDraft {
    match from_metadata(&map(price), &map(&[]), false) {
        Some(Ok(Draft::TopUp(pack))) => pack,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_recurring_price_is_a_plan_whose_credits_come_with_each_paid_month() {
    let all = [
        ("credits", "500.25"),
        ("planFamily", "pro"),
        ("version", "3"),
        ("internalId", "PRO_3"),
        ("publicName", "Pro, for teams"),
    ];
    let made = plan(&all, &[]);
    let named = (made.family.as_str(), made.group.as_str(), made.version, made.internal_id.as_str());
    assert_eq!(named, ("pro", "base", 3, "PRO_3"));
    assert_eq!((made.public_name.as_str(), made.rank, made.kind), ("Pro, for teams", 10, PlanKind::Base));
    let credits = made.terms.credits.clone().expect("credits");
    assert_eq!((credits.amount.micros(), credits.period), (500_250_000, AllowancePeriod::Billing));
    assert_eq!((credits.expiry, credits.priority), (Expiry::PeriodEnd, 10));
    assert_eq!(made.terms.clone().checked(), Ok(made.terms));
    assert!(made.prices.is_empty(), "the price itself is the caller's");
}

#[test]
fn a_price_paid_once_is_a_pack() {
    let made = pack(&[("credits", "50"), ("internalId", "pack-50")]);
    assert_eq!((made.family.as_str(), made.group.as_str(), made.version), ("pack-50", "packs", 1));
    assert_eq!(made.terms, TopUpTerms::of(Amount::units(50)));
    assert_eq!(made.terms.clone().checked(), Ok(made.terms));
}

#[test]
fn the_price_wins_and_the_product_fills_up() {
    let made = plan(&[("credits", "20")], &[("credits", "10"), ("planFamily", "team"), ("publicName", "Team")]);
    assert_eq!((made.family.as_str(), made.public_name.as_str()), ("team", "Team"));
    assert_eq!(made.terms.credits.map(|credits| credits.amount), Some(Amount::units(20)));
}

#[test]
fn what_is_left_out_follows_from_the_family() {
    let made = plan(&[("credits", " 7 "), ("planFamily", "solo")], &[]);
    assert_eq!((made.internal_id.as_str(), made.public_name.as_str(), made.version), ("solo", "solo", 1));
    let nothing = plan(&[("credits", "0"), ("planFamily", "solo")], &[]);
    assert_eq!(nothing.terms, PlanTerms::NOTHING, "a plan may bring no credits, if it says so");
}

#[test]
fn metadata_of_others_is_none_of_ours() {
    for foreign in [&[][..], &[("color", "red")], &[("version", "2")], &[("publicName", "Pro"), ("Credits", "5")]] {
        for recurs in [true, false] {
            assert_eq!(from_metadata(&map(foreign), &map(foreign), recurs), None, "{foreign:?}");
        }
    }
}

#[test]
fn every_bad_value_is_named() {
    let long = "n".repeat(65);
    let title = "t".repeat(201);
    let table: &[(&[(&str, &str)], &str)] = &[
        (&[("credits", "many"), ("planFamily", "a")], "credits"),
        (&[("credits", ""), ("planFamily", "a")], "credits"),
        (&[("credits", "1,5"), ("planFamily", "a")], "credits"),
        (&[("credits", "1.0000001"), ("planFamily", "a")], "credits"),
        (&[("credits", "1000000000"), ("planFamily", "a")], "credits"),
        (&[("credits", "-1"), ("planFamily", "a")], "credits"),
        (&[("credits", "NaN"), ("planFamily", "a")], "credits"),
        (&[("credits", "+5"), ("planFamily", "a")], "credits"),
        (&[("planFamily", "a")], "credits"),
        (&[("credits", "5")], "planFamily"),
        (&[("credits", "5"), ("planFamily", "a b")], "planFamily"),
        (&[("credits", "5"), ("planFamily", "")], "planFamily"),
        (&[("credits", "5"), ("planFamily", long.as_str())], "planFamily"),
        (&[("credits", "5"), ("planFamily", "a"), ("internalId", "é")], "internalId"),
        (&[("credits", "5"), ("planFamily", "a"), ("version", "0")], "version"),
        (&[("credits", "5"), ("planFamily", "a"), ("version", "v2")], "version"),
        (&[("credits", "5"), ("planFamily", "a"), ("version", "+2")], "version"),
        (&[("credits", "5"), ("planFamily", "a"), ("version", "1.5")], "version"),
        (&[("credits", "5"), ("planFamily", "a"), ("version", "1000001")], "version"),
        (&[("credits", "5"), ("planFamily", "a"), ("publicName", " ")], "publicName"),
        (&[("credits", "5"), ("planFamily", "a"), ("publicName", title.as_str())], "publicName"),
    ];
    for (metadata, key) in table {
        for recurs in [true, false] {
            let Some(Err(bad)) = from_metadata(&map(metadata), &map(&[]), recurs) else {
                panic!("{metadata:?} is taken");
            };
            assert_eq!(bad.key(), *key, "{metadata:?}");
            assert!(bad.to_string().starts_with(&format!("The metadata `{key}` is ")), "{bad}");
        }
    }
    let free = from_metadata(&map(&[("credits", "0"), ("planFamily", "a")]), &map(&[]), false);
    assert_eq!(free.and_then(Result::err).map(|bad| bad.key()), Some("credits"), "an empty pack is none");
}

/// A bad value on the price is not made good by one on the product: it says what was meant.
#[test]
fn a_bad_price_is_not_mended_by_its_product() {
    let read = from_metadata(&map(&[("credits", "x")]), &map(&[("credits", "5"), ("planFamily", "a")]), true);
    let rule = "It must be a decimal number such as 500 or 2.5: at most six decimals, at most 999999999.999999.";
    assert_eq!(read, Some(Err(BadMetadata::Wrong { key: "credits", value: "x".to_string(), rule })));
}
