//! The Stripe client against the sandbox: every call it can make is one Stripe knows, and every answer is understood.

use purser_stripe::{
    Answer, Call, Client, Error, Key, Limits, Secret, Settings,
    calls::{
        PageOf, catalog, checkout, customers, events, invoices, meters, payments, portal, schedules, subscriptions,
    },
    objects::{Interval, SessionMode, SubscriptionStatus, UsageType},
    webhook,
};
use purser_stripe_sim::{Clock, Sandbox, Settings as SandboxSettings};
use serde::de::DeserializeOwned;
use std::{collections::BTreeMap, num::NonZeroU32};
use tokio::net::TcpListener;

/// 2026-01-01T00:00:00Z
const NEW_YEAR: i64 = 1_767_225_600;

/// A client of a sandbox of its own.
struct Pair {
    client: Client,
    writes: u32,
}

impl Pair {
    #[expect(clippy::disallowed_methods, reason = "it ends with its test")]
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        let settings = SandboxSettings { seed: 1, clock: Clock::Standing(NEW_YEAR), load: None, record: None };
        let sandbox = Sandbox::new(settings, &base).expect("a sandbox");
        drop(tokio::task::spawn(sandbox.serve(listener)));
        let limits = Limits { per_second: NonZeroU32::new(100_000).expect("not zero"), ..Limits::default() };
        let key = Secret::new("sk_test_pair").expect("not blank");
        let client = Client::new(Settings { base, key, limits, random: Box::new(|| 0) }).expect("a client");
        Self { client, writes: 0 }
    }

    /// Writes with a key of its own.
    async fn write<T: DeserializeOwned>(&mut self, call: &Call<T>) -> T {
        self.writes += 1;
        let key = Key { text: format!("write-{}", self.writes), first_sent: NEW_YEAR };
        let answer = self.client.write(call, &key, NEW_YEAR).await;
        answer.unwrap_or_else(|error| panic!("{call:?}: {error}")).value
    }

    async fn read<T: DeserializeOwned>(&self, call: &Call<T>) -> T {
        let answer: Answer<T> = self.client.read(call).await.unwrap_or_else(|error| panic!("{call:?}: {error}"));
        answer.value
    }

    /// A monthly price of so many cents.
    async fn price(&mut self, cents: i64) -> String {
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
    async fn customer(&mut self) -> String {
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

fn items(price: &str) -> Vec<subscriptions::NewItem> {
    vec![subscriptions::NewItem { price: price.into(), quantity: Some(2), ..Default::default() }]
}

#[tokio::test]
async fn customers_and_what_is_sold() {
    let mut pair = Pair::new().await;
    let customer = pair.customer().await;
    let price = pair.price(2000).await;
    let read = pair.read(&customers::retrieve(&customer)).await.there().expect("there");
    assert_eq!((read.email.as_deref(), read.metadata["team"].as_str()), (Some("jenny@example.com"), "42"));
    let methods = pair.read(&customers::payment_methods(&customer, &PageOf::full())).await.data;
    assert_eq!(methods[0].card.as_ref().map(|card| card.last4.as_str()), Some("4242"));
    pair.read(&customers::payment_method(&methods[0].id)).await;
    let which = customers::Customers { email: Some("jenny@example.com".into()), ..Default::default() };
    assert_eq!(pair.read(&customers::list(&which)).await.data.len(), 1);
    let found = pair.read(&catalog::price(&price)).await;
    assert_eq!((found.unit_amount, found.currency.as_str()), (Some(2000), "usd"));
    pair.read(&catalog::product(found.product.id())).await;
    assert_eq!(pair.read(&catalog::products(&Default::default())).await.data.len(), 1);
    let which = catalog::Prices { product: Some(found.product.id().into()), ..Default::default() };
    assert_eq!(pair.read(&catalog::prices(&which)).await.data.len(), 1);
    let change = catalog::PriceChange { lookup_key: Some("pro".into()), active: Some(false), ..Default::default() };
    assert!(!pair.write(&catalog::update_price(&price, &change)).await.active);
    let fields = catalog::ProductFields { description: Some("All of it".into()), ..Default::default() };
    pair.write(&catalog::update_product(found.product.id(), &fields)).await;
    pair.write(&customers::detach(&methods[0].id)).await;
    assert!(pair.write(&customers::delete(&customer)).await.deleted);
    assert!(pair.read(&customers::retrieve(&customer)).await.there().is_none());
}

#[tokio::test]
async fn subscriptions_from_begin_to_end() {
    let mut pair = Pair::new().await;
    let (customer, price, dearer) = (pair.customer().await, pair.price(2000).await, pair.price(5000).await);
    let new = subscriptions::NewSubscription { customer: customer.clone(), items: items(&price), ..Default::default() };
    let found = pair.write(&subscriptions::create(&new)).await;
    assert_eq!(found.status, SubscriptionStatus::Active);
    let item = found.items.data[0].clone();
    assert_eq!((item.quantity, item.current_period_end), (Some(2), NEW_YEAR + 31 * 86_400));
    let change = |price: &str| subscriptions::ItemChange {
        id: Some(item.id.clone()),
        price: Some(price.into()),
        quantity: Some(1),
        ..Default::default()
    };
    let always = Some(purser_stripe::objects::ProrationBehavior::AlwaysInvoice);
    let preview = invoices::Preview {
        subscription: Some(found.id.clone()),
        subscription_details: Some(invoices::PreviewChange {
            items: Some(vec![change(&dearer)]),
            proration_behavior: always.clone(),
            proration_date: Some(NEW_YEAR),
            ..Default::default()
        }),
        ..Default::default()
    };
    let shown = pair.write(&invoices::preview(&preview)).await;
    let update = subscriptions::SubscriptionChange {
        items: Some(vec![change(&dearer)]),
        proration_behavior: always,
        proration_date: Some(NEW_YEAR),
        ..Default::default()
    };
    let changed = pair.write(&subscriptions::update(&found.id, &update)).await;
    let latest = changed.latest_invoice.expect("an invoice");
    let invoice = pair.read(&invoices::retrieve(latest.id())).await;
    assert_eq!((shown.total, invoice.total), (1000, 1000));
    assert_eq!(invoice.subscription(), Some(found.id.as_str()));
    assert!(invoice.lines.data.iter().all(purser_stripe::objects::InvoiceLine::is_proration));
    assert_eq!(pair.read(&invoices::lines(latest.id(), &PageOf::full())).await.data.len(), 2);
    let which = invoices::Invoices { subscription: Some(found.id.clone()), ..Default::default() };
    assert_eq!(pair.client.pages(&invoices::list(&which)).all().await.expect("all").len(), 2);
    let which = invoices::InvoicePayments { invoice: invoice.id.clone(), ..Default::default() };
    let payment = pair.read(&invoices::payments(&which)).await.data.remove(0);
    let intent = payment.payment.payment_intent.expect("an intent");
    let which =
        invoices::InvoicePayments { payment: Some(invoices::ByPayment::intent(intent.id())), ..Default::default() };
    assert_eq!(pair.read(&invoices::payments(&which)).await.data[0].id, payment.id);
    assert_eq!(pair.read(&subscriptions::items(&found.id, &PageOf::full())).await.data.len(), 1);
    let ends = subscriptions::SubscriptionChange { cancel_at_period_end: Some(true), ..Default::default() };
    assert!(pair.write(&subscriptions::update(&found.id, &ends)).await.is_ending());
    let stays = subscriptions::SubscriptionChange { cancel_at_period_end: Some(false), ..Default::default() };
    assert!(!pair.write(&subscriptions::update(&found.id, &stays)).await.is_ending());
    let schedule = pair.write(&schedules::create_from(&found.id)).await;
    pair.read(&schedules::retrieve(&schedule.id)).await;
    pair.read(&schedules::list(&Default::default())).await;
    pair.write(&schedules::release(&schedule.id)).await;
    let seats = subscriptions::LoneItemChange { quantity: Some(3), ..Default::default() };
    pair.write(&subscriptions::update_item(&found.id, &item.id, &seats)).await;
    assert_eq!(pair.write(&subscriptions::pause(&found.id)).await.status, SubscriptionStatus::Paused);
    pair.write(&subscriptions::resume(&found.id, &Default::default())).await;
    let ended = pair.write(&subscriptions::cancel(&found.id, &Default::default())).await;
    assert_eq!(ended.status, SubscriptionStatus::Canceled);
    let which = subscriptions::Subscriptions {
        customer: Some(customer),
        status: Some(SubscriptionStatus::Other("all".into())),
        ..Default::default()
    };
    assert_eq!(pair.read(&subscriptions::list(&which)).await.data[0].id, found.id);
}

#[tokio::test]
async fn payments_refunds_and_disputes() {
    let mut pair = Pair::new().await;
    let customer = pair.customer().await;
    let payment = |method: &str| payments::NewPayment {
        amount: 5000,
        currency: "usd".into(),
        customer: Some(customer.clone()),
        payment_method: Some(method.into()),
        confirm: Some(true),
        off_session: Some(true),
        ..Default::default()
    };
    let paid = pair.write(&payments::create(&payment("pm_card_visa"))).await;
    assert_eq!(paid.amount_received, 5000);
    let charge = paid.latest_charge.expect("a charge").id().to_owned();
    let refund =
        payments::NewRefund { payment_intent: Some(paid.id.clone()), amount: Some(1200), ..Default::default() };
    let refund = pair.write(&payments::refund(&refund)).await;
    pair.read(&payments::retrieve_refund(&refund.id)).await;
    assert_eq!(pair.read(&payments::charge(&charge)).await.amount_refunded, 1200);
    let which = payments::OfPayment { payment_intent: Some(paid.id.clone()), ..Default::default() };
    assert_eq!(pair.read(&payments::refunds(&which)).await.data.len(), 1);
    let which = payments::Charges { customer: Some(customer.clone()), ..Default::default() };
    assert_eq!(pair.read(&payments::charges(&which)).await.data.len(), 1);
    let disputed = pair.write(&payments::create(&payment("pm_card_createDispute"))).await;
    let which = payments::OfPayment { payment_intent: Some(disputed.id.clone()), ..Default::default() };
    let dispute = pair.read(&payments::disputes(&which)).await.data.remove(0);
    assert_eq!(pair.read(&payments::dispute(&dispute.id)).await.amount, 5000);
    let which = payments::Payments { customer: Some(customer.clone()), ..Default::default() };
    assert_eq!(pair.read(&payments::list(&which)).await.data.len(), 2);
    let key = Key { text: "declined".into(), first_sent: NEW_YEAR };
    let declined = payments::create(&payment("pm_card_visa_chargeDeclinedInsufficientFunds"));
    match pair.client.write(&declined, &key, NEW_YEAR).await {
        Err(Error::Refused(refused)) => {
            assert_eq!((refused.status, refused.decline_code.as_deref()), (402, Some("insufficient_funds")));
            assert!(refused.payment_intent.is_some() && !refused.replayed);
        }
        other => panic!("{other:?}"),
    }
    match pair.client.write(&declined, &key, NEW_YEAR).await {
        Err(Error::Refused(refused)) => assert!(refused.replayed, "the same key gets the same decline"),
        other => panic!("{other:?}"),
    }
    let open = payments::NewPayment { amount: 100, currency: "usd".into(), ..Default::default() };
    let open = pair.write(&payments::create(&open)).await;
    pair.write(&payments::confirm(&open.id, Some("pm_card_visa"))).await;
    let open = payments::NewPayment { amount: 100, currency: "usd".into(), ..Default::default() };
    let open = pair.write(&payments::create(&open)).await;
    pair.write(&payments::cancel(&open.id)).await;
    pair.read(&payments::retrieve(&open.id)).await;
    let setup = payments::NewSetup { customer: Some(customer), usage: Some("off_session"), ..Default::default() };
    let setup = pair.write(&payments::create_setup(&setup)).await;
    pair.read(&payments::setup(&setup.id)).await;
}

#[tokio::test]
async fn checkout_portal_and_invoices_by_hand() {
    let mut pair = Pair::new().await;
    let (customer, price) = (pair.customer().await, pair.price(2000).await);
    let new = checkout::NewSession {
        mode: SessionMode::Subscription,
        customer: Some(customer.clone()),
        client_reference_id: Some("order-1".into()),
        success_url: Some("https://example.com/done?session={CHECKOUT_SESSION_ID}".into()),
        line_items: Some(vec![checkout::NewSessionItem { price, quantity: Some(1) }]),
        ..Default::default()
    };
    let session = pair.write(&checkout::create(&new)).await;
    assert_eq!((session.amount_total, session.url.is_some()), (Some(2000), true));
    pair.read(&checkout::retrieve_whole(&session.id)).await;
    assert_eq!(pair.read(&checkout::line_items(&session.id, &PageOf::full())).await.data.len(), 1);
    let which = checkout::Sessions { customer: Some(customer.clone()), ..Default::default() };
    assert_eq!(pair.read(&checkout::list(&which)).await.data.len(), 1);
    pair.write(&checkout::expire(&session.id)).await;
    assert!(pair.read(&checkout::retrieve(&session.id)).await.url.is_none());
    let fields = portal::ConfigurationFields {
        features: Some(portal::Features {
            invoice_history: Some(portal::Enabled { enabled: true }),
            subscription_cancel: Some(portal::Cancelling { enabled: true, mode: Some("at_period_end") }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let configuration = pair.write(&portal::create_configuration(&fields)).await;
    pair.read(&portal::configuration(&configuration.id)).await;
    pair.read(&portal::configurations(&PageOf::full())).await;
    let change =
        portal::ConfigurationFields { default_return_url: Some("https://example.com".into()), ..Default::default() };
    pair.write(&portal::update_configuration(&configuration.id, &change)).await;
    let visit = portal::NewPortalSession { customer: customer.clone(), ..Default::default() };
    assert!(pair.write(&portal::create_session(&visit)).await.url.starts_with("http://127.0.0.1"));
    let invoice =
        pair.write(&invoices::create(&invoices::NewInvoice { customer: customer.clone(), ..Default::default() })).await;
    let id = invoice.id.expect("an id");
    let item = invoices::NewInvoiceItem {
        customer: customer.clone(),
        amount: Some(700),
        currency: Some("usd".into()),
        invoice: Some(id.clone()),
        ..Default::default()
    };
    pair.write(&invoices::create_item(&item)).await;
    pair.write(&invoices::update(&id, &Default::default())).await;
    assert_eq!(pair.write(&invoices::finalize(&id)).await.amount_due, 700);
    assert_eq!(pair.write(&invoices::pay(&id, &Default::default())).await.amount_paid, 700);
    for given_up in [false, true] {
        let new = invoices::NewInvoice { customer: customer.clone(), ..Default::default() };
        let id = pair.write(&invoices::create(&new)).await.id.expect("an id");
        pair.write(&invoices::create_item(&invoices::NewInvoiceItem { invoice: Some(id.clone()), ..item.clone() }))
            .await;
        pair.write(&invoices::finalize(&id)).await;
        let call = if given_up { invoices::mark_uncollectible(&id) } else { invoices::void(&id) };
        pair.write(&call).await;
    }
}

#[tokio::test]
async fn meters_and_events() {
    let mut pair = Pair::new().await;
    let customer = pair.customer().await;
    let meter = meters::NewMeter {
        display_name: "Calls".into(),
        event_name: "calls".into(),
        default_aggregation: meters::Aggregation { formula: "sum" },
    };
    let meter = pair.write(&meters::create(&meter)).await;
    assert!(pair.read(&meters::retrieve(&meter.id)).await.is_active());
    assert_eq!(pair.read(&meters::list(&PageOf::full())).await.data.len(), 1);
    let usage = |identifier: &str| meters::NewMeterEvent {
        event_name: "calls".into(),
        payload: BTreeMap::from([("stripe_customer_id".into(), customer.clone()), ("value".into(), "3".into())]),
        identifier: identifier.into(),
        timestamp: NEW_YEAR,
    };
    pair.write(&meters::send(&usage("u-1"))).await;
    let key = Key { text: "again".into(), first_sent: NEW_YEAR };
    match pair.client.write(&meters::send(&usage("u-1")), &key, NEW_YEAR).await {
        Err(Error::Refused(refused)) => assert!(refused.is_duplicate_meter_event(), "{refused}"),
        other => panic!("{other:?}"),
    }
    pair.write(&meters::cancel("calls", "u-1")).await;
    let which = meters::Summaries {
        customer,
        start_time: NEW_YEAR,
        end_time: NEW_YEAR + 3600,
        value_grouping_window: Some("hour"),
        ..Default::default()
    };
    pair.read(&meters::summaries(&meter.id, &which)).await;
    let all =
        pair.client.pages(&events::list(&events::Events { page: PageOf::full(), ..Default::default() })).all().await;
    let all = all.expect("all events");
    let created = all.iter().find(|event| event.kind == "customer.created").expect("told");
    let body = pair.client.read(&events::retrieve(&created.id)).await.expect("the event").json;
    let Ok(webhook::Notification::Snapshot(event)) = webhook::read(&body) else { panic!("no snapshot") };
    assert!(event.object::<purser_stripe::objects::Customer>().is_ok());
    pair.read(&events::list_thin(&meter.id)).await;
    let fields = events::EndpointFields {
        url: Some("http://127.0.0.1:9/hook".into()),
        enabled_events: Some(vec!["*".into()]),
        api_version: Some(purser_stripe::API_VERSION.into()),
        ..Default::default()
    };
    let endpoint = pair.write(&events::create_endpoint(&fields)).await;
    assert!(endpoint.secret.is_some());
    assert!(pair.read(&events::endpoints(&PageOf::full())).await.data[0].secret.is_none());
    let off = events::EndpointFields { disabled: Some(true), ..Default::default() };
    pair.write(&events::update_endpoint(&endpoint.id, &off)).await;
    pair.write(&events::delete_endpoint(&endpoint.id)).await;
}

#[tokio::test]
async fn usage_type_and_intervals_are_words_stripe_knows() {
    let mut pair = Pair::new().await;
    let meter = meters::NewMeter {
        display_name: "Calls".into(),
        event_name: "calls".into(),
        default_aggregation: meters::Aggregation { formula: "count" },
    };
    let meter = pair.write(&meters::create(&meter)).await.id;
    let product = pair
        .write(&catalog::create_product(&catalog::ProductFields { name: Some("Calls".into()), ..Default::default() }))
        .await;
    for interval in [Interval::Day, Interval::Week, Interval::Month, Interval::Year] {
        let recurring = catalog::NewRecurring {
            interval,
            usage_type: Some(UsageType::Metered),
            meter: Some(meter.clone()),
            ..Default::default()
        };
        let price = catalog::NewPrice {
            currency: "usd".into(),
            product: product.id.clone(),
            unit_amount_decimal: Some("0.05".into()),
            recurring: Some(recurring),
            ..Default::default()
        };
        let price = pair.write(&catalog::create_price(&price)).await;
        assert_eq!(price.unit_amount_decimal.as_deref(), Some("0.05"));
    }
}
