//! A year of customers who buy, upgrade, fail to pay, are refunded, dispute and cancel, while requests and webhooks go wrong:
//! at its end every subscription, purchase and wallet is what Stripe's own objects come to.

mod bought;

use super::{
    DAY, clock,
    dice::{Dice, setting},
    feed::{Feed, happened, twin},
    pass,
    running::Running,
    second,
    truth::{self, Families},
};
use crate::{
    inbox::{execute, number, pass as leases_run_out, send},
    payments::{Shop, text, wanted},
    world::{ADMIN, Kind},
};
use bought::{Bought, bought};
use futures_util::future::join_all;
use purser::{
    features::inbox,
    platform::{clock::Clock, db::Value as Sql},
};
use purser_rules::Time;
use purser_stripe::{
    Call, Error, Key,
    calls::{catalog, customers, payments, subscriptions as calls},
    objects::{Interval, Subscription},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const WEEKS: u32 = 52;
/// A credit pack: its name, its credits, its price in cents.
const PACKS: [(&str, i64, i64); 2] = [("pack-50", 50, 500), ("pack-200", 200, 1799)];
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
/// What goes wrong with requests.
const TROUBLES: [&str; 6] = ["trouble", "trouble_after", "rate_limit", "lock", "cut_before", "cut_after"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_year_of_customers_ends_in_what_stripes_objects_come_to_on_sqlite() {
    year(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_year_of_customers_ends_in_what_stripes_objects_come_to_on_postgres() {
    year(Kind::Postgres).await;
}

/// 12 customers, or as many as `PURSER_YEAR_CUSTOMERS` says, by the seed `PURSER_YEAR_SEED`.
async fn year(kind: Kind) {
    let (count, seed) = (setting("PURSER_YEAR_CUSTOMERS", 12), setting("PURSER_YEAR_SEED", 20_261_121));
    println!("{kind:?}: {count} customers; PURSER_YEAR_SEED={seed} lives this year again");
    let mut year = Year::begin(kind, count, seed).await;
    for week in 1..=WEEKS {
        year.week(week).await;
        if count > 50 && week.is_multiple_of(4) {
            println!("{kind:?}: week {week} of {WEEKS}, {} events", year.told);
        }
    }
    year.ends().await;
}

/// A customer, and what it has spent.
struct Person {
    id: String,
    payer: Option<String>,
    spent: i64,
}

struct Year {
    kind: Kind,
    dice: Dice,
    clock: Clock,
    shop: Shop,
    feed: Feed,
    people: Vec<Person>,
    prices: Vec<String>,
    families: Families,
    /// Events that come weeks late.
    held: Vec<(u32, Value)>,
    writes: u32,
    told: usize,
    _sandbox: Running,
}

impl Year {
    async fn begin(kind: Kind, count: u64, seed: u64) -> Self {
        let clock = clock();
        let sandbox = Running::start(seed, clock.clone(), None).await;
        let shop = Shop::beside(kind, clock.clone(), sandbox.address).await;
        for (family, credits, cents) in PACKS {
            let price = shop.price(cents, &[]).await;
            let price = json!({ "stripe_price_id": price, "currency": "usd", "unit_amount": cents });
            let body = json!({ "family": family, "credits": credits, "price": price, "expires_in_days": null });
            shop.world.admin("POST", "/api/v1/admin/top-up-plans", &body.to_string()).await;
        }
        let mut people = Vec::new();
        for n in 0..count {
            let id = format!("team-{n}");
            shop.customer(&id).await;
            people.push(Person { id, payer: None, spent: 0 });
        }
        inbox::find_missed(&shop.world.app).await.unwrap();
        let mut year = Self {
            kind,
            dice: Dice::new(seed),
            clock,
            shop,
            feed: Feed::default(),
            people,
            prices: Vec::new(),
            families: Families::new(),
            held: Vec::new(),
            writes: 0,
            told: 0,
            _sandbox: sandbox,
        };
        for (rank, interval) in (1..).zip([Interval::Month, Interval::Month, Interval::Year]) {
            year.sells(rank, interval).await;
        }
        year
    }

    /// A plan and its price.
    async fn sells(&mut self, rank: u32, interval: Interval) {
        let product = catalog::ProductFields { name: Some(format!("Plan {rank}")), ..Default::default() };
        let cents = 1500 * i64::from(rank);
        let word = interval.as_str().to_owned();
        let price = catalog::NewPrice {
            currency: "usd".into(),
            product: self.shop.write(&catalog::create_product(&product)).await.id,
            unit_amount: Some(cents),
            recurring: Some(catalog::NewRecurring { interval, ..Default::default() }),
            ..Default::default()
        };
        let price = self.shop.write(&catalog::create_price(&price)).await.id;
        let bound = json!([{ "stripe_price_id": price, "currency": "usd", "unit_amount": cents, "interval": word }]);
        let family = format!("plan-{rank}");
        let body = json!({ "family": family, "rank": rank, "prices": bound }).to_string();
        self.shop.world.admin("POST", "/api/v1/admin/subscription-plans", &body).await;
        self.families.insert(price.clone(), (rank, family));
        self.prices.push(price);
    }

    /// Seven days on which this and that happens; at their end most of it is told.
    async fn week(&mut self, week: u32) {
        for _ in 0..7 {
            pass(&self.clock, DAY);
            for who in 0..self.people.len() {
                if self.dice.once_in(8) {
                    self.lives(who).await;
                }
            }
        }
        let told = self.falls_to(week).await;
        self.tell(&told).await;
        self.find().await;
    }

    /// What is told at the end of this week. Some comes later, some twice, and of the last day some not at all.
    async fn falls_to(&mut self, week: u32) -> Vec<Value> {
        let news = self.feed.news(self.shop.client()).await;
        self.told += news.len();
        let held = std::mem::take(&mut self.held).into_iter();
        let (due, later): (Vec<_>, Vec<_>) = held.partition(|(at, _)| *at <= week);
        self.held = later;
        let mut now: Vec<Value> = due.into_iter().map(|(_, event)| event).collect();
        for event in news {
            let later = week + 1 + u32::try_from(self.dice.below(2)).unwrap();
            let age = second(&self.clock) - happened(&event);
            match self.dice.below(20) {
                0 | 1 => self.held.push((later, event)),
                2 => {
                    self.held.push((later, twin(&event)));
                    now.push(event);
                }
                3 => {
                    now.push(event.clone());
                    now.push(event);
                }
                4..=6 if age < DAY - 3_600 => {}
                _ => now.push(event),
            }
        }
        self.dice.shuffle(&mut now);
        now
    }

    /// Tells of these events in two parts, while Stripe has its troubles.
    async fn tell(&mut self, events: &[Value]) {
        for part in events.chunks(events.len().div_ceil(2).max(1)) {
            let bodies: Vec<String> = part.iter().map(Value::to_string).collect();
            join_all(bodies.iter().map(|body| send(&self.shop.world, body))).await;
            self.trouble().await;
            self.shop.work_off().await;
            self.shop.fault(None).await;
        }
    }

    /// Looks for what no webhook brought.
    async fn find(&self) {
        let from = Time::from_micros((second(&self.clock) - DAY) * 1_000_000);
        // As if it had been looked all the week, when there was nothing to find.
        let sql = "UPDATE stripe_cursors SET at = $1 WHERE name = 'events'";
        assert_eq!(execute(&self.shop.world, sql, vec![Sql::Ts(from)]).await, 1);
        let missed = inbox::find_missed(&self.shop.world.app).await.unwrap();
        assert!(missed.complete, "{missed:?}");
        self.shop.work_off().await;
    }

    /// Some of the next requests to Stripe go wrong.
    async fn trouble(&mut self) {
        for _ in 0..self.dice.below(3) {
            let (kind, times) = (*self.dice.one_of(&TROUBLES), 1 + self.dice.below(6));
            let fault = json!({ "kind": kind, "status": 503, "path": "/v1/", "times": times });
            self.shop.fault(Some(&fault)).await;
        }
    }

    /// One thing happens to a customer.
    async fn lives(&mut self, who: usize) {
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
        let price = self.dice.one_of(&self.prices).clone();
        let body = json!({ "customer_id": self.people[who].id, "purpose": "subscription", "price": price });
        let method = if self.dice.once_in(5) { "pm_card_chargeDeclined" } else { "pm_card_visa" };
        self.goes_to_checkout(who, &body, method).await;
    }

    /// Opens a checkout, pays by it or leaves, and comes back to the page or does not.
    async fn goes_to_checkout(&mut self, who: usize, body: &Value, method: &str) {
        let opened = self.asks("/api/v1/checkout", &wanted(body)).await;
        let session = text(&opened["session_id"]).to_owned();
        let id = self.people[who].id.clone();
        let known = self.shop.world.admin("GET", &format!("/api/v1/customers/{id}"), "").await;
        self.people[who].payer = Some(text(&known["stripe_customer_id"]).to_owned());
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

    /// A payment of one of its purchases that is paid.
    async fn paid(&mut self, who: usize) -> Option<(String, i64)> {
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

    async fn spends(&mut self, who: usize) {
        self.writes += 1;
        let amount = 1 + self.dice.amount(30);
        let person = &mut self.people[who];
        let body = json!({
            "customer_id": person.id, "amount": amount, "idempotency_key": format!("spend-{}", self.writes),
        });
        let answer = self.shop.world.ask(ADMIN, "POST", "/api/v1/consume", body.to_string()).await;
        match answer.status {
            200 => person.spent += amount * 1_000_000,
            status => assert_eq!(status, 402, "{body}: {}", answer.text),
        }
    }

    /// The end: all is told, nothing waits, and everything is as Stripe says.
    async fn ends(mut self) {
        let held: Vec<Value> = std::mem::take(&mut self.held).into_iter().map(|(_, event)| event).collect();
        self.tell(&held).await;
        self.find().await;
        for _ in 0..5 {
            leases_run_out(&self.shop.world).await;
            self.shop.work_off().await;
        }
        let left = number(&self.shop.world, "SELECT COUNT(*) FROM stripe_events WHERE state NOT IN (2, 3)").await;
        assert_eq!(left, 0, "{:?}: all {} events are done", self.kind, self.told);
        let (mut subscribers, mut buyers) = (0, 0);
        for person in &self.people {
            let Some(payer) = &person.payer else { continue };
            let what = format!("{:?}, {}", self.kind, person.id);
            let (client, world) = (self.shop.client(), &self.shop.world);
            truth::agrees(world, client, (person.id.as_str(), payer.as_str()), &self.families, &what).await;
            let expected = bought(client, payer).await;
            let path = format!("/api/v1/customers/{}/subscriptions", person.id);
            subscribers += usize::from(!truth::listed(world, &path).await.is_empty());
            buyers += usize::from(!expected.is_empty());
            self.has_what_it_bought(person, &expected, &what).await;
        }
        assert!(subscribers > 0 && buyers > 0, "{:?}: a year of something: {subscribers}, {buyers}", self.kind);
        self.shop.proved().await;
    }

    /// Its purchases are those of Stripe's sessions, and its wallet is what they gave, less what was taken back and spent.
    async fn has_what_it_bought(&self, person: &Person, expected: &BTreeMap<String, Bought>, what: &str) {
        let world = &self.shop.world;
        let seen = truth::listed(world, &format!("/api/v1/customers/{}/purchases", person.id)).await;
        let seen: BTreeMap<String, Bought> = seen.iter().map(Bought::shown).collect();
        let kept: i64 = expected.values().map(|one| one.kept).sum();
        for (id, expected) in expected {
            let seen = seen.get(id).unwrap_or_else(|| panic!("{what}: {id} was paid for, and is no purchase"));
            // What it kept of its credits stands in the wallet alone.
            assert_eq!(seen, &Bought { kept: 0, ..expected.clone() }, "{what}: {id}; right is what Stripe says");
        }
        assert_eq!(seen.len(), expected.len(), "{what}: {seen:?}");
        let balance = world.admin("GET", &format!("/api/v1/customers/{}/balance", person.id), "").await;
        let [available, held, debt] = ["available", "held", "debt"].map(|name| truth::micros(&balance[name]));
        assert_eq!(available + held - debt, kept - person.spent, "{what}: {balance}, {expected:?}");
        assert!(available == 0 || debt == 0, "{what}: {balance}");
    }
}
