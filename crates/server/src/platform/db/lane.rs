//! The hot path: items that arrive while a batch commits are gathered and done as the next one.

use super::{
    Db, DbError, Tx,
    job::{Job, Session, settle},
    queue::Queue,
    timing::{Handed, Times},
};
use crate::platform::timeline::Fact;
use metrics::histogram;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Instant,
};
use tokio::sync::oneshot;

/// Items that arrive together and are done as one unit (the hot path).
pub trait Batch: Send + Sync + 'static {
    /// What its items are called in metrics and traces.
    const NAME: &'static str;
    /// What is asked.
    type Item: Send + Sync + 'static;
    /// What is answered, once it is durable.
    type Answer: Send + 'static;

    /// Does `items` in order in one transaction; one answer each, in the same order.
    /// May be called again with the same items, or with fewer, if the first try did not commit.
    ///
    /// # Errors
    /// What the database says; then nothing of the batch was kept, and each item is tried alone.
    fn run(&self, tx: &mut Tx<'_>, items: &[Self::Item]) -> Result<Vec<Self::Answer>, DbError>;

    /// Which lane an item goes to: items of one lane never race each other on this node.
    fn lane(item: &Self::Item) -> u8;
}

/// A hot path: items submitted while a batch commits are gathered for the next. Cheap to clone.
pub struct Lane<B: Batch> {
    shared: Arc<Shared<B>>,
    /// Keeps the database open.
    _db: Db,
}

impl<B: Batch> Clone for Lane<B> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), _db: self._db.clone() }
    }
}

struct Shared<B: Batch> {
    batch: B,
    /// Most items in one batch.
    most: usize,
    /// Most items waiting in one part.
    bound: usize,
    parts: Vec<Part<B>>,
}

/// One lane: what waits for it, and the thread that does it.
struct Part<B: Batch> {
    waiting: Mutex<Waiting<B>>,
    queue: Arc<Queue<Box<dyn Job>>>,
}

struct Waiting<B: Batch> {
    items: VecDeque<(B::Item, Reply<B>)>,
    /// Whether a job that will take them stands in the thread's queue.
    scheduled: bool,
}

/// An answer, and whom it is for.
type Answered<B> = (Reply<B>, Result<<B as Batch>::Answer, DbError>);

/// Whom an answer is for, and since when it is waited for.
struct Reply<B: Batch> {
    to: oneshot::Sender<Result<B::Answer, DbError>>,
    handed: Handed,
}

/// What can say how much waits in it.
pub(super) trait Waits: Send + Sync {
    /// What the items are called.
    fn name(&self) -> &'static str;

    /// Items waiting.
    fn waiting(&self) -> usize;

    /// Threads with a connection that take them.
    fn connections(&self) -> usize;
}

impl<B: Batch> Waits for Shared<B> {
    fn name(&self) -> &'static str {
        B::NAME
    }

    fn connections(&self) -> usize {
        self.parts.iter().map(|part| part.queue.connections()).sum()
    }

    fn waiting(&self) -> usize {
        self.parts.iter().map(|part| part.lock().items.len()).sum()
    }
}

impl<B: Batch> Lane<B> {
    /// A hot path over `batch` with a lane per queue.
    pub(super) fn new(db: Db, batch: B, queues: Vec<Arc<Queue<Box<dyn Job>>>>, most: usize, bound: usize) -> Self {
        let part = |queue| {
            let waiting = Mutex::new(Waiting { items: VecDeque::new(), scheduled: false });
            Part { waiting, queue }
        };
        let parts = queues.into_iter().map(part).collect();
        Self { shared: Arc::new(Shared { batch, most: most.max(1), bound, parts }), _db: db }
    }

    /// What can say how much waits, while the lane lives.
    pub(super) fn waits(&self) -> Weak<dyn Waits> {
        let shared: Weak<Shared<B>> = Arc::downgrade(&self.shared);
        shared
    }

    /// Hands in `item`; answers once what was decided is durable.
    ///
    /// # Errors
    /// [`DbError::Overloaded`] when the queue is full, else what the database says.
    pub async fn submit(&self, item: B::Item) -> Result<B::Answer, DbError> {
        let (to, answer) = oneshot::channel();
        self.hand_in(self.part_of(&item), vec![(item, Reply { to, handed: Handed::now() })]);
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Hands in `items` together and in order; answers each as [`Lane::submit`] does. Those of one lane are
    /// done in as few batches as its size allows, whatever the timing.
    pub async fn submit_all(&self, items: Vec<B::Item>) -> Vec<Result<B::Answer, DbError>> {
        let mut parts: Vec<Vec<_>> = self.shared.parts.iter().map(|_| Vec::new()).collect();
        let mut answers = Vec::with_capacity(items.len());
        for item in items {
            let (to, answer) = oneshot::channel();
            parts[self.part_of(&item)].push((item, Reply { to, handed: Handed::now() }));
            answers.push(answer);
        }
        for (at, items) in parts.into_iter().enumerate() {
            self.hand_in(at, items);
        }
        let mut done = Vec::with_capacity(answers.len());
        for answer in answers {
            done.push(answer.await.unwrap_or_else(|_| Err(closed())));
        }
        done
    }

    fn part_of(&self, item: &B::Item) -> usize {
        usize::from(B::lane(item)) % self.shared.parts.len()
    }

    /// Puts `items` behind those that wait, as far as there is room.
    fn hand_in(&self, at: usize, mut items: Vec<(B::Item, Reply<B>)>) {
        let part = &self.shared.parts[at];
        let (refused, schedule) = {
            let mut waiting = part.lock();
            let room = self.shared.bound.saturating_sub(waiting.items.len());
            let refused = items.split_off(room.min(items.len()));
            let some = !items.is_empty();
            waiting.items.extend(items);
            (refused, some && !std::mem::replace(&mut waiting.scheduled, true))
        };
        for (_, reply) in refused {
            // A caller that went away is told nothing.
            let _ = reply.to.send(Err(DbError::Overloaded));
        }
        if schedule && let Err((job, error)) = part.queue.push(LaneJob::boxed(&self.shared, at)) {
            job.answer(Err(error));
        }
    }
}

/// Why nobody answers.
fn closed() -> DbError {
    DbError::Unavailable("the database was closed".into())
}

impl<B: Batch> Part<B> {
    fn lock(&self) -> MutexGuard<'_, Waiting<B>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does the next batch of one lane.
struct LaneJob<B: Batch> {
    shared: Arc<Shared<B>>,
    at: usize,
    /// When what was done, once it ran.
    times: Option<Times>,
    done: Vec<Answered<B>>,
}

impl<B: Batch> LaneJob<B> {
    fn boxed(shared: &Arc<Shared<B>>, at: usize) -> Box<dyn Job> {
        Box::new(Self { shared: shared.clone(), at, times: None, done: Vec::new() })
    }

    /// Takes the items of the next batch, and leaves a job for the rest.
    fn take(&self) -> (Vec<B::Item>, Vec<Reply<B>>) {
        let part = &self.shared.parts[self.at];
        let mut waiting = part.lock();
        let count = waiting.items.len().min(self.shared.most);
        let taken = waiting.items.drain(..count).unzip();
        waiting.scheduled = !waiting.items.is_empty();
        if waiting.scheduled {
            part.queue.push_again(Self::boxed(&self.shared, self.at));
        }
        taken
    }

    /// Runs `items` as one unit.
    fn unit(&self, session: &mut dyn Session, items: &[B::Item], times: &mut Times) -> Result<Vec<B::Answer>, DbError> {
        let mut found = None;
        settle(session, &mut |tx| {
            let answers = self.shared.batch.run(tx, items);
            (times.loaded, times.decided) = (tx.loaded(), Some(Instant::now()));
            let keep = answers.as_ref().is_ok_and(|answers| answers.len() == items.len());
            found = Some(answers);
            keep
        })?;
        let answers = found.unwrap_or_else(|| Err(DbError::Bug("a batch did not run".into())))?;
        if answers.len() == items.len() {
            Ok(answers)
        } else {
            Err(DbError::Bug(format!("a batch of {} answered {}", items.len(), answers.len())))
        }
    }

    /// Runs each of `items` as a unit of its own, so that one that fails does not take others down.
    fn alone(&self, session: &mut dyn Session, items: &[B::Item]) -> Vec<Result<B::Answer, DbError>> {
        let mut storage = None;
        let mut one = |item| {
            if let Some(error) = &storage {
                return Err(DbError::clone(error));
            }
            let answer = self.unit(session, std::slice::from_ref(item), &mut Times::begun(Instant::now()));
            let answer = answer.and_then(|mut found| found.pop().ok_or_else(|| DbError::Bug("no answer".into())));
            storage = answer.as_ref().err().filter(|error| error.is_of_storage()).cloned();
            answer
        };
        items.iter().map(&mut one).collect()
    }

    /// Says how long the batch took, before anybody is answered.
    fn measure(&self, times: &Times) {
        if self.done.is_empty() {
            return;
        }
        histogram!("purser_db_batch_seconds", "queue" => B::NAME).record(times.began.elapsed().as_secs_f64());
        let mut traced: Vec<&Handed> = self.done.iter().map(|(reply, _)| &reply.handed).collect();
        traced.retain(|handed| handed.is_traced());
        // The items of one request were handed in together, so they stand together.
        traced.dedup_by(|later, first| later.is_with(first));
        if !traced.is_empty() {
            let number = |count| Fact::Number(i64::try_from(count).unwrap_or(i64::MAX));
            let facts = vec![
                ("purser.batch.of", Fact::Word(B::NAME)),
                ("purser.batch.items", number(self.done.len())),
                ("purser.lane", number(self.at)),
            ];
            let step = times.step("batch", facts);
            traced.iter().for_each(|handed| handed.done(&step));
        }
    }
}

impl<B: Batch> Job for LaneJob<B> {
    fn run(&mut self, session: &mut dyn Session) {
        let mut times = Times::begun(Instant::now());
        let (items, replies) = self.take();
        self.times = Some(times);
        if items.is_empty() {
            return;
        }
        histogram!("purser_db_batch_items", "queue" => B::NAME).record(items.len() as f64);
        let waits = histogram!("purser_db_wait_seconds", "queue" => B::NAME);
        replies.iter().for_each(|reply| reply.handed.begun(times.began, &waits));
        let done = self.unit(session, &items, &mut times);
        times.ran(session, &done);
        self.times = Some(times);
        let answers = match done {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(error) if items.len() == 1 || error.is_of_storage() => {
                items.iter().map(|_| Err(error.clone())).collect()
            }
            Err(error) => {
                tracing::warn!(%error, items = items.len(), "a batch failed; each item is tried alone");
                self.alone(session, &items)
            }
        };
        self.done = replies.into_iter().zip(answers).collect();
    }

    fn answer(mut self: Box<Self>, kept: Result<(), DbError>) {
        if let Some(times) = self.times {
            self.measure(&times);
        } else {
            let mut waiting = self.shared.parts[self.at].lock();
            waiting.scheduled = false;
            let never = || Err(DbError::Unavailable("the database did not take it".into()));
            self.done = waiting.items.drain(..).map(|(_, reply)| (reply, never())).collect();
        }
        for (reply, answer) in self.done {
            // A caller that went away is told nothing; what was done stands.
            let _ = reply.to.send(kept.clone().and(answer));
        }
    }
}
