//! What customers do in the year, and what is done to them.

use super::{PACKS, UNIT, Year, second, sold, truth};
use crate::{
    payments::{text, wanted},
    world::ADMIN,
};
use purser_stripe::{
    Call, Error, Key,
    calls::{customers, invoices, payments, subscriptions as calls},
    objects::{InvoiceStatus, Subscription},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What packs are paid with, and who leaves the page.
const METHODS: [&str; 8] = [
    "pm_card_visa",
    "pm_card_visa",
    "pm_card_visa",
    "pm_usBankAccount_success",
    "pm_usBankAccount_insufficientFunds",
    "pm_card_createDispute",
    "pm_card_chargeDeclined",
    "",
];

impl Year {
    /// One thing happens to a customer.
    pub(super) async fn lives(&mut self, who: usize) {
        match self.dice.below(20) {
            0..=3 => self.buys(who).await,
            4 | 5 => self.subscribes(who).await,
            6 | 7 => self.changes_its_plan(who).await,
            8 => self.ends_or_not(who).await,
            9 => self.pays_by(who, "pm_card_chargeCustomerFail").await,
            10 | 11 => self.pays_by(who, "pm_card_visa").await,
            12 => self.is_refunded(who).await,
            13 => self.disputes(who).await,
            _ => self.spends(who).await,
        }
    }

    async fn buys(&mut self, who: usize) {
        let (pack, ..) = *self.dice.one_of(&PACKS);
        let quantity = 1 + self.dice.below(3);
        let body = json!({ "customer_id": self.people[who].id, "top_up_plan": pack, "quantity": quantity });
        let method = *self.dice.one_of(&METHODS);
        self.goes_to_checkout(who, &body, method).await;
    }

    async fn subscribes(&mut self, who: usize) {
        if !self.live(who).await.is_empty() {
            return;
        }
        let price = if self.people[who].loyal { self.loyal.clone() } else { self.dice.one_of(&self.prices).clone() };
        let body = json!({ "customer_id": self.people[who].id, "purpose": "subscription", "price": price });
        let method = if self.dice.once_in(5) { "pm_card_chargeDeclined" } else { "pm_card_visa" };
        self.goes_to_checkout(who, &body, method).await;
    }

    /// Opens a checkout, pays by it or leaves, and comes back to the page or does not.
    async fn goes_to_checkout(&mut self, who: usize, body: &Value, method: &str) {
        let opened = self.asks("/api/v1/checkout", &wanted(body)).await;
        let session = text(&opened["session_id"]).to_owned();
        let id = self.people[who].id.clone();
        self.is_a_payer(who).await;
        if !method.is_empty() {
            let amount = self.shop.session(&session).await.amount_total.unwrap();
            let form = format!("payment_method={method}&expected_amount={amount}");
            let (status, said) = self.shop.post(&format!("/v1/payment_pages/{session}/confirm"), &form).await;
            assert!([200, 402].contains(&status), "{status}: {said}");
        }
        if self.dice.once_in(2) {
            self.asks("/api/v1/checkout/verify", &json!({ "customer_id": id, "session_id": session })).await;
        }
    }

    /// A checkout has made it a customer of Stripe.
    async fn is_a_payer(&mut self, who: usize) {
        let person = &mut self.people[who];
        let known = self.shop.world.admin("GET", &format!("/api/v1/customers/{}", person.id), "").await;
        person.payer = Some(text(&known["stripe_customer_id"]).to_owned());
    }

    /// Asks Purser while Stripe has its troubles, again until it is done.
    async fn asks(&mut self, path: &str, body: &Value) -> Value {
        self.trouble().await;
        for attempt in 0..12 {
            if attempt == 6 {
                self.shop.fault(None).await;
            }
            let answer = self.shop.world.ask(ADMIN, "POST", path, body.to_string()).await;
            if answer.status == 200 {
                self.shop.fault(None).await;
                return answer.json();
            }
            assert_eq!(answer.status, 503, "{path} {body}: {}", answer.text);
        }
        panic!("{path} {body}: not after twelve times");
    }

    /// The customer's subscriptions that did not end.
    async fn live(&self, who: usize) -> Vec<Subscription> {
        let Some(payer) = &self.people[who].payer else { return Vec::new() };
        let which = calls::Subscriptions { customer: Some(payer.clone()), ..Default::default() };
        self.shop.read(&calls::list(&which)).await.data
    }

    /// Writes at Stripe what it may refuse: then it was not to be.
    async fn try_to<T: DeserializeOwned>(&mut self, call: &Call<T>) {
        self.writes += 1;
        let now = second(&self.clock);
        let key = Key { text: format!("year-{}", self.writes), first_sent: now };
        match self.shop.client().write(call, &key, now).await {
            Ok(_) | Err(Error::Refused(_)) => {}
            Err(error) => panic!("{call:?}: {error}"),
        }
    }

    /// Another plan, or more of it, as Stripe's portal would do it.
    async fn changes_its_plan(&mut self, who: usize) {
        if self.people[who].loyal {
            return;
        }
        for one in self.live(who).await {
            let Some(item) = one.items.data.first() else { continue };
            let change = if self.dice.once_in(3) {
                calls::LoneItemChange { quantity: Some(1 + self.dice.below(4)), ..Default::default() }
            } else {
                let price = self.dice.one_of(&self.prices).clone();
                calls::LoneItemChange { price: Some(price), ..Default::default() }
            };
            self.try_to(&calls::update_item(&one.id, &item.id, &change)).await;
        }
    }

    async fn ends_or_not(&mut self, who: usize) {
        for one in self.live(who).await {
            if self.dice.once_in(3) {
                self.try_to(&calls::cancel(&one.id, &calls::Cancellation::default())).await;
            } else {
                let ends = Some(!one.is_ending());
                let change = calls::SubscriptionChange { cancel_at_period_end: ends, ..Default::default() };
                self.try_to(&calls::update(&one.id, &change)).await;
            }
        }
    }

    /// From now on its subscriptions are paid by `card`.
    async fn pays_by(&mut self, who: usize, card: &str) {
        let Some(payer) = self.people[who].payer.clone() else { return };
        let method = self.shop.write(&customers::attach(card, &payer)).await.id;
        for one in self.live(who).await {
            let method = Some(method.clone());
            let change = calls::SubscriptionChange { default_payment_method: method, ..Default::default() };
            self.try_to(&calls::update(&one.id, &change)).await;
        }
    }

    /// A payment of one of its invoices that is paid.
    async fn paid_invoice(&mut self, who: usize) -> Option<(String, i64)> {
        let customer = Some(self.people[who].payer.clone()?);
        let which = invoices::Invoices { customer, status: Some(InvoiceStatus::Paid), ..Default::default() };
        let all = self.shop.read(&invoices::list(&which)).await.data;
        if all.is_empty() {
            return None;
        }
        let invoice = self.dice.one_of(&all);
        let which = invoices::InvoicePayments { invoice: invoice.id.clone(), ..Default::default() };
        let paid = self.shop.read(&invoices::payments(&which)).await.data;
        let intent = paid.into_iter().filter(|one| one.status == "paid").find_map(|one| one.payment.payment_intent)?;
        Some((intent.id().to_owned(), invoice.amount_paid))
    }

    /// A payment of one of its purchases, or of one of its invoices, that is paid.
    async fn paid(&mut self, who: usize) -> Option<(String, i64)> {
        if self.dice.once_in(2) {
            return self.paid_invoice(who).await;
        }
        let path = format!("/api/v1/customers/{}/purchases", self.people[who].id);
        let mut all = truth::listed(&self.shop.world, &path).await;
        all.retain(|one| one["state"] != "pending" && one["payment_intent"].is_string());
        if all.is_empty() {
            return None;
        }
        let one = self.dice.one_of(&all);
        Some((text(&one["payment_intent"]).to_owned(), one["amount"].as_i64().unwrap()))
    }

    async fn is_refunded(&mut self, who: usize) {
        let Some((intent, amount)) = self.paid(who).await else { return };
        let part = 1 + self.dice.amount(u64::try_from(amount).unwrap());
        let cents = (!self.dice.once_in(3)).then_some(part);
        let refund = payments::NewRefund { payment_intent: Some(intent), amount: cents, ..Default::default() };
        self.try_to(&payments::refund(&refund)).await;
    }

    /// It takes a payment back by its bank, or a dispute of it is decided.
    async fn disputes(&mut self, who: usize) {
        let Some((intent, _)) = self.paid(who).await else { return };
        let which = payments::OfPayment { payment_intent: Some(intent.clone()), ..Default::default() };
        let open = self.shop.read(&payments::disputes(&which)).await.data;
        // What Stripe refuses, such as a dispute that is over, was not to be.
        match open.first() {
            Some(dispute) => {
                let how = if self.dice.once_in(2) { "win" } else { "lose" };
                self.shop.post("/_sandbox/disputes/end", &format!("id={}&how={how}", dispute.id)).await;
            }
            None => {
                let Some(charge) = self.shop.read(&payments::retrieve(&intent)).await.latest_charge else { return };
                self.shop.post("/_sandbox/disputes", &format!("charge={}", charge.id())).await;
            }
        }
    }

    /// Of its packs, or of what its plan gives.
    async fn spends(&mut self, who: usize) {
        self.writes += 1;
        let amount = 1 + self.dice.amount(30);
        let of_plan = self.dice.once_in(3);
        let unit = if of_plan { "credits" } else { UNIT };
        let (person, key) = (&mut self.people[who], format!("spend-{}", self.writes));
        let body = json!({ "customer_id": person.id, "amount": amount, "unit": unit, "idempotency_key": key });
        let answer = self.shop.world.ask(ADMIN, "POST", "/api/v1/consume", body.to_string()).await;
        match answer.status {
            200 if of_plan => {}
            200 => person.spent += amount * 1_000_000,
            status => assert_eq!(status, 402, "{body}: {}", answer.text),
        }
    }

    /// It saves a card, and agrees that packs are bought by it when few are left.
    pub(super) async fn buys_by_itself(&mut self, who: usize) {
        let id = self.people[who].id.clone();
        let setup = json!({ "customer_id": id, "purpose": "setup" });
        self.asks("/api/v1/checkout", &wanted(&setup)).await;
        self.is_a_payer(who).await;
        let payer = self.people[who].payer.clone().unwrap();
        sold::pays_by(&self.shop, &payer, "pm_card_visa").await;
        let wish = json!({ "threshold": 10, "top_up_plan": "pack-50", "most_a_day": 2, "most_a_month": 5000 });
        self.shop.world.admin("PUT", &format!("/api/v1/customers/{id}/auto_top_up"), &wish.to_string()).await;
    }
}
