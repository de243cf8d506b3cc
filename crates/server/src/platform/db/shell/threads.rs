//! The threads behind the handle: which there are, what each owns, how they start and end.

use super::{Inner, Jobs, Target};
use crate::platform::db::{DbError, LaggingIndex, postgres, queue::Queue, sqlite};
use std::sync::{Arc, PoisonError, mpsc};

impl Inner {
    /// Opens all connections and starts their threads.
    pub(super) fn start(&self) -> Result<(), DbError> {
        match &self.target {
            Target::Sqlite(settings) => self.start_sqlite(settings),
            Target::Postgres(settings) => self.start_postgres(settings),
        }
    }

    fn start_sqlite(&self, settings: &sqlite::Settings) -> Result<(), DbError> {
        let writer = sqlite::open_writer(settings)?;
        let (queue, clock, faults) = (self.writes.clone(), self.clock.clone(), self.config.faults.clone());
        queue.up();
        self.thread("purser-writer", move || sqlite::start_writer(writer, &queue, &clock, &faults))?;
        for _ in 0..self.config.readers.max(1) {
            let reader = sqlite::open_reader(settings)?;
            let (queue, clock) = (self.reads.clone(), self.clock.clone());
            queue.up();
            self.thread("purser-reader", move || sqlite::start_reader(reader, &queue, &clock))?;
        }
        let checkpointer = sqlite::Checkpointer { settings: settings.clone(), jobs: self.writes.clone() };
        self.thread("purser-checkpoint", move || checkpointer.run())
    }

    pub(super) fn follower(
        &self,
        settings: &sqlite::Settings,
        index: &'static LaggingIndex,
        slack: i64,
    ) -> sqlite::Follower {
        sqlite::Follower { settings: settings.clone(), jobs: self.writes.clone(), index, slack }
    }

    /// Starts the threads of reads and writes, and one that watches the clock.
    fn start_postgres(&self, settings: &postgres::Settings) -> Result<(), DbError> {
        let mut started = Vec::new();
        for _ in 0..self.config.writers.max(1) {
            started.push(self.start_worker(settings, &self.writes, postgres::Role::Write)?);
        }
        for _ in 0..self.config.readers.max(1) {
            started.push(self.start_worker(settings, &self.reads, postgres::Role::Read)?);
        }
        for first in started {
            first.recv().unwrap_or_else(|_| Err(DbError::Bug("a thread ended as it started".into())))?;
        }
        let watch = postgres::Watch {
            settings: settings.clone(),
            jobs: self.writes.clone(),
            clock: self.clock.clone(),
            skew: self.skew.clone(),
        };
        self.thread("purser-clock", move || watch.run())
    }

    /// Starts the threads of a hot path; answers their queues.
    pub(super) fn start_lanes(&self, settings: &postgres::Settings) -> Vec<Jobs> {
        let mut started = Vec::new();
        let mut lane = || {
            let jobs: Jobs = Arc::new(Queue::new(self.config.queue));
            self.queues.lock().unwrap_or_else(PoisonError::into_inner).push(jobs.clone());
            match self.start_worker(settings, &jobs, postgres::Role::Lane) {
                Ok(first) => started.push(first),
                Err(error) => tracing::error!(%error, "a lane has no thread"),
            }
            jobs
        };
        let queues = (0..self.config.lanes.max(1)).map(|_| lane()).collect();
        for first in started {
            // A lane that could not connect goes on trying; what it is given meanwhile it refuses.
            let _ = first.recv();
        }
        queues
    }

    /// Starts a thread over `jobs`; answers where it tells how its first connection went.
    fn start_worker(
        &self,
        settings: &postgres::Settings,
        jobs: &Jobs,
        role: postgres::Role,
    ) -> Result<mpsc::Receiver<Result<(), DbError>>, DbError> {
        let (first, connected) = mpsc::channel();
        let worker = postgres::Worker {
            settings: settings.clone(),
            role,
            jobs: jobs.clone(),
            clock: self.clock.clone(),
            faults: self.config.faults.clone(),
            skew: self.skew.clone(),
            made: self.made.clone(),
        };
        self.thread("purser-postgres", move || worker.run(&first))?;
        Ok(connected)
    }

    /// Starts a thread that `close` waits for.
    pub(super) fn thread(&self, name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), DbError> {
        let thread = std::thread::Builder::new().name(name.into()).spawn(body);
        let thread = thread.map_err(|error| DbError::Unavailable(format!("no thread can be started: {error}")))?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Closes every queue; threads end once theirs is empty.
    pub(super) fn stop(&self) {
        for queue in self.queues.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            queue.close();
        }
    }
}
