//! A database for one test: a SQLite file in a folder of its own, or a database in the tests' PostgreSQL.

use crate::postgres::{self, Postgres};
use std::path::PathBuf;
use tempfile::TempDir;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// A database of one test, and the folder its servers run in. Gone when dropped.
pub struct Store {
    pub kind: Kind,
    pub url: String,
    pub folder: TempDir,
}

impl Store {
    /// An empty database.
    pub fn new(kind: Kind) -> Self {
        let folder = tempfile::Builder::new().prefix("purser-test").tempdir().expect("a temporary folder");
        let url = match kind {
            Kind::Sqlite => format!("sqlite:{}", folder.path().join("purser.db").display()),
            Kind::Postgres => postgres::shared().database(),
        };
        Self { kind, url, folder }
    }

    /// An empty database in a cluster of the test's own, which it may stop and start.
    pub fn in_cluster(cluster: &Postgres) -> Self {
        let folder = tempfile::Builder::new().prefix("purser-test").tempdir().expect("a temporary folder");
        Self { kind: Kind::Postgres, url: cluster.database(), folder }
    }

    /// The SQLite file.
    pub fn file(&self) -> PathBuf {
        assert_eq!(self.kind, Kind::Sqlite, "PostgreSQL has no file");
        self.folder.path().join("purser.db")
    }

    /// What a query answers, columns parted by `|`, a row a line. Asked beside the server, not through it.
    pub fn ask(&self, sql: &str) -> String {
        match self.kind {
            Kind::Postgres => postgres::shared().psql(&self.url, sql),
            Kind::Sqlite => ask_sqlite(&self.file(), sql),
        }
    }

    /// Counts the rows of every table that a request may write.
    pub fn rows(&self) -> Vec<(&'static str, u64)> {
        let count = |table| (table, self.ask(&format!("SELECT count(*) FROM {table}")).parse().expect("a count"));
        let ledger = ["customers", "wallets", "grants", "ledger", "holds", "consumptions", "idempotency_keys"];
        let others = ["api_keys", "plans", "plan_prices", "top_up_plans"];
        ledger.into_iter().chain(others).map(count).collect()
    }
}

/// Runs `sql` on a SQLite file.
pub fn ask_sqlite(file: &std::path::Path, sql: &str) -> String {
    use rusqlite::types::ValueRef;
    let connection = rusqlite::Connection::open(file).expect("the file opens");
    connection.busy_timeout(std::time::Duration::from_secs(20)).expect("it may wait");
    let mut statement = connection.prepare(sql).expect("the statement is good");
    let width = statement.column_count();
    let mut rows = statement.query([]).expect("it runs");
    let mut lines = Vec::new();
    while let Some(row) = rows.next().expect("a row") {
        let columns = (0..width).map(|at| match row.get_ref(at).expect("a column") {
            ValueRef::Null => String::new(),
            ValueRef::Integer(value) => value.to_string(),
            ValueRef::Real(value) => value.to_string(),
            ValueRef::Text(value) => String::from_utf8_lossy(value).into_owned(),
            ValueRef::Blob(value) => value.iter().map(|byte| format!("{byte:02x}")).collect(),
        });
        lines.push(columns.collect::<Vec<_>>().join("|"));
    }
    lines.join("\n")
}

/// Makes each function `fn name(kind: Kind)` a test on SQLite and a test on PostgreSQL.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(crate::store::Kind::Sqlite); })*
        }
        mod postgres {
            $(#[test] fn $name() { super::$name(crate::store::Kind::Postgres); })*
        }
    };
}
pub(crate) use on_both;
