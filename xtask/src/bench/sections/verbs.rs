//! Batches, holds and reads, one hot wallet, and two nodes on one PostgreSQL.

use super::spends::{http_row, process_row};
use crate::bench::{
    database::{BOTH, Database, Kind},
    generator::Load,
    lab::Sheet,
    process::Server,
};

/// The runs beside spends, with callers that keep the server busy: 16 with 100 spends each are 1,600 at once, and reads
/// wait for nothing but processors, which 64 fill.
const RUNS: &[Load] = &[
    Load { run: "batches", callers: 16, ..Load::USUAL },
    Load { run: "holds", ..Load::USUAL },
    Load { run: "balance", callers: 64, ..Load::USUAL },
    Load { run: "check", callers: 64, ..Load::USUAL },
];

/// All spends go to one customer.
const ONE_WALLET: Load = Load { customers: 1, ..Load::USUAL };

/// The name of a run's row over HTTP (`true`) or in process.
pub fn name(kind: Kind, run: &str, http: bool) -> String {
    format!("{}, {run}, {}", kind.name(), if http { "over HTTP" } else { "in process" })
}

/// All rows.
pub fn measure(sheet: &mut Sheet<'_>) {
    for kind in BOTH {
        for load in RUNS {
            process_row(sheet, &name(kind, load.run, false), kind, load);
            http_row(sheet, &name(kind, load.run, true), kind, load);
        }
        http_row(sheet, &name(kind, "one hot wallet", true), kind, &ONE_WALLET);
    }
    two_nodes(sheet);
}

/// Callers split over two servers on one PostgreSQL.
fn two_nodes(sheet: &mut Sheet<'_>) {
    let lab = sheet.lab;
    let shown = Load::USUAL.shown(&["--url", "$URL_1", "--url", "$URL_2"], lab.effort);
    sheet.row(&name(Kind::Postgres, "spends on two nodes", true), &shown, || {
        let database = Database::copy(lab, Kind::Postgres, Load::USUAL.fill())?;
        let one = Server::purser(lab, &database.url, &[])?;
        let other = Server::purser(lab, &database.url, &[])?;
        Load::USUAL.over_http(&[&one.url, &other.url], lab.effort)
    });
}
