//! What the business does, a folder a feature. Order, lowest first: operators, customers, pricebook, credits.

pub mod credits;
pub mod customers;
pub mod operators;
pub mod pricebook;
