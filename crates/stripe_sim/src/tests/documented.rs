//! Examples that Stripe's documentation works out, with their figures to the cent.
//! Source: <https://docs.stripe.com/billing/subscriptions/prorations>

use super::life::{DAY, Life, id, lines};

/// 2026-04-01T00:00:00Z: a month of thirty days.
const APRIL: i64 = 1_775_001_600;

struct Upgrade {
    example: &'static str,
    from: &'static str,
    to: &'static str,
    /// Seconds of April that are over.
    after: i64,
    amounts: [i64; 2],
}

#[test]
fn upgrades_and_downgrades() {
    let table = [
        Upgrade { example: "half a period is over", from: "1000", to: "2000", after: 15 * DAY, amounts: [-500, 1000] },
        Upgrade { example: "a third is left", from: "2000", to: "1000", after: 20 * DAY, amounts: [-667, 333] },
    ];
    for Upgrade { example, from, to, after, amounts } in table {
        let mut life = Life::at(APRIL);
        let (from, to) = (life.price(from, "month"), life.price(to, "month"));
        let customer = life.customer("pm_card_visa");
        let subscription = life.subscribe(&customer, &from, &[]);
        life.pass(after);
        let item = subscription["items"]["data"][0]["id"].as_str().expect("an item").to_owned();
        let params =
            [("items[0][id]", item.as_str()), ("items[0][price]", &to), ("proration_behavior", "always_invoice")];
        life.post(&format!("/v1/subscriptions/{}", id(&subscription)), &params);
        let found: Vec<i64> = lines(&life.invoice(&id(&subscription))).into_iter().map(|(amount, _)| amount).collect();
        assert_eq!(found, amounts, "{example}");
    }
}
