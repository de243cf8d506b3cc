//! The mirror of subscriptions on both databases, against a real sandbox: order, races, what a customer has by it.

mod access;
mod allowances;
mod order;
mod period;
mod races;
mod whole;

pub use period::form;

use crate::{
    inbox::{SECRET, failures, send},
    world::{Kind, World},
};
use purser::{
    app,
    config::Secret,
    features::inbox,
    platform::{App, clock::Clock, db::DbError, ids::Random, stripe},
    reactions,
};
use purser_stripe::{
    Call, Client, Key, Limits,
    calls::{PageOf, catalog, customers, events, meters, subscriptions as calls},
    objects::{Interval, Subscription, UsageType},
};
use purser_stripe_sim::{Clock as SandboxClock, Sandbox, Settings};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A world, a sandbox beside it with the same clock, and a client of the sandbox.
pub struct Stage {
    pub world: World,
    /// The world's app, which can ask the sandbox.
    pub app: App,
    pub client: Client,
    address: String,
    writes: AtomicU32,
}

impl Stage {
    pub async fn new(kind: Kind) -> Self {
        let world = crate::inbox::world(kind).await;
        let address = sandbox(world.clock.clone()).await;
        let (app, client) = with_stripe(&world, &address);
        Self { world, app, client, address, writes: AtomicU32::new(0) }
    }

    /// Writes at Stripe with a key of its own.
    pub async fn write<T: DeserializeOwned>(&self, call: &Call<T>) -> T {
        let now = self.world.clock.now().micros().div_euclid(1_000_000);
        let key = Key { text: format!("write-{}", self.writes.fetch_add(1, Ordering::SeqCst)), first_sent: now };
        self.client.write(call, &key, now).await.unwrap_or_else(|error| panic!("{call:?}: {error}")).value
    }

    /// A Stripe customer who pays by `card`.
    pub async fn payer(&self, card: &str) -> String {
        let customer = self.write(&customers::create(&customers::CustomerFields::default())).await.id;
        self.pays_by(&customer, card).await;
        customer
    }

    /// Lets a Stripe customer pay by `card` from now on.
    pub async fn pays_by(&self, customer: &str, card: &str) {
        let method = self.write(&customers::attach(card, customer)).await;
        let settings = customers::InvoiceSettings { default_payment_method: Some(method.id) };
        let fields = customers::CustomerFields { invoice_settings: Some(settings), ..Default::default() };
        self.write(&customers::update(customer, &fields)).await;
    }

    /// Our customer `id`, who is a Stripe customer with a good card; answers Stripe's id.
    pub async fn customer(&self, id: &str) -> String {
        let stripe = self.payer("pm_card_visa").await;
        self.is(id, &stripe).await;
        stripe
    }

    /// Says that our customer `id` is the Stripe customer `stripe`.
    pub async fn is(&self, id: &str, stripe: &str) {
        let body = json!({ "stripe_customer_id": stripe }).to_string();
        self.world.admin("PUT", &format!("/api/v1/customers/{id}"), &body).await;
    }

    async fn product(&self) -> String {
        let fields = catalog::ProductFields { name: Some("Pro".into()), ..Default::default() };
        self.write(&catalog::create_product(&fields)).await.id
    }

    /// A monthly price of so many cents, of a product of its own.
    pub async fn price(&self, cents: i64) -> String {
        self.price_with(cents, &[]).await
    }

    /// The same with metadata.
    pub async fn price_with(&self, cents: i64, metadata: &[(&str, &str)]) -> String {
        let texts = metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let price = catalog::NewPrice {
            currency: "usd".into(),
            product: self.product().await,
            unit_amount: Some(cents),
            recurring: Some(catalog::NewRecurring { interval: Interval::Month, ..Default::default() }),
            metadata: (!metadata.is_empty()).then(|| texts.collect()),
            ..Default::default()
        };
        self.write(&catalog::create_price(&price)).await.id
    }

    /// A monthly price by what a meter counts.
    pub async fn metered_price(&self) -> String {
        let meter = meters::NewMeter {
            display_name: "Calls".into(),
            event_name: "calls".into(),
            default_aggregation: meters::Aggregation { formula: "sum" },
        };
        let recurring = catalog::NewRecurring {
            interval: Interval::Month,
            usage_type: Some(UsageType::Metered),
            meter: Some(self.write(&meters::create(&meter)).await.id),
            ..Default::default()
        };
        let price = catalog::NewPrice {
            currency: "usd".into(),
            product: self.product().await,
            unit_amount_decimal: Some("0.05".into()),
            recurring: Some(recurring),
            ..Default::default()
        };
        self.write(&catalog::create_price(&price)).await.id
    }

    /// A plan of the price book that `price` sells; answers its id.
    pub async fn plan(&self, family: &str, rank: u32, price: &str) -> String {
        let price = json!({ "stripe_price_id": price, "currency": "usd", "unit_amount": 2000, "interval": "month" });
        let body = json!({ "family": family, "rank": rank, "prices": [price] }).to_string();
        let made = self.world.admin("POST", "/api/v1/admin/subscription-plans", &body).await;
        made["id"].as_str().unwrap().to_owned()
    }

    /// A subscription of a Stripe customer to these prices, one of each.
    pub async fn subscribe(&self, customer: &str, prices: &[&str]) -> Subscription {
        let items = prices.iter().map(|price| calls::NewItem {
            price: (*price).to_owned(),
            quantity: Some(1),
            ..Default::default()
        });
        self.subscribe_to(customer, items.collect()).await
    }

    /// A subscription of a Stripe customer to these items.
    pub async fn subscribe_to(&self, customer: &str, items: Vec<calls::NewItem>) -> Subscription {
        let new = calls::NewSubscription { customer: customer.to_owned(), items, ..Default::default() };
        self.write(&calls::create(&new)).await
    }

    /// Changes a subscription.
    pub async fn change(&self, id: &str, change: calls::SubscriptionChange) -> Subscription {
        self.write(&calls::update(id, &change)).await
    }

    /// Changes the quantity of an item.
    pub async fn seats(&self, subscription: &str, item: &str, quantity: u64) {
        let change = calls::LoneItemChange { quantity: Some(quantity), ..Default::default() };
        self.write(&calls::update_item(subscription, item, &change)).await;
    }

    /// Ends a subscription at once.
    pub async fn end(&self, id: &str) {
        self.write(&calls::cancel(id, &calls::Cancellation::default())).await;
    }

    /// Every event there is of the subscription `id` and its invoices, the oldest first, as Stripe would send it.
    pub async fn told(&self, id: &str) -> Vec<Value> {
        let (mut all, mut page): (Vec<Value>, _) = (Vec::new(), PageOf::full());
        loop {
            let which = events::Events { page: page.clone(), ..Default::default() };
            let answer = self.client.read(&events::list(&which)).await.unwrap();
            let shown: Value = serde_json::from_slice(&answer.json).unwrap();
            all.extend(shown["data"].as_array().unwrap().iter().cloned());
            if !answer.value.has_more {
                break;
            }
            page.starting_after = all.last().and_then(|event| event["id"].as_str()).map(str::to_owned);
        }
        all.reverse();
        all.retain(|event| {
            let object = &event["data"]["object"];
            let parent = &object["parent"]["subscription_details"]["subscription"];
            object["id"] == id || parent == id
        });
        all
    }

    /// Tells Purser of these events, in this order and one second after the other, and lets it act on them.
    pub async fn tell(&self, told: &[Value]) {
        for (n, event) in (0..).zip(told) {
            let mut event = event.clone();
            event["created"] = json!(crate::inbox::CREATED + n);
            send(&self.world, &event.to_string()).await;
        }
        self.act().await;
    }

    /// Tells all there is of the subscription `id`, as it happened.
    pub async fn tell_all(&self, id: &str) {
        for event in self.told(id).await {
            send(&self.world, &event.to_string()).await;
        }
        self.act().await;
    }

    /// Acts on all that is due.
    pub async fn act(&self) {
        inbox::work_off(&self.app, reactions::react).await.unwrap();
        let left = failures(&self.world).await;
        assert!(left.is_empty(), "{left:?}");
    }

    /// What the customer has now.
    pub async fn current(&self, customer: &str) -> Value {
        self.world.admin("GET", &format!("/api/v1/customers/{customer}/subscription"), "").await
    }

    /// What the customer has and had, the newest first.
    pub async fn history(&self, customer: &str) -> Vec<Value> {
        let list = self.world.admin("GET", &format!("/api/v1/customers/{customer}/subscriptions"), "").await;
        list["data"].as_array().unwrap().clone()
    }

    /// The customer's invoices, the newest first.
    pub async fn invoices(&self, customer: &str) -> Vec<Value> {
        let list = self.world.admin("GET", &format!("/api/v1/customers/{customer}/invoices"), "").await;
        list["data"].as_array().unwrap().clone()
    }

    /// Forgets all that was told and mirrored.
    pub async fn forget(&self) {
        let forgotten = self.app.db().write(|tx| {
            let inbox = ["stripe_events", "stripe_inbox"];
            let mirror = ["stripe_mirrors", "subscriptions", "subscription_items", "subscription_changes", "invoices"];
            let payers = ["payers", "payment_methods", "active_entitlements"];
            for table in inbox.into_iter().chain(mirror).chain(payers) {
                tx.execute(&format!("DELETE FROM {table}"), vec![])?;
            }
            Ok::<_, DbError>(())
        });
        forgotten.await.unwrap();
    }

    /// Moves the sandbox's clock, and not ours, on by so many seconds.
    pub async fn pass(&self, seconds: i64) {
        control(&self.address, "POST", "clock", &format!(r#"{{"by":{seconds}}}"#)).await;
    }

    /// Sets how the account behaves at Stripe.
    pub async fn set(&self, settings: &Value) {
        control(&self.address, "POST", "settings", &settings.to_string()).await;
    }
}

/// Plants a fault in the sandbox of `stage`.
pub async fn fault(stage: &Stage, fault: &Value) {
    fault_at(&stage.address, Some(fault)).await;
}

/// The same in the sandbox that listens at `address`; none takes all of them away.
pub async fn fault_at(address: &str, fault: Option<&Value>) {
    let (method, body) = fault.map_or(("DELETE", String::new()), |fault| ("POST", fault.to_string()));
    control(address, method, "faults", &body).await;
}

/// Asks for `path` of the API by which the sandbox at `address` is controlled.
async fn control(address: &str, method: &str, path: &str, body: &str) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let asked = format!(
        "{method} /_sandbox/api/{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(asked.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// The world's app with a client of the Stripe at `address`.
pub fn with_stripe(world: &World, address: &str) -> (App, Client) {
    with_key(world, address, "sk_test_subscriptions")
}

/// The same, which asks with `key`.
fn with_key(world: &World, address: &str, key: &str) -> (App, Client) {
    let mut config = world.app.config().clone();
    config.stripe_secret_key = Some(Secret::new(key));
    config.stripe_webhook_secret = Some(Secret::new(SECRET));
    config.stripe_api_base = format!("http://{address}");
    let random = Random::seeded(9);
    let limits = Limits {
        first_pause: Duration::from_millis(10),
        per_second: NonZeroU32::new(100_000).unwrap(),
        ..Limits::default()
    };
    let client = stripe::client(&config, &random, limits).unwrap().unwrap();
    let (db, clock) = (world.app.db().clone(), world.clock.clone());
    (app::build_with(db, clock, random, config, Some(client.clone())), client)
}

/// A sandbox whose clock is that of `clock`; answers where it listens.
#[expect(clippy::disallowed_methods, reason = "it ends with its test")]
async fn sandbox(clock: Clock) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let going = SandboxClock::Going(Box::new(move || clock.now().micros().div_euclid(1_000_000)));
    let settings = Settings { seed: 1, clock: going, load: None, record: None };
    let sandbox = Sandbox::new(settings, &format!("http://{address}")).unwrap();
    drop(tokio::task::spawn(sandbox.serve(listener)));
    address
}

/// The event `told` under another id: Stripe may tell of one change twice.
pub fn again(told: &Value, suffix: &str) -> Value {
    let mut event = told.clone();
    event["id"] = json!(format!("{}_{suffix}", told["id"].as_str().unwrap()));
    event
}

/// The events of `told` of this kind.
pub fn of_kind(told: &[Value], kind: &str) -> Vec<Value> {
    told.iter().filter(|event| event["type"] == kind).cloned().collect()
}
