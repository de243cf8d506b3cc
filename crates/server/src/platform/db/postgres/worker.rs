//! A thread that owns a connection and does jobs on it; it makes the connection anew when it is lost.

use super::{
    clock::compare,
    conn::Conn,
    connect::{Role, Settings},
};
use crate::platform::{
    clock::Clock,
    db::{
        DbError,
        job::{Keeps, Session, guarded},
        link::Link,
        shell::{Jobs, MOST_SKEW},
        tx::{Tx, check_op},
    },
    fault::{FaultPlan, Point},
    ids::Random,
};
use metrics::{counter, histogram};
use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
        mpsc::Sender,
    },
    time::{Duration, Instant},
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::watch,
};

/// Runs of a unit that others' locks undid, before it is answered.
const TRIES: u64 = 6;
/// The longest wait before a unit is run again, or a connection tried again, in milliseconds: short, since trying
/// is cheap, and a database that came back should be found at once.
const LONGEST_WAIT: u64 = 500;

/// A thread's work.
pub(in crate::platform::db) struct Worker {
    pub(in crate::platform::db) settings: Settings,
    pub(in crate::platform::db) role: Role,
    pub(in crate::platform::db) jobs: Jobs,
    pub(in crate::platform::db) clock: Clock,
    pub(in crate::platform::db) faults: FaultPlan,
    pub(in crate::platform::db) skew: Arc<AtomicI64>,
    /// Counts the connections any thread made: one that got through ends the waiting of the others.
    pub(in crate::platform::db) made: watch::Sender<u64>,
}

impl Worker {
    /// Runs until the queue is closed and empty. Tells `first` how the first connection went.
    pub(in crate::platform::db) fn run(&self, first: &Sender<Result<(), DbError>>) {
        let Ok(runtime) = Builder::new_current_thread().enable_all().build().map(Rc::new) else { return };
        let random = Random::secure();
        let mut failures = 0;
        let mut others = self.made.subscribe();
        while !self.jobs.is_closed() {
            // From here on: one made while this one is refused counts too.
            others.mark_unchanged();
            match self.connect(&runtime) {
                Ok(conn) => {
                    failures = 0;
                    self.made.send_modify(|made| *made += 1);
                    others.mark_unchanged();
                    self.jobs.up();
                    let _ = first.send(Ok(()));
                    self.serve(conn, &random);
                    let left = self.jobs.down();
                    for job in left {
                        job.answer(Err(DbError::Unavailable("the connection was lost".into())));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the database cannot be reached");
                    let _ = first.send(Err(error));
                }
            }
            failures += 1;
            let wait = pause(&random, (20 << failures.min(7)).min(LONGEST_WAIT / 2), LONGEST_WAIT);
            runtime.block_on(async {
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = self.jobs.closed() => {}
                    _ = others.changed() => {}
                }
            });
        }
    }

    fn connect(&self, runtime: &Rc<Runtime>) -> Result<Conn, DbError> {
        let mut conn = self.settings.connect(runtime, self.role)?;
        if self.role != Role::Read {
            compare(&mut conn, &self.clock, &self.skew)?;
        }
        Ok(conn)
    }

    /// Does jobs until the connection is lost, or the queue closed and empty.
    fn serve(&self, conn: Conn, random: &Random) {
        let mut session = Postgres { conn, worker: self, random };
        while !session.conn.is_lost() {
            let Some(Some(mut job)) = session.conn.wait(self.jobs.take()) else { return };
            job.run(&mut session);
            job.answer(Ok(()));
        }
    }
}

/// A random wait of `millis` or up to as much again, at most `most`.
fn pause(random: &Random, millis: u64, most: u64) -> Duration {
    let jitter = u64::try_from(random.number() % u128::from(millis.max(1))).unwrap_or(0);
    Duration::from_millis((millis + jitter).min(most))
}

/// A connection while jobs run on it.
struct Postgres<'a> {
    conn: Conn,
    worker: &'a Worker,
    random: &'a Random,
}

impl Session for Postgres<'_> {
    fn keeps(&self) -> Keeps {
        if self.worker.role == Role::Read { Keeps::Nothing } else { Keeps::Itself }
    }

    fn attempt(&mut self, body: &mut dyn FnMut(&mut Tx<'_>) -> bool) -> Result<bool, DbError> {
        let mut tries = 1;
        loop {
            let ran = self.unit(body);
            if ran.is_ok() || !self.conn.may_try_again() || self.conn.is_lost() || tries == TRIES {
                return ran;
            }
            counter!("purser_db_retries_total", "reason" => "locks").increment(1);
            std::thread::sleep(pause(self.random, 2 << tries, LONGEST_WAIT));
            tries += 1;
        }
    }
}

impl Postgres<'_> {
    /// Runs `body` in a transaction, once.
    fn unit(&mut self, body: &mut dyn FnMut(&mut Tx<'_>) -> bool) -> Result<bool, DbError> {
        let writes = self.worker.role != Role::Read;
        if writes && self.worker.skew.load(Ordering::SeqCst).abs() > MOST_SKEW {
            return Err(DbError::ClockSkewed);
        }
        let plan = if writes { self.worker.faults.clone() } else { FaultPlan::default() };
        plan.point(Point::BeforeBegin)?;
        self.conn.start(plan.unit());
        let mut tx = Tx::new(&self.worker.clock, Link::Postgres(&mut self.conn));
        let ran = guarded(&mut tx, body);
        let later = tx.take_later();
        let kept = match ran {
            Ok(true) => self.commit(&plan, &later),
            Ok(false) => Ok(false),
            Err(error) => Err(error),
        };
        if !matches!(kept, Ok(true)) {
            self.conn.rollback();
        }
        kept
    }

    fn commit(&mut self, plan: &FaultPlan, later: &[super::super::tx::Op]) -> Result<bool, DbError> {
        later.iter().try_for_each(check_op)?;
        plan.point(Point::MidGroup)?;
        plan.point(Point::BeforeCommit)?;
        let started = Instant::now();
        self.conn.commit(later)?;
        histogram!("purser_db_commit_seconds").record(started.elapsed().as_secs_f64());
        plan.point(Point::AfterCommitBeforeAnswer)?;
        Ok(true)
    }
}
