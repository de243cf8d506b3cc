//! The Stripe one can run: requests, a month, a year; and what the client of Stripe's costs.

use super::stripe_load::{Connection, Endpoint, mix};
use crate::{
    bench::{
        lab::{Lab, Measured, Sheet},
        process::Server,
        record::Figures,
    },
    shell::{self, output},
};
use serde_json::Value;
use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// The rows that goals are set for.
pub const MIX_16: &str = "requests, 16 connections";
pub const MIX_64: &str = "requests, 64 connections";
pub const MONTH: &str = "a month of 100 customers, told";
pub const YEAR: &str = "a year of 1,000 customers";
pub const TOLD_YEAR: &str = "a year of 1,000 customers, told";
pub const READ: &str = "the client, a read";
pub const WRITE: &str = "the client, a write";

const DAY: u64 = 86_400;
/// How long a clock may be on its way.
const PATIENCE: Duration = Duration::from_secs(600);
/// What the client's own example is run by.
const EXAMPLE: &[&str] = &["run", "--release", "--locked", "--package", "purser-stripe", "--example", "overhead"];

/// All rows.
pub fn measure(sheet: &mut Sheet<'_>) {
    let lab = sheet.lab;
    for (name, callers) in [(MIX_16, 16), (MIX_64, 64)] {
        let shown = "purser sandbox --at 2026-01-01T00:00:00Z, and xtask's own callers";
        sheet.row(name, shown, || requests(lab, callers));
    }
    let year = if lab.effort.quick { 100 } else { 1000 };
    for (name, customers, days, told) in [
        ("a month of 100 customers", 100, 32, false),
        (MONTH, 100, 32, true),
        (YEAR, year, 366, false),
        (TOLD_YEAR, year, 366, true),
    ] {
        let shown = format!("curl $URL/_sandbox/api/clock -d '{{\"by\":{}}}'", days * DAY);
        sheet.row(name, &shown, || time(lab, customers, days, told));
    }
    let shown = format!("cargo {}", EXAMPLE.join(" "));
    let row = |name, prefix| Measured::new(name, &shown, move || overhead(prefix));
    sheet.in_turn(vec![row(READ, "client_overhead_read"), row(WRITE, "client_overhead_write")]);
}

/// A sandbox with so many customers, each with a monthly subscription that is paid by card.
fn peopled(lab: &Lab, customers: usize) -> Result<(Server, Connection, Vec<String>), String> {
    let server = Server::sandbox(lab)?;
    let mut ask = Connection::open(server.address())?;
    let product = ask.done("POST", "/v1/products", "name=Pro")?;
    let form = format!("currency=usd&unit_amount=2000&product={product}&recurring[interval]=month");
    let price = ask.done("POST", "/v1/prices", &form)?;
    let mut ids = Vec::with_capacity(customers);
    for number in 0..customers {
        let form = format!(
            "email=c{number}@example.com&payment_method=pm_card_visa&invoice_settings[default_payment_method]=pm_card_visa"
        );
        let customer = ask.done("POST", "/v1/customers", &form)?;
        ask.done("POST", "/v1/subscriptions", &format!("customer={customer}&items[0][price]={price}"))?;
        ids.push(customer);
    }
    Ok((server, ask, ids))
}

/// A mix of requests to a sandbox with 1,000 customers.
fn requests(lab: &Lab, callers: u64) -> Result<Figures, String> {
    let (server, _, customers) = peopled(lab, if lab.effort.quick { 100 } else { 1000 })?;
    mix(server.address(), callers, lab.effort.warm_up, lab.effort.seconds, &customers)
}

/// The clock is moved by so many days, and what fell due is seen to have been done.
fn time(lab: &Lab, customers: usize, days: u64, told: bool) -> Result<Figures, String> {
    let (server, mut ask, ids) = peopled(lab, customers)?;
    let endpoint = Endpoint::start()?;
    if told {
        ask.done("POST", "/v1/webhook_endpoints", &format!("url={}&enabled_events[]=*", endpoint.url))?;
    }
    let started = Instant::now();
    let (status, said) = ask.ask("POST", "/_sandbox/api/clock", &format!("{{\"by\":{}}}", days * DAY))?;
    if !matches!(status, 200 | 202) {
        return Err(format!("the clock was not moved: {status} {said}"));
    }
    if status == 202 {
        arrived(&mut ask, started)?;
    }
    let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    paid(&mut ask, ids.last().map_or("", String::as_str), days)?;
    if told && endpoint.taken() == 0 {
        return Err("no webhook came".to_owned());
    }
    let figures = [("took_ms", took), ("told", endpoint.taken()), ("resident", server.memory("VmRSS")?)];
    Ok(figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn arrived(ask: &mut Connection, started: Instant) -> Result<(), String> {
    while started.elapsed() < PATIENCE {
        let (_, body) = ask.ask("GET", "/_sandbox/api/clock", "")?;
        let clock: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        if clock["moving"] == false {
            return Ok(());
        }
        sleep(Duration::from_millis(5));
    }
    Err("the clock did not arrive".to_owned())
}

/// Sees that a customer's invoices of the time were all paid.
fn paid(ask: &mut Connection, customer: &str, days: u64) -> Result<(), String> {
    let (_, body) = ask.ask("GET", &format!("/v1/invoices?customer={customer}&status=paid&limit=100"), "")?;
    let list: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
    let (paid, expected) = (list["data"].as_array().map_or(0, Vec::len), if days > 300 { 13 } else { 2 });
    if paid == expected { Ok(()) } else { Err(format!("{paid} invoices were paid, not {expected}")) }
}

/// What the client's example says of itself: a line of JSON for each figure.
fn overhead(prefix: &str) -> Result<Figures, String> {
    let said = output(&mut shell::cargo(EXAMPLE))?;
    let figures = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = figures.filter(|figure| figure["name"].as_str().is_some_and(|name| name.starts_with(prefix)));
    let most = found
        .filter_map(|figure| figure["value"].as_f64())
        .fold(None, |most: Option<f64>, value| Some(most.map_or(value, |most| most.max(value))));
    let most = most.ok_or_else(|| format!("the example says nothing of {prefix}"))?;
    // Whole microseconds, rounded up.
    let whole = format!("{:.0}", most.ceil()).parse().map_err(|_| format!("{most} is no number of microseconds"))?;
    Ok(Figures::from([("overhead_us".to_owned(), whole)]))
}
