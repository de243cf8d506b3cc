//! A reader: one read at a time, each at one moment, beside the writer.

use super::conn::Conn;
use crate::platform::{
    clock::Clock,
    db::{
        DbError,
        job::{Job, Keeps, Session, guarded},
        link::Link,
        queue::Queue,
        tx::Tx,
    },
};
use std::sync::Arc;

/// Runs until the queue is closed and empty.
pub(in crate::platform::db) fn start(conn: Conn, queue: &Arc<Queue<Box<dyn Job>>>, clock: &Clock) {
    let mut session = Reader { conn, clock };
    while let Some(mut job) = queue.take_blocking() {
        job.run(&mut session);
        job.answer(Ok(()));
    }
}

struct Reader<'a> {
    conn: Conn,
    clock: &'a Clock,
}

impl Session for Reader<'_> {
    fn keeps(&self) -> Keeps {
        Keeps::Nothing
    }

    fn attempt(&mut self, body: &mut dyn FnMut(&mut Tx<'_>) -> bool) -> Result<bool, DbError> {
        self.conn.plain("BEGIN")?;
        let ran = {
            let mut tx = Tx::new(self.clock, Link::Sqlite(&mut self.conn));
            guarded(&mut tx, body).and_then(|keep| tx.flush().map(|()| keep))
        };
        if !self.conn.db.is_autocommit() {
            self.conn.plain("ROLLBACK")?;
        }
        ran
    }
}
