//! How fast a server starts and how much memory and disk it takes.

use crate::{
    bench::{
        database::{BOTH, Database, Fill, Kind},
        generator::Load,
        lab::{Lab, Sheet},
        process::Server,
        record::Figures,
    },
    shell::root,
};
use std::time::Duration;

/// How long after the start the memory counts as idle.
const IDLE: Duration = Duration::from_secs(5);

/// One row for each database.
pub fn measure(sheet: &mut Sheet<'_>) {
    let lab = sheet.lab;
    let shown = format!("purser serve, then {}", Load::USUAL.shown(&["--url", "$URL"], lab.effort));
    for kind in BOTH {
        sheet.row(kind.name(), &shown, || footprint(lab, kind));
    }
}

fn footprint(lab: &Lab, kind: Kind) -> Result<Figures, String> {
    let database = Database::copy(lab, kind, Fill::USUAL)?;
    let server = Server::purser(lab, &database.url, &[])?;
    let first = u64::try_from(server.started_in.as_millis()).unwrap_or(u64::MAX);
    std::thread::sleep(IDLE);
    let idle = server.memory("VmRSS")?;
    Load::USUAL.over_http(&[&server.url], lab.effort)?;
    let loaded = server.memory("VmHWM")?;
    let binary = std::fs::metadata(root().join("target/release/purser")).map_err(|error| error.to_string())?.len();
    let figures = [("first_answer_ms", first), ("idle", idle), ("loaded", loaded), ("binary", binary)];
    Ok(figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
