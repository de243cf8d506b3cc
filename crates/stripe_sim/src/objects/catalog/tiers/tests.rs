//! Amounts to the cent: the worked examples of Stripe's documentation, by the numbers they have in our notes of it.

use super::{amount_for, amount_of, describe};
use crate::{
    objects::{
        catalog::{Price, create_price, price_of},
        decimal::Decimal,
        testing::{asked, value},
    },
    world::{Cx, World},
};
use serde_json::{Value, json};

/// A world with one monthly price in USD, made as `terms` say, of a product called `Pro`.
fn world_with(terms: &Value) -> (World, String) {
    let mut world = World::new(1, 1_700_000_000);
    let mut params = json!({
        "product_data": { "name": "Pro" }, "currency": "usd", "recurring": { "interval": "month" },
    });
    for (name, term) in terms.as_object().into_iter().flatten() {
        params[name] = term.clone();
    }
    let made = {
        let mut cx = Cx::new(&mut world, None);
        value(create_price(&mut cx, &asked(&[], params)))
    };
    (world, made["id"].as_str().unwrap_or_default().to_owned())
}

fn price(terms: &Value) -> Price {
    let (world, id) = world_with(terms);
    price_of(&world, &id).expect("the price").clone()
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect(text)
}

fn tiered(mode: &str, tiers: &Value) -> Value {
    json!({ "billing_scheme": "tiered", "tiers_mode": mode, "tiers": tiers })
}

/// Tiers by their ends (0 is none), unit amounts and flat amounts.
fn tiers(list: &[(i64, i64, i64)]) -> Value {
    let tier = |(end, unit, flat): &(i64, i64, i64)| {
        let up_to = if *end == 0 { json!("inf") } else { json!(end) };
        let mut tier = json!({ "up_to": up_to, "unit_amount": unit });
        if *flat > 0 {
            tier["flat_amount"] = json!(flat);
        }
        tier
    };
    list.iter().map(tier).collect()
}

#[test]
fn documented_examples_come_out_to_the_cent() {
    let three = tiers(&[(5, 700, 0), (10, 650, 0), (0, 600, 0)]);
    let five = tiers(&[(5, 500, 0), (10, 400, 0), (15, 300, 0), (20, 200, 0), (0, 100, 0)]);
    let flat = tiers(&[(5, 500, 1000), (10, 400, 2000), (15, 300, 3000), (20, 200, 4000), (0, 100, 5000)]);
    let tokens = json!([{ "up_to": 100_000, "unit_amount": 0 }, { "up_to": "inf", "unit_amount_decimal": "0.1" }]);
    let included = tiers(&[(1000, 0, 0), (0, 4, 0)]);
    let pack = |unit: i64, size: i64, round: &str| json!({ "unit_amount": unit, "transform_quantity": { "divide_by": size, "round": round } });
    let per_unit = |amount: i64| json!({ "unit_amount": amount });
    let per_part = |amount: &str| json!({ "unit_amount_decimal": amount });
    type Row = (&'static str, Value, &'static [(&'static str, i64)]);
    let table: [Row; 20] = [
        ("E130", per_unit(100), &[("32", 3200), ("2", 200)]),
        ("E131", per_unit(100), &[("15", 1500), ("17", 1700), ("18", 1800)]),
        ("E137", pack(4, 100, "up"), &[("25", 4), ("3000", 120)]),
        ("E138", tiered("graduated", &tokens), &[("150000", 5000), ("100000", 0)]),
        ("E139", tiered("graduated", &included), &[("3000", 8000), ("1000", 0)]),
        ("E140", tiered("volume", &three), &[("1", 700), ("5", 3500), ("6", 3900), ("20", 12_000), ("25", 15_000)]),
        ("E141", tiered("graduated", &three), &[("1", 700), ("5", 3500), ("6", 4150), ("20", 12_750), ("25", 15_750)]),
        ("E142", tiered("graduated", &five), &[("1", 500), ("5", 2500), ("6", 2900), ("20", 7000), ("25", 7500)]),
        ("E143", tiered("volume", &flat), &[("12", 6600)]),
        ("E144", tiered("graduated", &flat), &[("12", 11_100)]),
        ("E145 volume", tiered("volume", &flat), &[("0", 1000), ("-3", 1000)]),
        ("E145 graduated", tiered("graduated", &flat), &[("0", 1000), ("-3", 1000)]),
        ("E146", pack(1000, 5, "up"), &[("1", 1000), ("3", 1000), ("5", 1000), ("6", 2000), ("7", 2000)]),
        ("E147", pack(10, 1000, "down"), &[("999", 0), ("1999", 10), ("2000", 20)]),
        ("E148 minutes", pack(1000, 60, "up"), &[("150", 3000)]),
        ("E148 packages", pack(2500, 5, "up"), &[("8", 5000)]),
        ("E149", per_part("0.05"), &[("30", 2), ("29", 1), ("0", 0)]),
        ("E151", per_unit(500), &[("1", 500), ("5", 2500), ("6", 3000), ("20", 10_000), ("25", 12_500)]),
        ("E152", per_unit(999), &[("1", 999), ("2", 1998)]),
        ("E154", per_unit(1000), &[("12", 12_000)]),
    ];
    for (example, terms, amounts) in table {
        let price = price(&terms);
        for (quantity, amount) in amounts {
            assert_eq!(amount_of(&price, decimal(quantity)), *amount, "{example}: {quantity}");
        }
    }
}

#[test]
fn thresholds_and_switches_price_the_same_way() {
    // E133, E134: 10 and 15 for each hundred calls; E155, E156: what a threshold waits for.
    let calls = |amount: i64| {
        price(&json!({ "unit_amount": amount, "transform_quantity": { "divide_by": 100, "round": "up" } }))
    };
    assert_eq!(amount_of(&calls(10), decimal("1000")), 100);
    assert_eq!(amount_of(&calls(15), decimal("500")), 75);
    let steps = tiers(&[(10_000, 50, 0), (0, 40, 0)]);
    let graduated = price(&tiered("graduated", &steps));
    assert_eq!(amount_of(&graduated, decimal("200")), 10_000);
    assert_eq!(amount_of(&graduated, decimal("10250")), 510_000);
    let volume = price(&tiered("volume", &steps));
    for (quantity, amount) in [("10000", 500_000), ("10001", 400_040), ("12500", 500_000), ("25000", 1_000_000)] {
        assert_eq!(amount_of(&volume, decimal(quantity)), amount, "E156: {quantity}");
    }
}

#[test]
fn graduated_tiers_have_a_line_each() {
    let tiers = json!([
        { "up_to": 5, "unit_amount": 700 },
        { "up_to": 10, "unit_amount_decimal": "0.5", "flat_amount": 20 },
        { "up_to": "inf", "flat_amount_decimal": "0.5" },
    ]);
    let price = price(&tiered("graduated", &tiers));
    let lines = |quantity: &str| {
        let lines = amount_for(&price, decimal(quantity)).into_iter();
        let told = |line: super::TierAmount| (line.tier, line.quantity_decimal.to_string(), line.quantity, line.amount);
        lines.map(told).collect::<Vec<_>>()
    };
    let first = |quantity: i64, amount: i64| (Some(1), quantity.to_string(), quantity, amount);
    assert_eq!(lines("0"), [first(0, 0)]);
    assert_eq!(lines("5"), [first(5, 3500)]);
    assert_eq!(lines("6.5"), [first(5, 3500), (Some(2), "1.5".into(), 1, 21)]);
    let all = [first(5, 3500), (Some(2), "5".into(), 5, 23), (Some(3), "90".into(), 90, 1)];
    assert_eq!(lines("100"), all);
    let units: Vec<_> = amount_for(&price, decimal("100")).into_iter().map(|line| line.unit_amount_decimal).collect();
    assert_eq!(units, [Some("700".into()), Some("0.5".into()), Some("0".to_owned())]);
}

#[test]
fn lines_are_described_as_stripe_does() {
    let quarter = json!({ "interval": "month", "interval_count": 3 });
    let seats = json!({ "name": "Pro", "unit_label": "seat" });
    let table = [
        (json!({ "unit_amount": 3252 }), "1", "1 × Pro (at $32.52 / month)"),
        (json!({ "unit_amount": 1000, "currency": "eur" }), "12", "12 × Pro (at €10.00 / month)"),
        (json!({ "unit_amount": 90_000, "recurring": quarter }), "1", "1 × Pro (at $900.00 / every 3 months)"),
        (tiered("volume", &tiers(&[(5, 700, 0), (0, 600, 0)])), "57", "57 × Pro (Tier 2 at $6.00 / month)"),
        (json!({ "unit_amount": 1800, "product_data": seats }), "1", "1 seat × Pro (at $18.00 / month)"),
        (json!({ "unit_amount_decimal": "0.05" }), "30.5", "30.5 × Pro (at $0.0005 / month)"),
    ];
    for (terms, quantity, text) in table {
        let (world, id) = world_with(&terms);
        let price = price_of(&world, &id).expect("the price");
        let lines = amount_for(price, decimal(quantity));
        assert_eq!(describe(&world, price, &lines[0]), text);
    }
    let once = json!({ "unit_amount": 500, "recurring": null });
    let (world, id) = world_with(&once);
    let price = price_of(&world, &id).expect("the price");
    assert_eq!(describe(&world, price, &amount_for(price, decimal("2"))[0]), "Pro");
}
