//! In-process tests over whole features: both databases, a manual clock, seeded ids.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "seeds are printed")]

mod audit;
mod canary;
mod credits;
mod customers;
mod databases;
mod events_page;
mod forget;
mod inbox;
mod input;
mod keys;
mod life;
mod lives;
mod monitoring;
#[expect(dead_code, reason = "the rules' own tests use the rest of it")]
#[path = "../../../rules/tests/credit/naive.rs"]
mod naive;
#[path = "../../../rules/tests/credit/naive_undo.rs"]
mod naive_undo;
mod notify;
mod payments;
mod portal;
#[expect(dead_code, reason = "the cluster of these tests is one of their own")]
#[path = "../support/postgres.rs"]
mod postgres;
mod pricebook;
mod queue;
mod review;
mod schedule;
mod stripe;
mod subscriptions;
mod surroundings;
mod sync;
mod world;
