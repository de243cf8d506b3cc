//! What a team would write, in Node and in Rust, with pools of 8, 16 and 32 connections; Purser beside them.

use super::spends::http_run;
use crate::{
    bench::{
        database::{Database, Kind},
        generator::Load,
        lab::{Lab, Measured, Sheet},
        process::Server,
    },
    shell::{self, command, root},
};
use std::fs::File;

/// The rows' names before the pool: the best row of a name is what Purser is compared with.
pub const NODE: &str = "Node and pg";
/// The same in Rust.
pub const RUST: &str = "Rust, a statement per step";
/// How the one in Node is started, its settings in the environment.
const SERVER: &str = "node bench/baselines/node/server.js";
/// And Purser.
pub const PURSER: &str = "Purser on PostgreSQL";

/// All rows, in turn.
pub fn measure(sheet: &mut Sheet<'_>) {
    let lab = sheet.lab;
    let mut rows = vec![http_run(lab, PURSER, Kind::Postgres, Load::USUAL)];
    for pool in [8, 16, 32] {
        let shown = format!("purser-baselines spends $DATABASE_URL 127.0.0.1:8090 {pool} $API_KEY");
        rows.push(run(lab, &format!("{RUST}, pool {pool}"), &shown, move |url| Server::rust(lab, url, pool)));
    }
    for pool in [8, 16, 32] {
        let shown = format!("POOL={pool} {SERVER}");
        rows.push(run(lab, &format!("{NODE}, pool {pool}"), &shown, move |url| Server::node(lab, url, pool, 1)));
    }
    let (name, shown) = (format!("{NODE}, two processes, pool 8 each"), format!("POOL=8 PROCESSES=2 {SERVER}"));
    rows.push(run(lab, &name, &shown, move |url| Server::node(lab, url, 8, 2)));
    sheet.in_turn(rows);
}

/// One baseline, started as `shown` says, each run on a database seeded for it.
fn run<'a>(lab: &'a Lab, name: &str, shown: &str, start: impl Fn(&str) -> Result<Server, String> + 'a) -> Measured<'a> {
    let load = Load::USUAL;
    let shown = format!("{shown} & {}", load.shown(&["--url", "$URL"], lab.effort));
    Measured::new(name, &shown, move || {
        let database = seeded(lab, load.customers, load.grants, 1_000_000_000)?;
        let server = start(&database.url)?;
        load.over_http(&[&server.url], lab.effort)
    })
}

/// A database with the baselines' tables and `customers` with `grants` grants of `amount` credits each.
pub fn seeded(lab: &Lab, customers: u32, grants: u32, amount: u32) -> Result<Database<'_>, String> {
    let database = Database::empty(lab, Kind::Postgres);
    let numbers = [format!("customers={customers}"), format!("grants={grants}"), format!("amount={amount}")];
    for file in ["schema.sql", "seed.sql"] {
        let path = root().join("bench/baselines").join(file);
        let text = File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut psql = lab.cluster.command("psql");
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1"]);
        psql.args(numbers.iter().flat_map(|number| ["-v", number.as_str()]));
        shell::output(psql.args(["-f", "-", &database.url]).stdin(text))?;
    }
    database.settle()?;
    Ok(database)
}

/// Installs what the baseline in Node needs, exactly as its lockfile says, and builds the one in Rust.
pub fn prepare() -> Result<(), String> {
    let build = &mut shell::cargo(&["build", "--quiet", "--release", "--locked", "--package", "purser-baselines"]);
    shell::output(build)?;
    if root().join("bench/baselines/node/node_modules").exists() {
        return Ok(());
    }
    let npm = &mut command("npm", &["ci", "--no-audit", "--no-fund", "--prefix", "bench/baselines/node"]);
    shell::output(npm).map(drop)
}
