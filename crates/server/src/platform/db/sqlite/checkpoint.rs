//! Copies what the write-ahead log holds into the file, beside the writer, so that the writer need not stop for it.
//!
//! SQLite starts the log anew only where all of it was copied, which beside a busy writer is never. So the writer
//! still copies the rest itself once the log is long; most of it is done by then.

use super::conn::{Conn, Settings, open_beside, said};
use crate::platform::db::{DbError, shell::Jobs};
use std::time::Duration;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(50);
/// Pages in the log that are worth copying.
const WORTH: i64 = 1000;

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

    /// Copies what is there, if it is worth it.
    fn look(&self, conn: &mut Option<Conn>) -> Result<(), DbError> {
        let conn = match conn {
            Some(conn) => conn,
            None => conn.insert(open_beside(&self.settings)?),
        };
        // In the log, and copied of it.
        let counts = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
        let (there, copied) = conn.db.query_row("PRAGMA wal_checkpoint(NOOP)", [], counts).map_err(said)?;
        if there - copied >= WORTH {
            conn.db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], counts).map_err(said)?;
        }
        Ok(())
    }
}
