//! The tables: every route, every job and when it runs; and how an app is put together.

use crate::{
    config::Config,
    features::{credits, customers, inbox, notify, operators, payments, portal, pricebook, subscriptions},
    platform::{
        App, Parts,
        clock::Clock,
        db::{Db, DbConfig, DbError},
        error::Error,
        http,
        ids::Random,
        schedule::{self, Job},
        stripe::Stripe,
        work::Tasks,
    },
    reactions,
};
use axum::Router;
use purser_stripe::Client;
use serde::Serialize;
use std::path::Path;
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Every route under `/api/v1`, with its description.
#[must_use]
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(customers::api::put, customers::api::get, customers::api::archive))
        .routes(routes!(customers::api::list))
        .routes(routes!(credits::api::consume))
        .routes(routes!(credits::api::consume_batch))
        .routes(routes!(credits::api::give_back))
        .routes(routes!(credits::api::check))
        .routes(routes!(credits::api::hold))
        .routes(routes!(credits::api::get))
        .routes(routes!(credits::api::capture))
        .routes(routes!(credits::api::release))
        .routes(routes!(credits::api::balance))
        .routes(routes!(credits::api::grant, credits::api::list))
        .routes(routes!(credits::api::revoke))
        .routes(routes!(credits::api::adjust))
        .routes(routes!(credits::api::forgive))
        .routes(routes!(credits::api::ledger))
        .routes(routes!(operators::api::create_key, operators::api::list_keys))
        .routes(routes!(operators::api::revoke_key))
        .routes(routes!(operators::api::list_audit))
        .routes(routes!(inbox::api::list))
        .routes(routes!(inbox::api::replay_many))
        .routes(routes!(inbox::api::get))
        .routes(routes!(inbox::api::replay))
        .routes(routes!(subscriptions::api::current))
        .routes(routes!(subscriptions::api::list))
        .routes(routes!(subscriptions::api::list_changes))
        .routes(routes!(subscriptions::api::list_invoices))
        .routes(routes!(subscriptions::api::list_payment_methods))
        .routes(routes!(notify::api::list))
        .routes(routes!(notify::api::read))
        .routes(routes!(payments::api::open))
        .routes(routes!(payments::api::verify))
        .routes(routes!(payments::api::list))
        .routes(routes!(payments::api::portal))
        .routes(routes!(
            payments::api::get_auto_top_up,
            payments::api::put_auto_top_up,
            payments::api::remove_auto_top_up
        ))
        .routes(routes!(payments::api::resume_auto_top_up))
        .routes(routes!(portal::api::link))
        .routes(routes!(payments::changes::api::change))
        .routes(routes!(payments::changes::api::preview))
        .routes(routes!(payments::changes::api::cancel))
        .routes(routes!(payments::changes::api::resume))
        .routes(routes!(payments::changes::agreed::agreed))
        .merge(price_book())
}

/// The routes of the price book: they stand under `/api/v1`, and under `/api` too.
fn price_book() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(pricebook::api::list_plans, pricebook::api::create_plan))
        .routes(routes!(pricebook::api::get_plan, pricebook::api::change_plan, pricebook::api::remove_plan))
        .routes(routes!(pricebook::api::list_top_ups, pricebook::api::create_top_up))
        .routes(routes!(pricebook::api::get_top_up, pricebook::api::change_top_up, pricebook::api::remove_top_up))
}

/// Every route that stands elsewhere.
fn beside() -> OpenApiRouter<App> {
    schedule::routes(JOBS).merge(inbox::routes())
}

/// Every job: its name at `/api/cron/…`, how often it runs by itself, and what it does.
pub const JOBS: &[Job] = &[
    Job {
        name: "expire-grants",
        every_seconds: 60,
        run: |app| Box::pin(async move { answer(sweep(&app, "expire-grants").await?.swept) }),
    },
    // What it does `expire-grants` does too, sooner: this is for schedulers that wish to say when.
    Job {
        name: "reset-credits",
        every_seconds: 3_600,
        run: |app| Box::pin(async move { answer(sweep(&app, "reset-credits").await?) }),
    },
    Job {
        name: "sync-balances",
        every_seconds: 86_400,
        run: |app| Box::pin(async move { answer(credits::sync_balances(app.db(), None).await?) }),
    },
    Job { name: "forget-keys", every_seconds: 86_400, run: |app| Box::pin(async move { forget_keys(&app).await }) },
    Job { name: "write-heads", every_seconds: 86_400, run: |app| Box::pin(async move { write_heads(&app).await }) },
    Job {
        name: "find-missed-events",
        every_seconds: 300,
        run: |app| Box::pin(async move { answer(inbox::find_missed(&app).await?) }),
    },
    // Seldom: Stripe counts what is read, and few events are thin.
    Job {
        name: "find-missed-thin-events",
        every_seconds: 3_600,
        run: |app| Box::pin(async move { answer(inbox::find_missed_thin(&app).await?) }),
    },
    Job {
        name: "bind-subscriptions",
        every_seconds: 60,
        run: |app| Box::pin(async move { answer(subscriptions::bind_known(&app).await?) }),
    },
    Job {
        name: "check-subscriptions",
        every_seconds: 60,
        run: |app| Box::pin(async move { answer(subscriptions::check_due(&app).await?) }),
    },
    Job {
        name: "collect-last-invoices",
        every_seconds: 300,
        run: |app| Box::pin(async move { answer(payments::collect_last_invoices(&app).await?) }),
    },
    Job {
        name: "forget-payloads",
        every_seconds: 86_400,
        run: |app| Box::pin(async move { forget_payloads(&app).await }),
    },
];

/// Writes what has fallen due, as the job `job`.
async fn sweep(app: &App, job: &'static str) -> Result<credits::Reset, Error> {
    credits::run_sweep(app.db(), app.random(), job, app.clock().now()).await
}

/// Forgets idempotency keys whose time is over.
async fn forget_keys(app: &App) -> Result<serde_json::Value, Error> {
    let seconds = app.config().idempotency_days.saturating_mul(86_400);
    let before = app.clock().now().plus_seconds(-i64::try_from(seconds).unwrap_or(i64::MAX));
    answer(credits::forget_keys(app.db(), before).await?)
}

/// Forgets what webhooks said whose time is over.
async fn forget_payloads(app: &App) -> Result<serde_json::Value, Error> {
    let seconds = app.config().webhook_payload_days.saturating_mul(86_400);
    let before = app.clock().now().plus_seconds(-i64::try_from(seconds).unwrap_or(i64::MAX));
    answer(inbox::forget_payloads(app.db(), before).await?)
}

/// Writes the signed heads, if there is a secret to sign them with.
async fn write_heads(app: &App) -> Result<serde_json::Value, Error> {
    let config = app.config();
    let Some(secret) = &config.secret else {
        return Ok(serde_json::json!({ "skipped": "PURSER_SECRET is not set" }));
    };
    let folder = Path::new(&config.heads_dir);
    answer(credits::write_heads(app.db(), folder, secret.reveal().as_bytes(), app.clock().now()).await?)
}

/// What a job did, as JSON.
fn answer(done: impl Serialize) -> Result<serde_json::Value, Error> {
    serde_json::to_value(done).map_err(|error| DbError::Bug(error.to_string()).into())
}

/// Everything the server answers.
pub fn router(app: App) -> Router {
    let document = document(app.config());
    let beside = beside().merge(OpenApiRouter::default().nest("/api", price_book()));
    let beside = Router::from(beside).merge(portal::pages());
    let router = http::router(app, routes(), beside, &document);
    // What counts is there from now on.
    inbox::announce();
    credits::announce();
    subscriptions::announce();
    payments::announce();
    router
}

/// The OpenAPI document of all routes.
#[must_use]
pub fn document(config: &Config) -> OpenApi {
    http::document(routes(), beside(), &config.public_url())
}

/// Opens the configured database.
///
/// # Errors
/// A sentence that says why not and what to do.
pub fn open_db(config: &Config, clock: Clock) -> Result<Db, String> {
    let settings = DbConfig {
        url: config.database_url.reveal().to_owned(),
        readers: config.readers,
        writers: config.writers,
        lanes: config.lanes,
        batch: config.batch,
        queue: config.queue,
        max_pages: config.sqlite_max_pages,
        faults: config.fault_plan()?,
        ..DbConfig::default()
    };
    Db::open(settings, clock).map_err(|error| sentence(config, &error))
}

/// An app over `db`, with the parts its features keep. It asks nothing of Stripe.
#[must_use]
pub fn build(db: Db, clock: Clock, random: Random, config: Config) -> App {
    build_with(db, clock, random, config, None)
}

/// The same, with a client of Stripe.
#[must_use]
pub fn build_with(db: Db, clock: Clock, random: Random, config: Config, stripe: Option<Client>) -> App {
    build_acting(db, clock, random, config, stripe, reactions::acts_on)
}

/// The same, which acts on the events of these kinds: for tests that act on kinds of their own.
#[must_use]
pub fn build_acting(
    db: Db,
    clock: Clock,
    random: Random,
    config: Config,
    stripe: Option<Client>,
    acts_on: inbox::ActsOn,
) -> App {
    let lanes = credits::Lanes::open(&db, &random, config.create_unknown_customers);
    let inbox = inbox::Inbox::open(&db, &config, acts_on);
    let parts = Parts::default().with(lanes).with(inbox).with(Stripe::new(stripe));
    App::new(db, clock, random, config, parts)
}

/// Puts the default price book in at the first start, unless the settings say not to. A node that cannot write now starts all the same: another one, or
/// the next start, does it.
pub async fn install_price_book(app: &App) {
    if !app.config().default_price_book {
        return;
    }
    let random = app.random().clone();
    let installed = match app.db().read(pricebook::version).await {
        Ok(0) => app.db().write(move |tx| pricebook::install_defaults(tx, &random)).await,
        Ok(_) => Ok(false),
        Err(error) => Err(error.into()),
    };
    match installed {
        Ok(true) => tracing::info!("the default price book is installed"),
        Ok(false) => {}
        Err(error) => tracing::warn!(error = error.message, "the default price book could not be installed"),
    }
}

/// Starts telling how much waits, whether this node works or not.
pub fn start_telling(app: &App, tasks: &Tasks) {
    inbox::start_telling(app, tasks);
}

/// Starts the work in the background.
pub fn start_work(app: &App, tasks: &Tasks) {
    schedule::start(app, tasks, JOBS);
    inbox::start(app, tasks, reactions::react);
    payments::start_auto_top_up(app, tasks);
}

/// Why the database cannot be used, in a sentence for a person; no password in it.
#[must_use]
pub fn sentence(config: &Config, error: &DbError) -> String {
    let place = config.shown("database_url");
    match error {
        DbError::Unavailable(why) => {
            format!(
                "The database {place} cannot be used: {why}. Look whether it runs, and whether --database is right."
            )
        }
        DbError::Schema(why) | DbError::Bug(why) | DbError::Conflict(why) => {
            format!("The database {place} cannot be used: {why}")
        }
        DbError::Full => format!("The database {place} is full. Make room, or raise PURSER_SQLITE_MAX_PAGES."),
        DbError::ClockSkewed => {
            format!("This machine's clock is more than 500 ms off that of the database {place}. Set the clock.")
        }
        DbError::Overloaded => format!("The database {place} has too much to do. Try again."),
    }
}
