//! The demo's Stripe: a sandbox that is kept, sells what the price book has, and sends its webhooks to the server.

use super::keep_secret;
use crate::{
    cli::sandbox,
    config::Secret,
    features::pricebook::{self, Plan, PlanChange, PlanFilter, TopUpChange, TopUpFilter, TopUpPlan},
    platform::{App, auth::Actor, clock::Clock, error::Error, http::Field, ids::Random},
};
use purser_rules::{
    ids::{PlanId, TopUpPlanId},
    pricebook::{OneTimePrice, Price, PriceKind},
};
use purser_stripe_sim::{Clock as SandboxClock, Sandbox, Settings, State};
use serde_json::Value;
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    time::Duration,
};
use tokio::{net::TcpListener, time::sleep};

/// Where it listens, and how many ports after that are tried where this one is taken.
const PORT: u16 = 12_111;
const MOST_PORTS: u16 = 50;
/// The most plans, and the most packs, that are sold.
const MOST_PLANS: i64 = 200;
/// The most products that the portal offers; Stripe's own limit.
const MOST_PRODUCTS: usize = 10;
/// How often it is looked whether the clock was moved: that is kept at once, all else every tenth time.
const LOOK: Duration = Duration::from_millis(500);
const EVERY: u32 = 10;

/// A sandbox that is not served yet.
pub(super) struct Started {
    pub sandbox: Sandbox,
    pub socket: TcpListener,
    /// Where it answers.
    pub base: String,
}

/// Goes on from what is kept in `folder`, or begins anew.
pub(super) async fn start(folder: &Path) -> Result<Started, String> {
    let file = file(folder);
    let load = match fs::read_to_string(&file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(format!("{} cannot be read: {error}.", file.display())),
    };
    let socket = listen().await?;
    let address = socket.local_addr().map_err(|error| error.to_string())?;
    let base = format!("http://{}", sandbox::reached(address));
    let clock = SandboxClock::Going(Box::new(|| Clock::system().now().micros().div_euclid(1_000_000)));
    // Any half of a random number is one.
    let seed = u64::try_from(Random::secure().number() >> 64).unwrap_or_default();
    let started = Sandbox::new(Settings { seed, clock, load, record: None }, &base);
    let sandbox = started.map_err(|error| {
        format!("{}: {error}. Remove the folder {} to begin anew.", file.display(), folder.display())
    })?;
    Ok(Started { sandbox, socket, base })
}

/// The first port that is free.
async fn listen() -> Result<TcpListener, String> {
    for port in PORT..PORT + MOST_PORTS {
        if let Ok(socket) = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await {
            return Ok(socket);
        }
    }
    Err(format!("No port from {PORT} on is free for the demo's sandbox. Stop what listens there."))
}

fn file(folder: &Path) -> PathBuf {
    folder.join("demo-sandbox.json")
}

/// Keeps the sandbox as it is now.
pub(super) fn save(state: &State, folder: &Path) -> Result<(), String> {
    let file = file(folder);
    sandbox::kept(&file, &state.dump()).map_err(|error| format!("{} cannot be written: {error}.", file.display()))
}

/// Keeps the sandbox as it becomes, for ever: a server that is killed goes on where it was.
pub(super) async fn keep(state: &State, folder: &Path) {
    let ahead = state.ahead();
    let (mut was, mut looks) = (ahead.load(Ordering::SeqCst), 0_u32);
    loop {
        sleep(LOOK).await;
        let now = ahead.load(Ordering::SeqCst);
        looks = looks.wrapping_add(1);
        if now == was && !looks.is_multiple_of(EVERY) {
            continue;
        }
        was = now;
        if let Err(why) = save(state, folder) {
            tracing::warn!(why, "the demo's sandbox is not kept");
        }
    }
}

/// Lets all webhooks go to `url`. Answers what they are signed with.
pub(super) fn webhooks(state: &State, folder: &Path, url: &str) -> Result<Secret, String> {
    let file = folder.join("demo-webhook");
    if let Ok(text) = fs::read_to_string(&file)
        && let Some((endpoint, secret)) = text.trim().split_once(' ')
        && state.ask("POST", &format!("webhook_endpoints/{endpoint}"), &[("url", url)]).is_ok()
    {
        return Ok(Secret::new(secret));
    }
    let made = ask(state, "webhook_endpoints", &[("url", url), ("enabled_events[]", "*")])?;
    let secret = made["secret"].as_str().ok_or("The sandbox signs nothing.")?.to_owned();
    keep_secret(&file, &format!("{} {secret}", id(&made)?))?;
    save(state, folder)?;
    Ok(Secret::new(secret))
}

/// Sells in the sandbox what the price book has: each price that is nowhere at Stripe gets one there.
pub(super) async fn stock(app: &App, state: &State, folder: &Path) -> Result<(), String> {
    let read = app.db().read(|tx| pricebook::list_plans(tx, &PlanFilter::default(), MOST_PLANS)).await;
    let mut plans = read.map_err(|error| Error::from(error).message)?;
    plans.retain(|plan| plan.active && !plan.legacy && plan.archived_at.is_none());
    let read = app.db().read(|tx| pricebook::list_top_ups(tx, &TopUpFilter::default(), MOST_PLANS)).await;
    let mut packs = read.map_err(|error| Error::from(error).message)?;
    packs.retain(|pack| pack.active && !pack.legacy && pack.archived_at.is_none());
    let bound = plans.iter().flat_map(|plan| &plan.prices).filter_map(|price| price.price.stripe_price_id.as_ref());
    let bound = bound.chain(packs.iter().filter_map(|pack| pack.price.as_ref()?.stripe_price_id.as_ref()));
    for price in bound {
        known(state, price, folder)?;
    }
    let (mut plan_changes, mut pack_changes) = (Vec::new(), Vec::new());
    for plan in &plans {
        plan_changes.extend(plan_at(state, plan)?.map(|change| (plan.id, change)));
    }
    for pack in &packs {
        pack_changes.extend(pack_at(state, pack)?.map(|change| (pack.id, change)));
    }
    // The sandbox first: a price that the book names must be there whatever happens in between.
    save(state, folder)?;
    write(app, plan_changes, pack_changes).await.map_err(|error| error.message)?;
    let read = app.db().read(|tx| pricebook::list_plans(tx, &PlanFilter::default(), MOST_PLANS)).await;
    offer(state, &read.map_err(|error| Error::from(error).message)?)
}

/// Makes sure that the sandbox has a price that the book names.
fn known(state: &State, price: &str, folder: &Path) -> Result<(), String> {
    let found = state.ask("GET", &format!("prices/{price}"), &[]);
    found.map(drop).map_err(|_| {
        format!(
            "The database sells by the price {price}, which the demo's sandbox does not have: they are not of one \
             demo. Give --database another one, or remove the folder {} to begin anew.",
            folder.display()
        )
    })
}

/// Puts into the book what was made in the sandbox.
async fn write(
    app: &App,
    plans: Vec<(PlanId, PlanChange)>,
    packs: Vec<(TopUpPlanId, TopUpChange)>,
) -> Result<(), Error> {
    for (id, change) in plans {
        let (random, actor) = (app.random().clone(), Actor::job("demo"));
        app.db().write(move |tx| pricebook::change_plan(tx, &random, &actor, id, &change)).await?;
    }
    for (id, change) in packs {
        let (random, actor) = (app.random().clone(), Actor::job("demo"));
        app.db().write(move |tx| pricebook::change_top_up(tx, &random, &actor, id, &change)).await?;
    }
    Ok(())
}

/// Makes the product and the prices of a plan that are not there yet; none when all are.
fn plan_at(state: &State, plan: &Plan) -> Result<Option<PlanChange>, String> {
    let missing = |price: &Price| {
        price.stripe_price_id.is_none() && price.unit_amount.is_some() && price.kind != PriceKind::Metered
    };
    if !plan.prices.iter().any(|price| missing(&price.price)) {
        return Ok(None);
    }
    let product = match &plan.stripe_product_id {
        Some(product) => product.clone(),
        None => id(&ask(state, "products", &[("name", &plan.public_name)])?)?,
    };
    let mut prices = Vec::with_capacity(plan.prices.len());
    for price in &plan.prices {
        let mut price = price.price.clone();
        if missing(&price) {
            let amount = price.unit_amount.unwrap_or_default().to_string();
            let count = price.interval_count.to_string();
            let params = [
                ("product", product.as_str()),
                ("currency", price.currency.as_str()),
                ("unit_amount", &amount),
                ("recurring[interval]", price.interval.as_str()),
                ("recurring[interval_count]", &count),
            ];
            price.stripe_price_id = Some(id(&ask(state, "prices", &params)?)?);
        }
        prices.push(price);
    }
    let stripe_product_id = Field::Set(product);
    Ok(Some(PlanChange { prices: Some(prices), stripe_product_id, ..PlanChange::default() }))
}

/// The same of a pack.
fn pack_at(state: &State, pack: &TopUpPlan) -> Result<Option<TopUpChange>, String> {
    let Some(price) = pack.price.as_ref().filter(|price| price.stripe_price_id.is_none()) else { return Ok(None) };
    let Some(amount) = price.unit_amount else { return Ok(None) };
    let product = id(&ask(state, "products", &[("name", &pack.public_name)])?)?;
    let amount = amount.to_string();
    let params =
        [("product", product.as_str()), ("currency", price.currency.as_str()), ("unit_amount", amount.as_str())];
    let stripe_price_id = Some(id(&ask(state, "prices", &params)?)?);
    let price = Field::Set(OneTimePrice { stripe_price_id, ..price.clone() });
    Ok(Some(TopUpChange { price, ..TopUpChange::default() }))
}

/// Lets customers change between the plans that are sold, in the sandbox's portal.
fn offer(state: &State, plans: &[Plan]) -> Result<(), String> {
    const UPDATE: &str = "features[subscription_update]";
    let mut params = vec![
        (format!("{UPDATE}[enabled]"), "true".to_owned()),
        (format!("{UPDATE}[default_allowed_updates][]"), "price".to_owned()),
        (format!("{UPDATE}[proration_behavior]"), "always_invoice".to_owned()),
    ];
    let sold = plans.iter().filter(|plan| plan.active && !plan.legacy && plan.archived_at.is_none());
    let products = sold.filter_map(|plan| {
        let prices: Vec<&String> =
            plan.prices.iter().filter_map(|price| price.price.stripe_price_id.as_ref()).collect();
        let product = plan.stripe_product_id.as_ref().filter(|_| !prices.is_empty())?;
        Some((product, prices))
    });
    for (at, (product, prices)) in products.take(MOST_PRODUCTS).enumerate() {
        params.push((format!("{UPDATE}[products][{at}][product]"), product.clone()));
        for (number, price) in prices.into_iter().enumerate() {
            params.push((format!("{UPDATE}[products][{at}][prices][{number}]"), price.clone()));
        }
    }
    if params.len() == 3 {
        return Ok(());
    }
    let params: Vec<(&str, &str)> = params.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    ask(state, &format!("billing_portal/configurations/{}", state.portal()), &params).map(drop)
}

fn ask(state: &State, path: &str, params: &[(&str, &str)]) -> Result<Value, String> {
    state.ask("POST", path, params).map_err(|why| format!("The demo's sandbox refused `{path}`: {why}"))
}

fn id(made: &Value) -> Result<String, String> {
    made["id"].as_str().map(str::to_owned).ok_or_else(|| "The sandbox made something without an id.".to_owned())
}
