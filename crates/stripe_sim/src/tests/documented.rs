//! Examples that Stripe's documentation works out, with their figures to the cent and their times to the second.
//!
//! The table of all of them, with addresses, is `docs/stripe-examples.md`; the ids are those of that page.

mod anchors;
mod balances;
mod cancelling;
mod clocks;
mod dunning;
mod paying;
mod pausing;
mod proration;
mod refunds;
mod schedules;
mod tiers;
mod trials;
mod usage;

use super::life::{HOUR, Life, id};
use serde_json::Value;
use std::collections::BTreeMap;

/// Parameters of a request. In a value `@2026-05-01` (or `@2026-05-01T07:00:00Z`) stands for the second, `$1000/month`
/// for the id of such a price, which is made when it is first named, `#item`, `#customer` and `#subscription` for the
/// ids of those of the stage.
type Params = &'static [(&'static str, &'static str)];

/// The first second of a day in UTC, or the second that an instant names.
fn at(text: &str) -> i64 {
    let text = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    let instant: jiff::Timestamp = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    instant.as_second()
}

/// A sandbox, and the customer and subscription that an example is about.
struct Stage {
    life: Life,
    customer: String,
    subscription: String,
    /// The first item of the subscription.
    item: String,
    prices: BTreeMap<String, String>,
}

impl Stage {
    /// One that begins then, with a customer whose card is good.
    fn begin(start: &str) -> Self {
        Self::paying_by(start, "pm_card_visa")
    }

    /// One whose customer pays by this test card.
    fn paying_by(start: &str, card: &str) -> Self {
        let mut life = Life::at(at(start));
        let customer = life.customer(card);
        Self { life, customer, subscription: String::new(), item: String::new(), prices: BTreeMap::new() }
    }

    /// One whose customer has nothing to pay with.
    fn penniless(start: &str) -> Self {
        let mut life = Life::at(at(start));
        let customer = id(&life.post("/v1/customers", &[]));
        Self { life, customer, subscription: String::new(), item: String::new(), prices: BTreeMap::new() }
    }

    /// Makes a price, monthly unless `params` say otherwise, that is called `name` from now on, of a product with this
    /// name.
    fn price(&mut self, name: &str, product: &str, params: &[(&str, &str)]) {
        let product = id(&self.life.post("/v1/products", &[("name", product)]));
        let mut all = vec![("currency", "usd"), ("product", product.as_str())];
        if !params.iter().any(|(name, _)| *name == "recurring[interval]") {
            all.push(("recurring[interval]", "month"));
        }
        all.extend(params);
        let price = id(&self.life.post("/v1/prices", &all));
        self.prices.insert(name.to_owned(), price);
    }

    /// Makes a meter and a price of its usage, which are both called `name` from now on.
    fn meter(&mut self, name: &str, formula: &str, price: &[(&str, &str)]) {
        self.windowed_meter(name, formula, &[], price);
    }

    /// The same, of a meter about which more is said.
    fn windowed_meter(&mut self, name: &str, formula: &str, more: &[(&str, &str)], price: &[(&str, &str)]) {
        let params = [("display_name", name), ("event_name", name), ("default_aggregation[formula]", formula)];
        let meter = id(&self.life.post("/v1/billing/meters", &[&params[..], more].concat()));
        let metered = [("recurring[usage_type]", "metered"), ("recurring[meter]", meter.as_str())];
        self.price(name, name, &[&metered[..], price].concat());
    }

    /// Tells the meter `name` that the customer used so much.
    fn used(&mut self, name: &str, value: &str, more: &[(&str, &str)]) {
        let params = [("event_name", name), ("payload[stripe_customer_id]", "#customer"), ("payload[value]", value)];
        self.post("/v1/billing/meter_events", &[&params[..], more].concat());
    }

    /// The id of a price such as `1000/month` or `10000/3 months`.
    fn price_id(&mut self, name: &str) -> String {
        if !self.prices.contains_key(name) {
            let (cents, every) = name.split_once('/').unwrap_or_else(|| panic!("no price is called {name}"));
            let (count, interval) = every.split_once(' ').unwrap_or(("1", every));
            let interval = interval.trim_end_matches('s');
            let params =
                [("unit_amount", cents), ("recurring[interval]", interval), ("recurring[interval_count]", count)];
            self.price(name, "Pro", &params);
        }
        self.prices[name].clone()
    }

    /// What a value of parameters stands for.
    fn filled(&mut self, value: &str) -> String {
        match (value.strip_prefix('@'), value.strip_prefix('$'), value) {
            (Some(when), ..) => at(when).to_string(),
            (_, Some(price), _) => self.price_id(price),
            (.., "#item") => self.item.clone(),
            (.., "#customer") => self.customer.clone(),
            (.., "#subscription") => self.subscription.clone(),
            _ => value.to_owned(),
        }
    }

    /// Asks, and answers status and body.
    fn ask(&mut self, method: &str, path: &str, params: &[(&str, &str)]) -> (u16, Value) {
        let values: Vec<String> = params.iter().map(|(_, value)| self.filled(value)).collect();
        let names = params.iter().map(|(name, _)| *name);
        let params: Vec<(&str, &str)> = names.zip(values.iter().map(String::as_str)).collect();
        self.life.ask(method, path, &params)
    }

    /// Asks what is sure to be done.
    fn done(&mut self, method: &str, path: &str, params: &[(&str, &str)]) -> Value {
        let (status, body) = self.ask(method, path, params);
        assert_eq!(status, 200, "{method} {path} {params:?}: {body:#}");
        body
    }

    fn post(&mut self, path: &str, params: &[(&str, &str)]) -> Value {
        self.done("POST", path, params)
    }

    fn get(&mut self, path: &str) -> Value {
        self.done("GET", path, &[])
    }

    /// All of a list, oldest first.
    fn listed(&mut self, path: &str, params: &[(&str, &str)]) -> Vec<Value> {
        let list = self.done("GET", path, &[params, &[("limit", "100")]].concat());
        list["data"].as_array().expect("a list").iter().rev().cloned().collect()
    }

    /// Subscribes the customer; the stage is about this subscription from now on.
    fn subscribe(&mut self, params: &[(&str, &str)]) -> Value {
        let subscription = self.post("/v1/subscriptions", &[&[("customer", "#customer")], params].concat());
        self.about(&id(&subscription));
        subscription
    }

    /// Makes the stage be about this subscription.
    fn about(&mut self, subscription: &str) {
        subscription.clone_into(&mut self.subscription);
        self.item = id(&self.found()["items"]["data"][0]);
    }

    /// Changes the subscription.
    fn change(&mut self, params: &[(&str, &str)]) -> Value {
        let path = format!("/v1/subscriptions/{}", self.subscription);
        self.post(&path, params)
    }

    /// The subscription as it is.
    fn found(&mut self) -> Value {
        let path = format!("/v1/subscriptions/{}", self.subscription);
        self.get(&path)
    }

    /// Where the subscription stands.
    fn status(&mut self) -> String {
        word(&self.found()["status"])
    }

    /// Start and end of the period of each item.
    fn periods(&mut self) -> Vec<(i64, i64)> {
        let found = self.found();
        let items = found["items"]["data"].as_array().expect("items");
        items.iter().map(|item| (int(&item["current_period_start"]), int(&item["current_period_end"]))).collect()
    }

    /// The invoices of the subscription, oldest first.
    fn invoices(&mut self) -> Vec<Value> {
        self.listed("/v1/invoices", &[("subscription", "#subscription")])
    }

    /// The amounts of the lines of each invoice of the subscription.
    fn billed(&mut self) -> Vec<Vec<i64>> {
        self.invoices().iter().map(amounts).collect()
    }

    /// The totals of the invoices of the subscription.
    fn totals(&mut self) -> Vec<i64> {
        self.invoices().iter().map(|invoice| int(&invoice["total"])).collect()
    }

    /// The newest invoice of the subscription.
    fn newest(&mut self) -> Value {
        self.invoices().pop().expect("an invoice")
    }

    /// What waits for an invoice of the customer.
    fn waiting(&mut self) -> Vec<i64> {
        let items = self.listed("/v1/invoiceitems", &[("customer", "#customer"), ("pending", "true")]);
        items.iter().map(|item| int(&item["amount"])).collect()
    }

    /// The balance of the customer: below zero it is credit.
    fn balance(&mut self) -> i64 {
        let path = format!("/v1/customers/{}", self.customer);
        int(&self.get(&path)["balance"])
    }

    /// Lets the customer pay by another test card from now on.
    fn pay_by(&mut self, card: &str) {
        let method = self.post(&format!("/v1/payment_methods/{card}/attach"), &[("customer", "#customer")]);
        let path = format!("/v1/customers/{}", self.customer);
        self.post(&path, &[("invoice_settings[default_payment_method]", &id(&method))]);
    }

    /// The payment intent of an invoice.
    fn intent(&mut self, invoice: &Value) -> Value {
        let payments = self.listed("/v1/invoice_payments", &[("invoice", &id(invoice))]);
        let intent = word(&payments.last().expect("a payment")["payment"]["payment_intent"]);
        self.get(&format!("/v1/payment_intents/{intent}"))
    }

    /// Moves the time on.
    fn until(&mut self, when: &str) {
        self.life.until(at(when));
    }

    /// Moves the time on to an hour after `when`, so that the drafts made then are final.
    fn until_final(&mut self, when: &str) {
        self.life.until(at(when) + HOUR);
    }

    /// What time it is.
    fn now(&self) -> i64 {
        self.life.world.now
    }
}

/// The whole number that a field is.
fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is no whole number"))
}

/// The text that a field is.
fn word(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// The amounts of the lines of an invoice.
fn amounts(invoice: &Value) -> Vec<i64> {
    invoice["lines"]["data"].as_array().expect("lines").iter().map(|line| int(&line["amount"])).collect()
}
