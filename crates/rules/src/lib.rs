//! Purser's business rules: pure functions over values and `now`, with no clock, no randomness and no IO.
#![no_std]

extern crate alloc;

pub mod amount;
pub mod credit;
pub mod ids;
pub mod period;
pub mod pricebook;
pub mod subscription;
pub mod time;

pub use amount::Amount;
pub use time::Time;
