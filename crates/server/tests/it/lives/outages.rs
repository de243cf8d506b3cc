//! Stripe is away, or takes for ever: what does not need it goes on, what needs it waits, and nothing is lost.

use super::{
    HOUR, clock,
    feed::Feed,
    pass,
    running::Running,
    sold,
    truth::{self, Families},
};
use crate::{
    inbox::{number, pass as leases_run_out, send, states},
    payments::{Shop, text, wanted},
    world::{ADMIN, BOTH, Kind},
};
use futures_util::future::BoxFuture;
use purser::{
    features::inbox::{self, Delivery, Reacted},
    platform::{App, clock::Clock, error::Error},
    reactions,
};
use purser_stripe::{
    Limits,
    calls::{customers, subscriptions as calls},
};
use serde_json::{Value, json};
use std::{num::NonZeroU32, sync::Mutex, time::Duration};

/// Someone with credits, a subscription that changes, and a pack that is paid for: Stripe tells of it, and Purser has not
/// heard of it yet.
struct Scene {
    shop: Shop,
    clock: Clock,
    payer: String,
    subscription: String,
    checkout: Value,
    families: Families,
    /// What webhooks will bring, the oldest first.
    events: Vec<Value>,
    _sandbox: Running,
}

/// The events that are acted on.
const ACTED_ON: &[&str] =
    &["customer.subscription.", "invoice.paid", "invoice.finalized", "checkout.session.completed"];

impl Scene {
    /// A scene in which so many changes of the subscription are told.
    async fn of(kind: Kind, changes: u64, limits: Limits) -> Self {
        let clock = clock();
        let sandbox = Running::start(1, clock.clone(), None).await;
        let mut shop = Shop::beside(kind, clock.clone(), sandbox.address).await;
        shop.world = shop.world.with_limits(limits);
        shop.customer("acme").await;
        let credits = json!({ "amount": 1000, "idempotency_key": "first" }).to_string();
        shop.world.admin("POST", "/api/v1/customers/acme/grants", &credits).await;
        shop.pack("pack-50", 50, 500).await;
        let checkout = shop.checkout("pack-50").await;
        let known = shop.world.admin("GET", "/api/v1/customers/acme", "").await;
        let payer = text(&known["stripe_customer_id"]).to_owned();
        let (price, families) = sells(&shop).await;
        let mut feed = Feed::default();
        feed.news(shop.client()).await;
        shop.pay(&checkout, "pm_card_visa").await;
        let subscription = changes_often(&shop, &clock, &payer, &price, changes).await;
        let mut events = feed.news(shop.client()).await;
        events.retain(|event| ACTED_ON.iter().any(|kind| text(&event["type"]).starts_with(kind)));
        events.retain(|event| event["type"] != "customer.subscription.trial_will_end");
        Self { shop, clock, payer, subscription, checkout, families, events, _sandbox: sandbox }
    }

    /// The ids of the events of the subscription among `ids`.
    fn of_subscription(&self, ids: &[String]) -> Vec<String> {
        let about = |event: &Value| {
            let object = &event["data"]["object"];
            object["id"] == self.subscription
                || object["parent"]["subscription_details"]["subscription"] == self.subscription
        };
        let known = |id: &&String| self.events.iter().any(|event| event["id"] == **id && about(event));
        ids.iter().filter(known).cloned().collect()
    }

    /// What asks nothing of Stripe works.
    async fn works_without_stripe(&self) {
        let world = &self.shop.world;
        assert_eq!(self.shop.spend(1).await, 200, "a spend");
        let check = json!({ "customer_id": "acme", "amount": 1 }).to_string();
        assert_eq!(world.admin("POST", "/api/v1/check", &check).await["allowed"], true, "a check");
        for path in ["balance", "grants", "ledger", "subscription", "subscriptions", "invoices", "purchases"] {
            world.admin("GET", &format!("/api/v1/customers/acme/{path}"), "").await;
        }
    }

    /// All of it is done now, and was done once.
    async fn is_all_done(&self, spent: i64, what: &str) {
        let world = &self.shop.world;
        let states = states(world).await;
        assert!(self.events.iter().all(|event| states[text(&event["id"])] == (2, 1)), "{what}: {states:?}");
        assert_eq!(number(world, "SELECT COUNT(*) FROM stripe_inbox").await, 0, "{what}");
        let pair = ("acme", self.payer.as_str());
        truth::agrees(world, self.shop.client(), pair, &self.families, what).await;
        let balance = world.admin("GET", "/api/v1/customers/acme/balance", "").await;
        assert_eq!(truth::micros(&balance["available"]), (1050 - spent) * 1_000_000, "{what}");
        assert_eq!(self.shop.purchases().await.len(), 1, "{what}");
        self.shop.proved().await;
    }
}

/// A monthly price and its plan.
async fn sells(shop: &Shop) -> (String, Families) {
    let price = sold::team(shop).await;
    (price.clone(), Families::from([(price, (1, "team".to_owned()))]))
}

/// A subscription whose quantity changes so many times, a second apart; its id.
async fn changes_often(shop: &Shop, clock: &Clock, payer: &str, price: &str, changes: u64) -> String {
    let method = shop.write(&customers::attach("pm_card_visa", payer)).await;
    let items = vec![calls::NewItem { price: price.to_owned(), quantity: Some(1), ..Default::default() }];
    let new = calls::NewSubscription {
        customer: payer.to_owned(),
        items,
        default_payment_method: Some(method.id),
        ..Default::default()
    };
    let made = shop.write(&calls::create(&new)).await;
    for n in 0..changes {
        pass(clock, 1);
        let more = calls::LoneItemChange { quantity: Some(n + 2), ..Default::default() };
        shop.write(&calls::update_item(&made.id, &made.items.data[0].id, &more)).await;
    }
    made.id
}

/// The events that were acted on, in their order; of the one test that lets them be noted.
static NOTED: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn noting(app: App, delivery: Delivery) -> BoxFuture<'static, Result<Reacted, Error>> {
    Box::pin(async move {
        let id = delivery.id.clone();
        let reacted = reactions::react(app, delivery).await;
        if reacted.is_ok() {
            NOTED.lock().unwrap().push(id);
        }
        reacted
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_stripe_is_down_for_an_hour_spends_go_on_and_all_drains_in_order_when_it_is_back() {
    // As sent in the first place: one try, and the breaker opens after five.
    let limits = Limits {
        tries: 1,
        per_second: NonZeroU32::new(100_000).unwrap(),
        breaker_pause: Duration::from_millis(1),
        ..Limits::default()
    };
    for kind in BOTH {
        NOTED.lock().unwrap().clear();
        let scene = Scene::of(kind, 40, limits).await;
        let (shop, world) = (&scene.shop, &scene.shop.world);
        let most = scene.events.len();
        assert!((40..=60).contains(&most), "{kind:?}: an event for nearly each minute: {most}");
        shop.fault(Some(&json!({ "kind": "trouble", "status": 503 }))).await;
        let minutes = HOUR / 60;
        for minute in 0..usize::try_from(minutes).unwrap() {
            pass(&scene.clock, 60);
            if let Some(event) = scene.events.get(minute) {
                send(world, &event.to_string()).await;
            }
            inbox::work_off(&world.app, noting).await.unwrap();
            scene.works_without_stripe().await;
            let waiting = number(world, "SELECT COUNT(*) FROM stripe_events WHERE state = 1 AND attempts = 0").await;
            assert_eq!(usize::try_from(waiting).unwrap(), most.min(minute + 1), "{kind:?}: the inbox grows, none dies");
            let opened = minute < 10 || shop.client().is_open();
            assert!(opened, "{kind:?}: Stripe is taken to be out of order after {minute} minutes");
        }
        assert!(NOTED.lock().unwrap().is_empty(), "{kind:?}");
        let asked = world.ask(ADMIN, "POST", "/api/v1/customers/acme/stripe_portal", "").await;
        assert_eq!((asked.status, asked.error().0.as_str()), (503, "stripe_unavailable"), "{kind:?}: it is said");
        shop.fault(None).await;
        let mut rounds = 0;
        while number(world, "SELECT COUNT(*) FROM stripe_inbox").await > 0 {
            // One asks whether Stripe is back; those that were refused meanwhile come again.
            leases_run_out(world).await;
            inbox::work_off(&world.app, noting).await.unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
            rounds += 1;
            assert!(rounds < 100, "{kind:?}: it drains");
        }
        assert!(!shop.client().is_open(), "{kind:?}: Stripe is back");
        let noted = NOTED.lock().unwrap().clone();
        let sent: Vec<String> = scene.events.iter().map(|event| text(&event["id"]).to_owned()).collect();
        assert_eq!(scene.of_subscription(&noted), scene.of_subscription(&sent), "{kind:?}: in order, each once");
        scene.is_all_done(minutes, &format!("{kind:?}")).await;
    }
}

/// Stripe takes longer than anybody waits. What has to ask it is still on its way when all else is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_stripe_is_slow_only_those_wait_who_have_to_ask_it() {
    let limits = Limits {
        one_try: Duration::from_secs(3_600),
        total: Duration::from_secs(3_600),
        per_second: NonZeroU32::new(100_000).unwrap(),
        ..Limits::default()
    };
    for kind in BOTH {
        let scene = Scene::of(kind, 12, limits).await;
        let (shop, world) = (&scene.shop, &scene.shop.world);
        shop.fault(Some(&json!({ "kind": "slow", "ms": 60_000 }))).await;
        let (first, rest) = scene.events.split_at(scene.events.len() / 2);
        for event in first {
            send(world, &event.to_string()).await;
        }
        let open = wanted(&json!({ "customer_id": "acme", "top_up_plan": "pack-50", "quantity": 2 })).to_string();
        let verify = json!({ "customer_id": "acme", "session_id": scene.checkout["session_id"] }).to_string();
        let must_wait = async {
            tokio::select! {
                _ = world.ask(ADMIN, "POST", "/api/v1/checkout", open) => "a checkout",
                _ = world.ask(ADMIN, "POST", "/api/v1/checkout/verify", verify) => "a return page",
                _ = world.ask(ADMIN, "POST", "/api/v1/customers/acme/stripe_portal", "") => "the portal",
                _ = inbox::work_off(&world.app, reactions::react) => "the inbox",
            }
        };
        let goes_on = async {
            for event in rest {
                scene.works_without_stripe().await;
                send(world, &event.to_string()).await;
            }
        };
        tokio::select! {
            biased;
            who = must_wait => panic!("{kind:?}: {who} was done before what does not wait for Stripe"),
            () = goes_on => {}
        }
        let spent = i64::try_from(rest.len()).unwrap();
        let waiting = number(world, "SELECT COUNT(*) FROM stripe_events WHERE state = 1").await;
        assert_eq!(usize::try_from(waiting).unwrap(), scene.events.len(), "{kind:?}: all is kept");
        // Who waited went away; Stripe is quick again.
        shop.fault(None).await;
        leases_run_out(world).await;
        shop.work_off().await;
        scene.is_all_done(spent, &format!("{kind:?}")).await;
    }
}
