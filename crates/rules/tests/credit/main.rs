//! The rules of credit: scenarios in text, small worlds in full, random lives against a naive model.

mod allowances;
mod naive;
mod naive_undo;
mod plan_changes;
mod random;
mod returned;
mod scenarios;
mod small;
mod turns;
mod world;
