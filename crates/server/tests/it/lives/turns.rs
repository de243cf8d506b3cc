//! A process that goes down at each turn of each of some points, one after the other, until all of them were gone through.

use crate::{inbox::pass as leases_run_out, payments::Shop, world::Kind};
use purser::platform::fault::{FaultPlan, Point};
use std::{fmt, slice::Iter};

/// A life with more turns than this has no end.
const MOST: u64 = 200;

/// When a process goes down.
#[derive(Clone, Debug)]
pub struct Turn {
    kind: Kind,
    point: Point,
    nth: u64,
    /// What happens in it.
    pub faults: FaultPlan,
}

impl Turn {
    /// A name of its own, which is good for a customer too.
    pub fn name(&self) -> String {
        format!("{}-{}", self.point.as_str(), self.nth)
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {} for the {}. time", self.kind, self.point.as_str(), self.nth)
    }
}

/// The turns of each point, until a process does not come to it so often any more.
pub struct Turns {
    kind: Kind,
    points: Iter<'static, Point>,
    last: Option<Turn>,
}

impl Turns {
    /// Those of a process on a database of `kind`.
    pub fn of(kind: Kind, points: &'static [Point]) -> Self {
        Self { kind, points: points.iter(), last: None }
    }
}

impl Iterator for Turns {
    type Item = Turn;

    /// The next, once the one before was lived through.
    fn next(&mut self) -> Option<Turn> {
        let (point, nth) = match &self.last {
            Some(last) if last.faults.is_down() => {
                assert!(last.nth < MOST, "{last}: a life has an end");
                (last.point, last.nth + 1)
            }
            last => {
                // SQLite shares commits, so how often a point is passed differs from run to run.
                assert!(last.as_ref().is_none_or(|last| last.nth > 5), "several units were stopped: {last:?}");
                (*self.points.next()?, 1)
            }
        };
        let turn = Turn { kind: self.kind, point, nth, faults: FaultPlan::down_at(point, nth) };
        self.last = Some(turn.clone());
        Some(turn)
    }
}

/// The process after one that went down does what it left, and who wrote the same at the same time comes again.
pub async fn works_on(shop: &Shop) {
    for _ in 0..3 {
        leases_run_out(&shop.world).await;
        shop.work_off().await;
    }
}
