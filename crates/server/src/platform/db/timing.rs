//! When work was handed in, begun, decided and kept: measured for everybody, noted for requests that are traced.

use super::{
    DbError,
    job::{Keeps, Session},
};
use crate::platform::timeline::{Fact, Step, Timeline};
use metrics::Histogram;
use std::time::Instant;

/// When a piece of work was handed in, and the timeline of the request that did, if there is one.
pub(super) struct Handed {
    since: Instant,
    timeline: Option<Timeline>,
}

impl Handed {
    /// Handed in now, by the request this task answers.
    pub(super) fn now() -> Self {
        Self { since: Instant::now(), timeline: Timeline::current() }
    }

    /// It is begun at `began`; `waits` is told how long it waited.
    pub(super) fn begun(&self, began: Instant, waits: &Histogram) {
        waits.record(began.duration_since(self.since).as_secs_f64());
    }

    /// It was kept, or not, as part of `whole`.
    pub(super) fn done(&self, whole: &Step) {
        if let Some(timeline) = &self.timeline {
            timeline.note([Step::new("queue", self.since, whole.from), whole.clone()]);
        }
    }

    /// Whether anybody wants to know the steps.
    pub(super) const fn is_traced(&self) -> bool {
        self.timeline.is_some()
    }

    /// Whether a traced request handed both in: then it is told once.
    pub(super) fn is_with(&self, other: &Self) -> bool {
        matches!((&self.timeline, &other.timeline), (Some(own), Some(other)) if own.is(other))
    }
}

/// The instants of one unit.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) began: Instant,
    /// From the first to the last round trip before it was decided.
    pub(super) loaded: Option<(Instant, Instant)>,
    pub(super) decided: Option<Instant>,
    /// Its statements were run; kept too, where a unit is by itself.
    pub(super) ran: Instant,
    pub(super) keeps: Keeps,
}

impl Times {
    /// Begun at `began`, not yet run.
    pub(super) const fn begun(began: Instant) -> Self {
        Self { began, loaded: None, decided: None, ran: began, keeps: Keeps::Nothing }
    }

    /// It ran in `session` just now. What failed has no steps.
    pub(super) fn ran<T>(&mut self, session: &dyn Session, found: &Result<T, DbError>) {
        self.ran = Instant::now();
        self.keeps = session.keeps();
        if found.is_err() {
            (self.loaded, self.decided) = (None, None);
        }
    }

    /// The whole as a step called `name`, kept just now, with what happened within.
    pub(super) fn step(&self, name: &'static str, facts: Vec<(&'static str, Fact)>) -> Step {
        let kept = Instant::now();
        let mut within = Vec::new();
        if let Some((from, to)) = self.loaded {
            within.push(Step::new("database load", from, to));
            within.extend(self.decided.map(|decided| Step::new("decide", to, decided)));
        }
        match (self.keeps, self.decided) {
            (Keeps::Itself, Some(decided)) => within.push(Step::new("database write and commit", decided, self.ran)),
            (Keeps::WithItsGroup, Some(decided)) => {
                within.push(Step::new("database write", decided, self.ran));
                within.push(Step::new("database commit", self.ran, kept));
            }
            (Keeps::Nothing, _) | (_, None) => {}
        }
        Step { facts, within, ..Step::new(name, self.began, kept) }
    }
}
