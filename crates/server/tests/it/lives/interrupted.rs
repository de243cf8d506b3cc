//! A process that goes down at each turn while a customer spends, has a pack bought by that, changes its plan, ends and goes
//! on: whoever asks again with the same keys finds all of it done once, in money and in what the customer is told.
//!
//! What is not committed is gone, wherever in a unit the process stopped. So it stops before each commit and after each.

use super::{
    clock,
    feed::Feed,
    pass,
    running::Running,
    sold,
    truth::{self, Families},
    turns::{Turns, works_on},
};
use crate::{
    inbox::{number, pass as leases_run_out, send},
    payments::{Shop, text},
    world::{ADMIN, Answer, Kind},
};
use purser::{
    features::{inbox, payments},
    platform::{
        clock::Clock,
        fault::{FaultPlan, Point},
    },
    reactions,
};
use purser_stripe::{
    calls::{PageOf, customers, invoices, subscriptions as calls},
    objects::Interval,
};
use serde_json::{Value, json};

const POINTS: [Point; 2] = [Point::BeforeCommit, Point::AfterCommitBeforeAnswer];

/// How the kinds begin of the events that are told before a process goes down.
const KINDS: [&str; 3] = ["customer.subscription.", "invoice.paid", "payment_method."];

/// Longer than anybody who went down has something to itself, in seconds.
const LEASES: i64 = 600;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_again_after_a_crash_finds_it_done_once_on_sqlite() {
    every_turn(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_again_after_a_crash_finds_it_done_once_on_postgres() {
    every_turn(Kind::Postgres).await;
}

async fn every_turn(kind: Kind) {
    let clock = clock();
    let sandbox = Running::start(1, clock.clone(), None).await;
    let mut shop = Shop::beside(kind, clock.clone(), sandbox.address).await;
    let stage = Stage::new(&shop, clock).await;
    let mut feed = Feed::default();
    for turn in Turns::of(kind, &POINTS) {
        let what = turn.to_string();
        let story = stage.story(&shop, &mut feed, &turn.name()).await;
        shop.world = shop.world.restarted(turn.faults).await;
        story.goes_on(&shop).await;
        shop.world = shop.world.restarted(FaultPlan::default()).await;
        for _ in 0..3 {
            pass(&stage.clock, LEASES);
            leases_run_out(&shop.world).await;
            for answer in story.goes_on(&shop).await {
                assert_eq!(answer.status, 200, "{what}: {}", answer.text);
            }
        }
        for event in feed.news(shop.client()).await {
            send(&shop.world, &event.to_string()).await;
        }
        works_on(&shop).await;
        story.came_to_its_end(&shop, &stage.families, &what).await;
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

/// A customer of its own.
struct Story {
    customer: String,
    payer: String,
    subscription: String,
}

impl Stage {
    async fn new(shop: &Shop, clock: Clock) -> Self {
        sold::pack(shop).await;
        let mut families = Families::new();
        let mut prices = Vec::new();
        for (family, rank, credits, cents) in [("pro", 10, 100, 2000), ("max", 20, 300, 5000)] {
            let more = json!({ "credits": { "amount": credits, "period": "billing" } });
            let price = shop.plan_for((family, rank), (cents, Interval::Month), &more).await;
            families.insert(price.clone(), (rank, family.to_owned()));
            prices.push(price);
        }
        Self { clock, price: prices.remove(0), families }
    }

    /// Someone has paid for a month, has taken a second card away, and has agreed that packs are bought: Purser has been
    /// told, and has not acted on it.
    async fn story(&self, shop: &Shop, feed: &mut Feed, customer: &str) -> Story {
        feed.news(shop.client()).await;
        let payer = sold::payer(shop, customer).await;
        sold::agrees_to_packs(shop, customer).await;
        let subscription = sold::subscribe(shop, &payer, &self.price).await.id;
        pass(&self.clock, 1);
        let second = shop.write(&customers::attach("pm_card_mastercard", &payer)).await.id;
        pass(&self.clock, 1);
        shop.write(&customers::detach(&second)).await;
        pass(&self.clock, 1);
        let mut events = feed.news(shop.client()).await;
        events.retain(|event| KINDS.iter().any(|beginning| text(&event["type"]).starts_with(beginning)));
        for event in events {
            send(&shop.world, &event.to_string()).await;
        }
        Story { customer: customer.to_owned(), payer, subscription }
    }
}

impl Story {
    /// Purser acts on what it was told; then the customer spends, which buys a pack, has a better plan, ends it, and goes
    /// on. What was answered; who is down may answer what it likes.
    async fn goes_on(&self, shop: &Shop) -> Vec<Answer> {
        let world = &shop.world;
        let _interrupted = inbox::work_off(&world.app, reactions::react).await;
        let spend = sold::spend_of_packs(&self.customer);
        let mut answers = vec![world.ask(ADMIN, "POST", "/api/v1/consume", spend.to_string()).await];
        let _interrupted = payments::work_off_auto_top_up(&world.app).await;
        for (what, body) in [
            ("change", json!({ "plan": "max", "idempotency_key": "up" })),
            ("cancel", json!({ "idempotency_key": "end" })),
            ("resume", json!({ "idempotency_key": "on" })),
        ] {
            let path = format!("/api/v1/customers/{}/subscription/{what}", self.customer);
            answers.push(world.ask(ADMIN, "POST", &path, body.to_string()).await);
        }
        answers
    }

    /// All is done, once.
    async fn came_to_its_end(&self, shop: &Shop, families: &Families, what: &str) {
        let (world, customer) = (&shop.world, &self.customer);
        let pair = (customer.as_str(), self.payer.as_str());
        let plan = truth::agrees(world, shop.client(), pair, families, what).await;
        assert_eq!(plan, Some(json!("max")), "{what}");
        let which = invoices::Invoices {
            subscription: Some(self.subscription.clone()),
            page: PageOf::full(),
            ..Default::default()
        };
        assert_eq!(shop.read(&invoices::list(&which)).await.data.len(), 2, "{what}: its month, and the upgrade");
        let stands = shop.read(&calls::retrieve(&self.subscription)).await;
        assert!(!stands.is_ending(), "{what}: it goes on");
        sold::has_one_pack_more(shop, customer, what).await;
        let purchases = truth::listed(world, &format!("/api/v1/customers/{customer}/purchases")).await;
        let states: Vec<&Value> = purchases.iter().map(|one| &one["state"]).collect();
        assert_eq!(states, [&json!("paid")], "{what}");
        let grants = truth::listed(world, &format!("/api/v1/customers/{customer}/grants")).await;
        assert_eq!(grants.len(), 2, "{what}: of the month, and what the upgrade adds: {grants:#?}");
        // The month is hardly begun when it is upgraded.
        let given: i64 = grants.iter().map(|grant| truth::micros(&grant["granted"])).sum();
        assert!((299_000_000..=300_000_000).contains(&given), "{what}: {given}");
        let expected = ["invoice_paid", "invoice_paid", "payment_method_removed", "purchase_paid"];
        assert_eq!(sold::told(shop, customer).await, expected, "{what}");
    }
}
