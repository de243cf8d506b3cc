//! What the business does, a folder a feature. Order, lowest first: operators, inbox, customers, pricebook, credits,
//! subscriptions, payments, portal.

pub mod credits;
pub mod customers;
pub mod inbox;
pub mod operators;
pub mod payments;
pub mod portal;
pub mod pricebook;
pub mod subscriptions;
