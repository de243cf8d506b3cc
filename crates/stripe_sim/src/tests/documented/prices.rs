//! What prices come to: seats, packages and tiers.

use super::{
    super::life::{HOUR, Life, id},
    Example,
    story::{amounts, begin, meter, metered, newest, number, price, subscribed, until, used},
};

const QUANTITIES: &str = "https://docs.stripe.com/billing/subscriptions/quantities";
const MODELS: &str = "https://docs.stripe.com/products-prices/pricing-models";
const TIERS: &str = "https://docs.stripe.com/subscriptions/pricing-models/tiered-pricing";
const USAGE_MODELS: &str = "https://docs.stripe.com/billing/subscriptions/usage-based/pricing-models";

/// A tier: its last unit, the cents of each unit, and the cents of the whole tier.
type Tier = (&'static str, &'static str, &'static str);

const FONTS: &[Tier] = &[("5", "700", ""), ("10", "650", ""), ("inf", "600", "")];
const STEPS: &[Tier] = &[("5", "500", ""), ("10", "400", ""), ("15", "300", ""), ("20", "200", ""), ("inf", "100", "")];
const FEES: &[Tier] = &[
    ("5", "500", "1000"),
    ("10", "400", "2000"),
    ("15", "300", "3000"),
    ("20", "200", "4000"),
    ("inf", "100", "5000"),
];

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        name: "a site, two sites",
        says: "Hosting at 9.99 a site and month: one site 9.99, two sites 19.98.",
        source: QUANTITIES,
        run: |life| {
            let site = life.price("999", "month");
            assert_eq!(licensed(life, &site, &[("1", 999), ("2", 1998)]), 2);
        },
    },
    Example {
        name: "units of 5",
        says: "5 for each unit: 1, 5, 6, 20 and 25 units cost 5, 25, 30, 100 and 125.",
        source: MODELS,
        run: |life| {
            let unit = life.price("500", "month");
            let table = [("1", 500), ("5", 2500), ("6", 3000), ("20", 10_000), ("25", 12_500)];
            assert_eq!(licensed(life, &unit, &table), 5);
        },
    },
    Example {
        name: "packages of five users",
        says: "10 for every 5 users or part of them (`transform_quantity`, rounded up): 1, 3 and 5 users 10; 6 and 7 users \
               20.",
        source: QUANTITIES,
        run: |life| {
            let package =
                [("unit_amount", "1000"), ("transform_quantity[divide_by]", "5"), ("transform_quantity[round]", "up")];
            let package = price(life, &package);
            let table = [("1", 1000), ("3", 1000), ("5", 1000), ("6", 2000), ("7", 2000)];
            assert_eq!(licensed(life, &package, &table), 5);
        },
    },
    Example {
        name: "volume tiers",
        says: "1-5 fonts at 7, 6-10 at 6.50, more at 6, all at the price of the tier that is reached: 1, 5, 6, 20 and 25 \
               fonts cost 7, 35, 39, 120 and 150.",
        source: TIERS,
        run: |life| {
            let table = [("1", 700), ("5", 3500), ("6", 3900), ("20", 12_000), ("25", 15_000)];
            tiers(life, "volume", FONTS, &table);
        },
    },
    Example {
        name: "graduated tiers",
        says: "The same tiers, each for the fonts within it: 1, 5, 6, 20 and 25 fonts cost 7, 35, 41.50, 127.50 and 157.50.",
        source: TIERS,
        run: |life| {
            let table = [("1", 700), ("5", 3500), ("6", 4150), ("20", 12_750), ("25", 15_750)];
            tiers(life, "graduated", FONTS, &table);
        },
    },
    Example {
        name: "graduated steps from 5 to 1",
        says: "Five units each at 5, 4, 3 and 2, more at 1: 1, 5, 6, 20 and 25 units cost 5, 25, 29, 70 and 75.",
        source: MODELS,
        run: |life| {
            let table = [("1", 500), ("5", 2500), ("6", 2900), ("20", 7000), ("25", 7500)];
            tiers(life, "graduated", STEPS, &table);
        },
    },
    Example {
        name: "volume tiers with flat fees",
        says: "Fees of 10, 20, 30, 40 and 50 for the same steps: 12 units cost 12 x 3 + 30 = 66.",
        source: TIERS,
        run: |life| tiers(life, "volume", FEES, &[("12", 6600)]),
    },
    Example {
        name: "graduated tiers with flat fees",
        says: "Fees for the same steps: 12 units cost (5 x 5 + 10) + (5 x 4 + 20) + (2 x 3 + 30) = 111.",
        source: TIERS,
        run: |life| tiers(life, "graduated", FEES, &[("12", 11_100)]),
    },
    Example {
        name: "a flat fee without use",
        says: "A quantity of 0 costs the flat fee of the first tier in both modes: 10 with those fees.",
        source: TIERS,
        run: |life| {
            for mode in ["volume", "graduated"] {
                *life = Life::new();
                assert_eq!(metered_totals(life, mode, FEES, &["0"]), [1000]);
            }
        },
    },
    Example {
        name: "no fee without use",
        says: "A first tier of one unit whose unit costs the fee, instead of a flat one, costs 0 without use.",
        source: TIERS,
        run: |life| {
            let first: &[Tier] = &[("1", "1000", ""), ("inf", "500", "")];
            assert_eq!(metered_totals(life, "graduated", first, &["0", "1", "2"]), [0, 1000, 1500]);
        },
    },
    Example {
        name: "tiers of usage",
        says: "With metered prices the same multiplication happens at the end of the period.",
        source: MODELS,
        run: |life| {
            assert_eq!(metered_totals(life, "graduated", STEPS, &["6", "25"]), [2900, 7500]);
        },
    },
    Example {
        name: "a car by the hour",
        says: "10 for each hour or part of it, usage in minutes: 150 minutes are 3 hours, 30.",
        source: USAGE_MODELS,
        run: |life| assert_eq!(packed(life, "1000", "60", "up", "150"), [3000]),
    },
    Example {
        name: "mails by the thousand",
        says: "0.10 for every full 1,000 mails (`transform_quantity`, rounded down); here 12,999 mails, 1.20.",
        source: QUANTITIES,
        run: |life| assert_eq!(packed(life, "10", "1000", "down", "12999"), [120]),
    },
    Example {
        name: "a fee with an allowance",
        says: "200 a month with 100,000 tokens in it and 0.001 for each token above; here 150,000 tokens, 50 \
               more on the invoice of the next month's 200.",
        source: USAGE_MODELS,
        run: allowance,
    },
    Example {
        name: "several products on one invoice",
        says: "A subscription to several products has one invoice in each period for all of them.",
        source: QUANTITIES,
        run: |life| {
            let (first, second) = (life.price("1000", "month"), life.price("500", "month"));
            let customer = life.customer("pm_card_visa");
            let more = [("items[1][price]", second.as_str()), ("items[1][quantity]", "2")];
            let subscription = id(&life.subscribe(&customer, &first, &more));
            assert_eq!(newest(life, &subscription), [1000, 1000]);
            until(life, "2026-02-01");
            assert_eq!(
                (newest(life, &subscription), super::story::invoices(life, &subscription).len()),
                (vec![1000, 1000], 2)
            );
        },
    },
    Example {
        name: "several subscriptions of one customer",
        says: "Each of a customer's subscriptions has a period, an invoice and a payment of its own, even at one price.",
        source: QUANTITIES,
        run: |life| {
            begin(life, "2026-01-05");
            let (customer, first) = subscribed(life, "1000", "month");
            until(life, "2026-01-20");
            let price = super::story::items(life, &first)[0]["price"]["id"].as_str().expect("a price").to_owned();
            let other = id(&life.subscribe(&customer, &price, &[]));
            until(life, "2026-02-21");
            let made = [&first, &other].map(|subscription| number(&life.invoice(subscription), "created"));
            assert_eq!(made, ["2026-02-05", "2026-02-20"].map(super::story::second));
        },
    },
];

/// Subscribes to each quantity of a price and checks what it costs; answers how many there were.
fn licensed(life: &mut Life, price: &str, table: &[(&str, i64)]) -> usize {
    for (quantity, total) in table {
        let customer = life.customer("pm_card_visa");
        let subscription = life.subscribe(&customer, price, &[("items[0][quantity]", quantity)]);
        assert_eq!(number(&life.invoice(&id(&subscription)), "total"), *total, "{quantity}");
    }
    table.len()
}

fn tier_params(mode: &str, tiers: &[Tier]) -> Vec<(String, String)> {
    let mut params = vec![("billing_scheme".into(), "tiered".into()), ("tiers_mode".into(), mode.into())];
    for (place, (up_to, unit, flat)) in tiers.iter().enumerate() {
        for (name, value) in [("up_to", up_to), ("unit_amount", unit), ("flat_amount", flat)] {
            if !value.is_empty() {
                params.push((format!("tiers[{place}][{name}]"), (*value).to_owned()));
            }
        }
    }
    params
}

/// Checks what quantities of a price with tiers cost.
fn tiers(life: &mut Life, mode: &str, tiers: &[Tier], table: &[(&str, i64)]) {
    let params = tier_params(mode, tiers);
    let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let price = price(life, &params);
    licensed(life, &price, table);
}

/// What usages of a price with tiers cost at the end of January, each used by somebody of their own.
fn metered_totals(life: &mut Life, mode: &str, tiers: &[Tier], usages: &[&str]) -> Vec<i64> {
    let meter = meter(life, "units", "sum");
    let params = tier_params(mode, tiers);
    let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let price = metered(life, &meter, &params);
    let mut subscriptions = Vec::new();
    for usage in usages {
        let customer = life.customer("pm_card_visa");
        subscriptions.push(id(&life.subscribe(&customer, &price, &[])));
        used(life, &customer, "units", usage, life.world.now);
    }
    until(life, "2026-02-01");
    life.pass(HOUR);
    subscriptions.iter().map(|subscription| number(&life.invoice(subscription), "total")).collect()
}

/// What a usage of a price for packages costs at the end of January.
fn packed(life: &mut Life, cents: &str, by: &str, round: &str, usage: &str) -> Vec<i64> {
    let meter = meter(life, "units", "sum");
    let package = [("unit_amount", cents), ("transform_quantity[divide_by]", by), ("transform_quantity[round]", round)];
    let price = metered(life, &meter, &package);
    let customer = life.customer("pm_card_visa");
    let subscription = id(&life.subscribe(&customer, &price, &[]));
    used(life, &customer, "units", usage, life.world.now);
    until(life, "2026-02-01");
    newest(life, &subscription)
}

fn allowance(life: &mut Life) {
    let tokens = meter(life, "llama_api_tokens", "sum");
    let above = [
        ("billing_scheme", "tiered"),
        ("tiers_mode", "graduated"),
        ("tiers[0][up_to]", "100000"),
        ("tiers[0][unit_amount]", "0"),
        ("tiers[1][up_to]", "inf"),
        ("tiers[1][unit_amount_decimal]", "0.1"),
    ];
    let above = metered(life, &tokens, &above);
    let fee = price(life, &[("unit_amount", "20000")]);
    let customer = life.customer("pm_card_visa");
    let subscription = id(&life.subscribe(&customer, &fee, &[("items[1][price]", &above)]));
    assert_eq!(newest(life, &subscription), [20_000]);
    used(life, &customer, "llama_api_tokens", "150000", life.world.now);
    until(life, "2026-02-01");
    let invoice = life.invoice(&subscription);
    assert_eq!((amounts(&invoice), number(&invoice, "total")), (vec![20_000, 0, 5000], 25_000));
}
