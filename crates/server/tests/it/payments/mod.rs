//! Payments on both databases against a real sandbox: bought any way round, once; refunded, disputed, unmapped.

mod auto_top_up;
mod auto_top_up_faults;
mod bought;
mod changes;
mod checkouts;
mod debits;
mod faults;
mod reversed;
mod subscribing;
mod unmapped;

use crate::{
    inbox::{SECRET, send, states},
    world::{Kind, World, clock},
};
use purser::{
    config::Secret,
    features::{credits, inbox},
    platform::{clock::Clock, stripe::Stripe},
    reactions,
};
use purser_stripe::{
    Call, Client, Key,
    calls::{PageOf, catalog, checkout, customers, events, payments},
    objects::{CheckoutSession, Interval},
};
use purser_stripe_sim::{Clock as SandboxClock, Sandbox, Settings};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// A Purser that sells by a sandbox of its own.
pub struct Shop {
    pub world: World,
    sandbox: SocketAddr,
    writes: AtomicU32,
    /// The events that were delivered.
    delivered: Mutex<BTreeSet<String>>,
}

/// A sandbox whose clock is that of `clock`; answers where it is.
#[expect(clippy::disallowed_methods, reason = "it ends with its test")]
async fn sandbox(clock: Clock) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let going = SandboxClock::Going(Box::new(move || clock.now().micros().div_euclid(1_000_000)));
    let settings = Settings { seed: 1, clock: going, load: None, record: None };
    let sandbox = Sandbox::new(settings, &format!("http://{address}")).unwrap();
    drop(tokio::task::spawn(sandbox.serve(listener)));
    address
}

impl Shop {
    /// A shop with the customer `acme`.
    pub async fn open(kind: Kind) -> Self {
        let clock = clock();
        let sandbox = sandbox(clock.clone()).await;
        let shop = Self::beside(kind, clock, sandbox).await;
        shop.customer("acme").await;
        shop
    }

    /// A shop without customers that sells by this sandbox, whose clock is `clock` too.
    pub async fn beside(kind: Kind, clock: Clock, sandbox: SocketAddr) -> Self {
        let world = World::at(kind, clock, |config| {
            config.stripe_secret_key = Some(Secret::new("sk_test_shop"));
            config.secret = Some(Secret::new("s".repeat(40)));
            config.stripe_webhook_secret = Some(Secret::new(SECRET));
            config.stripe_api_base = format!("http://{sandbox}");
        })
        .await;
        Self { world, sandbox, writes: AtomicU32::new(0), delivered: Mutex::default() }
    }

    /// Makes a customer of ours.
    pub async fn customer(&self, id: &str) {
        self.world.admin("PUT", &format!("/api/v1/customers/{id}"), r#"{"name":"Acme"}"#).await;
    }

    /// The client of Stripe.
    pub fn client(&self) -> &Client {
        self.world.app.part::<Stripe>().client().unwrap()
    }

    /// Writes at Stripe, as the seller would by the dashboard.
    pub async fn write<T: DeserializeOwned>(&self, call: &Call<T>) -> T {
        let now = self.world.clock.now().micros().div_euclid(1_000_000);
        let text = format!("shop-{}", self.writes.fetch_add(1, Ordering::SeqCst));
        let answer = self.client().write(call, &Key { text, first_sent: now }, now).await;
        answer.unwrap_or_else(|error| panic!("{call:?}: {error}")).value
    }

    pub async fn read<T: DeserializeOwned>(&self, call: &Call<T>) -> T {
        self.client().read(call).await.unwrap_or_else(|error| panic!("{call:?}: {error}")).value
    }

    /// A price at Stripe of so many cents, paid once, with this metadata.
    pub async fn price(&self, cents: i64, metadata: &[(&str, &str)]) -> String {
        let fields = catalog::ProductFields { name: Some("A pack".into()), ..Default::default() };
        let product = self.write(&catalog::create_product(&fields)).await.id;
        let metadata: BTreeMap<_, _> = metadata.iter().map(|(key, text)| ((*key).into(), (*text).into())).collect();
        let price = catalog::NewPrice {
            currency: "usd".into(),
            product,
            unit_amount: Some(cents),
            metadata: (!metadata.is_empty()).then_some(metadata),
            ..Default::default()
        };
        self.write(&catalog::create_price(&price)).await.id
    }

    /// A pack of so many credits for so many cents, sold at Stripe; as Purser shows it.
    pub async fn pack(&self, family: &str, credits: i64, cents: i64) -> Value {
        let price = self.price(cents, &[]).await;
        self.pack_of(family, credits, cents, &price).await
    }

    /// The same of a price that is there.
    pub async fn pack_of(&self, family: &str, credits: i64, cents: i64, price: &str) -> Value {
        let price = json!({ "stripe_price_id": price, "currency": "usd", "unit_amount": cents });
        let body = json!({ "family": family, "credits": credits, "price": price });
        self.world.admin("POST", "/api/v1/admin/top-up-plans", &body.to_string()).await
    }

    /// Sells a plan of this family and rank for 20 dollars a month; `more` is what else its body says. Its price.
    pub async fn plan(&self, family: &str, rank: u32, more: &Value) -> String {
        self.plan_for((family, rank), (2000, Interval::Month), more).await
    }

    /// The same for so many cents for each interval.
    pub async fn plan_for(
        &self,
        (family, rank): (&str, u32),
        (cents, interval): (i64, Interval),
        more: &Value,
    ) -> String {
        let word = interval.as_str().to_owned();
        let fields = catalog::ProductFields { name: Some(family.to_owned()), ..Default::default() };
        let price = catalog::NewPrice {
            currency: "usd".into(),
            product: self.write(&catalog::create_product(&fields)).await.id,
            unit_amount: Some(cents),
            recurring: Some(catalog::NewRecurring { interval, ..Default::default() }),
            ..Default::default()
        };
        let price = self.write(&catalog::create_price(&price)).await.id;
        let bound = json!([{ "stripe_price_id": price, "currency": "usd", "unit_amount": cents, "interval": word }]);
        let mut body = json!({ "family": family, "rank": rank, "prices": bound });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.world.admin("POST", "/api/v1/admin/subscription-plans", &body.to_string()).await;
        price
    }

    /// What `acme` has by its subscriptions.
    pub async fn current(&self) -> Value {
        self.world.admin("GET", "/api/v1/customers/acme/subscription", "").await
    }

    /// A checkout of `acme` for one of a pack.
    pub async fn checkout(&self, pack: &str) -> Value {
        self.checkout_of(&json!({ "customer_id": "acme", "top_up_plan": pack })).await
    }

    /// A checkout as `more` says.
    pub async fn checkout_of(&self, more: &Value) -> Value {
        self.world.admin("POST", "/api/v1/checkout", &wanted(more).to_string()).await
    }

    /// Pays by a session as its payer would.
    pub async fn pay(&self, checkout: &Value, method: &str) {
        self.pay_session(text(&checkout["session_id"]), method).await;
    }

    /// The same by the session's id.
    pub async fn pay_session(&self, id: &str, method: &str) {
        let amount = self.session(id).await.amount_total.unwrap();
        let form = format!("payment_method={method}&expected_amount={amount}");
        let (status, answer) = self.ask(&format!("/v1/payment_pages/{id}/confirm"), FORM, &form).await;
        assert_eq!(status, 200, "{answer}");
    }

    pub async fn session(&self, id: &str) -> CheckoutSession {
        self.read(&checkout::retrieve(id)).await
    }

    /// What the return page is told.
    pub async fn verify(&self, checkout: &Value) -> Value {
        let body = json!({ "customer_id": "acme", "session_id": checkout["session_id"] });
        self.world.admin("POST", "/api/v1/checkout/verify", &body.to_string()).await
    }

    /// Buys one of a pack by card, the webhooks delivered; the purchase.
    pub async fn buys(&self, pack: &str, method: &str) -> Value {
        let checkout = self.checkout(pack).await;
        self.pay(&checkout, method).await;
        self.deliver().await;
        let mut purchases = self.purchases().await;
        purchases.retain(|purchase| purchase["session_id"] == checkout["session_id"]);
        assert_eq!(purchases.len(), 1, "{purchases:?}");
        purchases.remove(0)
    }

    /// The purchases of `acme`, newest first.
    pub async fn purchases(&self) -> Vec<Value> {
        let list = self.world.admin("GET", "/api/v1/customers/acme/purchases", "").await;
        list["data"].as_array().unwrap().clone()
    }

    /// What `acme` can spend, has set aside, and owes.
    pub async fn balance(&self) -> [f64; 3] {
        let balance = self.world.admin("GET", "/api/v1/customers/acme/balance", "").await;
        ["available", "held", "debt"].map(|name| balance[name].as_f64().unwrap())
    }

    /// Spends of `acme`; the status.
    pub async fn spend(&self, amount: i64) -> u16 {
        let key = format!("spend-{}", self.writes.fetch_add(1, Ordering::SeqCst));
        let body = json!({ "customer_id": "acme", "amount": amount, "idempotency_key": key });
        self.world.ask(crate::world::ADMIN, "POST", "/api/v1/consume", body.to_string()).await.status
    }

    /// Gives back so many cents of a purchase; all that is left when there is no number.
    pub async fn refund(&self, purchase: &Value, cents: Option<i64>) {
        let of = Some(text(&purchase["payment_intent"]).to_owned());
        let refund = payments::NewRefund { payment_intent: of, amount: cents, ..Default::default() };
        self.write(&payments::refund(&refund)).await;
    }

    /// Decides the dispute of a purchase: `win`, `lose` or `escalate`; `appeal` contests a loss, and `reinstate` gives
    /// back what was lost.
    pub async fn decide(&self, purchase: &Value, how: &str) {
        let of = Some(text(&purchase["payment_intent"]).to_owned());
        let which = payments::OfPayment { payment_intent: of, ..Default::default() };
        let dispute = self.read(&payments::disputes(&which)).await.data.remove(0).id;
        let (status, _) = self.ask("/_sandbox/disputes/end", FORM, &format!("id={dispute}&how={how}")).await;
        assert_eq!(status, 303);
    }

    /// The payer's bank takes a purchase back.
    pub async fn dispute(&self, purchase: &Value) {
        let intent = self.read(&payments::retrieve(text(&purchase["payment_intent"]))).await;
        let charge = intent.latest_charge.unwrap().id().to_owned();
        let (status, _) = self.ask("/_sandbox/disputes", FORM, &format!("charge={charge}")).await;
        assert_eq!(status, 303);
    }

    /// Moves the sandbox's clock on.
    pub async fn pass(&self, seconds: i64) {
        let (status, answer) = self.ask("/_sandbox/api/clock", JSON, &format!(r#"{{"by":{seconds}}}"#)).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// Plants a fault in the sandbox, or takes all away.
    pub async fn fault(&self, fault: Option<&Value>) {
        let (method, body) = fault.map_or(("DELETE", String::new()), |fault| ("POST", fault.to_string()));
        let (status, answer) = self.request(method, "/_sandbox/api/faults", JSON, &body).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// Posts a form at the sandbox, as a page of it would; the status and the body.
    pub async fn post(&self, path: &str, form: &str) -> (u16, String) {
        self.ask(path, FORM, form).await
    }

    async fn ask(&self, path: &str, kind: &str, body: &str) -> (u16, String) {
        self.request("POST", path, kind, body).await
    }

    async fn request(&self, method: &str, path: &str, kind: &str, body: &str) -> (u16, String) {
        let mut socket = TcpStream::connect(self.sandbox).await.unwrap();
        let length = body.len();
        let asked = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer sk_test_shop\r\n\
             content-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}",
            self.sandbox
        );
        socket.write_all(asked.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(Duration::from_secs(60), socket.read_to_string(&mut answer)).await.unwrap().unwrap();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        (status, body.to_owned())
    }

    /// The events at Stripe that were not delivered yet, oldest first.
    pub async fn undelivered(&self) -> Vec<Value> {
        let (mut page, mut all) = (PageOf::full(), Vec::new());
        loop {
            let which = events::Events { page: page.clone(), ..Default::default() };
            let answer = self.client().read(&events::list(&which)).await.unwrap();
            let whole: Value = serde_json::from_slice(&answer.json).unwrap();
            all.extend(whole["data"].as_array().unwrap().clone());
            match answer.value.data.last() {
                Some(last) if answer.value.has_more => page.starting_after = Some(last.id.clone()),
                _ => break,
            }
        }
        let delivered = self.delivered.lock().unwrap();
        all.retain(|event| !delivered.contains(text(&event["id"])));
        all.reverse();
        all
    }

    /// Delivers `events` by webhook, and acts on them.
    pub async fn deliver_these(&self, events: &[Value]) {
        for event in events {
            send(&self.world, &event.to_string()).await;
            self.delivered.lock().unwrap().insert(text(&event["id"]).to_owned());
        }
        self.work_off().await;
    }

    /// Delivers all events, and acts on them.
    pub async fn deliver(&self) {
        let events = self.undelivered().await;
        self.deliver_these(&events).await;
    }

    /// Delivers the events of the kinds that begin so.
    pub async fn deliver_kinds(&self, beginnings: &[&str]) -> usize {
        let mut events = self.undelivered().await;
        events.retain(|event| beginnings.iter().any(|beginning| text(&event["type"]).starts_with(beginning)));
        self.deliver_these(&events).await;
        events.len()
    }

    /// Acts on all that is due.
    pub async fn work_off(&self) {
        inbox::work_off(&self.world.app, reactions::react).await.unwrap();
    }

    /// The states of the delivered events whose kinds begin so: 2 done, 3 ignored, 1 waiting.
    pub async fn states(&self, events: &[Value]) -> Vec<i64> {
        let all = states(&self.world).await;
        events.iter().map(|event| all[text(&event["id"])].0).collect()
    }

    /// How many customers there are at Stripe.
    pub async fn stripe_customers(&self) -> usize {
        let which = customers::Customers { page: PageOf::full(), ..Default::default() };
        self.read(&customers::list(&which)).await.data.len()
    }

    /// The sessions at Stripe.
    pub async fn sessions(&self) -> Vec<CheckoutSession> {
        self.read(&checkout::list(&checkout::Sessions { page: PageOf::full(), ..Default::default() })).await.data
    }

    /// Every wallet is proved.
    pub async fn proved(&self) {
        let verified = credits::verify(self.world.app.db(), |_, _| {}).await.unwrap();
        assert!(verified.flaws.is_empty(), "{:#?}", verified.flaws);
    }
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// A body for a checkout: `more`, and where the payer goes.
pub fn wanted(more: &Value) -> Value {
    let mut body = json!({
        "success_url": "https://app.example.com/return?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://app.example.com/left",
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// A text in JSON.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
