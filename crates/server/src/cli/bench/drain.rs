//! Events acted on in process: subscriptions at a sandbox of this process are told of again and again, and the inbox is
//! drained. How many a second, and how much memory a backlog takes.

use super::{
    args::{Bench, Run},
    draw::customer,
    process,
    progress::{per_second, shown},
};
use crate::{
    app,
    config::{Config, Secret},
    features::{
        customers::{self, Change},
        inbox::{self, EventFilter, State},
    },
    platform::{App, auth::Actor, error::Error, http::Field, ids::Random, stripe},
    reactions,
    say::say,
};
use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use purser_stripe::{
    Call, Client, Key, Limits,
    calls::{
        catalog::{NewPrice, NewRecurring, ProductFields, create_price, create_product},
        customers::{CustomerFields, InvoiceSettings, create},
        subscriptions::{self, NewItem, NewSubscription},
    },
    webhook::sign,
};
use purser_stripe_sim::{Clock as SandboxClock, Sandbox, Settings};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use std::{
    fs,
    num::NonZeroU32,
    process::ExitCode,
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, task::JoinSet};
use tower::ServiceExt;

/// The key of the sandbox; any does.
const KEY: &str = "sk_test_bench";
/// What events are signed with.
const SIGNS: &str = "whsec_bench";
/// Events that are sent in at a time.
const AT_ONCE: usize = 256;

/// What was found; the names are fixed, others read them.
#[derive(Debug, Serialize)]
struct Report {
    run: Run,
    customers: u64,
    /// Events that were acted on.
    done: u64,
    failed: u64,
    took_ms: u64,
    per_second: u64,
    /// Bytes in memory before.
    resident: u64,
    /// Bytes more, at the most.
    grown: u64,
}

/// Fills the inbox, drains it, and says what was found.
pub(super) async fn run(bench: &Bench, mut config: Config, named: bool) -> Result<ExitCode, String> {
    if !named || !bench.url.is_empty() {
        return Err("Events are acted on in process: give --database an empty database, and no --url.".to_owned());
    }
    let clock = config.clock();
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let base = format!("http://{}", listener.local_addr().map_err(|error| error.to_string())?);
    let going = SandboxClock::Going(Box::new(move || clock.now().micros().div_euclid(1_000_000)));
    let settings = Settings { seed: bench.seed, clock: going, load: None, record: None };
    let sandbox = Sandbox::new(settings, &base).map_err(|error| error.to_string())?;
    // It ends with this function.
    let mut served = JoinSet::new();
    served.spawn(sandbox.serve(listener));
    config.stripe_secret_key = Some(Secret::new(KEY));
    config.stripe_webhook_secret = Some(Secret::new(SIGNS));
    config.stripe_api_base = base;
    let per_second = NonZeroU32::new(100_000).unwrap_or(NonZeroU32::MIN);
    let limits = Limits { per_second, ..Limits::default() };
    let client = stripe::client(&config, &Random::secure(), limits)?.ok_or("There is no client of the sandbox.")?;
    let app = process::open_with(config, Some(client.clone())).await?;
    let report = measure(bench, &app, &client).await;
    app.db().close().await;
    let report = report?;
    if bench.json {
        say(serde_json::to_string(&report).map_err(|error| error.to_string())?);
    } else {
        say(format_args!(
            "{} events a second: {} in {} ms, {} failed, {} bytes of memory more at the most",
            report.per_second, report.done, report.took_ms, report.failed, report.grown
        ));
    }
    Ok(if report.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn measure(bench: &Bench, app: &App, client: &Client) -> Result<Report, String> {
    let known = shown(|| "customers subscribe".to_owned(), subscribed(bench, app, client)).await?;
    shown(|| "events are taken in".to_owned(), taken_in(bench, app, &known)).await?;
    // From now on the most is that of the draining.
    let _where_the_system_can = fs::write("/proc/self/clear_refs", "5");
    let resident = memory("VmRSS");
    let started = Instant::now();
    let progress = || format!("the inbox is drained, for {} s", started.elapsed().as_secs());
    shown(progress, inbox::work_off(app, reactions::react)).await.map_err(|error| error.to_string())?;
    let took = started.elapsed();
    let grown = memory("VmHWM").saturating_sub(resident);
    let left = left(app).await?;
    Ok(Report {
        run: bench.run,
        customers: bench.customers(),
        done: bench.events.saturating_sub(left),
        failed: left,
        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        per_second: per_second(bench.events.saturating_sub(left), took.max(Duration::from_millis(1))),
        resident,
        grown,
    })
}

/// Lets every customer subscribe; answers the subscriptions.
async fn subscribed(bench: &Bench, app: &App, client: &Client) -> Result<Vec<String>, String> {
    let write = Writer { app, client };
    let product = ProductFields { name: Some("Bench".to_owned()), ..ProductFields::default() };
    let product = write.done(&create_product(&product), "product").await?.id;
    let texts = [("credits", "500"), ("planFamily", "bench")];
    let price = NewPrice {
        currency: "usd".to_owned(),
        product,
        unit_amount: Some(2000),
        recurring: Some(NewRecurring::default()),
        metadata: Some(texts.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()),
        ..NewPrice::default()
    };
    let price = write.done(&create_price(&price), "price").await?.id;
    let mut all = Vec::new();
    for n in 0..bench.customers() {
        let card = Some("pm_card_visa".to_owned());
        let fields = CustomerFields {
            payment_method: card.clone(),
            invoice_settings: Some(InvoiceSettings { default_payment_method: card }),
            ..CustomerFields::default()
        };
        let stripe_id = write.done(&create(&fields), &format!("customer-{n}")).await?.id;
        let item = NewItem { price: price.clone(), quantity: Some(1), ..NewItem::default() };
        let new = NewSubscription { customer: stripe_id.clone(), items: vec![item], ..NewSubscription::default() };
        all.push(write.done(&subscriptions::create(&new), &format!("subscription-{n}")).await?.id);
        let (random, actor, id) = (app.random().clone(), Actor::job("bench"), customer(n));
        let change = Change { stripe_customer_id: Field::Set(stripe_id), ..Change::default() };
        let bound = app.db().write(move |tx| customers::put(tx, &random, &actor, &id, &change)).await;
        bound.map_err(|error: Error| error.message)?;
    }
    Ok(all)
}

/// Writes at the sandbox.
struct Writer<'a> {
    app: &'a App,
    client: &'a Client,
}

impl Writer<'_> {
    async fn done<T: DeserializeOwned>(&self, call: &Call<T>, key: &str) -> Result<T, String> {
        let now = self.app.clock().now().micros().div_euclid(1_000_000);
        let key = Key { text: key.to_owned(), first_sent: now };
        let answer = self.client.write(call, &key, now).await;
        answer.map(|answer| answer.value).map_err(|error| error.to_string())
    }
}

/// Sends the events in, by the route that Stripe sends them to: each subscription is told of in turn.
async fn taken_in(bench: &Bench, app: &App, subscriptions: &[String]) -> Result<(), String> {
    let router = app::router(app.clone());
    let secret = purser_stripe::Secret::new(SIGNS).ok_or("There is no secret.")?;
    let mut sent = JoinSet::new();
    for (n, subscription) in (0..bench.events).zip(subscriptions.iter().cycle()) {
        if sent.len() >= AT_ONCE
            && let Some(ended) = sent.join_next().await
        {
            ended.map_err(|error| error.to_string())??;
        }
        let at = app.clock().now().micros().div_euclid(1_000_000);
        let body = told(n, subscription, at);
        let signature = sign(body.as_bytes(), std::slice::from_ref(&secret), at);
        sent.spawn(taken(router.clone(), body, signature));
    }
    while let Some(ended) = sent.join_next().await {
        ended.map_err(|error| error.to_string())??;
    }
    Ok(())
}

/// Sends one in, which must be taken.
async fn taken(router: Router, body: String, signature: String) -> Result<(), String> {
    let request = Request::post("/api/webhooks/stripe")
        .header(header::CONTENT_TYPE, "application/json")
        .header("stripe-signature", signature)
        .body(Body::from(body))
        .map_err(|error| error.to_string())?;
    let Ok(answer) = router.oneshot(request).await;
    let status = answer.status().as_u16();
    if status == 200 { Ok(()) } else { Err(format!("An event was answered {status}.")) }
}

/// The event `n`, which says that a subscription changed.
fn told(n: u64, subscription: &str, at: i64) -> String {
    json!({
        "id": format!("evt_bench{n:08}"),
        "object": "event",
        "api_version": purser_stripe::API_VERSION,
        "created": at,
        "type": "customer.subscription.updated",
        "data": { "object": { "id": subscription, "object": "subscription" } },
        "livemode": false,
        "pending_webhooks": 1,
        "request": { "id": null, "idempotency_key": null },
    })
    .to_string()
}

/// How many of the events that were not acted on are listed: none, if all is well; a thousand at most of each state.
async fn left(app: &App) -> Result<u64, String> {
    let mut left = 0;
    for state in [State::Waiting, State::Ignored, State::Dead] {
        let filter = EventFilter { state: Some(state), ..EventFilter::default() };
        let found = app.db().read(move |tx| inbox::list_events(tx, &filter, 1_000)).await;
        left += u64::try_from(found.map_err(|error: Error| error.message)?.len()).unwrap_or(u64::MAX);
    }
    Ok(left)
}

/// What this process has in memory by `/proc/self/status`, in bytes; 0 where there is none.
fn memory(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).map_or(0, |kib| kib * 1024)
}
