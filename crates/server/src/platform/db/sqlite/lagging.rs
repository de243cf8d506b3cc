//! The index of a table kept in order of arrival: it follows behind the rows, in bulk and in its own order.
//!
//! An index kept with every row would make each write touch a page of its own, which halves the rate and
//! gets worse as the table grows. Reads go through a view that merges the rows the index does not have yet.

use super::conn::{Conn, Settings, open_reader};
use crate::platform::db::{
    DbError, Value,
    job::{Job, Session},
    shell::Jobs,
    tx::Op,
    value::LaggingIndex,
};
use metrics::gauge;
use std::time::Duration;
use tokio::sync::oneshot;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(500);
/// Most rows read at one look.
const MOST: i64 = 65_536;
/// Rows put into the index in one unit: some milliseconds, so that spends wait no longer for it.
const SLICE: usize = 512;

/// The thread that lets an index follow.
pub(in crate::platform::db) struct Follower {
    pub(in crate::platform::db) settings: Settings,
    pub(in crate::platform::db) jobs: Jobs,
    pub(in crate::platform::db) index: &'static LaggingIndex,
    /// Rows the index may lack before it follows; a read looks through that many.
    pub(in crate::platform::db) slack: i64,
}

impl Follower {
    /// Runs until the queue is closed.
    pub(in crate::platform::db) fn run(&self) {
        let mut reader = None;
        while !self.jobs.is_closed() {
            if let Err(error) = self.look(&mut reader)
                && !self.jobs.is_closed()
            {
                tracing::warn!(%error, table = self.index.table, "the index did not follow; the next look comes soon");
                reader = None;
            }
            self.jobs.wait_closed(EVERY);
        }
    }

    /// Puts all that has arrived by now into the index.
    pub(in crate::platform::db) fn catch_up(&self) -> Result<(), DbError> {
        self.look(&mut None)
    }

    /// Puts what has arrived into the index, if it is worth it.
    fn look(&self, reader: &mut Option<Conn>) -> Result<(), DbError> {
        let conn = match reader {
            Some(conn) => conn,
            None => reader.insert(open_reader(&self.settings)?),
        };
        loop {
            let (lacks, mut rows) = self.arrived(conn)?;
            gauge!("purser_db_index_lag_rows").set(lacks as f64);
            let Some(Value::I64(last)) = rows.last().and_then(|row| row.last()).cloned() else { return Ok(()) };
            rows.sort_by(|a, b| Value::compare_all(a, b));
            let whole = i64::try_from(rows.len()).is_ok_and(|read| read < MOST);
            while !rows.is_empty() {
                let slice = rows.drain(..SLICE.min(rows.len())).collect();
                let mark = rows.is_empty().then_some(last);
                self.place(slice, mark)?;
            }
            // What arrived meanwhile is for the next look: a busy database never has nothing more.
            if whole {
                return Ok(());
            }
        }
    }

    /// How many rows the index lacks, and the first of them when there are enough: key, then position.
    fn arrived(&self, conn: &mut Conn) -> Result<(i64, Vec<Vec<Value>>), DbError> {
        let LaggingIndex { table, places, mark } = self.index;
        let ask = |sql: String, params| Op::Query { sql: sql.into(), params };
        let lag = format!("SELECT (SELECT COALESCE(MAX(position), 0) FROM {table}) - upto FROM {mark}");
        let lacks = conn.run(&[ask(lag, Vec::new())])?;
        let lacks = lacks.first().and_then(|outcome| outcome.rows.first()).map_or(Ok(0), |row| row.i64(0))?;
        if lacks <= self.slack {
            return Ok((lacks, Vec::new()));
        }
        let names: Vec<_> = places.key.iter().chain(places.columns).map(|(name, _)| *name).collect();
        let rows = format!(
            "SELECT {} FROM {table} WHERE position > (SELECT upto FROM {mark}) ORDER BY position LIMIT ?1",
            names.join(", ")
        );
        let rows = conn.run(&[ask(rows, vec![Value::I64(MOST)])])?.pop().unwrap_or_default().rows;
        Ok((lacks, rows.into_iter().map(|row| row.0).collect()))
    }

    /// Hands `rows` to the writer and waits until they are kept.
    fn place(&self, rows: Vec<Vec<Value>>, mark: Option<i64>) -> Result<(), DbError> {
        let (reply, kept) = oneshot::channel();
        let job = Place { index: self.index, rows, mark, found: Ok(()), reply };
        if let Err((job, error)) = self.jobs.push(Box::new(job)) {
            job.answer(Err(error));
        }
        kept.blocking_recv().unwrap_or_else(|_| Err(DbError::Unavailable("the database was closed".into())))
    }
}

/// A slice of rows for the index. Those that an earlier run of the process left there stay.
struct Place {
    index: &'static LaggingIndex,
    rows: Vec<Vec<Value>>,
    /// The position up to which the index is whole after this slice.
    mark: Option<i64>,
    found: Result<(), DbError>,
    reply: oneshot::Sender<Result<(), DbError>>,
}

impl Job for Place {
    fn run(&mut self, session: &mut dyn Session) {
        let (index, mark, mut rows) = (self.index, self.mark, std::mem::take(&mut self.rows));
        let ran = session.attempt(&mut |tx| {
            tx.insert_missing_later(index.places, std::mem::take(&mut rows));
            mark.is_none_or(|upto| {
                tx.execute(&format!("UPDATE {} SET upto = MAX(upto, $1)", index.mark), vec![Value::I64(upto)]).is_ok()
            })
        });
        self.found = ran.map(drop);
    }

    fn answer(self: Box<Self>, kept: Result<(), DbError>) {
        // Nobody waits once the database is being closed; what was placed stands.
        let _ = self.reply.send(kept.and(self.found));
    }
}
