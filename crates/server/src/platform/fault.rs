//! Named crash points and failing statements, for tests of what a crash or a failure leaves; nothing when not armed.

use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

macro_rules! points {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The places where a process can be made to crash; a closed list.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Point { $($(#[$doc])* $name,)* }

        impl Point {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name, as in `PURSER_CRASH_AT`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

points! {
    /// A unit or group was taken from the queue; its transaction has not begun.
    BeforeBegin = "before_begin",
    /// Something of a transaction was sent, but not all.
    MidGroup = "mid_group",
    /// All is done but the COMMIT.
    BeforeCommit = "before_commit",
    /// It is durable, and nobody has been told.
    AfterCommitBeforeAnswer = "after_commit_before_answer",
    /// A migration's statements ran; its COMMIT did not.
    DuringMigration = "during_migration",
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().copied().find(|point| point.as_str() == text);
        found.ok_or_else(|| format!("no crash point has the name {text:?}"))
    }
}

/// What a reached point answers when it was armed with an error instead of a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected(pub Point);

impl fmt::Display for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "injected at {}", self.0.as_str())
    }
}

/// Which side of its statement an injected failure falls on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The statement is not executed.
    Before,
    /// The statement is executed, then the failure comes.
    After,
}

/// What becomes of a process at the point where it is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It aborts.
    Crash,
    /// That one time it answers an error, and goes on.
    Error,
    /// It answers errors from then on.
    Down,
}

/// What is to fail, and where. The default fails nothing. Cheap to clone; clones share one plan.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    armed: Option<Arc<Armed>>,
}

#[derive(Debug, Default)]
struct Armed {
    /// The point to stop at: at its n-th time (1 is the first), and how.
    stop: Option<(Point, u64, End)>,
    reached: AtomicU64,
    /// Whether nothing gets past any point any more.
    down: AtomicBool,
    /// Units still to come before the one that fails; the statement of it; the side.
    statement: Mutex<Option<(u64, u64, Side)>>,
}

impl FaultPlan {
    /// Aborts the process, as `kill -9` would end it, at the n-th time the point is reached.
    /// `text` is `name:n`, or `name` for the first time.
    ///
    /// # Errors
    /// In words, when `text` names no point or `n` is no number above 0.
    pub fn crash_at(text: &str) -> Result<Self, String> {
        let (name, n) = text.split_once(':').unwrap_or((text, "1"));
        let n: u64 = n.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("{n:?} is no count above 0"))?;
        Ok(Self::stopping((name.parse()?, n, End::Crash)))
    }

    /// Answers an error at the n-th time (1 is the first) the point is reached.
    #[must_use]
    pub fn error_at(point: Point, n: u64) -> Self {
        Self::stopping((point, n, End::Error))
    }

    /// Lets nothing be written from the n-th time (1 is the first) on that the point is reached: the database is left as
    /// by a crash there, and the process of a test goes on.
    #[must_use]
    pub fn down_at(point: Point, n: u64) -> Self {
        Self::stopping((point, n, End::Down))
    }

    /// Whether a plan made by [`FaultPlan::down_at`] has come to its point.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.armed.as_ref().is_some_and(|armed| armed.down.load(Ordering::SeqCst))
    }

    /// A plan whose statements can be made to fail later, by [`FaultPlan::fail_statement`].
    #[must_use]
    pub fn ready() -> Self {
        Self { armed: Some(Arc::default()) }
    }

    fn stopping(stop: (Point, u64, End)) -> Self {
        Self { armed: Some(Arc::new(Armed { stop: Some(stop), ..Armed::default() })) }
    }

    /// Makes statement `statement` (0 is BEGIN or SAVEPOINT) of the unit after the next `units` fail, once.
    /// Nothing happens on a plan that is not [`FaultPlan::ready`].
    pub fn fail_statement(&self, units: u64, statement: u64, side: Side) {
        if let Some(armed) = &self.armed {
            *lock(&armed.statement) = Some((units, statement, side));
        }
    }

    /// Passes `point`.
    ///
    /// # Errors
    /// [`Injected`] when it is the one to stop at; a crash does not return.
    pub fn point(&self, point: Point) -> Result<(), Injected> {
        let Some(armed) = &self.armed else { return Ok(()) };
        if armed.down.load(Ordering::SeqCst) {
            return Err(Injected(point));
        }
        let Some((at, n, end)) = armed.stop else { return Ok(()) };
        if at != point || armed.reached.fetch_add(1, Ordering::SeqCst) + 1 != n {
            return Ok(());
        }
        match end {
            End::Crash => std::process::abort(),
            End::Error => {}
            End::Down => armed.down.store(true, Ordering::SeqCst),
        }
        Err(Injected(point))
    }

    /// Begins a unit; answers what of its statements fails.
    pub(crate) fn unit(&self) -> UnitFault {
        let Some(armed) = &self.armed else { return UnitFault(None) };
        let mut statement = lock(&armed.statement);
        match *statement {
            Some((0, at, side)) => {
                *statement = None;
                UnitFault(Some((at, side)))
            }
            Some((units, at, side)) => {
                *statement = Some((units - 1, at, side));
                UnitFault(None)
            }
            None => UnitFault(None),
        }
    }
}

/// What is left to fail in one unit.
#[derive(Debug, Default)]
pub(crate) struct UnitFault(Option<(u64, Side)>);

impl UnitFault {
    /// Counts one statement; answers on which side it fails, if it does.
    pub(crate) fn statement(&mut self) -> Option<Side> {
        let (left, side) = self.0?;
        if left == 0 {
            self.0 = None;
            return Some(side);
        }
        self.0 = Some((left - 1, side));
        None
    }
}

/// A lock whose holder cannot leave it half changed, so that a panic elsewhere does not matter.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{FaultPlan, Injected, Point};

    #[test]
    fn from_its_point_on_nothing_gets_past_any_point() {
        let plan = FaultPlan::down_at(Point::BeforeCommit, 2);
        assert_eq!(plan.point(Point::BeforeBegin), Ok(()));
        assert_eq!((plan.point(Point::BeforeCommit), plan.is_down()), (Ok(()), false));
        assert_eq!(plan.point(Point::BeforeCommit), Err(Injected(Point::BeforeCommit)));
        assert_eq!((plan.point(Point::BeforeBegin), plan.is_down()), (Err(Injected(Point::BeforeBegin)), true));
        let once = FaultPlan::error_at(Point::BeforeCommit, 1);
        assert_eq!(once.point(Point::BeforeCommit), Err(Injected(Point::BeforeCommit)));
        assert_eq!((once.point(Point::BeforeCommit), once.is_down()), (Ok(()), false));
    }
}
