//! A process that goes down at each turn of each named point while it acts on events: the next one ends where it would have
//! ended, gives nothing twice, and tells nothing twice.
//!
//! What acts on an event is units of the database with questions to Stripe between them. Whatever stops it between two units
//! leaves what the first of them left, so these points at each of their turns are all there is. Nothing is written at Stripe
//! by it: so all happens once, and each turn begins where that was kept.

use super::{
    DAY, clock,
    feed::{Feed, twin},
    pass,
    running::Running,
    sold,
    truth::{self, Families},
    turns::{Turns, works_on},
};
use crate::{
    inbox::{number, send, states},
    payments::{Shop, text},
    world::Kind,
};
use purser::{
    features::{inbox, payments},
    platform::{
        clock::Clock,
        fault::{FaultPlan, Point},
    },
    reactions,
};
use purser_stripe::calls::{catalog, customers, subscriptions as calls};
use serde_json::{Value, json};

/// The points of every write; the one of migrations has its test in `tests/outside/crashes.rs`.
const POINTS: [Point; 4] = [Point::BeforeBegin, Point::MidGroup, Point::BeforeCommit, Point::AfterCommitBeforeAnswer];

const ENTITLED: &str = "entitlements.active_entitlement_summary.updated";
const PAYMENT: &str = "payment_intent.succeeded";

/// The kinds of events that are told, one at least for each handler of `reactions`.
const KINDS: &[&str] = &[
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "invoice.paid",
    "invoice.upcoming",
    ENTITLED,
    "payment_method.detached",
    "checkout.session.completed",
    PAYMENT,
    "charge.refunded",
    "refund.created",
    "charge.dispute.created",
    "charge.dispute.closed",
];

/// Who buys a pack and gets money back for it, has another one bought, and subscribes.
const SUBSCRIBER: &str = "subscriber";
/// Who buys a pack and takes the money back by the bank.
const DISPUTER: &str = "disputer";

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
    let story = Story::told(&shop, &clock).await;
    let kept = shop.world.kept().await;
    for turn in Turns::of(kind, &POINTS) {
        let what = turn.to_string();
        shop.world = kept.world(turn.faults).await;
        let _interrupted = inbox::work_off(&shop.world.app, reactions::react).await;
        shop.world = shop.world.restarted(FaultPlan::default()).await;
        works_on(&shop).await;
        story.came_to_its_end(&shop, &what).await;
        shop.world.gone().await;
    }
}

/// What happened at Stripe, of which Purser was told and on which it did not act yet.
struct Story {
    payer: String,
    families: Families,
    events: Vec<Value>,
}

impl Story {
    /// All of it happens, and its events are kept by Purser, some of them twice.
    async fn told(shop: &Shop, clock: &Clock) -> Self {
        shop.pack("pack-50", 50, 500).await;
        sold::pack(shop).await;
        let price = sold::team(shop).await;
        has_a_feature(shop, &price).await;
        let mut feed = Feed::default();
        feed.news(shop.client()).await;
        let payment = buys(shop, clock, SUBSCRIBER, "pm_card_visa").await;
        shop.refund(&payment, Some(100)).await;
        pass(clock, 1);
        let payment = buys(shop, clock, DISPUTER, "pm_card_createDispute").await;
        shop.decide(&payment, "lose").await;
        let known = shop.world.admin("GET", &format!("/api/v1/customers/{SUBSCRIBER}"), "").await;
        let payer = text(&known["stripe_customer_id"]).to_owned();
        has_a_pack_bought(shop, &payer).await;
        let mut events = lives_by_a_subscription(shop, clock, &mut feed, (payer.as_str(), price.as_str())).await;
        events.retain(is_told);
        for kind in KINDS {
            assert!(events.iter().any(|event| event["type"] == *kind), "no {kind}");
        }
        let twins: Vec<Value> =
            events.iter().filter(|event| event["type"] == "checkout.session.completed").map(twin).collect();
        events.extend(twins);
        for event in &events {
            send(&shop.world, &event.to_string()).await;
        }
        Self { payer, families: Families::from([(price, (1, "team".to_owned()))]), events }
    }

    /// All is done, and told, once.
    async fn came_to_its_end(&self, shop: &Shop, what: &str) {
        let states = states(&shop.world).await;
        for event in &self.events {
            assert_eq!(states[text(&event["id"])].0, 2, "{what}: {} is done", event["type"]);
        }
        for (customer, bought, available) in
            [(SUBSCRIBER, &["paid 0", "paid 100"][..], 40), (DISPUTER, &["disputed 0"][..], 0)]
        {
            let list = async |of: &str| truth::listed(&shop.world, &format!("/api/v1/customers/{customer}/{of}")).await;
            let shown = |one: &Value| format!("{} {}", text(&one["state"]), one["amount_refunded"]);
            let mut purchases: Vec<String> = list("purchases").await.iter().map(shown).collect();
            purchases.sort_unstable();
            assert_eq!(purchases, bought, "{what}: {customer}");
            let grants = list("grants").await;
            let given = grants.iter().filter(|grant| grant["source_kind"] == "topup").count();
            assert_eq!(given, 1, "{what}: {customer} was given it once");
            let balance = shop.world.admin("GET", &format!("/api/v1/customers/{customer}/balance"), "").await;
            let shown = ["available", "held", "debt"].map(|name| truth::micros(&balance[name]));
            assert_eq!(shown, [available * 1_000_000, 0, 0], "{what}: {customer}");
        }
        sold::has_one_pack_more(shop, SUBSCRIBER, what).await;
        let told = [
            "invoice_paid",
            "invoice_upcoming",
            "payment_method_removed",
            "purchase_paid",
            "purchase_paid",
            "purchase_refunded",
            "subscription_ended",
        ];
        assert_eq!(sold::told(shop, SUBSCRIBER).await, told, "{what}");
        assert_eq!(sold::told(shop, DISPUTER).await, ["dispute_opened", "purchase_paid"], "{what}");
        for left in [
            "SELECT COUNT(*) FROM stripe_inbox",
            "SELECT COUNT(*) FROM auto_top_up_looks",
            "SELECT COUNT(*) FROM active_entitlements",
        ] {
            assert_eq!(number(&shop.world, left).await, 0, "{what}: {left}");
        }
        truth::agrees(&shop.world, shop.client(), (SUBSCRIBER, self.payer.as_str()), &self.families, what).await;
        shop.proved().await;
    }
}

/// Whether an event is told: of payments only the one of the pack that auto top-up buys, which alone is acted on.
fn is_told(event: &Value) -> bool {
    let kind = text(&event["type"]);
    KINDS.contains(&kind) && (kind != PAYMENT || event["data"]["object"]["metadata"]["purser_auto_top_up"].is_string())
}

/// What `price` sells comes with a feature of Stripe's.
async fn has_a_feature(shop: &Shop, price: &str) {
    let product = shop.read(&catalog::price(price)).await.product.id().to_owned();
    let (status, feature) = shop.post("/v1/entitlements/features", "name=Seats&lookup_key=seats").await;
    assert_eq!(status, 200, "{feature}");
    let feature: Value = serde_json::from_str(&feature).unwrap();
    let form = format!("entitlement_feature={}", text(&feature["id"]));
    let (status, said) = shop.post(&format!("/v1/products/{product}/features"), &form).await;
    assert_eq!(status, 200, "{said}");
}

/// A new customer pays for a pack; its payment.
async fn buys(shop: &Shop, clock: &Clock, customer: &str, card: &str) -> Value {
    shop.customer(customer).await;
    let checkout = shop.checkout_of(&json!({ "customer_id": customer, "top_up_plan": "pack-50" })).await;
    shop.pay(&checkout, card).await;
    pass(clock, 1);
    let session = shop.session(text(&checkout["session_id"])).await;
    json!({ "payment_intent": session.payment_intent.unwrap().id() })
}

/// A pack is bought for the subscriber by its card, and the answer is lost: what became of it is known by its event alone.
async fn has_a_pack_bought(shop: &Shop, payer: &str) {
    sold::pays_by(shop, payer, "pm_card_visa").await;
    sold::agrees_to_packs(shop, SUBSCRIBER).await;
    let lost = json!({ "kind": "cut_after", "method": "POST", "path": "/v1/payment_intents", "times": 1000 });
    shop.fault(Some(&lost)).await;
    shop.world.admin("POST", "/api/v1/consume", &sold::spend_of_packs(SUBSCRIBER).to_string()).await;
    payments::work_off_auto_top_up(&shop.world.app).await.unwrap();
    shop.fault(None).await;
    let agreed = shop.world.admin("GET", &format!("/api/v1/customers/{SUBSCRIBER}/auto_top_up"), "").await;
    assert_eq!(agreed["last_attempt"]["outcome"], "unknown", "{agreed}");
}

/// It subscribes, which entitles it, takes a second card away, has more seats, hears of its next invoice, and ends it. All
/// that happened, but the event that entitled it: on that Purser has acted.
async fn lives_by_a_subscription(
    shop: &Shop,
    clock: &Clock,
    feed: &mut Feed,
    (payer, price): (&str, &str),
) -> Vec<Value> {
    let made = sold::subscribe(shop, payer, price).await;
    pass(clock, 1);
    let mut events = feed.news(shop.client()).await;
    let at = events.iter().position(|event| event["type"] == ENTITLED).unwrap();
    shop.deliver_these(&[events.remove(at)]).await;
    assert_eq!(number(&shop.world, "SELECT COUNT(*) FROM active_entitlements").await, 1);
    let second = shop.write(&customers::attach("pm_card_mastercard", payer)).await.id;
    pass(clock, 1);
    shop.write(&customers::detach(&second)).await;
    let more = calls::LoneItemChange { quantity: Some(3), ..Default::default() };
    shop.write(&calls::update_item(&made.id, &made.items.data[0].id, &more)).await;
    // Stripe tells of the next invoice a week before it.
    pass(clock, 27 * DAY);
    shop.write(&calls::cancel(&made.id, &calls::Cancellation::default())).await;
    pass(clock, 1);
    events.extend(feed.news(shop.client()).await);
    events
}
