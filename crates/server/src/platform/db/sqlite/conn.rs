//! A SQLite connection: how it is opened, how statements run on it, what its errors mean.

use super::checkpoint;
use crate::platform::{
    db::{
        DbError, Kind, Row, Value,
        text::Texts,
        tx::{Op, Outcome},
    },
    fault::{Side, UnitFault},
};
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement, ffi, types::ValueRef};
use std::{path::PathBuf, time::Duration};

/// How long a connection waits for another process's lock.
const BUSY: Duration = Duration::from_secs(5);

/// After how long without work a connection gives back its memory.
pub(super) const REST: Duration = Duration::from_secs(1);

/// Where the file is and how much of it there may be.
#[derive(Clone, Debug)]
pub(in crate::platform::db) struct Settings {
    pub(in crate::platform::db) path: PathBuf,
    /// 0 for no limit.
    pub(in crate::platform::db) max_pages: u32,
}

/// A connection, and the texts prepared on it.
pub(in crate::platform::db) struct Conn {
    pub(super) db: Connection,
    texts: Texts,
    pub(super) fault: UnitFault,
}

/// Opens the file for writing, making it and its folder if need be.
pub(in crate::platform::db) fn open_writer(settings: &Settings) -> Result<Conn, DbError> {
    if let Some(folder) = settings.path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| DbError::Unavailable(format!("{} cannot be made: {error}", folder.display())))?;
    }
    let db = open(settings, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    let pragmas = "PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF; \
                   PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY;";
    db.execute_batch(pragmas).map_err(said)?;
    db.pragma_update(None, "wal_autocheckpoint", checkpoint::LONG).map_err(said)?;
    if settings.max_pages > 0 {
        db.pragma_update(None, "max_page_count", settings.max_pages).map_err(said)?;
    }
    Ok(Conn::new(db))
}

/// Opens the file beside the writer, to copy its log.
pub(super) fn open_beside(settings: &Settings) -> Result<Conn, DbError> {
    let db = open(settings, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    db.execute_batch("PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-64;").map_err(said)?;
    Ok(Conn::new(db))
}

/// Opens the file for reading only. Its own cache is for the upper pages of the trees; the rest is in the kernel's, which
/// all readers share.
pub(in crate::platform::db) fn open_reader(settings: &Settings) -> Result<Conn, DbError> {
    let db = open(settings, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    db.execute_batch("PRAGMA query_only=ON; PRAGMA cache_size=-1024;").map_err(said)?;
    Ok(Conn::new(db))
}

fn open(settings: &Settings, how: OpenFlags) -> Result<Connection, DbError> {
    let db = Connection::open_with_flags(&settings.path, how | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(said)?;
    db.busy_timeout(BUSY).map_err(said)?;
    db.set_prepared_statement_cache_capacity(512);
    Ok(db)
}

impl Conn {
    fn new(db: Connection) -> Self {
        Self { db, texts: Texts::new(Kind::Sqlite), fault: UnitFault::default() }
    }

    /// Gives back the memory of its page cache. The kernel has the file's pages still, and lends them to others if need
    /// be: a job that looks at every wallet must not leave an idle server with the memory of a busy one.
    pub(super) fn forget_pages(&self) {
        // It only costs memory if it fails.
        let _ = self.db.execute_batch("PRAGMA shrink_memory;");
    }

    /// Runs `ops` in order.
    pub(in crate::platform::db) fn run(&mut self, ops: &[Op]) -> Result<Vec<Outcome>, DbError> {
        ops.iter().map(|op| self.faulty(|conn| conn.op(op))).collect()
    }

    /// Runs a statement that takes and answers nothing: BEGIN and its like.
    pub(super) fn plain(&self, sql: &str) -> Result<(), DbError> {
        self.db.prepare_cached(sql).and_then(|mut statement| statement.raw_execute()).map(drop).map_err(said)
    }

    /// Runs `step`, or fails before or after it where a test wants that.
    pub(super) fn faulty<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, DbError>) -> Result<T, DbError> {
        let injected = || DbError::Unavailable("injected".into());
        match self.fault.statement() {
            None => step(self),
            Some(Side::Before) => Err(injected()),
            Some(Side::After) => step(self).and_then(|_| Err(injected())),
        }
    }

    fn op(&mut self, op: &Op) -> Result<Outcome, DbError> {
        let text = self.texts.of(op);
        let mut statement = self.db.prepare_cached(&text).map_err(said)?;
        let rows: &[Vec<Value>] = match op {
            Op::Query { params, .. } => std::slice::from_ref(params),
            Op::Many { keys, .. } => keys,
            Op::Insert { rows, .. } | Op::Update { rows, .. } => rows,
        };
        let mut outcome = Outcome::default();
        for params in rows {
            step(&mut statement, params, &mut outcome)?;
        }
        Ok(outcome)
    }
}

/// Runs a statement once, adding what it answers to `outcome`.
fn step(statement: &mut Statement<'_>, params: &[Value], outcome: &mut Outcome) -> Result<(), DbError> {
    if statement.parameter_count() != params.len() {
        let wanted = statement.parameter_count();
        return Err(DbError::Bug(format!("{} parameters for a statement of {wanted}", params.len())));
    }
    for (at, value) in params.iter().enumerate() {
        bind(statement, at + 1, value).map_err(said)?;
    }
    let width = statement.column_count();
    if width == 0 {
        outcome.touched += statement.raw_execute().map_err(said)? as u64;
        return Ok(());
    }
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(said)? {
        let columns = (0..width).map(|at| value(row.get_ref(at).map_err(said)?, at));
        outcome.rows.push(Row(columns.collect::<Result<_, _>>()?));
        outcome.touched += 1;
    }
    Ok(())
}

fn bind(statement: &mut Statement<'_>, at: usize, value: &Value) -> rusqlite::Result<()> {
    match value {
        Value::Null => statement.raw_bind_parameter(at, rusqlite::types::Null),
        Value::I64(value) => statement.raw_bind_parameter(at, value),
        Value::Bool(value) => statement.raw_bind_parameter(at, i64::from(*value)),
        Value::Text(value) | Value::Json(value) => statement.raw_bind_parameter(at, value.as_str()),
        Value::Bytes(value) => statement.raw_bind_parameter(at, value.as_slice()),
        Value::Id(value) => statement.raw_bind_parameter(at, &value.to_be_bytes()[..]),
        Value::Ts(value) => statement.raw_bind_parameter(at, value.micros()),
    }
}

fn value(value: ValueRef<'_>, at: usize) -> Result<Value, DbError> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::I64(value),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => return Err(DbError::Bug(format!("column {at} is no UTF-8"))),
        },
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Real(_) => return Err(DbError::Bug(format!("column {at} is a floating-point number"))),
    })
}

/// What an error of SQLite means to us.
pub(in crate::platform::db) fn said(error: rusqlite::Error) -> DbError {
    let Some(code) = error.sqlite_error() else { return DbError::Bug(error.to_string()) };
    match code.code {
        ErrorCode::ConstraintViolation
            if matches!(
                code.extended_code,
                ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID
            ) =>
        {
            DbError::Conflict(error.to_string())
        }
        ErrorCode::DiskFull => DbError::Full,
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::SystemIoFailure
        | ErrorCode::CannotOpen
        | ErrorCode::ReadOnly
        | ErrorCode::DatabaseCorrupt
        | ErrorCode::NotADatabase
        | ErrorCode::OutOfMemory
        | ErrorCode::OperationInterrupted
        | ErrorCode::PermissionDenied
        | ErrorCode::FileLockingProtocolFailed => DbError::Unavailable(error.to_string()),
        _ => DbError::Bug(error.to_string()),
    }
}
