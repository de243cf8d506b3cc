//! The one writer: drains its queue, runs each unit in a savepoint, commits once, then answers all.

use super::conn::{Conn, REST};
use crate::platform::{
    clock::Clock,
    db::{
        DbError,
        job::{Job, Keeps, Session, guarded},
        link::Link,
        queue::Queue,
        tx::Tx,
    },
    fault::{FaultPlan, Point},
};
use metrics::{counter, histogram};
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

/// Most units in one group.
const MOST_UNITS: usize = 1024;
/// Longest time spent on the units of one group.
const MOST_TIME: Duration = Duration::from_millis(50);

/// Runs until the queue is closed and empty.
pub(in crate::platform::db) fn start(
    mut conn: Conn,
    queue: &Arc<Queue<Box<dyn Job>>>,
    clock: &Clock,
    faults: &FaultPlan,
) {
    loop {
        if queue.is_idle_for(REST) {
            conn.forget_pages();
        }
        let Some(mut waiting) = queue.take_all() else { break };
        while !waiting.is_empty() {
            group(&mut conn, &mut waiting, clock, faults);
        }
    }
    // A last checkpoint leaves one file; when it cannot be done now, opening the file does it.
    let _ = conn.db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);");
}

/// Runs one group of what is waiting, commits it, and answers.
fn group(conn: &mut Conn, waiting: &mut VecDeque<Box<dyn Job>>, clock: &Clock, faults: &FaultPlan) {
    let mut done: Vec<Box<dyn Job>> = Vec::with_capacity(waiting.len().min(MOST_UNITS));
    let locking = Instant::now();
    let began = begin(conn, faults);
    histogram!("purser_db_lock_seconds").record(locking.elapsed().as_secs_f64());
    let mut session = Writer { conn, clock, faults, alone: true, lost: began.err() };
    let started = Instant::now();
    while done.len() < MOST_UNITS && (done.is_empty() || started.elapsed() < MOST_TIME) {
        let Some(mut job) = waiting.pop_front() else { break };
        if session.lost.is_none() {
            job.run(&mut session);
        }
        done.push(job);
        if let Err(injected) = faults.point(Point::MidGroup) {
            session.lost = Some(injected.into());
        }
        if session.lost.is_some() {
            break;
        }
    }
    let lost = session.lost.take();
    let committing = Instant::now();
    let kept = lost.map_or_else(|| commit(conn, faults), Err);
    if kept.is_err() && !conn.db.is_autocommit() {
        // If this fails too, the next BEGIN says so.
        let _ = conn.plain("ROLLBACK");
    }
    histogram!("purser_db_commit_seconds").record(committing.elapsed().as_secs_f64());
    histogram!("purser_db_group_units").record(done.len() as f64);
    if let Err(error) = &kept {
        counter!("purser_db_errors_total", "kind" => error.kind()).increment(1);
        tracing::warn!(%error, units = done.len(), "a group of units was not kept");
    }
    for job in done {
        job.answer(kept.clone());
    }
}

fn begin(conn: &Conn, faults: &FaultPlan) -> Result<(), DbError> {
    faults.point(Point::BeforeBegin)?;
    conn.plain("BEGIN IMMEDIATE")
}

fn commit(conn: &Conn, faults: &FaultPlan) -> Result<(), DbError> {
    faults.point(Point::BeforeCommit)?;
    conn.plain("COMMIT")?;
    faults.point(Point::AfterCommitBeforeAnswer)?;
    Ok(())
}

/// The writer's connection while a group is open.
struct Writer<'a> {
    conn: &'a mut Conn,
    clock: &'a Clock,
    faults: &'a FaultPlan,
    /// Whether nothing of the group is to be kept so far: then a unit needs no savepoint, since the
    /// group can be begun again. Most groups are one batch of the hot path.
    alone: bool,
    /// Why the whole group is gone, once it is.
    lost: Option<DbError>,
}

impl Session for Writer<'_> {
    fn keeps(&self) -> Keeps {
        Keeps::WithItsGroup
    }

    fn attempt(&mut self, body: &mut dyn FnMut(&mut Tx<'_>) -> bool) -> Result<bool, DbError> {
        if let Some(error) = &self.lost {
            return Err(error.clone());
        }
        self.conn.fault = self.faults.unit();
        let ran = self.unit(body);
        if matches!(ran, Ok(true)) {
            self.alone = false;
            return ran;
        }
        if !self.conn.db.is_autocommit() && self.undo().is_ok() {
            return ran;
        }
        // SQLite gave up the whole transaction (no room, a failing disk), so the group ends with it.
        let error = ran.err().unwrap_or_else(|| DbError::Unavailable("the group's transaction was lost".into()));
        self.lost = Some(error.clone());
        Err(error)
    }
}

impl Writer<'_> {
    /// Runs `body`; what it did stands when it is to be kept.
    fn unit(&mut self, body: &mut dyn FnMut(&mut Tx<'_>) -> bool) -> Result<bool, DbError> {
        if !self.alone {
            self.conn.plain("SAVEPOINT unit")?;
        }
        self.conn.faulty(|_| Ok(()))?;
        let mut tx = Tx::new(self.clock, Link::Sqlite(self.conn));
        let keep = guarded(&mut tx, body)?;
        if keep {
            tx.flush()?;
            let alone = self.alone;
            self.conn.faulty(|conn| if alone { Ok(()) } else { conn.plain("RELEASE unit") })?;
        }
        Ok(keep)
    }

    /// Undoes the unit that ran, and nothing that is to be kept.
    fn undo(&mut self) -> Result<(), DbError> {
        let (undo, go_on) =
            if self.alone { ("ROLLBACK", "BEGIN IMMEDIATE") } else { ("ROLLBACK TO unit", "RELEASE unit") };
        self.conn.plain(undo).and_then(|()| self.conn.plain(go_on))
    }
}
