//! Copies what the write-ahead log holds into the file, beside the writer, so that the writer need not stop for it.
//!
//! SQLite starts the log anew only where all of it was copied, which beside a busy writer is never. So the writer
//! copies the rest itself once the log is long ([`LONG`]). Shortly before, here everything is copied as it comes, so
//! that what is left is little and no writer waits long for it.

use super::conn::{Conn, Settings, open_beside, said};
use crate::platform::db::{DbError, shell::Jobs};
use std::time::Duration;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(50);
/// Pages in the log that are worth copying: what is copied late is copied once, however often it was changed.
const WORTH: i64 = 1000;
/// Pages in the log at which the writer copies the rest: 128 MB.
pub(super) const LONG: i64 = 32_000;
/// Pages in the log from which on little is worth copying.
const SOON: i64 = 28_000;
const LITTLE: i64 = 100;

/// The thread that copies.
pub(in crate::platform::db) struct Checkpointer {
    pub(in crate::platform::db) settings: Settings,
    pub(in crate::platform::db) jobs: Jobs,
}

impl Checkpointer {
    /// Runs until the queue is closed.
    pub(in crate::platform::db) fn run(&self) {
        let mut conn = None;
        while !self.jobs.is_closed() {
            if let Err(error) = self.look(&mut conn) {
                // The writer copies too, and says so where it cannot.
                tracing::debug!(%error, "the log was not copied beside the writer");
                conn = None;
            }
            self.jobs.wait_closed(EVERY);
        }
    }

    /// Copies what is there, while it is worth it.
    fn look(&self, conn: &mut Option<Conn>) -> Result<(), DbError> {
        let conn = match conn {
            Some(conn) => conn,
            None => conn.insert(open_beside(&self.settings)?),
        };
        loop {
            let (there, copied) = counts(conn, "NOOP")?;
            let soon = (SOON..LONG).contains(&there);
            if there - copied < if soon { LITTLE } else { WORTH } {
                return Ok(());
            }
            let (_, now) = counts(conn, "PASSIVE")?;
            // Where none more was copied, a reader of old pages holds it up.
            if !soon || now <= copied {
                return Ok(());
            }
        }
    }
}

/// How many pages are in the log, and how many of them are copied, once a checkpoint was made in this `mode`.
fn counts(conn: &Conn, mode: &str) -> Result<(i64, i64), DbError> {
    let pragma = format!("PRAGMA wal_checkpoint({mode})");
    conn.db.query_row(&pragma, [], |row| Ok((row.get(1)?, row.get(2)?))).map_err(said)
}
