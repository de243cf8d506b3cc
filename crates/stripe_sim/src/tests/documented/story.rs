//! What the examples are told with: days, prices, subscriptions, usage.

use super::super::life::{Life, id};
use serde_json::Value;

/// Lets the sandbox begin anew at a day or an instant, in UTC.
pub(super) fn begin(life: &mut Life, day: &str) {
    *life = Life::at(second(day));
}

/// The second of a day's beginning, or of an instant, in UTC.
pub(super) fn second(day: &str) -> i64 {
    let text = if day.contains('T') { format!("{day}Z") } else { format!("{day}T00:00:00Z") };
    text.parse::<jiff::Timestamp>().expect("a day").as_second()
}

/// Moves the time on to a day.
pub(super) fn until(life: &mut Life, day: &str) {
    life.until(second(day));
}

/// A number in an object.
pub(super) fn number(object: &Value, field: &str) -> i64 {
    object[field].as_i64().unwrap_or_else(|| panic!("{field} of {object:#}"))
}

/// A text in an object.
pub(super) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_else(|| panic!("{field} of {object:#}"))
}

/// The data of a list.
pub(super) fn list(life: &mut Life, path: &str, params: &[(&str, &str)]) -> Vec<Value> {
    let (status, body) = life.ask("GET", path, params);
    assert_eq!(status, 200, "{body:#}");
    body["data"].as_array().expect("a list").clone()
}

/// Somebody without anything to pay with.
pub(super) fn moneyless(life: &mut Life) -> String {
    id(&life.post("/v1/customers", &[]))
}

/// A customer who pays by card, and a subscription of one price.
pub(super) fn subscribed(life: &mut Life, cents: &str, interval: &str) -> (String, String) {
    let price = life.price(cents, interval);
    let customer = life.customer("pm_card_visa");
    let subscription = id(&life.subscribe(&customer, &price, &[]));
    (customer, subscription)
}

/// A subscription as it is now.
pub(super) fn shown(life: &mut Life, subscription: &str) -> Value {
    life.get(&format!("/v1/subscriptions/{subscription}"))
}

/// Where a subscription stands.
pub(super) fn status(life: &mut Life, subscription: &str) -> String {
    text(&shown(life, subscription), "status").to_owned()
}

/// Changes a subscription.
pub(super) fn update(life: &mut Life, subscription: &str, params: &[(&str, &str)]) -> Value {
    life.post(&format!("/v1/subscriptions/{subscription}"), params)
}

/// The items of a subscription.
pub(super) fn items(life: &mut Life, subscription: &str) -> Vec<Value> {
    shown(life, subscription)["items"]["data"].as_array().expect("items").clone()
}

/// The period of an item of a subscription.
pub(super) fn period(life: &mut Life, subscription: &str, place: usize) -> (i64, i64) {
    let item = &items(life, subscription)[place];
    (number(item, "current_period_start"), number(item, "current_period_end"))
}

/// The instants of two days.
pub(super) fn days(start: &str, end: &str) -> (i64, i64) {
    (second(start), second(end))
}

/// Gives the first item of a subscription another price.
pub(super) fn switch(life: &mut Life, subscription: &str, price: &str, more: &[(&str, &str)]) -> Value {
    let item = id(&items(life, subscription)[0]);
    let params = [&[("items[0][id]", item.as_str()), ("items[0][price]", price)], more].concat();
    update(life, subscription, &params)
}

/// The invoices of a subscription, newest first.
pub(super) fn invoices(life: &mut Life, subscription: &str) -> Vec<Value> {
    list(life, "/v1/invoices", &[("subscription", subscription), ("limit", "100")])
}

/// The amounts of the lines of an invoice.
pub(super) fn amounts(invoice: &Value) -> Vec<i64> {
    invoice["lines"]["data"].as_array().expect("lines").iter().map(|line| number(line, "amount")).collect()
}

/// The amounts of the lines of a subscription's newest invoice.
pub(super) fn newest(life: &mut Life, subscription: &str) -> Vec<i64> {
    amounts(&life.invoice(subscription))
}

/// What waits for a customer's next invoice, oldest first.
pub(super) fn waiting(life: &mut Life, customer: &str) -> Vec<i64> {
    let items = list(life, "/v1/invoiceitems", &[("customer", customer), ("pending", "true")]);
    items.iter().rev().map(|item| number(item, "amount")).collect()
}

/// A monthly price of a product of its own, in dollars unless it says otherwise; its id.
pub(super) fn price(life: &mut Life, params: &[(&str, &str)]) -> String {
    let product = id(&life.post("/v1/products", &[("name", "Llama")]));
    let given = |name: &str| params.iter().any(|(other, _)| *other == name);
    let usual = [("currency", "usd"), ("recurring[interval]", "month"), ("product", product.as_str())];
    let usual = usual.into_iter().filter(|(name, _)| !given(name));
    id(&life.post("/v1/prices", &usual.chain(params.iter().copied()).collect::<Vec<_>>()))
}

/// A meter of events of this name; its id.
pub(super) fn meter(life: &mut Life, event: &str, formula: &str) -> String {
    let params = [("display_name", event), ("event_name", event), ("default_aggregation[formula]", formula)];
    id(&life.post("/v1/billing/meters", &params))
}

/// A monthly price for what a meter counts; its id.
pub(super) fn metered(life: &mut Life, meter: &str, params: &[(&str, &str)]) -> String {
    price(life, &[&[("recurring[usage_type]", "metered"), ("recurring[meter]", meter)], params].concat())
}

/// Reports usage at an instant.
pub(super) fn used(life: &mut Life, customer: &str, event: &str, value: &str, at: i64) {
    let at = at.to_string();
    let params = [
        ("event_name", event),
        ("payload[stripe_customer_id]", customer),
        ("payload[value]", value),
        ("timestamp", at.as_str()),
    ];
    life.post("/v1/billing/meter_events", &params);
}

/// Lets a customer's payments fail from now on.
pub(super) fn break_card(life: &mut Life, customer: &str) {
    pay_by(life, customer, "pm_card_chargeCustomerFail");
}

/// Lets a customer pay by this test card.
pub(super) fn pay_by(life: &mut Life, customer: &str, card: &str) {
    let method = id(&life.post(&format!("/v1/payment_methods/{card}/attach"), &[("customer", customer)]));
    life.post(&format!("/v1/customers/{customer}"), &[("invoice_settings[default_payment_method]", &method)]);
}
