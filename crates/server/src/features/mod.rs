//! What the business does, a folder a feature. Order, lowest first: operators, notify, inbox, customers, pricebook,
//! credits, subscriptions, payments, portal, sync.

pub mod credits;
pub mod customers;
pub mod inbox;
pub mod notify;
pub mod operators;
pub mod payments;
pub mod portal;
pub mod pricebook;
pub mod subscriptions;
pub mod sync;
