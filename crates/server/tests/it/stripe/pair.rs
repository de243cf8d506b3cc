//! A client and a sandbox of its own.

use purser_stripe::{
    Answer, Call, Client, Key, Limits, Paged, Secret, Settings,
    calls::{catalog, customers},
    objects::Interval,
};
use purser_stripe_sim::{Clock, Sandbox, Settings as SandboxSettings};
use serde::de::DeserializeOwned;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    num::NonZeroU32,
    path::PathBuf,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// 2026-01-01T00:00:00Z
pub const NEW_YEAR: i64 = 1_767_225_600;

/// A client of a sandbox of its own.
pub struct Pair {
    /// The client.
    pub client: Client,
    address: SocketAddr,
    writes: u32,
    /// The operations it was asked for.
    pub asked: BTreeSet<String>,
}

impl Pair {
    #[expect(clippy::disallowed_methods, reason = "it ends with its test")]
    pub async fn new(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let base = format!("http://{address}");
        // All that is said can be judged by Stripe's contract afterwards: a file for each pair of each test.
        let test = std::thread::current().name().unwrap_or("unnamed").replace("::", "-");
        let folder = std::env::var_os("PURSER_STRIPE_RECORD");
        let record = folder.map(|folder| PathBuf::from(folder).join(format!("pair-{test}-{name}.jsonl")));
        let settings = SandboxSettings { seed: 1, clock: Clock::Standing(NEW_YEAR), load: None, record };
        let sandbox = Sandbox::new(settings, &base).expect("a sandbox");
        drop(tokio::task::spawn(sandbox.serve(listener)));
        let limits = Limits {
            per_second: NonZeroU32::new(100_000).expect("not zero"),
            first_pause: Duration::from_millis(10),
            breaker_failures: 1000,
            ..Limits::default()
        };
        let key = Secret::new("sk_test_pair").expect("not blank");
        let client = Client::new(Settings { base, key, limits, random: Box::new(|| 0) }).expect("a client");
        Self { client, address, writes: 0, asked: BTreeSet::new() }
    }

    /// Writes with a key of its own.
    pub async fn write<T: DeserializeOwned>(&mut self, call: &Call<T>) -> T {
        self.note(call);
        self.writes += 1;
        let key = Key { text: format!("write-{}", self.writes), first_sent: NEW_YEAR };
        let answer = self.client.write(call, &key, NEW_YEAR).await;
        answer.unwrap_or_else(|error| panic!("{call:?}: {error}")).value
    }

    pub async fn read<T: DeserializeOwned>(&mut self, call: &Call<T>) -> T {
        self.note(call);
        let answer: Answer<T> = self.client.read(call).await.unwrap_or_else(|error| panic!("{call:?}: {error}"));
        answer.value
    }

    /// All pages of a list.
    pub async fn all<P: Paged>(&mut self, call: &Call<P>) -> Vec<P::Item> {
        self.note(call);
        self.client.pages(call).all().await.unwrap_or_else(|error| panic!("{call:?}: {error}"))
    }

    fn note<T>(&mut self, call: &Call<T>) {
        let request = call.request();
        self.asked.insert(format!("{} {}", request.method.name(), request.label()));
    }

    /// Moves the sandbox's clock to `at`.
    pub async fn advance(&self, at: i64) {
        self.control("/_sandbox/api/clock", &format!(r#"{{"to":{at}}}"#)).await;
    }

    /// Asks the sandbox itself for something, as its control page would.
    pub async fn control(&self, path: &str, body: &str) {
        let mut socket = TcpStream::connect(self.address).await.expect("it listens");
        let length = body.len();
        let asked = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        socket.write_all(asked.as_bytes()).await.expect("it takes it");
        let mut answer = String::new();
        let read = timeout(Duration::from_secs(60), socket.read_to_string(&mut answer)).await;
        read.expect("in time").expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{path} {body}: {answer}");
    }

    /// A monthly price of so many cents.
    pub async fn price(&mut self, cents: i64) -> String {
        let fields = catalog::ProductFields { name: Some("Pro".into()), ..Default::default() };
        let product = self.write(&catalog::create_product(&fields)).await;
        let price = catalog::NewPrice {
            currency: "usd".into(),
            product: product.id,
            unit_amount: Some(cents),
            recurring: Some(catalog::NewRecurring { interval: Interval::Month, ..Default::default() }),
            ..Default::default()
        };
        self.write(&catalog::create_price(&price)).await.id
    }

    /// A customer who pays by a good card.
    pub async fn customer(&mut self) -> String {
        let fields = customers::CustomerFields {
            email: Some("jenny@example.com".into()),
            metadata: Some(BTreeMap::from([("team".into(), "42".into())])),
            ..Default::default()
        };
        let customer = self.write(&customers::create(&fields)).await.id;
        let method = self.write(&customers::attach("pm_card_visa", &customer)).await;
        let settings = customers::InvoiceSettings { default_payment_method: Some(method.id) };
        let fields = customers::CustomerFields { invoice_settings: Some(settings), ..Default::default() };
        self.write(&customers::update(&customer, &fields)).await;
        customer
    }
}
