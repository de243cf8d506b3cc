//! What threads do: jobs that run in a transaction, and are answered once it is settled.

use super::{
    DbError, Tx,
    timing::{Handed, Times},
};
use crate::platform::timeline::Step;
use metrics::{counter, histogram};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};
use tokio::sync::oneshot;

/// Runs of one unit before a unique violation is answered: the first finds the race, the second the row.
const TRIES: u32 = 3;

/// When what a unit wrote is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeps {
    /// Never: it only reads.
    Nothing,
    /// As its attempt ends.
    Itself,
    /// Later, with all of the group.
    WithItsGroup,
}

/// A thread's connection, ready to run transactions.
pub(super) trait Session {
    /// Runs `body` once in a transaction of its own (SQLite: a savepoint of the group's). Kept when it
    /// answers `Ok(true)`; when `body` answers false nothing is kept, which is `Ok(false)`.
    fn attempt(&mut self, body: &mut dyn FnMut(&mut Tx<'_>) -> bool) -> Result<bool, DbError>;

    /// When what an attempt wrote is on disk.
    fn keeps(&self) -> Keeps;
}

/// One piece of work.
pub(super) trait Job: Send {
    /// Does it, keeping the answers back.
    fn run(&mut self, session: &mut dyn Session);

    /// Answers: what `run` found when it was kept, else why it was not.
    fn answer(self: Box<Self>, kept: Result<(), DbError>);
}

/// Runs `body` until it is settled: again, at most twice, when it lost a race for a unique key.
pub(super) fn settle(session: &mut dyn Session, body: &mut dyn FnMut(&mut Tx<'_>) -> bool) -> Result<bool, DbError> {
    let mut tries = 1;
    loop {
        match session.attempt(body) {
            Err(DbError::Conflict(_)) if tries < TRIES => {
                counter!("purser_db_retries_total", "reason" => "conflict").increment(1);
                tries += 1;
            }
            settled => {
                if let Err(error) = &settled {
                    counter!("purser_db_errors_total", "kind" => error.kind()).increment(1);
                }
                return settled;
            }
        }
    }
}

/// Runs `body` over `tx`, then what it left for later; a panic is a bug of that unit alone.
/// Answers whether it is to be kept. An error any statement answered stands, whatever `body` made of it.
pub(super) fn guarded(tx: &mut Tx<'_>, body: &mut dyn FnMut(&mut Tx<'_>) -> bool) -> Result<bool, DbError> {
    let ran = catch_unwind(AssertUnwindSafe(|| body(tx)));
    let keep = ran.map_err(|panic| DbError::Bug(format!("a unit panicked: {}", said(panic.as_ref()))))?;
    match tx.failure() {
        Some(error) => Err(error),
        None => Ok(keep),
    }
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("?")
}

/// A unit handed in by [`super::Db::write`].
pub(super) struct WriteJob<F, T, E> {
    pub(super) unit: F,
    pub(super) found: Option<Result<T, E>>,
    pub(super) reply: oneshot::Sender<Result<T, E>>,
    pub(super) handed: Handed,
    pub(super) times: Option<Times>,
}

impl<F, T, E> Job for WriteJob<F, T, E>
where
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<DbError> + Send,
{
    fn run(&mut self, session: &mut dyn Session) {
        let mut times = Times::begun(Instant::now());
        self.handed.begun(times.began, &histogram!("purser_db_wait_seconds", "queue" => "writes"));
        let (unit, found) = (&self.unit, &mut self.found);
        let settled = settle(session, &mut |tx| {
            let answer = unit(tx);
            (times.loaded, times.decided) = (tx.loaded(), Some(Instant::now()));
            let keep = answer.is_ok();
            *found = Some(answer);
            keep
        });
        times.ran(session, &settled);
        self.times = Some(times);
        if let Err(error) = settled {
            self.found = Some(Err(error.into()));
        }
    }

    fn answer(self: Box<Self>, kept: Result<(), DbError>) {
        if let Some(times) = self.times.filter(|_| self.handed.is_traced()) {
            self.handed.done(&times.step("unit", Vec::new()));
        }
        let never = || Err(DbError::Bug("a unit was answered before it ran".into()).into());
        let answer = match kept {
            Ok(()) => self.found.unwrap_or_else(never),
            Err(error) => Err(error.into()),
        };
        // A caller that went away is told nothing; the unit stands.
        let _ = self.reply.send(answer);
    }
}

/// A unit handed in by [`super::Db::read`]: answered at once, as it keeps nothing.
pub(super) struct ReadJob<F, T, E> {
    pub(super) unit: Option<F>,
    pub(super) reply: Option<oneshot::Sender<Result<T, E>>>,
    pub(super) handed: Handed,
}

impl<F, T, E> Job for ReadJob<F, T, E>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<DbError> + Send,
{
    fn run(&mut self, session: &mut dyn Session) {
        let Some(unit) = self.unit.take() else { return };
        let (began, handed) = (Instant::now(), &self.handed);
        handed.begun(began, &histogram!("purser_db_wait_seconds", "queue" => "reads"));
        let (mut unit, mut found, reply) = (Some(unit), None, &mut self.reply);
        let settled = session.attempt(&mut |tx| {
            let Some(unit) = unit.take() else { return true };
            let answer = unit(tx);
            if handed.is_traced() {
                handed.done(&Step::new("read", began, Instant::now()));
            }
            // What was read is known; ending the transaction need not be waited for.
            match reply.take() {
                Some(reply) if tx.is_settled() => drop(reply.send(answer)),
                waiting => (*reply, found) = (waiting, Some(answer)),
            }
            true
        });
        let answer = match (settled, found) {
            (Ok(_), Some(found)) => found,
            (Ok(_), None) => return,
            (Err(error), _) => {
                counter!("purser_db_errors_total", "kind" => error.kind()).increment(1);
                Err(error.into())
            }
        };
        if let Some(reply) = self.reply.take() {
            let _ = reply.send(answer);
        }
    }

    fn answer(mut self: Box<Self>, kept: Result<(), DbError>) {
        if let (Some(reply), Err(error)) = (self.reply.take(), kept) {
            let _ = reply.send(Err(error.into()));
        }
    }
}
