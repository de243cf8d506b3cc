//! The clock is moved: how far it may be, and whether it has arrived.

use crate::{
    clock,
    deliver::{Delivery, deliveries::State},
    objects::period::{Every, Interval, boundary},
    sandbox::Shared,
    world::World,
};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// How far the clock is moved at most at once, in seconds: ten years. Ours: farther than anybody means to.
const FARTHEST: i64 = 10 * 366 * 86_400;

/// How often it is looked at whether the clock has arrived.
const LOOK: Duration = Duration::from_millis(20);

/// Begins to move the clock on to `to`.
///
/// # Errors
/// It is on its way already, or that is not ahead, or too far.
pub(super) fn begin(shared: &Shared, to: i64) -> Result<(), String> {
    let begun = shared.with(|world| {
        if is_moving(world) {
            return Err("The clock is being moved already. Wait until it has arrived.".to_owned());
        }
        if to <= world.now {
            return Err("The clock goes forward only: that time is not ahead.".to_owned());
        }
        if to - world.now > FARTHEST {
            return Err("That is too far: the clock is moved by at most ten years at once.".to_owned());
        }
        world.target = to;
        Ok(())
    });
    shared.wake();
    begun
}

/// Whether the clock is on its way, by this page or a test clock.
pub(super) fn is_moving(world: &World) -> bool {
    world.target > world.now
}

/// Whether the clock stands and all is done that is due: what was sent is answered, too.
fn has_arrived(world: &World) -> bool {
    !is_moving(world)
        && clock::next_at(world).is_none_or(|at| at > world.now)
        && !world.all::<Delivery>().any(|delivery| delivery.state == State::Sending)
}

/// Waits until the clock has arrived, but no longer than `patience`; says whether it has.
pub(super) async fn arrived(shared: &Arc<Shared>, patience: Duration) -> bool {
    let looks = patience.as_millis() / LOOK.as_millis();
    for _ in 0..looks {
        if shared.with(|world| has_arrived(world)) {
            return true;
        }
        sleep(LOOK).await;
    }
    false
}

/// The time after a step; `None` if it is none, or nothing is due next.
pub(super) fn after(world: &World, step: &str) -> Option<i64> {
    match step {
        "hour" => Some(world.now + 3600),
        "day" => Some(world.now + 86_400),
        "month" => Some(boundary(world.now, Every { interval: Interval::Month, interval_count: 1 }, 1)),
        "next" => clock::next_at(world).filter(|at| *at > world.now),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::after;
    use crate::world::{Timer, World};

    #[test]
    fn steps_lead_ahead() {
        // 2026-01-31T00:00:00Z
        let mut world = World::new(1, 1_769_817_600);
        let steps = ["hour", "day", "month", "next", "x"].map(|step| after(&world, step).map(|at| at - world.now));
        assert_eq!(steps, [Some(3600), Some(86_400), Some(28 * 86_400), None, None]);
        world.timers.set(world.now + 60, Timer::MeterCheck);
        assert_eq!(after(&world, "next"), Some(world.now + 60));
    }
}
