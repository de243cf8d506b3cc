//! Changes of a subscription: asked for here, done at Stripe, mirrored, answered.
//!
//! A request is put down with what is to stand in the end. Then it is looked how the subscription stands, and one write
//! after the other is made until it stands so. Who comes again with the same, after a crash too, goes on where it was.

pub mod agreed;
pub mod api;
mod asks;
mod decide;
mod drive;
mod look;
mod preview;
mod requests;
mod view;
mod wish;

pub use agreed::{Later, later};
pub use asks::{Action, Asked, At, PlanName, Target};
pub use drive::ask;
pub use preview::{Preview, preview};
