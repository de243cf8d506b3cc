//! The whole of it against a sandbox, on both databases: random histories, a crash at every point, Stripe away and slow,
//! a year of customers. All of it follows from a seed and a clock that is moved by hand.

mod backlog;
mod crashes;
mod dice;
mod failures;
mod feed;
mod histories;
mod interrupted;
mod named;
mod outages;
mod running;
mod sold;
pub mod truth;
mod turns;
mod year;

use crate::world::clock;
use purser::platform::clock::Clock;

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// The second it is.
fn second(clock: &Clock) -> i64 {
    clock.now().micros().div_euclid(1_000_000)
}

/// Moves the clock on by so many seconds.
fn pass(clock: &Clock, seconds: i64) {
    clock.advance(seconds * 1_000_000);
}
