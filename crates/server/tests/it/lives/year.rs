//! A year of customers who buy, upgrade, fail to pay, are refunded, dispute and cancel, while requests and webhooks go wrong:
//! at its end every subscription, purchase and wallet is what Stripe's own objects come to.
//!
//! Packs have a unit of their own, and so a sum of their own. Every third customer has a plan whose credits come with each
//! paid month, and never changes it; the others go to and fro between plans with so many credits a day. Every fourth buys
//! packs by itself when few are left.

mod acts;
mod bought;
mod given;

use super::{
    DAY, HOUR, clock,
    dice::{Dice, setting},
    feed::{Feed, happened, twin},
    pass,
    running::Running,
    second, sold,
    truth::{self, Families},
};
use crate::{
    inbox::{execute, number, pass as leases_run_out, send},
    payments::Shop,
    world::Kind,
};
use bought::{Bought, bought};
use futures_util::future::join_all;
use purser::{
    features::{inbox, payments, subscriptions},
    platform::{clock::Clock, db::Value as Sql},
};
use purser_rules::Time;
use purser_stripe::objects::Interval;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const WEEKS: u32 = 52;
/// A credit pack: its name, its credits, its price in cents.
const PACKS: [(&str, i64, i64); 2] = [("pack-50", 50, 500), ("pack-200", 200, 1799)];
/// What packs are counted in.
const UNIT: &str = "packs";
/// A plan that customers change to and from: its rank, how often it is paid, and its credits a day.
const PLANS: [(u32, Interval, i64); 3] = [(1, Interval::Month, 10), (2, Interval::Month, 20), (3, Interval::Year, 50)];
/// The default plan, and what it gives a day.
const FREE: (&str, i64) = ("free", 5);
/// The plan of those who do not change it, and what each of its months gives.
const LOYAL: (&str, u32, i64) = ("loyal", 4, 100);
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

/// A customer, and what it has spent of packs.
struct Person {
    id: String,
    payer: Option<String>,
    spent: i64,
    /// Whether it keeps the plan whose credits come with each paid month.
    loyal: bool,
}

struct Year {
    kind: Kind,
    dice: Dice,
    clock: Clock,
    shop: Shop,
    feed: Feed,
    people: Vec<Person>,
    /// Of the plans that are changed to and from.
    prices: Vec<String>,
    /// Of the plan that is not.
    loyal: String,
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
            let body =
                json!({ "family": family, "credits": credits, "price": price, "expires_in_days": null, "unit": UNIT });
            shop.world.admin("POST", "/api/v1/admin/top-up-plans", &body.to_string()).await;
        }
        let mut people = Vec::new();
        for n in 0..count {
            let id = format!("team-{n}");
            shop.customer(&id).await;
            people.push(Person { id, payer: None, spent: 0, loyal: n.is_multiple_of(3) });
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
            loyal: String::new(),
            families: Families::new(),
            held: Vec::new(),
            writes: 0,
            told: 0,
            _sandbox: sandbox,
        };
        year.sells_plans().await;
        for who in (1..year.people.len()).step_by(4) {
            year.buys_by_itself(who).await;
        }
        year
    }

    /// The default plan, and all others with their prices.
    async fn sells_plans(&mut self) {
        let (family, daily) = FREE;
        let credits = json!({ "amount": daily, "period": "day" });
        let free = json!({ "family": family, "rank": 0, "is_default": true, "credits": credits });
        self.shop.world.admin("POST", "/api/v1/admin/subscription-plans", &free.to_string()).await;
        self.families.insert(truth::NO_PRICE.to_owned(), (0, family.to_owned()));
        for (rank, interval, daily) in PLANS {
            let more = json!({ "credits": { "amount": daily, "period": "day" } });
            let (family, cents) = (format!("plan-{rank}"), 1000 * i64::from(rank));
            let price = self.shop.plan_for((family.as_str(), rank), (cents, interval), &more).await;
            self.families.insert(price.clone(), (rank, family));
            self.prices.push(price);
        }
        let (family, rank, credits) = LOYAL;
        // They outlive the year, so that it does not matter when they are told of.
        let credits = json!({ "amount": credits, "period": "billing", "expires_in_days": 3650 });
        let more = json!({ "credits": credits, "on_delete": "leave" });
        self.loyal = self.shop.plan_for((family, rank), (2500, Interval::Month), &more).await;
        self.families.insert(self.loyal.clone(), (rank, family.to_owned()));
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
            self.fills_up().await;
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
            self.fills_up().await;
            self.shop.fault(None).await;
        }
    }

    /// Packs are bought for those who have few left and agreed to it.
    async fn fills_up(&self) {
        payments::work_off_auto_top_up(&self.shop.world.app).await.unwrap();
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
        let checked = subscriptions::check_due(&self.shop.world.app).await.unwrap();
        assert_eq!(checked.failed, 0, "{checked:?}");
    }

    /// Some of the next requests to Stripe go wrong.
    async fn trouble(&mut self) {
        for _ in 0..self.dice.below(3) {
            let (kind, times) = (*self.dice.one_of(&TROUBLES), 1 + self.dice.below(6));
            let fault = json!({ "kind": kind, "status": 503, "path": "/v1/", "times": times });
            self.shop.fault(Some(&fault)).await;
        }
    }

    /// The end: all is told, nothing waits, and everything is as Stripe says.
    async fn ends(mut self) {
        let held: Vec<Value> = std::mem::take(&mut self.held).into_iter().map(|(_, event)| event).collect();
        self.tell(&held).await;
        self.find().await;
        // What became of the last packs that were bought without an answer.
        for _ in 0..5 {
            pass(&self.clock, HOUR);
            self.fills_up().await;
        }
        let news = self.feed.news(self.shop.client()).await;
        self.tell(&news).await;
        self.find().await;
        for _ in 0..5 {
            leases_run_out(&self.shop.world).await;
            self.shop.work_off().await;
        }
        let left = number(&self.shop.world, "SELECT COUNT(*) FROM stripe_events WHERE state NOT IN (2, 3)").await;
        assert_eq!(left, 0, "{:?}: all {} events are done", self.kind, self.told);
        let looks = number(&self.shop.world, "SELECT COUNT(*) FROM auto_top_up_looks").await;
        assert_eq!(looks, 0, "{:?}: nothing is looked for", self.kind);
        let mut plans = Vec::new();
        let (mut subscribers, mut buyers, mut loyal, mut alone) = (0, 0, 0, 0);
        for person in &self.people {
            let Some(payer) = &person.payer else {
                plans.push(Some(json!(FREE.0)));
                continue;
            };
            let what = format!("{:?}, {}", self.kind, person.id);
            let (client, world) = (self.shop.client(), &self.shop.world);
            let pair = (person.id.as_str(), payer.as_str());
            plans.push(truth::agrees(world, client, pair, &self.families, &what).await);
            let expected = bought(client, payer).await;
            let path = format!("/api/v1/customers/{}/subscriptions", person.id);
            subscribers += usize::from(!truth::listed(world, &path).await.is_empty());
            buyers += usize::from(!expected.is_empty());
            alone += expected.keys().filter(|id| id.starts_with("pi_")).count();
            self.has_what_it_bought(person, &expected, &what).await;
            self.owes_nothing_of_its_plans(person, &what).await;
            if person.loyal {
                loyal += self.has_what_it_paid_for(person, payer, &what).await;
            }
        }
        let seen = (subscribers, buyers, loyal, alone);
        println!("{:?}: subscribers, buyers, paid months, packs that were bought alone: {seen:?}", self.kind);
        assert!(subscribers > 0 && buyers > 0 && loyal > 0 && alone > 0, "{:?}: a year of something", self.kind);
        self.have_their_day(&plans).await;
        self.shop.proved().await;
    }

    /// Each has the credits of the next day that its plan gives, as it stood when all was told.
    async fn have_their_day(&self, plans: &[Option<Value>]) {
        pass(&self.clock, DAY);
        for (person, plan) in self.people.iter().zip(plans) {
            // While grace decides it depends on the day.
            let Some(plan) = plan else { continue };
            let daily = |(rank, _, daily): &(u32, Interval, i64)| (*plan == format!("plan-{rank}")).then_some(*daily);
            let expected = match plan.as_str().unwrap() {
                family if family == FREE.0 => FREE.1,
                family if family == LOYAL.0 => 0,
                _ => PLANS.iter().find_map(daily).unwrap(),
            };
            let seen = truth::of_the_day(&self.shop.world, &person.id).await;
            assert_eq!(seen, expected * 1_000_000, "{:?}, {}: a day of {plan}", self.kind, person.id);
        }
    }

    /// Its purchases are those of Stripe's sessions and payments, and its wallet is what they gave, less what was taken back
    /// and spent.
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
        let balance = world.admin("GET", &format!("/api/v1/customers/{}/balance?unit={UNIT}", person.id), "").await;
        let [available, held, debt] = ["available", "held", "debt"].map(|name| truth::micros(&balance[name]));
        assert_eq!(available + held - debt, kept - person.spent, "{what}: {balance}, {expected:?}");
        assert!(available == 0 || debt == 0, "{what}: {balance}");
    }

    /// What was spent of a month whose money went back is nobody's debt (rules 1.8): only packs make any.
    async fn owes_nothing_of_its_plans(&self, person: &Person, what: &str) {
        let path = format!("/api/v1/customers/{}/balance", person.id);
        let balance = self.shop.world.admin("GET", &path, "").await;
        assert_eq!(truth::micros(&balance["debt"]), 0, "{what}: {balance}");
    }

    /// Each month it paid for gave its credits once, and of them what was not spent was taken back with the money. Answers
    /// how many months those are.
    async fn has_what_it_paid_for(&self, person: &Person, payer: &str, what: &str) -> usize {
        let expected = given::given(self.shop.client(), payer, &self.loyal, LOYAL.2 * 1_000_000).await;
        let mut seen = truth::listed(&self.shop.world, &format!("/api/v1/customers/{}/grants", person.id)).await;
        seen.retain(|grant| grant["source_kind"] == "subscription");
        let ids: BTreeMap<&str, &Value> = seen.iter().map(|one| (one["source_id"].as_str().unwrap(), one)).collect();
        let same = ids.keys().copied().eq(expected.keys().map(String::as_str));
        assert!(same && ids.len() == seen.len(), "{what}: {ids:#?}; right is what Stripe says: {expected:#?}");
        for (id, grant) in ids {
            let [granted, spent, revoked] = ["granted", "spent", "revoked"].map(|name| truth::micros(&grant[name]));
            let one = &expected[id];
            assert_eq!(granted, one.credits, "{what}: {grant}");
            let taken = one.credits - one.kept;
            assert!(revoked <= taken, "{what}: {taken} is to be taken back: {grant}");
            // What was spent of it is nobody's debt: it is taken from what is left, while something is.
            if spent == 0 || granted > spent + revoked {
                assert_eq!(revoked, taken, "{what}: {grant}");
            }
        }
        expected.len()
    }
}
