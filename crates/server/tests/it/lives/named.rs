//! What the rules say by example of paid periods, on both databases, with a clock that is moved.

use super::{DAY, HOUR, clock, feed::Feed, pass, running::Running, sold};
use crate::{
    payments::{Shop, text},
    world::{BOTH, Kind},
};
use purser::platform::clock::Clock;
use purser_rules::Time;
use purser_stripe::{
    calls::subscriptions as calls,
    objects::{Interval, ProrationBehavior, Subscription},
};
use serde_json::{Value, json};

/// A shop, and what webhooks bring to it.
struct Scene {
    shop: Shop,
    clock: Clock,
    feed: Feed,
    spends: u32,
    _sandbox: Running,
}

impl Scene {
    async fn new(kind: Kind) -> Self {
        let clock = clock();
        let sandbox = Running::start(1, clock.clone(), None).await;
        let shop = Shop::beside(kind, clock.clone(), sandbox.address).await;
        Self { shop, clock, feed: Feed::default(), spends: 0, _sandbox: sandbox }
    }

    /// A monthly plan that gives ten credits for a dollar; its price.
    async fn plan(&self, family: &str, rank: u32, credits: i64) -> String {
        let more = json!({ "credits": { "amount": credits, "period": "billing" } });
        self.shop.plan_for((family, rank), (credits * 10, Interval::Month), &more).await
    }

    /// Moves the clock on to this instant.
    fn until(&self, text: &str) {
        let at = Time::parse(text).unwrap();
        pass(&self.clock, (at.micros() - self.clock.now().micros()) / 1_000_000);
    }

    /// All that happened is told.
    async fn tell(&mut self) {
        let news = self.feed.news(self.shop.client()).await;
        self.shop.deliver_these(&news).await;
    }

    async fn spend(&mut self, customer: &str, amount: i64) {
        self.spends += 1;
        let key = format!("spend-{}", self.spends);
        let body = json!({ "customer_id": customer, "amount": amount, "idempotency_key": key });
        self.shop.world.admin("POST", "/api/v1/consume", &body.to_string()).await;
    }

    /// What a customer can spend, has set aside, and owes.
    async fn has(&self, customer: &str) -> Value {
        let balance = self.shop.world.admin("GET", &format!("/api/v1/customers/{customer}/balance"), "").await;
        json!(["available", "held", "debt"].map(|name| balance[name].clone()))
    }

    /// The sources of a customer's grants, the earliest first.
    async fn sources(&self, customer: &str) -> Vec<String> {
        let list = self.shop.world.admin("GET", &format!("/api/v1/customers/{customer}/grants?limit=100"), "").await;
        let mut all = list["data"].as_array().unwrap().clone();
        all.sort_by_key(|grant| text(&grant["effective_at"]).to_owned());
        all.iter().map(|grant| text(&grant["source_id"]).to_owned()).collect()
    }

    /// Gives the only item of a subscription another price, and has what that costs paid now.
    async fn switch(&self, subscription: &Subscription, price: &str) {
        let id = Some(subscription.items.data[0].id.clone());
        let item = calls::ItemChange { id, price: Some(price.to_owned()), ..Default::default() };
        let change = calls::SubscriptionChange {
            items: Some(vec![item]),
            proration_behavior: Some(ProrationBehavior::AlwaysInvoice),
            ..Default::default()
        };
        self.shop.write(&calls::update(&subscription.id, &change)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_that_begins_on_the_31st_goes_over_the_28th_and_back() {
    for kind in BOTH {
        let mut scene = Scene::new(kind).await;
        let price = scene.plan("pro", 10, 100).await;
        scene.until("2027-01-31T04:00:00Z");
        let payer = sold::payer(&scene.shop, "acme").await;
        sold::subscribe(&scene.shop, &payer, &price).await;
        scene.tell().await;
        assert_eq!(scene.has("acme").await, json!([100, 0, 0]), "{kind:?}");
        for (renewal, told) in [
            ("2027-02-28T03:59:59Z", "2027-02-28T06:00:00Z"),
            ("2027-03-31T03:59:59Z", "2027-03-31T06:00:00Z"),
            ("2027-04-30T03:59:59Z", "2027-04-30T06:00:00Z"),
        ] {
            scene.until(renewal);
            scene.spend("acme", 30).await;
            scene.tell().await;
            assert_eq!(scene.has("acme").await, json!([70, 0, 0]), "{kind:?} {renewal}: it is not over yet");
            scene.until(told);
            assert_eq!(scene.has("acme").await, json!([70, 0, 0]), "{kind:?} {told}: nobody told yet");
            scene.tell().await;
            assert_eq!(scene.has("acme").await, json!([100, 0, 0]), "{kind:?} {told}");
        }
        let days = ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"].map(|day| format!("base:{day}/P1M"));
        assert_eq!(scene.sources("acme").await, days, "{kind:?}");
        scene.shop.proved().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_that_is_told_late_leaves_nobody_with_nothing() {
    for kind in BOTH {
        let mut scene = Scene::new(kind).await;
        let price = scene.plan("pro", 10, 100).await;
        let payer = sold::payer(&scene.shop, "acme").await;
        sold::subscribe(&scene.shop, &payer, &price).await;
        scene.tell().await;
        scene.spend("acme", 30).await;
        // A period from 21 November is 30 days.
        pass(&scene.clock, 30 * DAY + 23 * HOUR);
        scene.spend("acme", 30).await;
        assert_eq!(scene.has("acme").await, json!([40, 0, 0]), "{kind:?}: what was left goes on for a day");
        scene.tell().await;
        assert_eq!(scene.has("acme").await, json!([100, 0, 0]), "{kind:?}: and ends with what comes");
        // A whole day late: there is nothing until it is told.
        pass(&scene.clock, 31 * DAY + HOUR);
        assert_eq!(scene.has("acme").await, json!([0, 0, 0]), "{kind:?}");
        scene.tell().await;
        assert_eq!(scene.has("acme").await, json!([100, 0, 0]), "{kind:?}");
        scene.shop.proved().await;
    }
}

/// What is done to a subscription, or with its credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Up,
    Down,
    Spend,
}

/// Whether the better plan is in force after these.
fn is_up(acts: &[Act]) -> bool {
    acts.iter().rfind(|act| **act != Act::Spend) == Some(&Act::Up)
}

/// The days on which something happens.
const DAYS: [i64; 3] = [6, 12, 18];

/// Who ends with the plan it had has what that gives and no more, whatever it had between; who ends with the better one
/// has the part of it that is paid for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upgrade_spend_and_downgrade_in_every_order_of_days_gain_nothing() {
    use Act::{Down, Spend, Up};
    let orders = [
        [Up, Spend, Down],
        [Up, Down, Spend],
        [Spend, Up, Down],
        [Spend, Down, Up],
        [Down, Up, Spend],
        [Down, Spend, Up],
    ];
    for kind in BOTH {
        let mut scene = Scene::new(kind).await;
        let (cheap, dear) = (scene.plan("pro", 10, 300).await, scene.plan("max", 20, 900).await);
        let mut lives = Vec::new();
        for (n, order) in (0..).zip(orders) {
            let customer = format!("team-{n}");
            let payer = sold::payer(&scene.shop, &customer).await;
            lives.push((customer, order, sold::subscribe(&scene.shop, &payer, &cheap).await));
        }
        scene.tell().await;
        let mut today = 0;
        for (at, day) in DAYS.into_iter().enumerate() {
            pass(&scene.clock, (day - today) * DAY);
            today = day;
            for (customer, order, subscription) in &lives {
                match order[at] {
                    Up => scene.switch(subscription, &dear).await,
                    Down if is_up(&order[..at]) => scene.switch(subscription, &cheap).await,
                    Down => {}
                    Spend => scene.spend(customer, 250).await,
                }
            }
            scene.tell().await;
        }
        // Once more up and down, for those who went down again.
        for price in [&dear, &cheap] {
            pass(&scene.clock, DAY);
            for (_, order, subscription) in lives.iter().filter(|(_, order, _)| !is_up(order)) {
                assert!(order.contains(&Up), "it was up before");
                scene.switch(subscription, price).await;
            }
            scene.tell().await;
        }
        for (customer, order, _) in &lives {
            let up = order.iter().position(|act| *act == Up).unwrap();
            // Of the 600 that the better plan has more the part for the days that were left.
            let more = if is_up(order) { 600 * (30 - DAYS[up]) / 30 } else { 0 };
            let expected = 300 + more - 250;
            assert_eq!(scene.has(customer).await, json!([expected, 0, 0]), "{kind:?} {order:?}");
        }
        scene.shop.proved().await;
    }
}
