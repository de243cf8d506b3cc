//! What a quantity costs: E140–E146, E148–E154. The total of a first invoice is the figure of the page.

use super::{Params, Stage, int};

/// A price, and what quantities of it cost.
struct Row {
    id: &'static str,
    price: Params,
    costs: &'static [(&'static str, i64)],
}

/// E140 and E141: the same three tiers, counted in two ways.
macro_rules! three_tiers {
    ($mode:literal) => {
        &[
            ("billing_scheme", "tiered"),
            ("tiers_mode", $mode),
            ("tiers[0][up_to]", "5"),
            ("tiers[0][unit_amount]", "700"),
            ("tiers[1][up_to]", "10"),
            ("tiers[1][unit_amount]", "650"),
            ("tiers[2][up_to]", "inf"),
            ("tiers[2][unit_amount]", "600"),
        ]
    };
}

/// E143 to E145: five tiers with an amount of their own each.
macro_rules! flat_tiers {
    ($mode:literal) => {
        &[
            ("billing_scheme", "tiered"),
            ("tiers_mode", $mode),
            ("tiers[0][up_to]", "5"),
            ("tiers[0][unit_amount]", "500"),
            ("tiers[0][flat_amount]", "1000"),
            ("tiers[1][up_to]", "10"),
            ("tiers[1][unit_amount]", "400"),
            ("tiers[1][flat_amount]", "2000"),
            ("tiers[2][up_to]", "15"),
            ("tiers[2][unit_amount]", "300"),
            ("tiers[2][flat_amount]", "3000"),
            ("tiers[3][up_to]", "20"),
            ("tiers[3][unit_amount]", "200"),
            ("tiers[3][flat_amount]", "4000"),
            ("tiers[4][up_to]", "inf"),
            ("tiers[4][unit_amount]", "100"),
            ("tiers[4][flat_amount]", "5000"),
        ]
    };
}

const FIVE_TIERS: Params = &[
    ("billing_scheme", "tiered"),
    ("tiers_mode", "graduated"),
    ("tiers[0][up_to]", "5"),
    ("tiers[0][unit_amount]", "500"),
    ("tiers[1][up_to]", "10"),
    ("tiers[1][unit_amount]", "400"),
    ("tiers[2][up_to]", "15"),
    ("tiers[2][unit_amount]", "300"),
    ("tiers[3][up_to]", "20"),
    ("tiers[3][unit_amount]", "200"),
    ("tiers[4][up_to]", "inf"),
    ("tiers[4][unit_amount]", "100"),
];

/// E145: a first tier of one unit without an amount of its own bills nothing for none.
const FREE_FIRST: Params = &[
    ("billing_scheme", "tiered"),
    ("tiers_mode", "graduated"),
    ("tiers[0][up_to]", "1"),
    ("tiers[0][unit_amount]", "1500"),
    ("tiers[1][up_to]", "inf"),
    ("tiers[1][unit_amount]", "500"),
];

const PACKS_OF_FIVE: Params =
    &[("unit_amount", "1000"), ("transform_quantity[divide_by]", "5"), ("transform_quantity[round]", "up")];

const MINUTES: Params =
    &[("unit_amount", "1000"), ("transform_quantity[divide_by]", "60"), ("transform_quantity[round]", "up")];

const PACKAGE: Params =
    &[("unit_amount", "2500"), ("transform_quantity[divide_by]", "5"), ("transform_quantity[round]", "up")];

const TABLE: &[Row] = &[
    Row {
        id: "E140",
        price: three_tiers!("volume"),
        costs: &[("1", 700), ("5", 3500), ("6", 3900), ("20", 12_000), ("25", 15_000)],
    },
    Row {
        id: "E141",
        price: three_tiers!("graduated"),
        costs: &[("1", 700), ("5", 3500), ("6", 4150), ("20", 12_750), ("25", 15_750)],
    },
    Row {
        id: "E142",
        price: FIVE_TIERS,
        costs: &[("1", 500), ("5", 2500), ("6", 2900), ("20", 7000), ("25", 7500)],
    },
    Row { id: "E143", price: flat_tiers!("volume"), costs: &[("12", 6600)] },
    Row { id: "E144", price: flat_tiers!("graduated"), costs: &[("12", 11_100)] },
    Row { id: "E145, volume", price: flat_tiers!("volume"), costs: &[("0", 1000)] },
    Row { id: "E145, graduated", price: flat_tiers!("graduated"), costs: &[("0", 1000)] },
    Row { id: "E145, nothing for none", price: FREE_FIRST, costs: &[("0", 0), ("1", 1500)] },
    Row { id: "E146", price: PACKS_OF_FIVE, costs: &[("1", 1000), ("3", 1000), ("5", 1000), ("6", 2000), ("7", 2000)] },
    Row { id: "E148 (a)", price: MINUTES, costs: &[("150", 3000)] },
    Row { id: "E148 (b)", price: PACKAGE, costs: &[("8", 5000)] },
    Row { id: "E149", price: &[("unit_amount_decimal", "0.05")], costs: &[("30", 2)] },
    Row {
        id: "E151",
        price: &[("unit_amount", "500")],
        costs: &[("1", 500), ("5", 2500), ("6", 3000), ("20", 10_000), ("25", 12_500)],
    },
    Row { id: "E152", price: &[("unit_amount", "999")], costs: &[("1", 999), ("2", 1998)] },
    Row { id: "E154", price: &[("unit_amount", "1000")], costs: &[("12", 12_000)] },
];

#[test]
fn quantities_of_a_price() {
    for Row { id, price, costs } in TABLE {
        for (quantity, cost) in *costs {
            let mut stage = Stage::begin("2026-01-01");
            stage.price("it", "Pro", price);
            stage.subscribe(&[("items[0][price]", "$it"), ("items[0][quantity]", quantity)]);
            assert_eq!(stage.totals(), [*cost], "{id}: {quantity}");
        }
    }
}

#[test]
fn lines_are_rounded_by_themselves() {
    // Two lines of 1.5 cents are 2 and 2, not 3.
    let mut stage = Stage::begin("2026-01-01");
    for name in ["one", "other"] {
        stage.price(name, name, &[("unit_amount_decimal", "0.05")]);
    }
    let params = [
        ("items[0][price]", "$one"),
        ("items[0][quantity]", "30"),
        ("items[1][price]", "$other"),
        ("items[1][quantity]", "30"),
    ];
    stage.subscribe(&params);
    assert_eq!((stage.billed(), stage.totals()), (vec![vec![2, 2]], vec![4]), "E149");
}

#[test]
fn what_a_price_with_a_fraction_shows() {
    for (decimal, whole) in [("105.5", None), ("5", Some(5))] {
        let mut stage = Stage::begin("2026-01-01");
        stage.price("it", "Pro", &[("unit_amount_decimal", decimal)]);
        let path = format!("/v1/prices/{}", stage.price_id("it"));
        let price = stage.get(&path);
        assert_eq!((price["unit_amount"].as_i64(), price["unit_amount_decimal"] == decimal), (whole, true), "E150");
    }
    let mut stage = Stage::begin("2026-01-01");
    let product = crate::tests::life::id(&stage.post("/v1/products", &[("name", "Pro")]));
    for (decimal, status) in [("0.000000000001", 200), ("0.0000000000001", 400)] {
        let params = [("currency", "usd"), ("product", product.as_str()), ("unit_amount_decimal", decimal)];
        assert_eq!(stage.ask("POST", "/v1/prices", &params).0, status, "E150: {decimal}, at most 12 places");
    }
}

#[test]
fn several_products_on_one_invoice() {
    let mut stage = Stage::begin("2026-01-01");
    let params = [
        ("items[0][price]", "$1000/month"),
        ("items[0][quantity]", "1"),
        ("items[1][price]", "$2000/month"),
        ("items[1][quantity]", "2"),
    ];
    stage.subscribe(&params);
    assert_eq!((stage.billed(), stage.totals()), (vec![vec![1000, 4000]], vec![5000]), "E153");
    for (count, status) in [(20, 200), (21, 400)] {
        let mut params = vec![("customer".to_owned(), "#customer".to_owned())];
        params.extend((0..count).map(|place| (format!("items[{place}][price]"), format!("${}/month", 100 + place))));
        let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (found, body) = stage.ask("POST", "/v1/subscriptions", &params);
        assert_eq!(found, status, "E153: {count} products: {body:#}");
        if status == 200 {
            assert_eq!(body["items"]["data"].as_array().map(Vec::len), Some(20), "E153");
            let total: i64 = (0..20).map(|place| 100 + place).sum();
            let path = format!("/v1/invoices/{}", super::word(&body["latest_invoice"]));
            assert_eq!(int(&stage.get(&path)["total"]), total, "E153");
        }
    }
    let one = [("customer", "#customer"), ("items[0][price]", "$1000/month"), ("items[1][price]", "$euro")];
    stage.price("euro", "Pro", &[("currency_options[usd][unit_amount]", "1"), ("unit_amount", "900")]);
    let product = crate::tests::life::id(&stage.post("/v1/products", &[("name", "Pro")]));
    let euro = [("currency", "eur"), ("product", product.as_str()), ("unit_amount", "900"), ("recurring[interval]", "month")];
    let euro = crate::tests::life::id(&stage.post("/v1/prices", &euro));
    stage.prices.insert("euro".into(), euro);
    assert_eq!(stage.ask("POST", "/v1/subscriptions", &one).0, 400, "E153: one currency");
}
