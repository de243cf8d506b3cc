//! One life in a sandbox in which every event happens that Purser acts on.

use purser_stripe_sim::{Clock, Sandbox, Settings, State};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// 2026-01-01T00:00:00Z
const NEW_YEAR: i64 = 1_767_225_600;
const DAY: i64 = 86_400;
/// Where the sandbox is said to be; nothing listens there.
const BASE: &str = "http://sandbox.example";

/// A life, and what was seen of it.
struct Life {
    sandbox: Sandbox,
    state: State,
    now: i64,
    /// The kinds that are looked for.
    wanted: BTreeSet<&'static str>,
    /// Of each kind the event that was seen first.
    seen: BTreeMap<&'static str, Value>,
}

/// An event of each of these kinds that happened.
pub async fn events(wanted: &BTreeSet<&'static str>) -> BTreeMap<&'static str, Value> {
    let settings = Settings { seed: 1, clock: Clock::Standing(NEW_YEAR), load: None, record: None };
    let sandbox = Sandbox::new(settings, BASE).expect("a sandbox");
    let state = sandbox.state();
    let mut life = Life { sandbox, state, now: NEW_YEAR, wanted: wanted.clone(), seen: BTreeMap::new() };
    life.packs().await;
    life.refunds().await;
    life.disputes().await;
    life.subscription().await;
    life.trial().await;
    life.unpaid();
    life.by_hand();
    life.methods();
    life.seen
}

impl Life {
    /// Packs are bought: by card, by bank debits, and not at all.
    async fn packs(&mut self) {
        let customer = self.customer("pm_card_visa");
        let price = self.price(&[("unit_amount", "1000")]);
        let paid = self.checkout(&customer, &price, "payment");
        self.pay(&paid, "pm_card_visa");
        self.look();
        for account in ["pm_usBankAccount_success", "pm_usBankAccount_insufficientFunds"] {
            let debited = self.checkout(&customer, &price, "payment");
            self.pay(&debited, account);
        }
        self.pass(5 * DAY).await;
        let left = id(&self.checkout(&customer, &price, "payment"));
        self.post(&format!("checkout/sessions/{left}/expire"), &[]);
        let forgotten = id(&self.post("payment_intents", &[("amount", "1000"), ("currency", "usd")]));
        self.post(&format!("payment_intents/{forgotten}/cancel"), &[]);
        self.look();
    }

    /// Money is given back: at once, later, and in vain.
    async fn refunds(&mut self) {
        let paid = self.charged("pm_card_visa");
        self.post("refunds", &[("payment_intent", &paid), ("amount", "400")]);
        self.look();
        for card in ["pm_card_pendingRefund", "pm_card_refundFail"] {
            let paid = self.charged(card);
            self.post("refunds", &[("payment_intent", &paid)]);
        }
        self.pass(11 * DAY).await;
    }

    /// A payer takes a payment back by the bank; the evidence is good.
    async fn disputes(&mut self) {
        let paid = self.charged("pm_card_createDispute");
        self.pass(DAY).await;
        let dispute = self.get("disputes", &[("payment_intent", &paid)]);
        let dispute = id(&dispute["data"][0]);
        let evidence = [("evidence[uncategorized_text]", "winning_evidence"), ("submit", "true")];
        self.post(&format!("disputes/{dispute}"), &evidence);
        self.look();
        self.pass(DAY).await;
    }

    /// A plan is bought by checkout, changed, announced to go on, and ended.
    async fn subscription(&mut self) {
        let customer = self.customer("pm_card_visa");
        let pro = self.price(&[("unit_amount", "2000"), ("recurring[interval]", "month")]);
        let max = self.price(&[("unit_amount", "5000"), ("recurring[interval]", "month")]);
        let feature = self.post("entitlements/features", &[("name", "Exports"), ("lookup_key", "exports")]);
        let product = self.get(&format!("prices/{pro}"), &[]);
        let product = product["product"].as_str().expect("a product").to_owned();
        self.post(&format!("products/{product}/features"), &[("entitlement_feature", &id(&feature))]);
        let session = self.checkout(&customer, &pro, "subscription");
        self.pay(&session, "pm_card_visa");
        self.look();
        let session = self.get(&format!("checkout/sessions/{}", id(&session)), &[]);
        let path = format!("subscriptions/{}", session["subscription"].as_str().expect("a subscription"));
        let item = self.get(&path, &[]);
        let item = id(&item["items"]["data"][0]);
        self.post(&path, &[("items[0][id]", &item), ("items[0][price]", &max)]);
        self.look();
        self.pass(25 * DAY).await;
        self.ask("DELETE", &path, &[]).expect("it ends");
        self.look();
    }

    /// A trial without anything to pay with is about to end, pauses, and goes on.
    async fn trial(&mut self) {
        let customer = id(&self.post("customers", &[("email", "jenny@example.com")]));
        let price = self.price(&[("unit_amount", "2000"), ("recurring[interval]", "month")]);
        let path = self.subscribe(
            &customer,
            &price,
            &[("trial_period_days", "7"), ("trial_settings[end_behavior][missing_payment_method]", "pause")],
        );
        self.pass(5 * DAY).await;
        self.post(&path, &[("trial_end", "now")]);
        self.look();
        self.pay_by(&customer, "pm_card_visa");
        let unchanged = [("billing_cycle_anchor[type]", "unchanged"), ("proration_behavior", "none")];
        self.post(&format!("{path}/resume"), &unchanged);
        self.look();
    }

    /// First payments that the bank refuses, or wants the payer for.
    fn unpaid(&mut self) {
        let price = self.price(&[("unit_amount", "2000"), ("recurring[interval]", "month")]);
        for card in ["pm_card_chargeCustomerFail", "pm_card_threeDSecure2Required"] {
            let customer = self.customer(card);
            self.subscribe(&customer, &price, &[]);
            self.look();
        }
    }

    /// Invoices made by hand: changed, taken back, given up, and one whose payer is away.
    fn by_hand(&mut self) {
        let customer = self.customer("pm_card_visa");
        let changed = self.invoice(&customer);
        self.post(&changed, &[("metadata[order]", "4711")]);
        self.post(&format!("{changed}/finalize"), &[]);
        self.post(&format!("{changed}/void"), &[]);
        let given_up = self.invoice(&customer);
        self.post(&format!("{given_up}/finalize"), &[]);
        self.post(&format!("{given_up}/mark_uncollectible"), &[]);
        self.look();
        let away = self.customer("pm_card_threeDSecure2Required");
        let invoice = self.invoice(&away);
        // The answer is a refusal; what counts is what is told.
        drop(self.ask("POST", &format!("{invoice}/pay"), &[]));
        self.look();
    }

    /// Payment methods are changed and taken away, and a customer goes.
    fn methods(&mut self) {
        let customer = self.customer("pm_card_visa");
        let method = id(&self.post("payment_methods/pm_card_mastercard/attach", &[("customer", &customer)]));
        self.post(&format!("payment_methods/{method}"), &[("billing_details[name]", "Jenny Rosen")]);
        self.post(&format!("payment_methods/{method}/detach"), &[]);
        self.ask("DELETE", &format!("customers/{customer}"), &[]).expect("it goes");
        self.look();
    }

    /// Takes what was not seen before.
    fn look(&mut self) {
        let missing: Vec<&'static str> =
            self.wanted.iter().copied().filter(|kind| !self.seen.contains_key(kind)).collect();
        for kind in missing {
            let listed = self.get("events", &[("type", kind), ("limit", "1")]);
            if let Some(event) = listed["data"].as_array().and_then(|data| data.first()) {
                self.seen.insert(kind, event.clone());
            }
        }
    }

    /// Moves the time on, and looks.
    async fn pass(&mut self, seconds: i64) {
        self.now += seconds;
        self.sandbox.advance(self.now).await;
        self.look();
    }

    fn ask(&self, method: &str, path: &str, params: &[(&str, &str)]) -> Result<Value, String> {
        self.state.ask(method, path, params)
    }

    fn post(&self, path: &str, params: &[(&str, &str)]) -> Value {
        self.ask("POST", path, params).unwrap_or_else(|why| panic!("{path} {params:?}: {why}"))
    }

    fn get(&self, path: &str, params: &[(&str, &str)]) -> Value {
        self.ask("GET", path, params).unwrap_or_else(|why| panic!("{path} {params:?}: {why}"))
    }

    /// A customer who pays by this; its id.
    fn customer(&self, method: &str) -> String {
        let customer = id(&self.post("customers", &[("name", "Acme"), ("email", "jenny@example.com")]));
        self.pay_by(&customer, method);
        customer
    }

    fn pay_by(&self, customer: &str, method: &str) {
        let method = id(&self.post(&format!("payment_methods/{method}/attach"), &[("customer", customer)]));
        self.post(&format!("customers/{customer}"), &[("invoice_settings[default_payment_method]", &method)]);
    }

    /// A price in dollars of a product of its own; its id.
    fn price(&self, more: &[(&str, &str)]) -> String {
        let product = id(&self.post("products", &[("name", "Pro")]));
        id(&self.post("prices", &[&[("currency", "usd"), ("product", product.as_str())], more].concat()))
    }

    /// A checkout as Purser opens it.
    fn checkout(&self, customer: &str, price: &str, mode: &str) -> Value {
        let params = [
            ("mode", mode),
            ("customer", customer),
            ("client_reference_id", "acme"),
            ("success_url", "https://app.example.com/billing/return?session={CHECKOUT_SESSION_ID}"),
            ("line_items[0][price]", price),
            ("line_items[0][quantity]", "1"),
        ];
        self.post("checkout/sessions", &params)
    }

    /// Pays a checkout as its payer would.
    fn pay(&self, session: &Value, method: &str) {
        let amount = session["amount_total"].as_i64().expect("an amount").to_string();
        let params = [("payment_method", method), ("expected_amount", amount.as_str())];
        self.post(&format!("payment_pages/{}/confirm", id(session)), &params);
    }

    /// A payment by this card; its id.
    fn charged(&self, card: &str) -> String {
        let params = [
            ("amount", "1000"),
            ("currency", "usd"),
            ("payment_method", card),
            ("payment_method_types[]", "card"),
            ("confirm", "true"),
        ];
        id(&self.post("payment_intents", &params))
    }

    /// A subscription; its path.
    fn subscribe(&self, customer: &str, price: &str, more: &[(&str, &str)]) -> String {
        let params = [&[("customer", customer), ("items[0][price]", price)], more].concat();
        format!("subscriptions/{}", id(&self.post("subscriptions", &params)))
    }

    /// A draft of an invoice; its path.
    fn invoice(&self, customer: &str) -> String {
        self.post("invoiceitems", &[("customer", customer), ("currency", "usd"), ("amount", "2500")]);
        let params = [("customer", customer), ("pending_invoice_items_behavior", "include")];
        format!("invoices/{}", id(&self.post("invoices", &params)))
    }
}

/// The id of an object.
fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("no id: {object}")).to_owned()
}
