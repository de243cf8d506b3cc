//! A sandbox in memory: requests go in, answers come out, time is moved by hand.

use super::recorded;
use crate::{
    clock,
    contract::{CONTRACT, judge},
    http::{ROUTES, Request, answer},
    world::World,
};
use serde_json::Value;

/// 2026-01-01T00:00:00Z
pub const NEW_YEAR: i64 = 1_767_225_600;
/// A day in seconds.
pub const DAY: i64 = 86_400;
/// An hour in seconds.
pub const HOUR: i64 = 3600;

/// A sandbox.
pub struct Life {
    /// Its state.
    pub world: World,
}

impl Life {
    /// One that begins with the year 2026.
    pub fn new() -> Self {
        Self::at(NEW_YEAR)
    }

    /// One that begins then.
    pub fn at(now: i64) -> Self {
        Self { world: World::new(7, now) }
    }

    /// Asks, and answers status and body.
    pub fn ask(&mut self, method: &str, path: &str, params: &[(&str, &str)]) -> (u16, Value) {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(params);
        let form = form.finish();
        let (query, body) = if method == "POST" { (String::new(), form.into_bytes()) } else { (form, Vec::new()) };
        let request = Request {
            method: method.into(),
            path: path.into(),
            query,
            key: Some("sk_test_life".into()),
            body,
            ..Request::default()
        };
        let seen = self.seen();
        let reply = answer(&mut self.world, &request);
        let body: Value = serde_json::from_str(&reply.body).expect("JSON");
        recorded::pair(&request, &reply, &body);
        self.judge_answer(method, path, reply.status, &body);
        self.judge_events(&seen);
        (reply.status, body)
    }

    /// Every answer is what the contract promises.
    fn judge_answer(&self, method: &str, path: &str, status: u16, body: &Value) {
        let Some(label) = label(method, path).filter(|_| status == 200) else {
            assert!(status != 200 && body["error"]["message"].is_string(), "{method} {path}: {body:#}");
            return;
        };
        let faults = judge::faults(&CONTRACT.operations[&label].answer, body);
        assert!(faults.is_empty(), "{label}: {faults:#?}");
    }

    /// Every event since the one `seen` carries what the contract says.
    fn judge_events(&self, seen: &str) {
        for event in self.world.tables.events.all().rev().take_while(|event| event.id != seen) {
            recorded::event(&self.world.wire(event));
            let shape =
                CONTRACT.events.get(&event.kind).unwrap_or_else(|| panic!("{} is no event of Stripe's", event.kind));
            let mut faults = judge::faults(shape, &event.object);
            if event.kind == "invoice.upcoming" {
                // The one object without an id: the declarations say so in words, not in types.
                faults.retain(|fault| fault != "/id is missing");
            }
            assert!(faults.is_empty(), "{}: {faults:#?}", event.kind);
        }
    }

    /// Posts, and answers the body of a success.
    pub fn post(&mut self, path: &str, params: &[(&str, &str)]) -> Value {
        self.good("POST", path, params)
    }

    /// Reads.
    pub fn get(&mut self, path: &str) -> Value {
        self.good("GET", path, &[])
    }

    /// Deletes.
    pub fn delete(&mut self, path: &str, params: &[(&str, &str)]) -> Value {
        self.good("DELETE", path, params)
    }

    fn good(&mut self, method: &str, path: &str, params: &[(&str, &str)]) -> Value {
        let (status, body) = self.ask(method, path, params);
        assert_eq!(status, 200, "{method} {path} {params:?}: {body:#}");
        body
    }

    /// Posts, and answers status, code and message of a refusal.
    pub fn refused(&mut self, path: &str, params: &[(&str, &str)]) -> (u16, String, String) {
        let (status, body) = self.ask("POST", path, params);
        assert_ne!(status, 200, "{path} {params:?} was not refused: {body:#}");
        let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
        (status, text("code"), text("message"))
    }

    /// Moves the time on.
    pub fn pass(&mut self, seconds: i64) {
        self.until(self.world.now + seconds);
    }

    /// Moves the time on to `to`.
    pub fn until(&mut self, to: i64) {
        let seen = self.seen();
        while clock::step(&mut self.world, to).is_some() {}
        assert_eq!(self.world.now, to);
        self.judge_events(&seen);
    }

    /// A monthly price of so many cents; its id.
    pub fn price(&mut self, cents: &str, interval: &str) -> String {
        let product = self.post("/v1/products", &[("name", "Pro")]);
        let product = product["id"].as_str().expect("an id").to_owned();
        let params = [
            ("currency", "usd"),
            ("unit_amount", cents),
            ("product", product.as_str()),
            ("recurring[interval]", interval),
        ];
        id(&self.post("/v1/prices", &params))
    }

    /// A customer who pays by this test card; its id.
    pub fn customer(&mut self, card: &str) -> String {
        let customer = id(&self.post("/v1/customers", &[("email", "jenny@example.com")]));
        let method = self.post(&format!("/v1/payment_methods/{card}/attach"), &[("customer", &customer)]);
        let path = format!("/v1/customers/{customer}");
        self.post(&path, &[("invoice_settings[default_payment_method]", method["id"].as_str().expect("an id"))]);
        customer
    }

    /// A subscription of one price.
    pub fn subscribe(&mut self, customer: &str, price: &str, more: &[(&str, &str)]) -> Value {
        let params = [&[("customer", customer), ("items[0][price]", price)], more].concat();
        self.post("/v1/subscriptions", &params)
    }

    /// The types of the events after the one `seen`, in order.
    pub fn events(&self, seen: &str) -> Vec<String> {
        let mut newer: Vec<String> = Vec::new();
        for event in self.world.tables.events.all().rev().take_while(|event| event.id != seen) {
            newer.push(event.kind.clone());
        }
        newer.reverse();
        newer
    }

    /// The newest event; old ones are forgotten after a month, so they cannot be counted.
    pub fn seen(&self) -> String {
        self.world.tables.events.all().next_back().map_or_else(String::new, |event| event.id.clone())
    }

    /// The newest invoice of a subscription.
    pub fn invoice(&mut self, subscription: &str) -> Value {
        let found = self.get(&format!("/v1/subscriptions/{subscription}"));
        let invoice = found["latest_invoice"].as_str().expect("an invoice").to_owned();
        self.get(&format!("/v1/invoices/{invoice}"))
    }
}

/// The operation at a path, as the contract names it.
fn label(method: &str, path: &str) -> Option<String> {
    let fits = |template: &str| {
        let (mut wanted, mut given) = (template.split('/'), path.split('/'));
        std::iter::from_fn(|| match (wanted.next(), given.next()) {
            (None, None) => None,
            (Some(part), Some(word)) => Some(part.starts_with('{') || part == word),
            _ => Some(false),
        })
        .take(32)
        .all(|fits| fits)
    };
    ROUTES.iter().find(|route| route.method == method && fits(route.path)).map(crate::http::Route::label)
}

/// The id of an object.
pub fn id(object: &Value) -> String {
    object["id"].as_str().expect("an id").to_owned()
}

/// Amount and description of each line of an invoice.
pub fn lines(invoice: &Value) -> Vec<(i64, String)> {
    let lines = invoice["lines"]["data"].as_array().expect("lines");
    let line = |line: &Value| {
        (line["amount"].as_i64().expect("an amount"), line["description"].as_str().unwrap_or_default().to_owned())
    };
    lines.iter().map(line).collect()
}
