//! When things happened to the request being answered, for its trace; nothing is noted while traces are off.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

/// Most steps kept of one request: enough for what any of them does, and a bound all the same.
const MOST_STEPS: usize = 32;

tokio::task_local! {
    /// The timeline of the request this task answers.
    static TIMELINE: Timeline;
}

/// One thing that took time.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it is called in a trace.
    pub name: &'static str,
    /// When it began.
    pub from: Instant,
    /// When it ended.
    pub to: Instant,
    /// What is to be told of it, by name.
    pub facts: Vec<(&'static str, Fact)>,
    /// What happened within it, in order.
    pub within: Vec<Self>,
}

/// Something told of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// How many, or which.
    Number(i64),
    /// One of a few words.
    Word(&'static str),
}

impl Step {
    /// A step with nothing to be told of it.
    #[must_use]
    pub const fn new(name: &'static str, from: Instant, to: Instant) -> Self {
        Self { name, from, to, facts: Vec::new(), within: Vec::new() }
    }
}

/// What was noted of one request. Clones are the same timeline.
#[derive(Clone, Debug, Default)]
pub struct Timeline(Arc<Mutex<Vec<Step>>>);

impl Timeline {
    /// Runs `task`, during which [`Self::current`] is this timeline.
    pub async fn during<F: Future>(self, task: F) -> F::Output {
        TIMELINE.scope(self, task).await
    }

    /// The timeline of the request this task answers; none outside of one, and none while traces are off.
    #[must_use]
    pub fn current() -> Option<Self> {
        TIMELINE.try_with(Self::clone).ok()
    }

    /// Whether both are of one request.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Notes what happened; beyond the first 32 steps nothing more.
    pub fn note(&self, steps: impl IntoIterator<Item = Step>) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MOST_STEPS.saturating_sub(noted.len());
        noted.extend(steps.into_iter().take(room));
    }

    /// What was noted until now, in order.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
