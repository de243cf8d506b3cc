//! Lives in the sandbox, driven by requests alone; no network.

mod beginnings;
mod bills;
mod changes;
mod documented;
mod dunning;
mod endings;
mod extras;
mod lasting;
pub(crate) mod life;
mod recorded;
mod triggers;
