//! Spends: callers, spread and order of keys, on both databases, in process and over HTTP.

use crate::bench::{
    database::{BOTH, Database, Kind},
    generator::Load,
    lab::{Lab, Measured, Sheet},
    process::Server,
};

/// The name of a row.
pub fn name(kind: Kind, load: &Load) -> String {
    let plural = if load.callers == 1 { "" } else { "s" };
    format!("{}, {} caller{plural}, {}, {} keys", kind.name(), load.callers, load.spread, load.keys)
}

/// Spends as usual with each of `callers`; to few customers, and with keys in no order, with each of `fewer`.
fn loads(callers: &[u32], fewer: &[u32]) -> Vec<Load> {
    let usual = Load::USUAL;
    let kinds = [
        (usual.clone(), callers),
        (Load { spread: "hot", ..usual.clone() }, fewer),
        (Load { keys: "random", ..usual }, fewer),
    ];
    let with = |(kind, callers): &(Load, &[u32])| {
        callers.iter().map(|&callers| Load { callers, ..kind.clone() }).collect::<Vec<_>>()
    };
    kinds.iter().flat_map(with).collect()
}

/// In process.
pub fn in_process(sheet: &mut Sheet<'_>) {
    let loads =
        if sheet.lab.effort.quick { loads(&[1, 256], &[256]) } else { loads(&[1, 16, 64, 256, 512], &[1, 64, 256]) };
    for kind in BOTH {
        for load in &loads {
            process_row(sheet, &name(kind, load), kind, load);
        }
    }
}

/// Over HTTP.
pub fn over_http(sheet: &mut Sheet<'_>) {
    let loads = if sheet.lab.effort.quick { loads(&[1, 256], &[256]) } else { loads(&[1, 64, 256], &[64, 256]) };
    for kind in BOTH {
        for load in &loads {
            http_row(sheet, &name(kind, load), kind, load);
        }
    }
}

/// A row in process, by itself.
pub fn process_row(sheet: &mut Sheet<'_>, name: &str, kind: Kind, load: &Load) {
    let row = process_run(sheet.lab, name, kind, load.clone());
    sheet.in_turn(vec![row]);
}

/// A row in process, each run on a fresh copy.
pub fn process_run<'a>(lab: &'a Lab, name: &str, kind: Kind, load: Load) -> Measured<'a> {
    Measured::new(name, &load.shown(&["--database", kind.shown()], lab.effort), move || {
        let database = Database::copy(lab, kind, load.fill())?;
        load.in_process(&database.url, lab.effort)
    })
}

/// A row over HTTP, by itself.
pub fn http_row(sheet: &mut Sheet<'_>, name: &str, kind: Kind, load: &Load) {
    let row = http_run(sheet.lab, name, kind, load.clone());
    sheet.in_turn(vec![row]);
}

/// A row over HTTP, each run with a fresh copy and a fresh server.
pub fn http_run<'a>(lab: &'a Lab, name: &str, kind: Kind, load: Load) -> Measured<'a> {
    let shown = format!("purser serve & {}", load.shown(&["--url", "$URL"], lab.effort));
    Measured::new(name, &shown, move || {
        let database = Database::copy(lab, kind, load.fill())?;
        let server = Server::purser(lab, &database.url, &[])?;
        load.over_http(&[&server.url], lab.effort)
    })
}
