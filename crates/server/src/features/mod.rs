//! What the business does, a folder a feature. Order, lowest first: operators, customers, credits.

pub mod credits;
pub mod customers;
pub mod operators;
