//! SQLite: one writer that commits in groups, and a few readers, each a plain thread with its connection.

mod checkpoint;
mod conn;
mod lagging;
mod reader;
mod schema;
mod writer;

pub(super) use checkpoint::Checkpointer;
pub(super) use conn::{Conn, Settings, open_reader, open_writer};
pub(super) use lagging::Follower;
pub(super) use reader::start as start_reader;
pub(super) use schema::{applied, migrate};
pub(super) use writer::start as start_writer;
