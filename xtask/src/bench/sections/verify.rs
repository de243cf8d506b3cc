//! How long it takes to prove a ledger.

use crate::bench::{
    database::{BOTH, Database, Fill},
    generator::purser,
    lab::{Sheet, caught},
    record::Figures,
};
use std::{process::Stdio, time::Instant};

/// One row for each database.
pub fn measure(sheet: &mut Sheet<'_>) {
    let lab = sheet.lab;
    let entries = if lab.effort.quick { 100_000 } else { 1_000_000 };
    for kind in BOTH {
        let database = caught(|| Database::filled(lab, kind, Fill { entries, ..Fill::USUAL }));
        let shown = format!("purser verify --database {}", kind.shown());
        sheet.row(kind.name(), &shown, || {
            let database = database.as_ref().map_err(Clone::clone)?;
            let words = ["verify", "--database", &database.url].map(str::to_owned);
            let started = Instant::now();
            let status = purser(&words).stdout(Stdio::null()).status().map_err(|error| error.to_string())?;
            let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            if !status.success() {
                return Err(format!("verify found something ({status})"));
            }
            Ok(Figures::from([("took_ms".to_owned(), took), ("entries".to_owned(), entries)]))
        });
    }
}
