//! A process that goes down at each turn of each named point while it acts on events: the next one ends where it would have
//! ended, and gives nothing twice.
//!
//! What acts on an event is units of the database with questions to Stripe between them. Whatever stops it between two units
//! leaves what the first of them left, so these points at each of their turns are all there is.

use super::{
    clock,
    feed::{Feed, twin},
    pass,
    running::Running,
    sold,
    truth::{self, Families},
};
use crate::{
    inbox::{number, pass as leases_run_out, send, states},
    payments::{Shop, text},
    world::Kind,
};
use purser::{
    features::inbox,
    platform::{
        clock::Clock,
        fault::{FaultPlan, Point},
    },
    reactions,
};
use purser_stripe::calls::{customers, subscriptions as calls};
use serde_json::{Value, json};

/// The points of every write; the one of migrations has its test in `tests/outside/crashes.rs`.
const POINTS: [Point; 4] = [Point::BeforeBegin, Point::MidGroup, Point::BeforeCommit, Point::AfterCommitBeforeAnswer];

/// The kinds of events of a story, one of each for each object: every handler there is.
const KINDS: &[&str] = &[
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "invoice.paid",
    "checkout.session.completed",
    "charge.refunded",
    "refund.created",
    "charge.dispute.created",
    "charge.dispute.closed",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_every_point_of_every_handler_ends_as_without_it_on_sqlite() {
    every_point(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_every_point_of_every_handler_ends_as_without_it_on_postgres() {
    every_point(Kind::Postgres).await;
}

async fn every_point(kind: Kind) {
    assert_eq!(POINTS.len() + 1, Point::ALL.len(), "every point but that of migrations");
    let clock = clock();
    let sandbox = Running::start(1, clock.clone(), None).await;
    let mut shop = Shop::beside(kind, clock.clone(), sandbox.address).await;
    let stage = Stage::new(&shop, clock).await;
    let mut feed = Feed::default();
    for point in POINTS {
        let mut turn = 0;
        loop {
            turn += 1;
            let what = format!("{kind:?}, {} for the {turn}. time", point.as_str());
            let story = stage.story(&shop, &mut feed, &format!("{}-{turn}", point.as_str())).await;
            let faults = FaultPlan::down_at(point, turn);
            shop.world = shop.world.restarted(faults.clone()).await;
            let _interrupted = inbox::work_off(&shop.world.app, reactions::react).await;
            let crashed = faults.is_down();
            shop.world = shop.world.restarted(FaultPlan::default()).await;
            // Who wrote the same at the same time comes again.
            for _ in 0..3 {
                leases_run_out(&shop.world).await;
                shop.work_off().await;
            }
            story.came_to_its_end(&shop, &stage.families, &what).await;
            if !crashed {
                break;
            }
            assert!(turn < 100, "{what}: a story has an end");
        }
        // SQLite shares commits, so how often a point is passed differs from run to run.
        assert!(turn > 5, "{kind:?} {point:?}: several units were stopped: {turn}");
    }
    assert_eq!(number(&shop.world, "SELECT COUNT(*) FROM stripe_inbox").await, 0, "{kind:?}");
    shop.proved().await;
}

/// What all stories share.
struct Stage {
    clock: Clock,
    price: String,
    families: Families,
}

/// Who bought a pack and lives by a subscription, and who bought one and took the money back.
struct Story {
    subscriber: String,
    payer: String,
    disputer: String,
    events: Vec<Value>,
}

impl Stage {
    async fn new(shop: &Shop, clock: Clock) -> Self {
        shop.pack("pack-50", 50, 500).await;
        let price = sold::team(shop).await;
        let families = Families::from([(price.clone(), (1, "team".to_owned()))]);
        Self { clock, price, families }
    }

    /// All of a story happens at Stripe, and its events are kept by Purser, some of them twice: nobody works yet.
    async fn story(&self, shop: &Shop, feed: &mut Feed, name: &str) -> Story {
        feed.news(shop.client()).await;
        let (subscriber, disputer) = (format!("{name}-a"), format!("{name}-b"));
        let payment = self.buys(shop, &subscriber, "pm_card_visa").await;
        shop.refund(&payment, Some(100)).await;
        pass(&self.clock, 1);
        let payment = self.buys(shop, &disputer, "pm_card_createDispute").await;
        shop.decide(&payment, "lose").await;
        let known = shop.world.admin("GET", &format!("/api/v1/customers/{subscriber}"), "").await;
        let payer = text(&known["stripe_customer_id"]).to_owned();
        self.lives_by_a_subscription(shop, &payer).await;
        let mut events = feed.news(shop.client()).await;
        events.retain(|event| KINDS.contains(&text(&event["type"])));
        for kind in KINDS {
            assert!(events.iter().any(|event| event["type"] == *kind), "{name}: no {kind}");
        }
        let twins: Vec<Value> =
            events.iter().filter(|event| event["type"] == "checkout.session.completed").map(twin).collect();
        events.extend(twins);
        for event in &events {
            send(&shop.world, &event.to_string()).await;
        }
        Story { subscriber, payer, disputer, events }
    }

    /// A new customer pays for a pack; its payment.
    async fn buys(&self, shop: &Shop, customer: &str, card: &str) -> Value {
        shop.customer(customer).await;
        let checkout = shop.checkout_of(&json!({ "customer_id": customer, "top_up_plan": "pack-50" })).await;
        shop.pay(&checkout, card).await;
        pass(&self.clock, 1);
        let session = shop.session(text(&checkout["session_id"])).await;
        json!({ "payment_intent": session.payment_intent.unwrap().id() })
    }

    /// Begins, changes and ends.
    async fn lives_by_a_subscription(&self, shop: &Shop, payer: &str) {
        let method = shop.write(&customers::attach("pm_card_visa", payer)).await;
        let items = vec![calls::NewItem { price: self.price.clone(), quantity: Some(1), ..Default::default() }];
        let new = calls::NewSubscription {
            customer: payer.to_owned(),
            items,
            default_payment_method: Some(method.id),
            ..Default::default()
        };
        let made = shop.write(&calls::create(&new)).await;
        pass(&self.clock, 1);
        let more = calls::LoneItemChange { quantity: Some(3), ..Default::default() };
        shop.write(&calls::update_item(&made.id, &made.items.data[0].id, &more)).await;
        pass(&self.clock, 1);
        shop.write(&calls::cancel(&made.id, &calls::Cancellation::default())).await;
        pass(&self.clock, 1);
    }
}

impl Story {
    /// All is done, once.
    async fn came_to_its_end(&self, shop: &Shop, families: &Families, what: &str) {
        let states = states(&shop.world).await;
        for event in &self.events {
            assert_eq!(states[text(&event["id"])].0, 2, "{what}: {} is done", event["type"]);
        }
        for (customer, state, refunded, available) in
            [(&self.subscriber, "paid", 100, 40), (&self.disputer, "disputed", 0, 0)]
        {
            let list = async |of: &str| truth::listed(&shop.world, &format!("/api/v1/customers/{customer}/{of}")).await;
            let purchases = list("purchases").await;
            let shown: Vec<Value> = purchases.iter().map(|one| json!([one["state"], one["amount_refunded"]])).collect();
            assert_eq!(shown, [json!([state, refunded])], "{what}: {customer}");
            let grants = list("grants").await;
            let bought = grants.iter().filter(|grant| grant["source_kind"] == "topup").count();
            assert_eq!(bought, 1, "{what}: {customer} was given it once");
            let balance = shop.world.admin("GET", &format!("/api/v1/customers/{customer}/balance"), "").await;
            let shown = ["available", "held", "debt"].map(|name| truth::micros(&balance[name]));
            assert_eq!(shown, [available * 1_000_000, 0, 0], "{what}: {customer}");
        }
        let pair = (self.subscriber.as_str(), self.payer.as_str());
        truth::agrees(&shop.world, shop.client(), pair, families, what).await;
    }
}
