//! Migrations on SQLite, over a connection of their own.

use super::conn::{Conn, Settings, open_writer, said};
use crate::platform::{
    clock::Clock,
    db::{
        DbError, Kind, Value,
        migrate::{APPLIED, Migration, RECORD, TABLE, pending},
        text,
        tx::Op,
    },
    fault::{FaultPlan, Point},
};

/// Applies what is missing; answers the names.
pub(in crate::platform::db) fn migrate(
    settings: &Settings,
    all: &'static [Migration],
    clock: &Clock,
    faults: &FaultPlan,
) -> Result<Vec<&'static str>, DbError> {
    let mut conn = open_writer(settings)?;
    let mut names = Vec::new();
    // What is missing is looked up inside each transaction: another process may have come first.
    loop {
        conn.plain("BEGIN IMMEDIATE")?;
        let step = next(&mut conn, all, clock);
        let step = step.and_then(|step| faults.point(Point::DuringMigration).map(|()| step).map_err(DbError::from));
        let step = step.and_then(|step| conn.plain("COMMIT").map(|()| step));
        match step {
            Ok(Some(name)) => names.push(name),
            Ok(None) => return Ok(names),
            Err(error) => {
                if !conn.db.is_autocommit() {
                    conn.plain("ROLLBACK")?;
                }
                return Err(error);
            }
        }
    }
}

/// Applies the first missing step, if there is one; answers its name.
fn next(conn: &mut Conn, all: &'static [Migration], clock: &Clock) -> Result<Option<&'static str>, DbError> {
    let table = text::render(TABLE, Kind::Sqlite).map_err(DbError::Bug)?;
    conn.db.execute_batch(&table).map_err(said)?;
    let applied = recorded(conn)?;
    let Some(step) = pending(all, &applied)?.first() else { return Ok(None) };
    conn.db.execute_batch(&step.rendered(Kind::Sqlite)?).map_err(said)?;
    let params = vec![Value::Text(step.name.into()), Value::Text(step.checksum()), Value::Ts(clock.now())];
    conn.run(&[Op::Query { sql: RECORD.into(), params }])?;
    Ok(Some(step.name))
}

/// Names and checksums of the steps applied.
pub(in crate::platform::db) fn applied(settings: &Settings) -> Result<Vec<(String, String)>, DbError> {
    let mut conn = open_writer(settings)?;
    if conn.db.table_exists(None, "schema_migrations").map_err(said)? { recorded(&mut conn) } else { Ok(Vec::new()) }
}

fn recorded(conn: &mut Conn) -> Result<Vec<(String, String)>, DbError> {
    let outcome = conn.run(&[Op::Query { sql: APPLIED.into(), params: Vec::new() }])?.pop().unwrap_or_default();
    outcome.rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
}
