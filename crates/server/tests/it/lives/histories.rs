//! Random histories of a customer's subscriptions, told late, twice, in any order or not at all: what stands at the end is
//! what fetching gives. A failure names its seed; `PURSER_HISTORY=SEED` tells that one again.

use super::{
    DAY, HOUR, clock,
    dice::{Dice, setting},
    feed::{Feed, happened, twin},
    pass,
    running::Running,
    second,
    truth::{self, Families},
};
use crate::{
    inbox::{execute, number, pass as leases_run_out, send},
    payments::Shop,
    world::BOTH,
};
use futures_util::{FutureExt as _, StreamExt as _, future::join_all, stream};
use purser::{
    features::inbox,
    platform::{clock::Clock, db::Value as Sql},
};
use purser_rules::Time;
use purser_stripe::{
    Call, Client, Error, Key,
    calls::{catalog, customers, invoices, schedules, subscriptions as calls},
    objects::{Interval, InvoiceStatus, ProrationBehavior, Subscription},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicUsize, Ordering},
};

/// How many events a history has at least.
const EVENTS: usize = 200;
/// How many are told at a time.
const AT_ONCE: usize = 2;
/// What the default plan gives a day, and each other one by its rank.
const FREE: i64 = 1;
const BY_RANK: i64 = 10;
/// How old an event may be to be lost, and how long it may be lost, in seconds: together less than an hour.
const FRESH: i64 = 600;
const LOST: i64 = 2_400;

/// 50 histories, or as many as `PURSER_HISTORIES` says; with `PURSER_HISTORY` only that one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn random_histories_end_in_what_stripe_says() {
    let count = setting("PURSER_HISTORIES", 50);
    let only = setting("PURSER_HISTORY", 0);
    let seeds = if only == 0 { 1..=count } else { only..=only };
    let done = AtomicUsize::new(0);
    stream::iter(seeds)
        .for_each_concurrent(AT_ONCE, |seed| {
            let done = &done;
            async move {
                if let Err(panic) = AssertUnwindSafe(history(seed)).catch_unwind().await {
                    println!("PURSER_HISTORY={seed} tells this history again");
                    std::panic::resume_unwind(panic);
                }
                let done = done.fetch_add(1, Ordering::SeqCst) + 1;
                if done.is_multiple_of(50) {
                    println!("{done} of {count} histories");
                }
            }
        })
        .await;
}

/// Lives through the history of `seed`, and compares.
async fn history(seed: u64) {
    let clock = clock();
    let sandbox = Running::start(seed, clock.clone(), None).await;
    let mut shops = Vec::new();
    for kind in BOTH {
        shops.push(Shop::beside(kind, clock.clone(), sandbox.address).await);
    }
    let mut history = History::begin(seed, clock, shops).await;
    while history.told < EVENTS {
        history.round().await;
    }
    history.ends_as_stripe_says().await;
}

/// One customer at Stripe, and a Purser on each database that is told of it.
struct History {
    seed: u64,
    dice: Dice,
    clock: Clock,
    shops: Vec<Shop>,
    payer: String,
    prices: Vec<String>,
    families: Families,
    feed: Feed,
    /// Events that are told in a later round.
    held: Vec<(u32, Value)>,
    /// When the first of those happened that no webhook brings.
    lost: Option<i64>,
    round: u32,
    writes: u32,
    /// How many events there were.
    told: usize,
}

impl History {
    async fn begin(seed: u64, clock: Clock, shops: Vec<Shop>) -> Self {
        let (dice, feed) = (Dice::new(seed), Feed::default());
        let mut history = Self {
            seed,
            dice,
            clock,
            shops,
            payer: String::new(),
            prices: Vec::new(),
            families: Families::new(),
            feed,
            held: Vec::new(),
            lost: None,
            round: 0,
            writes: 0,
            told: 0,
        };
        history.payer = history.write(&customers::create(&customers::CustomerFields::default())).await.id;
        history.pays_by("pm_card_visa").await;
        for (rank, interval) in (1..).zip([Interval::Month, Interval::Month, Interval::Month, Interval::Year]) {
            history.sell(rank, interval).await;
        }
        let credits = json!({ "amount": FREE, "period": "day" });
        let free = json!({ "family": "free", "rank": 0, "is_default": true, "credits": credits });
        history.families.insert(truth::NO_PRICE.to_owned(), (0, "free".to_owned()));
        for shop in &history.shops {
            shop.world.admin("POST", "/api/v1/admin/subscription-plans", &free.to_string()).await;
            let body = json!({ "stripe_customer_id": history.payer }).to_string();
            shop.world.admin("PUT", "/api/v1/customers/acme", &body).await;
            // From here on it is looked for what was missed.
            inbox::find_missed(&shop.world.app).await.unwrap();
        }
        let client = history.client().clone();
        history.feed.news(&client).await;
        history
    }

    fn client(&self) -> &Client {
        self.shops[0].client()
    }

    /// A price, and the plan it sells in both shops.
    async fn sell(&mut self, rank: u32, interval: Interval) {
        let product = catalog::ProductFields { name: Some(format!("Plan {rank}")), ..Default::default() };
        let cents = 1000 * i64::from(rank);
        let word = interval.as_str().to_owned();
        let price = catalog::NewPrice {
            currency: "usd".into(),
            product: self.write(&catalog::create_product(&product)).await.id,
            unit_amount: Some(cents),
            recurring: Some(catalog::NewRecurring { interval, ..Default::default() }),
            ..Default::default()
        };
        let price = self.write(&catalog::create_price(&price)).await.id;
        let family = format!("plan-{rank}");
        let bound = json!([{ "stripe_price_id": price, "currency": "usd", "unit_amount": cents, "interval": word }]);
        let credits = json!({ "amount": BY_RANK * i64::from(rank), "period": "day" });
        let body = json!({ "family": family, "rank": rank, "prices": bound, "credits": credits }).to_string();
        for shop in &self.shops {
            shop.world.admin("POST", "/api/v1/admin/subscription-plans", &body).await;
        }
        self.families.insert(price.clone(), (rank, family));
        self.prices.push(price);
    }

    fn key(&mut self) -> (Key, i64) {
        self.writes += 1;
        let now = second(&self.clock);
        (Key { text: format!("history-{}", self.writes), first_sent: now }, now)
    }

    /// Writes at Stripe.
    async fn write<T: DeserializeOwned>(&mut self, call: &Call<T>) -> T {
        let (key, now) = self.key();
        let answer = self.client().write(call, &key, now).await;
        answer.unwrap_or_else(|error| panic!("{call:?}: {error}")).value
    }

    /// The same of what Stripe may refuse: then it was not to be.
    async fn try_to<T: DeserializeOwned>(&mut self, call: &Call<T>) -> Option<T> {
        let (key, now) = self.key();
        match self.client().write(call, &key, now).await {
            Ok(answer) => Some(answer.value),
            Err(Error::Refused(_)) => None,
            Err(error) => panic!("{call:?}: {error}"),
        }
    }

    async fn pays_by(&mut self, card: &str) {
        let method = self.write(&customers::attach(card, &self.payer)).await;
        let settings = customers::InvoiceSettings { default_payment_method: Some(method.id) };
        let fields = customers::CustomerFields { invoice_settings: Some(settings), ..Default::default() };
        self.write(&customers::update(&self.payer.clone(), &fields)).await;
    }

    /// Something happens, time passes, and some of it is told.
    async fn round(&mut self) {
        self.round += 1;
        let leap = match self.dice.below(6) {
            // Less than the 30 days for which Stripe has events.
            0 => self.dice.amount(29) * DAY,
            1 => self.dice.amount(48) * HOUR,
            _ => self.dice.amount(1_800),
        };
        if self.lost.is_some_and(|since| second(&self.clock) + leap - since > LOST) {
            self.find().await;
        }
        pass(&self.clock, leap);
        for _ in 0..=self.dice.below(4) {
            self.happens().await;
            pass(&self.clock, self.dice.amount(60));
        }
        let mut told = self.falls_to_now().await;
        self.dice.shuffle(&mut told);
        let parts = usize::try_from(1 + self.dice.below(3)).unwrap();
        for part in told.chunks(told.len().div_ceil(parts).max(1)) {
            self.tell(part).await;
        }
        if self.dice.once_in(3) {
            self.find().await;
        }
    }

    /// What is told in this round: of what is new, and of what was held back.
    async fn falls_to_now(&mut self) -> Vec<Value> {
        let client = self.client().clone();
        let news = self.feed.news(&client).await;
        self.told += news.len();
        let round = self.round;
        let held = std::mem::take(&mut self.held).into_iter();
        let (due, later): (Vec<_>, Vec<_>) = held.partition(|(at, _)| *at <= round);
        self.held = later;
        let mut now: Vec<Value> = due.into_iter().map(|(_, event)| event).collect();
        for event in news {
            let later = round + 1 + u32::try_from(self.dice.below(3)).unwrap();
            let age = second(&self.clock) - happened(&event);
            match self.dice.below(10) {
                0 | 1 => self.held.push((later, event)),
                2 => {
                    self.held.push((later, event.clone()));
                    now.push(event);
                }
                3 => {
                    self.held.push((later, twin(&event)));
                    now.push(event);
                }
                4 if age < FRESH => {
                    let at = happened(&event);
                    self.lost = Some(self.lost.map_or(at, |since| since.min(at)));
                }
                _ => now.push(event),
            }
        }
        now
    }

    /// Tells both shops of these events, all at once, and lets them act.
    async fn tell(&self, events: &[Value]) {
        for shop in &self.shops {
            let bodies: Vec<String> = events.iter().map(Value::to_string).collect();
            join_all(bodies.iter().map(|body| send(&shop.world, body))).await;
        }
        self.act().await;
    }

    async fn act(&self) {
        join_all(self.shops.iter().map(Shop::work_off)).await;
    }

    /// Looks for what no webhook brought.
    async fn find(&mut self) {
        if self.lost.take().is_none() {
            return;
        }
        let from = Time::from_micros((second(&self.clock) - HOUR) * 1_000_000);
        for shop in &self.shops {
            // As if it had been looked all the time until then, when there was nothing to find.
            let sql = "UPDATE stripe_cursors SET at = $1 WHERE name = 'events'";
            assert_eq!(execute(&shop.world, sql, vec![Sql::Ts(from)]).await, 1);
            let missed = inbox::find_missed(&shop.world.app).await.unwrap();
            assert!(missed.complete, "{missed:?}");
        }
        self.act().await;
    }

    /// The end: all is told, and nothing waits.
    async fn ends_as_stripe_says(mut self) {
        // Of some histories it is the end that the customer is deleted.
        if self.seed.is_multiple_of(5) {
            self.write(&customers::delete(&self.payer.clone())).await;
            let client = self.client().clone();
            let news = self.feed.news(&client).await;
            self.tell(&news).await;
            // Those whose first payment never came stay on the list.
            let over = |one: &Subscription| matches!(one.status.as_str(), "canceled" | "incomplete_expired");
            let left = self.live().await;
            assert!(left.iter().all(over), "history {}: it takes its subscriptions along: {left:?}", self.seed);
        }
        let held: Vec<Value> = std::mem::take(&mut self.held).into_iter().map(|(_, event)| event).collect();
        self.tell(&held).await;
        self.find().await;
        let client = self.client().clone();
        let mut plans = Vec::new();
        for (shop, kind) in self.shops.iter().zip(BOTH) {
            let what = format!("{kind:?}, history {} of {} events", self.seed, self.told);
            for _ in 0..5 {
                leases_run_out(&shop.world).await;
                shop.work_off().await;
            }
            let left = number(&shop.world, "SELECT COUNT(*) FROM stripe_events WHERE state NOT IN (2, 3)").await;
            assert_eq!(left, 0, "{what}: all is done");
            assert_eq!(number(&shop.world, "SELECT COUNT(*) FROM stripe_inbox").await, 0, "{what}");
            let pair = ("acme", self.payer.as_str());
            plans.push(truth::agrees(&shop.world, &client, pair, &self.families, &what).await);
        }
        // The next day's credits are of the plan that was in force when all was told.
        pass(&self.clock, DAY);
        for (shop, plan) in self.shops.iter().zip(&plans) {
            // While grace decides it depends on the day.
            if let Some(plan) = plan {
                let (rank, _) = self.families.values().find(|(_, family)| *plan == json!(family)).unwrap();
                let expected = if *rank == 0 { FREE } else { BY_RANK * i64::from(*rank) };
                let seen = truth::of_the_day(&shop.world, "acme").await;
                assert_eq!(seen, expected * 1_000_000, "history {}: a day of {plan}", self.seed);
            }
            shop.proved().await;
        }
        for shop in &self.shops {
            shop.world.app.db().close().await;
        }
    }

    /// The subscriptions that did not end.
    async fn live(&self) -> Vec<Subscription> {
        let which = calls::Subscriptions { customer: Some(self.payer.clone()), ..Default::default() };
        self.client().read(&calls::list(&which)).await.unwrap().value.data
    }

    /// One thing happens to one of the customer's subscriptions.
    async fn happens(&mut self) {
        let live = self.live().await;
        if live.is_empty() || (live.len() < 3 && self.dice.once_in(6)) {
            return self.subscribes().await;
        }
        let one = self.dice.one_of(&live).clone();
        match self.dice.below(22) {
            0..=4 => self.changes_an_item(&one).await,
            5 => self.adds_an_item(&one).await,
            6 => self.takes_an_item_away(&one).await,
            7 => drop(self.try_to(&calls::pause(&one.id)).await),
            8 | 9 => drop(self.try_to(&calls::resume(&one.id, &calls::Resumption::default())).await),
            10..=12 => self.ends_or_not(&one).await,
            13 => {
                let how = calls::Cancellation {
                    invoice_now: Some(self.dice.once_in(2)),
                    prorate: Some(self.dice.once_in(2)),
                    ..Default::default()
                };
                self.try_to(&calls::cancel(&one.id, &how)).await;
            }
            14 => self.collection_pauses_or_goes_on(&one).await,
            15 => {
                let change =
                    calls::SubscriptionChange { trial_end: Some(calls::When::Word("now")), ..Default::default() };
                self.try_to(&calls::update(&one.id, &change)).await;
            }
            16 => self.pays_by("pm_card_chargeCustomerFail").await,
            17 => self.pays_by("pm_card_visa").await,
            18 => self.settles_an_invoice().await,
            19 | 20 => self.agrees_on_a_change_or_not(&one).await,
            _ => {
                let note = [("note".to_owned(), format!("round {}", self.round))].into();
                let change = calls::SubscriptionChange { metadata: Some(note), ..Default::default() };
                self.try_to(&calls::update(&one.id, &change)).await;
            }
        }
    }

    async fn subscribes(&mut self) {
        let mut prices = self.prices.clone();
        self.dice.shuffle(&mut prices);
        prices.truncate(usize::try_from(1 + self.dice.below(2)).unwrap());
        let quantity = 1 + self.dice.below(3);
        let items =
            prices.into_iter().map(|price| calls::NewItem { price, quantity: Some(quantity), ..Default::default() });
        let new = calls::NewSubscription {
            customer: self.payer.clone(),
            items: items.collect(),
            trial_period_days: self.dice.once_in(3).then_some(7),
            ..Default::default()
        };
        self.try_to(&calls::create(&new)).await;
    }

    /// Another quantity, or another price.
    async fn changes_an_item(&mut self, one: &Subscription) {
        let item = self.dice.one_of(&one.items.data).id.clone();
        let mut change = calls::LoneItemChange::default();
        if self.dice.once_in(2) {
            change.quantity = Some(1 + self.dice.below(5));
        } else {
            change.price = Some(self.dice.one_of(&self.prices).clone());
        }
        self.try_to(&calls::update_item(&one.id, &item, &change)).await;
    }

    async fn adds_an_item(&mut self, one: &Subscription) {
        let price = self.dice.one_of(&self.prices).clone();
        let item = calls::ItemChange { price: Some(price), quantity: Some(1), ..Default::default() };
        let change = calls::SubscriptionChange { items: Some(vec![item]), ..Default::default() };
        self.try_to(&calls::update(&one.id, &change)).await;
    }

    async fn takes_an_item_away(&mut self, one: &Subscription) {
        let item = self.dice.one_of(&one.items.data).id.clone();
        self.try_to(&calls::delete_item(&one.id, &item, None)).await;
    }

    /// Its end is agreed on, in either way, or taken back.
    async fn ends_or_not(&mut self, one: &Subscription) {
        let mut change = calls::SubscriptionChange::default();
        match (one.is_ending(), self.dice.below(2)) {
            (true, _) if one.cancel_at_period_end => change.cancel_at_period_end = Some(false),
            (true, _) => change.cancel_at = Some(calls::When::Word("")),
            (false, 0) => change.cancel_at_period_end = Some(true),
            (false, _) => {
                let at = second(&self.clock) + (1 + self.dice.amount(60)) * DAY;
                change.cancel_at = Some(calls::When::At(at));
            }
        }
        self.try_to(&calls::update(&one.id, &change)).await;
    }

    /// Another plan from the end of the period on is agreed on by a schedule, or that is taken back.
    async fn agrees_on_a_change_or_not(&mut self, one: &Subscription) {
        if let Some(schedule) = &one.schedule {
            self.try_to(&schedules::release(schedule.id())).await;
            return;
        }
        let Some(made) = self.try_to(&schedules::create_from(&one.id)).await else { return };
        let (Some(now), Some(item)) = (made.phases.first(), one.items.data.first()) else { return };
        let items =
            |price: &str| vec![calls::NewItem { price: price.to_owned(), quantity: Some(1), ..Default::default() }];
        let later = self.dice.one_of(&self.prices).clone();
        let phases = vec![
            schedules::Phase {
                items: items(&item.price.id),
                start_date: Some(now.start_date),
                end_date: Some(now.end_date),
                proration_behavior: Some(ProrationBehavior::None),
                ..Default::default()
            },
            schedules::Phase {
                items: items(&later),
                duration: Some(schedules::Duration { interval: Interval::Month, interval_count: Some(1) }),
                proration_behavior: Some(ProrationBehavior::None),
                ..Default::default()
            },
        ];
        let change =
            schedules::ScheduleChange { end_behavior: Some("release"), phases: Some(phases), ..Default::default() };
        self.try_to(&schedules::update(&made.id, &change)).await;
    }

    async fn collection_pauses_or_goes_on(&mut self, one: &Subscription) {
        let how = if one.pause_collection.is_some() { vec![] } else { vec![("behavior", "void".to_owned())] };
        let pause = Some(how.into_iter().collect());
        let change = calls::SubscriptionChange { pause_collection: pause, ..Default::default() };
        self.try_to(&calls::update(&one.id, &change)).await;
    }

    /// An open invoice is paid, taken back or given up.
    async fn settles_an_invoice(&mut self) {
        let which = invoices::Invoices {
            customer: Some(self.payer.clone()),
            status: Some(InvoiceStatus::Open),
            ..Default::default()
        };
        let open = self.client().read(&invoices::list(&which)).await.unwrap().value.data;
        let Some(id) = open.first().and_then(|one| one.id.clone()) else { return };
        match self.dice.below(4) {
            0 => self.try_to(&invoices::void(&id)).await,
            1 => self.try_to(&invoices::mark_uncollectible(&id)).await,
            _ => self.try_to(&invoices::pay(&id, &invoices::Payment::default())).await,
        };
    }
}
