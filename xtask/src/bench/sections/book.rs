//! Spends where every customer has an allowance of the default plan, against spends where nobody has a plan.

use crate::bench::{
    database::{BOTH, Database, Kind},
    generator::Load,
    lab::{Lab, Measured, Sheet},
    process::Server,
};

/// The rows of one database: in process and over HTTP, without plans and with them.
pub fn name(kind: Kind, http: bool, plans: bool) -> String {
    let way = if http { "over HTTP" } else { "in process" };
    format!("{}, {way}, {}", kind.name(), if plans { "the default price book" } else { "no plans" })
}

/// All rows: those that are compared run in turn.
pub fn measure(sheet: &mut Sheet<'_>) {
    let lab = sheet.lab;
    for kind in BOTH {
        for http in [false, true] {
            sheet.in_turn([false, true].map(|plans| run(lab, kind, http, plans)).into());
        }
    }
}

/// A row, each run on a fresh copy that a server with or without the price book has opened.
fn run(lab: &Lab, kind: Kind, http: bool, plans: bool) -> Measured<'_> {
    let load = Load::USUAL;
    let target = if http { ["--url", "$URL"] } else { ["--database", kind.shown()] };
    let book = if plans { "true" } else { "false" };
    let shown = format!("PURSER_DEFAULT_PRICE_BOOK={book} purser serve & {}", load.shown(&target, lab.effort));
    Measured::new(&name(kind, http, plans), &shown, move || {
        let database = Database::copy(lab, kind, load.fill())?;
        let server = Server::purser(lab, &database.url, &[("PURSER_DEFAULT_PRICE_BOOK", book)])?;
        if http {
            return load.over_http(&[&server.url], lab.effort);
        }
        server.stop()?;
        load.in_process(&database.url, lab.effort)
    })
}
