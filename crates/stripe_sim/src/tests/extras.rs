//! What is sold once along with a subscription, and what waits for its invoices.

use super::life::{DAY, Life, NEW_YEAR, id, lines};
use crate::{
    error::ApiError,
    objects::checkout::complete::{self, Done, Payer},
    world::Cx,
};
use serde_json::json;

/// A price that is paid once; its id.
fn once(life: &mut Life, cents: &str) -> String {
    let product = id(&life.post("/v1/products", &[("name", "Setup")]));
    id(&life.post("/v1/prices", &[("currency", "usd"), ("unit_amount", cents), ("product", &product)]))
}

/// Pays a session with a card, as its page does.
fn pay(life: &mut Life, session: &str, card: &str) -> Result<Done, ApiError> {
    let mut cx = Cx::new(&mut life.world, None);
    let payer = Payer { email: Some("jenny@example.com".into()), name: None };
    complete::pay(&mut cx, session, card, &payer)
}

/// A session that subscribes to one price and sells another once, twice of it.
fn session(life: &mut Life, monthly: &str, setup: &str, more: &[(&str, &str)]) -> serde_json::Value {
    let params = [
        &[
            ("mode", "subscription"),
            ("line_items[0][price]", monthly),
            ("line_items[0][quantity]", "1"),
            ("line_items[1][price]", setup),
            ("line_items[1][quantity]", "2"),
            ("success_url", "https://shop.example/done"),
            ("expand[]", "line_items"),
        ],
        more,
    ]
    .concat();
    life.post("/v1/checkout/sessions", &params)
}

#[test]
fn a_price_paid_once_stands_on_the_first_invoice_of_a_checkout() {
    let mut life = Life::new();
    let (monthly, setup) = (life.price("2000", "month"), once(&mut life, "4950"));
    let made = session(&mut life, &monthly, &setup, &[]);
    assert_eq!(
        (made["amount_total"].as_i64(), made["line_items"]["data"][1]["amount_total"].as_i64()),
        (Some(11_900), Some(9900))
    );
    let seen = life.seen();
    assert_eq!(pay(&mut life, &id(&made), "pm_card_visa"), Ok(Done::Complete));
    assert!(life.events(&seen).contains(&"invoiceitem.created".to_owned()), "{:?}", life.events(&seen));
    let paid = life.get(&format!("/v1/checkout/sessions/{}", id(&made)));
    assert_eq!((paid["payment_status"].as_str(), paid["amount_total"].as_i64()), (Some("paid"), Some(11_900)));
    let subscription = paid["subscription"].as_str().expect("a subscription").to_owned();
    let first = life.invoice(&subscription);
    assert_eq!(lines(&first), [(9900, "Setup".into()), (2000, "1 × Pro (at $20.00 / month)".into())]);
    assert_eq!(
        (first["amount_paid"].as_i64(), first["billing_reason"].as_str()),
        (Some(11_900), Some("subscription_create"))
    );
    let line = &first["lines"]["data"][0];
    assert_eq!(line["parent"]["type"], "invoice_item_details");
    assert_eq!(line["parent"]["invoice_item_details"]["subscription"], json!(subscription));
    assert_eq!((&line["pricing"]["price_details"]["price"], line["quantity"].as_i64()), (&json!(setup), Some(2)));
    let shown = life.get(&format!("/v1/subscriptions/{subscription}"));
    assert_eq!(shown["items"]["data"].as_array().map(Vec::len), Some(1), "it is no item of the subscription");
    life.until(NEW_YEAR + 32 * DAY);
    assert_eq!(lines(&life.invoice(&subscription)), [(2000, "1 × Pro (at $20.00 / month)".into())], "only once");
}

#[test]
fn in_a_trial_what_is_paid_once_is_paid_at_once() {
    let mut life = Life::new();
    let (monthly, setup) = (life.price("2000", "month"), once(&mut life, "4950"));
    let made = session(&mut life, &monthly, &setup, &[("subscription_data[trial_period_days]", "14")]);
    assert_eq!(made["amount_total"], 9900);
    assert_eq!(pay(&mut life, &id(&made), "pm_card_visa"), Ok(Done::Complete));
    let paid = life.get(&format!("/v1/checkout/sessions/{}", id(&made)));
    assert_eq!(paid["payment_status"], "paid");
    let subscription = paid["subscription"].as_str().expect("a subscription").to_owned();
    let first = life.invoice(&subscription);
    assert_eq!(lines(&first), [(9900, "Setup".into()), (0, "Free trial for 1 × Pro".into())]);
    assert_eq!((first["amount_paid"].as_i64(), first["status"].as_str()), (Some(9900), Some("paid")));
    assert_eq!(life.get(&format!("/v1/subscriptions/{subscription}"))["status"], "trialing");
}

#[test]
fn a_declined_checkout_leaves_nothing_waiting() {
    let mut life = Life::new();
    let (monthly, setup) = (life.price("2000", "month"), once(&mut life, "4950"));
    let made = id(&session(&mut life, &monthly, &setup, &[]));
    assert!(pay(&mut life, &made, "pm_card_chargeCustomerFail").is_err());
    assert_eq!(life.get("/v1/invoiceitems")["data"], json!([]));
    assert_eq!(pay(&mut life, &made, "pm_card_visa"), Ok(Done::Complete), "the session is open for another card");
}

#[test]
fn what_is_added_to_a_subscription_waits_for_its_next_invoice() {
    let mut life = Life::new();
    let (monthly, setup) = (life.price("2000", "month"), once(&mut life, "700"));
    let customer = life.customer("pm_card_visa");
    let product = id(&life.post("/v1/products", &[("name", "Training")]));
    let data = [
        ("add_invoice_items[0][price]", setup.as_str()),
        ("add_invoice_items[1][price_data][currency]", "usd"),
        ("add_invoice_items[1][price_data][product]", product.as_str()),
        ("add_invoice_items[1][price_data][unit_amount]", "300"),
        ("add_invoice_items[1][quantity]", "2"),
    ];
    let subscription = id(&life.subscribe(&customer, &monthly, &data));
    let amounts =
        |life: &mut Life, id: &str| lines(&life.invoice(id)).iter().map(|(cents, _)| *cents).collect::<Vec<_>>();
    assert_eq!(amounts(&mut life, &subscription), [700, 600, 2000]);
    life.post(&format!("/v1/subscriptions/{subscription}"), &[("add_invoice_items[0][price]", &setup)]);
    assert_eq!(amounts(&mut life, &subscription), [700, 600, 2000], "nothing is asked for now");
    life.until(NEW_YEAR + 32 * DAY);
    assert_eq!(amounts(&mut life, &subscription), [700, 2000]);
    let recurring = [("add_invoice_items[0][price]", monthly.as_str())];
    let (status, _, message) = life.refused(&format!("/v1/subscriptions/{subscription}"), &recurring);
    assert!(status == 400 && message.contains("type=one_time"), "{message}");
}

#[test]
fn what_waits_for_no_subscription_in_particular_comes_onto_the_next_invoice() {
    let mut life = Life::new();
    let monthly = life.price("2000", "month");
    let customer = life.customer("pm_card_visa");
    let wait = |life: &mut Life, cents: &str, more: &[(&str, &str)]| {
        let params = [&[("customer", customer.as_str()), ("currency", "usd"), ("amount", cents)], more].concat();
        id(&life.post("/v1/invoiceitems", &params))
    };
    wait(&mut life, "150", &[("description", "Before it began")]);
    let subscription = id(&life.subscribe(&customer, &monthly, &[]));
    let amounts =
        |life: &mut Life| lines(&life.invoice(&subscription)).iter().map(|(cents, _)| *cents).collect::<Vec<_>>();
    assert_eq!(amounts(&mut life), [150, 2000]);
    wait(&mut life, "250", &[]);
    let other = life.price("100", "year");
    let yearly = id(&life.subscribe(&customer, &other, &[]));
    assert_eq!(lines(&life.invoice(&yearly)).len(), 2, "the first invoice of another subscription takes it");
    wait(&mut life, "350", &[("subscription", &yearly)]);
    wait(&mut life, "450", &[]);
    let coming = life.post("/v1/invoices/create_preview", &[("subscription", &subscription)]);
    assert_eq!(coming["total"], 2450);
    life.until(NEW_YEAR + 32 * DAY);
    assert_eq!(amounts(&mut life), [450, 2000], "what is for another subscription stays");
}
