//! The handle features and handlers hold: units of work go in, durable answers come out.

mod threads;

use super::{
    Batch, DbError, LaggingIndex, Lane, Tx,
    job::{Job, ReadJob, WriteJob},
    lane::Waits,
    migrate, postgres,
    queue::Queue,
    sqlite,
    timing::Handed,
};
use crate::platform::{clock::Clock, fault::FaultPlan};
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicI64, Ordering},
    },
    thread::JoinHandle,
};
use tokio::sync::{oneshot, watch};

/// Most microseconds this node's clock may be off the database's while it writes.
pub(super) const MOST_SKEW: i64 = 500_000;

/// Which database, and how it is driven.
#[derive(Clone)]
pub struct DbConfig {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// Threads (and connections) for reads.
    pub readers: usize,
    /// Threads (and connections) for writes on PostgreSQL; SQLite has one writer.
    pub writers: usize,
    /// Lanes of the hot path on PostgreSQL.
    pub lanes: usize,
    /// Most items in one batch of the hot path.
    pub batch: usize,
    /// Most units, and most items, waiting before a new one is refused.
    pub queue: usize,
    /// Most pages of a SQLite file; 0 for no limit.
    pub max_pages: u32,
    /// Most rows a lagging index may lack on SQLite before it follows.
    pub index_slack: i64,
    /// What is to fail, in tests.
    pub faults: FaultPlan,
}

impl std::fmt::Debug for DbConfig {
    // The URL may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (scheme, _) = self.url.split_once(':').unwrap_or_default();
        write!(f, "DbConfig({scheme}, readers {}, writers {}, lanes {})", self.readers, self.writers, self.lanes)
    }
}

impl Default for DbConfig {
    fn default() -> Self {
        Self {
            url: "sqlite:purser.db".into(),
            readers: 4,
            writers: 4,
            lanes: 2,
            batch: 512,
            queue: 8192,
            max_pages: 0,
            index_slack: 4096,
            faults: FaultPlan::default(),
        }
    }
}

/// The two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The embedded default.
    Sqlite,
    /// For several nodes.
    Postgres,
}

/// A queue of jobs for threads that own a connection.
pub(super) type Jobs = Arc<Queue<Box<dyn Job>>>;

/// A database. Cheap to clone. Closed by [`Db::close`], or when the last clone goes.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    config: DbConfig,
    clock: Clock,
    target: Target,
    writes: Jobs,
    reads: Jobs,
    /// Microseconds this node's clock is ahead of the database's.
    skew: Arc<AtomicI64>,
    /// Counts the connections made to PostgreSQL.
    made: watch::Sender<u64>,
    /// Every queue there is, those of lanes too, to be closed.
    queues: Mutex<Vec<Jobs>>,
    /// What waits in lanes.
    lanes: Mutex<Vec<Weak<dyn Waits>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Where the database is.
enum Target {
    Sqlite(sqlite::Settings),
    Postgres(Box<postgres::Settings>),
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Db({:?})", self.kind())
    }
}

impl Db {
    /// Opens the database and starts its threads; a SQLite file and its folder are made. Blocks while it connects.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when it cannot be reached, [`DbError::Bug`] when the URL is of no known kind.
    pub fn open(config: DbConfig, clock: Clock) -> Result<Self, DbError> {
        let target = match config.url.strip_prefix("sqlite:") {
            Some(path) => {
                let path = file(path)?;
                Target::Sqlite(sqlite::Settings { path, max_pages: config.max_pages })
            }
            None => Target::Postgres(Box::new(postgres::Settings::parse(&config.url)?)),
        };
        let (writes, reads): (Jobs, Jobs) = (Arc::new(Queue::new(config.queue)), Arc::new(Queue::new(config.queue)));
        let inner = Inner {
            config,
            clock,
            target,
            writes: writes.clone(),
            reads: reads.clone(),
            skew: Arc::default(),
            made: watch::Sender::default(),
            queues: Mutex::new(vec![writes, reads]),
            lanes: Mutex::default(),
            threads: Mutex::default(),
        };
        // Dropped when it fails, which ends the threads that did start.
        inner.start()?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Which database it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.inner.target {
            Target::Sqlite(_) => Kind::Sqlite,
            Target::Postgres(_) => Kind::Postgres,
        }
    }

    /// Applies the migrations that are missing; answers their names.
    ///
    /// # Errors
    /// [`DbError::Schema`] when the schema is newer than this binary or a migration's text changed,
    /// else what the database says; then the failing migration left nothing.
    pub async fn migrate(&self) -> Result<Vec<&'static str>, DbError> {
        self.migrate_to(migrate::ALL).await
    }

    pub(super) async fn migrate_to(&self, all: &'static [migrate::Migration]) -> Result<Vec<&'static str>, DbError> {
        self.aside(move |inner| match &inner.target {
            Target::Sqlite(settings) => sqlite::migrate(settings, all, &inner.clock, &inner.config.faults),
            Target::Postgres(settings) => postgres::migrate(settings, all, &inner.clock, &inner.config.faults),
        })
        .await
    }

    /// The names of the migrations that are missing.
    ///
    /// # Errors
    /// As [`Db::migrate`].
    pub async fn pending_migrations(&self) -> Result<Vec<&'static str>, DbError> {
        self.aside(|inner| {
            let applied = match &inner.target {
                Target::Sqlite(settings) => sqlite::applied(settings)?,
                Target::Postgres(settings) => postgres::applied(settings)?,
            };
            Ok(migrate::pending(migrate::ALL, &applied)?.iter().map(|step| step.name).collect())
        })
        .await
    }

    /// Does `unit` in a transaction and answers once it is durable. When the unit answers an error
    /// nothing of it is kept. It may be run again (lost a race, a deadlock), so it must not change
    /// anything outside its transaction.
    ///
    /// # Errors
    /// The unit's own, or what the database says.
    pub async fn write<T, E>(&self, unit: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + Sync + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let handed = Handed::now();
        hand_in(&self.inner.writes, Box::new(WriteJob { unit, found: None, reply, handed, times: None }));
        answer.await.unwrap_or_else(|_| Err(DbError::Unavailable("the database was closed".into()).into()))
    }

    /// Reads at one moment.
    ///
    /// # Errors
    /// The unit's own, or what the database says.
    pub async fn read<T, E>(&self, unit: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let handed = Handed::now();
        hand_in(&self.inner.reads, Box::new(ReadJob { unit: Some(unit), reply: Some(reply), handed }));
        answer.await.unwrap_or_else(|_| Err(DbError::Unavailable("the database was closed".into()).into()))
    }

    /// Opens a hot path over `batch`. On PostgreSQL this connects, which blocks; a lane that finds no
    /// database answers [`DbError::Unavailable`] until it does.
    #[must_use]
    pub fn lane<B: Batch>(&self, batch: B) -> Lane<B> {
        let inner = &self.inner;
        let queues = match &inner.target {
            Target::Sqlite(_) => vec![inner.writes.clone()],
            Target::Postgres(settings) => inner.start_lanes(settings),
        };
        self.open_lane(batch, queues)
    }

    fn open_lane<B: Batch>(&self, batch: B, queues: Vec<Jobs>) -> Lane<B> {
        let inner = &self.inner;
        let lane = Lane::new(self.clone(), batch, queues, inner.config.batch, inner.config.queue);
        inner.lanes.lock().unwrap_or_else(PoisonError::into_inner).push(lane.waits());
        lane
    }

    /// The lanes that are open.
    fn lanes(&self) -> Vec<Arc<dyn Waits>> {
        let lanes = self.inner.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.iter().filter_map(Weak::upgrade).collect()
    }

    /// What the queues hold now: name, what waits, and how many connections take it.
    pub(super) fn queues(&self) -> Vec<(&'static str, usize, usize)> {
        let Inner { writes, reads, .. } = self.inner.as_ref();
        let mut queues =
            vec![("writes", writes.len(), writes.connections()), ("reads", reads.len(), reads.connections())];
        queues.extend(self.lanes().iter().map(|lane| (lane.name(), lane.waiting(), lane.connections())));
        queues
    }

    /// Opens a path of reads over `batch`: what is asked while the readers are busy is read together. Each batch
    /// reads at a moment after its items were submitted.
    #[must_use]
    pub fn read_lane<B: Batch>(&self, batch: B) -> Lane<B> {
        self.open_lane(batch, vec![self.inner.reads.clone()])
    }

    /// Lets `index` follow its table for as long as the database is open.
    pub fn follow(&self, index: &'static LaggingIndex) {
        let inner = &self.inner;
        let Target::Sqlite(settings) = &inner.target else { return };
        let follower = inner.follower(settings, index, inner.config.index_slack);
        if let Err(error) = inner.thread("purser-index", move || follower.run()) {
            tracing::error!(%error, table = index.table, "the index does not follow: reads slow down");
        }
    }

    /// Lets `index` catch up, before many reads through it. Where that cannot be done the reads are slower, and right.
    pub async fn caught_up(&self, index: &'static LaggingIndex) {
        let done = self.aside(move |inner| match &inner.target {
            Target::Sqlite(settings) => inner.follower(settings, index, 0).catch_up(),
            Target::Postgres(_) => Ok(()),
        });
        if let Err(error) = done.await {
            tracing::info!(%error, table = index.table, "the index did not catch up: reads are slower");
        }
    }

    /// Whether the database answers, every queue has a thread with a connection (the lanes' too), and this node
    /// may write.
    ///
    /// # Errors
    /// What the database says, or [`DbError::ClockSkewed`].
    pub async fn ping(&self) -> Result<(), DbError> {
        self.read(|tx| tx.query("SELECT 1", Vec::new()).map(drop)).await?;
        if !self.inner.queues.lock().unwrap_or_else(PoisonError::into_inner).iter().all(|queue| queue.is_up()) {
            return Err(DbError::Unavailable("not every connection is made yet".into()));
        }
        if self.clock_skew_micros().abs() > MOST_SKEW { Err(DbError::ClockSkewed) } else { Ok(()) }
    }

    /// Microseconds this node's clock is ahead of the database's, when last compared; 0 on SQLite.
    #[must_use]
    pub fn clock_skew_micros(&self) -> i64 {
        self.inner.skew.load(Ordering::SeqCst)
    }

    /// Takes no more work, finishes what is in hand, and ends the threads.
    pub async fn close(&self) {
        let done = self.aside(|inner| {
            inner.stop();
            let threads = std::mem::take(&mut *inner.threads.lock().unwrap_or_else(PoisonError::into_inner));
            for thread in threads {
                // A thread that panicked has dropped its jobs; their callers were told.
                let _ = thread.join();
            }
            Ok(())
        });
        let _: Result<(), DbError> = done.await;
    }

    /// Runs blocking work on a thread of its own.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, DbError> {
        let (reply, answer) = oneshot::channel();
        let inner = self.inner.clone();
        let thread = std::thread::Builder::new().name("purser-aside".into());
        let started = thread.spawn(move || reply.send(work(&inner)).is_ok());
        started.map_err(|error| DbError::Unavailable(format!("no thread can be started: {error}")))?;
        answer.await.unwrap_or_else(|_| Err(DbError::Bug("blocking work panicked".into())))
    }
}

/// Hands `job` to the threads of `jobs`, or answers it at once when they do not take it.
fn hand_in(jobs: &Jobs, job: Box<dyn Job>) {
    if let Err((job, error)) = jobs.push(job) {
        metrics::counter!("purser_db_errors_total", "kind" => error.kind()).increment(1);
        job.answer(Err(error));
    }
}

/// The file of a SQLite URL.
fn file(path: &str) -> Result<PathBuf, DbError> {
    let path = PathBuf::from(path);
    match path.file_name() {
        Some(_) => Ok(path),
        None => Err(DbError::Bug("the URL of the database names no file: `sqlite:PATH`".into())),
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}
