//! Webhooks taken in and acted on, what a backlog costs, and what spends notice of a reset of allowances.

use super::Column;
use crate::bench::{
    database::{BOTH, Database, Fill, Kind},
    generator::{self, KEY, Load, WEBHOOK_SECRET},
    lab::{Lab, Measured, Sheet, caught, progress},
    process::Server,
    record::Figures,
    sections::Unit,
};
use serde_json::Value;
use std::{
    cell::Cell,
    thread::{scope, sleep},
    time::{Duration, Instant},
};

/// The figures of its table.
pub const COLUMNS: &[Column] = &[
    ("per_second", "per second", Unit::Count),
    ("p50_us", "p50, ms", Unit::Micros),
    ("p99_us", "p99, ms", Unit::Micros),
    ("refused", "refused", Unit::Count),
    ("took_ms", "took, ms", Unit::Millis),
    ("grown", "memory more", Unit::Bytes),
    ("touched", "wallets reset", Unit::Count),
    ("reset_ms", "reset in, ms", Unit::Millis),
];

/// Events as they are sent: over connections that Stripe could have open.
const EVENTS: Load = Load { run: "webhooks", callers: 64, ..Load::USUAL };
/// Those who spend while others are reset.
const SPENDERS: Load = Load { callers: 16, customers: 1_000, grants: 1, ..Load::USUAL };

const DAY_MS: u64 = 86_400_000;
/// How often it is tried to bring all wallets to one day.
const MOST_TRIES: usize = 200;

/// The row of events that are taken in, with workers beside it or not.
pub fn taken_in(kind: Kind, working: bool) -> String {
    format!("taken in, {}, workers {}", kind.name(), if working { "on" } else { "off" })
}

/// The row of events that are acted on.
pub fn acted_on(kind: Kind) -> String {
    format!("acted on, {}", kind.name())
}

/// The row of a backlog.
pub fn backlog(kind: Kind) -> String {
    format!("a backlog, {}", kind.name())
}

/// The rows of spends on a day that has begun, without and with a reset.
pub const ALONE: &str = "spends, SQLite";
pub const RESET: &str = "spends beside a reset, SQLite";

/// All rows.
pub fn measure(sheet: &mut Sheet<'_>) {
    let lab = sheet.lab;
    for kind in BOTH {
        let shown = EVENTS.shown(&["--url", "$URL"], lab.effort);
        sheet.in_turn(vec![
            Measured::new(&taken_in(kind, true), &shown, || intake(lab, kind, "all")),
            Measured::new(&taken_in(kind, false), &shown, || intake(lab, kind, "web")),
        ]);
    }
    let most = if lab.effort.quick { 5_000 } else { 100_000 };
    for kind in BOTH {
        for (name, events) in [(acted_on(kind), most / 10), (backlog(kind), most)] {
            let shown = generator::events_shown(kind.shown(), 1_000, events);
            sheet.row(&name, &shown, || {
                let database = Database::empty(lab, kind);
                generator::events(&database.url, 1_000, events)
            });
        }
    }
    resets(sheet);
}

/// Events sent to a server that works in the `role`.
fn intake(lab: &Lab, kind: Kind, role: &str) -> Result<Figures, String> {
    let database = Database::copy(lab, kind, Fill::USUAL)?;
    let env = [("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)];
    let server = Server::purser_as(lab, &["serve", "--role", role], &database.url, &env)?;
    EVENTS.over_http(&[&server.url], lab.effort)
}

/// Spends of a few beside a reset of those who came the day before. On SQLite alone: PostgreSQL's clock cannot be moved
/// on by a day, and a server whose clock is off does not write.
fn resets(sheet: &mut Sheet<'_>) {
    let lab = sheet.lab;
    let (customers, lately) = if lab.effort.quick { (30_000, 1_000) } else { (1_000_000, 10_000) };
    let database = caught(|| of_one_day(lab, customers));
    // A day for each run: who came on one is reset on the next.
    let day = Cell::new(4);
    let shown = SPENDERS.shown(&["--url", "$URL"], lab.effort);
    let beside = format!("curl -X POST $URL/api/cron/reset-credits & {shown}");
    let once = |resets: bool| {
        let database = database.as_ref().map_err(Clone::clone)?;
        let today = day.get();
        day.set(today + 2);
        came(lab, &database.url, today, lately)?;
        spends(lab, &database.url, today + 1, resets)
    };
    sheet.in_turn(vec![Measured::new(ALONE, &shown, || once(false)), Measured::new(RESET, &beside, || once(true))]);
}

/// A server on the day `day` from today, in which nothing is done by itself.
fn on_day(lab: &Lab, database: &str, day: u64) -> Result<Server, String> {
    let ahead = (day * DAY_MS).to_string();
    let env =
        [("PURSER_TEST_CLOCK_OFFSET_MS", ahead.as_str()), ("PURSER_DEFAULT_PRICE_BOOK", "true"), ("CRON_SECRET", KEY)];
    Server::purser_as(lab, &["serve", "--role", "web"], database, &env)
}

/// A database of so many customers of the default plan, of whom none came since their wallets were made.
fn of_one_day(lab: &Lab, customers: u32) -> Result<Database<'_>, String> {
    let database = Database::empty(lab, Kind::Sqlite);
    // The price book first: wallets are made with the default plan's allowance.
    on_day(lab, &database.url, 0)?.stop()?;
    progress(&format!("filling: {customers} customers of the default plan"));
    generator::fill(&database.url, Fill { customers, grants: 1, entries: 0 })?;
    let server = on_day(lab, &database.url, 2)?;
    let mut left = u64::MAX;
    for _ in 0..MOST_TRIES {
        // A run that takes longer than a request may is ended; what it did stays.
        if let Ok(due) = reset(&server) {
            left = due;
        }
        if left == 0 {
            break;
        }
        sleep(Duration::from_millis(500));
    }
    server.stop()?;
    database.settle()?;
    if left == 0 { Ok(database) } else { Err("the wallets could not be brought to one day".to_owned()) }
}

/// Lets so many customers spend on a day.
fn came(lab: &Lab, database: &str, day: u64, customers: u32) -> Result<(), String> {
    let server = on_day(lab, database, day)?;
    Load { customers, grants: 1, ..Load::USUAL }.over_http(&[&server.url], lab.effort)?;
    server.stop()
}

/// Spends on a day, and if it is asked for a reset as soon as they are measured.
fn spends(lab: &Lab, database: &str, day: u64, resets: bool) -> Result<Figures, String> {
    let server = on_day(lab, database, day)?;
    if !resets {
        return SPENDERS.over_http(&[&server.url], lab.effort);
    }
    scope(|scope| {
        let (server, warm_up) = (&server, Duration::from_secs(lab.effort.warm_up.into()));
        let resetting = scope.spawn(move || {
            sleep(warm_up);
            let started = Instant::now();
            let touched = reset(server)?;
            Ok::<_, String>((touched, u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)))
        });
        let figures = SPENDERS.over_http(&[&server.url], lab.effort);
        let (touched, took) = resetting.join().map_err(|_| "the reset panicked".to_owned())??;
        let mut figures = figures?;
        figures.extend([("touched".to_owned(), touched), ("reset_ms".to_owned(), took)]);
        Ok(figures)
    })
}

/// Asks for a reset; answers in how many wallets an allowance was due.
fn reset(server: &Server) -> Result<u64, String> {
    let (status, said) = server.ask("POST", "/api/cron/reset-credits", "")?;
    let answer: Value = serde_json::from_str(&said).map_err(|error| format!("{status} {said}: {error}"))?;
    let result = &answer["result"];
    let due = result["allowances"]["due"].as_u64().or_else(|| result["due"].as_u64());
    due.ok_or_else(|| format!("the reset said nothing of what was due: {status} {said}"))
}
