//! What many customers, a long ledger and many open grants do to spends.

use super::spends::process_run;
use crate::bench::{
    database::{BOTH, Database, Fill, Kind},
    generator::Load,
    lab::{Lab, Measured, Sheet, caught},
};

/// A grant each, so that a million customers are filled in minutes.
const ONE_GRANT: Load = Load { grants: 1, ..Load::USUAL };
/// Open grants: the usual number and many, for few customers.
const FEW_GRANTS: Load = Load { customers: 100, grants: 3, ..Load::USUAL };
const MANY_GRANTS: Load = Load { customers: 100, grants: 500, ..Load::USUAL };

/// The rows by what is in the database.
pub fn name(kind: Kind, what: &str) -> String {
    format!("{}, {what}", kind.name())
}

/// What the rows are called after: the usual, many customers, many entries, few grants, many grants.
pub const ROWS: [&str; 5] = [
    "10,000 customers",
    "many customers",
    "many entries",
    "100 customers with 3 grants",
    "100 customers with 500 grants",
];

/// All rows: those that are compared in turn.
pub fn measure(sheet: &mut Sheet<'_>) {
    let lab = sheet.lab;
    let (customers, entries) = if lab.effort.quick { (30_000, 100_000) } else { (1_000_000, 10_000_000) };
    for kind in BOTH {
        let fill = ONE_GRANT.fill();
        sheet.in_turn(vec![
            process_run(lab, &name(kind, ROWS[0]), kind, ONE_GRANT),
            large(lab, &name(kind, ROWS[1]), kind, Fill { customers, ..fill }),
            large(lab, &name(kind, ROWS[2]), kind, Fill { entries, ..fill }),
        ]);
        sheet.in_turn(vec![
            process_run(lab, &name(kind, ROWS[3]), kind, FEW_GRANTS),
            process_run(lab, &name(kind, ROWS[4]), kind, MANY_GRANTS),
        ]);
    }
}

/// A row whose database is too large to copy for each run.
fn large<'a>(lab: &'a Lab, name: &str, kind: Kind, fill: Fill) -> Measured<'a> {
    let load = Load { customers: fill.customers, ..ONE_GRANT };
    let database = caught(|| Database::filled(lab, kind, fill));
    let grown = format!(
        "purser bench --fill-only --customers {} --grants {} --entries {}",
        fill.customers, fill.grants, fill.entries
    );
    let shown = format!("{grown} && {}", load.shown(&["--database", kind.shown()], lab.effort));
    Measured::new(name, &shown, move || {
        let database = database.as_ref().map_err(Clone::clone)?;
        load.in_process(&database.url, lab.effort)
    })
}
