//! The two databases behind one transaction.

use super::{
    DbError, postgres, sqlite,
    tx::{Op, Outcome},
};

/// The connection a transaction runs on.
pub(super) enum Link<'a> {
    /// Statements run one by one, in process.
    Sqlite(&'a mut sqlite::Conn),
    /// Statements of a group go in one round trip.
    Postgres(&'a mut postgres::Conn),
}

impl Link<'_> {
    /// Whether rows are locked one by one; SQLite has one writer, which has waited before.
    pub(super) const fn waits_for_rows(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Runs `ops` in order; answers one outcome each.
    pub(super) fn run(&mut self, ops: &[Op]) -> Result<Vec<Outcome>, DbError> {
        match self {
            Self::Sqlite(conn) => conn.run(ops),
            Self::Postgres(conn) => conn.run(ops),
        }
    }
}
