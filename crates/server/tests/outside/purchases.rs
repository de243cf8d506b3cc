//! kill -9 of the real binary while it acts on webhooks of purchases: each pack is given once, whenever it dies.

use crate::{
    client::builder,
    server::{Server, Start, until},
    store::{Kind, Store, on_both},
    stripe::Sandbox,
    webhooks::{SECRET, send},
};
use reqwest::blocking::Client as Http;
use serde_json::{Value, json};

on_both!(killed_while_purchases_are_acted_on_gives_each_pack_once);

const KEY: &str = "sk_test_purchases0123456789";
/// So many that the calls to Stripe, of which there is a most in a second, take a while.
const BUYERS: usize = 12;
/// How many purchases are there when it is killed.
const BEFORE: usize = 3;

/// The sandbox, asked as the seller and the payers would.
struct Stripe {
    http: Http,
    base: String,
}

impl Stripe {
    fn post(&self, path: &str, form: &str) -> Value {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(KEY);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(form.to_owned()).send().expect("an answer");
        assert_eq!(answer.status(), 200, "{path} {form}");
        answer.json().expect("JSON")
    }

    /// The events of completed sessions.
    fn completions(&self) -> Vec<Value> {
        let path = "/v1/events?type=checkout.session.completed&limit=100";
        let answer = self.http.get(format!("{}{path}", self.base)).bearer_auth(KEY).send().expect("an answer");
        let page: Value = answer.json().expect("JSON");
        page["data"].as_array().expect("a list").clone()
    }
}

fn killed_while_purchases_are_acted_on_gives_each_pack_once(kind: Kind) {
    let store = Store::new(kind);
    let sandbox = Sandbox::start(&Start::on(&store));
    let start = Start::on(&store).env("STRIPE_SECRET_KEY", KEY).env("STRIPE_API_BASE", &sandbox.base);
    let start = start.env("STRIPE_WEBHOOK_SECRET", SECRET);
    let stripe = Stripe { http: builder().build().expect("a client"), base: sandbox.base.clone() };
    let mut server = start.serve();
    sells(&stripe, &server);
    (0..BUYERS).for_each(|n| buys(&stripe, &server, &format!("buyer-{n}")));
    let events = stripe.completions();
    assert_eq!(events.len(), BUYERS);
    for event in &events {
        assert_eq!(send(&server, &event.to_string(), SECRET), (200, String::new()));
    }
    let purchases = || store.ask("SELECT count(*) FROM purchases").parse::<usize>().expect("a count");
    until("some packs are given", || purchases() >= BEFORE);
    server.kill_9();
    // As if the leases of the one that died had run out.
    store.ask("UPDATE stripe_inbox SET run_at = (SELECT min(received_at) FROM stripe_events)");
    let server = start.serve();
    until("all is done", || store.ask("SELECT count(*) FROM stripe_inbox") == "0");
    assert_eq!(purchases(), BUYERS);
    // Told again, nothing more is given.
    for event in &events {
        assert_eq!(send(&server, &event.to_string(), SECRET).0, 200);
    }
    until("all is done", || store.ask("SELECT count(*) FROM stripe_inbox") == "0");
    for n in 0..BUYERS {
        let grants = server.client().list(&format!("/customers/buyer-{n}/grants"));
        let bought: Vec<&Value> = grants.iter().filter(|grant| grant["source_kind"] == "topup").collect();
        assert_eq!(bought.len(), 1, "buyer-{n}: {grants:?}");
        let bought = server.client().list(&format!("/customers/buyer-{n}/purchases"));
        let shown: Vec<&Value> = bought.iter().map(|purchase| &purchase["state"]).collect();
        assert_eq!(shown, [&json!("paid")], "buyer-{n}");
    }
    drop(server);
    start.verify();
}

/// A pack of 50 credits for 5 dollars.
fn sells(stripe: &Stripe, server: &Server) {
    let product = stripe.post("/v1/products", "name=A+pack");
    let product = product["id"].as_str().expect("an id");
    let price = stripe.post("/v1/prices", &format!("currency=usd&unit_amount=500&product={product}"));
    let price = json!({ "stripe_price_id": price["id"], "currency": "usd", "unit_amount": 500 });
    let pack = json!({ "family": "pack-of-the-test", "credits": 50, "price": price });
    server.client().post("/admin/top-up-plans", &pack).expect(200);
}

/// A new customer opens a checkout of the pack, and pays.
fn buys(stripe: &Stripe, server: &Server, customer: &str) {
    let client = server.client();
    let made = client.send("PUT", &format!("/customers/{customer}"), |request| request.json(&json!({})));
    made.expect("an answer").expect(200);
    let checkout = json!({
        "customer_id": customer,
        "top_up_plan": "pack-of-the-test",
        "success_url": "https://app.example.com/return?session={CHECKOUT_SESSION_ID}",
    });
    let checkout = client.post("/checkout", &checkout).expect(200);
    let session = checkout["session_id"].as_str().expect("an id");
    let form = "payment_method=pm_card_visa&expected_amount=500";
    stripe.post(&format!("/v1/payment_pages/{session}/confirm"), form);
}
