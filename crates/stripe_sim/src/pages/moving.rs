//! The clock is moved: how far it may be, and whether it has arrived.

use crate::{
    clock,
    deliver::{Delivery, deliveries::State},
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
