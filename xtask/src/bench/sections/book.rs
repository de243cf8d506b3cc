//! Spends where every customer has an allowance of the default plan, against spends where nobody has a plan.

use crate::bench::{
    database::{BOTH, Database, Kind},
    generator::Load,
    lab::{Lab, Measured, Sheet},
    process::Server,
};

/// What stands behind the spends of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Book {
    /// No plans.
    None,
    /// The default price book, on a day on which everybody has spent before.
    Default,
    /// The same on a day that has just begun: the first spend of each customer puts its allowance down.
    Morning,
}

/// The rows of one database, in process and over HTTP.
pub fn name(kind: Kind, http: bool, book: Book) -> String {
    let way = if http { "over HTTP" } else { "in process" };
    let what = match book {
        Book::None => "no plans",
        Book::Default => "the default price book",
        Book::Morning => "the same, first spends of the day",
    };
    format!("{}, {way}, {what}", kind.name())
}

/// All rows: those that are compared run in turn, and more often than others, since the bound between them is narrower
/// than single runs are apart.
pub fn measure(sheet: &mut Sheet<'_>) {
    let lab = sheet.lab;
    let runs = if lab.effort.quick { 1 } else { 9 };
    for kind in BOTH {
        for http in [false, true] {
            let rows = [Book::None, Book::Default, Book::Morning].map(|book| run(lab, kind, http, book));
            sheet.turns(runs, rows.into());
        }
    }
}

/// A row, each run on a fresh copy that a server with or without the price book has opened.
fn run(lab: &Lab, kind: Kind, http: bool, book: Book) -> Measured<'_> {
    let load = Load::USUAL;
    let target = if http { ["--url", "$URL"] } else { ["--database", kind.shown()] };
    let plans = if book == Book::None { "false" } else { "true" };
    let twice = if book == Book::Morning { "" } else { ", twice" };
    let spends = load.shown(&target, lab.effort);
    let server = if http { "purser serve &" } else { "purser serve, stopped once it answers, then" };
    let shown = format!("PURSER_DEFAULT_PRICE_BOOK={plans} {server} {spends}{twice}");
    Measured::new(&name(kind, http, book), &shown, move || {
        let database = Database::copy(lab, kind, load.fill())?;
        let server = Server::purser(lab, &database.url, &[("PURSER_DEFAULT_PRICE_BOOK", plans)])?;
        let over_http = || load.over_http(&[&server.url], lab.effort);
        if http {
            return if book == Book::Morning { over_http() } else { over_http().and_then(|_| over_http()) };
        }
        server.stop()?;
        let in_process = || load.in_process(&database.url, lab.effort);
        if book == Book::Morning { in_process() } else { in_process().and_then(|_| in_process()) }
    })
}
