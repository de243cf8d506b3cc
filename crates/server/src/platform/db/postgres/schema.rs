//! Migrations on PostgreSQL, over a connection of their own; one node at a time.

use super::{
    conn::Conn,
    connect::{Role, Settings},
};
use crate::platform::{
    clock::Clock,
    db::{
        DbError, Kind, Value,
        migrate::{APPLIED, Migration, RECORD, TABLE, pending},
        text,
        tx::{Op, Outcome},
    },
    fault::{FaultPlan, Point, UnitFault},
};
use std::rc::Rc;
use tokio::runtime::Builder;

/// Held while migrating, so that two nodes that start at once do not meet.
const LOCK: &str = "SELECT pg_advisory_xact_lock(8103451276640)";

fn connect(settings: &Settings) -> Result<Conn, DbError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| DbError::Unavailable(format!("no runtime: {error}")))?;
    settings.connect(&Rc::new(runtime), Role::Aside)
}

/// Applies what is missing; answers the names.
pub(in crate::platform::db) fn migrate(
    settings: &Settings,
    all: &'static [Migration],
    clock: &Clock,
    faults: &FaultPlan,
) -> Result<Vec<&'static str>, DbError> {
    let mut conn = connect(settings)?;
    let mut names = Vec::new();
    // What is missing is looked up under the lock, in each transaction: another node may have come first.
    loop {
        conn.start(UnitFault::default());
        let step = next(&mut conn, all, clock);
        let step = step.and_then(|step| faults.point(Point::DuringMigration).map(|()| step).map_err(DbError::from));
        let step = step.and_then(|step| conn.commit(&[]).map(|()| step));
        match step {
            Ok(Some(name)) => names.push(name),
            Ok(None) => return Ok(names),
            Err(error) => {
                conn.rollback();
                return Err(error);
            }
        }
    }
}

/// Applies the first missing step, if there is one; answers its name.
fn next(conn: &mut Conn, all: &'static [Migration], clock: &Clock) -> Result<Option<&'static str>, DbError> {
    query(conn, LOCK, Vec::new())?;
    conn.script(&text::render(TABLE, Kind::Postgres).map_err(DbError::Bug)?)?;
    let applied = recorded(conn)?;
    let Some(step) = pending(all, &applied)?.first() else { return Ok(None) };
    conn.script(&step.rendered(Kind::Postgres)?)?;
    let params = vec![Value::Text(step.name.into()), Value::Text(step.checksum()), Value::Ts(clock.now())];
    query(conn, RECORD, params)?;
    Ok(Some(step.name))
}

/// Names and checksums of the steps applied.
pub(in crate::platform::db) fn applied(settings: &Settings) -> Result<Vec<(String, String)>, DbError> {
    let mut conn = connect(settings)?;
    conn.start(UnitFault::default());
    let there = query(&mut conn, "SELECT to_regclass('schema_migrations') IS NOT NULL", Vec::new())?;
    let there = there.rows.first().map_or(Ok(false), |row| row.bool(0))?;
    let applied = if there { recorded(&mut conn)? } else { Vec::new() };
    conn.rollback();
    Ok(applied)
}

fn recorded(conn: &mut Conn) -> Result<Vec<(String, String)>, DbError> {
    let outcome = query(conn, APPLIED, Vec::new())?;
    outcome.rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
}

fn query(conn: &mut Conn, sql: &'static str, params: Vec<Value>) -> Result<Outcome, DbError> {
    Ok(conn.run(&[Op::Query { sql: sql.into(), params }])?.pop().unwrap_or_default())
}
