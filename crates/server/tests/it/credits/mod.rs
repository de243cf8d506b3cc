//! Credits over real databases: each body runs on SQLite and on PostgreSQL, and the ledger is proved at its end.

mod allowances;
mod api;
mod batches;
mod faults;
mod holds;
mod input;
mod life;
mod many;
mod races;
mod reversals;
mod rollover;
mod tamper;
mod world;
