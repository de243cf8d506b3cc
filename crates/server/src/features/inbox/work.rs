//! The workers: subjects that are due are taken and done, several at a time, each of them an event after the other.

use super::{
    Inbox,
    queue::{self, Claimed, Delivery, Left, MOST_LOSSES, Marked, Moved},
};
use crate::platform::{
    App,
    db::DbError,
    error::{Code, Error, Kind},
    work::Tasks,
};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, join_all},
};
use metrics::counter;
use std::{panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::sleep};

/// How many subjects a node does at a time.
const AT_ONCE: usize = 8;
/// How many events of a subject are done before others get their turn.
const MOST_EVENTS: usize = 100;
/// How often a node looks whether something is due that no arrival here told it of.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the lease is renewed while one event is acted on, and how often at most: five minutes together.
const RENEW_EVERY: Duration = Duration::from_secs(20);
const MOST_RENEWALS: u32 = 15;

/// What acts on events: one `match` over their kinds.
pub type React = fn(App, Delivery) -> BoxFuture<'static, Result<Reacted, Error>>;

/// What was made of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reacted {
    /// It was acted on, and marked done with the effects by [`queue::done`].
    Done(Marked),
    /// It waits among the events of what it belongs to, handed over by [`queue::hand_over`].
    Moved(Moved),
    /// Nothing acts on its kind, or it is not ours.
    Ignored,
}

/// What became of one try of an event, and what is left of its subject where the event is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Acted on.
    Done(Left),
    /// Kept, and not acted on.
    Ignored(Left),
    /// Waits in another subject now.
    Moved,
    /// To be tried again later.
    Failed,
    /// To be tried again later: what it needs is out of order.
    Postponed,
    /// Set aside.
    Dead(Left),
    /// Somebody else has its subject.
    Lost,
}

impl Outcome {
    /// Every name it can have in metrics.
    const NAMES: [&str; 7] = ["done", "ignored", "moved", "failed", "postponed", "dead", "lost"];

    /// Its name in metrics.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Ignored(_) => "ignored",
            Self::Moved => "moved",
            Self::Failed => "failed",
            Self::Postponed => "postponed",
            Self::Dead(_) => "dead",
            Self::Lost => "lost",
        }
    }
}

/// Puts the metrics of the workers there before their first event.
pub(super) fn announce() {
    for outcome in Outcome::NAMES {
        drop(counter!("purser_inbox_events_total", "outcome" => outcome));
    }
}

/// Starts acting on what came, by `react`, until `tasks` stop.
pub fn start(app: &App, tasks: &Tasks, react: React) {
    super::announce();
    let (app, inner) = (app.clone(), tasks.clone());
    tasks.spawn("inbox", async move { run(&app, &inner, react).await });
}

async fn run(app: &App, tasks: &Tasks, react: React) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while !tasks.is_stopping() {
        // Places are taken here alone, so that those that are free stay so.
        tokio::select! {
            () = tasks.stopping() => return,
            _ = places.acquire() => {}
        }
        let claimed = match take(app, places.available_permits()).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(%error, "events that wait cannot be taken");
                Vec::new()
            }
        };
        let some = !claimed.is_empty();
        for claimed in claimed {
            let place = places.clone().try_acquire_owned();
            let (app, inner) = (app.clone(), tasks.clone());
            tasks.spawn("inbox subject", async move {
                work(&app, claimed, react, || inner.is_stopping()).await;
                drop(place);
                // There is room for the next.
                app.part::<Inbox>().wake();
            });
        }
        if !some {
            tokio::select! {
                () = tasks.stopping() => return,
                () = app.part::<Inbox>().woken() => {}
                () = sleep(LOOK_EVERY) => {}
            }
        }
    }
}

/// Acts by `react` on what is due, until nothing is; answers how many subjects were taken. For tests, and for whoever
/// moves the clock.
///
/// # Errors
/// What the database says.
pub async fn work_off(app: &App, react: React) -> Result<usize, DbError> {
    let mut taken = 0;
    loop {
        let claimed = take(app, AT_ONCE).await?;
        if claimed.is_empty() {
            return Ok(taken);
        }
        taken += claimed.len();
        join_all(claimed.into_iter().map(|claimed| work(app, claimed, react, || false))).await;
    }
}

/// Takes up to `most` subjects that are due.
async fn take(app: &App, most: usize) -> Result<Vec<Claimed>, DbError> {
    let (most, random) = (i64::try_from(most).unwrap_or(i64::MAX), app.random().clone());
    let due = app.db().read(move |tx| queue::due(tx, most)).await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    app.db().write(move |tx| queue::claim(tx, &random, &due)).await
}

/// Does the events of one subject. When the database fails, the lease runs out and another takes it.
async fn work(app: &App, claimed: Claimed, react: React, stopping: impl Fn() -> bool) {
    let subject = claimed.subject.clone();
    if let Err(error) = events(app, claimed, react, stopping).await {
        tracing::warn!(subject, %error, "a subject cannot be done now: it is tried again");
    }
}

async fn events(app: &App, mut claimed: Claimed, react: React, stopping: impl Fn() -> bool) -> Result<(), DbError> {
    let mut next = claimed.first.take();
    let mut lost = (claimed.losses >= MOST_LOSSES).then_some(claimed.losses);
    for _ in 0..MOST_EVENTS {
        if stopping() {
            break;
        }
        let Some(delivery) = next else { break };
        let outcome = match lost.take() {
            Some(losses) => bury(app, delivery, losses).await?,
            None => one(app, delivery, react).await?,
        };
        counter!("purser_inbox_events_total", "outcome" => outcome.as_str()).increment(1);
        match outcome {
            Outcome::Done(left) | Outcome::Ignored(left) | Outcome::Dead(left) if left == Left::Nothing => {
                return Ok(());
            }
            Outcome::Done(_) | Outcome::Ignored(_) | Outcome::Dead(_) => {}
            // Its new subject is due at once.
            Outcome::Moved => app.part::<Inbox>().wake(),
            Outcome::Failed | Outcome::Postponed | Outcome::Lost => return Ok(()),
        }
        let (subject, lease) = (claimed.subject.clone(), claimed.lease);
        next = app.db().read(move |tx| queue::next(tx, &subject, lease)).await?;
    }
    match app.db().write(move |tx| queue::give_back(tx, &claimed)).await {
        Ok(true) => app.part::<Inbox>().wake(),
        // Whoever has it now gives it back.
        Ok(false) | Err(DbError::Conflict(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Sets an event aside over which workers went down.
async fn bury(app: &App, delivery: Delivery, losses: i64) -> Result<Outcome, DbError> {
    let why = format!("The workers that tried it went down, {losses} times in a row.");
    let buried = app.db().write(move |tx| queue::bury(tx, &delivery, &why)).await;
    settled(buried.map(Outcome::Dead))
}

/// Tries one event, and puts down what came of it.
async fn one(app: &App, delivery: Delivery, react: React) -> Result<Outcome, DbError> {
    let reacted =
        if delivery.is_of_another_account() { Ok(Reacted::Ignored) } else { attempt(app, &delivery, react).await };
    let random = app.random().clone();
    if let Err(error) = &reacted {
        let (event, kind, code) = (delivery.id.as_str(), delivery.kind.as_str(), error.code.as_str());
        tracing::warn!(event, kind, code, error = error.message, "an event could not be acted on");
    }
    let kept = match reacted {
        Ok(Reacted::Done(marked)) => return Ok(Outcome::Done(marked.left())),
        Ok(Reacted::Moved(_)) => return Ok(Outcome::Moved),
        Ok(Reacted::Ignored) => {
            let ignored = app.db().write(move |tx| queue::ignore(tx, &delivery)).await;
            ignored.map(Outcome::Ignored)
        }
        Err(error) if error.code.kind() == Kind::Unavailable => {
            let why = said(&error);
            let postponed = app.db().write(move |tx| queue::postpone(tx, &random, &delivery, &why)).await;
            postponed.map(|()| Outcome::Postponed)
        }
        Err(error) => {
            let why = said(&error);
            let failed = app.db().write(move |tx| queue::fail(tx, &random, &delivery, &why)).await;
            failed.map(|dead| dead.map_or(Outcome::Failed, Outcome::Dead))
        }
    };
    settled(kept)
}

/// What came of it; a lease that was lost is somebody else's matter.
fn settled(kept: Result<Outcome, DbError>) -> Result<Outcome, DbError> {
    match kept {
        Err(DbError::Conflict(_)) => Ok(Outcome::Lost),
        kept => kept,
    }
}

/// Lets `react` act on an event, and keeps the lease meanwhile; a panic is a failure of that event.
async fn attempt(app: &App, delivery: &Delivery, react: React) -> Result<Reacted, Error> {
    let (its, event) = (app.clone(), delivery.clone());
    let reacting = async move { react(its, event).await };
    let mut reacting = pin!(AssertUnwindSafe(reacting).catch_unwind());
    for _ in 0..MOST_RENEWALS {
        tokio::select! {
            done = &mut reacting => {
                return done.unwrap_or_else(|_| Err(Error::new(Code::Internal, "What acts on it panicked.")));
            }
            () = sleep(RENEW_EVERY) => {}
        }
        let event = delivery.clone();
        match app.db().write(move |tx| queue::keep(tx, &event)).await {
            // It is done just now, or somebody else has it: its own transaction says so.
            Ok(()) | Err(DbError::Conflict(_)) => {}
            Err(error) => tracing::warn!(event = delivery.id, %error, "the lease of an event could not be kept"),
        }
    }
    Err(Error::new(Code::Internal, "What acts on it did not end within five minutes."))
}

/// Why an event failed, for operators.
fn said(error: &Error) -> String {
    format!("{}: {}", error.code.as_str(), error.message)
}
