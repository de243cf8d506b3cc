//! Customers: who pays. Made, changed, listed and archived; an archived id never comes back.

pub mod api;
mod facts;
mod plans;
mod store;
mod verbs;

pub use facts::{Facts, FirstUse, LowMark, facts, insert_missing, load_facts, lock_facts, record_first_use, watch};
pub use plans::put_plans;
pub use store::Customer;
pub use verbs::{Change, archive, bind_to_stripe, find, find_archived_by_stripe, find_by_stripe, list, put};
