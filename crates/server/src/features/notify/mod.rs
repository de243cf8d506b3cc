//! Notices: what a customer is told, each thing once. It is written here, in the transaction of what it tells of; how
//! it is delivered (mail, Slack, webhooks) is not known here.

pub mod api;
mod kinds;
mod store;

pub use kinds::{Kind, Severity};
pub use store::{Notice, Notification, enqueue, list, mark_read};
