//! What a quantity costs: E140–E146, E148–E154. The total of a first invoice is the figure of the page.

use super::{Params, Stage, id, int, word};

/// What one unit costs.
enum Cost {
    /// As these parameters say.
    Said(Params),
    /// By tiers that are counted in this way: the last unit, what each costs, and what the tier costs besides.
    Tiers(&'static str, &'static [(&'static str, &'static str, &'static str)]),
}

impl Cost {
    /// The parameters of a price.
    fn params(&self) -> Vec<(String, String)> {
        match self {
            Self::Said(params) => params.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            Self::Tiers(mode, tiers) => {
                let mut params: Vec<(String, String)> =
                    vec![("billing_scheme".into(), "tiered".into()), ("tiers_mode".into(), (*mode).into())];
                for (place, (up_to, unit, flat)) in tiers.iter().enumerate() {
                    for (name, value) in [("up_to", up_to), ("unit_amount", unit), ("flat_amount", flat)] {
                        if !value.is_empty() {
                            params.push((format!("tiers[{place}][{name}]"), (*value).to_owned()));
                        }
                    }
                }
                params
            }
        }
    }
}

/// The parameters as texts that a request takes.
fn texts(params: &[(String, String)]) -> Vec<(&str, &str)> {
    params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

const THREE: &[(&str, &str, &str)] = &[("5", "700", ""), ("10", "650", ""), ("inf", "600", "")];

const FIVE: &[(&str, &str, &str)] =
    &[("5", "500", ""), ("10", "400", ""), ("15", "300", ""), ("20", "200", ""), ("inf", "100", "")];

const FLAT: &[(&str, &str, &str)] = &[
    ("5", "500", "1000"),
    ("10", "400", "2000"),
    ("15", "300", "3000"),
    ("20", "200", "4000"),
    ("inf", "100", "5000"),
];

/// A price, and what quantities of it cost.
struct Row {
    id: &'static str,
    price: Cost,
    costs: &'static [(&'static str, i64)],
}

const TABLE: &[Row] = &[
    Row {
        id: "E140",
        price: Cost::Tiers("volume", THREE),
        costs: &[("1", 700), ("5", 3500), ("6", 3900), ("20", 12_000), ("25", 15_000)],
    },
    Row {
        id: "E141",
        price: Cost::Tiers("graduated", THREE),
        costs: &[("1", 700), ("5", 3500), ("6", 4150), ("20", 12_750), ("25", 15_750)],
    },
    Row {
        id: "E142",
        price: Cost::Tiers("graduated", FIVE),
        costs: &[("1", 500), ("5", 2500), ("6", 2900), ("20", 7000), ("25", 7500)],
    },
    Row { id: "E143", price: Cost::Tiers("volume", FLAT), costs: &[("12", 6600)] },
    Row { id: "E144", price: Cost::Tiers("graduated", FLAT), costs: &[("12", 11_100)] },
    Row { id: "E145, volume", price: Cost::Tiers("volume", FLAT), costs: &[("0", 1000)] },
    Row { id: "E145, graduated", price: Cost::Tiers("graduated", FLAT), costs: &[("0", 1000)] },
    Row {
        id: "E145, a first tier of one unit",
        price: Cost::Tiers("graduated", &[("1", "1500", ""), ("inf", "500", "")]),
        costs: &[("0", 0), ("1", 1500)],
    },
    Row {
        id: "E146",
        price: Cost::Said(&[
            ("unit_amount", "1000"),
            ("transform_quantity[divide_by]", "5"),
            ("transform_quantity[round]", "up"),
        ]),
        costs: &[("1", 1000), ("3", 1000), ("5", 1000), ("6", 2000), ("7", 2000)],
    },
    Row {
        id: "E148 (a)",
        price: Cost::Said(&[
            ("unit_amount", "1000"),
            ("transform_quantity[divide_by]", "60"),
            ("transform_quantity[round]", "up"),
        ]),
        costs: &[("150", 3000)],
    },
    Row {
        id: "E148 (b)",
        price: Cost::Said(&[
            ("unit_amount", "2500"),
            ("transform_quantity[divide_by]", "5"),
            ("transform_quantity[round]", "up"),
        ]),
        costs: &[("8", 5000)],
    },
    Row { id: "E149", price: Cost::Said(&[("unit_amount_decimal", "0.05")]), costs: &[("30", 2)] },
    Row {
        id: "E151",
        price: Cost::Said(&[("unit_amount", "500")]),
        costs: &[("1", 500), ("5", 2500), ("6", 3000), ("20", 10_000), ("25", 12_500)],
    },
    Row { id: "E152", price: Cost::Said(&[("unit_amount", "999")]), costs: &[("1", 999), ("2", 1998)] },
    Row { id: "E154", price: Cost::Said(&[("unit_amount", "1000")]), costs: &[("12", 12_000)] },
];

#[test]
fn quantities_of_a_price() {
    for Row { id, price, costs } in TABLE {
        for (quantity, cost) in *costs {
            let mut stage = Stage::begin("2026-01-01");
            stage.price("it", "Pro", &texts(&price.params()));
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
    let product = id(&stage.post("/v1/products", &[("name", "Pro")]));
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
}

#[test]
fn twenty_products_and_one_currency() {
    for (count, good) in [(20, true), (21, false)] {
        let mut stage = Stage::begin("2026-01-01");
        let item = |place| (format!("items[{place}][price]"), format!("${}/month", 100 + place));
        let mut params: Vec<(String, String)> = (0..count).map(item).collect();
        params.push(("customer".into(), "#customer".into()));
        let (status, body) = stage.ask("POST", "/v1/subscriptions", &texts(&params));
        assert_eq!(status, if good { 200 } else { 400 }, "E153: {count} products: {body:#}");
        if good {
            let path = format!("/v1/invoices/{}", word(&body["latest_invoice"]));
            let total: i64 = (0..count).map(|place| 100 + place).sum();
            assert_eq!(int(&stage.get(&path)["total"]), total, "E153: one invoice");
        }
    }
    let mut stage = Stage::begin("2026-01-01");
    let product = id(&stage.post("/v1/products", &[("name", "Pro")]));
    let euro =
        [("currency", "eur"), ("product", product.as_str()), ("unit_amount", "900"), ("recurring[interval]", "month")];
    let euro = id(&stage.post("/v1/prices", &euro));
    let params = [("customer", "#customer"), ("items[0][price]", "$1000/month"), ("items[1][price]", euro.as_str())];
    assert_eq!(stage.ask("POST", "/v1/subscriptions", &params).0, 400, "E153: one currency");
}
