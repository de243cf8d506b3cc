//! Storage: one narrow shell over SQLite and PostgreSQL. The only module that knows there are two.

mod check;
mod job;
mod lane;
mod link;
mod migrate;
mod observe;
mod postgres;
mod queue;
#[cfg(test)]
pub mod scratch;
mod shell;
mod sqlite;
#[cfg(test)]
mod tests;
mod text;
mod timing;
mod tx;
mod value;

pub use check::{Finding, Level};
pub use lane::{Batch, Lane};
pub use shell::{Db, DbConfig, Kind};
pub use tx::{Load, Tx};
pub use value::{Column, LaggingIndex, Row, Table, Type, Value};

/// Why storage did not do it. Nothing of the unit was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DbError {
    /// The database cannot be reached, was shut down, or the answer to a COMMIT was lost.
    Unavailable(String),
    /// No room: disk or page limit.
    Full,
    /// This node's clock is over 500 ms off the database's.
    ClockSkewed,
    /// The queue is full.
    Overloaded,
    /// A unique constraint was violated; a unit may look again and replay.
    Conflict(String),
    /// The schema is not one this binary can work with: what is wrong and what to do.
    Schema(String),
    /// Anything else: a bug in a statement, a panic in a unit.
    Bug(String),
}

impl DbError {
    /// Every name it can have in metrics.
    pub const KINDS: &[&str] = &["unavailable", "full", "clock_skewed", "overloaded", "conflict", "schema", "bug"];

    /// Its name in metrics: one of [`Self::KINDS`].
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Full => "full",
            Self::ClockSkewed => "clock_skewed",
            Self::Overloaded => "overloaded",
            Self::Conflict(_) => "conflict",
            Self::Schema(_) => "schema",
            Self::Bug(_) => "bug",
        }
    }

    /// Whether it says something of the database as a whole, so that trying other work alone is no use.
    #[must_use]
    pub const fn is_of_storage(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full | Self::ClockSkewed | Self::Overloaded)
    }
}

impl std::fmt::Display for DbError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unavailable(why) => write!(f, "the database is unavailable: {why}"),
            Self::Full => f.write_str("the database is full"),
            Self::ClockSkewed => f.write_str("this node's clock is over 500 ms off the database's"),
            Self::Overloaded => f.write_str("too much is waiting for the database"),
            Self::Conflict(what) => write!(f, "a unique constraint was violated: {what}"),
            Self::Schema(what) => write!(f, "the database's schema does not fit: {what}"),
            Self::Bug(what) => write!(f, "a bug: {what}"),
        }
    }
}

impl std::error::Error for DbError {}

impl From<super::fault::Injected> for DbError {
    fn from(injected: super::fault::Injected) -> Self {
        Self::Unavailable(injected.to_string())
    }
}
