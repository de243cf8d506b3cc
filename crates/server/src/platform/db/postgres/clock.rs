//! Whether this node's clock agrees with the database's: a node that is too far off must not write.

use super::{
    conn::Conn,
    connect::{Role, Settings},
};
use crate::platform::{
    clock::Clock,
    db::{
        DbError,
        shell::{Jobs, MOST_SKEW},
        tx::Op,
    },
};
use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::runtime::Builder;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// Looks at the database's clock, and keeps how far this node's is ahead of it, in microseconds.
///
/// The answer was given at some moment between asking and hearing it; what is kept is the least the clocks
/// can be apart. A clock that is moved at will (in tests, in the demo) is not compared.
pub(super) fn compare(conn: &mut Conn, clock: &Clock, skew: &AtomicI64) -> Result<(), DbError> {
    if clock.is_moved() {
        return Ok(());
    }
    conn.start(crate::platform::fault::FaultPlan::default().unit());
    // Once to prepare it and begin, so that the second takes one round trip.
    let ask = [Op::Query { sql: "SELECT clock_timestamp()".into(), params: Vec::new() }];
    conn.run(&ask)?;
    let before = clock.now().micros();
    let answer = conn.run(&ask)?;
    let after = clock.now().micros();
    conn.rollback();
    let row = answer.first().and_then(|outcome| outcome.rows.first());
    let theirs = row.ok_or_else(|| DbError::Bug("the clock did not answer".into()))?.ts(0)?.micros();
    let apart = if theirs < before {
        before - theirs
    } else if theirs > after {
        after - theirs
    } else {
        0
    };
    let was = skew.swap(apart, Ordering::SeqCst);
    match (was.abs() > MOST_SKEW, apart.abs() > MOST_SKEW) {
        (false, true) => tracing::error!(
            apart_ms = apart / 1000,
            "this node's clock is more than 500 ms off the database's: it stops writing until it is set right"
        ),
        (true, false) => tracing::info!("this node's clock agrees with the database's again: it writes"),
        _ => {}
    }
    Ok(())
}

/// The thread that looks regularly.
pub(in crate::platform::db) struct Watch {
    pub(in crate::platform::db) settings: Settings,
    pub(in crate::platform::db) jobs: Jobs,
    pub(in crate::platform::db) clock: Clock,
    pub(in crate::platform::db) skew: Arc<AtomicI64>,
}

impl Watch {
    /// Runs until the queue is closed.
    pub(in crate::platform::db) fn run(&self) {
        if self.clock.is_moved() {
            return;
        }
        let Ok(runtime) = Builder::new_current_thread().enable_all().build().map(Rc::new) else { return };
        let mut conn: Option<Conn> = None;
        while !self.jobs.is_closed() {
            runtime.block_on(async {
                tokio::select! {
                    () = tokio::time::sleep(EVERY) => {}
                    () = self.jobs.closed() => {}
                }
            });
            let mut looked = conn.take().map_or_else(|| self.settings.connect(&runtime, Role::Aside), Ok);
            if let Ok(conn) = &mut looked
                && let Err(error) = compare(conn, &self.clock, &self.skew)
            {
                looked = Err(error);
            }
            // Without the database nothing is written either; the next look comes soon.
            conn = looked.ok().filter(|conn| !conn.is_lost());
        }
    }
}
