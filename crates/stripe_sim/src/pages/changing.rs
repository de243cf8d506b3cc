//! What both the control page and its API change: settings, faults, and the state as a whole.

use crate::{
    deliver::{
        DeliveryFault, Drawn, PlantedFault, Retries,
        faults::{plant, withdraw},
    },
    http::faults::{Fault, Faults, Planted},
    sandbox::Shared,
    world::{Cx, World},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Most faults of a kind that are planted at a time. Ours.
const MOST_FAULTS: usize = 100;
/// The longest that a request is slowed down, in milliseconds. Ours.
const SLOWEST: u64 = 60_000;
/// Most attempts at a payment, and the longest wait for anything that is set, in seconds. Ours.
const MOST_RETRIES: usize = 20;
const LONGEST_WAIT: i64 = 90 * 86_400;

/// What can become of a subscription when no attempt at its payment is left.
pub(super) const ENDS: &[&str] = &["cancel", "unpaid", "past_due", "paused"];

/// What is set of the account.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    retry_after: Option<Vec<i64>>,
    after_retries: Option<String>,
    upcoming_before: Option<i64>,
    webhook_retries: Option<Retries>,
}

/// What is set, as JSON: times in seconds.
pub(super) fn settings(world: &World) -> Value {
    json!({
        "retry_after": world.settings.retry_after,
        "after_retries": world.settings.after_retries,
        "upcoming_before": world.settings.upcoming_before,
        "webhook_retries": world.dispatch.retries,
    })
}

/// Sets what is named.
///
/// # Errors
/// What is wrong with it; then nothing is set.
pub(super) fn set(shared: &Shared, given: Value) -> Result<(), String> {
    let asked: Settings = read(given)?;
    let is_wait = |wait: &i64| (1..=LONGEST_WAIT).contains(wait);
    if let Some(retries) = &asked.retry_after
        && (retries.len() > MOST_RETRIES || !retries.iter().all(is_wait))
    {
        return Err(format!("`retry_after` takes up to {MOST_RETRIES} waits of at most 90 days each."));
    }
    if asked.after_retries.as_ref().is_some_and(|end| !ENDS.contains(&end.as_str())) {
        return Err(format!("`after_retries` is one of {}.", ENDS.join(", ")));
    }
    if asked.upcoming_before.is_some_and(|wait| !is_wait(&wait)) {
        return Err("`upcoming_before` is at most 90 days.".to_owned());
    }
    shared.with(|world| {
        let settings = &mut world.settings;
        settings.retry_after = asked.retry_after.unwrap_or_else(|| settings.retry_after.clone());
        settings.after_retries = asked.after_retries.unwrap_or_else(|| settings.after_retries.clone());
        settings.upcoming_before = asked.upcoming_before.unwrap_or(settings.upcoming_before);
        world.dispatch.retries = asked.webhook_retries.unwrap_or(world.dispatch.retries);
    });
    Ok(())
}

fn read<T: serde::de::DeserializeOwned>(given: Value) -> Result<T, String> {
    serde_json::from_value(given).map_err(|error| format!("That cannot be read: {error}."))
}

/// Plants a fault of requests: `{method, path, times, kind, status or ms}`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn plant_request(shared: &Shared, given: Value) -> Result<(), String> {
    let planted: Planted = read(given)?;
    match planted.fault {
        Fault::Trouble { status } if status != 401 && !(500..=599).contains(&status) => {
            return Err("`status` is from 500 to 599, or 401.".to_owned());
        }
        Fault::TroubleAfter { status } | Fault::TroubleKept { status } if !(500..=599).contains(&status) => {
            return Err("`status` is from 500 to 599.".to_owned());
        }
        Fault::Slow { ms } if ms > SLOWEST => return Err(format!("`ms` is at most {SLOWEST}.")),
        _ => {}
    }
    if planted.times == Some(0) {
        return Err("`times` is at least 1; without it the fault lasts until it is taken away.".to_owned());
    }
    let mut faults = shared.traffic.faults();
    if faults.0.len() >= MOST_FAULTS {
        return Err(format!("There are {MOST_FAULTS} faults already: take some away."));
    }
    faults.0.push(planted);
    shared.traffic.set_faults(faults);
    Ok(())
}

/// Takes away the first fault of requests that is `given`; all, if that is null.
pub(super) fn withdraw_request(shared: &Shared, given: &Value) {
    let mut faults = shared.traffic.faults();
    if given.is_null() {
        faults = Faults::default();
    } else {
        let place = faults.0.iter().position(|planted| json!(planted) == *given);
        if let Some(place) = place {
            faults.0.remove(place);
        }
    }
    shared.traffic.set_faults(faults);
}

/// A fault of deliveries to be.
#[derive(Deserialize)]
struct DeliveryWish {
    #[serde(default = "all")]
    events: String,
    #[serde(default = "once")]
    times: u32,
    #[serde(flatten)]
    fault: DeliveryFault,
}

fn all() -> String {
    "*".to_owned()
}

const fn once() -> u32 {
    1
}

/// Plants a fault of deliveries: `{events, times, fault, seconds}`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn plant_delivery(shared: &Shared, given: Value) -> Result<(), String> {
    let wish: DeliveryWish = read(given)?;
    if wish.times == 0 {
        return Err("`times` is at least 1.".to_owned());
    }
    shared.with(|world| {
        if planted(world).count() >= MOST_FAULTS {
            return Err(format!("There are {MOST_FAULTS} faults already: take some away."));
        }
        plant(&mut Cx::new(world, None), &wish.events, wish.fault, wish.times);
        Ok(())
    })
}

/// Takes a fault of deliveries away; all that were planted, without an id.
pub(super) fn withdraw_delivery(shared: &Shared, id: Option<&str>) {
    shared.with(|world| {
        let ids: Vec<String> = match id {
            Some(id) => vec![id.to_owned()],
            None => world.all::<PlantedFault>().map(|planted| planted.id.clone()).collect(),
        };
        let mut cx = Cx::new(world, None);
        ids.iter().for_each(|id| withdraw(&mut cx, id));
    });
}

/// Sets which faults of deliveries happen by chance: `{seed, of_thousand, among}`; none, if that is null.
///
/// # Errors
/// What is wrong with it.
pub(super) fn draw(shared: &Shared, given: Value) -> Result<(), String> {
    let drawn: Option<Drawn> = read(given)?;
    if drawn.as_ref().is_some_and(|drawn| drawn.of_thousand > 1000 || drawn.among.is_empty()) {
        return Err("`of_thousand` is at most 1000, and `among` names a fault at least.".to_owned());
    }
    shared.with(|world| world.dispatch.drawn = drawn);
    Ok(())
}

/// All faults, as JSON.
pub(super) fn faults(shared: &Shared) -> Value {
    let requests = shared.traffic.faults();
    shared.with(|world| {
        let deliveries: Vec<Value> = planted(world).map(|planted| json!(planted)).collect();
        json!({ "requests": requests, "deliveries": deliveries, "drawn": world.dispatch.drawn })
    })
}

/// The faults of deliveries that still wait for their events.
pub(super) fn planted(world: &World) -> impl Iterator<Item = &PlantedFault> {
    world.all::<PlantedFault>().filter(|planted| planted.left > 0)
}

/// Puts an empty state in place of the one there is. The present time is kept where none is given.
pub(super) fn begin_anew(shared: &Shared, seed: u64, now: Option<i64>) {
    shared.with(|world| {
        let base = std::mem::take(&mut world.settings.base);
        *world = World::new(seed, now.unwrap_or(world.now));
        world.settings.base = base;
    });
    shared.sent.forget();
    shared.wake();
}
