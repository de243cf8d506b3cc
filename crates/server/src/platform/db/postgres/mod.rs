//! PostgreSQL: threads that own a connection and send each group of statements in one round trip.

mod clock;
mod conn;
mod connect;
mod error;
mod schema;
mod tls;
mod wire;
mod worker;

pub(super) use clock::Watch;
pub(super) use conn::Conn;
pub(super) use connect::{Role, Settings};
pub(super) use schema::{applied, migrate};
pub(super) use worker::Worker;
