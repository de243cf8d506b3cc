//! The rules of credit: scenarios in text, small worlds in full, random lives against a naive model.

mod naive;
mod naive_undo;
mod random;
mod scenarios;
mod small;
mod turns;
mod world;
